/* gather_test.c: what a step takes, and where it stands after it, whatever cuts it short. */
#include "engine/engine.h"
#include "fake_host.h"

#include "engine/transaction.h"
#include "stdout/gather.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static struct gather gather_of(struct fake_host *fake, bool records) {
    return (struct gather){.host = &fake->host, .records = records};
}

static struct gather begun_since(struct fake_host *fake, bool records, uint64_t since) {
    struct gather gather = gather_of(fake, records);
    struct reel_error error;
    must_ok(gather_begin_since(&gather, since, &error), error);
    return gather;
}

static void step(struct gather *gather) {
    struct reel_error error;
    must_ok(gather_step(gather, &error), error);
}

/* ---- Assertions ------------------------------------------------------------------------------ */

/* The seqs of all lines, in order: each is exactly as one of its seq is expected to be. */
static void assert_event_lines(struct gather *gather, uint64_t first, uint64_t last) {
    struct text expected = {0};
    char line[256];
    for (uint64_t seq = first; seq <= last; seq++) {
        snprintf(line, sizeof line,
                 "{\"seq\":%" PRIu64 ",\"event\":{\"type\":\"t\",\"subject\":\"%" PRIu64 "\"}}\n",
                 seq, seq);
        text_append_lit(&expected, line);
    }
    assert_bytes(text_str(&gather->text), text_str(&expected));
    text_finish(&expected);
    text_finish(&gather->text);
}

static void apply_many(struct fake_host *fake, size_t count) {
    for (size_t i = 0; i < count; i++) fake_apply(fake, "t");
}

/* ---- Where it begins ------------------------------------------------------------------------- */

static void without_since_only_what_is_new_is_taken(void **state) {
    struct fake_host *fake = *state;
    struct gather gather = gather_of(fake, false);
    apply_many(fake, 3);
    gather_begin_new(&gather);
    step(&gather);
    assert_int_equal(gather.text.len, 0);
    apply_many(fake, 2);
    step(&gather);
    assert_int_equal(gather.at, 5);
    assert_event_lines(&gather, 4, 5);
}

static void since_is_the_last_that_is_not_taken(void **state) {
    struct fake_host *fake = *state;
    apply_many(fake, 5);
    struct gather gather = begun_since(fake, false, 3);
    step(&gather);
    assert_event_lines(&gather, 4, 5);
    gather = begun_since(fake, false, 0);
    step(&gather);
    assert_event_lines(&gather, 1, 5);
}

static void zero_is_the_oldest_that_is_kept(void **state) {
    struct fake_host *fake = *state;
    struct reel_error error;
    apply_many(fake, 5);
    must_ok(reel_trim(fake->reel, 3, &error), error);
    struct gather gather = begun_since(fake, false, 0);
    step(&gather);
    assert_event_lines(&gather, 3, 5);
    gather = begun_since(fake, false, 2);
    step(&gather);
    assert_event_lines(&gather, 3, 5);
}

static void below_the_floor_is_refused(void **state) {
    struct fake_host *fake = *state;
    struct reel_error error;
    apply_many(fake, 5);
    must_ok(reel_trim(fake->reel, 3, &error), error);
    struct gather events = gather_of(fake, false), records = gather_of(fake, true);
    assert_int_equal(gather_begin_since(&events, 1, &error), -ERANGE);
    assert_sentence(&error, "the log begins with event 3");
    assert_false(events.begun);
    must_ok(gather_begin_since(&records, 1, &error), error); /* no deletion is forgotten */
    fake->first_deletion = 3;
    records = gather_of(fake, true);
    assert_int_equal(gather_begin_since(&records, 1, &error), -ERANGE);
    assert_sentence(&error, "they are known from event 3 on");
    assert_false(records.begun);
    must_ok(gather_begin_since(&records, 2, &error), error);
}

static void beyond_the_cursor_nothing_is_taken_until_it_is_passed(void **state) {
    struct fake_host *fake = *state;
    struct gather gather = begun_since(fake, false, 2);
    apply_many(fake, 2);
    step(&gather);
    assert_int_equal(gather.at, 2);
    apply_many(fake, 1);
    step(&gather);
    assert_event_lines(&gather, 3, 3);
}

/* ---- What cuts a step short ------------------------------------------------------------------ */

