/* drafts_undeclared.c: its decide drafts an event whose `size` is a string, and declares an
 * integer. */
#include "faulty.h"

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    return fold_well(tx, event, &record);
}

static reel_verdict decide(struct reel_decision *decision, const struct reel_command *command) {
    struct reel_draft *draft = reel_draft(decision, "test.things.made", command->key);
    reel_draft_str(draft, "id", command->key);
    reel_draft_str(draft, "size", reel_text("large"));
    return reel_accept(decision, command->key);
}

static const struct reel_member *const members[] = {
    REEL_MEMBER(.name = "id", .kind = REEL_MEMBER_STRING, .flags = REEL_MEMBER_REQUIRED),
    REEL_MEMBER(.name = "size", .kind = REEL_MEMBER_INTEGER),
    NULL,
};
static const struct reel_event_info *const events[] = {
    REEL_EVENT(.type = "test.things.made", .members = members), NULL};

#define PROJECTOR_EVOLVE   evolve
#define PROJECTOR_EVENTS   events
#define PROJECTOR_COMMANDS fixture_commands
#define PROJECTOR_DECIDE   decide
#include "../plugins/fixture.h"
