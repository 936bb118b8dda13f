/* log_invariants_test.c: what the log must keep true by itself is held up by invariants: positions,
 * marks, locks, counts. */
#include "log_support.h"

#include <stdlib.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static int begin(void **state) {
    struct log *log = opened(log_made());
    append(log, 1, 3, 100);
    *state = log;
    return 0;
}

static int finish(void **state) {
    log_close(*state);
    return 0;
}

/* Gathers and commits an event, which may still be taken back. */
static void commit_one(struct log *log) {
    struct reel_error error;
    struct log_entry entry = entry_of(log_head(log) + 1, "{}", NULL, NULL);
    gather(log, &entry);
    must_ok(log_commit(log, &error), error);
}

/* ---- Positions ------------------------------------------------------------------------------- */

static void commit_at_another_end(void *context) {
    struct log *log = context;
    log->witnessed_at = atomic_load(&log->active->end) + FRAME_UNIT;
    commit_one(log);
}

static void a_mark_above_what_is_written_is_noticed(void **state) {
    assert_violates(commit_at_another_end, *state, "log->witnessed_at <= at");
}

static void commit_beside_the_chain(void *context) {
    struct log *log = context;
    struct group *group = &log->group;
    struct log_entry entry = entry_of(log_head(log) + 1, "{}", NULL, NULL);
    gather(log, &entry);
    group->last_seq = 1;
    (void)log_commit(log, NULL);
}

static void a_group_behind_the_head_is_noticed(void **state) {
    assert_violates(commit_beside_the_chain, *state, "last_seq >= head");
}

static void add_older(void *context) {
    struct log *log = context;
    struct log_entry entry = entry_of(4, "{}", NULL, NULL), older = entry_of(3, "{}", NULL, NULL);
    (void)group_add(&log->group, &entry, NULL);
    (void)group_add(&log->group, &older, NULL);
}

static void seqs_rise_within_a_group(void **state) {
    assert_violates(add_older, *state, "entry->seq > group->last_seq");
}

static void describe_nothing(void *context) {
    const struct log_entry entry = {0};
    log_describe(context, &entry);
}

static void only_an_event_that_was_appended_is_described(void **state) {
    assert_violates(describe_nothing, *state, "group->places.len > 0");
}

static void note_older(void *context) {
    struct log *log = context;
    segment_note(log->active, 1, 1 << 20, 1 << 20); /* the first one was noted already */
}

static void points_of_a_segment_rise(void **state) {
    assert_violates(note_older, *state, "< seq");
}

static void write_beyond_the_map(void *context) {
    struct log *log = context;
    (void)log_write(log, log->active, "", 1, log->active->map_len, NULL);
}

static void no_frame_goes_beyond_the_map(void **state) {
    assert_violates(write_beyond_the_map, *state, "segment->map_len");
}

static void fill_over_a_frame(void *context) {
    struct log *log = context;
    log->segment_bytes = SEGMENT_BYTES;
    atomic_store(&log->active->filled, SEGMENT_PAGE);
    (void)log_try_room(log, NULL);
}

static void zeros_never_go_over_a_frame(void **state) {
    assert_violates(fill_over_a_frame, *state, "<= filled");
}

/* ---- What is synced, and kept ---------------------------------------------------------------- */

static void witness_too_early(void *context) {
    struct log *log = context;
    commit_one(log);
    pthread_mutex_lock(&log->append_lock);
    (void)log_write_witness(log, NULL);
}

static void what_may_be_taken_back_has_no_witness(void **state) {
    assert_violates(witness_too_early, *state, "!log->undo_at");
}

static void take_back_what_is_kept(void *context) {
    struct log *log = context;
    commit_one(log);
    log->kept.at = atomic_load(&log->active->end);
    (void)log_undo(log, NULL);
}

static void what_is_kept_is_not_taken_back(void **state) {
    assert_violates(take_back_what_is_kept, *state, "log->kept.at <= log->undo_at");
}

static void keep_less(void *context) {
    struct log *log = context;
    pthread_mutex_lock(&log->append_lock);
    log->kept.at = atomic_load(&log->active->end) + FRAME_UNIT;
    log_keep_all(log);
}

