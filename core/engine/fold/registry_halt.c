/* registry_halt.c: collections that are stopped or paused: see registry.h. */
#include "engine/fold/registry.h"

#include "engine/fold/fold.h"
#include "engine/fold/shadow.h"
#include "engine/fold/units.h"

/* ---- Of a unit ------------------------------------------------------------------------------- */

static void set_one(struct collection *collection, const struct halt *halt) {
    collection->stopped = halt->stopped;
    collection->paused_from = halt->paused_from;
    collection->lost_events = halt->lost_events;
}

void registry_halt(struct collection *root, const struct halt *halt) {
    set_one(root, halt);
    for (size_t i = 0; i < root->derived_count; i++) set_one(root->derived[i], halt);
}

struct halt registry_halt_of(const struct collection *root) {
    return (struct halt){root->stopped, root->paused_from, root->lost_events};
}

static void set_lags(struct collection *root, bool lags) {
    root->lags = lags;
    for (size_t i = 0; i < root->derived_count; i++) root->derived[i]->lags = lags;
}

static void show_behind(struct collection *root) {
    root->shown_behind = true;
    for (size_t i = 0; i < root->derived_count; i++) root->derived[i]->shown_behind = true;
}

/* ---- Going on -------------------------------------------------------------------------------- */

/* So that views show it without a gap, it is shown behind before it is not halted any more; and it
 * stays so, for views that are older than the end of this. What is emptied is not shown. */
void registry_begin_to_go_on(struct collection *root, uint64_t paused_from) {
    show_behind(root);
    set_lags(root, true);
    registry_halt(root, &(struct halt){.paused_from = paused_from});
}

/* Or it is halted again on the way. */
void registry_go_on(struct collection *root, uint64_t cursor) {
    uint64_t own = root->state.cursor;
    if (own < cursor && !collection_stops_before(root, own + 1)) return;
    set_lags(root, false);
}

void registry_join(struct registry *registry, uint64_t cursor) {
    for (size_t i = 0; i < registry->count; i++) {
        struct collection *root = registry->collections[i];
        if (!root->source && root->lags) registry_go_on(root, cursor);
    }
}

/* ---- The start ------------------------------------------------------------------------------- */

static const struct set_aside *find_stop(const struct collection *collection, bool is_trimmed) {
    return is_trimmed ? set_aside_was_stopped(collection->aside, collection->name)
                      : set_aside_stop(collection->aside, collection->name,
                                       plugin_build_id(collection->plugin), reel_version());
}

/* One that was stopped when the log was trimmed stays stopped, whatever else has changed: only a
 * rebuild helps. A fold in memory is one of another store's log, as far as that has come. */
void registry_settle_halt(struct collection *root, const struct store_state *position) {
    bool is_trimmed = !root->is_new && root->state.cursor + 1 < position->first_seq;
    const struct set_aside *line = NULL;
    bool may_stop = !root->store->in_memory && !root->is_released;
    if (may_stop) line = find_stop(root, is_trimmed);
    for (size_t i = 0; !line && may_stop && i < root->derived_count; i++)
        line = find_stop(root->derived[i], is_trimmed);
    struct halt halt = {.stopped = line, .paused_from = root->paused_from};
    halt.lost_events = (line || halt.paused_from) && is_trimmed;
    registry_halt(root, &halt);
}

/* Its records stay as they are, whatever is loaded now. What is new stays empty, and is folded with
 * the others when they go on: a derived collection has another cursor than its source. A rebuild
 * that was not finished is begun again when they go on. */
static int put_halted(struct collection *collection, const struct store_state *position,
                      struct reel_error *error) {
    int rc = shadow_of(collection) ? shadow_end(collection, error) : 0;
    if (rc == 0 && collection->is_new) {
        rc = registry_reset(collection, position, "it is new", error);
        if (collection->source) collection->state.cursor = 0;
    } else if (rc == 0) {
        collection->unreadable = !registry_has_fields(collection, &collection->state);
        if (collection->unreadable)
            collection->progress.is_built = true; /* the index of other fields stays, too */
        else
            rc = registry_start_fields(collection, error);
    }
    if (rc < 0) return rc;
    return meta_put_collection(collection->store, collection->name, &collection->state, error);
}

int registry_keep_halted(struct collection *root, const struct store_state *position,
                         struct reel_error *error) {
    uint64_t next = root->state.cursor + 1;
    struct halt halt = registry_halt_of(root);
    if (halt.paused_from > next) halt.paused_from = next;
    registry_halt(root, &halt);
    int rc = put_halted(root, position, error);
    for (size_t i = 0; rc == 0 && i < root->derived_count; i++)
        rc = put_halted(root->derived[i], position, error);
    return rc;
}
