/* shadow_test.c: a rebuild beside the records that are served: each view has all of the old records
 * or all of the new ones, whatever happens meanwhile. */
#include "shadow_support.h"

#include "engine/engine.h"
#include "engine/transaction.h"
#include "engine/verify.h"

#include <errno.h>
#include <string.h>

/* ---- Cases: one rebuild ---------------------------------------------------------------------- */

static void old_records_are_served_and_folded_until_the_switch(void **state) {
    (void)state;
    struct reel *reel = opened(made(400), 0);
    size_t old_views = 0, slices = 0;
    begin_rebuild(reel, "tally");
    struct reel_view *held = view_opened(reel);
    while (build_some(reel, 7) > 0) {
        struct reel_collection_info info = check(reel, 0);
        assert_int_equal(info.generation, info.rebuilding ? 0 : 1);
        old_views += info.rebuilding;
        slices++;
        if (info.rebuilding) apply_some(reel, slices % 3);
    }
    assert_true(old_views > 50 && old_views == slices - 1);
    assert_true(reel_cursor(reel) > 400);
    write_checkpoint(reel); /* LMDB has the old tables empty */
    check_view(held, 0);
    reel_view_close(held);
    assert_int_equal(check(reel, 0).generation, 1);
    apply_some(reel, 50);
    assert_int_equal(check(reel, 0).generation, 1);
    reel_close(reel);
}

static void what_is_new_is_kept_by_a_restart(void **state) {
    (void)state;
    const char *directory = made(300);
    struct reel_error error;
    struct reel *reel = opened(directory, 0);
    for (uint64_t generation = 1; generation <= 3; generation++) {
        must_ok(reel_rebuild(reel, "sums", &error), error);
        assert_int_equal(check(reel, 0).generation, generation);
        apply_some(reel, 20);
        reel_close(reel);
        reel = opened(directory, 0);
        assert_int_equal(check(reel, 0).generation, generation);
    }
    reel_close(reel);
}

static void a_rebuild_that_is_asked_for_again_begins_again(void **state) {
    (void)state;
    struct reel *reel = opened(made(300), 0);
    begin_rebuild(reel, "tally");
    for (int i = 0; i < 10; i++) build_some(reel, 7);
    assert_true(check(reel, 0).rebuild_cursor >= 70);
    begin_rebuild(reel, "sums");
    assert_int_equal(check(reel, 0).rebuild_cursor, 0);
    while (build_some(reel, 100) > 0) check(reel, 0);
    assert_int_equal(check(reel, 0).generation, 1);
    reel_close(reel);
}

static void an_empty_log_is_rebuilt(void **state) {
    (void)state;
    struct reel_error error;
    adds = NEW_ADDS;
    struct reel *reel = opened(NULL, 0);
    must_ok(reel_rebuild(reel, "tally", &error), error);
    assert_int_equal(info_of(reel, "tally").generation, 1);
    apply_some(reel, 30);
    must_ok(reel_rebuild(reel, "tally", &error), error);
    assert_int_equal(check(reel, 0).generation, 2);
    reel_close(reel);
}

static void what_it_needs_is_not_trimmed(void **state) {
    (void)state;
    struct reel_error error;
    struct reel *reel = opened(made(400), 0);
    begin_rebuild(reel, "tally");
    while (check(reel, 0).rebuild_cursor < 100) build_some(reel, 7);
    uint64_t kept = check(reel, 0).rebuild_cursor + 1;
    must_ok(reel_trim(reel, 300, &error), error);
    assert_in_range(position_of(reel).first_seq, 2, kept);
    while (build_some(reel, 7) > 0) continue;
    assert_int_equal(info_of(reel, "tally").applied + info_of(reel, "tally").rejected, 400);
    must_ok(reel_trim(reel, 300, &error), error);
    assert_int_equal(position_of(reel).first_seq, 300);
    reel_close(reel);
}

