/* nats_connection.h: a connection to NATS, and what JetStream is asked on it. Each function's error
 * is a sentence that names what was asked. */
#ifndef REEL_FEEDS_NATS_NATS_CONNECTION_H
#define REEL_FEEDS_NATS_NATS_CONNECTION_H

#include "base/error.h"
#include "feeds/nats/nats_options.h"

#include <nats/nats.h>

/* The library's words for a status. */
int nats_fail(natsStatus status, const char *doing, struct reel_error *error);

/* Connects to any of the servers; ends by itself when the connection does. */
int nats_connect(const struct nats_options *options, natsConnection **ret,
                 struct reel_error *error);

/* What the stream is; it is made if it is not there. */
int nats_find_stream(jsCtx *js, const struct nats_options *options, jsStreamInfo **ret,
                     struct reel_error *error);

/* The same, of one that was there before. */
int nats_look_at_stream(jsCtx *js, const struct nats_options *options, jsStreamInfo **ret,
                        struct reel_error *error);

/* Makes a consumer that begins with `from`. The name is the caller's to free. */
int nats_make_consumer(jsCtx *js, const struct nats_options *options, uint64_t from,
                       char **ret_name, struct reel_error *error);

/* Ends it, if the broker can be told in a second; else it ends by itself in a minute. */
void nats_drop_consumer(jsCtx *js, const struct nats_options *options, const char *consumer);

/* How far it has got. -EAGAIN: it is gone. */
struct nats_progress {
    uint64_t pending;   /* messages that it has yet to send */
    uint64_t delivered; /* how many it has sent */
};
int nats_look_at_consumer(jsCtx *js, const struct nats_options *options, const char *consumer,
                          struct nats_progress *ret, struct reel_error *error);

/* One message of the stream: 1, or 0: it does not hold it. */
int nats_fetch(jsCtx *js, const struct nats_options *options, uint64_t seq, natsMsg **ret,
               struct reel_error *error);

#endif
