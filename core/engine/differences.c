/* differences.c: see differences.h. In this order: records; their members; rejections. */
#include "engine/differences.h"

#include "engine/store/keys.h"
#include "engine/store/record.h"
#include "engine/store/rejected.h"
#include "engine/store/table.h"

#include <errno.h>

static const struct reel_str none = {0};

/* ---- Records --------------------------------------------------------------------------------- */

/* The next record of one side. */
struct side {
    bool is_there;
    struct reel_str key, json;
    uint32_t count;
    struct reel_str values[RECORD_FIELDS_MAX];
};

static int read_record(struct side *side, struct reel_str key, struct reel_str stored,
                       struct reel_error *error) {
    uint64_t changed;
    side->key = key;
    if (record_json(side->count, stored, &changed, &side->json) < 0 ||
        record_values(side->count, stored, side->values) < 0)
        return fail(error, -EBADMSG, "a record is damaged");
    return 0;
}

struct records {
    const struct differences *of;
    struct side before, after;
    struct keys_walk old;
    struct table_walk fresh;
    bool is_begun; /* the second one */
};

/* Walks say 1 if there is a row. */
static int next_before(struct records *records, struct reel_error *error) {
    struct reel_str key, value;
    int rc = records->of->before ? keys_next(&records->old, &key, &value, error) : 0;
    records->before.is_there = rc > 0;
    return rc > 0 ? read_record(&records->before, key, value, error) : rc;
}

static int next_of(struct table_walk *walk, bool *is_begun, struct overlay_row *ret) {
    int rc = *is_begun ? table_next(walk, ret)
                       : table_seek(walk, (struct reel_str){"", 0}, SEEK_AT_OR_ABOVE, ret);
    *is_begun = true;
    return rc;
}

static int next_after(struct records *records, struct reel_error *error) {
    struct overlay_row row;
    int rc = records->of->after ? next_of(&records->fresh, &records->is_begun, &row) : 0;
    records->after.is_there = rc > 0;
    return rc > 0 ? read_record(&records->after, row.key, row.value, error) : rc;
}

static int tell_record(const struct records *records, bool has_before, bool has_after) {
    const struct side *before = &records->before, *after = &records->after;
    const struct comparer *comparer = records->of->comparer;
    if (has_before && has_after && reel_str_eq(before->json, after->json)) return 0;
    const struct compare_record record = {
        .key = has_before ? before->key : after->key,
        .before = has_before ? before->json : none,
        .after = has_after ? after->json : none,
        .before_count = before->count,
        .after_count = after->count,
        .before_values = before->values,
        .after_values = after->values,
    };
    return comparer->record(comparer->context, &record);
}

static int merge_records(struct records *records, struct reel_error *error) {
    int rc = next_before(records, error);
    if (rc == 0) rc = next_after(records, error);
    while (rc == 0 && (records->before.is_there || records->after.is_there)) {
        int order = !records->before.is_there ? 1
                    : !records->after.is_there
                        ? -1
                        : str_compare(records->before.key, records->after.key);
        rc = tell_record(records, order <= 0, order >= 0);
        if (rc == 0 && order <= 0) rc = next_before(records, error);
        if (rc == 0 && order >= 0) rc = next_after(records, error);
    }
    return rc;
}

int differences_of_records(const struct differences *differences, struct reel_error *error) {
    const struct stored_collection *before = differences->before;
    const struct collection *after = differences->after;
    struct stored *stored = differences->stored;
    struct records records = {.of = differences};
    MDB_dbi dbi;
    int rc = before ? stored_open_records(stored, before, &dbi, error) : 0;
    if (rc < 0) return rc;
    if (before) {
        records.before.count = before->state.field_count;
        rc = keys_walk_start(&records.old, &stored->store, stored->txn, dbi, none, false, error);
    }
    if (after) {
        records.after.count = after->shape.count;
        table_walk_start(&records.fresh, after->store, &after->store->writing,
                         collection_tables(after)->records, error);
    }
    if (rc == 0) rc = merge_records(&records, error);
    if (before) keys_walk_finish(&records.old);
    if (after) table_walk_finish(&records.fresh);
    return rc;
}

/* ---- Members --------------------------------------------------------------------------------- */

/* In a record's text, `{"id":` or `,"name":` is before a value. */
static struct reel_str name_of(struct reel_str json, const struct reel_str *values, uint32_t at) {
    const char *begin = (at == 0 ? json.data : values[at - 1].data + values[at - 1].len) + 1;
    return (struct reel_str){begin, (size_t)(values[at].data - 1 - begin)};
}

