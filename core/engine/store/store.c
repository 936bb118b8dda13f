/* store.c: see store.h.
 *
 * Why the store survives a crash: LMDB never overwrites a page that the last commit refers to. A
 * commit writes new pages, syncs, and then writes one of two meta pages. From this moment on, the
 * commit is valid. Pages that were written before a crash, without a meta page, are unreachable.
 */
#include "engine/store/store.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "engine/store/directory.h"
#include "engine/store/store_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define STATE_KEY   "store"
#define LINEAGE_KEY "lineage"
#define ORIGIN_KEY  "origin"

/* A meta key is unlike any collection's name: those have no such prefix. */
#define COLLECTION_PREFIX "c/"
#define INDEX_PREFIX      "x/"
#define CONTROL_PREFIX    "control/"

/* The store's own, and two for each collection. */
#define DATABASES_MAX (3 + 2 * STORE_COLLECTIONS)

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
    error_set(error, "%s: %s; the store cannot be trusted, end this process", doing,
              mdb_strerror(rc));
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

static int check_whole(struct store *store, const char *doing, struct reel_error *error) {
    if (!atomic_load(&store->broken)) return 0;
    return fail(error, -EIO, "%s: the store failed earlier, end this process", doing);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static int open_databases(struct store *store, struct reel_error *error) {
    MDB_txn *txn = store->txn;
    int rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &store->meta);
    if (rc == 0) rc = mdb_dbi_open(txn, "rejected", MDB_CREATE, &store->rejected);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot open the databases", error);
}

/* A new store gets its state; an old one is checked. */
static int prepare_state(struct store *store, struct reel_error *error) {
    struct store_state state = {.format = STORE_FORMAT, .first_seq = 1};
    int rc = store_get_state(store, store->txn, &state);
    if (rc == -ENOENT) return store_put_state(store, &state, error);
    if (rc < 0) return fail(error, rc, "its state cannot be read");
    if (state.format != STORE_FORMAT)
        return fail(error, -EPROTO, "its format is %u, this version reads %u", state.format,
                    STORE_FORMAT);
    if (state.cursor > state.head || state.first_seq > state.head + 1)
        return fail(error, -EBADMSG,
                    "its state is damaged: cursor %llu, first_seq %llu, but the head is %llu",
                    (unsigned long long)state.cursor, (unsigned long long)state.first_seq,
                    (unsigned long long)state.head);
    return 0;
}

static int prepare(struct store *store, struct reel_error *error) {
    int rc = store_begin(store, error);
    if (rc < 0) return rc;
    rc = open_databases(store, error);
    if (rc == 0) rc = prepare_state(store, error);
    if (rc == 0) return store_commit(store, error);
    store_abort(store);
    return rc;
}

/* LMDB maps its lock file and writes to it, so it is allocated before. A cache line for each
 * reader, and a page for what is before them; LMDB takes a larger file for more readers. */
static uint64_t lock_file_bytes(const struct store_options *options) {
    return 4096 + (uint64_t)options->readers_max * 64;
}

static int open_environment(struct store *store, const struct store_options *options,
                            const char *directory, struct reel_error *error) {
    unsigned flags =
        MDB_NOTLS | (store->in_memory ? MDB_NOSYNC : 0) | (options->read_only ? MDB_RDONLY : 0);
    int rc = options->read_only
                 ? directory_check_no_link(directory, "lock.mdb", error)
                 : directory_allocate(directory, "lock.mdb", lock_file_bytes(options), error);
    if (rc < 0) return rc;
    rc = mdb_env_create(&store->env);
    if (rc == 0) rc = mdb_env_set_mapsize(store->env, options->map_bytes);
    if (rc == 0) rc = mdb_env_set_maxdbs(store->env, DATABASES_MAX);
    if (rc == 0) rc = mdb_env_set_maxreaders(store->env, options->readers_max);
    if (rc == 0) rc = mdb_env_open(store->env, directory, flags, 0600);
    if (rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH)
        return fail(error, -EPROTO, "data.mdb: %s", mdb_strerror(rc));
    if (rc > 0) return fail(error, -rc, "data.mdb: %s", strerror(rc));
    if (rc < 0) return fail(error, -EIO, "data.mdb: %s", mdb_strerror(rc));
    return store_file_check(store->env, error);
}

