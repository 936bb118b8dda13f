/* sse.h: reads a stream of server-sent events (HTML standard, section 9.2) while it arrives. */
#ifndef TESTS_SUPPORT_SSE_H
#define TESTS_SUPPORT_SSE_H

#include "wire.h"

struct sse {
    bool chunked;    /* the answer's transfer coding */
    uint64_t left;   /* remaining bytes of the present chunk */
    unsigned chunks; /* number of chunks that have begun */
    bool over;       /* the last chunk has arrived */
    struct text in;  /* decoded bytes; those before `at` have been read */
    size_t at;
};

/* The lines between two empty lines. Strings are not NUL-terminated. They are NULL if they are
 * absent. */
struct sse_event {
    struct reel_str id, data, name;
    struct reel_str comment; /* the last one */
    uint64_t retry_ms;       /* 0: none */
};

/* Sends a request with these headers ("Name: value", NULL at the end; or NULL). With 200 it is a
 * stream, and its head is checked. */
struct reply sse_asked(struct wire *wire, const char *path, const char *token,
                       const char *const *headers, struct sse *ret);

/* The next event that has arrived, valid until more is read; false: it is not complete yet. */
bool sse_next(struct wire *wire, struct sse *sse, struct sse_event *ret);

/* Waits for the next event; false at the end of the stream. */
bool sse_read(struct wire *wire, struct sse *sse, struct sse_event *ret);

void sse_finish(struct sse *sse);

#endif