/* The value of a member of this name; it is most likely in the same place. */
static struct reel_str find_value(struct reel_str name, struct reel_str json,
                                  const struct reel_str *values, uint32_t count, uint32_t likely) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (likely + i) % count;
        if (reel_str_eq(name_of(json, values, at), name)) return values[at];
    }
    return none;
}

void compare_members(const struct compare_record *record, compare_member_fn fn, void *context) {
    for (uint32_t i = 0; i < record->before_count; i++) {
        struct reel_str name = name_of(record->before, record->before_values, i);
        struct reel_str after =
            find_value(name, record->after, record->after_values, record->after_count, i);
        if (!after.data || !reel_str_eq(record->before_values[i], after))
            fn(context, name, record->before_values[i], after);
    }
    for (uint32_t i = 0; i < record->after_count; i++) {
        struct reel_str name = name_of(record->after, record->after_values, i);
        if (!find_value(name, record->before, record->before_values, record->before_count, i).data)
            fn(context, name, none, record->after_values[i]);
    }
}

/* ---- Rejections ------------------------------------------------------------------------------ */

struct rejections {
    const struct differences *of;
    struct reel_rejection before, after;
    bool has_before, has_after;
    MDB_cursor *old;
    struct table_walk fresh;
    bool is_begun; /* the second one */
};

/* Is it one of this set of the collection's tables? */
static bool is_of(const struct differences *differences, const struct reel_rejection *rejection,
                  bool is_set) {
    return is_set && rejection->seq >= differences->from_seq &&
           rejection->seq <= differences->cursor &&
           reel_str_is(rejection->collection, differences->after->name);
}

static int next_rejection_before(struct rejections *rejections, struct reel_error *error) {
    const struct differences *of = rejections->of;
    struct store *store = &of->stored->store;
    MDB_val key, value;
    unsigned set;
    rejections->has_before = false;
    while (of->before && !rejections->has_before) {
        int rc = mdb_cursor_get(rejections->old, &key, &value, MDB_NEXT);
        if (rc == MDB_NOTFOUND) break;
        if (rc != 0) return store_fail(store, rc, "cannot read rejections", error);
        rc = rejected_read((struct reel_str){key.mv_data, key.mv_size},
                           (struct reel_str){value.mv_data, value.mv_size}, &rejections->before,
                           &set);
        if (rc < 0) return fail(error, rc, "a rejection is damaged");
        rejections->has_before = is_of(of, &rejections->before, set == of->before->state.set);
    }
    return 0;
}

static int next_rejection_after(struct rejections *rejections, struct reel_error *error) {
    const struct differences *of = rejections->of;
    struct overlay_row row;
    unsigned set;
    rejections->has_after = false;
    while (!rejections->has_after) {
        int rc = next_of(&rejections->fresh, &rejections->is_begun, &row);
        if (rc <= 0) return rc;
        rc = rejected_read(row.key, row.value, &rejections->after, &set);
        if (rc < 0) return fail(error, rc, "a rejection is damaged");
        rejections->has_after = is_of(of, &rejections->after, set == of->after->committed.set);
    }
    return 0;
}

static int tell_rejection(const struct rejections *rejections, bool has_before, bool has_after) {
    const struct reel_rejection *before = &rejections->before, *after = &rejections->after;
    const struct comparer *comparer = rejections->of->comparer;
    if (has_before && has_after && reel_str_eq(before->reason, after->reason)) return 0;
    const struct compare_rejection told = {
        .seq = has_before ? before->seq : after->seq,
        .before = has_before ? before->reason : none,
        .after = has_after ? after->reason : none,
    };
    return comparer->rejection(comparer->context, &told);
}

static int merge_rejections(struct rejections *rejections, struct reel_error *error) {
    int rc = next_rejection_before(rejections, error);
    if (rc == 0) rc = next_rejection_after(rejections, error);
    while (rc == 0 && (rejections->has_before || rejections->has_after)) {
        uint64_t before = rejections->has_before ? rejections->before.seq : UINT64_MAX;
        uint64_t after = rejections->has_after ? rejections->after.seq : UINT64_MAX;
        rc = tell_rejection(rejections, before <= after, after <= before);
        if (rc == 0 && before <= after) rc = next_rejection_before(rejections, error);
        if (rc == 0 && after <= before) rc = next_rejection_after(rejections, error);
    }
    return rc;
}

int differences_of_rejections(const struct differences *differences, struct reel_error *error) {
    struct store *store = differences->after->store;
    struct rejections rejections = {.of = differences};
    int rc = stored_open_rejections(differences->stored, &rejections.old, error);
    if (rc < 0) return rc;
    table_walk_start(&rejections.fresh, store, &store->writing, TABLE_REJECTED, error);
    rc = merge_rejections(&rejections, error);
    table_walk_finish(&rejections.fresh);
    mdb_cursor_close(rejections.old);
    return rc;
}
