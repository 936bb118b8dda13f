/* lines.c: see lines.h. */
#include "http/bulk/lines.h"

#include "base/invariant.h"

size_t lines_take(struct lines *lines, struct text *to, const char *in, size_t len,
                  bool *ret_ended) {
    const char *end = len > 0 ? memchr(in, '\n', len) : NULL;
    size_t part = end ? (size_t)(end - in) : len;
    INVARIANT(to->failed || lines->begin <= to->len);
    *ret_ended = end != NULL;
    if (!lines->is_long && part > lines->line_max - (to->len - lines->begin)) {
        lines->is_long = true;
        to->len = lines->begin;
    }
    if (!lines->is_long) text_append(to, in, part);
    return part + (end != NULL);
}

void lines_next(struct lines *lines, const struct text *to) {
    lines->number++;
    lines->begin = to->len;
    lines->is_long = false;
}

struct reel_str lines_current(const struct lines *lines, const struct text *to) {
    struct reel_str line = {to->data ? to->data + lines->begin : "", to->len - lines->begin};
    if (line.len > 0 && line.data[line.len - 1] == '\r') line.len--;
    return line;
}
