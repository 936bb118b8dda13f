/* sse.h: a stream of server-sent events (HTML standard, section 9.2), read as it comes. */
#ifndef TESTS_SUPPORT_SSE_H
#define TESTS_SUPPORT_SSE_H

#include "wire.h"

struct sse {
    bool chunked;    /* the answer's transfer coding */
    uint64_t left;   /* of the chunk that is being read */
    unsigned chunks; /* that have begun */
    bool over;       /* the last chunk has come */
    struct text in;  /* decoded; it has been looked at up to `at` */
    size_t at;
};

/* What came between two empty lines. Strings have no NUL behind them, and are NULL where there was
 * none of them. */
struct sse_event {
    struct reel_str id, data, name;
    struct reel_str comment; /* the last one */
    uint64_t retry_ms;       /* 0: none */
};

/* Asks, with these headers ("Name: value", NULL at the end; or NULL). With 200 it is a stream, and
 * its head is right. */
struct reply sse_asked(struct wire *wire, const char *path, const char *token,
                       const char *const *headers, struct sse *ret);

/* The next of what has come, good until more is read; false: it is not whole yet. */
bool sse_next(struct wire *wire, struct sse *sse, struct sse_event *ret);

/* The next, waiting for it; false at the end of the stream. */
bool sse_read(struct wire *wire, struct sse *sse, struct sse_event *ret);

void sse_finish(struct sse *sse);

#endif
