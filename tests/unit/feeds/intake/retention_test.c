/* retention_test.c: the log is trimmed as far as its bounds ask, in small steps. */
#include "unit.h"

#include "feeds/intake/retention.h"

#include <stdlib.h>
#include <time.h>

enum { EVENTS = 5000, STEP = 1024 };

static struct reel *opened(size_t events) {
    struct reel *reel = reel_opened(NULL, NULL, CELL_SO, FORMATION_SO, NULL);
    apply_samples(reel, 1, events, 500);
    return reel;
}

static uint64_t step(struct reel *reel, const struct retention *retention) {
    uint64_t trimmed = 0;
    struct reel_error error;
    must_ok(retention_step(reel, retention, &trimmed, &error), error);
    assert_true(trimmed <= STEP);
    return trimmed;
}

/* Until nothing is left to do; how much it was. */
static uint64_t all_steps(struct reel *reel, const struct retention *retention) {
    uint64_t all = 0, trimmed;
    while ((trimmed = step(reel, retention)) > 0) all += trimmed;
    return all;
}

static void without_bounds_all_is_kept(void **state) {
    (void)state;
    struct reel *reel = opened(10);
    assert_int_equal(step(reel, &(struct retention){0}), 0);
    assert_int_equal(position_of(reel).first_seq, 1);
    reel_close(reel);
}

static void the_newest_events_are_kept(void **state) {
    (void)state;
    struct reel *reel = opened(EVENTS);
    struct retention retention = {.events = 100};
    size_t len, after_len;
    char *before = state_dump(reel, &len);
    assert_int_equal(step(reel, &retention), STEP);
    assert_int_equal(all_steps(reel, &retention), EVENTS - 100 - STEP);
    assert_int_equal(position_of(reel).first_seq, EVENTS - 100 + 1);
    char *after = state_dump(reel, &after_len); /* records stay */
    assert_bytes((struct reel_str){after, after_len}, (struct reel_str){before, len});
    free(before);
    free(after);
    reel_close(reel);
}

static void fewer_than_the_bound_are_all_kept(void **state) {
    (void)state;
    struct reel *reel = opened(100);
    assert_int_equal(step(reel, &(struct retention){.events = 100}), 0);
    assert_int_equal(step(reel, &(struct retention){.bytes = 1 << 20}), 0);
    assert_int_equal(step(reel, &(struct retention){.age_s = 3600}), 0);
    reel_close(reel);
}

static void bytes_are_bounded(void **state) {
    (void)state;
    struct reel *reel = opened(EVENTS);
    struct retention retention = {.bytes = 256 << 10};
    assert_true(position_of(reel).log_bytes > 4 * retention.bytes);
    assert_true(all_steps(reel, &retention) > 0);
    struct reel_position position = position_of(reel);
    assert_true(position.log_bytes <= retention.bytes);
    assert_true(position.log_bytes > retention.bytes / 2); /* no more than was asked */
    assert_int_equal(position.head, EVENTS);
    reel_close(reel);
}

static void events_that_are_too_old_are_removed(void **state) {
    (void)state;
    struct reel *reel = opened(EVENTS);
    struct retention retention = {.age_s = 1};
    struct timespec began, now;
    clock_gettime(CLOCK_MONOTONIC, &began);
    while (position_of(reel).first_seq <= EVENTS) { /* they get old by themselves */
        step(reel, &retention);
        clock_gettime(CLOCK_MONOTONIC, &now);
        must(now.tv_sec - began.tv_sec < 60);
    }
    assert_int_equal(position_of(reel).first_seq, EVENTS + 1);
    apply_samples(reel, EVENTS + 1, 1, 1);
    assert_int_equal(position_of(reel).head, EVENTS + 1);
    reel_close(reel);
}

static void the_strictest_bound_counts(void **state) {
    (void)state;
    struct reel *reel = opened(EVENTS);
    struct retention retention = {.events = 50, .bytes = 1 << 30, .age_s = 3600};
    assert_int_equal(all_steps(reel, &retention), EVENTS - 50);
    reel_close(reel);
}

UNIT_TESTS(retention_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_bounds_all_is_kept),
        cmocka_unit_test(the_newest_events_are_kept),
        cmocka_unit_test(fewer_than_the_bound_are_all_kept),
        cmocka_unit_test(bytes_are_bounded),
        cmocka_unit_test(events_that_are_too_old_are_removed),
        cmocka_unit_test(the_strictest_bound_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
