/* dispatcher_start.c: what changes collections otherwise than by events: the start, a rebuild, the
 * records of derived collections that are made from those of their sources, another log. */
#include "engine/dispatcher.h"

#include "base/invariant.h"
#include "base/text.h"
#include "engine/controls.h"
#include "engine/fold/changes.h"
#include "engine/fold/shadow.h"
#include "engine/fold/units.h"
#include "engine/store/index.h"
#include "engine/store/rejected.h"
#include "engine/store/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Rebuilds -------------------------------------------------------------------------------- */

static int put_floors(struct dispatcher *dispatcher, struct reel_error *error) {
    return controls_put_floors(dispatcher->home.place.log, &dispatcher->state, error);
}

static int put_generation(struct dispatcher *dispatcher, struct collection *collection,
                          enum log_control_kind kind, struct reel_error *error) {
    return controls_raise_generation(dispatcher->home.place.log, &dispatcher->store, kind,
                                     collection->name, &collection->state.generation, error);
}

/* Of what a trimmed log no longer has, a collection that is made from it has no tombstones. */
static void raise_deletions(struct dispatcher *dispatcher, uint64_t from_seq) {
    struct store_state *state = &dispatcher->state;
    if (state->first_deletion < from_seq) state->first_deletion = from_seq;
}

/* The collection is empty, and its records are of another generation from there on. After a crash
 * the log may know that. */
static int put_emptied(struct dispatcher *dispatcher, struct collection *collection,
                       enum rebuild known, struct reel_error *error) {
    int rc =
        known == REBUILD_EMPTIED ? 0 : put_generation(dispatcher, collection, LOG_EMPTIED, error);
    raise_deletions(dispatcher, dispatcher->state.first_seq);
    return rc < 0 ? rc : controls_meet_rebuild(&dispatcher->store, collection->name, error);
}

/* The log learns that the collection's rebuild begins. If it is done in a shadow, the generation
 * stays until that is shown; but what is visible after a crash must not be taken for what was
 * visible before. */
static int put_rebuild(struct dispatcher *dispatcher, struct collection *collection,
                       struct reel_error *error) {
    struct store *store = &dispatcher->store;
    enum rebuild known;
    int rc = controls_rebuild(store, collection->name, &known, error);
    if (rc == 0 && (known == REBUILD_NONE || !collection->rebuild_unmet))
        rc = controls_add(dispatcher->home.place.log, store, LOG_REBUILD, collection->name, 0,
                          error);
    if (rc < 0) return rc;
    if (!shadow_of(collection)) return put_emptied(dispatcher, collection, known, error);
    bool was_other =
        collection->rebuild_unmet && known != REBUILD_BEGUN && !unit_root(collection)->finish_first;
    return was_other ? put_generation(dispatcher, collection, LOG_GENERATION, error) : 0;
}

/* The old records stay. If others were visible before a crash, they are told apart. */
static int put_given_up(struct dispatcher *dispatcher, struct collection *collection,
                        struct reel_error *error) {
    enum rebuild known;
    int rc = controls_rebuild(&dispatcher->store, collection->name, &known, error);
    if (rc == 0 && known != REBUILD_BEGUN)
        rc = put_generation(dispatcher, collection, LOG_GENERATION, error);
    return rc < 0 ? rc : controls_meet_rebuild(&dispatcher->store, collection->name, error);
}

/* Of those of the unit whose rebuild begins now. */
static int put_rebuilds(struct dispatcher *dispatcher, struct collection *root,
                        struct reel_error *error) {
    int rc = root->rebuild_begun ? put_rebuild(dispatcher, root, error) : 0;
    for (size_t i = 0; rc == 0 && i < root->derived_count; i++)
        if (root->derived[i]->rebuild_begun) rc = put_rebuild(dispatcher, root->derived[i], error);
    return rc;
}

static int put_resumed(struct dispatcher *dispatcher, const struct collection *root,
                       struct reel_error *error) {
    return controls_add(dispatcher->home.place.log, &dispatcher->store, LOG_RESUMED, root->name, 0,
                        error);
}

