/* registry.h: all collections: their declarations, their states in the store, and their cursors.
 *
 * All collections have the cursor of the store, except those that are behind: the plugin was not
 * loaded for a while, or is new, or the collection is being rebuilt. So each collection has a
 * cursor of its own, and only folds the events after it.
 *
 * When a plugin is loaded, its declaration is compared with the one that made the records:
 *     no records          created empty, from the log's floor on
 *     the same fold       continues from its own cursor
 *     another fold        rebuilt from the log
 * A rebuild is done beside the old records, which are served and folded on (shadow.h). That is not
 * possible for records of another fold: these are deleted, and the collection is folded again where
 * it is.
 * "Another fold" is another revision (unless the author has declared it compatible), other fields,
 * or other values of its settings. If the log was trimmed, a rebuild would lose the records of
 * trimmed events. So it is refused, unless it was requested. The same is true if events were
 * trimmed that the collection has not folded.
 *
 * A collection that has crashed too often is stopped (set_aside.h), with its unit: it stays as it
 * is, and its cursor does not move. It goes on when the plugin or the host is another build, when
 * it is released, or when it is rebuilt. It can also be paused, until it is resumed. When a unit
 * goes on, it is folded beside the others (`lags`) until its cursor is theirs. Events that are set
 * aside for a build of the plugin are tried again with another build: the collection is rebuilt, if
 * the log still has all of its events. It is also rebuilt when a build returns for which events are
 * set aside, since another build may have folded these.
 *
 * A rebuild that was begun before the start goes on. Another object begins it again, unless events
 * were trimmed meanwhile that the shadow has folded. If it cannot go on, and to begin again would
 * lose the records of such events, it is given up: the old records stay, if they can be folded on.
 *
 * If a builder has made the records of a whole unit for the plugins that are loaded now
 * (handover.h), these are its shadow from the start on (registry_handover.c). The old records are
 * removed at once. The shadow takes their place before anything is visible, unless it is far behind
 * the log.
 *
 * A unit (units.h) is rebuilt together, also if one of its collections is new. If the log was
 * trimmed, the source of events stays as it is, and derived collections can be made from the
 * records of their sources, if their projectors allow this (REEL_DERIVE_FROM_RECORDS). They are
 * emptied, or their shadows are, and wait for it with `state.from_records`: meanwhile they fold
 * nothing, and their cursor is 0.
 */
#ifndef REEL_ENGINE_FOLD_REGISTRY_H
#define REEL_ENGINE_FOLD_REGISTRY_H

#include "engine/fold/collection.h"

struct registry {
    struct collection **collections; /* in the order in which they were added */
    size_t count;
    bool hands_over;       /* records of a builder are in the store, for the next worker, */
    uint64_t handed_after; /* which needs the log from there on (engine/handover.h) */
};

void registry_finish(struct registry *registry);

/* Adds each projector's collection. -EEXIST: another plugin has a collection with this name. After
 * a failure, some may have been added. */
int registry_add(struct registry *registry, const struct plugin *plugin, struct store *store,
                 struct fold *fold, struct reel_error *error);

/* Removes the collections that were added last, so that `count` remain. */
void registry_truncate(struct registry *registry, size_t count);

struct collection *registry_find(const struct registry *registry, struct reel_str name);

/* From now on, who watches this process knows which collection a callback is of (callbacks.h). */
void registry_watch(struct registry *registry);

/* Opens the tables of all collections, between groups. */
int registry_open(struct registry *registry, struct reel_error *error);

/* Has the collection the fields that it had when the records of this state were made? */
bool registry_has_fields(const struct collection *collection, const struct collection_state *state);

/* Stopped and paused units (registry_halt.c), by their source of events. Within a group, at the
 * start: is it stopped; and its records stay as they are. */
void registry_settle_halt(struct collection *root, const struct store_state *position);
int registry_keep_halted(struct collection *root, const struct store_state *position,
                         struct reel_error *error);

/* Why a unit folds no events, as in struct collection; all zero: it folds. */
struct halt {
    const struct set_aside *stopped;
    uint64_t paused_from;
    bool lost_events;
};
void registry_halt(struct collection *root, const struct halt *halt);
struct halt registry_halt_of(const struct collection *root);

/* A unit goes on, in the group that begins; up to a pause, or, with 0, for good. Then, within it:
 * what registry_start does for a unit. When it is committed: the unit is folded beside the others,
 * until it has their cursor. */
void registry_begin_to_go_on(struct collection *root, uint64_t paused_from);
int registry_restart(struct collection *root, const struct store_state *position,
                     struct reel_error *error);
void registry_go_on(struct collection *root, uint64_t cursor);

/* Those that have reached the cursor are folded with the others again. */
void registry_join(struct registry *registry, uint64_t cursor);

/* Compares the collections with the store, within a group. `position` is the state of the store.
 * -ESTALE: see above. */
int registry_start(struct registry *registry, const struct store_state *position,
                   struct reel_error *error);

/* Were the records of this state made by another fold than the collection's? Why so; or NULL. */
const char *registry_other_fold(const struct collection *collection,
                                const struct collection_state *state);

