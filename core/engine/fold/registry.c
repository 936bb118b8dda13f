/* registry.c: see registry.h. */
#include "engine/fold/registry.h"

#include "base/fnv.h"
#include "base/invariant.h"
#include "engine/fold/changes.h"
#include "engine/fold/fold.h"
#include "engine/store/index.h"
#include "engine/store/rejected.h"
#include "engine/store/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Adding ---------------------------------------------------------------------------------- */

static void collection_destroy(struct collection *collection) {
    if (!collection) return;
    changes_finish(&collection->changes);
    record_shape_finish(&collection->shape);
    settings_finish(&collection->settings);
    text_finish(&collection->progress.key);
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

static struct collection *collection_create(const struct plugin *plugin,
                                            const struct projector *projector, struct fold *fold) {
    struct collection *collection = calloc(1, sizeof *collection);
    const char *names[RECORD_FIELDS_MAX];
    if (!collection) return NULL;
    for (uint32_t i = 0; i < projector->field_count; i++) names[i] = projector->fields[i].name;
    if (record_shape_init(&collection->shape, names, projector->field_count) < 0 ||
        settings_init(&collection->settings, &projector->settings, NULL) < 0) {
        collection_destroy(collection);
        return NULL;
    }
    collection->tx.host = fold->host;
    collection->fold = fold;
    collection->plugin = plugin;
    collection->projector = projector;
    collection->name = projector->declared.collection;
    tracked_fields_of(projector->fields, projector->field_count, &collection->tracked);
    return collection;
}

static int add_one(struct registry *registry, struct collection *collection) {
    size_t size = (registry->count + 1) * sizeof *registry->collections;
    struct collection **grown = collection ? realloc(registry->collections, size) : NULL;
    if (!grown) return -ENOMEM;
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
        rc = check_new(registry, plugin, i, error);
        if (rc < 0) break;
        struct collection *collection = collection_create(plugin, &plugin->projectors[i], fold);
        if (add_one(registry, collection) < 0) {
            collection_destroy(collection);
            rc = fail_memory(error);
            break;
        }
        collection->store = store;
    }
    return rc;
}

/* ---- Comparing with the store ---------------------------------------------------------------- */

/* What the shape of a record depends on: names, in order, and kinds. */
static uint64_t hash_fields(const struct projector *projector) {
    uint64_t hash = FNV_BEGIN;
    for (uint32_t i = 0; i < projector->field_count; i++) {
        const struct reel_field *field = &projector->fields[i];
        hash = fnv_add(hash, field->name, strlen(field->name) + 1);
        hash = fnv_add(hash, &field->kind, sizeof field->kind);
    }
    return hash;
}

const char *registry_other_fold(const struct collection *collection,
                                const struct collection_state *state) {
    const struct reel_projector *declared = &collection->projector->declared;
    if (hash_fields(collection->projector) != state->fields_hash) return "its fields have changed";
    if (settings_hash(&collection->settings) != state->settings_hash)
        return "its settings have changed";
    if (state->revision == declared->revision) return NULL;
    bool is_compatible = declared->revision_compatible != 0 &&
                         state->revision < declared->revision &&
                         state->revision >= declared->revision_compatible;
    return is_compatible ? NULL : "its revision has changed";
}

/* Another object than the one that made the records, though its author says it is the same fold?
 * Not known of one that is linked in. */
static bool is_other_build(const struct collection *collection,
                           const struct collection_state *state) {
    static const uint8_t unknown[BUILD_ID_BYTES];
    const uint8_t *own = plugin_build_id(collection->plugin);
    return memcmp(own, unknown, BUILD_ID_BYTES) != 0 &&
           memcmp(state->build_id, unknown, BUILD_ID_BYTES) != 0 &&
           memcmp(own, state->build_id, BUILD_ID_BYTES) != 0;
}

static int refuse_rebuild(const struct collection *collection, const char *why,
                          const struct store_state *position, struct reel_error *error) {
    return fail(error, -ESTALE,
                "collection `%s`: %s, but the log begins at %llu: a rebuild would lose "
                "the records of earlier events; request the rebuild to do it anyway",
                collection->name, why, (unsigned long long)position->first_seq);
}

static void set_build_id(struct collection *collection) {
    memcpy(collection->state.build_id, plugin_build_id(collection->plugin), BUILD_ID_BYTES);
}

