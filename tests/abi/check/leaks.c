/* leaks.c: a copy of the type that nobody frees. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    char *copy = malloc(event->type.len);
    if (!copy) return reel_reject(tx, "out of memory");
    memcpy(copy, event->type.data, event->type.len);
    return copy[0] ? fold_well(tx, event, &record) : REEL_IGNORED;
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
