/* sides.h: the two databases of a collection's table, of which one at a time is current.
 *
 * A checkpoint that changes most of a table's pages writes the whole table to the other database
 * (rewrite.h). Both change places in the checkpoint's commit, which also empties the old one.
 *
 * In LMDB, a database that is not finished has a mark as its first entry. So the second database is
 * the current one if it has entries and no mark, and the first one otherwise. An unfinished
 * database, which a crash or a full disk has left, is emptied when the collection is opened, or
 * before the checkpoint is tried again.
 *
 * A transaction that began before that commit still reads the old database. `struct sides` has one
 * bit for each table; each snapshot has those of its transaction.
 */
#ifndef REEL_ENGINE_STORE_SIDES_H
#define REEL_ENGINE_STORE_SIDES_H

#include "engine/store/environment.h"

#include <stdbool.h>

static inline bool sides_has(const struct sides *sides, size_t table) {
    return sides->bits[table / 64] >> (table % 64) & 1;
}

static inline void sides_add(struct sides *sides, size_t table) {
    sides->bits[table / 64] |= (uint64_t)1 << (table % 64);
}

/* How many. */
size_t sides_count(const struct sides *sides);

/* Which database of a table is current in this transaction? `second` is its second one. An LMDB
 * result. */
int sides_find(MDB_txn *txn, MDB_dbi second, bool *ret_second);

/* Empties a database and marks it as not finished; and finishes it. LMDB results. */
int sides_mark(MDB_txn *txn, MDB_dbi dbi);
int sides_unmark(MDB_txn *txn, MDB_dbi dbi);

/* The sides as a transaction sees them. Under snapshot_lock. */
struct sides sides_of(const struct store *store, MDB_txn *txn);

/* The sides as of LMDB's last commit, for the thread that writes LMDB. */
struct sides sides_now(struct store *store);

/* Commits the write transaction, with which the databases of these tables change places. */
int sides_commit(struct store *store, const struct sides *changes, struct reel_error *error);

/* Empties the databases that are not finished of so many tables, and commits that. [the thread that
 * writes LMDB] */
int sides_empty_unfinished(struct store *store, size_t table_count, struct reel_error *error);

#endif
