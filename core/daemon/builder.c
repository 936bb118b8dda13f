/* builder.c: see builder.h. In this order: what is asked; what is kept; arguments; jobs; the
 * thread; starting and stopping. */
#include "daemon/builder.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"
#include "daemon/builder_process.h"
#include "daemon/daemon.h"
#include "daemon/plugins.h"
#include "engine/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define SELF "builder"

/* States that are kept, and the one that is being made. */
#define KEPT_MAX 4
#define PLACES   (KEPT_MAX + 1)

struct build_job {
    struct build_job *next;
    struct builder *builder;
    uint64_t number, seq;
    struct text collection; /* with a NUL */
    bool is_history;
    struct text key;
    uint64_t after, bytes_max;
    uint32_t limit;
    reel_view_at_done_fn view_done;
    reel_history_done_fn history_done;
    void *context;
    bool cancelled;
};

/* A state that was built, for views of one cursor. */
struct kept {
    struct kept *next;
    struct reel *reel;
    struct reel_epoch epoch;
    struct text collections; /* as in its plan */
    uint64_t seq, bytes, used_ms;
    unsigned place;
};

struct builder {
    struct daemon *daemon;
    uint64_t waiting_max, kept_ms_max, bytes_max;

    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool draining, stopping;
    struct build_job *waiting, *running;
    uint64_t last_number;
    struct kept *kept;
    struct builder_metrics metrics;
};

/* ---- What can be asked ----------------------------------------------------------------------- */

/* Where a collection stands: one that is stopped is behind the others. */
static uint64_t cursor_of(const struct reel_position *position,
                          const struct reel_collection_info *info) {
    return info->cursor < position->cursor ? info->cursor : position->cursor;
}

static bool can_be_made(const struct reel_position *position,
                        const struct reel_collection_info *info) {
    return info->from_seq >= position->first_seq;
}

/* What is built, as it was decided with a view of now. */
struct plan {
    struct reel_position position;
    uint64_t cursor;         /* of the collection */
    struct text collections; /* arguments: name, first event and generation of each */
};

static void plan_finish(struct plan *plan) {
    text_finish(&plan->collections);
}

/* What happened to a record is told up to where its collection stands. */
static int check_seq(const struct build_job *job, const struct plan *plan,
                     struct reel_error *error) {
    if (job->seq > plan->cursor && !job->is_history)
        return fail(error, -ERANGE, "the cursor is %" PRIu64 ", it has not reached %" PRIu64,
                    plan->cursor, job->seq);
    if (job->seq + 1 < plan->position.first_seq)
        return fail(error, -ESTALE, "the log begins at %" PRIu64, plan->position.first_seq);
    return 0;
}

static bool is_now(const struct build_job *job, const struct plan *plan) {
    return !job->is_history && job->seq == plan->cursor;
}

/* Opens a view of now, and checks that what is asked can be made. */
static int look(const struct builder *builder, const struct build_job *job, struct plan *plan,
                struct reel_view **ret, struct reel_error *error) {
    const char *collection = job->collection.data;
    struct reel_position *position = &plan->position;
    struct reel_collection_info info;
    struct reel_view *view;
    int rc = reel_view_open(builder->daemon->reel, &view, error);
    if (rc < 0) return rc;
    rc = reel_view_position(view, position);
    if (rc == 0) rc = reel_view_collection(view, collection, &info);
    if (rc < 0) rc = fail(error, rc, "%s", strerror(-rc));
    if (rc == 0) plan->cursor = cursor_of(position, &info);
    if (rc == 0) rc = check_seq(job, plan, error);
    if (rc == 0 && !info.served)
        rc = fail(error, -EAGAIN, "collection `%s` is being built", collection);
    if (rc == 0 && !is_now(job, plan) && !can_be_made(position, &info))
        rc = fail(error, -ESTALE,
                  "`%s` was made from the events from %" PRIu64
                  " on, and the log begins at %" PRIu64 ": it cannot be made again",
                  collection, info.from_seq, position->first_seq);
    if (rc < 0)
        reel_view_close(view);
    else
        *ret = view;
    return rc;
}

/* ---- What is kept ---------------------------------------------------------------------------- */

