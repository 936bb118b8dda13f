/* nats_binding.h: converts a NATS message to an event in structured JSON.
 *
 * The CloudEvents NATS binding got a binary mode after its release 1.0.2, when NATS had got
 * headers. This file follows that text (1.0.3, sections 3 and 3.1), with these decisions:
 *   - If the Content-Type begins with application/cloudevents, the mode is structured. The payload
 *     is the event, and is not changed. A batch, which the binding does not define, is malformed.
 *   - Otherwise, if there is a `ce-` header, the mode is binary. In the binding, all other messages
 *     are binary. Here, a message without `ce-` headers is bare JSON, and is read as structured.
 *   - The media type of the data is in ce-datacontenttype, as in the binding. If this header is
 *     missing, it is in the Content-Type, where existing clients put it.
 *   - An event that is written keeps event_rules.h, like an event in binary mode over HTTP.
 *
 * A malformed message must not be lost, and must not be read as an event, although its data may
 * look like one. So the complete message is written in its form on the wire: `NATS/1.0`, the
 * headers, an empty line, the payload. This is never JSON. So the message is logged and rejected
 * like any payload that is not JSON, and a rebuild gives the same result.
 *
 * Headers are read in the order of their names. Client libraries keep them in tables, and all
 * daemons that read a message must write the same bytes.
 */
#ifndef REEL_EVENT_NATS_BINDING_H
#define REEL_EVENT_NATS_BINDING_H

#include "event/binary_mode.h"

struct nats_message {
    struct reel_str payload;
    /* Calls `fn` with each value of each header, in any order. The strings must live until the
     * message is read. If `fn` returns another value than 0, returns it at once. Otherwise returns
     * 0, or -EBADMSG: the headers are malformed. NULL: the message has no headers. */
    int (*each_header)(void *headers, header_fn fn, void *context);
    void *headers;
};

enum nats_content {
    NATS_PAYLOAD,   /* use the payload without changes */
    NATS_BINARY,    /* the event was written */
    NATS_MALFORMED, /* the message was written, and the sentence says what is wrong */
};

/* Reads a message. First empties `arena` and `text`, to which the event is written; they keep their
 * memory for the next message. A payload above `event_bytes_max` is passed on without a further
 * check, because it cannot be an event. An event that is written may be about ten times as large as
 * the message; it may also exceed event_bytes_max. Returns 0, -ENOMEM, or an error of
 * `each_header`. */
int nats_binding_read(struct json_parser *parser, const struct nats_message *message,
                      size_t event_bytes_max, struct arena *arena, struct text *text,
                      enum nats_content *ret, struct reel_error *error);

#endif
