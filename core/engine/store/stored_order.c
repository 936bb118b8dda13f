/* stored_order.c: compares the order of a collection's changes (index.h) with its records
 * (stored.h). Each record must have its entry, under the seq that last changed it, and there must
 * be as many entries as records; likewise for the two entries of each deleted record, which must
 * not be there as a record.
 */
#include "engine/store/index.h"
#include "engine/store/keys.h"
#include "engine/store/record.h"
#include "engine/store/stored.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

struct checking {
    struct stored *stored;
    const struct collection_state *state;
    MDB_dbi records, table;
    struct text space;         /* for the key of an entry */
    uint64_t entries, deleted; /* that there must be, and were not walked over yet */
    struct reel_error *error;
};

static int damaged(struct checking *checking) {
    return fail(checking->error, -EBADMSG, "the order of its changes is not what the records say");
}

/* Is there such a row, with an empty value? */
static int look_for_entry(struct checking *checking, bool is_deleted, uint64_t seq,
                          struct reel_str key) {
    struct stored *stored = checking->stored;
    struct reel_str value;
    if (index_entry_key(&checking->space, is_deleted, seq, key) < 0)
        return fail_memory(checking->error);
    int rc = keys_get(&stored->store, stored->txn, checking->table, text_str(&checking->space),
                      &value, checking->error);
    return rc == -ENOENT || (rc == 0 && value.len > 0) ? damaged(checking) : rc;
}

static int check_record(void *context, struct reel_str key, struct reel_str value) {
    struct checking *checking = context;
    struct reel_str json;
    uint64_t changed;
    if (record_json(checking->state->field_count, value, &changed, &json) < 0)
        return fail(checking->error, -EBADMSG, "a record is damaged");
    if (changed == 0 || changed > checking->state->changed) return damaged(checking);
    checking->entries++;
    return look_for_entry(checking, false, changed, key);
}

static int check_deleted(struct checking *checking, struct reel_str key, struct reel_str value) {
    struct stored *stored = checking->stored;
    struct reel_str record;
    uint64_t seq;
    if (value.len != sizeof seq) return damaged(checking);
    memcpy(&seq, value.data, sizeof seq);
    int rc =
        keys_get(&stored->store, stored->txn, checking->records, key, &record, checking->error);
    if (rc == 0) return damaged(checking);
    if (rc != -ENOENT) return rc;
    checking->deleted++;
    return look_for_entry(checking, true, seq, key);
}

/* Those that say what was deleted are before all others. */
static int check_row(void *context, struct reel_str at, struct reel_str value) {
    struct checking *checking = context;
    struct index_entry entry;
    struct reel_str key;
    if (index_read_deleted(at, &key)) return check_deleted(checking, key, value);
    if (!index_read_entry(at, &entry)) return damaged(checking);
    uint64_t *left = entry.deleted ? &checking->deleted : &checking->entries;
    return (*left)-- == 0 ? damaged(checking) : 0;
}

int stored_check_order(struct stored *stored, const struct stored_collection *collection,
                       struct reel_error *error) {
    struct checking checking = {.stored = stored, .state = &collection->state, .error = error};
    if (collection->state.field_count == 0) return 0; /* of a version that did not say it */
    int rc = stored_open_records(stored, collection, &checking.records, error);
    if (rc == 0) rc = stored_open_order(stored, collection, &checking.table, error);
    if (rc == 0) rc = stored_each(stored, checking.records, check_record, &checking, error);
    if (rc == 0) rc = stored_each(stored, checking.table, check_row, &checking, error);
    if (rc == 0 && checking.entries + checking.deleted > 0) rc = damaged(&checking);
    text_finish(&checking.space);
    return rc;
}
