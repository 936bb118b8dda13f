/* binary_mode.h: a CloudEvent in binary mode, written as structured JSON; see cloudevents.h. */
#ifndef REEL_SINKS_HTTP_BINARY_MODE_H
#define REEL_SINKS_HTTP_BINARY_MODE_H

#include "base/arena.h"
#include "http/cloudevents.h"

/* Is there any `ce-` header? */
bool binary_mode_has_headers(const struct cloudevents_request *request);

/* Appends the event to `ret`: valid JSON, but whether it is a valid event is not looked at. The
 * arena gets what is decoded on the way. -EINVAL: a header, or a body that should be JSON, cannot
 * be read; -EPROTONOSUPPORT: JSON in another charset; -ENOMEM. */
int binary_mode_write(struct json_parser *parser, const struct cloudevents_request *request,
                      struct reel_str body, struct arena *arena, struct text *ret,
                      struct reel_error *error);

#endif
