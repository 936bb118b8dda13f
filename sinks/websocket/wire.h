/* wire.h: WebSocket frames (RFC 6455, section 5) on the side of the server: writing frames, and
 * reading those of clients.
 *
 * wslay parses single frames. Its event layer would take 8 KiB for each client. So everything
 * beyond single frames (masks, opcodes, fragments, UTF-8, close codes) is done here. wslay's frame
 * contexts, of 4 KiB each, are lent to clients only while a frame is incomplete. A client that
 * sends nothing takes a few bytes.
 *
 * Messages with data are checked, and ignored unless somebody wants them: a follower has nothing to
 * send.
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

/* Longest payload of a control frame. */
#define WEBSOCKET_CONTROL_MAX 125

/* Longest message of a client, if messages are ignored. */
#define WEBSOCKET_MESSAGE_MAX ((size_t)64 << 10)

/* Appends a complete frame, without a mask, as a server sends it. */
void websocket_write(struct text *to, enum websocket_opcode opcode, struct reel_str payload);

/* ---- Reading --------------------------------------------------------------------------------- */

/* Unused frame contexts, for one thread. All zero: empty. */
struct websocket_pool {
    struct websocket_frame *idle;
    size_t count;
};
void websocket_pool_finish(struct websocket_pool *pool);

/* The state of a UTF-8 check of text that arrives in parts. All zero: between two characters. */
struct utf8_walk {
    uint8_t left;      /* bytes that the current character still needs */
    uint8_t low, high; /* range of the next byte */
};

/* Returns false if the text is not UTF-8. */
bool utf8_walk(struct utf8_walk *walk, const uint8_t *bytes, size_t len);

/* The state of a client's input. All zero: nothing was received. */
struct websocket_input {
    struct websocket_frame *frame; /* the context, within a frame; otherwise NULL */
    uint8_t opcode;                /* of the current message; 0: none */
    struct utf8_walk utf8;
    uint32_t message_len;

    /* If it is not NULL, the data of messages is appended here. The caller may change it between
     * two calls. If it fails, the rest of the message is lost. */
    struct text *message;
    size_t message_max; /* longest message, with `message` */
};
void websocket_input_finish(struct websocket_input *input, struct websocket_pool *pool);

enum websocket_heard {
    WEBSOCKET_HEARD_NOTHING, /* all bytes were read, and need no answer */
    WEBSOCKET_HEARD_PING,    /* must be answered with `payload` */
    WEBSOCKET_HEARD_CLOSE,   /* must be answered with `code`; 0: without a code */
    WEBSOCKET_HEARD_FAULT,   /* the connection must be closed with `code` and `reason` */
    WEBSOCKET_HEARD_MESSAGE, /* with input.message: a message is complete; see `is_text` */
};
struct websocket_said {
    uint8_t payload[WEBSOCKET_CONTROL_MAX];
    size_t len;
    unsigned code;
    const char *reason;
    bool is_text;
};

/* Reads what a client has sent, and removes it from `bytes`, up to the first frame that needs an
 * answer. After a close or a fault, nothing more is read. */
enum websocket_heard websocket_hear(struct websocket_input *input, struct websocket_pool *pool,
                                    struct reel_str *bytes, struct websocket_said *ret);

#endif
