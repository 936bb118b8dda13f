/* formation.c: the projector of CellOS formation events, collection `formations`.
 *
 * A record has the request (`document`: the data of the formation's first event) and the current
 * phase (`status`). The last part of an event's type is a phase, and only this part determines the
 * status. Each event is applied in the order of the log, so no phase is final here. Only the
 * command `delete` depends on the current phase.
 *
 * The same phases occur in two families of types: the current one, and an older one in archives.
 */
#include "admission.h"

#include <reel/projector.h>
#include <reel/uuid.h>

#define COLLECTION      "formations"
#define FAMILY          "dev.cellos.events.cell.formation.v1."
#define ARCHIVED_FAMILY "io.cellos.formation.v1."

struct phase {
    const char *name;
    const char *type; /* of the events that commands make */
    const char *status;
};

#define PHASE(name, status)                                                                        \
    { name, FAMILY name, status }
#define PHASE_NAMES "created, launching, running, degraded, completed, failed, cancelled"

static const struct phase phases[] = {
    PHASE("created", "PENDING"),     PHASE("launching", "RUNNING"),   PHASE("running", "RUNNING"),
    PHASE("degraded", "RUNNING"),    PHASE("completed", "SUCCEEDED"), PHASE("failed", "FAILED"),
    PHASE("cancelled", "CANCELLED"),
};
enum { PHASES = sizeof phases / sizeof phases[0] };

/* ---- Folding --------------------------------------------------------------------------------- */

static struct reel_str first_str(struct reel_value object, const char *name,
                                 const char *otherwise) {
    struct reel_str str = reel_member_str(object, name);
    return str.data ? str : reel_member_str(object, otherwise);
}

static const struct phase *phase_named(struct reel_str name) {
    for (size_t at = 0; at < PHASES; at++)
        if (reel_str_is(name, phases[at].name)) return &phases[at];
    return NULL;
}

static struct reel_record *begin_formation(struct reel_tx *tx, struct reel_str key,
                                           struct reel_str name, struct reel_value document) {
    struct reel_record *record = reel_upsert(tx, key);
    reel_set_str(record, "id", key);
    reel_set_str(record, "name", name.data ? name : reel_text(""));
    reel_set_json(record, "document", document);
    return record;
}

/* The id is checked before the phase. An event without a valid id is rejected even if its phase is
 * unknown, so that the fault is visible. */
static reel_outcome formation_evolve(struct reel_tx *tx, const struct reel_event *event) {
    char id[REEL_UUID_LEN + 1];
    struct reel_str given = first_str(event->data, "formationId", "formation_id");
    if (!given.data) given = event->subject;
    if (!given.data) return reel_reject(tx, "event missing formationId");
    if (!reel_uuid_canonical(given, id))
        return reel_reject(tx, "event formationId not a UUID (%.*s)", REEL_FMT(given));

    const struct phase *phase = phase_named(event->suffix);
    if (!phase) return REEL_IGNORED;

    struct reel_str key = {id, REEL_UUID_LEN};
    struct reel_str name = first_str(event->data, "formationName", "name");
    struct reel_record *record = reel_find(tx, key);
    if (!record) {
        record = begin_formation(tx, key, name, event->data);
    } else if (name.len > 0) {
        reel_set_str(record, "name", name);
    }
    reel_set_text(record, "status", phase->status);
    return REEL_APPLIED;
}

static bool formation_canonical_key(struct reel_str given, struct reel_key *ret) {
    if (!reel_uuid_canonical(given, ret->scratch)) return false;
    ret->str.data = ret->scratch;
    ret->str.len = REEL_UUID_LEN;
    return true;
}

/* ---- Commands -------------------------------------------------------------------------------- */

static reel_verdict refuse_unknown(struct reel_decision *decision, struct reel_str key) {
    return reel_refuse(decision, REEL_NOT_FOUND, "not-found", "there is no formation %.*s",
                       REEL_FMT(key));
}

