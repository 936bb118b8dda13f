/* uri.h: a request's target (RFC 9112, section 3.2; RFC 3986): path segments and query
 * parameters, each percent-decoded by itself, so that %2F and %00 are characters of a key. */
#ifndef REEL_SINKS_HTTP_URI_H
#define REEL_SINKS_HTTP_URI_H

#include <reel/abi.h>

#define URI_SEGMENTS_MAX 8
#define URI_PARAMS_MAX   64

struct uri_param {
    struct reel_str name, value;
};

/* What it points to lies in `space`, params first. */
struct uri {
    void *space;
    struct reel_str raw;  /* the target as it came */
    struct reel_str host; /* with the port, of a target that is a whole URI; NULL data: it is not */
    struct reel_str segments[URI_SEGMENTS_MAX]; /* "/v1/cells/" has three, the last is empty */
    size_t segment_count;
    struct uri_param *params;
    size_t param_count;
};

/* -EINVAL: a percent sign without two hex digits, or what is decoded is no UTF-8; -E2BIG: more
 * segments or parameters than there is room for; -ENOMEM. `ret` can be finished in any case. */
int uri_parse(const char *target, struct uri *ret);
void uri_finish(struct uri *uri);

/* The parameter of that name, or NULL. */
const struct uri_param *uri_param(const struct uri *uri, const char *name);

#endif
