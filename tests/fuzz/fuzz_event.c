/* fuzz_event.c: one payload, read by the core and by jansson; they must agree on every value.
 *
 * Where jansson is not RFC 8259 is told in slow_fold.c, whose reading this uses. What it cannot
 * judge runs for crashes only.
 */
#include "base/arena.h"
#include "event/event.h"
#include "fuzz.h"
#include "slow_fold.h"
#include "json/number.h"
#include "json/value.h"
#include "json/write.h"

#include <stdlib.h>

static struct json_parser *parser;
static struct arena arena;

/* ---- One value ------------------------------------------------------------------------------- */

static bool same_str(struct reel_str str, const json_t *expected) {
    if (!json_is_string(expected)) return str.data == NULL;
    struct reel_str theirs = {json_string_value(expected), json_string_length(expected)};
    return reel_str_eq(str, theirs);
}

static reel_kind kind_of(const json_t *expected) {
    switch (json_typeof(expected)) {
    case JSON_NULL:
        return REEL_NULL;
    case JSON_TRUE:
    case JSON_FALSE:
        return REEL_BOOL;
    case JSON_INTEGER:
        return REEL_INTEGER;
    case JSON_REAL:
        return REEL_NUMBER;
    case JSON_STRING:
        return REEL_STRING;
    case JSON_ARRAY:
        return REEL_ARRAY;
    default:
        return REEL_OBJECT;
    }
}

static void compare_scalar(struct reel_value value, const json_t *expected) {
    int64_t integer;
    double number;
    bool truth;
    reel_kind kind = kind_of(expected);
    bool is_number = kind == REEL_INTEGER || kind == REEL_NUMBER;
    check(json_kind(value) == kind, "a kind differs");
    check(same_str(json_str(value), expected), "a string differs");
    check(json_int(value, &integer) == (kind == REEL_INTEGER), "json_int");
    check(json_number(value, &number) == is_number, "json_number");
    check(json_bool(value, &truth) == (kind == REEL_BOOL), "json_bool");
    if (kind == REEL_INTEGER) check(integer == json_integer_value(expected), "an integer differs");
    if (is_number) check(number == json_number_value(expected), "a number differs");
    if (kind == REEL_BOOL) check(truth == json_is_true(expected), "a truth differs");
}

/* A value's own text, read by jansson, must be the value. */
static void compare_text(struct reel_value value, const json_t *expected) {
    struct reel_str text = json_text(value);
    int outcome;
    json_t *read = slow_fold_decode(text.data, text.len, &outcome);
    check(read && json_equal(read, expected), "a text is not its value's");
    json_decref(read);
    if (json_is_string(expected))
        check(reel_str_eq(json_unquote(text, &arena), json_str(value)), "json_unquote differs");
}

/* ---- All values ------------------------------------------------------------------------------ */

static void compare(struct reel_value value, const json_t *expected, bool with_text);

static size_t compare_members(struct reel_value object, const json_t *expected, bool with_text) {
    struct reel_value value = {0};
    struct reel_str name;
    size_t hidden = 0, count = 0;
    while ((value = json_next(object, value, &name)).json) {
        const json_t *theirs = json_object_getn(expected, name.data, name.len);
        struct reel_value last = json_get(object, name);
        check(theirs && last.json, "a name is not found");
        count++;
        if (last.at == value.at)
            compare(value, theirs, with_text);
        else
            hidden++;
    }
    check(count - hidden == json_object_size(expected), "the number of members differs");
    return count;
}

static size_t compare_elements(struct reel_value array, const json_t *expected, bool with_text) {
    struct reel_value value = {0};
    size_t count = 0;
    while ((value = json_next(array, value, NULL)).json)
        compare(value, json_array_get(expected, count++), with_text);
    check(count == json_array_size(expected), "the number of elements differs");
    return count;
}

