/* registry.c: see registry.h. */
#include "engine/fold/registry.h"

#include "base/invariant.h"
#include "engine/fold/changes.h"
#include "engine/fold/fold.h"
#include "engine/fold/shadow.h"
#include "engine/store/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Adding ---------------------------------------------------------------------------------- */

static void collection_destroy(struct collection *collection) {
    if (!collection) return;
    shadow_destroy(collection->shadow);
    changes_finish(&collection->changes);
    record_shape_finish(&collection->shape);
    settings_finish(&collection->settings);
    text_finish(&collection->progress.key);
    free(collection->derived);
    free(collection);
}

void registry_truncate(struct registry *registry, size_t count) {
    while (registry->count > count) collection_destroy(registry->collections[--registry->count]);
}

void registry_finish(struct registry *registry) {
    registry_truncate(registry, 0);
    free(registry->collections);
    *registry = (struct registry){0};
}

struct collection *registry_find(const struct registry *registry, struct reel_str name) {
    for (size_t i = 0; i < registry->count; i++)
        if (reel_str_is(name, registry->collections[i]->name)) return registry->collections[i];
    return NULL;
}

static int collection_create(const struct plugin *plugin, const struct projector *projector,
                             struct fold *fold, struct collection **ret, struct reel_error *error) {
    struct collection *collection = calloc(1, sizeof *collection);
    const char *names[RECORD_FIELDS_MAX];
    if (!collection) return fail_memory(error);
    for (uint32_t i = 0; i < projector->field_count; i++) names[i] = projector->fields[i].name;
    int rc = record_shape_init(&collection->shape, names, projector->field_count);
    rc = rc < 0 ? fail_memory(error)
                : settings_init(&collection->settings, &projector->settings, error);
    if (rc < 0) {
        collection_destroy(collection);
        return rc;
    }
    collection->tx.host = fold->host;
    collection->fold = fold;
    collection->aside = &fold->aside;
    collection->plugin = plugin;
    collection->projector = projector;
    collection->name = projector->declared.collection;
    tracked_fields_of(projector->fields, projector->field_count, &collection->tracked);
    *ret = collection;
    return 0;
}

static int add_one_take(struct registry *registry, struct collection *collection,
                        struct reel_error *error) {
    size_t size = (registry->count + 1) * sizeof *registry->collections;
    struct collection **grown = realloc(registry->collections, size);
    if (!grown) {
        collection_destroy(collection);
        return fail_memory(error);
    }
    registry->collections = grown;
    grown[registry->count++] = collection;
    return 0;
}

/* Two projectors with one collection, in two plugins or in one. */
static int check_new(const struct registry *registry, const struct plugin *plugin, uint32_t at,
                     struct reel_error *error) {
    const char *name = plugin->projectors[at].declared.collection;
    const struct collection *other = registry_find(registry, reel_text(name));
    if (!other) return 0;
    return fail(error, -EEXIST,
                "projectors[%u].collection is `%s`, which plugin `%s` (%s) has already", at, name,
                other->plugin->declared->name,
                other->plugin->file ? other->plugin->file->path : "linked in");
}

int registry_add(struct registry *registry, const struct plugin *plugin, struct store *store,
                 struct fold *fold, struct reel_error *error) {
    int rc = 0;
    for (uint32_t i = 0; i < plugin->projector_count && rc == 0; i++) {
        struct collection *collection;
        rc = check_new(registry, plugin, i, error);
        if (rc == 0)
            rc = collection_create(plugin, &plugin->projectors[i], fold, &collection, error);
        if (rc < 0) break;
        collection->store = store;
        rc = add_one_take(registry, collection, error);
    }
    return rc;
}

void registry_watch(struct registry *registry) {
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *collection = registry->collections[i];
        if (!collection->watched)
            collection->watched =
                callbacks_add(collection->name, plugin_build_id(collection->plugin));
    }
}

/* ---- Trimming -------------------------------------------------------------------------------- */

int registry_trim(struct registry *registry, uint64_t first_seq, size_t max, bool *ret_more,
                  uint64_t *ret_last_seq, struct reel_error *error) {
    uint64_t last_seq = 0;
    for (size_t i = 0; i < registry->count && max > 0; i++) {
        struct collection *collection = registry->collections[i];
        size_t count;
        uint64_t last;
        int rc = index_trim(collection->store, collection_tables(collection)->index, first_seq, max,
                            &count, &last, error);
        if (rc < 0) return rc;
        max -= count;
        if (last > last_seq) last_seq = last;
    }
    *ret_more = max == 0;
    *ret_last_seq = last_seq;
    return 0;
}

/* ---- Transactions ---------------------------------------------------------------------------- */

uint64_t registry_behind(const struct registry *registry, uint64_t cursor) {
    for (size_t i = 0; i < registry->count; i++) {
        const struct collection *collection = registry->collections[i];
        uint64_t own = collection->state.cursor;
        if (own < cursor && !collection_waits(collection) && !collection->lags &&
            !collection_stops_before(collection, own + 1))
            cursor = own;
    }
    return cursor;
}

