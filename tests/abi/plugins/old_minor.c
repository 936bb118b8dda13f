/* old_minor.c: a plugin built against ABI 1.0 (old/), whose struct reel_projector ends after
 * `evolve`. Where 1.1 has its next members lies something that must not be read: a host that
 * takes it for `canonical_key`, `commands` or `decide` crashes.
 *
 * It folds `test.films.*` into `films`, and uses everything that 1.0 had for that.
 */
#include <reel/projector.h>

_Static_assert(REEL_ABI_MINOR == 0, "this must be built against the headers in old/");

static reel_outcome shoot(struct reel_tx *tx, struct reel_str id, struct reel_value data) {
    struct reel_record *record = reel_upsert(tx, id);
    int64_t takes = 0;
    reel_field_int(record, "takes", &takes);
    reel_set_int(record, "takes", takes + 1);
    reel_set_str(record, "title", reel_get_str(reel_get(data, "title")));
    reel_set_json(record, "cast", reel_get(data, "cast"));
    bool colour;
    if (reel_get_bool(reel_get(data, "colour"), &colour)) reel_set_bool(record, "colour", colour);
    return REEL_APPLIED;
}

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_str id = reel_get_str(reel_get(event->data, "id"));
    if (!id.data) return reel_reject(tx, "event missing id");
    if (reel_str_is(event->suffix, "shot")) return shoot(tx, id, event->data);
    if (!reel_find(tx, id)) return REEL_IGNORED;
    reel_delete(tx, id);
    return REEL_APPLIED;
}

static const struct reel_field title = {
    .struct_size = sizeof title, .name = "title", .kind = REEL_FIELD_STRING};
static const struct reel_field takes = {
    .struct_size = sizeof takes, .name = "takes", .kind = REEL_FIELD_INTEGER};
static const struct reel_field colour = {
    .struct_size = sizeof colour, .name = "colour", .kind = REEL_FIELD_BOOL};
static const struct reel_field cast = {
    .struct_size = sizeof cast, .name = "cast", .kind = REEL_FIELD_JSON};
static const struct reel_field *const fields[] = {&title, &takes, &colour, &cast, NULL};

static const char *const prefixes[] = {"test.films.", NULL};

static const struct {
    struct reel_projector projector;
    uintptr_t not_to_be_read[3];
} films = {
    .projector =
        {
            .struct_size = sizeof(struct reel_projector),
            .revision = 1,
            .collection = "films",
            .type_prefixes = prefixes,
            .fields = fields,
            .evolve = evolve,
        },
    .not_to_be_read = {1, 1, 1},
};

static const struct reel_projector *const projectors[] = {&films.projector, NULL};

REEL_EXPORT const struct reel_plugin reel_plugin = {
    .header = REEL_PLUGIN_HEADER,
    .name = "old",
    .version = "1.0.0",
    .projectors = projectors,
};
