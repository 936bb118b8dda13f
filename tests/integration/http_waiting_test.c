/* http_waiting_test.c: min_cursor and timeout: what was written is read, from any connection; who
 * waits is bounded in time and number. */
#include "http_raw.h"

#include <pthread.h>
#include <signal.h>

/* ---- Reading one's writes -------------------------------------------------------------------- */

struct worker {
    pthread_t thread;
    const struct daemon *daemon;
    int number, rounds;
};

/* Writes with one connection, reads with another; in a thread, where only `must` works. */
static void *write_and_read(void *context) {
    struct worker *worker = context;
    struct client *writer = client_opened(worker->daemon, WRITE_TOKEN);
    struct client *reader = client_opened(worker->daemon, READ_TOKEN);
    for (int i = 0; i < worker->rounds; i++) {
        char path[128], id[32], data[96], name[32];
        snprintf(id, sizeof id, "w%d-%d", worker->number, i);
        snprintf(data, sizeof data, "{\"cellId\":\"%s\",\"specId\":\"s\"}", id);
        uint64_t seq = posted(writer, id, CELL_STARTED, data, "applied");
        snprintf(path, sizeof path, "/v1/cells/%s?min_cursor=%llu", id, (unsigned long long)seq);
        struct reply reply = got(reader, path, 200);
        must(cursor_of(&reply) >= seq);
        reply_free(&reply);
        char formation[37];
        snprintf(name, sizeof name, "f%d-%d", worker->number, i);
        seq = formation_made(writer, name, formation);
        snprintf(path, sizeof path, "/v1/formations/by-name/%s?min_cursor=%llu", name,
                 (unsigned long long)seq);
        reply = got(reader, path, 200);
        must(strstr(reply.body.data, formation) != NULL);
        reply_free(&reply);
        snprintf(path, sizeof path, "/v1/cells?limit=1&min_cursor=%llu", (unsigned long long)seq);
        reply = got(reader, path, 200);
        must(cursor_of(&reply) >= seq);
        reply_free(&reply);
    }
    client_close(writer);
    client_close(reader);
    return NULL;
}

static void every_client_reads_its_writes(void **state) {
    struct site *site = *state;
    struct worker workers[6];
    enum { WORKERS = sizeof workers / sizeof *workers, ROUNDS = 25 };
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.daemon = &site->daemon, .number = i, .rounds = ROUNDS};
        must(pthread_create(&workers[i].thread, NULL, write_and_read, &workers[i]) == 0);
    }
    for (int i = 0; i < WORKERS; i++) pthread_join(workers[i].thread, NULL);
    json_t *list = json_got(site->reader, "/v1/cells");
    assert_int_equal(json_array_size(json_object_get(list, "cells")), WORKERS * ROUNDS);
    assert_int_equal(number_of(list, "cursor"), 2 * WORKERS * ROUNDS);
    json_decref(list);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static void a_waiting_request_is_answered_when_the_cursor_is_reached(void **state) {
    struct site *site = *state;
    enum { WAITING = 40 };
    struct raw raws[WAITING];
    for (int i = 0; i < WAITING; i++) {
        char request[256];
        snprintf(request, sizeof request, GET("/v1/cells/c?min_cursor=%d&timeout=60"), 1 + i % 4);
        raws[i] = raw_opened(site);
        say(&raws[i], request);
    }
    wait_for_figure(site, "\nreel_http_waiters ", WAITING);
    for (int i = 0; i < 4; i++) cell_started(site->writer, "c");
    for (int i = 0; i < WAITING; i++) {
        struct reply reply = heard(&raws[i], false);
        assert_int_equal(reply.status, 200);
        assert_true(cursor_of(&reply) >= 1 + (uint64_t)i % 4);
        reply_free(&reply);
        raw_close(&raws[i]);
    }
    wait_for_figure(site, "\nreel_http_waiters ", 0);
}

static void a_cursor_that_does_not_come_is_not_yet(void **state) {
    struct site *site = *state;
    char id[37];
    cell_started(site->writer, "c");
    formation_made(site->writer, "f", id);
    static const char *const paths[] = {"/v1/cells?min_cursor=3&timeout=0",
                                        "/v1/cells/c?min_cursor=3&timeout=1",
                                        "/v1/cells/none?min_cursor=3&timeout=0",
                                        "/v1/formations/by-name/f?timeout=0&min_cursor=99",
                                        "/v1/cells?min_cursor=99999999999999999999&timeout=0",
                                        NULL};
    for (const char *const *path = paths; *path; path++)
        get_problem(site->reader, *path, 504, "not-yet");
    json_t *problem = json_taken(got(site->reader, paths[0], 504));
    assert_int_equal(number_of(problem, "cursor"), 2);
    json_decref(problem);
}

