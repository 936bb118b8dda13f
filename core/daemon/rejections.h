/* rejections.h: the log's lines about events that were rejected.
 *
 * A producer that sends nothing but bad events must not fill the disk with lines about them: in
 * REJECTIONS_PERIOD_MS at most REJECTIONS_LINES are written. How many were left out stands in the
 * first line of a later period, or in the last line of all.
 */
#ifndef REEL_DAEMON_REJECTIONS_H
#define REEL_DAEMON_REJECTIONS_H

#include "base/line_limit.h"

#include <reel/view.h>

enum {
    REJECTIONS_PERIOD_MS = 10000,
    REJECTIONS_LINES = 5,
};

/* With `say` and else all of zero it has said nothing. One thread at a time. */
struct rejections {
    void (*say)(const char *line); /* which has no newline */
    struct line_limit limit;
};

/* As reel_options.rejected tells them, at this time (clock_ms). */
void rejections_say(struct rejections *rejections, uint64_t now_ms,
                    const struct reel_rejection *const *list, uint64_t total);

/* Tells what was left out. */
void rejections_end(struct rejections *rejections);

#endif
