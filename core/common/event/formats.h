/* formats.h: the text formats that CloudEvents attributes have: URIs, times, media types, base64.
 *
 * Each judges a whole string: nothing before, nothing behind, and an empty one is none.
 */
#ifndef REEL_EVENT_FORMATS_H
#define REEL_EVENT_FORMATS_H

#include "base/text.h"

/* URI-reference (RFC 3986, section 4.1); an empty one, which the RFC allows, is refused here. */
bool format_is_uri_reference(struct reel_str str);

/* The same with a scheme. A fragment, which RFC 3986, section 4.3 has not, is allowed, as in the
 * JSON schema of CloudEvents: schemas are named with one. */
bool format_is_uri(struct reel_str str);

/* Date and time (RFC 3339, section 5.6), of a day that there is. A leap second may be any :60. */
bool format_is_time(struct reel_str str);

/* Base64 with the alphabet and the padding of RFC 4648, section 4. Empty is fine: no bytes. */
bool format_is_base64(struct reel_str str);
void text_append_base64(struct text *text, struct reel_str bytes);

/* Text that CloudEvents allow in a string: UTF-8 without control characters (U+0000 to U+001F,
 * U+007F to U+009F) and noncharacters. */
bool format_is_clean(struct reel_str str);

/* A media type (RFC 9110, section 8.3.1): `text/plain; charset="utf-8"`. Points into the text. */
struct media_type {
    struct reel_str type, subtype;
    struct reel_str charset; /* NULL data: none given; without its quotes */
};
bool format_read_media_type(struct reel_str str, struct media_type *ret);

/* What a Content-Type begins with, in any case, that is of structured mode or of a batch. */
#define CLOUDEVENTS_TYPE "application/cloudevents"

#endif
