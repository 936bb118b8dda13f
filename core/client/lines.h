/* lines.h: bytes that come in parts, cut into lines; and the lines of server-sent events. */
#ifndef REEL_CLIENT_LINES_H
#define REEL_CLIENT_LINES_H

#include "base/text.h"

/* Longest line, and longest data of one server-sent event. The daemon's own bounds are lower. */
#define LINE_BYTES_MAX ((size_t)64 << 20)

/* All zero: nothing has come. */
struct lines {
    struct text rest; /* of a line that is not complete */
};
void lines_finish(struct lines *lines);

/* Gives each complete line to `take`, without its end. Returns what `take` returned if it was not
 * 0; -EFBIG: a line is too long; -ENOMEM. */
typedef int (*lines_take)(void *context, struct reel_str line);
int lines_feed(struct lines *lines, struct reel_str bytes, lines_take take, void *context);

/* Server-sent events (HTML standard, section 9.2), whose data is JSON: several lines of data become
 * one line. All zero: nothing has come. */
struct sse {
    struct lines lines;
    struct text data;
    bool has_data;
    char id[64]; /* the last one that was complete: for Last-Event-ID; empty: none */
    char next_id[64];
    int (*take)(void *context, struct reel_str data);
    void *context;
};
void sse_finish(struct sse *sse);

/* Gives the data of each complete event to `take`, whose id is then `id`. As lines_feed. */
int sse_feed(struct sse *sse, struct reel_str bytes);

#endif
