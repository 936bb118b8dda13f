/* crashes_on_missing.c: takes for granted that data.id is there. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    struct reel_str id = reel_member_str(event->data, "id");
    if (*(const volatile char *)id.data == '#') return REEL_IGNORED;
    return fold_well(tx, event, &record);
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