/* ---- Indexes of fields ----------------------------------------------------------------------- */

/* The table begins empty, and is then that of no record: of an empty collection that is all. */
static int begin_fields(struct collection *collection, bool is_built, struct reel_error *error) {
    collection->progress.is_built = is_built; /* undone with the group, unlike the rest */
    if (!is_built) collection->progress.has_key = false;
    table_clear(collection->store, collection->fields);
    return field_index_put(collection->store, collection->name, &collection->tracked,
                           &collection->progress, error);
}

/* Is the table about what the plugin declares? Else it is made again. */
static int start_fields(struct collection *collection, struct reel_error *error) {
    struct store *store = collection->store;
    struct tracked_fields stored = {0};
    int rc =
        field_index_get(store, &store->writing, collection->name, &stored, &collection->progress);
    if (rc < 0 && rc != -ENOENT) return fail(error, rc, "cannot read what is indexed");
    if (rc == 0 && tracked_fields_are_same(&stored, &collection->tracked)) return 0;
    if (rc == -ENOENT && collection->tracked.count == 0) {
        collection->progress.is_built = true;
        return 0;
    }
    return begin_fields(collection, collection->tracked.count == 0, error);
}

struct collection *registry_unbuilt(const struct registry *registry) {
    for (size_t i = 0; i < registry->count; i++)
        if (!registry->collections[i]->progress.is_built) return registry->collections[i];
    return NULL;
}

int registry_build(struct collection *collection, struct arena *arena, struct field_progress *ret,
                   struct reel_error *error) {
    const struct field_build build = {
        .store = collection->store,
        .records = collection->records,
        .table = collection->fields,
        .shape = &collection->shape,
        .fields = &collection->tracked,
        .arena = arena,
    };
    int rc = field_index_build(&build, &collection->progress, ret, error);
    return rc < 0 ? rc
                  : field_index_put(collection->store, collection->name, &collection->tracked, ret,
                                    error);
}

/* ---- Emptying and starting ------------------------------------------------------------------- */

int registry_reset(struct collection *collection, const struct store_state *position,
                   const char *why, struct reel_error *error) {
    struct store *store = collection->store;
    table_clear(store, collection->records);
    table_clear(store, collection->index);
    int rc = rejected_remove_collection(store, collection->name, error);
    if (rc == 0) rc = begin_fields(collection, true, error);
    if (rc < 0) return rc;
    collection->state = (struct collection_state){
        .revision = collection->projector->declared.revision,
        .has_digest = 1,
        .settings_hash = settings_hash(&collection->settings),
        .fields_hash = hash_fields(collection->projector),
        .cursor = position->first_seq - 1,
        .from_seq = position->first_seq,
        .field_count = collection->shape.count,
        .generation = collection->state.generation,
    };
    set_build_id(collection);
    collection->catching_up = (struct catching_up){.why = why};
    return 0;
}

int registry_reset_all(struct registry *registry, const struct store_state *position,
                       struct reel_error *error) {
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *collection = registry->collections[i];
        collection->state.generation = 0; /* another epoch tells the records apart */
        int rc = registry_reset(collection, position, "the log was replaced", error);
        if (rc == 0)
            rc =
                meta_put_collection(collection->store, collection->name, &collection->state, error);
        if (rc < 0) return rc;
    }
    return 0;
}

/* To the operator and to the log a rebuild is more than the beginning of a new collection. */
static int begin_rebuild(struct collection *collection, const struct store_state *position,
                         const char *why, struct reel_error *error) {
    collection->rebuild_begun = true;
    return registry_reset(collection, position, why, error);
}

/* Reads all records. */
static int make_digest(struct collection *collection, struct reel_error *error) {
    struct store *store = collection->store;
    struct digest digest = {0};
    struct table_walk walk;
    struct overlay_row row;
    struct reel_str json;
    uint64_t changed;
    table_walk_start(&walk, store, &store->writing, collection->records, error);
    int rc = table_seek(&walk, (struct reel_str){"", 0}, SEEK_AT_OR_ABOVE, &row);
    for (; rc > 0; rc = table_next(&walk, &row)) {
        if (record_json(&collection->shape, row.value, &changed, &json) < 0) {
            rc = store_fail(store, MDB_CORRUPTED, "cannot read a record", error);
            break;
        }
        digest_add(&digest, digest_hash(row.key, json));
    }
    table_walk_finish(&walk);
    collection->state.digest = digest;
    collection->state.has_digest = 1;
    return rc;
}

