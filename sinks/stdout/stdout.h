/* stdout.h: the stdout sink: what happens, a line each, for pipes and for people.
 *
 *     stdout_format=events     each event (events/frame.h); the default
 *     stdout_format=records    each record that a commit changed, as it is then
 *
 * It follows from where it was started (stdout_since) for as long as the daemon runs. When the
 * reader goes away the sink's work is done, and so is the daemon's.
 *
 * A reader that reads `seq` can go on after the last one it saw: stdout_since=SEQ. Records of a
 * collection that was rebuilt keep their seq, so they are not written again; a reader for whom
 * that matters begins at 0.
 */
#ifndef REEL_SINKS_STDOUT_STDOUT_H
#define REEL_SINKS_STDOUT_STDOUT_H

#include <reel/sink.h>

extern const struct reel_sink stdout_sink;

/* With a filter, a line with the position alone comes so long after the last line, ms. */
#define STDOUT_POSITION_MS 5000

/* stdout_sink.start to any descriptor, which stays the caller's: for tests. */
int32_t stdout_start_on(struct reel_sink_host *host, int fd, int position_ms, void **ret_sink,
                        struct reel_error *error);

#endif
