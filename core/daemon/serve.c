/* serve.c: `reeld serve`: the daemon. Wiring, in the order of daemon.h, and signals:
 *     SIGTERM, SIGINT   ends: no new work, what is under way is finished within drain_ms_max;
 *                       a second one ends at once
 *     SIGHUP            reads the token file again
 * What is held up does not keep the process from ending: ending.c.
 */
#include "base/cleanup.h"
#include "daemon/commands.h"
#include "daemon/config/settings.h"
#include "daemon/daemon.h"
#include "daemon/data.h"
#include "daemon/notify.h"
#include "daemon/plugins.h"
#include "daemon/trust.h"
#include "feeds/nats/nats_message.h"
#include "feeds/origin.h"
#include "http/http.h"
#include "stdout/stdout.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define SELF "reeld"

/* What the last lines of the log are waited for when nobody reads them. */
#define LOG_END_MS 2000

/* The sinks that ship: a plugin like any other, but linked in. */
static const struct reel_sink *const own_sinks[] = {&http_sink, &stdout_sink, NULL};
static const struct reel_plugin own_plugin = {
    .header = REEL_PLUGIN_HEADER, .name = SELF, .version = REEL_VERSION, .sinks = own_sinks};

/* ---- Settings -------------------------------------------------------------------------------- */

static int choose_plugins(const struct config *config, struct plugin_choice *ret,
                          struct reel_error *error) {
    const char *file;
    *ret = (struct plugin_choice){.directory = config_text(config, "plugin_dir", 0)};
    for (; (file = config_text(config, "plugin", ret->count)); ret->count++) {
        if (ret->count == PLUGINS_MAX)
            return fail(error, -E2BIG, "more than %d plugins", PLUGINS_MAX);
        ret->files[ret->count] = file;
    }
    return 0;
}

/* The sink of that name, of any plugin; NULL: there is none. */
static const struct reel_sink *known_sink(const struct daemon *daemon, const char *name) {
    for (const struct plugin *plugin = daemon->known; plugin; plugin = plugin->next)
        for (uint32_t i = 0; i < plugin->sink_count; i++)
            if (strcmp(plugin->sinks[i].declared.name, name) == 0)
                return &plugin->sinks[i].declared;
    return NULL;
}

/* Takes the plugin, and its sinks' settings in. */
static int know_plugin_take(struct daemon *daemon, struct plugin *plugin,
                            struct reel_error *error) {
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < plugin->sink_count; i++) {
        const struct reel_sink *sink = &plugin->sinks[i].declared;
        char owner[80];
        if (known_sink(daemon, sink->name))
            rc = fail(error, -EEXIST, "two plugins have a sink `%s`", sink->name);
        if (rc < 0) break;
        snprintf(owner, sizeof owner, "sink %s", sink->name);
        rc = config_declare(daemon->config, owner, sink->settings, error);
    }
    plugin->next = daemon->known;
    daemon->known = plugin;
    return rc;
}

static int know_plugin_at(void *context, const char *path, struct reel_error *error) {
    const struct daemon *daemon = context;
    struct plugin *plugin;
    int rc = trust_check_plugin(daemon->config, path, error);
    if (rc == 0) rc = plugin_load(path, &plugin, error);
    return rc < 0 ? rc : know_plugin_take(context, plugin, error);
}

static int check_sinks(const struct daemon *daemon, struct reel_error *error) {
    const char *name, *other;
    for (size_t i = 0; (name = config_text(daemon->config, "sink", i)); i++) {
        if (!known_sink(daemon, name)) return fail(error, -EINVAL, "there is no sink `%s`", name);
        for (size_t n = 0; n < i && (other = config_text(daemon->config, "sink", n)); n++)
            if (strcmp(name, other) == 0)
                return fail(error, -EINVAL, "sink `%s` is given twice", name);
    }
    return 0;
}

/* Everything that was given is checked before anything is opened. So plugins are looked at, which
 * runs nothing of them, for the settings of their sinks; the Reel will load them by itself. */
static int read_settings(struct daemon *daemon, int argc, char **argv, struct reel_error *error) {
    struct plugin_choice choice;
    struct plugin *own;
    int rc = choose_plugins(daemon->config, &choice, error);
    if (rc == 0) rc = trust_check_file(daemon->config, "config", error);
    if (rc == 0) rc = trust_check_directory(daemon->config, choice.directory, error);
    if (rc == 0) rc = plugin_adopt(&own_plugin, &own, error);
    if (rc == 0) rc = know_plugin_take(daemon, own, error);
    if (rc == 0) rc = plugins_each(&choice, know_plugin_at, daemon, error);
    if (rc == 0) rc = config_read(daemon->config, argc, argv, error);
    return rc < 0 ? rc : check_sinks(daemon, error);
}

