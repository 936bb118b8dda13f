/* http_reader.h: reads an answer of HTTP/1.1 (RFC 9112) while it arrives: its head, and its body
 * without the transfer coding. The answer comes from a server that is examined, so everything in it
 * may be wrong, and everything is limited. */
#ifndef REEL_CONFORM_HTTP_READER_H
#define REEL_CONFORM_HTTP_READER_H

#include "base/text.h"

/* Longest head of an answer; and longest line of a chunk's size, or of a trailer. */
#define HTTP_HEAD_MAX ((size_t)64 << 10)
#define HTTP_LINE_MAX 4096

enum http_part {
    HTTP_HEAD,
    HTTP_BODY,        /* `left` bytes */
    HTTP_BODY_TO_END, /* until the connection ends; after 101, all bytes are this */
    HTTP_CHUNK_SIZE,  /* the line with it */
    HTTP_CHUNK,       /* `left` bytes */
    HTTP_CHUNK_END,   /* CR LF */
    HTTP_TRAILER,     /* lines, up to an empty one */
    HTTP_OVER,
};

/* All zero: nothing was received. */
struct http_reader {
    enum http_part part;
    unsigned status;  /* 0: the head is not complete */
    struct text head; /* with the empty line at its end */
    struct text line; /* of a chunk's size, or of a trailer */
    uint64_t left;
};

/* Reads bytes from the front of `bytes`, and removes them. Bytes of the body are appended to
 * `body`, until it has `body_max` bytes; then -EFBIG. Stops at the end of the answer. -EPROTO:
 * `ret_why` is a constant phrase; -ENOMEM. */
int http_read(struct http_reader *reader, struct reel_str *bytes, struct text *body,
              size_t body_max, const char **ret_why);

/* True if the answer is complete when the connection ends now. */
bool http_may_end(const struct http_reader *reader);

/* The value of the first header with this name; NULL data: it is not there. */
struct reel_str http_header(const struct http_reader *reader, const char *name);

/* Makes it as new; keeps no memory. */
void http_reader_finish(struct http_reader *reader);

#endif
