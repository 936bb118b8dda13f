/* connections.h: the connections of the HTTP sink. One thread accepts connections and limits them;
 * libmicrohttpd reads requests and sends answers.
 *
 * The life of a connection
 *   1. The thread accepts the connection, if there is a place, and gives it to libmicrohttpd.
 *   2. It is unknown until a request with a valid token arrives on it. If fewer than
 *      connections_max connections are admitted, it is then admitted until it ends. Otherwise the
 *      request is answered with 503.
 *   3. There are connections_unknown_max more places. If all are in use and another client
 *      connects, the oldest unknown connection is cut. So every client is accepted in the end, and
 *      has time to send a token.
 *   4. While a request is incomplete, the connection has a deadline. If the rest of the request
 *      does not arrive before, the connection is cut.
 *   5. It ends when libmicrohttpd reports it (connection_notify). If a request on it has not ended
 *      before, the request ends then, even if libmicrohttpd has not reported its completion.
 *
 * To cut a connection, its socket is shut down; libmicrohttpd notices this, and closes the socket.
 * The thread learns of a client's end only if the connection is older than one tick: most end
 * before, or become followers.
 *
 * The thread also makes up for these faults of libmicrohttpd 0.9.75:
 *   - It closes some connections without NOTIFY_COMPLETED: if a second error occurs while the
 *     answer to a first one is being made (a query of some 250 parameters, then any header; until
 *     then, such a connection keeps a thread busy); if it has no memory for the answer to an
 *     error; and if epoll_ctl fails. In all of these cases, it calls NOTIFY_CONNECTION once before
 *     it closes the socket.
 *   - If there is no file descriptor, its threads without connections try to accept without a
 *     pause. So it gets no listening socket.
 *   - If a part of a request and the end of the connection arrive together, epoll reports them
 *     once. It reads the part, and does not notice the end. So the socket is shut down for reading.
 *     The other side has closed already, so this only wakes its epoll again.
 *   - It limits the time without any traffic, but not the time that a request takes.
 */
#ifndef REEL_HTTP_CONNECTIONS_H
#define REEL_HTTP_CONNECTIONS_H

#include "server.h"

struct connections;
struct connection;

struct connections_options {
    uint64_t max, unknown_max;
    uint64_t followers_max, bulk_max;
    uint64_t request_ms; /* for a request, from its first line on */
    uint64_t idle_ms;    /* for the first line of the next request, after an answer; also given to
                            libmicrohttpd */
};

/* Creates the table. Warns if the process may have fewer open files than the options need. The
 * server still owns the listening socket. */
int connections_create(struct server *server, const struct connections_options *options,
                       struct connections **ret, struct reel_error *error);

/* connections_start: accepts connections for server->daemon. connections_stop: accepts no more;
 * it may be called again. */
int connections_start(struct connections *connections, struct reel_error *error);
void connections_stop(struct connections *connections);

/* Call it when libmicrohttpd has ended. Accepts NULL. */
void connections_destroy(struct connections *connections);

/* ---- For http.c ------------------------------------------------------------------------------ */

/* The server's MHD_NotifyConnectionCallback. If a request has not ended, ends it with request_end.
 */
void connection_notify(void *context, struct MHD_Connection *connection, void **state,
                       enum MHD_ConnectionNotificationCode what);

/* The first line of a request has arrived; all of it has arrived; it has ended. */
void connection_request_begin(struct request *request);
void connection_request_complete(struct request *request);
void connection_request_end(struct request *request, uint64_t now_ms);

/* Closes the connection of a request if libmicrohttpd unescapes anything except the target. */
void connection_check_target(struct MHD_Connection *connection, const char *text);

/* ---- For routes.c and follow.c --------------------------------------------------------------- */

/* The request had a valid token. Returns false if there are already connections_max such
 * connections. */
bool connection_admit(struct request *request);

/* The socket belongs to another thread now, and is not used here any more. */
void connection_release(struct request *request);

#endif
