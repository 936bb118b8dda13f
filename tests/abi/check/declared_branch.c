/* declared_branch.c: its fault is in one branch, behind two members that must have one of their
 * declared values each: the mode BRANCH_WORD, and the fourth colour. The values are compared by
 * their hashes, so that no text and no number in the code tells what they are. With BRANCH_COMMAND,
 * the branch is in `decide`.
 */
#include "faulty.h"

#define QUOTE_(word) #word
#define QUOTE(word)  QUOTE_(word)

static const char *const modes[] = {QUOTE(BRANCH_WORD), "by sea", "by air", "by rail", NULL};
static const char *const colours[] = {"ochre", "teal", "puce", "taupe", "mauve", NULL};

static uint64_t hash(struct reel_str str) {
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < str.len; i++)
        sum = (sum ^ (unsigned char)str.data[i]) * UINT64_C(0x100000001b3);
    return sum;
}

/* Not known when this is compiled. */
static const volatile int first = 0, fourth = 3;

static bool is_faulty(struct reel_value data) {
    return hash(reel_member_str(data, "mode")) == hash(reel_text(modes[first])) &&
           hash(reel_member_str(reel_get(data, "paint"), "colour")) ==
               hash(reel_text(colours[fourth]));
}

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    reel_outcome outcome = fold_well(tx, event, &record);
#ifndef BRANCH_COMMAND
    if (record && is_faulty(event->data)) reel_set_text(record, "undeclared", "x");
#endif
    return outcome;
}

static reel_verdict decide(struct reel_decision *decision, const struct reel_command *command) {
    reel_draft_str(reel_draft(decision, "test.things.made", command->key), "id", command->key);
#ifdef BRANCH_COMMAND
    if (is_faulty(command->body)) return REEL_ACCEPTED; /* without reel_accept */
#endif
    return reel_accept(decision, command->key);
}

static const struct reel_member *const paint_members[] = {
    REEL_MEMBER(.name = "colour", .kind = REEL_MEMBER_ONE_OF, .values = colours),
    NULL,
};

#define SHAPE                                                                                      \
    REEL_MEMBER(.name = "mode", .kind = REEL_MEMBER_ONE_OF, .values = modes),                      \
        REEL_MEMBER(.name = "paint", .kind = REEL_MEMBER_OBJECT, .members = paint_members)

static const struct reel_member *const members[] = {
    REEL_MEMBER(.name = "id", .kind = REEL_MEMBER_STRING, .flags = REEL_MEMBER_REQUIRED), SHAPE,
    NULL};
static const struct reel_member *const body[] = {SHAPE, NULL};

static const struct reel_event_info *const events[] = {
    REEL_EVENT(.type = "test.things.made", .members = members), NULL};
static const struct reel_command_info *const commands[] = {
    REEL_COMMAND(.verb = "create", .members = body), NULL};

#define PROJECTOR_EVOLVE   evolve
#define PROJECTOR_EVENTS   events
#define PROJECTOR_COMMANDS commands
#define PROJECTOR_DECIDE   decide
#include "../plugins/fixture.h"
