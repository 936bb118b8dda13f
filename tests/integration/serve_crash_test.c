/* serve_crash_test.c: projectors that end the process, in every way and everywhere: each costs one
 * event, or one request, and nothing else. */
#include "crash_support.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { HARMLESS_BETWEEN = 20, CRASHES = 1000, IMPORTED = 10000 };

/* ---- Under POST ------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void report_outages(uint64_t *took_ms, size_t count) {
    qsort(took_ms, count, sizeof *took_ms, compare);
    print_message("%zu crashes: without an answer for %" PRIu64 " ms (median), %" PRIu64
                  " ms (longest)\n",
                  count, took_ms[count / 2], took_ms[count - 1]);
}

/* In each way, in evolve and in derive, with harmless events between. */
static void a_crash_costs_its_own_event_only(void **state) {
    (void)state;
    static const char *const places[] = {"evolve", "derive"};
    uint64_t took_ms[2 * CRASH_WAYS], n = 0, harmless = 0, in_derive = 0;
    size_t crashes = 0;
    const char *directory = scratch_directory();
    char digest[64], healthy[64], again[64];
    bool is_limited = memory_is_limited();
    struct site site = site_of(daemon_started(directory, USUAL_ARGS, NULL));
    memory_is_unlimited();
    for (size_t i = 0; i < 2 * CRASH_WAYS; i++) {
        const struct way *way = &crash_ways[i / 2];
        if (!is_limited && strcmp(way->name, "allocate") == 0) continue;
        for (int k = 0; k < HARMLESS_BETWEEN; k++, harmless++) post_harmless(site.writer, n++);
        test_context("%s in %s", way->name, places[i % 2]);
        took_ms[crashes++] = post_deadly(site.writer, n++, way, places[i % 2]);
        in_derive += i % 2;
    }
    test_context("%s", "");
    assert_counted(site.writer, "deadly", harmless + in_derive);
    assert_int_equal(sum_of(site.writer), harmless);
    assert_counted(site.writer, "healthy", n);
    digest_got(site.writer, "deadly", digest);
    digest_got(site.writer, "healthy", healthy);
    json_t *all;
    assert_int_equal(number_of(projection_of(site.writer, "deadly", &all), "rejected"),
                     crashes - in_derive);
    json_decref(all);
    report_outages(took_ms, crashes);
    site_closed(&site);
    assert_verified(directory, DEADLY_SO);
    site = site_of(daemon_started(directory, USUAL_ARGS, "--rebuild", "deadly", NULL));
    assert_counted(site.writer, "deadly", harmless + in_derive);
    digest_got(site.writer, "deadly", again);
    assert_string_equal(again, digest);
    digest_got(site.writer, "healthy", again);
    assert_string_equal(again, healthy);
    site_closed(&site);
    assert_verified(directory, DEADLY_SO);
}

/* The process has no chance to say what it died of: it is blamed on the event when it happens again
 * with the same event. */
static void a_process_that_is_ended_without_a_word_is_blamed_when_it_happens_again(void **state) {
    (void)state;
    static const struct way ways[] = {{"_exit", "the projector ended the process"},
                                      {"kill", "the projector crashed (SIGKILL)"}};
    for (size_t i = 0; i < 2; i++) {
        struct site site = site_opened(USUAL_ARGS, NULL);
        post_harmless(site.writer, 0);
        post_deadly(site.writer, 1, &ways[i], "evolve");
        post_harmless(site.writer, 2);
        assert_counted(site.writer, "deadly", 2);
        assert_counted(site.writer, "healthy", 3);
        site_closed(&site);
    }
}

/* ---- Commands and keys ----------------------------------------------------------------------- */

/* The first time the connection ends; from then on it is refused. The client may have sent it again
 * by itself. */
static void refused_at_last(struct client *client, const char *path, const char *body, long status,
                            const char *detail) {
    struct reply reply;
    for (int i = 0; i < 100; i++, usleep(10000)) {
        reply = body ? post_json(client, path, body) : get(client, path);
        if (reply.status != 0) break;
        reply_free(&reply);
    }
    if (reply.status != status || !strstr(reply.body.data, detail))
        support_failed(__FILE__, __LINE__, "%s: %ld: %s", path, reply.status, reply.body.data);
    reply_free(&reply);
}

