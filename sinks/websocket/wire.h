/* wire.h: WebSocket frames (RFC 6455, section 5) from the server's side: writing them, and hearing
 * what a client says.
 *
 * wslay reads the frames. Its event layer would take 8 KiB for each client, so what it does beyond
 * single frames (masks, opcodes, fragments, UTF-8, close codes) is done here, and its frame
 * contexts of 4 KiB are lent to clients only while they are in the middle of a frame. A client
 * that is silent costs a few bytes.
 *
 * Messages with data are checked and thrown away: a follower has nothing to say.
 */
#ifndef REEL_SINKS_WEBSOCKET_WIRE_H
#define REEL_SINKS_WEBSOCKET_WIRE_H

#include "base/text.h"

enum websocket_opcode {
    WEBSOCKET_CONTINUATION = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10,
};

/* Section 7.4.1, the registry of close codes at IANA, and those of Reel's own. */
enum websocket_code {
    WEBSOCKET_NORMAL = 1000,
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_PROTOCOL_ERROR = 1002,
    WEBSOCKET_NO_UTF8 = 1007,
    WEBSOCKET_TOO_BIG = 1009,
    WEBSOCKET_INTERNAL = 1011,
    WEBSOCKET_TRY_AGAIN = 1013,
    WEBSOCKET_EPOCH_CHANGED = 4409,
    WEBSOCKET_CURSOR_TOO_OLD = 4410,
};

/* Most that a control frame carries. */
#define WEBSOCKET_CONTROL_MAX 125

/* Most that a client may send in one message. */
#define WEBSOCKET_MESSAGE_MAX ((size_t)64 << 10)

/* Appends a whole frame, unmasked, as servers send them. */
void websocket_write(struct text *to, enum websocket_opcode opcode, struct reel_str payload);

/* ---- Hearing --------------------------------------------------------------------------------- */

/* Frame contexts that nobody has just now. One thread's; all of zero is an empty one. */
struct websocket_pool {
    struct websocket_frame *idle;
    size_t count;
};
void websocket_pool_finish(struct websocket_pool *pool);

/* How far UTF-8 has come that arrives in pieces. All of zero: between two characters. */
struct utf8_walk {
    uint8_t left;      /* bytes that the character still needs */
    uint8_t low, high; /* what the next may be */
};

/* False: it can no longer become UTF-8. */
bool utf8_walk(struct utf8_walk *walk, const uint8_t *bytes, size_t len);

/* What was heard of a client so far. All of zero: nothing. */
struct websocket_input {
    struct websocket_frame *frame; /* in the middle of one; else NULL */
    uint8_t opcode;                /* of the message under way; 0: none */
    struct utf8_walk utf8;
    uint32_t message_len;
};
void websocket_input_finish(struct websocket_input *input, struct websocket_pool *pool);

enum websocket_heard {
    WEBSOCKET_HEARD_NOTHING, /* all of it was looked at, and needs no answer */
    WEBSOCKET_HEARD_PING,    /* to be answered with `payload` */
    WEBSOCKET_HEARD_CLOSE,   /* to be answered with `code`; 0: none */
    WEBSOCKET_HEARD_FAULT,   /* to be closed with `code` for `reason` */
};
struct websocket_said {
    uint8_t payload[WEBSOCKET_CONTROL_MAX];
    size_t len;
    unsigned code;
    const char *reason;
};

/* Takes what has come from a client off `bytes`, up to the first thing to be answered. After a
 * close or a fault nothing more is looked at. */
enum websocket_heard websocket_hear(struct websocket_input *input, struct websocket_pool *pool,
                                    struct reel_str *bytes, struct websocket_said *ret);

#endif
