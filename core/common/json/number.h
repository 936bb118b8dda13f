/* number.h: numbers as JSON text: integers that do not fit 64 bits, and the one text that each
 * double has in a record. */
#ifndef REEL_JSON_NUMBER_H
#define REEL_JSON_NUMBER_H

#include <reel/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Integers that do not fit 64 bits are valid JSON (RFC 8259, section 6), but simdjson refuses them.
 * Rewrites each integer of `text` that does not fit 64 bits, as the nearest double with the same
 * number of bytes. So nothing else moves. Returns the number of such integers; -1: one of them does
 * not fit a double. The text may be invalid JSON; then it stays invalid. A NUL must follow it. */
int json_rewrite_big_integers(char *text, size_t len);

/* Longest text of json_write_number: "-0.000001" with 16 more digits is as long as any. */
#define JSON_NUMBER_MAX 25

/* Writes a finite number with the fewest digits that give the same double, in the form of
 * ECMAScript (RFC 8785, section 3.2.2.3). -0 is written as 0. Returns the length; there is no NUL.
 * Does not depend on the locale. */
size_t json_write_number(char to[JSON_NUMBER_MAX], double number);

/* Reads a text that is exactly one JSON number. False: it is not, or is beyond the range of a
 * double. Does not depend on the locale. */
bool json_read_number(struct reel_str text, double *ret);

/* For these two, in parser.cpp: the digits of a positive number, such that 0.DIGITS times 10 to the
 * power of `ret_point` is the number; and the reverse for a text that is known to be a number. */
#define JSON_DIGITS_MAX 17
size_t json_number_digits(double number, char ret[JSON_DIGITS_MAX], int *ret_point);
bool json_number_of(struct reel_str text, double *ret);

#ifdef __cplusplus
}
#endif
#endif
