/* follow.h: what the routes for following share: handing a follower over to the hub. */
#ifndef REEL_HTTP_ROUTES_FOLLOW_H
#define REEL_HTTP_ROUTES_FOLLOW_H

#include "http/routes.h"

struct follower;

/* Lets the request own a follower until it is handed over. */
void follow_own_take(struct request *request, struct follower *follower);

/* The answer if the follower could not be created. */
void follow_refuse(struct request *request, int rc);

/* Hands the request's follower over, when libmicrohttpd has upgraded the connection. */
void follow_upgraded(void *context, struct MHD_Connection *connection, void *state,
                     const char *received, size_t len, MHD_socket fd,
                     struct MHD_UpgradeResponseHandle *handle);

/* Makes the answer a stream of server-sent events, and hands the request's follower over. With HEAD
 * there is none. */
void follow_begin_stream(struct request *request);

/* The id of the last event that the client has received; empty: none. */
struct reel_str follow_last_event_id(const struct request *request);

/* GET of a collection, as a stream, and what has changed since a seq (follow_records.c). */
void follow_records_stream(struct request *request);
void follow_records_poll(struct request *request);

#endif
