/* refold.h: folds another home's log, which is only read: what looks back (build.h) and what
 * verifies (verify.h) is made so.
 *
 * The Reel is in memory or a scratch (home.h), has its plugins, and was not started. At first no
 * collection is folded. refold_from says which are, and refold_to folds them.
 */
#ifndef REEL_ENGINE_REFOLD_H
#define REEL_ENGINE_REFOLD_H

#include "engine/store/stored.h"
#include "engine/transaction.h"

/* Starts `reel` on a log that is open to be read, and takes it. Every collection is at `head`. */
int refold_begin(struct reel *reel, struct log *log, uint64_t head, struct reel_error *error);

/* This collection is made of the events after `cursor`. Before refold_to. */
void refold_from(struct collection *collection, uint64_t cursor);

/* Folds up to `seq`, which is at most the head. */
int refold_to(struct reel *reel, uint64_t seq, struct reel_error *error);

/* A slice of that. 1: there is more. */
int refold_some(struct reel *reel, uint64_t seq, struct reel_error *error);

/* Of one collection of a checkpoint. */
struct refolded {
    const struct stored_collection *stored;
    struct collection *collection; /* NULL: not compared */
    const char *why;               /* then: why not */
    struct digest digest;          /* at stored->state.cursor */
};

/* Begins, and folds each collection up to its cursor in a checkpoint. `all` has the `stored` of
 * each collection; the other members are set here. */
int refold_take(struct reel *reel, struct log *log, const struct store_state *checkpoint,
                struct refolded *all, size_t count, struct reel_error *error);

#endif
