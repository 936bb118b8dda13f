/* table.c: see table.h. */
#include "engine/store/table.h"

#include "base/invariant.h"
#include "engine/store/sides.h"

#include <errno.h>

/* ---- One key --------------------------------------------------------------------------------- */

static MDB_dbi database(const struct store *store, const struct snapshot *at, size_t table) {
    return store->tables[table][sides_has(&at->sides, table)];
}

static int get_below(struct store *store, const struct snapshot *at, size_t table,
                     struct reel_str key, struct reel_str *ret, struct reel_error *error) {
    MDB_dbi dbi = database(store, at, table);
    if (table >= TABLES_OWN) return keys_get(store, at->txn, dbi, key, ret, error);
    MDB_val place = {key.len, (void *)key.data}, value;
    int rc = mdb_get(at->txn, dbi, &place, &value);
    if (rc == MDB_NOTFOUND) return -ENOENT;
    if (rc != 0) return store_fail(store, rc, "cannot read the store", error);
    *ret = (struct reel_str){value.mv_data, value.mv_size};
    return 0;
}

int table_get(struct store *store, const struct snapshot *at, size_t table, struct reel_str key,
              struct reel_str *ret, struct reel_error *error) {
    INVARIANT(table < store->table_count && at->txn);
    const struct item *item = at->version ? version_get(at->version, table, key)
                                          : memtable_get(store->versions, table, key);
    if (!item) return get_below(store, at, table, key, ret, error);
    if (item_is_deleted(item)) return -ENOENT;
    *ret = item_value(item);
    return 0;
}

XXH128_hash_t table_hash(struct reel_str key, struct reel_str value) {
    return XXH3_128bits_withSeed(value.data, value.len,
                                 XXH3_64bits(key.len ? key.data : "", key.len));
}

/* A group may go on beyond a full memtable, but not for ever. */
static int check_room(struct store *store, size_t bytes, struct reel_error *error) {
    if (memtable_bytes(store->versions) + bytes <= store->bytes_max) return 0;
    if (store->in_memory) return fail(error, -ENOSPC, "the store has reached map_bytes");
    return fail(error, -E2BIG, "these events change records of more than %zu bytes together",
                store->bytes_max);
}

int table_put(struct store *store, size_t table, struct reel_str key, struct reel_str value,
              struct reel_error *error) {
    int rc = check_room(store, key.len + value.len, error);
    if (rc < 0) return rc;
    rc = memtable_put(store->versions, table, key, value, table_hash(key, value));
    return rc < 0 ? fail_memory(error) : 0;
}

/* In memory there is mostly nothing below the active memtable. */
static bool is_lowest(struct store *store, size_t table, struct reel_str key) {
    struct reel_str found;
    return store->in_memory && store->versions->current->layer_count == 1 &&
           get_below(store, &store->writing, table, key, &found, NULL) == -ENOENT;
}

int table_delete(struct store *store, size_t table, struct reel_str key, struct reel_error *error) {
    if (is_lowest(store, table, key)) {
        int rc = memtable_erase(store->versions, table, key);
        return rc < 0 && rc != -ENOENT ? fail_memory(error) : 0;
    }
    XXH128_hash_t hash = table_hash(key, (struct reel_str){"", 0});
    return memtable_delete(store->versions, table, key, hash) < 0 ? fail_memory(error) : 0;
}

int table_remove(struct store *store, size_t table, struct reel_str key, struct reel_error *error) {
    const struct item *item = memtable_get_active(store->versions, table, key);
    if (!item || item_is_deleted(item)) return table_delete(store, table, key, error);
    return memtable_erase(store->versions, table, key) < 0 ? fail_memory(error) : 0;
}

void table_clear(struct store *store, size_t table) {
    memtable_clear(store->versions, table);
}

/* ---- Walking what lies below: a collection's table --------------------------------------------
 */

static int keys_step(void *context, struct overlay_row *ret) {
    struct table_walk *walk = context;
    ret->deleted = false;
    return keys_next(&walk->keys, &ret->key, &ret->value, walk->error);
}

static int keys_step_back(void *context, struct overlay_row *ret) {
    struct table_walk *walk = context;
    ret->deleted = false;
    return keys_previous(&walk->keys, &ret->key, &ret->value, walk->error);
}

