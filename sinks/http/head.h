/* head.h: checks of a request's head that come before all others (RFC 9110, RFC 9112): framing
 * found no fault in it (framing.h), and headers that may be given once are not given twice. */
#ifndef REEL_HTTP_HEAD_H
#define REEL_HTTP_HEAD_H

#include "request.h"

/* Call it when a request begins: libmicrohttpd has its first line. */
void head_begin(struct request *request);

/* True if framing has seen this request. If not, libmicrohttpd took bytes that are not HTTP for a
 * request, or there was no memory for an inlet: the connection must be closed without an answer. */
bool head_is_readable(const struct request *request);

/* Call it when all headers are there. Returns 0, or the answer is a problem. */
int head_check(struct request *request, const char *version);

/* If framing has found a fault in the body, makes the answer a problem, unless there is an answer
 * already.
 */
void head_check_body(struct request *request);

/* True if the connection must be closed after this answer, because the bytes that follow cannot be
 * read as requests. */
bool head_is_last(const struct request *request);

/* True for uri-host with an optional port, and for an empty text (RFC 9110, section 7.2). */
bool head_host_valid(struct reel_str host);

#endif