/* Is the collection of another object than the one that made the records of this state, while
 * events are set aside for either? Its fold then makes other records: it is made again, if the log
 * has all of its events. Why so; or NULL. */
const char *registry_tries_again(const struct collection *collection,
                                 const struct collection_state *state);

/* Another object than the one that made the records, though its author says it is the same fold?
 * Not known of one that is linked in. */
bool registry_other_build(const struct collection *collection,
                          const struct collection_state *state);

/* Why a collection cannot be rebuilt, as the log begins later than its records. -ESTALE. */
int registry_refuse(const struct collection *collection, const char *why, uint64_t first_seq,
                    struct reel_error *error);

/* What was handed over (registry_handover.c), within the group of the start. Is there anything of
 * this collection? Of a unit: is it for what is loaded now; and it becomes the unit's shadows. What
 * is left of those that are loaded is removed. */
int registry_read_handover(struct collection *collection, struct reel_error *error);
bool registry_can_adopt(const struct collection *root, const struct store_state *position);
int registry_adopt(struct collection *root, const struct store_state *position,
                   struct reel_error *error);
int registry_drop_handovers(struct registry *registry, struct reel_error *error);

/* Empties the tables of what is handed over, and removes it. */
int registry_clear_handover(struct store *store, const char *name, unsigned set,
                            const struct table_set *tables, struct reel_error *error);

/* It is empty, and waits for its shadow. For a rebuild, to the operator and to the log. */
int registry_await_shadow(struct collection *collection, const struct store_state *position,
                          const char *why, struct reel_error *error);
void registry_note_rebuild(struct collection *collection);

/* Empties a collection and sets its cursor to the log's floor, within the write transaction. `why`
 * is for the operator; it must be constant. */
int registry_reset(struct collection *collection, const struct store_state *position,
                   const char *why, struct reel_error *error);

/* The same for a derived collection that will be made from the records of its source: its
 * `state.from_records` is set, and its cursor is 0. */
int registry_reset_derived(struct collection *collection, const struct store_state *position,
                           const char *why, struct reel_error *error);

/* Begins a rebuild because it was asked for, of a collection and of what must be rebuilt with it,
 * within the write transaction: `rebuild_begun` says of each collection of the unit whether it was.
 * -ESTALE: see above. */
int registry_remake(struct collection *collection, const struct store_state *position,
                    struct reel_error *error);

/* A collection or a shadow that waits with `from_records`, and whose source does not; or NULL. */
struct collection *registry_underived(const struct registry *registry);

/* A shadow must be finished before anything is visible (`finish_first`). */
bool registry_finishes_first(const struct registry *registry);

/* A collection has no records until those of its shadow take the place of what it had before the
 * start. */
bool registry_replaces(const struct registry *registry);

/* Shadows that are made from records, and are not shown in the call that makes them, are made again
 * in the next one. */
void registry_underive(struct registry *registry);

/* Resets all collections. */
int registry_reset_all(struct registry *registry, const struct store_state *position,
                       struct reel_error *error);

/* Within a group: its table of fields is empty, and, if `is_built`, all that there must be. */
int registry_begin_fields(struct collection *collection, bool is_built, struct reel_error *error);

/* The same at the start: is its table about what the plugin declares? Else it is made again. */
int registry_start_fields(struct collection *collection, struct reel_error *error);

/* A collection whose table of fields is not built yet; or NULL. */
struct collection *registry_unbuilt(const struct registry *registry);

/* Within a group: writes the next slice of that table. `ret` is how far it then is: when the group
 * is committed, it replaces `collection->progress`. */
int registry_build(struct collection *collection, struct arena *arena, struct field_progress *ret,
                   struct reel_error *error);

/* Removes tombstones below `first_seq` from every index, at most `max`. `ret_more`: there
 * may be more. `ret_last_seq`: the seq of the newest one that was removed, or 0. */
int registry_trim(struct registry *registry, uint64_t first_seq, size_t max, bool *ret_more,
                  uint64_t *ret_last_seq, struct reel_error *error);

/* The lowest cursor of any collection that is folded with the others; at most `cursor`. Of what is
 * folded beside them: shadows that do not wait, and collections that lag; false: there is nothing.
 * And of both. */
uint64_t registry_behind(const struct registry *registry, uint64_t cursor);
bool registry_beside(const struct registry *registry, uint64_t cursor, uint64_t *ret);
uint64_t registry_needed(const struct registry *registry, uint64_t cursor);

/* At the end of a transaction: writes changes and states, and raises the cursors of all collections
 * that are folded with the others, or of all that are folded beside them, to `cursor`. */
int registry_flush(struct registry *registry, struct arena *arena, struct reel_error *error);
void registry_raise_beside(struct registry *registry, uint64_t cursor);
void registry_raise(struct registry *registry, uint64_t cursor);
int registry_put_states(struct registry *registry, struct reel_error *error);

/* Says that the transaction was committed, or that it was aborted. */
void registry_committed(struct registry *registry);
void registry_aborted(struct registry *registry);

#endif
