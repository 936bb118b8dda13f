/* units.c: see units.h. */
#include "engine/fold/units.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct collection *unit_root(struct collection *collection) {
    while (collection->source) collection = collection->source;
    return collection;
}

static const char *source_name(const struct collection *collection) {
    return collection->projector->declared.derives_from;
}

static struct collection *find(struct collection *const *collections, size_t count,
                               const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(collections[i]->name, name) == 0) return collections[i];
    return NULL;
}

static int find_source(struct collection *collection, struct collection *const *collections,
                       size_t count, struct reel_error *error) {
    const char *name = source_name(collection);
    collection->source = NULL;
    collection->derived_count = 0;
    collection->is_source = false;
    if (!name) return 0;
    collection->source = find(collections, count, name);
    if (collection->source) return 0;
    return fail(error, -EINVAL,
                "plugin %s: collection `%s` derives from `%s`, which no loaded plugin has",
                collection->plugin->declared->name, collection->name, name);
}

/* `collection` is reached again on the way from itself. */
static int refuse_circle(const struct collection *collection, struct reel_error *error) {
    CLEANUP(text_finish) struct text way = {0};
    const struct collection *at = collection;
    do {
        at = at->source;
        text_append_lit(&way, at == collection->source ? "`" : ", which derives from `");
        text_append_str(&way, reel_text(at->name));
        text_append_lit(&way, "`");
    } while (at != collection);
    return way.failed ? fail_memory(error)
                      : fail(error, -EINVAL, "a circle: collection `%s` derives from %.*s",
                             collection->name, REEL_FMT(text_str(&way)));
}

/* Counts the steps to the source of events. More steps than collections: a circle, in which the
 * way ends. */
static int measure(struct collection *collection, size_t count, struct reel_error *error) {
    struct collection *at = collection;
    uint32_t depth = 0;
    while (at->source && depth <= count) {
        at = at->source;
        depth++;
    }
    if (at->source) return refuse_circle(at, error);
    collection->depth = depth;
    return 0;
}

static int compare(const void *a, const void *b) {
    const struct collection *const *left = a, *const *right = b;
    if ((*left)->depth != (*right)->depth) return (*left)->depth < (*right)->depth ? -1 : 1;
    return strcmp((*left)->name, (*right)->name);
}

static int add_derived(struct collection *root, struct collection *derived) {
    size_t size = (root->derived_count + 1) * sizeof *root->derived;
    struct collection **grown = realloc(root->derived, size);
    if (!grown) return -ENOMEM;
    root->derived = grown;
    grown[root->derived_count++] = derived;
    return 0;
}

int units_link(struct collection *const *collections, size_t count, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = find_source(collections[i], collections, count, error);
    for (size_t i = 0; rc == 0 && i < count; i++) rc = measure(collections[i], count, error);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct collection *collection = collections[i];
        if (!collection->source) continue;
        collection->source->is_source = true;
        if (add_derived(unit_root(collection), collection) < 0) rc = fail_memory(error);
    }
    for (size_t i = 0; rc == 0 && i < count; i++)
        if (collections[i]->derived_count > 0)
            qsort(collections[i]->derived, collections[i]->derived_count,
                  sizeof *collections[i]->derived, compare);
    return rc;
}
