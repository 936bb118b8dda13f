/* follower.h: a follower that keeps what it receives (copy.h), is cut, and continues from where the
 * documentation says that a client continues. */
#ifndef REEL_CONFORM_FOLLOWER_H
#define REEL_CONFORM_FOLLOWER_H

#include "conform/client.h"
#include "conform/copy.h"

struct follower {
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

/* Connects and continues. 1: it is connected; 0: refused, with follower->stream.http.status, and
 * the sentence says why; -ECANCELED: it was cut; other: see stream_open. */
int follower_connect(struct follower *follower, uint64_t cut_at, struct reel_error *error);
void follower_cut(struct follower *follower);

/* Takes frames until it has reached this position, of events or of the collection. 1: it has; 0:
 * not until `until_ms` (clock_ms). -EPIPE: the server has ended the connection; -ECANCELED: it was
 * cut; -EPROTO: what it received is wrong; other: the connection was lost. Everything but 1 and 0
 * ends the connection. */
int follower_reach(struct follower *follower, uint64_t seq, uint64_t until_ms,
                   struct reel_error *error);

/* Disconnects and frees everything. */
void follower_finish(struct follower *follower);

#endif
