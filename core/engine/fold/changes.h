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
#ifndef REEL_CORE_CHANGES_H
#define REEL_CORE_CHANGES_H

#include "base/arena.h"
#include "engine/store/record.h"
#include "engine/store/store.h"

struct collection;

struct change {
    struct reel_record record; /* first: the plugin's view of it */
    struct collection *collection;
    struct change *next; /* in its bucket */
    uint64_t hash;
    struct reel_str key;
    struct reel_str *values; /* shape.count JSON texts, when it exists */
    uint64_t met;            /* number of the last callback that was given this handle */
    size_t stored;           /* bytes of it in the store; 0: the store has none of this key */
    size_t stored_json;      /* of these its JSON text */
    uint64_t stored_changed; /* the `changed` that it has there */
    uint64_t changed;
    bool exists;
    bool dirty;      /* the store does not have this state */
    struct {         /* what it was before the last callback that changed it */
        uint64_t by; /* the number of that callback */
        struct reel_str *values;
        uint64_t changed;
        bool exists, dirty;
    } before;
};

#define CHANGES_CHUNK 64

struct changes {
    struct change **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    struct change **chunks;
    size_t chunk_count;
    size_t count; /* in use, in the order in which they were met */
};

void changes_finish(struct changes *changes);

/* Forgets all of them; the caller resets the arena. */
void changes_reset(struct changes *changes);

/* The record of that key, whether or not it exists; loaded from the store when first met. Keys
 * and texts are copied to the arena. -ENOMEM, or an error of the store. */
int changes_find(struct collection *collection, struct reel_str key, struct arena *arena,
                 struct change **ret, struct reel_error *error);

/* Sees to it that there is room for values, and for those before. False: out of memory. */
bool change_values(struct change *change, struct arena *arena);

/* Writes what is dirty into the write transaction, with its place in the index, counts
 * `state.records`, raises `state.changed`, and resets. */
int changes_flush(struct collection *collection, struct arena *arena, struct reel_error *error);

#endif
