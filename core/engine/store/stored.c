/* stored.c: see stored.h. */
#include "engine/store/stored.h"

#include "engine/store/keys.h"
#include "engine/store/record.h"
#include "engine/store/sides.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Meta ------------------------------------------------------------------------------------ */

const struct stored_collection *stored_find(const struct stored *stored, const char *name) {
    for (size_t i = 0; i < stored->count; i++)
        if (strcmp(stored->collections[i].name, name) == 0) return &stored->collections[i];
    return NULL;
}

/* The collection of this name, perhaps a new one. NULL: out of memory. Keys come in order, and all
 * states before all controls, so that names are in order as long as each has a state. */
static struct stored_collection *settle(struct stored *stored, const char *name) {
    const struct stored_collection *found = stored_find(stored, name);
    if (found) return &stored->collections[found - stored->collections];
    size_t size = (stored->count + 1) * sizeof *stored->collections;
    struct stored_collection *grown = realloc(stored->collections, size);
    if (!grown) return NULL;
    stored->collections = grown;
    struct stored_collection *added = &grown[stored->count++];
    *added = (struct stored_collection){0};
    strcpy(added->name, name);
    return added;
}

/* Its state names the set that has its records. The other one is the shadow's. */
static int take_state(struct stored_collection *collection, const struct collection_state *state) {
    collection->state = *state;
    collection->has_state = true;
    if (!state->has_shadow) return 0;
    struct stored_collection *shadow = collection->shadow = calloc(1, sizeof *shadow);
    if (!shadow) return -ENOMEM;
    strcpy(shadow->name, collection->name);
    shadow->is_shadow = true;
    shadow->state.set = !state->set;
    return 0;
}

static void take_shadow(struct stored_collection *shadow, const struct collection_state *state) {
    const uint8_t set = shadow->state.set;
    shadow->state = *state;
    shadow->state.set = set;
    shadow->has_state = true;
}

static int take_fields(struct stored_collection *collection, const struct meta_item *item) {
    if (item->set != collection->state.set) collection = collection->shadow;
    if (!collection) return 0; /* of a set that has no records */
    collection->has_fields = true;
    return field_index_parse(item->value, &collection->tracked, &collection->progress);
}

/* The items of a collection come in this order: its state, a control, fields, its shadow. */
static int take_of_collection(struct stored *stored, const struct meta_item *item) {
    struct stored_collection *collection = settle(stored, item->name);
    if (!collection) return -ENOMEM;
    switch (item->kind) {
    case META_COLLECTION:
        return take_state(collection, &item->collection);
    case META_FIELDS:
        return take_fields(collection, item);
    case META_SHADOW:
        if (collection->shadow) take_shadow(collection->shadow, &item->collection);
        return 0;
    default:
        collection->control = item->control;
        return 0;
    }
}

static int take_item(struct stored *stored, const struct meta_item *item) {
    switch (item->kind) {
    case META_STATE:
        stored->state = item->state;
        return 0;
    case META_LINEAGE:
        stored->lineage_count = meta_read_lineage(item->value, stored->lineage);
        return 0;
    case META_COLLECTION:
    case META_SHADOW:
    case META_CONTROL:
    case META_FIELDS:
        return take_of_collection(stored, item);
    default:
        return 0;
    }
}

static int read_meta(struct stored *stored, struct reel_error *error) {
    MDB_cursor *cursor;
    MDB_dbi meta;
    MDB_val key, value;
    int rc = mdb_dbi_open(stored->txn, "meta", 0, &meta);
    if (rc == 0) rc = mdb_cursor_open(stored->txn, meta, &cursor);
    if (rc != 0) return store_fail(&stored->store, rc, "cannot read meta", error);
    int taken = 0;
    for (rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST); rc == 0 && taken == 0;
         rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        struct meta_item item;
        meta_read((struct reel_str){key.mv_data, key.mv_size},
                  (struct reel_str){value.mv_data, value.mv_size}, &item);
        taken = take_item(stored, &item);
    }
    mdb_cursor_close(cursor);
    if (taken == -EBADMSG) return fail(error, taken, "what meta says of indexes is damaged");
    if (taken < 0) return fail_memory(error);
    return rc == MDB_NOTFOUND ? 0 : store_fail(&stored->store, rc, "cannot read meta", error);
}