static void a_command_that_crashes_is_not_tried_again(void **state) {
    (void)state;
    for (size_t i = 0; i < CRASH_WAYS; i++) {
        const struct way *way = &crash_ways[i];
        struct text body = {0}, later = {0};
        if (strcmp(way->name, "allocate") == 0) continue;
        test_context("%s", way->name);
        struct site site = site_opened(USUAL_ARGS, NULL);
        text_format(&body, "{\"die\":\"%s\"}", way->name);
        refused_at_last(site.writer, "/v1/deadly/a/touch", body.data, 500, way->reason);
        refused_at_last(site.writer, "/v1/deadly/a/touch", body.data, 500, "it is not tried again");
        text_format(&later, "{\"evolve\":\"%s\"}", way->name);
        refused_at_last(site.writer, "/v1/deadly/a/touch", later.data, 500, way->reason);
        struct reply reply = sent(site.writer, "/v1/deadly/a/touch", "{\"a\":1}", 200);
        reply_free(&reply);
        assert_counted(site.writer, "deadly", 1);
        assert_counted(site.writer, "healthy", 1);
        site_closed(&site);
        free(body.data);
        free(later.data);
    }
}

static void a_token_whose_commands_crash_again_and_again_has_to_wait(void **state) {
    (void)state;
    struct site site = site_opened(USUAL_ARGS, NULL);
    struct client *other = client_opened(&site.daemon, OTHER_TOKEN);
    char path[64];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "/v1/deadly/k%d/touch", i);
        refused_at_last(other, path, "{\"die\":\"segv\"}", i < 2 ? 500 : 429,
                        i < 2 ? "it is not tried again" : "has to wait");
    }
    struct reply reply = sent(other, "/v1/deadly/k/touch", "{}", 429);
    assert_problem(&reply, 429, "too-many-requests");
    assert_non_null(reply_header(&reply, "Retry-After"));
    reply_free(&reply);
    reply = sent(site.writer, "/v1/deadly/k/touch", "{}", 200);
    reply_free(&reply);
    client_close(other);
    site_closed(&site);
}

static void a_key_that_crashes_is_not_tried_again(void **state) {
    (void)state;
    for (size_t i = 0; i < CRASH_WAYS; i++) {
        char path[64];
        if (strcmp(crash_ways[i].name, "allocate") == 0) continue;
        test_context("%s", crash_ways[i].name);
        struct site site = site_opened(USUAL_ARGS, NULL);
        post_harmless(site.writer, 0);
        snprintf(path, sizeof path, "/v1/deadly/die-%s", crash_ways[i].name);
        refused_at_last(site.reader, path, NULL, 400, "cannot be a key");
        struct reply reply = got(site.reader, "/v1/deadly/s0", 200);
        reply_free(&reply);
        site_closed(&site);
    }
}

static void a_token_whose_look_ups_crash_again_and_again_has_to_wait(void **state) {
    (void)state;
    struct site site = site_opened(USUAL_ARGS, NULL);
    post_harmless(site.writer, 0);
    refused_at_last(site.reader, "/v1/deadly/die-segv", NULL, 400, "cannot be a key");
    refused_at_last(site.reader, "/v1/deadly/die-abort", NULL, 400, "cannot be a key");
    refused_at_last(site.reader, "/v1/deadly/die-divide", NULL, 429, "has to wait");
    struct reply reply = got(site.reader, "/v1/deadly/s0", 429);
    assert_problem(&reply, 429, "too-many-requests");
    assert_non_null(reply_header(&reply, "Retry-After"));
    reply_free(&reply);
    reply = got(site.writer, "/v1/deadly/s0", 200);
    reply_free(&reply);
    site_closed(&site);
}

/* The line that is there, again and again. */
static void multiply_line(const char *directory, size_t count) {
    char line[512];
    FILE *file = fopen(path_in(directory, "set-aside"), "r+");
    must(file && fgets(line, sizeof line, file) && fseek(file, 0, SEEK_END) == 0);
    for (size_t i = 0; i < count; i++) must(fputs(line, file) >= 0);
    must(fclose(file) == 0);
}

static void assert_keys_refused(struct client *client, bool wanted) {
    json_t *all;
    json_t *refused = json_object_get(projection_of(client, "deadly", &all), "keys_refused");
    assert_int_equal(json_is_true(refused), wanted);
    json_decref(all);
}