/* Texts are read again only near the root: for all of them it would be quadratic. */
static void compare(struct reel_value value, const json_t *expected, bool with_text) {
    check(expected, "jansson has no such value");
    compare_scalar(value, expected);
    check(json_text(value).len > 0, "an empty text");
    if (with_text) compare_text(value, expected);
    if (json_is_object(expected))
        compare_members(value, expected, false);
    else if (json_is_array(expected))
        compare_elements(value, expected, false);
}

static void compare_event(const struct json *json, const json_t *root) {
    struct reel_event event;
    event_read(json, &event);
    check(same_str(event.type, json_object_get(root, "type")), "type");
    check(same_str(event.id, json_object_get(root, "id")), "id");
    check(same_str(event.source, json_object_get(root, "source")), "source");
    check(same_str(event.subject, json_object_get(root, "subject")), "subject");
    check(same_str(event.time, json_object_get(root, "time")), "time");
    const json_t *data = json_object_get(root, "data");
    check((event.data.json != NULL) == (data != NULL), "data");
    if (data) compare(event.data, data, true);
    compare(event.attributes, root, true);
    if (json_is_object(root)) compare_members(event.attributes, root, true);
}

/* The core's way with what jansson cannot judge: every value is met, nothing is compared. */
static void walk(struct reel_value value) {
    struct reel_value child = {0};
    struct reel_str name = {0};
    check(json_text(value).len > 0, "an empty text");
    while ((child = json_next(value, child, &name)).json) {
        if (json_kind(value) == REEL_OBJECT) check(json_get(value, name).json, "a name is lost");
        walk(child);
    }
}

/* ---- Big integers ---------------------------------------------------------------------------- */

/* Rewriting them leaves the text what it was: the same value, or no JSON. */
static void rewrite(struct reel_str payload, const json_t *expected) {
    int outcome;
    char *text = malloc(payload.len + 1);
    check(text, "out of memory");
    memcpy(text, payload.data, payload.len);
    text[payload.len] = '\0';
    int count = json_rewrite_big_integers(text, payload.len);
    json_t *read = slow_fold_decode(text, payload.len, &outcome);
    if (count < 0)
        check(!expected, "a number beyond a double is JSON");
    else if (outcome != SLOW_FOLD_UNKNOWN) {
        check(!read == !expected, "a rewritten text is JSON, or is not, and was the contrary");
        check(!read || json_equal(read, expected), "a rewritten text is another");
    }
    json_decref(read);
    free(text);
}

/* The payload again where a log block would have it: with other bytes behind it, which may be
 * read but do not count. */
static struct json *parse_in_place(struct reel_str payload, char *space, int expected_rc) {
    struct json *json = NULL;
    const char *why;
    memcpy(space, payload.data, payload.len);
    memset(space + payload.len, '9', JSON_ROOM);
    int rc = json_parse(parser, (struct reel_str){space, payload.len}, JSON_ROOM, &json, &why);
    check(rc == expected_rc, "what lies behind a text counts");
    return json;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct reel_str payload = {(const char *)data, size};
    struct json *json;
    const char *why = NULL;
    int outcome;
    if (!parser) parser = json_parser_create(NULL);
    check(parser, "out of memory");
    json_t *expected = slow_fold_decode(payload.data, payload.len, &outcome);
    bool judged = expected || outcome != SLOW_FOLD_UNKNOWN;
    int rc = json_parse(parser, payload, 0, &json, &why);
    check(rc == 0 || (rc == -EBADMSG && why), "an error of another kind");
    if (judged) check((rc == 0) == (expected != NULL), rc ? "refused" : "not refused");
    char *space = malloc(size + JSON_ROOM);
    check(space, "out of memory");
    json = parse_in_place(payload, space, rc);
    if (rc == 0) walk(json_root(json));
    if (expected) compare_event(json, expected);
    if (judged) rewrite(payload, expected);
    free(space);
    json_decref(expected);
    arena_reset(&arena);
    return 0;
}
