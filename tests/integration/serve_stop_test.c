/* serve_stop_test.c: SIGTERM, whatever is under way: the daemon ends well, within drain_ms_max and
 * a little, and what it answered is so. */
#include "load.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EACH = 20, DRAIN_MS = 2000, WRITERS = 4, BATCH = 10 };

/* On a machine that is busy, with a sanitizer; far less than what is waited for would take. */
#define SPARE_MS 25000

/* ---- Ending ---------------------------------------------------------------------------------- */

/* Sends SIGTERM and checks that it ended well; how long that took. */
static uint64_t ended_after_ms(struct daemon *daemon) {
    uint64_t began = now_ms();
    daemon_end(daemon);
    return now_ms() - began;
}

static void post_first(const struct daemon *daemon) {
    struct client *client = client_opened(daemon, WRITE_TOKEN);
    post_large_cells(client, LARGE_CELLS);
    client_close(client);
}

/* A list that is on its way, and longer than what the sockets take. */
static int begin_slow_list(const struct daemon *daemon, struct text *begun) {
    int fd = slow_get(daemon, "/v1/cells");
    must(slow_read(fd, 512, begun));
    return fd;
}

/* Waits until that many requests of this kind are known to it: /metrics tells. */
static void wait_for_metric(const struct daemon *daemon, const char *name, double value) {
    struct client *client = client_opened(daemon, READ_TOKEN);
    for (uint64_t began = now_ms();; usleep(5000)) {
        struct reply reply = get(client, "/metrics");
        const char *line = strstr(reply.body.data, name);
        double found = line ? atof(line + strlen(name)) : -1;
        reply_free(&reply);
        if (found >= value) break;
        if (now_ms() - began > 30000) support_failed(__FILE__, __LINE__, "%s %f", name, found);
    }
    client_close(client);
}

/* ---- Requests that wait ---------------------------------------------------------------------- */

static void waiting_requests_are_told_to_go(void **state) {
    (void)state;
    struct daemon daemon = daemon_started(scratch_directory(), "--drain-ms-max", "60000", NULL);
    int waiting[EACH];
    for (size_t i = 0; i < EACH; i++)
        waiting[i] = slow_get(&daemon, "/v1/cells?min_cursor=1000&timeout=60");
    wait_for_metric(&daemon, "\nreel_http_waiters ", EACH);
    assert_true(ended_after_ms(&daemon) < SPARE_MS);
    for (size_t i = 0; i < EACH; i++) {
        struct text begun = {0};
        struct reply reply = slow_rest(waiting[i], &begun);
        assert_problem(&reply, 503, "service-unavailable");
        reply_free(&reply);
    }
}

static void half_requests_and_idle_connections_hold_nothing_up(void **state) {
    (void)state;
    static const char *const parts[] = {
        "",
        "POST /v1/ev",
        "GET /v1/cells HTTP/1.1\r\nHost: reel\r\n",
        "POST /v1/events HTTP/1.1\r\nHost: reel\r\nAuthorization: Bearer " WRITE_TOKEN
        "\r\nContent-Type: application/cloudevents+json\r\nContent-Length: 1000\r\n\r\n{\"spec",
    };
    enum { PARTS = sizeof parts / sizeof *parts };
    struct daemon daemon = daemon_started(scratch_directory(), "--drain-ms-max", "60000", NULL);
    struct client *idle = client_opened(&daemon, READ_TOKEN);
    int fds[EACH * PARTS];
    for (size_t i = 0; i < EACH * PARTS; i++) {
        fds[i] = socket_opened(&daemon);
        socket_send(fds[i], parts[i % PARTS], strlen(parts[i % PARTS]));
    }
    struct reply reply = get(idle, "/v1/cells");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    assert_true(ended_after_ms(&daemon) < SPARE_MS);
    for (size_t i = 0; i < EACH * PARTS; i++) close(fds[i]);
    client_close(idle);
}

/* ---- Slow readers ---------------------------------------------------------------------------- */

static void a_slow_reader_is_waited_for_but_not_longer_than_the_bound(void **state) {
    (void)state;
    struct daemon daemon = daemon_started(scratch_directory(), "--answer-bytes-max", "65536",
                                          "--drain-ms-max", "2000", NULL);
    struct text begun = {0};
    post_first(&daemon);
    int fd = begin_slow_list(&daemon, &begun);
    uint64_t took = ended_after_ms(&daemon);
    assert_true(took >= DRAIN_MS);
    assert_true(took < DRAIN_MS + SPARE_MS);
    struct reply reply = slow_rest(fd, &begun);
    assert_int_equal(reply.status, 0); /* it shows that it was cut */
    reply_free(&reply);
}

