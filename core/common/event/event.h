/* event.h: a parsed payload read as a CloudEvent. */
#ifndef REEL_EVENT_EVENT_H
#define REEL_EVENT_EVENT_H

#include "json/parser.h"

/* Fills everything but `prefix` and `suffix`, which are each projector's own. Members that are
 * absent or no strings are NULL; of equal names the last counts. `type.data` is NULL where the
 * payload is JSON but no event. */
void event_read(const struct json *json, struct reel_event *ret);

#endif
