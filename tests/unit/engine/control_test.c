/* control_test.c: units that are paused and go on: where their records stand, in each slice and
 * after each restart. The unit `tally` and `sums` is paused; `other` never is. */
#include "unit.h"

#include "base/cleanup.h"
#include "engine/control.h"
#include "engine/engine.h"

#include <errno.h>
#include <stdlib.h>

/* ---- The plugin ------------------------------------------------------------------------------ */

static void add_one(struct reel_record *record) {
    int64_t count = 0;
    reel_field_int(record, "count", &count);
    reel_set_int(record, "count", count + 1);
}

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    add_one(reel_upsert(tx, event->subject));
    return REEL_APPLIED;
}

static reel_outcome derive(struct reel_tx *tx, const struct reel_change *change) {
    (void)change;
    add_one(reel_upsert(tx, reel_text("all")));
    return REEL_APPLIED;
}

static const char *const prefixes[] = {"t", NULL};
static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "count", .kind = REEL_FIELD_INTEGER), NULL};

#define PROJECTOR(title, ...)                                                                      \
    &(const struct reel_projector) {                                                               \
        .struct_size = sizeof(struct reel_projector), .revision = 1, .collection = (title),        \
        .fields = fields, __VA_ARGS__                                                              \
    }

static const struct reel_plugin plugin = {
    .header = REEL_PLUGIN_HEADER,
    .name = "plugin",
    .version = "1",
    .projectors =
        (const struct reel_projector *const[]){
            PROJECTOR("other", .type_prefixes = prefixes, .evolve = evolve),
            PROJECTOR("sums", .derives_from = "tally", .derive = derive),
            PROJECTOR("tally", .type_prefixes = prefixes, .evolve = evolve), NULL},
};

/* ---- Fixture --------------------------------------------------------------------------------- */

static struct reel *opened(const char *directory) {
    struct reel_options options = test_options(directory, NULL);
    struct reel_error error;
    struct reel *reel;
    must_ok(reel_open(&options, &reel, &error), error);
    must_ok(reel_add_plugin(reel, &plugin, &error), error);
    must_ok(reel_start(reel, &error), error);
    return reel;
}

static void apply_some(struct reel *reel, size_t count) {
    struct reel_error error;
    char event[64];
    for (size_t i = 0; i < count; i++) {
        uint64_t seq = reel_cursor(reel) + 1;
        snprintf(event, sizeof event, "{\"type\":\"t\",\"subject\":\"k%d\"}", (int)(seq % 5));
        must_ok(reel_apply(reel, reel_text(event), NULL, &error), error);
    }
}

static int control(struct reel *reel, const char *collection, reel_control control) {
    struct reel_error error;
    HOLD_LOCK(&reel->writer);
    return control_run(reel, collection, control, &error);
}

static int build_some(struct reel *reel, uint64_t events_max) {
    struct reel_error error;
    int rc = engine_build_some(reel, events_max, &error);
    if (rc < 0) must_ok(rc, error);
    return rc;
}

static void write_checkpoint(struct reel *reel) {
    struct reel_error error;
    HOLD_LOCK(&reel->writer);
    must_ok(checkpoint_all(&reel->dispatcher.store, &error), error);
}

static int add_count(void *context, const struct reel_row *row) {
    uint64_t *sum = context;
    *sum += strtoull(row->json.data + strlen("{\"count\":"), NULL, 10);
    return 0;
}

static void check_one(struct reel_view *view, const char *collection, uint64_t cursor, bool stale) {
    struct reel_collection_info info;
    uint64_t sum = 0;
    test_context("%s", collection);
    must(reel_view_collection(view, collection, &info) == 0 && info.served);
    must(reel_view_list(view, collection, (struct reel_str){0}, false, add_count, &sum) == 0);
    assert_int_equal(info.cursor, cursor);
    assert_int_equal(info.applied, cursor);
    assert_int_equal(sum, cursor);
    assert_int_equal(info.stale, stale);
    test_context("%s", "");
}

/* Each record is as of where its collection stands. `stale`: the unit. */
static void check(struct reel *reel, uint64_t cursor, bool stale) {
    struct reel_view *view = view_opened(reel);
    check_one(view, "tally", cursor, stale);
    check_one(view, "sums", cursor, stale);
    check_one(view, "other", reel_cursor(reel), false);
    reel_view_close(view);
}

/* ---- Pause and resume ------------------------------------------------------------------------ */

