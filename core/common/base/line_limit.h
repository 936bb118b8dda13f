/* line_limit.h: log lines of one kind at a bounded rate.
 *
 * What goes wrong with one event may go wrong with a million. So within a period at most some lines
 * of a kind are logged. The caller counts further lines in `left_out`, and logs that number when
 * the period is over or when nothing more will come:
 *
 *     if (line_limit_is_over(&limit, period_ms, now_ms)) tell(line_limit_settle(&limit));
 *     if (line_limit_allow(&limit, lines_max, period_ms, now_ms))
 *         log the line;
 *     else
 *         limit.left_out++;
 */
#ifndef REEL_BASE_LINE_LIMIT_H
#define REEL_BASE_LINE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: nothing has been logged. One thread at a time. */
struct line_limit {
    uint64_t began_ms; /* when the running period began, by clock_ms */
    uint32_t lines;    /* logged in the period */
    uint64_t left_out; /* and not yet told */
};

/* Is the period over? The next line begins another one. */
bool line_limit_is_over(const struct line_limit *limit, uint32_t period_ms, uint64_t now_ms);

/* How many lines were left out, which the caller tells now: from now on none were. */
uint64_t line_limit_settle(struct line_limit *limit);

/* May one more line be logged? */
bool line_limit_allow(struct line_limit *limit, uint32_t lines_max, uint32_t period_ms,
                      uint64_t now_ms);

#endif
