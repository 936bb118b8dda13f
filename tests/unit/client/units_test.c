/* units_test.c: ages, numbers and sizes for people. */
#include "unit.h"

#include "client/units.h"

#include <reel/time.h>

static void ages_are_as_exact_as_a_person_needs(void **state) {
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {0, "0s"},        {1, "1s"},          {119, "119s"},      {120, "2m"},
        {330, "5m30s"},   {599, "9m59s"},     {600, "10m"},       {10799, "179m"},
        {10800, "3h"},    {11100, "3h5m"},    {28800, "8h"},      {172799, "47h"},
        {172800, "2d"},   {187200, "2d4h"},   {691200, "8d"},     {63071999, "729d"},
        {63072000, "2y"}, {63158400, "2y1d"}, {252288000, "8y"},  {-1, "0s"},
        {-5, "in 5s"},    {-7200, "in 120m"}, {INT32_MAX, "68y"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char space[UNITS_MAX];
        int64_t now_ns = INT64_C(1700000000) * REEL_NS_PER_S;
        int64_t time_ns = now_ns - cases[i].seconds * REEL_NS_PER_S;
        assert_string_equal(units_age(time_ns, now_ns, space), cases[i].text);
    }
}

static void any_two_times_have_an_age(void **state) {
    (void)state;
    char space[UNITS_MAX];
    assert_string_equal(units_age(INT64_MIN, INT64_MAX, space), "584y");
    assert_string_equal(units_age(INT64_MAX, INT64_MIN, space), "in 584y");
}

static void numbers_have_groups_of_three(void **state) {
    (void)state;
    char space[UNITS_MAX];
    assert_string_equal(units_number(0, space), "0");
    assert_string_equal(units_number(999, space), "999");
    assert_string_equal(units_number(1000, space), "1,000");
    assert_string_equal(units_number(1234567, space), "1,234,567");
    assert_string_equal(units_number(UINT64_MAX, space), "18,446,744,073,709,551,615");
}

static void sizes_have_a_unit_and_two_or_three_digits(void **state) {
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},         {999, "999 B"},        {1000, "1.0 kB"},
        {9949, "9.9 kB"},   {9950, "10 kB"},       {999499, "999 kB"},
        {999500, "1.0 MB"}, {120000000, "120 MB"}, {UINT64_MAX, "18 EB"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char space[UNITS_MAX];
        assert_string_equal(units_bytes(cases[i].bytes, space), cases[i].text);
    }
}

UNIT_TESTS(units_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ages_are_as_exact_as_a_person_needs),
        cmocka_unit_test(any_two_times_have_an_age),
        cmocka_unit_test(numbers_have_groups_of_three),
        cmocka_unit_test(sizes_have_a_unit_and_two_or_three_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
