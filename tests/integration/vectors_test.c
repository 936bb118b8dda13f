/* vectors_test.c: the reference's own answers, through the loaded .so files.
 *
 * Every case is run one event at a time, in one batch, and appended first and folded afterwards;
 * the first way also in a directory that is closed and opened again before it is looked at. */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- A case ---------------------------------------------------------------------------------- */

struct vector {
    const char *name;
    json_t *json; /* borrowed */
    struct batch batch;
    reel_outcome *outcomes;
};

static reel_outcome outcome_named(const char *name) {
    if (strcmp(name, "applied") == 0) return REEL_APPLIED;
    if (strcmp(name, "ignored") == 0) return REEL_IGNORED;
    must(strcmp(name, "error") == 0);
    return REEL_REJECTED;
}

static void vector_add_step(struct vector *vector, const json_t *step) {
    const json_t *text = json_object_get(step, "payload");
    const json_t *encoded = json_object_get(step, "payload_base64");
    must(json_is_string(text) != json_is_string(encoded));
    if (text) {
        batch_add(&vector->batch, json_string_value(text), json_string_length(text));
        return;
    }
    size_t len;
    char *bytes = base64_decoded(json_string_value(encoded), &len);
    batch_add(&vector->batch, bytes, len);
    free(bytes);
}

static struct vector vector_of(json_t *json) {
    json_t *steps = json_object_get(json, "steps");
    struct vector vector = {.name = json_string_value(json_object_get(json, "name")), .json = json};
    must(vector.name && json_array_size(steps) > 0);
    vector.outcomes = calloc(json_array_size(steps), sizeof *vector.outcomes);
    must(vector.outcomes);
    for (size_t at = 0; at < json_array_size(steps); at++) {
        const json_t *step = json_array_get(steps, at);
        vector_add_step(&vector, step);
        vector.outcomes[at] = outcome_named(json_string_value(json_object_get(step, "outcome")));
    }
    return vector;
}

static void vector_done(struct vector *vector) {
    batch_free(&vector->batch);
    free(vector->outcomes);
}

/* ---- Checks ---------------------------------------------------------------------------------- */

static void check_results(const struct vector *vector, const struct reel_result *results) {
    for (size_t at = 0; at < vector->batch.count; at++) {
        test_context("vector %s, step %zu", vector->name, at + 1);
        must(results[at].seq == at + 1);
        must(results[at].outcome == vector->outcomes[at]);
    }
    test_context("vector %s", vector->name);
}

static void check_counts(const struct vector *vector, struct reel *reel) {
    uint64_t counts[4] = {0};
    for (size_t at = 0; at < vector->batch.count; at++) counts[vector->outcomes[at]]++;
    struct reel_position position = position_of(reel);
    must(position.cursor == (uint64_t)json_integer_value(json_object_get(vector->json, "cursor")));
    must(position.head == position.cursor);
    must(position.applied == counts[REEL_APPLIED]);
    must(position.ignored == counts[REEL_IGNORED]);
    must(position.rejected == counts[REEL_REJECTED]);
}

static int add_record(void *context, const struct reel_row *row) {
    must(json_array_append_new(context, json_parsed(row->json.data, row->json.len)) == 0);
    return 0;
}

static void check_collection(struct reel *reel, const char *name, const json_t *expected) {
    json_t *found = json_array();
    struct reel_view *view = view_opened(reel);
    struct reel_str start = {NULL, 0};
    must(reel_view_list(view, name, start, false, add_record, found) == 0);
    reel_view_close(view);
    if (!json_same(found, expected)) {
        char *text = json_dumps(found, 0);
        support_failed(__FILE__, __LINE__, "%s are %s", name, text);
    }
    json_decref(found);
}

static void check_state(const struct vector *vector, struct reel *reel) {
    json_t *collections = json_object_get(vector->json, "collections");
    const char *name;
    json_t *expected;
    check_counts(vector, reel);
    must(json_object_size(collections) == 2);
    json_object_foreach(collections, name, expected) check_collection(reel, name, expected);
}

/* ---- Ways ------------------------------------------------------------------------------------ */

static void apply_singly(struct vector *vector, struct reel *reel) {
    struct reel_result *results = calloc(vector->batch.count, sizeof *results);
    const struct reel_str *payloads = batch_payloads(&vector->batch);
    struct reel_error error;
    for (size_t at = 0; at < vector->batch.count; at++)
        must_ok(reel_apply(reel, payloads[at], &results[at], &error), error);
    check_results(vector, results);
    free(results);
}

static void one_at_a_time(struct vector *vector) {
    struct reel *reel = reel_opened(NULL, NULL, FORMATION_SO, CELL_SO, NULL);
    apply_singly(vector, reel);
    check_state(vector, reel);
    reel_close(reel);
}

static void in_a_directory(struct vector *vector) {
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, FORMATION_SO, CELL_SO, NULL);
    apply_singly(vector, reel);
    reel_close(reel);
    reel = reel_opened(directory, NULL, FORMATION_SO, CELL_SO, NULL);
    check_state(vector, reel);
    reel_close(reel);
}

static void in_one_batch(struct vector *vector) {
    struct reel *reel = reel_opened(NULL, NULL, CELL_SO, FORMATION_SO, NULL);
    struct reel_result *results = calloc(vector->batch.count, sizeof *results);
    struct reel_error error;
    must_ok(reel_apply_batch(reel, batch_payloads(&vector->batch), vector->batch.count, results,
                             &error),
            error);
    check_results(vector, results);
    check_state(vector, reel);
    free(results);
    reel_close(reel);
}

static void appended_first(struct vector *vector) {
    struct reel *reel = reel_opened(NULL, NULL, FORMATION_SO, CELL_SO, NULL);
    struct reel_error error;
    uint64_t seq = 0;
    must_ok(reel_append(reel, batch_payloads(&vector->batch), vector->batch.count, &seq, &error),
            error);
    must(seq == vector->batch.count);
    must(position_of(reel).cursor == 0 && position_of(reel).head == seq);
    must_ok(reel_catch_up(reel, &error), error);
    check_state(vector, reel);
    reel_close(reel);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static size_t for_each_in_file(const char *name, void (*way)(struct vector *vector)) {
    json_t *file = json_file(name);
    size_t count = json_array_size(file);
    for (size_t at = 0; at < count; at++) {
        struct vector vector = vector_of(json_array_get(file, at));
        test_context("vector %s", vector.name);
        way(&vector);
        test_context("%s", "");
        vector_done(&vector);
    }
    json_decref(file);
    return count;
}

static void for_each_vector(void (*way)(struct vector *vector)) {
    DIR *directory = opendir(source_path("tests/vectors"));
    must(directory);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, ".json") != 0) continue;
        count += for_each_in_file(path_in("tests/vectors", entry->d_name), way);
    }
    closedir(directory);
    assert_true(count >= 58); /* as many as there were when they were taken over */
}

static void vectors_pass_one_at_a_time(void **state) {
    (void)state;
    for_each_vector(one_at_a_time);
}

static void vectors_pass_in_one_batch(void **state) {
    (void)state;
    for_each_vector(in_one_batch);
}

static void vectors_pass_when_appended_and_folded_later(void **state) {
    (void)state;
    for_each_vector(appended_first);
}

static void vectors_pass_in_a_directory_that_was_reopened(void **state) {
    (void)state;
    for_each_vector(in_a_directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_pass_one_at_a_time),
        cmocka_unit_test(vectors_pass_in_one_batch),
        cmocka_unit_test(vectors_pass_when_appended_and_folded_later),
        cmocka_unit_test(vectors_pass_in_a_directory_that_was_reopened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
