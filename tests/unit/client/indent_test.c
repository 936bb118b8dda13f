/* indent_test.c: JSON over several lines: the same values, each as it was written. */
#include "unit.h"

#include "client/indent.h"

static void assert_indented(const char *json, const char *wanted) {
    struct text text = {0};
    indent_json(&text, reel_text(json));
    assert_bytes(text_str(&text), reel_text(wanted));
    text_finish(&text);
}

static void members_and_elements_have_lines(void **state) {
    (void)state;
    assert_indented("{\"a\":1,\"b\":[true, null],\"c\":{\"d\":\"e\"}}",
                    "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    null\n  ],\n"
                    "  \"c\": {\n    \"d\": \"e\"\n  }\n}");
}

static void what_is_empty_has_none(void **state) {
    (void)state;
    assert_indented("{}", "{}");
    assert_indented(" [ ] ", "[]");
    assert_indented("{\"a\":{ },\"b\":[]}", "{\n  \"a\": {},\n  \"b\": []\n}");
}

static void strings_and_numbers_stay_as_they_are(void **state) {
    (void)state;
    assert_indented("12345678901234567890123", "12345678901234567890123");
    assert_indented("[1.50,1e400,-0]", "[\n  1.50,\n  1e400,\n  -0\n]");
    assert_indented("\"a{,:\\\"}[\\\\\"", "\"a{,:\\\"}[\\\\\"");
}

UNIT_TESTS(indent_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_and_elements_have_lines),
        cmocka_unit_test(what_is_empty_has_none),
        cmocka_unit_test(strings_and_numbers_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
