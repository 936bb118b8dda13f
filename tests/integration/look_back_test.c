/* look_back_test.c: what build.h makes of a log is what was there: at any cursor, after rejections,
 * deletions, rebuilds and trims; and the history of a record is what changed it. The model is what
 * views said while the events were applied. */
#include <reel/reel.h>

/* The core has these names, too (unit.h). */
#define text support_text
#include "support.h"
#undef text
#undef fail
#undef fail_msg

#include "base/cleanup.h"
#include "engine/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYED_SO build_path("tests/integration/plugins/keyed.so")

enum { KEYS = 24, COLLECTIONS = 3, SPACE = SAMPLE_BYTES_MAX };
static const char *const names[COLLECTIONS] = {"cells", "formations", "keyed"};

/* ---- What there was -------------------------------------------------------------------------- */

/* What one cursor showed. */
struct shown {
    char digests[COLLECTIONS][40];
    char *keyed; /* collection_dump */
    size_t keyed_len;
};

/* One change of a record of `keyed`. */
struct made {
    uint64_t seq;
    size_t key;
    char *json; /* NULL: it was deleted */
};

struct past {
    const char *directory;
    struct reel *reel;
    uint64_t random, samples;
    struct shown *shown; /* by cursor; 0 is of the empty log */
    struct made *made;
    size_t made_count;
    uint64_t count; /* events */
};

static void read_shown(const struct past *past, struct shown *ret) {
    for (int i = 0; i < COLLECTIONS; i++)
        snprintf(ret->digests[i], sizeof ret->digests[i], "%s",
                 info_of(past->reel, names[i]).digest);
    ret->keyed = collection_dump(past->reel, "keyed", &ret->keyed_len);
}

static void note_shown(struct past *past) {
    past->shown = realloc(past->shown, (past->count + 1) * sizeof *past->shown);
    must(past->shown);
    read_shown(past, &past->shown[past->count]);
}

static void note_made(struct past *past, size_t key, bool was_there) {
    char name[16];
    snprintf(name, sizeof name, "key-%02zu", key);
    char *json = record_text(past->reel, "keyed", name);
    if (!json && !was_there) return;
    past->made = realloc(past->made, (past->made_count + 1) * sizeof *past->made);
    must(past->made);
    past->made[past->made_count++] = (struct made){past->count, key, json};
}

static void apply(struct past *past, const char *event, size_t len) {
    struct reel_error error;
    must_ok(reel_apply(past->reel, (struct reel_str){event, len}, NULL, &error), error);
    past->count++;
}

static void apply_keyed(struct past *past) {
    static const char *const verbs[] = {"upsert", "upsert", "upsert", "delete", "spoil", "misuse"};
    char event[SPACE], name[16];
    size_t key = random_next(&past->random) % KEYS;
    size_t verb = random_next(&past->random) % 6;
    snprintf(name, sizeof name, "key-%02zu", key);
    char *before = record_text(past->reel, "keyed", name);
    int len = snprintf(event, sizeof event,
                       "{\"type\":\"test.keyed.v1.%s\",\"id\":\"e%" PRIu64
                       "\",\"subject\":\"%s\",\"data\":{\"value\":%" PRIu64 "}}",
                       verbs[verb], past->count, name, random_next(&past->random));
    apply(past, event, (size_t)len);
    if (verb < 4) note_made(past, key, before != NULL);
    free(before);
}

static void apply_any(struct past *past) {
    char event[SPACE];
    uint64_t kind = random_next(&past->random) % 20;
    if (kind == 0)
        apply(past, "{not json", 9);
    else if (kind < 12)
        apply_keyed(past);
    else
        apply(past, event, sample_event(past->samples++, event, sizeof event));
    note_shown(past);
}

static void open_past(struct past *past) {
    const struct reel_options options = {.struct_size = sizeof options, .segment_bytes = 65536};
    past->reel = reel_opened(past->directory, &options, CELL_SO, FORMATION_SO, KEYED_SO, NULL);
}

static struct past past_begun(size_t events) {
    struct past past = {.directory = scratch_directory(), .random = 7};
    open_past(&past);
    note_shown(&past);
    for (size_t i = 0; i < events; i++) apply_any(&past);
    return past;
}

static void past_ended(struct past *past) {
    reel_close(past->reel);
    for (uint64_t i = 0; i <= past->count; i++) free(past->shown[i].keyed);
    for (size_t i = 0; i < past->made_count; i++) free(past->made[i].json);
    free(past->shown);
    free(past->made);
}

/* ---- Looking back ---------------------------------------------------------------------------- */

static void list_collections(const struct past *past, struct build_collection ret[COLLECTIONS]) {
    for (int i = 0; i < COLLECTIONS; i++) {
        struct reel_collection_info info = info_of(past->reel, names[i]);
        ret[i] = (struct build_collection){names[i], info.from_seq, info.generation};
    }
}