static char *place_path(const struct builder *builder, unsigned place) {
    char *path;
    return asprintf(&path, "%s/build.%u", builder->daemon->directory, place) < 0 ? NULL : path;
}

static void kept_destroy(struct builder *builder, struct kept *kept) {
    AUTO_FREE char *path = place_path(builder, kept->place);
    reel_close(kept->reel);
    if (path) build_remove_directory(path);
    text_finish(&kept->collections);
    free(kept);
}

/* A view of a state that is kept; -ENOENT: there is none. A state has the collections that could be
 * made when it was built, in the generations of then. Under the lock, so that none is removed
 * meanwhile. */
static int open_kept(struct builder *builder, const struct reel_position *now, uint64_t seq,
                     struct reel_str collections, struct reel_view **ret,
                     struct reel_error *error) {
    HOLD_LOCK(&builder->lock);
    for (struct kept *kept = builder->kept; kept; kept = kept->next) {
        if (kept->seq != seq || !reel_str_eq(text_str(&kept->collections), collections) ||
            strcmp(kept->epoch.text, now->epoch.text) != 0)
            continue;
        kept->used_ms = clock_ms();
        return reel_view_open(kept->reel, ret, error);
    }
    return -ENOENT;
}

/* The one that was not used for the longest time, and that no view is of. */
static struct kept *take_oldest(struct builder *builder, uint64_t used_before_ms) {
    struct kept **oldest = NULL;
    HOLD_LOCK(&builder->lock);
    for (struct kept **at = &builder->kept; *at; at = &(*at)->next)
        if ((*at)->used_ms <= used_before_ms && !engine_has_views((*at)->reel) &&
            (!oldest || (*at)->used_ms < (*oldest)->used_ms))
            oldest = at;
    if (!oldest) return NULL;
    struct kept *kept = *oldest;
    *oldest = kept->next;
    builder->metrics.kept--;
    builder->metrics.kept_bytes -= kept->bytes;
    return kept;
}

static void forget_old(struct builder *builder) {
    uint64_t now = clock_ms();
    struct kept *kept;
    if (now < builder->kept_ms_max) return;
    while ((kept = take_oldest(builder, now - builder->kept_ms_max))) kept_destroy(builder, kept);
}

/* Frees places until one is left, with half of the disk's room and of the limit. Returns the bytes
 * that the next state may have; or an error. */
static int make_room(struct builder *builder, uint64_t *ret_bytes, struct reel_error *error) {
    struct statvfs disk;
    struct kept *kept;
    for (;;) {
        struct builder_metrics metrics;
        builder_read(builder, &metrics);
        uint64_t left =
            metrics.kept_bytes < builder->bytes_max ? builder->bytes_max - metrics.kept_bytes : 0;
        if (metrics.kept < KEPT_MAX && left >= builder->bytes_max / 2) {
            *ret_bytes = left;
            break;
        }
        if (!(kept = take_oldest(builder, UINT64_MAX)))
            return fail(error, -EAGAIN, "the states that were built are all in use");
        kept_destroy(builder, kept);
    }
    const char *directory = builder->daemon->directory;
    if (statvfs(directory, &disk) < 0)
        return fail(error, -errno, "%s: %s", directory, strerror(errno));
    uint64_t half = (uint64_t)disk.f_bavail * disk.f_frsize / 2; /* the log needs room, too */
    if (*ret_bytes > half) *ret_bytes = half;
    if (*ret_bytes < (uint64_t)4 << 20) return fail(error, -EAGAIN, "the disk is nearly full");
    return 0;
}

static unsigned free_place(struct builder *builder) {
    bool used[PLACES] = {false};
    HOLD_LOCK(&builder->lock);
    for (const struct kept *kept = builder->kept; kept; kept = kept->next) used[kept->place] = true;
    unsigned place = 0;
    while (used[place]) place++;
    INVARIANT(place < PLACES);
    return place;
}

/* ---- Arguments ------------------------------------------------------------------------------- */

