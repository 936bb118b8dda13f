/* reads_clock.c: evolve asks what time it is, if only to look away. */
#include "faulty.h"

#include <time.h>

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    if (time(NULL) < 0) return reel_reject(tx, "before its time");
    return fold_well(tx, event, &record);
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