/* Copies the complete document, in either of its forms, so that a replay restores what was
 * submitted. Id and name follow it: of two members with the same name, the last one is used. */
static reel_verdict decide_create(struct reel_decision *decision,
                                  const struct reel_command *command) {
    struct reel_str name = {NULL, 0};
    reel_verdict verdict = admission_check(decision, command->body, &name);
    if (verdict != REEL_ACCEPTED) return verdict;
    struct reel_draft *draft = reel_draft(decision, FAMILY "created", command->key);
    reel_draft_members(draft, command->body);
    reel_draft_str(draft, "formationId", command->key);
    reel_draft_str(draft, "formationName", name);
    return reel_accept(decision, command->key);
}

static struct reel_draft *draft_phase(struct reel_decision *decision, const char *type,
                                      struct reel_str key, const struct reel_record *record) {
    struct reel_draft *draft = reel_draft(decision, type, key);
    reel_draft_str(draft, "formationId", key);
    reel_draft_str(draft, "formationName", reel_field_str(record, "name"));
    return draft;
}

static reel_verdict decide_delete(struct reel_decision *decision,
                                  const struct reel_command *command) {
    const struct reel_record *record = reel_lookup(decision, COLLECTION, command->key);
    if (!record) return refuse_unknown(decision, command->key);
    struct reel_str status = reel_field_str(record, "status");
    if (reel_str_is(status, "SUCCEEDED") || reel_str_is(status, "FAILED") ||
        reel_str_is(status, "CANCELLED"))
        return reel_refuse(decision, REEL_CONFLICT, "conflict", "formation %.*s is %.*s already",
                           REEL_FMT(command->key), REEL_FMT(status));
    draft_phase(decision, FAMILY "cancelled", command->key, record);
    return reel_accept(decision, command->key);
}

/* Compares ASCII letters without regard to case. strcasecmp would depend on the locale, and stop at
 * a NUL. */
static bool same_letters(struct reel_str given, const char *lower) {
    if (given.len != strlen(lower)) return false;
    for (size_t at = 0; at < given.len; at++) {
        char c = given.data[at];
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        if (c != lower[at]) return false;
    }
    return true;
}

static const struct phase *phase_in_any_case(struct reel_str name) {
    for (size_t at = 0; at < PHASES; at++)
        if (same_letters(name, phases[at].name)) return &phases[at];
    return NULL;
}

static reel_verdict check_failed_cells(struct reel_decision *decision, struct reel_value cells) {
    struct reel_value cell = {NULL, 0};
    reel_kind kind = reel_kind_of(cells);
    if (kind <= REEL_NULL) return REEL_ACCEPTED;
    bool good = kind == REEL_ARRAY;
    while (good && reel_kind_of(cell = reel_next(cells, cell, NULL)) != REEL_MISSING)
        good = reel_kind_of(cell) == REEL_STRING;
    if (!good)
        return reel_refuse(decision, REEL_INVALID, "bad-request",
                           "failed_cells must be a list of cell ids");
    return REEL_ACCEPTED;
}

static reel_verdict check_status_names(struct reel_decision *decision, struct reel_value body) {
    struct reel_value member = {NULL, 0};
    struct reel_str name = {NULL, 0};
    while (reel_kind_of(member = reel_next(body, member, &name)) != REEL_MISSING)
        if (!reel_str_is(name, "state") && !reel_str_is(name, "reason") &&
            !reel_str_is(name, "failed_cells"))
            return reel_refuse(decision, REEL_INVALID, "bad-request",
                               "unknown member \"%.*s\": state, reason and failed_cells are known",
                               REEL_FMT(name));
    return REEL_ACCEPTED;
}

/* Returns REEL_ACCEPTED, and the phase, if the body of a `status` command is valid; otherwise the
 * refusal. */
