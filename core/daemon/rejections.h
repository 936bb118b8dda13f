/* rejections.h: lines in the log about rejected events.
 *
 * A producer that sends only bad events must not fill the disk with lines. So at most
 * REJECTIONS_LINES are written in REJECTIONS_PERIOD_MS. The number of lines that were left out is
 * in the first line of a later period, or in the last line.
 */
#ifndef REEL_DAEMON_REJECTIONS_H
#define REEL_DAEMON_REJECTIONS_H

#include "base/line_limit.h"

#include <reel/view.h>

enum {
    REJECTIONS_PERIOD_MS = 10000,
    REJECTIONS_LINES = 5,
};

/* All zero except `say`: nothing was written yet. For one thread at a time. */
struct rejections {
    void (*say)(const char *line); /* writes a line, which has no newline */
    struct line_limit limit;
};

/* Writes lines for the rejections that reel_options.rejected gives, at this time (clock_ms). */
void rejections_say(struct rejections *rejections, uint64_t now_ms,
                    const struct reel_rejection *const *list, uint64_t total);

/* Reports how many lines were left out. */
void rejections_end(struct rejections *rejections);

#endif