/* As many as there can be: those who read could make up others for ever. */
static void keys_are_not_looked_up_after_too_many_crashes_until_a_release(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct site site = site_of(daemon_started(directory, USUAL_ARGS, NULL));
    post_harmless(site.writer, 0);
    refused_at_last(site.reader, "/v1/deadly/die-segv", NULL, 400, "cannot be a key");
    assert_keys_refused(site.reader, false);
    site_closed(&site);
    multiply_line(directory, 99);
    site = site_of(daemon_started(directory, USUAL_ARGS, NULL));
    struct client *admin = client_opened(&site.daemon, ADMIN_TOKEN);
    struct reply reply = got(site.reader, "/v1/deadly/s0", 503);
    assert_non_null(strstr(reply.body.data, "until the collection is released"));
    reply_free(&reply);
    reply = sent(site.writer, "/v1/deadly/s0/touch", "{}", 503);
    assert_non_null(strstr(reply.body.data, "until it is released"));
    reply_free(&reply);
    assert_keys_refused(site.reader, true);
    reply = asked(admin, "POST", "/v1/collections/deadly/release", NULL, NULL, 202);
    reply_free(&reply);
    assert_keys_refused(site.reader, false);
    reply = got(site.reader, "/v1/deadly/s0", 200);
    reply_free(&reply);
    refused_at_last(site.reader, "/v1/deadly/die-segv", NULL, 400, "cannot be a key");
    client_close(admin);
    site_closed(&site);
    site = site_of(daemon_started(directory, USUAL_ARGS, NULL));
    reply = got(site.reader, "/v1/deadly/s0", 200);
    reply_free(&reply);
    site_closed(&site);
}

/* ---- An import ------------------------------------------------------------------------------- */

static void an_import_goes_on_after_each_crash(void **state) {
    (void)state;
    static const char *const headers[] = {"Content-Type: application/x-ndjson", NULL};
    size_t count = scaled(IMPORTED), deadly = 0;
    struct site site = site_opened(USUAL_ARGS, NULL);
    struct text body = {0};
    for (size_t n = 0; n < count; n++) {
        const struct way *way = n % 100 == 50 ? &crash_ways[n / 100 % (CRASH_WAYS - 1)] : NULL;
        deadly += way != NULL;
        crash_event_add(&body, n, way ? way->name : NULL, "evolve", false);
        text_format(&body, "\n");
    }
    struct reply reply = {0};
    for (size_t tries = 0; reply.status != 200; tries++) {
        must(tries <= 20 * deadly + 100);
        reply_free(&reply);
        reply = request(site.writer, "POST", "/v1/events", headers, body.data, body.len);
    }
    json_t *answer = json_taken(reply);
    assert_int_equal(number_of(answer, "lines"), count);
    json_decref(answer);
    assert_counted(site.writer, "deadly", count - deadly);
    assert_counted(site.writer, "healthy", count);
    free(body.data);
    site_closed(&site);
}

/* ---- Folds of what is in the log ------------------------------------------------------------- */

enum { LOGGED = 300, ARMED_EACH = 60 };

/* Events of which some kill only when DEADLY_ARMED is set. */
static size_t post_logged(struct client *client, const char *where) {
    size_t armed = 0;
    for (uint64_t n = 0; n < LOGGED; n++) {
        const struct way *way = &crash_ways[n / ARMED_EACH % (CRASH_WAYS - 1)];
        bool is_armed = n % ARMED_EACH == 30;
        struct reply reply;
        post_crash_event(client, n, is_armed ? way->name : NULL, where, is_armed, &reply);
        assert_int_equal(reply.status, 201);
        reply_free(&reply);
        armed += is_armed;
    }
    return armed;
}

static struct site opened_armed(const char *directory, bool armed, const char *rebuild) {
    const char *const arguments[] = {USUAL_ARGS, rebuild ? "--rebuild" : NULL, rebuild, NULL};
    if (armed) setenv("DEADLY_ARMED", "1", 1);
    struct site site = site_of(daemon_started_list(directory, arguments));
    unsetenv("DEADLY_ARMED");
    return site;
}

/* Folded again without DEADLY_ARMED, the events stay set aside. */
static void assert_same_again(const char *directory, const char *digest, uint64_t wanted) {
    char again[64];
    struct site site = opened_armed(directory, false, "deadly");
    assert_counted(site.writer, "deadly", wanted);
    digest_got(site.writer, "deadly", again);
    assert_string_equal(again, digest);
    site_closed(&site);
    assert_verified(directory, DEADLY_SO);
}

static void events_that_crash_in_the_fold_at_opening_are_set_aside(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    char digest[64];
    struct site site = opened_armed(directory, false, NULL);
    size_t armed = post_logged(site.writer, "evolve");
    assert_counted(site.writer, "deadly", LOGGED);
    daemon_kill(&site.daemon);
    site = opened_armed(directory, true, NULL);
    assert_counted(site.writer, "deadly", LOGGED - armed);
    assert_counted(site.writer, "healthy", LOGGED);
    digest_got(site.writer, "deadly", digest);
    site_closed(&site);
    assert_same_again(directory, digest, LOGGED - armed);
}

