/* serve.c: `reeld serve`: starts the parts of the daemon in the order of daemon.h, waits for a
 * signal (signals.h), and ends them. After the first SIGTERM no new work is accepted, and running
 * work is finished within drain_ms_max. If a part does not end, the process ends anyway: ending.h.
 *
 * All of this happens in a worker, a process that another one watches and starts again
 * (supervisor.h), unless the setting `no_supervise` is given.
 */
#include "daemon/serve.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/exit_code.h"
#include "base/trace.h"
#include "daemon/builder.h"
#include "daemon/config/config_help.h"
#include "daemon/daemon.h"
#include "daemon/data.h"
#include "daemon/fault.h"
#include "daemon/known.h"
#include "daemon/nats_feed.h"
#include "daemon/opening.h"
#include "daemon/reload.h"
#include "daemon/sink_host.h"
#include "daemon/supervisor.h"
#include "daemon/trust.h"
#include "daemon/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define SELF "reeld"

/* How long the daemon waits at its end until the last lines of the log are read. */
#define LOG_END_MS 2000

/* How long running requests may take when another worker takes the place of this one: others wait
 * meanwhile. */
#define RELOAD_DRAIN_MS 300

/* ---- Tokens ---------------------------------------------------------------------------------- */

static void warn_of_tokens(const struct reel_error *warning) {
    if (warning->text[0]) log_line(REEL_LEVEL_WARNING, SELF, "%s", warning->text);
}

static void tell_of_browsers(const struct tokens *tokens) {
    size_t count = tokens ? tokens_to_encode(tokens) : 0;
    if (count > 0)
        log_line(REEL_LEVEL_INFO, SELF,
                 "%zu of the tokens contain / or =, which a WebSocket sub-protocol cannot contain: "
                 "a browser must offer such a token as bearer.b64. and its base64url form",
                 count);
}

/* For the workers that follow: they have the same tokens, whatever has happened to the file. */
static void keep_tokens(const struct daemon *daemon) {
    struct reel_error error = {0};
    AUTO_CLOSE int copy = -1;
    if (tokens_copy(daemon->tokens, &copy, &error) < 0)
        log_line(REEL_LEVEL_ERROR, SELF, "the tokens cannot be kept for a next worker: %s",
                 error.text);
    else
        worker_renew(KEPT_TOKENS, copy);
}

static int read_tokens(struct daemon *daemon, const char *file, struct reel_error *error) {
    struct reel_error warning = {0};
    int rc = trust_check_file(daemon->config, "token_file", error);
    if (rc < 0) return rc;
    rc = tokens_load(file, &daemon->tokens, &warning, error);
    warn_of_tokens(&warning);
    if (rc < 0) return rc;
    tell_of_browsers(daemon->tokens);
    if (file) keep_tokens(daemon);
    return 0;
}

static int load_tokens(struct daemon *daemon, struct reel_error *error) {
    const char *file = config_text(daemon->config, "token_file", 0);
    AUTO_CLOSE int copy = kept_find(KEPT_TOKENS);
    int rc = copy < 0 ? read_tokens(daemon, file, error)
                      : tokens_load_copy(file, copy, &daemon->tokens, error);
    if (rc != -ENOENT || file) return rc;
    return known_need_tokens(daemon) ? -EINVAL : 0; /* there is no token */
}

static void reload_tokens(struct daemon *daemon) {
    struct reel_error warning = {0}, error = {0};
    if (!config_text(daemon->config, "token_file", 0)) {
        log_line(REEL_LEVEL_INFO, SELF, "there is no token file to read again");
        return;
    }
    int rc = trust_check_file(daemon->config, "token_file", &error);
    if (rc == 0) rc = tokens_reload(daemon->tokens, &warning, &error);
    if (rc == 0) keep_tokens(daemon);
    warn_of_tokens(&warning);
    tell_of_browsers(daemon->tokens);
    if (rc == 0)
        log_line(REEL_LEVEL_INFO, SELF, "the tokens were read again");
    else
        log_line(REEL_LEVEL_ERROR, SELF, "the old tokens stay valid: %s", error.text);
}

static void tell_of_reload(void *context, int rc, const struct reel_error *error) {
    (void)context, (void)rc, (void)error; /* reload.c has logged it */
}

/* On SIGHUP: the tokens at once, then the plugins. */
static void reload_all(void *context) {
    struct daemon *daemon = context;
    struct reel_error error = {0};
    worker_begins_reload();
    reload_tokens(daemon);
    int rc = reload_request(daemon->reload, tell_of_reload, NULL, &error);
    if (rc < 0) log_line(REEL_LEVEL_INFO, SELF, "the plugins are not read again: %s", error.text);
}

/* ---- The writer ------------------------------------------------------------------------------ */

/* If `fatal`, the store is broken, and opening.c has logged it. */
static void trouble(void *context, bool fatal, const char *sentence) {
    struct daemon *daemon = context;
    if (fatal)
        signals_quit(&daemon->signals, EXIT_FAILED);
    else
        log_line(REEL_LEVEL_WARNING, SELF, "%s", sentence);
}

