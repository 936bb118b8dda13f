/* bounds_test.c: rule 9. Everything has a bound, and passing it is a clear error. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options --------------------------------------------------------------------------------- */

static void assert_refused(struct reel_options options, const char *part) {
    struct reel *reel = NULL;
    struct reel_error error;
    assert_int_equal(reel_open(&options, &reel, &error), -EINVAL);
    assert_null(reel);
    assert_sentence(&error, part);
}

static void options_out_of_range_are_refused(void **state) {
    (void)state;
    struct reel_options options = {.struct_size = sizeof options};
    struct reel_options tried = options;
    tried.event_bytes_max = (16u << 20) + 1;
    assert_refused(tried, "event_bytes_max");
    tried = options;
    tried.views_max = 4097;
    assert_refused(tried, "views_max");
    tried = options;
    tried.flags = 1u << 31;
    assert_refused(tried, "flag");
    tried = options;
    tried.struct_size = 0;
    assert_refused(tried, "struct_size");
}

static void options_at_the_end_of_their_range_are_taken(void **state) {
    (void)state;
    struct reel_options options = {.event_bytes_max = 16u << 20, .views_max = 4096};
    struct reel *reel = reel_opened(NULL, &options, CELL_SO, NULL);
    apply_samples(reel, 1, 10, 10);
    reel_close(reel);
}

/* ---- Events ---------------------------------------------------------------------------------- */

enum { EVENT_MAX = 4096 };

/* A started cell of exactly that many bytes. */
static char *event_of(size_t len) {
    static const char head[] = "{\"type\":\"dev.cellos.events.cell.lifecycle.v1.started\","
                               "\"data\":{\"cellId\":\"big\",\"specId\":\"s\",\"pad\":\"";
    char *event = malloc(len + 1);
    must(event && len > sizeof head + 3);
    memset(event, 'p', len);
    memcpy(event, head, sizeof head - 1);
    memcpy(event + len - 3, "\"}}", 4);
    return event;
}

static int check_oversize(void *context, const struct reel_entry *entry) {
    (void)context;
    must(entry->seq == 2);
    must(entry->flags & REEL_LOG_OVERSIZE);
    must(entry->size == EVENT_MAX + 1);
    must(entry->bytes.len == 0);
    must(entry->time_ns > 0);
    return 1;
}

static int check_rejection(void *context, const struct reel_rejection *rejection) {
    (void)context;
    must(rejection->seq == 2);
    must(rejection->collection.len == 0);
    must(rejection->reason.len > 0);
    return 0;
}

static void an_event_above_its_bound_is_logged_without_its_bytes(void **state) {
    (void)state;
    struct reel_options options = {.event_bytes_max = EVENT_MAX};
    struct reel *reel = reel_opened(NULL, &options, CELL_SO, NULL);
    char *fits = event_of(EVENT_MAX);
    char *too_large = event_of(EVENT_MAX + 1);
    assert_int_equal(apply_text(reel, fits, REEL_APPLIED), 1);
    assert_int_equal(apply_text(reel, too_large, REEL_REJECTED), 2);
    assert_int_equal(apply_text(reel, fits, REEL_APPLIED), 3);
    assert_int_equal(position_of(reel).cursor, 3);
    assert_int_equal(position_of(reel).rejected, 1);
    struct reel_view *view = view_opened(reel);
    assert_int_equal(reel_view_log(view, 2, check_oversize, NULL), 1);
    assert_int_equal(reel_view_rejected(view, UINT64_MAX, check_rejection, NULL), 0);
    reel_view_close(view);
    free(fits);
    free(too_large);
    reel_close(reel);
}

/* ---- Batches --------------------------------------------------------------------------------- */

static void assert_too_big(struct reel *reel, struct batch *batch) {
    size_t before_len, after_len;
    struct reel_error error;
    struct reel_position position = position_of(reel);
    char *before = state_dump(reel, &before_len);
    assert_int_equal(reel_apply_batch(reel, batch_payloads(batch), batch->count, NULL, &error),
                     -E2BIG);
    assert_sentence(&error, "");
    assert_int_equal(reel_append(reel, batch_payloads(batch), batch->count, NULL, &error), -E2BIG);
    assert_sentence(&error, "");
    char *after = state_dump(reel, &after_len);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, before_len);
    assert_int_equal(position_of(reel).head, position.head);
    assert_int_equal(position_of(reel).cursor, position.cursor);
    free(before);
    free(after);
}

static void assert_taken(struct reel *reel, struct batch *batch) {
    uint64_t before = position_of(reel).cursor;
    struct reel_error error;
    must_ok(reel_apply_batch(reel, batch_payloads(batch), batch->count, NULL, &error), error);
    assert_int_equal(position_of(reel).cursor, before + batch->count);
}

