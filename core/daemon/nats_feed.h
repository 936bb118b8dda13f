/* nats_feed.h: the feed from NATS JetStream, as the settings ask for it. The only file of the
 * daemon that names the kind of broker. */
#ifndef REEL_DAEMON_NATS_FEED_H
#define REEL_DAEMON_NATS_FEED_H

#include "daemon/daemon.h"

/* Without the setting `nats` there is no feed: then only whether the log is our own is checked. */
int nats_feed_start(struct daemon *daemon, struct reel_error *error);

/* Destroys what was started; after feed_stop and intake_stop. */
void nats_feed_destroy(struct daemon *daemon);

#endif
