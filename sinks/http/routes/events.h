/* events.h: functions for the routes that read the log. */
#ifndef REEL_HTTP_ROUTES_EVENTS_H
#define REEL_HTTP_ROUTES_EVENTS_H

#include "http/routes.h"

/* Reads `limit`, within its range. -EINVAL: the answer is a problem. */
int events_limit(struct request *request, uint64_t *ret);

/* Closes the view. An error of the view becomes a problem, unless the answer is a problem
 * already. */
void events_close(struct request *request, struct reel_view *view, int rc);

/* Ends an object with its position, and sets status 200. */
void events_end(struct answer *answer, uint64_t cursor, const char *epoch);

/* Append a member: a string or null; or a time, RFC 3339, UTC, to the millisecond. `name` is the
 * text before the value, with its comma and colon. */
void events_member(struct text *body, const char *name, struct reel_str value);
void events_time(struct text *body, const char *name, uint64_t time_ns);

#endif
