/* store.h: one LMDB environment: opening it, transactions, and what its errors mean.
 *
 * It is derived from the log (engine/log) and holds nothing that the log does not have. A store is
 * a directory with data.mdb and lock.mdb, or, in memory, the same on unlinked files and without
 * syncing. It holds the databases
 *     meta       "store" → struct store_state; "origin" → struct store_origin;
 *                "c/" and a collection's name → struct collection_state
 *                "control/" and its name → struct collection_control
 *                "lineage" → the log's epochs, oldest first: struct lineage_entry
 *     rejected   seq, collection → reason (rejected.h)
 *     c/<name>   key → record (keys.h, record.h), one a collection
 *     x/<name>   its records in the order of their changes (index.h)
 *
 * LMDB is MVCC. There is one write transaction at a time, protected by the dispatcher's lock, and
 * any number of read transactions (view.h). Read and write transactions do not wait for each other.
 */
#ifndef REEL_ENGINE_STORE_STORE_H
#define REEL_ENGINE_STORE_STORE_H

#include "base/build_id.h"
#include "base/error.h"

#include <lmdb.h>
#include <stdatomic.h>

#define STORE_FORMAT      3
#define STORE_COLLECTIONS 256 /* most that can be loaded at one time */
#define STORE_NAME_MAX    63  /* longest name of a collection, in bytes */

/* Counts of messages of the mirrored stream that were never received, since the log began. The log
 * has each gap (LOG_GAP), until it is trimmed. */
struct store_gaps {
    uint64_t count, messages;
    uint64_t from, to; /* the newest gap */
};

/* The state of the store, as stored in `meta`, in native byte order, like all of LMDB's data. */
struct store_state {
    uint32_t format;
    uint32_t is_backup; /* a copy that has no epoch of its own yet */
    uint8_t epoch[16];
    uint64_t cursor;
    uint64_t first_seq; /* the floor: the oldest seq that the log may still have */
    uint64_t head;
    uint64_t applied, ignored, rejected;
    uint64_t txn_id; /* LMDB's number of the transaction that wrote this */
    struct store_gaps gaps;
    uint64_t log_salt, log_number, log_at, log_chain; /* the log was synced up to there (log.h) */
    uint64_t first_deletion; /* the floor of deletions: older tombstones may be gone */
    uint64_t controls;       /* the number of the log's control that was folded last (log.h) */
};

/* The state of one collection, whether its plugin is loaded or not. */
struct collection_state {
    uint32_t revision;
    uint32_t settings_hash; /* of the values of its projector's settings; 0: it has none */
    uint64_t fields_hash;
    uint64_t cursor;
    uint64_t from_seq;
    uint64_t records;
    uint64_t applied, ignored, rejected;
    uint64_t json_bytes;              /* JSON of all records */
    uint64_t changed;                 /* seq of the event that last changed a record; 0: none */
    uint8_t build_id[BUILD_ID_BYTES]; /* of the object that folded its records; or zeros */
    uint32_t reserved_2;
};

/* What the log's controls say of one collection, whether or not its plugin is loaded. */
struct collection_control {
    uint64_t generation;
    uint64_t rebuild;     /* the number of the control by which its rebuild was begun last, or 0 */
    uint64_t rebuild_met; /* and of the one for which it was emptied */
    uint32_t paused;      /* 0 or 1 */
    uint32_t reserved;
};

/* The log had this epoch from that seq on, until the next one in the list. */
struct lineage_entry {
    uint8_t epoch[16];
    uint64_t from_seq;
};
#define LINEAGE_MAX 256

/* The stream that this log mirrors, also kept in `meta`; a log of our own has none. */
struct store_origin {
    uint64_t created_ns;     /* when the stream was created, ns since 1970, UTC */
    uint8_t stream_hash[16]; /* ids_hash of its name */
    uint8_t filter_hash[16]; /* and of its filter */
    uint8_t salt[16]; /* all zero, unless the log was replaced although the stream is the same */
};

