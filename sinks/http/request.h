/* request.h: one request: what was asked, by whom, and how far it is. */
#ifndef REEL_SINKS_HTTP_REQUEST_H
#define REEL_SINKS_HTTP_REQUEST_H

#include "answer.h"
#include "uri.h"

enum method {
    METHOD_GET = 1 << 0, /* HEAD, too: libmicrohttpd leaves the body out */
    METHOD_POST = 1 << 1,
    METHOD_DELETE = 1 << 2,
    METHOD_OPTIONS = 1 << 3,
    METHOD_OTHER = 1 << 4,
};

enum phase {
    PHASE_HEAD, /* nothing was looked at yet */
    PHASE_BODY,
    PHASE_SUSPENDED, /* someone else makes the answer, or wakes it */
    PHASE_ANSWERED,
};

struct connection;
struct inlet;
struct route;

struct request {
    struct server *server;
    struct MHD_Connection *connection;
    struct connection *connected; /* what it came on (connections.h) */
    struct inlet *inlet;          /* while libmicrohttpd has the connection */
    uint64_t number;              /* on this connection, from 1 */
    enum phase phase;
    enum method method;
    bool is_head, is_http11;
    const char *target; /* as libmicrohttpd has it; its address is all that counts */
    struct uri uri;
    int uri_error;
    const struct route *route;
    const struct reel_projector *projector; /* of the route's collection, or NULL */
    struct reel_caller caller;              /* of a route for writers: who its sender is */
    uint64_t began_ns;
    bool active; /* all of it has come: it is counted */

    struct text body;
    uint64_t body_max;
    uint64_t body_seen;    /* also of what was thrown away, being too much */
    uint64_t memory_taken; /* from the server's */
    bool body_refused;     /* no memory for it */

    struct answer answer;

    /* While it waits for the cursor (waiters.c). */
    struct request *next, *previous;
    uint64_t wanted_cursor, deadline_ms;
    bool waited;

    bool is_taken; /* its socket is somebody else's now (follow.c) */

    void *work; /* of a handler that has handed something over */
    void (*work_done)(void *work);
};

/* Destroys the request; no other thread may use it any more. [a thread of libmicrohttpd] */
void request_end(struct request *request);

struct reel_sink_host *request_host_of_sink(const struct request *request);

/* A header's value; NULL data: there is none. Not more than one of the same name. */
struct reel_str request_header(const struct request *request, const char *name);

/* The host and port that were asked, of the target or the header Host. */
struct reel_str request_host(const struct request *request);

/* All headers of that name, as one list with commas (RFC 9110, section 5.3). */
void request_header_list(const struct request *request, const char *name, struct text *to);

/* Decimal digits, and nothing else, that fit. */
bool str_number(struct reel_str str, uint64_t *ret);

/* What Content-Length says, 0 without one. */
uint64_t request_content_length(const struct request *request);

/* A parameter as a number. 1: it was given; 0: it was not; -EINVAL, and a problem is the answer.
 * What does not fit is the largest that does. */
int request_number(struct request *request, const char *name, uint64_t *ret);

/* Is the media type of the body this one, "application/json", or "…+json" of it? */
bool request_is_json(const struct request *request);

/* Opens a view, and notes in the answer where it stands; `ret_position` may be NULL. On failure a
 * problem is the answer. */
int request_open_view(struct request *request, struct reel_view **ret,
                      struct reel_position *ret_position);

/* Traces that the request is handled (base/trace.h). */
void request_trace(const struct request *request);

/* Suspends the request until request_resume is called. Must be called before another thread can
 * call request_resume. */
void request_suspend(struct request *request);
void request_resume(struct request *request);

/* ---- Waiting for the cursor (waiters.c) ------------------------------------------------------ */

int waiters_start(struct server *server, struct reel_error *error);

/* Resumes all of them; from then on no request may wait. waiters_finish: after the last request. */
void waiters_stop(struct server *server);
void waiters_finish(struct server *server);

/* The cursor has moved, or all of them are to go. */
void waiters_wake(struct server *server);

/* Looks at min_cursor and timeout. True: go on; false: it has been suspended and will be handled
 * again, or a problem is the answer. */
bool request_wait_for_cursor(struct request *request);

/* The same for this cursor; looks only at timeout. */
bool request_wait_until(struct request *request, uint64_t cursor);

#endif
