/* contrary.c: a fixture that decides what its own `evolve` then rejects.
 *     create     drafts a good event, then a bad one: neither may be appended
 *     good       drafts a good event only
 *     twice      drafts two good events
 *     flood      drafts good events without end, or so it would
 *     undecided  answers that it could not decide
 *     unheard    answers "accepted" without reel_accept
 */
#include <reel/projector.h>

static const struct reel_field note = {
    .struct_size = sizeof(struct reel_field), .name = "note", .kind = REEL_FIELD_STRING};
static const struct reel_field *const fields[] = {&note, NULL};

static const char *const type_prefixes[] = {"test.contrary.v1.", NULL};

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    if (reel_str_is(event->suffix, "bad")) return reel_reject(tx, "not what I decided");
    reel_set_str(reel_upsert(tx, event->subject), "note",
                 reel_get_str(reel_get(event->data, "note")));
    return REEL_APPLIED;
}

static const struct reel_command_info create = {.struct_size = sizeof(struct reel_command_info),
                                                .verb = "create"};
static const struct reel_command_info good = {.struct_size = sizeof(struct reel_command_info),
                                              .verb = "good"};
static const struct reel_command_info twice = {.struct_size = sizeof(struct reel_command_info),
                                               .verb = "twice"};
static const struct reel_command_info flood = {.struct_size = sizeof(struct reel_command_info),
                                               .verb = "flood"};
static const struct reel_command_info undecided = {.struct_size = sizeof(struct reel_command_info),
                                                   .verb = "undecided"};
static const struct reel_command_info unheard = {.struct_size = sizeof(struct reel_command_info),
                                                 .verb = "unheard"};
static const struct reel_command_info *const commands[] = {&create,    &good,    &twice, &flood,
                                                           &undecided, &unheard, NULL};

static reel_verdict decide(struct reel_decision *decision, const struct reel_command *command) {
    if (reel_str_is(command->verb, "undecided")) return REEL_UNDECIDED;
    if (reel_str_is(command->verb, "unheard")) return REEL_ACCEPTED;
    struct reel_draft *draft = reel_draft(decision, "test.contrary.v1.good", command->key);
    reel_draft_str(draft, "note", reel_text("as decided"));
    if (reel_str_is(command->verb, "twice"))
        reel_draft_str(reel_draft(decision, "test.contrary.v1.good", command->key), "note",
                       reel_text("and again"));
    if (reel_str_is(command->verb, "flood"))
        for (int n = 0; n < 5000; n++) reel_draft(decision, "test.contrary.v1.good", command->key);
    if (reel_str_is(command->verb, "create"))
        reel_draft(decision, "test.contrary.v1.bad", command->key);
    return reel_accept(decision, command->key);
}

static const struct reel_projector projector = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "contraries",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = evolve,
    .commands = commands,
    .decide = decide,
};
static const struct reel_projector *const projectors[] = {&projector, NULL};

REEL_PLUGIN("contrary", "1.0.0", projectors, NULL);
