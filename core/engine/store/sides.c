/* sides.c: see sides.h. */
#include "engine/store/sides.h"

#include "base/cleanup.h"

#include <string.h>

/* ---- In LMDB --------------------------------------------------------------------------------- */

/* Before all entries that a collection's table has (keys.h, index.h). */
static const MDB_val mark = {2, "\0"};

int sides_find(MDB_txn *txn, MDB_dbi second, bool *ret_second) {
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_cursor_open(txn, second, &cursor);
    if (rc != 0) return rc;
    rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    if (rc == 0)
        *ret_second =
            key.mv_size != mark.mv_size || memcmp(key.mv_data, mark.mv_data, mark.mv_size) != 0;
    mdb_cursor_close(cursor);
    if (rc == MDB_NOTFOUND) *ret_second = false;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int sides_mark(MDB_txn *txn, MDB_dbi dbi) {
    int rc = mdb_drop(txn, dbi, 0);
#ifndef REEL_FAULT_18 /* a side that is not finished is taken for the current one */
    MDB_val key = mark, value = {0, NULL};
    if (rc == 0) rc = mdb_put(txn, dbi, &key, &value, 0);
#endif
    return rc;
}

int sides_unmark(MDB_txn *txn, MDB_dbi dbi) {
    MDB_val key = mark;
    int rc = mdb_del(txn, dbi, &key, NULL);
#ifdef REEL_FAULT_18
    if (rc == MDB_NOTFOUND) rc = 0;
#endif
    return rc;
}

/* ---- In the process -------------------------------------------------------------------------- */

static void apply(struct sides *sides, const struct sides *changes) {
    for (size_t i = 0; i < sizeof sides->bits / sizeof *sides->bits; i++)
        sides->bits[i] ^= changes->bits[i];
}

size_t sides_count(const struct sides *sides) {
    size_t count = 0;
    for (size_t i = 0; i < sizeof sides->bits / sizeof *sides->bits; i++)
        count += (size_t)__builtin_popcountll(sides->bits[i]);
    return count;
}

/* A reader may see a commit before the thread that writes it goes on. */
struct sides sides_of(const struct store *store, MDB_txn *txn) {
    struct sides sides = store->sides;
    uint64_t number = mdb_txn_id(txn);
#ifdef REEL_FAULT_19 /* a view reads the side that is current after it */
    number = UINT64_MAX;
#endif
    if (store->changing_txn && number >= store->changing_txn) apply(&sides, &store->changing);
    return sides;
}

struct sides sides_now(struct store *store) {
    HOLD_LOCK(&store->snapshot_lock);
    return store->sides;
}

int sides_commit(struct store *store, const struct sides *changes, struct reel_error *error) {
    pthread_mutex_lock(&store->snapshot_lock);
    store->changing = *changes;
    store->changing_txn = mdb_txn_id(store->txn);
    pthread_mutex_unlock(&store->snapshot_lock);
    int rc = environment_commit(store, error);
    HOLD_LOCK(&store->snapshot_lock);
    if (rc == 0) apply(&store->sides, changes);
    store->changing_txn = 0;
    return rc;
}

static int empty_unfinished(struct store *store, size_t table_count, bool *ret_found,
                            struct reel_error *error) {
    struct sides sides = sides_now(store);
    int rc = 0;
    for (size_t i = TABLES_OWN; rc == 0 && i < table_count; i++) {
        MDB_stat stat;
        MDB_dbi other = store->tables[i][!sides_has(&sides, i)];
        rc = mdb_stat(store->txn, other, &stat);
        if (rc != 0 || stat.ms_entries == 0) continue;
        *ret_found = true;
        rc = mdb_drop(store->txn, other, 0);
    }
    return rc == 0 ? 0 : store_fail(store, rc, "cannot empty a table", error);
}

/* A transaction that changes nothing has no number of its own. */
static int touch(struct store *store, struct reel_error *error) {
    MDB_dbi meta = store->tables[TABLE_META][0];
    MDB_val key = mark, value = {0, NULL};
    int rc = mdb_put(store->txn, meta, &key, &value, 0);
    if (rc == 0) rc = mdb_del(store->txn, meta, &key, NULL);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot empty a table", error);
}

/* LMDB uses pages again from the second transaction on after the one that freed them. */
static int commit_twice(struct store *store, struct reel_error *error) {
    int rc = environment_commit(store, error);
    if (rc == 0) rc = environment_begin(store, error);
    if (rc == 0) rc = touch(store, error);
    return rc < 0 ? rc : environment_commit(store, error);
}

int sides_empty_unfinished(struct store *store, size_t table_count, struct reel_error *error) {
    bool found = false;
    int rc = environment_begin(store, error);
    if (rc == 0) rc = empty_unfinished(store, table_count, &found, error);
    if (rc == 0 && found) rc = commit_twice(store, error);
    environment_abort(store);
    return rc;
}
