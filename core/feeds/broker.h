/* broker.h: the functions that a broker implements for a feed (feed.h), and the structs that
 * describe a broker's messages and streams. */
#ifndef REEL_FEEDS_BROKER_H
#define REEL_FEEDS_BROKER_H

#include "engine/engine.h"

struct feed;

struct feed_broker {
    const char *name; /* "jetstream" */

    /* Runs one session. Returns 0 when the feed is stopping, otherwise an error. [feed] */
    int (*session)(struct feed *feed, void *broker, struct reel_error *error);

    /* Publishes an event. The broker reports the result later by feed_published. -EAGAIN: there is
     * no connection; -E2BIG: the event is larger than the broker accepts. [publisher] */
    int (*publish)(void *broker, const struct outgoing *event, struct reel_error *error);
};

/* A message, with the sequence number that the stream gave it. If `made` is not empty, `bytes`
 * points into it. `bytes`, the subject, `answer` and `owner` must stay valid until
 * feed_options.release. */
struct feed_message {
    uint64_t seq;
    uint64_t time_ns;        /* when the stream received it, since 1970, UTC */
    struct reel_str bytes;   /* the event */
    struct reel_str subject; /* the subject under which it was published */
    uint32_t flags;          /* REEL_LOG_CONVERTED, or 0 */
    bool has_id;             /* the message carries the id_hash that `publish` was given */
    uint8_t id_hash[16];
    struct log_answer answer; /* of a command, with has_body: what `publish` gave it */
    struct text made, texts;  /* `texts` has those of `answer` */
    void *owner;
};

struct feed_stream {
    const char *name;
    const char *filter; /* the subjects to mirror */
    uint64_t created_ns;
    uint64_t first_seq,
        last_seq; /* the range that the stream holds; first_seq may be last_seq + 1 */

    /* Fetches one message. Returns 1, and the caller must release the message; or 0: the stream
     * does not hold it any more. */
    int (*fetch)(void *session, uint64_t seq, struct feed_message *ret, struct reel_error *error);
    void *session;
};

#endif
