/* sets_undeclared.c: sets a field that it did not declare. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    reel_outcome outcome = fold_well(tx, event, &record);
    reel_set_text(record, "mood", "up");
    return outcome;
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
