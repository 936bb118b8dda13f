/* handshake.h: the opening of a WebSocket (RFC 6455, section 4.2), as far as it is text. */
#ifndef REEL_SINKS_WEBSOCKET_HANDSHAKE_H
#define REEL_SINKS_WEBSOCKET_HANDSHAKE_H

#include <reel/abi.h>

/* Room for Sec-WebSocket-Accept, with a NUL. */
#define WEBSOCKET_ACCEPT_MAX 29

/* Is it 16 bytes in base64? */
bool websocket_key_valid(struct reel_str key);
void websocket_accept(struct reel_str key, char ret[WEBSOCKET_ACCEPT_MAX]);

/* Takes the next element off a comma-separated list (RFC 9110, section 5.6.1), without the white
 * space around it; false: there is none. */
bool header_list_next(struct reel_str *rest, struct reel_str *ret);
bool header_list_has_caseless(struct reel_str list, const char *element);

/* What of Sec-WebSocket-Protocol matters to us. */
struct websocket_protocols {
    const char *selected;  /* the first we speak; NULL: none */
    bool is_cloudevents;   /* it is cloudevents.json */
    struct reel_str token; /* of `bearer.<token>`; NULL data: none */
};
struct websocket_protocols websocket_protocols(struct reel_str offered);

/* Room for a token that was sent encoded; a longer one is not known to anybody. */
#define WEBSOCKET_TOKEN_MAX 768

/* The bearer token that is meant: the name of a sub-protocol cannot contain `/` and `=` (RFC 6455,
 * section 4.1), so `b64.` and base64url without padding (RFC 4648, section 5) may stand for the
 * token. What cannot be decoded is an empty token. */
struct reel_str websocket_token(struct reel_str offered, char decoded[WEBSOCKET_TOKEN_MAX]);

/* Is the page at `origin` ("https://example.org") from the host that was asked ("example.org:443")?
 * What scheme we were asked by is not known: TLS ends before us. */
bool origin_is_of(struct reel_str origin, struct reel_str host);

#endif