static void an_answer_that_has_begun_is_sent_completely(void **state) {
    (void)state;
    struct daemon daemon = daemon_started(scratch_directory(), "--answer-bytes-max", "65536",
                                          "--drain-ms-max", "60000", NULL);
    struct text begun = {0};
    post_first(&daemon);
    int fd = begin_slow_list(&daemon, &begun);
    must(kill(daemon.pid, SIGTERM) == 0);
    daemon_wait_for_log(&daemon, "ending");
    uint64_t began = now_ms();
    struct reply reply = slow_rest(fd, &begun);
    assert_int_equal(reply.status, 200);
    json_decref(reply_json(&reply));
    reply_free(&reply);
    int status = daemon_wait(&daemon);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(now_ms() - began < SPARE_MS);
}

static void a_second_signal_ends_it_at_once(void **state) {
    (void)state;
    struct daemon daemon = daemon_started(scratch_directory(), "--answer-bytes-max", "65536",
                                          "--drain-ms-max", "600000", NULL);
    struct text begun = {0};
    post_first(&daemon);
    int fd = begin_slow_list(&daemon, &begun);
    must(kill(daemon.pid, SIGTERM) == 0);
    daemon_wait_for_log(&daemon, "ending");
    uint64_t began = now_ms();
    int status;
    do must(kill(daemon.pid, SIGTERM) == 0); /* it may not have come to letting it through */
    while (waitpid(daemon.pid, &status, WNOHANG) == 0 && usleep(1000) == 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_true(now_ms() - began < SPARE_MS);
    free(begun.data);
    close(fd);
}

/* ---- Writers --------------------------------------------------------------------------------- */

struct writer {
    struct daemon daemon;
    uint64_t first;
    unsigned char answered[100000]; /* 1: 201; 2: refused; by event */
    uint64_t next;
};

/* Until the daemon is gone. */
static void *write_on(void *context) {
    struct writer *writer = context;
    struct client *client = client_opened(&writer->daemon, WRITE_TOKEN);
    long status;
    do {
        struct reply reply = post_load(client, writer->first + writer->next, BATCH);
        status = reply.status;
        if (status != 0 && status != 201 && status != 503)
            support_failed(__FILE__, __LINE__, "%ld: %s", status, reply.body.data);
        if (status != 0) memset(writer->answered + writer->next, status == 201 ? 1 : 2, BATCH);
        writer->next += BATCH;
        reply_free(&reply);
    } while (status != 0 && writer->next + BATCH < sizeof writer->answered);
    client_close(client);
    return NULL;
}

static int look_at_entry(void *context, const struct reel_entry *entry) {
    struct writer *writers = context;
    uint64_t number = load_number(entry->bytes);
    struct writer *writer = &writers[number >> 32];
    number &= UINT32_MAX;
    must(number < writer->next);
    must(writer->answered[number] == 0 || writer->answered[number] == 1);
    writer->answered[number] |= 4;
    return 0;
}

static void check_answers(const char *directory, struct writer *writers) {
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    struct reel_view *view = view_opened(reel);
    must(reel_view_log(view, 0, look_at_entry, writers) == 0);
    reel_view_close(view);
    reel_close(reel);
    for (size_t i = 0; i < WRITERS; i++)
        for (uint64_t n = 0; n < writers[i].next; n++) must(writers[i].answered[n] != 1);
}

/* Ends it with this bound while writers write. */
static void end_under_load(const char *drain_ms) {
    const char *directory = scratch_directory();
    struct daemon daemon = daemon_started(directory, "--drain-ms-max", drain_ms, NULL);
    struct writer *writers = calloc(WRITERS, sizeof *writers);
    pthread_t threads[WRITERS];
    must(writers != NULL);
    for (uint64_t i = 0; i < WRITERS; i++) {
        writers[i].daemon = daemon;
        writers[i].first = i << 32;
        must(pthread_create(&threads[i], NULL, write_on, &writers[i]) == 0);
    }
    wait_for_metric(&daemon, "\nreel_cursor ", 500);
    assert_true(ended_after_ms(&daemon) < DRAIN_MS + SPARE_MS);
    for (size_t i = 0; i < WRITERS; i++) must(pthread_join(threads[i], NULL) == 0);
    check_answers(directory, writers);
    free(writers);
}

static void events_acknowledged_during_the_end_are_stored(void **state) {
    (void)state;
    for (size_t i = 0; i < scaled(50); i++) end_under_load("10000");
}

static void without_time_to_drain_it_ends_well_too(void **state) {
    (void)state;
    for (size_t i = 0; i < scaled(50); i++) end_under_load("0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_requests_are_told_to_go),
        cmocka_unit_test(half_requests_and_idle_connections_hold_nothing_up),
        cmocka_unit_test(a_slow_reader_is_waited_for_but_not_longer_than_the_bound),
        cmocka_unit_test(an_answer_that_has_begun_is_sent_completely),
        cmocka_unit_test(a_second_signal_ends_it_at_once),
        cmocka_unit_test(events_acknowledged_during_the_end_are_stored),
        cmocka_unit_test(without_time_to_drain_it_ends_well_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
