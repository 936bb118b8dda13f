/* looking.h: requests that look back: at a cursor in the past, or at what happened to a record.
 *
 * The host builds what they need beside the daemon (reel_sink_view_at). Meanwhile they are
 * suspended, and the thread of waiters.c looks now and then whether their clients are still there:
 * for a client that has closed its side nothing is built any more.
 */
#ifndef REEL_SINKS_HTTP_LOOKING_H
#define REEL_SINKS_HTTP_LOOKING_H

#include "request.h"

/* One request that looks back; in the server's list while the host builds for it. */
struct looking {
    struct looking *next, *previous;
    struct request *request;
    uint64_t job; /* the host's number; 0: not known yet */
    bool is_listed, is_cancelled;
    int rc; /* the result: an error, or `view` or `page` */
    struct reel_error error;
    struct reel_view *view;
    struct text changes;           /* of a history, as the inner text of a JSON array */
    struct reel_history_page page; /* without its list */
};

/* Opens a view of now; or of the cursor `at`, if the request has this parameter. False: the request
 * is suspended, and will be handled again; or the answer is a problem. The caller closes it. */
bool request_open_view_at(struct request *request, struct reel_view **ret);

/* A view does not serve this collection, which the request needs, too. True: that is because it
 * looks back, and the log does not have all events of the collection any more: the answer is a
 * problem. False: the collection is being built. */
bool request_is_too_late(struct request *request, const char *collection);

/* Reads what happened to the record, in the same way. What is returned belongs to the request. */
bool request_read_history(struct request *request, struct reel_str key, uint64_t after,
                          uint32_t limit, struct looking **ret);

/* For waiters.c, under its lock: asks the host not to build for clients that are gone. */
void looking_check(struct server *server);

#endif
