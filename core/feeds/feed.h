/* feed.h: a feed mirrors a broker's stream into the log.
 *
 * A daemon either has a log of its own, or its log mirrors a stream of a broker. In a mirror, the
 * broker numbers the events. New events are published to the broker, and come back like the events
 * of others. A broker implements struct feed_broker. The rest is the same for all brokers: feed.c
 * has the thread, and pushes messages into the writer's queue; origin.c finds out whether a stream
 * is the one that the log mirrors; publisher.c holds the jobs whose events were published and have
 * not come back yet.
 *
 * To add a broker, implement struct feed_broker. A session runs on the feed's thread:
 *   1. It connects, and describes the stream in a struct feed_stream.
 *   2. It calls feed_begin, which compares the stream with the log, and returns the first seq that
 *      the log does not have.
 *   3. It calls feed_take for each message from this seq on, in order and without leaving any out.
 *      If no further message is there, it calls feed_flush. It never requests more messages than
 *      feed_room says.
 *   4. It calls feed_in_sync whenever all messages of the stream were given, feed_trim when the
 *      stream has removed its oldest messages, and feed_gap when other messages are missing.
 *   5. It continues until something fails, or until feed_is_stopping.
 * Every failure, from a lost connection to a full disk, ends the session with a sentence. After a
 * pause that grows with each failure, the next session begins where the log ends. So no message is
 * lost or taken twice, and there is only one way to recover.
 */
#ifndef REEL_FEEDS_FEED_H
#define REEL_FEEDS_FEED_H

#include "feeds/broker.h"
#include "feeds/intake/intake.h"

/* ---- What a session tells -------------------------------------------------------------------- */

/* -ESTALE: the log mirrors another stream, and feed_options.begin_anew is not set. */
int feed_begin(struct feed *feed, const struct feed_stream *stream, uint64_t *ret_from,
               struct reel_error *error);

/* Takes ownership of the message, also if it returns an error. Waits while the writer's queue is
 * full. */
int feed_take(struct feed *feed, const struct feed_message *message, struct reel_error *error);

/* Reports that `missing` messages up to `seq`, after those given before, were never received and
 * will not arrive: they had been deleted from the stream, or a limit of the stream had removed
 * them. The gap is stored in the log, counted, sent to followers, and reported to the operator.
 * `time_ns`: about when this happened, such as the time of a message; 0: now. Only a broker that
 * gives every message of the stream can know of gaps. */
int feed_gap(struct feed *feed, uint64_t seq, uint64_t missing, uint64_t time_ns,
             struct reel_error *error);

/* Gives the messages taken so far to the writer, in batches. 1: the writer is busy, so the last
 * batch may still grow; call it again soon. */
int feed_flush(struct feed *feed, struct reel_error *error);

/* Says that everything up to `last_seq`, which was read from the broker before, has been given. */
int feed_in_sync(struct feed *feed, uint64_t last_seq, struct reel_error *error);

/* Says that the stream now begins at `first_seq`; and that it holds messages up to `last_seq`, of
 * which `pending` were not given yet. */
int feed_trim(struct feed *feed, uint64_t first_seq, struct reel_error *error);
void feed_note(struct feed *feed, uint64_t last_seq, uint64_t pending);

/* The number of further messages that fit. */
uint64_t feed_room(struct feed *feed);
bool feed_is_stopping(struct feed *feed);

/* Writes a line to the operator's log. */
void feed_say(struct feed *feed, reel_level level, const char *sentence);

/* Writes a warning about one message. Anybody can publish any number of messages that cause
 * warnings. So only a few lines are written in a certain time, and then the number of the others.
 * [the session's thread] */
void feed_say_message(struct feed *feed, const char *sentence);

/* Reports the result of publishing an event. 0: the stream holds it at `seq`; with `repeated`, it
 * was there before. Otherwise the stream does not hold it, or nobody knows. [any thread] */
void feed_published(struct feed *feed, const uint8_t id_hash[16], int rc, uint64_t seq,
                    bool repeated, const char *sentence);

/* Reports that the broker refuses events under this subject. If not `is_whole`, the subject is
 * truncated, and every subject that begins with it is meant. [any thread] */
void feed_refused(struct feed *feed, struct reel_str subject, bool is_whole, const char *sentence);

/* ---- What the daemon calls ------------------------------------------------------------------- */

struct feed_options {
    const struct feed_broker *broker;
    void *broker_state;
    void (*release)(struct feed_message *message);
    struct reel *reel;
    struct intake *intake;
    const char *filter;      /* as in struct feed_stream */
    bool begin_anew;         /* if the log mirrors another stream: rebuild everything */
    uint64_t room_events;    /* most messages that are requested, or wait for the writer */
    uint32_t publish_ms_max; /* longest time that a job waits for the events that it published */

    /* say: writes to the operator's log. changed: readiness or position has changed. */
    void (*say)(void *context, reel_level level, const char *sentence);
    void (*changed)(void *context);
    void *context;
};

struct feed_metrics {
    bool up;             /* a session is running */
    bool in_sync;        /* and has given everything that the stream had */
    char reason[200];    /* why it is not */
    uint64_t known_seq;  /* the highest seq that the stream is known to have */
    uint64_t pending;    /* messages of the stream that were not received yet */
    uint64_t sessions;   /* since the start */
    uint64_t published;  /* events that were published and came back */
    uint64_t publishing; /* events that were published and have not come back yet */
};

int feed_start(const struct feed_options *options, struct feed **ret, struct reel_error *error);

/* Accepts a job with events or a command. The job is tried, its events are published, and it is
 * done when all of them have come back. Errors as of intake_push, and -EAGAIN while the feed is not
 * in sync. [any thread] */
int feed_push(struct feed *feed, struct job *job, struct reel_error *error);

/* Refuses new jobs, and waits until all jobs are done, or until `timeout_ms` have passed. */
void feed_drain(struct feed *feed, uint32_t timeout_ms);

/* Ends the feed's threads. Unfinished jobs are answered with -EAGAIN. The intake must still exist;
 * it must have stopped before feed_destroy. */
void feed_stop(struct feed *feed);
void feed_destroy(struct feed *feed); /* accepts NULL */

const char *feed_name(const struct feed *feed);
void feed_read(struct feed *feed, struct feed_metrics *ret);

#endif
