/* serve_next_worker_test.c: a worker that follows another one works with what that had: tokens,
 * plugins, configuration; whatever has happened to their files. And how a worker that ends gives
 * its place to the next one, whatever its plugins do meanwhile. */
#include "reload_support.h"

#include <signal.h>
#include <sys/stat.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

/* Kills the worker, and waits until the next one answers to the tokens of before. */
static void kill_worker(const struct reloaded *reloaded) {
    pid_t before = worker_of(reloaded->site.daemon.pid);
    must(kill(before, SIGKILL) == 0);
    wait_for_other_worker(reloaded, before);
}

static void write_tokens(const struct reloaded *reloaded, const char *text) {
    FILE *file = fopen(reloaded->site.daemon.tokens, "w");
    must(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void ask_by_signal(const struct reloaded *reloaded) {
    must(kill(reloaded->site.daemon.pid, SIGHUP) == 0);
}

/* How often a line of the log contains this. */
static size_t times_logged(const struct reloaded *reloaded, const char *part) {
    char *log = daemon_log(&reloaded->site.daemon);
    size_t count = 0;
    for (const char *at = log; (at = strstr(at, part)); at++) count++;
    free(log);
    return count;
}

static void wait_until_logged(const struct reloaded *reloaded, const char *part, size_t times) {
    for (uint64_t began = now_ms(); times_logged(reloaded, part) < times; usleep(5000))
        if (now_ms() - began > 30000)
            support_failed(__FILE__, __LINE__, "no `%s`: %s", part,
                           daemon_log(&reloaded->site.daemon));
}

/* ---- Tokens ---------------------------------------------------------------------------------- */

static void the_tokens_that_were_valid_stay_so(void **state) {
    (void)state;
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    post_some(&reloaded, 3);
    write_tokens(&reloaded, "no token at all\n");
    ask_by_signal(&reloaded);
    daemon_wait_for_log(&reloaded.site.daemon, "the old tokens stay valid");
    kill_worker(&reloaded);
    post_some(&reloaded, 1);
    must(unlink(reloaded.site.daemon.tokens) == 0);
    kill_worker(&reloaded);
    pid_t before = worker_of(reloaded.site.daemon.pid);
    install(&reloaded, TALLY("2"), "tally.so");
    by_request(&reloaded);
    wait_for_other_worker(&reloaded, before);
    assert_tallied(&reloaded, reloaded.posted, 2);
    reloaded_closed(&reloaded);
}

static void tokens_that_were_read_again_are_those_of_the_next_worker(void **state) {
    (void)state;
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    for (int i = 0; i < 2; i++) { /* the second ones take the place of the first ones */
        write_tokens(&reloaded, i == 0 ? "write " WRITE_TOKEN "\n"
                                       : "write " WRITE_TOKEN "\nread " READ_TOKEN "\n");
        ask_by_signal(&reloaded);
        wait_until_logged(&reloaded, "the tokens were read again", (size_t)i + 1);
    }
    must(unlink(reloaded.site.daemon.tokens) == 0);
    kill_worker(&reloaded);
    post_some(&reloaded, 1);
    get_problem(reloaded.admin, "/v1/tallies", 401, "unauthorized");
    reloaded_closed(&reloaded);
}

/* ---- Files that are changed ------------------------------------------------------------------ */

static void write_config(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    must(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* As root, the daemon would not start with any of these. */
static void who_may_write_the_files_is_not_looked_at_again(void **state) {
    (void)state;
    struct reloaded reloaded = {.directory = scratch_directory(), .plugins = scratch_directory()};
    const char *config = path_in(scratch_directory(), "reel.json");
    write_config(config, "{\"view_ms_max\": 5000}");
    install(&reloaded, TALLY("1"), "tally.so");
    install(&reloaded, HEALTHY_SO, "healthy.so");
    connect_all(&reloaded, daemon_started(reloaded.directory, "--plugin-dir", reloaded.plugins,
                                          "--config", config, NULL));
    must(chmod(path_in(reloaded.plugins, "tally.so"), 0666) == 0);
    must(chmod(reloaded.plugins, 0777) == 0);
    must(chmod(config, 0666) == 0);
    must(chmod(reloaded.site.daemon.tokens, 0666) == 0);
    kill_worker(&reloaded);
    write_config(config, "no configuration");
    if (geteuid() == 0) must(chown(path_in(reloaded.plugins, "tally.so"), 12345, 12345) == 0);
    kill_worker(&reloaded);
    post_some(&reloaded, 2);
    assert_tallied(&reloaded, 2, 1);
    reloaded_closed(&reloaded);
}

/* The first worker has found none. */
static void a_directory_without_plugins_is_not_read_again(void **state) {
    (void)state;
    const char *plugins = scratch_directory(), *data = scratch_directory();
    const char *tokens = path_in(scratch_directory(), "tokens");
    write_config(tokens, "read " READ_TOKEN "\n");
    const char *const arguments[] = {
        "serve",        "--data", data,           "--bind", "127.0.0.1:0",
        "--plugin-dir", plugins,  "--token-file", tokens,   NULL};
    struct daemon daemon = daemon_launched(arguments, NULL);
    daemon_wait_until_it_listens(&daemon);
    struct client *reader = client_opened(&daemon, READ_TOKEN);
    wait_until_answered(reader, "/v1/status", 200);
    copy_over(TALLY("1"), path_in(plugins, "tally.so"));
    pid_t before = worker_of(daemon.pid);
    must(kill(before, SIGKILL) == 0);
    while (!has_other_worker(daemon.pid, before)) usleep(2000);
    wait_until_answered(reader, "/v1/status", 200);
    get_problem(reader, "/v1/tallies", 404, "not-found");
    client_close(reader);
    daemon_end(&daemon);
}

static void a_set_without_plugins_is_that_of_the_next_worker(void **state) {
    (void)state;
    struct reloaded reloaded = {.directory = scratch_directory(), .plugins = scratch_directory()};
    const char *config = path_in(scratch_directory(), "reel.json");
    struct text text = {0};
    text_format(&text, "{\"plugin_dir\": \"%s\"}", reloaded.plugins);
    write_config(config, text.data);
    free(text.data);
    const char *tokens = path_in(scratch_directory(), "tokens");
    write_config(tokens, "read " READ_TOKEN "\nadmin operator " ADMIN_TOKEN "\n");
    const char *const arguments[] = {
        "serve",    "--data", reloaded.directory, "--bind", "127.0.0.1:0",
        "--config", config,   "--token-file",     tokens,   NULL};
    install(&reloaded, TALLY("1"), "tally.so");
    struct daemon daemon = daemon_launched(arguments, NULL);
    daemon_wait_until_it_listens(&daemon);
    connect_all(&reloaded, daemon);
    wait_until_answered(reloaded.site.reader, "/v1/tallies", 200);
    must(unlink(path_in(reloaded.plugins, "tally.so")) == 0);
    by_request(&reloaded);
    wait_until_answered(reloaded.site.reader, "/v1/tallies", 404);
    install(&reloaded, TALLY("1"), "tally.so");
    pid_t before = worker_of(daemon.pid);
    must(kill(before, SIGKILL) == 0);
    while (!has_other_worker(daemon.pid, before)) usleep(2000);
    wait_until_answered(reloaded.site.reader, "/v1/status", 200);
    get_problem(reloaded.site.reader, "/v1/tallies", 404, "not-found");
    reloaded_closed(&reloaded);
}

/* ---- Signals --------------------------------------------------------------------------------- */

/* The supervisor is stopped, so that it does not know yet that there is no worker. */
static void a_sighup_without_a_worker_is_for_the_next_one(void **state) {
    (void)state;
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    pid_t supervisor = reloaded.site.daemon.pid, before = worker_of(supervisor);
    must(kill(supervisor, SIGSTOP) == 0);
    must(kill(before, SIGKILL) == 0);
    must(kill(supervisor, SIGHUP) == 0);
    must(kill(supervisor, SIGCONT) == 0);
    wait_for_other_worker(&reloaded, before);
    daemon_wait_for_log(&reloaded.site.daemon, "the tokens were read again");
    daemon_wait_for_log(&reloaded.site.daemon, "the plugins have not changed");
    kill_worker(&reloaded);
    post_some(&reloaded, 1);
    assert_int_equal(times_logged(&reloaded, "the tokens were read again"), 1);
    reloaded_closed(&reloaded);
}

/* ---- Plugins that end the process ------------------------------------------------------------ */

static void an_exit_on_a_thread_of_a_plugin_is_survived_three_times(void **state) {
    (void)state;
    static const char *const ways[] = {"{\"die\":\"thread exit\"}", "{\"die\":\"thread _exit\"}"};
    for (size_t i = 0; i < 2; i++) {
        struct site site = site_opened(USUAL_ARGS, NULL);
        struct reply reply;
        for (uint64_t n = 0; n < 4; n++) {
            pid_t before = worker_of(site.daemon.pid);
            reply = sent(site.writer, "/v1/deadly/a/touch", ways[i], 200);
            reply_free(&reply);
            if (n == 3) break;
            for (uint64_t began = now_ms(); !has_other_worker(site.daemon.pid, before);
                 usleep(2000))
                if (now_ms() - began > 30000)
                    support_failed(__FILE__, __LINE__, "%s", daemon_log(&site.daemon));
            wait_until_answered(site.nobody, "/healthz", 200);
        }
        int status = daemon_wait(&site.daemon);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        daemon_wait_for_log(&site.daemon, "this happens too often: the daemon ends");
        site_hang_up(&site);
    }
}

/* Each of them costs no restart that is counted, of which there are three. */
static void what_a_plugin_does_when_it_is_unloaded_changes_nothing(void **state) {
    (void)state;
    const struct {
        const char *tally, *line;
    } ways[] = {
        {TALLY("lingers"), "tally.so has not ended within 5 s when it was unloaded"},
        {TALLY("crashes_at_end"), "tally.so has crashed when it was unloaded: signal 6 (Aborted)"},
        {TALLY("exits_at_end"), "tally.so has ended the process with exit code 3 when it was"},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        test_context("way %zu", i);
        struct reloaded reloaded = reloaded_opened(ways[i].tally);
        post_some(&reloaded, 3);
        pid_t before = worker_of(reloaded.site.daemon.pid);
        install(&reloaded, TALLY("2"), "tally.so");
        by_request(&reloaded);
        daemon_wait_for_log(&reloaded.site.daemon, ways[i].line);
        wait_for_other_worker(&reloaded, before);
        assert_tallied(&reloaded, 3, 2);
        before = worker_of(reloaded.site.daemon.pid);
        install(&reloaded, ways[i].tally, "tally.so");
        by_request(&reloaded); /* what the builder does at its end does not matter, either */
        wait_for_other_worker(&reloaded, before);
        struct reply reply = got(reloaded.site.reader, "/metrics", 200);
        assert_non_null(strstr(reply.body.data, "\nreel_worker_restarts_total 0\n"));
        reply_free(&reply);
        uint64_t began = now_ms();
        reloaded_closed(&reloaded); /* with 0 */
        must(now_ms() - began < 25000);
    }
    test_context("%s", "");
}

int main(int argc, char **argv) {
    if (memory_is_sanitized()) return SKIPPED; /* it would say what a plugin dies of */
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tokens_that_were_valid_stay_so),
        cmocka_unit_test(tokens_that_were_read_again_are_those_of_the_next_worker),
        cmocka_unit_test(who_may_write_the_files_is_not_looked_at_again),
        cmocka_unit_test(a_directory_without_plugins_is_not_read_again),
        cmocka_unit_test(a_set_without_plugins_is_that_of_the_next_worker),
        cmocka_unit_test(a_sighup_without_a_worker_is_for_the_next_one),
        cmocka_unit_test(an_exit_on_a_thread_of_a_plugin_is_survived_three_times),
        cmocka_unit_test(what_a_plugin_does_when_it_is_unloaded_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