/* After a failure. */
static void halt_again(struct collection *root, const struct halt *halt, bool lagged) {
    registry_halt(root, halt);
    if (!lagged) registry_go_on(root, 0);
}

int dispatcher_reset(struct dispatcher *dispatcher, struct collection *collection,
                     struct reel_error *error) {
    struct collection *root = unit_root(collection);
    const struct halt halt = registry_halt_of(root);
    bool lagged = root->lags;
    bool was_halted = collection_is_halted(root);
    int rc = dispatcher_begin(dispatcher, error);
    if (rc == 0 && halt.paused_from) rc = put_resumed(dispatcher, root, error);
    if (rc == 0) rc = registry_remake(collection, &dispatcher->state, error);
    if (rc == 0) rc = put_rebuilds(dispatcher, root, error);
    if (rc == 0) rc = put_floors(dispatcher, error);
    rc = dispatcher_end(dispatcher, rc, error);
    if (rc < 0 && was_halted) halt_again(root, &halt, lagged);
    if (rc == 0 && was_halted) registry_go_on(root, dispatcher->state.cursor);
    return rc;
}

/* ---- Shadows --------------------------------------------------------------------------------- */

/* One that was new while its shadow was made had no records before. */
static int show_shadow(struct dispatcher *dispatcher, struct collection *collection,
                       struct reel_error *error) {
    struct store *store = &dispatcher->store;
    const struct collection *shadow = collection->shadow;
    uint64_t from_seq =
        shadow_is_of_log(shadow) ? shadow->state.from_seq : dispatcher->state.first_seq;
    enum rebuild known;
    int rc = controls_rebuild(store, collection->name, &known, error);
    if (rc == 0 && known != REBUILD_NONE) {
        /* Before a crash it was shown in this generation. */
        bool is_again = known == REBUILD_SHOWN && unit_root(collection)->finish_first;
        if (!is_again) rc = put_generation(dispatcher, collection, LOG_SHOWN, error);
        if (rc == 0) rc = controls_meet_rebuild(store, collection->name, error);
    }
    if (rc < 0) return rc;
    raise_deletions(dispatcher, from_seq);
    dispatcher->trim_left = true;
    return shadow_show(collection, collection->state.generation, error);
}

static bool is_complete(const struct dispatcher *dispatcher, const struct collection *collection,
                        bool derived) {
    struct collection *shadow = shadow_of(collection);
    if (!shadow || shadow_is_of_log(shadow) == derived || shadow->state.from_records) return false;
    if (derived ? collection_is_halted(collection) : collection_is_held(collection)) return false;
    uint64_t cursor = derived ? unit_root(shadow)->state.cursor : dispatcher->state.cursor;
    return shadow->state.cursor == cursor;
}

/* The shadows of a unit have one cursor. */
int dispatcher_show_shadows(struct dispatcher *dispatcher, bool derived, struct reel_error *error) {
    struct registry *registry = &dispatcher->registry;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < registry->count; i++)
        if (is_complete(dispatcher, registry->collections[i], derived))
            rc = show_shadow(dispatcher, registry->collections[i], error);
    return rc < 0 ? rc : put_floors(dispatcher, error);
}

/* ---- Derived collections, from records ------------------------------------------------------- */

/* Keys of the source that are read at once; and most memory of their records. */
#define SLICE_RECORDS 256
#define SLICE_BYTES   ((size_t)1 << 20)

/* A walk over the source's records, which changes records of the derived collection again and
 * again, all at the same seq. The index of its changes has each record once for each seq, so it is
 * written afterwards, by a walk over what was derived. Each slice is a walk of its own, because it
 * writes. */
struct deriving {
    struct collection *derived;
    bool is_indexing;  /* the second walk */
    struct text after; /* the key of the record that was met last */
    bool has_after;
    uint64_t rejected;         /* records that it rejected */
    char reason[REASON_BYTES]; /* why it rejected the first */
};

