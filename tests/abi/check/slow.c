/* slow.c: some events take long. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    if (is_chosen(event)) be_busy(25);
    return fold_well(tx, event, &record);
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
