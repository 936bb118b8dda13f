/* trace.h: writes lines with times to standard error, about the work of a part of the program. They
 * show where time is spent, and in which order things happen. Traces are off unless the program
 * calls trace_start. A trace that is off costs one load and a branch.
 *
 *     2026-11-28T23:12:20.123456Z trace writer: group begun: 3 jobs
 *
 * The topics are those of trace_names. Traces never contain tokens, payloads or query parameters.
 */
#ifndef REEL_BASE_TRACE_H
#define REEL_BASE_TRACE_H

#include <reel/reel.h>

enum trace_topic {
    TRACE_WRITER, /* groups of jobs: begun, synced, visible */
    TRACE_FEED,   /* sessions with the broker, batches */
    TRACE_FOLLOW, /* followers, and their places */
    TRACE_HTTP,   /* requests: suspended, resumed, answered */
    TRACE_TOPICS,
};
extern const char *const trace_names[TRACE_TOPICS];

/* A bit for each topic that is on. Only trace_start changes it. */
extern unsigned trace_on;

#define TRACE(topic, ...)                                                                          \
    (__builtin_expect(trace_on & 1u << (topic), 0) ? trace_line(topic, __VA_ARGS__) : (void)0)

/* Turns on the topics of a comma-separated list. Call it before other threads are started. -EINVAL:
 * a topic does not exist; then nothing is turned on. */
int trace_start(const char *names, struct reel_error *error);

/* Writes one line at once. If it cannot be written, it is lost. [any thread] */
REEL_PRINTF(2, 3)
__attribute__((cold)) void trace_line(enum trace_topic topic, const char *format, ...);

#endif
