/* answers_nonsense.c: answers what is no outcome. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    reel_outcome outcome = fold_well(tx, event, &record);
    return outcome == REEL_APPLIED ? 77 : outcome;
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
