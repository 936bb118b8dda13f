/* text.h: bytes, UTF-8 and growing buffers. libc only. */
#ifndef REEL_BASE_TEXT_H
#define REEL_BASE_TEXT_H

#include <reel/abi.h>

/* Byte order: memcmp, and the shorter first. */
int str_compare(struct reel_str a, struct reel_str b);

/* A copy with a NUL behind it, for free(); NULL: out of memory. */
char *str_copy(struct reel_str str);

/* Without the spaces and tabs at both ends. */
struct reel_str str_trimmed(struct reel_str str);

/* Equal but for the case of ASCII letters; and, at the beginning, and at the end. */
bool str_is_caseless(struct reel_str str, const char *text);
bool str_begins_caseless(struct reel_str str, const char *text);
bool str_ends_caseless(struct reel_str str, const char *text);

/* Well-formed UTF-8 (RFC 3629)? A NUL is a character like any other. */
bool utf8_valid(struct reel_str text);

/* The last eight bytes, in no certain order; of a shorter text all of them, some twice, and spaces.
 * Two short texts of one length are equal if these are; and what is looked for in the bytes of a
 * text eight at a time is looked for at its end in these. */
static inline uint64_t str_tail(struct reel_str str) {
    uint64_t word;
    uint32_t first, last;
    if (str.len >= sizeof word) {
        memcpy(&word, str.data + str.len - sizeof word, sizeof word);
        return word;
    }
    if (str.len >= sizeof last) {
        memcpy(&first, str.data, sizeof first);
        memcpy(&last, str.data + str.len - sizeof last, sizeof last);
        return (uint64_t)first << 32 | last;
    }
    word = UINT64_C(0x2020202020202020);
    for (size_t i = 0; i < str.len; i++) word = word << 8 | (unsigned char)str.data[i];
    return word;
}

/* A hash for tables in memory: fast, seeded per process, never stored. */
uint64_t str_hash(struct reel_str text);

/* Decimal digits, with a NUL behind; the result points into `space`. */
#define NUMBER_TEXT_MAX 21
const char *number_text(uint64_t number, char space[NUMBER_TEXT_MAX]);

/* Reads decimal digits, of which the whole text consists. -EINVAL: it does not; -ERANGE: the number
 * is beyond 64 bits, and `ret` is UINT64_MAX. */
int number_read(struct reel_str digits, uint64_t *ret);

/* Percent-encodes (RFC 3986, section 2.1) every byte outside [A-Za-z0-9] and `also_plain`, into at
 * most three times as many bytes; returns how many. */
size_t percent_write(char *to, struct reel_str str, const char *also_plain);

/* A growing buffer. All of zero is an empty one. A failed allocation is remembered in `failed`
 * and makes every later append a no-op, so that only the end needs checking. */
struct text {
    char *data;
    size_t len, size;
    bool failed;
};

void text_finish(struct text *text);
/* Makes the text longer by `len` bytes, for the caller to write; NULL if that failed. */
char *text_extend(struct text *text, size_t len);
/* Makes room for `len` more bytes at once. */
void text_reserve(struct text *text, size_t len);
void text_append(struct text *text, const void *bytes, size_t len);
void text_append_str(struct text *text, struct reel_str str);
void text_append_lit(struct text *text, const char *literal);
void text_append_percent(struct text *text, struct reel_str str, const char *also_plain);
static inline struct reel_str text_str(const struct text *text) {
    struct reel_str str = {text->data ? text->data : "", text->len};
    return str;
}

#endif
