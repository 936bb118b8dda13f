/* events_back.h: GET /v1/events with `before`: a page of events, the newest first. */
#ifndef REEL_HTTP_ROUTES_EVENTS_BACK_H
#define REEL_HTTP_ROUTES_EVENTS_BACK_H

#include "events/filter.h"
#include "http/routes.h"

/* Appends the list of the newest events below `before` that match to the answer's body. `ret_next`:
 * `before` of the next page; 0: there are no older events. Returns 0 or an error. */
int events_write_back(struct request *request, struct reel_view *view,
                      const struct event_filter *filter, const struct reel_position *position,
                      uint64_t before, uint64_t limit, uint64_t *ret_next);

#endif