static void put_settings(const struct builder *builder, struct text *to) {
    const struct daemon *daemon = builder->daemon;
    const struct reel_projector *projector;
    const char *value;
    for (size_t n = 0; (projector = reel_projector(daemon->reel, n)); n++)
        for (size_t i = 0; projector->settings && projector->settings[i]; i++) {
            const char *name = projector->settings[i]->name;
            bool is_list = projector->settings[i]->flags & REEL_SETTING_LIST;
            if (!is_list && !config_text(daemon->config, name, 0)) continue;
            builder_put(to, "--setting=%s %s", projector->collection, name);
            for (size_t at = 0; (value = config_text(daemon->config, name, at)); at++)
                builder_put(to, "--value=%s", value);
        }
}

/* All collections that the log can make again, and that are not stopped or paused before the
 * cursor; or that of the history. */
static void put_collections(const struct builder *builder, const struct build_job *job,
                            struct reel_view *view, const struct reel_position *position,
                            struct text *to) {
    struct reel_collection_info info;
    const char *name;
    for (size_t n = 0; (name = reel_collection_name(builder->daemon->reel, n)); n++) {
        if (job->is_history && strcmp(name, job->collection.data) != 0) continue;
        if (reel_view_collection(view, name, &info) < 0 || !info.served ||
            !can_be_made(position, &info) || (!job->is_history && info.cursor < job->seq))
            continue;
        builder_put(to, "--collection=%s %" PRIu64 " %" PRIu64, name, info.from_seq,
                    info.generation);
    }
}

static void put_plugins(const struct builder *builder, struct text *to) {
    for (const struct plugin *plugin = builder->daemon->known; plugin; plugin = plugin->next)
        if (plugin->file)
            builder_put(to, "--plugin=%d %s", plugin_file_fd(plugin->file),
                        plugin->file->full_path);
}

/* ---- A job ----------------------------------------------------------------------------------- */

static void job_destroy(struct build_job *job) {
    if (!job) return;
    text_finish(&job->collection);
    text_finish(&job->key);
    free(job);
}

/* 1: nothing needs to be built, and `ret_view` is set; 0: `ret` is. */
static int make_plan(struct builder *builder, const struct build_job *job, struct plan *ret,
                     struct reel_view **ret_view, struct reel_error *error) {
    struct reel_view *view;
    int rc = look(builder, job, ret, &view, error);
    if (rc < 0) return rc;
    if (is_now(job, ret)) {
        *ret_view = view;
        return 1;
    }
    put_collections(builder, job, view, &ret->position, &ret->collections);
    reel_view_close(view);
    if (ret->collections.failed) return fail_memory(error);
    if (job->is_history) return 0;
    rc = open_kept(builder, &ret->position, job->seq, text_str(&ret->collections), ret_view, error);
    if (rc < 0) return rc == -ENOENT ? 0 : rc;
    HOLD_LOCK(&builder->lock);
    builder->metrics.reused++;
    return 1;
}

static void put_arguments(const struct builder *builder, const struct build_job *job,
                          const struct plan *plan, const char *into, uint64_t bytes,
                          struct text *to) {
    const struct config *config = builder->daemon->config;
    builder_put(to, "--parent=%d", getpid());
    builder_put(to, "--data=%s", builder->daemon->directory);
    builder_put(to, "--epoch=%s", plan->position.epoch.text);
    builder_put(to, "--seq=%" PRIu64, job->seq);
    builder_put(to, "--into=%s", into);
    builder_put(to, "--map-bytes=%" PRIu64, bytes);
    builder_put(to, "--memory-bytes=%" PRIu64, config_number(config, "build_memory_bytes_max"));
    builder_put(to, "--cpu-s=%" PRIu64, config_number(config, "build_cpu_s_max"));
    builder_put(to, "--nice=%" PRIu64, config_number(config, "build_nice"));
    builder_put(to, "--event-bytes=%" PRIu64, config_number(config, "event_bytes_max"));
    put_plugins(builder, to);
    put_settings(builder, to);
    text_append_str(to, text_str(&plan->collections));
    if (!job->is_history) return;
    builder_put(to, "--after=%" PRIu64, job->after);
    builder_put(to, "--limit=%" PRIu32, job->limit);
    builder_put(to, "--bytes=%" PRIu64, job->bytes_max);
    text_append(to, "", 1);
    text_append_str(to, text_str(&job->key));
}