/* Copies the keys of the next records to the memory of the transaction. Returns how many. */
static int read_keys(const struct deriving *deriving, struct arena *arena,
                     struct reel_str keys[SLICE_RECORDS], struct reel_error *error) {
    const struct collection *derived = deriving->derived;
    const struct collection *source = deriving->is_indexing ? derived : derived->source;
    enum seek how = deriving->has_after ? SEEK_ABOVE : SEEK_AT_OR_ABOVE;
    struct table_walk walk;
    struct overlay_row row;
    int count = 0;
    table_walk_start(&walk, source->store, &source->store->writing,
                     collection_tables(source)->records, error);
    int rc = table_seek(&walk, text_str(&deriving->after), how, &row);
    while (rc > 0 && count < SLICE_RECORDS) {
        keys[count] = (struct reel_str){arena_copy(arena, row.key.data, row.key.len), row.key.len};
        rc = keys[count++].data ? table_next(&walk, &row) : fail_memory(error);
    }
    table_walk_finish(&walk);
    return rc < 0 ? rc : count;
}

static int derive_record(struct dispatcher *dispatcher, struct deriving *deriving,
                         struct reel_str key, struct reel_error *error) {
    struct collection *derived = deriving->derived, *source = derived->source;
    struct fold *fold = &dispatcher->fold;
    struct change *record;
    int rc = changes_find(source, key, &fold->arena, &record, error);
    if (rc < 0) return rc;
    int outcome = fold_derive_record(fold, derived, record, source->state.cursor, error);
    if (outcome < 0) return outcome;
    counts_add(&collection_shown(derived)->counts_again, outcome);
    derived->state.applied += outcome == REEL_APPLIED;
    derived->state.ignored += outcome == REEL_IGNORED;
    derived->state.rejected += outcome == REEL_REJECTED;
    if (outcome == REEL_REJECTED && deriving->rejected++ == 0)
        snprintf(deriving->reason, sizeof deriving->reason, "%s", fold->reason);
    return 0;
}

static int pass(struct deriving *deriving, struct reel_str key, struct reel_error *error) {
    deriving->after.len = 0;
    text_append_str(&deriving->after, key);
    deriving->has_after = true;
    return deriving->after.failed ? fail_memory(error) : 0;
}

/* 1: there may be more records. */
static int derive_slice(struct dispatcher *dispatcher, struct deriving *deriving,
                        struct reel_error *error) {
    struct arena *arena = &dispatcher->fold.arena;
    struct reel_str keys[SLICE_RECORDS];
    int count = read_keys(deriving, arena, keys, error), n = 0;
    if (count <= 0) return count;
    while (n < count && arena->used < SLICE_BYTES) {
        int rc = derive_record(dispatcher, deriving, keys[n++], error);
        if (rc < 0) return rc;
    }
    int rc = pass(deriving, keys[n - 1], error);
    if (rc == 0) rc = registry_flush(&dispatcher->registry, arena, error);
    if (rc < 0) return rc;
    arena_reset(arena);
    return 1;
}

static int index_slice(struct dispatcher *dispatcher, struct deriving *deriving,
                       struct reel_error *error) {
    const struct collection *derived = deriving->derived;
    struct arena *arena = &dispatcher->fold.arena;
    struct reel_str keys[SLICE_RECORDS];
    struct index_move moves[SLICE_RECORDS];
    int count = read_keys(deriving, arena, keys, error);
    if (count <= 0) return count;
    for (int n = 0; n < count; n++)
        moves[n] = (struct index_move){.key = keys[n], .to = derived->source->state.cursor};
    int rc = index_write(derived->store, collection_tables(derived)->index, moves, (size_t)count,
                         arena, error);
    if (rc == 0) rc = pass(deriving, keys[count - 1], error);
    if (rc < 0) return rc;
    arena_reset(arena);
    return 1;
}

static int next_slice(struct dispatcher *dispatcher, struct deriving *deriving,
                      struct reel_error *error) {
    if (deriving->is_indexing) return index_slice(dispatcher, deriving, error);
    int more = derive_slice(dispatcher, deriving, error);
    if (more != 0) return more;
    deriving->is_indexing = true;
    deriving->has_after = false;
    deriving->after.len = 0;
    return 1;
}