static void the_mark_of_what_is_kept_does_not_go_back(void **state) {
    assert_violates(keep_less, *state, "mark.at >= log->kept.at");
}

static void roll_too_early(void *context) {
    struct log *log = context;
    commit_one(log);
    pthread_mutex_lock(&log->append_lock);
    (void)log_make_room(log, 1 << 20, NULL);
}

static void no_segment_follows_a_group_that_may_be_taken_back(void **state) {
    assert_violates(roll_too_early, *state, "!log->undo_at");
}

/* ---- Floors ---------------------------------------------------------------------------------- */

static uint64_t floor_of_test;

static void set_floor(void *context) {
    struct log *log = context;
    struct log_facts facts = *log_facts(log);
    facts.first_seq = floor_of_test;
    (void)log_set_facts(log, &facts, NULL);
}

static void the_floor_neither_falls_nor_passes_the_end(void **state) {
    struct log *log = *state;
    floor_of_test = 4;
    set_floor(log);
    floor_of_test = 3;
    assert_violates(set_floor, log, "facts->first_seq >= before.first_seq");
    floor_of_test = 5;
    assert_violates(set_floor, log, "facts->first_seq <= log_group_head(log) + 1");
    log_abort(log);
}

/* ---- Locks ----------------------------------------------------------------------------------- */

static void keep_without_lock(void *context) {
    log_keep_all(context);
}

static void make_room_without_lock(void *context) {
    (void)log_make_room(context, 1 << 20, NULL);
}

static void frames_are_written_under_the_lock(void **state) {
    assert_violates(keep_without_lock, *state, "lock_is_held(&log->append_lock)");
    assert_violates(make_room_without_lock, *state, "lock_is_held(&log->append_lock)");
}

/* ---- Counts ---------------------------------------------------------------------------------- */

static void unpin_twice(void *context) {
    struct log_pin *pin = context;
    atomic_store(&pin->refs, 0); /* as if it had been given back before */
    log_unpin(pin);
}

static void a_pin_is_given_back_once(void **state) {
    struct log_pin *pin = log_pin(*state);
    assert_violates(unpin_twice, pin, "refs > 0");
    log_unpin(pin);
}

static void end_a_sync(void *context) {
    struct log *log = context;
    pacer_sync_ended(log->pacer);
}

static void a_sync_ends_that_has_begun(void **state) {
    assert_violates(end_a_sync, *state, "syncing > 0");
}

static void commit_read_only(void *context) {
    struct log *log = context;
    log->read_only = true;
    commit_one(log);
}

static void nothing_is_written_to_a_log_that_is_only_read(void **state) {
    assert_violates(commit_read_only, *state, "!log->read_only");
}

static void swap_for_itself(void *context) {
    struct log_place place;
    log_place_init(&place);
    (void)log_place_swap(&place, context);
    (void)log_place_swap(&place, context);
}

static void a_log_does_not_take_its_own_place(void **state) {
    assert_violates(swap_for_itself, *state, "before != log");
}

UNIT_TESTS(log_invariants_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(a_mark_above_what_is_written_is_noticed),
        CASE(a_group_behind_the_head_is_noticed),
        CASE(seqs_rise_within_a_group),
        CASE(only_an_event_that_was_appended_is_described),
        CASE(points_of_a_segment_rise),
        CASE(no_frame_goes_beyond_the_map),
        CASE(zeros_never_go_over_a_frame),
        CASE(what_may_be_taken_back_has_no_witness),
        CASE(what_is_kept_is_not_taken_back),
        CASE(the_mark_of_what_is_kept_does_not_go_back),
        CASE(no_segment_follows_a_group_that_may_be_taken_back),
        CASE(the_floor_neither_falls_nor_passes_the_end),
        CASE(frames_are_written_under_the_lock),
        CASE(a_pin_is_given_back_once),
        CASE(a_sync_ends_that_has_begun),
        CASE(nothing_is_written_to_a_log_that_is_only_read),
        CASE(a_log_does_not_take_its_own_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
