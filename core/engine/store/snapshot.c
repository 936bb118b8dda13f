/* snapshot.c: see snapshot.h. */
#include "engine/store/snapshot.h"

#include "base/cleanup.h"
#include "engine/store/memtable/version.h"
#include "engine/store/sides.h"

int snapshot_take(struct store *store, struct snapshot *snapshot) {
    HOLD_LOCK(&store->snapshot_lock);
    MDB_txn **txn = &snapshot->txn;
    int rc = *txn ? mdb_txn_renew(*txn) : mdb_txn_begin(store->env, NULL, MDB_RDONLY, txn);
    if (rc == 0) {
        snapshot->sides = sides_of(store, *txn);
        snapshot->version = version_take(store->versions);
        snapshot->number = snapshot->version->number;
        return 0;
    }
    if (*txn) mdb_txn_abort(*txn);
    *txn = NULL;
    return rc;
}

void snapshot_end(struct snapshot *snapshot) {
    if (snapshot->version) version_give_back(snapshot->version);
    snapshot->version = NULL;
    if (snapshot->txn) mdb_txn_reset(snapshot->txn);
}

void snapshot_finish(struct snapshot *snapshot) {
    snapshot_end(snapshot);
    if (snapshot->txn) mdb_txn_abort(snapshot->txn);
    snapshot->txn = NULL;
}
