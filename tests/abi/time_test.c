/* time_test.c: reel/time.h: times as text and as numbers, against the C library's calendar. */
#include "support.h"

#include <reel/time.h>

#include <inttypes.h>
#include <time.h>

#define NS REEL_NS_PER_S

static void assert_read(const char *text, int64_t expected) {
    int64_t found = 42;
    if (!reel_time_read(reel_text(text), &found)) fail_msg("%s was refused", text);
    if (found != expected) fail_msg("%s: %" PRId64 ", expected %" PRId64, text, found, expected);
}

static void assert_written(int64_t ns, const char *expected) {
    char space[REEL_TIME_LEN + 1];
    struct reel_str text = reel_time_write(ns, space);
    assert_string_equal(space, expected);
    assert_int_equal(text.len, strlen(expected));
    assert_read(expected, ns);
}

static void times_are_read_in_any_zone_and_precision(void **state) {
    (void)state;
    assert_read("1970-01-01T00:00:00Z", 0);
    assert_read("1970-01-01t00:00:01z", NS);
    assert_read("1970-01-01T02:00:00+02:00", 0);
    assert_read("1969-12-31T18:30:00-05:30", 0);
    assert_read("1970-01-01T00:00:00-00:00", 0);
    assert_read("1970-01-01T00:00:00.5Z", NS / 2);
    assert_read("1970-01-01T00:00:00.000000001Z", 1);
    assert_read("1970-01-01T00:00:00.0000000019999999999999999999Z", 1);
    assert_read("1969-12-31T23:59:59.9Z", -NS / 10);
    assert_read("2000-02-29T12:00:00Z", 951825600 * NS);
    assert_read("2016-12-31T23:59:60Z", 1483228800 * NS);
    assert_read("2017-01-01T05:29:60+05:30", 1483228800 * NS);
    assert_read("1677-09-21T00:12:43.145224192Z", INT64_MIN);
    assert_read("2262-04-11T23:47:16.854775807Z", INT64_MAX);
}

static void other_texts_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "now",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01 00:00:00Z",
        "1970-1-1T00:00:00Z",
        "1970-01-01T00:00Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00,5Z",
        "1970-01-01T00:00:00Z ",
        " 1970-01-01T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-13-01T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "1970-01-32T00:00:00Z",
        "1970-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "1970-04-31T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:61Z",
        "1970-01-01T00:00:60Z",
        "1970-01-01T23:59:60+01:00",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+00:60",
        "1970-01-01T00:00:00+0000",
        "1970-01-01T00:00:00+00",
        "1970-01-01T00:00:00+00:00Z",
        "+1970-01-01T00:00:00Z",
        "1677-09-21T00:12:43.145224191Z",
        "2262-04-11T23:47:16.854775808Z",
        "2262-04-11T23:47:17Z",
        "1677-09-21T00:12:42Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "1970-01-01T00:00:0\xc3\xa4Z",
    };
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++) {
        int64_t found = 42;
        if (reel_time_read(reel_text(texts[at]), &found)) fail_msg("%s was read", texts[at]);
        assert_int_equal(found, 42);
    }
    int64_t found = 42;
    assert_false(reel_time_read((struct reel_str){NULL, 0}, &found));
    assert_false(reel_time_read((struct reel_str){"1970-01-01T00:00:00Z\0", 21}, &found));
}

static void times_are_written_with_the_digits_that_they_need(void **state) {
    (void)state;
    assert_written(0, "1970-01-01T00:00:00Z");
    assert_written(NS / 2, "1970-01-01T00:00:00.5Z");
    assert_written(1, "1970-01-01T00:00:00.000000001Z");
    assert_written(-1, "1969-12-31T23:59:59.999999999Z");
    assert_written(951868799 * NS + NS / 100, "2000-02-29T23:59:59.01Z");
    assert_written(INT64_MIN, "1677-09-21T00:12:43.145224192Z");
    assert_written(INT64_MAX, "2262-04-11T23:47:16.854775807Z");
}

/* Every day that there is, against gmtime. */
static void each_day_is_that_of_the_c_library(void **state) {
    (void)state;
    for (int64_t day = -106751; day <= 106751; day++) {
        time_t s = day * 86400 + 43200 - day % 40000;
        struct tm parts;
        char expected[32];
        assert_non_null(gmtime_r(&s, &parts));
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &parts);
        assert_written((int64_t)s * NS, expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_in_any_zone_and_precision),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(times_are_written_with_the_digits_that_they_need),
        cmocka_unit_test(each_day_is_that_of_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
