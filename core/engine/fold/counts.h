/* counts.h: how many events had which outcome, for counters that never fall.
 *
 * The writer counts as it folds; others see the counts of what is committed. They begin with the
 * process: what the store keeps (store.h) begins again with a rebuild or a new log.
 */
#ifndef REEL_ENGINE_FOLD_COUNTS_H
#define REEL_ENGINE_FOLD_COUNTS_H

#include <reel/host.h>

#include <stdatomic.h>

#define OUTCOMES 3

/* All of zero is none. */
struct counts {
    uint64_t pending[OUTCOMES]; /* of the running transaction. [writer] */
    atomic_uint_fast64_t total[OUTCOMES];
};

void counts_add(struct counts *counts, reel_outcome outcome);
void counts_commit(struct counts *counts);
void counts_abort(struct counts *counts);

/* [any thread] */
uint64_t counts_read(struct counts *counts, reel_outcome outcome);

#endif
