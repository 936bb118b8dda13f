/* reading_test.c: the log, the rejections, the positions, and waiting for one. */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EVENTS = 300 };

/* ---- Fixture --------------------------------------------------------------------------------- */

static int set_up(void **state) {
    *state = reel_opened(NULL, NULL, FORMATION_SO, CELL_SO, NULL);
    apply_samples(*state, 1, EVENTS, 50);
    return 0;
}

static int tear_down(void **state) {
    reel_close(*state);
    return 0;
}

struct log_walk {
    uint64_t first;
    uint64_t last;
    uint64_t count;
    uint64_t stop_at; /* seq to end at; 0: none */
    uint64_t newest_ns;
};

static int walk_entry(void *context, const struct reel_entry *entry) {
    struct log_walk *walk = context;
    char event[SAMPLE_BYTES_MAX];
    size_t len = sample_event(entry->seq, event, sizeof event);
    must(entry->flags == 0);
    must(entry->size == len && entry->bytes.len == len);
    must(memcmp(entry->bytes.data, event, len) == 0);
    must(entry->time_ns >= walk->newest_ns);
    walk->newest_ns = entry->time_ns;
    if (walk->count++ == 0) walk->first = entry->seq;
    walk->last = entry->seq;
    return entry->seq == walk->stop_at ? 42 : 0;
}

static struct log_walk walked(struct reel *reel, uint64_t from, uint64_t stop_at) {
    struct log_walk walk = {.stop_at = stop_at};
    struct reel_view *view = view_opened(reel);
    assert_int_equal(reel_view_log(view, from, walk_entry, &walk), stop_at ? 42 : 0);
    reel_view_close(view);
    return walk;
}

/* ---- Before the start ------------------------------------------------------------------------ */

static void a_view_before_the_start_is_refused_and_harms_nothing(void **state) {
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, FORMATION_SO, CELL_SO, NULL);
    apply_samples(reel, 1, EVENTS, 50);
    reel_close(reel);
    struct reel_options options = {.views_max = 1};
    reel = reel_loaded(directory, &options, FORMATION_SO, CELL_SO, NULL);
    struct reel_view *view = NULL;
    struct reel_error error;
    for (int time = 0; time < 3; time++) { /* it takes none of the places either */
        assert_int_equal(reel_view_open(reel, &view, &error), -EINVAL);
        assert_sentence(&error, "reel_start");
        assert_null(view);
    }
    must_ok(reel_start(reel, &error), error);
    assert_same_state(reel, *state);
    reel_close(reel);
}

/* ---- The log --------------------------------------------------------------------------------- */

static void the_log_is_read_from_any_seq(void **state) {
    struct log_walk walk = walked(*state, 0, 0);
    assert_int_equal(walk.first, 1);
    assert_int_equal(walk.count, EVENTS);
    walk = walked(*state, 120, 0);
    assert_int_equal(walk.first, 120);
    assert_int_equal(walk.count, EVENTS - 119);
    walk = walked(*state, 10, 20);
    assert_int_equal(walk.last, 20);
    assert_int_equal(walk.count, 11);
    walk = walked(*state, EVENTS + 1, 0);
    assert_int_equal(walk.count, 0);
    walk = walked(*state, UINT64_MAX, 0);
    assert_int_equal(walk.count, 0);
}

/* The clock of whoever wrote the event says nothing: this is when it came here. */
static void the_log_says_when_an_event_came(void **state) {
    uint64_t now = (uint64_t)time(NULL) * UINT64_C(1000000000);
    uint64_t hour = UINT64_C(3600) * 1000000000;
    struct log_walk walk = walked(*state, 0, 0);
    assert_true(walk.newest_ns > now - hour && walk.newest_ns < now + hour);
}

static void a_trimmed_log_is_read_from_its_floor(void **state) {
    struct reel_error error;
    must_ok(reel_trim(*state, 101, &error), error);
    struct log_walk walk = walked(*state, 0, 0);
    assert_int_equal(walk.first, 101);
    assert_int_equal(walk.count, EVENTS - 100);
    assert_int_equal(position_of(*state).first_seq, 101);
    must_ok(reel_trim(*state, 50, &error), error); /* nothing left to do */
    assert_int_equal(position_of(*state).first_seq, 101);
    must_ok(reel_trim(*state, EVENTS + 1, &error), error);
    assert_int_equal(walked(*state, 0, 0).count, 0);
    assert_int_equal(position_of(*state).first_seq, EVENTS + 1);
    assert_int_equal(position_of(*state).head, EVENTS);
}

/* A trim that takes many commits is seen by a view as done, or half done, never as a hole. */
static void trimming_leaves_the_records_alone(void **state) {
    struct reel_options options = {.batch_events_max = 7};
    struct reel *reel = reel_opened(NULL, &options, FORMATION_SO, CELL_SO, NULL);
    struct reel_error error;
    apply_samples(reel, 1, EVENTS, 5);
    must_ok(reel_trim(reel, 290, &error), error);
    assert_int_equal(walked(reel, 0, 0).first, 290);
    assert_same_state(reel, *state);
    reel_close(reel);
}

