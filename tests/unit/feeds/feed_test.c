/* feed_test.c: what is common to all brokers, with one in memory (fake_broker.h): a stream comes
 * into the log whole and once, whatever happens to sessions and to the writer. */
#include "engine/transaction.h"
#include "fake_broker.h"

#include "base/cleanup.h"
#include "engine/log/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Assertions ------------------------------------------------------------------------------ */

static void add_many(struct rig *rig, unsigned first, unsigned count) {
    for (unsigned n = first; n < first + count; n++) fake_add(rig, n, false);
}

static bool is_level_at(struct rig *rig, uint64_t seq) {
    return metrics_of(rig).in_sync && reel_cursor(rig->reel) == seq;
}

/* The log has just the stream's messages, under their numbers, and each was folded once. */
static void assert_mirrored(struct rig *rig) {
    struct log *log = rig->reel->dispatcher.home.place.log;
    struct log_walk walk;
    struct log_entry entry;
    struct reel_error error;
    uint64_t count = 0;
    HOLD_LOCK(&rig->reel->writer);
    struct log_pin *pin = log_pin(log);
    log_walk_start(&walk, pin, 0, UINT64_MAX);
    for (size_t i = 0; i < rig->broker.count; i++) {
        const struct fake_message *message = &rig->broker.list[i];
        if (message->deleted || message->seq < rig->broker.first_seq) continue;
        must(log_next(&walk, &entry, &error) == 1);
        must(entry.seq == message->seq && entry.time_ns == message->seq * 1000);
        assert_bytes(entry.bytes, (struct reel_str){message->bytes, message->len});
        count++;
    }
    must(log_next(&walk, &entry, &error) == 0);
    log_walk_finish(&walk);
    log_unpin(pin);
    assert_int_equal(rig->reel->dispatcher.state.applied, count);
}

/* ---- Sessions -------------------------------------------------------------------------------- */

static void a_stream_comes_into_the_log_and_is_followed(void **state) {
    (void)state;
    struct rig *rig = rig_opened(&(struct rig_options){0});
    add_many(rig, 1, 1000);
    rig_start(rig, &(struct rig_options){0});
    WAIT_UNTIL(is_level_at(rig, 1000));
    for (unsigned n = 1001; n <= 1100; n++) {
        fake_add(rig, n, n % 2 == 0);
        if (n % 10 == 0) WAIT_UNTIL(reel_cursor(rig->reel) == n);
    }
    WAIT_UNTIL(is_level_at(rig, 1100));
    WAIT_UNTIL(rig_has_said(rig, "in sync with the stream at 1000: 1000 seen, 1000 applied"));
    assert_true(rig_has_said(rig, "following stream FAKE from 1, it reaches 1000"));
    assert_int_equal(fake_sessions(rig), 1);
    assert_string_equal(feed_name(rig->feed), "fake");
    assert_mirrored(rig);
    rig_closed(rig);
}

static void a_session_begins_behind_what_the_log_has(void **state) {
    (void)state;
    struct rig *rig = rig_started(&(struct rig_options){0});
    for (unsigned n = 1; n <= 5; n++) {
        add_many(rig, n * 100, 10);
        WAIT_UNTIL(is_level_at(rig, (uint64_t)n * 10));
        fake_set(rig, &rig->broker.cut, true);
        WAIT_UNTIL(fake_sessions(rig) == n + 1);
        assert_int_equal(rig->broker.froms[n], n * 10 + 1);
    }
    WAIT_UNTIL(is_level_at(rig, 50));
    assert_true(rig_has_said(rig, "cut the session"));
    assert_mirrored(rig);
    rig_closed(rig);
}

static void a_cut_in_the_middle_loses_and_doubles_nothing(void **state) {
    (void)state;
    struct rig *rig = rig_opened(&(struct rig_options){0});
    add_many(rig, 1, 5000);
    rig_start(rig, &(struct rig_options){0});
    for (size_t i = 1; i <= 5; i++) {
        WAIT_UNTIL(fake_sessions(rig) >= i);
        fake_set(rig, &rig->broker.cut, true);
    }
    WAIT_UNTIL(is_level_at(rig, 5000));
    assert_mirrored(rig);
    rig_closed(rig);
}

static bool has_tried(struct rig *rig, size_t times) {
    HOLD_LOCK(&rig->broker.lock);
    return rig->broker.tries >= times;
}

/* From the n-th try to the next it is at least so long: 100 ms, doubled each time. */
static void assert_pauses_grow(struct rig *rig) {
    WAIT_UNTIL(has_tried(rig, 4));
    for (size_t i = 1; i < 4; i++) {
        uint64_t pause_ns = rig->broker.tries_ns[i] - rig->broker.tries_ns[i - 1];
        assert_true(pause_ns >= (UINT64_C(50000000) << i));
    }
}

