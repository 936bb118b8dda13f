/* write.h: writes JSON text. */
#ifndef REEL_JSON_WRITE_H
#define REEL_JSON_WRITE_H

#include "base/arena.h"
#include "base/text.h"

/* json_quoted_len: the number of bytes of `str` as a JSON string, with quotes; 0 if it is not
 * UTF-8. json_quote writes it; `quoted_len` is the result of the first function. Only characters
 * that RFC 8259, section 7 requires are escaped. */
size_t json_quoted_len(struct reel_str str);
void json_quote(char *to, struct reel_str str, size_t quoted_len);
void text_append_quoted(struct text *text, struct reel_str str);

/* The string in a JSON string's text, `quoted`, which includes the quotes. The result points into
 * `quoted` if nothing is escaped, otherwise into the arena. NULL data: out of memory. The text must
 * be valid. */
struct reel_str json_unquote(struct reel_str quoted, struct arena *arena);

/* Copies JSON with each CR and LF replaced by a space, so that it is one line. In JSON they can
 * only be white space between tokens. */
void json_copy_line(char *to, struct reel_str json);

#endif