static int open_in(struct store *store, const struct store_options *options, const char *directory,
                   struct reel_error *error) {
    int rc = open_environment(store, options, directory, error);
    return rc < 0 || options->read_only ? rc : prepare(store, error);
}

static int open_in_memory(struct store *store, const struct store_options *options,
                          struct reel_error *error) {
    AUTO_FREE char *directory = NULL;
    int rc = directory_make_temporary(&directory, error);
    if (rc < 0) return rc;
    rc = open_in(store, options, directory, error);
    directory_remove(directory);
    return rc;
}

int store_open(struct store *store, const struct store_options *options, struct reel_error *error) {
    *store = (struct store){.in_memory = !options->directory,
                            .tell_broken = options->tell_broken,
                            .context = options->context};
    int rc;
    if (store->in_memory) {
        rc = open_in_memory(store, options, error);
        if (rc < 0) error_prefix(error, "cannot open a store in memory");
    } else {
        store->directory = strdup(options->directory);
        rc = store->directory ? open_in(store, options, store->directory, error)
                              : fail_memory(error);
        if (rc == 0 && !options->read_only) /* new files' names */
            rc = directory_sync(store->directory, error);
    }
    if (rc < 0) store_close(store);
    return rc;
}

void store_close(struct store *store) {
    INVARIANT(!store->txn);
    if (store->env) mdb_env_close(store->env);
    store->env = NULL;
    free(store->directory);
    store->directory = NULL;
}

/* ---- Transactions ---------------------------------------------------------------------------- */

int store_begin(struct store *store, struct reel_error *error) {
    INVARIANT(!store->txn);
    int rc = check_whole(store, "cannot write", error);
    if (rc < 0) return rc;
    rc = mdb_txn_begin(store->env, NULL, 0, &store->txn);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot begin a transaction", error);
}

int store_commit(struct store *store, struct reel_error *error) {
    INVARIANT(store->txn);
    int rc = mdb_txn_commit(store->txn);
    store->txn = NULL;
    return rc == 0 ? 0 : store_fail(store, rc, "cannot commit", error);
}

void store_has_shown(struct store *store, uint64_t txn_id) {
    uint64_t newest = atomic_load_explicit(&store->newest_commit, memory_order_relaxed);
    while (newest < txn_id && !atomic_compare_exchange_weak(&store->newest_commit, &newest, txn_id))
        continue;
}

void store_abort(struct store *store) {
    if (store->txn) mdb_txn_abort(store->txn);
    store->txn = NULL;
}

/* ---- meta ------------------------------------------------------------------------------------ */

/* Another format's state may have another size; its `format` comes first, too. */
static int get_fixed(struct store *store, MDB_txn *txn, MDB_val key, void *ret, size_t size) {
    MDB_val value;
    int rc = mdb_get(txn, store->meta, &key, &value);
    if (rc == MDB_NOTFOUND) return -ENOENT;
    if (rc != 0) return store_fail(store, rc, "cannot read meta", NULL);
    memset(ret, 0, size);
    memcpy(ret, value.mv_data, value.mv_size < size ? value.mv_size : size);
    return 0;
}

static int put_fixed(struct store *store, MDB_val key, const void *from, size_t size,
                     struct reel_error *error) {
    MDB_val value = {size, (void *)from};
    INVARIANT(store->txn);
    int rc = mdb_put(store->txn, store->meta, &key, &value, 0);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot write meta", error);
}

static const MDB_val state_key = {sizeof STATE_KEY - 1, (void *)STATE_KEY};

int store_get_state(struct store *store, MDB_txn *txn, struct store_state *ret) {
    return get_fixed(store, txn, state_key, ret, sizeof *ret);
}

int store_put_state(struct store *store, const struct store_state *state,
                    struct reel_error *error) {
    INVARIANT(state->cursor <= state->head && state->first_seq <= state->head + 1);
    return put_fixed(store, state_key, state, sizeof *state, error);
}

static const MDB_val origin_key = {sizeof ORIGIN_KEY - 1, (void *)ORIGIN_KEY};

