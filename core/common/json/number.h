/* number.h: integers that do not fit 64 bits. They are valid JSON (RFC 8259, section 6), but
 * simdjson refuses them. */
#ifndef REEL_JSON_NUMBER_H
#define REEL_JSON_NUMBER_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rewrites each integer of `text` that does not fit 64 bits, as the nearest double with the same
 * number of bytes. So nothing else moves. Returns the number of such integers; -1: one of them does
 * not fit a double. The text may be invalid JSON; then it stays invalid. A NUL must follow it. */
int json_rewrite_big_integers(char *text, size_t len);

#ifdef __cplusplus
}
#endif
#endif