static void another_log_ends_it(void **state) {
    (void)state;
    static const uint8_t epoch[16] = {7};
    static const struct store_origin origin = {.created_ns = 7, .stream_hash = {1}};
    const char *directory = made(200);
    struct reel_error error;
    struct reel *reel = opened(directory, 0);
    begin_rebuild(reel, "tally");
    while (check(reel, 0).rebuild_cursor < 100) build_some(reel, 7);
    must_ok(engine_adopt(reel, epoch, 1000, &origin, &error), error);
    for (int i = 0; i < 2; i++) {
        struct reel_collection_info info = info_of(reel, "tally");
        assert_true(info.served && !info.rebuilding && info.records == 0);
        assert_int_equal(info.cursor, 999);
        assert_int_equal(build_some(reel, 7), 0);
        reel_close(reel);
        if (i == 0) reel = opened(directory, 0);
    }
}

/* ---- Cases: verifying ------------------------------------------------------------------------ */

struct compared {
    size_t served, shadows, wrong_shadows;
};

static void note_compared(void *context, const struct verify_compared *compared) {
    struct compared *counts = context;
    bool is_wrong = compared->why || !compared->is_same;
    if (is_wrong && !compared->is_shadow)
        fail_msg("%s: %s", compared->collection, compared->why ? compared->why : "not the same");
    counts->served += !compared->is_shadow;
    counts->shadows += compared->is_shadow;
    counts->wrong_shadows += is_wrong;
}

static void note_finding(void *context, const char *file, uint64_t offset, const char *what) {
    (void)context;
    fail_msg("%s: %zu: %s", file, (size_t)offset, what);
}

static void note_sentence(void *context, const char *sentence) {
    (void)context;
    fail_msg("%s", sentence);
}

static void note_beginning(void *context, const char *what) {
    (void)context, (void)what;
}

/* Both collections, by their records and by a fold. */
static struct compared verified(const char *directory) {
    struct compared compared = {0};
    const struct verifier verifier = {note_finding, note_sentence, note_compared, note_beginning,
                                      &compared};
    struct reel_options options = test_options(NULL, NULL);
    struct reel_error error;
    struct reel *reel;
    must_ok(reel_open(&options, &reel, &error), error);
    must_ok(reel_add_plugin(reel, &tally, &error), error);
    must_ok(reel_add_plugin(reel, &sums, &error), error);
    int found = verify_directory(directory, reel, &verifier, &error);
    assert_int_equal(found, compared.wrong_shadows);
    reel_close(reel);
    assert_int_equal(compared.served, 4);
    return compared;
}

/* The shadow is said to have folded what it has not. */
static void spoil_shadow(struct reel *reel) {
    HOLD_LOCK(&reel->writer);
    struct reel_error error;
    must_ok(dispatcher_begin(&reel->dispatcher, &error), error);
    registry_find(&reel->dispatcher.registry, STR("tally"))->shadow->state.digest.low++;
    must_ok(dispatcher_end(&reel->dispatcher, 0, &error), error);
}

/* With the second set of tables, and with one that has a shadow. */
static void verify_reads_the_records_that_are_served_and_those_of_a_rebuild(void **state) {
    (void)state;
    const char *directory = made(100);
    struct reel_error error;
    struct reel *reel = opened(directory, 0);
    must_ok(reel_rebuild(reel, "tally", &error), error);
    apply_some(reel, 20);
    reel_close(reel);
    assert_int_equal(verified(directory).shadows, 0);
    reel = opened(directory, 0);
    begin_rebuild(reel, "tally");
    build_some(reel, 50);
    assert_true(info_of(reel, "tally").rebuilding);
    reel_close(reel);
    struct compared compared = verified(directory);
    assert_int_equal(compared.shadows, 2);
    assert_int_equal(compared.wrong_shadows, 0);
    reel = opened(directory, REEL_START_BEHIND);
    assert_true(info_of(reel, "tally").rebuilding);
    spoil_shadow(reel);
    reel_close(reel);
    assert_int_equal(verified(directory).wrong_shadows, 1);
}

