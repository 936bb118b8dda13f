/* number.h: integers beyond 64 bits, which are JSON (RFC 8259, section 6) but not simdjson's. */
#ifndef REEL_JSON_NUMBER_H
#define REEL_JSON_NUMBER_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rewrites each integer of `text` that does not fit 64 bits to the same double, in as many
 * bytes, so that all else stays where it is. Returns how many there were, or -1 if one is beyond
 * a double's range. The text needs not be valid JSON; what is none stays so. A NUL must follow
 * it. */
int json_rewrite_big_integers(char *text, size_t len);

#ifdef __cplusplus
}
#endif
#endif