int stored_open(struct stored *stored, const char *directory, struct reel_error *error) {
    *stored = (struct stored){0};
    int rc = store_open_to_read(&stored->store, directory, error);
    if (rc < 0) return rc;
    rc = mdb_txn_begin(stored->store.env, NULL, MDB_RDONLY, &stored->txn);
    if (rc != 0) {
        stored->txn = NULL;
        return store_fail(&stored->store, rc, "cannot read", error);
    }
    return read_meta(stored, error);
}

void stored_end(struct stored *stored) {
    if (stored->txn) mdb_txn_abort(stored->txn);
    stored->txn = NULL;
    if (stored->store.env) store_close(&stored->store);
}

void stored_close(struct stored *stored) {
    stored_end(stored);
    for (size_t i = 0; i < stored->count; i++) {
        struct stored_collection *collection = &stored->collections[i];
        if (collection->shadow) field_progress_finish(&collection->shadow->progress);
        free(collection->shadow);
        field_progress_finish(&collection->progress);
    }
    free(stored->collections);
    stored->collections = NULL;
    stored->count = 0;
}

/* ---- Records --------------------------------------------------------------------------------- */

static uint64_t file_bytes(const struct stored *stored) {
    int fd;
    struct stat stat;
    if (mdb_env_get_fd(stored->store.env, &fd) != 0 || fstat(fd, &stat) < 0) return 0;
    return (uint64_t)stat.st_size;
}

/* A tree whose pages lead to one another in a circle would have no end: each record is in the file
 * once. */
static int add_up(const struct stored *stored, struct keys_walk *walk, uint32_t field_count,
                  struct stored_sums *ret, struct reel_error *error) {
    struct stored_sums sums = {0};
    struct reel_str key, value, json;
    uint64_t changed, left = file_bytes(stored);
    int rc;
    while ((rc = keys_next(walk, &key, &value, error)) > 0) {
        if (record_json(field_count, value, &changed, &json) < 0)
            return fail(error, -EBADMSG, "a record is damaged");
        if (value.len > left) return fail(error, -EBADMSG, "data.mdb is damaged: its tree is none");
        left -= value.len;
        sums.records++;
        sums.json_bytes += json.len;
        digest_add(&sums.digest, digest_hash(key, json));
    }
    if (rc == 0) *ret = sums;
    return rc;
}

/* The side that is current, of the collection's set; a store of format 3 has only the first one. */
static int open_side(struct stored *stored, char prefix, const struct stored_collection *collection,
                     MDB_dbi *ret) {
    char first[sizeof "c3/" + STORE_NAME_MAX], second[sizeof "c4/" + STORE_NAME_MAX];
    const char *name = collection->name;
    unsigned set = collection->state.set;
    bool is_second = false;
    MDB_dbi other;
    snprintf(first, sizeof first, "%c%s/%s", prefix, set ? "3" : "", name);
    snprintf(second, sizeof second, "%c%s/%s", prefix, set ? "4" : "2", name);
    int rc = mdb_dbi_open(stored->txn, second, 0, &other);
    if (rc == 0) rc = sides_find(stored->txn, other, &is_second);
    if (rc != 0 && rc != MDB_NOTFOUND) return rc;
    if (!is_second) return mdb_dbi_open(stored->txn, first, 0, ret);
    *ret = other;
    return 0;
}

int stored_open_records(struct stored *stored, const struct stored_collection *collection,
                        MDB_dbi *ret, struct reel_error *error) {
    int rc = open_side(stored, 'c', collection, ret);
    return rc == 0 ? 0 : store_fail(&stored->store, rc, "cannot read records", error);
}

int stored_open_order(struct stored *stored, const struct stored_collection *collection,
                      MDB_dbi *ret, struct reel_error *error) {
    int rc = open_side(stored, 'x', collection, ret);
    return rc == 0 ? 0 : store_fail(&stored->store, rc, "cannot read the order of changes", error);
}

