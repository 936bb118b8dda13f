/* handshake.h: the opening handshake of a WebSocket (RFC 6455, section 4.2), as far as it is
 * text. */
#ifndef REEL_SINKS_WEBSOCKET_HANDSHAKE_H
#define REEL_SINKS_WEBSOCKET_HANDSHAKE_H

#include <reel/abi.h>

/* Bytes for Sec-WebSocket-Accept, including the NUL. */
#define WEBSOCKET_ACCEPT_MAX 29

/* True if the key is 16 bytes in base64. */
bool websocket_key_valid(struct reel_str key);
void websocket_accept(struct reel_str key, char ret[WEBSOCKET_ACCEPT_MAX]);

/* Removes the next element from a comma-separated list (RFC 9110, section 5.6.1), without the white
 * space around it. Returns false if there is none. */
bool header_list_next(struct reel_str *rest, struct reel_str *ret);
bool header_list_has_caseless(struct reel_str list, const char *element);

/* The parts of Sec-WebSocket-Protocol that are used. */
struct websocket_protocols {
    const char *selected;  /* the first sub-protocol that we support; NULL: none */
    bool is_cloudevents;   /* it is cloudevents.json */
    struct reel_str token; /* from `bearer.<token>`; NULL data: none */
};
struct websocket_protocols websocket_protocols(struct reel_str offered);

/* Bytes for a decoded token. A longer token cannot be valid. */
#define WEBSOCKET_TOKEN_MAX 768

/* The bearer token. The name of a sub-protocol cannot contain `/` and `=` (RFC 6455, section 4.1),
 * so a client may send `b64.` and the token in base64url without padding (RFC 4648, section 5).
 * Returns an empty token if it cannot be decoded. */
struct reel_str websocket_token(struct reel_str offered, char decoded[WEBSOCKET_TOKEN_MAX]);

/* True if the page at `origin` ("https://example.org") is from the host of the request
 * ("example.org:443"). The scheme of the request is unknown, because TLS ends before the daemon. */
bool origin_is_of(struct reel_str origin, struct reel_str host);

#endif