static int start_intake(struct daemon *daemon, struct reel_error *error) {
    const struct config *config = daemon->config;
    struct intake_options options = {
        .reel = daemon->reel,
        .queue_events_max = config_number(config, "queue_events_max"),
        .queue_bytes_max = config_number(config, "queue_bytes_max"),
        .batch_events_max = config_number(config, "batch_events_max"),
        .batch_bytes_max = config_number(config, "batch_bytes_max"),
        .retention = {.age_s = config_number(config, "retention_age_s"),
                      .bytes = config_number(config, "retention_bytes"),
                      .events = config_number(config, "retention_events")},
        .committed = sink_hosts_committed,
        .trouble = trouble,
        .context = daemon,
    };
    return intake_start(&options, &daemon->intake, error);
}

/* ---- The daemon ------------------------------------------------------------------------------ */

/* Each connection needs a file descriptor. */
static void raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* if it fails, there are fewer connections */
}

static int start_traces(struct reel_error *error) {
    const char *names = getenv("REEL_TRACE");
    int rc = names ? trace_start(names, error) : 0;
    return rc < 0 ? fail_in(error, rc, "environment REEL_TRACE") : 0;
}

static int start_sinks(struct daemon *daemon, struct reel_error *error) {
    const char *name;
    int rc = 0;
    for (size_t i = 0; rc == 0 && (name = config_text(daemon->config, "sink", i)); i++)
        rc = sink_host_start(daemon, known_sink(daemon, name), error);
    return rc;
}

/* A worker that has taken the place of another one has the configuration for which it did. */
static int read_kept_settings(struct daemon *daemon, struct reel_error *error) {
    if (!kept_first(KEPT_CONFIG)) return 0;
    config_destroy(TAKE(daemon->config));
    return known_open_config(daemon, daemon->argc, daemon->argv, error);
}

static int start(struct daemon *daemon, int argc, char **argv, struct reel_error *error) {
    uint64_t drain_ms_max = config_number(daemon->config, "drain_ms_max");
    int rc = ending_create((uint32_t)drain_ms_max, &daemon->ending, error);
    if (rc == 0) rc = read_kept_settings(daemon, error);
    if (rc == 0) rc = known_read(daemon, argc, argv, error);
    if (rc == 0) rc = start_traces(error);
    if (rc == 0) rc = load_tokens(daemon, error);
    if (rc == 0) rc = opening_open(daemon, error);
    if (rc == 0) rc = opening_load(daemon, error);
    if (rc == 0) rc = opening_start(daemon, error);
    if (rc == 0) rc = start_intake(daemon, error);
    if (rc == 0) rc = nats_feed_start(daemon, error);
    if (rc == 0) rc = builder_start(daemon, &daemon->builder, error);
    if (rc == 0) rc = reload_start(daemon, &daemon->reload, error);
    if (rc == 0) rc = start_sinks(daemon, error);
    return rc;
}

/* Then all jobs, so that all sinks see their effects. Of a stream, events that have not come back
 * yet come first. */
static void drain_writer(struct daemon *daemon, uint64_t until_ms) {
    if (daemon->feed) feed_drain(daemon->feed, clock_left_ms(until_ms));
    if (daemon->intake) intake_drain(daemon->intake, clock_left_ms(until_ms));
}

/* When another worker takes the place of this one, sinks finish what has begun before the writer
 * accepts no more: nobody is refused. Else, work that has begun is refused where it waits. */
static void drain(struct daemon *daemon) {
    bool reloading = atomic_load(&daemon->reloading);
    uint64_t most_ms = config_number(daemon->config, "drain_ms_max");
    uint64_t until_ms =
        clock_ms() + (reloading && most_ms > RELOAD_DRAIN_MS ? RELOAD_DRAIN_MS : most_ms);
    builder_drain(daemon->builder); /* what waits for it is answered at once */
    reload_drain(daemon->reload);
    if (reloading) sink_hosts_drain(daemon, until_ms);
    drain_writer(daemon, until_ms);
    if (!reloading && daemon->intake) sink_hosts_drain(daemon, until_ms);
}

/* Finishes running work; then ends all parts, in the opposite order. */
static void end(struct daemon *daemon) {
    atomic_store(&daemon->draining, true);
    if (daemon->ending) ending_begin(daemon->ending);
    drain(daemon);
    if (daemon->intake) {
        if (daemon->feed) feed_stop(daemon->feed);
        intake_stop(daemon->intake);
        rejections_end(&daemon->rejections);
    }
    reload_stop(daemon->reload);
    sink_hosts_stop(daemon);
    builder_stop(daemon->builder);
    nats_feed_destroy(daemon);
    intake_destroy(daemon->intake);
    tokens_destroy(daemon->tokens);
    if (daemon->ending) ending_watch(daemon->ending, NULL);
    reel_close(daemon->reel);
    ending_done(daemon->ending);
}

