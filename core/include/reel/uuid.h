/* reel/uuid.h: UUIDs as keys (RFC 9562, section 4). Needs no host.
 *
 * Event families name their things by UUID, and senders write one UUID in several ways; a
 * projector that keys its records by UUID wants one. Inline, because plugins link to nothing.
 */
#ifndef REEL_UUID_H
#define REEL_UUID_H

#include <reel/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REEL_UUID_LEN 36

static inline int reel_uuid_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Writes the lower-case hyphenated form of a UUID, with a NUL after it. `given` may be
 * hyphenated, 32 digits, or hyphenated in braces or after a lower-case "urn:uuid:"; digits in
 * either case; the version is not looked at. False, with `ret` undefined, if it is none of
 * these. */
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
