/* decide_remembers.c: decide accepts three commands, and then no more. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    return fold_well(tx, event, &record);
}

static reel_verdict accept_one(struct reel_decision *decision, const struct reel_command *command) {
    reel_draft_str(reel_draft(decision, "test.things.made", command->key), "id", command->key);
    return reel_accept(decision, command->key);
}

static reel_verdict decide(struct reel_decision *decision, const struct reel_command *command) {
    static int accepted;
    if (accepted++ < 3) return accept_one(decision, command);
    return reel_refuse(decision, REEL_CONFLICT, "conflict", "that is enough");
}

#define PROJECTOR_EVOLVE   evolve
#define PROJECTOR_COMMANDS fixture_commands
#define PROJECTOR_DECIDE   decide
#include "../plugins/fixture.h"
