/* refold.h: a fold of another home's log, which is only read: in memory, up to given cursors, for
 * what the collections must be there.
 */
#ifndef REEL_ENGINE_REFOLD_H
#define REEL_ENGINE_REFOLD_H

#include "engine/store/stored.h"
#include "engine/transaction.h"

/* Of one collection of a checkpoint. */
struct refolded {
    const struct stored_collection *stored;
    const struct collection *collection; /* NULL: not compared */
    const char *why;                     /* then: why not */
    struct digest digest;                /* at stored->state.cursor */
};

/* `reel` is in memory, has its plugins, and was not started. Takes `log`, which is open to be read.
 * `all` has the `stored` of each collection; the other members are set here. */
int refold_take(struct reel *reel, struct log *log, const struct store_state *checkpoint,
                struct refolded *all, size_t count, struct reel_error *error);

#endif
