/* frames.h: the frames of a subscriber, on the side of the client: from the bytes of a stream of
 * server-sent events (HTML standard, section 9.2), or of a WebSocket (RFC 6455, section 5).
 *
 * sinks/websocket/wire.h is the side of a server: it wants masks, and writes none. The side of a
 * client is small, because each message is kept anyway: all bytes up to the end of a frame are in
 * one buffer. A gateway may cut messages into fragments, although the daemon never does.
 */
#ifndef REEL_CONFORM_FRAMES_H
#define REEL_CONFORM_FRAMES_H

#include "base/text.h"

/* Longest frame, and longest message of several frames. */
#define FRAME_BYTES_MAX ((size_t)16 << 20)

enum frames_kind { FRAMES_SSE, FRAMES_WEBSOCKET };

enum frame_what {
    FRAME_TEXT,
    FRAME_PING, /* must be answered with `text`; of server-sent events: a comment */
    FRAME_PONG,
    FRAME_CLOSE, /* the last one: `code`, and `text` is the reason */
};

struct frame {
    enum frame_what what;
    struct reel_str text; /* valid until more is read */
    struct reel_str id;   /* of server-sent events; NULL data: none */
    unsigned code;        /* 1005: the close frame has none (section 7.1.5) */
};

/* All zero, with the kind: nothing was received. */
struct frames {
    enum frames_kind kind;
    struct text in; /* what was received; read up to `at` */
    size_t at;
    size_t scanned;      /* server-sent events: no end of an event up to here */
    struct text message; /* of several frames, or of several lines of data */
    bool is_open;        /* WebSocket: the message is not complete */
    bool is_closed;      /* a close frame was read */
};
void frames_finish(struct frames *frames);

/* Removes what was read, before more is appended to `in`. */
void frames_compact(struct frames *frames);

/* 1: `ret` is the next frame; 0: it is not complete; -EPROTO: `ret_why` is a constant phrase;
 * -ENOMEM. */
int frames_next(struct frames *frames, struct frame *ret, const char **ret_why);

/* Appends a frame as a client sends it, with a mask (section 5.3). */
void frames_write(struct text *to, unsigned opcode, struct reel_str payload, uint32_t mask);

#endif