static void events_that_crash_in_a_rebuild_are_set_aside(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    char digest[64];
    struct site site = opened_armed(directory, false, NULL);
    size_t armed = post_logged(site.writer, "derive");
    site_closed(&site);
    site = opened_armed(directory, true, "deadly");
    assert_counted(site.writer, "deadly", LOGGED);
    while (sum_of(site.writer) != LOGGED - armed) usleep(10000);
    digest_got(site.writer, "deadly_sums", digest);
    site_closed(&site);
    site = opened_armed(directory, false, NULL);
    char again[64];
    digest_got(site.writer, "deadly_sums", again);
    assert_string_equal(again, digest);
    site_closed(&site);
    assert_verified(directory, DEADLY_SO);
}

/* ---- Another build --------------------------------------------------------------------------- */

static void another_build_of_the_plugin_tries_the_events_again(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    setenv("DEADLY_ARMED", "1", 1);
    struct site site = site_of(daemon_started(directory, USUAL_ARGS, NULL));
    unsetenv("DEADLY_ARMED");
    struct reply reply;
    post_harmless(site.writer, 0);
    post_crash_event(site.writer, 1, "segv", "evolve", true, &reply);
    assert_non_null(strstr(reply.body.data, "rejected"));
    reply_free(&reply);
    assert_counted(site.writer, "deadly", 1);
    site_closed(&site);
    site = site_of(
        daemon_started(directory, "--plugin", DEADLY_AGAIN_SO, "--plugin", HEALTHY_SO, NULL));
    for (uint64_t began = now_ms(); counted(site.writer, "deadly") != 2; usleep(10000))
        must(now_ms() - began < 60000);
    site_closed(&site);
    assert_verified(directory, DEADLY_AGAIN_SO);
}

static struct site opened_build(const char *directory, const char *deadly, bool armed,
                                const char *release) {
    const char *const arguments[] = {"--plugin", deadly,
                                     "--plugin", HEALTHY_SO,
                                     BUDGETS,    "--strikes-max",
                                     "3",        release ? "--release" : NULL,
                                     release,    NULL};
    if (armed) setenv("DEADLY_ARMED", "1", 1);
    struct site site = site_of(daemon_started_list(directory, arguments));
    unsetenv("DEADLY_ARMED");
    return site;
}

static void wait_until_counted(struct client *client, uint64_t wanted) {
    for (uint64_t began = now_ms(); counted(client, "deadly") != wanted; usleep(10000))
        if (now_ms() - began > 60000)
            support_failed(__FILE__, __LINE__, "%" PRIu64 " instead of %" PRIu64,
                           counted(client, "deadly"), wanted);
}

/* `crashes` events are set aside for one build, folded by another, and the first one returns. */
static void set_aside_and_folded_by_another(const char *directory, uint64_t crashes,
                                            char ret_digest[64]) {
    struct reply reply;
    struct site site = opened_build(directory, DEADLY_SO, true, NULL);
    post_harmless(site.writer, 0);
    digest_got(site.writer, "deadly", ret_digest);
    for (uint64_t n = 1; n <= crashes; n++) {
        post_crash_event(site.writer, n, "segv", "evolve", true, &reply);
        reply_free(&reply);
    }
    site_closed(&site);
    site = opened_build(directory, DEADLY_AGAIN_SO, false, NULL);
    wait_until_counted(site.writer, 1 + crashes);
    site_closed(&site);
    assert_verified(directory, DEADLY_AGAIN_SO);
}

static void a_build_that_returns_does_not_have_what_is_set_aside_for_it(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    char digest[64], found[64];
    set_aside_and_folded_by_another(directory, 1, digest);
    struct site site = opened_build(directory, DEADLY_SO, false, NULL);
    wait_until_counted(site.writer, 1);
    digest_got(site.writer, "deadly", found);
    assert_string_equal(found, digest);
    site_closed(&site);
    assert_verified(directory, DEADLY_SO);
}

/* It is stopped again, with the records of the other one, until it is released: at a start, or over
 * HTTP. */
static void a_build_that_was_stopped_and_returns_is_made_again_when_it_is_released(void **state) {
    (void)state;
    for (int over_http = 0; over_http < 2; over_http++) {
        const char *directory = scratch_directory();
        char digest[64], found[64];
        set_aside_and_folded_by_another(directory, 3, digest);
        struct site site = opened_build(directory, DEADLY_SO, false, NULL);
        wait_for_state(site.writer, "deadly", "stopped");
        assert_counted(site.writer, "deadly", 4);
        site_closed(&site);
        assert_verified(directory, DEADLY_SO);
        site = opened_build(directory, DEADLY_SO, false, over_http ? NULL : "deadly");
        if (over_http) {
            struct client *admin = client_opened(&site.daemon, ADMIN_TOKEN);
            struct reply reply =
                asked(admin, "POST", "/v1/collections/deadly/release", NULL, NULL, 202);
            reply_free(&reply);
            client_close(admin);
        }
        wait_until_counted(site.writer, 1);
        digest_got(site.writer, "deadly", found);
        assert_string_equal(found, digest);
        site_closed(&site);
        assert_verified(directory, DEADLY_SO);
    }
}

