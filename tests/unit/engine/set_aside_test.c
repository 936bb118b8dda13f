/* set_aside_test.c: an event that is marked as set aside for a collection is not folded for it, now
 * and in a later fold; for other collections, and by another object, it is. */
#include "unit.h"

#include "base/cleanup.h"
#include "engine/transaction.h"

#include <signal.h>
#include <stdlib.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    return reel_upsert(tx, event->id) ? REEL_APPLIED : REEL_REJECTED;
}

#define PROJECTOR(name)                                                                            \
    &(const struct reel_projector) {                                                               \
        .struct_size = sizeof(struct reel_projector), .revision = 1, .collection = (name),         \
        .type_prefixes = (const char *const[]){"t", NULL},                                         \
        .fields = (const struct reel_field *const[]){&value_field, NULL}, .evolve = evolve,        \
    }

static const struct reel_field value_field = {
    .struct_size = sizeof(struct reel_field), .name = "value", .kind = REEL_FIELD_STRING};
static const struct reel_plugin pair = {
    .header = REEL_PLUGIN_HEADER,
    .name = "pair",
    .version = "1",
    .projectors =
        (const struct reel_projector *const[]){PROJECTOR("first"), PROJECTOR("second"), NULL},
};

static struct reel *opened(void) {
    struct reel_options options = test_options(NULL, NULL);
    struct reel_error error;
    struct reel *reel;
    must_ok(reel_open(&options, &reel, &error), error);
    must_ok(reel_add_plugin(reel, &pair, &error), error);
    must_ok(reel_start(reel, &error), error);
    return reel;
}

static void append(struct reel *reel, const char *id, const struct log_set_aside *mark) {
    struct dispatcher *dispatcher = &reel->dispatcher;
    struct reel_error error;
    struct appended appended;
    struct text list = {0};
    char event[200];
    snprintf(event, sizeof event,
             "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/t\",\"type\":\"t\"}", id);
    log_set_aside_append(&list, mark);
    struct arrival arrival = {.bytes = reel_text(event),
                              .flags = LOG_SET_ASIDE,
                              .set_aside = text_str(&list),
                              .fold = true};
    HOLD_LOCK(&reel->writer);
    must_ok(dispatcher_begin(dispatcher, &error), error);
    must_ok(dispatcher_append(dispatcher, &arrival, &appended, &error), error);
    must_ok(dispatcher_end(dispatcher, 0, &error), error);
    text_finish(&list);
}

static void assert_records(struct reel *reel, size_t first, size_t second) {
    struct reel_error error;
    for (int again = 0; again < 2; again++) {
        assert_int_equal(info_of(reel, "first").records, first);
        assert_int_equal(info_of(reel, "second").records, second);
        must_ok(reel_rebuild(reel, "first", &error), error);
        must_ok(reel_rebuild(reel, "second", &error), error);
    }
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void it_is_skipped_for_that_collection_only(void **state) {
    (void)state;
    struct reel *reel = opened();
    append(reel, "1", &(struct log_set_aside){.collection = STR("first"), .signal = SIGSEGV});
    assert_records(reel, 0, 1);
    char *rejected = rejected_dump(reel);
    assert_string_equal(rejected, "1 first the projector crashed (SIGSEGV)\n");
    free(rejected);
    assert_int_equal(info_of(reel, "first").cursor, 1);
    append(reel, "2", &(struct log_set_aside){.collection = STR("second")});
    assert_records(reel, 1, 1);
    append(reel, "3", &(struct log_set_aside){.collection = STR("third")});
    assert_records(reel, 2, 2);
    reel_close(reel);
}

static void another_object_tries_it(void **state) {
    (void)state;
    struct reel *reel = opened();
    append(reel, "1", &(struct log_set_aside){.collection = STR("first"), .build_id = {1, 2}});
    assert_records(reel, 1, 1);
    reel_close(reel);
}

UNIT_TESTS(set_aside_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_skipped_for_that_collection_only),
        cmocka_unit_test(another_object_tries_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