static void the_pause_grows_while_no_session_begins(void **state) {
    (void)state;
    struct rig *rig = rig_started(&(struct rig_options){.down = true});
    assert_pauses_grow(rig);
    assert_int_equal(rig_count_said(rig, "is down"), 1); /* said once, not each time */
    struct feed_metrics metrics = metrics_of(rig);
    assert_false(metrics.up || metrics.in_sync);
    assert_string_equal(metrics.reason, "the fake broker is down");
    fake_add(rig, 1, false);
    fake_set(rig, &rig->broker.down, false);
    WAIT_UNTIL(is_level_at(rig, 1));
    assert_string_equal(metrics_of(rig).reason, "");
    rig_closed(rig);
}

/* As with a disk that is full, or a consumer that the broker does not keep. */
static void the_pause_grows_while_sessions_bring_nothing(void **state) {
    (void)state;
    struct rig *rig = rig_opened(&(struct rig_options){0});
    rig->broker.cuts = true;
    rig_start(rig, &(struct rig_options){0});
    assert_pauses_grow(rig);
    assert_int_equal(rig_count_said(rig, "cut the session"), 1);
    fake_set(rig, &rig->broker.cuts, false);
    WAIT_UNTIL(is_level_at(rig, 0));
    rig_closed(rig);
}

static void another_stream_is_told_until_somebody_decides(void **state) {
    (void)state;
    struct rig *rig = rig_opened(&(struct rig_options){0});
    apply_samples(rig->reel, 1, 1, 1); /* a log of its own */
    rig_start(rig, &(struct rig_options){0});
    WAIT_UNTIL(has_tried(rig, 2));
    assert_int_equal(rig_count_said(rig, "has a log of its own"), 1);
    assert_false(metrics_of(rig).up);
    assert_non_null(strstr(metrics_of(rig).reason, "has a log of its own"));
    rig_closed(rig);
}

/* What is found later, somebody has to look at again. */
static void only_the_first_session_may_replace_the_log(void **state) {
    (void)state;
    struct rig *rig = rig_started(&(struct rig_options){.begin_anew = true});
    add_many(rig, 1, 10);
    WAIT_UNTIL(is_level_at(rig, 10));
    pthread_mutex_lock(&rig->broker.lock);
    rig->broker.count = 9; /* the stream is taken back */
    rig->broker.last_seq = 9;
    free(rig->broker.list[9].bytes);
    rig->broker.cut = true;
    pthread_mutex_unlock(&rig->broker.lock);
    WAIT_UNTIL(rig_has_said(rig, "reset to an older state"));
    assert_int_equal(reel_cursor(rig->reel), 10);
    rig_closed(rig);
}

/* ---- The writer ------------------------------------------------------------------------------ */

static uint64_t queued(struct rig *rig) {
    struct intake_metrics metrics;
    intake_read(rig->intake, &metrics);
    return metrics.queue_events;
}

static void a_full_queue_pushes_back(void **state) {
    (void)state;
    struct rig_options options = {.queue_events_max = 600};
    struct rig *rig = rig_opened(&options);
    add_many(rig, 1, 4000);
    rig_hold(rig);
    rig_start(rig, &options);
    WAIT_UNTIL(queued(rig) > 600 - 256);
    for (size_t i = 0; i < 50; i++) {
        rig_pause(); /* however long it takes, it is not passed */
        assert_true(queued(rig) <= 600);
    }
    rig_let_go(rig);
    WAIT_UNTIL(is_level_at(rig, 4000));
    assert_mirrored(rig);
    rig_closed(rig);
}

static void no_more_is_asked_for_than_there_is_room(void **state) {
    (void)state;
    struct rig_options options = {.room_events = 100};
    struct rig *rig = rig_opened(&options);
    add_many(rig, 1, 2000);
    rig_hold(rig);
    rig_start(rig, &options);
    WAIT_UNTIL(queued(rig) == 100);
    assert_int_equal(feed_room(rig->feed), 0);
    rig_let_go(rig);
    WAIT_UNTIL(is_level_at(rig, 2000));
    /* A batch is counted until it is folded, and let go of a moment later. */
    assert_in_range(rig->broker.most_held, 100, 356);
    assert_mirrored(rig);
    rig_closed(rig);
}

