/* transport.h: how what a follower is sent looks on the wire. There is one for each kind of
 * follower; everything else is the same for all. */
#ifndef REEL_SINKS_FOLLOW_TRANSPORT_H
#define REEL_SINKS_FOLLOW_TRANSPORT_H

#include "base/arena.h"
#include "base/text.h"

#include <reel/view.h>

/* What framing needs: one thread's, used again and again. */
struct framer {
    struct text scratch;
    struct json_parser *parser; /* made when it is first needed */
    struct arena arena;
};
void framer_finish(struct framer *framer);

enum transport_kind { TRANSPORT_WEBSOCKET, TRANSPORT_CLOUDEVENTS, TRANSPORT_STREAM, TRANSPORTS };

struct transport {
    const char *name; /* "websocket": for metrics */
    bool is_websocket;

    /* Appends an event's frame. 1; 0: this one has none; -ENOMEM. */
    int (*event)(struct framer *framer, const struct reel_entry *entry, struct text *to);

    /* Appends what tells a position; NULL: there is no such thing. */
    void (*position)(struct framer *framer, uint64_t seq, struct text *to);

    /* Appends what keeps the connection alive. Of a WebSocket it asks for an answer. */
    void (*ping)(struct text *to);

    /* Appends what says that nothing more will come, and why; code 0: without one. NULL: the end
     * says it. */
    void (*close)(unsigned code, const char *reason, struct text *to);
};

extern const struct transport *const transports[TRANSPORTS];

#endif