static void a_backup_has_both(void **state) {
    (void)state;
    const char *copy = path_in(scratch_directory(), "copy");
    struct reel_error error;
    struct reel *reel = opened(made(200), 0);
    begin_rebuild(reel, "tally");
    while (check(reel, 0).rebuild_cursor < 100) build_some(reel, 7);
    write_checkpoint(reel);
    must_ok(reel_backup(reel, copy, &error), error);
    reel_close(reel);
    adds = OLD_ADDS; /* as those that are served were made */
    struct compared compared = verified(copy);
    adds = NEW_ADDS;
    assert_int_equal(compared.shadows, 2);
    assert_int_equal(compared.wrong_shadows, 0);
    reel = opened(copy, REEL_START_BEHIND | REEL_NEW_EPOCH);
    struct reel_collection_info info = check(reel, 0);
    assert_true(info.rebuilding && info.generation == 0 && info.rebuild_cursor >= 100);
    must_ok(reel_catch_up(reel, &error), error);
    assert_int_equal(check(reel, 0).generation, 1);
    reel_close(reel);
}

/* ---- Cases: crashes -------------------------------------------------------------------------- */

/* The copy shows what was visible, or what was there before and is told apart; then it is finished.
 * `seen`: what the views before had. */
static void check_copy(const char *directory, const struct reel_collection_info *seen) {
    struct reel *reel = opened(copy_of_directory(directory), REEL_START_BEHIND);
    struct reel_error error;
    struct reel_collection_info info = check(reel, 0);
    assert_int_equal(info.cursor, seen->cursor);
    assert_int_equal(info.generation, seen->generation);
    must_ok(reel_catch_up(reel, &error), error);
    assert_int_equal(check(reel, 0).generation, 1);
    apply_some(reel, 3);
    assert_int_equal(check(reel, 0).generation, 1);
    reel_close(reel);
}

/* At each point between two groups, with and without a checkpoint there. */
static void killed_at_any_point(uint64_t checkpoints) {
    const char *directory = made(60);
    struct reel *reel = opened(directory, 0);
    uint64_t random = checkpoints;
    begin_rebuild(reel, "tally");
    struct reel_collection_info info = check(reel, 0);
    while (info.rebuilding) {
        check_copy(directory, &info);
        apply_some(reel, 1);
        build_some(reel, 9);
        if (random_next(&random) % 4 < checkpoints) write_checkpoint(reel);
        info = check(reel, 0);
    }
    assert_int_equal(info.generation, 1);
    check_copy(directory, &info);
    apply_some(reel, 2);
    info = check(reel, 0);
    check_copy(directory, &info);
    reel_close(reel);
}

static void a_kill_at_any_point_leaves_old_or_new_records(void **state) {
    (void)state;
    for (uint64_t checkpoints = 0; checkpoints <= 4; checkpoints++)
        killed_at_any_point(checkpoints);
}

static void a_restart_goes_on_where_the_checkpoint_was(void **state) {
    (void)state;
    const char *directory = made(200);
    struct reel *reel = opened(directory, 0);
    begin_rebuild(reel, "tally");
    while (check(reel, 0).rebuild_cursor < 100) build_some(reel, 7);
    write_checkpoint(reel);
    uint64_t reached = check(reel, 0).rebuild_cursor;
    build_some(reel, 7);
    const char *copy = copy_of_directory(directory);
    reel_close(reel);
    reel = opened(copy, REEL_START_BEHIND);
    assert_int_equal(check(reel, 0).rebuild_cursor, reached);
    reel_close(reel);
}

/* ---- Cases: the start ------------------------------------------------------------------------ */

static void a_rebuild_at_the_start_serves_the_old_records(void **state) {
    (void)state;
    struct reel_options options = {.flags = REEL_START_BEHIND};
    struct reel *reel = opened_with(made(200), &options, &tally, &sums, "tally");
    struct reel_collection_info info = check(reel, 0);
    assert_true(info.rebuilding && info.generation == 0);
    apply_some(reel, 5);
    check(reel, 0);
    while (build_some(reel, 50) > 0) check(reel, 0);
    assert_int_equal(check(reel, 0).generation, 1);
    reel_close(reel);
}

