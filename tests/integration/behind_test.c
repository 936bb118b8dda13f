/* behind_test.c: collections that are behind the log: new, changed, away and back, on a whole log
 * and on a trimmed one. What is done for each is in registry.c.
 *
 * The projector is the fixture `counter` in its versions. Event n counts for subject n % SUBJECTS;
 * another revision counts otherwise, so that the records tell which fold made them. */
#include "support.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNTER(version) build_path("tests/integration/plugins/counter_" version ".so")
#define COLLECTION       "counters"
enum { SUBJECTS = 10, EVENTS = 1000, FLOOR = 401 };

/* ---- Fixture --------------------------------------------------------------------------------- */

static void count_events(struct reel *reel, uint64_t first, uint64_t last) {
    struct batch batch = {0};
    struct reel_error error;
    for (uint64_t n = first; n <= last; n++) {
        char event[128];
        int len =
            snprintf(event, sizeof event,
                     "{\"type\":\"test.count.v1.one\",\"subject\":\"s%" PRIu64 "\"}", n % SUBJECTS);
        batch_add(&batch, event, (size_t)len);
    }
    must_ok(reel_apply_batch(reel, batch_payloads(&batch), batch.count, NULL, &error), error);
    batch_free(&batch);
}

/* A directory with events 1 … EVENTS, counted by that plugin (NULL: by none), trimmed or not. */
static const char *counted(const char *plugin, bool trimmed) {
    const char *directory = scratch_directory();
    struct reel_error error;
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, plugin, NULL);
    count_events(reel, 1, EVENTS);
    if (trimmed) must_ok(reel_trim(reel, FLOOR, &error), error);
    reel_close(reel);
    return directory;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static int64_t count_of(struct reel *reel, const char *subject) {
    char *text = record_text(reel, COLLECTION, subject);
    must(text);
    json_t *json = json_parsed(text, strlen(text));
    int64_t count = json_integer_value(json_object_get(json, "count"));
    json_decref(json);
    free(text);
    return count;
}

/* Every subject has come as often as any other. */
static void assert_counts(struct reel *reel, int64_t expected) {
    assert_int_equal(info_of(reel, COLLECTION).records, SUBJECTS);
    for (int subject = 0; subject < SUBJECTS; subject++) {
        char key[8];
        snprintf(key, sizeof key, "s%d", subject);
        assert_int_equal(count_of(reel, key), expected);
    }
}

static void assert_info(struct reel *reel, uint32_t revision, uint64_t from_seq) {
    struct reel_collection_info info = info_of(reel, COLLECTION);
    assert_int_equal(info.revision, revision);
    assert_int_equal(info.from_seq, from_seq);
    assert_int_equal(info.cursor, position_of(reel).cursor);
    assert_true(info.served);
}

/* Opened with that plugin the store is what a fresh fold of its whole log with it is. */
static void assert_folded_anew(const char *directory, const char *plugin, uint32_t revision) {
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, plugin, NULL);
    struct reel *fresh = fresh_fold(reel, CELL_SO, plugin, NULL);
    assert_same_state(reel, fresh);
    assert_info(reel, revision, 1);
    reel_close(fresh);
    reel_close(reel);
}

/* It does not start, says why, and leaves the store as it is for the version that made it. */
static void assert_refused(const char *directory, const char *plugin) {
    struct reel *reel = reel_loaded(directory, NULL, CELL_SO, plugin, NULL);
    struct reel_error error;
    assert_int_equal(reel_start(reel, &error), -ESTALE);
    assert_sentence(&error, COLLECTION);
    reel_close(reel);
}

/* Told to, it is folded anew from what the log still has. */
static void assert_rebuilt_when_told(const char *directory, const char *plugin, uint32_t revision,
                                     int64_t expected) {
    struct reel *reel = reel_loaded(directory, NULL, CELL_SO, plugin, NULL);
    struct reel_error error;
    must_ok(reel_rebuild(reel, COLLECTION, &error), error);
    must_ok(reel_start(reel, &error), error);
    assert_info(reel, revision, FLOOR);
    assert_counts(reel, expected);
    reel_close(reel);
}

/* ---- Cases: new ------------------------------------------------------------------------------ */

static void a_new_collection_is_folded_from_a_whole_log(void **state) {
    (void)state;
    assert_folded_anew(counted(NULL, false), COUNTER("1"), 1);
}

