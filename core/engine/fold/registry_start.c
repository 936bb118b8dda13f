/* registry_start.c: what becomes of the records of the store when plugins were loaded: see
 * registry.h. In this order: comparing; making records again; starting. */
#include "engine/fold/registry.h"

#include "base/fnv.h"
#include "base/invariant.h"
#include "engine/fold/fold.h"
#include "engine/fold/shadow.h"
#include "engine/fold/units.h"
#include "engine/store/rejected.h"
#include "engine/store/table.h"

#include <errno.h>
#include <string.h>

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

bool registry_has_fields(const struct collection *collection,
                         const struct collection_state *state) {
    return hash_fields(collection->projector) == state->fields_hash;
}

static uint32_t hash_source(const struct projector *projector) {
    const char *name = projector->declared.derives_from;
    if (!name) return 0;
    uint32_t hash = (uint32_t)fnv_add(FNV_BEGIN, name, strlen(name));
    return hash ? hash : 1;
}

const char *registry_other_fold(const struct collection *collection,
                                const struct collection_state *state) {
    const struct reel_projector *declared = &collection->projector->declared;
    if (!registry_has_fields(collection, state)) return "its fields have changed";
    if (settings_hash(&collection->settings) != state->settings_hash)
        return "its settings have changed";
    if (hash_source(collection->projector) != state->source_hash)
        return "it derives from another collection than before";
    if (state->revision == declared->revision) return NULL;
    bool is_compatible = declared->revision_compatible != 0 &&
                         state->revision < declared->revision &&
                         state->revision >= declared->revision_compatible;
    return is_compatible ? NULL : "its revision has changed";
}

bool registry_other_build(const struct collection *collection,
                          const struct collection_state *state) {
    static const uint8_t unknown[BUILD_ID_BYTES];
    const uint8_t *own = plugin_build_id(collection->plugin);
    return memcmp(own, unknown, BUILD_ID_BYTES) != 0 &&
           memcmp(state->build_id, unknown, BUILD_ID_BYTES) != 0 &&
           memcmp(own, state->build_id, BUILD_ID_BYTES) != 0;
}

int registry_refuse(const struct collection *collection, const char *why, uint64_t first_seq,
                    struct reel_error *error) {
    return fail(error, -ESTALE,
                "collection `%s`: %s, but the log begins at %llu: a rebuild would lose "
                "the records of earlier events; request the rebuild to do it anyway",
                collection->name, why, (unsigned long long)first_seq);
}

static void set_build_id(struct collection *collection) {
    memcpy(collection->state.build_id, plugin_build_id(collection->plugin), BUILD_ID_BYTES);
}

/* Of a collection without records, from the log's floor on. */
static struct collection_state empty_state(const struct collection *collection,
                                           const struct store_state *position) {
    struct collection_state state = {
        .revision = collection->projector->declared.revision,
        .has_digest = 1,
        .settings_hash = settings_hash(&collection->settings),
        .fields_hash = hash_fields(collection->projector),
        .cursor = position->first_seq - 1,
        .from_seq = position->first_seq,
        .field_count = collection->shape.count,
        .generation = collection->state.generation,
        .source_hash = hash_source(collection->projector),
        .set = collection->state.set,
        .has_shadow = collection->state.has_shadow,
    };
    memcpy(state.build_id, plugin_build_id(collection->plugin), BUILD_ID_BYTES);
    return state;
}

int registry_reset(struct collection *collection, const struct store_state *position,
                   const char *why, struct reel_error *error) {
    struct store *store = collection->store;
    const struct table_set *tables = collection_tables(collection);
    table_clear(store, tables->records);
    table_clear(store, tables->index);
    int rc = rejected_remove_collection(store, collection->name, collection->state.set, error);
    if (rc == 0) rc = registry_begin_fields(collection, true, error);
    if (rc < 0) return rc;
    collection->state = empty_state(collection, position);
    collection->shown_behind = collection->unreadable = false;
    collection->catching_up = (struct catching_up){.why = why};
    return 0;
}

