/* crashes_on_length.c: ends in a trap when data.id is longer than it thought. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    if (reel_member_str(event->data, "id").len > 100000) __builtin_trap();
    return fold_well(tx, event, &record);
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
