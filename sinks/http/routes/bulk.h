/* bulk.h: NDJSON with POST /v1/events, for http.c and ingest.c. */
#ifndef REEL_HTTP_ROUTES_BULK_H
#define REEL_HTTP_ROUTES_BULK_H

#include "http/routes.h"

/* Call it when the head was checked. If the request posts NDJSON, whose body is not empty, reserves
 * a place and sets request->is_bulk. Returns 0, or the answer is a problem. */
int bulk_begin(struct request *request);

/* Takes the connection away from libmicrohttpd, when the first bytes of the body have arrived. The
 * request is then suspended and resumed, and must be ended. */
void bulk_take_over(struct request *request);

/* Makes the answer to an empty body. */
void bulk_answer_empty(struct request *request);

#endif
