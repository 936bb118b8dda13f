/* environment.h: what the files of this room share: an LMDB environment, the memtables over it, and
 * what LMDB's errors mean.
 */
#ifndef REEL_ENGINE_STORE_ENVIRONMENT_H
#define REEL_ENGINE_STORE_ENVIRONMENT_H

#include "base/error.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define STORE_COLLECTIONS 256 /* most that can be loaded at one time */
#define STORE_NAME_MAX    63  /* longest name of a collection, in bytes */
#define STORE_SETS        2   /* sets of tables that each collection has (store.h) */

/* The tables: the number of each is that of its tree. */
enum { TABLE_META, TABLE_REJECTED, TABLES_OWN };
#define STORE_TABLES (TABLES_OWN + 3 * STORE_SETS * STORE_COLLECTIONS)

/* One bit for each table. Set: its second database is current; or in a set of changes: both change
 * places (sides.h). */
struct sides {
    uint64_t bits[(STORE_TABLES + 63) / 64];
};

struct versions;
struct version;
struct checkpointer;

/* A point in time. Without a version: what the writer sees, its open group included. */
struct snapshot {
    struct version *version;
    uint64_t number; /* the version's */
    MDB_txn *txn;
    struct sides sides; /* as `txn` sees them */
};

struct store {
    MDB_env *env;
    MDB_dbi tables[STORE_TABLES][2]; /* both sides of each; the store's own have one */
    size_t table_count;
    struct sides sides;    /* of LMDB's last commit */
    struct sides changing; /* and what the transaction of this number changes, */
    uint64_t changing_txn; /* which is being committed; or 0 */
    size_t rewrite_leaves_min, rewrite_slice_bytes; /* rewrite.h */
    struct versions *versions;                      /* NULL: it is only copied from */
    struct checkpointer *checkpointer;              /* checkpoint.h */
    pthread_mutex_t snapshot_lock;                  /* snapshot.h; and of `sides` */
    struct snapshot writing; /* the open group's; its `txn` is reset between groups */
    MDB_txn *txn;            /* LMDB's write transaction, of the thread that writes a checkpoint */
    uint64_t folded;         /* [writer] events that the active memtable has folded */
    uint64_t needed_after;   /* [writer] all collections have folded all events up to it */
    size_t memtable_bytes;   /* the memtable is full then */
    size_t group_bytes;      /* and a group that has begun goes on to so many */
    size_t held_bytes_max;   /* of versions that only views need */
    size_t bytes_max;        /* [writer] or the open one to these */
    char *directory;         /* NULL: in memory */
    bool in_memory;
    bool read_only;         /* nobody depends on it: that it is broken ends nothing */
    bool is_scratch;        /* it can be made again at any time: nothing is synced */
    bool in_place_of_empty; /* a data.mdb without content was there before */
    atomic_bool broken;     /* a sync failed, or LMDB failed: nothing works any more */
    atomic_bool
        damaged; /* and LMDB's file is not what it should be: opening it again does not help */
    atomic_uint_fast64_t
        newest_commit; /* the number of the newest version that any thread knows of */
    void (*tell_broken)(void *context, const char *sentence); /* called once; or NULL */
    void *context;
};

struct store_options {
    const char *directory; /* NULL: in memory */
    uint64_t map_bytes;    /* in memory: of the memtable */
    uint32_t readers_max;
    bool read_only;  /* another process may be writing */
    bool is_scratch; /* in a directory, and not synced: a crash of the machine may damage it */

    /* Called once, by the thread that finds that the store is broken, with any locks held: it must
     * only note this. NULL: not called. [any thread] */
    void (*tell_broken)(void *context, const char *sentence);
    void *context;
};

/* Opens LMDB's files in a directory, for options that are in `store` already. environment_close
 * also ends one that could not be opened. */
int environment_open(struct store *store, const struct store_options *options,
                     const char *directory, struct reel_error *error);
void environment_close(struct store *store);

/* Converts an LMDB result to a code and a sentence. If it means that the store is broken, marks and
 * reports it. */
int store_fail(struct store *store, int rc, const char *doing, struct reel_error *error);

/* Marks the store as broken, for a reason that another part has found, and reports it. [any
 * thread] */
void store_break(struct store *store, const char *sentence);

/* -EIO: it is broken. */
int store_check_whole(struct store *store, const char *doing, struct reel_error *error);

/* LMDB's write transaction. Only checkpoints and what makes databases need one. */
int environment_begin(struct store *store, struct reel_error *error);
int environment_commit(struct store *store, struct reel_error *error);
void environment_abort(struct store *store);

/* Opens a database, or creates it, as the table with that number. */
int environment_open_table(struct store *store, const char *name, size_t table,
                           struct reel_error *error);

/* Size of the part of the file that is in use. [any thread] */
uint64_t store_file_bytes(struct store *store);

/* Frees the reader slots of processes that have died, such as a backup that was killed. */
void store_check_readers(struct store *store);

#endif
