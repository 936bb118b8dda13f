/* serve_overload_test.c: more than there is room for. Memory stays bounded, what is answered is
 * right, what is too much is told so with 503 and Retry-After, and /healthz still answers. */
#include "load.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CONNECTIONS = 2000, FILES = CONNECTIONS + 200, WRITERS = 8, BATCH = 5 };

#define MIB (UINT64_C(1) << 20)

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_alive(const struct daemon *daemon) {
    struct client *client = client_opened(daemon, NULL);
    struct reply reply = get(client, "/healthz");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    client_close(client);
}

static void assert_too_much(const struct reply *reply) {
    assert_problem(reply, 503, "service-unavailable");
    assert_non_null(reply_header(reply, "Retry-After"));
}

static void assert_memory_below(const struct daemon *daemon, uint64_t bytes) {
    uint64_t memory = process_memory(daemon->pid);
    if (memory > bytes && !memory_is_sanitized())
        support_failed(__FILE__, __LINE__, "%" PRIu64 " bytes", memory);
}

static void post_some(const struct daemon *daemon, size_t large_cells) {
    struct client *client = client_opened(daemon, WRITE_TOKEN);
    struct reply reply = post_load(client, 0, 1000);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    post_large_cells(client, large_cells);
    client_close(client);
}

/* ---- Connections ----------------------------------------------------------------------------- */

/* False: so many files may not be open here. */
static bool allow_files(void) {
    struct rlimit limit;
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_max < FILES) return false;
    if (limit.rlim_cur < FILES) limit.rlim_cur = FILES;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* Every other one has said something, and none all. */
static void connect_all(const struct daemon *daemon, int fds[CONNECTIONS]) {
    static const char half[] = "GET /v1/cells HTTP/1.1\r\nHost: ";
    for (size_t i = 0; i < CONNECTIONS; i++) {
        fds[i] = socket_opened(daemon);
        if (i % 2) socket_send(fds[i], half, sizeof half - 1);
    }
}

static void close_all(int fds[CONNECTIONS]) {
    for (size_t i = 0; i < CONNECTIONS; i++) close(fds[i]);
}