static reel_verdict check_status_body(struct reel_decision *decision, struct reel_value body,
                                      const struct phase **ret_phase) {
    if (reel_kind_of(body) != REEL_OBJECT)
        return reel_refuse(decision, REEL_INVALID, "bad-request", "the body must be an object");
    reel_verdict verdict = check_status_names(decision, body);
    if (verdict != REEL_ACCEPTED) return verdict;
    struct reel_str state = reel_member_str(body, "state");
    const struct phase *phase = state.data ? phase_in_any_case(state) : NULL;
    if (!phase)
        return reel_refuse(decision, REEL_INVALID, "bad-request",
                           "state must be one of " PHASE_NAMES);
    reel_kind reason = reel_kind_of(reel_get(body, "reason"));
    if (reason > REEL_NULL && reason != REEL_STRING)
        return reel_refuse(decision, REEL_INVALID, "bad-request", "reason must be a string");
    *ret_phase = phase;
    return check_failed_cells(decision, reel_get(body, "failed_cells"));
}

/* A member that is null counts as absent. */
static void draft_given(struct reel_draft *draft, struct reel_value body, const char *name) {
    struct reel_value value = reel_get(body, name);
    if (reel_kind_of(value) != REEL_NULL) reel_draft_value(draft, name, value);
}

static reel_verdict decide_status(struct reel_decision *decision,
                                  const struct reel_command *command) {
    const struct phase *phase = NULL;
    reel_verdict verdict = check_status_body(decision, command->body, &phase);
    if (verdict != REEL_ACCEPTED) return verdict;
    const struct reel_record *record = reel_lookup(decision, COLLECTION, command->key);
    if (!record) return refuse_unknown(decision, command->key);
    struct reel_draft *draft = draft_phase(decision, phase->type, command->key, record);
    draft_given(draft, command->body, "reason");
    draft_given(draft, command->body, "failed_cells");
    return reel_accept(decision, command->key);
}

/* The host calls this only for declared verbs. The body of `delete` is ignored. */
static reel_verdict formation_decide(struct reel_decision *decision,
                                     const struct reel_command *command) {
    if (reel_str_is(command->verb, "create")) return decide_create(decision, command);
    if (reel_str_is(command->verb, "delete")) return decide_delete(decision, command);
    return decide_status(decision, command);
}

/* ---- The declaration ------------------------------------------------------------------------- */

static const char *const type_prefixes[] = {FAMILY, ARCHIVED_FAMILY, NULL};

static const char *const statuses[] = {"PENDING", "RUNNING",   "SUCCEEDED",
                                       "FAILED",  "CANCELLED", NULL};

static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "id", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "name", .kind = REEL_FIELD_STRING, .flags = REEL_FIELD_IS_NAME),
    REEL_FIELD(.name = "status", .kind = REEL_FIELD_ONE_OF, .values = statuses,
               .flags = REEL_FIELD_ANY_CASE | REEL_FIELD_INDEXED),
    REEL_FIELD(.name = "document", .kind = REEL_FIELD_JSON),
    NULL,
};

static const struct reel_member *const event_members[] = {
    REEL_MEMBER(.name = "formationId", .kind = REEL_MEMBER_STRING,
                .summary = "A UUID. Without it, formation_id or the subject is used"),
    REEL_MEMBER(.name = "formation_id", .kind = REEL_MEMBER_STRING),
    REEL_MEMBER(.name = "formationName", .kind = REEL_MEMBER_STRING,
                .summary = "Without it, `name` is used"),
    REEL_MEMBER(.name = "name", .kind = REEL_MEMBER_STRING),
    NULL,
};

#define EVENT(family, phase, text)                                                                 \
    REEL_EVENT(.type = family phase, .summary = text, .members = event_members,                    \
               .example = "{\"formationId\":\"5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a01\","             \
                          "\"formationName\":\"night-run\"}")
