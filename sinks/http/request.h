/* request.h: one request: its target, headers and body, its sender, and its state. */
#ifndef REEL_SINKS_HTTP_REQUEST_H
#define REEL_SINKS_HTTP_REQUEST_H

#include "answer.h"
#include "form.h"
#include "uri.h"

enum method {
    METHOD_GET = 1 << 0, /* and HEAD: libmicrohttpd leaves out the body */
    METHOD_POST = 1 << 1,
    METHOD_DELETE = 1 << 2,
    METHOD_OPTIONS = 1 << 3,
    METHOD_OTHER = 1 << 4,
};

/* Changes by request_set_phase only:
 *
 *     from        to                          because
 *     head        body                        the head was read
 *     body        body, suspended, answered   it is handled; it waits; the answer is sent
 *     suspended   body                        it is handled again
 */
enum phase {
    PHASE_HEAD, /* nothing has been checked yet */
    PHASE_BODY,
    PHASE_SUSPENDED, /* another thread makes the answer, or resumes it */
    PHASE_ANSWERED,
    PHASES,
};

struct connection;
struct inlet;
struct route;

struct request {
    struct server *server;
    struct MHD_Connection *connection;
    struct connection *connected; /* its connection (connections.h) */
    struct inlet *inlet;          /* set while libmicrohttpd has the connection */
    uint64_t number;              /* number of the request on this connection, from 1 */
    enum phase phase;
    enum method method;
    bool is_head, is_http11;
    const char *target; /* in libmicrohttpd's memory; only the address is used */
    struct uri uri;
    int uri_error;
    const struct route *route;
    const struct reel_projector *projector; /* of the collection in the route, or NULL */
    reel_access access;                     /* of its token */
    struct reel_caller caller;              /* of a route that writes or names a collection */
    uint64_t began_ns;
    bool active; /* the request is complete: it is counted */

    struct text body;
    enum form form; /* of a list: what Accept chooses; FORMS: nothing */
    uint64_t body_max;
    uint64_t body_seen;    /* including bytes that were too many and were ignored */
    uint64_t memory_taken; /* bytes of the server's memory */
    bool body_refused;     /* there was no memory for it */

    struct answer answer;

    /* Used while it waits for the cursor (waiters.c). */
    struct request *next, *previous;
    uint64_t wanted_cursor, deadline_ms;
    bool waited;
    bool awaits_change; /* of what it has seen at this commit, in this generation */
    uint64_t seen_commit, seen_generation;

    bool is_taken; /* another thread owns the socket (follow.c) */
    bool is_bulk;  /* another thread will read the body (routes/bulk.c) */

    void *work; /* state of a handler that has handed something over */
    void (*work_done)(void *work);

    /* Hands a socket over to the thread that owns the work from then on, too; see upgrade.h. */
    int (*take_socket)(struct request *request, int fd, struct reel_str received);
};

/* Destroys the request. No other thread may use it any more. [a thread of libmicrohttpd] */
void request_end(struct request *request);

void request_set_phase(struct request *request, enum phase phase);

struct reel_sink_host *request_host_of_sink(const struct request *request);

/* Makes the answer a problem. Returns false. */
bool request_refuse(struct request *request, enum problem problem, const char *detail);

/* The value of a header; NULL data: it is not there. For headers that are given at most once. */
struct reel_str request_header(const struct request *request, const char *name);

/* The host and port of the request, from the target or the header Host. */
struct reel_str request_host(const struct request *request);

/* All headers of that name, as one list with commas (RFC 9110, section 5.3). */
void request_header_list(const struct request *request, const char *name, struct text *to);

/* Reads decimal digits. False: there are other characters, or the number is too large. */
bool str_number(struct reel_str str, uint64_t *ret);

/* The value of Content-Length; 0 if there is none. */
uint64_t request_content_length(const struct request *request);

/* Reads a parameter as a number. 1: it is there; 0: it is not; -EINVAL: the answer is a problem. A
 * number that is too large becomes the largest one. */
int request_number(struct request *request, const char *name, uint64_t *ret);

/* Reads a parameter that is true or false; without it, false. False: the answer is a problem. */
bool request_switch(struct request *request, const char *name, bool *ret);

/* True if it has the condition that appending events may have: a header Reel-Expect-…. */
bool request_expects_cursor(const struct request *request);

/* True if none of these parameters, NULL-terminated, is given. Otherwise the answer is a problem:
 * "`NAME` WHY". */
bool request_check_without(struct request *request, const char *const *names, const char *why);

/* True if the body has this media type, such as "application/json", or "…+json" of it. */
bool request_is_json(const struct request *request);

/* True if the body is application/x-ndjson, in UTF-8. */
bool request_is_ndjson(const struct request *request);

/* Opens a view, and stores its position in the answer; `ret_position` may be NULL. If it fails, the
 * answer is a problem. */
int request_open_view(struct request *request, struct reel_view **ret,
                      struct reel_position *ret_position);

/* The projector of a collection; NULL: there is none. */
const struct reel_projector *request_find_projector(const struct request *request,
                                                    struct reel_str collection);

/* The field by which the collection's records have names; NULL: they have none. */
const struct reel_field *projector_name_field(const struct reel_projector *projector);

/* True if the client has closed its side, or the connection is lost. */
bool request_client_is_gone(const struct request *request);

/* Traces that the request is handled (base/trace.h). */
void request_trace(const struct request *request);

/* Suspends the request until request_resume is called. Call it before another thread can call
 * request_resume. */
void request_suspend(struct request *request);
void request_resume(struct request *request);

/* ---- Waiting for the cursor (waiters.c) ------------------------------------------------------ */

int waiters_start(struct server *server, struct reel_error *error);

/* Resumes all requests. From then on, no request may wait. Call waiters_finish after the last
 * request. */
void waiters_stop(struct server *server);
void waiters_finish(struct server *server);

/* Says that the cursor has moved, or that all requests must be resumed. */
void waiters_wake(struct server *server);

/* Waits for min_cursor, for at most timeout. True: continue; false: the request is suspended and
 * will be handled again, or the answer is a problem. */
bool request_wait_for_cursor(struct request *request);

/* The same for this cursor; uses only the parameter timeout. */
bool request_wait_until(struct request *request, uint64_t cursor);

/* Waits until there is a newer commit than this one, for at most timeout from the first wait on.
 * The cursor need not move: a collection was rebuilt, or goes on. True: the time is over; false: as
 * above. */
bool request_wait_for_change(struct request *request, uint64_t commit);

#endif
