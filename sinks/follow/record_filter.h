/* record_filter.h: which records a follower gets. The code that reads the filter of a request makes
 * it, and the hub uses it: on its own thread, and without knowing what it selects. */
#ifndef REEL_SINKS_FOLLOW_RECORD_FILTER_H
#define REEL_SINKS_FOLLOW_RECORD_FILTER_H

#include <reel/abi.h>

/* All zero: every record matches. */
struct record_filter {
    char *text;  /* filters with the same text match the same records; owned */
    void *state; /* owned */

    /* 1: the record matches; 0: it does not; -ENOMEM. */
    int (*matches)(void *state, struct reel_str json);
    void (*destroy)(void *state);
};
void record_filter_finish(struct record_filter *filter);

#endif
