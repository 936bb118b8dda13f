/* derives.c: a derived collection with one fault, which DERIVE_FAULT names; or with none. With
 * DERIVE_ALONE its source is not in this plugin: it is that of plugins/fixture.h. */
#include "faulty.h"

#define FAULT_none           0
#define FAULT_crashes        1
#define FAULT_remembers      2
#define FAULT_counts_changes 3
#define FAULT_sets_source    4
#define FAULT_never_applies  5
#define FAULT_OF_(word)      FAULT_##word
#define FAULT_OF(word)       FAULT_OF_(word)
#define FAULT                FAULT_OF(DERIVE_FAULT)

/* The number of things in each state. */
static void add(struct reel_tx *tx, const struct reel_record *thing, int64_t sign) {
    struct reel_str state = reel_field_str(thing, "state");
    int64_t count = 0;
    if (!state.data) return;
    struct reel_record *record = reel_upsert(tx, state);
    reel_field_int(record, "count", &count);
    reel_set_int(record, "count", count + sign);
    if (count + sign == 0) reel_delete(tx, state);
}

static reel_outcome derive(struct reel_tx *tx, const struct reel_change *change) {
    static int64_t changes;
    changes++;
    if (FAULT == FAULT_never_applies) return REEL_IGNORED;
    if (FAULT == FAULT_crashes && change->before && change->after) abort();
    if (FAULT == FAULT_sets_source && change->before)
        reel_set_null((struct reel_record *)change->before, "state");
    if (FAULT != FAULT_counts_changes) add(tx, change->before, -1);
    add(tx, change->after, 1);
    if (FAULT == FAULT_remembers) reel_set_int(reel_upsert(tx, change->key), "count", changes);
    return REEL_APPLIED;
}

static const struct reel_field *const state_fields[] = {
    REEL_FIELD(.name = "count", .kind = REEL_FIELD_INTEGER),
    NULL,
};
static const struct reel_projector states = {
    .struct_size = sizeof states,
    .flags = REEL_DERIVE_FROM_RECORDS,
    .revision = 1,
    .collection = "states",
    .fields = state_fields,
    .derives_from = "things",
    .derive = derive,
};

#ifdef DERIVE_ALONE
static const struct reel_projector *const projectors[] = {&states, NULL};
#else
static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record;
    if (!reel_str_is(event->suffix, "removed")) return fold_well(tx, event, &record);
    struct reel_str id = reel_member_str(event->data, "id");
    if (!id.data) return reel_reject(tx, "event without an id");
    reel_delete(tx, id);
    return REEL_APPLIED;
}

static const char *const prefixes[] = {"test.things.", NULL};
static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "id", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "state", .kind = REEL_FIELD_STRING),
    NULL,
};
static const struct reel_projector things = {
    .struct_size = sizeof things,
    .revision = 1,
    .collection = "things",
    .type_prefixes = prefixes,
    .fields = fields,
    .evolve = evolve,
};
static const struct reel_projector *const projectors[] = {&states, &things, NULL};
#endif

REEL_PLUGIN("derives", "1.0.0", projectors, NULL);