int store_get_origin(struct store *store, MDB_txn *txn, struct store_origin *ret) {
    return get_fixed(store, txn, origin_key, ret, sizeof *ret);
}

int store_put_origin(struct store *store, const struct store_origin *origin,
                     struct reel_error *error) {
    return put_fixed(store, origin_key, origin, sizeof *origin, error);
}

/* "c/cells", as its database is called too. */
struct collection_key {
    char text[sizeof CONTROL_PREFIX + STORE_NAME_MAX]; /* the longest prefix */
};

static MDB_val prefixed_key(const char *prefix, const char *name, struct collection_key *space) {
    INVARIANT(strlen(name) <= STORE_NAME_MAX);
    const char *end = stpcpy(stpcpy(space->text, prefix), name);
    return (MDB_val){(size_t)(end - space->text), space->text};
}

int store_get_collection(struct store *store, MDB_txn *txn, const char *name,
                         struct collection_state *ret) {
    struct collection_key space;
    return get_fixed(store, txn, prefixed_key(COLLECTION_PREFIX, name, &space), ret, sizeof *ret);
}

int store_put_collection(struct store *store, const char *name,
                         const struct collection_state *state, struct reel_error *error) {
    struct collection_key space;
    return put_fixed(store, prefixed_key(COLLECTION_PREFIX, name, &space), state, sizeof *state,
                     error);
}

int store_get_control(struct store *store, MDB_txn *txn, const char *name,
                      struct collection_control *ret) {
    struct collection_key space;
    return get_fixed(store, txn, prefixed_key(CONTROL_PREFIX, name, &space), ret, sizeof *ret);
}

int store_put_control(struct store *store, const char *name,
                      const struct collection_control *control, struct reel_error *error) {
    struct collection_key space;
    return put_fixed(store, prefixed_key(CONTROL_PREFIX, name, &space), control, sizeof *control,
                     error);
}

static const MDB_val lineage_key = {sizeof LINEAGE_KEY - 1, (void *)LINEAGE_KEY};

int store_get_lineage(struct store *store, MDB_txn *txn, struct lineage_entry ret[LINEAGE_MAX]) {
    MDB_val key = lineage_key, value;
    int rc = mdb_get(txn, store->meta, &key, &value);
    if (rc == MDB_NOTFOUND) return 0;
    if (rc != 0) return store_fail(store, rc, "cannot read meta", NULL);
    size_t count = value.mv_size / sizeof *ret;
    if (count > LINEAGE_MAX) count = LINEAGE_MAX;
    memcpy(ret, value.mv_data, count * sizeof *ret);
    return (int)count;
}

int store_put_lineage(struct store *store, const struct lineage_entry *entries, size_t count,
                      struct reel_error *error) {
    size_t over = count > LINEAGE_MAX ? count - LINEAGE_MAX : 0;
    return put_fixed(store, lineage_key, entries + over, (count - over) * sizeof *entries, error);
}

int store_open_collection(struct store *store, const char *name, MDB_dbi *ret_records,
                          MDB_dbi *ret_index, struct reel_error *error) {
    struct collection_key space;
    prefixed_key(COLLECTION_PREFIX, name, &space);
    int rc = mdb_dbi_open(store->txn, space.text, MDB_CREATE, ret_records);
    prefixed_key(INDEX_PREFIX, name, &space);
    if (rc == 0) rc = mdb_dbi_open(store->txn, space.text, MDB_CREATE, ret_index);
    if (rc == MDB_DBS_FULL)
        return fail(error, -ENOSPC, "more than %d collections", STORE_COLLECTIONS);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot open the collection", error);
}

static bool has_prefix(const MDB_val *key, const char *prefix) {
    const size_t len = strlen(prefix);
    return key->mv_size > len && memcmp(key->mv_data, prefix, len) == 0;
}

static bool is_collection_key(const MDB_val *key) {
    return has_prefix(key, COLLECTION_PREFIX);
}