int stored_open_fields(struct stored *stored, const struct stored_collection *collection,
                       MDB_dbi *ret, struct reel_error *error) {
    int rc = open_side(stored, 'f', collection, ret);
    return rc == 0 ? 0 : store_fail(&stored->store, rc, "cannot read indexes", error);
}

int stored_open_rejections(struct stored *stored, MDB_cursor **ret, struct reel_error *error) {
    MDB_dbi dbi;
    int rc = mdb_dbi_open(stored->txn, "rejected", 0, &dbi);
    if (rc == 0) rc = mdb_cursor_open(stored->txn, dbi, ret);
    return rc == 0 ? 0 : store_fail(&stored->store, rc, "cannot read rejections", error);
}

int stored_add_up(struct stored *stored, const struct stored_collection *collection,
                  struct stored_sums *ret, struct reel_error *error) {
    struct keys_walk walk;
    MDB_dbi records;
    int rc = stored_open_records(stored, collection, &records, error);
    if (rc < 0) return rc;
    rc = keys_walk_start(&walk, &stored->store, stored->txn, records, (struct reel_str){0}, false,
                         error);
    if (rc == 0) rc = add_up(stored, &walk, collection->state.field_count, ret, error);
    keys_walk_finish(&walk);
    return rc;
}

int stored_each(struct stored *stored, MDB_dbi dbi,
                int (*fn)(void *context, struct reel_str key, struct reel_str value), void *context,
                struct reel_error *error) {
    struct keys_walk walk;
    struct reel_str key, value;
    int rc = keys_walk_start(&walk, &stored->store, stored->txn, dbi, (struct reel_str){0}, false,
                             error);
    while (rc == 0) {
        rc = keys_next(&walk, &key, &value, error);
        if (rc <= 0) break;
        rc = fn(context, key, value);
    }
    keys_walk_finish(&walk);
    return rc;
}

/* ---- Sizes ----------------------------------------------------------------------------------- */

/* The list of free pages is LMDB's first database: a number, then as many pages, for each
 * transaction that has freed some. */
static int count_free(struct stored *stored, uint64_t *ret, struct reel_error *error) {
    MDB_cursor *cursor;
    MDB_val key, value;
    uint64_t count = 0, pages;
    int rc = mdb_cursor_open(stored->txn, 0, &cursor);
    if (rc != 0) return store_fail(&stored->store, rc, "cannot read free pages", error);
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        if (value.mv_size < sizeof pages) break;
        memcpy(&pages, value.mv_data, sizeof pages);
        count += pages;
    }
    mdb_cursor_close(cursor);
    if (rc == 0) return fail(error, -EBADMSG, "data.mdb is damaged: a list of free pages is none");
    if (rc != MDB_NOTFOUND) return store_fail(&stored->store, rc, "cannot read free pages", error);
    *ret = count;
    return 0;
}

int stored_measure(struct stored *stored, struct stored_sizes *ret, struct reel_error *error) {
    MDB_env *env = stored->store.env;
    MDB_envinfo info;
    MDB_stat stat;
    MDB_dbi rejected;
    mdb_env_info(env, &info); /* neither can fail: there is an environment */
    mdb_env_stat(env, &stat);
    struct stored_sizes sizes = {
        .file_bytes = file_bytes(stored),
        .page_bytes = stat.ms_psize,
        .pages = (uint64_t)info.me_last_pgno + 1,
        .checkpoint = mdb_txn_id(stored->txn),
    };
    int rc = mdb_dbi_open(stored->txn, "rejected", 0, &rejected);
    if (rc == 0) rc = mdb_stat(stored->txn, rejected, &stat);
    if (rc != 0) return store_fail(&stored->store, rc, "cannot read rejections", error);
    sizes.rejections = stat.ms_entries;
    rc = count_free(stored, &sizes.free_pages, error);
    if (rc == 0) *ret = sizes;
    return rc;
}
