/* store.h: the state of a Reel: memtables over one LMDB environment.
 *
 * It is derived from the log (engine/log) and holds nothing that the log does not have. What a
 * group changes goes into the memtable (memtable/version.h) and is visible when the group is
 * committed. A checkpoint (checkpoint.h) writes a memtable to LMDB. After a crash LMDB has the last
 * checkpoint, and the rest of the log is folded again.
 *
 * On disk a store is a directory with data.mdb and lock.mdb, or, in memory, the same on unlinked
 * files and without syncing. It holds the databases
 *
 *     meta       what is known of the log and of each collection (meta.h)
 *     rejected   seq, collection → reason (rejected.h)
 *     c/<name>   key → record (keys.h, record.h), one a collection
 *     x/<name>   its records in the order of their changes (index.h)
 *     f/<name>   its records under the values of their fields (field_index.h)
 *     c2/<name>, x2/<name>, f2/<name>   the other sides of these three (sides.h)
 *     c3, x3, f3, c4, x4, f4            the same six, of the collection's second set
 *
 * Each of these databases, or pair of sides, is a table (table.h): a tree of the memtables has the
 * same keys.
 *
 * A collection has two sets of tables. `collection_state.set` (meta.h) says which of them has its
 * records. The other one is empty, or has a shadow (fold/shadow.h): the records of a rebuild that
 * is under way. The sides of a table are no place for a shadow: they belong to one checkpoint, a
 * side that is not finished is emptied at opening, and the served table needs its other side while
 * the shadow grows. A shadow grows over many checkpoints, and its tables are tables like others.
 *
 * There is one group at a time, protected by the dispatcher's lock, and any number of snapshots
 * (snapshot.h). Neither waits for the other.
 */
#ifndef REEL_ENGINE_STORE_STORE_H
#define REEL_ENGINE_STORE_STORE_H

#include "engine/store/checkpoint.h"
#include "engine/store/meta.h"
#include "engine/store/snapshot.h"

int store_open(struct store *store, const struct store_options *options, struct reel_error *error);

/* Writes a checkpoint, unless the store is broken, in memory, or left to another process. */
void store_close(struct store *store);

/* A group. The caller makes sure that there is only one at a time, on one thread. If the memtable
 * is full and no checkpoint can make room, store_begin fails (checkpoint_make_room has the errors).
 * Two kinds of groups go further: store_begin_to_trim, for what makes room on the disk, and
 * store_begin_to_fold, for events that were accepted before: there was memory for them then, and
 * the disk may still be full when they are folded again at opening. store_commit makes the group
 * visible and cannot fail; it is called when the log has been synced. store_commit_durably also
 * writes it to LMDB, before it is visible: if that fails, it is as if store_abort had been called.
 * checkpoint_all was called right before that group. */
int store_begin(struct store *store, struct reel_error *error);
int store_begin_to_trim(struct store *store, struct reel_error *error);
int store_begin_to_fold(struct store *store, struct reel_error *error);
void store_commit(struct store *store, uint64_t cursor);
int store_commit_durably(struct store *store, uint64_t cursor, struct reel_error *error);
void store_abort(struct store *store);
bool store_is_writing(const struct store *store);

/* Reads the state between groups. [writer] */
int store_read_state(struct store *store, struct store_state *ret, struct reel_error *error);

/* For an environment that is open: opens the store's own tables, and makes the memtables. And ends
 * this, without a checkpoint. store_open and store_close do the same. */
int store_start(struct store *store, struct reel_error *error);
void store_stop(struct store *store);

/* [writer] What there is to do from time to time, between groups: a memtable that is old is frozen,
 * memory that no view needs is freed. */
void store_tick(struct store *store);

/* [writer] Frees some memory that no view needs. True: views hold more than they may, and nothing
 * can be freed until one ends. */
bool store_holds_too_much(struct store *store);

/* Says that this version may be known to others: a view can see it a moment before its writer says
 * so. Any thread. */
void store_has_shown(struct store *store, uint64_t number);

/* The numbers of a collection's tables. */
struct table_set {
    size_t records, index, fields;
};

/* Opens or creates the tables of a collection, between groups. */
int store_open_collection(struct store *store, const char *name, struct table_set ret[STORE_SETS],
                          struct reel_error *error);

/* Writes a compact copy into a directory, durably. `pace` (or NULL) is called before each part of
 * it is written, and may wait. Any thread. */
struct store_copying {
    const char *directory;
    void (*pace)(void *context, size_t bytes);
    void *context;
};
int store_copy(struct store *store, const struct store_copying *copying, struct reel_error *error);

/* Opens a store that another process may have open, only for copying. */
int store_open_to_read(struct store *store, const char *directory, struct reel_error *error);

#endif
