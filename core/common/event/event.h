/* event.h: reads a parsed payload as a CloudEvent. */
#ifndef REEL_EVENT_EVENT_H
#define REEL_EVENT_EVENT_H

#include "json/parser.h"

/* Fills in all members except `prefix` and `suffix`, which differ between projectors. Members that
 * are absent or are not strings are NULL. If a name occurs several times, the last member is used.
 * `type.data` is NULL if the payload is JSON but not an event. */
void event_read(const struct json *json, struct reel_event *ret);

#endif
