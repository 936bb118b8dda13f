/* own_names.c: exports functions that a library of the host and libc have, too, and calls them. */
#include <reel/projector.h>

#include <stdlib.h>

REEL_EXPORT const char *json_string_value(const void *of); /* libjansson's */
REEL_EXPORT const char *json_string_value(const void *of) {
    return of ? "mine" : "none";
}

REEL_EXPORT char *l64a(long number) { /* libc's */
    static char own[] = "own";
    return number ? own : NULL;
}

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_str id = reel_member_str(event->data, "id");
    struct reel_record *record = reel_upsert(tx, id);
    reel_set_text(record, "id", json_string_value(&id));
    reel_set_text(record, "state", l64a(12345));
    return REEL_APPLIED;
}

#define PROJECTOR_EVOLVE evolve
#include "fixture.h"
