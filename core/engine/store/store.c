/* store.c: see store.h. */
#include "engine/store/store.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "engine/store/directory.h"
#include "engine/store/memtable/version.h"
#include "engine/store/rewrite.h"
#include "engine/store/sides.h"
#include "engine/store/store_file.h"
#include "engine/store/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Slices in which memory is freed, in one tick: about 10 ms. */
#define SLICES_PER_TICK 100

/* Most memory that waits to be freed when a group begins. */
#define BACKLOG_BYTES_MAX ((size_t)16 << 20)

/* Most memory of versions that only views need: more than a memtable. */
#define HELD_BYTES_MAX ((size_t)192 << 20)

/* ---- The memtables --------------------------------------------------------------------------- */

static int open_own_tables(struct store *store, struct reel_error *error) {
    int rc = environment_begin(store, error);
    if (rc == 0) rc = environment_open_table(store, "meta", TABLE_META, error);
    if (rc == 0) rc = environment_open_table(store, "rejected", TABLE_REJECTED, error);
    if (rc == 0) return environment_commit(store, error);
    environment_abort(store);
    return rc;
}

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
    return checkpoint_init(store) < 0 ? fail_memory(error) : 0;
}

void store_stop(struct store *store) {
    checkpoint_finish(store);
    INVARIANT(!store->txn); /* the thread may have had one */
    if (!store->versions) return;
    INVARIANT(!store_is_writing(store));
    if (store->writing.txn) mdb_txn_abort(store->writing.txn);
    store->writing.txn = NULL;
    versions_finish(store->versions);
    free(store->versions);
    store->versions = NULL;
    pthread_mutex_destroy(&store->snapshot_lock);
}

void store_tick(struct store *store) {
    INVARIANT(!store_is_writing(store));
    (void)checkpoint_make_room(store, NULL); /* if it fails, the next group says so */
    for (int i = 0; i < SLICES_PER_TICK && versions_reclaim(store->versions); i++) continue;
}

