/* binary_mode.h: a CloudEvent in binary mode, written as structured JSON: the attributes are `ce-`
 * headers, and the body is the data.
 *
 * A body of a JSON media type becomes `data` as it stands; text (text/…, …/xml, …+xml) that is
 * UTF-8 becomes a string; any other, or one without a Content-Type, `data_base64`; an empty one
 * nothing. Header values lose their double quotes and are percent-decoded once (CloudEvents HTTP
 * binding 1.0.2, section 3.1.3.2); a % must be followed by two digits.
 */
#ifndef REEL_EVENT_BINARY_MODE_H
#define REEL_EVENT_BINARY_MODE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "json/parser.h"

/* Called for one header after another; anything but 0 ends the walk and is what it returns. */
typedef int (*header_fn)(void *context, struct reel_str name, struct reel_str value);

/* What stands before a message's body. The strings need to live for the call only. */
struct message_head {
    struct reel_str content_type; /* NULL data or empty: none */
    int (*each_header)(void *headers, header_fn fn, void *context);
    void *headers;
    /* The header ce-datacontenttype may be there, and then counts instead of the Content-Type. */
    bool has_datacontenttype;
};

/* Is there any `ce-` header? */
bool binary_mode_has_headers(const struct message_head *head);

/* Writes the event to `text`, which is empty: valid by event_rules.h. The arena gets what is
 * decoded on the way. -EINVAL: a header or a body that should be JSON cannot be read, or the event
 * breaks a rule; -EPROTONOSUPPORT: JSON in another charset; -ENOMEM. */
int binary_mode_write(struct json_parser *parser, const struct message_head *head,
                      struct reel_str body, struct arena *arena, struct text *text,
                      struct reel_error *error);

#endif