struct store {
    MDB_env *env;
    MDB_dbi meta, rejected;
    MDB_txn *txn;    /* the write transaction, while there is one */
    char *directory; /* NULL: in memory */
    bool in_memory;
    bool in_place_of_empty; /* a data.mdb without content was there before */
    atomic_bool broken;     /* a sync failed, or LMDB failed: nothing works any more */
    atomic_uint_fast64_t
        newest_commit; /* LMDB's number of the newest commit that any thread knows of */
    void (*tell_broken)(void *context, const char *sentence); /* called once; or NULL */
    void *context;
};

struct store_options {
    const char *directory; /* NULL: in memory */
    uint64_t map_bytes;
    uint32_t readers_max;
    bool read_only; /* another process may be writing */

    /* Called once, by the thread that finds that the store is broken, with any locks held: it must
     * only note this. NULL: not called. [any thread] */
    void (*tell_broken)(void *context, const char *sentence);
    void *context;
};

int store_open(struct store *store, const struct store_options *options, struct reel_error *error);
void store_close(struct store *store);

/* The write transaction. The caller makes sure that there is only one at a time, on one thread. If
 * a commit fails, the transaction is gone, and nothing has happened. */
int store_begin(struct store *store, struct reel_error *error);
int store_commit(struct store *store, struct reel_error *error);
void store_abort(struct store *store);

/* Says that this commit may be known to others: a view can see it a moment before its writer knows
 * that it was made. Any thread. */
void store_has_shown(struct store *store, uint64_t txn_id);

/* Converts an LMDB result to a code and a sentence. If it means that the store is broken, marks and
 * reports it. */
int store_fail(struct store *store, int rc, const char *doing, struct reel_error *error);

/* Marks the store as broken, for a reason that another part has found, and reports it. */
void store_break(struct store *store, const char *sentence);

/* `meta`. The transaction may be read-only. -ENOENT: nothing is stored about this collection. */
int store_get_state(struct store *store, MDB_txn *txn, struct store_state *ret);
int store_put_state(struct store *store, const struct store_state *state, struct reel_error *error);
int store_get_collection(struct store *store, MDB_txn *txn, const char *name,
                         struct collection_state *ret);
int store_put_collection(struct store *store, const char *name,
                         const struct collection_state *state, struct reel_error *error);

/* -ENOENT: no control was about that collection. */
int store_get_control(struct store *store, MDB_txn *txn, const char *name,
                      struct collection_control *ret);
int store_put_control(struct store *store, const char *name,
                      const struct collection_control *control, struct reel_error *error);

/* The lineage: how many entries. Of more than LINEAGE_MAX the oldest are forgotten. */
int store_get_lineage(struct store *store, MDB_txn *txn, struct lineage_entry ret[LINEAGE_MAX]);
int store_put_lineage(struct store *store, const struct lineage_entry *entries, size_t count,
                      struct reel_error *error);

/* Gives the state of each collection that is known, loaded or not, as of the last commit. */
int store_each_collection(struct store *store,
                          void (*fn)(void *context, const char *name,
                                     const struct collection_state *state),
                          void *context);

/* -ENOENT: the log does not mirror a stream. */
int store_get_origin(struct store *store, MDB_txn *txn, struct store_origin *ret);
int store_put_origin(struct store *store, const struct store_origin *origin,
                     struct reel_error *error);

/* Removes all data that depend on events, and the states of all collections. The records of
 * collections that are not loaded are removed when they are loaded. */
int store_empty(struct store *store, struct reel_error *error);

/* Opens or creates the databases of a collection, within the write transaction. */
int store_open_collection(struct store *store, const char *name, MDB_dbi *ret_records,
                          MDB_dbi *ret_index, struct reel_error *error);

/* Checks whether there is space for a transaction of some size. Returns 0, or the error that it
 * would get. Call it outside of any transaction: it commits two, which leave nothing. */
int store_try_room(struct store *store, struct reel_error *error);

/* Size of the part of the file that is in use. Any thread. */
uint64_t store_file_bytes(struct store *store);

/* Frees the reader slots of processes that have died, such as a backup that was killed. */
void store_check_readers(struct store *store);

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
