/* field_value.c: see field_value.h. */
#include "engine/store/field_value.h"

#include "base/chars.h"
#include "base/invariant.h"
#include "base/text.h"
#include "json/number.h"
#include "json/write.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

enum { FIXED = 8, END_WHOLE = 0x01, END_CUT = 0x02, ZERO_WITHIN = 0xFF };

#define SIGN_BIT (UINT64_C(1) << 63)

/* ---- Fixed lengths --------------------------------------------------------------------------- */

static int put_word(uint64_t word, struct arena *arena, struct reel_str *ret) {
    word = htobe64(word);
    *ret = (struct reel_str){arena_copy(arena, &word, sizeof word), sizeof word};
    return ret->data ? 0 : -ENOMEM;
}

static uint64_t get_word(struct reel_str value) {
    uint64_t word = 0;
    INVARIANT(value.len == sizeof word);
    memcpy(&word, value.data, sizeof word);
    return be64toh(word);
}

static uint64_t word_of_number(double number) {
    uint64_t word;
    number += 0.0; /* -0 */
    memcpy(&word, &number, sizeof word);
    return word & SIGN_BIT ? ~word : word | SIGN_BIT;
}

static double number_of_word(uint64_t word) {
    double number;
    word = word & SIGN_BIT ? word & ~SIGN_BIT : ~word;
    memcpy(&number, &word, sizeof number);
    return number;
}

/* An integer of any number of digits. */
static int word_of_integer(struct reel_str text, uint64_t *ret, int *ret_beyond) {
    bool is_negative = text.len > 0 && text.data[0] == '-';
    uint64_t sum = 0, most = is_negative ? SIGN_BIT : SIGN_BIT - 1;
    *ret_beyond = 0;
    if (text.len == (size_t)is_negative) return -EINVAL;
    for (size_t i = is_negative; i < text.len; i++) {
        if (!char_is_digit(text.data[i])) return -EINVAL;
        unsigned digit = (unsigned)(text.data[i] - '0');
        if (sum > (most - digit) / 10) *ret_beyond = is_negative ? -1 : 1;
        if (*ret_beyond == 0) sum = sum * 10 + digit;
    }
    *ret = (is_negative ? 0 - sum : sum) ^ SIGN_BIT;
    return 0;
}

/* ---- From texts ------------------------------------------------------------------------------ */

static int fold(struct field_form form, struct reel_str text, struct arena *arena,
                struct reel_str *ret) {
    *ret = text;
    if (!form.is_folded) return 0;
    char *copy = arena_text(arena, text.len + 1);
    if (!copy) return -ENOMEM;
    for (size_t i = 0; i < text.len; i++) copy[i] = char_to_lower(text.data[i]);
    *ret = (struct reel_str){copy, text.len};
    return 0;
}

static int of_bool(bool value, struct reel_str *ret) {
    *ret = (struct reel_str){value ? "\1" : "\0", 1};
    return 0;
}

int field_value_of_text(struct field_form form, struct reel_str text, struct arena *arena,
                        struct reel_str *ret, int *ret_beyond) {
    uint64_t word;
    double number;
    *ret_beyond = 0;
    if (!text.data) text.data = "";
    switch (form.kind) {
    case REEL_FIELD_INTEGER:
        return word_of_integer(text, &word, ret_beyond) < 0 ? -EINVAL : put_word(word, arena, ret);
    case REEL_FIELD_NUMBER:
        if (!json_read_number(text, &number)) return -EINVAL;
        return put_word(word_of_number(number), arena, ret);
    case REEL_FIELD_BOOL:
        if (!reel_str_is(text, "true") && !reel_str_is(text, "false")) return -EINVAL;
        return of_bool(text.data[0] == 't', ret);
    default:
        return fold(form, text, arena, ret);
    }
}

int field_value_of_json(struct field_form form, struct reel_str json, struct arena *arena,
                        struct reel_str *ret) {
    int beyond;
    *ret = (struct reel_str){NULL, 0};
    if (reel_str_is(json, "null")) return 0;
    if (!field_form_is_text(form)) {
        int rc = field_value_of_text(form, json, arena, ret, &beyond);
        return rc == -EINVAL || (rc == 0 && beyond != 0) ? -EBADMSG : rc;
    }
    struct reel_str text = json;
    if (json.len >= 2 && json.data[0] == '"') text = json_unquote(json, arena);
    return text.data ? fold(form, text, arena, ret) : -ENOMEM;
}

