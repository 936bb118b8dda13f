/* serve_catchup_test.c: from start to ready. While collections are behind the log, the daemon is
 * alive and says what it is doing; it can be ended half way, and the next one goes on. Here `cells`
 * is new.
 *
 * So that there is time to look at it, it catches up in small commits. */
#include "load.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { EVENTS = 60000, SPARE_MS = 25000 };

static const char *long_log(void) {
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, FORMATION_SO, NULL);
    apply_samples(reel, 1, EVENTS, 4096);
    reel_close(reel);
    return directory;
}

static struct daemon catching_up(const char *directory) {
    return daemon_started(directory, "--batch-events-max", "1", "--drain-ms-max", "60000", NULL);
}

static void assert_answers(const struct daemon *daemon, const char *path, long status) {
    struct client *client = client_opened(daemon, READ_TOKEN);
    struct reply reply = get(client, path);
    if (reply.status != status)
        support_failed(__FILE__, __LINE__, "%s: %ld: %.300s", path, reply.status, reply.body.data);
    if (status == 503) assert_problem(&reply, 503, "service-unavailable");
    if (status == 503) assert_non_null(reply_header(&reply, "Retry-After"));
    reply_free(&reply);
    client_close(client);
}

static void assert_whole(const char *directory) {
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    struct reel *fresh = fresh_fold(reel, CELL_SO, FORMATION_SO, NULL);
    assert_same_state(reel, fresh);
    reel_close(fresh);
    reel_close(reel);
}

/* How far it has come, of a store that nobody has open. */
static uint64_t cells_cursor(const char *directory) {
    struct reel_options options = {.flags = REEL_START_BEHIND};
    struct reel *reel = reel_opened(directory, &options, CELL_SO, FORMATION_SO, NULL);
    uint64_t cursor = info_of(reel, "cells").cursor;
    reel_close(reel);
    return cursor;
}

static void it_is_alive_before_it_is_ready(void **state) {
    (void)state;
    const char *directory = long_log();
    struct daemon daemon = catching_up(directory);
    struct client *client = client_opened(&daemon, READ_TOKEN);
    struct reply reply = get(client, "/readyz");
    assert_problem(&reply, 503, "service-unavailable");
    assert_non_null(strstr(reply.body.data, "catching up: "));
    reply_free(&reply);
    assert_answers(&daemon, "/healthz", 200);
    assert_answers(&daemon, "/v1/cells", 503);
    assert_answers(&daemon, "/v1/cells/cell-00000001", 503);
    assert_answers(&daemon, "/v1/formations?limit=1", 200); /* is not being built */
    assert_answers(&daemon, "/v1/events?limit=1", 200);
    assert_answers(&daemon, "/v1/status", 200);

    wait_until_ready(client);
    assert_answers(&daemon, "/v1/cells", 200);
    assert_answers(&daemon, "/v1/cells/cell-00000001", 200);
    client_close(client);
    daemon_end(&daemon);
    assert_whole(directory);
}

static void a_post_meanwhile_is_answered_when_it_is_done(void **state) {
    (void)state;
    const char *directory = long_log();
    struct daemon daemon = catching_up(directory);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    struct reply reply = post_load(client, 1, 1);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    assert_answers(&daemon, "/readyz", 200);
    client_close(client);
    daemon_end(&daemon);
    assert_whole(directory);
}

static int waiting_post(const struct daemon *daemon) {
    struct text head = {0};
    char event[SAMPLE_BYTES_MAX];
    size_t len = load_event(1, event, sizeof event);
    int fd = socket_opened(daemon);
    text_format(&head,
                "POST /v1/events HTTP/1.1\r\nHost: reel\r\nAuthorization: Bearer " WRITE_TOKEN
                "\r\nContent-Type: application/cloudevents+json\r\nConnection: close\r\n"
                "Content-Length: %zu\r\n\r\n",
                len);
    text_add(&head, event, len);
    socket_send(fd, head.data, head.len);
    free(head.data);
    return fd;
}

static void it_ends_half_way_and_goes_on(void **state) {
    (void)state;
    const char *directory = long_log();
    struct daemon daemon = catching_up(directory);
    struct text begun = {0};
    int fd = waiting_post(&daemon);
    assert_answers(&daemon, "/readyz", 503);
    uint64_t began = now_ms();
    daemon_end(&daemon);
    assert_true(now_ms() - began < SPARE_MS);
    struct reply reply = slow_rest(fd, &begun);
    if (reply.status != 0) assert_problem(&reply, 503, "service-unavailable");
    reply_free(&reply);
    uint64_t cursor = cells_cursor(directory);
    assert_true(cursor < EVENTS);

    daemon = daemon_started(directory, NULL);
    struct client *client = client_opened(&daemon, READ_TOKEN);
    wait_until_ready(client);
    reply = get(client, "/v1/events?since=59999");
    assert_int_equal(reply_number(&reply, "cursor"), EVENTS); /* the post was not taken */
    reply_free(&reply);
    client_close(client);
    daemon_end(&daemon);
    assert_whole(directory);
}

static void it_is_killed_half_way_and_goes_on(void **state) {
    (void)state;
    const char *directory = long_log();
    uint64_t before = 0;
    struct daemon daemon = catching_up(directory);
    for (size_t round = 0; round < 5; round++) {
        daemon_kill(&daemon);
        uint64_t cursor = cells_cursor(directory);
        assert_true(cursor >= before); /* never back to the beginning */
        before = cursor;
        daemon = daemon_started(directory, "--batch-events-max", "1", NULL);
    }
    daemon_kill(&daemon);
    assert_whole(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_alive_before_it_is_ready),
        cmocka_unit_test(a_post_meanwhile_is_answered_when_it_is_done),
        cmocka_unit_test(it_ends_half_way_and_goes_on),
        cmocka_unit_test(it_is_killed_half_way_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
