/* shadow.h: a rebuild beside the records that are served.
 *
 * The records that a rebuild makes go into the collection's other set of tables (store.h), as a
 * collection of their own: its shadow. It has a state, a cursor, a digest and rejections of its
 * own, and is folded by the same plugin from the log's floor on. Meanwhile the collection is
 * folded on and served. When the shadow has reached its cursor, it takes the collection's place:
 * what `meta` says of the collection changes in one group (its set, its state, its generation). So
 * a view sees all of the old records or all of the new ones.
 *
 *     shadow_begin     an empty shadow; one that is there begins again
 *     shadow_find      after a restart: the shadow that `meta` has
 *     shadow_adopt     a shadow whose records are there already: a builder has made them
 *     shadow_show      it takes its collection's place
 *     shadow_end       it is given up
 *
 * All of this happens within a group, and is undone with it.
 *
 * **Units.** The collections of a unit (units.h) have their shadows together: a shadow derives from
 * the shadow of its source. The shadows are folded in one step of an event, so they have one
 * cursor, and are shown in the same group. If the log was trimmed, a derived collection alone may
 * have a shadow, which is made from the records of its source (dispatcher_start.c).
 *
 * **Collections that cannot be folded on** (`state.waits`), such as one that is new in its unit,
 * are empty and not served until their shadow is complete. If none of a unit can be, there are no
 * shadows: the unit is emptied and folded again where it is (registry.h).
 *
 * **Crashes.** The shadow's state is in `meta`, so it is part of each checkpoint, and the rebuild
 * goes on from there. It begins again if another object, revision or set of values would go on with
 * it (registry.h says when it does not). The old records of a checkpoint must not be served again
 * when those of the shadow were visible before the crash, which the log knows (controls.h): then
 * the rebuild is finished before anything is served.
 */
#ifndef REEL_ENGINE_FOLD_SHADOW_H
#define REEL_ENGINE_FOLD_SHADOW_H

#include "engine/fold/collection.h"

/* Empty, of that state but for its set. */
int shadow_begin(struct collection *live, const struct collection_state *state,
                 struct reel_error *error);

/* -ENOENT: there is none. */
int shadow_find(struct collection *live, struct reel_error *error);

/* Its tables have the records of this state, which become a shadow that is finished before anything
 * is visible (engine/handover.h). */
int shadow_adopt(struct collection *live, const struct collection_state *state,
                 struct reel_error *error);

int shadow_end(struct collection *live, struct reel_error *error);

/* The group has not changed the collection's records. */
int shadow_show(struct collection *live, uint64_t generation, struct reel_error *error);

/* The shadow that is folded or shown; NULL: there is none, or it has ended in this group. */
struct collection *shadow_of(const struct collection *live);

/* Is it folded from the log, with its unit? Else it is made from the records of its source. */
bool shadow_is_of_log(const struct collection *shadow);

/* The shadow, if it is of the log and does not wait for its collection (collection_is_held). */
struct collection *shadow_folded(const struct collection *live);

/* Lets the shadows of a unit derive from one another, after some of them began or ended. -ENOMEM.
 */
int shadow_link(struct collection *root, struct reel_error *error);

/* At the end of a group: for each collection, and then shadow_settle for each. */
void shadow_committed(struct collection *live);
void shadow_aborted(struct collection *live);
void shadow_settle(struct collection *live);

void shadow_destroy(struct collection *shadow);

#endif
