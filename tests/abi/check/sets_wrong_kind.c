/* sets_wrong_kind.c: sets a string to an integer. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    reel_outcome outcome = fold_well(tx, event, &record);
    reel_set_int(record, "state", 1);
    return outcome;
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
