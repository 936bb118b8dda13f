/* publisher.h: those who wait for what they published.
 *
 * Where the log is a mirror, a job that wants events appended goes this way:
 *   1. the writer tries it (work.h): it is refused, known already, or leaves events in an pending;
 *   2. the publisher's thread hands these over to the broker;
 *   3. the broker tells that the stream has them, or had them before;
 *   4. the feed brings them back, the writer folds them, and the job is done: with their sequence
 *      numbers and outcomes, and, for a command, the record as its last event left it.
 * 3 and 4 may come in either order. When the connection is lost, or the time is up, in between,
 * nobody knows whether the stream has the event: the job fails, and whoever sent it may send it
 * again. It has the same name then, by which it is found or, by the broker, left out.
 *
 * Threads: publisher_push from any, the others as they say.
 */
#ifndef REEL_FEEDS_PUBLISHER_H
#define REEL_FEEDS_PUBLISHER_H

#include "feeds/broker.h"
#include "feeds/intake/intake.h"

struct publisher;

struct publisher_options {
    const struct feed_broker *broker;
    void *broker_state;
    struct reel *reel;
    struct intake *intake;
    const char *filter;
    uint32_t timeout_ms;
};

int publisher_start(const struct publisher_options *options, struct publisher **ret,
                    struct reel_error *error);
int publisher_push(struct publisher *publisher, struct job *job, struct reel_error *error);

/* May be published, now; or not any more, and what was nobody knows. [feed] */
void publisher_open(struct publisher *publisher);
void publisher_close(struct publisher *publisher, const char *why);

/* A mirrored_fn, whose context is the publisher. [writer] */
void publisher_taken(void *context, struct reel *reel, const struct mirrored *event,
                     const struct appended *appended);
/* What was so taken has been committed. [writer] */
void publisher_committed(struct publisher *publisher, const struct mirrored *event);

/* See feed_published. [any thread] */
void publisher_published(struct publisher *publisher, const uint8_t id_hash[16], int rc,
                         uint64_t seq, bool repeated, const char *sentence);

/* See feed_refused. [any thread] */
void publisher_refused(struct publisher *publisher, struct reel_str subject, bool is_whole,
                       const char *sentence);

void publisher_drain(struct publisher *publisher, uint32_t timeout_ms);
void publisher_stop(struct publisher *publisher);
void publisher_destroy(struct publisher *publisher); /* takes NULL */

/* Events that came back, and that are waited for. */
void publisher_read(struct publisher *publisher, uint64_t *ret_published, uint64_t *ret_publishing);

#endif
