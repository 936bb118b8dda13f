/* registry.h: the collections: what is declared of each, what the store knows of it, and how far
 * it has come.
 *
 * All collections stand at one cursor, the store's, except one that is behind: its plugin was
 * away, or is new, or it is being rebuilt. Each has its own cursor for that, and folds only what
 * is beyond it.
 *
 * When a plugin comes back, what it declares is compared with what its records were made by:
 *     nothing known       made, empty; from the log's floor
 *     same fold           goes on from its own cursor
 *     another fold        dropped and rebuilt from the log
 * "Another fold" is another revision (unless its author says the old records will do) or other
 * fields. If the log was trimmed, a rebuild would lose what the log no longer has: that is
 * refused unless it was asked for. So is going on across a gap, when events that a collection
 * has not folded are gone.
 */
#ifndef REEL_ENGINE_FOLD_REGISTRY_H
#define REEL_ENGINE_FOLD_REGISTRY_H

#include "engine/fold/collection.h"

struct registry {
    struct collection **collections; /* in the order in which they were added */
    size_t count;
};

void registry_finish(struct registry *registry);

/* Adds each projector's collection. -EEXIST: another plugin has one of that name. After a failure
 * some may have been added. */
int registry_add(struct registry *registry, const struct plugin *plugin, struct store *store,
                 struct fold *fold, struct reel_error *error);

/* Removes those that were added last, all but `count`. */
void registry_truncate(struct registry *registry, size_t count);

struct collection *registry_find(const struct registry *registry, struct reel_str name);

/* Opens the databases and compares, within the write transaction. `position` is the store's.
 * -ESTALE: see above. */
int registry_start(struct registry *registry, const struct store_state *position,
                   struct reel_error *error);

/* Empties a collection and sets it to the log's floor, within the write transaction. `why` is for
 * the operator, and static. */
int registry_reset(struct collection *collection, const struct store_state *position,
                   const char *why, struct reel_error *error);

/* All of them. */
int registry_reset_all(struct registry *registry, const struct store_state *position,
                       struct reel_error *error);

/* Removes tombstones below `first_seq` from every index, at most `max`. `ret_more`: some may be
 * left. `ret_last_seq`: of the newest that was removed, or 0. */
int registry_trim(struct registry *registry, uint64_t first_seq, size_t max, bool *ret_more,
                  uint64_t *ret_last_seq, struct reel_error *error);

/* The lowest cursor of any collection, or `cursor` if that is lower. */
uint64_t registry_behind(const struct registry *registry, uint64_t cursor);

/* Ends a transaction's work: writes changes and states, with every cursor raised to `cursor`. */
int registry_flush(struct registry *registry, struct arena *arena, struct reel_error *error);
int registry_put_states(struct registry *registry, uint64_t cursor, struct reel_error *error);

/* What the transaction did to the states has happened, or has not. */
void registry_committed(struct registry *registry);
void registry_aborted(struct registry *registry);

#endif
