/* stored_fields.c: compares the indexes of a collection's fields with its records (stored.h). Each
 * record must have its entries, and there must be as many entries as the records have; likewise for
 * the counts of values.
 */
#include "base/cleanup.h"
#include "engine/store/keys.h"
#include "engine/store/stored.h"

#include <errno.h>
#include <stdlib.h>

struct checking {
    struct stored *stored;
    const struct stored_collection *collection;
    MDB_dbi records, table;
    struct arena arena; /* for one record */
    struct arena counted;
    struct tally *tallies;
    size_t tally_count;
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
    field_key_begin(&place, FIELD_ENTRIES, field->at);
    text_append(&place, encoded, field_value_encode(tracked_form(field), value, encoded));
    text_append_str(&place, key);
    if (place.failed) return fail_memory(checking->error);
    rc = keys_get(&stored->store, stored->txn, checking->table, text_str(&place), &value,
                  checking->error);
    checking->entries++;
    return rc == -ENOENT ? damaged(checking, "an index") : rc;
}

static int count(struct checking *checking, uint8_t at, struct reel_str json) {
    for (size_t i = 0; i < checking->tally_count; i++) {
        struct tally *tally = &checking->tallies[i];
        if (tally->at != at || !reel_str_eq(tally->json, json)) continue;
        tally->change++;
        return 0;
    }
    size_t size = (checking->tally_count + 1) * sizeof *checking->tallies;
    struct tally *grown = realloc(checking->tallies, size);
    struct reel_str own = {arena_copy(&checking->counted, json.data, json.len), json.len};
    if (grown) checking->tallies = grown;
    if (!grown || !own.data) return fail_memory(checking->error);
    grown[checking->tally_count++] = (struct tally){at, own, 1};
    return 0;
}

static int check_record(struct checking *checking, struct reel_str key, struct reel_str stored) {
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
        int rc = field->flags & FIELD_COUNTED ? count(checking, field->at, json) : 0;
        if (rc == 0 && field->flags & FIELD_INDEXED)
            rc = look_for_entry(checking, field, key, json);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static int walk(struct checking *checking, MDB_dbi dbi,
                int (*fn)(struct checking *checking, struct reel_str key, struct reel_str value)) {
    struct stored *stored = checking->stored;
    struct keys_walk walk;
    struct reel_str key, value;
    int rc = keys_walk_start(&walk, &stored->store, stored->txn, dbi, (struct reel_str){0}, false,
                             checking->error);
    while (rc == 0) {
        rc = keys_next(&walk, &key, &value, checking->error);
        if (rc <= 0) break;
        rc = fn(checking, key, value);
    }
    keys_walk_finish(&walk);
    return rc;
}

/* Each is taken off what the records add up to. */
static int check_tally(struct checking *checking, struct reel_str key, struct reel_str value) {
    struct reel_str json = {key.data + 2, key.len - 2};
    uint64_t found;
    if (value.len != sizeof found) return damaged(checking, "a count");
    memcpy(&found, value.data, sizeof found);
    for (size_t i = 0; i < checking->tally_count && found > 0; i++) {
        struct tally *tally = &checking->tallies[i];
        if (tally->at != (uint8_t)key.data[1] || !reel_str_eq(tally->json, json)) continue;
        if (found != (uint64_t)tally->change) return damaged(checking, "a count");
        found = 0;
        tally->change = 0;
    }
    return found == 0 ? 0 : damaged(checking, "a count");
}

static int check_row(struct checking *checking, struct reel_str key, struct reel_str value) {
    if (key.len < 2) return damaged(checking, "an index");
    if (key.data[0] == FIELD_TALLIES) return check_tally(checking, key, value);
    if (key.data[0] != FIELD_ENTRIES || checking->entries-- == 0)
        return damaged(checking, "an index");
    return 0;
}

static int check_table(struct checking *checking) {
    int rc = walk(checking, checking->records, check_record);
    if (rc == 0) rc = walk(checking, checking->table, check_row);
    if (rc < 0) return rc;
    if (checking->entries > 0) return damaged(checking, "an index");
    for (size_t i = 0; i < checking->tally_count; i++)
        if (checking->tallies[i].change > 0) return damaged(checking, "a count");
    return 0;
}

int stored_check_fields(struct stored *stored, const struct stored_collection *collection,
                        struct reel_error *error) {
    struct checking checking = {.stored = stored, .collection = collection, .error = error};
    if (!collection->has_fields) return 0;
    int rc = stored_open_records(stored, collection, &checking.records, error);
    if (rc == 0) rc = stored_open_fields(stored, collection, &checking.table, error);
    if (rc == 0) rc = check_table(&checking);
    arena_finish(&checking.arena);
    arena_finish(&checking.counted);
    free(checking.tallies);
    return rc;
}
