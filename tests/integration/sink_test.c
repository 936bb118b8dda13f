/* sink_test.c: sinks that come from a plugin: chosen by name, with settings of their own. */
#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOTES_SO build_path("tests/integration/plugins/notes.so")

/* ---- Assertions ------------------------------------------------------------------------------ */

static bool file_has(const char *path, const char *part) {
    char text[4096];
    FILE *file = fopen(path, "r");
    if (!file) return false;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return strstr(text, part) != NULL;
}

static void wait_for_file(const char *path, const char *part) {
    for (int waited = 0; !file_has(path, part); waited++) {
        must(waited < 30000);
        usleep(1000);
    }
}

static void assert_refused(const char *const *arguments, int code, const char *sentence) {
    char *log;
    int status = daemon_refused(scratch_directory(), arguments, &log);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
    if (!strstr(log, sentence)) fail_msg("no `%s` in %s", sentence, log);
    free(log);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_sink_from_a_plugin_follows_what_is_committed(void **state) {
    (void)state;
    const char *file = path_in(scratch_directory(), "notes");
    struct daemon daemon =
        daemon_started(scratch_directory(), "--plugin", NOTES_SO, "--sink", "http", "--sink",
                       "notes", "--notes-file", file, "--notes-collection", "formations", NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    wait_for_file(file, "cursor 0: 0 formations\n");
    struct reply reply =
        post_json(client, "/v1/formations",
                  "{\"name\":\"a\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}]}");
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    wait_for_file(file, "cursor 1: 1 formations\n");
    client_close(client);
    daemon_end(&daemon);
    assert_true(file_has(file, "stopped\n"));
}

static void a_sink_that_was_not_chosen_does_not_run(void **state) {
    (void)state;
    const char *file = path_in(scratch_directory(), "notes");
    struct daemon daemon =
        daemon_started(scratch_directory(), "--plugin", NOTES_SO, "--notes-file", file, NULL);
    daemon_end(&daemon);
    assert_int_not_equal(access(file, F_OK), 0);
}

static void a_sink_that_cannot_start_is_said_so(void **state) {
    (void)state;
    const char *arguments[] = {"--plugin", NOTES_SO, "--sink", "notes", NULL};
    assert_refused(arguments, 1, "cannot start sink `notes`: notes_file cannot be opened");
}

static void a_sink_that_is_not_there_is_said_so(void **state) {
    (void)state;
    assert_refused((const char *const[]){"--sink", "nowhere", NULL}, 2,
                   "there is no sink `nowhere`");
    assert_refused((const char *const[]){"--sink", "http", "--sink", "http", NULL}, 2,
                   "sink `http` is given twice");
}

/* Its settings are known only with its plugin. */
static void settings_of_a_sink_come_with_its_plugin(void **state) {
    (void)state;
    assert_refused((const char *const[]){"--notes-file", "x", NULL}, 2, "--notes-file");
}

/* A second SIGTERM kills; a sink that gives up when the first has come must not count as one. */
static void a_sink_that_quits_while_it_is_drained_lets_the_rest_end(void **state) {
    (void)state;
    const char *file = path_in(scratch_directory(), "notes");
    struct daemon daemon =
        daemon_started(scratch_directory(), "--plugin", NOTES_SO, "--sink", "http", "--sink",
                       "notes", "--notes-file", file, "--notes-quit-code", "7", NULL);
    kill(daemon.pid, SIGTERM);
    int status = daemon_wait(&daemon);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_true(file_has(file, "stopped\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sink_from_a_plugin_follows_what_is_committed),
        cmocka_unit_test(a_sink_that_was_not_chosen_does_not_run),
        cmocka_unit_test(a_sink_that_cannot_start_is_said_so),
        cmocka_unit_test(a_sink_that_is_not_there_is_said_so),
        cmocka_unit_test(settings_of_a_sink_come_with_its_plugin),
        cmocka_unit_test(a_sink_that_quits_while_it_is_drained_lets_the_rest_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
