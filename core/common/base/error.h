/* error.h: a code and a sentence.
 *
 * Functions return 0 or a negative errno value. The sentence grows outward: the function that fails
 * says what is wrong, and its callers put in front what they were doing ("cannot load x.so: …").
 * Nothing here logs.
 */
#ifndef REEL_BASE_ERROR_H
#define REEL_BASE_ERROR_H

#include <reel/reel.h>

#include <errno.h>

/* error_set writes the sentence, if `error` is not NULL. error_prefix puts "…: " in front of it. */
REEL_PRINTF(2, 3)
void error_set(struct reel_error *error, const char *format, ...);
REEL_PRINTF(2, 3)
void error_prefix(struct reel_error *error, const char *format, ...);

/* The same, with the code as the value: `return fail(error, -EINVAL, "…")`. These are macros, so
 * that the compiler sees the value. */
#define fail(error, code, ...)    (error_set((error), __VA_ARGS__), (code))
#define fail_in(error, code, ...) (error_prefix((error), __VA_ARGS__), (code))
#define fail_memory(error)        fail((error), -ENOMEM, "out of memory")

/* Returns the length of the longest prefix of at most `len` bytes that does not end within a UTF-8
 * character. */
size_t utf8_cut(const char *text, size_t len);

#endif
