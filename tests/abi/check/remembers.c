/* remembers.c: a variable outside of the records counts the events. */
#include "faulty.h"

#include <stdio.h>

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    static int64_t events;
    char text[32];
    reel_outcome outcome = fold_well(tx, event, &record);
    snprintf(text, sizeof text, "%lld events", (long long)++events);
    reel_set_text(record, "state", text);
    return outcome;
}

#define PROJECTOR_EVOLVE evolve
#include "../plugins/fixture.h"
