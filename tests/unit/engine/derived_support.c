/* derived_support.c: see derived_support.h. */
#include "unit.h"

#include "derived_support.h"

#include <reel/projector.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct text derived_seen;
static const struct reel_value missing;

/* ---- items ----------------------------------------------------------------------------------- */

static void carry_out(struct reel_tx *tx, struct reel_value op) {
    int64_t value = 0;
    struct reel_value key = reel_next(op, missing, NULL), group = reel_next(op, key, NULL);
    if (!group.json) {
        reel_delete(tx, reel_get_str(key));
        return;
    }
    must(reel_get_int(reel_next(op, group, NULL), &value));
    struct reel_record *record = reel_upsert(tx, reel_get_str(key));
    reel_set_str(record, "group", reel_get_str(group));
    reel_set_int(record, "value", value);
}

static reel_outcome items_evolve(struct reel_tx *tx, const struct reel_event *event) {
    struct reel_value ops = reel_get(event->data, "ops"), op = missing;
    while ((op = reel_next(ops, op, NULL)).json) carry_out(tx, op);
    return reel_get(event->data, "bad").json ? reel_reject(tx, "it is bad") : REEL_APPLIED;
}

/* ---- Derived --------------------------------------------------------------------------------- */

static void add(struct reel_record *record, const char *field, int64_t by) {
    int64_t sum = 0;
    reel_field_int(record, field, &sum);
    reel_set_int(record, field, sum + by);
}

static void add_item(struct reel_tx *tx, const struct reel_record *item, int sign) {
    int64_t value = 0, count = 0;
    if (!item) return;
    struct reel_str group = reel_field_str(item, "group");
    struct reel_record *total = reel_upsert(tx, group);
    reel_field_int(item, "value", &value);
    add(total, "count", sign);
    add(total, "sum", sign * value);
    if (reel_field_int(total, "count", &count) && count == 0) reel_delete(tx, group);
}

static reel_outcome totals_derive(struct reel_tx *tx, const struct reel_change *change) {
    add_item(tx, change->before, -1);
    add_item(tx, change->after, 1);
    return REEL_APPLIED;
}

static void add_strictly(struct reel_tx *tx, const struct reel_record *item, int sign) {
    int64_t value = 0;
    if (!item) return;
    reel_field_int(item, "value", &value);
    add(reel_upsert(tx, reel_field_str(item, "group")), "sum", sign * value);
}

static reel_outcome strict_derive(struct reel_tx *tx, const struct reel_change *change) {
    int64_t value = 0;
    add_strictly(tx, change->before, -1);
    add_strictly(tx, change->after, 1);
    if (reel_field_int(change->after, "value", &value) && value == 13)
        return reel_reject(tx, "%.*s is 13", REEL_FMT(change->key));
    return REEL_APPLIED;
}

static void add_size(struct reel_tx *tx, const struct reel_record *total, int by) {
    int64_t count = 0, groups = 0;
    char key[32];
    if (!total) return;
    reel_field_int(total, "count", &count);
    snprintf(key, sizeof key, "%" PRId64, count);
    struct reel_record *size = reel_upsert(tx, reel_text(key));
    add(size, "groups", by);
    if (reel_field_int(size, "groups", &groups) && groups == 0) reel_delete(tx, reel_text(key));
}

static reel_outcome sizes_derive(struct reel_tx *tx, const struct reel_change *change) {
    add_size(tx, change->before, -1);
    add_size(tx, change->after, 1);
    return REEL_APPLIED;
}

static void see(const struct reel_record *item) {
    if (item)
        text_append_str(&derived_seen, reel_field_json(item, "value"));
    else
        text_append_lit(&derived_seen, "-");
}

static reel_outcome seen_derive(struct reel_tx *tx, const struct reel_change *change) {
    char seq[32];
    (void)tx;
    text_append_str(&derived_seen, change->key);
    text_append_lit(&derived_seen, ":");
    see(change->before);
    text_append_lit(&derived_seen, ">");
    see(change->after);
    snprintf(seq, sizeof seq, "@%" PRIu64 " ", change->seq);
    text_append_str(&derived_seen, reel_text(seq));
    return REEL_IGNORED;
}

