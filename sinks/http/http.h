/* http.h: the HTTP sink. */
#ifndef REEL_SINKS_HTTP_HTTP_H
#define REEL_SINKS_HTTP_HTTP_H

#include <reel/sink.h>

extern const struct reel_sink http_sink;

#endif
