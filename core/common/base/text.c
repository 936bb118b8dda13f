/* text.c: see text.h. */
#include "base/text.h"

#include "base/chars.h"
#include "base/error.h"
#include "base/invariant.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>

int str_compare(struct reel_str a, struct reel_str b) {
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    if (order != 0) return order;
    return (a.len > b.len) - (a.len < b.len);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

char *str_copy(struct reel_str str) {
    char *copy = malloc(str.len + 1);
    if (!copy) return NULL;
    if (str.len) memcpy(copy, str.data, str.len);
    copy[str.len] = '\0';
    return copy;
}

struct reel_str str_trimmed(struct reel_str str) {
    while (str.len > 0 && is_blank(str.data[0])) str.data++, str.len--;
    while (str.len > 0 && is_blank(str.data[str.len - 1])) str.len--;
    return str;
}

bool str_is_caseless(struct reel_str str, const char *text) {
    return str.len == strlen(text) && str_begins_caseless(str, text);
}

bool str_begins_caseless(struct reel_str str, const char *text) {
    size_t len = strlen(text);
    return str.len >= len && strncasecmp(str.data, text, len) == 0;
}

bool str_ends_caseless(struct reel_str str, const char *text) {
    size_t len = strlen(text);
    return str.len >= len && strncasecmp(str.data + (str.len - len), text, len) == 0;
}

/* The length of the well-formed character at `s`, or 0 (RFC 3629, section 4). */
static size_t utf8_char(const unsigned char *s, size_t len) {
    if (s[0] < 0x80) return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4) return 0;
    size_t width = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (len < width) return 0;
    for (size_t i = 1; i < width; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    if (s[0] == 0xE0 && s[1] < 0xA0) return 0; /* overlong */
    if (s[0] == 0xED && s[1] > 0x9F) return 0; /* surrogates */
    if (s[0] == 0xF0 && s[1] < 0x90) return 0; /* overlong */
    if (s[0] == 0xF4 && s[1] > 0x8F) return 0; /* beyond U+10FFFF */
    return width;
}

bool utf8_valid(struct reel_str text) {
    const unsigned char *s = (const unsigned char *)text.data;
    const uint64_t tail = str_tail(text);
    for (size_t left = text.len, width; left > 0; s += width, left -= width) {
        uint64_t word = tail;
        if (left > sizeof word) memcpy(&word, s, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) == 0)
            width = left < sizeof word ? left : sizeof word; /* eight bytes of ASCII at a time */
        else if ((width = utf8_char(s, left)) == 0)
            return false;
    }
    return true;
}

/* Multiplies and folds, eight bytes a step. The seed is random, so that nobody outside can choose
 * keys that collide. If the kernel has no random numbers yet, collisions only make tables
 * slower. */
static uint64_t hash_seed = UINT64_C(0x9E3779B97F4A7C15);
__attribute__((constructor)) static void hash_seed_init(void) {
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == sizeof seed) hash_seed ^= seed;
}

static inline uint64_t hash_mix(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t str_hash(struct reel_str text) {
    uint64_t hash = hash_seed ^ text.len, word;
    const char *at = text.data;
    size_t left = text.len;
    for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = hash_mix(hash ^ word, UINT64_C(0xA0761D6478BD642F));
    }
    word = 0;
    if (left) memcpy(&word, at, left);
    return hash_mix(hash ^ word, UINT64_C(0xE7037ED1A0B428DB));
}

size_t percent_write(char *to, struct reel_str str, const char *also_plain) {
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;
    for (size_t i = 0; i < str.len; i++) {
        unsigned char c = (unsigned char)str.data[i];
        if (char_is_alnum((char)c) || (c && strchr(also_plain, c))) {
            to[len++] = (char)c;
            continue;
        }
        to[len++] = '%';
        to[len++] = digits[c >> 4];
        to[len++] = digits[c & 15];
    }
    return len;
}

void text_finish(struct text *text) {
    free(text->data);
    *text = (struct text){0};
}

void text_reserve(struct text *text, size_t len) {
    INVARIANT(text->len <= text->size);
    if (text->failed || text->size - text->len >= len) return;
    size_t size = text->size ? text->size * 2 : 256;
    if (size - text->len < len) size = text->len + len;
    char *data = realloc(text->data, size);
    if (!data) {
        text->failed = true;
        return;
    }
    text->data = data;
    text->size = size;
}

char *text_extend(struct text *text, size_t len) {
    text_reserve(text, len);
    if (text->failed) return NULL;
    text->len += len;
    return text->data + text->len - len;
}

void text_append(struct text *text, const void *bytes, size_t len) {
    if (len == 0) return;
    char *to = text_extend(text, len);
    if (to) memcpy(to, bytes, len);
}

void text_append_str(struct text *text, struct reel_str str) {
    text_append(text, str.data, str.len);
}

const char *number_text(uint64_t number, char space[NUMBER_TEXT_MAX]) {
    char *at = space + NUMBER_TEXT_MAX - 1;
    *at = '\0';
    do *--at = (char)('0' + number % 10);
    while (number /= 10);
    return at;
}

int number_read(struct reel_str digits, uint64_t *ret) {
    uint64_t number = 0;
    bool beyond = false;
    for (size_t i = 0; i < digits.len; i++) {
        if (!char_is_digit(digits.data[i])) return -EINVAL;
        beyond = beyond || __builtin_mul_overflow(number, 10, &number) ||
                 __builtin_add_overflow(number, (uint64_t)(digits.data[i] - '0'), &number);
    }
    if (!digits.data || digits.len == 0) return -EINVAL;
    *ret = beyond ? UINT64_MAX : number;
    return beyond ? -ERANGE : 0;
}

void text_append_lit(struct text *text, const char *literal) {
    text_append(text, literal, strlen(literal));
}

void text_append_number(struct text *text, uint64_t number) {
    char digits[NUMBER_TEXT_MAX];
    text_append_lit(text, number_text(number, digits));
}

void text_append_format(struct text *text, const char *format, ...) {
    char *line;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&line, format, args);
    va_end(args);
    if (len < 0) {
        text->failed = true;
        return;
    }
    text_append(text, line, (size_t)len);
    free(line);
}

void text_append_shown(struct text *text, struct reel_str str, size_t max) {
    size_t len = str.len > max ? utf8_cut(str.data, max) : str.len;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)str.data[i];
        bool is_c1 = byte == 0xC2 && i + 1 < len && (unsigned char)str.data[i + 1] < 0xA0;
        if (is_c1) i++;
        text_append(text, byte < 0x20 || byte == 0x7F || is_c1 ? " " : str.data + i, 1);
    }
    if (len < str.len) text_append_lit(text, "…");
}

void text_append_percent(struct text *text, struct reel_str str, const char *also_plain) {
    char *to = text_extend(text, 3 * str.len);
    if (!to) return;
    size_t len = percent_write(to, str, also_plain);
    INVARIANT(len <= 3 * str.len);
    text->len -= 3 * str.len - len;
}
