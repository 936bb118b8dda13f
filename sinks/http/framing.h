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

/* The limit for a head: its bytes, and what libmicrohttpd needs for each header and parameter. */
#define FRAMING_HEAD_MAX   (14 << 10)
#define FRAMING_FIELD_COST 64

/* Most bytes of the chunk extensions and trailers of one body. */
#define FRAMING_REMOVED_MAX (16 << 10)

/* What framing_pass may write beyond the length of its input. */
#define FRAMING_EXTRA 64

enum framing_fault {
    FRAMING_GOOD,
    FRAMING_MALFORMED,
    FRAMING_BAD_VERSION, /* not HTTP/1.x */
    FRAMING_LONG_TARGET, /* above FRAMING_HEAD_MAX within the request line */
    FRAMING_LARGE_HEAD,  /* above FRAMING_HEAD_MAX */
    FRAMING_LARGE_BODY,  /* the length is too large for an integer */
};

/* The body of a request whose Content-Type is application/x-ndjson: the first such request of a
 * connection, whose body is not empty. For http/bulk, which reads the body itself. */
struct framing_bulk {
    bool is_found, is_chunked;
    uint64_t length;
    size_t at; /* where it began in the input of the call that found it */
};

/* All zero: a new connection. */
struct framing {
    uint8_t state;
    uint8_t field;       /* the header to which the value belongs */
    uint8_t fault;       /* enum framing_fault; once it is set, it does not change */
    uint8_t name_len;    /* more than fits: not one of the headers that are needed here */
    uint8_t held_len;    /* length of a value or of a chunk's size that was not passed on yet */
    uint8_t version_len; /* of "HTTP/1." */
    bool is_http10, is_handshake, is_opaque;
    bool has_length, is_chunked;
    bool is_ndjson;
    bool is_body; /* framing_begin_body */
    char name[20], held[24];
    uint32_t cost;     /* of the head; or bytes that were removed from the body */
    uint64_t requests; /* number of requests that have begun; if there is a fault, it is in the last
                          one */
    uint64_t length;   /* of the body */
    uint64_t left;     /* bytes of the body or the chunk that have not arrived yet */
    const char *why;   /* a sentence about the fault */
    struct framing_bulk bulk;
};

/* Checks the next `len` bytes, and writes to `out` what libmicrohttpd may read. `out` has room for
 * `len` + FRAMING_EXTRA bytes. Returns the number of bytes written. */
size_t framing_pass(struct framing *framing, const char *in, size_t len, char *out);

/* Begins with the body of a request. framing_pass then writes only its data, without the form of
 * chunks, and nothing after its end; nor anything after a fault. */
void framing_begin_body(struct framing *framing, const struct framing_bulk *body);
bool framing_body_ended(const struct framing *framing);

#endif
