/* main.c: the program `reel`: finds the command, the server and the token, and runs the command.
 * Data goes to stdout, everything else to stderr. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/descriptors.h"
#include "client/client.h"
#include "client/contexts.h"
#include "client/help.h"
#include "client/shown.h"

#include <curl/curl.h>
#include <signal.h>

const struct command *const commands[] = {
    &command_get,        &command_describe, &command_events,   &command_send,
    &command_run,        &command_import,   &command_export,   &command_rejected,
    &command_status,     &command_plugins,  &command_compare,  &command_admin,
    &command_completion, &command_help,     &command_complete, NULL,
};

const struct command *command_find(const char *name) {
    for (const struct command *const *command = commands; *command; command++)
        if (strcmp((*command)->name, name) == 0) return *command;
    return NULL;
}

/* ---- Failures -------------------------------------------------------------------------------- */

static void print_failure(const struct failure *failure) {
    CLEANUP(text_finish) struct text clean = {0};
    struct terminal err;
    terminal_init(&err, stderr);
    shown_append(&clean, reel_text(failure->error.text));
    fprintf(stderr, "%sreel:%s %.*s\n", terminal_begin(&err, STYLE_BAD),
            terminal_end(&err, STYLE_BAD), (int)clean.len, clean.data ? clean.data : "");
    if (!failure->advice[0]) return;
    clean.len = 0;
    shown_append(&clean, reel_text(failure->advice));
    fprintf(stderr, "      %.*s\n", (int)clean.len, clean.data ? clean.data : "");
}

/* What was printed must have arrived. A reader that has closed its side, such as `head`, has all
 * that it wants. */
static int finish_output(int code, struct failure *failure) {
    const struct terminal out = {.to = stdout};
    bool has_failed = ferror(stdout);
    clearerr(stdout);
    errno = 0; /* what could not be written is tried again, and says why */
    if (fflush(stdout) == 0 && !has_failed) return code;
    if (errno == EPIPE || !terminal_has_reader(&out) || code != 0) return code;
    return failure_of_output(failure);
}

/* ---- Running --------------------------------------------------------------------------------- */

static void close_client(struct client *client) {
    json_decref(client->plugins);
    http_close(client->http);
    access_finish(&client->access);
    args_finish(&client->args);
}

static int open_server(struct client *client, const struct command *command,
                       struct failure *failure) {
    if (command->needs_no_server) return 0;
    int code = contexts_choose(&client->args, &client->access, failure);
    return code ? code : http_open(&client->access, &client->http, failure);
}

static int run(const struct command *command, int argc, char **argv, struct failure *failure) {
    struct client client = {.now_ns = (int64_t)clock_now_ns()};
    terminal_init(&client.out, stdout);
    terminal_init(&client.err, stderr);
    int code =
        args_parse(argc, argv, command->options, command->takes_words, &client.args, failure);
    client.is_quiet = args_has(&client.args, "quiet");
    if (code == 0 && args_has(&client.args, "help")) {
        help_command(command, stdout);
        close_client(&client);
        return 0;
    }
    if (code == 0) code = open_server(&client, command, failure);
    if (code == 0) code = command->run(&client, failure);
    close_client(&client);
    if (code == EXIT_USAGE && !failure->advice[0])
        failure_advise(failure, code, "usage: reel %s%s%s", command->name,
                       command->usage[0] ? " " : "", command->usage);
    return code;
}

static int refuse_command(const char *name, struct failure *failure) {
    failure_usage(failure, "there is no command `%s`", name);
    return failure_advise(failure, EXIT_USAGE, "reel help lists the commands.");
}

int main(int argc, char **argv) {
    struct failure failure = {0};
    if (descriptors_reserve_standard() < 0) return EXIT_FAILED; /* there is nowhere to report it */
    signal(SIGPIPE, SIG_IGN);
    shown_prepare();
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--version") == 0) {
        printf("reel %s\n", REEL_VERSION);
        return finish_output(0, &failure);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    if (!name[0]) {
        help_all(stderr);
        return EXIT_USAGE;
    }
    const struct command *command = command_find(name);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int code =
        command ? run(command, argc - 2, argv + 2, &failure) : refuse_command(name, &failure);
    code = finish_output(code, &failure);
    curl_global_cleanup();
    if (code != 0 && failure.error.text[0]) print_failure(&failure);
    return code;
}