static void a_step_ends_when_there_is_enough(void **state) {
    struct fake_host *fake = *state;
    enum { COUNT = 20 };
    char *event = malloc(GATHER_BYTES / 4 + 64);
    must(event);
    int len = sprintf(event, "{\"x\":\"%0*d\"}", (int)GATHER_BYTES / 4, 1);
    must(len > 0);
    for (int i = 0; i < COUNT; i++) apply_text(fake->reel, event, REEL_IGNORED);
    struct gather gather = begun_since(fake, false, 0);
    for (uint64_t at = 0; at < COUNT; at = gather.at) {
        gather.text.len = 0;
        step(&gather);
        assert_int_equal(gather.at, at + 4 < COUNT ? at + 4 : COUNT);
        assert_true(gather.text.len > 0 && gather.text.len < 2 * GATHER_BYTES);
    }
    text_finish(&gather.text);
    free(event);
}

static void when_time_is_up_the_next_view_goes_on(void **state) {
    struct fake_host *fake = *state;
    apply_many(fake, 7);
    fake->rows_per_view = 2;
    struct gather gather = begun_since(fake, false, 0);
    unsigned views = fake->views;
    for (int steps = 0; gather.at < 7; steps++) {
        must(steps < 10);
        step(&gather);
    }
    assert_true(fake->views - views > 2);
    assert_event_lines(&gather, 1, 7);
}

static void without_a_view_it_is_to_be_tried_again(void **state) {
    struct fake_host *fake = *state;
    struct reel_error error;
    struct gather gather = gather_of(fake, false);
    apply_many(fake, 1);
    fake->refuse_views = true;
    assert_int_equal(gather_begin_since(&gather, 0, &error), -EAGAIN);
    fake->refuse_views = false;
    gather = begun_since(fake, false, 0);
    fake->refuse_views = true;
    assert_int_equal(gather_step(&gather, &error), -EAGAIN);
    fake->refuse_views = false;
    step(&gather);
    assert_event_lines(&gather, 1, 1);
}

static void trimming_that_overtakes_it_is_told(void **state) {
    struct fake_host *fake = *state;
    struct reel_error error;
    apply_many(fake, 6);
    for (int records = 0; records < 2; records++) {
        struct gather gather = begun_since(fake, records, 2);
        must_ok(reel_trim(fake->reel, 3, &error), error);
        step(&gather); /* what is gone was taken before */
        assert_int_equal(gather.at, 6);
        text_finish(&gather.text);
    }
    struct gather events = begun_since(fake, false, 2), records = begun_since(fake, true, 2);
    must_ok(reel_trim(fake->reel, 4, &error), error);
    assert_int_equal(gather_step(&events, &error), -ERANGE);
    assert_sentence(&error, "the log was trimmed to event 4, and 2 was the last");
    fake->first_deletion = 4;
    assert_int_equal(gather_step(&records, &error), -ERANGE);
    assert_sentence(&error, "deletions were trimmed to event 4, and 2 was the last");
    fake->first_deletion = 3;
    step(&records); /* it is held against deletions alone */
    assert_int_equal(records.at, 6);
    text_finish(&records.text);
}

/* ---- Filters --------------------------------------------------------------------------------- */

static void only_what_matches_is_taken(void **state) {
    struct fake_host *fake = *state;
    fake_apply(fake, "a.x");
    fake_apply(fake, "b.x");
    fake_apply(fake, "a.y");
    struct gather gather = begun_since(fake, false, 0);
    gather.filter.type = STR("a.");
    gather.filter.ce_subject = STR("3");
    gather.filter.subject = STR("cellos.events.event.a%2Ey");
    step(&gather);
    assert_bytes(text_str(&gather.text),
                 STR("{\"seq\":3,\"event\":{\"type\":\"a.y\",\"subject\":\"3\"}}\n"));
    assert_int_equal(gather.shown, 3);
    gather.text.len = 0;
    fake_apply(fake, "b.z");
    step(&gather);
    assert_int_equal(gather.text.len, 0);
    assert_int_equal(gather.shown, 3);
    assert_int_equal(gather.at, 4);
    text_finish(&gather.text);
}

/* ---- Records --------------------------------------------------------------------------------- */

#define ROW(name, text, seq)                                                                       \
    { .key = {name, sizeof(name) - 1}, .json = text, .changed = seq }
#define LINE(name, record, seq)                                                                    \
    "{\"seq\":" seq ",\"collection\":\"cells\",\"key\":\"" name "\",\"record\":" record "}\n"

static const struct reel_row stored[] = {
    ROW("a", STR("{\"n\":1}"), 1), ROW("b", STR("{}"), 2), ROW("c", STR("{}"), 2), ROW("d", {0}, 2),
    ROW("e", STR("{\n}"), 4),
};
static const struct reel_changed_row rows[] = {
    {"cells", &stored[0]}, {"cells", &stored[1]}, {"cells", &stored[2]},
    {"cells", &stored[3]}, {"cells", &stored[4]},
};

static void show(struct fake_host *fake, size_t count) {
    fake->changed = rows;
    fake->changed_count = count;
}