/* The rejected records of the source are one rejection: they have no events of their own. */
static int put_rejected(struct dispatcher *dispatcher, const struct deriving *deriving,
                        struct reel_error *error) {
    const struct collection *derived = deriving->derived;
    char reason[REASON_BYTES];
    if (deriving->rejected == 0) return 0;
    snprintf(reason, sizeof reason, "%" PRIu64 " records of `%s` in a rebuild; the first: %.800s",
             deriving->rejected, derived->source->name, deriving->reason);
    return rejected_put(&dispatcher->store, derived->source->state.cursor, derived->name,
                        derived->state.set, reason, error);
}

/* As many records as the memtable has room for. 1: there may be more. */
static int derive_group(struct dispatcher *dispatcher, struct deriving *deriving,
                        struct reel_error *error) {
    struct collection_state *state = &deriving->derived->state;
    int more = 1, rc = dispatcher_begin(dispatcher, error);
    if (rc < 0) return rc;
    while (more > 0 && !dispatcher_is_full(dispatcher))
        more = next_slice(dispatcher, deriving, error);
    rc = more < 0 ? more : 0;
    if (more == 0) {
        state->cursor = deriving->derived->source->state.cursor;
        state->from_records = 0;
        rc = put_rejected(dispatcher, deriving, error);
    }
    rc = dispatcher_end(dispatcher, rc, error);
    return rc < 0 ? rc : more;
}

/* After a failure it has what was derived before. */
static int empty_derived(struct dispatcher *dispatcher, struct collection *derived,
                         struct reel_error *error) {
    const char *why = derived->catching_up.why;
    int rc = dispatcher_begin(dispatcher, error);
    if (rc == 0) rc = registry_reset_derived(derived, &dispatcher->state, why, error);
    return dispatcher_end(dispatcher, rc, error);
}

static int show_derived(struct dispatcher *dispatcher, struct reel_error *error) {
    int rc = dispatcher_begin(dispatcher, error);
    if (rc == 0) rc = dispatcher_show_shadows(dispatcher, true, error);
    return dispatcher_end(dispatcher, rc, error);
}

int dispatcher_derive_records(struct dispatcher *dispatcher, struct reel_error *error) {
    struct collection *derived;
    bool beside = false;
    int any = 0;
    registry_underive(&dispatcher->registry);
    while ((derived = registry_underived(&dispatcher->registry))) {
        struct deriving deriving = {.derived = derived};
        struct collection *shown = collection_shown(derived);
        const char *why = shown->catching_up.why;
        int rc = empty_derived(dispatcher, derived, error);
        if (rc == 0) rc = 1;
        while (rc > 0) rc = derive_group(dispatcher, &deriving, error);
        text_finish(&deriving.after);
        if (rc < 0) return rc;
        shown->was_derived = why;
        beside = beside || derived->live;
        any = 1;
    }
    int rc = beside ? show_derived(dispatcher, error) : 0;
    return rc < 0 ? rc : any;
}

/* ---- Another log ----------------------------------------------------------------------------- */

static int adopt(struct dispatcher *dispatcher, const uint8_t epoch[16], uint64_t first_seq,
                 const struct store_origin *origin, struct reel_error *error) {
    struct store_state *state = &dispatcher->state;
    *state = (struct store_state){
        .format = state->format,
        .cursor = first_seq - 1,
        .first_seq = first_seq,
        .first_deletion = first_seq,
        .head = first_seq - 1,
    };
    memcpy(state->epoch, epoch, sizeof state->epoch);
    int rc = meta_empty(&dispatcher->store, error);
    if (rc == 0) rc = controls_begin_lineage(&dispatcher->store, epoch, first_seq, error);
    if (rc == 0) rc = meta_put_origin(&dispatcher->store, origin, error);
    return rc < 0 ? rc : registry_reset_all(&dispatcher->registry, state, error);
}

/* The checkpoint learns where the new log stands: a backup asks it which log it belongs to. If the
 * disk is full, it learns that later. */
