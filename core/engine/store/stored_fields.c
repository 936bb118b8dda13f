/* stored_fields.c: compares the indexes of a collection's fields with its records (stored.h). Each
 * record must have its entries, and there must be as many entries as the records have; likewise for
 * the counts of values.
 */
#include "base/cleanup.h"
#include "engine/store/keys.h"
#include "engine/store/stored.h"

#include <errno.h>

struct checking {
    struct stored *stored;
    const struct stored_collection *collection;
    MDB_dbi records, table;
    struct arena arena; /* for one record */
    struct arena counted;
    struct tallies tallies;
    uint64_t entries; /* that there must be */
    struct reel_error *error;
};

static int damaged(struct checking *checking, const char *what) {
    return fail(checking->error, -EBADMSG, "%s of its fields is not what the records say", what);
}

/* ---- One record ------------------------------------------------------------------------------ */

static int look_for_entry(struct checking *checking, const struct tracked_field *field,
                          struct reel_str key, struct reel_str json) {
    CLEANUP(text_finish) struct text place = {0};
    char encoded[FIELD_ENCODED_MAX];
    struct stored *stored = checking->stored;
    struct reel_str value;
    int rc = field_value_of_json(tracked_form(field), json, &checking->arena, &value);
    if (rc == -EBADMSG) return fail(checking->error, rc, "a record is damaged");
    if (rc < 0) return fail_memory(checking->error);
    size_t len = field_value_encode(tracked_form(field), value, encoded);
    if (field_entry_key(&place, field, (struct reel_str){encoded, len}, key) < 0)
        return fail_memory(checking->error);
    rc = keys_get(&stored->store, stored->txn, checking->table, text_str(&place), &value,
                  checking->error);
    checking->entries++;
    return rc == -ENOENT ? damaged(checking, "an index") : rc;
}

static int check_record(void *context, struct reel_str key, struct reel_str stored) {
    struct checking *checking = context;
    const struct stored_collection *collection = checking->collection;
    struct reel_str values[RECORD_FIELDS_MAX];
    if (!field_progress_has(&collection->progress, key)) return 0;
    if (record_values(collection->state.field_count, stored, values) < 0)
        return fail(checking->error, -EBADMSG, "a record is damaged");
    arena_reset(&checking->arena);
    for (uint32_t i = 0; i < collection->tracked.count; i++) {
        const struct tracked_field *field = &collection->tracked.list[i];
        if (field->at >= collection->state.field_count) return damaged(checking, "the list");
        struct reel_str json = values[field->at];
        if (field->flags & FIELD_COUNTED && tallies_add(&checking->tallies, field->at, json, 1) < 0)
            return fail_memory(checking->error);
        int rc = field->flags & FIELD_INDEXED ? look_for_entry(checking, field, key, json) : 0;
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- All of them ----------------------------------------------------------------------------- */

/* Each is taken off what the records add up to. */
static int check_tally(struct checking *checking, struct reel_str key, struct reel_str value) {
    struct reel_str json = {key.data + 2, key.len - 2};
    uint64_t found;
    if (value.len != sizeof found) return damaged(checking, "a count");
    memcpy(&found, value.data, sizeof found);
    if (found == 0) return 0;
    struct tally *tally = tallies_find(&checking->tallies, (uint8_t)key.data[1], json);
    if (!tally || found != (uint64_t)tally->change) return damaged(checking, "a count");
    tally->change = 0;
    return 0;
}

static int check_row(void *context, struct reel_str key, struct reel_str value) {
    struct checking *checking = context;
    if (key.len < 2) return damaged(checking, "an index");
    if (key.data[0] == FIELD_TALLIES) return check_tally(checking, key, value);
    if (key.data[0] != FIELD_ENTRIES || checking->entries-- == 0)
        return damaged(checking, "an index");
    return 0;
}

static int check_table(struct checking *checking) {
    int rc =
        stored_each(checking->stored, checking->records, check_record, checking, checking->error);
    if (rc == 0)
        rc = stored_each(checking->stored, checking->table, check_row, checking, checking->error);
    if (rc < 0) return rc;
    if (checking->entries > 0) return damaged(checking, "an index");
    for (size_t i = 0; i < checking->tallies.count; i++)
        if (checking->tallies.list[i].change > 0) return damaged(checking, "a count");
    return 0;
}

int stored_check_fields(struct stored *stored, const struct stored_collection *collection,
                        struct reel_error *error) {
    struct checking checking = {.stored = stored, .collection = collection, .error = error};
    if (!collection->has_fields) return 0;
    checking.tallies.arena = &checking.counted;
    int rc = stored_open_records(stored, collection, &checking.records, error);
    if (rc == 0) rc = stored_open_fields(stored, collection, &checking.table, error);
    if (rc == 0) rc = check_table(&checking);
    arena_finish(&checking.arena);
    arena_finish(&checking.counted);
    tallies_finish(&checking.tallies);
    return rc;
}
