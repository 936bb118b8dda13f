/* since.h: `since` and `epoch`: where in the log a request wants to begin. The same for pages of
 * events and for those who follow them. */
#ifndef REEL_HTTP_SINCE_H
#define REEL_HTTP_SINCE_H

#include "request.h"

/* `epoch`, if it was given, is ours; and the log still has what follows `since`. Else a problem is
 * the answer. */
bool since_check(struct request *request, const struct reel_position *position, uint64_t since);

/* Is the log known to reach `since`, even if that is beyond the view's head, and on its way? Else a
 * problem is the answer. */
bool since_is_known(struct request *request, uint64_t since);

#endif
