/* broker.h: what a feed (feed.h) asks of a broker, and what a broker's messages and streams are. */
#ifndef REEL_FEEDS_BROKER_H
#define REEL_FEEDS_BROKER_H

#include "engine/engine.h"

struct feed;

struct feed_broker {
    const char *name; /* "jetstream" */

    /* One session. Returns 0 when the feed is stopping, else an error. [feed] */
    int (*session)(struct feed *feed, void *broker, struct reel_error *error);

    /* Hands an event over to be published; what became of it is told by feed_published. -EAGAIN:
     * there is no connection; -E2BIG: the broker takes none so large. [publisher] */
    int (*publish)(void *broker, const struct outgoing *event, struct reel_error *error);
};

/* A message, with the sequence number that the stream gave it. Where `made` is not empty, `bytes`
 * are in it; they, the subject, `answer` and `owner` stay until feed_options.release. */
struct feed_message {
    uint64_t seq;
    uint64_t time_ns;        /* when the stream received it, since 1970, UTC */
    struct reel_str bytes;   /* the event */
    struct reel_str subject; /* that it was published under */
    uint32_t flags;          /* REEL_LOG_CONVERTED, or 0 */
    bool has_id;             /* it carries what `publish` gave it as id_hash */
    uint8_t id_hash[16];
    struct log_answer answer; /* of a command, with has_body: what `publish` gave it */
    struct text made, texts;  /* `texts` has those of `answer` */
    void *owner;
};

struct feed_stream {
    const char *name;
    const char *filter; /* the subjects that are asked for */
    uint64_t created_ns;
    uint64_t first_seq, last_seq; /* what it holds; first_seq may be last_seq + 1 */

    /* Fetches one message. 1, and it must be released; 0: the stream no longer holds it. */
    int (*fetch)(void *session, uint64_t seq, struct feed_message *ret, struct reel_error *error);
    void *session;
};

#endif