static int mark_adopted(struct dispatcher *dispatcher, struct reel_error *error) {
    int rc = dispatcher_begin(dispatcher, error);
    if (rc == 0) rc = dispatcher_end(dispatcher, 0, error);
    if (rc == 0) rc = checkpoint_all(&dispatcher->store, error);
    return rc == -ENOSPC ? 0 : rc;
}

int dispatcher_adopt(struct dispatcher *dispatcher, const uint8_t epoch[16], uint64_t first_seq,
                     const struct store_origin *origin, struct reel_error *error) {
    struct log_facts facts = controls_facts(epoch, first_seq, origin);
    int rc = home_adopt_prepare(&dispatcher->home, &facts, error);
    if (rc == 0) rc = checkpoint_all(&dispatcher->store, error); /* nothing of the old log waits */
    if (rc == 0) rc = dispatcher_begin(dispatcher, error);
    if (rc == 0) {
        dispatcher->adopting = true;
        rc = adopt(dispatcher, epoch, first_seq, origin, error);
        rc = dispatcher_end(dispatcher, rc, error);
        dispatcher->adopting = false;
    }
    if (rc == 0) {
        rc = home_adopt_finish(&dispatcher->home, &facts, error);
        return rc < 0 ? rc : mark_adopted(dispatcher, error);
    }
    if (!atomic_load(&dispatcher->store.broken)) home_adopt_abort(&dispatcher->home);
    return rc;
}

/* ---- The start ------------------------------------------------------------------------------- */

/* Rebuilds that the log knows of, and that a crash kept from happening, are asked for again. */
static int find_rebuild(struct dispatcher *dispatcher, struct collection *collection,
                        struct reel_error *error) {
    enum rebuild known = REBUILD_NONE;
    int rc = controls_rebuild(&dispatcher->store, collection->name, &known, error);
    collection->rebuild_unmet = known != REBUILD_NONE;
    collection->rebuild_shown = known == REBUILD_SHOWN;
    return rc;
}

static bool is_rebuild_wanted(const struct collection *root) {
    bool wanted = root->rebuild_wanted;
    for (size_t i = 0; i < root->derived_count; i++)
        wanted = wanted || root->derived[i]->rebuild_wanted;
    return wanted;
}

/* A rebuild that was asked for ends the pause. */
static int find_pause(struct dispatcher *dispatcher, struct collection *root,
                      struct reel_error *error) {
    struct halt halt = {0};
    int rc = controls_paused_from(&dispatcher->store, root->name, &halt.paused_from, error);
    if (rc == 0 && halt.paused_from && is_rebuild_wanted(root)) {
        halt.paused_from = 0;
        rc = put_resumed(dispatcher, root, error);
    }
    registry_halt(root, &halt);
    return rc;
}

/* What the log says of all collections. */
static int find_controls(struct dispatcher *dispatcher, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < dispatcher->registry.count; i++) {
        struct collection *collection = dispatcher->registry.collections[i];
        rc = find_rebuild(dispatcher, collection, error);
        if (rc == 0 && !collection->source) rc = find_pause(dispatcher, collection, error);
    }
    return rc;
}

/* What a source changes is what derived collections fold. */
static bool tail_is_of_other(const struct collection *collection) {
    for (; collection; collection = collection->source)
        if (collection->tail_is_of_other) return true;
    return false;
}

/* The records of its rebuild were visible before a crash. It goes on, but not before the old ones
 * are visible again. */
static bool shows_older(struct collection *collection) {
    return collection->rebuild_shown && !collection->rebuild_begun &&
           !unit_root(collection)->finish_first;
}

/* The log is what knows the generation of each collection. What the tail of the log has changed was
 * visible before a crash: if another object folds it now, its records may be others. */
static int put_change(struct dispatcher *dispatcher, struct collection *collection,
                      struct reel_error *error) {
    int rc = controls_get_generation(&dispatcher->store, collection->name,
                                     &collection->state.generation, error);
    if (rc < 0) return rc;
    bool is_emptied = collection->rebuild_begun && !shadow_of(collection);
    if (collection->rebuild_begun) rc = put_rebuild(dispatcher, collection, error);
    if (collection->has_given_up) rc = put_given_up(dispatcher, collection, error);
    if (rc == 0 && !is_emptied && (tail_is_of_other(collection) || shows_older(collection)))
        rc = put_generation(dispatcher, collection, LOG_GENERATION, error);
    return rc;
}

