/* since.h: `since` and `epoch`: the position in the log at which a request begins. For pages of
 * events and for followers. */
#ifndef REEL_HTTP_SINCE_H
#define REEL_HTTP_SINCE_H

#include "request.h"

/* Checks that `epoch`, if it is given, is the epoch of the log, and that the log still has the
 * events after `since`. If not, the answer is a problem. */
bool since_check(struct request *request, const struct reel_position *position, uint64_t since);

/* Checks only the epoch. */
bool since_check_epoch(struct request *request, const struct reel_position *position);

/* Checks that the log is known to reach `since`. This event may be above the view's head, if it has
 * not arrived yet. If not, the answer is a problem. */
bool since_is_known(struct request *request, uint64_t since);

#endif
