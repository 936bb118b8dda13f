/* reload.c: see reload.h. In this order: what is read; the builder; the steps; the thread; starting
 * and stopping. */
#include "daemon/reload.h"

#include "base/cleanup.h"
#include "base/exit_code.h"
#include "base/thread.h"
#include "daemon/builder_process.h"
#include "daemon/daemon.h"
#include "daemon/file.h"
#include "daemon/known.h"
#include "daemon/trust.h"
#include "daemon/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>

#define SELF "reload"

/* The builder follows the log until at most so many events of it are left. */
#define BEHIND_MAX 1000

/* Time for the builder that only checks. */
#define CHECK_MS 60000

struct reload {
    struct daemon *daemon;
    char *directory; /* of the scratch */

    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool draining, stopping;
    bool is_running;
    reel_control_done_fn done; /* of the request that waits for an answer; or NULL */
    void *context;
};

/* What the next worker will have. */
struct next {
    struct plugin_file *files[PLUGINS_MAX];
    size_t count;
    int chosen; /* for KEPT_CHOSEN; -1: not yet */
    int config; /* the text of the configuration file; -1: there is no file */
    bool is_config_changed;
    struct text names;                 /* of the collections that are made again, each with a NUL */
    const char *list[PLUGINS_MAX + 1]; /* the same; NULL-terminated */
};

static void next_finish(struct next *next) {
    while (next->count > 0) plugin_file_unref(next->files[--next->count]);
    if (next->chosen >= 0) close(next->chosen);
    if (next->config >= 0) close(next->config);
    text_finish(&next->names);
}

static bool is_cancelled(const void *context) {
    struct reload *reload = (struct reload *)context;
    HOLD_LOCK(&reload->lock);
    return reload->draining;
}

/* ---- What is read ---------------------------------------------------------------------------- */

/* The choice of plugins, and what is not this program's: settings of projectors. */
static bool may_change(const struct config *config, const char *name) {
    static const char collection[] = "collection ";
    const char *owner = config_owner(config, name);
    if (!owner || strncmp(owner, collection, sizeof collection - 1) == 0) return true;
    return strcmp(name, "plugin") == 0 || strcmp(name, "plugin_dir") == 0 ||
           strcmp(name, "plugin_sha256") == 0;
}

/* Reads the file; `ret` has the choice that it makes, with flags and environment. */
static int read_config(const struct reload *reload, struct next *next, struct daemon *ret,
                       struct reel_error *error) {
    CLEANUP(text_finish) struct text others = {0};
    const struct daemon *daemon = reload->daemon;
    AUTO_FREE char *text = NULL;
    int rc = config_renew_file(daemon->config, may_change, &text, &next->is_config_changed, &others,
                               error);
    if (rc == 0 && text)
        rc = file_in_memory("configuration", text, strlen(text), &next->config, error);
    if (rc < 0) return rc;
    if (others.len > 0)
        log_line(REEL_LEVEL_WARNING, SELF,
                 "the configuration file has another value for %.*s, which needs a restart",
                 REEL_FMT(text_str(&others)));
    rc = known_create_config(ret, error);
    if (rc == 0 && text) rc = config_give_file(ret->config, text, strlen(text), error);
    return rc == 0 ? config_peek(ret->config, daemon->argc, daemon->argv, error) : rc;
}

struct reading {
    struct daemon chooser; /* with the new configuration */
    struct next *next;
};

static int add_file(void *context, const char *path, struct reel_error *error) {
    struct reading *reading = context;
    struct next *next = reading->next;
    char name[KEPT_NAME_MAX];
    if (!known_name(path, name)) return fail(error, -EINVAL, "the path %s is too long", path);
    if (next->count == PLUGINS_MAX) return fail(error, -E2BIG, "more than %d plugins", PLUGINS_MAX);
    int rc = trust_check_plugin(reading->chooser.config, path, error);
    if (rc < 0) return rc;
    rc = plugin_file_open(path, &next->files[next->count], error);
    if (rc == 0) next->count++;
    return rc < 0 ? fail_in(error, rc, "cannot load %s", path) : 0;
}