static void forget_plugins(struct daemon *daemon) {
    while (daemon->known) {
        struct plugin *plugin = daemon->known;
        daemon->known = plugin->next;
        plugin_unload(plugin);
    }
}

/* Does any of the chosen sinks ask for tokens? */
static bool needs_tokens(const struct daemon *daemon) {
    const char *name;
    for (size_t i = 0; (name = config_text(daemon->config, "sink", i)); i++)
        if (known_sink(daemon, name)->flags & REEL_SINK_NEEDS_TOKENS) return true;
    return false;
}

/* ---- The Reel -------------------------------------------------------------------------------- */

static void warn(void *context, const char *line) {
    (void)context;
    log_line(REEL_LEVEL_WARNING, "projector", "%s", line);
}

/* Whoever found it: the writer, or a request that only reads. */
static void broken(void *context, const char *sentence) {
    log_line(REEL_LEVEL_ERROR, SELF, "%s", sentence);
    daemon_quit(context, EXIT_FAILED);
}

static void report(void *context, reel_level level, const char *line) {
    (void)context;
    log_line(level, SELF, "%s", line);
}

static void say_rejection(const char *line) {
    log_line(REEL_LEVEL_WARNING, SELF, "%s", line);
}

static void rejected(void *context, const struct reel_rejection *list, size_t count,
                     uint64_t total) {
    struct daemon *daemon = context;
    rejections_say(&daemon->rejections, clock_ms(), list, count, total);
}

/* What the library asks for, as it is called here. */
static void add_hint(struct reel_error *error, const char *flag) {
    struct reel_error sentence = *error;
    error_set(error, "%s (%s)", sentence.text, flag);
}

static int open_reel(struct daemon *daemon, struct reel_error *error) {
    const struct config *config = daemon->config;
    AUTO_FREE char *directory = NULL;
    int rc = data_directory(config_text(config, "data", 0), &directory, error);
    if (rc < 0) return rc;
    daemon->rejections.say = say_rejection;
    rc = trust_check_directory(config, directory, error);
    if (rc < 0) return rc;
    struct reel_options options = {
        .struct_size = sizeof options,
        .flags = REEL_START_BEHIND | (config_number(config, "new_epoch") ? REEL_NEW_EPOCH : 0),
        .directory = directory,
        .event_bytes_max = (uint32_t)config_number(config, "event_bytes_max"),
        .views_max = (uint32_t)config_number(config, "views_max"),
        .view_ms_max = (uint32_t)config_number(config, "view_ms_max"),
        .batch_events_max = (uint32_t)config_number(config, "batch_events_max"),
        .batch_bytes_max = config_number(config, "batch_bytes_max"),
        .map_bytes = config_number(config, "map_bytes"),
        .segment_bytes = config_number(config, "segment_bytes"),
        .warn = warn,
        .context = daemon,
        .rejected = rejected,
        .source = config_text(config, "source", 0),
        .broken = broken,
        .report = report,
    };
    rc = reel_open(&options, &daemon->reel, error);
    if (rc == 0) ending_watch(daemon->ending, daemon->reel);
    if (rc == -ESTALE) add_hint(error, "--new-epoch");
    if (rc == 0) log_line(REEL_LEVEL_INFO, SELF, "the store is %s", directory);
    return rc;
}

static void log_plugins(const struct daemon *daemon) {
    struct reel_plugin_info info;
    for (size_t n = 0; reel_plugin_info(daemon->reel, n, &info); n++)
        if (info.path)
            log_line(REEL_LEVEL_INFO, SELF, "plugin %s %s is loaded, from %s", info.name,
                     info.version, info.path);
}

static int load_plugins(struct daemon *daemon, struct reel_error *error) {
    struct plugin_choice choice;
    int rc = choose_plugins(daemon->config, &choice, error);
    if (rc == 0) rc = reel_add_plugin(daemon->reel, &own_plugin, error);
    if (rc == 0) rc = plugins_load(daemon->reel, &choice, error);
    if (rc == 0) rc = plugins_check_references(daemon->reel, error);
    if (rc == 0) log_plugins(daemon);
    return rc;
}

