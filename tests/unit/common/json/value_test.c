/* value_test.c: walking a parsed text: members, elements, scalars, and each value's own bytes. */
#include "unit.h"

#include "base/text.h"
#include "json/value.h"

#include <stdlib.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static int begin(void **state) {
    *state = json_parser_create(NULL);
    return *state ? 0 : -1;
}

static int finish(void **state) {
    json_parser_destroy(*state);
    return 0;
}

static struct reel_value root_of(struct json_parser *parser, struct reel_str text) {
    struct json *json = NULL;
    const char *why = "";
    if (json_parse(parser, text, 0, &json, &why) != 0) fail_msg("%s: %.*s", why, REEL_FMT(text));
    return json_root(json);
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_int(struct reel_value value, int64_t expected) {
    int64_t found;
    assert_non_null(value.json);
    assert_true(json_int(value, &found));
    assert_int_equal(found, expected);
}

static void assert_number(struct reel_value value, double expected) {
    double found;
    assert_true(json_number(value, &found));
    assert_true(found == expected);
}

/* ---- Members --------------------------------------------------------------------------------- */

static void the_last_of_equal_names_counts(void **state) {
    struct reel_value root = root_of(*state, STR("{\"a\":1,\"b\":2,\"a\":3,\"\\u0061\":4}"));
    assert_int(json_get(root, STR("a")), 4);
    assert_int(json_get(root, STR("b")), 2);
    assert_null(json_get(root, STR("c")).json);
}

static void a_name_is_its_bytes(void **state) {
    struct reel_value root = root_of(*state, STR("{\"a\\u0000b\":1,\"\":2,\"\\u00e4\":3}"));
    assert_int(json_get(root, STR("a\0b")), 1);
    assert_int(json_get(root, STR("")), 2);
    assert_int(json_get(root, STR("\xC3\xA4")), 3);
    assert_null(json_get(root, STR("a")).json);
    assert_null(json_get(root, STR("a\0")).json);
}

static void names_that_differ_in_one_byte_are_two(void **state) {
    char name[20], text[64];
    for (size_t len = 1; len <= sizeof name; len++)
        for (size_t at = 0; at < len; at++) {
            memset(name, 'a', len);
            snprintf(text, sizeof text, "{\"%.*s\":1}", (int)len, name);
            struct reel_value root = root_of(*state, reel_text(text));
            assert_int(json_get(root, (struct reel_str){name, len}), 1);
            name[at] = 'b';
            assert_null(json_get(root, (struct reel_str){name, len}).json);
        }
}

static void names_of_inner_objects_are_not_the_outers(void **state) {
    struct reel_value root =
        root_of(*state, STR("{\"o\":{\"x\":1,\"y\":[{\"z\":2}]},\"s\":\"x\",\"w\":3}"));
    assert_null(json_get(root, STR("x")).json);
    assert_null(json_get(root, STR("z")).json);
    assert_int(json_get(root, STR("w")), 3);
}

static void objects_of_every_size_are_found_in(void **state) {
    for (size_t count = 0; count < 3 * JSON_MEMO_MAX; count++) {
        struct text text = {0};
        char part[64];
        for (size_t at = 0; at < count; at++) { /* each name twice: the later one counts */
            snprintf(part, sizeof part, "%c\"n%zu\":%zu", at ? ',' : '{', at / 2, at);
            text_append_lit(&text, part);
        }
        text_append_lit(&text, count ? "}" : "{}");
        struct reel_value root = root_of(*state, text_str(&text));
        for (size_t name = 0; 2 * name < count; name++) {
            snprintf(part, sizeof part, "n%zu", name);
            size_t last = 2 * name + 1 < count ? 2 * name + 1 : 2 * name;
            assert_int(json_get(root, reel_text(part)), (int64_t)last);
        }
        assert_null(json_get(root, STR("n")).json);
        text_finish(&text);
    }
}

static void looking_into_two_objects_in_turn_mixes_nothing(void **state) {
    struct reel_value root = root_of(
        *state,
        STR("{\"a\":1,\"in\":{\"a\":2,\"in\":{\"a\":3,\"b\":4}},\"b\":5,\"c\":[{\"a\":6}]}"));
    for (size_t round = 0; round < 3; round++) {
        struct reel_value in = json_get(root, STR("in"));
        struct reel_value innermost = json_get(in, STR("in"));
        assert_int(json_get(root, STR("a")), 1);
        assert_int(json_get(in, STR("a")), 2);
        assert_int(json_get(innermost, STR("a")), 3);
        assert_int(json_get(root, STR("b")), 5);
        assert_int(json_get(innermost, STR("b")), 4);
        assert_null(json_get(in, STR("b")).json);
        struct reel_value element =
            json_next(json_get(root, STR("c")), (struct reel_value){0}, NULL);
        assert_int(json_get(element, STR("a")), 6);
    }
}

static void a_large_object_between_small_ones_leaves_no_trace(void **state) {
    struct text text = {0};
    text_append_lit(&text, "{\"s\":{\"m39\":1},\"big\":{\"x\":0");
    for (size_t at = 0; at < 40; at++) {
        char part[32];
        snprintf(part, sizeof part, ",\"m%zu\":%zu", at, at + 100);
        text_append_lit(&text, part);
    }
    text_append_lit(&text, "}}");
    struct reel_value root = root_of(*state, text_str(&text));
    struct reel_value small = json_get(root, STR("s")), big = json_get(root, STR("big"));
    for (size_t round = 0; round < 3; round++) {
        assert_int(json_get(small, STR("m39")), 1);
        assert_int(json_get(big, STR("m39")), 139);
        assert_null(json_get(small, STR("m0")).json);
        assert_int(json_get(big, STR("m0")), 100);
    }
    text_finish(&text);
}

static void members_of_the_last_text_are_forgotten(void **state) {
    struct reel_value root = root_of(*state, STR("{\"a\":1}"));
    assert_int(json_get(root, STR("a")), 1);
    root = root_of(*state, STR("{\"b\":2}"));
    assert_null(json_get(root, STR("a")).json);
    assert_int(json_get(root, STR("b")), 2);
}

static void only_objects_have_members(void **state) {
    static const char *const texts[] = {"[1]", "\"a\"", "1", "1.5", "null", "true"};
    for (size_t at = 0; at < LENGTH(texts); at++)
        assert_null(json_get(root_of(*state, reel_text(texts[at])), STR("a")).json);
}

/* ---- Walking --------------------------------------------------------------------------------- */

static void members_come_in_the_order_of_the_text(void **state) {
    struct reel_value root =
        root_of(*state, STR("{\"b\":1,\"a\":[1,[2],{\"x\":3}],\"b\":2.5,\"\":\"s\"}"));
    static const char *const names[] = {"b", "a", "b", ""};
    static const reel_kind kinds[] = {REEL_INTEGER, REEL_ARRAY, REEL_NUMBER, REEL_STRING};
    struct reel_value value = {0};
    for (size_t at = 0; at < LENGTH(names); at++) {
        struct reel_str name;
        value = json_next(root, value, &name);
        assert_non_null(value.json);
        assert_bytes(name, reel_text(names[at]));
        assert_int_equal(json_kind(value), kinds[at]);
    }
    assert_null(json_next(root, value, NULL).json);
}

static void elements_have_no_names(void **state) {
    struct reel_value root = root_of(*state, STR("[[],{},10]"));
    struct reel_str name = STR("before");
    struct reel_value value = json_next(root, (struct reel_value){0}, &name);
    assert_int_equal(json_kind(value), REEL_ARRAY);
    assert_null(name.data);
    value = json_next(root, value, &name);
    assert_int_equal(json_kind(value), REEL_OBJECT);
    value = json_next(root, value, &name);
    assert_int(value, 10);
    assert_null(json_next(root, value, &name).json);
}

static void there_is_nothing_in_what_is_empty_or_no_container(void **state) {
    static const char *const texts[] = {"[]", "{}", "\"a\"", "1", "null"};
    for (size_t at = 0; at < LENGTH(texts); at++) {
        struct reel_value root = root_of(*state, reel_text(texts[at]));
        assert_null(json_next(root, (struct reel_value){0}, NULL).json);
    }
}

/* ---- Scalars --------------------------------------------------------------------------------- */

static void a_scalar_is_only_what_it_is(void **state) {
    struct reel_value root = root_of(*state, STR("[\"1\",true,null,1.5,{},18446744073709551615]"));
    struct reel_value value = {0};
    while ((value = json_next(root, value, NULL)).json) {
        int64_t integer;
        double number;
        bool truth;
        reel_kind kind = json_kind(value);
        assert_false(json_int(value, &integer));
        assert_int_equal(json_number(value, &number), kind == REEL_NUMBER);
        assert_int_equal(json_bool(value, &truth), kind == REEL_BOOL);
        assert_int_equal(json_str(value).data != NULL, kind == REEL_STRING);
    }
}

static void numbers_are_exact(void **state) {
    struct reel_value root =
        root_of(*state, STR("{\"min\":-9223372036854775808,\"max\":9223372036854775807,"
                            "\"u\":18446744073709551615,\"big\":-123456789012345678901234567890,"
                            "\"d\":0.1,\"i\":7,\"z\":-0.0}"));
    assert_int(json_get(root, STR("min")), INT64_MIN);
    assert_int(json_get(root, STR("max")), INT64_MAX);
    assert_number(json_get(root, STR("u")), 18446744073709551615.0);
    assert_number(json_get(root, STR("big")), -123456789012345678901234567890.0);
    assert_number(json_get(root, STR("d")), 0.1);
    assert_number(json_get(root, STR("i")), 7);
    assert_number(json_get(root, STR("z")), 0);
}

static void strings_are_unescaped(void **state) {
    struct reel_value root =
        root_of(*state, STR("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u00e4\\ud83d\\ude00\"]"));
    assert_bytes(json_str(json_next(root, (struct reel_value){0}, NULL)),
                 STR("\"\\/\b\f\n\r\t\0\xC3\xA4\xF0\x9F\x98\x80"));
}

static void truth_is_read(void **state) {
    bool truth = false;
    assert_true(json_bool(root_of(*state, STR("true")), &truth));
    assert_true(truth);
    assert_true(json_bool(root_of(*state, STR("false")), &truth));
    assert_false(truth);
}

UNIT_TESTS(value_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(the_last_of_equal_names_counts),
        CASE(a_name_is_its_bytes),
        CASE(names_that_differ_in_one_byte_are_two),
        CASE(names_of_inner_objects_are_not_the_outers),
        CASE(objects_of_every_size_are_found_in),
        CASE(looking_into_two_objects_in_turn_mixes_nothing),
        CASE(a_large_object_between_small_ones_leaves_no_trace),
        CASE(members_of_the_last_text_are_forgotten),
        CASE(only_objects_have_members),
        CASE(members_come_in_the_order_of_the_text),
        CASE(elements_have_no_names),
        CASE(there_is_nothing_in_what_is_empty_or_no_container),
        CASE(a_scalar_is_only_what_it_is),
        CASE(numbers_are_exact),
        CASE(strings_are_unescaped),
        CASE(truth_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