#define EVENTS(family)                                                                             \
    EVENT(family, "created", "A formation was submitted: its data is the document"),               \
        EVENT(family, "launching", "A formation is being launched"),                               \
        EVENT(family, "running", "A formation is running"),                                        \
        EVENT(family, "degraded", "A formation is running, but some of its cells have failed"),    \
        EVENT(family, "completed", "A formation has succeeded"),                                   \
        EVENT(family, "failed", "A formation has failed"),                                         \
        EVENT(family, "cancelled", "A formation was cancelled")

static const struct reel_event_info *const events[] = {
    EVENTS(FAMILY),
    EVENTS(ARCHIVED_FAMILY),
    NULL,
};

static const struct reel_member *const member_members[] = {
    REEL_MEMBER(.name = "id", .kind = REEL_MEMBER_STRING, .flags = REEL_MEMBER_REQUIRED,
                .summary = "Unique in the formation"),
    REEL_MEMBER(.name = "authorizedBy", .kind = REEL_MEMBER_STRING,
                .summary = "The id of another member; needed, except for the coordinator"),
    NULL,
};
static const struct reel_member *const create_members[] = {
    REEL_MEMBER(.name = "name", .kind = REEL_MEMBER_STRING),
    REEL_MEMBER(.name = "coordinator", .kind = REEL_MEMBER_JSON,
                .summary = "The id of a member, or a list that has one"),
    REEL_MEMBER(.name = "members", .kind = REEL_MEMBER_LIST,
                .items = REEL_MEMBER(.kind = REEL_MEMBER_OBJECT, .flags = REEL_MEMBER_REQUIRED,
                                     .members = member_members)),
    REEL_MEMBER(.name = "apiVersion", .kind = REEL_MEMBER_STRING),
    REEL_MEMBER(.name = "kind", .kind = REEL_MEMBER_STRING,
                .summary = "`Formation`, if there is a spec"),
    REEL_MEMBER(.name = "metadata", .kind = REEL_MEMBER_OBJECT,
                .summary = "With a spec: has the name"),
    REEL_MEMBER(.name = "spec", .kind = REEL_MEMBER_OBJECT,
                .summary = "Has coordinator and members, if they are not beside it"),
    NULL,
};

static const char *const phase_names[] = {"created",   "launching", "running",   "degraded",
                                          "completed", "failed",    "cancelled", NULL};
static const struct reel_member *const status_members[] = {
    REEL_MEMBER(.name = "state", .kind = REEL_MEMBER_ONE_OF, .values = phase_names,
                .flags = REEL_MEMBER_REQUIRED, .summary = "Upper case is allowed, too"),
    REEL_MEMBER(.name = "reason", .kind = REEL_MEMBER_STRING),
    REEL_MEMBER(.name = "failed_cells", .kind = REEL_MEMBER_LIST,
                .items = REEL_MEMBER(.kind = REEL_MEMBER_STRING, .flags = REEL_MEMBER_REQUIRED),
                .summary = "Ids of cells"),
    NULL,
};

static const struct reel_command_info *const commands[] = {
    REEL_COMMAND(.verb = "create", .summary = "Submit a formation", .members = create_members,
                 .example = "{\"name\":\"night-run\",\"coordinator\":\"a\",\"members\":"
                            "[{\"id\":\"a\"},{\"id\":\"b\",\"authorizedBy\":\"a\"}]}"),
    REEL_COMMAND(.verb = "delete", .summary = "Cancel a formation that has not ended"),
    REEL_COMMAND(.verb = "status", .summary = "Report the phase that a formation has reached",
                 .members = status_members,
                 .example = "{\"state\":\"running\",\"reason\":\"all cells are up\"}"),
    NULL,
};

static const struct reel_projector formations = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = COLLECTION,
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = formation_evolve,
    .canonical_key = formation_canonical_key,
    .commands = commands,
    .decide = formation_decide,
    .events = events,
};

static const struct reel_projector *const projectors[] = {&formations, NULL};

REEL_PLUGIN("formation", "1.0.0", projectors, NULL);
