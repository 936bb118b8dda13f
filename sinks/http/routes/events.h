/* events.h: what the routes that read the log have in common. */
#ifndef REEL_HTTP_ROUTES_EVENTS_H
#define REEL_HTTP_ROUTES_EVENTS_H

#include "http/routes.h"

/* `limit`, clamped. -EINVAL, and a problem is the answer. */
int events_limit(struct request *request, uint64_t *ret);

/* Closes the view; an error of it becomes a problem, if none is there yet. */
void events_close(struct request *request, struct reel_view *view, int rc);

/* Ends an object with the position that it is of: 200. */
void events_end(struct answer *answer, uint64_t cursor, const char *epoch);

/* Members: a string or null; a time, RFC 3339, UTC, to the millisecond. `name` is what stands
 * before the value, its comma and colon included. */
void events_member(struct text *body, const char *name, struct reel_str value);
void events_time(struct text *body, const char *name, uint64_t time_ns);

#endif
