/* number.c: see number.h.
 *
 * Why it fits. 17 significant digits identify a double. An integer of L digits, L >= 19, that does
 * not fit a 64-bit type becomes 17 digits, "e", and the exponent L - 17. These are at most
 * 17 + 1 + 3 bytes, and fewer than L if the exponent has more than one digit. Bytes that are left
 * over are filled with zeros before the exponent.
 */
#include "json/number.h"

#include "base/invariant.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIGITS_MIN = 19,  /* a number with fewer digits always fits 64 bits */
    DIGITS_MAX = 309, /* a number with more digits does not fit a double */
    SIGNIFICANT = 17,
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

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
        if (!is_digit(text[at])) {
            at++;
            continue;
        }
        size_t start = at;
        while (at < len && is_digit(text[at])) at++;
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