static int put_changes(struct dispatcher *dispatcher, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < dispatcher->registry.count; i++)
        rc = put_change(dispatcher, dispatcher->registry.collections[i], error);
    return rc < 0 ? rc : put_floors(dispatcher, error);
}

int dispatcher_open_collections(struct dispatcher *dispatcher, struct reel_error *error) {
    struct registry *registry = &dispatcher->registry;
    registry_watch(registry);
    int rc = units_link(registry->collections, registry->count, error);
    return rc == 0 ? registry_open(registry, error) : rc;
}

int dispatcher_start(struct dispatcher *dispatcher, struct reel_error *error) {
    struct registry *registry = &dispatcher->registry;
    int rc = dispatcher_begin(dispatcher, error);
    if (rc < 0) return rc;
    rc = find_controls(dispatcher, error);
    if (rc == 0) rc = registry_start(registry, &dispatcher->state, error);
    if (rc == 0) rc = registry_drop_handovers(registry, error);
    if (rc == 0) rc = put_changes(dispatcher, error);
    dispatcher->trim_left = true; /* a trim may have been killed half way */
    rc = dispatcher_end(dispatcher, rc, error);
    if (rc == 0) rc = dispatcher_derive_records(dispatcher, error);
    return rc < 0 ? rc : 0;
}

/* ---- Units that are stopped or paused -------------------------------------------------------- */

/* Before it is visible that anything has changed, so that no answer that is kept is of before. */
int dispatcher_pause(struct dispatcher *dispatcher, struct collection *root,
                     struct reel_error *error) {
    const struct halt before = registry_halt_of(root);
    struct halt halt = before;
    uint64_t head = dispatcher->state.head;
    int rc = dispatcher_begin(dispatcher, error);
    if (rc < 0) return rc;
    rc = controls_pause(dispatcher->home.place.log, &dispatcher->store, root->name, head, error);
    halt.paused_from = head + 1;
    registry_halt(root, &halt);
    rc = dispatcher_end(dispatcher, rc, error);
    if (rc < 0) registry_halt(root, &before);
    return rc;
}

static int restart(struct dispatcher *dispatcher, struct collection *root,
                   struct reel_error *error) {
    int rc = find_rebuild(dispatcher, root, error);
    for (size_t i = 0; rc == 0 && i < root->derived_count; i++)
        rc = find_rebuild(dispatcher, root->derived[i], error);
    if (rc == 0) rc = registry_restart(root, &dispatcher->state, error);
    if (rc == 0) rc = put_change(dispatcher, root, error);
    for (size_t i = 0; rc == 0 && i < root->derived_count; i++)
        rc = put_change(dispatcher, root->derived[i], error);
    return rc < 0 ? rc : put_floors(dispatcher, error);
}

static int go_on(struct dispatcher *dispatcher, struct collection *root, uint64_t paused_from,
                 struct reel_error *error) {
    const struct halt halt = registry_halt_of(root);
    bool lagged = root->lags;
    int rc = dispatcher_begin(dispatcher, error);
    if (rc < 0) return rc;
    if (halt.paused_from && !paused_from) rc = put_resumed(dispatcher, root, error);
    registry_begin_to_go_on(root, paused_from);
    if (rc == 0) rc = restart(dispatcher, root, error);
    rc = dispatcher_end(dispatcher, rc, error);
    if (rc < 0)
        halt_again(root, &halt, lagged);
    else
        registry_go_on(root, dispatcher->state.cursor);
    return rc;
}

int dispatcher_resume(struct dispatcher *dispatcher, struct collection *root,
                      struct reel_error *error) {
    INVARIANT(!root->stopped);
    return go_on(dispatcher, root, 0, error);
}

int dispatcher_release(struct dispatcher *dispatcher, struct collection *root,
                       struct reel_error *error) {
    root->is_released = true;
    return go_on(dispatcher, root, root->paused_from, error);
}
