/* waiters.c: requests that wait for the cursor, or for any change (request.h). They are suspended,
 * in a list of limited length. One thread walks the list after each commit, or when the first
 * deadline has passed. A resumed request checks by itself whether there is what it has waited for.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/invariant.h"
#include "base/thread.h"
#include "looking.h"

#include <errno.h>

#define TIMEOUT_STANDARD_S 5
#define TIMEOUT_MAX_S      60

/* How often it looks whether clients of requests that look back are gone. */
#define LOOK_MS 200

/* Then nobody waits any more. */
static bool is_draining(struct server *server) {
    return atomic_load(&server->draining) || atomic_load(&server->leaving);
}

static void remove_waiter(struct server *server, struct request *request) {
    INVARIANT(lock_is_held(&server->waiters_lock));
    INVARIANT(server->waiter_count > 0 && request->phase == PHASE_SUSPENDED);
    if (request->next) request->next->previous = request->previous;
    *(request->previous ? &request->previous->next : &server->waiters) = request->next;
    request->next = request->previous = NULL;
    server->waiter_count--;
}

static bool is_there(const struct request *request, uint64_t cursor, uint64_t commit) {
    if (request->awaits_change) return commit != request->seen_commit;
    return cursor >= request->wanted_cursor;
}

/* Resumes the requests that need not wait any more. Returns the next deadline. */
static uint64_t resume_some(struct server *server) {
    uint64_t now = clock_ms(), cursor = reel_sink_cursor(server->host);
    uint64_t commit = reel_sink_newest_commit(server->host);
    uint64_t next_ms = now + TIMEOUT_MAX_S * 1000;
    bool all = server->ending || is_draining(server);
    struct request *next;
    for (struct request *request = server->waiters; request; request = next) {
        next = request->next;
        if (all || is_there(request, cursor, commit) || now >= request->deadline_ms) {
            remove_waiter(server, request);
            request_resume(request);
        } else if (request->deadline_ms < next_ms) {
            next_ms = request->deadline_ms;
        }
    }
    return next_ms;
}

static void *run(void *context) {
    struct server *server = context;
    HOLD_LOCK(&server->waiters_lock);
    while (!server->ending || server->waiters) {
        uint64_t until_ms = resume_some(server);
        if (server->ending) continue;
        looking_check(server);
        if (server->lookers && until_ms > clock_ms() + LOOK_MS) until_ms = clock_ms() + LOOK_MS;
        struct timespec until = clock_at(until_ms * 1000000);
        if (server->waiters || server->lookers)
            pthread_cond_timedwait(&server->waiters_changed, &server->waiters_lock, &until);
        else
            pthread_cond_wait(&server->waiters_changed, &server->waiters_lock);
    }
    return NULL;
}

int waiters_start(struct server *server, struct reel_error *error) {
    clock_condition(&server->waiters_changed);
    pthread_mutex_init(&server->waiters_lock, NULL);
    int rc = thread_start(&server->clock, "reel-waiters", run, server);
    if (rc == 0) return 0;
    pthread_cond_destroy(&server->waiters_changed);
    pthread_mutex_destroy(&server->waiters_lock);
    return fail(error, rc, "cannot start a thread: %s", strerror(-rc));
}

void waiters_stop(struct server *server) {
    {
        HOLD_LOCK(&server->waiters_lock);
        server->ending = true;
        pthread_cond_broadcast(&server->waiters_changed);
        while (server->lookers) /* the host is ending, and soon ends them */
            pthread_cond_wait(&server->waiters_changed, &server->waiters_lock);
    }
    pthread_join(server->clock, NULL);
}

void waiters_finish(struct server *server) {
    INVARIANT(!server->waiters && server->waiter_count == 0 && !server->lookers);
    pthread_cond_destroy(&server->waiters_changed);
    pthread_mutex_destroy(&server->waiters_lock);
}

void waiters_wake(struct server *server) {
    HOLD_LOCK(&server->waiters_lock);
    if (server->waiters) pthread_cond_signal(&server->waiters_changed);
}

/* Ends the wait of a client that has closed its side. Such a client may still read the answer, so
 * it keeps its place for as long as nobody else needs the place. */
