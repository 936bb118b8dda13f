/* opens_file.c: evolve reads a file, and closes it. */
#include "faulty.h"

#include <stdio.h>

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    FILE *file = fopen("/dev/null", "re");
    if (file) fclose(file);
    return fold_well(tx, event, &record);
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