/* What of a collection is folded beside the others; or NULL. */
static struct collection *folded_beside(struct collection *collection) {
    if (!collection->lags) return shadow_folded(collection);
    return collection_waits(collection) ? NULL : collection;
}

bool registry_beside(const struct registry *registry, uint64_t cursor, uint64_t *ret) {
    bool found = false;
    for (size_t i = 0; i < registry->count; i++) {
        const struct collection *beside = folded_beside(registry->collections[i]);
        if (!beside) continue;
        found = true;
        if (beside->state.cursor < cursor) cursor = beside->state.cursor;
    }
    *ret = cursor;
    return found;
}

uint64_t registry_needed(const struct registry *registry, uint64_t cursor) {
    uint64_t behind;
    registry_beside(registry, registry_behind(registry, cursor), &behind);
    return registry->hands_over && registry->handed_after < behind ? registry->handed_after
                                                                   : behind;
}

struct collection *registry_underived(const struct registry *registry) {
    struct collection *first = NULL;
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *collection = registry->collections[i], *shadow = shadow_of(collection);
        if (collection_is_halted(collection)) continue;
        if (shadow && shadow->state.from_records) collection = shadow;
        if (collection->state.from_records && (!first || collection->depth < first->depth))
            first = collection;
    }
    return first;
}

bool registry_finishes_first(const struct registry *registry) {
    for (size_t i = 0; i < registry->count; i++)
        if (registry->collections[i]->finish_first && shadow_of(registry->collections[i]))
            return true;
    return false;
}

bool registry_replaces(const struct registry *registry) {
    for (size_t i = 0; i < registry->count; i++)
        if (registry->collections[i]->state.waits && shadow_of(registry->collections[i]))
            return true;
    return false;
}

void registry_underive(struct registry *registry) {
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *shadow = shadow_of(registry->collections[i]);
        if (shadow && !shadow_is_of_log(shadow)) shadow->state.from_records = 1;
    }
}

int registry_flush(struct registry *registry, struct arena *arena, struct reel_error *error) {
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *collection = registry->collections[i];
        int rc = changes_flush(collection, arena, error);
        if (rc == 0 && collection->shadow) rc = changes_flush(collection->shadow, arena, error);
        if (rc < 0) return rc;
    }
    return 0;
}

/* One that is halted comes as far as the event before which it is. */
static void raise_cursor(struct collection *collection, uint64_t cursor) {
    const struct set_aside *line = collection->stopped;
    uint64_t paused = collection->paused_from;
    if (collection_waits(collection) || collection->lost_events) return;
    if (line && line->seq <= cursor) cursor = line->seq > 0 ? line->seq - 1 : 0;
    if (paused && paused <= cursor) cursor = paused - 1;
    if (collection->state.cursor < cursor) collection->state.cursor = cursor;
}

void registry_raise_beside(struct registry *registry, uint64_t cursor) {
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *beside = folded_beside(registry->collections[i]);
        if (beside) raise_cursor(beside, cursor);
    }
}

void registry_raise(struct registry *registry, uint64_t cursor) {
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *collection = registry->collections[i];
        if (!collection->lags) raise_cursor(collection, cursor);
    }
}

static int put_state(struct collection *collection, struct reel_error *error) {
    if (collection->source)
        collection->state.source_generation = collection->source->state.generation;
    if (memcmp(&collection->state, &collection->committed, sizeof collection->state) == 0) return 0;
    struct collection_state state = collection->state;
#ifdef REEL_FAULT_14 /* a checkpoint's cursor is one too high */
    state.cursor++;
#endif
    return meta_put_collection(collection->store, collection->name, &state, error);
}

static int put_shadow(struct collection *shadow, struct reel_error *error) {
    if (memcmp(&shadow->state, &shadow->committed, sizeof shadow->state) == 0) return 0;
    return meta_put_shadow(shadow->store, shadow->name, &shadow->state, error);
}

int registry_put_states(struct registry *registry, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < registry->count; i++) {
        struct collection *shadow = shadow_of(registry->collections[i]);
        rc = put_state(registry->collections[i], error);
        if (rc == 0 && shadow) rc = put_shadow(shadow, error);
    }
    return rc;
}

void registry_committed(struct registry *registry) {
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *collection = registry->collections[i];
        INVARIANT(collection->changes.count == 0); /* all of them are written */
        collection->committed = collection->state;
        collection->was_built = collection->progress.is_built;
        counts_commit(&collection->counts);
        counts_commit(&collection->counts_again);
        shadow_committed(collection);
    }
    for (size_t i = 0; i < registry->count; i++) shadow_settle(registry->collections[i]);
}

void registry_aborted(struct registry *registry) {
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *collection = registry->collections[i];
        collection->state = collection->committed;
        collection->progress.is_built = collection->was_built;
        counts_abort(&collection->counts);
        counts_abort(&collection->counts_again);
        changes_reset(&collection->changes);
        shadow_aborted(collection);
    }
    for (size_t i = 0; i < registry->count; i++) shadow_settle(registry->collections[i]);
}
