/* write.h: JSON text, written. */
#ifndef REEL_JSON_WRITE_H
#define REEL_JSON_WRITE_H

#include "base/arena.h"
#include "base/text.h"

/* How many bytes `str` takes as a JSON string with its quotes, or 0 if it is not UTF-8; and writing
 * it there: `quoted_len` is what the first returned. Only what RFC 8259, section 7 demands is
 * escaped. */
size_t json_quoted_len(struct reel_str str);
void json_quote(char *to, struct reel_str str, size_t quoted_len);
void text_append_quoted(struct text *text, struct reel_str str);

/* The string in a JSON string's text, `quoted`, with its quotes. Points into it if nothing is
 * escaped, else into the arena; NULL data: out of memory. The text must be valid. */
struct reel_str json_unquote(struct reel_str quoted, struct arena *arena);

/* A copy in which CR and LF, which can only be white space between tokens, are spaces: one line. */
void json_copy_line(char *to, struct reel_str json);

#endif
