/* view_test.c: rules 2 and 7. A view shows one state, for a bounded time, at a bounded price.
 *
 * What a held view costs is seen in the size of the data file: pages that it may still read are
 * not used again. Writers trim the log behind them here, so that a file which still grows does so
 * for a view's sake and for nothing else. */
#include "support.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 256, KEEP = 1000, CELLS = 64, A_MINUTE = 60 };

/* ---- Fixture --------------------------------------------------------------------------------- */

static struct reel *opened(const char *directory, uint32_t view_ms_max, uint32_t views_max) {
    struct reel_options options = {.view_ms_max = view_ms_max, .views_max = views_max};
    return reel_opened(directory, &options, FORMATION_SO, CELL_SO, NULL);
}

static void trim_behind(struct reel *reel, uint64_t seq) {
    struct reel_error error;
    if (seq > KEEP) must_ok(reel_trim(reel, seq - KEEP, &error), error);
}

/* Sample events in batches, each of a commit of its own, with the log trimmed behind them. */
static void apply_and_trim(struct reel *reel, uint64_t first, size_t count) {
    for (size_t done = 0; done < count;) {
        size_t part = count - done < 32 * BATCH ? count - done : 32 * BATCH;
        apply_samples(reel, first + done, part, BATCH);
        done += part;
        trim_behind(reel, first + done);
    }
}

/* The next of endless changes to a few cells: nothing that a store must grow for. */
static uint64_t change_a_cell(struct reel *reel, uint64_t n) {
    char event[256];
    snprintf(event, sizeof event,
             "{\"type\":\"dev.cellos.events.cell.command.v1.completed\",\"data\":{"
             "\"cellId\":\"cell-%08" PRIx64 "\",\"specId\":\"s\",\"exitCode\":%" PRIu64 "}}",
             n % CELLS, n);
    return apply_text(reel, event, REEL_APPLIED);
}

static void change_and_trim(struct reel *reel, size_t count) {
    for (size_t n = 0; n < count; n++) {
        uint64_t seq = change_a_cell(reel, n);
        if (n % BATCH == BATCH - 1) trim_behind(reel, seq);
    }
}

