/* units.h: which collections derive from which.
 *
 * A unit is a collection that folds events, and all that derive from it, directly or not. Each
 * derived collection has one source, so a unit is a tree. Its collections are folded in one step of
 * an event (dispatcher.c), so they have the same cursor, and are rebuilt together (registry.h).
 */
#ifndef REEL_ENGINE_FOLD_UNITS_H
#define REEL_ENGINE_FOLD_UNITS_H

#include "engine/fold/collection.h"

/* Finds the source of each derived collection, and lists what derives from each source of events:
 * sources before derived, and by name, so that the order in which plugins were added does not
 * matter. -EINVAL: a source does not exist, or sources form a circle. -ENOMEM. */
int units_link(struct collection *const *collections, size_t count, struct reel_error *error);

/* The one that folds events. */
struct collection *unit_root(struct collection *collection);

#endif
