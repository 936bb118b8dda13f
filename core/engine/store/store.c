/* store.c: see store.h.
 *
 * Why the store survives a crash: LMDB never overwrites a page that the last commit refers to. A
 * commit writes new pages, syncs, and then writes one of two meta pages. From this moment on, the
 * commit is valid. Pages that were written before a crash, without a meta page, are unreachable.
 */
#include "engine/store/store.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "engine/store/checkpoint.h"
#include "engine/store/directory.h"
#include "engine/store/store_file.h"
#include "engine/store/table.h"

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

/* A memtable is written to LMDB when it has so many bytes, or the effects of so many events. */
#define MEMTABLE_BYTES  ((size_t)48 << 20)
#define MEMTABLE_EVENTS 200000

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

/* Opens a database as the table with that number. */
static int open_table(struct store *store, MDB_txn *txn, const char *name, size_t table,
                      struct reel_error *error) {
    int rc = mdb_dbi_open(txn, name, MDB_CREATE, &store->tables[table]);
    if (rc == MDB_DBS_FULL)
        return fail(error, -ENOSPC, "more than %d collections", STORE_COLLECTIONS);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot open the databases", error);
}

/* LMDB's write transaction. Only checkpoints and what makes databases need one. */
static int begin_lmdb(struct store *store, struct reel_error *error) {
    INVARIANT(!store->txn);
    int rc = mdb_txn_begin(store->env, NULL, 0, &store->txn);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot begin a transaction", error);
}

static void abort_lmdb(struct store *store) {
    if (store->txn) mdb_txn_abort(store->txn);
    store->txn = NULL;
}

static int commit_lmdb(struct store *store, struct reel_error *error) {
    int rc = mdb_txn_commit(store->txn);
    store->txn = NULL;
    return rc == 0 ? 0 : store_fail(store, rc, "cannot commit", error);
}

static int open_own_tables(struct store *store, struct reel_error *error) {
    int rc = begin_lmdb(store, error);
    if (rc == 0) rc = open_table(store, store->txn, "meta", TABLE_META, error);
    if (rc == 0) rc = open_table(store, store->txn, "rejected", TABLE_REJECTED, error);
    if (rc == 0) return commit_lmdb(store, error);
    abort_lmdb(store);
    return rc;
}

