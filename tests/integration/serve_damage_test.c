/* serve_damage_test.c: a store that is damaged. Whoever finds it, the daemon says so and ends: it
 * does not go on as ready, and is not killed by a signal. */
#include "load.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FAILED = 1, EVENTS = 200, METAS_END = 8192 };

/* ---- Fixture --------------------------------------------------------------------------------- */

/* A daemon that has folded some events, and is ready. */
/* Started again: its records are in the checkpoint, and no longer in memory. */
static struct daemon filled(const char *directory) {
    struct daemon daemon = daemon_started(directory, NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    struct reply reply = post_load(client, 0, EVENTS);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    client_close(client);
    daemon_end(&daemon);
    return daemon_started(directory, NULL);
}

/* Zeros in place of all that is stored, also as a process sees it that has the file mapped. */
static void damage(const char *directory) {
    size_t len = state_bytes(directory) - METAS_END;
    char *zeros = calloc(1, len);
    int fd = open(path_in(directory, "state/data.mdb"), O_WRONLY | O_CLOEXEC);
    must(zeros && fd >= 0 && pwrite(fd, zeros, len, METAS_END) == (ssize_t)len);
    close(fd);
    free(zeros);
}

static size_t count_of(const char *text, const char *part) {
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part)) count++;
    return count;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

/* Says it once, and ends, without a request to write. */
static void assert_ends_of_damage(struct daemon *daemon) {
    int status = daemon_wait(daemon);
    char *log = daemon_log(daemon);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), FAILED);
    assert_int_equal(count_of(log, "the store cannot be trusted"), 1);
    assert_non_null(strstr(log, "\"error\""));
    free(log);
}

static void assert_read_ends_it(const char *path) {
    const char *directory = scratch_directory();
    struct daemon daemon = filled(directory);
    struct client *client = client_opened(&daemon, READ_TOKEN);
    damage(directory);
    struct reply reply = get(client, path);
    if (reply.status != 0 && reply.status < 500)
        support_failed(__FILE__, __LINE__, "%ld: %s", reply.status, reply.body.data);
    reply_free(&reply);
    client_close(client);
    assert_ends_of_damage(&daemon);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_read_that_meets_damage_ends_the_daemon(void **state) {
    (void)state;
    static const char *const paths[] = {"/v1/cells", "/v1/cells/cell-1", "/v1/rejected"};
    for (size_t at = 0; at < sizeof paths / sizeof *paths; at++) {
        test_context("GET %s", paths[at]);
        assert_read_ends_it(paths[at]);
    }
}

static void a_write_that_meets_damage_ends_the_daemon(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct daemon daemon = filled(directory);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    damage(directory);
    struct reply reply = post_load(client, EVENTS, 1);
    assert_true(reply.status >= 500 || reply.status == 0);
    reply_free(&reply);
    client_close(client);
    assert_ends_of_damage(&daemon);
}

static void a_store_that_was_cut_short_is_refused(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct daemon daemon = filled(directory);
    daemon_end(&daemon);
    must(truncate(path_in(directory, "state/data.mdb"), (off_t)state_bytes(directory) / 2) == 0);
    char *log;
    int status = daemon_refused(directory, NULL, &log);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), FAILED);
    assert_non_null(strstr(log, "data.mdb was cut short"));
    free(log);
}

static void post_some(struct client *client, uint64_t from) {
    struct reply reply = post_load(client, from, EVENTS);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
}

/* Nothing writes to a file of the log any more when it is packed. */
static void wait_until_packed(struct client *client) {
    bool packed = false;
    for (uint64_t began = now_ms(); !packed && now_ms() - began < 120000; usleep(20000)) {
        struct reply reply = get(client, "/metrics");
        assert_int_equal(reply.status, 200);
        packed = !strstr(reply.body.data, "reel_log_segments{form=\"sealed\"} 0");
        reply_free(&reply);
    }
    assert_true(packed);
}

/* Somebody cuts a file of the log, which the daemon reads through a map. */
static void a_file_cut_under_the_daemon_ends_it_with_a_sentence(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct daemon daemon = daemon_started(directory, "--segment-bytes", "65536", NULL);
    struct client *writer = client_opened(&daemon, WRITE_TOKEN);
    for (uint64_t i = 0; i < 4; i++) post_some(writer, i * EVENTS);
    client_close(writer);
    struct client *client = client_opened(&daemon, READ_TOKEN);
    wait_until_packed(client);
    must(truncate(path_in(directory, "log/00000000000000000001.seg"), 4096) == 0);
    struct reply reply = get(client, "/v1/events/150/raw");
    assert_int_equal(reply.status, 0);
    reply_free(&reply);
    client_close(client);
    int status = daemon_wait(&daemon);
    char *log = daemon_log(&daemon);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), FAILED);
    assert_non_null(strstr(log, "log/00000000000000000001.seg cannot be read at offset "));
    assert_non_null(strstr(log, "it was cut short, or its disk fails"));
    free(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_that_meets_damage_ends_the_daemon),
        cmocka_unit_test(a_file_cut_under_the_daemon_ends_it_with_a_sentence),
        cmocka_unit_test(a_write_that_meets_damage_ends_the_daemon),
        cmocka_unit_test(a_store_that_was_cut_short_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
