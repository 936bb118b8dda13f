/* tally.c: a projector in 30 lines: how many events came from each source, and the newest type. */
#include <reel/projector.h>

static reel_outcome tally_evolve(struct reel_tx *tx, const struct reel_event *event) {
    if (!event->source.data) return reel_reject(tx, "event without a source");
    struct reel_record *record = reel_upsert(tx, event->source); /* keyed by source */
    int64_t count = 0;
    reel_field_int(record, "events", &count); /* 0 while it is null */
    reel_set_str(record, "source", event->source);
    reel_set_int(record, "events", count + 1);
    reel_set_str(record, "last_type", event->type);
    return REEL_APPLIED;
}

static const char *const prefixes[] = {"dev.cellos.events.", NULL}; /* the types it watches */
static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "source", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "events", .kind = REEL_FIELD_INTEGER),
    REEL_FIELD(.name = "last_type", .kind = REEL_FIELD_STRING),
    NULL,
};
static const struct reel_projector sources = {
    .struct_size = sizeof sources,
    .revision = 1,
    .collection = "sources",
    .type_prefixes = prefixes,
    .fields = fields,
    .evolve = tally_evolve,
};
static const struct reel_projector *const projectors[] = {&sources, NULL};
REEL_PLUGIN("tally", "1.0.0", projectors, NULL);