/* A new store gets its state; an old one is checked. */
static int prepare_state(struct store *store, struct reel_error *error) {
    struct store_state state = {.format = STORE_FORMAT, .first_seq = 1};
    int rc = store_get_state(store, &store->writing, &state);
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
    struct store_state state = {0};
    int rc = store_start(store, error);
    if (rc == 0) rc = store_begin(store, error);
    if (rc < 0) return rc;
    rc = prepare_state(store, error);
    if (rc == 0) rc = store_get_state(store, &store->writing, &state);
    if (rc < 0) {
        store_abort(store);
        return rc;
    }
    store_commit(store, state.cursor);
    rc = store_checkpoint(store, error);
    store->checkpoint_cursor = state.cursor;
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

void store_stop(struct store *store) {
    INVARIANT(!store->txn);
    if (!store->versions) return;
    INVARIANT(!store_is_writing(store));
    if (store->writing.txn) mdb_txn_abort(store->writing.txn);
    store->writing.txn = NULL;
    versions_finish(store->versions);
    free(store->versions);
    store->versions = NULL;
    pthread_mutex_destroy(&store->snapshot_lock);
}

/* What is not in LMDB yet is in the log. So a checkpoint that fails here costs only time at the
 * next opening. */
void store_close(struct store *store) {
    INVARIANT(!store_is_writing(store));
    if (store->versions && !store->in_memory && !atomic_load(&store->broken))
        (void)store_checkpoint(store, NULL);
    store_stop(store);
    if (store->env) mdb_env_close(store->env);
    store->env = NULL;
    free(store->directory);
    store->directory = NULL;
}

/* ---- Checkpoints ----------------------------------------------------------------------------- */

int store_start(struct store *store, struct reel_error *error) {
    int rc = open_own_tables(store, error);
    if (rc < 0) return rc;
    store->table_count = TABLES_OWN;
    struct versions *versions = calloc(1, sizeof *versions);
    if (!versions || versions_init(versions, store->table_count, 0) < 0) {
        free(versions);
        return fail_memory(error);
    }
    store->versions = versions;
    pthread_mutex_init(&store->snapshot_lock, NULL);
    return 0;
}

static bool is_empty(const struct tree *trees, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (trees[i].root || trees[i].cleared) return false;
    return true;
}

/* One transaction of LMDB, which is not committed yet. */
static int write_trees(struct store *store, const struct tree *trees, size_t count,
                       struct reel_error *error) {
    int rc = begin_lmdb(store, error);
    if (rc == 0) rc = checkpoint_write(store, trees, count, error);
    if (rc < 0) abort_lmdb(store);
    return rc;
}

/* LMDB gets the oldest frozen memtable. */
static int write_oldest(struct store *store, struct reel_error *error) {
    const struct version *current = store->versions->current;
    const struct layer *oldest = &current->layers[current->layer_count - 1];
    int rc = 0;
    if (!is_empty(oldest->trees, oldest->tree_count)) {
        rc = write_trees(store, oldest->trees, oldest->tree_count, error);
        if (rc == 0) rc = commit_lmdb(store, error);
    }
    if (rc < 0) return rc;
    store->checkpoint_cursor = oldest->cursor;
    return versions_drop(store->versions) < 0 ? fail_memory(error) : 0;
}

static int freeze(struct store *store, struct reel_error *error) {
    HOLD_LOCK(&store->snapshot_lock);
    if (versions_freeze(store->versions, store->table_count) < 0) return fail_memory(error);
    store->folded = 0;
    return 0;
}

int store_checkpoint(struct store *store, struct reel_error *error) {
    INVARIANT(!store_is_writing(store));
    int rc = check_whole(store, "cannot write a checkpoint", error);
    while (rc == 0 && store->versions->current->layer_count > 1) rc = write_oldest(store, error);
    if (rc == 0) rc = freeze(store, error);
    if (rc == 0) rc = write_oldest(store, error);
    while (versions_reclaim(store->versions)) continue;
    return rc;
}

/* ---- Groups ---------------------------------------------------------------------------------- */

bool store_is_writing(const struct store *store) {
    return store->versions && store->versions->is_open;
}

static bool is_full(const struct store *store) {
    return memtable_bytes(store->versions) >= MEMTABLE_BYTES || store->folded >= MEMTABLE_EVENTS;
}

static int renew(struct store *store) {
    MDB_txn **txn = &store->writing.txn;
    return *txn ? mdb_txn_renew(*txn) : mdb_txn_begin(store->env, NULL, MDB_RDONLY, txn);
}

int store_begin(struct store *store, struct reel_error *error) {
    INVARIANT(!store_is_writing(store));
    int rc = check_whole(store, "cannot write", error);
    if (rc == 0 && is_full(store)) rc = store_checkpoint(store, error);
    if (rc == -ENOSPC && !is_full(store)) rc = 0; /* it waits, and there is room in memory */
    if (rc < 0) return rc;
    rc = renew(store);
    if (rc != 0) return store_fail(store, rc, "cannot begin a group", error);
    if (versions_begin(store->versions) == 0) return 0;
    mdb_txn_reset(store->writing.txn);
    return fail_memory(error);
}

static void publish(struct store *store, uint64_t cursor) {
    mdb_txn_reset(store->writing.txn);
    versions_publish(store->versions, cursor);
    store_has_shown(store, store->versions->current->number);
}

void store_commit(struct store *store, uint64_t cursor) {
    INVARIANT(store_is_writing(store));
    publish(store, cursor);
}

int store_commit_durably(struct store *store, uint64_t cursor, struct reel_error *error) {
    INVARIANT(store_is_writing(store) && store->versions->current->layer_count == 1);
    int rc = write_trees(store, memtable_tree(store->versions, 0), store->table_count, error);
    if (rc == 0) {
        HOLD_LOCK(&store->snapshot_lock);
        rc = commit_lmdb(store, error);
        if (rc == 0) versions_restart(store->versions, cursor);
    }
    if (rc < 0) {
        store_abort(store);
        return rc;
    }
    mdb_txn_reset(store->writing.txn);
    store->checkpoint_cursor = cursor;
    store_has_shown(store, store->versions->current->number);
    return 0;
}

void store_has_shown(struct store *store, uint64_t number) {
    uint64_t newest = atomic_load_explicit(&store->newest_commit, memory_order_relaxed);
    while (newest < number && !atomic_compare_exchange_weak(&store->newest_commit, &newest, number))
        continue;
}

void store_abort(struct store *store) {
    if (!store_is_writing(store)) return;
    mdb_txn_reset(store->writing.txn);
    versions_undo(store->versions);
}

void store_clear(struct store *store, size_t table) {
    memtable_clear(store->versions, table);
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

int store_snapshot(struct store *store, struct snapshot *snapshot) {
    HOLD_LOCK(&store->snapshot_lock);
    MDB_txn **txn = &snapshot->txn;
    int rc = *txn ? mdb_txn_renew(*txn) : mdb_txn_begin(store->env, NULL, MDB_RDONLY, txn);
    if (rc == 0) {
        snapshot->version = version_take(store->versions);
        snapshot->number = snapshot->version->number;
        return 0;
    }
    if (*txn) mdb_txn_abort(*txn);
    *txn = NULL;
    return rc;
}

void store_snapshot_end(struct snapshot *snapshot) {
    if (snapshot->version) version_give_back(snapshot->version);
    snapshot->version = NULL;
    if (snapshot->txn) mdb_txn_reset(snapshot->txn);
}

/* ---- meta ------------------------------------------------------------------------------------ */

/* Another format's state may have another size; its `format` comes first, too. */
static int get_fixed(struct store *store, const struct snapshot *at, struct reel_str key, void *ret,
                     size_t size) {
    struct reel_str value;
    int rc = table_get(store, at, TABLE_META, key, &value, NULL);
    if (rc < 0) return rc;
    memset(ret, 0, size);
    memcpy(ret, value.data, value.len < size ? value.len : size);
    return 0;
}

static int put_fixed(struct store *store, struct reel_str key, const void *from, size_t size,
                     struct reel_error *error) {
    return table_put(store, TABLE_META, key, (struct reel_str){from, size}, error);
}

static const struct reel_str state_key = {STATE_KEY, sizeof STATE_KEY - 1};

int store_get_state(struct store *store, const struct snapshot *at, struct store_state *ret) {
    return get_fixed(store, at, state_key, ret, sizeof *ret);
}

int store_put_state(struct store *store, const struct store_state *state,
                    struct reel_error *error) {
    INVARIANT(state->cursor <= state->head && state->first_seq <= state->head + 1);
    return put_fixed(store, state_key, state, sizeof *state, error);
}

static const struct reel_str origin_key = {ORIGIN_KEY, sizeof ORIGIN_KEY - 1};

int store_get_origin(struct store *store, const struct snapshot *at, struct store_origin *ret) {
    return get_fixed(store, at, origin_key, ret, sizeof *ret);
}

int store_put_origin(struct store *store, const struct store_origin *origin,
                     struct reel_error *error) {
    return put_fixed(store, origin_key, origin, sizeof *origin, error);
}

/* "c/cells", as its database is called too. */
struct collection_key {
    char text[sizeof CONTROL_PREFIX + STORE_NAME_MAX]; /* the longest prefix */
};

static struct reel_str prefixed_key(const char *prefix, const char *name,
                                    struct collection_key *space) {
    INVARIANT(strlen(name) <= STORE_NAME_MAX);
    const char *end = stpcpy(stpcpy(space->text, prefix), name);
    return (struct reel_str){space->text, (size_t)(end - space->text)};
}

int store_get_collection(struct store *store, const struct snapshot *at, const char *name,
                         struct collection_state *ret) {
    struct collection_key space;
    return get_fixed(store, at, prefixed_key(COLLECTION_PREFIX, name, &space), ret, sizeof *ret);
}

int store_put_collection(struct store *store, const char *name,
                         const struct collection_state *state, struct reel_error *error) {
    struct collection_key space;
    return put_fixed(store, prefixed_key(COLLECTION_PREFIX, name, &space), state, sizeof *state,
                     error);
}

int store_get_control(struct store *store, const struct snapshot *at, const char *name,
                      struct collection_control *ret) {
    struct collection_key space;
    return get_fixed(store, at, prefixed_key(CONTROL_PREFIX, name, &space), ret, sizeof *ret);
}

int store_put_control(struct store *store, const char *name,
                      const struct collection_control *control, struct reel_error *error) {
    struct collection_key space;
    return put_fixed(store, prefixed_key(CONTROL_PREFIX, name, &space), control, sizeof *control,
                     error);
}

static const struct reel_str lineage_key = {LINEAGE_KEY, sizeof LINEAGE_KEY - 1};

int store_get_lineage(struct store *store, const struct snapshot *at,
                      struct lineage_entry ret[LINEAGE_MAX]) {
    struct reel_str value;
    int rc = table_get(store, at, TABLE_META, lineage_key, &value, NULL);
    if (rc < 0) return rc == -ENOENT ? 0 : rc;
    size_t count = value.len / sizeof *ret;
    if (count > LINEAGE_MAX) count = LINEAGE_MAX;
    memcpy(ret, value.data, count * sizeof *ret);
    return (int)count;
}

int store_put_lineage(struct store *store, const struct lineage_entry *entries, size_t count,
                      struct reel_error *error) {
    size_t over = count > LINEAGE_MAX ? count - LINEAGE_MAX : 0;
    return put_fixed(store, lineage_key, entries + over, (count - over) * sizeof *entries, error);
}

/* The number of the table that has this database, perhaps a new one. */
static size_t settle_table(struct store *store, MDB_dbi dbi) {
    for (size_t i = TABLES_OWN; i < store->table_count; i++)
        if (store->tables[i] == dbi) return i;
    store->tables[store->table_count] = dbi;
    return store->table_count++;
}

static int open_both(struct store *store, const char *name, MDB_dbi *ret_records,
                     MDB_dbi *ret_index, struct reel_error *error) {
    struct collection_key space;
    int rc = begin_lmdb(store, error);
    if (rc < 0) return rc;
    prefixed_key(COLLECTION_PREFIX, name, &space);
    int opened = mdb_dbi_open(store->txn, space.text, MDB_CREATE, ret_records);
    prefixed_key(INDEX_PREFIX, name, &space);
    if (opened == 0) opened = mdb_dbi_open(store->txn, space.text, MDB_CREATE, ret_index);
    if (opened == 0) return commit_lmdb(store, error);
    abort_lmdb(store);
    if (opened == MDB_DBS_FULL)
        return fail(error, -ENOSPC, "more than %d collections", STORE_COLLECTIONS);
    return store_fail(store, opened, "cannot open the collection", error);
}

int store_open_collection(struct store *store, const char *name, size_t *ret_records,
                          size_t *ret_index, struct reel_error *error) {
    MDB_dbi records, index;
    INVARIANT(!store_is_writing(store));
    if (store->table_count + 2 > STORE_TABLES)
        return fail(error, -ENOSPC, "more than %d collections", STORE_COLLECTIONS);
    int rc = open_both(store, name, &records, &index, error);
    if (rc < 0) return rc;
    *ret_records = settle_table(store, records);
    *ret_index = settle_table(store, index);
    return store_checkpoint(store, error); /* the next memtable has their trees */
}

/* ---- All that `meta` has ----------------------------------------------------------------------
 */

static bool has_prefix(struct reel_str key, const char *prefix) {
    const size_t len = strlen(prefix);
    return key.len > len && memcmp(key.data, prefix, len) == 0;
}

/* Some other format's state may have another size. */
static void give_collection(const struct overlay_row *row,
                            void (*fn)(void *context, const char *name,
                                       const struct collection_state *state),
                            void *context) {
    struct collection_state state = {0};
    char name[STORE_NAME_MAX + 1] = "";
    const size_t before = sizeof COLLECTION_PREFIX - 1;
    if (!has_prefix(row->key, COLLECTION_PREFIX) || row->key.len - before > STORE_NAME_MAX) return;
    memcpy(name, row->key.data + before, row->key.len - before);
    memcpy(&state, row->value.data, row->value.len < sizeof state ? row->value.len : sizeof state);
    fn(context, name, &state);
}

int store_each_collection(struct store *store,
                          void (*fn)(void *context, const char *name,
                                     const struct collection_state *state),
                          void *context) {
    struct snapshot at = {0};
    struct table_walk walk;
    struct overlay_row row;
    int rc = store_snapshot(store, &at);
    if (rc != 0) return store_fail(store, rc, "cannot read meta", NULL);
    table_walk_start(&walk, store, &at, TABLE_META, NULL);
    for (rc = table_seek(&walk, (struct reel_str){"", 0}, SEEK_AT_OR_ABOVE, &row); rc > 0;
         rc = table_next(&walk, &row))
        give_collection(&row, fn, context);
    table_walk_finish(&walk);
    store_snapshot_end(&at);
    mdb_txn_abort(at.txn);
    return rc;
}

/* The first key that depends on the events: 1, and a copy of it; 0: there is none. */
static int find_derived(struct store *store, struct collection_key *space, struct reel_str *ret,
                        struct reel_error *error) {
    struct table_walk walk;
    struct overlay_row row;
    int rc;
    table_walk_start(&walk, store, &store->writing, TABLE_META, error);
    for (rc = table_seek(&walk, (struct reel_str){"", 0}, SEEK_AT_OR_ABOVE, &row); rc > 0;
         rc = table_next(&walk, &row)) {
        if (row.key.len > sizeof space->text) continue;
        if (has_prefix(row.key, COLLECTION_PREFIX) || has_prefix(row.key, CONTROL_PREFIX) ||
            (row.key.len == lineage_key.len &&
             memcmp(row.key.data, lineage_key.data, lineage_key.len) == 0))
            break;
    }
    if (rc > 0) {
        memcpy(space->text, row.key.data, row.key.len);
        *ret = (struct reel_str){space->text, row.key.len};
    }
    table_walk_finish(&walk);
    return rc;
}

int store_empty(struct store *store, struct reel_error *error) {
    struct collection_key space;
    struct reel_str key;
    int rc;
    store_clear(store, TABLE_REJECTED);
    while ((rc = find_derived(store, &space, &key, error)) > 0) {
        rc = table_delete(store, TABLE_META, key, error);
        if (rc < 0) break;
    }
    return rc;
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
    MDB_dbi dbi = store->tables[TABLE_META];
    int rc = check_whole(store, "cannot write", error);
    if (rc == 0) rc = begin_lmdb(store, error);
    if (rc < 0) return rc;
    rc = put ? mdb_put(store->txn, dbi, &key, &value, MDB_RESERVE)
             : mdb_del(store->txn, dbi, &key, NULL);
    if (rc == 0 && put) memset(value.mv_data, 0, value.mv_size);
    if (rc == 0) return commit_lmdb(store, error);
    abort_lmdb(store);
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
    struct store_state state = {0};
    MDB_txn *txn;
    MDB_dbi meta;
    MDB_val key = {state_key.len, (void *)state_key.data}, value;
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) return store_fail(store, rc, "cannot read", error);
    rc = mdb_dbi_open(txn, "meta", 0, &meta);
    if (rc == 0) rc = mdb_get(txn, meta, &key, &value);
    if (rc == 0)
        memcpy(&state, value.mv_data, value.mv_size < sizeof state ? value.mv_size : sizeof state);
    mdb_txn_abort(txn);
    if (rc != 0) return fail(error, -ENOENT, "it contains no store");
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