static void a_new_collection_begins_at_the_floor_of_a_trimmed_log(void **state) {
    (void)state;
    struct reel *reel = reel_opened(counted(NULL, true), NULL, CELL_SO, COUNTER("1"), NULL);
    assert_info(reel, 1, FLOOR);
    assert_counts(reel, (EVENTS - FLOOR + 1) / SUBJECTS);
    reel_close(reel);
}

/* ---- Cases: changed -------------------------------------------------------------------------- */

static void a_changed_revision_is_rebuilt_from_a_whole_log(void **state) {
    (void)state;
    const char *directory = counted(COUNTER("1"), false);
    assert_folded_anew(directory, COUNTER("2"), 2);
    assert_folded_anew(directory, COUNTER("1"), 1); /* back again is a change, too */
}

static void changed_fields_are_rebuilt_from_a_whole_log(void **state) {
    (void)state;
    const char *directory = counted(COUNTER("1"), false);
    assert_folded_anew(directory, COUNTER("fields"), 1);
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, COUNTER("fields"), NULL);
    char *text = record_text(reel, COLLECTION, "s1");
    assert_string_equal(text, "{\"count\":100,\"extra\":null}");
    free(text);
    reel_close(reel);
}

static void a_changed_revision_on_a_trimmed_log_is_refused_unless_told(void **state) {
    (void)state;
    const char *directory = counted(COUNTER("1"), true);
    assert_refused(directory, COUNTER("2"));
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, COUNTER("1"), NULL);
    assert_info(reel, 1, 1);
    assert_counts(reel, EVENTS / SUBJECTS);
    reel_close(reel);
    assert_rebuilt_when_told(directory, COUNTER("2"), 2, 2 * (EVENTS - FLOOR + 1) / SUBJECTS);
}

static void changed_fields_on_a_trimmed_log_are_refused_unless_told(void **state) {
    (void)state;
    const char *directory = counted(COUNTER("1"), true);
    assert_refused(directory, COUNTER("fields"));
    assert_rebuilt_when_told(directory, COUNTER("fields"), 1, (EVENTS - FLOOR + 1) / SUBJECTS);
}

/* A collection that began at the floor was made from all that is still there. */
static void a_changed_revision_that_began_at_the_floor_is_rebuilt(void **state) {
    (void)state;
    const char *directory = counted(NULL, true);
    reel_close(reel_opened(directory, NULL, CELL_SO, COUNTER("1"), NULL));
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, COUNTER("2"), NULL);
    struct reel_error error;
    assert_info(reel, 2, FLOOR);
    assert_counts(reel, 2 * (EVENTS - FLOOR + 1) / SUBJECTS);
    must_ok(reel_trim(reel, FLOOR + 1, &error), error);
    reel_close(reel);
    assert_refused(directory, COUNTER("1")); /* now one of its events is gone */
}

/* Kept records count singly, what comes after them doubly. */
static void assert_records_kept(bool trimmed) {
    const char *directory = counted(COUNTER("1"), trimmed);
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, COUNTER("2_compatible"), NULL);
    assert_counts(reel, EVENTS / SUBJECTS);
    count_events(reel, 1, SUBJECTS);
    assert_counts(reel, EVENTS / SUBJECTS + 2);
    assert_info(reel, 2, 1);
    reel_close(reel);
}

static void a_compatible_revision_keeps_the_records(void **state) {
    (void)state;
    assert_records_kept(false);
    assert_records_kept(true);
}

/* What keeps older records says nothing of newer ones. */
static void an_older_revision_keeps_no_newer_records(void **state) {
    (void)state;
    const char *directory = counted(COUNTER("2"), false);
    assert_folded_anew(directory, COUNTER("1_compatible"), 1);
    assert_refused(counted(COUNTER("2"), true), COUNTER("1_compatible"));
}

static void a_rebuild_replaces_the_rejections(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, COUNTER("1"), NULL);
    apply_text(reel, "{\"type\":\"test.count.v1.one\"}", REEL_REJECTED);
    apply_text(reel, "no JSON", REEL_REJECTED);
    char *before = rejected_dump(reel);
    assert_non_null(strstr(before, "\n1 counters event missing subject\n"));
    reel_close(reel);
    reel = reel_opened(directory, NULL, CELL_SO, COUNTER("2"), NULL);
    char *after = rejected_dump(reel);
    assert_null(strstr(after, "counters")); /* the second one does not reject it */
    assert_memory_equal(after, "2 ", 2);
    assert_int_equal(info_of(reel, COLLECTION).rejected, 0);
    free(before);
    free(after);
    reel_close(reel);
}

/* ---- Cases: away and back -------------------------------------------------------------------- */

