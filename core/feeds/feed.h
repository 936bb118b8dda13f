/* feed.h: a feed: a broker's stream, of which the log is a mirror.
 *
 * A daemon's log is its own, or it mirrors a stream that a broker keeps. Then the broker numbers
 * the events, new ones are published there, and come back like any others. What is particular to
 * one broker is behind struct feed_broker; the rest is common to all: feed.c has the thread and the
 * way into the writer's queue, origin.c the question whether a stream is the one that was mirrored,
 * publisher.c those who wait for what they published.
 *
 * To add a broker, implement struct feed_broker. A session, on the feed's thread,
 *   1. connects, and asks what the stream is: struct feed_stream;
 *   2. feed_begin compares it with the log, and says from which seq on messages are wanted;
 *   3. feed_take for each message, in order and without leaving one out; feed_flush when no more
 *      are there just now. It asks the broker for no more at a time than feed_room has room for;
 *   4. feed_in_sync whenever the broker has nothing more to give, feed_trim when it has removed its
 *      oldest, feed_gap where others are missing;
 *   5. goes on so until anything fails, or feed_is_stopping.
 * Whatever goes wrong, from a lost connection to a full disk, ends the session with a sentence; the
 * next one, after a pause that grows, begins at what the log has by then. So nothing is lost or
 * taken twice, and there is one way to recover.
 */
#ifndef REEL_FEEDS_FEED_H
#define REEL_FEEDS_FEED_H

#include "feeds/broker.h"
#include "feeds/intake/intake.h"

/* ---- What a session tells -------------------------------------------------------------------- */

/* -ESTALE: the log mirrors something else, and was not told to begin anew. */
int feed_begin(struct feed *feed, const struct feed_stream *stream, uint64_t *ret_from,
               struct reel_error *error);

/* Takes the message over, whatever it returns. Waits for room in the writer's queue. */
int feed_take(struct feed *feed, const struct feed_message *message, struct reel_error *error);

/* The `missing` messages up to `seq`, behind those given before, were never received and will not
 * come: the stream had deleted them, or a limit of it removed them first. That is a fact about the
 * log: it is kept in it, counted, told to followers, and said. `time_ns`: about when that was, as
 * of a message; 0: now. Only a broker that gives every message of the stream can tell. */
int feed_gap(struct feed *feed, uint64_t seq, uint64_t missing, uint64_t time_ns,
             struct reel_error *error);

/* Hands what was taken to the writer, who is given them in batches. 1: he has enough to do, so that
 * a few more may come with it; call it again in a moment. */
int feed_flush(struct feed *feed, struct reel_error *error);

/* Everything up to `last_seq`, read from the broker before, has been given. */
int feed_in_sync(struct feed *feed, uint64_t last_seq, struct reel_error *error);

/* The stream begins at `first_seq` now; and holds messages up to `last_seq`, of which `pending`
 * are yet to be given. */
int feed_trim(struct feed *feed, uint64_t first_seq, struct reel_error *error);
void feed_note(struct feed *feed, uint64_t last_seq, uint64_t pending);

/* How many more messages there is room for. */
uint64_t feed_room(struct feed *feed);
bool feed_is_stopping(struct feed *feed);

/* A line for the operator's log. */
void feed_say(struct feed *feed, reel_level level, const char *sentence);

/* A warning about one message. Anybody can publish any number of such messages: beyond a few lines
 * in a while, they are only counted, and the count is said. [the session's thread] */
void feed_say_message(struct feed *feed, const char *sentence);

/* What became of an event that was to be published: 0: it is in the stream at `seq`, `repeated`: it
 * was there before; else it is not, or nobody knows. [any thread] */
void feed_published(struct feed *feed, const uint8_t id_hash[16], int rc, uint64_t seq,
                    bool repeated, const char *sentence);

/* The broker refuses to take what is published under this subject; or, if not `is_whole`, under one
 * that begins so. [any thread] */
void feed_refused(struct feed *feed, struct reel_str subject, bool is_whole, const char *sentence);

/* ---- What the daemon does with it ------------------------------------------------------------ */

struct feed_options {
    const struct feed_broker *broker;
    void *broker_state;
    void (*release)(struct feed_message *message);
    struct reel *reel;
    struct intake *intake;
    const char *filter;      /* as in struct feed_stream */
    bool begin_anew;         /* told to rebuild everything, if the log mirrors something else */
    uint64_t room_events;    /* messages asked for, or waiting for the writer */
    uint32_t publish_ms_max; /* how long one may wait for what it published */

    /* For the operator's log; and: readiness, or the position, has changed. */
    void (*say)(void *context, reel_level level, const char *sentence);
    void (*changed)(void *context);
    void *context;
};

struct feed_metrics {
    bool up;             /* a session has begun */
    bool in_sync;        /* and has given all that the stream had */
    char reason[200];    /* if it is not */
    uint64_t known_seq;  /* the stream is known to reach so far */
    uint64_t pending;    /* messages that are yet to come */
    uint64_t sessions;   /* since the start */
    uint64_t published;  /* events that came back */
    uint64_t publishing; /* and that are waited for */
};

int feed_start(const struct feed_options *options, struct feed **ret, struct reel_error *error);

/* Has a job done whose work is events or an order: tried, published, and done when all of it has
 * come back. As intake_push, and -EAGAIN while the feed is not in sync. [any thread] */
int feed_push(struct feed *feed, struct job *job, struct reel_error *error);

/* Refuses new jobs, and waits until none is under way, or for so long. */
void feed_drain(struct feed *feed, uint32_t timeout_ms);

/* Ends its threads; jobs that are under way are answered -EAGAIN. The intake must still be there,
 * and must have stopped before feed_destroy. */
void feed_stop(struct feed *feed);
void feed_destroy(struct feed *feed); /* takes NULL */

const char *feed_name(const struct feed *feed);
void feed_read(struct feed *feed, struct feed_metrics *ret);

#endif