/* Opens what was built, and keeps it. */
static int keep(struct builder *builder, const struct build_job *job, const struct plan *plan,
                unsigned place, const char *path, struct reel_error *error) {
    const struct config *config = builder->daemon->config;
    const struct reel_options options = {
        .struct_size = sizeof options,
        .views_max = (uint32_t)config_number(config, "views_max"),
        .view_ms_max = (uint32_t)config_number(config, "view_ms_max"),
        .map_bytes = builder->bytes_max,
    };
    struct kept *kept = calloc(1, sizeof *kept);
    if (!kept) return fail_memory(error);
    text_append_str(&kept->collections, text_str(&plan->collections));
    int rc = kept->collections.failed
                 ? fail_memory(error)
                 : engine_open_built(builder->daemon->reel, &options, path, &kept->reel, error);
    if (rc < 0) {
        text_finish(&kept->collections);
        free(kept);
        return fail_in(error, rc, "cannot open what was built");
    }
    kept->epoch = plan->position.epoch;
    kept->seq = job->seq;
    kept->used_ms = clock_ms();
    kept->place = place;
    kept->bytes = engine_store_bytes(kept->reel);
    HOLD_LOCK(&builder->lock);
    kept->next = builder->kept;
    builder->kept = kept;
    builder->metrics.kept++;
    builder->metrics.kept_bytes += kept->bytes;
    return 0;
}

/* What comes of a job. */
struct result {
    int rc;
    struct reel_error error;
    struct reel_view *view;
    struct text printed; /* `output` borrows from it */
    struct build_output output;
};

static void result_finish(struct result *result) {
    build_output_finish(&result->output);
    text_finish(&result->printed);
}

static bool is_cancelled(const void *context) {
    const struct build_job *job = context;
    struct builder *builder = job->builder;
    HOLD_LOCK(&builder->lock);
    return job->cancelled || builder->draining;
}

static size_t list_plugins(const struct builder *builder, int ret[PLUGINS_MAX]) {
    size_t count = 0;
    for (const struct plugin *plugin = builder->daemon->known; plugin; plugin = plugin->next)
        if (plugin->file && count < PLUGINS_MAX) ret[count++] = plugin_file_fd(plugin->file);
    return count;
}

/* In a place of its own, which is removed at once, unless a view will be of it. */
static int build_in_place(struct builder *builder, const struct build_job *job,
                          const struct plan *plan, uint64_t bytes, struct result *result) {
    CLEANUP(text_finish) struct text arguments = {0};
    const struct config *config = builder->daemon->config;
    int descriptors[PLUGINS_MAX];
    const struct builder_run run = {
        .descriptors = descriptors,
        .descriptor_count = list_plugins(builder, descriptors),
        .time_setting = "build_ms_max",
        .cpu_setting = "build_cpu_s_max",
        .bytes_setting = "build_bytes_max, or half of the free disk",
        .time_ms_max = config_number(config, "build_ms_max"),
        .evolve_ms_max = (uint32_t)config_number(config, "evolve_ms_max"),
        .decide_ms_max = (uint32_t)config_number(config, "decide_ms_max"),
        .is_cancelled = is_cancelled,
        .context = job,
    };
    struct reel_error *error = &result->error;
    unsigned place = free_place(builder);
    AUTO_FREE char *path = place_path(builder, place);
    if (!path) return fail_memory(error);
    put_arguments(builder, job, plan, path, bytes, &arguments);
    int rc = build_make_directory(path, error);
    if (rc == 0) rc = builder_run(&run, &arguments, &result->printed, &result->output, error);
    if (rc == 0 && !job->is_history) rc = keep(builder, job, plan, place, path, error);
    if (rc < 0 || job->is_history) build_remove_directory(path);
    return rc;
}

static int build(struct builder *builder, const struct build_job *job, const struct plan *plan,
                 struct result *result) {
    uint64_t bytes;
    int rc = make_room(builder, &bytes, &result->error);
    return rc < 0 ? rc : build_in_place(builder, job, plan, bytes, result);
}

