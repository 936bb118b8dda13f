/* retention.h: how much of the log is kept. A bound that is 0 is none; the log is trimmed as far
 * as any of the others asks. */
#ifndef REEL_FEEDS_INTAKE_RETENTION_H
#define REEL_FEEDS_INTAKE_RETENTION_H

#include <reel/reel.h>

struct retention {
    uint64_t age_s;  /* by when an event was received */
    uint64_t bytes;  /* what the log takes in the store */
    uint64_t events; /* how many are kept */
};

/* Trims by one small step, so that writers wait only for a moment. `ret_trimmed`: how many events
 * it was; 0: nothing to do. Error codes as of reel_trim. [any thread] */
int retention_step(struct reel *reel, const struct retention *retention, uint64_t *ret_trimmed,
                   struct reel_error *error);

#endif
