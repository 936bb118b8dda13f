/* rewrite.c: see rewrite.h. */
#include "engine/store/rewrite.h"

#include "base/invariant.h"
#include "base/text.h"
#include "engine/store/keys.h"
#include "engine/store/memtable/tree_walk.h"
#include "engine/store/sides.h"

#include <string.h>

#define SAMPLES 1024 /* changes that are looked up in the table */

/* A table is rewritten if its changes are in this part of as many pages as it needs. */
#define WORTH       3
#define WORTH_PARTS 4

/* In LMDB's pages (struct MDB_page, MDB_node): what a page and a row have beside their contents. */
#define PAGE_HEAD 16
#define ROW_HEAD  10

/* ---- Is it worth it? ------------------------------------------------------------------------- */

struct estimate {
    struct store *store;
    MDB_cursor *cursor;
    size_t page_bytes;
    const char *page;         /* of the change that was looked up last */
    uint64_t rows, row_bytes; /* that were met, without the pages of large values */
    uint64_t changed;         /* pages */
};

/* Pages that LMDB takes for a large value alone. */
static size_t own_pages(const struct estimate *estimate, MDB_val key, MDB_val value) {
    size_t most = (estimate->page_bytes - PAGE_HEAD) / 2 - 2;
    if (key.mv_size + value.mv_size + ROW_HEAD <= most) return 0;
    return (value.mv_size + PAGE_HEAD - 1) / estimate->page_bytes + 1;
}

/* Finds the page in which an item is, or will be. `times`: how many changes it stands for if the
 * item before it, which was looked up, is in another page. 0: only for the next one. */
static int look_up(struct estimate *estimate, const struct item *item, size_t times,
                   struct reel_error *error) {
    struct stored_key stored;
    MDB_val at = keys_short(&stored, item_key(item)), key = at, value;
    const char *before = estimate->page;
    int rc = mdb_cursor_get(estimate->cursor, &key, &value, MDB_SET_RANGE);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return store_fail(estimate->store, rc, "cannot write a checkpoint", error);
    uintptr_t place = rc == 0 ? (uintptr_t)key.mv_data : UINTPTR_MAX; /* behind all */
    estimate->page = (const char *)(place / estimate->page_bytes * estimate->page_bytes);
    if (before != estimate->page) estimate->changed += times;
    if (rc != 0) return 0;
    size_t own = own_pages(estimate, key, value);
    bool is_same = key.mv_size == at.mv_size && memcmp(key.mv_data, at.mv_data, at.mv_size) == 0;
    if (is_same) estimate->changed += own * times;
    estimate->rows++;
    estimate->row_bytes += ROW_HEAD + key.mv_size + (own ? sizeof(uint64_t) : value.mv_size);
    return 0;
}

/* 1; 0: a key is too long. */
static int sample(struct estimate *estimate, const struct tree *tree, struct reel_error *error) {
    size_t stride = tree->count / SAMPLES + 1, i = 0;
    struct tree_walk walk;
    for (const struct item *item =
             tree_seek(&walk, tree, (struct reel_str){"", 0}, SEEK_AT_OR_ABOVE);
         item; item = tree_next(&walk), i++) {
        bool counts = i % stride == 0, is_before = (i + 1) % stride == 0;
        if (item_key(item).len > KEY_CHUNK) return 0;
        if (!counts && !is_before) continue;
        int rc = look_up(estimate, item, counts ? stride : 0, error);
        if (rc < 0) return rc;
    }
    return 1;
}

static int estimate_with(struct estimate *estimate, const MDB_stat *stat, const struct tree *tree,
                         bool *ret, struct reel_error *error) {
    MDB_val key, value;
    int rc = mdb_cursor_get(estimate->cursor, &key, &value, MDB_FIRST);
    if (rc != 0) return store_fail(estimate->store, rc, "cannot write a checkpoint", error);
    if (!keys_are_short(key)) return 0;
    rc = sample(estimate, tree, error);
    if (rc <= 0) return rc;
    uint64_t bytes = estimate->rows ? estimate->row_bytes / estimate->rows * stat->ms_entries : 0;
    uint64_t needed = bytes / (estimate->page_bytes - PAGE_HEAD) + stat->ms_overflow_pages;
    *ret = estimate->rows && estimate->changed * WORTH_PARTS >= needed * WORTH;
    return 0;
}

int rewrite_is_worth(struct store *store, MDB_dbi dbi, const struct tree *tree, bool *ret,
                     struct reel_error *error) {
    MDB_stat stat;
    struct estimate estimate = {.store = store};
    *ret = false;
    int rc = mdb_stat(store->txn, dbi, &stat);
    if (rc != 0) return store_fail(store, rc, "cannot write a checkpoint", error);
    if (stat.ms_leaf_pages < store->rewrite_leaves_min) return 0;
    if (tree->count < stat.ms_leaf_pages / 4) return 0; /* far from it */
    rc = mdb_cursor_open(store->txn, dbi, &estimate.cursor);
    if (rc != 0) return store_fail(store, rc, "cannot write a checkpoint", error);
    estimate.page_bytes = stat.ms_psize;
    rc = estimate_with(&estimate, &stat, tree, ret, error);
    mdb_cursor_close(estimate.cursor);
    return rc;
}

/* ---- Slices ---------------------------------------------------------------------------------- */

