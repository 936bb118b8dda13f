/* publisher.h: publishes the events of jobs, and ends each job when its events have come back.
 *
 * If the log is a mirror, a job that appends events takes these steps:
 *   1. The writer carries it out as a dry run (work.h). The job is refused, or is a repeat, or its
 *      events are collected in a struct pending.
 *   2. The publisher's thread publishes these events to the broker.
 *   3. The broker reports that the stream has the events, or had them before.
 *   4. The feed receives the events from the stream, and the writer folds them. The job is done: it
 *      has their sequence numbers and outcomes and, for a command, the record as its last event
 *      left it.
 * Steps 3 and 4 may happen in either order. If the connection is lost or the time is over before
 * both, nobody knows whether the stream has the events. The job fails, and the client may send it
 * again. The events then have the same ids, so the writer finds them, or the broker drops them.
 *
 * Threads: publisher_push may be called from any thread; the other functions have tags.
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

/* open: events may be published from now on. close: no longer; the result of events that were
 * published and have not come back is unknown. [feed] */
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
void publisher_destroy(struct publisher *publisher); /* accepts NULL */

/* The number of events that came back, and of events that have not come back yet. */
void publisher_read(struct publisher *publisher, uint64_t *ret_published, uint64_t *ret_publishing);

#endif
