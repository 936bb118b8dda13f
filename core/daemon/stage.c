/* stage.c: the host table of sinks (reel/sink.h), and their running. Reading goes straight to the
 * Reel; what is to be written becomes a job of the intake, or of the feed. */
#include "daemon/daemon.h"

#include "base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct daemon *daemon_of(struct reel_stage *handle) {
    return ((struct stage *)handle)->daemon;
}

/* ---- Settings and log ------------------------------------------------------------------------ */

static const char *host_setting_text(struct reel_stage *handle, const char *name, size_t n) {
    return config_text(daemon_of(handle)->config, name, n);
}

static uint64_t host_setting_number(struct reel_stage *handle, const char *name) {
    return config_number(daemon_of(handle)->config, name);
}

REEL_PRINTF(3, 0)
static void host_log(struct reel_stage *handle, reel_level level, const char *format,
                     va_list args) {
    log_line_va(level, ((struct stage *)handle)->sink->name, format, args);
}

REEL_PRINTF(3, 0)
static void host_quit(struct reel_stage *handle, int exit_code, const char *format, va_list args) {
    log_line_va(exit_code == 0 ? REEL_LEVEL_INFO : REEL_LEVEL_ERROR,
                ((struct stage *)handle)->sink->name, format, args);
    daemon_quit(daemon_of(handle), exit_code);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int host_view_open(struct reel_stage *handle, struct reel_view **ret,
                          struct reel_error *error) {
    return reel_view_open(daemon_of(handle)->reel, ret, error);
}

/* What this host has, in the size that the sink knows. */
static void give(void *to, size_t size, const void *from, size_t own_size) {
    memcpy(to, from, size < own_size ? size : own_size);
    if (size > own_size) memset((char *)to + own_size, 0, size - own_size);
}

static int host_view_position(struct reel_view *view, struct reel_position *ret, size_t size) {
    struct reel_position position;
    int rc = reel_view_position(view, &position);
    if (rc == 0) give(ret, size, &position, sizeof position);
    return rc;
}

static int host_view_collection(struct reel_view *view, const char *collection,
                                struct reel_collection_info *ret, size_t size) {
    struct reel_collection_info info;
    int rc = reel_view_collection(view, collection, &info);
    if (rc == 0) give(ret, size, &info, sizeof info);
    return rc;
}

static uint64_t host_cursor(struct reel_stage *handle) {
    return reel_cursor(daemon_of(handle)->reel);
}

static uint64_t host_newest_commit(struct reel_stage *handle) {
    return reel_newest_commit(daemon_of(handle)->reel);
}

static const struct reel_projector *host_projector(struct reel_stage *handle, size_t n) {
    return reel_projector(daemon_of(handle)->reel, n);
}

static bool host_plugin(struct reel_stage *handle, size_t n, struct reel_plugin_info *ret,
                        size_t size) {
    struct reel_plugin_info info;
    if (!reel_plugin_info(daemon_of(handle)->reel, n, &info)) return false;
    give(ret, size, &info, sizeof info);
    return true;
}

static int host_canonical_key(struct reel_stage *handle, const char *collection,
                              struct reel_str given, struct reel_key *ret) {
    return reel_canonical_key(daemon_of(handle)->reel, collection, given, ret);
}

/* ---- Writing --------------------------------------------------------------------------------- */

struct submission {
    struct job job; /* first */
    reel_submitted_fn done;
    void *context;
    struct reel_result results[];
};

static void submission_done(struct job *job) {
    struct submission *submission = (struct submission *)job;
    struct work *work = &job->work;
    const struct reel_submitted submitted = {
        .results = submission->results,
        .count = work->count,
        .rejections = work->rejections.list,
        .rejection_count = work->rejections.count,
    };
    submission->done(submission->context, work->rc, &submitted, &work->error);
    work_finish(work);
    free(submission);
}

/* To be appended; or, where the log is a mirror, to be published. */
static int push(struct daemon *daemon, struct job *job, struct reel_error *error) {
    int rc = daemon->feed ? feed_push(daemon->feed, job, error)
                          : intake_push(daemon->intake, job, error);
    if (rc < 0) free(job);
    return rc;
}

static int host_submit(struct reel_stage *handle, const struct reel_str *payloads, size_t count,
                       reel_submitted_fn done, void *context, struct reel_error *error) {
    struct submission *submission =
        calloc(1, sizeof *submission + count * sizeof *submission->results);
    if (!submission) return fail_memory(error);
    submission->done = done;
    submission->context = context;
    struct job *job = &submission->job;
    job->work.payloads = payloads;
    job->work.count = count;
    job->work.submitted = true;
    job->work.results = submission->results;
    for (size_t i = 0; i < count; i++) job->bytes += payloads[i].len;
    job->done = submission_done;
    return push(daemon_of(handle), job, error);
}

struct order_job {
    struct job job; /* first */
    struct reel_order order;
    reel_answered_fn done;
    void *context;
};

static void order_done(struct job *job) {
    struct order_job *order = (struct order_job *)job;
    struct work *work = &job->work;
    order->done(order->context, work->rc, &work->answer, &work->error);
    work_finish(work);
    free(order);
}

static int host_command(struct reel_stage *handle, const struct reel_order *given,
                        reel_answered_fn done, void *context, struct reel_error *error) {
    struct order_job *order = calloc(1, sizeof *order);
    if (!order) return fail_memory(error);
    give(&order->order, sizeof order->order, given, given->struct_size);
    order->order.struct_size = sizeof order->order;
    order->done = done;
    order->context = context;
    struct job *job = &order->job;
    job->work.kind = WORK_ORDER;
    job->work.order = &order->order;
    job->bytes = given->body.len;
    job->done = order_done;
    return push(daemon_of(handle), job, error);
}

/* ---- The daemon ------------------------------------------------------------------------------ */

static reel_access host_access(struct reel_stage *handle, struct reel_str token) {
    struct tokens *tokens = daemon_of(handle)->tokens;
    return tokens ? tokens_access(tokens, token) : REEL_ACCESS_NONE;
}

static void host_caller(struct reel_stage *handle, struct reel_str token, struct reel_caller *ret) {
    (void)handle;
    tokens_caller(token, ret);
}

static void host_status(struct reel_stage *handle, struct reel_status *ret, size_t size) {
    struct reel_status status;
    daemon_status(daemon_of(handle), &status);
    give(ret, size, &status, sizeof status);
}

static void host_measures(struct reel_stage *handle, reel_measure_fn fn, void *context) {
    daemon_measures(daemon_of(handle), fn, context);
}

static const struct reel_sink_host sink_host = {
    .struct_size = sizeof sink_host,
    .abi_major = REEL_ABI_MAJOR,
    .abi_minor = REEL_ABI_MINOR,
    .setting_text = host_setting_text,
    .setting_number = host_setting_number,
    .log = host_log,
    .view_open = host_view_open,
    .view_close = reel_view_close,
    .view_position = host_view_position,
    .view_collection = host_view_collection,
    .view_get = reel_view_get,
    .view_list = reel_view_list,
    .view_changed = reel_view_changed,
    .view_log = reel_view_log,
    .view_rejected = reel_view_rejected,
    .cursor = host_cursor,
    .newest_commit = host_newest_commit,
    .projector = host_projector,
    .plugin = host_plugin,
    .canonical_key = host_canonical_key,
    .submit = host_submit,
    .command = host_command,
    .access = host_access,
    .caller = host_caller,
    .status = host_status,
    .measures = host_measures,
    .quit = host_quit,
};

/* ---- Running --------------------------------------------------------------------------------- */

int stage_start(struct daemon *daemon, const struct reel_sink *sink, struct reel_error *error) {
    if (daemon->stage_count == STAGES_MAX)
        return fail(error, -E2BIG, "more than %d sinks", STAGES_MAX);
    struct stage *stage = &daemon->stages[daemon->stage_count];
    *stage = (struct stage){.handle.host = &sink_host, .daemon = daemon, .sink = sink};
    int rc = sink->start(&stage->handle, &stage->state, error);
    if (rc < 0) return fail_in(error, rc, "cannot start sink `%s`", sink->name);
    AUTO_UNLOCK pthread_mutex_t *lock = lock_taken(&daemon->stages_lock);
    daemon->stage_count++;
    if (sink->moved) sink->moved(stage->state, reel_cursor(daemon->reel));
    return 0;
}

void stages_moved(void *context, uint64_t cursor) {
    struct daemon *daemon = context;
    AUTO_UNLOCK pthread_mutex_t *lock = lock_taken(&daemon->stages_lock);
    for (size_t i = 0; i < daemon->stage_count; i++) {
        const struct stage *stage = &daemon->stages[i];
        if (stage->sink->moved) stage->sink->moved(stage->state, cursor);
    }
}

void stages_drain(struct daemon *daemon, uint64_t until_ms) {
    for (size_t i = daemon->stage_count; i-- > 0;) {
        const struct stage *stage = &daemon->stages[i];
        if (stage->sink->drain) stage->sink->drain(stage->state, clock_left_ms(until_ms));
    }
}

void stages_stop(struct daemon *daemon) {
    while (daemon->stage_count > 0) {
        pthread_mutex_lock(&daemon->stages_lock);
        struct stage *stage = &daemon->stages[--daemon->stage_count];
        pthread_mutex_unlock(&daemon->stages_lock);
        stage->sink->stop(stage->state);
    }
}