static void a_paused_unit_stands_still(void **state) {
    (void)state;
    struct reel *reel = opened(NULL);
    apply_some(reel, 10);
    must(control(reel, "sums", REEL_CONTROL_PAUSE) == 0);
    check(reel, 10, true);
    apply_some(reel, 10);
    check(reel, 10, true);
    must(info_of(reel, "tally").paused && info_of(reel, "sums").paused);
    must(!info_of(reel, "other").paused);
    assert_int_equal(build_some(reel, 100), 0);
    assert_int_equal(control(reel, "tally", REEL_CONTROL_PAUSE), -EALREADY);
    assert_int_equal(control(reel, "other", REEL_CONTROL_RESUME), -EALREADY);
    assert_int_equal(control(reel, "tally", REEL_CONTROL_RELEASE), -EALREADY);
    assert_int_equal(control(reel, "tally", REEL_CONTROL_REBUILD), -EBUSY);
    assert_int_equal(control(reel, "nothing", REEL_CONTROL_PAUSE), -ESRCH);
    reel_close(reel);
}

/* It stood at 10, and so many events have come since. */
static struct reel *going_on(size_t behind) {
    struct reel *reel = opened(NULL);
    apply_some(reel, 10);
    must(control(reel, "tally", REEL_CONTROL_PAUSE) == 0);
    apply_some(reel, behind);
    must(control(reel, "tally", REEL_CONTROL_RESUME) == 0);
    return reel;
}

/* Other collections fold what comes meanwhile. */
static void a_unit_that_goes_on_catches_up_in_slices(void **state) {
    (void)state;
    struct reel *reel = going_on(100);
    assert_int_equal(control(reel, "tally", REEL_CONTROL_RESUME), -EALREADY);
    size_t slices = 0;
    for (uint64_t before = 10; build_some(reel, 7) > 0; slices++) {
        uint64_t cursor = info_of(reel, "tally").cursor;
        assert_true(cursor > before || cursor == reel_cursor(reel));
        check(reel, cursor, cursor < reel_cursor(reel));
        before = cursor;
        if (cursor < reel_cursor(reel)) apply_some(reel, slices % 3);
    }
    assert_true(slices > 10);
    check(reel, reel_cursor(reel), false);
    apply_some(reel, 5);
    check(reel, reel_cursor(reel), false);
    reel_close(reel);
}

/* A request that has opened its view before is not refused because the unit is with the others
 * since. */
static void a_view_that_is_older_than_the_end_shows_the_unit(void **state) {
    (void)state;
    struct reel *reel = going_on(50);
    must(build_some(reel, 7) > 0);
    uint64_t cursor = info_of(reel, "tally").cursor;
    struct reel_view *view = view_opened(reel);
    while (build_some(reel, 7) > 0) continue;
    assert_true(cursor < 60);
    check(reel, 60, false);
    check_one(view, "tally", cursor, true);
    check_one(view, "sums", cursor, true);
    reel_view_close(view);
    reel_close(reel);
}

/* It comes as far as the log was when it was paused. */
static void a_unit_can_be_paused_while_it_catches_up(void **state) {
    (void)state;
    struct reel *reel = going_on(50);
    must(build_some(reel, 7) > 0);
    must(control(reel, "tally", REEL_CONTROL_PAUSE) == 0);
    apply_some(reel, 20);
    for (int i = 0; build_some(reel, 7) > 0; i++) must(i < 100);
    check(reel, 60, true);
    must(control(reel, "tally", REEL_CONTROL_RESUME) == 0);
    while (build_some(reel, 7) > 0) continue;
    check(reel, 80, false);
    reel_close(reel);
}

/* ---- Restarts -------------------------------------------------------------------------------- */

/* What a crash takes back is folded again, up to the pause and not beyond. */
static void a_pause_is_where_it_was_after_a_crash(void **state) {
    (void)state;
    for (int checkpoints = 0; checkpoints < 4; checkpoints++) {
        const char *directory = scratch_directory();
        struct reel *reel = opened(directory);
        test_context("%d", checkpoints);
        apply_some(reel, 10);
        if (checkpoints > 0) write_checkpoint(reel);
        apply_some(reel, 10);
        must(control(reel, "tally", REEL_CONTROL_PAUSE) == 0);
        if (checkpoints > 1) write_checkpoint(reel);
        apply_some(reel, 10);
        if (checkpoints > 2) write_checkpoint(reel);
        struct reel *killed = opened(copy_of_directory(directory));
        check(killed, 20, true);
        apply_some(killed, 3);
        check(killed, 20, true);
        must(control(killed, "tally", REEL_CONTROL_RESUME) == 0);
        while (build_some(killed, 7) > 0) continue;
        check(killed, 33, false);
        reel_close(killed);
        reel_close(reel);
        reel = opened(directory);
        check(reel, 20, true);
        reel_close(reel);
    }
    test_context("%s", "");
}

