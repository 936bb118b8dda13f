/* store_bulk.h: the parts of store_bench that are about many events: batches, rebuild, bytes
 * written, memory, and starting with what was stored. */
#ifndef BENCH_STORE_BULK_H
#define BENCH_STORE_BULK_H

#include <stdbool.h>

/* Batches by POST until durable, and what comes of that store. */
void report_bulk(bool is_long);

/* Synced batches of the library, without a daemon. */
void report_intake(bool is_long);

#endif