/* ---- Rejections ------------------------------------------------------------------------------ */

#define BAD_ID "{\"type\":\"dev.cellos.events.cell.formation.v1.created\",\"subject\":\"nobody\"}"

static int count_and_stop(void *context, const struct reel_rejection *rejection) {
    uint64_t *seq = context;
    *seq = rejection->seq;
    return 42;
}

static void rejections_are_listed_from_the_newest(void **state) {
    struct reel *reel = *state;
    apply_text(reel, BAD_ID, REEL_REJECTED);
    apply_samples(reel, EVENTS + 2, 1, 1);
    apply_text(reel, "{\"type\":", REEL_REJECTED);
    apply_text(reel, "{\"type\":\"dev.cellos.events.cell.formation.v1.created\"}", REEL_REJECTED);
    char *text = rejected_dump(reel);
    static const char first[] = "304 formations event missing formationId\n"
                                "303  event payload not JSON: ";
    static const char last[] = "\n301 formations event formationId not a UUID (nobody)\n";
    assert_memory_equal(text, first, sizeof first - 1);
    assert_string_equal(strstr(text, "\n301 "), last);
    free(text);
    uint64_t seq = 0;
    struct reel_view *view = view_opened(reel);
    assert_int_equal(reel_view_rejected(view, UINT64_MAX, count_and_stop, &seq), 42);
    assert_int_equal(seq, 304);
    reel_view_close(view);
    assert_int_equal(position_of(reel).rejected, 3);
    assert_int_equal(info_of(reel, "formations").rejected, 2);
    assert_int_equal(info_of(reel, "cells").rejected, 0);
}

static int check_flags(void *context, const struct reel_entry *entry) {
    const char *text = context;
    must(entry->flags == REEL_LOG_NOT_JSON);
    must(entry->size == strlen(text) && reel_str_is(entry->bytes, text));
    return 0;
}

static void a_payload_that_is_not_json_is_stored_unchanged(void **state) {
    char text[] = "{\"type\":\"dev.cellos\"";
    struct reel *reel = *state;
    uint64_t seq = apply_text(reel, text, REEL_REJECTED);
    struct reel_view *view = view_opened(reel);
    assert_int_equal(reel_view_log(view, seq, check_flags, text), 0);
    reel_view_close(view);
}

static void rejections_are_trimmed_with_the_log(void **state) {
    struct reel *reel = *state;
    struct reel_error error;
    uint64_t first = apply_text(reel, BAD_ID, REEL_REJECTED);
    uint64_t second = apply_text(reel, BAD_ID, REEL_REJECTED);
    must_ok(reel_trim(reel, second, &error), error);
    char *text = rejected_dump(reel);
    assert_string_equal(text, "302 formations event formationId not a UUID (nobody)\n");
    free(text);
    assert_int_equal(first, 301);
    assert_int_equal(position_of(reel).rejected, 2);
}

/* ---- Positions and collections --------------------------------------------------------------- */

static void an_empty_log_has_a_position(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, FORMATION_SO, CELL_SO, NULL);
    struct reel *other = reel_opened(NULL, NULL, FORMATION_SO, CELL_SO, NULL);
    struct reel_position position = position_of(reel);
    assert_int_equal(position.cursor, 0);
    assert_int_equal(position.head, 0);
    assert_int_equal(position.first_seq, 1);
    assert_int_equal(position.applied + position.ignored + position.rejected, 0);
    assert_int_equal(strlen(position.epoch.text), 36);
    assert_string_not_equal(position.epoch.text, position_of(other).epoch.text);
    reel_close(reel);
    reel_close(other);
}

static void collections_are_named_and_described(void **state) {
    struct reel *reel = *state;
    assert_string_equal(reel_collection_name(reel, 0), "cells");
    assert_string_equal(reel_collection_name(reel, 1), "formations");
    assert_null(reel_collection_name(reel, 2));
    struct reel_collection_info info = info_of(reel, "formations");
    assert_int_equal(info.revision, 1);
    assert_int_equal(info.from_seq, 1);
    assert_int_equal(info.cursor, EVENTS);
    assert_int_equal(info.applied, EVENTS / 20);
    assert_int_equal(info.records, 4); /* event 0 is not there: the first begins late */
    assert_true(info.served);
}

static void projectors_are_shown_in_the_order_of_names(void **state) {
    struct reel *reel = *state;
    for (size_t n = 0; n < 2; n++) {
        const struct reel_projector *projector = reel_projector(reel, n);
        assert_non_null(projector);
        assert_string_equal(projector->collection, reel_collection_name(reel, n));
        assert_true(projector->struct_size >= sizeof *projector);
        assert_non_null(projector->fields[0]);
        assert_non_null(projector->type_prefixes[0]);
    }
    assert_null(reel_projector(reel, 2));
}