static int read_next(const struct reload *reload, struct next *next, struct reel_error *error) {
    struct plugin_choice choice;
    struct reading reading = {.next = next};
    struct daemon *chooser = &reading.chooser;
    int rc = file_in_memory(KEPT_CHOSEN, "", 0, &next->chosen, error);
    if (rc == 0) rc = trust_check_file(reload->daemon->config, "config", error);
    if (rc == 0) rc = read_config(reload, next, chooser, error);
    if (rc == 0) rc = known_choice(chooser->config, &choice, error);
    if (rc == 0) rc = trust_check_directory(chooser->config, choice.directory, error);
    if (rc == 0) rc = plugins_each(&choice, add_file, &reading, error);
    config_destroy(chooser->config);
    return rc;
}

static bool is_same_file(const struct plugin_file *a, const struct plugin_file *b) {
    return strcmp(a->path, b->path) == 0 && a->elf.size == b->elf.size &&
           memcmp(a->elf.bytes, b->elf.bytes, a->elf.size) == 0;
}

static bool is_as_before(const struct reload *reload, const struct next *next) {
    size_t count = 0;
    for (const struct plugin *plugin = reload->daemon->known; plugin; plugin = plugin->next) {
        if (!plugin->file) continue;
        if (count == next->count || !is_same_file(plugin->file, next->files[count])) return false;
        count++;
    }
    return count == next->count && !next->is_config_changed;
}

/* ---- The builder ----------------------------------------------------------------------------- */

/* Half of what is free: the log needs room, too. */
static uint64_t room(const char *directory) {
    struct statvfs disk;
    return statvfs(directory, &disk) < 0 ? 0 : (uint64_t)disk.f_bavail * disk.f_frsize / 2;
}

static void put_limits(const struct reload *reload, struct text *to) {
    const struct config *config = reload->daemon->config;
    uint64_t nice = config_number(config, "build_nice"), least = (uint64_t)4 << 20;
    uint64_t bytes = room(reload->daemon->directory), most = config_number(config, "map_bytes");
    if (bytes > most) bytes = most; /* the store must have room for it, too */
    builder_put(to, "--map-bytes=%" PRIu64, bytes > least ? bytes : least);
    builder_put(to, "--memory-bytes=%" PRIu64, config_number(config, "build_memory_bytes_max"));
    builder_put(to, "--cpu-s=%" PRIu64, config_number(config, "reload_s_max"));
    builder_put(to, "--nice=%" PRIu64,
                nice < 19 ? nice : 19); /* it must end, however busy others are */
}

static int put_arguments(const struct reload *reload, const struct next *next, bool checks,
                         struct text *to, struct reel_error *error) {
    const struct daemon *daemon = reload->daemon;
    struct reel_position position;
    struct reel_view *view;
    int rc = reel_view_open(daemon->reel, &view, error);
    if (rc < 0) return rc;
    rc = reel_view_position(view, &position);
    reel_view_close(view);
    if (rc < 0) return fail(error, rc, "%s", strerror(-rc));
    builder_put(to, "--candidate");
    if (checks) builder_put(to, "--check");
    builder_put(to, "--parent=%d", getpid());
    builder_put(to, "--data=%s", daemon->directory);
    builder_put(to, "--epoch=%s", position.epoch.text);
    builder_put(to, "--into=%s", reload->directory);
    builder_put(to, "--behind-max=%d", BEHIND_MAX);
    builder_put(to, "--event-bytes=%" PRIu64, config_number(daemon->config, "event_bytes_max"));
    put_limits(reload, to);
    for (size_t i = 0; i < next->count; i++)
        builder_put(to, "--plugin=%d %s", next->files[i]->fd, next->files[i]->path);
    if (next->config >= 0) builder_put(to, "--config=%d", next->config);
    for (int i = 1; i < daemon->argc; i++) builder_put(to, "--argument=%s", daemon->argv[i]);
    for (size_t i = 0; !checks && next->list[i]; i++)
        builder_put(to, "--collection=%s 0 0", next->list[i]);
    return 0;
}

