/* collection.h: one collection: what is declared of it, what the store knows of it, and the records
 * of it that the running transaction has met (changes.h), whose handles a projector holds.
 */
#ifndef REEL_ENGINE_FOLD_COLLECTION_H
#define REEL_ENGINE_FOLD_COLLECTION_H

#include "base/arena.h"
#include "engine/fold/counts.h"
#include "engine/fold/plugin.h"
#include "engine/store/record.h"
#include "engine/store/store.h"

struct fold;
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

/* A collection that is behind the log, for the operator (report.h). */
struct catching_up {
    bool under_way;
    const char *why; /* it is a rebuild, and why; NULL: it was only away */
    uint64_t began_ms;
    struct collection_state from;
};

struct collection {
    struct reel_tx tx; /* first: what its projector's evolve is given */
    struct fold *fold;
    struct store *store;
    const struct plugin *plugin;
    const struct projector *projector;
    const char *name;
    struct record_shape shape;
    MDB_dbi dbi, index;
    bool rebuild_wanted;
    bool rebuild_begun;  /* at the start */
    bool object_changed; /* since its records were made; its revision did not */
    struct catching_up catching_up;
    struct collection_state state;     /* as the running transaction leaves it */
    struct collection_state committed; /* as the store has it */
    struct counts counts;              /* of events that nobody had folded before */
    struct counts counts_again;        /* and of others: a rebuild's */
    struct changes changes;
};

/* The key by which the collection has the record that is asked for as `given`: 0, or 1 if that can
 * be no key of it. */
int collection_canonical_key(const struct collection *collection, struct reel_str given,
                             struct reel_key *ret);

#endif
