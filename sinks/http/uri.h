/* uri.h: the target of a request (RFC 9112, section 3.2; RFC 3986): segments of the path and
 * parameters of the query. Each is percent-decoded on its own, so a key may contain %2F and %00. */
#ifndef REEL_SINKS_HTTP_URI_H
#define REEL_SINKS_HTTP_URI_H

#include <reel/abi.h>

#define URI_SEGMENTS_MAX 8
#define URI_PARAMS_MAX   64

struct uri_param {
    struct reel_str name, value;
};

/* Everything that it points to is in `space`, the parameters first. */
struct uri {
    void *space;
    struct reel_str raw;  /* the target as received */
    struct reel_str host; /* host and port, if the target is a whole URI; otherwise NULL data */
    struct reel_str segments[URI_SEGMENTS_MAX]; /* "/v1/cells/" has three; the last one is empty */
    size_t segment_count;
    struct uri_param *params;
    size_t param_count;
};

/* -EINVAL: a percent sign without two hexadecimal digits, or decoded text that is not UTF-8;
 * -E2BIG: too many segments or parameters; -ENOMEM. `ret` can be finished in any case. */
int uri_parse(const char *target, struct uri *ret);
void uri_finish(struct uri *uri);

/* The parameter with this name, or NULL. */
const struct uri_param *uri_param(const struct uri *uri, const char *name);
/* Its value; NULL data: it is not there. */
struct reel_str uri_value(const struct uri *uri, const char *name);

/* True if the name is one of these, NULL-terminated: the parameters that a route has. */
bool uri_is_among(const char *const *names, struct reel_str name);

#endif