static const char *been_away(uint64_t floor) {
    const char *directory = counted(COUNTER("1"), false);
    struct reel_error error;
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, NULL);
    count_events(reel, 1, EVENTS);
    if (floor) must_ok(reel_trim(reel, floor, &error), error);
    reel_close(reel);
    return directory;
}

static void back_on_a_whole_log_it_catches_up(void **state) {
    (void)state;
    assert_folded_anew(been_away(0), COUNTER("1"), 1);
}

static void back_on_a_log_trimmed_up_to_where_it_left_it_catches_up(void **state) {
    (void)state;
    const char *directory = been_away(EVENTS + 1);
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, COUNTER("1"), NULL);
    assert_info(reel, 1, 1);
    assert_counts(reel, 2 * EVENTS / SUBJECTS);
    reel_close(reel);
}

static void back_on_a_log_trimmed_further_it_is_refused_unless_told(void **state) {
    (void)state;
    const char *directory = been_away(EVENTS + 2);
    assert_refused(directory, COUNTER("1"));
    assert_refused(directory, COUNTER("2_compatible"));
    struct reel *reel = reel_loaded(directory, NULL, CELL_SO, COUNTER("1"), NULL);
    struct reel_error error;
    must_ok(reel_rebuild(reel, COLLECTION, &error), error);
    must_ok(reel_start(reel, &error), error);
    assert_info(reel, 1, EVENTS + 2);
    assert_int_equal(info_of(reel, COLLECTION).applied, EVENTS - 1);
    reel_close(reel);
}

/* Appended and not yet folded: trimming may not take it from under the fold. */
static void appended_events_are_folded_before_they_are_trimmed(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, CELL_SO, COUNTER("1"), NULL);
    struct reel_str event = reel_text("{\"type\":\"test.count.v1.one\",\"subject\":\"s\"}");
    struct reel_error error;
    for (int time = 0; time < 10; time++)
        must_ok(reel_append(reel, &event, 1, NULL, &error), error);
    must_ok(reel_trim(reel, 11, &error), error);
    assert_int_equal(count_of(reel, "s"), 10);
    assert_info(reel, 1, 1);
    reel_close(reel);
}

/* ---- Cases: on its way ----------------------------------------------------------------------- */

/* What a reader sees of a rebuild that is under way. */
struct glimpse {
    struct reel *reel;
    uint64_t warnings;
    bool is_served; /* as it was before */
    bool taken;
};

static void *look(void *context) {
    struct glimpse *glimpse = context;
    struct reel_view *view = view_opened(glimpse->reel);
    struct reel_collection_info info;
    struct reel_position position;
    struct text text = {0};
    must(reel_view_position(view, &position) == 0);
    must(reel_view_collection(view, COLLECTION, &info) == 0);
    must(position.cursor == EVENTS);
    uint64_t reached = glimpse->is_served ? info.rebuild_cursor : info.cursor;
    must(reached > 0 && reached < EVENTS);
    must(info.served == glimpse->is_served && info.rebuilding == glimpse->is_served);
    must(view_dump(view, COLLECTION, &text) == (glimpse->is_served ? 0 : -EAGAIN));
    if (!glimpse->is_served)
        must(reel_view_get(view, COLLECTION, reel_text("s1"), NULL, NULL) == -EAGAIN);
    must(view_dump(view, "cells", &text) == 0);
    reel_view_close(view);
    free(text.data);
    return NULL;
}

/* The writer is held meanwhile, which is nothing to a reader. */
static void look_half_way(void *context, const char *line) {
    struct glimpse *glimpse = context;
    pthread_t reader;
    (void)line;
    if (!glimpse->reel || ++glimpse->warnings != EVENTS / 2) return;
    must(pthread_create(&reader, NULL, look, glimpse) == 0);
    must(pthread_join(reader, NULL) == 0);
    glimpse->taken = true;
}

static void a_collection_that_is_being_rebuilt_is_shown_as_it_was(void **state) {
    (void)state;
    struct glimpse glimpse = {.is_served = true};
    struct reel_options options = {.batch_events_max = 1,
                                   .warn = look_half_way,
                                   .context = &glimpse,
                                   .warnings_max = UINT32_MAX};
    const char *directory = counted(COUNTER("1"), false);
    struct reel *reel = reel_opened(directory, &options, CELL_SO, COUNTER("1"), NULL);
    struct reel_error error;
    glimpse.reel = reel;
    must_ok(reel_rebuild(reel, COLLECTION, &error), error);
    assert_true(glimpse.taken);
    assert_info(reel, 1, 1);
    assert_counts(reel, EVENTS / SUBJECTS);
    reel_close(reel);
}

