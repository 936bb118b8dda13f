/* dispatcher_test.c: what a transaction holds in memory is bounded, however many events it takes.
 *
 * The projector is our own: it makes a record for each event, and looks at how much the running
 * transaction holds. Without dispatcher_spill that is all of them.
 */
#include "unit.h"

#include "engine/transaction.h"

#include <stdlib.h>
#include <string.h>

/* The relief begins at 1 MiB; beyond that goes one event, and what writing needs. */
enum { EVENTS = 20000, VALUE_BYTES = 1000, USED_MAX = 3 << 20 };

/* ---- Fixture --------------------------------------------------------------------------------- */

static struct reel *running;
static size_t used_max;

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    static char value[VALUE_BYTES];
    memset(value, 'v', sizeof value);
    struct reel_record *record = reel_upsert(tx, event->id);
    reel_set_str(record, "value", (struct reel_str){value, sizeof value});
    size_t used = running->dispatcher.fold.arena.used;
    if (used > used_max) used_max = used;
    return REEL_APPLIED;
}

static const struct reel_field value_field = {
    .struct_size = sizeof(struct reel_field), .name = "value", .kind = REEL_FIELD_STRING};
static const struct reel_plugin hoarding = {
    .header = REEL_PLUGIN_HEADER,
    .name = "hoarding",
    .version = "1",
    .projectors =
        (const struct reel_projector *const[]){
            &(const struct reel_projector){
                .struct_size = sizeof(struct reel_projector),
                .revision = 1,
                .collection = "hoard",
                .type_prefixes = (const char *const[]){"t", NULL},
                .fields = (const struct reel_field *const[]){&value_field, NULL},
                .evolve = evolve,
            },
            NULL},
};

static int begin(void **state) {
    struct reel_options given = {.batch_events_max = EVENTS};
    struct reel_options options = test_options(NULL, &given);
    struct reel_error error;
    must_ok(reel_open(&options, &running, &error), error);
    must_ok(reel_add_plugin(running, &hoarding, &error), error);
    must_ok(reel_start(running, &error), error);
    used_max = 0;
    *state = running;
    return 0;
}

static int finish(void **state) {
    reel_close(*state);
    return 0;
}

static void make_events(struct batch *batch) {
    char event[64];
    while (batch->count < EVENTS) {
        int len = snprintf(event, sizeof event, "{\"type\":\"t\",\"id\":\"%zu\"}", batch->count);
        batch_add(batch, event, (size_t)len);
    }
}

/* All were folded, and no more was held than is allowed. */
static void assert_relieved(struct reel *reel) {
    struct reel_collection_info info = info_of(reel, "hoard");
    assert_int_equal(info.records, EVENTS);
    assert_int_equal(info.changed, EVENTS);
    assert_true(used_max > 0);
    assert_true(used_max <= USED_MAX);
    assert_int_equal(reel->dispatcher.fold.arena.used, 0);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_long_batch_does_not_hold_all_its_records(void **state) {
    struct batch batch = {0};
    struct reel_error error;
    make_events(&batch);
    must_ok(reel_apply_batch(*state, batch_payloads(&batch), EVENTS, NULL, &error), error);
    assert_relieved(*state);
    batch_free(&batch);
}

static void a_long_catch_up_does_not_either(void **state) {
    struct batch batch = {0};
    struct reel_error error;
    make_events(&batch);
    must_ok(reel_append(*state, batch_payloads(&batch), EVENTS, NULL, &error), error);
    assert_int_equal(used_max, 0);
    must_ok(reel_catch_up(*state, &error), error);
    assert_relieved(*state);
    batch_free(&batch);
}

/* Little is not written: it may be changed again. */
static void a_relief_begins_when_there_is_much(void **state) {
    struct reel *reel = *state;
    struct dispatcher *dispatcher = &reel->dispatcher;
    const struct arrival arrival = {.bytes = STR("{\"type\":\"t\",\"id\":\"k\"}"), .fold = true};
    struct appended taken;
    struct reel_error error;
    must_ok(dispatcher_begin(dispatcher, &error), error);
    must_ok(dispatcher_append(dispatcher, &arrival, &taken, &error), error);
    size_t used = dispatcher->fold.arena.used;
    must_ok(dispatcher_spill(dispatcher, &error), error);
    assert_int_equal(dispatcher->fold.arena.used, used);
    assert_non_null(arena_alloc(&dispatcher->fold.arena, USED_MAX));
    must_ok(dispatcher_spill(dispatcher, &error), error);
    assert_int_equal(dispatcher->fold.arena.used, 0);
    must_ok(dispatcher_end(dispatcher, 0, &error), error);
    assert_int_equal(info_of(reel, "hoard").records, 1);
}

/* The log knows of the rebuild; the process was killed before the store did. */
static void a_rebuild_that_was_begun_is_done_at_the_next_start(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel_options options = test_options(directory, NULL);
    struct log_control control = {.kind = LOG_REBUILD, .collection = STR("hoard")};
    struct reel_error error;
    must_ok(reel_open(&options, &running, &error), error);
    must_ok(reel_add_plugin(running, &hoarding, &error), error);
    must_ok(reel_start(running, &error), error);
    for (int i = 0; i < 4; i++) {
        char event[64];
        snprintf(event, sizeof event, "{\"type\":\"t\",\"id\":\"%d\"}", i);
        must_ok(reel_apply(running, reel_text(event), NULL, &error), error);
    }
    must_ok(reel_trim(running, 3, &error), error);
    assert_int_equal(info_of(running, "hoard").records, 4);
    struct log *log = running->dispatcher.home.place.log;
    must_ok(log_add_control(log, &control, &error), error);
    must_ok(log_commit(log, &error), error);
    log_keep(log);
    reel_close(running);
    for (int i = 0; i < 2; i++) {
        must_ok(reel_open(&options, &running, &error), error);
        must_ok(reel_add_plugin(running, &hoarding, &error), error);
        must_ok(reel_start(running, &error), error);
        assert_int_equal(info_of(running, "hoard").records, 2); /* of what the log still has */
        uint64_t controls = log_facts(running->dispatcher.home.place.log)->controls;
        must_ok(reel_apply(running, STR("{\"type\":\"t\",\"id\":\"3\"}"), NULL, &error), error);
        assert_int_equal(log_facts(running->dispatcher.home.place.log)->controls, controls);
        reel_close(running);
    }
}

UNIT_TESTS(dispatcher_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(a_long_batch_does_not_hold_all_its_records),
        CASE(a_long_catch_up_does_not_either),
        CASE(a_relief_begins_when_there_is_much),
        cmocka_unit_test(a_rebuild_that_was_begun_is_done_at_the_next_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
