/* lines.c: see lines.h. */
#include "feeds/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)256 << 10)

int lines_init(struct lines *lines, int fd, size_t line_bytes_max, struct reel_error *error) {
    memset(lines, 0, sizeof *lines);
    lines->fd = fd;
    lines->line_bytes_max = line_bytes_max;
    lines->chunk = malloc(CHUNK_BYTES);
    return lines->chunk ? 0 : fail_memory(error);
}

void lines_finish(struct lines *lines) {
    free(lines->chunk);
    text_finish(&lines->text);
}

static int read_chunk(struct lines *lines, struct reel_error *error) {
    ssize_t got;
    do got = read(lines->fd, lines->chunk, CHUNK_BYTES);
    while (got < 0 && errno == EINTR);
    if (got < 0) return fail(error, -errno, "cannot read: %s", strerror(errno));
    lines->start = 0;
    lines->end = (size_t)got;
    lines->ended = got == 0;
    return 0;
}

/* Takes the part of the current line that is in the chunk, and keeps as much of it as the limit
 * allows. Returns true when the line is complete. `last` is the last byte of the line so far,
 * whether it was kept or not. */
static bool take_part(struct lines *lines, size_t *length, char *last) {
    const char *from = lines->chunk + lines->start;
    size_t left = lines->end - lines->start;
    const char *newline = memchr(from, '\n', left);
    size_t part = newline ? (size_t)(newline - from) : left;
    size_t room = *length < lines->line_bytes_max ? lines->line_bytes_max - *length : 0;
    text_append(&lines->text, from, part < room ? part : room);
    *length += part;
    if (part > 0) *last = from[part - 1];
    lines->start += part + (newline ? 1 : 0);
    return newline != NULL;
}

/* Reads one line: stores its length in `ret_length`, and appends its bytes to the text. */
static int take_line(struct lines *lines, size_t *ret_length, struct reel_error *error) {
    size_t length = 0, before = lines->text.len;
    char last = 0;
    while (true) {
        if (lines->start == lines->end) {
            int rc = read_chunk(lines, error);
            if (rc < 0) return rc;
            if (lines->ended) break;
        }
        if (take_part(lines, &length, &last)) break;
    }
    if (lines->text.failed) return fail_memory(error);
    if (last == '\r') length--;
    /* The CR may be a byte that was not kept because of the limit. */
    lines->text.len = before + (length < lines->line_bytes_max ? length : lines->line_bytes_max);
    *ret_length = length;
    return 0;
}

int lines_next(struct lines *lines, struct reel_error *error) {
    lines->text.len = 0;
    lines->count = 0;
    while (!lines->ended && lines->count < LINES_BATCH_EVENTS &&
           lines->text.len < LINES_BATCH_BYTES) {
        size_t length;
        int rc = take_line(lines, &length, error);
        if (rc < 0) return rc;
        if (length > 0) lines->lengths[lines->count++] = length;
    }
    const char *at = lines->text.data; /* the text does not move any more */
    for (size_t i = 0; i < lines->count; i++) {
        size_t kept =
            lines->lengths[i] < lines->line_bytes_max ? lines->lengths[i] : lines->line_bytes_max;
        lines->batch[i] = (struct reel_str){at, lines->lengths[i]};
        at += kept;
    }
    return 0;
}