static void a_crash_while_it_catches_up_takes_nothing(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = opened(directory);
    apply_some(reel, 10);
    must(control(reel, "tally", REEL_CONTROL_PAUSE) == 0);
    apply_some(reel, 50);
    must(control(reel, "tally", REEL_CONTROL_RESUME) == 0);
    for (int slice = 0; build_some(reel, 7) > 0; slice++) {
        test_context("slice %d", slice);
        if (slice == 3) write_checkpoint(reel);
        struct reel *killed = opened(copy_of_directory(directory));
        check(killed, 60, false);
        reel_close(killed);
    }
    test_context("%s", "");
    reel_close(reel);
}

/* ---- Rebuilds -------------------------------------------------------------------------------- */

static void a_rebuild_waits_for_a_pause_to_end(void **state) {
    (void)state;
    struct reel *reel = opened(NULL);
    apply_some(reel, 50);
    must(control(reel, "tally", REEL_CONTROL_REBUILD) == 0);
    assert_int_equal(control(reel, "tally", REEL_CONTROL_REBUILD), -EALREADY);
    must(build_some(reel, 7) > 0);
    must(control(reel, "tally", REEL_CONTROL_PAUSE) == 0);
    apply_some(reel, 10);
    assert_int_equal(build_some(reel, 7), 0);
    check(reel, 50, true);
    uint64_t generation = info_of(reel, "tally").generation;
    must(control(reel, "tally", REEL_CONTROL_RESUME) == 0);
    while (build_some(reel, 7) > 0) continue;
    check(reel, 60, false);
    assert_int_equal(info_of(reel, "tally").generation, generation + 1);
    reel_close(reel);
}

static void a_rebuild_that_is_asked_for_at_the_start_ends_a_pause(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel_options options = test_options(directory, NULL);
    struct reel_error error;
    struct reel *reel = opened(directory);
    apply_some(reel, 10);
    must(control(reel, "tally", REEL_CONTROL_PAUSE) == 0);
    apply_some(reel, 10);
    reel_close(reel);
    must_ok(reel_open(&options, &reel, &error), error);
    must_ok(reel_add_plugin(reel, &plugin, &error), error);
    must_ok(reel_rebuild(reel, "tally", &error), error);
    must_ok(reel_start(reel, &error), error);
    check(reel, 20, false);
    reel_close(reel);
    reel = opened(directory);
    check(reel, 20, false);
    reel_close(reel);
}

/* ---- Lost events ----------------------------------------------------------------------------- */

static void what_a_trim_has_taken_only_a_rebuild_makes_good(void **state) {
    (void)state;
    struct reel_options given = {.segment_bytes = 1 << 20};
    struct reel_options options = test_options(scratch_directory(), &given);
    struct reel_error error;
    struct reel *reel = opened(options.directory);
    apply_some(reel, 10);
    must(control(reel, "tally", REEL_CONTROL_PAUSE) == 0);
    apply_some(reel, 50);
    must_ok(reel_trim(reel, 31, &error), error);
    must(info_of(reel, "tally").lost_events);
    assert_int_equal(control(reel, "tally", REEL_CONTROL_RESUME), -ESTALE);
    check(reel, 10, true);
    must(info_of(reel, "tally").paused);
    reel_close(reel);
    reel = opened(options.directory);
    must(info_of(reel, "tally").lost_events);
    check(reel, 10, true);
    must(control(reel, "tally", REEL_CONTROL_REBUILD) == 0);
    while (build_some(reel, 7) > 0) continue;
    assert_int_equal(info_of(reel, "tally").applied, 30); /* from 31 to 60 */
    must(!info_of(reel, "tally").stale && !info_of(reel, "tally").lost_events);
    reel_close(reel);
}

UNIT_TESTS(control_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_paused_unit_stands_still),
        cmocka_unit_test(a_unit_that_goes_on_catches_up_in_slices),
        cmocka_unit_test(a_view_that_is_older_than_the_end_shows_the_unit),
        cmocka_unit_test(a_unit_can_be_paused_while_it_catches_up),
        cmocka_unit_test(a_pause_is_where_it_was_after_a_crash),
        cmocka_unit_test(a_crash_while_it_catches_up_takes_nothing),
        cmocka_unit_test(a_rebuild_waits_for_a_pause_to_end),
        cmocka_unit_test(a_rebuild_that_is_asked_for_at_the_start_ends_a_pause),
        cmocka_unit_test(what_a_trim_has_taken_only_a_rebuild_makes_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
