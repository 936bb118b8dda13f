/* line_limit_test.c: in each period only so many lines. Time is what the test says. */
#include "unit.h"

#include "base/line_limit.h"

enum { MAX = 3, PERIOD_MS = 1000 };

/* How many of `count` lines are allowed; the others are counted. */
static uint64_t allowed(struct line_limit *limit, uint64_t now_ms, uint64_t count) {
    uint64_t yes = 0;
    for (; count > 0; count--) {
        if (line_limit_allow(limit, MAX, PERIOD_MS, now_ms))
            yes++;
        else
            limit->left_out++;
    }
    return yes;
}

static void a_period_has_a_bound_and_the_next_one_begins_anew(void **state) {
    (void)state;
    struct line_limit limit = {0};
    assert_int_equal(allowed(&limit, 5000, 2), 2);
    assert_int_equal(allowed(&limit, 5500, 10), 1);
    assert_int_equal(allowed(&limit, 5999, 10), 0);
    assert_false(line_limit_is_over(&limit, PERIOD_MS, 5999));
    assert_true(line_limit_is_over(&limit, PERIOD_MS, 6000));
    assert_int_equal(allowed(&limit, 6000, 10), MAX);
}

/* Also with the first line long after the last one. */
static void a_period_begins_with_its_first_line(void **state) {
    (void)state;
    struct line_limit limit = {0};
    assert_int_equal(allowed(&limit, 500, 1), 1);
    assert_false(line_limit_is_over(&limit, PERIOD_MS, 1499));
    assert_int_equal(allowed(&limit, 9900, 10), MAX);
    assert_int_equal(allowed(&limit, 10899, 10), 0);
    assert_int_equal(allowed(&limit, 10900, 10), MAX);
}

static void what_was_left_out_is_told_once(void **state) {
    (void)state;
    struct line_limit limit = {0};
    assert_int_equal(line_limit_settle(&limit), 0);
    allowed(&limit, 5000, 10);
    assert_int_equal(line_limit_settle(&limit), 10 - MAX);
    assert_int_equal(line_limit_settle(&limit), 0);
    assert_int_equal(allowed(&limit, 5001, 10), 0);
    assert_int_equal(allowed(&limit, 7000, 10), MAX);
    assert_int_equal(line_limit_settle(&limit), 10 + 10 - MAX);
}

UNIT_TESTS(line_limit_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_period_has_a_bound_and_the_next_one_begins_anew),
        cmocka_unit_test(a_period_begins_with_its_first_line),
        cmocka_unit_test(what_was_left_out_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
