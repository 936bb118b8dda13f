/* checks.h: checks of the sink's settings. Each is a `check` of struct reel_setting (sink.h). */
#ifndef REEL_SINKS_HTTP_CHECKS_H
#define REEL_SINKS_HTTP_CHECKS_H

#include <reel/sink.h>

/* `*`, or an origin exactly as browsers send it (RFC 6454, section 6.2; the URL Standard's
 * serialization of hosts and ports). Origins are compared byte by byte, so any other spelling would
 * never match. */
bool check_origin(const char *value, struct reel_error *error);

/* A host as browsers send it in the header Host, in lower case, without a port. */
bool check_host(const char *value, struct reel_error *error);

#endif
