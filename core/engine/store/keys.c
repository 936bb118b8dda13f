/* keys.c: see keys.h. */
#include "engine/store/keys.h"

#include "base/cleanup.h"
#include "base/invariant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    COUNTER = 0x00,
    WITHIN = 0x01,
    TOP = 0x02,
    GOES_ON = 0x01, /* behind a full chunk */
};

/* ---- Stored keys ----------------------------------------------------------------------------- */

/* What all entries of a node (0: the top) begin with. */
static void begin_key(struct stored_key *stored, uint64_t node) {
    stored->bytes[0] = node == 0 ? TOP : WITHIN;
    stored->len = 1;
    if (node == 0) return;
    for (int shift = 56; shift >= 0; shift -= 8)
        stored->bytes[stored->len++] = (unsigned char)(node >> shift);
}

/* The length of what all entries of a node begin with, if this one does; else 0. At the top, where
 * most are, that is a look at a byte. */
static size_t prefix_len(uint64_t node, MDB_val key) {
    if (node == 0) return key.mv_size > 0 && *(const unsigned char *)key.mv_data == TOP;
    struct stored_key prefix;
    begin_key(&prefix, node);
    if (key.mv_size < prefix.len || memcmp(key.mv_data, prefix.bytes, prefix.len) != 0) return 0;
    return prefix.len;
}

/* The entry of `chunk` in a node; of one that goes on, if that is wanted. */
static MDB_val entry_key(struct stored_key *stored, uint64_t node, struct reel_str chunk,
                         bool goes_on) {
    INVARIANT(chunk.len <= KEY_CHUNK && (!goes_on || chunk.len == KEY_CHUNK));
    begin_key(stored, node);
    if (chunk.len) memcpy(stored->bytes + stored->len, chunk.data, chunk.len);
    stored->len += chunk.len;
    if (goes_on) stored->bytes[stored->len++] = GOES_ON;
    return (MDB_val){stored->len, stored->bytes};
}

bool keys_are_short(MDB_val first) {
    return prefix_len(0, first) > 0;
}

MDB_val keys_short(struct stored_key *stored, struct reel_str key) {
    return entry_key(stored, 0, key, false);
}

/* Splits the next full chunk off a key that needs more than one. */
static struct reel_str split_chunk(struct reel_str *key) {
    struct reel_str chunk = {key->data, KEY_CHUNK};
    key->data += KEY_CHUNK;
    key->len -= KEY_CHUNK;
    return chunk;
}

static int node_of(struct store *store, MDB_val value, uint64_t *ret, struct reel_error *error) {
    if (value.mv_size != sizeof *ret)
        return store_fail(store, MDB_CORRUPTED, "cannot read a key", error);
    memcpy(ret, value.mv_data, sizeof *ret);
    return 0;
}

/* ---- Getting --------------------------------------------------------------------------------- */

/* Follows a key's full chunks to the node that its end is in, which may be the top. The nodes
 * that it passes through go to `path`, unless that is NULL. */
static int find_node(struct store *store, MDB_txn *txn, MDB_dbi dbi, struct reel_str *key,
                     uint64_t *path, uint64_t *ret_node, struct reel_error *error) {
    uint64_t node = 0;
    while (key->len > KEY_CHUNK) {
        if (path) *path++ = node;
        struct stored_key stored;
        MDB_val at = entry_key(&stored, node, split_chunk(key), true), value;
        int rc = mdb_get(txn, dbi, &at, &value);
        if (rc == MDB_NOTFOUND) return -ENOENT; /* too common for a sentence */
        if (rc != 0) return store_fail(store, rc, "cannot read a record", error);
        rc = node_of(store, value, &node, error);
        if (rc < 0) return rc;
    }
    *ret_node = node;
    return 0;
}

