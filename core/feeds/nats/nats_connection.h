/* nats_connection.h: a connection to NATS, and requests to JetStream. The error of each function is
 * a sentence that names the request. */
#ifndef REEL_FEEDS_NATS_NATS_CONNECTION_H
#define REEL_FEEDS_NATS_NATS_CONNECTION_H

#include "base/error.h"
#include "feeds/nats/nats_options.h"

#include <nats/nats.h>
#include <pthread.h>

/* Makes an error with the library's text for a status. */
int nats_fail(natsStatus status, const char *doing, struct reel_error *error);

/* Refusals of the server, in its own words, such as `Permissions Violation for Publish to "a.b"`. A
 * refusal does not arrive as the answer of a request: the request gets no answer.
 */
enum { NATS_REFUSALS_MAX = 64, NATS_REFUSAL_BYTES = 256 };
struct nats_refusals {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    size_t first, count;
    char texts[NATS_REFUSALS_MAX]
              [NATS_REFUSAL_BYTES];  /* refusals that were not handled yet; if there are too many,
                                        further ones are dropped */
    char newest[NATS_REFUSAL_BYTES]; /* the newest refusal of this connection, or empty */
};
void nats_refusals_init(struct nats_refusals *refusals);
void nats_refusals_finish(struct nats_refusals *refusals);

/* The library's own thread delivers refusals, shortly after it has read them. This waits until the
 * first one is delivered, if one has been read. So after an answer has arrived, all earlier
 * refusals are known. */
void nats_refusals_await(struct nats_refusals *refusals, natsConnection *connection);

/* next: takes the oldest refusal that was not handled; false: there is none. newest: the newest one
 * of all. */
bool nats_refusals_next(struct nats_refusals *refusals, char ret[NATS_REFUSAL_BYTES]);
bool nats_refusals_newest(struct nats_refusals *refusals, char ret[NATS_REFUSAL_BYTES]);

/* The subject under which something could not be published, or NULL data if this refusal is about
 * something else. Long refusals are truncated: then it is only the beginning of the subject. */
struct reel_str nats_refused_subject(const char *refusal, bool *ret_is_whole);

/* Connects to one of the servers. When the connection is lost, it does not reconnect. `refusals`,
 * which is empty at first, must live longer than the library's threads. */
int nats_connect(const struct nats_options *options, struct nats_refusals *refusals,
                 natsConnection **ret, struct reel_error *error);

/* Finds the stream, and creates it if it does not exist. */
int nats_find_stream(jsCtx *js, const struct nats_options *options, jsStreamInfo **ret,
                     struct reel_error *error);

/* Finds a stream that must exist. */
int nats_look_at_stream(jsCtx *js, const struct nats_options *options, jsStreamInfo **ret,
                        struct reel_error *error);

/* Checks whether the stream can be followed, and includes everything that we publish. -ESTALE: it
 * cannot, in its present configuration. */
int nats_check_stream(const jsStreamInfo *info, const struct nats_options *options,
                      struct reel_error *error);

/* True if the filter includes every subject of the stream. */
bool nats_takes_all(const jsStreamInfo *info, const struct nats_options *options);

/* Creates a consumer that begins at `from`: with the filter, or, if `whole`, for every message. The
 * caller frees the name. */
int nats_make_consumer(jsCtx *js, const struct nats_options *options, uint64_t from, bool whole,
                       char **ret_name, struct reel_error *error);

/* Deletes the consumer, if the broker answers within a second. Otherwise the consumer ends by
 * itself after a minute. */
void nats_drop_consumer(jsCtx *js, const struct nats_options *options, const char *consumer);

/* The progress of a consumer. -EAGAIN: the consumer does not exist any more. */
struct nats_progress {
    uint64_t pending;   /* messages that it has not delivered yet */
    uint64_t delivered; /* messages that it has delivered */
};
int nats_look_at_consumer(jsCtx *js, const struct nats_options *options, const char *consumer,
                          struct nats_progress *ret, struct reel_error *error);

/* Fetches one message of the stream. 1: found; 0: the stream does not hold it. */
int nats_fetch(jsCtx *js, const struct nats_options *options, uint64_t seq, natsMsg **ret,
               struct reel_error *error);

#endif