static void run_job(struct builder *builder, const struct build_job *job, struct result *ret) {
    CLEANUP(plan_finish) struct plan plan = {0};
    struct reel_error *error = &ret->error;
    int rc = is_cancelled(job) ? fail(error, -ECANCELED, "it was cancelled") : 0;
    if (rc == 0) rc = make_plan(builder, job, &plan, &ret->view, error);
    if (rc == 0) rc = build(builder, job, &plan, ret);
    if (rc == 0 && !job->is_history && !ret->view)
        rc = open_kept(builder, &plan.position, job->seq, text_str(&plan.collections), &ret->view,
                       error);
    if (rc == -ENOENT) rc = fail(error, -EAGAIN, "what was built is gone");
    ret->rc = rc < 0 ? rc : 0;
}

static void give_history(const struct build_job *job, const struct result *result) {
    const struct build_output *output = &result->output;
    const struct reel_history_page page = {
        .changes = output->changes,
        .count = output->count,
        .cursor = job->seq,
        .last_seq = output->last_seq,
        .seen = output->seen,
        .more = output->more,
    };
    job->history_done(job->context, result->rc, result->rc == 0 ? &page : NULL, &result->error);
}

/* ---- The thread ------------------------------------------------------------------------------ */

/* The next job; NULL: the thread is to end. In between, states that are old are removed. */
static struct build_job *next_job(struct builder *builder) {
    for (;;) {
        forget_old(builder);
        HOLD_LOCK(&builder->lock);
        struct build_job *job = builder->waiting;
        if (!job && builder->stopping) return NULL;
        if (job) {
            builder->waiting = job->next;
            builder->running = job;
            builder->metrics.waiting--;
            builder->metrics.running = 1;
            return job;
        }
        struct timespec until = clock_after(1000);
        if (builder->kept)
            pthread_cond_timedwait(&builder->changed, &builder->lock, &until);
        else
            pthread_cond_wait(&builder->changed, &builder->lock);
    }
}

/* Before its client hears of it, who may ask again at once. */
static void end_job(struct builder *builder, const struct build_job *job,
                    const struct result *result) {
    int rc = result->rc;
    if (rc == -EIO)
        log_line(REEL_LEVEL_ERROR, SELF, "`%s` as of event %" PRIu64 ": %s", job->collection.data,
                 job->seq, result->error.text);
    HOLD_LOCK(&builder->lock);
    builder->running = NULL;
    builder->metrics.running = 0;
    if (rc == 0) builder->metrics.built++;
    if (rc == -ECANCELED) builder->metrics.cancelled++;
    if (rc < 0 && rc != -ECANCELED) builder->metrics.failed++;
}

static void *run(void *context) {
    struct builder *builder = context;
    struct build_job *job;
    while ((job = next_job(builder))) {
        CLEANUP(result_finish) struct result result = {0};
        run_job(builder, job, &result);
        end_job(builder, job, &result);
        if (job->is_history)
            give_history(job, &result);
        else
            job->view_done(job->context, result.rc, result.view, &result.error);
        job_destroy(job);
    }
    return NULL;
}

/* ---- What sinks ask -------------------------------------------------------------------------- */

/* Takes the job, whose `done` will be called; or destroys it. */
static int add_job_take(struct builder *builder, struct build_job *job, uint64_t *ret_number,
                        struct reel_error *error) {
    int rc = 0;
    {
        HOLD_LOCK(&builder->lock);
        if (builder->draining)
            rc = fail(error, -ESHUTDOWN, "the daemon is about to end");
        else if (builder->metrics.waiting + builder->metrics.running > builder->waiting_max)
            rc = fail(error, -EAGAIN, "%" PRIu64 " requests wait for a builder already",
                      builder->metrics.waiting);
        if (rc == 0) {
            struct build_job **last = &builder->waiting;
            while (*last) last = &(*last)->next;
            *last = job;
            job->number = ++builder->last_number;
            *ret_number = job->number;
            builder->metrics.waiting++;
            pthread_cond_signal(&builder->changed);
        } else {
            builder->metrics.refused++;
        }
    }
    if (rc < 0) job_destroy(job);
    return rc;
}

static struct build_job *job_create(struct builder *builder, const char *collection, uint64_t seq,
                                    void *context) {
    struct build_job *job = calloc(1, sizeof *job);
    if (!job) return NULL;
    job->builder = builder;
    job->seq = seq;
    job->context = context;
    text_append(&job->collection, collection, strlen(collection) + 1);
    if (!job->collection.failed) return job;
    job_destroy(job);
    return NULL;
}

