/* shown_test.c: nothing that a terminal would act on is left; widths; cutting. */
#include "unit.h"

#include "client/shown.h"

#include <jansson.h>

static void assert_shown(struct reel_str given, const char *wanted) {
    struct text text = {0};
    shown_append(&text, given);
    assert_bytes(text_str(&text), reel_text(wanted));
    text_finish(&text);
}

static void plain_text_stays_as_it_is(void **state) {
    (void)state;
    assert_shown(STR("web-1 \\ \"x\" gr\u00fc\u00df \u6f22\u5b57 \U0001F600"),
                 "web-1 \\ \"x\" gr\u00fc\u00df \u6f22\u5b57 \U0001F600");
    assert_shown(STR(""), "");
}

static void controls_become_escape_sequences(void **state) {
    (void)state;
    assert_shown(STR("a\nb\rc\td"), "a\\nb\\rc\\td");
    assert_shown(STR("\x1b[31m\x07\x7f"), "\\x1b[31m\\x07\\x7f");
    assert_shown((struct reel_str){"\0", 1}, "\\x00");
    assert_shown(STR("\xc2\x9b"
                     "31m\xc2\x85"),
                 "\\u009b31m\\u0085");
    assert_shown(STR("\u202e\u2066\u200b\ufeff\u2028"), "\\u202e\\u2066\\u200b\\ufeff\\u2028");
    assert_shown(STR("\U000E0041"), "\\U000e0041");
}

static void bytes_that_are_not_utf8_become_escape_sequences(void **state) {
    (void)state;
    assert_shown(STR("\xff\xc3"), "\\xff\\xc3");
    assert_shown(STR("a\x9b\x31m"), "a\\x9b1m");
    assert_shown(STR("\xed\xa0\x80"), "\\xed\\xa0\\x80");
    assert_shown(STR("\xe2\x82"), "\\xe2\\x82");
}

static void lines_keep_their_ends(void **state) {
    (void)state;
    struct text text = {0};
    shown_append_lines(&text, STR("a\n\tb\r\n\x1b"));
    assert_bytes(text_str(&text), STR("a\n\tb\\r\n\\x1b"));
    text_finish(&text);
}

/* What is shown of JSON is JSON with the same strings. */
static void json_stays_json(void **state) {
    (void)state;
    struct text text = {0};
    static const char json[] = "{\"a\":\"\xc2\x9b\u202e\x7f \U000E0041 gr\u00fc\u00df\"}";
    shown_append_json(&text, reel_text(json));
    json_t *before = json_loads(json, 0, NULL), *after = json_loadb(text.data, text.len, 0, NULL);
    assert_non_null(before);
    assert_true(json_equal(before, after));
    assert_null(memmem(text.data, text.len, "\xc2\x9b", 2));
    assert_null(memmem(text.data, text.len, "\x7f", 1));
    json_decref(before);
    json_decref(after);
    text_finish(&text);
}

static void widths_are_those_of_a_terminal(void **state) {
    (void)state;
    assert_int_equal(shown_width(STR("")), 0);
    assert_int_equal(shown_width(STR("abc")), 3);
    assert_int_equal(shown_width(STR("gr\u00fc\u00df")), 4);
    assert_int_equal(shown_width(STR("\u6f22\u5b57")), 4);
    assert_int_equal(shown_width(STR("e\u0301")), 1);
}

static void assert_cut(struct reel_str given, size_t columns, const char *wanted) {
    struct text text = {0};
    shown_cut(&text, given, columns);
    assert_bytes(text_str(&text), reel_text(wanted));
    assert_true(shown_width(text_str(&text)) <= columns);
    text_finish(&text);
}

static void text_is_cut_between_characters(void **state) {
    (void)state;
    assert_cut(STR("abc"), 3, "abc");
    assert_cut(STR("abcd"), 3, "ab\u2026");
    assert_cut(STR("\u6f22\u5b57\u6f22"), 4, "\u6f22\u2026");
    assert_cut(STR("\u6f22\u5b57"), 2, "\u2026");
    assert_cut(STR("abc"), 1, "\u2026");
    assert_cut(STR("abc"), 0, "");
}

static void text_whose_end_counts_is_cut_at_its_beginning(void **state) {
    (void)state;
    static const struct {
        const char *given;
        size_t columns;
        const char *wanted;
    } cases[] = {{"abcd", 4, "abcd"},
                 {"abcd", 3, "\u2026cd"},
                 {"abcd", 1, "\u2026"},
                 {"abcd", 0, ""},
                 {"\u6f22\u5b57", 3, "\u2026\u5b57"},
                 {"\u6f22\u5b57", 2, "\u2026"}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct text text = {0};
        shown_cut_beginning(&text, reel_text(cases[i].given), cases[i].columns);
        assert_bytes(text_str(&text), reel_text(cases[i].wanted));
        text_finish(&text);
    }
}

static int prepare(void **state) {
    (void)state;
    shown_prepare();
    return 0;
}

UNIT_TESTS(shown_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays_as_it_is),
        cmocka_unit_test(controls_become_escape_sequences),
        cmocka_unit_test(bytes_that_are_not_utf8_become_escape_sequences),
        cmocka_unit_test(lines_keep_their_ends),
        cmocka_unit_test(json_stays_json),
        cmocka_unit_test(widths_are_those_of_a_terminal),
        cmocka_unit_test(text_is_cut_between_characters),
        cmocka_unit_test(text_whose_end_counts_is_cut_at_its_beginning),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
