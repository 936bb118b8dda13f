/* trace.h: lines on standard error about what a part of the program does, with times: for finding
 * out where time goes, and in which order things happened. Off unless the program calls
 * trace_start; an off trace costs one load and a branch.
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
    TRACE_FOLLOW, /* followers and the places they move through */
    TRACE_HTTP,   /* requests: suspended, resumed, answered */
    TRACE_TOPICS,
};
extern const char *const trace_names[TRACE_TOPICS];

/* A bit for each topic that is on. Changes only in trace_start. */
extern unsigned trace_on;

#define TRACE(topic, ...)                                                                          \
    (__builtin_expect(trace_on & 1u << (topic), 0) ? trace_line(topic, __VA_ARGS__) : (void)0)

/* Turns on the topics of a list with commas between the names. Called before other threads are
 * started. -EINVAL: there is no such topic, and nothing is turned on. */
int trace_start(const char *names, struct reel_error *error);

/* Writes one line, at once; a line that cannot be written is lost. [any thread] */
REEL_PRINTF(2, 3)
__attribute__((cold)) void trace_line(enum trace_topic topic, const char *format, ...);

#endif
