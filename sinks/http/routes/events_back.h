/* events_back.h: GET /v1/events with `before`: a page of events, the newest first. */
#ifndef REEL_HTTP_ROUTES_EVENTS_BACK_H
#define REEL_HTTP_ROUTES_EVENTS_BACK_H

#include "events/filter.h"
#include "http/routes.h"

/* Makes the answer a page of the newest events below `before` that match. Returns 0 or an error. */
int events_write_back(struct request *request, struct reel_view *view,
                      const struct event_filter *filter, const struct reel_position *position,
                      uint64_t before, uint64_t limit);

#endif