int field_value_text(struct field_form form, struct reel_str value, struct arena *arena,
                     struct reel_str *ret) {
    enum { TEXT_MAX = 32 };
    char *to;
    if (field_form_is_text(form)) {
        *ret = value;
        return 0;
    }
    if (form.kind == REEL_FIELD_BOOL) {
        *ret = reel_text(value.data[0] ? "true" : "false");
        return 0;
    }
    to = arena_text(arena, TEXT_MAX);
    if (!to) return -ENOMEM;
    uint64_t word = get_word(value);
    ret->data = to;
    if (form.kind == REEL_FIELD_NUMBER)
        ret->len = json_write_number(to, number_of_word(word));
    else
        ret->len = (size_t)snprintf(to, TEXT_MAX, "%" PRId64, (int64_t)(word ^ SIGN_BIT));
    return 0;
}

/* ---- In an index ----------------------------------------------------------------------------- */

static size_t fixed_len(struct field_form form) {
    return form.kind == REEL_FIELD_BOOL ? 1 : FIXED;
}

static size_t encode_text(struct reel_str value, char *to) {
    char *start = to;
    size_t len = value.len < FIELD_VALUE_MAX ? value.len : FIELD_VALUE_MAX;
    for (size_t i = 0; i < len; i++) {
        *to++ = value.data[i];
        if (value.data[i] == 0) *to++ = (char)ZERO_WITHIN;
    }
    *to++ = 0;
    *to++ = len < value.len ? END_CUT : END_WHOLE;
    if (len < value.len) {
        uint64_t hash = htobe64(XXH3_64bits(value.data, value.len));
        memcpy(to, &hash, sizeof hash);
        to += sizeof hash;
    }
    return (size_t)(to - start);
}

size_t field_value_encode(struct field_form form, struct reel_str value,
                          char ret[FIELD_ENCODED_MAX]) {
    ret[0] = value.data ? FIELD_RANK_VALUE : FIELD_RANK_NULL;
    if (!value.data) return 1;
    if (field_form_is_text(form)) return 1 + encode_text(value, ret + 1);
    INVARIANT(value.len == fixed_len(form));
    memcpy(ret + 1, value.data, value.len);
    return 1 + value.len;
}

/* The zero that ends a string; NULL: there is none. */
static const char *find_end(const char *at, const char *end) {
    while (at < end && (at = memchr(at, 0, (size_t)(end - at)))) {
        if (end - at < 2) return NULL;
        if ((unsigned char)at[1] != ZERO_WITHIN) return at;
        at += 2;
    }
    return NULL;
}

struct field_encoded field_value_split(struct field_form form, struct reel_str bytes) {
    const struct field_encoded none = {0};
    struct field_encoded encoded = {.bytes = bytes};
    if (bytes.len == 0) return none;
    size_t len = 1;
    encoded.is_null = bytes.data[0] == FIELD_RANK_NULL;
    if (!encoded.is_null && !field_form_is_text(form)) len += fixed_len(form);
    if (!encoded.is_null && field_form_is_text(form)) {
        const char *end = find_end(bytes.data + 1, bytes.data + bytes.len);
        if (!end) return none;
        encoded.is_cut = end[1] == END_CUT;
        len = (size_t)(end - bytes.data) + 2;
    }
    encoded.compared = len;
    if (encoded.is_cut) len += sizeof(uint64_t);
    if (len > bytes.len) return none;
    encoded.bytes.len = len;
    return encoded;
}

int field_value_decode(struct field_form form, struct field_encoded encoded, struct arena *arena,
                       struct reel_str *ret) {
    INVARIANT(!encoded.is_null && !encoded.is_cut && encoded.bytes.len > 0);
    struct reel_str inner = {encoded.bytes.data + 1, encoded.bytes.len - 1};
    *ret = inner;
    if (!field_form_is_text(form)) return 0;
    inner.len -= 2; /* its end */
    *ret = inner;
    if (inner.len == 0 || !memchr(inner.data, 0, inner.len)) return 0;
    char *to = arena_text(arena, inner.len);
    if (!to) return -ENOMEM;
    ret->data = to;
    for (size_t i = 0; i < inner.len; i++) {
        *to++ = inner.data[i];
        if (inner.data[i] == 0) i++;
    }
    ret->len = (size_t)(to - ret->data);
    return 0;
}
