/* reasons.h: what a reason for a rejection is called. */
#ifndef REEL_HTTP_ROUTES_REASONS_H
#define REEL_HTTP_ROUTES_REASONS_H

#include <reel/abi.h>

/* The kind of a reason: its text up to the first ": " or " (", behind which stands what differs
 * from event to event. */
struct reel_str reason_kind(struct reel_str reason);

#endif
