/* crashes_on_kind.c: ends in a trap when data.id is a list. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    if (reel_kind_of(reel_get(event->data, "id")) == REEL_ARRAY) __builtin_trap();
    return fold_well(tx, event, &record);
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
