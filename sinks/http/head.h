/* head.h: what is checked of a request's head before anything else (RFC 9110, RFC 9112): that it
 * was read in the only possible way (framing.h), and that what may be said once is said once. */
#ifndef REEL_HTTP_HEAD_H
#define REEL_HTTP_HEAD_H

#include "request.h"

/* The request has begun: libmicrohttpd has its first line. */
void head_begin(struct request *request);

/* All headers are there. 0, or a problem is the answer. */
int head_check(struct request *request, const char *version);

/* Has something been wrong since: with the body? Then a problem is the answer, unless there was
 * one. */
void head_check_body(struct request *request);

/* After this answer the connection must be closed, as what follows on it cannot be read. */
bool head_is_last(const struct request *request);

/* Is it uri-host with an optional port, or empty (RFC 9110, section 7.2)? */
bool head_host_valid(struct reel_str host);

#endif
