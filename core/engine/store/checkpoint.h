/* checkpoint.h: checkpoints: a memtable is frozen and written to LMDB as one transaction.
 *
 * All that a frozen memtable has is in the log, and synced: a group is published only then. So a
 * checkpoint may be cut off at any place: LMDB then has the checkpoint before it, and opening folds
 * the rest of the log again.
 *
 * A thread writes it (`reel-checkpoint`, started with the first one), while the writer goes on with
 * the next memtable. (If there is no thread, the writer does it when the next memtable is full.) At
 * most one frozen memtable waits. If the next one is full before that is written, the writer waits
 * for it. If it cannot be written because the disk is full, the writer gets that error until it
 * can; the thread tries again each second.
 *
 * Beside each value stands the hash that it had when the host wrote it. The hashes are compared
 * before the commit: what a plugin's stray write has changed in the memtable breaks the store, and
 * does not become durable.
 *
 * A table of which it changes most pages is rewritten instead (rewrite.h), in transactions of
 * their own before the one that counts.
 *
 * In memory nothing is frozen, except for a backup.
 */
#ifndef REEL_ENGINE_STORE_CHECKPOINT_H
#define REEL_ENGINE_STORE_CHECKPOINT_H

#include "engine/store/environment.h"

/* A memtable is frozen when it has so many bytes (of a small map, a part of it), or the effects of
 * so many events, or is so old. */
#define MEMTABLE_BYTES  ((size_t)144 << 20)
#define MEMTABLE_EVENTS 250000
#define MEMTABLE_MS     60000

/* A group that begins with a memtable that is nearly full has room for so many bytes (of a small
 * map, less). */
#define MEMTABLE_GROUP_BYTES ((size_t)48 << 20)

struct checkpoint_metrics {
    uint64_t cursor; /* LMDB has what any collection makes of the events up to it */
    uint64_t count, failures;
    uint64_t tables_rewritten;   /* tables that were rewritten (rewrite.h) */
    uint64_t duration_ns, bytes; /* of all that were written: their time, and their items' bytes */
    uint64_t last_duration_ns, last_bytes;
    uint64_t wait_ns;  /* that the writer has waited for one */
    uint64_t began_ms; /* clock_ms when the active memtable got its first group; 0: it is empty */
    bool failing;      /* the last attempt failed */

    /* As of the last group. */
    uint64_t active_bytes, frozen_bytes; /* of the memtables */
    uint64_t held_bytes;                 /* of older versions, for views */
};

/* For `store->versions`. 0 or -ENOMEM. checkpoint_finish ends the thread, and writes nothing. */
int checkpoint_init(struct store *store);
void checkpoint_finish(struct store *store);

/* The writer, between groups: freezes the active memtable if it is due. Waits only if it is full.
 * -ENOSPC: it is full, and the one before it cannot be written. */
int checkpoint_make_room(struct store *store, struct reel_error *error);

/* The same, but while a checkpoint fails the memtable is full only with so many bytes. */
int checkpoint_make_room_within(struct store *store, size_t bytes_max, struct reel_error *error);

/* For what is not urgent. The error of the last checkpoint, until there is one; 0: it did not fail.
 * And: a frozen memtable waits for its checkpoint, and the active one is half full. [writer] */
int checkpoint_last_failure(struct store *store, struct reel_error *error);
bool checkpoint_is_busy(struct store *store);

/* A frozen memtable waits for its checkpoint. [writer] */
bool checkpoint_is_waiting(struct store *store);

/* Asks for a checkpoint of what there is, and does not wait for it. */
void checkpoint_ask(struct store *store);

/* No collection needs the log up to this seq, even after a crash. [any thread] */
uint64_t checkpoint_cursor(struct store *store);

/* True if the memtable is full with `bytes` more, which the open group has not written yet.
 * [writer]
 */
bool checkpoint_is_due(const struct store *store, size_t bytes);

/* The writer, after a group. */
void checkpoint_note_group(struct store *store);

/* The writer, between groups: LMDB gets all that was committed, before this returns. */
int checkpoint_all(struct store *store, struct reel_error *error);

/* The writer, within the first group after checkpoint_all: LMDB gets the group before it is
 * visible, which it is afterwards. It may begin another log: `cursor` may be lower. After an error
 * the group is still open. */
int checkpoint_group(struct store *store, uint64_t cursor, struct reel_error *error);

/* Runs `fn` in a transaction of LMDB, `store->txn`, between groups. [writer] */
int checkpoint_between(struct store *store,
                       int (*fn)(struct store *store, void *context, struct reel_error *error),
                       void *context, struct reel_error *error);

/* Any thread. */
void checkpoint_measure(struct store *store, struct checkpoint_metrics *ret);

#endif
