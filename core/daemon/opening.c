/* opening.c: see opening.h. */
#include "daemon/opening.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/exit_code.h"
#include "daemon/data.h"
#include "daemon/known.h"
#include "daemon/trust.h"
#include "daemon/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define SELF "reeld"

enum { LOCKED_MS = 2000, LOOK_AGAIN_US = 10000 };

static void warn(void *context, const char *line) {
    (void)context;
    log_line(REEL_LEVEL_WARNING, "projector", "%s", line);
}

/* Called by the thread that finds it: the writer, or a thread that reads. */
static void broken(void *context, const char *sentence) {
    struct daemon *daemon = context;
    log_line(REEL_LEVEL_ERROR, SELF, "%s", sentence);
    if (daemon->reel && !engine_is_damaged(daemon->reel)) worker_is_broken();
    signals_quit(&daemon->signals, EXIT_FAILED);
}

static void report(void *context, reel_level level, const char *line) {
    (void)context;
    log_line(level, SELF, "%s", line);
}

static void say_rejection(const char *line) {
    log_line(REEL_LEVEL_WARNING, SELF, "%s", line);
}

static void rejected(void *context, const struct reel_rejection *const *list, uint64_t total) {
    struct daemon *daemon = context;
    rejections_say(&daemon->rejections, clock_ms(), list, total);
}

/* Adds the flag of the daemon for what the library's sentence asks for. */
static void add_hint(struct reel_error *error, const char *flag) {
    struct reel_error sentence = *error;
    error_set(error, "%s (%s)", sentence.text, flag);
}

static uint32_t requested_flags(const struct config *config) {
    if (!worker_may_open_anew()) return 0;
    return (config_number(config, "new_epoch") ? REEL_NEW_EPOCH : 0) |
           (config_number(config, "take_archive") ? REEL_TAKE_ARCHIVE : 0);
}

/* The worker of a supervisor that was killed ends a moment later, and holds the store until then.
 */
static int open_patiently(const struct reel_options *options, struct reel **ret,
                          struct reel_error *error) {
    uint64_t until_ms = clock_ms() + (worker_is_supervised() ? LOCKED_MS : 0);
    int rc = reel_open(options, ret, error);
    while (rc == -EBUSY && clock_left_ms(until_ms) > 0) {
        usleep(LOOK_AGAIN_US);
        rc = reel_open(options, ret, error);
    }
    return rc;
}

int opening_open(struct daemon *daemon, struct reel_error *error) {
    const struct config *config = daemon->config;
    int rc = data_directory(config_text(config, "data", 0), &daemon->directory, error);
    if (rc < 0) return rc;
    daemon->rejections.say = say_rejection;
    rc = trust_check_directory(config, daemon->directory, error);
    if (rc < 0) return rc;
    struct reel_options options = {
        .struct_size = sizeof options,
        .flags = REEL_START_BEHIND | requested_flags(config),
        .directory = daemon->directory,
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
    rc = open_patiently(&options, &daemon->reel, error);
    if (rc == 0) worker_has_opened();
    if (rc == 0) ending_watch(daemon->ending, daemon->reel);
    if (rc == -ESTALE) add_hint(error, "--new-epoch");
    if (rc == 0) log_line(REEL_LEVEL_INFO, SELF, "the store is %s", daemon->directory);
    return rc;
}

static void log_plugins(const struct daemon *daemon) {
    struct reel_plugin_info info;
    for (size_t n = 0; reel_plugin_info(daemon->reel, n, &info); n++)
        if (info.path)
            log_line(REEL_LEVEL_INFO, SELF, "plugin %s %s is loaded, from %s", info.name,
                     info.version, info.path);
}

/* The files that were checked, not the paths again. */
static int load_known(struct daemon *daemon, struct reel_error *error) {
    int rc = 0;
    for (const struct plugin *plugin = daemon->known; plugin && rc == 0; plugin = plugin->next)
        if (plugin->file) rc = engine_load_file(daemon->reel, plugin->file, error);
    return rc;
}

static int give_setting(struct daemon *daemon, const char *collection, const char *name,
                        struct reel_error *error) {
    size_t count = 0;
    while (config_text(daemon->config, name, count)) count++;
    AUTO_FREE const char **values = calloc(count + 1, sizeof *values);
    if (!values) return fail_memory(error);
    for (size_t n = 0; n < count; n++) values[n] = config_text(daemon->config, name, n);
    return reel_set_setting(daemon->reel, collection, name, values, error);
}

/* What has no value, not even a default, stays so. */
static int give_settings(struct daemon *daemon, struct reel_error *error) {
    const struct reel_projector *projector;
    int rc = 0;
    for (size_t n = 0; rc == 0 && (projector = reel_projector(daemon->reel, n)); n++)
        for (size_t i = 0; rc == 0 && projector->settings && projector->settings[i]; i++) {
            const char *name = projector->settings[i]->name;
            bool is_list = projector->settings[i]->flags & REEL_SETTING_LIST;
            if (is_list || config_text(daemon->config, name, 0))
                rc = give_setting(daemon, projector->collection, name, error);
        }
    return rc;
}

int opening_fill(struct daemon *daemon, struct reel_error *error) {
    int rc = reel_add_plugin(daemon->reel, daemon->own, error);
    if (rc == 0) rc = load_known(daemon, error);
    if (rc == 0) rc = plugins_check_references(daemon->reel, error);
    return rc == 0 ? give_settings(daemon, error) : rc;
}

int opening_load(struct daemon *daemon, struct reel_error *error) {
    int rc = opening_fill(daemon, error);
    if (rc == 0) log_plugins(daemon);
    return rc;
}

int opening_start(struct daemon *daemon, struct reel_error *error) {
    const char *collection;
    int rc = 0;
    for (size_t n = 0; rc == 0 && worker_may_rebuild() &&
                       (collection = config_text(daemon->config, "rebuild", n));
         n++)
        rc = reel_rebuild(daemon->reel, collection, error);
    if (rc == 0) rc = reel_start(daemon->reel, error);
    if (rc == 0) worker_has_begun_rebuilds();
    if (rc == -ESTALE) add_hint(error, "--rebuild COLLECTION");
    return rc;
}
