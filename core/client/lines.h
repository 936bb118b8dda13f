/* lines.h: bytes that come in parts, cut into lines; and the lines of server-sent events. Both are
 * fed by the body of an answer: lines_feed and sse_feed can be `take` of a request (http.h). */
#ifndef REEL_CLIENT_LINES_H
#define REEL_CLIENT_LINES_H

#include "base/text.h"

/* Longest line, and longest data of one server-sent event. The daemon's own bounds are lower. */
#define LINE_BYTES_MAX ((size_t)64 << 20)

/* Takes a line, without its end, or the data of an event. Not 0 ends the feeding. */
typedef int (*lines_take)(void *context, struct reel_str line);

/* With only `take` and `context`: nothing has come. */
struct lines {
    lines_take take;
    void *context;
    struct text rest; /* of a line that is not complete */
};
void lines_finish(struct lines *lines);

/* Gives each complete line to `take`. `lines` is a struct lines. Returns what `take` returned if it
 * was not 0; -EFBIG: a line is too long; -ENOMEM. */
int lines_feed(void *lines, struct reel_str bytes);

/* Server-sent events (HTML standard, section 9.2), whose data is JSON: several lines of data become
 * one line. With only `take` and `context`: nothing has come. */
struct sse {
    lines_take take;
    void *context;
    struct text rest; /* of a line that is not complete */
    struct text data;
    bool has_data;
    char id[64]; /* the last one that was complete: for Last-Event-ID; empty: none */
    char next_id[64];
};
void sse_finish(struct sse *sse);

/* Gives the data of each complete event to `take`, whose id is then `id`. As lines_feed. */
int sse_feed(void *sse, struct reel_str bytes);

/* Forgets the event that is not complete: another connection begins. `id` remains. */
void sse_restart(struct sse *sse);

#endif
