/* export.h: GET /v1/events as lines: all events of the log after a seq, one JSON object a line. */
#ifndef REEL_HTTP_ROUTES_EXPORT_H
#define REEL_HTTP_ROUTES_EXPORT_H

#include "events/filter.h"
#include "http/routes.h"

/* Makes the answer lines: the frames of events/frame.h, or with `bare` the events themselves; of
 * the events after `since`, up to the view's cursor, at most `limit` of them. The strings of the
 * filter are copied. Returns 0 or an error; the answer is then not changed. */
int export_answer(struct request *request, const struct event_filter *filter,
                  const struct reel_position *position, uint64_t since, uint64_t limit, bool bare);

#endif
