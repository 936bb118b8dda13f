/* meta.h: the table `meta`: what is known of the log, and of each collection.
 *
 *     "store"                    struct store_state
 *     "origin"                   struct store_origin
 *     "lineage"                  the log's epochs, the oldest first: struct lineage_entry
 *     "c/" and a name            struct collection_state
 *     "control/" and a name      struct collection_control
 *     "fields/" and a name       which fields are indexed, and how far (field_index.h)
 *     "fields2/" and a name      the same, of its second set of tables (store.h)
 *     "shadow/" and a name       struct collection_state of the shadow, while there is one
 *     "handover/" and a name     struct collection_state of what a builder has made for the next
 *                                worker, while there is one (handover.h)
 *
 * Values are in native byte order, like all of LMDB's data.
 */
#ifndef REEL_ENGINE_STORE_META_H
#define REEL_ENGINE_STORE_META_H

#include "base/build_id.h"
#include "engine/store/digest.h"
#include "engine/store/environment.h"

/* Older formats are read, and become this one when they are opened to write: a version of Reel that
 * does not know of second sides, indexes and second sets must not change records beside them.
 *     3    has neither second sides (sides.h) nor indexes of fields (field_index.h)
 *     4    has no indexes of fields
 *     5    has no second sets of tables (store.h) */
#define STORE_FORMAT     6
#define STORE_FORMAT_MIN 3

/* -EPROTO: this version does not read it. */
int meta_accept_format(uint32_t format, struct reel_error *error);

/* Counts of messages of the mirrored stream that were never received, since the log began. The log
 * has each gap (LOG_GAP), until it is trimmed. */
struct store_gaps {
    uint64_t count, messages;
    uint64_t from, to; /* the newest gap */
};

/* The state of the store. */
struct store_state {
    uint32_t format;
    uint32_t is_backup; /* a copy that has no epoch of its own yet */
    uint8_t epoch[16];
    uint64_t cursor;
    uint64_t first_seq; /* the floor: the oldest seq that the log may still have */
    uint64_t head;
    uint64_t applied, ignored, rejected;
    uint64_t reserved;
    struct store_gaps gaps;
    uint64_t log_salt, log_number, log_at, log_chain; /* the log was synced up to there (log.h) */
    uint64_t first_deletion; /* the floor of deletions: older tombstones may be gone */
    uint64_t controls;       /* the number of the log's control that was folded last (log.h) */
};

/* The state of one collection, whether its plugin is loaded or not. */
struct collection_state {
    uint32_t revision;
    uint32_t has_digest; /* 0: it is of a version that had none */
    uint64_t fields_hash;
    uint64_t cursor;
    uint64_t from_seq;
    uint64_t records;
    uint64_t applied, ignored, rejected;
    uint64_t json_bytes;              /* JSON of all records */
    uint64_t changed;                 /* seq of the event that last changed a record; 0: none */
    uint8_t build_id[BUILD_ID_BYTES]; /* of the object that folded its records; or zeros */
    uint32_t field_count;             /* of each record (record.h); 0: not known, as has_digest */
    struct digest digest;             /* of its records */
    uint64_t generation;              /* collection_control.generation, for views */
    uint32_t settings_hash;     /* of the values of its projector's settings; 0: it has none */
    uint32_t source_hash;       /* of its source's name; 0: it is not derived */
    uint64_t source_generation; /* of its source's records, of which these were made */
    uint32_t from_records;      /* 1: it is being made from its source's records; cursor is 0 */
    uint8_t set;                /* which of its sets of tables it has (store.h) */
    uint8_t has_shadow;         /* 1: its shadow is in `meta`, too */
    uint8_t waits;              /* 1: it folds nothing until its shadow is complete; cursor is 0.
                                   Of a handover: it is not complete */
    uint8_t finish_first;       /* 1: of a shadow that is finished before anything is visible */
};

/* What the log's controls say of one collection, whether or not its plugin is loaded. */
struct collection_control {
    uint64_t generation;  /* how often its records have changed otherwise than by events */
    uint64_t rebuild;     /* the number of the control by which its rebuild was begun last, or 0 */
    uint64_t rebuild_met; /* what the store has, shows or was emptied for that one */
    uint32_t paused;      /* 0 or 1 */
    uint32_t reserved;
    uint64_t shown, emptied; /* as `rebuild`, of the one whose records were shown last; and of the
                                one for which it was emptied last */
    uint64_t paused_from;    /* if `paused`: the first event that it does not fold */
};

