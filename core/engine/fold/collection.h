/* collection.h: one collection: its declaration, its state in the store, and the records that the
 * running transaction has used (changes.h), whose handles a projector holds.
 */
#ifndef REEL_ENGINE_FOLD_COLLECTION_H
#define REEL_ENGINE_FOLD_COLLECTION_H

#include "base/arena.h"
#include "engine/fold/counts.h"
#include "engine/fold/plugin.h"
#include "engine/fold/set_aside.h"
#include "engine/fold/settings.h"
#include "engine/store/field_index.h"
#include "engine/store/record.h"
#include "engine/store/store.h"

struct fold;
struct collection;

struct change {
    struct reel_record record; /* must be first: the plugin's view of the record */
    struct collection *collection;
    struct change *next; /* in its bucket */
    uint64_t hash;
    struct reel_str key;
    struct reel_str *values;     /* shape.count JSON texts, if the record exists */
    uint64_t met;                /* number of the last callback that received this handle */
    size_t stored;               /* its bytes in the store; 0: the store does not have this key */
    const char *stored_at;       /* a copy of these bytes, in memory of the transaction */
    struct reel_str stored_json; /* its JSON text there, in memory of the transaction */
    uint64_t stored_changed;     /* its `changed` in the store */
    uint64_t changed;
    bool exists;
    bool dirty;      /* the store does not have this state yet */
    struct {         /* the state before the last step that changed it */
        uint64_t by; /* the number of that step (fold.h) */
        struct reel_str *values;
        uint64_t changed;
        bool exists, dirty;
    } before;
};

/* Is it another one than before the last step that changed it? */
bool change_is_different(const struct change *change);

#define CHANGES_CHUNK 64

struct changes {
    struct change **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    struct change **chunks;
    size_t chunk_count;
    size_t count; /* number of records in use, in the order of first use */

    struct change **touched; /* records that the last step changed */
    size_t touched_count, touched_size;
};

/* For the operator: a collection that is behind the log (report.h). */
struct catching_up {
    bool under_way;
    const char *why; /* why it is rebuilt; NULL: it is not a rebuild, its plugin was not loaded */
    uint64_t began_ms;
    struct collection_state from;
};

struct collection {
    struct reel_tx tx; /* must be first: passed to its projector's evolve */
    struct fold *fold;
    struct store *store;
    const struct plugin *plugin;
    const struct projector *projector;
    const char *name;
    struct settings settings;
    struct record_shape shape;
    struct table_set sets[STORE_SETS]; /* its tables: see collection_tables */
    struct tracked_fields tracked;
    struct field_progress progress;     /* of the table `fields` */
    bool was_built;                     /* before the running transaction */
    uint32_t watched;                   /* its number in the page, or 0 (callbacks.h) */
    const struct set_aside_list *aside; /* the fold's */
    struct set_aside_counts set_aside;  /* of its build; since the start */

    /* A rebuild (shadow.h). [writer] */
    struct collection *shadow; /* its records are made again in this one; or NULL */
    struct collection *live;   /* of a shadow: the collection that it will replace */
    bool is_kept;              /* of a shadow: it was there before the running transaction */
    bool
        is_ended; /* the same: in this transaction it has replaced its collection, or is given up */

    /* The unit (units.h). */
    struct collection *source;   /* whose changes it folds; NULL: it folds events */
    struct collection **derived; /* of a source of events: all that derive from it, directly or
                                    not, sources before derived */
    size_t derived_count;
    uint32_t depth; /* 0: it folds events */
    bool is_source; /* other collections derive from it, directly */

    /* Of the whole unit: see registry.h. The line by which it is stopped: it folds the events
     * before the line's seq, and no more until it is released or rebuilt; NULL: it is not. And the
     * first event that it does not fold because it is paused; 0: it is not. */
    const struct set_aside *_Atomic stopped;
    _Atomic uint64_t paused_from;
    _Atomic bool lost_events; /* the log no longer has all that it has not folded */
    _Atomic bool lags; /* it goes on, and is folded beside the others until it is with them */
    _Atomic bool shown_behind; /* it has gone on, and views that do not have all of that show it */
    /* Of the collection: its projector has ended the process with as many keys, or commands, as may
     * be set aside, so that it is not asked for others until it is released. */
    _Atomic bool refuses_keys, refuses_requests;
    _Atomic bool unreadable; /* its records have other fields than those that are declared now */
    bool is_released;        /* since the list was read */

    bool rebuild_wanted;
    bool rebuild_unmet;  /* at the start: the log knows of one that the store does not have */
    bool rebuild_shown;  /* the same, and its records were visible before a crash */
    bool finish_first;   /* the same: so it is finished before anything is visible */
    bool has_given_up;   /* the same: it can neither go on nor begin again (registry.h) */
    bool is_other_build; /* than the one that made the records that stay */
    bool is_new;         /* the store did not have it */
    bool is_handed_over; /* at the start: a builder has made its records, of this state */
    struct collection_state handed_over;
    const char *why;         /* its records must be made again; NULL: they stay */
    const char *was_derived; /* why it was made from its source's records, last; or NULL */
    bool rebuild_begun;      /* by the start, or by the last request for its unit */
    bool object_changed;     /* since its records were made; its revision did not */
    bool tail_is_of_other;   /* another object may have folded events beyond its cursor */
    struct catching_up catching_up;
    struct collection_state state;     /* with the changes of the running transaction */
    struct collection_state committed; /* as it is in the store */
    struct counts counts;              /* events that are folded for the first time */
    struct counts counts_again;        /* events that are folded again, in a rebuild */
    struct changes changes;
};

/* The tables of its records: as the writer sees them, and as of a state that a view has read. */
static inline const struct table_set *collection_tables(const struct collection *collection) {
    return &collection->sets[collection->state.set % STORE_SETS];
}
static inline const struct table_set *collection_tables_at(const struct collection *collection,
                                                           const struct collection_state *state) {
    return &collection->sets[state->set % STORE_SETS];
}

/* The collection that others know: of a shadow, the one that it will replace. */
static inline struct collection *collection_shown(struct collection *collection) {
    return collection->live ? collection->live : collection;
}

/* Does it fold no events now? */
static inline bool collection_waits(const struct collection *collection) {
    return collection->state.from_records || collection->state.waits;
}

/* True if the collection is stopped or paused, and this event is one of those that it does not
 * fold. */
static inline bool collection_stops_before(const struct collection *collection, uint64_t seq) {
    const struct set_aside *line = atomic_load_explicit(&collection->stopped, memory_order_relaxed);
    uint64_t paused = atomic_load_explicit(&collection->paused_from, memory_order_relaxed);
    if (!line && !paused) return false;
    return (line && seq >= line->seq) || (paused && seq >= paused) || collection->lost_events;
}

static inline bool collection_is_halted(const struct collection *collection) {
    return collection->stopped || collection->paused_from;
}

/* Is it halted, or not yet where the others are after that? Then its shadow waits. */
static inline bool collection_is_held(const struct collection *collection) {
    return collection_is_halted(collection) || collection->lags;
}

/* Converts a key to the form in which the collection stores it. 0; or 1 if `given` cannot be a key
 * of the collection, as far as is known: nor is one with which the plugin has ended the process. */
int collection_canonical_key(const struct collection *collection, struct reel_str given,
                             struct reel_key *ret);

#endif
