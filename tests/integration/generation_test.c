/* generation_test.c: the generation of a collection rises when its records change otherwise than by
 * events, and only then.
 *
 * The fixture `counter` in its versions: `1_compatible` folds as `1` does and is another object,
 * `1_other` counts otherwise with the same revision. */
#include "support.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define COUNTER(version) build_path("tests/integration/plugins/counter_" version ".so")
#define COLLECTION       "counters"
enum { EVENTS = 500, SUBJECTS = 7 };

/* ---- Fixture --------------------------------------------------------------------------------- */

static void count_events(struct reel *reel, size_t count) {
    struct batch batch = {0};
    struct reel_error error;
    for (size_t n = 0; n < count; n++) {
        char event[128];
        int len = snprintf(event, sizeof event,
                           "{\"type\":\"test.count.v1.one\",\"subject\":\"s%zu\"}", n % SUBJECTS);
        batch_add(&batch, event, (size_t)len);
    }
    must_ok(reel_apply_batch(reel, batch_payloads(&batch), batch.count, NULL, &error), error);
    batch_free(&batch);
}

static const char *counted(const char *plugin) {
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, plugin, NULL);
    count_events(reel, EVENTS);
    reel_close(reel);
    return directory;
}

/* Events of which the checkpoint has nothing: the process is killed. */
static void counted_and_killed(const char *directory, const char *plugin, size_t count) {
    struct child child;
    if (child_begin(&child)) {
        struct reel *reel = reel_opened(directory, NULL, plugin, NULL);
        count_events(reel, count);
        raise(SIGKILL);
    }
    int status = child_wait(&child);
    must(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void keep_report(void *context, reel_level level, const char *line) {
    (void)level;
    text_format(context, "%s\n", line);
}

/* Opened with that plugin, and closed again; its reports, to be freed. */
static char *reports_of(const char *directory, const char *plugin,
                        struct reel_collection_info *ret) {
    struct text reports = {0};
    struct reel_options options = {.report = keep_report, .context = &reports};
    text_add(&reports, "", 0);
    struct reel *reel = reel_opened(directory, &options, plugin, NULL);
    *ret = info_of(reel, COLLECTION);
    reel_close(reel);
    return reports.data;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static struct reel_collection_info assert_generation(const char *directory, const char *plugin,
                                                     uint64_t generation) {
    struct reel_collection_info info;
    free(reports_of(directory, plugin, &info));
    assert_int_equal(info.generation, generation);
    return info;
}

#define SAID "is another build than the one that made the records: that one may have folded them"

/* ---- Cases ----------------------------------------------------------------------------------- */

static void events_and_restarts_leave_it(void **state) {
    (void)state;
    const char *directory = counted(COUNTER("1"));
    assert_generation(directory, COUNTER("1"), 0);
    counted_and_killed(directory, COUNTER("1"), EVENTS);
    struct reel_collection_info info = assert_generation(directory, COUNTER("1"), 0);
    assert_int_equal(info.applied, 2 * EVENTS);
}

static void a_rebuild_raises_it_once(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel_error error;
    struct reel *reel = reel_opened(directory, NULL, COUNTER("1"), NULL);
    count_events(reel, EVENTS);
    must_ok(reel_rebuild(reel, COLLECTION, &error), error);
    assert_int_equal(info_of(reel, COLLECTION).generation, 1);
    must_ok(reel_rebuild(reel, COLLECTION, &error), error);
    assert_int_equal(info_of(reel, COLLECTION).generation, 2);
    count_events(reel, EVENTS);
    assert_int_equal(info_of(reel, COLLECTION).generation, 2);
    reel_close(reel);
    assert_generation(directory, COUNTER("1"), 2);
}

static void it_rises_in_memory_too(void **state) {
    (void)state;
    struct reel_error error;
    struct reel *reel = reel_opened(NULL, NULL, COUNTER("1"), NULL);
    count_events(reel, EVENTS);
    must_ok(reel_rebuild(reel, COLLECTION, &error), error);
    assert_int_equal(info_of(reel, COLLECTION).generation, 1);
    reel_close(reel);
}

static void another_revision_or_other_fields_raise_it(void **state) {
    (void)state;
    const char *directory = counted(COUNTER("1"));
    assert_generation(directory, COUNTER("2"), 1);
    assert_generation(directory, COUNTER("2"), 1);
    assert_generation(directory, COUNTER("fields"), 2);
    assert_generation(directory, COUNTER("1"), 3);
}

static void a_compatible_revision_leaves_it(void **state) {
    (void)state;
    const char *directory = counted(COUNTER("1"));
    assert_generation(directory, COUNTER("2_compatible"), 0);
}

/* The same `changed`, and other records: that is what it is for. */
static void a_tail_that_another_object_folds_raises_it(void **state) {
    (void)state;
    const char *directory = counted(COUNTER("1"));
    counted_and_killed(directory, COUNTER("1"), SUBJECTS);
    struct reel_collection_info info;
    char *reports = reports_of(directory, COUNTER("1_other"), &info);
    assert_non_null(strstr(reports, SAID));
    assert_int_equal(info.generation, 1);
    assert_int_equal(info.changed, EVENTS + SUBJECTS);
    free(reports);
    reports = reports_of(directory, COUNTER("1_other"), &info);
    assert_null(strstr(reports, SAID));
    assert_int_equal(info.generation, 1);
    free(reports);
}

/* After a clean stop nothing is folded again. */
static void another_object_without_a_tail_leaves_it(void **state) {
    (void)state;
    const char *directory = counted(COUNTER("1"));
    struct reel_collection_info info;
    char *reports = reports_of(directory, COUNTER("1_other"), &info);
    assert_null(strstr(reports, SAID));
    assert_int_equal(info.generation, 0);
    free(reports);
}

/* Killed when its records are gone: the next start goes on with the same rebuild. */
struct deadly {
    size_t left;
};

static void die_of_warning(void *context, const char *line) {
    struct deadly *deadly = context;
    (void)line;
    if (deadly->left-- == 0) raise(SIGKILL);
}

static void a_rebuild_that_is_killed_is_one(void **state) {
    (void)state;
    const char *directory = counted(COUNTER("1"));
    for (int kills = 0; kills < 2; kills++) {
        struct child child;
        if (child_begin(&child)) {
            struct deadly deadly = {.left = EVENTS / 2};
            struct reel_options options = {
                .warn = die_of_warning, .context = &deadly, .warnings_max = UINT32_MAX};
            reel_opened(directory, &options, COUNTER("2"), NULL);
            child_end(0);
        }
        int status = child_wait(&child);
        must(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    assert_generation(directory, COUNTER("2"), 1);
}

/* Its new records were visible, and the checkpoint does not have them. */
static const char *rebuilt_and_killed(void) {
    const char *directory = counted(COUNTER("1"));
    struct child child;
    if (child_begin(&child)) {
        struct reel *reel = reel_opened(directory, NULL, COUNTER("1"), NULL);
        struct reel_error error;
        must_ok(reel_rebuild(reel, COLLECTION, &error), error);
        must(info_of(reel, COLLECTION).generation == 1);
        raise(SIGKILL);
    }
    int status = child_wait(&child);
    must(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return directory;
}

static void a_rebuild_that_was_shown_before_a_kill_is_one(void **state) {
    (void)state;
    const char *directory = rebuilt_and_killed();
    assert_generation(directory, COUNTER("1"), 1);
    assert_generation(directory, COUNTER("1"), 1);
}

/* Another object cannot promise the same records: neither are the old ones taken for those that
 * were visible, nor those that it makes. */
static void another_object_tells_what_was_shown_before_a_kill_apart(void **state) {
    (void)state;
    const char *directory = rebuilt_and_killed();
    assert_generation(directory, COUNTER("1_compatible"), 3);
    assert_generation(directory, COUNTER("1_compatible"), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_and_restarts_leave_it),
        cmocka_unit_test(a_rebuild_raises_it_once),
        cmocka_unit_test(it_rises_in_memory_too),
        cmocka_unit_test(another_revision_or_other_fields_raise_it),
        cmocka_unit_test(a_compatible_revision_leaves_it),
        cmocka_unit_test(a_tail_that_another_object_folds_raises_it),
        cmocka_unit_test(another_object_without_a_tail_leaves_it),
        cmocka_unit_test(a_rebuild_that_is_killed_is_one),
        cmocka_unit_test(a_rebuild_that_was_shown_before_a_kill_is_one),
        cmocka_unit_test(another_object_tells_what_was_shown_before_a_kill_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
