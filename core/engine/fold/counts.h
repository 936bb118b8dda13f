/* counts.h: counts events by outcome, for counters that never fall.
 *
 * The writer counts while it folds; other threads see the counts of committed transactions. The
 * counts begin with the process. (The counts in the store (store.h) begin again with a rebuild or a
 * new log.)
 */
#ifndef REEL_ENGINE_FOLD_COUNTS_H
#define REEL_ENGINE_FOLD_COUNTS_H

#include <reel/host.h>

#include <stdatomic.h>

#define OUTCOMES 3

/* All zero: nothing was counted. */
struct counts {
    uint64_t pending[OUTCOMES]; /* counts of the running transaction. [writer] */
    atomic_uint_fast64_t total[OUTCOMES];
};

void counts_add(struct counts *counts, reel_outcome outcome);
void counts_commit(struct counts *counts);
void counts_abort(struct counts *counts);

/* [any thread] */
uint64_t counts_read(struct counts *counts, reel_outcome outcome);

#endif
