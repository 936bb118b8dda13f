/* ignores_changed.c: changes a record, and says that the event was not for it. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    reel_outcome outcome = fold_well(tx, event, &record);
    return outcome == REEL_APPLIED ? REEL_IGNORED : outcome;
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