int registry_reset_all(struct registry *registry, const struct store_state *position,
                       struct reel_error *error) {
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *collection = registry->collections[i];
        collection->state.generation = 0; /* another epoch tells the records apart */
        collection->paused_from = 0;
        collection->lags = false;
        int rc = shadow_of(collection) ? shadow_end(collection, error) : 0;
        if (rc == 0) rc = registry_reset(collection, position, "the log was replaced", error);
        if (rc == 0)
            rc =
                meta_put_collection(collection->store, collection->name, &collection->state, error);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- Making records again -------------------------------------------------------------------- */

static const char *other_source(const struct collection *collection);

/* Can the records be folded on, with the events that follow? */
static bool is_foldable(const struct collection *collection, const struct store_state *position) {
    const struct collection *source = collection->source;
    if (collection->is_new || collection_waits(collection)) return false;
    if (registry_other_fold(collection, &collection->state)) return false;
    if (!source) return collection->state.cursor + 1 >= position->first_seq;
    return is_foldable(source, position) && !other_source(collection);
}

/* To the operator and to the log a rebuild is more than the beginning of a new collection. */
void registry_note_rebuild(struct collection *collection) {
    collection->rebuild_begun =
        !collection->is_new || collection->rebuild_wanted || collection->rebuild_unmet;
}

/* Where it is: it is not served meanwhile. */
static int remake(struct collection *collection, const struct store_state *position,
                  const char *why, struct reel_error *error) {
    int rc = shadow_of(collection) ? shadow_end(collection, error) : 0;
    registry_note_rebuild(collection);
    return rc < 0 ? rc : registry_reset(collection, position, why, error);
}

/* Its records are of no use, and those of its shadow will take their place. */
int registry_await_shadow(struct collection *collection, const struct store_state *position,
                          const char *why, struct reel_error *error) {
    int rc = registry_reset(collection, position, why, error);
    collection->state.waits = 1;
    collection->state.cursor = 0;
    return rc;
}

static int remake_beside(struct collection *collection, const struct store_state *position,
                         const char *why, struct reel_error *error) {
    const struct collection_state state = empty_state(collection, position);
    int rc = is_foldable(collection, position)
                 ? 0
                 : registry_await_shadow(collection, position, why, error);
    registry_note_rebuild(collection);
    collection->catching_up = (struct catching_up){.why = why};
    return rc < 0 ? rc : shadow_begin(collection, &state, error);
}

int registry_reset_derived(struct collection *collection, const struct store_state *position,
                           const char *why, struct reel_error *error) {
    INVARIANT(collection->source);
    int rc = registry_reset(collection, position, why, error);
    collection->state.from_records = 1;
    collection->state.cursor = 0;
    collection->state.from_seq = collection->source->state.from_seq;
    return rc;
}

/* The log has all that the source of events was made from. If that cannot be folded on, neither can
 * what derives from it. */
static int remake_from_log(struct collection *root, const struct store_state *position,
                           struct reel_error *error) {
    int (*how)(struct collection * collection, const struct store_state *position, const char *why,
               struct reel_error *error) = is_foldable(root, position) ? remake_beside : remake;
    const char *why = root->why ? root->why : "a collection that derives from it is rebuilt or new";
    int rc = how(root, position, why, error);
    for (size_t i = 0; rc == 0 && i < root->derived_count; i++) {
        struct collection *derived = root->derived[i];
        why = derived->why ? derived->why : "its source is rebuilt";
        rc = how(derived, position, why, error);
    }
    return rc < 0 ? rc : shadow_link(root, error);
}

static int refuse_derived(const struct collection *derived, const struct collection *root,
                          const char *why, const struct store_state *position,
                          struct reel_error *error) {
    return fail(
        error, -ESTALE,
        "collection `%s`: %s, but the log begins at %llu: it cannot be derived from earlier "
        "events, and its plugin does not declare REEL_DERIVE_FROM_RECORDS; request a "
        "rebuild of `%s` to lose the records of earlier events",
        derived->name, why, (unsigned long long)position->first_seq, root->name);
}

static bool is_remade(const struct collection *collection) {
    return shadow_of(collection) || collection->state.from_records;
}

/* One that derives from a shadow is shown with it. */
static int remake_derived(struct collection *derived, const struct store_state *position,
                          const char *why, struct reel_error *error) {
    int rc = 0;
    if (!shadow_of(derived->source) && !is_foldable(derived, position)) {
        if (shadow_of(derived)) rc = shadow_end(derived, error);
        registry_note_rebuild(derived);
        return rc < 0 ? rc : registry_reset_derived(derived, position, why, error);
    }
    rc = remake_beside(derived, position, why, error);
    if (rc == 0) derived->shadow->state.from_records = 1;
    return rc;
}

/* The source of events stays as it is. */
static int remake_from_records(struct collection *root, const struct store_state *position,
                               struct reel_error *error) {
    int rc = shadow_of(root) ? shadow_end(root, error) : 0;
    for (size_t i = 0; rc == 0 && i < root->derived_count; i++) {
        struct collection *derived = root->derived[i];
        const char *why = derived->why;
        if (!why && shadow_of(derived)) why = "its rebuild was not finished";
        if (!why && is_remade(derived->source)) why = "its source is rebuilt";
        if (!why) continue;
        if (!(derived->projector->declared.flags & REEL_DERIVE_FROM_RECORDS))
            return refuse_derived(derived, root, why, position, error);
        rc = remake_derived(derived, position, why, error);
    }
    return rc < 0 ? rc : shadow_link(root, error);
}

/* A rebuild that was asked for before the start was asked for a log that began where its shadow
 * did. */
static bool is_still_wanted(const struct collection *root, const struct store_state *position) {
    const struct collection *shadow = shadow_of(root);
    return root->rebuild_unmet && (!shadow || position->first_seq <= shadow->state.from_seq);
}

static bool has_whole_log(const struct collection *root, const struct store_state *position) {
    return root->is_new || root->rebuild_wanted || is_still_wanted(root, position) ||
           position->first_seq <= root->state.from_seq;
}

static bool must_remake(const struct collection *root) {
    bool found = root->why != NULL;
    for (size_t i = 0; i < root->derived_count; i++) found = found || root->derived[i]->why;
    return found;
}

static int remake_unit(struct collection *root, const struct store_state *position,
                       struct reel_error *error) {
    if (!must_remake(root)) return 0;
    if (has_whole_log(root, position)) return remake_from_log(root, position, error);
    return root->why ? registry_refuse(root, root->why, position->first_seq, error)
                     : remake_from_records(root, position, error);
}

static void forget_remake(struct collection *collection) {
    collection->is_new = collection->rebuild_wanted = collection->rebuild_begun = false;
    collection->rebuild_unmet = false;
    collection->why = NULL;
}

int registry_remake(struct collection *collection, const struct store_state *position,
                    struct reel_error *error) {
    struct collection *root = unit_root(collection);
    forget_remake(root);
    for (size_t i = 0; i < root->derived_count; i++) forget_remake(root->derived[i]);
    if (collection_is_halted(root)) registry_begin_to_go_on(root, 0);
    collection->rebuild_wanted = true;
    collection->why = "it was asked for";
    if (shadow_of(root)) root->rebuild_wanted = true; /* which begins again */
    return remake_unit(root, position, error);
}

/* ---- Starting -------------------------------------------------------------------------------- */

/* Reads all records. */
static int make_digest(struct collection *collection, struct reel_error *error) {
    struct store *store = collection->store;
    struct digest digest = {0};
    struct table_walk walk;
    struct overlay_row row;
    struct reel_str json;
    uint64_t changed;
    table_walk_start(&walk, store, &store->writing, collection_tables(collection)->records, error);
    int rc = table_seek(&walk, (struct reel_str){"", 0}, SEEK_AT_OR_ABOVE, &row);
    for (; rc > 0; rc = table_next(&walk, &row)) {
        if (record_json(collection->shape.count, row.value, &changed, &json) < 0) {
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

/* Why the records of a derived collection do not belong to those of its source; or NULL. */
static const char *other_source(const struct collection *collection) {
    const struct collection *source = collection->source;
    const struct collection_state *state = &collection->state;
    if (!source) return NULL;
    if (source->is_new || state->source_generation != source->state.generation)
        return "the records of its source have changed meanwhile";
    if (state->from_records) return "it was not yet made from all records of its source";
    return state->cursor != source->state.cursor ? "its plugin was not loaded for a while" : NULL;
}

static void find_set_aside(struct collection *collection) {
    struct set_aside_counts *counts = &collection->set_aside;
    bool is_released = unit_root(collection)->is_released;
    set_aside_count(collection->aside, collection->name, plugin_build_id(collection->plugin),
                    counts);
    collection->refuses_keys = !is_released && counts->keys >= SET_ASIDE_KEYS_MAX;
    collection->refuses_requests = !is_released && counts->requests >= SET_ASIDE_REQUESTS_MAX;
}

static int examine(struct collection *collection, struct reel_error *error) {
    struct store *store = collection->store;
    struct collection_state *state = &collection->state;
    int rc = meta_get_collection(store, &store->writing, collection->name, state);
    if (rc < 0 && rc != -ENOENT) return fail(error, rc, "cannot read the collection's state");
    collection->is_new = rc == -ENOENT;
    find_set_aside(collection);
    collection->rebuild_begun = collection->has_given_up = false;
    collection->why = NULL;
    if (collection->is_new)
        collection->why = "it is new"; /* also if a crash took its records, with their rebuild */
    else if (collection->rebuild_wanted)
        collection->why = "it was asked for";
    else
        collection->why = registry_other_fold(collection, state);
    if (!collection->why && collection->rebuild_unmet) collection->why = "it was asked for";
    if (!collection->why) collection->why = other_source(collection);
    if (!collection->why && (state->waits || state->has_shadow))
        collection->why = "its rebuild was not finished";
    rc = state->has_shadow && !collection->shadow ? shadow_find(collection, error) : 0;
    return rc < 0 && rc != -ENOENT ? rc : registry_read_handover(collection, error);
}

/* Another object begins again, if the log has all events that the shadow was made from. */
static bool is_begun_again(const struct collection *collection,
                           const struct collection_state *shadow,
                           const struct store_state *position) {
    return registry_other_build(collection, shadow) && position->first_seq <= shadow->from_seq;
}

/* Can its rebuild go on where it was? */
static bool can_go_on(const struct collection *collection, const struct collection *root,
                      const struct store_state *position) {
    const struct collection *shadow = shadow_of(collection);
    if (!shadow || collection->rebuild_wanted) return false;
    const struct collection_state *state = &shadow->state;
    if (!shadow->progress.is_built) return false;
    return (collection->state.waits || is_foldable(collection, position)) &&
           !registry_other_fold(collection, state) &&
           !is_begun_again(collection, state, position) && !state->from_records &&
           state->cursor + 1 >= position->first_seq && state->cursor <= position->head &&
           state->cursor == root->shadow->state.cursor;
}

static bool unit_can_go_on(const struct collection *root, const struct store_state *position) {
    bool can = can_go_on(root, root, position);
    for (size_t i = 0; can && i < root->derived_count; i++)
        can = can_go_on(root->derived[i], root, position);
    return can;
}

/* The shadow is this object's from now on. */
static void go_on(struct collection *collection) {
    struct collection_state *state = &collection->shadow->state;
    state->revision = collection->projector->declared.revision;
    memcpy(state->build_id, plugin_build_id(collection->plugin), BUILD_ID_BYTES);
    collection->catching_up = (struct catching_up){.why = collection->why};
    collection->why = NULL;
}

static int resume_unit(struct collection *root, struct reel_error *error) {
    go_on(root);
    for (size_t i = 0; i < root->derived_count; i++) go_on(root->derived[i]);
    return shadow_link(root, error);
}

/* Can its rebuild neither go on nor begin again, without the loss of what the log does not have any
 * more, while all of the old records are good? */
static bool is_given_up(const struct collection *root, const struct store_state *position) {
    bool is_good = root->rebuild_unmet && !has_whole_log(root, position);
    is_good = is_good && is_foldable(root, position);
    for (size_t i = 0; is_good && i < root->derived_count; i++)
        is_good = is_foldable(root->derived[i], position) && !root->derived[i]->rebuild_wanted;
    return is_good;
}

static int give_up(struct collection *collection, struct reel_error *error) {
    collection->has_given_up = collection->rebuild_unmet;
    collection->rebuild_unmet = collection->rebuild_shown = false;
    collection->why = NULL;
    return shadow_of(collection) ? shadow_end(collection, error) : 0;
}

static int give_up_unit(struct collection *root, struct reel_error *error) {
    int rc = give_up(root, error);
    for (size_t i = 0; rc == 0 && i < root->derived_count; i++)
        rc = give_up(root->derived[i], error);
    return rc;
}

/* Its records stay. */
static int keep(struct collection *collection, const struct store_state *position,
                struct reel_error *error) {
    const struct reel_projector *declared = &collection->projector->declared;
    struct collection_state *state = &collection->state;
    if (collection_waits(collection)) return registry_start_fields(collection, error);
    bool is_other = registry_other_build(collection, state);
    collection->is_other_build = is_other;
    collection->object_changed = is_other && state->revision == declared->revision;
    collection->tail_is_of_other = is_other && state->cursor < position->head;
    state->revision = declared->revision;
    state->field_count = collection->shape.count;
    set_build_id(collection);
    int rc = registry_start_fields(collection, error);
    return rc < 0 || state->has_digest ? rc : make_digest(collection, error);
}

static int keep_or_put(struct collection *collection, const struct store_state *position,
                       struct reel_error *error) {
    bool is_kept = !collection->is_new && (!collection->rebuild_begun || shadow_of(collection));
    int rc = is_kept ? keep(collection, position, error) : 0;
    if (rc < 0) return rc;
    return meta_put_collection(collection->store, collection->name, &collection->state, error);
}

static bool has_set_aside(const struct collection *collection,
                          const uint8_t build_id[BUILD_ID_BYTES]) {
    struct set_aside_counts counts;
    set_aside_count(collection->aside, collection->name, build_id, &counts);
    return counts.events > 0;
}

const char *registry_tries_again(const struct collection *collection,
                                 const struct collection_state *state) {
    if (!registry_other_build(collection, state)) return NULL;
    if (has_set_aside(collection, state->build_id))
        return "events were set aside for another build of its plugin";
    return has_set_aside(collection, plugin_build_id(collection->plugin))
               ? "another build of its plugin has made it, and events are set aside for this one"
               : NULL;
}

/* What was set aside for an earlier build is tried with this one; and what an earlier build has
 * folded is not in the records, if it is set aside for this one. */
static void try_again(struct collection *collection) {
    if (!collection->why) collection->why = registry_tries_again(collection, &collection->state);
}

/* Half a second or less. Others need not wait longer for what is handed over: it is then built, as
 * others are. */
#define FINISH_EVENTS_MAX 50000

/* With the same object, what was visible before a crash is made again. What was handed over is
 * visible at once. */
static void settle_shown(struct collection *root, const struct store_state *position) {
    bool was_shown = root->rebuild_shown, is_other = root->is_other_build;
    for (size_t i = 0; i < root->derived_count; i++) {
        was_shown = was_shown || root->derived[i]->rebuild_shown;
        is_other = is_other || root->derived[i]->is_other_build;
    }
    const struct collection *shadow = shadow_of(root);
    bool is_near = shadow && position->head - shadow->state.cursor <= FINISH_EVENTS_MAX;
    root->finish_first =
        shadow && ((was_shown && !is_other) || (shadow->state.finish_first && is_near));
}

static int put_unit(struct collection *root, const struct store_state *position,
                    struct reel_error *error) {
    int rc = keep_or_put(root, position, error);
    for (size_t i = 0; rc == 0 && i < root->derived_count; i++)
        rc = keep_or_put(root->derived[i], position, error);
    settle_shown(root, position);
    return rc;
}

static bool is_as_before(const struct collection *collection, const struct store_state *position) {
    return collection->is_new || (is_foldable(collection, position) &&
                                  !registry_tries_again(collection, &collection->state));
}

/* One that is paused folds what it had folded before a crash, if it still can. */
static bool can_start(const struct collection *root, const struct store_state *position) {
    if (root->stopped || root->lost_events) return false;
    bool can = !root->paused_from || is_as_before(root, position);
    for (size_t i = 0; can && root->paused_from && i < root->derived_count; i++)
        can = is_as_before(root->derived[i], position);
    return can;
}

static int start_unit(struct collection *root, const struct store_state *position,
                      struct reel_error *error) {
    int rc = examine(root, error);
    for (size_t i = 0; rc == 0 && i < root->derived_count; i++)
        rc = examine(root->derived[i], error);
    if (rc < 0) return rc;
    if (has_whole_log(root, position)) {
        try_again(root);
        for (size_t i = 0; i < root->derived_count; i++) try_again(root->derived[i]);
    }
    registry_settle_halt(root, position);
    if (!can_start(root, position)) return registry_keep_halted(root, position, error);
    if (registry_can_adopt(root, position)) {
        rc = registry_adopt(root, position, error);
        return rc < 0 ? rc : put_unit(root, position, error);
    }
    if (!root->why && root->state.cursor + 1 < position->first_seq)
        rc = registry_refuse(root, "it folded no events while the log was trimmed",
                             position->first_seq, error);
    if (rc == 0)
        rc = unit_can_go_on(root, position) ? resume_unit(root, error)
             : is_given_up(root, position)  ? give_up_unit(root, error)
                                            : remake_unit(root, position, error);
    return rc < 0 ? rc : put_unit(root, position, error);
}

int registry_restart(struct collection *root, const struct store_state *position,
                     struct reel_error *error) {
    INVARIANT(!root->source);
    root->rebuild_wanted = false;
    for (size_t i = 0; i < root->derived_count; i++) root->derived[i]->rebuild_wanted = false;
    return start_unit(root, position, error);
}

int registry_open(struct registry *registry, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < registry->count; i++) {
        struct collection *collection = registry->collections[i];
        rc = store_open_collection(collection->store, collection->name, collection->sets, error);
    }
    return rc;
}

int registry_start(struct registry *registry, const struct store_state *position,
                   struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < registry->count; i++)
        if (!registry->collections[i]->source)
            rc = start_unit(registry->collections[i], position, error);
    return rc;
}