/* What is pushed together must fit into a transaction. */
static void small_transactions_will_do(void **state) {
    (void)state;
    struct rig_options options = {.batch_events_max = 3};
    struct rig *rig = rig_opened(&options);
    add_many(rig, 1, 500);
    rig_hold(rig);
    rig_start(rig, &options);
    WAIT_UNTIL(queued(rig) >= 96);
    rig_let_go(rig);
    WAIT_UNTIL(is_level_at(rig, 500));
    assert_int_equal(fake_sessions(rig), 1);
    assert_mirrored(rig);
    rig_closed(rig);
}

static void add_large(struct rig *rig, size_t len) {
    char *bytes = malloc(len);
    must(bytes);
    memset(bytes, ' ', len);
    bytes[0] = '{';
    bytes[len - 1] = '}';
    fake_add_bytes(rig, bytes, len, NULL);
    free(bytes);
}

/* It makes a record of that size. */
static void add_large_cell(struct rig *rig, unsigned n, size_t len) {
    char *bytes = malloc(len + 256);
    must(bytes);
    int head = sprintf(bytes,
                       "{\"type\":\"dev.cellos.events.cell.lifecycle.v1.started\","
                       "\"data\":{\"cellId\":\"large-%u\",\"specId\":\"",
                       n);
    memset(bytes + head, 'x', len);
    strcpy(bytes + head + len, "\"}}");
    fake_add_bytes(rig, bytes, strlen(bytes), NULL);
    free(bytes);
}

static void small_transactions_will_do_for_large_messages(void **state) {
    (void)state;
    struct rig_options options = {.batch_bytes_max = 4 << 20};
    struct rig *rig = rig_opened(&options);
    for (size_t i = 0; i < 30; i++) add_large(rig, 900000);
    rig_start(rig, &options);
    WAIT_UNTIL(is_level_at(rig, 30));
    assert_int_equal(fake_sessions(rig), 1);
    rig_closed(rig);
}

static void large_messages_come_and_too_large_ones_without_their_bytes(void **state) {
    (void)state;
    struct rig *rig = rig_opened(&(struct rig_options){0});
    for (size_t i = 0; i < 20; i++) add_large(rig, i == 7 ? 1048577 : 1048576);
    rig_start(rig, &(struct rig_options){0});
    WAIT_UNTIL(is_level_at(rig, 20));
    assert_int_equal(position_of(rig->reel).ignored, 19);
    assert_int_equal(position_of(rig->reel).rejected, 1);
    rig_closed(rig);
}

static size_t tries_of(struct rig *rig) {
    HOLD_LOCK(&rig->broker.lock);
    return rig->broker.tries;
}

/* LMDB maps its file anew, which nobody may read meanwhile: so there is no session. */
static void give_room(struct rig *rig) {
    fake_set(rig, &rig->broker.down, true);
    fake_set(rig, &rig->broker.cut, true);
    size_t tries = tries_of(rig);
    WAIT_UNTIL(tries_of(rig) > tries);
    pthread_mutex_lock(&rig->reel->writer);
    rig->reel->dispatcher.store.memtable_bytes = rig->reel->dispatcher.store.group_bytes = 64 << 20;
    pthread_mutex_unlock(&rig->reel->writer);
    fake_set(rig, &rig->broker.cut, false);
    fake_set(rig, &rig->broker.down, false);
}

static bool is_full(struct rig *rig) {
    struct intake_metrics metrics;
    intake_read(rig->intake, &metrics);
    return metrics.disk_full;
}

/* The last one that came, so that nothing comes behind it and fails, too. */
static void a_commit_that_fails_ends_the_session_and_nothing_is_lost(void **state) {
    (void)state;
    struct rig *rig = rig_started(&(struct rig_options){.map_bytes = 1 << 20});
    add_many(rig, 1, 10);
    WAIT_UNTIL(is_level_at(rig, 10));
    for (unsigned i = 0; i < 4; i++) add_large_cell(rig, i, 400000);
    WAIT_UNTIL(is_full(rig));
    WAIT_UNTIL(rig_has_said(rig, "map_bytes"));
    WAIT_UNTIL(fake_sessions(rig) >= 2);
    uint64_t cursor = reel_cursor(rig->reel);
    assert_in_range(cursor, 10, 12);
    give_room(rig);
    WAIT_UNTIL(is_level_at(rig, 14));
    assert_int_equal(position_of(rig->reel).applied, 14);
    rig_closed(rig);
}

