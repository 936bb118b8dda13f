/* histogram.h: durations, counted in buckets by several threads without a lock. */
#ifndef REEL_BASE_HISTOGRAM_H
#define REEL_BASE_HISTOGRAM_H

#include "base/clock.h"

#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 14

/* Upper bounds in seconds, rising. One more bucket counts everything above the last bound. */
extern const double histogram_bounds[HISTOGRAM_BUCKETS];

/* All zero: an empty histogram. */
struct histogram {
    atomic_uint_fast64_t buckets[HISTOGRAM_BUCKETS + 1];
    atomic_uint_fast64_t sum_ns;
};

void histogram_observe(struct histogram *histogram, uint64_t ns);

/* The present counts, not cumulative, and the sum in seconds. */
void histogram_read(struct histogram *histogram, uint64_t ret_buckets[HISTOGRAM_BUCKETS + 1],
                    double *ret_sum);

#endif