/* The log had this epoch from that seq on, until the next one in the list. */
struct lineage_entry {
    uint8_t epoch[16];
    uint64_t from_seq;
};
#define LINEAGE_MAX 256

/* The stream that this log mirrors, also kept in `meta`; a log of our own has none. */
struct store_origin {
    uint64_t created_ns;     /* when the stream was created, ns since 1970, UTC */
    uint8_t stream_hash[16]; /* ids_hash of its name */
    uint8_t filter_hash[16]; /* and of its filter */
    uint8_t salt[16]; /* all zero, unless the log was replaced although the stream is the same */
};

/* -ENOENT: nothing is stored about this collection. */
int meta_get_state(struct store *store, const struct snapshot *at, struct store_state *ret);
int meta_put_state(struct store *store, const struct store_state *state, struct reel_error *error);
int meta_get_collection(struct store *store, const struct snapshot *at, const char *name,
                        struct collection_state *ret);
int meta_put_collection(struct store *store, const char *name, const struct collection_state *state,
                        struct reel_error *error);

/* -ENOENT: nothing was ever indexed, and nothing is. The value is as table_get gives it. */
int meta_get_fields(struct store *store, const struct snapshot *at, const char *name, unsigned set,
                    struct reel_str *ret);
int meta_put_fields(struct store *store, const char *name, unsigned set, struct reel_str value,
                    struct reel_error *error);

/* The state of its shadow. -ENOENT: it has none. */
int meta_get_shadow(struct store *store, const struct snapshot *at, const char *name,
                    struct collection_state *ret);
int meta_put_shadow(struct store *store, const char *name, const struct collection_state *state,
                    struct reel_error *error);
int meta_remove_shadow(struct store *store, const char *name, struct reel_error *error);

/* The state of what is handed over of it. -ENOENT: nothing is. */
int meta_get_handover(struct store *store, const struct snapshot *at, const char *name,
                      struct collection_state *ret);
int meta_put_handover(struct store *store, const char *name, const struct collection_state *state,
                      struct reel_error *error);
int meta_remove_handover(struct store *store, const char *name, struct reel_error *error);

/* -ENOENT: no control was about that collection. */
int meta_get_control(struct store *store, const struct snapshot *at, const char *name,
                     struct collection_control *ret);
int meta_put_control(struct store *store, const char *name,
                     const struct collection_control *control, struct reel_error *error);

/* The lineage: how many entries. Of more than LINEAGE_MAX the oldest are forgotten. */
int meta_get_lineage(struct store *store, const struct snapshot *at,
                     struct lineage_entry ret[LINEAGE_MAX]);
int meta_put_lineage(struct store *store, const struct lineage_entry *entries, size_t count,
                     struct reel_error *error);

/* Gives the state of each collection that is known, loaded or not, as of the last commit. */
int meta_each_collection(struct store *store,
                         void (*fn)(void *context, const char *name,
                                    const struct collection_state *state),
                         void *context);

/* -ENOENT: the log does not mirror a stream. */
int meta_get_origin(struct store *store, const struct snapshot *at, struct store_origin *ret);
int meta_put_origin(struct store *store, const struct store_origin *origin,
                    struct reel_error *error);

/* Removes all that depends on events, and the states of all collections. The records of collections
 * that are not loaded are removed when they are loaded. */
int meta_empty(struct store *store, struct reel_error *error);

/* What a row of `meta` is, for those who read LMDB without memtables. */
enum meta_kind {
    META_OTHER,
    META_STATE,
    META_LINEAGE,
    META_COLLECTION,
    META_SHADOW,
    META_CONTROL,
    META_FIELDS,
};
struct meta_item {
    enum meta_kind kind;
    char name[STORE_NAME_MAX + 1]; /* of a collection */
    unsigned set;                  /* of META_FIELDS */
    struct reel_str value;         /* as it stands there */
    union {
        struct store_state state;
        struct collection_state collection; /* of META_COLLECTION and META_SHADOW */
        struct collection_control control;
    };
};
void meta_read(struct reel_str key, struct reel_str value, struct meta_item *ret);
size_t meta_read_lineage(struct reel_str value, struct lineage_entry ret[LINEAGE_MAX]);

/* For an environment that is only read, without memtables: is there a store of this format?
 * -ENOENT, -EPROTO. */
int meta_check_format(struct store *store, struct reel_error *error);

#endif
