/* stored.h: what LMDB has of a store, which is its last checkpoint: read in one transaction,
 * without memtables. Another process may have the store open, and may be writing it.
 *
 * LMDB trusts its file. A file that is damaged may end the process that reads it.
 */
#ifndef REEL_ENGINE_STORE_STORED_H
#define REEL_ENGINE_STORE_STORED_H

#include "engine/store/field_index.h"
#include "engine/store/store.h"

struct stored_collection {
    char name[STORE_NAME_MAX + 1];
    bool has_state; /* else only controls are known of it */
    struct collection_state state;
    struct collection_control control;
    bool has_fields; /* it has indexes of fields (field_index.h), or they are being built */
    struct tracked_fields tracked;
    struct field_progress progress;
    bool is_shadow;
    struct stored_collection *shadow; /* the records of its rebuild (fold/shadow.h); or NULL */
};

struct stored {
    struct store store;
    MDB_txn *txn;
    struct store_state state;
    struct lineage_entry lineage[LINEAGE_MAX];
    size_t lineage_count;
    struct stored_collection *collections; /* by name */
    size_t count;
};

/* Reads all of `meta`. stored_end ends the transaction, which keeps LMDB from using pages again;
 * what was read of `meta` is there until stored_close. Both accept one that could not be opened, or
 * is all zero. */
int stored_open(struct stored *stored, const char *directory, struct reel_error *error);
void stored_end(struct stored *stored);
void stored_close(struct stored *stored);

/* The collection of this name; NULL: the store does not have it. */
const struct stored_collection *stored_find(const struct stored *stored, const char *name);

/* The database that is current of its records, the order of their changes, and its indexes of
 * fields. */
int stored_open_records(struct stored *stored, const struct stored_collection *collection,
                        MDB_dbi *ret, struct reel_error *error);
int stored_open_order(struct stored *stored, const struct stored_collection *collection,
                      MDB_dbi *ret, struct reel_error *error);
int stored_open_fields(struct stored *stored, const struct stored_collection *collection,
                       MDB_dbi *ret, struct reel_error *error);

/* Before the first rejection. To be closed (mdb_cursor_close). */
int stored_open_rejections(struct stored *stored, MDB_cursor **ret, struct reel_error *error);

/* Calls `fn` for each row, in key order, until it does not return 0. */
int stored_each(struct stored *stored, MDB_dbi dbi,
                int (*fn)(void *context, struct reel_str key, struct reel_str value), void *context,
                struct reel_error *error);

/* What the records of a collection add up to. The record's shape is in its state. -EBADMSG: a
 * record is damaged. */
struct stored_sums {
    uint64_t records, json_bytes;
    struct digest digest;
};
int stored_add_up(struct stored *stored, const struct stored_collection *collection,
                  struct stored_sums *ret, struct reel_error *error);

/* Are the indexes of its fields, and the counts of their values, what the records say? -EBADMSG:
 * they are not, or a record is damaged. */
int stored_check_fields(struct stored *stored, const struct stored_collection *collection,
                        struct reel_error *error);

/* Likewise the order of its changes, and what it knows of deleted records. */
int stored_check_order(struct stored *stored, const struct stored_collection *collection,
                       struct reel_error *error);

struct stored_sizes {
    uint64_t file_bytes, page_bytes;
    uint64_t pages;      /* that LMDB has used so far: the file may have more */
    uint64_t free_pages; /* of them, to be used again */
    uint64_t checkpoint; /* LMDB's number of the last transaction */
    uint64_t rejections; /* also those of shadows */
};
int stored_measure(struct stored *stored, struct stored_sizes *ret, struct reel_error *error);

#endif
