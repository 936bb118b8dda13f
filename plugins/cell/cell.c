/* cell.c: the projector of CellOS cell events, collection `cells`.
 *
 * The first event of a cell creates its record, whatever type it has. The cell is pending until it
 * is started, and final when it is destroyed. An event without a cellId and a specId is rejected,
 * and changes nothing. The members spec_id, run_id and formation_id are set once, by the first
 * event that has them.
 *
 * Most events of a system are cell events. So nothing is looked up before it is needed, and members
 * that only one type uses are read only for this type.
 */
#include <reel/projector.h>
#include <reel/uuid.h>

/* Indices into type_prefixes. */
enum { STARTED, DESTROYED, COMPLETED };

static const char *const type_prefixes[] = {
    [STARTED] = "dev.cellos.events.cell.lifecycle.v1.started",
    [DESTROYED] = "dev.cellos.events.cell.lifecycle.v1.destroyed",
    [COMPLETED] = "dev.cellos.events.cell.command.v1.completed",
    NULL,
};

/* ---- Folding --------------------------------------------------------------------------------- */

/* A short form of an id, for the operator's log: cut between characters. */
static struct reel_str brief(struct reel_str id) {
    enum { BRIEF_BYTES_MAX = 64 };
    if (id.len <= BRIEF_BYTES_MAX) return id;
    id.len = BRIEF_BYTES_MAX;
    while (id.len > 0 && ((unsigned char)id.data[id.len] & 0xc0) == 0x80) id.len--;
    return id;
}

static void set_state(struct reel_record *cell, const char *state) {
    reel_set_text(cell, "state", state);
    reel_set_text(cell, "status", state);
}

static struct reel_record *begin_cell(struct reel_tx *tx, struct reel_str id) {
    struct reel_record *cell = reel_upsert(tx, id);
    reel_set_str(cell, "id", id);
    set_state(cell, "pending");
    return cell;
}

/* Two members may have the formation's id; the first one that is a UUID is used. A formationId that
 * is not a UUID is ignored. */
static void fill_formation(struct reel_record *cell, struct reel_value data) {
    char id[REEL_UUID_LEN + 1];
    bool found = reel_uuid_canonical(reel_member_str(data, "formationId"), id);
    if (!found) {
        struct reel_value correlation = reel_get(data, "correlation");
        found = reel_uuid_canonical(reel_member_str(correlation, "formationId"), id);
    }
    if (found) reel_set_str(cell, "formation_id", (struct reel_str){id, REEL_UUID_LEN});
}

static void fill_gaps(struct reel_record *cell, struct reel_value data, struct reel_str spec) {
    if (reel_field_str(cell, "spec_id").len == 0) reel_set_str(cell, "spec_id", spec);
    if (!reel_field_str(cell, "run_id").data) {
        struct reel_str run = reel_member_str(data, "runId");
        if (run.data) reel_set_str(cell, "run_id", run);
    }
    if (!reel_field_str(cell, "formation_id").data) fill_formation(cell, data);
}

/* The low 32 bits, signed, as in the reference implementation's record. Written out, because the
 * result of a cast would depend on the compiler. */
static int64_t low_32_bits(int64_t value) {
    int64_t low = (int64_t)((uint64_t)value & UINT32_MAX);
    return low > INT32_MAX ? low - (INT64_C(1) << 32) : low;
}

static void advance(struct reel_record *cell, const struct reel_event *event) {
    if (event->prefix == STARTED) {
        set_state(cell, "running");
        reel_set_str(cell, "started_at", event->time);
    } else if (event->prefix == DESTROYED) {
        set_state(cell, "destroyed");
        reel_set_str(cell, "destroyed_at", event->time);
        reel_set_str(cell, "outcome", reel_member_str(event->data, "outcome"));
    } else {
        int64_t code;
        if (reel_get_int(reel_get(event->data, "exitCode"), &code))
            reel_set_int(cell, "exit_code", low_32_bits(code));
    }
}

