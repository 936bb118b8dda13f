/* splitter.c: see splitter.h. */
#include "http/bulk/splitter.h"

#include "base/invariant.h"

size_t splitter_take(struct splitter *lines, struct text *to, const char *in, size_t len,
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

void splitter_next(struct splitter *lines, const struct text *to) {
    lines->number++;
    lines->begin = to->len;
    lines->is_long = false;
}

struct reel_str splitter_line(const struct splitter *lines, const struct text *to) {
    struct reel_str line = {to->data ? to->data + lines->begin : "", to->len - lines->begin};
    if (line.len > 0 && line.data[line.len - 1] == '\r') line.len--;
    return line;
}