static void a_commit_of_the_newest_that_fails_is_noticed(void **state) {
    (void)state;
    struct rig *rig = rig_started(&(struct rig_options){.map_bytes = 1 << 20});
    add_many(rig, 1, 10);
    WAIT_UNTIL(is_level_at(rig, 10));
    add_large_cell(rig, 0, 1047000);
    WAIT_UNTIL(fake_sessions(rig) >= 2);
    assert_true(rig_has_said(rig, "map_bytes"));
    assert_int_equal(rig->broker.froms[1], 11);
    give_room(rig);
    WAIT_UNTIL(is_level_at(rig, 11));
    rig_closed(rig);
}

/* ---- Level ----------------------------------------------------------------------------------- */

static void an_empty_stream_is_level_at_once(void **state) {
    (void)state;
    struct rig *rig = rig_started(&(struct rig_options){0});
    WAIT_UNTIL(is_level_at(rig, 0));
    assert_true(metrics_of(rig).up);
    rig_closed(rig);
}

static void level_is_when_all_is_folded(void **state) {
    (void)state;
    struct rig *rig = rig_opened(&(struct rig_options){0});
    add_many(rig, 1, 10);
    rig_hold(rig);
    rig_start(rig, &(struct rig_options){0});
    WAIT_UNTIL(queued(rig) == 10);
    assert_false(metrics_of(rig).in_sync);
    WAIT_UNTIL(metrics_of(rig).known_seq == 10);
    assert_non_null(strstr(metrics_of(rig).reason, "behind the stream"));
    rig_let_go(rig);
    WAIT_UNTIL(is_level_at(rig, 10));
    assert_string_equal(metrics_of(rig).reason, "");
    rig_closed(rig);
}

static void warnings_about_messages_are_few_whatever_is_published(void **state) {
    (void)state;
    struct rig *rig = rig_opened(&(struct rig_options){0});
    for (int i = 0; i < 1000; i++) fake_add_bytes(rig, FAKE_ODD, strlen(FAKE_ODD), NULL);
    rig_start(rig, &(struct rig_options){0});
    WAIT_UNTIL(is_level_at(rig, 1000));
    fake_set(rig, &rig->broker.cut, true);
    WAIT_UNTIL(fake_sessions(rig) == 2 && metrics_of(rig).in_sync);
    rig_stop_feed(rig);
    size_t lines = rig_count_said(rig, "an odd message");
    assert_in_range(lines, 5, 20); /* it may have taken long */
    assert_in_range(rig_count_said(rig, "more warnings about messages were left out"), 1, 4);
    rig_closed(rig);
}

static void the_cursor_goes_past_what_was_deleted(void **state) {
    (void)state;
    struct rig *rig = rig_opened(&(struct rig_options){0});
    add_many(rig, 1, 10);
    fake_delete(rig, 4);
    fake_delete(rig, 9);
    fake_delete(rig, 10);
    rig_start(rig, &(struct rig_options){0});
    WAIT_UNTIL(is_level_at(rig, 10));
    assert_mirrored(rig);
    fake_add(rig, 11, false);
    fake_set(rig, &rig->broker.cut, true);
    WAIT_UNTIL(is_level_at(rig, 11));
    assert_mirrored(rig);
    rig_closed(rig);
}

static void a_session_that_has_ended_is_not_level(void **state) {
    (void)state;
    struct rig *rig = rig_opened(&(struct rig_options){0});
    add_many(rig, 1, 10);
    rig_hold(rig);
    rig_start(rig, &(struct rig_options){0});
    WAIT_UNTIL(queued(rig) == 10);
    fake_set(rig, &rig->broker.down, true);
    fake_set(rig, &rig->broker.cut, true);
    WAIT_UNTIL(!metrics_of(rig).up);
    rig_let_go(rig);
    WAIT_UNTIL(reel_cursor(rig->reel) == 10);
    WAIT_UNTIL(has_tried(rig, 3));
    assert_false(metrics_of(rig).in_sync);
    fake_set(rig, &rig->broker.down, false);
    WAIT_UNTIL(is_level_at(rig, 10));
    rig_closed(rig);
}

/* ---- Trimming -------------------------------------------------------------------------------- */

static bool begins_at(struct rig *rig, uint64_t first_seq) {
    struct reel_view *view;
    struct reel_position position;
    struct reel_error error;
    must_ok(reel_view_open(rig->reel, &view, &error), error);
    must(reel_view_position(view, &position) == 0);
    reel_view_close(view);
    return position.first_seq == first_seq;
}

static void the_log_removes_events_that_the_stream_has_removed(void **state) {
    (void)state;
    struct rig *rig = rig_started(&(struct rig_options){0});
    add_many(rig, 1, 20);
    WAIT_UNTIL(is_level_at(rig, 20));
    fake_set_first(rig, 5);
    WAIT_UNTIL(begins_at(rig, 5));
    fake_set_first(rig, 21); /* all of it */
    WAIT_UNTIL(begins_at(rig, 21));
    fake_add(rig, 21, false);
    WAIT_UNTIL(is_level_at(rig, 21));
    assert_int_equal(fake_sessions(rig), 1);
    assert_int_equal(info_of(rig->reel, "cells").records, 21);
    rig_closed(rig);
}

