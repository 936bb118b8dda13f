/* keyed.c: a fixture whose records are keyed by the event's `subject`, whatever that is.
 *     test.keyed.v1.upsert   sets `value` to data.value
 *     test.keyed.v1.delete   deletes
 *     test.keyed.v1.spoil    changes what it can reach, then rejects: nothing of it may stay
 *     test.keyed.v1.misuse   sets a field that was not declared, and answers "applied"
 */
#include <reel/projector.h>

static const struct reel_field value = {
    .struct_size = sizeof(struct reel_field), .name = "value", .kind = REEL_FIELD_JSON};
static const struct reel_field times = {
    .struct_size = sizeof(struct reel_field), .name = "times", .kind = REEL_FIELD_INTEGER};
static const struct reel_field *const fields[] = {&value, &times, NULL};

static const char *const type_prefixes[] = {"test.keyed.v1.", NULL};

static void upsert(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record = reel_upsert(tx, event->subject);
    int64_t before = 0;
    reel_field_int(record, "times", &before);
    reel_set_json(record, "value", reel_get(event->data, "value"));
    reel_set_int(record, "times", before + 1);
}

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    if (!event->subject.data) return reel_reject(tx, "event missing subject");
    if (reel_str_is(event->suffix, "upsert")) {
        upsert(tx, event);
    } else if (reel_str_is(event->suffix, "delete")) {
        reel_delete(tx, event->subject);
    } else if (reel_str_is(event->suffix, "spoil")) {
        reel_delete(tx, reel_text("victim"));
        reel_set_int(reel_upsert(tx, reel_text("bystander")), "times", -1);
        upsert(tx, event);
        return reel_reject(tx, "spoilt on purpose");
    } else if (reel_str_is(event->suffix, "misuse")) {
        upsert(tx, event);
        reel_set_int(reel_find(tx, event->subject), "undeclared", 1);
    } else {
        return REEL_IGNORED;
    }
    return REEL_APPLIED;
}

static const struct reel_projector projector = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "keyed",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = evolve,
};
static const struct reel_projector *const projectors[] = {&projector, NULL};

REEL_PLUGIN("keyed", "1.0.0", projectors, NULL);
