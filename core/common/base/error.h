/* error.h: a code and a sentence.
 *
 * Functions return 0 or a negative errno; the sentence grows outward: the place that fails says
 * what, callers put in front what they were doing ("cannot load x.so: …"). Nothing here logs.
 */
#ifndef REEL_BASE_ERROR_H
#define REEL_BASE_ERROR_H

#include <reel/reel.h>

#include <errno.h>

/* Writes the sentence, if `error` is not NULL; the second puts "…: " in front of what is there. */
REEL_PRINTF(2, 3)
void error_set(struct reel_error *error, const char *format, ...);
REEL_PRINTF(2, 3)
void error_prefix(struct reel_error *error, const char *format, ...);

/* The same, with the code as the value: `return fail(error, -EINVAL, "…")`. Macros, so that the
 * compiler sees that a failure is one. */
#define fail(error, code, ...)    (error_set((error), __VA_ARGS__), (code))
#define fail_in(error, code, ...) (error_prefix((error), __VA_ARGS__), (code))
#define fail_memory(error)        fail((error), -ENOMEM, "out of memory")

/* Cuts text of at most `len` bytes back to where its last whole UTF-8 character ends. */
size_t utf8_cut(const char *text, size_t len);

#endif