static int start_reel(struct daemon *daemon, struct reel_error *error) {
    const char *collection;
    int rc = 0;
    for (size_t n = 0; rc == 0 && (collection = config_text(daemon->config, "rebuild", n)); n++)
        rc = reel_rebuild(daemon->reel, collection, error);
    if (rc == 0) rc = reel_start(daemon->reel, error);
    if (rc == -ESTALE) add_hint(error, "--rebuild COLLECTION");
    return rc;
}

/* ---- Tokens ---------------------------------------------------------------------------------- */

static void warn_of_tokens(const struct reel_error *warning) {
    if (warning->text[0]) log_line(REEL_LEVEL_WARNING, SELF, "%s", warning->text);
}

static void tell_of_browsers(const struct tokens *tokens) {
    size_t count = tokens ? tokens_to_encode(tokens) : 0;
    if (count > 0)
        log_line(REEL_LEVEL_INFO, SELF,
                 "%zu of the tokens contain / or =, which a WebSocket sub-protocol cannot: a "
                 "browser offers such a token as bearer.b64. and its base64url form",
                 count);
}

static int load_tokens(struct daemon *daemon, struct reel_error *error) {
    struct reel_error warning = {0};
    const char *file = config_text(daemon->config, "token_file", 0);
    int rc = trust_check_file(daemon->config, "token_file", error);
    if (rc < 0) return rc;
    rc = tokens_load(file, &daemon->tokens, &warning, error);
    warn_of_tokens(&warning);
    tell_of_browsers(daemon->tokens);
    if (rc != -ENOENT || file) return rc;
    return needs_tokens(daemon) ? -EINVAL : 0; /* none was given */
}

static void reload_tokens(struct daemon *daemon) {
    struct reel_error warning = {0}, error = {0};
    if (!config_text(daemon->config, "token_file", 0)) {
        log_line(REEL_LEVEL_INFO, SELF, "there is no token file to be read again");
        return;
    }
    int rc = trust_check_file(daemon->config, "token_file", &error);
    if (rc == 0) rc = tokens_reload(daemon->tokens, &warning, &error);
    warn_of_tokens(&warning);
    tell_of_browsers(daemon->tokens);
    if (rc == 0)
        log_line(REEL_LEVEL_INFO, SELF, "the tokens were read again");
    else
        log_line(REEL_LEVEL_ERROR, SELF, "the tokens are as they were: %s", error.text);
}

/* ---- The writer ------------------------------------------------------------------------------ */

/* What is fatal, a broken store, has been said by `broken`. */
static void trouble(void *context, bool fatal, const char *sentence) {
    if (fatal)
        daemon_quit(context, EXIT_FAILED);
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
        .moved = stages_moved,
        .trouble = trouble,
        .context = daemon,
    };
    return intake_start(&options, &daemon->intake, error);
}

/* ---- The feed -------------------------------------------------------------------------------- */

static void say(void *context, reel_level level, const char *sentence) {
    (void)context;
    log_line(level, "feed", "%s", sentence);
}

static void changed(void *context) {
    struct daemon *daemon = context;
    stages_moved(daemon, reel_cursor(daemon->reel));
}

/* Is every collection to be rebuilt? Then so may the log that they are built from. */
static bool rebuilds_all(const struct daemon *daemon) {
    const char *collection, *wanted;
    for (size_t n = 0; (collection = reel_collection_name(daemon->reel, n)); n++) {
        bool found = false;
        for (size_t i = 0; (wanted = config_text(daemon->config, "rebuild", i)); i++)
            found = found || strcmp(wanted, collection) == 0;
        if (!found) return false;
    }
    return true;
}

/* The command line can be read by everyone on the machine, for as long as the daemon runs. */
static void warn_of_secrets(const struct config *config) {
    static const char *const settings[] = {"nats", "nats_password", "nats_token"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const char *text = config_text(config, settings[i], 0);
        const char *origin = config_origin(config, settings[i]);
        if (!text || strncmp(origin, "--", 2) != 0 || (i == 0 && !strchr(text, '@'))) continue;
        log_line(REEL_LEVEL_WARNING, SELF,
                 "the secret in %s stays in the command line, which others on this machine can "
                 "read: the environment, the configuration file and --nats-creds keep it",
                 origin);
    }
}

/* The client library would find out with each attempt to connect, and say less. */
static int check_nats_files(const struct config *config, struct reel_error *error) {
    static const char *const settings[] = {"nats_creds", "nats_ca", "nats_cert", "nats_key"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const char *path = config_text(config, settings[i], 0);
        if (path && access(path, R_OK) < 0)
            return fail(error, -errno, "cannot read %s, which %s names: %s", path,
                        config_origin(config, settings[i]), strerror(errno));
    }
    return 0;
}

