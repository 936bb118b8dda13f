/* transaction_test.c: the life of a transaction: what is appended, folded, committed and published
 * comes in this order and under the write lock, which invariants hold up. */
#include "unit.h"

#include "base/cleanup.h"
#include "engine/decoder.h"
#include "engine/engine.h"
#include "engine/transaction.h"

#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

#define EVENT "{\"type\":\"t\",\"id\":\"k\"}"
static const struct arrival arrival = {.bytes = {EVENT, sizeof EVENT - 1}, .fold = true};

static int begin(void **state) {
    struct reel *reel = reel_opened(NULL, NULL, NULL);
    struct reel_error error;
    struct reel_str payload = arrival.bytes;
    must_ok(reel_apply(reel, payload, NULL, &error), error);
    *state = reel;
    return 0;
}

static int finish(void **state) {
    reel_close(*state);
    return 0;
}

static void begin_transaction(struct reel *reel) {
    struct reel_error error;
    must_ok(dispatcher_begin(&reel->dispatcher, &error), error);
}

static void append_one(struct reel *reel, const struct arrival *what) {
    struct appended appended;
    (void)dispatcher_append(&reel->dispatcher, what, &appended, NULL);
}

/* ---- Order ----------------------------------------------------------------------------------- */

static void append_outside(void *context) {
    append_one(context, &arrival);
}

static void appending_needs_a_transaction(void **state) {
    assert_violates(append_outside, *state, "store_is_writing(&dispatcher->store)");
}

static void end_without_begin(void *context) {
    struct reel *reel = context;
    (void)dispatcher_end(&reel->dispatcher, 0, NULL);
}

static void only_what_has_begun_ends(void **state) {
    assert_violates(end_without_begin, *state, "store_is_writing(&dispatcher->store)");
}

static void begin_with_a_group(void *context) {
    struct reel *reel = context;
    begin_transaction(reel);
    append_one(reel, &arrival);
    store_abort(&reel->dispatcher.store);
    begin_transaction(reel);
}

static void a_transaction_begins_with_an_empty_group(void **state) {
    assert_violates(begin_with_a_group, *state, "log_group_head(log) == log_head(log)");
}

static void fold_over_a_gap(void *context) {
    struct reel *reel = context;
    struct arrival unfolded = arrival;
    unfolded.fold = false;
    begin_transaction(reel);
    append_one(reel, &unfolded);
    append_one(reel, &arrival);
}

static void an_event_is_folded_when_all_before_it_are(void **state) {
    assert_violates(fold_over_a_gap, *state, "before == dispatcher->folded");
}

static void put_a_wide_gap(void *context) {
    struct reel *reel = context;
    begin_transaction(reel);
    (void)dispatcher_put_gap(&reel->dispatcher, 3, 3, 0, NULL);
}

static void a_gap_covers_no_event_of_the_log(void **state) {
    assert_violates(put_a_wide_gap, *state, "missing <= seq - dispatcher->state.head");
}

/* ---- What is committed ----------------------------------------------------------------------- */

static void commit_behind(void *context) {
    struct reel *reel = context;
    begin_transaction(reel);
    append_one(reel, &arrival);
    reel->dispatcher.committed.cursor = reel->dispatcher.state.cursor + 1;
    (void)dispatcher_end(&reel->dispatcher, 0, NULL);
}

static void a_committed_cursor_does_not_go_back(void **state) {
    assert_violates(commit_behind, *state, "now->cursor >= before->cursor");
}

static void trim_beyond(void *context) {
    struct reel *reel = context;
    (void)dispatcher_trim(&reel->dispatcher, 3, NULL);
}

static void the_floor_is_at_most_behind_the_head(void **state) {
    assert_violates(trim_beyond, *state, "first_seq <= dispatcher->state.head + 1");
}

/* ---- The lock -------------------------------------------------------------------------------- */

static void publish_unlocked(void *context) {
    transaction_publish(context);
}

