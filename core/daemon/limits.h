/* limits.h: what a process that folds a log beside a daemon may use: a builder (build.c), and
 * `reeld plan`. The daemon's threads go first.
 */
#ifndef REEL_DAEMON_LIMITS_H
#define REEL_DAEMON_LIMITS_H

#include <stdint.h>

struct limits {
    uint64_t map_bytes;    /* of the largest file */
    uint64_t memory_bytes; /* beyond it, there is none */
    uint64_t cpu_s;        /* beyond it, SIGXCPU */
    uint64_t niceness;     /* 20: only while a processor is idle */
};

/* Gives them to this process, for good, and a low priority. It writes no core, and is the first
 * that the kernel ends when memory is short. */
void limits_take(const struct limits *limits);

#endif
