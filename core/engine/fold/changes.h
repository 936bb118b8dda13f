/* changes.h: the records of one collection that the running transaction has used.
 *
 * A batch may change a record several times, but writes it once. So records that projectors find or
 * create are kept here, each as an array of its fields' JSON texts, until the batch is written to
 * the store in the order of keys. At the end of the transaction, all of them are forgotten.
 *
 * The changes of one event can be undone: before the first change, the record's state is saved, and
 * the record is added to `touched`. Texts are never changed in place. Derived collections fold what
 * is left there of an event that was applied (changes_net).
 *
 * A `struct change` is also the handle that a projector holds. It comes from a pool that lives as
 * long as the collection. So an old handle still points to valid memory, and its use is detected.
 */
#ifndef REEL_ENGINE_FOLD_CHANGES_H
#define REEL_ENGINE_FOLD_CHANGES_H

#include "engine/fold/collection.h"

void changes_finish(struct changes *changes);

/* Forgets all records. The caller resets the arena. */
void changes_reset(struct changes *changes);

/* Finds the record with this key, whether it exists or not. If the transaction has not used it yet,
 * it is read from the store. Keys and texts are copied to the arena. -ENOMEM, or an error of the
 * store. */
int changes_find(struct collection *collection, struct reel_str key, struct arena *arena,
                 struct change **ret, struct reel_error *error);

/* The JSON of a record, with the changes of the transaction. The caller frees it; NULL: the record
 * does not exist. */
int changes_show(struct collection *collection, struct reel_str key, struct arena *arena,
                 char **ret, size_t *ret_len, struct reel_error *error);

/* Reduces `touched` to the records that are different after the step, and sorts them by key. */
void changes_net(struct changes *changes);

/* Makes sure that there is memory for the record's values, and for their previous state. False: out
 * of memory. */
bool change_values(struct change *change, struct arena *arena);

/* Writes changed records and their entries in both indexes into the write transaction, counts
 * `state.records`, raises `state.changed`, and forgets all records. */
int changes_flush(struct collection *collection, struct arena *arena, struct reel_error *error);

#endif
