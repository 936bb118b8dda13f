/* counts.c: see counts.h. */
#include "engine/fold/counts.h"

#include "base/invariant.h"

#include <string.h>

static size_t place_of(reel_outcome outcome) {
    INVARIANT(outcome >= REEL_APPLIED && outcome <= REEL_REJECTED);
    return (size_t)(outcome - REEL_APPLIED);
}

void counts_add(struct counts *counts, reel_outcome outcome) {
    counts->pending[place_of(outcome)]++;
}

void counts_commit(struct counts *counts) {
    for (size_t i = 0; i < OUTCOMES; i++)
        if (counts->pending[i])
            atomic_fetch_add_explicit(&counts->total[i], counts->pending[i], memory_order_relaxed);
    counts_abort(counts);
}

void counts_abort(struct counts *counts) {
    memset(counts->pending, 0, sizeof counts->pending);
}

uint64_t counts_read(struct counts *counts, reel_outcome outcome) {
    return atomic_load_explicit(&counts->total[place_of(outcome)], memory_order_relaxed);
}
