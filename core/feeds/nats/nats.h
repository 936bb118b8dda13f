/* nats.h: NATS JetStream as a feed (feed.h).
 *
 * A session is one connection. It creates an ephemeral consumer without acknowledgements, which
 * begins where the log ends. If our filter includes all subjects of the stream, the consumer has no
 * filter. The session sends pull requests of its own, at least two at a time, so that the broker is
 * never idle. The functions of the client library (libnats 3.4.1) cannot be used: its ordered
 * consumer loses messages silently if its limit of pending messages is exceeded, and if the stream
 * is created again; natsSubscription_Fetch has a memory fault, and stalls; and
 * natsSubscription_NextMsg loses messages that look like a status of the server (nats_inbox.h).
 *
 * Three things are checked. The consumer numbers the messages that it delivers: if a number is
 * missing, a message was lost on the way. The stream numbers its messages: if the consumer has no
 * filter and a number is missing, the stream had lost a message before. While the consumer has
 * nothing to deliver, it sends heartbeats: if they do not arrive, the consumer does not exist any
 * more.
 *
 * nats.c has the session, nats_connection.c the connection and the requests to JetStream,
 * nats_inbox.c the messages that arrive, nats_message.c the content of a message.
 */
#ifndef REEL_FEEDS_NATS_NATS_H
#define REEL_FEEDS_NATS_NATS_H

#include "feeds/feed.h"
#include "feeds/nats/nats_options.h"

struct nats;

int nats_create(const struct nats_options *options, struct nats **ret, struct reel_error *error);
void nats_destroy(struct nats *nats); /* accepts NULL; call it after feed_stop and intake_stop */

/* The broker for feed_create. Its state is a `struct nats`. nats_release (nats_message.h) releases
 * its messages. */
extern const struct feed_broker nats_broker;

#endif
