/* rejections_test.c: lines about rejected events are few, and what was left out is told. */
#include "unit.h"

#include "daemon/rejections.h"

static char said[16][256];
static size_t said_count;

static void say(const char *line) {
    must(said_count < LENGTH(said));
    snprintf(said[said_count++], sizeof said[0], "%s", line);
}

static int begin(void **state) {
    (void)state;
    said_count = 0;
    return 0;
}

static const struct reel_rejection first = {7, STR("cells"), STR("no spec")};
static const struct reel_rejection second = {8, STR(""), STR("not JSON")};
static const struct reel_rejection third = {9, STR("cells"), STR("why")};
static const struct reel_rejection *const one[] = {&first, NULL};
static const struct reel_rejection *const two[] = {&first, &second, NULL};
static const struct reel_rejection *const three[] = {&first, &second, &third, NULL};

static void a_rejection_is_said_with_its_reason(void **state) {
    (void)state;
    struct rejections rejections = {.say = say};
    rejections_say(&rejections, 1000, two, 2);
    rejections_end(&rejections);
    assert_int_equal(said_count, 2);
    assert_string_equal(said[0], "event 7 was rejected by `cells`: no spec");
    assert_string_equal(said[1], "event 8 was rejected: not JSON");
}

static void in_a_period_only_so_many_are_said(void **state) {
    (void)state;
    struct rejections rejections = {.say = say};
    for (uint64_t now = 0; now < REJECTIONS_PERIOD_MS; now += 1000)
        rejections_say(&rejections, now, three, 103);
    assert_int_equal(said_count, REJECTIONS_LINES);
    rejections_say(&rejections, REJECTIONS_PERIOD_MS, one, 1);
    assert_int_equal(said_count, REJECTIONS_LINES + 2);
    assert_string_equal(said[REJECTIONS_LINES],
                        "1025 more rejections were not logged: see /v1/rejected");
    rejections_end(&rejections);
    assert_int_equal(said_count, REJECTIONS_LINES + 2);
}

static void the_number_of_omitted_lines_is_reported_at_the_end(void **state) {
    (void)state;
    struct rejections rejections = {.say = say};
    rejections_say(&rejections, 5, three, 10);
    rejections_end(&rejections);
    assert_string_equal(said[said_count - 1],
                        "7 more rejections were not logged: see /v1/rejected");
}

UNIT_TESTS(rejections_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_rejection_is_said_with_its_reason, begin),
        cmocka_unit_test_setup(in_a_period_only_so_many_are_said, begin),
        cmocka_unit_test_setup(the_number_of_omitted_lines_is_reported_at_the_end, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
