/* nats_feed.h: creates the feed from NATS JetStream according to the settings. Only nats_feed.c
 * names the kind of broker. */
#ifndef REEL_DAEMON_NATS_FEED_H
#define REEL_DAEMON_NATS_FEED_H

#include "daemon/daemon.h"

/* Without the setting `nats` there is no feed. Then this only checks that the log does not mirror a
 * stream. */
int nats_feed_start(struct daemon *daemon, struct reel_error *error);

/* Destroys what nats_feed_start has created. Call it after feed_stop and intake_stop. */
void nats_feed_destroy(struct daemon *daemon);

#endif
