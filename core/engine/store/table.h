/* table.h: reading and writing the tables of the store: the memtables over LMDB.
 *
 * A table is a tree of the memtables and a database of LMDB with the same keys. What is written
 * goes into the open group of the active memtable. What is read is merged: the layers of a version,
 * and below them LMDB as one of its read transactions sees it. Only a checkpoint (checkpoint.h)
 * writes to LMDB.
 */
#ifndef REEL_ENGINE_STORE_TABLE_H
#define REEL_ENGINE_STORE_TABLE_H

#include "engine/store/keys.h"
#include "engine/store/memtable/overlay.h"

/* -ENOENT. The value is valid until the snapshot ends, or in the writer's: until the next write. */
int table_get(struct store *store, const struct snapshot *at, size_t table, struct reel_str key,
              struct reel_str *ret, struct reel_error *error);

/* Within a group. -E2BIG: it is too large; in memory -ENOSPC. table_remove: nothing below the
 * active memtable has the key if the active one has a value for it, so that no tombstone is needed
 * then. */
int table_put(struct store *store, size_t table, struct reel_str key, struct reel_str value,
              struct reel_error *error);
int table_delete(struct store *store, size_t table, struct reel_str key, struct reel_error *error);
int table_remove(struct store *store, size_t table, struct reel_str key, struct reel_error *error);

/* Empties a table, in a group that has not changed it before. */
void table_clear(struct store *store, size_t table);

/* The hash that stands beside a value in the memtable; a tombstone has that of no bytes. The
 * checkpoint compares it. */
XXH128_hash_t table_hash(struct reel_str key, struct reel_str value);

/* Walks in key order, both ways. SEEK_LAST is only for tables of the store's own. table_seek and
 * the others: 1 and a row, valid until the next call; 0: there is none; or an error. `key` must not
 * point into a row of this walk. */
struct table_walk {
    struct store *store;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_cursor *cursor;    /* of one of the store's own tables */
    struct keys_walk keys; /* of a collection's */
    struct reel_error *error;
    struct overlay overlay;
};
void table_walk_start(struct table_walk *walk, struct store *store, const struct snapshot *at,
                      size_t table, struct reel_error *error);
int table_seek(struct table_walk *walk, struct reel_str key, enum seek how,
               struct overlay_row *ret);
int table_next(struct table_walk *walk, struct overlay_row *ret);
int table_previous(struct table_walk *walk, struct overlay_row *ret);
void table_walk_finish(struct table_walk *walk);

#endif
