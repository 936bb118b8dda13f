/* watch.h: detects calls that a plugin makes to the system. */
#ifndef REEL_CHECK_WATCH_H
#define REEL_CHECK_WATCH_H

#include <stdbool.h>

enum watch_group {
    WATCH_CLOCK,   /* clocks, randomness, waiting */
    WATCH_FILES,   /* files, sockets, streams */
    WATCH_THREADS, /* threads and processes */
};

/* From now on, it is a finding if the shared object calls a function of this group. Returns false
 * if the objects of this machine are not supported. */
bool watch_object(void *handle, enum watch_group group);

/* From now on, the texts that the shared object compares by calls of the C library are news
 * (trace.h). */
void watch_comparisons(void *handle);

#endif
