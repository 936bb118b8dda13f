/* watch.h: calls that a plugin makes to the system. */
#ifndef REEL_CHECK_WATCH_H
#define REEL_CHECK_WATCH_H

#include <stdbool.h>

enum watch_group {
    WATCH_CLOCK,   /* clocks, randomness, waiting */
    WATCH_FILES,   /* files, sockets, streams */
    WATCH_THREADS, /* threads and processes */
};

/* From now on a call of the shared object to a function of that group is a finding. False: this
 * machine's objects are not understood. */
bool watch_object(void *handle, enum watch_group group);

#endif
