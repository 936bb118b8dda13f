/* looking.c: see looking.h. A request is listed before it is handed over, since its result may come
 * before that call returns. */
#include "looking.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

/* ---- The list -------------------------------------------------------------------------------- */

static void enlist(struct looking *looking) {
    struct server *server = looking->request->server;
    HOLD_LOCK(&server->waiters_lock);
    looking->is_listed = true;
    looking->previous = NULL;
    looking->next = server->lookers;
    if (looking->next) looking->next->previous = looking;
    server->lookers = looking;
    pthread_cond_signal(&server->waiters_changed);
}

/* Afterwards nobody else knows the request. */
static void delist(struct looking *looking) {
    struct server *server = looking->request->server;
    HOLD_LOCK(&server->waiters_lock);
    INVARIANT(looking->is_listed);
    looking->is_listed = false;
    if (looking->next) looking->next->previous = looking->previous;
    *(looking->previous ? &looking->previous->next : &server->lookers) = looking->next;
    if (!server->lookers) pthread_cond_broadcast(&server->waiters_changed);
}

static bool is_gone(const struct request *request) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd peer = {.fd = info->connect_fd, .events = POLLRDHUP};
    return poll(&peer, 1, 0) > 0;
}

void looking_check(struct server *server) {
    INVARIANT(lock_is_held(&server->waiters_lock));
    for (struct looking *looking = server->lookers; looking; looking = looking->next) {
        if (looking->is_cancelled || looking->job == 0 || !is_gone(looking->request)) continue;
        looking->is_cancelled = true;
        reel_sink_cancel(server->host, looking->job);
    }
}

/* The request's thread is this one: nobody has handled the result yet. */
static void note_job(struct looking *looking, uint64_t job) {
    HOLD_LOCK(&looking->request->server->waiters_lock);
    looking->job = job;
}

/* ---- Handing over ---------------------------------------------------------------------------- */

static void looking_destroy(void *work) {
    struct looking *looking = work;
    if (looking->view) reel_sink_view_close(looking->request->server->host, looking->view);
    text_finish(&looking->changes);
    free(looking);
}

static struct looking *begin(struct request *request) {
    struct looking *looking = calloc(1, sizeof *looking);
    if (!looking) {
        answer_problem(&request->answer, PROBLEM_SERVICE_UNAVAILABLE, "out of memory");
        return NULL;
    }
    looking->request = request;
    request->work = looking;
    request->work_done = looking_destroy;
    request_suspend(request);
    enlist(looking);
    return looking;
}

static void end(struct looking *looking, int rc, const struct reel_error *error) {
    struct request *request = looking->request;
    looking->rc = rc;
    if (rc < 0 && error) looking->error = *error;
    delist(looking);
    request_resume(request);
}

static void take_view(void *context, int rc, struct reel_view *view,
                      const struct reel_error *error) {
    struct looking *looking = context;
    looking->view = view;
    end(looking, rc, error);
}

static void take_page(void *context, int rc, const struct reel_history_page *page,
                      const struct reel_error *error) {
    struct looking *looking = context;
    if (rc == 0) {
        looking->page = *page;
        looking->page.changes = NULL;
        for (size_t i = 0; i < page->count; i++) {
            if (i > 0) text_append_lit(&looking->changes, ",");
            text_append_str(&looking->changes, page->changes[i]);
        }
        if (looking->changes.failed) rc = -ENOMEM;
    }
    end(looking, rc, error);
}

/* ---- Results --------------------------------------------------------------------------------- */

static void tell_first_seq(struct request *request, const struct reel_error *error) {
    struct reel_sink_host *host = request->server->host;
    struct reel_position position = {0};
    struct reel_view *view;
    answer_problem(&request->answer, PROBLEM_CURSOR_TOO_OLD, "%s", error->text);
    if (reel_sink_view_open(host, &view, NULL) < 0) return;
    if (reel_sink_position(host, view, &position) == 0)
        answer_problem_number(&request->answer, "first_seq", position.first_seq);
    reel_sink_view_close(host, view);
}

