/* connections.h: who is connected: one thread that accepts, and looks after what libmicrohttpd,
 * which reads and answers, does not see.
 *
 * The life of a connection
 *   1. The thread accepts it, if there is a place, and hands it to libmicrohttpd.
 *   2. It is unknown until a request with a valid token has come on it. Then it is admitted for as
 *      long as it lasts, if fewer than connections_max are; otherwise the request is answered with
 *      503.
 *   3. There are connections_unknown_max places more. If all are taken and one more connection
 *      waits, the oldest unknown one is cut. So whoever waits is accepted in the end, and has time
 *      to show a token.
 *   4. While a request is incomplete the connection has a time until which the rest must come. If
 *      it does not, the connection is cut.
 *   5. It ends when libmicrohttpd says so (connection_notify). A request that was begun on it ends
 *      then at the latest, whether or not libmicrohttpd has told that it is completed.
 *
 * To cut is to shut the socket down from here: libmicrohttpd sees that, and closes it.
 *
 * What libmicrohttpd 0.9.75 leaves undone, and is done here:
 *   - It closes some connections without NOTIFY_COMPLETED: those on which a second error is met
 *     while the answer to a first one is being made (a query of some 250 parameters, then any
 *     header; until then such a connection keeps a thread busy), those for whose error answer it
 * has no memory, and those for which epoll_ctl fails. For all of them it calls NOTIFY_CONNECTION,
 *     once, before it closes the socket.
 *   - Where no file is left, its threads without a connection try to accept without a pause. It is
 *     given no socket to listen on.
 *   - Where a part of a request and the end of the connection come together, epoll tells it once,
 *     it reads the first, and does not notice the other. So its socket is shut down for reading,
 *     which is no change, as the other side has closed already, but wakes its epoll again.
 *   - It knows how long nothing has moved, but not how long a request has taken.
 */
#ifndef REEL_HTTP_CONNECTIONS_H
#define REEL_HTTP_CONNECTIONS_H

#include "server.h"

struct connections;
struct connection;

struct connections_options {
    uint64_t max, unknown_max;
    uint64_t followers_max;
    uint64_t request_ms; /* for a request, from its first line */
    uint64_t idle_ms;    /* for a first line, from the answer before; libmicrohttpd's, too */
};

/* Makes the table; warns if fewer files may be open than the options allow for. The listening
 * socket stays the server's. */
int connections_create(struct server *server, const struct connections_options *options,
                       struct connections **ret, struct reel_error *error);

/* Starts to accept, for server->daemon; stops, after which nothing is accepted any more. */
int connections_start(struct connections *connections, struct reel_error *error);
void connections_stop(struct connections *connections);

/* When libmicrohttpd has ended. Takes NULL. */
void connections_destroy(struct connections *connections);

/* ---- For http.c ------------------------------------------------------------------------------ */

/* As an MHD_NotifyConnectionCallback of the server. A request that was not ended is, by
 * request_end.
 */
void connection_notify(void *context, struct MHD_Connection *connection, void **state,
                       enum MHD_ConnectionNotificationCode what);

/* A request's first line has come; all of it has come; it has ended. */
void connection_request_begin(struct request *request);
void connection_request_complete(struct request *request);
void connection_request_end(struct request *request);

/* Cuts the connection of a request, if what is unescaped is anything but its target. */
void connection_check_target(struct MHD_Connection *connection, const char *text);

/* ---- For routes.c and follow.c --------------------------------------------------------------- */

/* The request had a valid token. False: connections_max have one already. */
bool connection_admit(struct request *request);

/* Its socket is somebody else's now: nothing is done to it any more. */
void connection_release(struct request *request);

#endif
