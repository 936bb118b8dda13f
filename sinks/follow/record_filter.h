/* record_filter.h: which records a follower gets. The code that reads the filter of a request makes
 * it, and the hub uses it on its own thread. */
#ifndef REEL_SINKS_FOLLOW_RECORD_FILTER_H
#define REEL_SINKS_FOLLOW_RECORD_FILTER_H

#include <reel/view.h>

/* All zero: every record matches. */
struct record_filter {
    char *text; /* filters with the same text match the same records; owned */
    const struct reel_condition *const *conditions; /* as of reel_query */
    struct reel_str key; /* only the record with this key; data NULL: any. Both belong to: */
    void *state;         /* owned */
    void (*destroy)(void *state);
};
void record_filter_finish(struct record_filter *filter);

#endif