int keys_get(struct store *store, MDB_txn *txn, MDB_dbi dbi, struct reel_str key,
             struct reel_str *ret_value, struct reel_error *error) {
    uint64_t node;
    int rc = find_node(store, txn, dbi, &key, NULL, &node, error);
    if (rc < 0) return rc;
    struct stored_key stored;
    MDB_val at = entry_key(&stored, node, key, false), value;
    rc = mdb_get(txn, dbi, &at, &value);
    if (rc == MDB_NOTFOUND) return -ENOENT;
    if (rc != 0) return store_fail(store, rc, "cannot read a record", error);
    *ret_value = (struct reel_str){value.mv_data, value.mv_size};
    return 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

int keys_writer_start(struct keys_writer *writer, struct store *store, MDB_dbi dbi,
                      struct reel_error *error) {
    INVARIANT(store->txn);
    *writer = (struct keys_writer){.store = store, .dbi = dbi};
    int rc = mdb_cursor_open(store->txn, dbi, &writer->cursor);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot write records", error);
}

void keys_writer_finish(struct keys_writer *writer) {
    if (writer->cursor) mdb_cursor_close(writer->cursor);
    writer->cursor = NULL;
}

/* A number that no node has had. */
static int new_node(struct keys_writer *writer, uint64_t *ret, struct reel_error *error) {
    struct store *store = writer->store;
    unsigned char counter = COUNTER;
    MDB_val key = {1, &counter}, value;
    uint64_t node = 0;
    int rc = mdb_get(store->txn, writer->dbi, &key, &value);
    if (rc == 0 && node_of(store, value, &node, error) < 0) return -EIO;
    if (rc != 0 && rc != MDB_NOTFOUND) return store_fail(store, rc, "cannot read a node", error);
    node++;
    value = (MDB_val){sizeof node, &node};
    rc = mdb_put(store->txn, writer->dbi, &key, &value, 0);
    if (rc != 0) return store_fail(store, rc, "cannot make a node", error);
    *ret = node;
    return 0;
}

/* Like find_node, but makes what is missing. */
static int make_node(struct keys_writer *writer, struct reel_str *key, uint64_t *ret_node,
                     struct reel_error *error) {
    struct store *store = writer->store;
    uint64_t node = 0;
    while (key->len > KEY_CHUNK) {
        struct stored_key stored;
        MDB_val at = entry_key(&stored, node, split_chunk(key), true), value;
        int rc = mdb_get(store->txn, writer->dbi, &at, &value);
        if (rc == 0) {
            rc = node_of(store, value, &node, error);
        } else if (rc == MDB_NOTFOUND) {
            rc = new_node(writer, &node, error);
            value = (MDB_val){sizeof node, &node};
            int put = rc == 0 ? mdb_put(store->txn, writer->dbi, &at, &value, 0) : 0;
            if (put != 0) rc = store_fail(store, put, "cannot make a node", error);
        } else {
            rc = store_fail(store, rc, "cannot read a node", error);
        }
        if (rc < 0) return rc;
    }
    *ret_node = node;
    return 0;
}

/* Is this greater than every key at the top? Then it is appended, which fills pages to the end
 * instead of splitting them half and half. */
static bool is_beyond(struct keys_writer *writer, const struct stored_key *stored) {
    if (!writer->last_known) {
        MDB_val key = {0, NULL}, value;
        int rc = mdb_cursor_get(writer->cursor, &key, &value, MDB_LAST);
        if (rc != 0 && rc != MDB_NOTFOUND) return false;
        writer->last.len = 0;
        if (rc == 0 && key.mv_size <= sizeof writer->last.bytes) {
            memcpy(writer->last.bytes, key.mv_data, key.mv_size);
            writer->last.len = key.mv_size;
        }
        writer->last_known = true;
    }
    return str_compare((struct reel_str){(const char *)stored->bytes, stored->len},
                       (struct reel_str){(const char *)writer->last.bytes, writer->last.len}) > 0;
}

int keys_put(struct keys_writer *writer, struct reel_str key, size_t size, char **ret_space,
             struct reel_error *error) {
    uint64_t node = 0;
    if (key.len > KEY_CHUNK) {
        int rc = make_node(writer, &key, &node, error);
        if (rc < 0) return rc;
        writer->last_known = false;
    }
    struct stored_key stored;
    MDB_val at = entry_key(&stored, node, key, false), value = {size, NULL};
    bool append = is_beyond(writer, &stored);
    int rc = mdb_cursor_put(writer->cursor, &at, &value, MDB_RESERVE | (append ? MDB_APPEND : 0));
    if (rc != 0) return store_fail(writer->store, rc, "cannot write a record", error);
    if (append) writer->last = stored;
    *ret_space = value.mv_data;
    return 0;
}

/* Does anything stand in this node? */
static int node_is_empty(struct keys_writer *writer, uint64_t node, bool *ret,
                         struct reel_error *error) {
    struct stored_key prefix;
    begin_key(&prefix, node);
    MDB_val key = {prefix.len, prefix.bytes}, value;
    int rc = mdb_cursor_get(writer->cursor, &key, &value, MDB_SET_RANGE);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return store_fail(writer->store, rc, "cannot read a node", error);
    *ret = rc == MDB_NOTFOUND || prefix_len(node, key) == 0;
    return 0;
}

static int delete_entry(struct keys_writer *writer, uint64_t node, struct reel_str chunk,
                        bool goes_on, struct reel_error *error) {
    struct stored_key stored;
    MDB_val at = entry_key(&stored, node, chunk, goes_on), value;
    int rc = mdb_cursor_get(writer->cursor, &at, &value, MDB_SET);
    if (rc == MDB_NOTFOUND) return -ENOENT;
    if (rc == 0) rc = mdb_cursor_del(writer->cursor, 0);
    return rc == 0 ? 0 : store_fail(writer->store, rc, "cannot delete a record", error);
}

int keys_delete(struct keys_writer *writer, struct reel_str key, struct reel_error *error) {
    struct store *store = writer->store;
    size_t level = key.len > KEY_CHUNK ? (key.len - 1) / KEY_CHUNK : 0;
    AUTO_FREE uint64_t *path = level ? calloc(level, sizeof *path) : NULL;
    if (level && !path) return fail(error, -ENOMEM, "cannot delete a record: out of memory");
    struct reel_str end = key;
    uint64_t node = 0;
    writer->last_known = false;
    int rc = find_node(store, store->txn, writer->dbi, &end, path, &node, error);
    if (rc == 0) rc = delete_entry(writer, node, end, false, error);
    while (rc == 0 && level-- > 0) { /* nodes that this leaves empty, from the inside out */
        bool empty;
        rc = node_is_empty(writer, node, &empty, error);
        if (rc < 0 || !empty) break;
        node = path[level];
        struct reel_str chunk = {key.data + level * KEY_CHUNK, KEY_CHUNK};
        rc = delete_entry(writer, node, chunk, true, error);
    }
    return rc;
}

/* ---- Walking --------------------------------------------------------------------------------- */

/* Goes into a node: what follows is looked for from its start. */
static int enter(struct keys_walk *walk, uint64_t node, struct reel_str chunk) {
    if (walk->depth == walk->nodes_size) {
        size_t size = walk->nodes_size ? walk->nodes_size * 2 : 8;
        void *nodes = realloc(walk->nodes, size * sizeof *walk->nodes);
        if (!nodes) return -ENOMEM;
        walk->nodes = nodes;
        walk->nodes_size = size;
    }
    walk->key.len = walk->depth * KEY_CHUNK;
    text_append_str(&walk->key, chunk);
    if (walk->key.failed) return -ENOMEM;
    walk->nodes[walk->depth++] = node;
    begin_key(&walk->at, node);
    walk->next = MDB_SET_RANGE;
    return 0;
}

/* Leaves the node for what stands behind the entry that led into it: nothing that begins with a
 * full chunk is greater than the one that goes on. */
static void leave(struct keys_walk *walk) {
    INVARIANT(walk->depth > 0);
    walk->depth--;
    uint64_t outer = walk->depth > 0 ? walk->nodes[walk->depth - 1] : 0;
    struct reel_str chunk = {walk->key.data + walk->depth * KEY_CHUNK, KEY_CHUNK};
    entry_key(&walk->at, outer, chunk, true);
    walk->at.bytes[walk->at.len - 1]++;
    walk->next = MDB_SET_RANGE;
}

/* Opens the cursor, and goes into the nodes that lead to a key. 1, and `at` is its entry's place;
 * 0: there is no such node, and `at` is where the greater keys begin. */
static int descend(struct keys_walk *walk, MDB_txn *txn, MDB_dbi dbi, struct reel_str key,
                   struct reel_error *error) {
    struct store *store = walk->store;
    uint64_t node = 0;
    int rc = mdb_cursor_open(txn, dbi, &walk->cursor);
    if (rc != 0) return store_fail(store, rc, "cannot read records", error);
    while (key.len > KEY_CHUNK) {
        struct reel_str chunk = split_chunk(&key);
        MDB_val at = entry_key(&walk->at, node, chunk, true), value;
        rc = mdb_get(txn, dbi, &at, &value);
        if (rc == MDB_NOTFOUND) return 0;
        if (rc != 0) return store_fail(store, rc, "cannot read records", error);
        rc = node_of(store, value, &node, error);
        if (rc == 0 && enter(walk, node, chunk) < 0) rc = fail_memory(error);
        if (rc < 0) return rc;
    }
    entry_key(&walk->at, node, key, false);
    return 1;
}

int keys_walk_start(struct keys_walk *walk, struct store *store, MDB_txn *txn, MDB_dbi dbi,
                    struct reel_str from, bool after, struct reel_error *error) {
    *walk = (struct keys_walk){.store = store,
                               .next = MDB_SET_RANGE,
                               .previous = MDB_PREV,
                               .from = from,
                               .after = after && from.data};
    int rc = descend(walk, txn, dbi, from, error);
    return rc < 0 ? rc : 0;
}

/* The whole key, from the chunks that led here and the last one. */
static int assemble(struct keys_walk *walk, struct reel_str last, struct reel_str *ret) {
    if (walk->depth == 0) {
        *ret = last;
        return 0;
    }
    walk->key.len = walk->depth * KEY_CHUNK;
    text_append_str(&walk->key, last);
    if (walk->key.failed) return -ENOMEM;
    *ret = text_str(&walk->key);
    return 0;
}

/* A walk waits for memory more than for anything else: each entry is somewhere else in a page, and
 * is asked for only when the one before has come. So a page that the walk comes to is asked for as
 * a whole. That it has this size is a guess, which costs nothing if it is wrong. */
static void prefetch_page(struct keys_walk *walk, const void *at) {
    enum { PAGE = 4096, LINE = 64 };
    const char *page = (const char *)((uintptr_t)at & ~(uintptr_t)(PAGE - 1));
    if (page == walk->page) return;
    walk->page = page;
    for (size_t i = 0; i < PAGE; i += LINE) __builtin_prefetch(page + i);
}

/* One step: 1 if it found a key, 0 if it went in or out of a node, -ENODATA at the end. */
static int step(struct keys_walk *walk, struct reel_str *ret_key, struct reel_str *ret_value,
                struct reel_error *error) {
    uint64_t node = walk->depth > 0 ? walk->nodes[walk->depth - 1] : 0;
    MDB_val key = {walk->at.len, walk->at.bytes}, value;
    int rc = mdb_cursor_get(walk->cursor, &key, &value, walk->next);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return store_fail(walk->store, rc, "cannot read records", error);
    walk->next = MDB_NEXT;
    size_t prefix = rc == 0 ? prefix_len(node, key) : 0;
    if (prefix == 0) {
        if (walk->depth == 0) return -ENODATA;
        leave(walk);
        return 0;
    }
    struct reel_str chunk = {(const char *)key.mv_data + prefix, key.mv_size - prefix};
    if (chunk.len > KEY_CHUNK) {
        chunk.len = KEY_CHUNK;
        rc = node_of(walk->store, value, &node, error);
        return rc < 0 ? rc : enter(walk, node, chunk);
    }
    prefetch_page(walk, value.mv_data);
    rc = assemble(walk, chunk, ret_key);
    *ret_value = (struct reel_str){value.mv_data, value.mv_size};
    return rc < 0 ? rc : 1;
}

int keys_next(struct keys_walk *walk, struct reel_str *ret_key, struct reel_str *ret_value,
              struct reel_error *error) {
    int rc;
    do {
        rc = step(walk, ret_key, ret_value, error);
        if (rc == 1 && walk->after) {
            walk->after = false;
            if (reel_str_eq(*ret_key, walk->from)) rc = 0;
        }
    } while (rc == 0);
    if (rc == -ENOMEM) return fail(error, rc, "cannot read records: out of memory");
    return rc == -ENODATA ? 0 : rc;
}

/* ---- Walking backwards ----------------------------------------------------------------------- */

/* Puts the cursor at the first entry at or above `at`. The entry before it is looked at next. */
static int stand_at(struct keys_walk *walk, MDB_val at, MDB_val *ret_key,
                    struct reel_error *error) {
    MDB_val value;
    int rc = mdb_cursor_get(walk->cursor, &at, &value, MDB_SET_RANGE);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return store_fail(walk->store, rc, "cannot read records", error);
    walk->previous = rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV;
    *ret_key = rc == MDB_NOTFOUND ? (MDB_val){0, NULL} : at;
    return 0;
}

/* Goes into a node, to look at it from its end. */
static int enter_at_end(struct keys_walk *walk, uint64_t node, struct reel_str chunk,
                        struct reel_error *error) {
    MDB_val found;
    int rc = enter(walk, node, chunk);
    if (rc < 0) return fail(error, rc, "out of memory");
    begin_key(&walk->at, node + 1);
    return stand_at(walk, (MDB_val){walk->at.len, walk->at.bytes}, &found, error);
}

/* Leaves the node for what stands before the entry that led into it. */
static int leave_backwards(struct keys_walk *walk, struct reel_error *error) {
    MDB_val found;
    INVARIANT(walk->depth > 0);
    walk->depth--;
    uint64_t outer = walk->depth > 0 ? walk->nodes[walk->depth - 1] : 0;
    struct reel_str chunk = {walk->key.data + walk->depth * KEY_CHUNK, KEY_CHUNK};
    return stand_at(walk, entry_key(&walk->at, outer, chunk, true), &found, error);
}

int keys_walk_start_below(struct keys_walk *walk, struct store *store, MDB_txn *txn, MDB_dbi dbi,
                          struct reel_str key, bool at, struct reel_error *error) {
    *walk = (struct keys_walk){.store = store, .next = MDB_NEXT};
    MDB_val found = {0};
    int rc = descend(walk, txn, dbi, key, error);
    if (rc < 0) return rc;
    bool may_be_at = rc > 0 && at;
    MDB_val place = {walk->at.len, walk->at.bytes};
    rc = stand_at(walk, place, &found, error);
    if (rc == 0 && may_be_at && found.mv_size == place.mv_size &&
        memcmp(found.mv_data, walk->at.bytes, place.mv_size) == 0)
        walk->previous = MDB_GET_CURRENT;
    return rc;
}

/* As step(). */
static int step_back(struct keys_walk *walk, struct reel_str *ret_key, struct reel_str *ret_value,
                     struct reel_error *error) {
    uint64_t node = walk->depth > 0 ? walk->nodes[walk->depth - 1] : 0;
    MDB_val key = {0, NULL}, value = {0, NULL};
    int rc = mdb_cursor_get(walk->cursor, &key, &value, walk->previous);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return store_fail(walk->store, rc, "cannot read records", error);
    walk->previous = MDB_PREV;
    size_t prefix = rc == 0 ? prefix_len(node, key) : 0;
    if (prefix == 0) {
        if (walk->depth == 0) return -ENODATA;
        return leave_backwards(walk, error);
    }
    struct reel_str chunk = {(const char *)key.mv_data + prefix, key.mv_size - prefix};
    if (chunk.len > KEY_CHUNK) {
        chunk.len = KEY_CHUNK;
        rc = node_of(walk->store, value, &node, error);
        return rc < 0 ? rc : enter_at_end(walk, node, chunk, error);
    }
    walk->next = MDB_NEXT;
    rc = assemble(walk, chunk, ret_key);
    *ret_value = (struct reel_str){value.mv_data, value.mv_size};
    return rc < 0 ? rc : 1;
}

int keys_previous(struct keys_walk *walk, struct reel_str *ret_key, struct reel_str *ret_value,
                  struct reel_error *error) {
    int rc;
    do rc = step_back(walk, ret_key, ret_value, error);
    while (rc == 0);
    if (rc == -ENOMEM) return fail(error, rc, "cannot read records: out of memory");
    return rc == -ENODATA ? 0 : rc;
}

void keys_walk_finish(struct keys_walk *walk) {
    if (walk->cursor) mdb_cursor_close(walk->cursor);
    free(walk->nodes);
    text_finish(&walk->key);
    *walk = (struct keys_walk){0};
}
