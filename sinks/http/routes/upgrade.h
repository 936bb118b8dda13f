/* upgrade.h: what the routes share whose connections leave libmicrohttpd: WebSockets, event streams
 * and NDJSON.
 *
 * How a socket is taken from libmicrohttpd. libmicrohttpd hands a socket over only with status 101.
 * It then keeps 13 KiB and a connection until the socket is closed, and it cannot be stopped while
 * such a connection, or a suspended one, exists. So it is made to end its connection:
 *   - A WebSocket is upgraded in libmicrohttpd's way. The other thread gets a duplicate of the
 *     socket, and the upgraded connection is closed at once. libmicrohttpd then only closes its
 *     descriptor.
 *   - Any other connection would be shut down by libmicrohttpd when it ends. So it is suspended,
 *     which removes the socket from libmicrohttpd's epoll set. The other thread gets a duplicate.
 *     Then the descriptor that libmicrohttpd uses is replaced by a socket that is connected to
 *     nothing, which libmicrohttpd may shut down.
 *
 * A route first sets the request's `work` and `take_socket`. The latter is called with the
 * duplicate, and with what was received after the head of a WebSocket's request. After an error it
 * owns neither.
 */
#ifndef REEL_HTTP_ROUTES_UPGRADE_H
#define REEL_HTTP_ROUTES_UPGRADE_H

#include "http/routes.h"
#include "websocket/handshake.h"

/* Checks the handshake of a WebSocket, its sub-protocols and its origin. False: the answer is a
 * problem. */
bool upgrade_check(struct request *request, const struct websocket_protocols *protocols);

/* May a page of the request's origin use what browsers let pages of any origin use? Only browsers
 * send an origin, and they always do. */
bool upgrade_origin_is_allowed(const struct request *request);

/* Makes the answer the end of the handshake, after which the socket is handed over. */
void upgrade_answer(struct request *request, const struct websocket_protocols *protocols);

/* Hands the socket of a request over that is not a WebSocket's. The request is then suspended and
 * resumed, and must be ended. `what`: "an event stream", for the log. */
void upgrade_take(struct request *request, const char *what);

#endif
