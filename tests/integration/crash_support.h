/* crash_support.h: a daemon with plugins that end the process (plugins/deadly.c), and the events
 * that make them do so. */
#ifndef TESTS_CRASH_SUPPORT_H
#define TESTS_CRASH_SUPPORT_H

#include "http_support.h"
#include "load.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define DEADLY_SO       build_path("tests/integration/plugins/deadly.so")
#define DEADLY_AGAIN_SO build_path("tests/integration/plugins/deadly_again.so")
#define HEALTHY_SO      build_path("tests/integration/plugins/healthy.so")

/* Subjects, over which the events are spread. */
#define SUBJECTS 7

/* As many crashes as there are in these tests stop no collection. */
#define MANY_STRIKES "--strikes-max", "1000000"

/* Long enough for a callback on a busy machine. */
#define BUDGET_MS  "300"
#define BUDGETS    "--evolve-ms-max", BUDGET_MS, "--decide-ms-max", BUDGET_MS
#define LATE       "did not return within " BUDGET_MS " ms"
#define USUAL_ARGS "--plugin", DEADLY_SO, "--plugin", HEALTHY_SO, MANY_STRIKES, BUDGETS

/* A way to die in a projector, and what the operator reads. "allocate" is not for a sanitizer,
 * which has its own memory. */
struct way {
    const char *name, *reason;
};
static const struct way crash_ways[] = {
    {"segv", "the projector crashed (SIGSEGV)"},
    {"abort", "the projector crashed (SIGABRT)"},
    {"divide", "the projector crashed (SIGFPE)"},
    {"stack", "the projector crashed (SIGSEGV)"},
    {"loop", "the projector " LATE},
    {"sleep", "the projector " LATE},
    {"exit", "the projector ended the process"},
    {"throw", "the projector crashed (SIGABRT)"},
    {"jump", "the projector crashed ("},
    {"allocate", "the projector "}, /* whichever limit is reached first, memory or time */
};
#define CRASH_WAYS (sizeof crash_ways / sizeof *crash_ways)

/* ---- Events ---------------------------------------------------------------------------------- */

/* Event `n`, which kills in that way; NULL: it is harmless. `where`: "evolve" or "derive". */
static inline void crash_event_add(struct text *text, uint64_t n, const char *way,
                                   const char *where, bool armed) {
    text_format(text,
                "{\"specversion\":\"1.0\",\"id\":\"%" PRIu64
                "\",\"source\":\"/tests\",\"type\":\"test.deadly.v1.x\",\"subject\":\"s%" PRIu64
                "\",\"data\":{\"n\":%" PRIu64,
                n, n % SUBJECTS, n);
    if (way) text_format(text, ",\"die\":\"%s\",\"where\":\"%s\"", way, where);
    if (armed) text_format(text, ",\"armed\":true");
    text_format(text, "}}");
}

static inline void add_crash_event(struct batch *batch, uint64_t n, const char *way,
                                   const char *where, bool armed) {
    struct text event = {0};
    crash_event_add(&event, n, way, where, armed);
    batch_add(batch, event.data, event.len);
    free(event.data);
}

static inline void add_harmless(struct batch *batch, uint64_t from, uint64_t count) {
    for (uint64_t n = from; n < from + count; n++) add_crash_event(batch, n, NULL, NULL, false);
}

/* Sends until there is an answer: a crash ends the connection. How long it took, in ms. */
static inline uint64_t post_crash_event(struct client *client, uint64_t n, const char *way,
                                        const char *where, bool armed, struct reply *ret) {
    struct text event = {0};
    uint64_t began = now_ms();
    crash_event_add(&event, n, way, where, armed);
    for (;; usleep(1000)) {
        *ret = post_event(client, event.data, event.len);
        if (ret->status != 0) break;
        reply_free(ret);
        if (now_ms() - began > 60000)
            support_failed(__FILE__, __LINE__, "no answer to event %" PRIu64, n);
    }
    free(event.data);
    return now_ms() - began;
}

static inline void post_harmless(struct client *client, uint64_t n) {
    struct reply reply;
    post_crash_event(client, n, NULL, NULL, false, &reply);
    if ((reply.status != 201 && reply.status != 200) ||
        !strstr(reply.body.data, "\"outcome\":\"applied\""))
        support_failed(__FILE__, __LINE__, "%ld: %s", reply.status, reply.body.data);
    reply_free(&reply);
}

/* Posts it, until it is rejected for the collection with this reason. */
static inline uint64_t post_deadly(struct client *client, uint64_t n, const struct way *way,
                                   const char *where) {
    struct reply reply;
    uint64_t took = post_crash_event(client, n, way->name, where, false, &reply);
    if (reply.status != 201 || !strstr(reply.body.data, "\"outcome\":\"rejected\"") ||
        !strstr(reply.body.data, way->reason) ||
        !strstr(reply.body.data, strcmp(where, "derive") == 0 ? "\"collection\":\"deadly_sums\""
                                                              : "\"collection\":\"deadly\""))
        support_failed(__FILE__, __LINE__, "%s: %ld: %s", way->name, reply.status, reply.body.data);
    reply_free(&reply);
    return took;
}

