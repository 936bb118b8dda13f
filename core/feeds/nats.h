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
#ifndef REEL_FEEDS_NATS_H
#define REEL_FEEDS_NATS_H

#include "feeds/feed.h"

/* Borrowed strings; NULL: not given. */
struct nats_options {
    const char *urls;   /* of one server or several of a cluster, separated by commas */
    const char *stream; /* made if it is not there, for `filter`, on disk, for 90 days */
    const char *filter; /* the subjects that are followed */
    const char *creds;  /* a credentials file: JWT and NKey */
    const char *user, *password, *token;
    bool tls;                    /* ask for TLS, also where the URL does not say tls:// */
    const char *ca, *cert, *key; /* PEM files: who to trust; who we are */
    uint32_t event_bytes_max;
    uint64_t batch_events; /* most that one pull request asks for */
};

struct nats;

int nats_create(const struct nats_options *options, struct nats **ret, struct reel_error *error);
void nats_destroy(struct nats *nats); /* takes NULL; after feed_stop and intake_stop */

/* `struct nats` is its state, and nats_release what lets its messages go. */
extern const struct feed_broker nats_broker;
void nats_release(struct feed_message *message);

#endif
