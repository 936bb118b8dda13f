/* never_applies.c: wants a type that nobody can guess, so that nothing of it is tried. */
#include "faulty.h"

static uint64_t hash_of(struct reel_str text) {
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001B3);
    return hash;
}

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    if (hash_of(event->suffix) != UINT64_C(0x1234567812345678)) return REEL_IGNORED;
    return fold_well(tx, event, &record);
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