static void many_connections_are_served(void **state) {
    (void)state;
    int fds[CONNECTIONS];
    if (!allow_files()) skip();
    struct daemon daemon = daemon_started(scratch_directory(), NULL);
    post_some(&daemon, 0);
    connect_all(&daemon, fds);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    struct reply reply = get(client, "/v1/cells");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    reply = post_load(client, 1000, 10);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    assert_alive(&daemon);
    assert_memory_below(&daemon, 256 * MIB);
    static const char rest[] =
        "reel\r\nAuthorization: Bearer " READ_TOKEN "\r\nConnection: close\r\n\r\n";
    for (size_t i = 1; i < CONNECTIONS; i += 100) { /* what was begun long ago is answered */
        struct text begun = {0};
        socket_send(fds[i], rest, sizeof rest - 1);
        reply = slow_rest(dup(fds[i]), &begun);
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    client_close(client);
    close_all(fds);
    daemon_end(&daemon);
}

static void more_connections_than_there_are_places_keep_out_nobody_with_a_token(void **state) {
    (void)state;
    int fds[CONNECTIONS];
    if (!allow_files()) skip();
    struct daemon daemon = daemon_started(scratch_directory(), "--connections-max", "100", NULL);
    post_some(&daemon, 0);
    struct client *early = client_opened(&daemon, READ_TOKEN);
    struct reply reply = get(early, "/v1/cells");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    connect_all(&daemon, fds);
    uint64_t began = now_ms();
    assert_alive(&daemon);
    assert_true(now_ms() - began < 15000); /* far less than a connection may be idle */
    struct client *late = client_opened(&daemon, READ_TOKEN);
    reply = get(late, "/v1/cells");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    reply = get(early, "/v1/cells");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    assert_memory_below(&daemon, 256 * MIB);
    close_all(fds);
    client_close(early);
    client_close(late);
    daemon_end(&daemon);
}

/* ---- Slow clients ---------------------------------------------------------------------------- */

static void a_byte_at_a_time_is_a_request_too(void **state) {
    (void)state;
    static const char whole[] = "GET /v1/cells?limit=10 HTTP/1.1\r\nHost: reel\r\nConnection: close"
                                "\r\nAuthorization: Bearer " READ_TOKEN "\r\n\r\n";
    enum { SLOW = 20 };
    int fds[SLOW];
    struct daemon daemon = daemon_started(scratch_directory(), NULL);
    post_some(&daemon, 0);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    for (size_t i = 0; i < SLOW; i++) fds[i] = socket_opened(&daemon);
    for (size_t at = 0; at < sizeof whole - 1; at++) { /* others are served between two bytes */
        for (size_t i = 0; i < SLOW; i++) socket_send(fds[i], whole + at, 1);
        struct reply reply = post_load(client, 5000 + at, 1);
        assert_int_equal(reply.status, 201);
        reply_free(&reply);
    }
    for (size_t i = 0; i < SLOW; i++) {
        struct text begun = {0};
        while (slow_read(fds[i], 1, &begun)) continue;
        struct reply reply = slow_rest(fds[i], &begun);
        assert_int_equal(reply.status, 200);
        json_decref(reply_json(&reply));
        reply_free(&reply);
    }
    client_close(client);
    daemon_end(&daemon);
}

/* Their lists come out of views, of which there are few, for a while only. */
static void readers_that_do_not_read_keep_others_out_for_a_view_s_life_only(void **state) {
    (void)state;
    enum { SLOW = 24 };
    int fds[SLOW];
    struct text begun[SLOW] = {{0}};
    struct daemon daemon = daemon_started(scratch_directory(), "--views-max", "8", "--view-ms-max",
                                          "3000", "--answer-bytes-max", "65536", NULL);
    post_some(&daemon, LARGE_CELLS);
    for (size_t i = 0; i < SLOW; i++) fds[i] = slow_get(&daemon, "/v1/cells");
    for (size_t i = 0; i < SLOW; i++) must(slow_read(fds[i], 1, &begun[i]));
    struct client *client = client_opened(&daemon, READ_TOKEN);
    uint64_t began = now_ms();
    struct reply reply = get_until(client, "/v1/formations", 200);
    assert_true(now_ms() - began < 20000);
    reply_free(&reply);
    size_t refused = 0;
    for (size_t i = 0; i < SLOW; i++) {
        reply = slow_rest(fds[i], &begun[i]);
        if (reply.status != 0) assert_too_much(&reply);
        if (reply.status != 0) refused++;
        reply_free(&reply);
    }
    assert_true(refused >= SLOW - 2 * 8); /* the others were cut, and it shows */
    assert_memory_below(&daemon, 256 * MIB);
    client_close(client);
    daemon_end(&daemon);
}

static void answers_that_nobody_reads_are_bounded(void **state) {
    (void)state;
    enum { SLOW = 100, SANITIZED = 40 };
    const size_t count = memory_is_sanitized() ? SANITIZED : SLOW;
    int fds[SLOW];
    struct text begun[SLOW] = {{0}};
    struct daemon daemon = daemon_started(scratch_directory(), "--answer-bytes-max", "67108864",
                                          "--http-memory-bytes-max", "33554432", NULL);
    post_some(&daemon, LARGE_CELLS); /* a list of 12 MB: two are as much as is allowed */
    for (size_t i = 0; i < count; i++) fds[i] = slow_get(&daemon, "/v1/cells");
    for (size_t i = 0; i < count; i++) must(slow_read(fds[i], 1, &begun[i]));
    assert_memory_below(&daemon, 384 * MIB);
    assert_alive(&daemon);
    size_t whole = 0;
    for (size_t i = 0; i < count; i++) {
        struct reply reply = slow_rest(fds[i], &begun[i]);
        if (reply.status == 200)
            whole++;
        else
            assert_too_much(&reply);
        reply_free(&reply);
    }
    assert_in_range(whole, 1, 10);
    daemon_end(&daemon);
}

/* ---- The queue ------------------------------------------------------------------------------- */

struct writer {
    struct daemon daemon;
    uint64_t first, count, refused;
};

/* Each batch again until it is taken. */
static void *insist(void *context) {
    struct writer *writer = context;
    struct client *client = client_opened(&writer->daemon, WRITE_TOKEN);
    for (uint64_t done = 0; done < writer->count;) {
        struct reply reply = post_load(client, writer->first + done, BATCH);
        must(reply.status == 201 || reply.status == 503);
        must(reply.status == 201 || reply_header(&reply, "Retry-After") != NULL);
        if (reply.status == 201)
            done += BATCH;
        else
            writer->refused++;
        if (reply.status != 201) usleep(1000); /* the processors are for the daemon, too */
        reply_free(&reply);
    }
    client_close(client);
    return NULL;
}

static void a_full_queue_refuses_and_forgets(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct daemon daemon = daemon_started(directory, "--queue-events-max", "1", NULL);
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    uint64_t all = 0, refused = 0;
    for (uint64_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){daemon, i << 32, BATCH * scaled(2000), 0};
        must(pthread_create(&threads[i], NULL, insist, &writers[i]) == 0);
    }
    assert_alive(&daemon);
    for (size_t i = 0; i < WRITERS; i++) {
        must(pthread_join(threads[i], NULL) == 0);
        all += writers[i].count;
        refused += writers[i].refused;
    }
    assert_true(refused > 0);
    daemon_end(&daemon);
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    assert_int_equal(position_of(reel).head, all); /* of what was refused nothing, once */
    reel_close(reel);
}

