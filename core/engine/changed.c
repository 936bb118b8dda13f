/* changed.c: see changed.h. */
#include "engine/changed.h"

#include "engine/fold/units.h"
#include "engine/store/stored.h"
#include "engine/transaction.h"
#include "engine/visit.h"

#include <errno.h>
#include <string.h>

#define UNIT_WHY "its unit is made again"

struct changed {
    const struct stored *stored;
    void (*fn)(void *context, const char *collection, const char *why);
    void *context;
};

static const struct stored_collection *find(const struct stored *stored, const char *name) {
    for (size_t i = 0; i < stored->count; i++)
        if (strcmp(stored->collections[i].name, name) == 0) return &stored->collections[i];
    return NULL;
}

/* Why the records of a collection must be made again by this fold, whatever the log has; or NULL.
 */
static const char *other_fold(const struct changed *changed, const struct collection *collection) {
    const struct stored_collection *stored = find(changed->stored, collection->name);
    if (!stored || !stored->has_state) return "it is new";
    return registry_other_fold(collection, &stored->state);
}

static const char *why_changed(const struct changed *changed, const struct collection *collection) {
    const char *why = other_fold(changed, collection);
    if (why) return why;
    const struct stored_collection *stored = find(changed->stored, collection->name);
    return registry_other_build(collection, &stored->state) ? "its plugin is another build" : NULL;
}

static bool is_changed(const struct changed *changed, const struct collection *root) {
    bool found = why_changed(changed, root) != NULL;
    for (size_t i = 0; i < root->derived_count; i++)
        found = found || why_changed(changed, root->derived[i]);
    return found;
}

/* The log was trimmed: what a start with these plugins would do. */
static int judge_trimmed(const struct changed *changed, const struct collection *root,
                         struct reel_error *error) {
    uint64_t first_seq = changed->stored->state.first_seq;
    const char *why = other_fold(changed, root);
    if (why) return registry_refuse(root, why, first_seq, error);
    for (size_t i = 0; i < root->derived_count; i++) {
        const struct collection *derived = root->derived[i];
        why = other_fold(changed, derived);
        if (why && !(derived->projector->declared.flags & REEL_DERIVE_FROM_RECORDS))
            return registry_refuse(derived, why, first_seq, error);
    }
    return 0;
}

static void tell(const struct changed *changed, const struct collection *collection) {
    const char *why = why_changed(changed, collection);
    changed->fn(changed->context, collection->name, why ? why : UNIT_WHY);
}

static int look_at_unit(const struct changed *changed, const struct collection *root,
                        struct reel_error *error) {
    const struct stored_collection *stored = find(changed->stored, root->name);
    if (!is_changed(changed, root) || (stored && stored->control.paused)) return 0;
    if (stored && stored->has_state && changed->stored->state.first_seq > stored->state.from_seq)
        return judge_trimmed(changed, root, error);
    tell(changed, root);
    for (size_t i = 0; i < root->derived_count; i++) tell(changed, root->derived[i]);
    return 0;
}

int changed_find(const char *directory, struct reel *reel,
                 void (*fn)(void *context, const char *collection, const char *why), void *context,
                 struct reel_error *error) {
    const struct registry *registry = &reel->dispatcher.registry;
    struct stored stored = {0};
    const struct changed changed = {&stored, fn, context};
    struct visit visit;
    int rc = units_link(registry->collections, registry->count, error);
    if (rc < 0) return rc;
    rc = visit_begin(&visit, directory, error);
    if (rc == 0) rc = stored_open(&stored, visit.state_path, error);
    for (size_t i = 0; rc == 0 && i < registry->count; i++)
        if (!registry->collections[i]->source)
            rc = look_at_unit(&changed, registry->collections[i], error);
    stored_close(&stored);
    visit_end(&visit);
    return rc;
}
