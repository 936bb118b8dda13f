/* rebuild_trimmed_test.c: a rebuild that was begun, and the log was trimmed of events that it has
 * folded before it was complete: no start loses the records of these events.
 *
 * The fixture `counter` in its versions: all of them are other objects; `1_compatible` folds as `1`
 * does, `indexed` has another index, `2` is another fold. */
#include <reel/reel.h>

/* The core has these names, too (unit.h). */
#define text support_text
#include "support.h"
#undef text
#undef fail
#undef fail_msg

#include "engine/engine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define COUNTER(version) build_path("tests/integration/plugins/counter_" version ".so")
#define COLLECTION       "counters"
enum { EVENTS = 500, SUBJECTS = 7, TRIMMED = 200 };

/* ---- Fixture --------------------------------------------------------------------------------- */

static void apply_all(struct reel *reel) {
    struct batch batch = {0};
    struct reel_error error;
    for (size_t n = 0; n < EVENTS; n++) {
        char event[128];
        int len = snprintf(event, sizeof event,
                           "{\"type\":\"test.count.v1.one\",\"subject\":\"s%zu\"}", n % SUBJECTS);
        batch_add(&batch, event, (size_t)len);
    }
    must_ok(reel_apply_batch(reel, batch_payloads(&batch), batch.count, NULL, &error), error);
    batch_free(&batch);
}

static bool has_said;

static void hear(void *context, reel_level level, const char *line) {
    (void)context;
    if (level == REEL_LEVEL_WARNING && strstr(line, "its rebuild is given up")) has_said = true;
}

static int try_to_open(const char *directory, const char *plugin, bool rebuilds, struct reel **ret,
                       struct reel_error *error) {
    const struct reel_options given = {.flags = REEL_START_BEHIND, .report = hear};
    struct reel_options options = test_options(directory, &given);
    must_ok(reel_open(&options, ret, error), *error);
    must_ok(reel_load_plugin(*ret, plugin, error), *error);
    if (rebuilds) must_ok(reel_rebuild(*ret, COLLECTION, error), *error);
    return reel_start(*ret, error);
}

static struct reel *opened(const char *directory, const char *plugin, bool rebuilds) {
    struct reel_error error;
    struct reel *reel;
    has_said = false;
    must_ok(try_to_open(directory, plugin, rebuilds, &reel, &error), error);
    return reel;
}

/* Half of a rebuild, and a log of which the first events are gone. */
static const char *half_rebuilt(void) {
    const char *directory = scratch_directory();
    struct reel_error error;
    struct reel *reel = reel_opened(directory, NULL, COUNTER("1"), NULL);
    apply_all(reel);
    reel_close(reel);
    reel = opened(directory, COUNTER("1"), true);
    while (info_of(reel, COLLECTION).rebuild_cursor < EVENTS / 2)
        must(engine_build_some(reel, 50, &error) > 0);
    must_ok(reel_trim(reel, TRIMMED, &error), error);
    must(position_of(reel).first_seq == TRIMMED);
    must(info_of(reel, COLLECTION).rebuilding);
    reel_close(reel);
    return directory;
}

/* Nothing is lost: each event is counted. */
static void check_all(struct reel *reel, uint64_t generation) {
    struct reel_error error;
    must_ok(reel_catch_up(reel, &error), error);
    struct reel_collection_info info = info_of(reel, COLLECTION);
    must(info.served && !info.rebuilding && info.applied == EVENTS && info.records == SUBJECTS);
    must(info.generation == generation);
}

static void check_closed(const char *directory, const char *plugin, uint64_t generation) {
    struct reel *reel = opened(directory, plugin, false);
    check_all(reel, generation);
    must(!has_said);
    reel_close(reel);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void the_same_object_goes_on(void **state) {
    (void)state;
    const char *directory = half_rebuilt();
    struct reel *reel = opened(directory, COUNTER("1"), false);
    must(info_of(reel, COLLECTION).rebuild_cursor >= EVENTS / 2);
    check_all(reel, 1);
    reel_close(reel);
    check_closed(directory, COUNTER("1"), 1);
}

static void another_object_of_the_same_fold_goes_on(void **state) {
    (void)state;
    const char *directory = half_rebuilt();
    struct reel *reel = opened(directory, COUNTER("1_compatible"), false);
    must(info_of(reel, COLLECTION).rebuild_cursor >= EVENTS / 2);
    check_all(reel, 1);
    reel_close(reel);
    check_closed(directory, COUNTER("1_compatible"), 1);
}

/* The checkpoint has half of it, and all of it was visible before the kill. */
static void one_that_was_shown_before_a_kill_is_told_apart(void **state) {
    (void)state;
    const char *directory = half_rebuilt();
    struct child child;
    if (child_begin(&child)) {
        check_all(opened(directory, COUNTER("1"), false), 1);
        raise(SIGKILL);
    }
    int status = child_wait(&child);
    must(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    struct reel *reel = opened(directory, COUNTER("1_compatible"), false);
    struct reel_collection_info info = info_of(reel, COLLECTION);
    must(info.served && info.rebuilding && info.generation == 2);
    check_all(reel, 3);
    reel_close(reel);
    check_closed(directory, COUNTER("1_compatible"), 3);
}

static void what_cannot_go_on_is_given_up(void **state) {
    (void)state;
    const char *directory = half_rebuilt();
    struct reel *reel = opened(directory, COUNTER("indexed"), false);
    must(has_said);
    check_all(reel, 0);
    reel_close(reel);
    check_closed(directory, COUNTER("indexed"), 0);
}

/* As for any collection: only whoever asks for it loses records. */
static void another_fold_is_refused(void **state) {
    (void)state;
    const char *directory = half_rebuilt();
    struct reel_error error = {0};
    struct reel *reel;
    must(try_to_open(directory, COUNTER("2"), false, &reel, &error) == -ESTALE);
    assert_sentence(&error, "its revision has changed, but the log begins at 200");
    reel_close(reel);
    reel = opened(directory, COUNTER("2"), true);
    must_ok(reel_catch_up(reel, &error), error);
    must(info_of(reel, COLLECTION).applied == EVENTS - TRIMMED + 1);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_object_goes_on),
        cmocka_unit_test(another_object_of_the_same_fold_goes_on),
        cmocka_unit_test(one_that_was_shown_before_a_kill_is_told_apart),
        cmocka_unit_test(what_cannot_go_on_is_given_up),
        cmocka_unit_test(another_fold_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
