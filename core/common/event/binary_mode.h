/* binary_mode.h: converts a CloudEvent from binary mode to structured JSON. In binary mode, the
 * attributes are `ce-` headers, and the body is the data.
 *
 * A body with a JSON media type becomes `data` without changes. Text (text/…, …/xml, …+xml) in
 * UTF-8 becomes a string. Any other body, or one without a Content-Type, becomes `data_base64`. An
 * empty body becomes nothing. Double quotes are removed from header values, and the values are
 * percent-decoded once (CloudEvents HTTP binding 1.0.2, section 3.1.3.2). A % must be followed by
 * two digits.
 */
#ifndef REEL_EVENT_BINARY_MODE_H
#define REEL_EVENT_BINARY_MODE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "json/parser.h"

/* Called for one header after another. Any value except 0 ends the walk, and the walk returns
 * it. */
typedef int (*header_fn)(void *context, struct reel_str name, struct reel_str value);

/* The headers of a message. The strings must live during the call only. */
struct message_head {
    struct reel_str content_type; /* NULL data, or empty: none */
    int (*each_header)(void *headers, header_fn fn, void *context);
    void *headers;
    /* The header ce-datacontenttype is allowed, and replaces the Content-Type. */
    bool has_datacontenttype;
};

/* True if there is a `ce-` header. */
bool binary_mode_has_headers(const struct message_head *head);

/* Writes the event to `text`, which must be empty. The event is valid by event_rules.h. Decoded
 * parts are stored in the arena. -EINVAL: a header or a JSON body cannot be read, or the event
 * breaks a rule; -EPROTONOSUPPORT: JSON in another charset; -ENOMEM. */
int binary_mode_write(struct json_parser *parser, const struct message_head *head,
                      struct reel_str body, struct arena *arena, struct text *text,
                      struct reel_error *error);

#endif
