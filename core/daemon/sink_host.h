/* sink_host.h: runs the sinks, and implements the functions that a sink may call (struct
 * reel_sink_calls). */
#ifndef REEL_DAEMON_SINK_HOST_H
#define REEL_DAEMON_SINK_HOST_H

#include "daemon/daemon.h"

#include <reel/sink_host.h>

/* The functions that a sink may call are in sink_host.c; sink_life.c runs the sinks. */
extern const struct reel_sink_calls sink_host_calls;

/* Starts a sink, which runs until sink_hosts_stop. */
int sink_host_start(struct daemon *daemon, const struct reel_sink *sink, struct reel_error *error);

/* Drains all sinks, the last one first. Running work must be finished at `until_ms` (clock_ms). */
void sink_hosts_drain(struct daemon *daemon, uint64_t until_ms);
void sink_hosts_stop(struct daemon *daemon);

/* For the intake: calls `committed` of each sink. `context` is the daemon. */
void sink_hosts_committed(void *context, uint64_t cursor);

#endif