static void displace_one(struct server *server) {
    INVARIANT(lock_is_held(&server->waiters_lock));
    struct request *request = server->waiters;
    while (request && !request_client_is_gone(request)) request = request->next;
    if (!request) return;
    remove_waiter(server, request);
    request_resume(request);
}

/* False: waiters_max requests wait already, or the thread is about to end. */
static bool enlist(struct request *request) {
    struct server *server = request->server;
    HOLD_LOCK(&server->waiters_lock);
    if (server->waiter_count >= server->waiters_max) displace_one(server);
    if (server->ending || server->waiter_count >= server->waiters_max) return false;
    INVARIANT(!request->next && !request->previous);
    request_suspend(request);
    server->waiter_count++;
    request->previous = NULL;
    request->next = server->waiters;
    if (request->next) request->next->previous = request;
    server->waiters = request;
    pthread_cond_signal(&server->waiters_changed);
    return true;
}

static bool give_up(struct request *request) {
    struct answer *answer = &request->answer;
    uint64_t cursor = reel_sink_cursor(request_host_of_sink(request));
    if (is_draining(request->server)) {
        answer_problem(answer, PROBLEM_SERVICE_UNAVAILABLE, "the daemon is about to end");
        return false;
    }
    answer_problem(answer, PROBLEM_NOT_YET, "the cursor is %llu, it has not reached %llu in time",
                   (unsigned long long)cursor, (unsigned long long)request->wanted_cursor);
    answer_problem_number(answer, "cursor", cursor);
    return false;
}

/* A collection that is stopped or paused comes no further: 504 at once. */
static bool is_beyond_halt(struct request *request, uint64_t cursor) {
    struct reel_sink_host *host = request_host_of_sink(request);
    struct reel_collection_info info = {0};
    struct reel_view *view;
    if (!request->projector || request_open_view(request, &view, NULL) < 0) return false;
    int rc = reel_sink_collection(host, view, request->projector->collection, &info);
    reel_sink_view_close(host, view);
    if (rc < 0 || !info.stale || info.cursor >= cursor) return false;
    const char *why = info.stopped[0] ? info.stopped
                      : info.paused   ? "it is paused"
                                      : "it catches up after it was stopped or paused";
    answer_problem(&request->answer, PROBLEM_NOT_YET,
                   "the collection stands at %llu, and not at %llu: %s",
                   (unsigned long long)info.cursor, (unsigned long long)cursor, why);
    answer_problem_number(&request->answer, "cursor", info.cursor);
    return true;
}

bool request_wait_for_cursor(struct request *request) {
    uint64_t cursor = 0;
    if (request_number(request, "min_cursor", &cursor) < 0) return false;
    if (cursor > 0 && is_beyond_halt(request, cursor)) return false;
    if (request->answer.status) return false;
    return request_wait_until(request, cursor);
}

/* Suspends the request. If it cannot be suspended, the answer is a problem. */
static void suspend(struct request *request) {
    request->waited = true;
    if (!enlist(request))
        answer_problem(&request->answer, PROBLEM_SERVICE_UNAVAILABLE,
                       "too many requests wait for a cursor");
}

/* Reads the parameter timeout, and sets the deadline in the first call. */
static int read_timeout(struct request *request, uint64_t *ret_s) {
    *ret_s = TIMEOUT_STANDARD_S;
    if (request_number(request, "timeout", ret_s) < 0) return -EINVAL;
    if (*ret_s > TIMEOUT_MAX_S) *ret_s = TIMEOUT_MAX_S;
    if (!request->waited) request->deadline_ms = clock_ms() + *ret_s * 1000;
    return 0;
}

bool request_wait_until(struct request *request, uint64_t cursor) {
    uint64_t timeout_s;
    request->wanted_cursor = cursor;
    if (read_timeout(request, &timeout_s) < 0) return false;
    if (reel_sink_cursor(request_host_of_sink(request)) >= request->wanted_cursor) return true;
    if (request->waited || timeout_s == 0 || is_draining(request->server)) return give_up(request);
    suspend(request);
    return false;
}

bool request_wait_for_change(struct request *request, uint64_t commit) {
    uint64_t timeout_s;
    if (read_timeout(request, &timeout_s) < 0) return false;
    if (clock_ms() >= request->deadline_ms || is_draining(request->server)) return true;
    request->awaits_change = true;
    request->seen_commit = commit;
    suspend(request);
    return false;
}
