/* nats.h: NATS JetStream as a feed (feed.h).
 *
 * A session is one connection. It makes an ephemeral consumer without acknowledgements that begins
 * where the log ends, for every message of the stream if our filter takes all of them, and asks it
 * for messages by pull requests of our own, at least two of them at a time, so that the broker is
 * never idle. Why not the client library's ways (libnats 3.4.1): its ordered consumer loses
 * messages silently when its limit of pending ones is passed, and when the stream is made anew; its
 * natsSubscription_Fetch has a memory fault, and stalls; its natsSubscription_NextMsg loses
 * messages that look like a word of the server (nats_inbox.h).
 *
 * That nothing is missing on the way is seen from the consumer's own numbering of what it delivers,
 * which has no gaps; that the stream had lost messages before, from its numbering, where the
 * consumer has no filter. That the consumer is still there, from the heartbeats that it sends while
 * it has nothing to deliver.
 *
 * nats.c has the session, nats_connection.c the connection and what is asked of JetStream,
 * nats_inbox.c what comes from it, nats_message.c what a message says.
 */
#ifndef REEL_FEEDS_NATS_NATS_H
#define REEL_FEEDS_NATS_NATS_H

#include "feeds/feed.h"
#include "feeds/nats/nats_options.h"

struct nats;

int nats_create(const struct nats_options *options, struct nats **ret, struct reel_error *error);
void nats_destroy(struct nats *nats); /* takes NULL; after feed_stop and intake_stop */

/* `struct nats` is its state, and nats_release (nats_message.h) what lets its messages go. */
extern const struct feed_broker nats_broker;

#endif