static int keys_seek(void *context, struct reel_str key, enum seek how, struct overlay_row *ret) {
    struct table_walk *walk = context;
    INVARIANT(how != SEEK_LAST);
    keys_walk_finish(&walk->keys);
    bool is_forward = seek_is_forward(how);
    int rc = is_forward ? keys_walk_start(&walk->keys, walk->store, walk->txn, walk->dbi, key,
                                          how == SEEK_ABOVE, walk->error)
                        : keys_walk_start_below(&walk->keys, walk->store, walk->txn, walk->dbi, key,
                                                how == SEEK_AT_OR_BELOW, walk->error);
    if (rc < 0) return rc;
    return is_forward ? keys_step(walk, ret) : keys_step_back(walk, ret);
}

/* ---- One of the store's own -------------------------------------------------------------------
 */

static int own_row(struct table_walk *walk, int rc, MDB_val key, MDB_val value,
                   struct overlay_row *ret) {
    if (rc == MDB_NOTFOUND) return 0;
    if (rc != 0) return store_fail(walk->store, rc, "cannot read the store", walk->error);
    *ret = (struct overlay_row){.key = {key.mv_data, key.mv_size},
                                .value = {value.mv_data, value.mv_size}};
    return 1;
}

static int own_step(struct table_walk *walk, MDB_cursor_op operation, struct overlay_row *ret) {
    MDB_val key = {0, NULL}, value = {0, NULL};
    int rc = mdb_cursor_get(walk->cursor, &key, &value, operation);
    return own_row(walk, rc, key, value, ret);
}

static int own_next(void *context, struct overlay_row *ret) {
    return own_step(context, MDB_NEXT, ret);
}

static int own_previous(void *context, struct overlay_row *ret) {
    return own_step(context, MDB_PREV, ret);
}

/* LMDB has no empty keys. */
static int own_seek(void *context, struct reel_str key, enum seek how, struct overlay_row *ret) {
    struct table_walk *walk = context;
    if (!walk->cursor) {
        int rc = mdb_cursor_open(walk->txn, walk->dbi, &walk->cursor);
        if (rc != 0) return store_fail(walk->store, rc, "cannot read the store", walk->error);
    }
    if (how == SEEK_LAST) return own_step(walk, MDB_LAST, ret);
    MDB_val at = {key.len, (void *)key.data}, value = {0, NULL};
    MDB_cursor_op first = key.len > 0 ? MDB_SET_RANGE : MDB_FIRST;
    int rc = mdb_cursor_get(walk->cursor, &at, &value, first);
    bool is_same = rc == 0 && at.mv_size == key.len && memcmp(at.mv_data, key.data, key.len) == 0;
    if (how == SEEK_AT_OR_ABOVE || (how == SEEK_AT_OR_BELOW && is_same) ||
        (how == SEEK_ABOVE && !is_same))
        return own_row(walk, rc, at, value, ret);
    if (how == SEEK_ABOVE) return own_step(walk, MDB_NEXT, ret);
    if (rc != 0 && rc != MDB_NOTFOUND) return own_row(walk, rc, at, value, ret);
    return own_step(walk, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV, ret);
}

/* ---- Walking --------------------------------------------------------------------------------- */

void table_walk_start(struct table_walk *walk, struct store *store, const struct snapshot *at,
                      size_t table, struct reel_error *error) {
    INVARIANT(table < store->table_count && at->txn);
    walk->store = store;
    walk->txn = at->txn;
    walk->dbi = database(store, at, table);
    walk->cursor = NULL;
    walk->keys = (struct keys_walk){0};
    walk->error = error;
    const struct overlay_lower collection = {keys_seek, keys_step, keys_step_back, walk},
                               own = {own_seek, own_next, own_previous, walk};
    const struct overlay_lower *lower = table >= TABLES_OWN ? &collection : &own;
    if (at->version)
        overlay_init(&walk->overlay, at->version, table, lower);
    else
        overlay_init_open(&walk->overlay, store->versions, table, lower);
}

int table_seek(struct table_walk *walk, struct reel_str key, enum seek how,
               struct overlay_row *ret) {
    return overlay_seek(&walk->overlay, key, how, ret);
}

int table_next(struct table_walk *walk, struct overlay_row *ret) {
    return overlay_next(&walk->overlay, ret);
}

int table_previous(struct table_walk *walk, struct overlay_row *ret) {
    return overlay_previous(&walk->overlay, ret);
}

void table_walk_finish(struct table_walk *walk) {
    if (walk->cursor) mdb_cursor_close(walk->cursor);
    walk->cursor = NULL;
    if (walk->keys.store) keys_walk_finish(&walk->keys);
}
