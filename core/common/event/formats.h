/* formats.h: the text formats of CloudEvents attributes: URIs, times, media types, base64.
 *
 * Each function checks a complete string. An empty string is not valid, unless the comment says so.
 */
#ifndef REEL_EVENT_FORMATS_H
#define REEL_EVENT_FORMATS_H

#include "base/text.h"

/* URI-reference (RFC 3986, section 4.1). An empty one, which the RFC allows, is not valid here. */
bool format_is_uri_reference(struct reel_str str);

/* The same, with a scheme. A fragment is allowed, as in the JSON schema of CloudEvents, because the
 * names of schemas have one; RFC 3986, section 4.3 does not allow it. */
bool format_is_uri(struct reel_str str);

/* Date and time (RFC 3339, section 5.6). The day must exist. Every :60 counts as a leap second. */
bool format_is_time(struct reel_str str);

/* Base64 with the alphabet and the padding of RFC 4648, section 4. An empty string is valid. */
bool format_is_base64(struct reel_str str);
void text_append_base64(struct text *text, struct reel_str bytes);

/* Text that CloudEvents allow in a string: UTF-8 without control characters (U+0000 to U+001F,
 * U+007F to U+009F) and without noncharacters. */
bool format_is_clean(struct reel_str str);

/* A media type (RFC 9110, section 8.3.1): `text/plain; charset="utf-8"`. Points into the text. */
struct media_type {
    struct reel_str type, subtype;
    struct reel_str charset; /* without quotes; NULL data: none */
};
bool format_read_media_type(struct reel_str str, struct media_type *ret);

/* The beginning of the Content-Type of structured mode and of batches, in any case. */
#define CLOUDEVENTS_TYPE "application/cloudevents"

#endif
