/* parser_test.c: what is one JSON value, and what is said of what is none. */
#include "unit.h"

#include "json/value.h"

#include <stdlib.h>
#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static int begin(void **state) {
    *state = json_parser_create(NULL);
    return *state ? 0 : -1;
}

static int finish(void **state) {
    json_parser_destroy(*state);
    return 0;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static struct json *parsed(struct json_parser *parser, struct reel_str text) {
    struct json *json = NULL;
    const char *why = "";
    char *copy = exact_copy(text);
    int rc = json_parse(parser, (struct reel_str){copy, text.len}, 0, &json, &why);
    free(copy);
    if (rc != 0) fail_msg("%d, %s: %.*s", rc, why, REEL_FMT(text));
    return json;
}

static void assert_refused(struct json_parser *parser, struct reel_str text, const char *part) {
    struct json *json = NULL;
    const char *why = NULL;
    char *copy = exact_copy(text);
    int rc = json_parse(parser, (struct reel_str){copy, text.len}, 0, &json, &why);
    free(copy);
    if (rc != -EBADMSG) fail_msg("%d: %.*s", rc, REEL_FMT(text));
    assert_null(json);
    if (!strstr(why, part)) fail_msg("%s: %.*s", why, REEL_FMT(text));
}

/* `levels` of opening and closing text around `inner`. */
static char *nested(const char *open, const char *inner, char close, size_t levels) {
    char *text = malloc(levels * (strlen(open) + 1) + strlen(inner) + 1), *to = text;
    must(text);
    for (size_t at = 0; at < levels; at++) to = stpcpy(to, open);
    to = stpcpy(to, inner);
    memset(to, close, levels);
    to[levels] = '\0';
    return text;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_value_of_any_kind_is_a_text(void **state) {
    static const struct {
        const char *text;
        reel_kind kind;
    } cases[] = {
        {"null", REEL_NULL},         {"true", REEL_BOOL},
        {"false", REEL_BOOL},        {"0", REEL_INTEGER},
        {"-1", REEL_INTEGER},        {"9223372036854775807", REEL_INTEGER},
        {"1.0", REEL_NUMBER},        {"9223372036854775808", REEL_NUMBER},
        {"1e3", REEL_NUMBER},        {"123456789012345678901234567890", REEL_NUMBER},
        {"\"\"", REEL_STRING},       {"[]", REEL_ARRAY},
        {" \t\r\n{} ", REEL_OBJECT}, {"-9223372036854775808", REEL_INTEGER},
        {"-0", REEL_INTEGER},        {"1e-999", REEL_NUMBER},
    };
    for (size_t at = 0; at < LENGTH(cases); at++) {
        struct json *json = parsed(*state, reel_text(cases[at].text));
        if (json_kind(json_root(json)) != cases[at].kind)
            fail_msg("%s is %d", cases[at].text, json_kind(json_root(json)));
    }
}

static void empty_text_is_not_json(void **state) {
    assert_refused(*state, STR(""), "empty");
    assert_refused(*state, STR(" \n\t "), "");
}

static void malformed_text_is_none(void **state) {
    static const char *const texts[] = {
        "{",           "}",           "[1,]",
        "[1 2]",       "{\"a\"}",     "{\"a\":}",
        "{\"a\":1,}",  "{a:1}",       "{'a':1}",
        "tru",         "nulll",       "NaN",
        "1 2",         "{}{}",        "[]]",
        "01",          "+1",          ".5",
        "1.",          "1e",          "-",
        "\"",          "\"\\x\"",     "\"\\u12\"",
        "[1}",         "// a\n1",     "Infinity",
        "\"\\",        "{\"a\":1]",   "\xEF\xBB\xBF{}",
        "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"",
        "{\"a\" 1}",   "{1:1}",
    };
    for (size_t at = 0; at < LENGTH(texts); at++) assert_refused(*state, reel_text(texts[at]), "");
}

static void a_reason_tells_what_is_wrong(void **state) {
    assert_refused(*state, STR("\"\xFF\""), "UTF-8");
    assert_refused(*state, STR("\"\xED\xA0\x80\""), "UTF-8");
    assert_refused(*state, STR("[1e999]"), "number");
    assert_refused(*state, STR("[01]"), "number");
    assert_refused(*state, STR("\"a\nb\""), "control character");
    assert_refused(*state, STR("\"a"), "without its end");
    assert_refused(*state, STR("1 1"), "more than one value");
}

static void a_raw_nul_is_nowhere_allowed(void **state) {
    assert_refused(*state, STR("1\0"), "");
    assert_refused(*state, STR("{}\0"), "");
    assert_refused(*state, STR("\0{}"), "");
    assert_refused(*state, STR("[1\0]"), "");
    assert_refused(*state, STR("\"\0\""), "");
    assert_refused(*state, STR("true\0"), "");
}

static void a_text_ends_where_its_length_says(void **state) {
    struct json *json;
    const char *why;
    assert_int_equal(json_parse(*state, (struct reel_str){"12345", 2}, 0, &json, &why), 0);
    int64_t value;
    assert_true(json_int(json_root(json), &value));
    assert_int_equal(value, 12);
    assert_int_equal(json_parse(*state, (struct reel_str){"[1]", 2}, 0, &json, &why), -EBADMSG);
}

static void the_deepest_nesting_is_as_declared(void **state) {
    static const struct {
        const char *open, *inner;
        char close;
    } kinds[] = {{"[", "", ']'}, {"[", "1", ']'}, {"{\"a\":", "1", '}'}};
    for (size_t at = 0; at < LENGTH(kinds); at++)
        for (size_t levels = 1; levels <= 1000; levels = levels < 130 ? levels + 1 : 1000 + 1) {
            char *text = nested(kinds[at].open, kinds[at].inner, kinds[at].close, levels);
            if (levels <= JSON_DEPTH_MAX)
                parsed(*state, reel_text(text));
            else
                assert_refused(*state, reel_text(text), "127 levels");
            free(text);
        }
}

static void empty_containers_count_as_levels_too(void **state) {
    char *text = nested("[", "{}", ']', JSON_DEPTH_MAX - 1);
    parsed(*state, reel_text(text));
    free(text);
    text = nested("[", "{}", ']', JSON_DEPTH_MAX);
    assert_refused(*state, reel_text(text), "127 levels");
    free(text);
}

static void one_parser_reads_texts_of_any_size_in_any_order(void **state) {
    static const size_t sizes[] = {10, 65535, 65536, 65537, 3, 500000, 130, 1000000};
    for (size_t at = 0; at < LENGTH(sizes); at++) {
        char *text = malloc(sizes[at]);
        must(text);
        memset(text, 'x', sizes[at]);
        text[0] = text[sizes[at] - 1] = '"';
        struct json *json = parsed(*state, (struct reel_str){text, sizes[at]});
        assert_bytes(json_str(json_root(json)), (struct reel_str){text + 1, sizes[at] - 2});
        free(text);
    }
}

static void many_values_fit_a_text_of_any_size(void **state) {
    for (size_t count = 1; count < 200000; count *= 5) {
        char *text = malloc(2 * count + 1);
        must(text);
        for (size_t at = 0; at < count; at++) memcpy(text + 2 * at, at ? ",1" : "[1", 2);
        text[2 * count] = ']';
        struct json *json = parsed(*state, (struct reel_str){text, 2 * count + 1});
        struct reel_value value = {0};
        size_t found = 0;
        while ((value = json_next(json_root(json), value, NULL)).json) found++;
        assert_int_equal(found, count);
        free(text);
    }
}

static void a_text_with_room_behind_it_is_read_where_it_lies(void **state) {
    char text[7 + JSON_ROOM] = "[1,\"a\"]";
    struct json *json;
    const char *why;
    struct reel_str str = {text, strlen(text)};
    assert_int_equal(json_parse(*state, str, JSON_ROOM, &json, &why), 0);
    assert_ptr_equal(json->text.data, text);
    assert_int_equal(json_parse(*state, str, JSON_ROOM - 1, &json, &why), 0);
    assert_ptr_not_equal(json->text.data, text);
    memset(text + str.len, '9', JSON_ROOM); /* whatever is there does not count */
    assert_int_equal(json_parse(*state, str, JSON_ROOM, &json, &why), 0);
    assert_bytes(json_text(json_root(json)), str);
    str.len--;
    assert_int_equal(json_parse(*state, str, JSON_ROOM, &json, &why), -EBADMSG);
}

static void a_refusal_leaves_the_parser_usable(void **state) {
    assert_refused(*state, STR("[123456789012345678901234567890,"), "");
    assert_refused(*state, STR("{\"a\":"), "");
    struct json *json = parsed(*state, STR("{\"a\":2}"));
    int64_t value;
    assert_true(json_int(json_get(json_root(json), STR("a")), &value));
    assert_int_equal(value, 2);
}

static void a_big_integer_far_behind_in_a_large_text_is_read(void **state) {
    enum { SIZE = 300000 };
    char *text = malloc(SIZE + 64);
    must(text);
    memset(text, ' ', SIZE);
    text[0] = '[';
    strcpy(text + SIZE, "-123456789012345678901234567890]");
    struct json *json = parsed(*state, reel_text(text));
    double number;
    assert_true(json_number(json_next(json_root(json), (struct reel_value){0}, NULL), &number));
    assert_true(number == -123456789012345678901234567890.0);
    free(text);
}

UNIT_TESTS(parser_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(a_value_of_any_kind_is_a_text),
        CASE(empty_text_is_not_json),
        CASE(malformed_text_is_none),
        CASE(a_reason_tells_what_is_wrong),
        CASE(a_raw_nul_is_nowhere_allowed),
        CASE(a_text_ends_where_its_length_says),
        CASE(the_deepest_nesting_is_as_declared),
        CASE(empty_containers_count_as_levels_too),
        CASE(one_parser_reads_texts_of_any_size_in_any_order),
        CASE(many_values_fit_a_text_of_any_size),
        CASE(a_text_with_room_behind_it_is_read_where_it_lies),
        CASE(a_refusal_leaves_the_parser_usable),
        CASE(a_big_integer_far_behind_in_a_large_text_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