/* ---- Declarations ---------------------------------------------------------------------------- */

#define INT(field) REEL_FIELD(.name = (field), .kind = REEL_FIELD_INTEGER)
static const char *const prefixes[] = {"item.", NULL};
static const struct reel_field *const item_fields[] = {
    REEL_FIELD(.name = "group", .kind = REEL_FIELD_STRING), INT("value"), NULL};
static const struct reel_field *const total_fields[] = {INT("count"), INT("sum"), NULL};
static const struct reel_field *const size_fields[] = {INT("groups"), NULL};

PLUGIN_OF_ONE(derived_items, "items", .revision = 1, .type_prefixes = prefixes,
              .fields = item_fields, .evolve = items_evolve);
PLUGIN_OF_ONE(derived_totals, "totals", .revision = 1, .derives_from = "items",
              .derive = totals_derive, .fields = total_fields, .flags = REEL_DERIVE_FROM_RECORDS);
PLUGIN_OF_ONE(derived_strict, "strict", .revision = 1, .derives_from = "items",
              .derive = strict_derive, .fields = total_fields);
PLUGIN_OF_ONE(derived_sizes, "sizes", .revision = 1, .derives_from = "totals",
              .derive = sizes_derive, .fields = size_fields, .flags = REEL_DERIVE_FROM_RECORDS);
PLUGIN_OF_ONE(derived_seen_plugin, "seen", .revision = 1, .derives_from = "items",
              .derive = seen_derive, .fields = size_fields);

/* ---- Using them ------------------------------------------------------------------------------ */

struct reel *derived_loaded(const char *directory, const struct reel_plugin *const *plugins) {
    struct reel_options options = test_options(directory, NULL);
    struct reel_error error;
    struct reel *reel;
    must_ok(reel_open(&options, &reel, &error), error);
    for (; *plugins; plugins++) must_ok(reel_add_plugin(reel, *plugins, &error), error);
    return reel;
}

struct reel *derived_opened(const char *directory, const struct reel_plugin *const *plugins) {
    struct reel *reel = derived_loaded(directory, plugins);
    struct reel_error error;
    must_ok(reel_start(reel, &error), error);
    return reel;
}

reel_outcome derived_try(struct reel *reel, const char *ops) {
    struct reel_result result;
    struct reel_error error;
    char event[1024];
    snprintf(event, sizeof event, "{'type':'item.ops','data':{'ops':%s}}", ops);
    for (char *at = event; *at; at++)
        if (*at == '\'') *at = '"';
    must_ok(reel_apply(reel, reel_text(event), &result, &error), error);
    return result.outcome;
}

void derived_ops(struct reel *reel, const char *ops, reel_outcome expected) {
    reel_outcome outcome = derived_try(reel, ops);
    if (outcome != expected) fail_msg("%s: outcome %d", ops, outcome);
}

/* ---- For one case ---------------------------------------------------------------------------- */

reel_outcome derived_ignore(struct reel_tx *tx, const struct reel_change *change) {
    (void)tx, (void)change;
    return REEL_IGNORED;
}

const struct reel_plugin *derived_own(struct derived_own *own, const char *name, const char *source,
                                      reel_outcome (*derive)(struct reel_tx *,
                                                             const struct reel_change *)) {
    *own = (struct derived_own){
        .projector =
            {
                .struct_size = sizeof own->projector,
                .revision = 1,
                .collection = name,
                .fields = derived_totals.projectors[0]->fields,
                .derives_from = source,
                .derive = derive,
            },
        .plugin = {.header = REEL_PLUGIN_HEADER, .name = name, .version = "1"},
    };
    own->list[0] = &own->projector;
    own->plugin.projectors = own->list;
    return &own->plugin;
}

void derived_assert(struct reel *reel, const char *collection, const char *key,
                    const char *expected) {
    char *found = record_text(reel, collection, key);
    if (expected)
        assert_string_equal(found, expected);
    else
        assert_null(found);
    free(found);
}

void derived_assert_rejected(struct reel *reel, const char *expected) {
    char *found = rejected_dump(reel);
    assert_string_equal(found, expected);
    free(found);
}
