/* verify_index.h: compares the duplicates' index (dedup.h) with its checksums and with the log.
 *
 * A run must have the events of the segments that it covers, each at its place, and nothing else.
 * Neither is looked up in the other: of each block of a run, a sum of hashes of its entries is kept
 * in memory (24 bytes for RUN_BLOCK_ENTRIES events). The events are read in the order of the log,
 * and each is taken off the sum of the block that it belongs to. In the end all sums must be 0.
 *
 * What is below the floor may be in a run, or not. A run whose segments are gone or damaged is only
 * compared with its checksums.
 */
#ifndef REEL_ENGINE_LOG_VERIFY_INDEX_H
#define REEL_ENGINE_LOG_VERIFY_INDEX_H

#include "engine/log/dedup_run.h"
#include "engine/log/segment.h"

struct index_run; /* one that is sound */

struct verified_index {
    struct text names; /* char[RUN_NAME_MAX] each */
    struct index_run *runs;
    size_t count;
};

struct index_finding {
    const char *file;
    uint64_t at;
    const char *what;
};
typedef void (*index_found_fn)(void *context, const struct index_finding *finding);

/* In this order, each of them may fail; the last one in any case. The names are listed before the
 * segments: so the segments of a run are among those. What is gone meanwhile is passed over. */
int verified_index_list(struct verified_index *index, int directory, struct reel_error *error);
int verified_index_read(struct verified_index *index, int directory, uint64_t floor,
                        index_found_fn found, void *context, struct reel_error *error);

/* The segments that are sound, the oldest first, but for the last one; `next` is the one behind. */
int verified_index_take(struct verified_index *index, struct segment *segment,
                        struct reel_error *error);
void verified_index_join(struct verified_index *index, const struct segment_head *next);

/* Tells what was found; a run that ends below `oldest_seq` may be left over from a trim. */
void verified_index_end(struct verified_index *index, uint64_t oldest_seq, index_found_fn found,
                        void *context);
void verified_index_finish(struct verified_index *index);

#endif
