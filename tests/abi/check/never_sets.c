/* never_sets.c: declares a field that it never sets. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_str id = reel_member_str(event->data, "id");
    if (!id.data) return reel_reject(tx, "event without an id");
    reel_set_str(reel_upsert(tx, id), "id", id);
    return REEL_APPLIED;
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