static void a_collection_with_another_fold_is_not_shown_meanwhile(void **state) {
    (void)state;
    struct glimpse glimpse = {0};
    struct reel_options options = {.batch_events_max = 1,
                                   .warn = look_half_way,
                                   .context = &glimpse,
                                   .warnings_max = UINT32_MAX};
    const char *directory = counted(COUNTER("1"), false);
    struct reel *reel = reel_loaded(directory, &options, CELL_SO, COUNTER("2"), NULL);
    struct reel_error error;
    glimpse.reel = reel;
    must_ok(reel_start(reel, &error), error);
    assert_true(glimpse.taken);
    assert_info(reel, 2, 1);
    reel_close(reel);
}

/* ---- Cases: under other bounds --------------------------------------------------------------- */

/* Events around one with that many bytes in its subject and as many beside it; no plugin folds
 * them yet. */
static const char *logged_with_a_large_one(size_t subject_len, size_t pad_len) {
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, NULL);
    struct text event = {0};
    text_format(&event, "{\"type\":\"test.count.v1.one\",\"subject\":\"");
    while (subject_len-- > 0) text_add(&event, "s", 1);
    text_format(&event, "\",\"data\":\"");
    while (pad_len-- > 0) text_add(&event, "p", 1);
    text_format(&event, "\"}");
    count_events(reel, 1, EVENTS);
    apply_text(reel, event.data, REEL_IGNORED);
    count_events(reel, 1, EVENTS);
    free(event.data);
    reel_close(reel);
    return directory;
}

/* What is in the log was taken: a bound that is smaller now is for what comes. */
static void assert_folded_under(const char *directory, struct reel_options options) {
    struct reel *reel = reel_opened(directory, &options, CELL_SO, COUNTER("1"), NULL);
    struct reel *fresh = fresh_fold(reel, CELL_SO, COUNTER("1"), NULL);
    struct reel_error error;
    assert_info(reel, 1, 1);
    assert_int_equal(info_of(reel, COLLECTION).records, SUBJECTS + 1);
    assert_same_state(reel, fresh);
    must_ok(reel_rebuild(reel, COLLECTION, &error), error);
    assert_same_state(reel, fresh);
    reel_close(fresh);
    reel_close(reel);
}

static void a_key_of_a_larger_event_is_caught_up_with(void **state) {
    (void)state;
    struct reel_options options = {.event_bytes_max = 64 << 10};
    assert_folded_under(logged_with_a_large_one(100 << 10, 0), options);
}

static void an_event_larger_than_a_batch_is_caught_up_with(void **state) {
    (void)state;
    struct reel_options options = {.event_bytes_max = 1024, .batch_bytes_max = 4096};
    assert_folded_under(logged_with_a_large_one(1, 8192), options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_collection_is_folded_from_a_whole_log),
        cmocka_unit_test(a_new_collection_begins_at_the_floor_of_a_trimmed_log),
        cmocka_unit_test(a_changed_revision_is_rebuilt_from_a_whole_log),
        cmocka_unit_test(changed_fields_are_rebuilt_from_a_whole_log),
        cmocka_unit_test(a_changed_revision_on_a_trimmed_log_is_refused_unless_told),
        cmocka_unit_test(changed_fields_on_a_trimmed_log_are_refused_unless_told),
        cmocka_unit_test(a_changed_revision_that_began_at_the_floor_is_rebuilt),
        cmocka_unit_test(a_compatible_revision_keeps_the_records),
        cmocka_unit_test(an_older_revision_keeps_no_newer_records),
        cmocka_unit_test(a_rebuild_replaces_the_rejections),
        cmocka_unit_test(back_on_a_whole_log_it_catches_up),
        cmocka_unit_test(back_on_a_log_trimmed_up_to_where_it_left_it_catches_up),
        cmocka_unit_test(back_on_a_log_trimmed_further_it_is_refused_unless_told),
        cmocka_unit_test(appended_events_are_folded_before_they_are_trimmed),
        cmocka_unit_test(a_collection_that_is_being_rebuilt_is_shown_as_it_was),
        cmocka_unit_test(a_collection_with_another_fold_is_not_shown_meanwhile),
        cmocka_unit_test(a_key_of_a_larger_event_is_caught_up_with),
        cmocka_unit_test(an_event_larger_than_a_batch_is_caught_up_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