int builder_view_at(struct builder *builder, const char *collection, uint64_t seq,
                    reel_view_at_done_fn done, void *context, uint64_t *ret_job,
                    struct reel_error *error) {
    CLEANUP(plan_finish) struct plan plan = {0};
    struct reel_view *view = NULL;
    struct build_job *job = job_create(builder, collection, seq, context);
    if (!job) return fail_memory(error);
    job->view_done = done;
    int rc = make_plan(builder, job, &plan, &view, error);
    if (rc == 0) return add_job_take(builder, job, ret_job, error);
    job_destroy(job);
    if (rc < 0) return rc;
    *ret_job = 0;
    done(context, 0, view, NULL);
    return 0;
}

int builder_history(struct builder *builder, const struct reel_history_request *request,
                    reel_history_done_fn done, void *context, uint64_t *ret_job,
                    struct reel_error *error) {
    CLEANUP(plan_finish) struct plan plan = {0};
    struct reel_view *view = NULL;
    struct build_job *job =
        job_create(builder, request->collection, reel_cursor(builder->daemon->reel), context);
    if (!job) return fail_memory(error);
    job->is_history = true;
    job->history_done = done;
    job->after = request->after;
    job->limit = request->limit;
    job->bytes_max = request->bytes_max;
    text_append_str(&job->key, request->key);
    int rc = job->key.failed ? fail_memory(error) : make_plan(builder, job, &plan, &view, error);
    if (rc == 0 && job->seq > plan.cursor) job->seq = plan.cursor;
    if (rc == 0) return add_job_take(builder, job, ret_job, error);
    job_destroy(job);
    return rc;
}

void builder_cancel(struct builder *builder, uint64_t number) {
    HOLD_LOCK(&builder->lock);
    if (builder->running && builder->running->number == number) builder->running->cancelled = true;
    for (struct build_job *job = builder->waiting; job; job = job->next)
        if (job->number == number) job->cancelled = true;
}

void builder_read(struct builder *builder, struct builder_metrics *ret) {
    HOLD_LOCK(&builder->lock);
    *ret = builder->metrics;
}

/* ---- Starting and stopping ------------------------------------------------------------------- */

static void remove_places(const struct builder *builder) {
    for (unsigned place = 0; place < PLACES; place++) {
        AUTO_FREE char *path = place_path(builder, place);
        if (path) build_remove_directory(path);
    }
}

static void builder_destroy(struct builder *builder) {
    pthread_cond_destroy(&builder->changed);
    pthread_mutex_destroy(&builder->lock);
    free(builder);
}

int builder_start(struct daemon *daemon, struct builder **ret, struct reel_error *error) {
    const struct config *config = daemon->config;
    struct builder *builder = calloc(1, sizeof *builder);
    if (!builder) return fail_memory(error);
    builder->daemon = daemon;
    builder->waiting_max = config_number(config, "builds_waiting_max");
    builder->kept_ms_max = config_number(config, "builds_kept_s") * 1000;
    builder->bytes_max = config_number(config, "build_bytes_max");
    pthread_mutex_init(&builder->lock, NULL);
    clock_condition(&builder->changed);
    remove_places(builder);
    int rc = thread_start(&builder->thread, "reel-builder", run, builder);
    if (rc < 0) {
        builder_destroy(builder);
        return fail(error, rc, "cannot start a thread: %s", strerror(-rc));
    }
    *ret = builder;
    return 0;
}

void builder_drain(struct builder *builder) {
    if (!builder) return;
    HOLD_LOCK(&builder->lock);
    builder->draining = true;
}

void builder_stop(struct builder *builder) {
    if (!builder) return;
    {
        HOLD_LOCK(&builder->lock);
        builder->draining = builder->stopping = true;
        pthread_cond_signal(&builder->changed);
    }
    pthread_join(builder->thread, NULL);
    struct kept *kept;
    while ((kept = take_oldest(builder, UINT64_MAX))) kept_destroy(builder, kept);
    INVARIANT(!builder->kept); /* all sinks have ended, and so have their views */
    builder_destroy(builder);
}
