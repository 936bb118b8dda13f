/* differences.h: how the records, and the rejections, of one collection in a checkpoint differ from
 * those that a fold has made (compare.h). Both sides have the same order, so that one walk over
 * both finds all of it, and nothing is kept.
 */
#ifndef REEL_ENGINE_DIFFERENCES_H
#define REEL_ENGINE_DIFFERENCES_H

#include "engine/compare.h"
#include "engine/fold/collection.h"
#include "engine/store/stored.h"

struct differences {
    const struct comparer *comparer;
    struct stored *stored;
    const struct stored_collection *before; /* in `stored`; NULL: it does not have it */
    const struct collection *after;         /* in the group that is open; NULL: no plugin has it */
    uint64_t from_seq, cursor;              /* rejections of these events */
};

int differences_of_records(const struct differences *differences, struct reel_error *error);

/* `after` is not NULL. */
int differences_of_rejections(const struct differences *differences, struct reel_error *error);

#endif
