/* text.h: bytes, UTF-8 and growing buffers. Uses only libc. */
#ifndef REEL_BASE_TEXT_H
#define REEL_BASE_TEXT_H

#include <reel/abi.h>

/* Compares bytes like memcmp. A prefix comes before the longer text. */
int str_compare(struct reel_str a, struct reel_str b);

/* A NUL-terminated copy, for free(). NULL: out of memory. */
char *str_copy(struct reel_str str);

/* The text without spaces and tabs at both ends. */
struct reel_str str_trimmed(struct reel_str str);

/* True if the text is equal, begins with, or ends with the other text, ignoring the case of ASCII
 * letters. */
bool str_is_caseless(struct reel_str str, const char *text);
bool str_begins_caseless(struct reel_str str, const char *text);
bool str_ends_caseless(struct reel_str str, const char *text);

/* True for well-formed UTF-8 (RFC 3629). A NUL is a character like any other. */
bool utf8_valid(struct reel_str text);

/* The last eight bytes of the text, in an unspecified order. For a shorter text: all of its bytes,
 * some of them twice, and spaces. Two texts of the same length, of at most eight bytes, are equal
 * if their tails are equal. A search that reads eight bytes at a time can use the tail for the end
 * of a text. */
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

/* A hash for tables in memory. It is fast, has a seed for each process, and must not be stored. */
uint64_t str_hash(struct reel_str text);

/* Writes decimal digits, NUL-terminated. The result points into `space`. */
#define NUMBER_TEXT_MAX 21
const char *number_text(uint64_t number, char space[NUMBER_TEXT_MAX]);

/* Reads a text of decimal digits. -EINVAL: it has other characters, or none; -ERANGE: the number
 * does not fit 64 bits, and `ret` is UINT64_MAX. */
int number_read(struct reel_str digits, uint64_t *ret);

/* Percent-encodes (RFC 3986, section 2.1) every byte outside of [A-Za-z0-9] and `also_plain`.
 * Writes at most three times as many bytes; returns their number. */
size_t percent_write(char *to, struct reel_str str, const char *also_plain);

/* A growing buffer. All zero: empty. If an allocation fails, `failed` is set, and all later appends
 * do nothing. So it is enough to check `failed` at the end. */
struct text {
    char *data;
    size_t len, size;
    bool failed;
};

void text_finish(struct text *text);
/* Makes the text longer by `len` bytes, which the caller writes. NULL: out of memory. */
char *text_extend(struct text *text, size_t len);
/* Reserves memory for `len` more bytes. */
void text_reserve(struct text *text, size_t len);
void text_append(struct text *text, const void *bytes, size_t len);
void text_append_str(struct text *text, struct reel_str str);
void text_append_lit(struct text *text, const char *literal);
void text_append_number(struct text *text, uint64_t number); /* in decimal digits */
REEL_PRINTF(2, 3)
void text_append_format(struct text *text, const char *format, ...);
/* For people: at most `max` bytes, and then `…`. A terminal obeys control characters: each of them,
 * also those of Unicode, becomes a space. */
void text_append_shown(struct text *text, struct reel_str str, size_t max);
void text_append_percent(struct text *text, struct reel_str str, const char *also_plain);
static inline struct reel_str text_str(const struct text *text) {
    struct reel_str str = {text->data ? text->data : "", text->len};
    return str;
}

#endif