static int create_nats(struct daemon *daemon, struct reel_error *error) {
    const struct config *config = daemon->config;
    uint64_t batch = config_number(config, "batch_events_max"),
             queue = config_number(config, "queue_events_max");
    struct nats_options options = {
        .urls = config_text(config, "nats", 0),
        .stream = config_text(config, "stream", 0),
        .filter = config_text(config, "subjects", 0),
        .creds = config_text(config, "nats_creds", 0),
        .user = config_text(config, "nats_user", 0),
        .password = config_text(config, "nats_password", 0),
        .token = config_text(config, "nats_token", 0),
        .tls = config_number(config, "nats_tls"),
        .ca = config_text(config, "nats_ca", 0),
        .cert = config_text(config, "nats_cert", 0),
        .key = config_text(config, "nats_key", 0),
        .event_bytes_max = (uint32_t)config_number(config, "event_bytes_max"),
        .batch_events = batch < queue / 4 + 1 ? batch : queue / 4 + 1,
    };
    return nats_create(&options, &daemon->nats, error);
}

static int start_feed(struct daemon *daemon, struct reel_error *error) {
    const struct config *config = daemon->config;
    if (!config_text(config, "nats", 0)) return feed_check_own(daemon->reel, error);
    warn_of_secrets(config);
    int rc = check_nats_files(config, error);
    if (rc == 0) rc = create_nats(daemon, error);
    if (rc < 0) return rc;
    struct feed_options options = {
        .broker = &nats_broker,
        .broker_state = daemon->nats,
        .release = nats_release,
        .reel = daemon->reel,
        .intake = daemon->intake,
        .filter = config_text(config, "subjects", 0),
        .begin_anew = rebuilds_all(daemon),
        .room_events = config_number(config, "queue_events_max"),
        .publish_ms_max = (uint32_t)config_number(config, "publish_ms_max"),
        .say = say,
        .changed = changed,
        .context = daemon,
    };
    return feed_start(&options, &daemon->feed, error);
}

/* ---- Signals --------------------------------------------------------------------------------- */

/* daemon_quit's own: it stays blocked, so that to quit again while ending is nothing, whereas a
 * second SIGTERM kills. */
#define SIGNAL_QUIT SIGUSR1

static void block_signals(sigset_t *ret) {
    sigemptyset(ret);
    sigaddset(ret, SIGTERM);
    sigaddset(ret, SIGINT);
    sigaddset(ret, SIGHUP);
    sigaddset(ret, SIGNAL_QUIT);
    pthread_sigmask(SIG_BLOCK, ret, NULL);
}

void daemon_quit(struct daemon *daemon, int exit_code) {
    int good = EXIT_GOOD;
    atomic_compare_exchange_strong(&daemon->exit_code, &good, exit_code);
    atomic_store(&daemon->quitting, true);
    pthread_kill(daemon->main_thread, SIGNAL_QUIT);
}

static void wait_for_end(struct daemon *daemon, const sigset_t *signals) {
    siginfo_t info;
    for (;;) {
        int signal = sigwaitinfo(signals, &info);
        if (signal == SIGTERM || signal == SIGINT) return;
        if (signal == SIGNAL_QUIT && atomic_load(&daemon->quitting)) return;
        if (signal == SIGHUP) reload_tokens(daemon);
        if (signal == SIGNAL_QUIT)
            log_line(REEL_LEVEL_WARNING, SELF, "SIGUSR1 from process %ld is ignored",
                     (long)info.si_pid);
    }
}

/* A second signal is not waited for: it does what it does to any process. */
static void end_at_once_next_time(void) {
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &ending, NULL);
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* Each connection is a file. */
static void raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* with fewer there are fewer connections */
}

static int start_sinks(struct daemon *daemon, struct reel_error *error) {
    const char *name;
    int rc = 0;
    for (size_t i = 0; rc == 0 && (name = config_text(daemon->config, "sink", i)); i++)
        rc = stage_start(daemon, known_sink(daemon, name), error);
    return rc;
}

