/* metrics.h: the state of the daemon, for /readyz and /v1/status; and its metrics. */
#ifndef REEL_DAEMON_METRICS_H
#define REEL_DAEMON_METRICS_H

#include "daemon/daemon.h"

void daemon_status(struct daemon *daemon, struct reel_status *ret);
void daemon_metrics(struct daemon *daemon, reel_metric_fn fn, void *context);

#endif
