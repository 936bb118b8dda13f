/* environment.c: see environment.h.
 *
 * Why LMDB survives a crash: it never overwrites a page that the last commit refers to. A commit
 * writes new pages, syncs, and then writes one of two meta pages. From this moment on, the commit
 * is valid. Pages that were written before a crash, without a meta page, are unreachable.
 */
#include "engine/store/environment.h"

#include "base/invariant.h"
#include "engine/store/directory.h"
#include "engine/store/store_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

/* The store's own, and two databases for each table of a collection. */
#define DATABASES_MAX (TABLES_OWN + 1 + 2 * (STORE_TABLES - TABLES_OWN))

/* With less left than this, an EIO is taken for a full disk: LMDB reports a short write so. */
#define FULL_BELOW_BYTES ((uint64_t)1 << 20)

/* ---- Errors ---------------------------------------------------------------------------------- */

static bool disk_is_full(const struct store *store) {
    int fd;
    struct statvfs fs;
    if (store->directory && !directory_has_room(store->directory, FULL_BELOW_BYTES)) return true;
    if (mdb_env_get_fd(store->env, &fd) != 0 || fstatvfs(fd, &fs) < 0) return false;
    return (uint64_t)fs.f_bavail * fs.f_frsize < FULL_BELOW_BYTES;
}

void store_break(struct store *store, const char *sentence) {
    if (!atomic_exchange(&store->broken, true) && store->tell_broken)
        store->tell_broken(store->context, sentence);
}

static int fail_broken(struct store *store, int rc, const char *doing, struct reel_error *error) {
    struct reel_error own;
    if (!error) error = &own;
    error_set(error, "%s: %s%s", doing, mdb_strerror(rc),
              store->read_only ? "" : "; the store cannot be trusted, end this process");
    atomic_store(&store->damaged, true);
    store_break(store, error->text);
    return -EIO;
}

int store_fail(struct store *store, int rc, const char *doing, struct reel_error *error) {
    if (rc == EIO && disk_is_full(store)) rc = ENOSPC;
    switch (rc) {
    case MDB_MAP_FULL:
        return fail(error, -ENOSPC, "%s: the store has reached map_bytes", doing);
    case ENOSPC:
    case EDQUOT:
        return fail(error, -ENOSPC, "%s: the disk is full", doing);
    case ENOMEM:
        return fail(error, -ENOMEM, "%s: out of memory", doing);
    case MDB_READERS_FULL:
        return fail(error, -EAGAIN, "%s: views_max views are open", doing);
    case MDB_NOTFOUND:
        return fail(error, -ENOENT, "%s: not found", doing);
    default:
        return fail_broken(store, rc, doing, error);
    }
}

int store_check_whole(struct store *store, const char *doing, struct reel_error *error) {
    if (!atomic_load(&store->broken)) return 0;
    return fail(error, -EIO, "%s: the store failed earlier, end this process", doing);
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* LMDB maps its lock file and writes to it, so it is allocated before. A cache line for each
 * reader, and a page for what is before them; LMDB takes a larger file for more readers. */
static uint64_t lock_file_bytes(const struct store_options *options) {
    return 4096 + (uint64_t)options->readers_max * 64;
}

int environment_open(struct store *store, const struct store_options *options,
                     const char *directory, struct reel_error *error) {
    unsigned flags = MDB_NOTLS | (store->in_memory || store->is_scratch ? MDB_NOSYNC : 0) |
                     (options->read_only ? MDB_RDONLY : 0);
    int rc = options->read_only
                 ? directory_check_no_link(directory, "lock.mdb", error)
                 : directory_allocate(directory, "lock.mdb", lock_file_bytes(options), error);
    if (rc < 0) return rc;
    rc = mdb_env_create(&store->env);
    if (rc == 0) rc = mdb_env_set_mapsize(store->env, options->map_bytes);
    if (rc == 0) rc = mdb_env_set_maxdbs(store->env, DATABASES_MAX);
    if (rc == 0) rc = mdb_env_set_maxreaders(store->env, options->readers_max);
    if (rc == 0) rc = mdb_env_open(store->env, directory, flags, 0600);
    /* A process that was killed may have written a meta page that is not on the disk yet, but is
     * seen by all: nothing may be removed from the log because of such a commit. */
    if (rc == 0 && !(flags & (MDB_RDONLY | MDB_NOSYNC))) rc = mdb_env_sync(store->env, 1);
    if (rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH)
        return fail(error, -EPROTO, "data.mdb: %s", mdb_strerror(rc));
    if (rc > 0) return fail(error, -rc, "data.mdb: %s", strerror(rc));
    if (rc < 0) return fail(error, -EIO, "data.mdb: %s", mdb_strerror(rc));
    return store_file_check(store->env, error);
}

void environment_close(struct store *store) {
    if (store->env) mdb_env_close(store->env);
    store->env = NULL;
}

/* ---- Writing --------------------------------------------------------------------------------- */

int environment_begin(struct store *store, struct reel_error *error) {
    INVARIANT(!store->txn);
    int rc = mdb_txn_begin(store->env, NULL, 0, &store->txn);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot begin a transaction", error);
}

int environment_commit(struct store *store, struct reel_error *error) {
    int rc = mdb_txn_commit(store->txn);
    store->txn = NULL;
    return rc == 0 ? 0 : store_fail(store, rc, "cannot commit", error);
}

void environment_abort(struct store *store) {
    if (store->txn) mdb_txn_abort(store->txn);
    store->txn = NULL;
}

int environment_open_table(struct store *store, const char *name, size_t table,
                           struct reel_error *error) {
    INVARIANT(table < STORE_TABLES);
    MDB_dbi *sides = store->tables[table];
    int rc = mdb_dbi_open(store->txn, name, MDB_CREATE, &sides[0]);
    sides[1] = sides[0];
    if (rc == MDB_DBS_FULL)
        return fail(error, -ENOSPC, "more than %d collections", STORE_COLLECTIONS);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot open the databases", error);
}

/* ---- Sizes ----------------------------------------------------------------------------------- */

uint64_t store_file_bytes(struct store *store) {
    MDB_stat stat;
    MDB_envinfo info;
    mdb_env_stat(store->env, &stat); /* cannot fail: there is an environment */
    mdb_env_info(store->env, &info);
    return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}

void store_check_readers(struct store *store) {
    int dead;
    mdb_reader_check(store->env, &dead); /* what it cannot do now, it can in a second */
}
