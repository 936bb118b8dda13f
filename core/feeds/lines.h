/* lines.h: a feed that reads one payload a line from a file or a pipe.
 *
 * Lines are gathered into batches, so that a long file is folded in few transactions. A line
 * ends with LF or CR LF, or with the file; empty lines are no payloads. A line longer than the
 * bound is passed on by its length alone, which is what the log keeps of it: memory is bounded
 * whatever comes.
 */
#ifndef REEL_FEEDS_LINES_H
#define REEL_FEEDS_LINES_H

#include "base/error.h"
#include "base/text.h"

#define LINES_BATCH_EVENTS 4096
#define LINES_BATCH_BYTES  ((size_t)8 << 20)

struct lines {
    int fd;
    size_t line_bytes_max;
    char *chunk; /* read but not yet taken: from `start` to `end` */
    size_t start, end;
    bool ended;
    struct text text; /* the batch's lines, one behind the other */
    size_t count;
    size_t lengths[LINES_BATCH_EVENTS]; /* as they were in the file */
    struct reel_str batch[LINES_BATCH_EVENTS];
};

/* Reads from `fd`, which stays the caller's. -ENOMEM. */
int lines_init(struct lines *lines, int fd, size_t line_bytes_max, struct reel_error *error);
void lines_finish(struct lines *lines);

/* The next batch, in `batch` and `count`, good until the next call; count 0 at the end. */
int lines_next(struct lines *lines, struct reel_error *error);

#endif
