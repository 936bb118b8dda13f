/* nats_binding.h: from a NATS message to an event in structured JSON.
 *
 * Binary mode came to the CloudEvents NATS binding after its release 1.0.2, when NATS had got
 * headers; this follows the text of then (1.0.3, sections 3 and 3.1), with these decisions of ours:
 *   - The Content-Type begins with application/cloudevents: structured. The payload is the event,
 *     and is kept as it is. A batch, which the binding has not, is malformed.
 *   - Else any `ce-` header: binary. The binding takes all else for it, but what has no such
 *     header is bare JSON, which is taken as structured.
 *   - The data's media type is in ce-datacontenttype, as the binding has it, or, where that is
 *     not, in the Content-Type, where clients in use put it.
 *   - What is written keeps event_rules.h, as an event in binary mode that comes by HTTP does.
 *
 * What is malformed must neither be lost nor be taken for an event: its data may well look like
 * one. So the whole message is written out, in the form that it has on the wire: `NATS/1.0`, the
 * headers, an empty line, the payload. That is never JSON; so it is logged, and rejected, like all
 * that is none, and a rebuild finds it so again.
 *
 * Headers are taken in the order of their names: client libraries keep them in tables, and all
 * who read a message must write the same bytes.
 */
#ifndef REEL_EVENT_NATS_BINDING_H
#define REEL_EVENT_NATS_BINDING_H

#include "event/binary_mode.h"

struct nats_message {
    struct reel_str payload;
    /* Gives each value of each header, in any order; the strings stay until the message is read.
     * It returns what `fn` did if that is not 0; else 0, or -EBADMSG: these are no headers. NULL:
     * the message has none. */
    int (*each_header)(void *headers, header_fn fn, void *context);
    void *headers;
};

enum nats_content {
    NATS_PAYLOAD,   /* the payload goes on as it is */
    NATS_BINARY,    /* the event was written */
    NATS_MALFORMED, /* the message was written, and the sentence says what is wrong with it */
};

/* Reads a message. `arena` and `text`, which the event is written to, are emptied first; they keep
 * their memory for the next message. A payload above `event_bytes_max` goes on as it is, with no
 * more spent on it: no event is so large. What is written may be, up to some ten times what came,
 * and is then as much too large.
 * 0, or -ENOMEM, or another error of `each_header`. */
int nats_binding_read(struct json_parser *parser, const struct nats_message *message,
                      size_t event_bytes_max, struct arena *arena, struct text *text,
                      enum nats_content *ret, struct reel_error *error);

#endif