static void a_batch_of_too_many_events_changes_nothing(void **state) {
    (void)state;
    struct reel_options options = {.batch_events_max = 10};
    struct reel *reel = reel_opened(NULL, &options, CELL_SO, FORMATION_SO, NULL);
    struct batch batch = {0};
    for (uint64_t n = 1; n <= 10; n++) batch_add_sample(&batch, n);
    assert_taken(reel, &batch);
    batch_add_sample(&batch, 11);
    assert_too_big(reel, &batch);
    batch_free(&batch);
    reel_close(reel);
}

static void a_batch_of_too_many_bytes_changes_nothing(void **state) {
    (void)state;
    struct reel_options options = {.event_bytes_max = 4096, .batch_bytes_max = 8192};
    struct reel *reel = reel_opened(NULL, &options, CELL_SO, FORMATION_SO, NULL);
    char *half = event_of(4096);
    struct batch batch = {0};
    batch_add(&batch, half, 4096);
    batch_add(&batch, half, 4096);
    assert_taken(reel, &batch);
    batch_clear(&batch);
    batch_add(&batch, half, 4096);
    batch_add(&batch, half, 4096);
    batch_add(&batch, "1", 1);
    assert_too_big(reel, &batch);
    free(half);
    batch_free(&batch);
    reel_close(reel);
}

/* Of what is too large by itself nothing is kept, so it does not count. */
static void an_event_above_its_bound_does_not_fill_a_batch(void **state) {
    (void)state;
    enum { HUGE_LEN = 70 << 20 };
    struct reel *reel = reel_opened(NULL, NULL, CELL_SO, NULL);
    char *huge = calloc(1, HUGE_LEN), *small = event_of(200);
    struct reel_str payloads[] = {{huge, HUGE_LEN}, {small, 200}};
    struct reel_result results[2];
    struct reel_error error;
    assert_non_null(huge);
    must_ok(reel_apply_batch(reel, payloads, 2, results, &error), error);
    assert_int_equal(results[0].outcome, REEL_REJECTED);
    assert_int_equal(results[1].outcome, REEL_APPLIED);
    assert_int_equal(results[1].seq, 2);
    char *rejected = rejected_dump(reel);
    assert_non_null(strstr(rejected, "1  event of 73400320 bytes"));
    must_ok(reel_append(reel, payloads, 2, NULL, &error), error);
    must_ok(reel_catch_up(reel, &error), error);
    assert_int_equal(position_of(reel).cursor, 4);
    assert_int_equal(position_of(reel).rejected, 2);
    free(rejected);
    free(small);
    free(huge);
    reel_close(reel);
}

/* ---- The store ------------------------------------------------------------------------------- */

/* The reserved map is a bound like a disk's: writes end with an error, and all else goes on. */
static void a_full_map_is_like_a_full_disk(void **state) {
    (void)state;
    struct reel_options options = {.map_bytes = 16u << 20};
    struct reel *reel = reel_opened(NULL, &options, CELL_SO, FORMATION_SO, NULL);
    struct batch batch = {0};
    struct reel_error error;
    uint64_t head = 0;
    int rc = 0;
    while (rc == 0) {
        batch_clear(&batch);
        for (uint64_t n = 1; n <= 64; n++) batch_add_sample(&batch, head + n);
        rc = reel_apply_batch(reel, batch_payloads(&batch), batch.count, NULL, &error);
        if (rc == 0) head += batch.count;
        assert_true(head < 200000); /* that would be 80 MB */
    }
    assert_int_equal(rc, -ENOSPC);
    assert_sentence(&error, "");
    assert_int_equal(position_of(reel).cursor, head);
    struct reel *fresh = fresh_fold(reel, CELL_SO, FORMATION_SO, NULL);
    assert_same_state(reel, fresh);
    reel_close(fresh);
    batch_free(&batch);
    reel_close(reel);
}

static void trimming_beyond_the_head_is_refused(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, CELL_SO, NULL);
    struct reel_error error;
    apply_samples(reel, 1, 10, 10);
    assert_true(reel_trim(reel, 12, &error) < 0);
    assert_sentence(&error, "");
    assert_int_equal(position_of(reel).first_seq, 1);
    must_ok(reel_trim(reel, 11, &error), error);
    assert_int_equal(position_of(reel).first_seq, 11);
    assert_int_equal(position_of(reel).cursor, 10);
    apply_samples(reel, 11, 1, 1);
    assert_int_equal(position_of(reel).first_seq, 11);
    assert_int_equal(position_of(reel).head, 11);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(options_at_the_end_of_their_range_are_taken),
        cmocka_unit_test(an_event_above_its_bound_is_logged_without_its_bytes),
        cmocka_unit_test(a_batch_of_too_many_events_changes_nothing),
        cmocka_unit_test(a_batch_of_too_many_bytes_changes_nothing),
        cmocka_unit_test(an_event_above_its_bound_does_not_fill_a_batch),
        cmocka_unit_test(a_full_map_is_like_a_full_disk),
        cmocka_unit_test(trimming_beyond_the_head_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
