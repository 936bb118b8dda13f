/* plan_support.h: events and stores to plan with, and running `reeld plan`.
 *
 * The variants of the fixture `planned` differ in all that a plan tells apart; `counter_1_other`
 * folds otherwise with the same revision; `deadly` crashes and hangs where DEADLY_ARMED is set. */
#ifndef TESTS_PLAN_SUPPORT_H
#define TESTS_PLAN_SUPPORT_H

#include "http_support.h"

#include <dirent.h>
#include <inttypes.h>
#include <sys/wait.h>

#define FIXTURE(name)    build_path("tests/integration/plugins/" name ".so")
#define COUNTER(version) FIXTURE("counter_" version)
#define NOTHING          0
#define SOMETHING        1
#define WRONG_USAGE      2
#define NOT_KNOWN        4

enum { PLANNED_SUBJECTS = 17, EVENTS_A_CALL = 4096 };

/* ---- Events and stores ----------------------------------------------------------------------- */

/* For `planned`; every 50th is not JSON. */
static inline void add_planned(struct batch *batch, size_t count, uint64_t seed) {
    char event[256];
    for (size_t i = 0; i < count; i++) {
        uint64_t n = random_next(&seed) % 1000;
        int len = snprintf(event, sizeof event,
                           "{\"specversion\":\"1.0\",\"source\":\"/test\",\"id\":\"%zu\","
                           "\"type\":\"test.planned.v1.one\",\"subject\":\"s%02" PRIu64
                           "\",\"data\":{\"n\":%" PRIu64 "}}%s",
                           i, random_next(&seed) % PLANNED_SUBJECTS, n, i % 50 == 49 ? "}" : "");
        batch_add(batch, event, (size_t)len);
    }
}

static inline void add_counts(struct batch *batch, size_t from, size_t count) {
    char event[256];
    for (size_t i = from; i < from + count; i++) {
        int len = snprintf(event, sizeof event,
                           "{\"specversion\":\"1.0\",\"source\":\"/test\",\"id\":\"%zu\","
                           "\"type\":\"test.count.v1.one\"%s}",
                           i, i % 10 == 0 ? "" : ",\"subject\":\"s\"");
        batch_add(batch, event, (size_t)len);
    }
}

static inline void apply(struct reel *reel, struct batch *batch) {
    const struct reel_str *payloads = batch_payloads(batch);
    struct reel_error error;
    for (size_t at = 0; at < batch->count; at += EVENTS_A_CALL) {
        size_t left = batch->count - at, count = left < EVENTS_A_CALL ? left : EVENTS_A_CALL;
        must_ok(reel_apply_batch(reel, payloads + at, count, NULL, &error), error);
    }
}

/* A store that this plugin has made of the events, and that was closed. */
static inline const char *store_of(const char *plugin, struct batch *batch) {
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, plugin, NULL);
    apply(reel, batch);
    reel_close(reel);
    return directory;
}

static inline const char *counted_store(size_t events) {
    struct batch batch = {0};
    add_counts(&batch, 0, events);
    const char *directory = store_of(COUNTER("1"), &batch);
    batch_free(&batch);
    return directory;
}

/* ---- Running `reeld plan` -------------------------------------------------------------------- */

struct planned {
    int code;
    char *out, *err;
    json_t *json; /* NULL: stdout has none */
};

/* Of those that a plan makes: a sanitizer has files of its own there. */
static inline size_t files_in(const char *directory) {
    size_t count = 0;
    DIR *listed = opendir(directory);
    must(listed);
    for (struct dirent *entry; (entry = readdir(listed));)
        count += strncmp(entry->d_name, "reel-", 5) == 0;
    closedir(listed);
    return count;
}

/* It leaves nothing behind, however it ends. */
static inline struct planned planned_with(const char *variable, const char *const *arguments) {
    char temporary[512];
    const char *directory = scratch_directory();
    snprintf(temporary, sizeof temporary, "TMPDIR=%s", directory);
    const char *const environment[] = {temporary, variable, NULL};
    struct daemon program = daemon_launched(arguments, environment);
    int status = daemon_wait(&program);
    must(WIFEXITED(status));
    struct planned planned = {WEXITSTATUS(status), text_of_file(program.out).data,
                              text_of_file(program.log).data, NULL};
    if (planned.out[0] == '{') planned.json = json_parsed(planned.out, strlen(planned.out));
    assert_int_equal(files_in(directory), 0);
    return planned;
}
#define plan(...) planned_with(NULL, (const char *const[]){"plan", __VA_ARGS__, NULL})
#define plan_where(variable, ...)                                                                  \
    planned_with(variable, (const char *const[]){"plan", __VA_ARGS__, NULL})

static inline void planned_free(struct planned *planned) {
    json_decref(planned->json);
    free(planned->out);
    free(planned->err);
}

static inline void expect_code(const struct planned *planned, int code) {
    if (planned->code != code)
        support_failed(__FILE__, __LINE__, "%d, not %d: %s%s", planned->code, code, planned->out,
                       planned->err);
}

/* Fails without a word on stdout. */
static inline void expect_failed(struct planned planned, int code, const char *sentence) {
    expect_code(&planned, code);
    if (planned.out[0] || !strstr(planned.err, sentence))
        support_failed(__FILE__, __LINE__, "wanted \"%s\": %s%s", sentence, planned.err,
                       planned.out);
    planned_free(&planned);
}

static inline json_t *collection_of(const struct planned *planned, const char *name) {
    size_t i;
    json_t *collection;
    json_array_foreach(json_object_get(planned->json, "collections"), i, collection) {
        if (strcmp(json_string_value(json_object_get(collection, "collection")), name) == 0)
            return collection;
    }
    support_failed(__FILE__, __LINE__, "no collection %s: %s%s", name, planned->out, planned->err);
}

static inline json_int_t number_in(const json_t *object, const char *name, const char *inner) {
    return json_integer_value(json_object_get(json_object_get(object, name), inner));
}

static inline const char *text_in(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

#endif
