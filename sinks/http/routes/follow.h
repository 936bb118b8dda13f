/* follow.h: what the routes for following share: handing a follower over to the hub. */
#ifndef REEL_HTTP_ROUTES_FOLLOW_H
#define REEL_HTTP_ROUTES_FOLLOW_H

#include "follow/hub.h"
#include "http/routes.h"

/* Lets the request own a follower that was created with this result, until it is handed over.
 * False: it could not be created, and the answer is a problem. */
bool follow_own_take(struct request *request, int rc, struct follower *follower,
                     enum transport_kind kind);

/* Makes the answer a stream of server-sent events, and hands the request's follower over. With HEAD
 * there is none. */
void follow_begin_stream(struct request *request);

/* The id of the last event that the client has received; empty: none. */
struct reel_str follow_last_event_id(const struct request *request);

/* GET of a collection or of one record, as a stream; and what has changed in a collection since a
 * seq (follow_records.c). */
void follow_records_stream(struct request *request);
void follow_records_poll(struct request *request);

#endif
