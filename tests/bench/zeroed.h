/* zeroed.h: what the disk does without a database: bytes appended to a file that was filled with
 * zeros before, each append synced, so that a sync has no size and no extents to write. */
#ifndef BENCH_ZEROED_H
#define BENCH_ZEROED_H

#include "figures.h"

#include <sys/types.h>

struct zeroed {
    int fd;
    off_t at; /* of the next append; begins again at the end of the file */
};

/* A file in a scratch directory of its own. */
struct zeroed zeroed_made(void);
void zeroed_close(struct zeroed *zeroed);

/* Appends and syncs these bytes again and again; returns how often a second. Adds how long each
 * took, unless `latencies` is NULL. */
double zeroed_run(struct zeroed *zeroed, const void *bytes, size_t len, double seconds,
                  struct samples *latencies);

#endif
