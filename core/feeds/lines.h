/* lines.h: reads one payload a line from a file or a pipe.
 *
 * Lines are gathered into batches, so that a long file is folded in few transactions. A line ends
 * with LF, with CR LF, or at the end of the file. Empty lines are skipped. Of a line longer than
 * the limit, only the length is passed on, which is all that the log stores of it. So memory is
 * bounded, whatever the input is.
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
    char *chunk; /* bytes that were read and not taken yet: from `start` to `end` */
    size_t start, end;
    bool ended;
    struct text text; /* the lines of the batch, one after the other */
    size_t count;
    size_t lengths[LINES_BATCH_EVENTS]; /* lengths of the lines in the file */
    struct reel_str batch[LINES_BATCH_EVENTS];
};

/* Reads from `fd`, which the caller still owns. -ENOMEM. */
int lines_init(struct lines *lines, int fd, size_t line_bytes_max, struct reel_error *error);
void lines_finish(struct lines *lines);

/* Reads the next batch into `batch` and `count`, which are valid until the next call. At the end of
 * the input, count is 0. */
int lines_next(struct lines *lines, struct reel_error *error);

#endif
