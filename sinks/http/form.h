/* form.h: the form of a list, of records or of events: Accept (RFC 9110, section 12.5.1). */
#ifndef REEL_SINKS_HTTP_FORM_H
#define REEL_SINKS_HTTP_FORM_H

#include <reel/abi.h>

enum form {
    FORM_JSON,
    FORM_NDJSON, /* a record, or an event, on each line */
    FORM_CSV,    /* RFC 4180 */
    FORM_STREAM, /* server-sent events, of records that are followed */
    FORMS,       /* none of them is acceptable */
};

#define NDJSON_TYPE "application/x-ndjson"
extern const char *const form_types[FORMS];

/* The best of the first `count` forms for this value of Accept; data NULL or empty: JSON. Of
 * several that are equally good, the one that is named most exactly; then the first. A browser that
 * accepts none of them gets JSON for its text/html. */
enum form form_choose(struct reel_str accept, enum form count);

/* "-csv", for an ETag; empty for JSON. */
const char *form_suffix(enum form form);

#endif
