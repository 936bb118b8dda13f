/* cloudevents.h: reads CloudEvents from an HTTP request, as structured JSON (CloudEvents HTTP
 * protocol binding 1.0.2 and JSON event format 1.0.2; the rules for one event are in
 * event/event_rules.h).
 *
 * The Content-Type determines the mode:
 *   application/cloudevents+json          structured: the body is the event, and is not changed
 *   application/cloudevents-batch+json    batched: an array of events, which are not changed. An
 *                                         empty array is a batch without events
 *   any other, or none                    binary: the attributes are `ce-` headers, and the body
 *                                         is the data. Without any `ce-` header, the request is
 *                                         not a CloudEvent
 * No other formats are supported, and only UTF-8.
 *
 * In binary mode, the event's JSON is written by event/binary_mode.h.
 */
#ifndef REEL_SINKS_HTTP_CLOUDEVENTS_H
#define REEL_SINKS_HTTP_CLOUDEVENTS_H

#include "event/binary_mode.h"

struct cloudevents_bounds {
    size_t event_bytes_max;
    size_t batch_events_max;
};

/* The events, which point into `text`, until cloudevents_finish. All zero: empty. */
struct cloudevents {
    bool batch;
    size_t count; /* 1, unless it is a batch */
    struct reel_str *events;
    struct text text; /* the body, or the event that was made from it */
};

/* Reads a request. On success, `ret` owns the memory of the body, and `body` is empty. Otherwise
 * both are unchanged, except that the body may have more capacity. -EINVAL: a rule is broken;
 * -E2BIG: an event or the batch is too large; -EPROTONOSUPPORT: not a CloudEvent, or in a format
 * that is not supported; -ENOMEM. The sentence names the attribute. In a batch, it names the event
 * by its index from 0: `events[3]: …`. */
int cloudevents_read_take(struct json_parser *parser, const struct cloudevents_bounds *bounds,
                          const struct message_head *request, struct text *body,
                          struct cloudevents *ret, struct reel_error *error);
void cloudevents_finish(struct cloudevents *events);

/* The HTTP status for one of these codes: 400, 413, 415, or 500. */
unsigned cloudevents_status(int code);

#endif
