/* subject_test.c: which filters there are, what they match, and any bytes as one token. */
#include "unit.h"

#include "event/subject.h"

#include <stdlib.h>
#include <string.h>

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_matches(const char *filter, const char *subject, bool expected) {
    test_context("filter \"%s\", subject \"%s\"", filter, subject);
    char *exact = exact_copy(reel_text(subject));
    must(subject_filter_valid(reel_text(filter)));
    must(subject_matches(reel_text(filter), (struct reel_str){exact, strlen(subject)}) == expected);
    free(exact);
}

static void assert_part(struct reel_str part, struct reel_str expected) {
    struct text text = {0};
    char *exact = exact_copy(part);
    subject_append_part(&text, (struct reel_str){exact, part.len});
    assert_bytes(text_str(&text), expected);
    text_finish(&text);
    free(exact);
}

/* ---- Filters --------------------------------------------------------------------------------- */

static void wildcards_stand_alone(void **state) {
    (void)state;
    static const char *const good[] = {"a",   "a.b", "*",        ">",         "a.*.b",
                                       "a.>", "*.*", "a-_%$.B9", "\xC3\xA4.b"};
    static const char *const bad[] = {"",     ".",    "a.",  ".a", "a..b", "a*",      "*a.b",
                                      ">.a",  "a.>b", "a>",  "**", "a b",  "a.\tb",   "a\n",
                                      "\x7F", "a.>.", ">.>", "*>", " ",    "a.\x01.b"};
    for (size_t i = 0; i < LENGTH(good); i++) {
        test_context("%s", good[i]);
        must(subject_filter_valid(reel_text(good[i])));
    }
    for (size_t i = 0; i < LENGTH(bad); i++) {
        test_context("%s", bad[i]);
        must(!subject_filter_valid(reel_text(bad[i])));
    }
    assert_false(subject_filter_valid((struct reel_str){0}));
    assert_false(subject_filter_valid(STR("a\0b")));
}

static void tokens_are_compared_whole(void **state) {
    (void)state;
    assert_matches("a.b", "a.b", true);
    assert_matches("a.b", "a.B", false);
    assert_matches("a.b", "a.bc", false);
    assert_matches("a.bc", "a.b", false);
    assert_matches("a.b", "a", false);
    assert_matches("a", "a.b", false);
    assert_matches("a.b", "a.b.c", false);
}

static void a_star_is_one_token(void **state) {
    (void)state;
    assert_matches("*", "a", true);
    assert_matches("*", "a.b", false);
    assert_matches("a.*", "a.b", true);
    assert_matches("a.*", "a", false);
    assert_matches("a.*.c", "a.b.c", true);
    assert_matches("a.*.c", "a.b.d", false);
    assert_matches("*.*", "a.b", true);
}

static void a_greater_sign_is_one_token_or_more(void **state) {
    (void)state;
    assert_matches(">", "a", true);
    assert_matches(">", "a.b.c", true);
    assert_matches("a.>", "a.b", true);
    assert_matches("a.>", "a.b.c.d", true);
    assert_matches("a.>", "a", false);
    assert_matches("a.>", "b.c", false);
    assert_matches("*.>", "a", false);
    assert_matches("*.b.>", "a.b.c", true);
}

/* A filter is matched when all that it lets through is. */
static void a_filter_may_be_matched_against_a_filter(void **state) {
    (void)state;
    assert_matches(">", ">", true);
    assert_matches(">", "*", true);
    assert_matches(">", "a.*.>", true);
    assert_matches("a.>", "a.>", true);
    assert_matches("a.>", "a.b.>", true);
    assert_matches("a.>", "a.*", true);
    assert_matches("a.>", ">", false);
    assert_matches("a.>", "*.b", false);
    assert_matches("a.b.>", "a.>", false);
    assert_matches("*", "*", true);
    assert_matches("*", "a", true);
    assert_matches("*", ">", false);
    assert_matches("a", "*", false);
    assert_matches("a.*", "a.>", false);
    assert_matches("*.>", ">", false);
    assert_matches("*.>", "a.>", true);
    assert_matches("*.>", "*.*", true);
    assert_matches("*.*", "*.>", false);
    assert_matches("a.*.c", "a.*.c", true);
    assert_matches("a.*.c", "a.*.*", false);
}

/* ---- Parts ----------------------------------------------------------------------------------- */

static void other_characters_are_percent_encoded(void **state) {
    (void)state;
    assert_part(STR("aZ09_-"), STR("aZ09_-"));
    assert_part(STR("a.b c*>%"), STR("a%2Eb%20c%2A%3E%25"));
    assert_part(STR("\xC3\xA4\0\xFF"), STR("%C3%A4%00%FF"));
    assert_part(STR(""), STR("%"));
}

static void a_part_that_is_too_long_is_hashed(void **state) {
    (void)state;
    char bytes[200];
    memset(bytes, 'a', sizeof bytes);
    assert_part((struct reel_str){bytes, 128}, (struct reel_str){bytes, 128});
    /* FNV-1a of 129 times `a`, by an implementation that is not ours. */
    assert_part((struct reel_str){bytes, 129}, STR("b33d7622ae2694e39063e414ed7b7ee4"));
    memset(bytes, '.', 43); /* 129 bytes when encoded */
    assert_part((struct reel_str){bytes, 43}, STR("6f7511f163a787f1479a0392ff7245c9"));
}

UNIT_TESTS(subject_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wildcards_stand_alone),
        cmocka_unit_test(tokens_are_compared_whole),
        cmocka_unit_test(a_star_is_one_token),
        cmocka_unit_test(a_greater_sign_is_one_token_or_more),
        cmocka_unit_test(a_filter_may_be_matched_against_a_filter),
        cmocka_unit_test(other_characters_are_percent_encoded),
        cmocka_unit_test(a_part_that_is_too_long_is_hashed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
