/* splitter.h: splits bytes that arrive in pieces into lines, which end with LF. */
#ifndef REEL_HTTP_BULK_SPLITTER_H
#define REEL_HTTP_BULK_SPLITTER_H

#include "base/text.h"

struct splitter {
    size_t line_max;
    uint64_t number; /* of the current line, from 1 */
    size_t begin;    /* where the current line begins in the text */
    bool is_long;    /* it has more than line_max bytes: its bytes are dropped */
};

/* Appends bytes to the current line, which is at the end of `to`, up to its LF, which is not
 * appended. Returns the number of bytes that were used. `ret_ended`: the line is complete. */
size_t splitter_take(struct splitter *lines, struct text *to, const char *in, size_t len,
                     bool *ret_ended);

/* Begins the next line at the end of `to`. */
void splitter_next(struct splitter *lines, const struct text *to);

/* The current line, without a CR at its end; empty if it is too long. */
struct reel_str splitter_line(const struct splitter *lines, const struct text *to);

#endif
