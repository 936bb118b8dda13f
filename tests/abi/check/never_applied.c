/* never_applied.c: declares two types, and applies events of one of them. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    if (reel_str_is(event->suffix, "lost")) return REEL_IGNORED;
    return fold_well(tx, event, &record);
}

static const struct reel_event_info *const events[] = {
    REEL_EVENT(.type = "test.things.made"), REEL_EVENT(.type = "test.things.lost"), NULL};

#define PROJECTOR_EVOLVE evolve
#define PROJECTOR_EVENTS events
#include "../plugins/fixture.h"
