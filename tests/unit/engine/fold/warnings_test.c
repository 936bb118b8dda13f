/* warnings_test.c: of each kind only so many lines are given in a while, and none is lost without a
 * word. Time is what the test says. */
#include "unit.h"

#include "base/text.h"
#include "engine/fold/warnings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX = 3 };

static const char cells[] = "cells", formations[] = "formations";

/* ---- Fixture --------------------------------------------------------------------------------- */

struct fixture {
    struct warnings warnings;
    struct text told; /* the lines of counts */
    size_t lines;
};

static void hear(void *context, const char *line) {
    struct fixture *fixture = context;
    text_append_lit(&fixture->told, line);
    text_append_lit(&fixture->told, "\n");
    fixture->lines++;
}

static int begin(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    must(fixture);
    fixture->warnings = (struct warnings){.warn = hear, .context = fixture, .max = MAX};
    *state = fixture;
    return 0;
}

static int finish(void **state) {
    struct fixture *fixture = *state;
    text_finish(&fixture->told);
    free(fixture);
    return 0;
}

/* How many of `count` are allowed. */
static size_t allowed(struct fixture *fixture, uint64_t now_ms, const char *collection,
                      const char *format, size_t count) {
    size_t yes = 0;
    while (count-- > 0)
        yes += warnings_allow(&fixture->warnings, now_ms, collection, reel_text(format));
    return yes;
}

static void assert_told(struct fixture *fixture, const char *expected) {
    assert_bytes(text_str(&fixture->told), reel_text(expected));
    fixture->told.len = 0;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_few_of_each_kind_are_given(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(allowed(fixture, 0, cells, "late %s", 1000), MAX);
    assert_int_equal(allowed(fixture, 0, cells, "early %s", 1000), MAX);
    assert_int_equal(allowed(fixture, 0, formations, "late %s", 2), 2);
    assert_int_equal(allowed(fixture, 0, formations, "late %s", 1000), MAX - 2);
    assert_told(fixture, "");
}

static void the_next_one_after_a_while_tells_the_count(void **state) {
    struct fixture *fixture = *state;
    allowed(fixture, 5, cells, "late %s", 1000);
    assert_int_equal(allowed(fixture, WARNINGS_WINDOW_MS + 4, cells, "late %s", 1), 0);
    assert_int_equal(allowed(fixture, WARNINGS_WINDOW_MS + 5, cells, "late %s", 10), MAX);
    assert_told(fixture, "cells: 998 more like this were left out: late %s\n");
}

static void the_count_is_told_without_a_next_one(void **state) {
    struct fixture *fixture = *state;
    allowed(fixture, 0, cells, "late %s", MAX + 7);
    allowed(fixture, 0, formations, "one", 1);
    warnings_look(&fixture->warnings, WARNINGS_WINDOW_MS - 1);
    assert_told(fixture, "");
    warnings_look(&fixture->warnings, WARNINGS_WINDOW_MS);
    assert_told(fixture, "cells: 7 more like this were left out: late %s\n");
    warnings_look(&fixture->warnings, WARNINGS_WINDOW_MS * 2);
    assert_told(fixture, "");
}

static void the_end_tells_all_counts(void **state) {
    struct fixture *fixture = *state;
    allowed(fixture, 0, cells, "late %s", MAX + 1);
    allowed(fixture, 0, formations, "early", MAX + 2);
    warnings_finish(&fixture->warnings);
    assert_told(fixture, "cells: 1 more like this were left out: late %s\n"
                         "formations: 2 more like this were left out: early\n");
}

/* A plugin that makes its formats at run time takes no more memory, nor lines without end. */
static void kinds_without_end_share_one_bound(void **state) {
    struct fixture *fixture = *state;
    size_t given = 0;
    for (int n = 0; n < 100000; n++) {
        char format[32];
        snprintf(format, sizeof format, "kind %d", n);
        given += allowed(fixture, 0, cells, format, 1);
    }
    assert_int_equal(given, WARNING_KINDS_MAX + MAX);
    warnings_finish(&fixture->warnings);
    char expected[64];
    snprintf(expected, sizeof expected, "%d more of several kinds were left out\n",
             100000 - WARNING_KINDS_MAX - MAX);
    assert_told(fixture, expected);
}

/* The place of a kind that is over is another's, and its count is told before. */
static void a_place_is_used_again(void **state) {
    struct fixture *fixture = *state;
    for (int n = 0; n < WARNING_KINDS_MAX; n++) {
        char format[32];
        snprintf(format, sizeof format, "kind %d", n);
        allowed(fixture, 0, cells, format, n == 0 ? MAX + 4 : 1);
    }
    assert_int_equal(allowed(fixture, WARNINGS_WINDOW_MS, cells, "new", 10), MAX);
    assert_told(fixture, "cells: 4 more like this were left out: kind 0\n");
    assert_int_equal(allowed(fixture, WARNINGS_WINDOW_MS, cells, "kind 1", 10), MAX);
}

static void a_long_format_is_cut_at_a_character(void **state) {
    struct fixture *fixture = *state;
    char format[400] = "";
    while (strlen(format) + 2 < sizeof format) strcat(format, "ä");
    allowed(fixture, 0, cells, format, MAX + 1);
    warnings_finish(&fixture->warnings);
    assert_true(utf8_valid(text_str(&fixture->told)));
    assert_true(fixture->told.len < 250);
}

static void without_a_bound_all_are_given(void **state) {
    struct fixture *fixture = *state;
    fixture->warnings.max = UINT32_MAX;
    assert_int_equal(allowed(fixture, 0, cells, "late %s", 1000), 1000);
    fixture->warnings.warn = NULL;
    assert_int_equal(allowed(fixture, 0, cells, "late %s", 1000), 0);
    warnings_finish(&fixture->warnings);
}

UNIT_TESTS(warnings_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(a_few_of_each_kind_are_given),
        CASE(the_next_one_after_a_while_tells_the_count),
        CASE(the_count_is_told_without_a_next_one),
        CASE(the_end_tells_all_counts),
        CASE(kinds_without_end_share_one_bound),
        CASE(a_place_is_used_again),
        CASE(a_long_format_is_cut_at_a_character),
        CASE(without_a_bound_all_are_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
