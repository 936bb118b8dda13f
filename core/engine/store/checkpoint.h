/* checkpoint.h: writing a frozen memtable to LMDB, as one transaction.
 *
 * All that a frozen memtable has is in the log, and synced: a group is published only then. So a
 * checkpoint may be cut off at any place: LMDB then has the checkpoint before it, and opening folds
 * the rest of the log again.
 *
 * Beside each value stands the hash that it had when the host wrote it. The hashes are compared
 * before the commit: what a plugin's stray write has changed in the memtable breaks the store, and
 * does not become durable.
 */
#ifndef REEL_ENGINE_STORE_CHECKPOINT_H
#define REEL_ENGINE_STORE_CHECKPOINT_H

#include "engine/store/memtable/tree.h"
#include "engine/store/store.h"

/* Writes a layer's trees within LMDB's write transaction, `store->txn`. */
int checkpoint_write(struct store *store, const struct tree *trees, size_t count,
                     struct reel_error *error);

#endif
