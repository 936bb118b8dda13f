/* error_test.c: sentences that grow outward and are cut between characters. */
#include "unit.h"

#include "base/text.h"

#include <string.h>

/* Characters of one to four bytes, and where each ends. */
static const char mixed[] = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80";

static int failing(struct reel_error *error) {
    return fail(error, -EINVAL, "it is %d", 7);
}

static void text_is_cut_between_characters(void **state) {
    (void)state;
    static const size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    for (size_t len = 0; len < LENGTH(kept); len++)
        assert_int_equal(utf8_cut(mixed, len), kept[len]);
}

static void a_failure_has_a_code_and_a_sentence(void **state) {
    (void)state;
    struct reel_error error;
    assert_int_equal(failing(&error), -EINVAL);
    assert_string_equal(error.text, "it is 7");
}

static void a_sentence_grows_outward(void **state) {
    (void)state;
    struct reel_error error;
    error_set(&error, "%s", "no such file");
    assert_int_equal(fail_in(&error, -ENOENT, "cannot load %s", "x.so"), -ENOENT);
    error_prefix(&error, "starting");
    assert_string_equal(error.text, "starting: cannot load x.so: no such file");
}

static void nobody_needs_to_want_it(void **state) {
    (void)state;
    assert_int_equal(failing(NULL), -EINVAL);
    assert_int_equal(fail_in(NULL, -EIO, "doing"), -EIO);
}

static void a_long_sentence_is_cut_to_whole_characters(void **state) {
    (void)state;
    char longer[4096];
    for (size_t pad = 0; pad < 4; pad++) {
        struct reel_error error;
        memset(longer, 'x', pad);
        for (size_t at = pad; at + 4 < sizeof longer; at += 4)
            memcpy(longer + at, "\xF0\x9F\x98\x80", 5);
        error_set(&error, "%s", longer);
        size_t len = strlen(error.text);
        assert_in_range(len, sizeof error.text - 4, sizeof error.text - 1);
        assert_true(utf8_valid(reel_text(error.text)));
        assert_memory_equal(error.text, longer, len);
    }
}

static void a_full_sentence_gives_way_to_what_is_put_before_it(void **state) {
    (void)state;
    struct reel_error error;
    memset(error.text, 'x', sizeof error.text - 1);
    error.text[sizeof error.text - 1] = '\0';
    error_prefix(&error, "outer");
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    assert_memory_equal(error.text, "outer: xxx", 10);
}

/* Names from outside may stand in it. */
static void a_sentence_is_one_line(void **state) {
    (void)state;
    struct reel_error error;
    error_set(&error, "cannot load %s", "a\nb\tc\x1b[0m\x7f\xC3\xA4");
    assert_string_equal(error.text, "cannot load a b c [0m \xC3\xA4");
}

UNIT_TESTS(error_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_cut_between_characters),
        cmocka_unit_test(a_failure_has_a_code_and_a_sentence),
        cmocka_unit_test(a_sentence_grows_outward),
        cmocka_unit_test(nobody_needs_to_want_it),
        cmocka_unit_test(a_long_sentence_is_cut_to_whole_characters),
        cmocka_unit_test(a_full_sentence_gives_way_to_what_is_put_before_it),
        cmocka_unit_test(a_sentence_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