static bool is_late(time_t since) {
    return time(NULL) - since > A_MINUTE;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

/* True while the view answers, and what it shows is `expected`. When its time is up within a walk,
 * what came until then is the beginning of that. */
static bool shows(struct reel_view *view, const struct text *expected) {
    struct text text = {0};
    int rc = view_dump(view, "cells", &text);
    must(rc == 0 || rc == -ETIME);
    must(rc == 0 ? text.len == expected->len : text.len < expected->len);
    must(memcmp(text.data, expected->data, text.len) == 0);
    free(text.data);
    return rc == 0;
}

static int no_row(void *context, const struct reel_row *row) {
    (void)context, (void)row;
    return 0;
}

static int no_entry(void *context, const struct reel_entry *entry) {
    (void)context, (void)entry;
    return 0;
}

static int no_rejection(void *context, const struct reel_rejection *rejection) {
    (void)context, (void)rejection;
    return 0;
}

static void assert_time_is_up(struct reel_view *view) {
    struct reel_position position;
    struct reel_collection_info info;
    struct reel_str start = {NULL, 0};
    assert_int_equal(reel_view_position(view, &position), -ETIME);
    assert_int_equal(reel_view_collection(view, "cells", &info), -ETIME);
    assert_int_equal(reel_view_get(view, "cells", reel_text("x"), no_row, NULL), -ETIME);
    assert_int_equal(reel_view_list(view, "cells", start, false, no_row, NULL), -ETIME);
    assert_int_equal(reel_view_log(view, 0, no_entry, NULL), -ETIME);
    assert_int_equal(reel_view_rejected(view, UINT64_MAX, no_rejection, NULL), -ETIME);
}

/* ---- Cases: one view ------------------------------------------------------------------------- */

static void a_held_view_keeps_its_state_and_its_pages_are_used_again(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = opened(directory, 600000, 0);
    size_t count = scaled(1000000);
    struct text before = {0};
    apply_and_trim(reel, 1, 5000);

    struct reel_view *view = view_opened(reel);
    struct reel_position then, now;
    assert_int_equal(view_dump(view, "cells", &before), 0);
    assert_int_equal(reel_view_position(view, &then), 0);
    apply_and_trim(reel, 5001, count);
    assert_true(shows(view, &before));
    assert_int_equal(reel_view_position(view, &now), 0);
    assert_string_equal(then.epoch.text, now.epoch.text);
    assert_int_equal(then.cursor, now.cursor);
    assert_int_equal(then.first_seq, now.first_seq);
    assert_int_equal(then.head, now.head);
    assert_int_equal(then.applied, now.applied);
    assert_int_equal(then.ignored, now.ignored);
    reel_view_close(view);

    uint64_t held = state_bytes(directory);
    change_and_trim(reel, count / 4);
    uint64_t after = state_bytes(directory);
    if (after > held + held / 4)
        support_failed(__FILE__, __LINE__, "the file grew from %" PRIu64 " to %" PRIu64, held,
                       after);
    free(before.data);
    reel_close(reel);
}

/* Nobody closes this view: its reader is gone, and all that ends it is the clock. */
static void a_view_that_is_never_closed_costs_a_bounded_file(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = opened(directory, 300, 0);
    struct text before = {0};
    uint64_t seq = 0;
    size_t count = scaled(20000);
    while (seq < CELLS) seq = change_a_cell(reel, seq);

    time_t begun = time(NULL);
    struct reel_view *forgotten = view_opened(reel); /* no call on it will find that out */
    struct reel_view *view = view_opened(reel);
    assert_int_equal(view_dump(view, "cells", &before), 0);
    while (shows(view, &before)) {
        seq = change_a_cell(reel, seq);
        assert_false(is_late(begun));
    }
    assert_time_is_up(view);

    trim_behind(reel, seq);
    uint64_t held = state_bytes(directory);
    for (size_t at = 0; at < count; at++) {
        seq = change_a_cell(reel, seq);
        if (at % BATCH == 0) trim_behind(reel, seq);
    }
    uint64_t after = state_bytes(directory);
    if (after > held + held / 4 + (UINT64_C(1) << 20))
        support_failed(__FILE__, __LINE__, "the file grew from %" PRIu64 " to %" PRIu64, held,
                       after);
    assert_time_is_up(view);
    assert_time_is_up(forgotten);
    reel_view_close(forgotten);
    reel_view_close(view);
    free(before.data);
    reel_close(reel);
}

/* ---- Walks ----------------------------------------------------------------------------------- */

enum { THINGS = 1000, SHORT_MS = 100 };

/* Stays in the first thing that it is given until the view's time must be up. */
static int stay(void *context) {
    size_t *given = context;
    struct timespec begun, now;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while (*given == 0 &&
           (now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1000000 <
               SHORT_MS + 2); /* both clocks are cut to whole milliseconds */
    ++*given;
    return 0;
}

static int stay_in_row(void *context, const struct reel_row *row) {
    (void)row;
    return stay(context);
}

static int stay_in_entry(void *context, const struct reel_entry *entry) {
    (void)entry;
    return stay(context);
}

static int stay_in_rejection(void *context, const struct reel_rejection *rejection) {
    (void)rejection;
    return stay(context);
}

static int walk(struct reel_view *view, int which, size_t *given) {
    const struct reel_str start = {NULL, 0};
    if (which == 0) return reel_view_list(view, "cells", start, false, stay_in_row, given);
    if (which == 1) return reel_view_log(view, 0, stay_in_entry, given);
    return reel_view_rejected(view, UINT64_MAX, stay_in_rejection, given);
}

/* The writer leaves it alone while it runs, so it must end by itself. */
static void a_walk_ends_when_its_time_is_up(void **state) {
    (void)state;
    struct reel *reel = opened(NULL, SHORT_MS, 0);
    size_t given[3] = {0};
    for (size_t n = 0; n < THINGS; n++) {
        char event[160];
        snprintf(event, sizeof event,
                 "{\"type\":\"dev.cellos.events.cell.lifecycle.v1.started\",\"data\":{"
                 "\"cellId\":\"c%zu\",\"specId\":\"s\"}}",
                 n);
        apply_text(reel, event, REEL_APPLIED);
        apply_text(reel, "no JSON", REEL_REJECTED);
    }
    for (int which = 0; which < 3;) {
        struct reel_view *view = view_opened(reel);
        int rc = walk(view, which, &given[which]);
        reel_view_close(view);
        assert_int_equal(rc, -ETIME);
        if (given[which] > 0) which++; /* else we were held up before the walk: once more */
    }
    for (size_t at = 0; at < 3; at++) assert_in_range(given[at], 1, THINGS - 1);
    reel_close(reel);
}

struct meeting {
    struct reel *reel;
    uint64_t seq;
    size_t rows;
};

static void *write_one(void *context) {
    struct meeting *meeting = context;
    change_a_cell(meeting->reel, meeting->seq);
    return NULL;
}

/* Within a walk's callback a writer begins and ends. */
static int meet_a_writer(void *context, const struct reel_row *row) {
    (void)row;
    struct meeting *meeting = context;
    pthread_t writer;
    if (meeting->rows++ > 0) return 0;
    must(pthread_create(&writer, NULL, write_one, meeting) == 0);
    must(reel_wait(meeting->reel, meeting->seq, 1000 * A_MINUTE) == 0);
    must(pthread_join(writer, NULL) == 0);
    return 0;
}

static void the_writer_does_not_wait_for_a_walk(void **state) {
    (void)state;
    struct meeting meeting = {.reel = opened(NULL, 600000, 0)};
    const struct reel_str start = {NULL, 0};
    while (meeting.seq < CELLS) meeting.seq = change_a_cell(meeting.reel, meeting.seq);
    meeting.seq++;
    struct reel_view *view = view_opened(meeting.reel);
    assert_int_equal(reel_view_list(view, "cells", start, false, meet_a_writer, &meeting), 0);
    assert_int_equal(meeting.rows, CELLS);
    reel_view_close(view);
    reel_close(meeting.reel);
}

static void views_are_bounded_and_a_closed_one_makes_room(void **state) {
    (void)state;
    enum { VIEWS = 8 };
    struct reel *reel = opened(NULL, 600000, VIEWS);
    struct reel_view *views[VIEWS];
    struct reel_view *one_more = NULL;
    struct reel_error error;
    for (size_t at = 0; at < VIEWS; at++) views[at] = view_opened(reel);
    assert_int_equal(reel_view_open(reel, &one_more, &error), -EAGAIN);
    assert_sentence(&error, "view");
    assert_null(one_more);
    apply_samples(reel, 1, 100, 10); /* the writer does not wait for them */
    reel_view_close(views[3]);
    views[3] = view_opened(reel);
    struct reel_position position;
    assert_int_equal(reel_view_position(views[3], &position), 0);
    assert_int_equal(position.cursor, 100);
    assert_int_equal(reel_view_position(views[4], &position), 0);
    assert_int_equal(position.cursor, 0);
    for (size_t at = 0; at < VIEWS; at++) reel_view_close(views[at]);
    reel_close(reel);
}

/* ---- Cases: one point in time ---------------------------------------------------------------- */

static int count_on(void *context, const struct reel_entry *entry) {
    uint64_t *last = context;
    must(entry->seq == *last + 1);
    *last = entry->seq;
    return 0;
}

/* What a snapshot shows and what follows it is everything, once. */
static struct reel_view *opened_when_there_is_room(struct reel *reel) {
    struct reel_view *view = NULL;
    for (time_t began = time(NULL); reel_view_open(reel, &view, NULL) < 0; usleep(1000))
        must(!is_late(began));
    return view;
}

/* No third is opened, as long as the older of the two still has time. */
static void assert_full_while_they_live(struct reel *reel, struct reel_view *older) {
    struct reel_view *third = NULL;
    struct reel_position position;
    int rc = reel_view_open(reel, &third, NULL);
    if (reel_view_position(older, &position) == 0) assert_int_equal(rc, -EAGAIN);
    reel_view_close(third);
}

/* A slow client's answer holds a view for as long as the connection lives. */
static void a_view_whose_time_is_up_keeps_nobody_out(void **state) {
    (void)state;
    struct reel *reel = opened(NULL, 1000, 2);
    struct reel_view *late[] = {view_opened(reel), view_opened(reel)};
    struct reel_view *views[] = {opened_when_there_is_room(reel), opened_when_there_is_room(reel)};
    assert_time_is_up(late[0]);
    assert_time_is_up(late[1]);
    reel_view_close(late[0]);
    reel_view_close(late[1]);
    assert_full_while_they_live(reel, views[0]);
    reel_view_close(views[0]);
    reel_view_close(views[1]);
    reel_close(reel);
}

static void a_views_cursor_is_where_its_records_and_its_log_end(void **state) {
    (void)state;
    struct reel *reel = opened(NULL, 600000, 0);
    apply_samples(reel, 1, 700, 7);
    struct reel_view *view = view_opened(reel);
    apply_samples(reel, 701, 700, 7);
    uint64_t last = 0;
    struct reel_position position;
    assert_int_equal(reel_view_position(view, &position), 0);
    assert_int_equal(position.cursor, 700);
    assert_int_equal(reel_view_log(view, 1, count_on, &last), 0);
    assert_int_equal(last, 700);
    reel_view_close(view);
    view = view_opened(reel);
    assert_int_equal(reel_view_log(view, position.cursor + 1, count_on, &last), 0);
    assert_int_equal(last, 1400);
    reel_view_close(view);
    reel_close(reel);
}

static int count_row(void *context, const struct reel_row *row) {
    size_t *rows = context;
    (void)row;
    ++*rows;
    return 0;
}

static void assert_stands_at(struct reel_view *view, const char *collection, uint64_t cursor) {
    const struct reel_str start = {NULL, 0};
    struct reel_collection_info info;
    size_t rows = 0;
    assert_int_equal(reel_view_collection(view, collection, &info), 0);
    assert_int_equal(info.cursor, cursor);
    assert_int_equal(reel_view_list(view, collection, start, false, count_row, &rows), 0);
    assert_int_equal(info.records, rows);
}

/* One that was closed is kept, with what it has read: until the next commit, and no longer. */
static void a_view_that_is_opened_again_shows_what_came_in_between(void **state) {
    (void)state;
    enum { EVENTS = 2000 };
    struct reel *reel = opened(NULL, 600000, 0);
    uint64_t log_bytes[4] = {0};
    for (size_t round = 1; round < 4; round++) {
        apply_samples(reel, (round - 1) * EVENTS + 1, EVENTS, EVENTS);
        for (size_t again = 0; again < 2; again++) {
            struct reel_view *view = view_opened(reel);
            struct reel_position position;
            assert_int_equal(reel_view_position(view, &position), 0);
            assert_int_equal(position.cursor, round * EVENTS);
            assert_true(position.log_bytes > log_bytes[round - 1]);
            assert_stands_at(view, "cells", round * EVENTS);
            assert_stands_at(view, "formations", round * EVENTS);
            log_bytes[round] = position.log_bytes;
            reel_view_close(view);
        }
    }
    reel_close(reel);
}

static void commits_are_numbered_and_views_are_not(void **state) {
    (void)state;
    struct reel *reel = opened(NULL, 600000, 0);
    uint64_t before = reel_newest_commit(reel);
    apply_samples(reel, 1, 10, 10);
    assert_int_equal(reel_newest_commit(reel), before + 1);
    reel_view_close(view_opened(reel));
    assert_int_equal(reel_newest_commit(reel), before + 1);
    apply_samples(reel, 11, 10, 1);
    assert_int_equal(reel_newest_commit(reel), before + 11);
    reel_close(reel);
}

/* ---- Cases: readers beside the writer -------------------------------------------------------- */

struct watch {
    struct reel *reel;
    atomic_bool stop;
    atomic_int expired; /* views that were watched until their time was up */
};

static void watch_one_view(struct watch *watch) {
    struct text before = {0};
    struct reel_view *view = view_opened(watch->reel);
    if (view_dump(view, "cells", &before) == 0) {
        while (!atomic_load(&watch->stop) && shows(view, &before)) {
        }
        if (!atomic_load(&watch->stop)) atomic_fetch_add(&watch->expired, 1);
    }
    free(before.data);
    reel_view_close(view);
}

static void *watch_views(void *context) {
    struct watch *watch = context;
    while (!atomic_load(&watch->stop)) watch_one_view(watch);
    return NULL;
}

static void an_expired_view_shows_its_own_state_or_nothing(void **state) {
    (void)state;
    struct watch watch = {.reel = opened(scratch_directory(), 30, 0)};
    pthread_t readers[2];
    uint64_t seq = 0;
    time_t begun = time(NULL);
    while (seq < CELLS) seq = change_a_cell(watch.reel, seq);
    for (size_t at = 0; at < 2; at++)
        assert_int_equal(pthread_create(&readers[at], NULL, watch_views, &watch), 0);
    while (atomic_load(&watch.expired) < 20) {
        seq = change_a_cell(watch.reel, seq);
        assert_false(is_late(begun));
    }
    atomic_store(&watch.stop, true);
    for (size_t at = 0; at < 2; at++) assert_int_equal(pthread_join(readers[at], NULL), 0);
    reel_close(watch.reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_held_view_keeps_its_state_and_its_pages_are_used_again),
        cmocka_unit_test(a_view_that_is_never_closed_costs_a_bounded_file),
        cmocka_unit_test(a_walk_ends_when_its_time_is_up),
        cmocka_unit_test(the_writer_does_not_wait_for_a_walk),
        cmocka_unit_test(views_are_bounded_and_a_closed_one_makes_room),
        cmocka_unit_test(a_view_whose_time_is_up_keeps_nobody_out),
        cmocka_unit_test(a_views_cursor_is_where_its_records_and_its_log_end),
        cmocka_unit_test(a_view_that_is_opened_again_shows_what_came_in_between),
        cmocka_unit_test(commits_are_numbered_and_views_are_not),
        cmocka_unit_test(an_expired_view_shows_its_own_state_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