static void a_cursor_that_was_reached_is_not_waited_for(void **state) {
    struct site *site = *state;
    cell_started(site->writer, "c");
    static const char *const paths[] = {
        "/v1/cells?min_cursor=0", "/v1/cells/c?min_cursor=1",
        "/v1/cells?timeout=0",    "/v1/cells?min_cursor=1&timeout=99",
        "/v1/cells/c?timeout=60", NULL};
    for (const char *const *path = paths; *path; path++) json_decref(json_got(site->reader, *path));
    get_problem(site->reader, "/v1/cells/none?min_cursor=1", 404, "not-found");
}

static void a_parameter_that_is_not_a_number_is_a_bad_request(void **state) {
    struct site *site = *state;
    static const char *const paths[] = {"/v1/cells?min_cursor=x",
                                        "/v1/cells?min_cursor=",
                                        "/v1/cells?min_cursor=-1",
                                        "/v1/cells?timeout=x",
                                        "/v1/cells?timeout=",
                                        "/v1/cells?timeout=0.5",
                                        "/v1/cells/c?min_cursor=1x",
                                        "/v1/cells?min_cursor",
                                        "/v1/cells?timeout=-1",
                                        "/v1/events?min_cursor=1",
                                        "/v1/status?min_cursor=1",
                                        "/v1/rejected?timeout=1",
                                        "/v1/cells?min_cursor=1&min_cursor=2",
                                        NULL};
    for (const char *const *path = paths; *path; path++)
        get_problem(site->reader, *path, 400, "bad-request");
}

static void too_many_waiters_are_answered_503(void **state) {
    (void)state;
    struct site site = site_opened("--waiters-max", "2", NULL);
    struct raw raws[2];
    for (int i = 0; i < 2; i++) {
        raws[i] = raw_opened(&site);
        say(&raws[i], GET("/v1/cells?min_cursor=1&timeout=60"));
    }
    wait_for_figure(&site, "\nreel_http_waiters ", 2);
    get_problem(site.reader, "/v1/cells?min_cursor=1", 503, "service-unavailable");
    json_decref(json_got(site.reader, "/v1/cells"));
    cell_started(site.writer, "c");
    for (int i = 0; i < 2; i++) {
        check_heard(&raws[i], 200, NULL);
        raw_close(&raws[i]);
    }
    json_decref(json_got(site.reader, "/v1/cells?min_cursor=1"));
    site_closed(&site);
}

static void the_place_of_one_that_went_away_is_free(void **state) {
    (void)state;
    struct site site = site_opened("--waiters-max", "2", NULL);
    struct raw raws[2];
    for (int i = 0; i < 2; i++) {
        raws[i] = raw_opened(&site);
        say(&raws[i], GET("/v1/cells?min_cursor=1&timeout=60"));
    }
    wait_for_figure(&site, "\nreel_http_waiters ", 2);
    get_problem(site.reader, "/v1/cells?min_cursor=1", 503, "service-unavailable");
    raw_close(&raws[0]);
    struct reply reply = get(site.reader, "/v1/cells?min_cursor=1&timeout=1");
    for (int tries = 0; reply.status == 503 && tries < 1000; tries++) {
        usleep(10000);
        reply_free(&reply);
        reply = get(site.reader, "/v1/cells?min_cursor=1&timeout=1");
    }
    assert_problem(&reply, 504, "not-yet");
    reply_free(&reply);
    cell_started(site.writer, "c");
    check_heard(&raws[1], 200, NULL);
    raw_close(&raws[1]);
    site_closed(&site);
}

static void a_client_that_disconnects_while_waiting_is_forgotten(void **state) {
    struct site *site = *state;
    for (int i = 0; i < 20; i++) {
        struct raw raw = raw_opened(site);
        say(&raw, GET("/v1/cells?min_cursor=1&timeout=60"));
        wait_for_figure(site, "\nreel_http_waiters ", i + 1);
        raw_close(&raw);
    }
    cell_started(site->writer, "c");
    wait_for_figure(site, "\nreel_http_waiters ", 0);
    wait_until_quiet(site, 3);
}

static void a_waiting_request_is_refused_when_the_daemon_ends(void **state) {
    (void)state;
    struct site site = site_opened(NULL);
    struct raw raw = raw_opened(&site);
    say(&raw, GET("/v1/cells?min_cursor=1&timeout=60"));
    wait_for_figure(&site, "\nreel_http_waiters ", 1);
    must(kill(site.daemon.pid, SIGTERM) == 0);
    check_heard(&raw, 503, "service-unavailable");
    raw_close(&raw);
    must(daemon_wait(&site.daemon) == 0);
    site_hang_up(&site);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(every_client_reads_its_writes),
        CASE(a_waiting_request_is_answered_when_the_cursor_is_reached),
        CASE(a_cursor_that_does_not_come_is_not_yet),
        CASE(a_cursor_that_was_reached_is_not_waited_for),
        CASE(a_parameter_that_is_not_a_number_is_a_bad_request),
        cmocka_unit_test(too_many_waiters_are_answered_503),
        cmocka_unit_test(the_place_of_one_that_went_away_is_free),
        CASE(a_client_that_disconnects_while_waiting_is_forgotten),
        cmocka_unit_test(a_waiting_request_is_refused_when_the_daemon_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
