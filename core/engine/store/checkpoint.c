/* checkpoint.c: see checkpoint.h. */
#include "engine/store/checkpoint.h"

#include "base/invariant.h"
#include "engine/store/table.h"

#include <errno.h>

static int check_item(struct store *store, const struct item *item, struct reel_error *error) {
    if (item_is_deleted(item)) return 0;
    if (XXH128_isEqual(table_hash(item_key(item), item_value(item)), item->hash)) return 0;
    struct reel_error own;
    if (!error) error = &own;
    error_set(
        error,
        "a record in memory is not what it was when it was written: a plugin or the memory has "
        "changed it; the log is intact, end this process");
    store_break(store, error->text);
    return -EIO;
}

static int write_own(struct store *store, MDB_dbi dbi, const struct item *item,
                     struct reel_error *error) {
    struct reel_str own = item_key(item), with = item_value(item);
    MDB_val key = {own.len, (void *)own.data}, value = {with.len, (void *)with.data};
    int rc = item_is_deleted(item) ? mdb_del(store->txn, dbi, &key, NULL)
                                   : mdb_put(store->txn, dbi, &key, &value, 0);
    if (rc == MDB_NOTFOUND) rc = 0;
    return rc == 0 ? 0 : store_fail(store, rc, "cannot write a checkpoint", error);
}

static int write_record(struct keys_writer *writer, const struct item *item,
                        struct reel_error *error) {
    struct reel_str value = item_value(item);
    char *space;
    if (item_is_deleted(item)) {
        int rc = keys_delete(writer, item_key(item), error);
        return rc == -ENOENT ? 0 : rc;
    }
    int rc = keys_put(writer, item_key(item), value.len, &space, error);
    if (rc == 0 && value.len > 0) memcpy(space, value.data, value.len);
    return rc;
}

/* In key order: LMDB finds each place from the one before. */
static int write_items(struct store *store, size_t table, const struct tree *tree,
                       struct reel_error *error) {
    MDB_dbi dbi = store->tables[table];
    struct keys_writer writer;
    struct tree_walk walk;
    int rc = keys_writer_start(&writer, store, dbi, error);
    for (const struct item *item =
             tree_seek(&walk, tree, (struct reel_str){"", 0}, SEEK_AT_OR_ABOVE);
         rc == 0 && item; item = tree_next(&walk)) {
        rc = check_item(store, item, error);
        if (rc < 0) break;
        rc = table < TABLES_OWN ? write_own(store, dbi, item, error)
                                : write_record(&writer, item, error);
    }
    keys_writer_finish(&writer);
    return rc;
}

int checkpoint_write(struct store *store, const struct tree *trees, size_t count,
                     struct reel_error *error) {
    INVARIANT(store->txn && count <= store->table_count);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        int dropped = trees[i].cleared ? mdb_drop(store->txn, store->tables[i], 0) : 0;
        if (dropped != 0) rc = store_fail(store, dropped, "cannot empty a table", error);
        if (rc == 0 && trees[i].root) rc = write_items(store, i, &trees[i], error);
    }
    return rc;
}
