/* audit.c: a fixture that counts events by their type, whatever the family. Beside the projectors
 * under test it is the neighbour that must see the same events whatever becomes of theirs. */
#include <reel/projector.h>

static const struct reel_field type = {
    .struct_size = sizeof(struct reel_field), .name = "type", .kind = REEL_FIELD_STRING};
static const struct reel_field count = {
    .struct_size = sizeof(struct reel_field), .name = "count", .kind = REEL_FIELD_INTEGER};
static const struct reel_field last_id = {
    .struct_size = sizeof(struct reel_field), .name = "last_id", .kind = REEL_FIELD_STRING};
static const struct reel_field *const fields[] = {&type, &count, &last_id, NULL};

static const char *const type_prefixes[] = {"dev.cellos.", "test.", NULL};

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record = reel_upsert(tx, event->type);
    int64_t seen = 0;
    reel_field_int(record, "count", &seen);
    reel_set_str(record, "type", event->type);
    reel_set_int(record, "count", seen + 1);
    reel_set_str(record, "last_id", event->id);
    return REEL_APPLIED;
}

static const struct reel_projector projector = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "audit",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = evolve,
};
static const struct reel_projector *const projectors[] = {&projector, NULL};

REEL_PLUGIN("audit", "1.0.0", projectors, NULL);
