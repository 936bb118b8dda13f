/* snapshot.h: a point in time, for readers: a version of the memtables over an LMDB snapshot.
 *
 * LMDB must not have less than what lies below the version's layers. It has a frozen memtable
 * before the writer drops that layer, and a snapshot is taken, as a layer is dropped, under one
 * lock: so either the version has the layer, or LMDB has it. LMDB may have more, which the layer
 * hides with the same contents.
 */
#ifndef REEL_ENGINE_STORE_SNAPSHOT_H
#define REEL_ENGINE_STORE_SNAPSHOT_H

#include "engine/store/environment.h"

/* Any thread. `snapshot->txn` may be one that was reset, or NULL. After an error of LMDB (which is
 * returned as it is) there is no transaction and no version. */
int snapshot_take(struct store *store, struct snapshot *snapshot);

/* Gives the version back and resets the transaction, which keeps its place among LMDB's readers;
 * snapshot_finish gives that back, too. */
void snapshot_end(struct snapshot *snapshot);
void snapshot_finish(struct snapshot *snapshot);

#endif