/* Which of these, with -1 for none, has something to read first. */
static size_t first_to_answer(const int *fds, size_t count) {
    struct pollfd polls[64];
    must(count <= sizeof polls / sizeof *polls);
    for (size_t i = 0; i < count; i++) polls[i] = (struct pollfd){fds[i], POLLIN, 0};
    must(poll(polls, count, 30000) > 0);
    for (size_t i = 0;; i++)
        if (polls[i].revents) return i;
}

static void waiters_are_bounded(void **state) {
    (void)state;
    enum { WAITERS = 20, ALLOWED = 5 };
    int fds[WAITERS];
    struct daemon daemon = daemon_started(scratch_directory(), "--waiters-max", "5", NULL);
    for (size_t i = 0; i < WAITERS; i++)
        fds[i] = slow_get(&daemon, "/v1/cells?min_cursor=1000&timeout=60");
    for (size_t refused = 0; refused < WAITERS - ALLOWED; refused++) { /* at once */
        struct text begun = {0};
        size_t i = first_to_answer(fds, WAITERS);
        struct reply reply = slow_rest(fds[i], &begun);
        assert_too_much(&reply);
        reply_free(&reply);
        fds[i] = -1;
    }
    post_some(&daemon, 0); /* the others were waiting for that */
    for (size_t i = 0; i < WAITERS; i++) {
        if (fds[i] < 0) continue;
        struct text begun = {0};
        struct reply reply = slow_rest(fds[i], &begun);
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    daemon_end(&daemon);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_connections_are_served),
        cmocka_unit_test(more_connections_than_there_are_places_keep_out_nobody_with_a_token),
        cmocka_unit_test(a_byte_at_a_time_is_a_request_too),
        cmocka_unit_test(readers_that_do_not_read_keep_others_out_for_a_view_s_life_only),
        cmocka_unit_test(answers_that_nobody_reads_are_bounded),
        cmocka_unit_test(a_full_queue_refuses_and_forgets),
        cmocka_unit_test(waiters_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
