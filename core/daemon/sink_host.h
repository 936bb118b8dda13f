/* sink_host.h: running the sinks, and what a sink may call (struct reel_sink_calls). */
#ifndef REEL_DAEMON_SINK_HOST_H
#define REEL_DAEMON_SINK_HOST_H

#include "daemon/daemon.h"

/* Starts a sink, which lives until sink_hosts_stop. */
int sink_host_start(struct daemon *daemon, const struct reel_sink *sink, struct reel_error *error);

/* Drains all sinks, the last one first; work under way has until `until_ms` (clock_ms). */
void sink_hosts_drain(struct daemon *daemon, uint64_t until_ms);
void sink_hosts_stop(struct daemon *daemon);

/* For the intake: wakes the sinks. `context` is the daemon. */
void sink_hosts_committed(void *context, uint64_t cursor);

#endif
