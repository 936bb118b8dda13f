/* index.h: the records of one collection in the order in which they were last changed, and those
 * that were deleted.
 *
 * Each collection has one such table, with keys of keys.h. A seq in a key is big-endian, 8
 * bytes. So the byte order of keys is the order of events, and within one event the order of the
 * records' keys:
 *     0x01 key        a deleted record → seq of the event that deleted it
 *     0x02 seq key    the same, in the order of deletion → nothing
 *     0x03 seq key    a record, under the seq that last changed it → nothing
 * The two entries of a deleted record are its tombstone. There is one entry for each record, at
 * most one tombstone for each key, and never both for the same key: the previous entry is removed
 * in the same commit. So the index depends only on the events, not on how they were batched: a
 * record that is created and deleted within one batch leaves a tombstone, too.
 *
 * Records are at the end, where the database grows: each change is newer than all before it, and is
 * appended. Tombstones are separate, so that trimming finds them without reading records.
 */
#ifndef REEL_ENGINE_STORE_INDEX_H
#define REEL_ENGINE_STORE_INDEX_H

#include "base/arena.h"
#include "engine/store/table.h"

/* ---- Writing, within a group --------------------------------------------------------------- */

/* A change of one record. */
struct index_move {
    struct reel_str key;
    uint64_t from; /* the seq of its entry; 0: the record is new, or deleted */
    uint64_t to;   /* the seq of its last change */
    bool deleted;  /* this change has deleted it */
};

/* Writes changes. They are in the order of keys. Each `to` is above all seqs that were written
 * before. */
int index_write(struct store *store, size_t table, const struct index_move *moves, size_t count,
                struct arena *arena, struct reel_error *error);

/* Removes tombstones below `first_seq`, the oldest first, at most `max`; how many, and the seq of
 * the newest of them. */
int index_trim(struct store *store, size_t table, uint64_t first_seq, size_t max, size_t *ret_count,
               uint64_t *ret_last_seq, struct reel_error *error);

/* ---- Rows, for those who read LMDB without memtables ----------------------------------------- */

struct index_entry {
    struct reel_str key;
    uint64_t seq;
    bool deleted;
};

/* The key of the row that has a record, or a deleted one, under its seq. -ENOMEM. */
int index_entry_key(struct text *to, bool deleted, uint64_t seq, struct reel_str key);

/* False: the row is another one. index_read_deleted: the row that has a deleted record's seq. */
bool index_read_entry(struct reel_str at, struct index_entry *ret);
bool index_read_deleted(struct reel_str at, struct reel_str *ret_key);

/* ---- Walking --------------------------------------------------------------------------------- */

/* One of the two orders that a walk merges. */
struct index_stream {
    struct table_walk walk;
    struct text from; /* the key at which it began */
    bool more;        /* `entry` was not given yet */
    struct index_entry entry;
};

/* Walks the changes after the event `since`, in order; or, if `after` has data, the changes after
 * that of the key `after` by the event `since`. `error` is used until the end of the walk.
 * index_next: 1 and an entry, which is valid until the next call; 0 at the end; or an error. */
struct index_walk {
    struct index_stream records, tombstones;
    struct index_stream *given; /* advanced in the next call; NULL before the first call */
};
int index_walk_start(struct index_walk *walk, struct store *store, const struct snapshot *at,
                     size_t table, uint64_t since, struct reel_str after, struct reel_error *error);
int index_next(struct index_walk *walk, struct index_entry *ret);
void index_walk_finish(struct index_walk *walk);

#endif