struct rewriting {
    const struct rewrite *own;
    MDB_cursor *from, *to;
    MDB_val key, value; /* the row of the old side that is next */
    bool has_row;
    size_t bytes; /* written in this transaction */
    struct stored_key place;
};

static int cannot(struct rewriting *rewriting, int rc, struct reel_error *error) {
    if (rc == 0) return 0;
    return store_fail(rewriting->own->store, rc, "cannot write a checkpoint", error);
}

static int read_row(struct rewriting *rewriting, MDB_cursor_op operation) {
    int rc = mdb_cursor_get(rewriting->from, &rewriting->key, &rewriting->value, operation);
    rewriting->has_row = rc == 0;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static void close_cursors(struct rewriting *rewriting) {
    if (rewriting->from) mdb_cursor_close(rewriting->from);
    if (rewriting->to) mdb_cursor_close(rewriting->to);
    rewriting->from = rewriting->to = NULL;
}

static int open_cursors(struct rewriting *rewriting) {
    MDB_txn *txn = rewriting->own->store->txn;
    int rc = mdb_cursor_open(txn, rewriting->own->from, &rewriting->from);
    return rc != 0 ? rc : mdb_cursor_open(txn, rewriting->own->to, &rewriting->to);
}

static void note_place(struct rewriting *rewriting) {
    struct stored_key *place = &rewriting->place;
    INVARIANT(rewriting->key.mv_size <= sizeof place->bytes);
    memcpy(place->bytes, rewriting->key.mv_data, rewriting->key.mv_size);
    place->len = rewriting->key.mv_size;
}

/* The next transaction finds the row again that was next. */
static int next_slice(struct rewriting *rewriting, struct reel_error *error) {
    struct store *store = rewriting->own->store;
    bool has_row = rewriting->has_row;
    if (has_row) note_place(rewriting);
    close_cursors(rewriting);
    int rc = environment_commit(store, error);
    if (rc == 0) rc = environment_begin(store, error);
    if (rc < 0) return rc;
    rewriting->bytes = 0;
    rc = open_cursors(rewriting);
    if (rc == 0 && has_row) {
        rewriting->key = (MDB_val){rewriting->place.len, rewriting->place.bytes};
        rc = read_row(rewriting, MDB_SET_KEY);
    }
    return cannot(rewriting, rc, error);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static int append(struct rewriting *rewriting, MDB_val key, MDB_val value,
                  struct reel_error *error) {
    rewriting->bytes += key.mv_size + value.mv_size + ROW_HEAD;
    return cannot(rewriting, mdb_cursor_put(rewriting->to, &key, &value, MDB_APPEND), error);
}

static int append_item(struct rewriting *rewriting, const struct item *item,
                       struct reel_error *error) {
    struct stored_key stored;
    struct reel_str value = item_value(item);
    int rc = rewriting->own->check(rewriting->own->store, item, error);
    if (rc < 0 || item_is_deleted(item)) return rc;
    return append(rewriting, keys_short(&stored, item_key(item)),
                  (MDB_val){value.len, (void *)value.data}, error);
}

/* Less than 0: the old side's row is first; 0: the item replaces it. */
static int compare(const struct rewriting *rewriting, const struct item *item) {
    MDB_val row = rewriting->key;
    if (!rewriting->has_row) return 1;
    if (!item) return -1;
    return str_compare((struct reel_str){(const char *)row.mv_data + 1, row.mv_size - 1},
                       item_key(item));
}

static int step(struct rewriting *rewriting, struct tree_walk *walk, const struct item **item,
                struct reel_error *error) {
    int order = compare(rewriting, *item);
    int rc = order < 0 ? append(rewriting, rewriting->key, rewriting->value, error)
                       : append_item(rewriting, *item, error);
    if (rc == 0 && order <= 0) rc = cannot(rewriting, read_row(rewriting, MDB_NEXT), error);
    if (order >= 0) *item = tree_next(walk);
    return rc;
}

static int merge(struct rewriting *rewriting, struct reel_error *error) {
    struct tree_walk walk;
    int rc = cannot(rewriting, read_row(rewriting, MDB_FIRST), error);
    const struct item *item =
        tree_seek(&walk, rewriting->own->tree, (struct reel_str){"", 0}, SEEK_AT_OR_ABOVE);
    while (rc == 0 && (item || rewriting->has_row)) {
        rc = step(rewriting, &walk, &item, error);
        if (rc == 0 && rewriting->bytes >= rewriting->own->store->rewrite_slice_bytes)
            rc = next_slice(rewriting, error);
    }
    return rc;
}

int rewrite_table(const struct rewrite *rewrite, struct reel_error *error) {
    struct rewriting rewriting = {.own = rewrite};
    int rc = sides_mark(rewrite->store->txn, rewrite->to);
    if (rc == 0) rc = open_cursors(&rewriting);
    rc = rc == 0 ? merge(&rewriting, error) : cannot(&rewriting, rc, error);
    close_cursors(&rewriting);
    return rc;
}

int rewrite_finish(const struct rewrite *rewrite, struct reel_error *error) {
    MDB_txn *txn = rewrite->store->txn;
    int rc = sides_unmark(txn, rewrite->to);
    if (rc == 0) rc = mdb_drop(txn, rewrite->from, 0);
    return rc == 0 ? 0 : store_fail(rewrite->store, rc, "cannot write a checkpoint", error);
}
