/* sink_host.c: see sink_host.h. Reads call the Reel directly. A write becomes a job of the intake,
 * or of the feed. */
#include "daemon/sink_host.h"

#include "base/cleanup.h"
#include "daemon/builder.h"
#include "daemon/metrics.h"
#include "daemon/reload.h"
#include "daemon/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct daemon *daemon_of(struct reel_sink_host *handle) {
    return ((struct running_sink *)handle)->daemon;
}

/* ---- Settings and log ------------------------------------------------------------------------ */

static const char *host_setting_text(struct reel_sink_host *handle, const char *name, size_t n) {
    return config_text(daemon_of(handle)->config, name, n);
}

static uint64_t host_setting_number(struct reel_sink_host *handle, const char *name) {
    return config_number(daemon_of(handle)->config, name);
}

static void host_log(struct reel_sink_host *handle, reel_level level, struct reel_str text) {
    log_line_str(level, ((struct running_sink *)handle)->sink->name, text);
}

static void host_quit(struct reel_sink_host *handle, int exit_code, struct reel_str text) {
    log_line_str(exit_code == 0 ? REEL_LEVEL_INFO : REEL_LEVEL_ERROR,
                 ((struct running_sink *)handle)->sink->name, text);
    signals_quit(&daemon_of(handle)->signals, exit_code);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int host_view_open(struct reel_sink_host *handle, struct reel_view **ret,
                          struct reel_error *error) {
    return reel_view_open(daemon_of(handle)->reel, ret, error);
}

static int host_view_before(struct reel_sink_host *handle, struct reel_view **ret) {
    return engine_view_before(daemon_of(handle)->reel, ret);
}

/* Copies a struct of this host, as far as the sink knows it. */
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

static int host_view_query(struct reel_view *view, const struct reel_query *query, reel_row_fn fn,
                           void *context, struct reel_page *ret, size_t size,
                           struct reel_error *error) {
    struct reel_page page;
    int rc = reel_view_query(view, query, fn, context, &page, error);
    if (rc >= 0 && ret) give(ret, size, &page, sizeof page);
    return rc;
}

static uint64_t host_cursor(struct reel_sink_host *handle) {
    return reel_cursor(daemon_of(handle)->reel);
}

static uint64_t host_newest_commit(struct reel_sink_host *handle) {
    return reel_newest_commit(daemon_of(handle)->reel);
}

static int host_view_at(struct reel_sink_host *handle, const char *collection, uint64_t seq,
                        reel_view_at_done_fn done, void *context, uint64_t *ret_job,
                        struct reel_error *error) {
    return builder_view_at(daemon_of(handle)->builder, collection, seq, done, context, ret_job,
                           error);
}

static int host_history(struct reel_sink_host *handle, const struct reel_history_request *given,
                        reel_history_done_fn done, void *context, uint64_t *ret_job,
                        struct reel_error *error) {
    struct reel_history_request request;
    give(&request, sizeof request, given, given->struct_size);
    return builder_history(daemon_of(handle)->builder, &request, done, context, ret_job, error);
}

static void host_cancel(struct reel_sink_host *handle, uint64_t job) {
    builder_cancel(daemon_of(handle)->builder, job);
}

static const struct reel_projector *host_projector(struct reel_sink_host *handle, size_t n) {
    return reel_projector(daemon_of(handle)->reel, n);
}

static bool host_plugin(struct reel_sink_host *handle, size_t n, struct reel_plugin_info *ret,
                        size_t size) {
    struct reel_plugin_info info;
    if (!reel_plugin_info(daemon_of(handle)->reel, n, &info)) return false;
    give(ret, size, &info, sizeof info);
    return true;
}

static int check_caller(struct reel_str caller, struct reel_error *error) {
    if (!worker_has_blocked(caller)) return 0;
    return fail(error, -EDQUOT,
                "requests of this token have crashed projectors again and again: it has to wait");
}

static int host_canonical_key(struct reel_sink_host *handle, const char *collection,
                              struct reel_str given, struct reel_str caller, struct reel_key *ret,
                              struct reel_error *error) {
    int rc = check_caller(caller, error);
    if (rc == 0) rc = engine_canonical_key(daemon_of(handle)->reel, collection, given, caller, ret);
    if (rc == -EBUSY)
        return fail(error, rc,
                    "the projector of `%s` has ended the process with too many keys: keys are not "
                    "looked up until the collection is released",
                    collection);
    return rc;
}

/* ---- Writing --------------------------------------------------------------------------------- */

struct submission {
    struct job job; /* first */
    struct expectation expected;
    reel_submit_done_fn done;
    void *context;
    const struct reel_result *
        *list; /* pointers to `results`, NULL-terminated; in the same block of memory */
    struct reel_result results[];
};

/* Ends a submission of which an event does not fit a strict declaration. */
static void refuse_misfit(struct submission *submission) {
    const struct work *work = &submission->job.work;
    const struct reel_misfit misfit = {
        .index = work->misfit_at,
        .collection = reel_text(work->misfit_collection),
        .member = reel_text(work->misfit->member),
        .wanted = reel_text(work->misfit->wanted),
        .found = reel_text(work->misfit->found),
    };
    const struct reel_submit_result refused = {.misfit = &misfit};
    submission->done(submission->context, work->rc, &refused, &work->error);
}

/* Ends a submission for which the log is not as expected. */
static void refuse_unmet(struct submission *submission) {
    const struct expectation *expected = &submission->expected;
    const struct reel_submit_result refused = {.newest_seq = expected->newest};
    submission->done(submission->context, -ECANCELED, &refused, &expected->why);
}

static void submission_done(struct job *job) {
    static const struct reel_rejection *const none[] = {NULL};
    struct submission *submission = (struct submission *)job;
    struct work *work = &job->work;
    const struct reel_rejection *const *rejections =
        (const struct reel_rejection *const *)work->rejections.list;
    const struct reel_submit_result result = {.results = submission->list,
                                              .rejections = rejections ? rejections : none};
    if (work->rc == -ENOMSG && work->misfit)
        refuse_misfit(submission);
    else if (work->rc == 0 && work->expected && work->expected->is_unmet)
        refuse_unmet(submission);
    else
        submission->done(submission->context, work->rc, work->rc == 0 ? &result : NULL,
                         &work->error);
    work_finish(work);
    free(submission);
}

/* Appends the events; or publishes them, if the log is a mirror. */
static int push(struct daemon *daemon, struct job *job, struct reel_error *error) {
    int rc = daemon->feed ? feed_push(daemon->feed, job, error)
                          : intake_push(daemon->intake, job, error);
    if (rc < 0) free(job);
    return rc;
}

/* `expected` may be NULL. */
static int submit(struct daemon *daemon, const struct reel_str *payloads, size_t count,
                  const struct expectation *expected, reel_submit_done_fn done, void *context,
                  struct reel_error *error) {
    struct submission *submission =
        calloc(1, sizeof *submission + count * sizeof *submission->results +
                      (count + 1) * sizeof *submission->list);
    if (!submission) return fail_memory(error);
    submission->list = (const struct reel_result **)(submission->results + count);
    for (size_t i = 0; i < count; i++) submission->list[i] = &submission->results[i];
    submission->done = done;
    submission->context = context;
    struct job *job = &submission->job;
    job->work.payloads = payloads;
    job->work.count = count;
    job->work.submitted = true;
    job->work.results = submission->results;
    for (size_t i = 0; i < count; i++) job->bytes += payloads[i].len;
    job->done = submission_done;
    if (expected) {
        submission->expected = *expected;
        job->work.expected = &submission->expected;
    }
    return push(daemon, job, error);
}

static int host_submit(struct reel_sink_host *handle, const struct reel_str *payloads, size_t count,
                       reel_submit_done_fn done, void *context, struct reel_error *error) {
    return submit(daemon_of(handle), payloads, count, NULL, done, context, error);
}

static int host_submit_expecting(struct reel_sink_host *handle, const struct reel_str *payloads,
                                 size_t count, const struct reel_expectation *given,
                                 reel_submit_done_fn done, void *context,
                                 struct reel_error *error) {
    struct daemon *daemon = daemon_of(handle);
    struct expectation expected;
    expect_read(given, &expected);
    int rc = expect_look(daemon->reel, &expected, error);
    return rc < 0 ? rc : submit(daemon, payloads, count, &expected, done, context, error);
}

struct command_job {
    struct job job; /* first */
    struct reel_command_request request;
    reel_command_done_fn done;
    void *context;
};

static void command_done(struct job *job) {
    struct command_job *request = (struct command_job *)job;
    struct work *work = &job->work;
    request->done(request->context, work->rc, &work->answer, &work->error);
    work_finish(work);
    free(request);
}

static int host_command(struct reel_sink_host *handle, const struct reel_command_request *given,
                        reel_command_done_fn done, void *context, struct reel_error *error) {
    int rc = check_caller(given->caller, error);
    if (rc < 0) return rc;
    struct command_job *request = calloc(1, sizeof *request);
    if (!request) return fail_memory(error);
    give(&request->request, sizeof request->request, given, given->struct_size);
    request->request.struct_size = sizeof request->request;
    request->done = done;
    request->context = context;
    struct job *job = &request->job;
    job->work.kind = WORK_COMMAND;
    job->work.request = &request->request;
    job->bytes = given->body.len;
    job->done = command_done;
    return push(daemon_of(handle), job, error);
}

struct control_job {
    struct job job; /* first */
    reel_control_done_fn done;
    void *context;
};

static void control_done(struct job *job) {
    struct control_job *control = (struct control_job *)job;
    control->done(control->context, job->work.rc, &job->work.error);
    work_finish(&job->work);
    free(control);
}

/* Not by way of the feed: the stream has no part in it. */
static int host_control(struct reel_sink_host *handle, const char *collection, reel_control what,
                        reel_control_done_fn done, void *context, struct reel_error *error) {
    struct control_job *control = calloc(1, sizeof *control);
    if (!control) return fail_memory(error);
    control->done = done;
    control->context = context;
    struct job *job = &control->job;
    job->work.kind = WORK_CONTROL;
    job->work.collection = collection;
    job->work.control = what;
    job->done = control_done;
    int rc = intake_push(daemon_of(handle)->intake, job, error);
    if (rc < 0) free(control);
    return rc;
}

static void host_set_aside(struct reel_sink_host *handle, const char *collection,
                           reel_set_aside_fn fn, void *context) {
    engine_set_aside(daemon_of(handle)->reel, collection, fn, context);
}

static int host_reload(struct reel_sink_host *handle, reel_control_done_fn done, void *context,
                       struct reel_error *error) {
    return reload_request(daemon_of(handle)->reload, done, context, error);
}

/* ---- The daemon ------------------------------------------------------------------------------ */

static reel_access host_access(struct reel_sink_host *handle, struct reel_str token) {
    struct tokens *tokens = daemon_of(handle)->tokens;
    return tokens ? tokens_access(tokens, token) : REEL_ACCESS_NONE;
}

static void host_caller(struct reel_sink_host *handle, struct reel_str token,
                        struct reel_caller *ret) {
    struct tokens *tokens = daemon_of(handle)->tokens;
    *ret = (struct reel_caller){0};
    if (tokens) tokens_caller(tokens, token, ret);
}

static void host_status(struct reel_sink_host *handle, struct reel_status *ret, size_t size) {
    struct reel_status status;
    daemon_status(daemon_of(handle), &status);
    give(ret, size, &status, sizeof status);
}

static void host_metrics(struct reel_sink_host *handle, reel_metric_fn fn, void *context) {
    daemon_metrics(daemon_of(handle), fn, context);
}

const struct reel_sink_calls sink_host_calls = {
    .struct_size = sizeof sink_host_calls,
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
    .view_query = host_view_query,
    .view_count = reel_view_count,
    .view_changed = reel_view_changed,
    .view_changes = reel_view_changes,
    .view_log = reel_view_log,
    .view_rejected = reel_view_rejected,
    .cursor = host_cursor,
    .newest_commit = host_newest_commit,
    .view_at = host_view_at,
    .history = host_history,
    .cancel = host_cancel,
    .projector = host_projector,
    .plugin = host_plugin,
    .canonical_key = host_canonical_key,
    .submit = host_submit,
    .command = host_command,
    .access = host_access,
    .caller = host_caller,
    .status = host_status,
    .metrics = host_metrics,
    .quit = host_quit,
    .submit_expecting = host_submit_expecting,
    .control = host_control,
    .set_aside = host_set_aside,
    .reload = host_reload,
    .view_before = host_view_before,
};
