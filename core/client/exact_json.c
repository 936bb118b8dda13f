/* exact_json.c: see exact_json.h. */
#include "client/exact_json.h"

#include "base/chars.h"
#include "base/cleanup.h"
#include "client/indent.h"
#include "json/number_text.h"
#include "json/write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Numbers --------------------------------------------------------------------------------- */

/* Would jansson give back another text? */
static bool would_change(struct reel_str number) {
    char digits[24];
    if (number.len >= sizeof digits || reel_str_is(number, "-0")) return true;
    memcpy(digits, number.data, number.len);
    digits[number.len] = '\0';
    errno = 0;
    (void)strtoll(digits, NULL, 10);
    return errno != 0 || strpbrk(digits, ".eE");
}

/* The text of a number that was kept; data NULL: it is none. */
static struct reel_str kept_number(const json_t *json) {
    const char *text = json_string_value(json);
    struct reel_str number = {text, json_string_length(json)};
    if (number.len < 2 || text[0] != '\0') return (struct reel_str){NULL, 0};
    number.data++, number.len--;
    return json_text_is_number(number) ? number : (struct reel_str){NULL, 0};
}

/* ---- Reading --------------------------------------------------------------------------------- */

#define NUL_ESCAPED "\\u0000"

/* The next one in the text of a string from `at` on, of which other escapes are passed over; or the
 * length. */
static size_t find_nul(struct reel_str string, size_t at) {
    const size_t len = sizeof NUL_ESCAPED - 1;
    for (; at < string.len; at++) {
        if (string.data[at] != '\\') continue;
        if (string.len - at >= len && memcmp(string.data + at, NUL_ESCAPED, len) == 0) return at;
        at++;
    }
    return string.len;
}

static void append_name(struct text *to, struct reel_str name) {
    for (size_t at = 0, nul; at < name.len; at = nul) {
        nul = find_nul(name, at);
        text_append(to, name.data + at, nul - at);
        if (nul == name.len) return;
        text_append_lit(to, "\\ufffd");
        nul += sizeof NUL_ESCAPED - 1;
    }
}

static void append_number(struct text *to, struct reel_str number) {
    bool is_kept = json_text_is_number(number) && would_change(number);
    if (is_kept) text_append_lit(to, "\"" NUL_ESCAPED);
    text_append_str(to, number);
    if (is_kept) text_append_lit(to, "\"");
}

static bool is_of_number(char c) {
    return char_is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* A text of which jansson changes nothing. */
static void prepare(struct text *to, struct reel_str json) {
    for (size_t at = 0, end; at < json.len; at = end) {
        char c = json.data[at];
        end = at + 1;
        if (c == '"') {
            end = indent_string_end(json, at);
            size_t next = indent_skip_space(json, end);
            struct reel_str string = {json.data + at, end - at};
            if (next < json.len && json.data[next] == ':')
                append_name(to, string);
            else
                text_append_str(to, string);
        } else if (c == '-' || char_is_digit(c)) {
            while (end < json.len && is_of_number(json.data[end])) end++;
            append_number(to, (struct reel_str){json.data + at, end - at});
        } else {
            while (end < json.len && json.data[end] != '"' && json.data[end] != '-' &&
                   !char_is_digit(json.data[end]))
                end++;
            text_append(to, json.data + at, end - at);
        }
    }
}

json_t *exact_json_read(struct reel_str text) {
    CLEANUP(text_finish) struct text prepared = {0};
    if (text.len == 0 || memchr(text.data, '\0', text.len)) return NULL; /* a NUL seems the end */
    prepare(&prepared, text);
    if (prepared.failed) return NULL;
    return json_loadb(prepared.data, prepared.len, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
}

bool exact_json_has_other_names(struct reel_str json) {
    for (size_t at = 0, end; at < json.len; at = end) {
        end = json.data[at] == '"' ? indent_string_end(json, at) : at + 1;
        struct reel_str string = {json.data + at, end - at};
        size_t next = indent_skip_space(json, end);
        bool is_name = string.len > 1 && next < json.len && json.data[next] == ':';
        if (is_name && find_nul(string, 0) < string.len) return true;
    }
    return false;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void append_members(struct text *to, const json_t *object) {
    const char *name, *before = "{";
    const json_t *value;
    json_object_foreach((json_t *)object, name, value) {
        text_append_lit(to, before);
        text_append_quoted(to, reel_text(name));
        text_append_lit(to, ":");
        exact_json_append(to, value);
        before = ",";
    }
    text_append_lit(to, json_object_size(object) > 0 ? "}" : "{}");
}

static void append_elements(struct text *to, const json_t *array) {
    size_t i;
    const json_t *value;
    text_append_lit(to, "[");
    json_array_foreach((json_t *)array, i, value) {
        if (i > 0) text_append_lit(to, ",");
        exact_json_append(to, value);
    }
    text_append_lit(to, "]");
}

/* Recursion is as deep as jansson parses. */
void exact_json_append(struct text *to, const json_t *json) {
    struct reel_str number = kept_number(json);
    char space[32];
    if (number.data) {
        text_append_str(to, number);
    } else if (json_is_object(json)) {
        append_members(to, json);
    } else if (json_is_array(json)) {
        append_elements(to, json);
    } else if (json_is_string(json)) {
        text_append_quoted(to, exact_json_string(json));
    } else if (json_is_integer(json)) {
        snprintf(space, sizeof space, "%lld", (long long)json_integer_value(json));
        text_append_lit(to, space);
    } else {
        text_append_lit(to, json_is_true(json) ? "true" : json_is_false(json) ? "false" : "null");
    }
}

struct reel_str exact_json_string(const json_t *json) {
    if (!json_is_string(json) || kept_number(json).data) return (struct reel_str){NULL, 0};
    return (struct reel_str){json_string_value(json), json_string_length(json)};
}
