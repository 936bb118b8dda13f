/* nats_connection.h: a connection to NATS, and what JetStream is asked on it. Each function's error
 * is a sentence that names what was asked. */
#ifndef REEL_FEEDS_NATS_NATS_CONNECTION_H
#define REEL_FEEDS_NATS_NATS_CONNECTION_H

#include "base/error.h"
#include "feeds/nats/nats_options.h"

#include <nats/nats.h>
#include <pthread.h>

/* The library's words for a status. */
int nats_fail(natsStatus status, const char *doing, struct reel_error *error);

/* What the server does not permit, in its own words, such as `Permissions Violation for Publish to
 * "a.b"`. It says so beside the connection, not as an answer: the request that was meant has none.
 */
enum { NATS_REFUSALS_MAX = 64, NATS_REFUSAL_BYTES = 256 };
struct nats_refusals {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    size_t first, count;
    char texts[NATS_REFUSALS_MAX][NATS_REFUSAL_BYTES]; /* not yet looked at; more are left out */
    char newest[NATS_REFUSAL_BYTES];                   /* of this connection, or empty */
};
void nats_refusals_init(struct nats_refusals *refusals);
void nats_refusals_finish(struct nats_refusals *refusals);

/* The library hands refusals over by a thread of its own, a moment after it has read them: waits
 * until the first one is here, if it has read any. So what was refused before an answer came is
 * known. */
void nats_refusals_await(struct nats_refusals *refusals, natsConnection *connection);

/* The oldest one that was not looked at; false: there is none. And: the newest one of all. */
bool nats_refusals_next(struct nats_refusals *refusals, char ret[NATS_REFUSAL_BYTES]);
bool nats_refusals_newest(struct nats_refusals *refusals, char ret[NATS_REFUSAL_BYTES]);

/* The subject that something could not be published to, or NULL data; the words are cut where they
 * are long, and then it is but how the subject begins. */
struct reel_str nats_refused_subject(const char *refusal, bool *ret_is_whole);

/* Connects to any of the servers; ends by itself when the connection does. `refusals`, which begins
 * empty, must outlive the library's threads. */
int nats_connect(const struct nats_options *options, struct nats_refusals *refusals,
                 natsConnection **ret, struct reel_error *error);

/* What the stream is; it is made if it is not there. */
int nats_find_stream(jsCtx *js, const struct nats_options *options, jsStreamInfo **ret,
                     struct reel_error *error);

/* The same, of one that was there before. */
int nats_look_at_stream(jsCtx *js, const struct nats_options *options, jsStreamInfo **ret,
                        struct reel_error *error);

/* Can it be followed, with all that we publish? -ESTALE: not as it is. */
int nats_check_stream(const jsStreamInfo *info, const struct nats_options *options,
                      struct reel_error *error);

/* Does our filter take every subject that the stream does? */
bool nats_takes_all(const jsStreamInfo *info, const struct nats_options *options);

/* Makes a consumer that begins with `from`, of our filter, or, if `whole`, of every message. The
 * name is the caller's to free. */
int nats_make_consumer(jsCtx *js, const struct nats_options *options, uint64_t from, bool whole,
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