static int run(struct daemon *daemon, int argc, char **argv) {
    struct reel_error error = {0};
    signals_block(&daemon->signals);
    raise_file_limit();
    worker_watch_faults();
    (void)fault_watch(); /* without it, a SIGBUS ends the process without a sentence */
    log_queue_start();   /* if it fails, lines are written without the thread */
    int rc = start(daemon, argc, argv, &error);
    if (rc == 0) {
        log_line(REEL_LEVEL_INFO, SELF, "%s has started", reel_version());
        worker_ready();
        signals_wait(&daemon->signals, reload_all, daemon);
        bool reloading = atomic_load(&daemon->reloading);
        log_line(REEL_LEVEL_INFO, SELF, reloading ? "ending, for the next worker" : "ending");
        if (!reloading) worker_stopping();
        if (!worker_is_supervised()) signals_release();
    }
    end(daemon);
    if (rc < 0) {
        log_line(REEL_LEVEL_ERROR, SELF, "%s", error.text);
        return rc == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
    }
    log_line(REEL_LEVEL_INFO, SELF, "ended");
    return atomic_load(&daemon->signals.exit_code);
}

/* ---- With and without supervision ------------------------------------------------------------ */

struct serving {
    struct daemon daemon;
    int argc;
    char **argv;
};

static int work(void *context) {
    struct serving *serving = context;
    struct daemon *daemon = &serving->daemon;
    int code = run(daemon, serving->argc, serving->argv);
    config_destroy(daemon->config);
    daemon->config = NULL;
    free(daemon->directory);
    log_queue_stop(LOG_END_MS);
    worker_has_ended(code);
    known_forget(daemon);
    return code;
}

/* The collections that are released: by name, or because they will be rebuilt. */
static const char **released(const struct config *config) {
    static const char *const settings[] = {"release", "rebuild"};
    const char *name;
    size_t count = 0;
    for (size_t i = 0; i < 2; i++)
        for (size_t n = 0; config_text(config, settings[i], n); n++) count++;
    const char **list = calloc(count + 1, sizeof *list);
    for (size_t i = 0, at = 0; list && i < 2; i++)
        for (size_t n = 0; (name = config_text(config, settings[i], n)); n++) list[at++] = name;
    return list;
}

static int supervise(struct serving *serving) {
    const struct config *config = serving->daemon.config;
    struct reel_error error = {0};
    AUTO_FREE char *directory = NULL;
    AUTO_FREE const char **names = released(config);
    int rc = names ? data_directory(config_text(config, "data", 0), &directory, &error)
                   : fail_memory(&error);
    if (rc == 0) rc = tokens_hide(&error);
    if (rc < 0) {
        log_line(REEL_LEVEL_ERROR, SELF, "%s", error.text);
        return EXIT_FAILED;
    }
    const struct supervisor_options options = {
        .directory = directory,
        .evolve_ms_max = (uint32_t)config_number(config, "evolve_ms_max"),
        .decide_ms_max = (uint32_t)config_number(config, "decide_ms_max"),
        .strikes_max = (uint32_t)config_number(config, "strikes_max"),
        .strikes_s = (uint32_t)config_number(config, "strikes_s"),
        .released = names,
    };
    return supervisor_run(&options, work, serving);
}

int serve(const struct reel_plugin *own, int argc, char **argv) {
    struct serving serving = {.daemon = {.own = own,
                                         .started_ns = clock_now_ns(),
                                         .argc = argc,
                                         .argv = argv,
                                         .sinks_lock = PTHREAD_MUTEX_INITIALIZER},
                              .argc = argc,
                              .argv = argv};
    struct daemon *daemon = &serving.daemon;
    struct reel_error error = {0};
    int code = EXIT_USAGE;
    if (known_open_config(daemon, argc, argv, &error) < 0) {
        log_begin(REEL_LEVEL_INFO, isatty(STDERR_FILENO) == 1);
        log_line(REEL_LEVEL_ERROR, SELF, "%s", error.text);
    } else {
        log_begin(log_level(config_text(daemon->config, "log_level", 0)),
                  isatty(STDERR_FILENO) == 1);
        if (trust_check_file(daemon->config, "config", &error) < 0)
            log_line(REEL_LEVEL_ERROR, SELF, "%s", error.text);
        else
            code = config_number(daemon->config, "no_supervise") ? work(&serving)
                                                                 : supervise(&serving);
    }
    config_destroy(daemon->config);
    return code;
}

void serve_help(const struct reel_plugin *own, FILE *to, bool markdown) {
    struct daemon daemon = {.own = own};
    struct reel_error error = {0};
    int rc = known_create_config(&daemon, &error);
    if (rc == 0) rc = known_own(&daemon, &error);
    if (rc < 0)
        fprintf(to, "%s\n", error.text);
    else if (markdown)
        config_manual(daemon.config, to);
    else
        config_help(daemon.config, to);
    config_destroy(daemon.config);
    known_forget(&daemon);
}
