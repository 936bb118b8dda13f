/* meta.c: see meta.h. */
#include "engine/store/meta.h"

#include "base/invariant.h"
#include "engine/store/snapshot.h"
#include "engine/store/table.h"

#include <errno.h>
#include <string.h>

#define STATE_KEY   "store"
#define LINEAGE_KEY "lineage"
#define ORIGIN_KEY  "origin"

/* A meta key is unlike any collection's name: those have no such prefix. */
#define COLLECTION_PREFIX "c/"
#define CONTROL_PREFIX    "control/"
#define SHADOW_PREFIX     "shadow/"
#define HANDOVER_PREFIX   "handover/"
#define FIELDS_PREFIX     "fields/"
#define FIELDS_2_PREFIX   "fields2/"

/* ---- One value ------------------------------------------------------------------------------- */

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

int meta_get_state(struct store *store, const struct snapshot *at, struct store_state *ret) {
    return get_fixed(store, at, state_key, ret, sizeof *ret);
}

int meta_put_state(struct store *store, const struct store_state *state, struct reel_error *error) {
    INVARIANT(state->cursor <= state->head && state->first_seq <= state->head + 1);
    return put_fixed(store, state_key, state, sizeof *state, error);
}

static const struct reel_str origin_key = {ORIGIN_KEY, sizeof ORIGIN_KEY - 1};

int meta_get_origin(struct store *store, const struct snapshot *at, struct store_origin *ret) {
    return get_fixed(store, at, origin_key, ret, sizeof *ret);
}

int meta_put_origin(struct store *store, const struct store_origin *origin,
                    struct reel_error *error) {
    return put_fixed(store, origin_key, origin, sizeof *origin, error);
}

/* "c/cells", as its database is called too. */
struct collection_key {
    char text[sizeof HANDOVER_PREFIX + STORE_NAME_MAX]; /* the longest prefix */
};

static struct reel_str prefixed_key(const char *prefix, const char *name,
                                    struct collection_key *space) {
    INVARIANT(strlen(name) <= STORE_NAME_MAX);
    const char *end = stpcpy(stpcpy(space->text, prefix), name);
    return (struct reel_str){space->text, (size_t)(end - space->text)};
}

int meta_get_collection(struct store *store, const struct snapshot *at, const char *name,
                        struct collection_state *ret) {
    struct collection_key space;
    return get_fixed(store, at, prefixed_key(COLLECTION_PREFIX, name, &space), ret, sizeof *ret);
}

int meta_put_collection(struct store *store, const char *name, const struct collection_state *state,
                        struct reel_error *error) {
    struct collection_key space;
    return put_fixed(store, prefixed_key(COLLECTION_PREFIX, name, &space), state, sizeof *state,
                     error);
}

int meta_get_shadow(struct store *store, const struct snapshot *at, const char *name,
                    struct collection_state *ret) {
    struct collection_key space;
    return get_fixed(store, at, prefixed_key(SHADOW_PREFIX, name, &space), ret, sizeof *ret);
}

int meta_put_shadow(struct store *store, const char *name, const struct collection_state *state,
                    struct reel_error *error) {
    struct collection_key space;
    return put_fixed(store, prefixed_key(SHADOW_PREFIX, name, &space), state, sizeof *state, error);
}

int meta_remove_shadow(struct store *store, const char *name, struct reel_error *error) {
    struct collection_key space;
    return table_delete(store, TABLE_META, prefixed_key(SHADOW_PREFIX, name, &space), error);
}

int meta_get_handover(struct store *store, const struct snapshot *at, const char *name,
                      struct collection_state *ret) {
    struct collection_key space;
    return get_fixed(store, at, prefixed_key(HANDOVER_PREFIX, name, &space), ret, sizeof *ret);
}

int meta_put_handover(struct store *store, const char *name, const struct collection_state *state,
                      struct reel_error *error) {
    struct collection_key space;
    return put_fixed(store, prefixed_key(HANDOVER_PREFIX, name, &space), state, sizeof *state,
                     error);
}

int meta_remove_handover(struct store *store, const char *name, struct reel_error *error) {
    struct collection_key space;
    return table_delete(store, TABLE_META, prefixed_key(HANDOVER_PREFIX, name, &space), error);
}

int meta_get_control(struct store *store, const struct snapshot *at, const char *name,
                     struct collection_control *ret) {
    struct collection_key space;
    return get_fixed(store, at, prefixed_key(CONTROL_PREFIX, name, &space), ret, sizeof *ret);
}

int meta_put_control(struct store *store, const char *name,
                     const struct collection_control *control, struct reel_error *error) {
    struct collection_key space;
    return put_fixed(store, prefixed_key(CONTROL_PREFIX, name, &space), control, sizeof *control,
                     error);
}

static const char *fields_prefix(unsigned set) {
    return set ? FIELDS_2_PREFIX : FIELDS_PREFIX;
}

int meta_get_fields(struct store *store, const struct snapshot *at, const char *name, unsigned set,
                    struct reel_str *ret) {
    struct collection_key space;
    return table_get(store, at, TABLE_META, prefixed_key(fields_prefix(set), name, &space), ret,
                     NULL);
}

int meta_put_fields(struct store *store, const char *name, unsigned set, struct reel_str value,
                    struct reel_error *error) {
    struct collection_key space;
    return table_put(store, TABLE_META, prefixed_key(fields_prefix(set), name, &space), value,
                     error);
}

