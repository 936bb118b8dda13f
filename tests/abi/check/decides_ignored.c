/* decides_ignored.c: evolve ignores what decide made. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    if (reel_str_is(event->suffix, "made")) return REEL_IGNORED;
    return fold_well(tx, event, &record);
}

static reel_verdict accept_one(struct reel_decision *decision, const struct reel_command *command) {
    reel_draft_str(reel_draft(decision, "test.things.made", command->key), "id", command->key);
    return reel_accept(decision, command->key);
}

static reel_verdict decide(struct reel_decision *decision, const struct reel_command *command) {
    return accept_one(decision, command);
}

#define PROJECTOR_EVOLVE   evolve
#define PROJECTOR_COMMANDS fixture_commands
#define PROJECTOR_DECIDE   decide
#include "../plugins/fixture.h"
