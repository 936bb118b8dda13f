/* histogram.c: see histogram.h. */
#include "base/histogram.h"

const double histogram_bounds[HISTOGRAM_BUCKETS] = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5,
};

void histogram_observe(struct histogram *histogram, uint64_t ns) {
    unsigned bucket = 0;
    while (bucket < HISTOGRAM_BUCKETS && (double)ns > histogram_bounds[bucket] * 1e9) bucket++;
    atomic_fetch_add_explicit(&histogram->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum_ns, ns, memory_order_relaxed);
}

void histogram_read(struct histogram *histogram, uint64_t ret_buckets[HISTOGRAM_BUCKETS + 1],
                    double *ret_sum) {
    for (unsigned i = 0; i <= HISTOGRAM_BUCKETS; i++)
        ret_buckets[i] = atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
    *ret_sum = (double)atomic_load_explicit(&histogram->sum_ns, memory_order_relaxed) / 1e9;
}
