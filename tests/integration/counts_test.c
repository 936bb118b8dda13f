/* counts_test.c: counters never fall, whatever happens to collections; results say why an event was
 * rejected; and who asked is told of rejections of new events. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STARTED                                                                                    \
    "{\"type\":\"dev.cellos.events.cell.lifecycle.v1.started\",\"data\":{\"cellId\":\"c\","        \
    "\"specId\":\"s\"}}"
#define NO_ID "{\"type\":\"dev.cellos.events.cell.formation.v1.created\"}"

struct told {
    uint64_t calls, total, last_seq;
    char text[256];
};

static void take_told(void *context, const struct reel_rejection *const *rejections,
                      uint64_t total) {
    struct told *told = context;
    size_t count = 0;
    while (rejections[count]) count++;
    must(count > 0 && count <= total);
    told->calls++;
    told->total += total;
    told->last_seq = rejections[count - 1]->seq;
    snprintf(told->text, sizeof told->text, "%.*s: %.*s", REEL_FMT(rejections[0]->collection),
             REEL_FMT(rejections[0]->reason));
}

static struct reel *opened(struct told *told) {
    struct reel_options options = {.rejected = take_told, .context = told};
    return reel_opened(NULL, &options, CELL_SO, FORMATION_SO, NULL);
}

static void check_counts(struct reel *reel, const char *collection, bool again, uint64_t applied,
                         uint64_t ignored, uint64_t rejected) {
    struct reel_counts counts;
    assert_int_equal(reel_counts(reel, collection, again, &counts), 0);
    assert_int_equal(counts.applied, applied);
    assert_int_equal(counts.ignored, ignored);
    assert_int_equal(counts.rejected, rejected);
}

static struct reel_result result_of(struct reel *reel, const char *payload) {
    struct reel_result result;
    struct reel_error error;
    must_ok(reel_apply(reel, reel_text(payload), &result, &error), error);
    return result;
}

static void a_rebuild_counts_separately(void **state) {
    (void)state;
    struct told told = {0};
    struct reel_error error;
    struct reel_counts counts;
    struct reel *reel = opened(&told);
    result_of(reel, STARTED);
    result_of(reel, NO_ID);
    result_of(reel, "{\"type\":\"x\"}");
    check_counts(reel, NULL, false, 1, 1, 1);
    check_counts(reel, "cells", false, 1, 0, 0);
    check_counts(reel, "formations", false, 0, 0, 1);
    must_ok(reel_rebuild(reel, "cells", &error), error);
    must_ok(reel_rebuild(reel, "formations", &error), error);
    check_counts(reel, NULL, false, 1, 1, 1);
    check_counts(reel, "cells", false, 1, 0, 0);
    check_counts(reel, "cells", true, 1, 0, 0);
    check_counts(reel, "formations", false, 0, 0, 1);
    check_counts(reel, "formations", true, 0, 0, 1);
    assert_int_equal(told.total, 1); /* the rebuild's is none of a new event */
    assert_int_equal(reel_counts(reel, "nobody", false, &counts), -ESRCH);
    reel_close(reel);
}

static void a_result_names_the_collection_and_the_reason(void **state) {
    (void)state;
    struct told told = {0};
    struct reel *reel = opened(&told);
    struct reel_result result = result_of(reel, STARTED);
    assert_string_equal(result.collection, "");
    assert_string_equal(result.reason, "");
    result = result_of(reel, NO_ID);
    assert_int_equal(result.outcome, REEL_REJECTED);
    assert_string_equal(result.collection, "formations");
    assert_string_equal(result.reason, "event missing formationId");
    result = result_of(reel, "no JSON");
    assert_string_equal(result.collection, "");
    must(strncmp(result.reason, "event payload not JSON: ", 24) == 0);
    reel_close(reel);
}

static void rejections_are_reported_after_the_commit(void **state) {
    (void)state;
    enum { EVENTS = 20 };
    struct told told = {0};
    struct reel_str payloads[EVENTS];
    struct reel_error error;
    struct reel *reel = opened(&told);
    for (size_t i = 0; i < EVENTS; i++) payloads[i] = reel_text(NO_ID);
    must_ok(reel_apply_batch(reel, payloads, EVENTS, NULL, &error), error);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.total, EVENTS);
    assert_in_range(told.last_seq, 1, EVENTS);
    assert_string_equal(told.text, "formations: event missing formationId");
    result_of(reel, STARTED);
    assert_int_equal(told.calls, 1);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rebuild_counts_separately),
        cmocka_unit_test(a_result_names_the_collection_and_the_reason),
        cmocka_unit_test(rejections_are_reported_after_the_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
