/* queried.c: a fixture with fields of all kinds, for queries. Records are keyed by the event's
 * `subject`.
 *     test.queried.v1.set      sets each field to the member of `data` with its name, or to null
 *     test.queried.v1.delete   deletes
 * With -DPLAIN no field is indexed: the fold is the same.
 */
#include <reel/projector.h>

#ifdef PLAIN
#define INDEXED 0
#else
#define INDEXED REEL_FIELD_INDEXED
#endif

static const char *const values[] = {"alpha", "Beta", "gamma ray", "", NULL};

static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "text", .kind = REEL_FIELD_STRING, .flags = INDEXED),
    REEL_FIELD(.name = "any", .kind = REEL_FIELD_STRING, .flags = REEL_FIELD_ANY_CASE | INDEXED),
    REEL_FIELD(.name = "plain", .kind = REEL_FIELD_STRING),
    REEL_FIELD(.name = "whole", .kind = REEL_FIELD_INTEGER, .flags = INDEXED),
    REEL_FIELD(.name = "limit", .kind = REEL_FIELD_INTEGER),
    REEL_FIELD(.name = "number", .kind = REEL_FIELD_NUMBER, .flags = INDEXED),
    REEL_FIELD(.name = "state", .kind = REEL_FIELD_ONE_OF, .values = values,
               .flags = REEL_FIELD_ANY_CASE | INDEXED),
    REEL_FIELD(.name = "on", .kind = REEL_FIELD_BOOL, .flags = INDEXED),
    REEL_FIELD(.name = "off", .kind = REEL_FIELD_BOOL),
    REEL_FIELD(.name = "json", .kind = REEL_FIELD_JSON),
    NULL};

static void set_field(struct reel_record *record, const struct reel_field *field,
                      struct reel_value value) {
    int64_t whole;
    double number;
    bool is;
    reel_set_null(record, field->name);
    if (field->kind == REEL_FIELD_JSON) reel_set_json(record, field->name, value);
    if (field->kind == REEL_FIELD_STRING || field->kind == REEL_FIELD_ONE_OF)
        reel_set_str(record, field->name, reel_get_str(value));
    if (field->kind == REEL_FIELD_INTEGER && reel_get_int(value, &whole))
        reel_set_int(record, field->name, whole);
    if (field->kind == REEL_FIELD_NUMBER && reel_get_number(value, &number))
        reel_set_number(record, field->name, number);
    if (field->kind == REEL_FIELD_BOOL && reel_get_bool(value, &is))
        reel_set_bool(record, field->name, is);
}

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    if (!event->subject.data) return reel_reject(tx, "event missing subject");
    if (reel_str_is(event->suffix, "delete")) {
        reel_delete(tx, event->subject);
        return REEL_APPLIED;
    }
    struct reel_record *record = reel_upsert(tx, event->subject);
    for (const struct reel_field *const *field = fields; *field; field++)
        set_field(record, *field, reel_get(event->data, (*field)->name));
    return REEL_APPLIED;
}

static const char *const type_prefixes[] = {"test.queried.v1.", NULL};

static const struct reel_projector projector = {
    .struct_size = sizeof(struct reel_projector),
    .revision = 1,
    .collection = "queried",
    .type_prefixes = type_prefixes,
    .fields = fields,
    .evolve = evolve,
};
static const struct reel_projector *const projectors[] = {&projector, NULL};

REEL_PLUGIN("queried", "1.0.0", projectors, NULL);
