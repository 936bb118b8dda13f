/* stdout.h: the stdout sink: writes a line for each event or changed record, for pipes and people.
 *
 *     stdout_format=events     each event (events/frame.h); the default
 *     stdout_format=records    each record that a commit changed, as it is after the commit
 *
 * It begins at stdout_since, and follows the log as long as the daemon runs. When the reader closes
 * the pipe, the sink ends the daemon.
 *
 * A reader that stores the `seq` of the last line can continue after it: stdout_since=SEQ. If a
 * collection is rebuilt, its records keep their seq, so they are not written again. A reader that
 * needs them must begin at 0.
 */
#ifndef REEL_SINKS_STDOUT_STDOUT_H
#define REEL_SINKS_STDOUT_STDOUT_H

#include <reel/sink_host.h>

extern const struct reel_sink stdout_sink;

/* With a filter, a line with only the position is written this time after the last line, in ms. */
#define STDOUT_POSITION_MS 5000

/* stdout_sink.start with another descriptor, which the caller owns; for tests. */
int32_t stdout_start_on(struct reel_sink_host *host, int fd, int position_ms, void **ret_sink,
                        struct reel_error *error);

#endif