static void messages_that_were_never_taken_cannot_be_trimmed(void **state) {
    (void)state;
    struct rig *rig = rig_started(&(struct rig_options){0});
    add_many(rig, 1, 5);
    WAIT_UNTIL(is_level_at(rig, 5));
    pthread_mutex_lock(&rig->broker.lock);
    rig->broker.first_seq = 101; /* a purge, of more than came */
    rig->broker.last_seq = 100;
    pthread_mutex_unlock(&rig->broker.lock);
    WAIT_UNTIL(is_level_at(rig, 100));
    WAIT_UNTIL(begins_at(rig, 101));
    assert_int_equal(fake_sessions(rig), 1);
    fake_add(rig, 101, false);
    WAIT_UNTIL(is_level_at(rig, 101));
    rig_closed(rig);
}

/* ---- The end --------------------------------------------------------------------------------- */

static void it_can_be_stopped_at_any_moment(void **state) {
    (void)state;
    uint64_t random = 1;
    for (size_t i = 0; i < scaled(300); i++) {
        struct rig_options options = {.queue_events_max = 300, .room_events = 1000};
        struct rig *rig = rig_opened(&options);
        add_many(rig, 1, 1000);
        rig_start(rig, &options);
        size_t pauses = random_below(&random, 12);
        while (pauses-- > 0) rig_pause();
        if (i % 3 == 0) fake_set(rig, &rig->broker.cut, true);
        rig_stop(rig);
        uint64_t cursor = reel_cursor(rig->reel);
        assert_int_equal(position_of(rig->reel).applied, cursor);
        struct reel *fresh = fresh_fold(rig->reel, CELL_SO, FORMATION_SO, NULL);
        assert_same_state(rig->reel, fresh);
        reel_close(fresh);
        rig_free(rig);
    }
}

static void it_can_be_stopped_while_it_pauses_or_the_queue_is_full(void **state) {
    (void)state;
    struct rig_options options = {.queue_events_max = 10};
    struct rig *rig = rig_started(&(struct rig_options){.down = true});
    WAIT_UNTIL(has_tried(rig, 2));
    rig_closed(rig);
    rig = rig_opened(&options);
    add_many(rig, 1, 1000);
    rig_hold(rig);
    rig_start(rig, &options);
    WAIT_UNTIL(queued(rig) >= 1);
    rig_stop_feed(rig); /* the writer is held up */
    rig_let_go(rig);
    rig_closed(rig);
}

UNIT_TESTS(feed_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_comes_into_the_log_and_is_followed),
        cmocka_unit_test(a_session_begins_behind_what_the_log_has),
        cmocka_unit_test(a_cut_in_the_middle_loses_and_doubles_nothing),
        cmocka_unit_test(the_pause_grows_while_no_session_begins),
        cmocka_unit_test(the_pause_grows_while_sessions_bring_nothing),
        cmocka_unit_test(another_stream_is_told_until_somebody_decides),
        cmocka_unit_test(only_the_first_session_may_replace_the_log),
        cmocka_unit_test(a_full_queue_pushes_back),
        cmocka_unit_test(no_more_is_asked_for_than_there_is_room),
        cmocka_unit_test(small_transactions_will_do),
        cmocka_unit_test(small_transactions_will_do_for_large_messages),
        cmocka_unit_test(large_messages_come_and_too_large_ones_without_their_bytes),
        cmocka_unit_test(a_commit_that_fails_ends_the_session_and_nothing_is_lost),
        cmocka_unit_test(a_commit_of_the_newest_that_fails_is_noticed),
        cmocka_unit_test(an_empty_stream_is_level_at_once),
        cmocka_unit_test(level_is_when_all_is_folded),
        cmocka_unit_test(warnings_about_messages_are_few_whatever_is_published),
        cmocka_unit_test(the_cursor_goes_past_what_was_deleted),
        cmocka_unit_test(a_session_that_has_ended_is_not_level),
        cmocka_unit_test(the_log_removes_events_that_the_stream_has_removed),
        cmocka_unit_test(messages_that_were_never_taken_cannot_be_trimmed),
        cmocka_unit_test(it_can_be_stopped_at_any_moment),
        cmocka_unit_test(it_can_be_stopped_while_it_pauses_or_the_queue_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
