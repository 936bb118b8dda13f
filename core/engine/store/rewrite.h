/* rewrite.h: a checkpoint rewrites a table instead of changing it in place.
 *
 * LMDB copies each page that changes, and the branches above it. When the changes of a checkpoint
 * are in most of a table's pages, it costs less to write the table from the beginning to its end:
 *     - the new pages are full, those that are changed in place are full by two thirds;
 *     - they are written in order;
 *     - nobody reads them before they are all there, so that they are committed in slices, and
 *       memory is needed for one slice instead of for all pages that change.
 * rewrite_is_worth estimates both from a sample of the changes. It looks up each of them in the
 * table only if there are few, and goes through the memtable, not through the table.
 *
 * rewrite_table fills the table's other side (sides.h) with both merged. Only the last slice is in
 * the checkpoint's transaction, as is rewrite_finish, which makes that side the current one. A
 * crash in between leaves a side that is not finished.
 *
 * Tables with keys of more than KEY_CHUNK bytes are always changed in place.
 */
#ifndef REEL_ENGINE_STORE_REWRITE_H
#define REEL_ENGINE_STORE_REWRITE_H

#include "engine/store/environment.h"
#include "engine/store/memtable/tree.h"

/* Smaller tables are always changed in place. */
#define REWRITE_LEAVES_MIN 256

/* Bytes of rows in a transaction. */
#define REWRITE_SLICE_BYTES ((size_t)32 << 20)

/* All of these within LMDB's write transaction. `dbi`: the table's current side. */
int rewrite_is_worth(struct store *store, MDB_dbi dbi, const struct tree *tree, bool *ret,
                     struct reel_error *error);

/* `check` is asked about each item. */
struct rewrite {
    struct store *store;
    MDB_dbi from, to;
    const struct tree *tree;
    int (*check)(struct store *store, const struct item *item, struct reel_error *error);
};
int rewrite_table(const struct rewrite *rewrite, struct reel_error *error);
int rewrite_finish(const struct rewrite *rewrite, struct reel_error *error);

#endif