/* Its file is another plugin's by now, and is not even looked at. */
static void the_next_worker_runs_the_same_copy_of_the_plugin(void **state) {
    (void)state;
    const char *path = path_in(scratch_directory(), "deadly.so");
    copy_over(DEADLY_SO, path);
    struct site site =
        site_opened("--plugin", path, "--plugin", HEALTHY_SO, MANY_STRIKES, BUDGETS, NULL);
    post_harmless(site.writer, 0);
    must(truncate(path, 0) == 0);
    post_deadly(site.writer, 1, &crash_ways[0], "evolve");
    must(unlink(path) == 0);
    post_deadly(site.writer, 2, &crash_ways[0], "evolve");
    post_harmless(site.writer, 3);
    assert_counted(site.writer, "deadly", 2);
    site_closed(&site);
}

/* ---- Collections that are stopped ------------------------------------------------------------ */

static void assert_stopped(struct site *site, uint64_t cursor, uint64_t count) {
    json_t *all, *projection = projection_of(site->writer, "deadly", &all);
    assert_string_equal(text_of(projection, "state"), "stopped");
    assert_int_equal(number_of(projection, "cursor"), cursor);
    assert_string_equal(text_of(json_object_get(projection, "stopped"), "reason"),
                        "the projector crashed (SIGSEGV)");
    json_decref(all);
    struct reply reply = got(site->reader, "/v1/deadly", 200);
    assert_string_equal(reply_header(&reply, "Reel-Stale"), "true");
    assert_int_equal(cursor_of(&reply), cursor);
    reply_free(&reply);
    reply = got(site->reader, "/v1/deadly/s0", 200);
    assert_string_equal(reply_header(&reply, "Reel-Stale"), "true");
    reply_free(&reply);
    reply = got(site->nobody, "/readyz", 503);
    assert_non_null(strstr(reply.body.data, "collection `deadly` is stopped"));
    reply_free(&reply);
    reply = got(site->reader, "/v1/healthy", 200);
    assert_null(reply_header(&reply, "Reel-Stale"));
    reply_free(&reply);
    get_problem(site->reader, "/v1/deadly?min_cursor=1000&timeout=60", 504, "not-yet");
    post_problem(site->writer, "/v1/deadly/a/touch", "{}", 503, "service-unavailable");
    get_problem(site->nobody, "/readyz", 503, "service-unavailable");
    assert_counted(site->writer, "deadly", count);
}

static void a_collection_that_crashes_too_often_is_stopped_until_it_is_released(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    const char *const all[] = {"--plugin",      DEADLY_SO, "--plugin", HEALTHY_SO,
                               "--strikes-max", "3",       NULL};
    struct site site = site_of(daemon_started_list(directory, all));
    post_harmless(site.writer, 0);
    for (uint64_t n = 1; n <= 2; n++) post_deadly(site.writer, n, &crash_ways[0], "evolve");
    struct reply reply;
    post_crash_event(site.writer, 3, "segv", "evolve", false, &reply);
    assert_int_equal(reply.status, 201); /* for `healthy` it is applied */
    assert_non_null(strstr(reply.body.data, "\"outcome\":\"applied\""));
    reply_free(&reply);
    for (uint64_t n = 4; n < 10; n++) post_harmless(site.writer, n);
    assert_counted(site.writer, "healthy", 10);
    assert_stopped(&site, 3, 1);
    site_closed(&site);
    assert_verified(directory, DEADLY_SO);
    site = site_of(daemon_started_list(directory, all));
    assert_stopped(&site, 3, 1);
    site_closed(&site);
    site = site_of(daemon_started(directory, "--plugin", DEADLY_SO, "--plugin", HEALTHY_SO,
                                  "--release", "deadly", NULL));
    for (uint64_t began = now_ms(); counted(site.writer, "deadly") != 7; usleep(10000))
        must(now_ms() - began < 60000);
    wait_until_answered(site.nobody, "/readyz", 200);
    assert_int_equal(sum_of(site.writer), 7);
    site_closed(&site);
    assert_verified(directory, DEADLY_SO);
}

static uint64_t first_seq_of(struct client *client) {
    json_t *status = json_got(client, "/v1/status");
    uint64_t first_seq = number_of(status, "first_seq");
    json_decref(status);
    return first_seq;
}

