/* hides.c: ends in a trap for a type that nobody can guess; its author has an event of it. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    uint32_t hash = 0;
    for (size_t at = 0; at < event->suffix.len; at++)
        hash = hash * 31 + (unsigned char)event->suffix.data[at];
    if (hash == UINT32_C(0x1bae624c)) __builtin_trap();
    return fold_well(tx, event, &record);
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