static void plugins_are_shown_in_the_order_of_loading(void **state) {
    struct reel *reel = *state;
    static const char *const names[] = {"formation", "cell"};
    const char *const paths[] = {FORMATION_SO, CELL_SO};
    struct reel_plugin_info info;
    for (size_t n = 0; n < 2; n++) {
        assert_true(reel_plugin_info(reel, n, &info));
        assert_string_equal(info.name, names[n]);
        assert_string_equal(info.path, paths[n]);
        assert_true(strlen(info.version) > 0);
        assert_int_equal(info.abi_major, REEL_ABI_MAJOR);
        assert_true(info.abi_minor <= REEL_ABI_MINOR);
    }
    assert_false(reel_plugin_info(reel, 2, &info));
    assert_null(reel_sink(reel, 0)); /* neither has one */
}

static int no_row(void *context, const struct reel_row *row) {
    (void)context, (void)row;
    return 0;
}

static void missing_records_and_missing_collections_are_distinguished(void **state) {
    struct reel_view *view = view_opened(*state);
    struct reel_str start = {NULL, 0};
    struct reel_collection_info info;
    assert_int_equal(reel_view_get(view, "cells", reel_text("nobody"), no_row, NULL), -ENOENT);
    assert_int_equal(reel_view_get(view, "cells", reel_text(""), no_row, NULL), -ENOENT);
    assert_int_equal(reel_view_get(view, "absent", reel_text("x"), no_row, NULL), -ESRCH);
    assert_int_equal(reel_view_list(view, "absent", start, false, no_row, NULL), -ESRCH);
    assert_int_equal(reel_view_collection(view, "absent", &info), -ESRCH);
    reel_view_close(view);
}

static int stop_row(void *context, const struct reel_row *row) {
    (void)row;
    return ++*(int *)context == 3 ? -7 : 0;
}

static void a_walk_ends_where_its_callback_says(void **state) {
    struct reel_view *view = view_opened(*state);
    struct reel_str start = {NULL, 0};
    int rows = 0;
    assert_int_equal(reel_view_list(view, "cells", start, false, stop_row, &rows), -7);
    assert_int_equal(rows, 3);
    rows = 2;
    assert_int_equal(reel_view_get(view, "cells", reel_text("cell-00000000"), stop_row, &rows), -7);
    reel_view_close(view);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static void a_reached_cursor_is_not_waited_for(void **state) {
    assert_int_equal(reel_wait(*state, 0, 0), 0);
    assert_int_equal(reel_wait(*state, EVENTS, 0), 0);
}

static void waiting_ends_after_the_timeout(void **state) {
    assert_int_equal(reel_wait(*state, EVENTS + 1, 0), -ETIMEDOUT);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(reel_wait(*state, EVENTS + 1, 50), -ETIMEDOUT);
    clock_gettime(CLOCK_MONOTONIC, &after);
    int64_t ms =
        (after.tv_sec - before.tv_sec) * INT64_C(1000) + (after.tv_nsec - before.tv_nsec) / 1000000;
    assert_true(ms >= 49);
}

/* Appended is not folded: the cursor is what counts. */
static void an_append_does_not_end_a_wait(void **state) {
    struct reel_str payload = reel_text("{}");
    struct reel_error error;
    must_ok(reel_append(*state, &payload, 1, NULL, &error), error);
    assert_int_equal(reel_wait(*state, EVENTS + 1, 10), -ETIMEDOUT);
    must_ok(reel_catch_up(*state, &error), error);
    assert_int_equal(reel_wait(*state, EVENTS + 1, 0), 0);
}

/* Sees each event as soon as it is there, and answers with the next. */
static void *answer_each(void *context) {
    for (uint64_t seq = EVENTS + 1; seq < EVENTS + 41; seq += 2) {
        must(reel_wait(context, seq, 60000) == 0);
        apply_samples(context, seq + 1, 1, 1);
    }
    return NULL;
}

static void waiters_are_woken_by_other_threads(void **state) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer_each, *state), 0);
    for (uint64_t seq = EVENTS + 1; seq < EVENTS + 41; seq += 2) {
        apply_samples(*state, seq, 1, 1);
        assert_int_equal(reel_wait(*state, seq + 1, 60000), 0);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(position_of(*state).cursor, EVENTS + 40);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_view_before_the_start_is_refused_and_harms_nothing),
        CASE(the_log_is_read_from_any_seq),
        CASE(the_log_says_when_an_event_came),
        CASE(a_trimmed_log_is_read_from_its_floor),
        CASE(trimming_leaves_the_records_alone),
        CASE(rejections_are_listed_from_the_newest),
        CASE(a_payload_that_is_not_json_is_stored_unchanged),
        CASE(rejections_are_trimmed_with_the_log),
        CASE(an_empty_log_has_a_position),
        CASE(collections_are_named_and_described),
        CASE(projectors_are_shown_in_the_order_of_names),
        CASE(plugins_are_shown_in_the_order_of_loading),
        CASE(missing_records_and_missing_collections_are_distinguished),
        CASE(a_walk_ends_where_its_callback_says),
        CASE(a_reached_cursor_is_not_waited_for),
        CASE(waiting_ends_after_the_timeout),
        CASE(an_append_does_not_end_a_wait),
        CASE(waiters_are_woken_by_other_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
