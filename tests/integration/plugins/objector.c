/* objector.c: a fixture that rejects whatever `contrary` decides, for a reason of its own. */
#include <reel/projector.h>

static const struct reel_field note = {
    .struct_size = sizeof(struct reel_field), .name = "note", .kind = REEL_FIELD_STRING};
static const struct reel_field *const fields[] = {&note, NULL};

static const char *const type_prefixes[] = {"test.contrary.v1.", NULL};

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    (void)event;
    return reel_reject(tx, "somebody else's objection");
}

static const struct reel_projector projector = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "objections",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = evolve,
};
static const struct reel_projector *const projectors[] = {&projector, NULL};

REEL_PLUGIN("objector", "1.0.0", projectors, NULL);
