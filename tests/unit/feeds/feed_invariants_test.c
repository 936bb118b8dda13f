/* feed_invariants_test.c: a session of a feed changes its state only as its table says, and the
 * feed and the writer end in their order, which invariants hold up. Each violation makes its own
 * threads, in the process that ends. */
#include "fake_broker.h"

#include <stdlib.h>

/* ---- Sessions -------------------------------------------------------------------------------- */

static int begin_twice(struct feed *feed, void *state, struct reel_error *error) {
    const struct feed_stream stream = {
        .name = "FAKE", .filter = "cellos.events.>", .created_ns = 1, .first_seq = 1};
    uint64_t from;
    (void)state;
    int rc = feed_begin(feed, &stream, &from, error);
    return rc < 0 ? rc : feed_begin(feed, &stream, &from, error);
}

static void say(void *context, reel_level level, const char *sentence) {
    (void)context, (void)level, (void)sentence;
}

static void changed(void *context) {
    (void)context;
}

static void run_session(void *context) {
    static const struct feed_broker broker = {.name = "twice", .session = begin_twice};
    struct rig *rig = rig_opened(&(struct rig_options){0});
    const struct feed_options options = {
        .broker = &broker,
        .reel = rig->reel,
        .intake = rig->intake,
        .filter = "cellos.events.>",
        .room_events = 1,
        .publish_ms_max = 1000,
        .say = say,
        .changed = changed,
    };
    struct reel_error error;
    (void)context;
    must_ok(feed_start(&options, &rig->feed, &error), error);
    WAIT_UNTIL(false); /* it does not come to that */
}

static void a_session_begins_once(void **state) {
    (void)state;
    assert_violates(run_session, NULL, "session_moves[feed->session]");
}

/* ---- The end --------------------------------------------------------------------------------- */

static void destroy_a_running_feed(void *context) {
    struct rig *rig = rig_started(&(struct rig_options){0});
    (void)context;
    feed_destroy(rig->feed);
}

static void a_feed_stops_before_it_is_destroyed(void **state) {
    (void)state;
    assert_violates(destroy_a_running_feed, NULL, "feed->stopping");
}

static void destroy_a_running_intake(void *context) {
    struct rig *rig = rig_opened(&(struct rig_options){0});
    (void)context;
    intake_destroy(rig->intake);
}

static void stop_the_intake_twice(void *context) {
    struct rig *rig = rig_opened(&(struct rig_options){0});
    (void)context;
    intake_stop(rig->intake);
    intake_stop(rig->intake);
}

static void the_writer_stops_once_before_it_is_destroyed(void **state) {
    (void)state;
    assert_violates(destroy_a_running_intake, NULL, "intake->stopping");
    assert_violates(stop_the_intake_twice, NULL, "!intake->stopping");
}

/* ---- Jobs ------------------------------------------------------------------------------------ */

static void push_without_done(void *context) {
    struct rig *rig = rig_opened(&(struct rig_options){0});
    struct job job = {.bytes = 0};
    (void)context;
    (void)intake_push(rig->intake, &job, NULL);
}

static void a_job_has_somebody_to_be_told(void **state) {
    (void)state;
    assert_violates(push_without_done, NULL, "job->done");
}

static void gap_of_nothing(void *context) {
    struct rig *rig = rig_started(&(struct rig_options){.down = true});
    (void)context;
    (void)feed_gap(rig->feed, 5, 0, 0, NULL);
}

static void a_gap_has_messages_that_are_missing(void **state) {
    (void)state;
    assert_violates(gap_of_nothing, NULL, "missing > 0");
}

UNIT_TESTS(feed_invariants_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_begins_once),
        cmocka_unit_test(a_feed_stops_before_it_is_destroyed),
        cmocka_unit_test(the_writer_stops_once_before_it_is_destroyed),
        cmocka_unit_test(a_job_has_somebody_to_be_told),
        cmocka_unit_test(a_gap_has_messages_that_are_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
