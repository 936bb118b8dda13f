/* head.h: checks of a request's head that come before all others (RFC 9110, RFC 9112): framing
 * found no fault in it (framing.h), and headers that may be given once are not given twice. */
#ifndef REEL_HTTP_HEAD_H
#define REEL_HTTP_HEAD_H

#include "request.h"

/* The request has begun: libmicrohttpd has its first line. */
void head_begin(struct request *request);

/* Was it found by framing? If not, libmicrohttpd took bytes that are not HTTP for a request, or
 * there was no memory for an inlet: the connection must be closed without an answer. */
bool head_is_readable(const struct request *request);

/* All headers are there. 0, or a problem is the answer. */
int head_check(struct request *request, const char *version);

/* Was a fault found in the body? Then a problem is the answer, unless there is an answer already.
 */
void head_check_body(struct request *request);

/* Must the connection be closed after this answer, because the bytes that follow cannot be read as
 * requests? */
bool head_is_last(const struct request *request);

/* Is it uri-host with an optional port, or empty (RFC 9110, section 7.2)? */
bool head_host_valid(struct reel_str host);

#endif
