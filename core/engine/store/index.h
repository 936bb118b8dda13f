/* index.h: the records of one collection in the order in which they were last changed, and those
 * that were deleted.
 *
 * One database a collection, of keys.h's keys. A seq in them is big-endian, 8 bytes, so that byte
 * order is the order of events, and within one event that of the records' keys:
 *     0x01 key        a deleted record → seq of the event that deleted it
 *     0x02 seq key    the same, in the order of deletion → nothing
 *     0x03 seq key    a record, under the seq that last changed it → nothing
 * A deleted record's two entries are its tombstone. There is one entry for each record, at most
 * one tombstone for each key, and for no key both: what stood there before goes in the same
 * commit. So the index is a function of the events alone, whatever batches they came in: a record
 * that is made and deleted within one batch leaves a tombstone, too.
 *
 * The records stand last, where the database grows: each change is newer than all before it, and
 * is appended. Tombstones stand apart, so that trimming finds them without meeting a record.
 */
#ifndef REEL_ENGINE_STORE_INDEX_H
#define REEL_ENGINE_STORE_INDEX_H

#include "base/arena.h"
#include "engine/store/keys.h"

/* ---- Writing, within the write transaction --------------------------------------------------- */

/* What became of one record. */
struct index_move {
    struct reel_str key;
    uint64_t from; /* the seq it stands under; 0: it is new, or deleted */
    uint64_t to;   /* of its last change */
    bool deleted;  /* by that change */
};

/* Writes them. They are in key order, and each `to` is beyond all that were written before. */
int index_write(struct store *store, MDB_dbi dbi, const struct index_move *moves, size_t count,
                struct arena *arena, struct reel_error *error);

/* Removes tombstones below `first_seq`, the oldest first, at most `max`; how many, and the seq of
 * the newest of them. */
int index_trim(struct store *store, MDB_dbi dbi, uint64_t first_seq, size_t max, size_t *ret_count,
               uint64_t *ret_last_seq, struct reel_error *error);

/* ---- Walking --------------------------------------------------------------------------------- */

struct index_entry {
    struct reel_str key;
    uint64_t seq;
    bool deleted;
};

/* One of the two orders that a walk merges. */
struct index_stream {
    struct keys_walk walk;
    unsigned char from[1 + 8];
    bool more; /* `entry` is yet to be given */
    struct index_entry entry;
};

/* Walks what was changed after `since`, in order. index_next: 1 and an entry, good until the next
 * call; 0 at the end; or an error. */
struct index_walk {
    struct index_stream records, tombstones;
    struct index_stream *given; /* moves on with the next call; NULL before the first */
};
int index_walk_start(struct index_walk *walk, struct store *store, MDB_txn *txn, MDB_dbi dbi,
                     uint64_t since, struct reel_error *error);
int index_next(struct index_walk *walk, struct index_entry *ret, struct reel_error *error);
void index_walk_finish(struct index_walk *walk);

#endif