static reel_outcome cell_evolve(struct reel_tx *tx, const struct reel_event *event) {
    if (event->suffix.len > 0) return REEL_IGNORED; /* the declared prefixes are complete types */
    struct reel_str id = reel_member_str(event->data, "cellId");
    if (!id.data) return REEL_IGNORED;
    struct reel_str spec = reel_member_str(event->data, "specId");
    if (!spec.data) {
        reel_warn(tx, "cell %.*s: event without a specId ignored", REEL_FMT(brief(id)));
        return REEL_IGNORED;
    }

    struct reel_record *cell = reel_find(tx, id);
    if (cell && reel_str_is(reel_field_str(cell, "state"), "destroyed")) {
        reel_warn(tx, "cell %.*s: event after it was destroyed changes nothing",
                  REEL_FMT(brief(id)));
        return REEL_APPLIED;
    }
    if (!cell) cell = begin_cell(tx, id);
    fill_gaps(cell, event->data, spec);
    advance(cell, event);
    return REEL_APPLIED;
}

/* ---- The declaration ------------------------------------------------------------------------- */

static const char *const states[] = {"pending", "running", "destroyed", NULL};

static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "id", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "spec_id", .kind = REEL_FIELD_STRING, .flags = REEL_FIELD_INDEXED),
    REEL_FIELD(.name = "run_id", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "state", .kind = REEL_FIELD_ONE_OF, .values = states,
               .flags = REEL_FIELD_ANY_CASE | REEL_FIELD_INDEXED),
    REEL_FIELD(.name = "status", .kind = REEL_FIELD_ONE_OF, .values = states),
    REEL_FIELD(.name = "formation_id", .kind = REEL_FIELD_STRING, .filter = "formation",
               .refers_to = "formations", .flags = REEL_FIELD_INDEXED),
    REEL_FIELD(.name = "started_at", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "destroyed_at", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "outcome", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "exit_code", .kind = REEL_FIELD_INTEGER),
    NULL,
};

#define ID_MEMBERS                                                                                 \
    REEL_MEMBER(.name = "cellId", .kind = REEL_MEMBER_STRING, .flags = REEL_MEMBER_REQUIRED),      \
        REEL_MEMBER(.name = "specId", .kind = REEL_MEMBER_STRING, .flags = REEL_MEMBER_REQUIRED),  \
        REEL_MEMBER(.name = "runId", .kind = REEL_MEMBER_STRING),                                  \
        REEL_MEMBER(.name = "formationId", .kind = REEL_MEMBER_STRING, .summary = "A UUID"),       \
        REEL_MEMBER(.name = "correlation", .kind = REEL_MEMBER_OBJECT,                             \
                    .members = correlation_members)

static const struct reel_member *const correlation_members[] = {
    REEL_MEMBER(.name = "formationId", .kind = REEL_MEMBER_STRING, .summary = "A UUID"),
    NULL,
};
static const struct reel_member *const started_members[] = {ID_MEMBERS, NULL};
static const struct reel_member *const destroyed_members[] = {
    ID_MEMBERS,
    REEL_MEMBER(.name = "outcome", .kind = REEL_MEMBER_STRING),
    NULL,
};
static const struct reel_member *const completed_members[] = {
    ID_MEMBERS,
    REEL_MEMBER(.name = "exitCode", .kind = REEL_MEMBER_INTEGER,
                .summary = "The record has the low 32 bits, signed"),
    NULL,
};

#define EXAMPLE_IDS "\"cellId\":\"cell-1\",\"specId\":\"spec-1\",\"runId\":\"run-1\""

static const struct reel_event_info *const events[] = {
    REEL_EVENT(.type = "dev.cellos.events.cell.lifecycle.v1.started",
               .summary = "A cell was started", .members = started_members,
               .example =
                   "{" EXAMPLE_IDS ",\"formationId\":\"5f0c4a4e-8d3b-4d0e-9f5a-0c6d1b7e2a01\"}"),
    REEL_EVENT(.type = "dev.cellos.events.cell.lifecycle.v1.destroyed",
               .summary = "A cell was destroyed: its record is final", .members = destroyed_members,
               .example = "{" EXAMPLE_IDS ",\"outcome\":\"succeeded\"}"),
    REEL_EVENT(.type = "dev.cellos.events.cell.command.v1.completed",
               .summary = "The command of a cell has ended", .members = completed_members,
               .example = "{" EXAMPLE_IDS ",\"exitCode\":0}"),
    NULL,
};

static const struct reel_projector cells = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "cells",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = cell_evolve,
    .events = events,
};

static const struct reel_projector *const projectors[] = {&cells, NULL};

REEL_PLUGIN("cell", "1.0.0", projectors, NULL);
