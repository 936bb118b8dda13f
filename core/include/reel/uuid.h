/* reel/uuid.h: UUIDs as keys (RFC 9562, section 4). Needs no host.
 *
 * Senders write the same UUID in several forms. A projector that uses UUIDs as keys converts them
 * to one form. The functions are inline, because plugins are not linked with Reel.
 */
#ifndef REEL_UUID_H
#define REEL_UUID_H

#include <reel/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REEL_UUID_LEN 36

/* The value of a hexadecimal digit, or -1. [any thread] */
static inline int reel_uuid_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Converts a UUID to its lower-case hyphenated form, NUL-terminated. `given` is one of: hyphenated;
 * 32 digits; hyphenated in braces; hyphenated after a lower-case "urn:uuid:". Digits may have
 * either case. The version of the UUID is not checked. Returns false if `given` has none of these
 * forms; the content of `ret` is then undefined. [any thread] */
static inline bool reel_uuid_canonical(struct reel_str given, char ret[REEL_UUID_LEN + 1]) {
    const char *text = given.data;
    size_t len = given.len;
    if (!text) return false;
    if (len == 38 && text[0] == '{' && text[37] == '}') {
        text += 1;
        len -= 2;
    } else if (len == 45 && memcmp(text, "urn:uuid:", 9) == 0) {
        text += 9;
        len -= 9;
    } else if (len != 32 && len != REEL_UUID_LEN) {
        return false;
    }
    bool hyphens = len == REEL_UUID_LEN;
    for (size_t at = 0; at < REEL_UUID_LEN; at++) {
        if (at == 8 || at == 13 || at == 18 || at == 23) {
            if (hyphens && *text++ != '-') return false;
            ret[at] = '-';
            continue;
        }
        int digit = reel_uuid_digit(*text++);
        if (digit < 0) return false;
        ret[at] = "0123456789abcdef"[digit];
    }
    ret[REEL_UUID_LEN] = '\0';
    return true;
}

#ifdef __cplusplus
}
#endif
#endif
