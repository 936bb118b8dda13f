/* hungry.c: some events take 100 MiB. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    size_t size = (size_t)100 << 20;
    char *room = is_chosen(event) ? malloc(size) : NULL;
    for (size_t at = 0; room && at < size; at += 4096) *(volatile char *)(room + at) = 1;
    free(room);
    return fold_well(tx, event, &record);
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