static void tell_error(struct request *request, int rc, const struct reel_error *error) {
    struct answer *answer = &request->answer;
    switch (rc) {
    case -ERANGE:
        answer_problem(answer, PROBLEM_BAD_REQUEST, "%s", error->text);
        answer_problem_number(answer, "cursor", reel_sink_cursor(request->server->host));
        return;
    case -ESTALE:
        tell_first_seq(request, error);
        return;
    case -E2BIG:
        answer_problem(answer, PROBLEM_TOO_EXPENSIVE, "%s", error->text);
        return;
    case -ECANCELED:
        answer_problem(answer, PROBLEM_SERVICE_UNAVAILABLE, "the client has closed its side");
        return;
    default:
        answer_error(answer, rc, error);
        if (rc == -EAGAIN) answer->retry_after_s = 5;
    }
}

/* ---- What handlers call ---------------------------------------------------------------------- */

static int take_position(struct request *request, struct reel_view *view) {
    struct reel_position position;
    int rc = reel_sink_position(request->server->host, view, &position);
    if (rc == 0) answer_position(&request->answer, &position);
    return rc;
}

/* The result of a request that was handed over: the view, or a problem. */
static bool take_result(struct request *request, struct looking *looking, struct reel_view **ret) {
    struct reel_view *view = TAKE(looking->view);
    int rc = looking->rc;
    if (rc == 0 && (rc = take_position(request, view)) < 0)
        reel_sink_view_close(request->server->host, view);
    if (rc == 0)
        *ret = view;
    else
        tell_error(request, rc, &looking->error);
    return rc == 0;
}

bool request_is_too_late(struct request *request, const char *collection) {
    struct reel_sink_host *host = request->server->host;
    struct reel_collection_info info = {0};
    struct reel_position position = {0};
    struct reel_error error;
    struct reel_view *view;
    if (!request->work || reel_sink_view_open(host, &view, NULL) < 0) return false;
    int rc = reel_sink_position(host, view, &position);
    if (rc == 0) rc = reel_sink_collection(host, view, collection, &info);
    reel_sink_view_close(host, view);
    if (rc < 0 || !info.served || info.from_seq >= position.first_seq) return false;
    snprintf(error.text, sizeof error.text,
             "`%s` was made from the events from %" PRIu64 " on, and the log begins at %" PRIu64
             ": it cannot be made again",
             collection, info.from_seq, position.first_seq);
    tell_first_seq(request, &error);
    return true;
}

bool request_open_view_at(struct request *request, struct reel_view **ret) {
    struct looking *looking = request->work;
    struct reel_error error = {0};
    uint64_t seq, job = 0;
    if (looking) return take_result(request, looking, ret);
    int rc = request_number(request, "at", &seq);
    if (rc < 0) return false;
    if (rc == 0) return request_open_view(request, ret, NULL) == 0;
    looking = begin(request);
    if (!looking) return false;
    rc = reel_sink_view_at(request->server->host, request->projector->collection, seq, take_view,
                           looking, &job, &error);
    if (rc < 0)
        end(looking, rc, &error);
    else
        note_job(looking, job);
    return false;
}

bool request_read_history(struct request *request, struct reel_str key, uint64_t after,
                          uint32_t limit, struct looking **ret) {
    struct looking *looking = request->work;
    struct reel_error error = {0};
    uint64_t job = 0;
    if (looking) {
        if (looking->rc < 0) tell_error(request, looking->rc, &looking->error);
        *ret = looking;
        return looking->rc == 0;
    }
    const struct reel_history_request asked = {
        .struct_size = sizeof asked,
        .limit = limit,
        .collection = request->projector->collection,
        .key = key,
        .after = after,
        .bytes_max = request->server->answer_bytes_max,
    };
    looking = begin(request);
    if (!looking) return false;
    int rc = reel_sink_history(request->server->host, &asked, take_page, looking, &job, &error);
    if (rc < 0)
        end(looking, rc, &error);
    else
        note_job(looking, job);
    return false;
}
