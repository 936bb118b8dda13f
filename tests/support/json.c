/* json.c: JSON as the tests compare it.
 *
 * jansson refuses integers beyond 64 bits, which are JSON all the same. Where it does, such
 * integers are given a fraction first, so that they are read as doubles; those that fit stay
 * exact. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool too_big(const char *token, size_t len) {
    char digits[32];
    if (len < 18) return false;
    if (len >= sizeof digits) return true;
    memcpy(digits, token, len);
    digits[len] = '\0';
    errno = 0;
    strtoll(digits, NULL, 10);
    return errno == ERANGE;
}

/* The text with ".0" after each integer that 64 bits do not hold. */
static struct text with_fractions(const char *text, size_t len) {
    struct text out = {0};
    bool in_string = false;
    for (size_t at = 0; at < len;) {
        size_t token = in_string ? 0 : strspn(text + at, "+-0123456789.eE");
        if (token > 0) {
            text_add(&out, text + at, token);
            bool integer = !memchr(text + at, '.', token) && !memchr(text + at, 'e', token) &&
                           !memchr(text + at, 'E', token);
            if (integer && too_big(text + at, token)) text_add(&out, ".0", 2);
            at += token;
            continue;
        }
        size_t step = in_string && text[at] == '\\' ? 2 : 1;
        if (text[at] == '"') in_string = !in_string;
        text_add(&out, text + at, step);
        at += step;
    }
    return out;
}

json_t *json_parsed(const char *text, size_t len) {
    size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t error;
    json_t *json = json_loadb(text, len, flags, &error);
    if (!json && json_error_code(&error) == json_error_numeric_overflow) {
        struct text copy = {0};
        text_add(&copy, text, len);
        struct text mended = with_fractions(copy.data, len);
        json = json_loadb(mended.data, mended.len, flags, &error);
        free(mended.data);
        free(copy.data);
    }
    if (!json) support_failed(__FILE__, __LINE__, "%s in: %.200s", error.text, text);
    return json;
}

json_t *json_file(const char *relative) {
    struct text text = text_of_file(source_path(relative));
    json_t *json = json_parsed(text.data, text.len);
    free(text.data);
    return json;
}

static bool objects_same(const json_t *a, const json_t *b) {
    if (json_object_size(a) != json_object_size(b)) return false;
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)a, key,
                        member) if (!json_same(member, json_object_get(b, key))) return false;
    return true;
}

static bool arrays_same(const json_t *a, const json_t *b) {
    if (json_array_size(a) != json_array_size(b)) return false;
    for (size_t at = 0; at < json_array_size(a); at++)
        if (!json_same(json_array_get(a, at), json_array_get(b, at))) return false;
    return true;
}

bool json_same(const json_t *a, const json_t *b) {
    if (!a || !b || json_typeof(a) != json_typeof(b)) return false;
    if (json_is_object(a)) return objects_same(a, b);
    if (json_is_array(a)) return arrays_same(a, b);
    return json_equal(a, b) == 1;
}
