/* hangs_on_empty.c: never returns when data.id is empty. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    struct reel_str id = reel_member_str(event->data, "id");
    for (volatile size_t len = id.len; id.data && len == 0;) len = id.len;
    return fold_well(tx, event, &record);
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
