/* websocket.h: a WebSocket (RFC 6455) from the client's side, frame by frame: for tests that look
 * at frames, and that send what no library would. What the server sends is held to the rules:
 * a frame that breaks them fails the test. */
#ifndef TESTS_SUPPORT_WEBSOCKET_H
#define TESTS_SUPPORT_WEBSOCKET_H

#include "wire.h"

/* RFC 6455, section 5.2. */
enum {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10,
    WS_FIN = 0x80,
    WS_RESERVED = 0x70,
};

/* ---- Handshake ------------------------------------------------------------------------------- */

/* What every client sends; "Authorization" and the rest are the caller's. */
#define WS_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define WS_UPGRADE                                                                                 \
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",                      \
        "Sec-WebSocket-Key: " WS_KEY

/* Asks, with these headers beside those of WS_UPGRADE. Whatever is answered; if it is 101, the
 * answer is right as section 4.2.2 has it, and the wire is a WebSocket. Both NULL-able but the
 * path. */
struct reply ws_asked(struct wire *wire, const char *path, const char *token,
                      const char *const *headers);

/* One that is there, with the token that may only read. */
struct wire ws_opened(const struct daemon *daemon, const char *path);

/* ---- Frames ---------------------------------------------------------------------------------- */

struct ws_frame {
    unsigned opcode;         /* the server never sends fragments */
    struct reel_str payload; /* good until more is read */
};

/* The next of what has come; false: it is not whole yet. */
bool ws_next(struct wire *ws, struct ws_frame *ret);

/* The next, waiting for it; false at the connection's end. */
bool ws_read(struct wire *ws, struct ws_frame *ret);

/* The next text. Pings are answered; a close fails the test. */
struct reel_str ws_text(struct wire *ws);

/* Reads on until the server closes: its code, 1005 if it gave none, 0 if the connection ended
 * without a close frame. The closing is answered, and the connection must then end from the other
 * side. `ret_reason` may be NULL. */
unsigned ws_closed(struct wire *ws, char ret_reason[124]);

/* Adds a frame, masked: `first` is its first byte, opcode and all. */
void ws_add_frame(struct text *text, unsigned first, const void *payload, size_t len);

/* Sends one; false if the other side has had enough. */
bool ws_send(struct wire *ws, unsigned first, const void *payload, size_t len);

/* Sends a close with this code, and waits for its answer and the end. */
void ws_close(struct wire *ws, unsigned code);

#endif