static void publish_what_is_not_committed(void *context) {
    struct reel *reel = context;
    HOLD_LOCK(&reel->writer);
    begin_transaction(reel);
    transaction_publish(reel);
}

static void only_what_is_committed_is_published_and_by_the_writer(void **state) {
    assert_violates(publish_unlocked, *state, "lock_is_held(&reel->writer)");
    assert_violates(publish_what_is_not_committed, *state,
                    "!store_is_writing(&reel->dispatcher.store)");
}

static void show_outside(void *context) {
    char *record;
    size_t len;
    (void)engine_show_record(context, STR("things"), STR("k"), &record, &len, NULL);
}

static void what_belongs_to_a_transaction_is_shown_within_it(void **state) {
    assert_violates(show_outside, *state, "store_is_writing(&dispatcher->store)");
}

/* ---- Around it ------------------------------------------------------------------------------- */

static void close_with_a_view(void *context) {
    struct reel_view *view;
    must(reel_view_open(context, &view, NULL) == 0);
    reel_close(context);
}

static void no_view_outlives_its_reel(void **state) {
    assert_violates(close_with_a_view, *state, "!views->first");
}

static int close_in_row(void *context, const struct reel_entry *entry) {
    (void)entry;
    reel_view_close(context);
    return 0;
}

static void close_in_callback(void *context) {
    struct reel_view *view;
    must(reel_view_open(context, &view, NULL) == 0);
    (void)reel_view_log(view, 1, close_in_row, view);
}

static void a_view_is_not_closed_from_within_its_callback(void **state) {
    assert_violates(close_in_callback, *state, "rc == 0");
}

static void the_decoder_says_when_it_is_full(void **state) {
    struct decoder *decoder = decoder_create(NULL);
    const struct log_entry entry = {.bytes = STR("{}")};
    size_t count = 0;
    (void)state;
    must(decoder);
    while (decoder_put(decoder, &entry, false)) count++;
    assert_int_equal(count, DECODER_AHEAD_MAX - 1);
    decoder_destroy(decoder);
}

/* ---- What a stream says ---------------------------------------------------------------------- */

/* A broker may allow for longer subjects than an entry has room for: the event counts without. */
static void a_subject_that_does_not_fit_is_left_out(void **state) {
    static char subject[LOG_SUBJECT_MAX + 1];
    struct reel *reel = *state;
    struct arrival from_stream = arrival;
    struct log_walk walk;
    struct log_entry entry;
    struct reel_error error;
    memset(subject, 's', sizeof subject);
    begin_transaction(reel);
    for (size_t i = 0; i < 2; i++) {
        from_stream.nats_subject = (struct reel_str){subject, LOG_SUBJECT_MAX + i};
        append_one(reel, &from_stream);
    }
    must_ok(dispatcher_end(&reel->dispatcher, 0, &error), error);
    struct log_pin *pin = log_pin(reel->dispatcher.home.place.log);
    for (uint64_t seq = 2; seq <= 3; seq++) {
        must_ok(log_get(&walk, pin, seq, &entry, &error), error);
        assert_int_equal(entry.nats_subject.len, seq == 2 ? LOG_SUBJECT_MAX : 0);
        assert_bytes(entry.bytes, arrival.bytes);
        log_walk_finish(&walk);
    }
    log_unpin(pin);
}

UNIT_TESTS(transaction_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(appending_needs_a_transaction),
        CASE(only_what_has_begun_ends),
        CASE(a_transaction_begins_with_an_empty_group),
        CASE(an_event_is_folded_when_all_before_it_are),
        CASE(a_gap_covers_no_event_of_the_log),
        CASE(a_committed_cursor_does_not_go_back),
        CASE(the_floor_is_at_most_behind_the_head),
        CASE(only_what_is_committed_is_published_and_by_the_writer),
        CASE(what_belongs_to_a_transaction_is_shown_within_it),
        CASE(no_view_outlives_its_reel),
        CASE(a_view_is_not_closed_from_within_its_callback),
        CASE(the_decoder_says_when_it_is_full),
        CASE(a_subject_that_does_not_fit_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
