/* rebuild_kill_test.c: a rebuild that is killed half way goes on at the next start.
 *
 * The fixture `counter` warns for each event that it folds, and the host hands that on while the
 * fold is under way: there the child ends itself, so that it dies within a rebuild for certain.
 * The same count shows that the next start goes on from where it was and not from the beginning. */
#include "support.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNTER_1 build_path("tests/integration/plugins/counter_1.so")
#define COUNTER_2 build_path("tests/integration/plugins/counter_2.so")
/* A rebuild's commits may be larger than a batch, but not by more than this. */
enum { EVENTS = 40000, FLOOR = 2001, BATCH = 2, COMMIT = 256, SUBJECTS = 37 };

/* So many that the memtable, which is a quarter of the map, is full again and again. */
enum { MANY_SUBJECTS = 6007, SMALL_MAP = 4 << 20, CHECKPOINT = 10000 };

/* ---- Fixture --------------------------------------------------------------------------------- */

/* Folded so far, and where to die; 0: nowhere. */
struct folds {
    uint64_t count;
    uint64_t deadly;
};

static void on_warning(void *context, const char *line) {
    struct folds *folds = context;
    (void)line;
    if (++folds->count == folds->deadly) raise(SIGKILL);
}

static struct reel *started_with(const char *directory, const char *plugin, struct folds *folds,
                                 bool told, uint64_t map_bytes) {
    struct reel_options options = {.batch_events_max = BATCH,
                                   .map_bytes = map_bytes,
                                   .warn = on_warning,
                                   .context = folds,
                                   .warnings_max = UINT32_MAX};
    struct reel *reel = reel_loaded(directory, &options, plugin, CELL_SO, NULL);
    struct reel_error error;
    if (told) must_ok(reel_rebuild(reel, "counters", &error), error);
    must_ok(reel_start(reel, &error), error);
    return reel;
}

static struct reel *started(const char *directory, const char *plugin, struct folds *folds,
                            bool told) {
    return started_with(directory, plugin, folds, told, 0);
}

static const char *counted_by(unsigned subjects, bool trimmed) {
    const char *directory = scratch_directory();
    struct reel_options options = {.batch_events_max = EVENTS};
    struct reel *reel = reel_opened(directory, &options, COUNTER_1, CELL_SO, NULL);
    struct batch batch = {0};
    struct reel_error error;
    for (unsigned n = 0; n < EVENTS; n++) {
        char event[128];
        int len = snprintf(event, sizeof event,
                           "{\"type\":\"test.count.v1.one\",\"subject\":\"s%u\"}", n % subjects);
        batch_add(&batch, event, (size_t)len);
    }
    must_ok(reel_apply_batch(reel, batch_payloads(&batch), batch.count, NULL, &error), error);
    if (trimmed) must_ok(reel_trim(reel, FLOOR, &error), error);
    batch_free(&batch);
    reel_close(reel);
    return directory;
}

static const char *counted(bool trimmed) {
    return counted_by(SUBJECTS, trimmed);
}

