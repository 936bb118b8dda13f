/* retention.h: how much of the log is kept. A limit of 0 is no limit. The log is trimmed as far as
 * any of the limits asks for. */
#ifndef REEL_FEEDS_INTAKE_RETENTION_H
#define REEL_FEEDS_INTAKE_RETENTION_H

#include <reel/reel.h>

struct retention {
    uint64_t age_s;  /* oldest age of an event, by the time when it was received */
    uint64_t bytes;  /* most bytes of the log in the store */
    uint64_t events; /* most events */
};

/* Trims by one small step, so that writers wait only for a moment. `ret_trimmed`: the number of
 * removed events; 0: there was nothing to do. Error codes as of reel_trim. [any thread] */
int retention_step(struct reel *reel, const struct retention *retention, uint64_t *ret_trimmed,
                   struct reel_error *error);

#endif