static struct reel *loaded(const char *scratch) {
    struct reel_options options = test_options(NULL, NULL);
    struct reel_error error;
    struct reel *reel;
    if (scratch)
        must_ok(engine_open_scratch(&options, scratch, &reel, &error), error);
    else
        must_ok(reel_open(&options, &reel, &error), error);
    must_ok(reel_load_plugin(reel, CELL_SO, &error), error);
    must_ok(reel_load_plugin(reel, FORMATION_SO, &error), error);
    must_ok(reel_load_plugin(reel, KEYED_SO, &error), error);
    return reel;
}

static int built(const struct past *past, uint64_t seq, const char *scratch, struct reel **ret,
                 struct reel_error *error) {
    struct build_collection collections[COLLECTIONS];
    list_collections(past, collections);
    const struct build_options options = {
        .directory = past->directory, .seq = seq, .collections = collections, .count = COLLECTIONS};
    uint64_t stands_at = 0;
    *ret = loaded(scratch);
    int rc = build_run(*ret, &options, &stands_at, error);
    if (rc == 0) must(stands_at == seq);
    return rc;
}

static void compare(const struct past *past, struct reel *reel, uint64_t seq, int first) {
    const struct shown *shown = &past->shown[seq];
    size_t len;
    must(position_of(reel).cursor == seq);
    for (int i = first; i < COLLECTIONS; i++) {
        struct reel_collection_info info = info_of(reel, names[i]);
        must(info.served && info.generation == info_of(past->reel, names[i]).generation);
        if (strcmp(info.digest, shown->digests[i]) != 0)
            support_failed(__FILE__, __LINE__, "`%s` at %" PRIu64 ": %s instead of %s", names[i],
                           seq, info.digest, shown->digests[i]);
    }
    char *dump = collection_dump(reel, "keyed", &len);
    must(len == shown->keyed_len && memcmp(dump, shown->keyed, len) == 0);
    free(dump);
}

static void compare_in_memory(const struct past *past, uint64_t seq) {
    struct reel_error error;
    struct reel *reel;
    must_ok(built(past, seq, NULL, &reel, &error), error);
    compare(past, reel, seq, 0);
    reel_close(reel);
}

/* As the daemon does: one process fills the directory, and another one looks at it. */
static void compare_scratch(const struct past *past, uint64_t seq) {
    const char *scratch = path_in(past->directory, "build.0");
    const struct reel_options options = test_options(NULL, NULL);
    struct reel_error error;
    struct reel *reel;
    must_ok(build_make_directory(scratch, &error), error);
    must_ok(built(past, seq, scratch, &reel, &error), error);
    reel_close(reel);
    must_ok(engine_open_built(past->reel, &options, scratch, &reel, &error), error);
    struct reel_view *view = view_opened(reel);
    must(engine_has_views(reel));
    reel_view_close(view);
    must(!engine_has_views(reel));
    compare(past, reel, seq, 0);
    reel_close(reel);
    build_remove_directory(scratch);
}

static void at_any_cursor_it_is_what_was_there(void **state) {
    (void)state;
    struct past past = past_begun(scaled(4000));
    struct reel_error error;
    must_ok(reel_rebuild(past.reel, "keyed", &error), error);
    compare_in_memory(&past, 0);
    compare_in_memory(&past, past.count);
    for (size_t i = 0; i < scaled(1000); i++) {
        uint64_t seq = random_next(&past.random) % (past.count + 1);
        if (i % 4 == 0)
            compare_scratch(&past, seq);
        else
            compare_in_memory(&past, seq);
    }
    past_ended(&past);
}

static void a_store_that_was_opened_again_gives_the_same(void **state) {
    (void)state;
    struct past past = past_begun(300);
    reel_close(past.reel);
    open_past(&past);
    for (int i = 0; i < 100; i++) apply_any(&past);
    for (int i = 0; i < 4; i++) compare_in_memory(&past, random_next(&past.random) % 401);
    past_ended(&past);
}

static void what_was_not_asked_for_is_not_served(void **state) {
    (void)state;
    struct past past = past_begun(50);
    const struct build_collection keyed = {"keyed", 1, 0};
    const struct build_options options = {
        .directory = past.directory, .seq = 40, .collections = &keyed, .count = 1};
    struct reel_error error;
    struct reel *reel = loaded(NULL);
    uint64_t seq;
    must_ok(build_run(reel, &options, &seq, &error), error);
    compare(&past, reel, 40, 2);
    must(!info_of(reel, "cells").served && !info_of(reel, "formations").served);
    reel_close(reel);
    past_ended(&past);
}

/* ---- Histories ------------------------------------------------------------------------------- */

struct history {
    const struct past *past;
    size_t key, at; /* the next one that is expected */
    size_t count, most;
};