static void records_come_by_seq_and_deleted_ones_as_null(void **state) {
    struct fake_host *fake = *state;
    show(fake, LENGTH(rows));
    apply_many(fake, 4);
    struct gather gather = begun_since(fake, true, 0);
    step(&gather);
    assert_bytes(text_str(&gather.text),
                 STR(LINE("a", "{\"n\":1}", "1") LINE("b", "{}", "2") LINE("c", "{}", "2")
                         LINE("d", "null", "2") LINE("e", "{ }", "4")));
    text_finish(&gather.text);
    gather = begun_since(fake, true, 2);
    step(&gather);
    assert_bytes(text_str(&gather.text), STR(LINE("e", "{ }", "4")));
    text_finish(&gather.text);
}

static void those_of_one_seq_are_not_separated(void **state) {
    struct fake_host *fake = *state;
    show(fake, LENGTH(rows));
    apply_many(fake, 4);
    for (unsigned rows_per_view = 2; rows_per_view <= 3; rows_per_view++) {
        fake->rows_per_view = rows_per_view;
        struct gather gather = begun_since(fake, true, 0);
        step(&gather);
        assert_int_equal(gather.at, 1);
        assert_bytes(text_str(&gather.text), STR(LINE("a", "{\"n\":1}", "1")));
        text_finish(&gather.text);
    }
}

static void from_the_beginning_trimming_takes_no_record(void **state) {
    struct fake_host *fake = *state;
    struct reel_error error;
    show(fake, LENGTH(rows));
    apply_many(fake, 4);
    must_ok(reel_trim(fake->reel, 4, &error), error);
    struct gather gather = begun_since(fake, true, 0);
    fake->rows_per_view = 4;
    step(&gather);
    assert_int_equal(gather.at, 1);
    must_ok(reel_trim(fake->reel, 5, &error), error);
    step(&gather);
    assert_int_equal(gather.at, 4);
    text_finish(&gather.text);
}

static void records_wait_until_all_are_caught_up(void **state) {
    struct fake_host *fake = *state;
    struct reel_error error;
    show(fake, LENGTH(rows));
    apply_many(fake, 4);
    fake->has_collection = true;
    fake->unserved = true;
    struct gather gather = begun_since(fake, true, 2);
    assert_int_equal(gather_step(&gather, &error), -EAGAIN);
    assert_int_equal(gather.at, 2);
    fake->unserved = false;
    step(&gather);
    assert_bytes(text_str(&gather.text), STR(LINE("e", "{ }", "4")));
    text_finish(&gather.text);
}

/* ---- Another log ----------------------------------------------------------------------------- */

static void adopt(struct fake_host *fake, uint64_t first_seq) {
    static const uint8_t epoch[16] = "another epoch";
    struct store_origin origin = {.created_ns = 1};
    struct reel_error error;
    must_ok(engine_adopt(fake->reel, epoch, first_seq, &origin, &error), error);
}

static void a_replaced_log_is_reported(void **state) {
    struct fake_host *fake = *state;
    struct reel_error error;
    apply_many(fake, 3);
    struct gather gather = begun_since(fake, false, 0);
    step(&gather);
    assert_event_lines(&gather, 1, 3);
    adopt(fake, 500);
    assert_int_equal(gather_step(&gather, &error), -ESTALE);
    assert_sentence(&error, "was replaced");
}

static void a_log_that_had_nothing_may_begin_anywhere(void **state) {
    struct fake_host *fake = *state;
    struct gather gather = gather_of(fake, false);
    gather_begin_new(&gather);
    step(&gather);
    adopt(fake, 500);
    apply_many(fake, 2);
    step(&gather);
    assert_event_lines(&gather, 500, 501);
}

UNIT_TESTS(gather_test) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_stage_begin, fake_stage_end)
    const struct CMUnitTest tests[] = {
        TEST(without_since_only_what_is_new_is_taken),
        TEST(since_is_the_last_that_is_not_taken),
        TEST(zero_is_the_oldest_that_is_kept),
        TEST(below_the_floor_is_refused),
        TEST(beyond_the_cursor_nothing_is_taken_until_it_is_passed),
        TEST(a_step_ends_when_there_is_enough),
        TEST(when_time_is_up_the_next_view_goes_on),
        TEST(without_a_view_it_is_to_be_tried_again),
        TEST(trimming_that_overtakes_it_is_told),
        TEST(only_what_matches_is_taken),
        TEST(records_come_by_seq_and_deleted_ones_as_null),
        TEST(those_of_one_seq_are_not_separated),
        TEST(from_the_beginning_trimming_takes_no_record),
        TEST(records_wait_until_all_are_caught_up),
        TEST(a_replaced_log_is_reported),
        TEST(a_log_that_had_nothing_may_begin_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
