/* subscriber.h: a subscriber that keeps what it receives (copy.h), is cut, and continues from where
 * the documentation says that a client continues. On the side of the daemon, it is a
 * `struct follower` (sinks/follow/follower.h). */
#ifndef REEL_CONFORM_SUBSCRIBER_H
#define REEL_CONFORM_SUBSCRIBER_H

#include "conform/client.h"
#include "conform/copy.h"

struct subscriber {
    const struct target *target;
    struct json_parser *parser;
    const char *collection; /* NULL: it follows events */
    const char *filter;     /* a parameter, "state=running", percent-encoded; "": none */
    enum frames_kind kind;

    struct copy copy;   /* of records */
    struct trail trail; /* of events */

    bool is_connected;
    struct stream stream;
    uint64_t connections;
};

/* The name in reports: "websocket" or "sse"; and for people. */
const char *frames_name(enum frames_kind kind);
const char *frames_title(enum frames_kind kind);

/* Connects and continues. 1: it is connected; 0: refused, with subscriber->stream.http.status, and
 * the sentence says why; -ECANCELED: it was cut; other: see stream_open. */
int subscriber_connect(struct subscriber *subscriber, uint64_t cut_at, struct reel_error *error);
void subscriber_cut(struct subscriber *subscriber);

/* Takes frames until it has reached this position, of events or of the collection. 1: it has; 0:
 * not until `until_ms` (clock_ms). -EPIPE: the server has ended the connection; -ECANCELED: it was
 * cut; -EPROTO: what it received is wrong; other: the connection was lost. Everything but 1 and 0
 * ends the connection. */
int subscriber_reach(struct subscriber *subscriber, uint64_t seq, uint64_t until_ms,
                     struct reel_error *error);

/* Disconnects and frees everything. */
void subscriber_finish(struct subscriber *subscriber);

#endif
