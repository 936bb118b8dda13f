/* number.c: see number.h.
 *
 * Why a big integer fits in its own bytes. 17 significant digits identify a double. An integer of L
 * digits, L >= 19, that does not fit a 64-bit type becomes 17 digits, "e", and the exponent L - 17.
 * These are at most 17 + 1 + 3 bytes, and fewer than L if the exponent has more than one digit.
 * Bytes that are left over are filled with zeros before the exponent.
 */
#include "json/number.h"

#include "base/chars.h"
#include "base/invariant.h"
#include "json/number_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIGITS_MIN = 19,  /* a number with fewer digits always fits 64 bits */
    DIGITS_MAX = 309, /* a number with more digits does not fit a double */
    SIGNIFICANT = 17,
};

/* The index after the string that begins at `at`; or `len`. */
static size_t after_string(const char *text, size_t len, size_t at) {
    for (at++; at < len && text[at] != '"'; at++)
        if (text[at] == '\\') at++;
    return at < len ? at + 1 : len;
}

static bool fits_64_bits(const char *number, bool negative) {
    errno = 0;
    if (negative)
        (void)strtoll(number, NULL, 10);
    else
        (void)strtoull(number, NULL, 10);
    return errno == 0;
}

/* Rewrites the digits at `digits`. Returns false if the number does not fit a double. */
static bool rewrite(char *digits, size_t count) {
    if (count > DIGITS_MAX) return false;
    double value = strtod(digits, NULL);
    if (isinf(value)) return false;
    char exact[32]; /* a digit, the decimal point, 16 digits, "e+", the exponent */
    snprintf(exact, sizeof exact, "%.*e", SIGNIFICANT - 1, value);
    const char *mark = strchr(exact, 'e');
    INVARIANT(mark);
    const char *fraction = mark - (SIGNIFICANT - 1);
    long exponent = strtol(mark + 1, NULL, 10) - (SIGNIFICANT - 1);
    digits[0] = exact[0];
    memcpy(digits + 1, fraction, SIGNIFICANT - 1);
    digits[SIGNIFICANT] = 'e';
    for (size_t at = count; at-- > SIGNIFICANT + 1; exponent /= 10)
        digits[at] = (char)('0' + exponent % 10);
    return true;
}

int json_rewrite_big_integers(char *text, size_t len) {
    int rewritten = 0;
    for (size_t at = 0; at < len;) {
        if (text[at] == '"') {
            at = after_string(text, len, at);
            continue;
        }
        if (!char_is_digit(text[at])) {
            at++;
            continue;
        }
        size_t start = at;
        while (at < len && char_is_digit(text[at])) at++;
        bool negative = start > 0 && text[start - 1] == '-';
        bool integer = at >= len || !strchr(".eE+-", text[at]);
        bool after_point = start > 0 && strchr(".eE+", text[start - 1]);
        bool exponent = negative && start > 1 && strchr("eE", text[start - 2]);
        if (!integer || after_point || exponent || text[start] == '0') continue;
        if (at - start < DIGITS_MIN || fits_64_bits(text + start - negative, negative)) continue;
        if (!rewrite(text + start, at - start)) return -1;
        rewritten++;
    }
    return rewritten;
}

/* ---- One text for each double ---------------------------------------------------------------- */

static char *put(char *to, const char *from, size_t len) {
    if (len > 0) memcpy(to, from, len);
    return to + len;
}

static char *put_zeros(char *to, int count) {
    for (; count > 0; count--) *to++ = '0';
    return to;
}

/* "1e+21", "1.5e-7" */
static char *put_exponent(char *to, const char *digits, size_t count, int point) {
    *to++ = digits[0];
    if (count > 1) *to++ = '.';
    to = put(to, digits + 1, count - 1);
    return to + sprintf(to, "e%+d", point - 1);
}

size_t json_write_number(char to[JSON_NUMBER_MAX], double number) {
    enum { POINT_MAX = 21, ZEROS_MAX = 6 };
    INVARIANT(isfinite(number));
    char space[JSON_NUMBER_MAX + 1], digits[JSON_DIGITS_MAX], *at = space;
    int point = 0;
    if (number == 0) {
        to[0] = '0';
        return 1;
    }
    if (number < 0) *at++ = '-';
    size_t count = json_number_digits(fabs(number), digits, &point);
    if (point > POINT_MAX || point <= -ZEROS_MAX) {
        at = put_exponent(at, digits, count, point);
    } else if (point <= 0) {
        at = put_zeros(put(at, "0.", 2), -point);
        at = put(at, digits, count);
    } else if ((size_t)point >= count) {
        at = put_zeros(put(at, digits, count), point - (int)count);
    } else {
        at = put(at, digits, (size_t)point);
        *at++ = '.';
        at = put(at, digits + point, count - (size_t)point);
    }
    INVARIANT(at <= space + JSON_NUMBER_MAX);
    memcpy(to, space, (size_t)(at - space));
    return (size_t)(at - space);
}

bool json_read_number(struct reel_str text, double *ret) {
    return text.data && json_text_is_number(text) && json_number_of(text, ret);
}