/* Some other format's state may have another size. */
static int each_collection(MDB_cursor *cursor,
                           void (*fn)(void *context, const char *name,
                                      const struct collection_state *state),
                           void *context) {
    MDB_val key, value;
    int rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        struct collection_state state = {0};
        char name[STORE_NAME_MAX + 1] = "";
        const size_t before = sizeof COLLECTION_PREFIX - 1;
        if (!is_collection_key(&key) || key.mv_size - before > STORE_NAME_MAX) continue;
        memcpy(name, (const char *)key.mv_data + before, key.mv_size - before);
        memcpy(&state, value.mv_data, value.mv_size < sizeof state ? value.mv_size : sizeof state);
        fn(context, name, &state);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int store_each_collection(struct store *store,
                          void (*fn)(void *context, const char *name,
                                     const struct collection_state *state),
                          void *context) {
    MDB_txn *txn;
    MDB_cursor *cursor;
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) return store_fail(store, rc, "cannot read meta", NULL);
    rc = mdb_cursor_open(txn, store->meta, &cursor);
    if (rc == 0) {
        rc = each_collection(cursor, fn, context);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot read meta", NULL);
}

static int forget_collections(struct store *store) {
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_cursor_open(store->txn, store->meta, &cursor);
    if (rc != 0) return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        if (!is_collection_key(&key) && !has_prefix(&key, CONTROL_PREFIX)) continue;
        if ((rc = mdb_cursor_del(cursor, 0)) != 0) break;
    }
    mdb_cursor_close(cursor);
    if (rc != MDB_NOTFOUND) return rc;
    key = lineage_key;
    rc = mdb_del(store->txn, store->meta, &key, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int store_empty(struct store *store, struct reel_error *error) {
    INVARIANT(store->txn);
    int rc = mdb_drop(store->txn, store->rejected, 0);
    if (rc == 0) rc = forget_collections(store);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot empty the store", error);
}

/* ---- Sizes ----------------------------------------------------------------------------------- */

uint64_t store_file_bytes(struct store *store) {
    MDB_stat stat;
    MDB_envinfo info;
    mdb_env_stat(store->env, &stat); /* cannot fail: there is an environment */
    mdb_env_info(store->env, &info);
    return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}

/* ---- Room ------------------------------------------------------------------------------------ */

/* Commits a value of FULL_BELOW_BYTES, or its end. What may stay of it is overwritten the next
 * time. */
static int try_room(struct store *store, bool put, struct reel_error *error) {
    static const char key_text[] = "room";
    MDB_val key = {sizeof key_text - 1, (void *)key_text}, value = {FULL_BELOW_BYTES, NULL};
    int rc = store_begin(store, error);
    if (rc < 0) return rc;
    rc = put ? mdb_put(store->txn, store->meta, &key, &value, MDB_RESERVE)
             : mdb_del(store->txn, store->meta, &key, NULL);
    if (rc == 0 && put) memset(value.mv_data, 0, value.mv_size);
    if (rc == 0) return store_commit(store, error);
    store_abort(store);
    return store_fail(store, rc, "cannot check whether there is space", error);
}

int store_try_room(struct store *store, struct reel_error *error) {
    int rc = try_room(store, true, error);
    return rc < 0 ? rc : try_room(store, false, error);
}

/* ---- Reading beside a writer ----------------------------------------------------------------- */

/* A reader in another process than the writer's: LMDB's lock file is made for that. The map is as
 * large as the file says it was when it was last opened, or its content needs. */
static int check_read_only(struct store *store, struct reel_error *error) {
    struct store_state state;
    MDB_txn *txn;
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) return store_fail(store, rc, "cannot read", error);
    rc = mdb_dbi_open(txn, "meta", 0, &store->meta);
    rc = rc == 0 ? store_get_state(store, txn, &state) : -ENOENT;
    mdb_txn_abort(txn);
    if (rc < 0) return fail(error, rc, "it contains no store");
    return state.format == STORE_FORMAT
               ? 0
               : fail(error, -EPROTO, "its format is %u, this version reads %u", state.format,
                      STORE_FORMAT);
}

int store_open_to_read(struct store *store, const char *directory, struct reel_error *error) {
    struct store_options options = {.directory = directory, .readers_max = 8, .read_only = true};
    int rc = store_open(store, &options, error);
    if (rc == 0) rc = check_read_only(store, error);
    if (rc < 0) store_close(store);
    return rc;
}

void store_check_readers(struct store *store) {
    int dead;
    mdb_reader_check(store->env, &dead); /* what it cannot do now, it can in a second */
}