static void next_made(struct history *history) {
    while (history->at < history->past->made_count &&
           history->past->made[history->at].key != history->key)
        history->at++;
}

static int check_change(void *context, const struct build_change *change) {
    struct history *history = context;
    CLEANUP(text_finish) struct text line = {0};
    if (history->count == history->most) return -ECANCELED;
    next_made(history);
    must(history->at < history->past->made_count);
    const struct made *made = &history->past->made[history->at++];
    build_change_write(change, &line);
    must(!line.failed && !memchr(line.data, '\n', line.len));
    must(change->seq == made->seq && !change->after == !made->json);
    json_t *json = json_parsed(line.data, line.len);
    json_t *wanted = made->json ? json_parsed(made->json, strlen(made->json)) : json_null();
    must(json_same(json_object_get(json, "record"), wanted));
    must(json_array_size(json_object_get(json, "changed")) > 0);
    json_decref(wanted);
    json_decref(json);
    history->count++;
    return 0;
}

static void check_history(const struct past *past, size_t key, size_t most) {
    const struct build_collection keyed = {"keyed", info_of(past->reel, "keyed").from_seq, 0};
    struct history history = {.past = past, .key = key, .most = most};
    char name[16];
    snprintf(name, sizeof name, "key-%02zu", key);
    const struct build_options options = {.directory = past->directory,
                                          .seq = past->count,
                                          .collections = &keyed,
                                          .count = 1,
                                          .key = reel_text(name),
                                          .changed = check_change,
                                          .context = &history};
    struct reel_error error;
    struct reel *reel = loaded(NULL);
    uint64_t seq;
    must_ok(build_run(reel, &options, &seq, &error), error);
    next_made(&history);
    must(history.count == most || history.at == past->made_count);
    reel_close(reel);
}

static void a_history_is_what_changed_the_record(void **state) {
    (void)state;
    struct past past = past_begun(scaled(3000));
    for (size_t key = 0; key < KEYS; key += scaled(10) == 10 ? 1 : 5)
        check_history(&past, key, SIZE_MAX);
    check_history(&past, 1, 2); /* it ends when the caller has seen enough */
    check_history(&past, KEYS + 1, SIZE_MAX);
    past_ended(&past);
}

/* ---- What cannot be made --------------------------------------------------------------------- */

static void must_fail(const struct past *past, uint64_t seq, int code, const char *part) {
    struct reel_error error = {0};
    struct reel *reel;
    must(built(past, seq, NULL, &reel, &error) == code);
    assert_sentence(&error, part);
    reel_close(reel);
}

static void a_trimmed_log_gives_what_was_made_from_the_rest(void **state) {
    (void)state;
    struct past past = past_begun(800);
    struct reel_error error;
    must_ok(reel_trim(past.reel, 700, &error), error);
    must(position_of(past.reel).first_seq == 700);
    must_fail(&past, 750, -ESTALE, "it cannot be made again");
    for (int i = 0; i < COLLECTIONS; i++) must_ok(reel_rebuild(past.reel, names[i], &error), error);
    uint64_t rebuilt_at = past.count;
    free(past.shown[rebuilt_at].keyed);
    read_shown(&past, &past.shown[rebuilt_at]);
    for (int i = 0; i < 200; i++) apply_any(&past);
    compare_scratch(&past, rebuilt_at);
    for (int i = 0; i < 8; i++)
        compare_in_memory(&past, rebuilt_at + random_next(&past.random) % 201);
    past_ended(&past);
}

static void each_reason_is_said(void **state) {
    (void)state;
    struct past past = past_begun(20);
    must_fail(&past, 21, -ERANGE, "the log ends at 20");
    const struct build_collection unknown = {"unknown", 1, 0};
    struct build_options options = {
        .directory = past.directory, .seq = 1, .collections = &unknown, .count = 1};
    struct reel_error error;
    struct reel *reel = loaded(NULL);
    uint64_t seq;
    must(build_run(reel, &options, &seq, &error) == -ESRCH);
    assert_sentence(&error, "no plugin has `unknown`");
    reel_close(reel);
    options.epoch = "00000000-0000-0000-0000-000000000000";
    reel = loaded(NULL);
    must(build_run(reel, &options, &seq, &error) == -EAGAIN);
    assert_sentence(&error, "another log has taken its place");
    reel_close(reel);
    past_ended(&past);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_any_cursor_it_is_what_was_there),
        cmocka_unit_test(a_store_that_was_opened_again_gives_the_same),
        cmocka_unit_test(what_was_not_asked_for_is_not_served),
        cmocka_unit_test(a_history_is_what_changed_the_record),
        cmocka_unit_test(a_trimmed_log_gives_what_was_made_from_the_rest),
        cmocka_unit_test(each_reason_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