static int run_builder(const struct reload *reload, const struct next *next, bool checks,
                       struct text *printed, struct build_output *ret, struct reel_error *error) {
    CLEANUP(text_finish) struct text arguments = {0};
    const struct config *config = reload->daemon->config;
    int descriptors[PLUGINS_MAX + 1];
    struct builder_run run = {
        .descriptors = descriptors,
        .time_ms_max = checks ? CHECK_MS : config_number(config, "reload_s_max") * 1000,
        .evolve_ms_max = (uint32_t)config_number(config, "evolve_ms_max"),
        .decide_ms_max = (uint32_t)config_number(config, "decide_ms_max"),
        .time_setting = checks ? "a minute" : "reload_s_max",
        .cpu_setting = "reload_s_max",
        .bytes_setting = room(reload->daemon->directory) < config_number(config, "map_bytes")
                             ? "half of the free disk"
                             : "map_bytes",
        .is_cancelled = is_cancelled,
        .context = reload,
    };
    for (size_t i = 0; i < next->count; i++)
        descriptors[run.descriptor_count++] = next->files[i]->fd;
    if (next->config >= 0) descriptors[run.descriptor_count++] = next->config;
    int rc = put_arguments(reload, next, checks, &arguments, error);
    if (rc == 0) rc = build_make_directory(reload->directory, error);
    if (rc == 0) rc = builder_run(&run, &arguments, printed, ret, error);
    if (rc < 0 || checks) build_remove_directory(reload->directory);
    return rc;
}

/* ---- The steps ------------------------------------------------------------------------------- */

static int check_not_rebuilding(const struct reload *reload, struct reel_error *error) {
    struct reel *reel = reload->daemon->reel;
    struct reel_collection_info info;
    struct reel_view *view;
    const char *name;
    int rc = reel_view_open(reel, &view, error);
    if (rc < 0) return rc;
    for (size_t n = 0; rc == 0 && (name = reel_collection_name(reel, n)); n++)
        if (reel_view_collection(view, name, &info) == 0 && info.rebuilding)
            rc = fail(error, -EBUSY, "`%s` is being rebuilt%s", name,
                      info.paused ? ", and is paused: resume it first"
                                  : ": reload when that has ended");
    reel_view_close(view);
    return rc;
}

static int take_names(const struct build_output *output, struct next *next,
                      struct reel_error *error) {
    size_t count = output->collection_count;
    if (count > PLUGINS_MAX) return fail(error, -E2BIG, "more than %d collections", PLUGINS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct reel_str line = output->collections[i];
        const char *space = memchr(line.data, ' ', line.len);
        log_line(REEL_LEVEL_INFO, SELF, "`%.*s` will be made again: %.*s", (int)(space - line.data),
                 line.data, (int)(line.data + line.len - space - 1), space + 1);
        text_append(&next->names, line.data, (size_t)(space - line.data));
        text_append(&next->names, "", 1);
    }
    if (next->names.failed) return fail_memory(error);
    const char *at = next->names.data;
    for (size_t i = 0; i < count; at += strlen(at) + 1) next->list[i++] = at;
    return 0;
}

/* 1: nothing has changed. */
static int check(const struct reload *reload, struct next *next, struct reel_error *error) {
    CLEANUP(text_finish) struct text printed = {0};
    CLEANUP(build_output_finish) struct build_output output = {0};
    int rc = read_next(reload, next, error);
    if (rc < 0 || is_as_before(reload, next)) return rc < 0 ? rc : 1;
    rc = check_not_rebuilding(reload, error);
    if (rc == 0) rc = handover_settle(reload->daemon->reel, is_cancelled, reload, error);
    if (rc == 0) rc = run_builder(reload, next, true, &printed, &output, error);
    return rc == 0 ? take_names(&output, next, error) : rc;
}

static int make(const struct reload *reload, const struct next *next, struct reel_error *error) {
    CLEANUP(text_finish) struct text printed = {0};
    CLEANUP(build_output_finish) struct build_output output = {0};
    const struct handover_options options = {
        .directory = reload->directory,
        .names = next->list,
        .is_cancelled = is_cancelled,
        .context = reload,
    };
    struct reel *reel = reload->daemon->reel;
    if (!next->list[0]) return handover_settle(reel, is_cancelled, reload, error);
    int rc = run_builder(reload, next, false, &printed, &output, error);
    if (rc == 0) rc = handover_run(reel, &options, error);
    build_remove_directory(reload->directory);
    return rc;
}

