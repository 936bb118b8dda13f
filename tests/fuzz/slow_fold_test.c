/* slow_fold_test.c: is the oracle itself right? All vectors, and the places where it must make up
 * for jansson. Uses nothing of Reel.
 */
#include "slow_fold.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STARTED   "\"type\":\"dev.cellos.events.cell.lifecycle.v1.started\""
#define COMPLETED "\"type\":\"dev.cellos.events.cell.command.v1.completed\""

/* ---- Fixture --------------------------------------------------------------------------------- */

static int setup(void **state) {
    *state = slow_fold_new();
    return 0;
}

static int teardown(void **state) {
    slow_fold_free(*state);
    return 0;
}

static int apply(struct slow_fold *fold, const char *payload) {
    return slow_fold_apply(fold, payload, strlen(payload));
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_outcome(const char *name, size_t step, int outcome, const char *expected) {
    static const char *const names[] = {"", "applied", "ignored", "error", "unknown"};
    if (strcmp(names[outcome], expected) != 0)
        fail_msg("%s, step %zu: %s, expected %s", name, step, names[outcome], expected);
}

static void assert_state(const char *name, struct slow_fold *fold, const json_t *expected) {
    json_t *state = slow_fold_state(fold);
    if (!json_equal(state, expected)) {
        char *text = json_dumps(state, 0);
        fail_msg("%s: ends with %s", name, text);
    }
    json_decref(state);
}

static void assert_exit_code(struct slow_fold *fold, json_int_t expected) {
    json_t *state = slow_fold_state(fold);
    json_t *cell = json_array_get(json_object_get(state, "cells"), 0);
    assert_int_equal(json_integer_value(json_object_get(cell, "exit_code")), expected);
    json_decref(state);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void run_vector(const json_t *vector) {
    const char *name = json_string_value(json_object_get(vector, "name"));
    struct slow_fold *fold = slow_fold_new();
    size_t at;
    json_t *step;
    json_array_foreach(json_object_get(vector, "steps"), at, step) {
        size_t len;
        char *payload = vector_payload(step, &len);
        int outcome = slow_fold_apply(fold, payload, len);
        assert_outcome(name, at, outcome, json_string_value(json_object_get(step, "outcome")));
        free(payload);
    }
    assert_int_equal(json_integer_value(json_object_get(vector, "cursor")), at);
    assert_state(name, fold, json_object_get(vector, "collections"));
    slow_fold_free(fold);
}

static void every_vector_gives_its_outcomes_and_records(void **state) {
    (void)state;
    const char *root = getenv("REEL_SOURCE_ROOT");
    assert_non_null(root);
    json_t *vectors = vectors_load(root);
    assert_true(json_array_size(vectors) > 0);
    for (size_t at = 0; at < json_array_size(vectors); at++)
        run_vector(json_array_get(vectors, at));
    json_decref(vectors);
}

static void a_raw_nul_is_not_json(void **state) {
    assert_int_equal(slow_fold_apply(*state, "1\0", 2), SLOW_FOLD_REJECTED);
    assert_int_equal(slow_fold_apply(*state, "{\"a\":1\0}", 8), SLOW_FOLD_REJECTED);
    assert_int_equal(slow_fold_apply(*state, "true\0", 5), SLOW_FOLD_REJECTED);
    assert_int_equal(slow_fold_apply(*state, "", 0), SLOW_FOLD_REJECTED);
}

static void a_nul_in_a_name_cannot_be_judged(void **state) {
    assert_int_equal(apply(*state, "{\"a\\u0000\":1}"), SLOW_FOLD_UNKNOWN);
    assert_int_equal(apply(*state, "{\"a\":\"\\u0000\"}"), SLOW_FOLD_IGNORED);
}

static void depth_counts_what_a_later_name_hides(void **state) {
    char payload[600];
    char open[128] = "";
    char close[128] = "";
    memset(open, '[', 127);
    memset(close, ']', 127);
    snprintf(payload, sizeof payload, "%s%s", open, close);
    assert_int_equal(apply(*state, payload), SLOW_FOLD_IGNORED);
    snprintf(payload, sizeof payload, "{\"a\":%s%s,\"a\":\"]\"}", open, close);
    assert_int_equal(apply(*state, payload), SLOW_FOLD_REJECTED);
    snprintf(payload, sizeof payload, "\"\\\"%s%s%s\"", open, open, open);
    assert_int_equal(apply(*state, payload), SLOW_FOLD_IGNORED);
}

static void a_big_integer_leaves_the_others_integers(void **state) {
    int outcome = apply(*state, "{" COMPLETED ",\"data\":{\"cellId\":\"c\",\"specId\":\"s\","
                                "\"n\":[-9223372036854775809,0.12345678901234567890],"
                                "\"t\":\"12345678901234567890\\\"\",\"exitCode\":7}}");
    assert_int_equal(outcome, SLOW_FOLD_APPLIED);
    assert_exit_code(*state, 7);
    outcome = apply(*state, "{" COMPLETED ",\"data\":{\"cellId\":\"c\",\"specId\":\"s\","
                            "\"exitCode\":12345678901234567890}}");
    assert_int_equal(outcome, SLOW_FOLD_APPLIED);
    assert_exit_code(*state, 7);
}

static void a_big_integer_makes_nothing_json_that_is_none(void **state) {
    assert_int_equal(apply(*state, "[12345678901234567890"), SLOW_FOLD_REJECTED);
    assert_int_equal(apply(*state, "012345678901234567890"), SLOW_FOLD_REJECTED);
    assert_int_equal(apply(*state, "+12345678901234567890"), SLOW_FOLD_REJECTED);
    assert_int_equal(apply(*state, "12345678901234567890."), SLOW_FOLD_REJECTED);
    assert_int_equal(apply(*state, "12345678901234567890-1"), SLOW_FOLD_REJECTED);
    assert_int_equal(apply(*state, "[12345678901234567890,1e999]"), SLOW_FOLD_REJECTED);
    assert_int_equal(apply(*state, "[12345678901234567890, \"]"), SLOW_FOLD_REJECTED);
    assert_int_equal(apply(*state, "12345678901234567890"), SLOW_FOLD_IGNORED);
    assert_int_equal(apply(*state, "1e-999"), SLOW_FOLD_IGNORED);
}

static void a_cells_formation_is_the_first_uuid_of_two(void **state) {
    static const char *const places[] = {
        "\"formationId\":\"nope\"",
        "\"correlation\":{\"formationId\":\"{0C5C7FD0-a6a3-4450-a513-270e269e0d37}\"}",
        "\"formationId\":\"f0000000-0000-4000-8000-000000000001\"",
    };
    char payload[512];
    for (size_t at = 0; at < 3; at++) {
        snprintf(payload, sizeof payload,
                 "{" STARTED ",\"data\":{\"cellId\":\"c\",\"specId\":\"s\",%s}}", places[at]);
        assert_int_equal(apply(*state, payload), SLOW_FOLD_APPLIED);
    }
    json_t *all = slow_fold_state(*state);
    json_t *cell = json_array_get(json_object_get(all, "cells"), 0);
    assert_string_equal(json_string_value(json_object_get(cell, "formation_id")),
                        "0c5c7fd0-a6a3-4450-a513-270e269e0d37");
    json_decref(all);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(every_vector_gives_its_outcomes_and_records),
        CASE(a_raw_nul_is_not_json),
        CASE(a_nul_in_a_name_cannot_be_judged),
        CASE(depth_counts_what_a_later_name_hides),
        CASE(a_big_integer_leaves_the_others_integers),
        CASE(a_big_integer_makes_nothing_json_that_is_none),
        CASE(a_cells_formation_is_the_first_uuid_of_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
