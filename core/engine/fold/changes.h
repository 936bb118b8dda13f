/* changes.h: the records of one collection that the running transaction has met.
 *
 * A batch touches a record several times and writes it once. So records that projectors find or
 * make are kept here, as an array of their fields' JSON texts, until the batch is flushed into
 * the store in key order. Everything is thrown away with the transaction.
 *
 * What one event changes can be undone: before the first change, the record's state is kept
 * beside it, and the record put on the fold's list (fold.h). Texts are never changed in place.
 *
 * The `struct change` is also the handle that a projector holds. It comes from a pool that lives
 * as long as the collection, so that a stale handle is memory of ours and is noticed.
 */
#ifndef REEL_ENGINE_FOLD_CHANGES_H
#define REEL_ENGINE_FOLD_CHANGES_H

#include "engine/fold/collection.h"

void changes_finish(struct changes *changes);

/* Forgets all of them; the caller resets the arena. */
void changes_reset(struct changes *changes);

/* The record of that key, whether or not it exists; loaded from the store when first met. Keys
 * and texts are copied to the arena. -ENOMEM, or an error of the store. */
int changes_find(struct collection *collection, struct reel_str key, struct arena *arena,
                 struct change **ret, struct reel_error *error);

/* A record's JSON text as the transaction has it now; malloc'ed, NULL if there is none. */
int changes_show(struct collection *collection, struct reel_str key, struct arena *arena,
                 char **ret, size_t *ret_len, struct reel_error *error);

/* Sees to it that there is room for values, and for those before. False: out of memory. */
bool change_values(struct change *change, struct arena *arena);

/* Writes what is dirty into the write transaction, with its place in the index, counts
 * `state.records`, raises `state.changed`, and resets. */
int changes_flush(struct collection *collection, struct arena *arena, struct reel_error *error);

#endif
