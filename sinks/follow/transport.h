/* transport.h: the form in which events are sent. There is one transport for each kind of follower;
 * everything else is the same for all kinds. */
#ifndef REEL_SINKS_FOLLOW_TRANSPORT_H
#define REEL_SINKS_FOLLOW_TRANSPORT_H

#include "base/arena.h"
#include "base/text.h"

#include <reel/view.h>

/* Memory for framing, which is used again for each frame. For one thread. */
struct framer {
    struct text scratch;        /* what a frame has */
    struct text key;            /* of the record in the last frame (records.h) */
    struct json_parser *parser; /* created when it is first needed */
    struct arena arena;
};
void framer_finish(struct framer *framer);

/* Empties `scratch`, and returns it for the content of a frame. */
struct text *framer_cleared(struct framer *framer);

/* The position after a frame, for followers of records. */
struct frame_id {
    uint64_t seq, generation;
};

enum transport_kind { TRANSPORT_WEBSOCKET, TRANSPORT_CLOUDEVENTS, TRANSPORT_STREAM, TRANSPORTS };

struct transport {
    const char *name; /* for metrics: "websocket" */
    bool is_websocket;

    /* Appends the frame of an event. 1: done; 0: this event has no frame; -ENOMEM. */
    int (*event)(struct framer *framer, const struct reel_entry *entry, struct text *to);

    /* Appends a frame with a position; NULL: the transport has none. */
    void (*position)(struct framer *framer, uint64_t seq, struct text *to);

    /* For followers of records; NULL: the transport is not for them. `text` appends a frame with
     * the content of `scratch`, up to its id. `text_end` ends it, with this id or without one
     * (NULL). */
    void (*text)(struct framer *framer, struct text *to);
    void (*text_end)(const struct frame_id *id, struct text *to);

    /* Appends a frame that keeps the connection alive. The client of a WebSocket must answer it. */
    void (*ping)(struct text *to);

    /* Appends a frame that says that nothing more will come, with the reason; code 0: without a
     * code. NULL: the end of the connection says it. */
    void (*close)(unsigned code, const char *reason, struct text *to);
};

extern const struct transport *const transports[TRANSPORTS];

#endif