static void a_stopped_collection_holds_the_log_until_retention_is_exceeded_by_half(void **state) {
    (void)state;
    enum { KEPT = 100 };
    struct site site = site_opened("--plugin", DEADLY_SO, "--plugin", HEALTHY_SO, "--strikes-max",
                                   "1", "--retention-events", "100", NULL);
    struct reply reply;
    uint64_t n = 0;
    post_crash_event(site.writer, n++, "segv", "evolve", false, &reply);
    reply_free(&reply);
    while (n < KEPT + KEPT / 4) post_harmless(site.writer, n++);
    usleep(2500000); /* it is looked at each second: too early, this finds nothing wrong */
    assert_int_equal(first_seq_of(site.writer), 1);
    while (n < 2 * KEPT) post_harmless(site.writer, n++);
    for (uint64_t began = now_ms(); first_seq_of(site.writer) != n + 1 - KEPT; usleep(10000))
        must(now_ms() - began < 60000);
    json_t *all;
    assert_string_equal(text_of(projection_of(site.writer, "deadly", &all), "state"),
                        "lost events");
    json_decref(all);
    site_closed(&site);
}

/* ---- Many ------------------------------------------------------------------------------------ */

/* Of the supervisor. */
static uint64_t memory_of(const struct daemon *daemon) {
    char path[64];
    unsigned long long total, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)daemon->pid);
    FILE *file = fopen(path, "r");
    must(file && fscanf(file, "%llu %llu", &total, &resident) == 2);
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static size_t open_files(pid_t pid) {
    char command[96];
    unsigned count = 0;
    snprintf(command, sizeof command, "ls /proc/%d/fd | wc -l", (int)pid);
    FILE *pipe = popen(command, "r");
    must(pipe && fscanf(pipe, "%u", &count) == 1);
    pclose(pipe);
    return count;
}

static void many_crashes_leave_nothing_behind(void **state) {
    (void)state;
    static const char *const places[] = {"evolve", "derive"};
    /* Without those that take a limit of time or memory: these are many. */
    static const size_t quick[] = {0, 1, 2, 3, 6, 7, 8};
    size_t crashes = getenv("REEL_TEST_LONG") ? CRASHES : CRASHES / 20, files = 0, in_derive = 0;
    uint64_t random = 7, n = 0, harmless = 0, memory = 0;
    uint64_t *took_ms = calloc(crashes, sizeof *took_ms);
    const char *directory = scratch_directory();
    struct site site = site_of(daemon_started(directory, USUAL_ARGS, NULL));
    for (size_t i = 0; i < crashes; i++) {
        const struct way *way = &crash_ways[quick[random_next(&random) % 7]];
        size_t place = random_next(&random) % 2;
        test_context("crash %zu: %s in %s", i, way->name, places[place]);
        for (uint64_t k = random_next(&random) % 5; k > 0; k--, harmless++)
            post_harmless(site.writer, n++);
        took_ms[i] = post_deadly(site.writer, n++, way, places[place]);
        in_derive += place;
        if (i == 5) files = open_files(site.daemon.pid);
        if (i == 5) memory = memory_of(&site.daemon);
    }
    test_context("%s", "");
    assert_counted(site.writer, "deadly", harmless + in_derive);
    assert_int_equal(sum_of(site.writer), harmless);
    assert_counted(site.writer, "healthy", n);
    assert_int_equal(open_files(site.daemon.pid), files);
    if (!memory_is_sanitized()) assert_true(memory_of(&site.daemon) < memory + (4 << 20));
    struct reply reply = got(site.reader, "/metrics", 200);
    assert_non_null(strstr(reply.body.data, "\nreel_worker_restarts_total "));
    reply_free(&reply);
    report_outages(took_ms, crashes);
    free(took_ms);
    site_closed(&site);
    assert_verified(directory, DEADLY_SO);
}

/* ---- The sink stdout ------------------------------------------------------------------------- */

/* How far the lines go on from 1 without a hole; they may be repeated. */
static uint64_t lines_up_to(const struct daemon *daemon) {
    FILE *file = fopen(daemon->out, "r");
    char line[4096];
    uint64_t last = 0, seq;
    must(file != NULL);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "{\"seq\":%" SCNu64, &seq) == 1 && seq == last + 1) last = seq;
    fclose(file);
    return last;
}

