/* stores_address.c: writes where something lies in memory. */
#include "faulty.h"

#include <stdio.h>

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    static const char here;
    char text[32];
    reel_outcome outcome = fold_well(tx, event, &record);
    snprintf(text, sizeof text, "%p", (const void *)&here);
    reel_set_text(record, "state", text);
    return outcome;
}

/* As a word of the check's own, which must not be taken for that. */
#define PROJECTOR_COLLECTION "seed"
#define PROJECTOR_EVOLVE     evolve
#include "../plugins/fixture.h"
