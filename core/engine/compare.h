/* compare.h: what other plugins would make of a store. (`reeld plan`)
 *
 * The records that a store has are in its checkpoint. So only the new plugins fold the log, and
 * their records are compared with those of the checkpoint, at its cursor: to read 100,000 records
 * there takes 0.1 s, where a second fold of their 500,000 events takes 2.5 s; and the old plugins
 * need not be there. Each collection is compared at the cursor that it has there: one that is
 * stopped or paused is behind the others. The events beyond the checkpoint, which a daemon has
 * folded in the last minute at most, are then folded, too, because the plugins may not survive
 * them.
 *
 * Another process may have the directory open, and go on meanwhile. A transaction of LMDB that is
 * open for long makes that process's file grow. So the log is folded up to one checkpoint, which is
 * then let go of; then up to the checkpoint of that moment, which takes the less time; and this one
 * is compared.
 */
#ifndef REEL_ENGINE_COMPARE_H
#define REEL_ENGINE_COMPARE_H

#include "engine/changed.h"
#include "engine/differences.h"

/* Of a collection, in the checkpoint or in the fold. */
struct compare_side {
    uint32_t revision;
    uint64_t records;
    char digest[DIGEST_TEXT_SIZE];
};

struct compare_collection {
    const char *name;
    char why_not[512];      /* why it cannot be compared; empty: it is */
    bool was, is;           /* the store has it; a plugin has it. Not both: it is removed, or new */
    enum changed_fate fate; /* of its unit, at a reload */
    const char *why_made_again; /* constant; NULL: it is not */
    bool is_kept_by_start;      /* a restart keeps its records, and folds what follows */
    bool stays; /* not compared, because the log was trimmed, but a reload keeps its records */
    uint64_t from_seq, cursor; /* it is made from the events from the one on, up to the other */
    struct compare_side before, after;
};

struct compare_options {
    const char *directory; /* of the store; it is only read */

    /* Collections to compare. What is in one unit with one of them is compared, too. The last
     * `served` of them were served before: if the checkpoint does not have one, it is older. */
    const char *const *names;
    size_t count, served;
};

struct compare_result {
    uint64_t first_seq, cursor; /* of the log; of the checkpoint that was compared */
    uint64_t events;            /* that were folded */
    uint64_t events_beyond;     /* of them, beyond the checkpoint */
    uint64_t fold_ms, compare_ms;
};

/* `reel` is in memory or a scratch (build.h), and has the new plugins; afterwards it is only to be
 * closed. -EAGAIN: the store was replaced meanwhile, or its files changed: try again. */
int compare_directory(struct reel *reel, const struct compare_options *options,
                      const struct comparer *comparer, struct compare_result *ret,
                      struct reel_error *error);

#endif
