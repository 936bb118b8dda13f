/* progress_test.c: the line that says how far something is. */
#include "unit.h"

#include "client/progress.h"

static void assert_line(uint64_t done, uint64_t total, uint64_t begun_at, uint64_t elapsed_ms,
                        size_t room, const char *wanted) {
    struct text text = {0};
    progress_line(&text, "import", done, total, begun_at, elapsed_ms, done - begun_at, "events",
                  room);
    assert_bytes(text_str(&text), reel_text(wanted));
    text_finish(&text);
}

static void a_line_has_a_bar_a_rate_and_the_time_left(void **state) {
    (void)state;
    assert_line(5000, 10000, 0, 1000, 79,
                "import [###############...............] 50%  5,000 events  5,000/s  1s left");
    assert_line(0, 10000, 0, 0, 79, "import [..............................] 0%  0 events");
    assert_line(10000, 10000, 0, 2000, 79,
                "import [##############################] 100%  10,000 events  5,000/s  0s left");
}

static void what_was_done_before_is_not_in_the_rate(void **state) {
    (void)state;
    assert_line(6000, 10000, 5000, 1000, 79,
                "import [##################............] 60%  1,000 events  1,000/s  4s left");
}

static void without_a_total_there_is_no_bar(void **state) {
    (void)state;
    assert_line(1234, 0, 0, 2000, 79, "import 1,234 events  617/s");
}

static void a_narrow_terminal_has_no_bar_and_is_not_overrun(void **state) {
    (void)state;
    assert_line(5000, 10000, 0, 1000, 50, "import 50%  5,000 events  5,000/s  1s left");
    assert_line(5000, 10000, 0, 1000, 20, "import 50%  5,000 ev");
}

UNIT_TESTS(progress_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_a_bar_a_rate_and_the_time_left),
        cmocka_unit_test(what_was_done_before_is_not_in_the_rate),
        cmocka_unit_test(without_a_total_there_is_no_bar),
        cmocka_unit_test(a_narrow_terminal_has_no_bar_and_is_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