/* ---- What is there --------------------------------------------------------------------------- */

/* Waits until the worker answers, and has caught up; not for a stopped collection. */
static inline void wait_until_answered(struct client *client, const char *path, long status) {
    for (uint64_t began = now_ms();; usleep(5000)) {
        struct reply reply = get(client, path);
        bool good = reply.status == status;
        if (!good && now_ms() - began > 60000)
            support_failed(__FILE__, __LINE__, "%s: %ld: %s", path, reply.status, reply.body.data);
        reply_free(&reply);
        if (good) return;
    }
}

/* The projection of a collection in /v1/status; json_decref() `ret_all`. */
static inline json_t *projection_of(struct client *client, const char *collection,
                                    json_t **ret_all) {
    *ret_all = json_got(client, "/v1/status");
    json_t *projection;
    size_t i;
    json_array_foreach(json_object_get(*ret_all, "projections"), i, projection) {
        if (strcmp(text_of(projection, "collection"), collection) == 0) return projection;
    }
    support_failed(__FILE__, __LINE__, "no collection %s", collection);
    return NULL;
}

static inline void digest_got(struct client *client, const char *collection, char ret[64]) {
    json_t *all;
    snprintf(ret, 64, "%s", text_of(projection_of(client, collection, &all), "digest"));
    json_decref(all);
}

/* GET /v1/collections/NAME; json_decref() it. */
static inline json_t *standing_of(struct client *client, const char *collection) {
    char path[96];
    snprintf(path, sizeof path, "/v1/collections/%s", collection);
    return json_got(client, path);
}

static inline void wait_for_state(struct client *client, const char *collection,
                                  const char *wanted) {
    for (uint64_t began = now_ms();; usleep(10000)) {
        json_t *standing = standing_of(client, collection);
        bool is_it = strcmp(text_of(standing, "state"), wanted) == 0;
        if (!is_it && now_ms() - began > 60000)
            support_failed(__FILE__, __LINE__, "`%s` is %s, not %s", collection,
                           text_of(standing, "state"), wanted);
        json_decref(standing);
        if (is_it) return;
    }
}

/* The sum of `count` over all records. */
static inline uint64_t counted(struct client *client, const char *collection) {
    char path[64];
    uint64_t sum = 0;
    json_t *record;
    size_t i;
    snprintf(path, sizeof path, "/v1/%s", collection);
    wait_until_answered(client, path, 200);
    json_t *all = json_got(client, path);
    json_array_foreach(json_object_get(all, collection), i, record) sum +=
        number_of(record, "count");
    json_decref(all);
    return sum;
}

static inline void assert_counted(struct client *client, const char *collection, uint64_t wanted) {
    uint64_t found = counted(client, collection);
    if (found != wanted)
        support_failed(__FILE__, __LINE__, "%s: %" PRIu64 " instead of %" PRIu64, collection, found,
                       wanted);
}

static inline uint64_t sum_of(struct client *client) {
    wait_until_answered(client, "/v1/deadly_sums/all", 200);
    json_t *record = json_got(client, "/v1/deadly_sums/all");
    uint64_t sum = number_of(record, "sum");
    json_decref(record);
    return sum;
}

/* `reeld verify` folds the log of a closed store, and agrees. `plugins`: flags. */
static inline void assert_verified_with(const char *directory, const char *plugins) {
    char command[4096];
    snprintf(command, sizeof command, "'%s' verify %s --plugin '%s' --plugin '%s' '%s' >'%s' 2>&1",
             build_path("core/daemon/reeld"), plugins, CELL_SO, FORMATION_SO, directory,
             path_in(scratch_directory(), "verify"));
    int status = system(command);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        support_failed(__FILE__, __LINE__, "%s: %x", command, (unsigned)status);
}

static inline void assert_verified(const char *directory, const char *deadly) {
    char plugins[2048];
    snprintf(plugins, sizeof plugins, "--plugin '%s' --plugin '%s'", deadly, HEALTHY_SO);
    assert_verified_with(directory, plugins);
}

/* ---- Processes ------------------------------------------------------------------------------- */

/* Memory that the worker may have, so that allocating without end has one. */
static inline bool memory_is_limited(void) {
    const struct rlimit limit = {(rlim_t)1 << 30, RLIM_INFINITY};
    return !memory_is_sanitized() && setrlimit(RLIMIT_DATA, &limit) == 0;
}
static inline void memory_is_unlimited(void) {
    const struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    must(setrlimit(RLIMIT_DATA, &limit) == 0);
}

#endif