static void killed_with(const char *directory, uint64_t deadly, bool told, uint64_t map_bytes) {
    struct child child;
    if (child_begin(&child)) {
        struct folds folds = {.deadly = deadly};
        started_with(directory, COUNTER_2, &folds, told, map_bytes);
        child_end(0);
    }
    int status = child_wait(&child);
    must(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void killed_in_rebuild(const char *directory, uint64_t deadly, bool told) {
    killed_with(directory, deadly, told, 0);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

/* Killed again and again, at places of all kinds; what is there at last is what one start makes. */
static void assert_goes_on(bool trimmed) {
    uint64_t whole = trimmed ? EVENTS - FLOOR + 1 : EVENTS;
    uint64_t random = trimmed;
    const char *directory = counted(trimmed);
    const char *other = counted(trimmed);
    uint64_t folded = 0, reached = 0; /* at least, at most */
    for (size_t kills = scaled(50); kills > 0; kills--) {
        uint64_t deadly = random_next(&random) % (whole / 40) + 5 * COMMIT;
        if (reached + deadly > whole) break;
        killed_in_rebuild(directory, deadly, trimmed && folded == 0);
        folded += deadly - COMMIT; /* the last commit may be lost, with what it held */
        reached += deadly - 1;
    }
    struct folds rest = {0}, all = {0};
    struct reel *reel = started(directory, COUNTER_2, &rest, false);
    struct reel *untouched = started(other, COUNTER_2, &all, trimmed);
    assert_int_equal(all.count, whole);
    /* It goes on from a checkpoint, of which so few events make none. */
    assert_true(rest.count > 0 && rest.count <= whole);
    assert_same_state(reel, untouched);
    assert_int_equal(info_of(reel, "counters").from_seq, trimmed ? FLOOR : 1);
    assert_int_equal(info_of(reel, "counters").applied, whole);
    reel_close(reel);
    reel_close(untouched);
}

static void a_killed_rebuild_of_a_whole_log_goes_on(void **state) {
    (void)state;
    assert_goes_on(false);
}

/* Without being told again: the wish is in the store. */
static void a_killed_rebuild_of_a_trimmed_log_goes_on(void **state) {
    (void)state;
    assert_goes_on(true);
}

/* The very first events, where the records of old may still be there. */
static void a_rebuild_killed_at_its_beginning_goes_on(void **state) {
    (void)state;
    for (uint64_t deadly = 1; deadly <= COMMIT + 1; deadly += COMMIT / 2) {
        const char *directory = counted(false);
        struct folds folds = {0};
        killed_in_rebuild(directory, deadly, false);
        struct reel *reel = started(directory, COUNTER_2, &folds, false);
        struct reel *fresh = fresh_fold(reel, COUNTER_2, CELL_SO, NULL);
        assert_same_state(reel, fresh);
        reel_close(fresh);
        reel_close(reel);
    }
}

static void a_killed_rebuild_goes_on_from_its_last_checkpoint(void **state) {
    (void)state;
    const char *directory = counted_by(MANY_SUBJECTS, false);
    struct folds folds = {0};
    uint64_t folded = EVENTS - EVENTS / 4;
    killed_with(directory, folded, false, SMALL_MAP);
    struct reel *reel = started_with(directory, COUNTER_2, &folds, false, SMALL_MAP);
    assert_in_range(folds.count, EVENTS - folded, EVENTS - folded + CHECKPOINT);
    struct reel *fresh = fresh_fold(reel, COUNTER_2, CELL_SO, NULL);
    assert_same_state(reel, fresh);
    assert_string_equal(info_of(reel, "counters").digest, info_of(fresh, "counters").digest);
    reel_close(fresh);
    reel_close(reel);
}

/* The checkpoint is of before the rebuild, which so begins again after the kill: it needs all that
 * it was made of. */
static void trim_behind_a_rebuild(struct child *child, const char *directory) {
    struct folds folds = {0};
    struct reel *reel = started(directory, COUNTER_2, &folds, false);
    struct reel_error error;
    must_ok(reel_trim(reel, 2, &error), error); /* not without a checkpoint */
    must_ok(reel_rebuild(reel, "counters", &error), error);
    must_ok(reel_trim(reel, FLOOR, &error), error);
    struct reel_collection_info info = info_of(reel, "counters");
    child_say(child, &info, sizeof info);
    raise(SIGKILL);
    child_end(1);
}

static void what_a_rebuild_was_made_of_is_trimmed_when_it_is_durable(void **state) {
    (void)state;
    const char *directory = counted(false);
    struct reel_collection_info before;
    struct folds folds = {0};
    struct child child;
    if (child_begin(&child)) trim_behind_a_rebuild(&child, directory);
    must(child_hear(&child, &before, sizeof before));
    int status = child_wait(&child);
    must(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    struct reel *reel = started(directory, COUNTER_2, &folds, false);
    struct reel_collection_info after = info_of(reel, "counters");
    assert_int_equal(position_of(reel).first_seq, FLOOR);
    assert_string_equal(after.digest, before.digest);
    assert_int_equal(after.records, before.records);
    assert_int_equal(after.from_seq, 2);
    assert_int_equal(after.applied, EVENTS - 1);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_rebuild_of_a_whole_log_goes_on),
        cmocka_unit_test(a_killed_rebuild_of_a_trimmed_log_goes_on),
        cmocka_unit_test(a_rebuild_killed_at_its_beginning_goes_on),
        cmocka_unit_test(a_killed_rebuild_goes_on_from_its_last_checkpoint),
        cmocka_unit_test(what_a_rebuild_was_made_of_is_trimmed_when_it_is_durable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
