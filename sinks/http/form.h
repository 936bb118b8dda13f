/* form.h: the form of a list: Accept (RFC 9110, section 12.5.1). */
#ifndef REEL_SINKS_HTTP_FORM_H
#define REEL_SINKS_HTTP_FORM_H

#include <reel/abi.h>

enum form {
    FORM_JSON,
    FORM_NDJSON, /* a record on each line */
    FORM_CSV,    /* RFC 4180 */
    FORMS,       /* none of them is acceptable */
};

extern const char *const form_types[FORMS];

/* The best form for this value of Accept; data NULL or empty: JSON. Of several that are equally
 * good, the first. A browser's text/html gets JSON. */
enum form form_choose(struct reel_str accept);

/* "-csv", for an ETag; empty for JSON. */
const char *form_suffix(enum form form);

#endif
