/* contexts_test.c: the file of contexts. */
#include "unit.h"

#include "client/contexts.h"

/* Parses a copy of the text. */
static int parse(const char *text, struct contexts *ret, struct failure *failure) {
    *ret = (struct contexts){0};
    text_append_lit(&ret->text, text);
    return contexts_parse(ret, failure);
}

static void contexts_have_what_is_written(void **state) {
    (void)state;
    struct contexts contexts;
    struct failure failure = {0};
    assert_int_equal(parse("# comment\ncurrent = one\n\n[one]\n url = http://a \r\n"
                           "\ttoken=t=1\n[ two words ]\nurl=https://b\n"
                           "token-file = /a b\nca-file = /c",
                           &contexts, &failure),
                     0);
    assert_bytes(contexts.current, STR("one"));
    assert_int_equal(contexts.count, 2);
    const struct context *one = contexts_find(&contexts, STR("one"));
    const struct context *two = contexts_find(&contexts, STR("two words"));
    must(one && two);
    assert_bytes(one->url, STR("http://a"));
    assert_bytes(one->token, STR("t=1"));
    assert_null(one->token_file.data);
    assert_bytes(two->url, STR("https://b"));
    assert_bytes(two->token_file, STR("/a b"));
    assert_bytes(two->ca_file, STR("/c"));
    assert_null(contexts_find(&contexts, STR("two")));
    contexts_finish(&contexts);
}

static void an_empty_file_has_none(void **state) {
    (void)state;
    struct contexts contexts;
    struct failure failure = {0};
    assert_int_equal(parse("\n# nothing\n", &contexts, &failure), 0);
    assert_int_equal(contexts.count, 0);
    assert_null(contexts.current.data);
    contexts_finish(&contexts);
}

static void what_is_wrong_is_named_with_its_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"url = x", "line 1: before the first context"},
        {"\n\nfoo", "line 3: wanted KEY"},
        {"[", "line 1: wanted [NAME]"},
        {"[a", "line 1: wanted [NAME]"},
        {"[]", "line 1: wanted [NAME]"},
        {"[ ]", "line 1: the context has no name"},
        {"[a]\n[a]", "line 2: there is a context"},
        {"[a]\nport = 1", "line 2: a context has"},
        {"[a]\nurl = ", "line 2: the value is missing"},
        {"[a]\nurl = x\nurl = y", "line 3: this key is there twice"},
        {"current = a\ncurrent = b", "line 2: this key is there twice"},
        {"[a]\ntoken = x\ntoken-file = y", "context `a` has a token and a token-file"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct contexts contexts;
        struct failure failure = {0};
        assert_int_equal(parse(cases[i].text, &contexts, &failure), EXIT_USAGE);
        if (!strstr(failure.error.text, cases[i].why))
            fail_msg("%s: %s", cases[i].text, failure.error.text);
        contexts_finish(&contexts);
    }
}

static void bytes_that_are_no_text_are_refused(void **state) {
    (void)state;
    struct contexts contexts = {0};
    struct failure failure = {0};
    text_append(&contexts.text, "[a]\0\n", 5);
    assert_int_equal(contexts_parse(&contexts, &failure), EXIT_USAGE);
    contexts_finish(&contexts);
}

UNIT_TESTS(contexts_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts_have_what_is_written),
        cmocka_unit_test(an_empty_file_has_none),
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
