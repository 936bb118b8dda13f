/* histogram.h: how long things took, in buckets; counted from several threads without a lock. */
#ifndef REEL_BASE_HISTOGRAM_H
#define REEL_BASE_HISTOGRAM_H

#include "base/clock.h"

#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 14

/* Upper bounds in seconds, rising; one more bucket has what is beyond the last. */
extern const double histogram_bounds[HISTOGRAM_BUCKETS];

/* All of zero is an empty one. */
struct histogram {
    atomic_uint_fast64_t buckets[HISTOGRAM_BUCKETS + 1];
    atomic_uint_fast64_t sum_ns;
};

void histogram_observe(struct histogram *histogram, uint64_t ns);

/* The counts as they are just now, each of its own bucket, and the sum in seconds. */
void histogram_read(struct histogram *histogram, uint64_t ret_buckets[HISTOGRAM_BUCKETS + 1],
                    double *ret_sum);

#endif
