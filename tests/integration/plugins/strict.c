/* strict.c: parcels, whose events are declared; and `seen`, which counts the same events and
 * declares nothing. With -DLENIENT the declarations are the same, but not strict.
 *     test.parcels.v1.sent     makes a parcel; must be as declared
 *     test.parcels.v1.opened   declared, but never strict
 */
#include <reel/projector.h>

#define SENT   "test.parcels.v1.sent"
#define OPENED "test.parcels.v1.opened"

#ifdef LENIENT
#define STRICT   0
#define REVISION 1
#else
#define STRICT   REEL_EVENT_STRICT
#define REVISION 2
#endif

static reel_outcome parcel_evolve(struct reel_tx *tx, const struct reel_event *event) {
    if (!event->subject.data) return reel_reject(tx, "parcel without a subject");
    reel_set_str(reel_upsert(tx, event->subject), "state", event->suffix);
    return REEL_APPLIED;
}

static reel_outcome seen_evolve(struct reel_tx *tx, const struct reel_event *event) {
    reel_set_str(reel_upsert(tx, event->id), "type", event->type);
    return REEL_APPLIED;
}

/* Drafts what the client sends, whether it fits or not. */
static reel_verdict parcel_decide(struct reel_decision *decision,
                                  const struct reel_command *command) {
    struct reel_draft *draft = reel_draft(decision, SENT, command->key);
    reel_draft_members(draft, command->body);
    return reel_accept(decision, command->key);
}

static const char *const speeds[] = {"slow", "fast", NULL};
static const struct reel_member *const items_members[] = {
    REEL_MEMBER(.name = "weight", .kind = REEL_MEMBER_NUMBER, .flags = REEL_MEMBER_REQUIRED),
    NULL,
};
static const struct reel_member *const sent_members[] = {
    REEL_MEMBER(.name = "speed", .kind = REEL_MEMBER_ONE_OF, .values = speeds,
                .flags = REEL_MEMBER_REQUIRED, .summary = "How it travels"),
    REEL_MEMBER(.name = "at", .kind = REEL_MEMBER_TIME),
    REEL_MEMBER(.name = "items", .kind = REEL_MEMBER_LIST,
                .items = REEL_MEMBER(.kind = REEL_MEMBER_OBJECT, .members = items_members)),
    NULL,
};
static const struct reel_event_info *const parcel_events[] = {
    REEL_EVENT(.type = SENT, .flags = STRICT | REEL_EVENT_SUBJECT, .summary = "A parcel was sent",
               .members = sent_members,
               .example = "{\"speed\":\"fast\",\"items\":[{\"weight\":0.5}]}"),
    REEL_EVENT(.type = OPENED, .flags = REEL_EVENT_SUBJECT),
    NULL,
};
static const struct reel_command_info *const parcel_commands[] = {
    REEL_COMMAND(.verb = "create", .summary = "Send a parcel", .members = sent_members,
                 .example = "{\"speed\":\"slow\"}"),
    NULL,
};

static const char *const prefixes[] = {"test.parcels.v1.", NULL};
static const struct reel_field *const parcel_fields[] = {
    REEL_FIELD(.name = "state", .kind = REEL_FIELD_STRING), NULL};
static const struct reel_field *const seen_fields[] = {
    REEL_FIELD(.name = "type", .kind = REEL_FIELD_STRING), NULL};

static const struct reel_projector parcels = {
    .struct_size = sizeof parcels,
    .revision = REVISION,
    .collection = "parcels",
    .type_prefixes = prefixes,
    .fields = parcel_fields,
    .evolve = parcel_evolve,
    .commands = parcel_commands,
    .decide = parcel_decide,
    .events = parcel_events,
};
static const struct reel_projector seen = {
    .struct_size = sizeof seen,
    .revision = 1,
    .collection = "seen",
    .type_prefixes = prefixes,
    .fields = seen_fields,
    .evolve = seen_evolve,
};
static const struct reel_projector *const projectors[] = {&parcels, &seen, NULL};

REEL_PLUGIN("strict", "1.0.0", projectors, NULL);