/* From here on there is no way back. */
static void leave(const struct reload *reload, const struct next *next) {
    struct daemon *daemon = reload->daemon;
    char name[KEPT_NAME_MAX];
    for (size_t i = 0; i < next->count; i++)
        if (known_name(next->files[i]->path, name)) worker_stage(name, next->files[i]->fd);
    worker_stage(KEPT_CHOSEN, next->chosen);
    if (next->config >= 0) worker_stage(KEPT_CONFIG, next->config);
    log_line(REEL_LEVEL_INFO, SELF, "a new worker takes over");
    atomic_store(&daemon->reloading, true);
    worker_leaving();
    signals_quit(&daemon->signals, EXIT_GOOD);
}

static void answer(struct reload *reload, int rc, const struct reel_error *error) {
    reel_control_done_fn done;
    void *context;
    {
        HOLD_LOCK(&reload->lock);
        done = TAKE(reload->done);
        context = reload->context;
    }
    if (done) done(context, rc, error);
}

static void run_one(struct reload *reload) {
    CLEANUP(next_finish) struct next next = {.chosen = -1, .config = -1};
    struct reel_error error = {0};
    int rc = check(reload, &next, &error);
    if (rc == 1) log_line(REEL_LEVEL_INFO, SELF, "the plugins have not changed");
    if (rc < 0) log_line(REEL_LEVEL_ERROR, SELF, "the running plugins stay: %s", error.text);
    answer(reload, rc < 0 ? rc : 0, &error);
    if (rc != 0) return;
    rc = make(reload, &next, &error);
    if (rc < 0)
        log_line(REEL_LEVEL_ERROR, SELF, "the running plugins stay: %s", error.text);
    else if (!is_cancelled(reload))
        leave(reload, &next);
}

/* ---- The thread ------------------------------------------------------------------------------ */

static bool wait_for_request(struct reload *reload) {
    HOLD_LOCK(&reload->lock);
    reload->is_running = false;
    while (!reload->done && !reload->stopping) pthread_cond_wait(&reload->changed, &reload->lock);
    reload->is_running = reload->done != NULL;
    return reload->is_running;
}

static void *run(void *context) {
    struct reload *reload = context;
    while (wait_for_request(reload)) run_one(reload);
    return NULL;
}

int reload_request(struct reload *reload, reel_control_done_fn done, void *context,
                   struct reel_error *error) {
    HOLD_LOCK(&reload->lock);
    if (!worker_is_supervised())
        return fail(error, -EOPNOTSUPP,
                    "with no_supervise, plugins are read only at the start of the daemon");
    if (reload->draining) return fail(error, -ESHUTDOWN, "the daemon is about to end");
    if (reload->is_running || reload->done || atomic_load(&reload->daemon->reloading))
        return fail(error, -EALREADY, "plugins are being reloaded");
    reload->done = done;
    reload->context = context;
    pthread_cond_signal(&reload->changed);
    return 0;
}

/* ---- Starting and stopping ------------------------------------------------------------------- */

static void reload_destroy(struct reload *reload) {
    pthread_cond_destroy(&reload->changed);
    pthread_mutex_destroy(&reload->lock);
    free(reload->directory);
    free(reload);
}

int reload_start(struct daemon *daemon, struct reload **ret, struct reel_error *error) {
    struct reload *reload = calloc(1, sizeof *reload);
    if (!reload) return fail_memory(error);
    reload->daemon = daemon;
    pthread_mutex_init(&reload->lock, NULL);
    pthread_cond_init(&reload->changed, NULL);
    if (asprintf(&reload->directory, "%s/reload", daemon->directory) < 0) reload->directory = NULL;
    int rc = reload->directory ? 0 : -ENOMEM;
    if (rc == 0) build_remove_directory(reload->directory); /* of a worker that was killed */
    if (rc == 0) rc = thread_start(&reload->thread, "reel-reload", run, reload);
    if (rc < 0) {
        reload_destroy(reload);
        return fail(error, rc, "cannot start a thread: %s", strerror(-rc));
    }
    *ret = reload;
    return 0;
}

void reload_drain(struct reload *reload) {
    if (!reload) return;
    HOLD_LOCK(&reload->lock);
    reload->draining = true;
}

void reload_stop(struct reload *reload) {
    if (!reload) return;
    {
        HOLD_LOCK(&reload->lock);
        reload->draining = reload->stopping = true;
        pthread_cond_signal(&reload->changed);
    }
    pthread_join(reload->thread, NULL);
    reload_destroy(reload);
}