static const struct reel_str lineage_key = {LINEAGE_KEY, sizeof LINEAGE_KEY - 1};

int meta_get_lineage(struct store *store, const struct snapshot *at,
                     struct lineage_entry ret[LINEAGE_MAX]) {
    struct reel_str value;
    int rc = table_get(store, at, TABLE_META, lineage_key, &value, NULL);
    if (rc < 0) return rc == -ENOENT ? 0 : rc;
    return (int)meta_read_lineage(value, ret);
}

int meta_put_lineage(struct store *store, const struct lineage_entry *entries, size_t count,
                     struct reel_error *error) {
    size_t over = count > LINEAGE_MAX ? count - LINEAGE_MAX : 0;
    return put_fixed(store, lineage_key, entries + over, (count - over) * sizeof *entries, error);
}

/* ---- All of them ----------------------------------------------------------------------------- */

static bool has_prefix(struct reel_str key, const char *prefix) {
    const size_t len = strlen(prefix);
    return key.len > len && memcmp(key.data, prefix, len) == 0;
}

static void copy_value(struct reel_str value, void *to, size_t size) {
    memcpy(to, value.data, value.len < size ? value.len : size);
}

/* A name that no collection can have, such as one for a terminal, is not given. */
static bool copy_name(struct reel_str key, const char *prefix, char ret[STORE_NAME_MAX + 1]) {
    size_t before = strlen(prefix);
    if (!has_prefix(key, prefix) || key.len - before > STORE_NAME_MAX) return false;
    for (size_t i = before; i < key.len; i++)
        if (key.data[i] <= ' ' || key.data[i] > '~') return false;
    memcpy(ret, key.data + before, key.len - before);
    ret[key.len - before] = '\0';
    return true;
}

/* Some other format's state may have another size. */
void meta_read(struct reel_str key, struct reel_str value, struct meta_item *ret) {
    memset(ret, 0, sizeof *ret);
    ret->value = value;
    if (reel_str_eq(key, state_key)) {
        ret->kind = META_STATE;
        copy_value(value, &ret->state, sizeof ret->state);
    } else if (reel_str_eq(key, lineage_key)) {
        ret->kind = META_LINEAGE;
    } else if (copy_name(key, COLLECTION_PREFIX, ret->name)) {
        ret->kind = META_COLLECTION;
        copy_value(value, &ret->collection, sizeof ret->collection);
    } else if (copy_name(key, SHADOW_PREFIX, ret->name)) {
        ret->kind = META_SHADOW;
        copy_value(value, &ret->collection, sizeof ret->collection);
    } else if (copy_name(key, CONTROL_PREFIX, ret->name)) {
        ret->kind = META_CONTROL;
        copy_value(value, &ret->control, sizeof ret->control);
    } else if (copy_name(key, FIELDS_PREFIX, ret->name)) {
        ret->kind = META_FIELDS;
    } else if (copy_name(key, FIELDS_2_PREFIX, ret->name)) {
        ret->kind = META_FIELDS;
        ret->set = 1;
    }
}

size_t meta_read_lineage(struct reel_str value, struct lineage_entry ret[LINEAGE_MAX]) {
    size_t count = value.len / sizeof *ret;
    if (count > LINEAGE_MAX) count = LINEAGE_MAX;
    memcpy(ret, value.data, count * sizeof *ret);
    return count;
}

int meta_each_collection(struct store *store,
                         void (*fn)(void *context, const char *name,
                                    const struct collection_state *state),
                         void *context) {
    struct snapshot at = {0};
    struct table_walk walk;
    struct overlay_row row;
    int rc = snapshot_take(store, &at);
    if (rc != 0) return store_fail(store, rc, "cannot read meta", NULL);
    table_walk_start(&walk, store, &at, TABLE_META, NULL);
    for (rc = table_seek(&walk, (struct reel_str){"", 0}, SEEK_AT_OR_ABOVE, &row); rc > 0;
         rc = table_next(&walk, &row)) {
        struct meta_item item;
        meta_read(row.key, row.value, &item);
        if (item.kind == META_COLLECTION) fn(context, item.name, &item.collection);
    }
    table_walk_finish(&walk);
    snapshot_finish(&at);
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
            has_prefix(row.key, SHADOW_PREFIX) || has_prefix(row.key, HANDOVER_PREFIX) ||
            has_prefix(row.key, FIELDS_PREFIX) || has_prefix(row.key, FIELDS_2_PREFIX) ||
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

int meta_empty(struct store *store, struct reel_error *error) {
    struct collection_key space;
    struct reel_str key;
    int rc;
    table_clear(store, TABLE_REJECTED);
    while ((rc = find_derived(store, &space, &key, error)) > 0) {
        rc = table_delete(store, TABLE_META, key, error);
        if (rc < 0) break;
    }
    return rc;
}

/* ---- The format ------------------------------------------------------------------------------ */

int meta_accept_format(uint32_t format, struct reel_error *error) {
    if (format >= STORE_FORMAT_MIN && format <= STORE_FORMAT) return 0;
    return fail(error, -EPROTO, "its format is %u, this version reads %u to %u", format,
                STORE_FORMAT_MIN, STORE_FORMAT);
}

/* ---- Reading beside a writer ----------------------------------------------------------------- */

/* A reader in another process than the writer's: LMDB's lock file is made for that. The map is as
 * large as the file says it was when it was last opened, or its content needs. */
int meta_check_format(struct store *store, struct reel_error *error) {
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
    return meta_accept_format(state.format, error);
}