static void the_lines_of_stdout_have_no_hole(void **state) {
    (void)state;
    struct site site = site_opened(USUAL_ARGS, "--sink", "http", "--sink", "stdout", NULL);
    for (uint64_t n = 0; n < 60; n++)
        if (n % 20 == 10)
            post_deadly(site.writer, n, &crash_ways[0], "evolve");
        else
            post_harmless(site.writer, n);
    for (uint64_t began = now_ms(); lines_up_to(&site.daemon) < 60; usleep(10000))
        if (now_ms() - began > 30000)
            support_failed(__FILE__, __LINE__, "only up to %" PRIu64, lines_up_to(&site.daemon));
    site_closed(&site);
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static void a_sigterm_amid_crashes_ends_it_well(void **state) {
    (void)state;
    for (size_t i = 0; i < scaled(100); i++) {
        struct site site = site_opened(USUAL_ARGS, NULL);
        struct text event = {0};
        uint64_t random = i;
        test_context("round %zu", i);
        post_harmless(site.writer, 0);
        crash_event_add(&event, 1, i % 2 ? "segv" : "loop", "evolve", false);
        int fd = socket_opened(&site.daemon);
        struct text head = {0};
        text_format(&head,
                    "POST /v1/events HTTP/1.1\r\nHost: reel\r\nAuthorization: Bearer " WRITE_TOKEN
                    "\r\nContent-Type: application/cloudevents+json\r\nContent-Length: %zu\r\n\r\n",
                    event.len);
        socket_send(fd, head.data, head.len);
        socket_send(fd, event.data, event.len);
        usleep((useconds_t)(random_next(&random) % 100000)); /* any moment will do */
        site_closed(&site);
        close(fd);
        free(head.data);
        free(event.data);
    }
}

static void wait_for_other_worker(const struct daemon *daemon, pid_t before) {
    for (uint64_t began = now_ms(); !has_other_worker(daemon->pid, before); usleep(2000))
        if (now_ms() - began > 30000) support_failed(__FILE__, __LINE__, "no other worker");
}

static void a_worker_that_is_killed_is_replaced_and_no_plugin_is_blamed(void **state) {
    (void)state;
    struct site site = site_opened(USUAL_ARGS, NULL);
    post_harmless(site.writer, 0);
    pid_t worker = worker_of(site.daemon.pid);
    must(worker != site.daemon.pid && kill(worker, SIGKILL) == 0);
    wait_for_other_worker(&site.daemon, worker);
    post_harmless(site.writer, 1);
    assert_counted(site.writer, "deadly", 2);
    daemon_wait_for_log(&site.daemon, "the worker was ended by SIGKILL");
    site_closed(&site);
}

static void a_worker_that_is_killed_too_often_ends_the_daemon(void **state) {
    (void)state;
    struct site site = site_opened(USUAL_ARGS, NULL);
    for (int i = 0; i < 4; i++) {
        pid_t worker = worker_of(site.daemon.pid);
        wait_until_answered(site.nobody, "/healthz", 200);
        must(worker != site.daemon.pid && kill(worker, SIGKILL) == 0);
        if (i < 3) wait_for_other_worker(&site.daemon, worker);
    }
    int status = daemon_wait(&site.daemon);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    daemon_wait_for_log(&site.daemon, "this happens too often: the daemon ends");
}

static void a_worker_does_not_outlive_its_supervisor(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct site site = site_of(daemon_started(directory, USUAL_ARGS, NULL));
    post_harmless(site.writer, 0);
    daemon_kill(&site.daemon);
    site = site_of(daemon_started(directory, USUAL_ARGS, NULL)); /* the store is free */
    assert_counted(site.writer, "deadly", 1);
    site_closed(&site);
}

static void without_supervision_a_crash_is_a_crash(void **state) {
    (void)state;
    struct site site = site_opened(USUAL_ARGS, "--no-supervise", NULL);
    struct text event = {0};
    crash_event_add(&event, 0, "abort", "evolve", false);
    struct reply reply = post_event(site.writer, event.data, event.len);
    assert_int_equal(reply.status, 0);
    reply_free(&reply);
    int status = daemon_wait(&site.daemon);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    free(event.data);
}

/* Those that a plugin must not do, but may. */
static void a_process_that_a_plugin_forks_is_no_part_of_the_daemon(void **state) {
    (void)state;
    static const char *const ways[] = {"fork_exiting", "fork_crashing", "fork_returning",
                                       "fork_sleeping"};
    const size_t count = sizeof ways / sizeof *ways;
    const char *directory = scratch_directory();
    struct site site = site_of(daemon_started(directory, USUAL_ARGS, NULL));
    post_harmless(site.writer, 0);
    pid_t worker = worker_of(site.daemon.pid);
    for (size_t i = 0; i < count; i++) {
        struct reply reply;
        test_context("%s", ways[i]);
        post_crash_event(site.writer, i + 1, ways[i], "evolve", false, &reply);
        assert_non_null(strstr(reply.body.data, "\"outcome\":\"applied\""));
        reply_free(&reply);
    }
    test_context("%s", "");
    usleep(500000); /* longer than a callback may take */
    post_harmless(site.writer, count + 1);
    assert_int_equal(worker_of(site.daemon.pid), worker);
    assert_counted(site.writer, "deadly", count + 2);
    post_deadly(site.writer, count + 2, &crash_ways[4], "evolve"); /* it is still watched */
    site_closed(&site);
    site = site_of(daemon_started(directory, USUAL_ARGS, NULL)); /* the store is free */
    assert_counted(site.writer, "deadly", count + 2);
    site_closed(&site);
    assert_verified(directory, DEADLY_SO);
}

/* ---- The service manager --------------------------------------------------------------------- */

static int manager_opened(struct sockaddr_un *address) {
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;
    must(fd >= 0);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "%s",
             path_in(scratch_directory(), "notify"));
    must(bind(fd, (struct sockaddr *)address, sizeof *address) == 0);
    must(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    return fd;
}

/* Waits for a message, which must be the main process's. */
static void wait_for_message(int fd, const char *wanted, pid_t from) {
    char text[256], space[CMSG_SPACE(sizeof(struct ucred))];
    for (;;) {
        struct iovec bytes = {text, sizeof text - 1};
        struct msghdr header = {.msg_iov = &bytes,
                                .msg_iovlen = 1,
                                .msg_control = space,
                                .msg_controllen = sizeof space};
        ssize_t len = recvmsg(fd, &header, 0);
        must(len > 0);
        text[len] = '\0';
        const struct cmsghdr *head = CMSG_FIRSTHDR(&header);
        must(head && head->cmsg_type == SCM_CREDENTIALS);
        struct ucred sender;
        memcpy(&sender, CMSG_DATA(head), sizeof sender);
        assert_int_equal(sender.pid, from);
        if (strcmp(text, wanted) == 0) return;
        assert_string_equal(text, "WATCHDOG=1");
    }
}

static void the_service_manager_hears_from_the_main_process(void **state) {
    (void)state;
    struct sockaddr_un address;
    int fd = manager_opened(&address);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    setenv("WATCHDOG_USEC", "300000", 1);
    struct site site = site_opened(USUAL_ARGS, NULL);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    wait_for_message(fd, "READY=1", site.daemon.pid);
    wait_for_message(fd, "WATCHDOG=1", site.daemon.pid);
    post_deadly(site.writer, 0, &crash_ways[0], "evolve");
    wait_for_message(fd, "WATCHDOG=1", site.daemon.pid);
    must(kill(site.daemon.pid, SIGTERM) == 0);
    wait_for_message(fd, "STOPPING=1", site.daemon.pid);
    assert_int_equal(daemon_wait(&site.daemon), 0);
    close(fd);
}

/* With a pattern, such as "many*": only those cases. */
int main(int argc, char **argv) {
    if (memory_is_sanitized()) return SKIPPED; /* it would say what a plugin dies of, and slowly */
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_costs_its_own_event_only),
        cmocka_unit_test(a_process_that_is_ended_without_a_word_is_blamed_when_it_happens_again),
        cmocka_unit_test(a_command_that_crashes_is_not_tried_again),
        cmocka_unit_test(a_token_whose_commands_crash_again_and_again_has_to_wait),
        cmocka_unit_test(a_key_that_crashes_is_not_tried_again),
        cmocka_unit_test(a_token_whose_look_ups_crash_again_and_again_has_to_wait),
        cmocka_unit_test(keys_are_not_looked_up_after_too_many_crashes_until_a_release),
        cmocka_unit_test(an_import_goes_on_after_each_crash),
        cmocka_unit_test(events_that_crash_in_the_fold_at_opening_are_set_aside),
        cmocka_unit_test(events_that_crash_in_a_rebuild_are_set_aside),
        cmocka_unit_test(another_build_of_the_plugin_tries_the_events_again),
        cmocka_unit_test(a_build_that_returns_does_not_have_what_is_set_aside_for_it),
        cmocka_unit_test(a_build_that_was_stopped_and_returns_is_made_again_when_it_is_released),
        cmocka_unit_test(the_next_worker_runs_the_same_copy_of_the_plugin),
        cmocka_unit_test(a_collection_that_crashes_too_often_is_stopped_until_it_is_released),
        cmocka_unit_test(a_stopped_collection_holds_the_log_until_retention_is_exceeded_by_half),
        cmocka_unit_test(many_crashes_leave_nothing_behind),
        cmocka_unit_test(the_lines_of_stdout_have_no_hole),
        cmocka_unit_test(a_sigterm_amid_crashes_ends_it_well),
        cmocka_unit_test(a_worker_that_is_killed_is_replaced_and_no_plugin_is_blamed),
        cmocka_unit_test(a_worker_that_is_killed_too_often_ends_the_daemon),
        cmocka_unit_test(a_worker_does_not_outlive_its_supervisor),
        cmocka_unit_test(without_supervision_a_crash_is_a_crash),
        cmocka_unit_test(a_process_that_a_plugin_forks_is_no_part_of_the_daemon),
        cmocka_unit_test(the_service_manager_hears_from_the_main_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
