/* stores_heap_address.c: writes where a block of memory lies. */
#include "faulty.h"

#include <stdio.h>

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    char text[32];
    char *block = malloc(100);
    reel_outcome outcome = fold_well(tx, event, &record);
    snprintf(text, sizeof text, "%p", (void *)block);
    free(block);
    reel_set_text(record, "state", text);
    return outcome;
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