/* Of its source there is what to serve, of itself there is not. */
static void assert_source_is_served(const char *directory, const struct reel_plugin *derived) {
    struct reel_options options = {.flags = REEL_START_BEHIND};
    struct reel_error error;
    struct reel *reel = opened_with(directory, &options, &tally, derived, NULL);
    struct reel_collection_info info = info_of(reel, "tally");
    assert_true(info.served && info.rebuilding && info.generation == 0);
    assert_int_equal(info.cursor, 200);
    assert_false(info_of(reel, "sums").served);
    apply_some(reel, 5);
    assert_false(info_of(reel, "sums").served);
    write_checkpoint(reel);
    const char *copy = copy_of_directory(directory);
    must_ok(reel_catch_up(reel, &error), error);
    assert_int_equal(check(reel, 0).generation, 1);
    reel_close(reel);

    reel = opened_with(copy, &options, &tally, derived, NULL);
    assert_true(info_of(reel, "tally").served && !info_of(reel, "sums").served);
    must_ok(reel_catch_up(reel, &error), error);
    assert_int_equal(check(reel, 0).generation, 1);
    reel_close(reel);
}

static void the_source_of_a_new_collection_is_served(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    adds = OLD_ADDS;
    struct reel *reel = opened_with(directory, NULL, &tally, NULL, NULL);
    apply_some(reel, 200);
    reel_close(reel);
    adds = NEW_ADDS;
    assert_source_is_served(directory, &sums);
}

static void the_source_of_one_with_another_fold_is_served(void **state) {
    (void)state;
    assert_source_is_served(made(200), &sums_2);
}

/* Its old records cannot be folded on. */
static void another_fold_is_not_served_before_it_is_complete(void **state) {
    (void)state;
    const char *directory = made(200);
    struct reel_options options = {.flags = REEL_START_BEHIND};
    struct reel_error error;
    struct reel *reel = opened_with(directory, &options, &tally, &sums, "tally");
    build_some(reel, 50);
    reel_close(reel);
    reel = opened_with(directory, &options, &tally_2, &sums, NULL);
    assert_false(info_of(reel, "tally").served || info_of(reel, "tally").rebuilding);
    must_ok(reel_catch_up(reel, &error), error);
    check(reel, 0);
    reel_close(reel);
}

/* ---- Cases: from records --------------------------------------------------------------------- */

static void a_rebuild_from_records_serves_the_old_ones(void **state) {
    (void)state;
    struct reel_error error;
    struct reel *reel = opened(made(200), 0);
    must_ok(reel_trim(reel, 100, &error), error);
    assert_int_equal(looks_at_old_sums(reel), KEYS);
    assert_int_equal(info_of(reel, "sums").generation, 1);
    assert_int_equal(info_of(reel, "tally").generation, 0);
    apply_some(reel, 10);
    reel_close(reel);
}

/* ---- Cases: a full disk ---------------------------------------------------------------------- */

/* The new records do not fit beside the old ones. */
enum { RECORDS = 8000 };

static void a_full_disk_leaves_the_old_records(void **state) {
    (void)state;
    char subject[101] = "";
    struct batch batch = {0};
    const char *directory = scratch_directory();
    struct reel_options small = {.map_bytes = 4 << 20}, large = {.map_bytes = 64 << 20};
    struct reel_error error;
    memset(subject, 'x', sizeof subject - 1);
    adds = OLD_ADDS;
    struct reel *reel = opened_with(directory, &small, &tally, NULL, NULL);
    for (int n = 0; n < RECORDS; n++) {
        char event[256];
        int len = snprintf(event, sizeof event, "{\"type\":\"tally.one\",\"subject\":\"k%05d%s\"}",
                           n, subject);
        batch_add(&batch, event, (size_t)len);
        if (batch.count < 200 && n + 1 < RECORDS) continue;
        must_ok(reel_apply_batch(reel, batch_payloads(&batch), batch.count, NULL, &error), error);
        batch_clear(&batch);
    }
    batch_free(&batch);
    reel_close(reel);

    adds = NEW_ADDS;
    reel = opened_with(directory, &small, &tally, NULL, NULL);
    struct reel_collection_info before = info_of(reel, "tally");
    int rc;
    for (int i = 0; (rc = reel_rebuild(reel, "tally", &error)) == 0 && i < 10; i++) continue;
    if (rc != -ENOSPC) fail_msg("%d: %s", rc, error.text);
    struct reel_collection_info after = info_of(reel, "tally");
    assert_true(after.served);
    assert_int_equal(after.records, RECORDS);
    before = after;
    reel_close(reel);

    reel = opened_with(directory, &large, &tally, NULL, NULL);
    after = info_of(reel, "tally");
    assert_true(after.served && !after.rebuilding);
    assert_int_equal(after.generation, before.generation + before.rebuilding);
    assert_int_equal(after.records, RECORDS);
    reel_close(reel);
}