static int start_one(struct collection *collection, const struct store_state *position,
                     struct reel_error *error) {
    const struct reel_projector *declared = &collection->projector->declared;
    struct store *store = collection->store;
    struct collection_state *state = &collection->state;
    int rc = meta_get_collection(store, &store->writing, collection->name, state);
    if (rc < 0 && rc != -ENOENT) return fail(error, rc, "cannot read the collection's state");
    const char *new = rc == -ENOENT ? "it is new" : NULL;
    if (collection->rebuild_wanted) /* also of one whose records a crash took, with their rebuild */
        return begin_rebuild(collection, position, new ? new : "it was asked for", error);
    if (new) return registry_reset(collection, position, new, error);
    const char *why = registry_other_fold(collection, state);
    bool whole = position->first_seq <= state->from_seq; /* all that they were made from is there */
    if (why && whole) return begin_rebuild(collection, position, why, error);
    if (why) return refuse_rebuild(collection, why, position, error);
    if (state->cursor + 1 < position->first_seq)
        return refuse_rebuild(collection, "its plugin was not loaded when the log was trimmed",
                              position, error);
    bool is_other = is_other_build(collection, state);
    collection->object_changed = is_other && state->revision == declared->revision;
    collection->tail_is_of_other = is_other && state->cursor < position->head;
    state->revision = declared->revision;
    state->field_count = collection->shape.count;
    set_build_id(collection);
    rc = start_fields(collection, error);
    return rc < 0 || state->has_digest ? rc : make_digest(collection, error);
}

int registry_open(struct registry *registry, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < registry->count; i++) {
        struct collection *collection = registry->collections[i];
        rc = store_open_collection(collection->store, collection->name, &collection->records,
                                   &collection->index, &collection->fields, error);
    }
    return rc;
}

int registry_start(struct registry *registry, const struct store_state *position,
                   struct reel_error *error) {
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *collection = registry->collections[i];
        int rc = start_one(collection, position, error);
        if (rc == 0)
            rc =
                meta_put_collection(collection->store, collection->name, &collection->state, error);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- Trimming -------------------------------------------------------------------------------- */

int registry_trim(struct registry *registry, uint64_t first_seq, size_t max, bool *ret_more,
                  uint64_t *ret_last_seq, struct reel_error *error) {
    uint64_t last_seq = 0;
    for (size_t i = 0; i < registry->count && max > 0; i++) {
        struct collection *collection = registry->collections[i];
        size_t count;
        uint64_t last;
        int rc =
            index_trim(collection->store, collection->index, first_seq, max, &count, &last, error);
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
    for (size_t i = 0; i < registry->count; i++)
        if (registry->collections[i]->state.cursor < cursor)
            cursor = registry->collections[i]->state.cursor;
    return cursor;
}

int registry_flush(struct registry *registry, struct arena *arena, struct reel_error *error) {
    for (size_t i = 0; i < registry->count; i++) {
        int rc = changes_flush(registry->collections[i], arena, error);
        if (rc < 0) return rc;
    }
    return 0;
}

int registry_put_states(struct registry *registry, uint64_t cursor, struct reel_error *error) {
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *collection = registry->collections[i];
        if (collection->state.cursor < cursor) collection->state.cursor = cursor;
        if (memcmp(&collection->state, &collection->committed, sizeof collection->state) == 0)
            continue;
        struct collection_state state = collection->state;
#ifdef REEL_FAULT_14 /* a checkpoint's cursor is one too high */
        state.cursor++;
#endif
        int rc = meta_put_collection(collection->store, collection->name, &state, error);
        if (rc < 0) return rc;
    }
    return 0;
}

void registry_committed(struct registry *registry) {
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *collection = registry->collections[i];
        INVARIANT(collection->changes.count == 0); /* all of them are written */
        collection->committed = collection->state;
        collection->was_built = collection->progress.is_built;
        counts_commit(&collection->counts);
        counts_commit(&collection->counts_again);
    }
}

void registry_aborted(struct registry *registry) {
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *collection = registry->collections[i];
        collection->state = collection->committed;
        collection->progress.is_built = collection->was_built;
        counts_abort(&collection->counts);
        counts_abort(&collection->counts_again);
        changes_reset(&collection->changes);
    }
}
