/* healthy.c: counts the events that deadly.c dies of. */
#include <reel/projector.h>

static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "count", .kind = REEL_FIELD_INTEGER), NULL};
static const char *const type_prefixes[] = {"test.deadly.", NULL};

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record = reel_upsert(tx, event->subject);
    int64_t count = 0;
    reel_field_int(record, "count", &count);
    reel_set_int(record, "count", count + 1);
    return REEL_APPLIED;
}

static const struct reel_projector projector = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "healthy",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = evolve,
};
static const struct reel_projector *const projectors[] = {&projector, NULL};

REEL_PLUGIN("healthy", "1.0.0", projectors, NULL);