/* ---- Cases: under load ----------------------------------------------------------------------- */

enum { READERS = 2 };

struct load {
    struct reel *reel;
    atomic_bool ends;
    atomic_uint old_views, new_views;
};

/* The generation never goes back. */
static void *read_on(void *context) {
    struct load *load = context;
    uint64_t generation = 0;
    while (!atomic_load(&load->ends)) {
        struct reel_view *view = view_opened(load->reel);
        struct reel_collection_info info = check_view(view, 0);
        reel_view_close(view);
        must(info.generation >= generation);
        generation = info.generation;
        if (info.rebuilding) atomic_fetch_add(&load->old_views, 1);
        if (info.generation > 0) atomic_fetch_add(&load->new_views, 1);
    }
    return NULL;
}

static void *write_on(void *context) {
    struct load *load = context;
    while (!atomic_load(&load->ends) && reel_cursor(load->reel) < EVENTS_MAX - 10) {
        apply_some(load->reel, 3);
        usleep(500);
    }
    return NULL;
}

static void no_reader_sees_a_mixture_while_others_write(void **state) {
    (void)state;
    struct load load = {.reel = opened(made(EVENTS_MAX * 3 / 4), 0)};
    struct reel_error error;
    pthread_t readers[READERS], writer;
    for (size_t i = 0; i < READERS; i++)
        must(pthread_create(&readers[i], NULL, read_on, &load) == 0);
    must(pthread_create(&writer, NULL, write_on, &load) == 0);
    must_ok(reel_rebuild(load.reel, "sums", &error), error);
    while (atomic_load(&load.new_views) < 3) usleep(1000);
    atomic_store(&load.ends, true);
    for (size_t i = 0; i < READERS; i++) pthread_join(readers[i], NULL);
    pthread_join(writer, NULL);
    assert_int_equal(check(load.reel, 0).generation, 1);
    reel_close(load.reel);
}

UNIT_TESTS(shadow_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_records_are_served_and_folded_until_the_switch),
        cmocka_unit_test(what_is_new_is_kept_by_a_restart),
        cmocka_unit_test(a_rebuild_that_is_asked_for_again_begins_again),
        cmocka_unit_test(an_empty_log_is_rebuilt),
        cmocka_unit_test(what_it_needs_is_not_trimmed),
        cmocka_unit_test(another_log_ends_it),
        cmocka_unit_test(verify_reads_the_records_that_are_served_and_those_of_a_rebuild),
        cmocka_unit_test(a_backup_has_both),
        cmocka_unit_test(a_kill_at_any_point_leaves_old_or_new_records),
        cmocka_unit_test(a_restart_goes_on_where_the_checkpoint_was),
        cmocka_unit_test(a_rebuild_at_the_start_serves_the_old_records),
        cmocka_unit_test(the_source_of_a_new_collection_is_served),
        cmocka_unit_test(the_source_of_one_with_another_fold_is_served),
        cmocka_unit_test(another_fold_is_not_served_before_it_is_complete),
        cmocka_unit_test(a_rebuild_from_records_serves_the_old_ones),
        cmocka_unit_test(a_full_disk_leaves_the_old_records),
        cmocka_unit_test(no_reader_sees_a_mixture_while_others_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
