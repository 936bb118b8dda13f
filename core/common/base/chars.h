/* chars.h: classes of ASCII characters. They do not depend on the locale. */
#ifndef REEL_BASE_CHARS_H
#define REEL_BASE_CHARS_H

#include <stdbool.h>

static inline bool char_is_digit(char c) {
    return c >= '0' && c <= '9';
}
static inline bool char_is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
static inline bool char_is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
static inline bool char_is_letter(char c) {
    return char_is_lower(c) || char_is_upper(c);
}
static inline bool char_is_alnum(char c) {
    return char_is_letter(c) || char_is_digit(c);
}
static inline char char_to_lower(char c) {
    return char_is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

/* The value of a hexadecimal digit; -1: it is not one. */
static inline int char_hex_value(char c) {
    if (char_is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static inline char char_of_hex(unsigned value) {
    return "0123456789abcdef"[value & 15];
}

#endif
