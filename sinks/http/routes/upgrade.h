/* upgrade.h: what the routes share whose connections leave libmicrohttpd: WebSockets, event streams
 * and NDJSON. follow.c describes how this is done. */
#ifndef REEL_HTTP_ROUTES_UPGRADE_H
#define REEL_HTTP_ROUTES_UPGRADE_H

#include "http/routes.h"
#include "websocket/handshake.h"

/* Makes the answer a problem. Returns false. */
bool upgrade_refuse(struct request *request, enum problem problem, const char *detail);

/* Checks the handshake of a WebSocket, its sub-protocols and its origin. False: the answer is a
 * problem. */
bool upgrade_check(struct request *request, const struct websocket_protocols *protocols);

/* Makes the answer the end of the handshake. `upgraded` then takes the connection. */
void upgrade_answer(struct request *request, const struct websocket_protocols *protocols,
                    MHD_UpgradeHandler upgraded);

/* Replaces the descriptor that libmicrohttpd uses, of which a duplicate was taken, by a socket that
 * is connected to nothing. The request must be suspended. */
int upgrade_leave(struct request *request, int fd);

#endif