bool store_holds_too_much(struct store *store) {
    struct versions *versions = store->versions;
    if (versions->held_bytes <= store->held_bytes_max) return false;
    return !versions_reclaim(versions) && versions->held_bytes > store->held_bytes_max;
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* A new store gets its state; an old one is checked. A store of the format before becomes one of
 * this format, which the version before does not read. */
static int prepare_state(struct store *store, struct reel_error *error) {
    struct store_state state = {.format = STORE_FORMAT, .first_seq = 1};
    int rc = meta_get_state(store, &store->writing, &state);
    if (rc == -ENOENT) return meta_put_state(store, &state, error);
    if (rc < 0) return fail(error, rc, "its state cannot be read");
    rc = meta_accept_format(state.format, error);
    if (rc < 0) return rc;
    if (state.cursor > state.head || state.first_seq > state.head + 1)
        return fail(error, -EBADMSG,
                    "its state is damaged: cursor %llu, first_seq %llu, but the head is %llu",
                    (unsigned long long)state.cursor, (unsigned long long)state.first_seq,
                    (unsigned long long)state.head);
    if (state.format == STORE_FORMAT) return 0;
    state.format = STORE_FORMAT; /* indexes of fields are built where they are missing */
    return meta_put_state(store, &state, error);
}

static int prepare(struct store *store, struct reel_error *error) {
    struct store_state state = {0};
    int rc = store_start(store, error);
    if (rc == 0) rc = store_begin(store, error);
    if (rc < 0) return rc;
    rc = prepare_state(store, error);
    if (rc == 0) rc = meta_get_state(store, &store->writing, &state);
    if (rc < 0) {
        store_abort(store);
        return rc;
    }
    store_commit(store, state.cursor);
    return checkpoint_all(store, error);
}

static int open_in(struct store *store, const struct store_options *options, const char *directory,
                   struct reel_error *error) {
    int rc = environment_open(store, options, directory, error);
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

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static void limit_memtable(struct store *store, const struct store_options *options) {
    size_t bytes = least(options->map_bytes / 4, MEMTABLE_BYTES);
    store->memtable_bytes = store->in_memory ? options->map_bytes / 4 * 3 : bytes;
    store->group_bytes =
        store->in_memory ? options->map_bytes : bytes + least(bytes, MEMTABLE_GROUP_BYTES);
    store->held_bytes_max = HELD_BYTES_MAX;
    store->rewrite_leaves_min = REWRITE_LEAVES_MIN;
    store->rewrite_slice_bytes = REWRITE_SLICE_BYTES;
}

int store_open(struct store *store, const struct store_options *options, struct reel_error *error) {
    *store = (struct store){.in_memory = !options->directory,
                            .read_only = options->read_only,
                            .is_scratch = options->is_scratch,
                            .tell_broken = options->tell_broken,
                            .context = options->context};
    int rc;
    limit_memtable(store, options);
    if (store->in_memory) {
        rc = open_in_memory(store, options, error);
        if (rc < 0) error_prefix(error, "cannot open a store in memory");
    } else {
        store->directory = strdup(options->directory);
        rc = store->directory ? open_in(store, options, store->directory, error)
                              : fail_memory(error);
        if (rc == 0 && !options->read_only && !options->is_scratch) /* new files' names */
            rc = directory_sync(store->directory, error);
    }
    if (rc < 0) store_close(store);
    return rc;
}

/* What is not in LMDB yet is in the log. So a checkpoint that fails here costs only time at the
 * next opening. */
void store_close(struct store *store) {
    INVARIANT(!store_is_writing(store));
    if (store->checkpointer && !store->in_memory && !atomic_load(&store->broken))
        (void)checkpoint_all(store, NULL);
    store_stop(store);
    environment_close(store);
    free(store->directory);
    store->directory = NULL;
}

/* ---- Collections ----------------------------------------------------------------------------- */

/* Its databases, and whether the second one is current. */
struct opened {
    MDB_dbi sides[2];
    bool second;
};

/* The number of the table that has these databases, perhaps a new one. */
static size_t settle_table(struct store *store, const struct opened *opened) {
    for (size_t i = TABLES_OWN; i < store->table_count; i++)
        if (store->tables[i][0] == opened->sides[0]) return i;
    HOLD_LOCK(&store->snapshot_lock);
    size_t table = store->table_count++;
    memcpy(store->tables[table], opened->sides, sizeof opened->sides);
    if (opened->second) sides_add(&store->sides, table);
    return table;
}

struct opening {
    const char *name;
    struct {
        struct opened records, index, fields;
    } sets[STORE_SETS];
};

static int open_database(struct store *store, const char *prefix, const char *name, MDB_dbi *ret,
                         struct reel_error *error) {
    char text[sizeof "c2/" + STORE_NAME_MAX];
    INVARIANT(strlen(name) <= STORE_NAME_MAX);
    snprintf(text, sizeof text, "%s/%s", prefix, name);
    int rc = mdb_dbi_open(store->txn, text, MDB_CREATE, ret);
    if (rc == MDB_DBS_FULL)
        return fail(error, -ENOSPC, "more than %d collections", STORE_COLLECTIONS);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot open the collection", error);
}

/* A side that is not current was not finished if it has entries. */
static int empty_other(struct store *store, const struct opened *opened) {
    MDB_stat stat;
    MDB_dbi other = opened->sides[!opened->second];
    int rc = mdb_stat(store->txn, other, &stat);
    return rc != 0 || stat.ms_entries == 0 ? rc : mdb_drop(store->txn, other, 0);
}

static int open_sides(struct store *store, const char *const prefixes[2], const char *name,
                      struct opened *ret, struct reel_error *error) {
    int rc = open_database(store, prefixes[0], name, &ret->sides[0], error);
    if (rc == 0) rc = open_database(store, prefixes[1], name, &ret->sides[1], error);
    if (rc < 0) return rc;
    rc = sides_find(store->txn, ret->sides[1], &ret->second);
    if (rc == 0) rc = empty_other(store, ret);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot open the collection", error);
}

static int open_all(struct store *store, void *context, struct reel_error *error) {
    static const char *const records[STORE_SETS][2] = {{"c", "c2"}, {"c3", "c4"}},
                             *const index[STORE_SETS][2] = {{"x", "x2"}, {"x3", "x4"}},
                             *const fields[STORE_SETS][2] = {{"f", "f2"}, {"f3", "f4"}};
    struct opening *opening = context;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < STORE_SETS; i++) {
        rc = open_sides(store, records[i], opening->name, &opening->sets[i].records, error);
        if (rc == 0)
            rc = open_sides(store, index[i], opening->name, &opening->sets[i].index, error);
        if (rc == 0)
            rc = open_sides(store, fields[i], opening->name, &opening->sets[i].fields, error);
    }
    return rc;
}

int store_open_collection(struct store *store, const char *name, struct table_set ret[STORE_SETS],
                          struct reel_error *error) {
    struct opening opening = {.name = name};
    INVARIANT(!store_is_writing(store));
    if (store->table_count + 3 * STORE_SETS > STORE_TABLES)
        return fail(error, -ENOSPC, "more than %d collections", STORE_COLLECTIONS);
    int rc = checkpoint_between(store, open_all, &opening, error);
    if (rc < 0) return rc;
    for (size_t i = 0; i < STORE_SETS; i++)
        ret[i] = (struct table_set){
            .records = settle_table(store, &opening.sets[i].records),
            .index = settle_table(store, &opening.sets[i].index),
            .fields = settle_table(store, &opening.sets[i].fields),
        };
    return versions_extend(store->versions, store->table_count) < 0 ? fail_memory(error) : 0;
}

/* ---- Groups ---------------------------------------------------------------------------------- */

bool store_is_writing(const struct store *store) {
    return store->versions && store->versions->is_open;
}

static int renew(struct store *store) {
    HOLD_LOCK(&store->snapshot_lock); /* of the sides */
    MDB_txn **txn = &store->writing.txn;
    int rc = *txn ? mdb_txn_renew(*txn) : mdb_txn_begin(store->env, NULL, MDB_RDONLY, txn);
    if (rc == 0) store->writing.sides = sides_of(store, *txn);
    return rc;
}

/* What no version needs any more is freed in slices, with each group. The groups of a catch-up are
 * few and large, so that this would not keep up with them. */
static void free_backlog(struct store *store) {
    struct versions *versions = store->versions;
    while (versions->held_bytes > BACKLOG_BYTES_MAX && versions_reclaim(versions)) continue;
}

static int begin(struct store *store, size_t bytes_max, struct reel_error *error) {
    free_backlog(store);
    int rc = renew(store);
    if (rc != 0) return store_fail(store, rc, "cannot begin a group", error);
    store->bytes_max = bytes_max;
    if (versions_begin(store->versions) == 0) return 0;
    mdb_txn_reset(store->writing.txn);
    return fail_memory(error);
}

int store_begin(struct store *store, struct reel_error *error) {
    INVARIANT(!store_is_writing(store));
    int rc = store_check_whole(store, "cannot write", error);
    if (rc == 0) rc = checkpoint_make_room(store, error);
    return rc < 0 ? rc : begin(store, store->group_bytes, error);
}

/* For a group that is begun with up to `most` bytes in the memtable. */
static int begin_further(struct store *store, size_t most, const char *doing,
                         struct reel_error *error) {
    INVARIANT(!store_is_writing(store));
    int rc = store_check_whole(store, doing, error);
    if (rc == 0) rc = checkpoint_make_room_within(store, most, error);
    return rc < 0 ? rc : begin(store, most + store->group_bytes, error);
}

int store_begin_to_trim(struct store *store, struct reel_error *error) {
    return begin_further(store, 2 * store->memtable_bytes, "cannot trim", error);
}

/* There may be two memtables of these events, each of which a group made larger, and what trimming
 * added. In memory nothing is folded again. */
int store_begin_to_fold(struct store *store, struct reel_error *error) {
    size_t most = store->in_memory ? 0 : 2 * store->group_bytes;
    return begin_further(store, most + store->memtable_bytes, "cannot fold", error);
}

static void shown(struct store *store) {
    mdb_txn_reset(store->writing.txn);
    store_has_shown(store, store->versions->current->number);
}

void store_commit(struct store *store, uint64_t cursor) {
    INVARIANT(store_is_writing(store));
    versions_publish(store->versions, cursor);
    checkpoint_note_group(store);
    shown(store);
}

int store_commit_durably(struct store *store, uint64_t cursor, struct reel_error *error) {
    INVARIANT(store_is_writing(store));
    int rc = checkpoint_group(store, cursor, error);
    if (rc < 0)
        store_abort(store);
    else
        shown(store);
    return rc;
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

int store_read_state(struct store *store, struct store_state *ret, struct reel_error *error) {
    int rc = renew(store);
    if (rc != 0) return store_fail(store, rc, "cannot read the store's state", error);
    rc = meta_get_state(store, &store->writing, ret);
    mdb_txn_reset(store->writing.txn);
    return rc < 0 ? fail(error, rc, "cannot read the store's state") : 0;
}

/* ---- Reading beside a writer ----------------------------------------------------------------- */

int store_open_to_read(struct store *store, const char *directory, struct reel_error *error) {
    struct store_options options = {.directory = directory, .readers_max = 8, .read_only = true};
    *store = (struct store){0};
    int rc = store_file_check_content(directory, error);
    if (rc == 0) rc = store_open(store, &options, error);
    if (rc == 0) rc = meta_check_format(store, error);
    if (rc < 0) store_close(store);
    return rc;
}
