/* serve_held_up_test.c: whatever holds the daemon up or ends it from within: it still ends in time,
 * says why, and never with 0 unless it was asked to. Without supervision, under which a projector
 * that holds it up is ended (serve_crash_test.c). */
#include "load.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAYWARD_SO build_path("tests/integration/plugins/wayward.so")

/* Far less than what is waited for would take, which is for ever. */
enum { PATIENCE_MS = 60000 };

static struct daemon wayward_started(const char *directory) {
    return daemon_started(directory, "--plugin", WAYWARD_SO, "--drain-ms-max", "1000",
                          "--no-supervise", NULL);
}

/* ---- An event whose answer nobody waits for -------------------------------------------------- */

struct sending {
    struct daemon daemon;
    const char *type;
    pthread_t thread;
};

static void *send_event(void *context) {
    struct sending *sending = context;
    struct client *client = client_opened(&sending->daemon, WRITE_TOKEN);
    char event[200];
    int len =
        snprintf(event, sizeof event,
                 "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/test\",\"type\":\"%s\"}",
                 sending->type);
    struct reply reply = post_event(client, event, (size_t)len);
    must(reply.status != 201);
    reply_free(&reply);
    client_close(client);
    return NULL;
}

static void begin_to_send(struct sending *sending, const struct daemon *daemon, const char *type) {
    sending->daemon = *daemon;
    sending->type = type;
    must(pthread_create(&sending->thread, NULL, send_event, sending) == 0);
}

/* Waits for its end; the exit code. */
static int exit_code(struct daemon *daemon) {
    int status = daemon_wait(daemon);
    must(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool log_has(const struct daemon *daemon, const char *part) {
    char *log = daemon_log(daemon);
    bool found = strstr(log, part) != NULL;
    free(log);
    return found;
}

/* ---- Projectors ------------------------------------------------------------------------------ */

static void a_projector_that_hangs_is_told_and_does_not_keep_it_from_ending(void **state) {
    (void)state;
    struct daemon daemon = wayward_started(scratch_directory());
    struct client *client = client_opened(&daemon, NULL);
    struct sending sending;
    wait_until_ready(client);
    begin_to_send(&sending, &daemon, "test.wayward.hang");
    daemon_wait_for_log(&daemon, "the projector of `wayward` has not returned for ");
    struct reply reply = get(client, "/readyz");
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.body.data, "the projector of `wayward` has not returned for "));
    assert_non_null(strstr(reply.body.data, "on event 1"));
    reply_free(&reply);
    client_close(client);
    uint64_t began = now_ms();
    must(kill(daemon.pid, SIGTERM) == 0);
    assert_int_equal(exit_code(&daemon), 1);
    assert_true(now_ms() - began < PATIENCE_MS);
    assert_true(log_has(&daemon, "ended at once: the projector of `wayward` has not returned"));
    must(pthread_join(sending.thread, NULL) == 0);
}

static void an_exit_within_a_projector_is_never_a_good_end(void **state) {
    (void)state;
    static const char *const types[] = {"test.wayward.exit", "test.wayward.quick_exit"};
    for (size_t i = 0; i < 2; i++) {
        const char *directory = scratch_directory();
        struct daemon daemon = wayward_started(directory);
        struct sending sending;
        begin_to_send(&sending, &daemon, types[i]);
        assert_int_equal(exit_code(&daemon), 1);
        assert_true(
            log_has(&daemon, "has called exit(), in the projector of `wayward`, on event "));
        must(pthread_join(sending.thread, NULL) == 0);
        daemon = daemon_started(directory, NULL); /* without that plugin */
        daemon_end(&daemon);
    }
}

/* ---- Signals --------------------------------------------------------------------------------- */

static void a_signal_that_means_nothing_ends_nothing(void **state) {
    (void)state;
    struct daemon daemon = daemon_started(scratch_directory(), NULL);
    must(kill(daemon.pid, SIGUSR1) == 0);
    daemon_wait_for_log(&daemon, "SIGUSR1 from process ");
    struct client *client = client_opened(&daemon, READ_TOKEN);
    struct reply reply = get(client, "/v1/cells");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    client_close(client);
    daemon_end(&daemon);
}

/* A token file that is a pipe without a writer. */
static void reading_the_tokens_again_is_bounded(void **state) {
    (void)state;
    const char *tokens = path_in(scratch_directory(), "tokens");
    const char *const arguments[] = {
        "serve", "--data",   scratch_directory(), "--bind",       "127.0.0.1:0", "--plugin",
        CELL_SO, "--plugin", FORMATION_SO,        "--token-file", tokens,        NULL};
    FILE *file = fopen(tokens, "w");
    must(file && fchmod(fileno(file), 0600) == 0 && fputs(READ_TOKEN "\n", file) >= 0);
    must(fclose(file) == 0);
    struct daemon daemon = daemon_launched(arguments, NULL);
    daemon_wait_until_it_listens(&daemon);
    must(unlink(tokens) == 0 && mkfifo(tokens, 0600) == 0);
    must(kill(daemon.pid, SIGHUP) == 0);
    daemon_wait_for_log(&daemon, "the old tokens stay valid: ");
    assert_true(log_has(&daemon, "its end was not reached within "));
    struct client *client = client_opened(&daemon, READ_TOKEN);
    struct reply reply = get(client, "/v1/cells");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    client_close(client);
    daemon_end(&daemon);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_projector_that_hangs_is_told_and_does_not_keep_it_from_ending),
        cmocka_unit_test(an_exit_within_a_projector_is_never_a_good_end),
        cmocka_unit_test(a_signal_that_means_nothing_ends_nothing),
        cmocka_unit_test(reading_the_tokens_again_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
