/* large_structs.c: a plugin whose projector has more members than this host knows. The host must
 * leave them out: a host that reads them as members of its own crashes.
 *
 * It folds `test.films.*` into `films`.
 */
#include <reel/projector.h>

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
    uintptr_t unknown[3];
} films = {
    .projector =
        {
            .struct_size = sizeof films,
            .revision = 1,
            .collection = "films",
            .type_prefixes = prefixes,
            .fields = fields,
            .evolve = evolve,
        },
    .unknown = {1, 1, 1},
};

static const struct reel_projector *const projectors[] = {&films.projector, NULL};

REEL_PLUGIN("large", "1.0.0", projectors, NULL);
