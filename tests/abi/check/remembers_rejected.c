/* remembers_rejected.c: what was rejected shows in the records of later events. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    static bool is_suspicious;
    reel_outcome outcome = fold_well(tx, event, &record);
    if (outcome == REEL_REJECTED) is_suspicious = true;
    if (is_suspicious) reel_set_text(record, "state", "suspicious");
    return outcome;
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