static int start(struct daemon *daemon, int argc, char **argv, struct reel_error *error) {
    uint64_t drain_ms_max = config_number(daemon->config, "drain_ms_max");
    int rc = ending_create((uint32_t)drain_ms_max, &daemon->ending, error);
    if (rc == 0) rc = read_settings(daemon, argc, argv, error);
    if (rc == 0) rc = load_tokens(daemon, error);
    if (rc == 0) rc = open_reel(daemon, error);
    if (rc == 0) rc = load_plugins(daemon, error);
    if (rc == 0) rc = start_reel(daemon, error);
    if (rc == 0) rc = start_intake(daemon, error);
    if (rc == 0) rc = start_feed(daemon, error);
    if (rc == 0) rc = start_sinks(daemon, error);
    return rc;
}

/* What is under way ends; then everything does, in the opposite order. */
static void end(struct daemon *daemon) {
    uint64_t until_ms = clock_ms() + config_number(daemon->config, "drain_ms_max");
    atomic_store(&daemon->draining, true);
    if (daemon->ending) ending_begin(daemon->ending);
    if (daemon->feed)
        feed_drain(daemon->feed, clock_left_ms(until_ms)); /* what waits to come back */
    if (daemon->intake) { /* then what has been handed over, so that all sinks see it */
        intake_drain(daemon->intake, clock_left_ms(until_ms));
        stages_drain(daemon, until_ms);
        if (daemon->feed) feed_stop(daemon->feed);
        intake_stop(daemon->intake);
        rejections_end(&daemon->rejections);
    }
    stages_stop(daemon);
    feed_destroy(daemon->feed);
    nats_destroy(daemon->nats);
    intake_destroy(daemon->intake);
    tokens_destroy(daemon->tokens);
    if (daemon->ending) ending_watch(daemon->ending, NULL);
    reel_close(daemon->reel);
    ending_done(daemon->ending);
}

static int run(struct daemon *daemon, int argc, char **argv) {
    struct reel_error error = {0};
    sigset_t signals;
    block_signals(&signals);
    raise_file_limit();
    log_queue_start(); /* without its thread, which needs memory, lines are written all the same */
    int rc = start(daemon, argc, argv, &error);
    if (rc == 0) {
        log_line(REEL_LEVEL_INFO, SELF, "%s has started", reel_version());
        notify("READY=1");
        wait_for_end(daemon, &signals);
        log_line(REEL_LEVEL_INFO, SELF, "ending");
        notify("STOPPING=1");
        end_at_once_next_time();
    }
    end(daemon);
    if (rc < 0) {
        log_line(REEL_LEVEL_ERROR, SELF, "%s", error.text);
        return rc == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
    }
    log_line(REEL_LEVEL_INFO, SELF, "ended");
    return atomic_load(&daemon->exit_code);
}

static int read_own_settings(struct daemon *daemon, int argc, char **argv,
                             struct reel_error *error) {
    int rc = config_create(&daemon->config, error);
    if (rc == 0) rc = config_declare(daemon->config, DAEMON_OWNER, daemon_settings, error);
    return rc == 0 ? config_peek(daemon->config, argc, argv, error) : rc;
}

int command_serve(int argc, char **argv) {
    struct daemon daemon = {.main_thread = pthread_self(),
                            .stages_lock = PTHREAD_MUTEX_INITIALIZER};
    struct reel_error error = {0};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    daemon.started_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    int code = EXIT_USAGE;
    if (read_own_settings(&daemon, argc, argv, &error) < 0) {
        log_begin(REEL_LEVEL_INFO, isatty(STDERR_FILENO) == 1);
        log_line(REEL_LEVEL_ERROR, SELF, "%s", error.text);
    } else {
        log_begin(log_level(config_text(daemon.config, "log_level", 0)), isatty(STDERR_FILENO) == 1);
        code = run(&daemon, argc, argv);
    }
    config_destroy(daemon.config);
    forget_plugins(&daemon);
    log_queue_stop(LOG_END_MS);
    return code;
}

void serve_help(FILE *to, bool markdown) {
    struct daemon daemon = {0};
    struct reel_error error = {0};
    struct plugin *own;
    int rc = config_create(&daemon.config, &error);
    if (rc == 0) rc = config_declare(daemon.config, DAEMON_OWNER, daemon_settings, &error);
    if (rc == 0) rc = plugin_adopt(&own_plugin, &own, &error);
    if (rc == 0) rc = know_plugin_take(&daemon, own, &error);
    if (rc < 0)
        fprintf(to, "%s\n", error.text);
    else if (markdown)
        config_manual(daemon.config, to);
    else
        config_help(daemon.config, to);
    config_destroy(daemon.config);
    forget_plugins(&daemon);
}
