/* kept.h: answers that are kept, to be sent again.
 *
 * Clients that poll ask for the same again and again, and as long as nothing is committed the
 * answer to the same target is the same to a byte. Then it is sent again instead of being made. It
 * is kept under its target, the newest commit, and whether a browser asks (Origin): so no one need
 * say when it is outdated.
 *
 * Kept is what is asked for a second time, in a fixed number of places; another answer that comes
 * to the same place takes it. So they take at most KEPT_PLACES times KEPT_BYTES_MAX, and their
 * targets, beside http_memory_bytes_max; to whom one is being sent, it counts as an answer of its
 * own: a slow client may be the last to have it.
 *
 * [any thread]
 */
#ifndef REEL_SINKS_HTTP_KEPT_H
#define REEL_SINKS_HTTP_KEPT_H

#include "request.h"

#define KEPT_PLACES    64
#define KEPT_BYTES_MAX ((size_t)64 << 10) /* that a body takes */

/* Answers the request with what is kept: 200; or false: then it is to be made, and may be kept when
 * it is sent. Whoever has an answer already (If-None-Match) is not asked about here. */
bool kept_find(struct request *request);

/* What is kept to be sent, NULL: it is to be made; and the bytes that its body takes. Both take
 * NULL. */
struct MHD_Response *kept_response(const struct kept *kept);
size_t kept_bytes(const struct kept *kept);

/* Keeps the response that was made, whose body takes so many bytes, and owns it then; or false,
 * with one that is too long, and with NULL. */
bool kept_put(struct kept *kept, struct MHD_Response *response, size_t bytes);

/* Lets go of what kept_find left in the answer; the response lives while it is being sent. Takes
 * NULL. */
void kept_release(struct kept *kept);

/* Before the first request, and after the last; finishing what was not started does nothing. */
int kept_start(struct server *server, struct reel_error *error);
void kept_finish(struct server *server);

#endif
