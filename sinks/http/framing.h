/* framing.h: where each request on a connection begins and ends (RFC 9112).
 *
 * Every byte of a connection passes through here before libmicrohttpd reads it. libmicrohttpd
 * 0.9.75 is lenient: it accepts white space before a colon, folded lines, lines that end with LF
 * alone, NUL in values, and more. A proxy in front that reads such a request in another way can be
 * made to forward a second request inside the body of the first (request smuggling). So heads,
 * chunks and trailers are checked here, strictly, and libmicrohttpd receives only requests that can
 * be read in one way:
 *   - Empty lines before a request, chunk extensions and trailers are removed. So is the value of
 *     Cookie, which nothing here reads and libmicrohttpd would copy.
 *   - Content-Length and chunk sizes are passed on in one form, without white space.
 *   - At the first fault, the request of which libmicrohttpd has the first part is completed with
 *     the shortest valid rest, and no later byte of the connection is passed on. So the request
 *     reaches our handler, which answers with a problem according to `fault` instead of an error
 *     page of libmicrohttpd's. The connection must be closed after this answer.
 *   - The sizes of heads are bounded here, below what libmicrohttpd has memory for.
 *
 * After the head of a WebSocket's handshake the bytes are not HTTP, and are passed on as they are.
 * A connection whose handshake was refused must be closed (`is_opaque`).
 */
#ifndef REEL_HTTP_FRAMING_H
#define REEL_HTTP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a head may cost: its bytes, and what libmicrohttpd needs for each header and parameter. */
#define FRAMING_HEAD_MAX   (14 << 10)
#define FRAMING_FIELD_COST 64

/* Chunk extensions and trailers of one body, in bytes. */
#define FRAMING_REMOVED_MAX (16 << 10)

/* What framing_pass may write beyond the length of its input. */
#define FRAMING_EXTRA 64

enum framing_fault {
    FRAMING_GOOD,
    FRAMING_MALFORMED,
    FRAMING_BAD_VERSION, /* not HTTP/1.x */
    FRAMING_LONG_TARGET, /* above FRAMING_HEAD_MAX within the request line */
    FRAMING_LARGE_HEAD,  /* above FRAMING_HEAD_MAX */
    FRAMING_LARGE_BODY,  /* its length does not fit */
};

/* All of zero is a new connection. */
struct framing {
    uint8_t state;
    uint8_t field;       /* which header the value belongs to */
    uint8_t fault;       /* enum framing_fault; once set, it stays */
    uint8_t name_len;    /* more than fits: not one of those that matter here */
    uint8_t held_len;    /* of a value, or of a chunk's size, that is not passed on yet */
    uint8_t version_len; /* of "HTTP/1." */
    bool is_http10, is_handshake, is_opaque;
    bool has_length, is_chunked;
    char name[20], held[24];
    uint32_t cost;     /* of the head, or what was removed from the body */
    uint64_t requests; /* begun; the last one is the one with the fault */
    uint64_t length;   /* of the body */
    uint64_t left;     /* of the body or the chunk */
    const char *why;   /* a sentence about the fault */
};

/* Writes what libmicrohttpd may read of the next `len` bytes to `out`, which has room for `len` +
 * FRAMING_EXTRA bytes. Returns how many bytes were written. */
size_t framing_pass(struct framing *framing, const char *in, size_t len, char *out);

#endif
