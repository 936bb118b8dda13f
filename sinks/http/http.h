/* http.h: the HTTP sink. */
#ifndef REEL_HTTP_H
#define REEL_HTTP_H

#include <reel/sink.h>

extern const struct reel_sink http_sink;

#endif
