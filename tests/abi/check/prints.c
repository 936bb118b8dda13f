/* prints.c: evolve writes to standard output. */
#include "faulty.h"

#include <stdio.h>

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    printf("%.*s\n", REEL_FMT(event->type));
    return fold_well(tx, event, &record);
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
