/* bystander.c: watches what misbehaving.c watches, and does its own work: for each data.id it
 * keeps the last suffix and how many events there were. */
#include <reel/projector.h>

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_record *record = reel_upsert(tx, reel_get_str(reel_get(event->data, "id")));
    int64_t count = 0;
    reel_field_int(record, "count", &count);
    reel_set_int(record, "count", count + 1);
    reel_set_str(record, "last", event->suffix);
    return REEL_APPLIED;
}

static const struct reel_field last = {
    .struct_size = sizeof last, .name = "last", .kind = REEL_FIELD_STRING};
static const struct reel_field count = {
    .struct_size = sizeof count, .name = "count", .kind = REEL_FIELD_INTEGER};
static const struct reel_field *const fields[] = {&last, &count, NULL};

static const char *const prefixes[] = {"test.stumbles.", NULL};

static const struct reel_projector bystanders = {
    .struct_size = sizeof bystanders,
    .revision = 1,
    .collection = "bystanders",
    .type_prefixes = prefixes,
    .fields = fields,
    .evolve = evolve,
};
static const struct reel_projector *const projectors[] = {&bystanders, NULL};

REEL_PLUGIN("bystander", "1.0.0", projectors, NULL);
