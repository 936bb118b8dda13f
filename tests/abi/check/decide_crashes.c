/* decide_crashes.c: decide takes for granted that the body has a note. */
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
    struct reel_str note = reel_member_str(command->body, "note");
    if (*(const volatile char *)note.data == '#')
        return reel_refuse(decision, REEL_INVALID, "bad-request", "no notes with #");
    return accept_one(decision, command);
}

#define PROJECTOR_EVOLVE   evolve
#define PROJECTOR_COMMANDS fixture_commands
#define PROJECTOR_DECIDE   decide
#include "../plugins/fixture.h"
