/* dispatcher.h: the one writer. It receives payloads, and commits records and cursor together.
 * Every function here is called with the Reel's write lock held (reel.c).
 *
 * A transaction: dispatcher_begin; for each payload dispatcher_append, which appends it to the
 * log's group and folds it; dispatcher_end, which writes and syncs the group, and then commits the
 * store. After a failure in between, call dispatcher_abort; then nothing has happened. If the store
 * cannot be committed because the disk is full, the group is taken back. dispatcher_catch_up folds
 * events of the log that a collection has not folded yet, in the same way but without appending.
 */
#ifndef REEL_ENGINE_DISPATCHER_H
#define REEL_ENGINE_DISPATCHER_H

#include "engine/decoder.h"
#include "engine/fold/fold.h"
#include "engine/fold/registry.h"
#include "engine/fold/router.h"
#include "engine/home.h"

/* Rejections of new events in the running transaction: how many of them are kept. */
#define NOTES_MAX 4
struct rejection_notes {
    struct {
        uint64_t seq;
        char collection[STORE_NAME_MAX + 1];
        char reason[REASON_BYTES];
    } list[NOTES_MAX];
    uint64_t count;
};

/* Sees each change of one record, right after the event was folded. Everything is borrowed until it
 * returns. Another value than 0 ends the fold with it: an error code. */
struct fold_watch {
    const struct collection *collection;
    struct reel_str key;
    int (*changed)(void *context, const struct change *change, const struct reel_event *event,
                   const struct log_entry *entry);
    void *context;
};

struct dispatcher {
    struct home home;
    struct store store;           /* the home's */
    struct store_state state;     /* with the changes of the running transaction */
    struct store_state committed; /* as it is in the store */
    struct registry registry;
    struct router router;
    struct fold fold;
    struct decoder *decoder;
    uint32_t event_bytes_max;
    uint32_t batch_events_max;
    uint64_t batch_bytes_max;
    uint64_t
        time_ns; /* the time when the transaction began; its events were received at this time */
    uint64_t folded; /* the transaction has folded the log up to this seq; or 0 */
    bool beside;     /* the running transaction folds shadows, and not what is served */
    bool adopting;   /* the running transaction belongs to a log that is not yet in its place */
    struct counts counts; /* counts new events */
    struct rejection_notes notes;
    struct text marks;              /* of the event that is folded now (dispatcher.c) */
    const struct fold_watch *watch; /* or NULL */
    /* reel_options.rejected. Its context is the context of fold.warnings. */
    void (*rejected)(void *context, const struct reel_rejection *const *rejections, uint64_t total);
    bool trim_left; /* tombstones or rejections below the floor, maybe: trimming has not looked */
};

/* A payload that will be appended. */
struct arrival {
    struct reel_str bytes;
    uint64_t seq;                 /* beyond the head; 0: the next */
    uint64_t time_ns;             /* with seq: when the stream received it */
    uint32_t flags;               /* LOG_SUBMITTED, LOG_ANSWERED, LOG_SET_ASIDE, LOG_CONVERTED */
    const uint8_t *id_hash;       /* with LOG_SUBMITTED */
    bool check_id_hash;           /* a broker's message claims the id_hash: it may be another one */
    struct log_answer answer;     /* with LOG_ANSWERED; its outcome is set here */
    struct reel_str set_aside;    /* with LOG_SET_ASIDE */
    struct reel_str nats_subject; /* or none */
    struct decoded *decoded;      /* the bytes, by dispatcher_decode; NULL: not decoded yet */
    bool fold;                    /* false: only append it */
};

/* The result of dispatcher_append. */
struct appended {
    uint64_t seq;
    reel_outcome outcome;
    bool is_json;
    bool has_id_hash; /* the id_hash of the arrival is the hash of the event's source and id */
};

void dispatcher_finish(struct dispatcher *dispatcher);

/* Call both after the plugins were added. The first opens the tables of the collections; the second
 * compares the collections with the store, but does not catch up. */
int dispatcher_open_collections(struct dispatcher *dispatcher, struct reel_error *error);
int dispatcher_start(struct dispatcher *dispatcher, struct reel_error *error);

/* dispatcher_begin_to_fold: for events that were accepted before (store.h). */
int dispatcher_begin(struct dispatcher *dispatcher, struct reel_error *error);
int dispatcher_begin_to_fold(struct dispatcher *dispatcher, struct reel_error *error);
int dispatcher_append(struct dispatcher *dispatcher, const struct arrival *arrival,
                      struct appended *ret, struct reel_error *error);

/* Decodes a payload that may be appended next: with `decoded` in its arrival, dispatcher_append
 * does not decode it again. The result is valid until the next payload is decoded. */
struct decoded *dispatcher_decode(struct dispatcher *dispatcher, struct reel_str bytes);

/* Says which payload will be decoded or appended after those named before in this transaction, so
 * that it can be parsed ahead. The payload is borrowed until the transaction ends. False: not
 * possible now. */
bool dispatcher_expect(struct dispatcher *dispatcher, struct reel_str bytes);

/* Appends a gap: the `missing` messages up to `seq`, which is above the head, were never received.
 * `time_ns` as in struct arrival; 0: now. */
int dispatcher_put_gap(struct dispatcher *dispatcher, uint64_t seq, uint64_t missing,
                       uint64_t time_ns, struct reel_error *error);

/* Says that the log has no more events up to `seq`: head and cursor move there. */
void dispatcher_reach(struct dispatcher *dispatcher, uint64_t seq);
/* Call it between two events. If the transaction's changed records take much memory, writes them,
 * so that the memory can be used again. */
int dispatcher_spill(struct dispatcher *dispatcher, struct reel_error *error);

/* The memtable is full with what the transaction has changed: it should end, so that the next one
 * can make room. */
bool dispatcher_is_full(const struct dispatcher *dispatcher);

/* Commits. If `rc` is an error, or if the commit fails, aborts. Returns 0 or the error. */
int dispatcher_end(struct dispatcher *dispatcher, int rc, struct reel_error *error);
void dispatcher_abort(struct dispatcher *dispatcher);

/* Folds events that a collection has not folded yet, as many as fit into a transaction. 1: it has
 * folded some; 0: every collection has caught up. */
int dispatcher_catch_up(struct dispatcher *dispatcher, struct reel_error *error);

/* Makes the derived collections and shadows that wait for it (registry.h) from the records of their
 * sources, in transactions of their own. 1: it has made some; 0: none waited. */
int dispatcher_derive_records(struct dispatcher *dispatcher, struct reel_error *error);

/* For dispatcher_build.c, dispatcher_derive_records and dispatcher_catch_up. Within a group: folds
 * the log from `from_seq` to `to_seq`, up to the limits of a transaction and `events_max`. Shows
 * the shadows of all units that have reached the cursor; `derived`: that were made from records. */
int dispatcher_fold_log(struct dispatcher *dispatcher, uint64_t from_seq, uint64_t to_seq,
                        uint64_t events_max, struct reel_error *error);
int dispatcher_show_shadows(struct dispatcher *dispatcher, bool derived, struct reel_error *error);

/* What is built beside what is served, in a transaction of its own: a slice of an index of fields
 * that is not complete. If there is none, folds events of the log that the shadows (fold/shadow.h)
 * and the collections that go on after a pause have not folded yet, at most about `events_max`;
 * shadows that have then reached the cursor take their collections' places. All collections must
 * have caught up. 1: there may be more to do; 0: there is nothing. */
int dispatcher_build_some(struct dispatcher *dispatcher, uint64_t events_max,
                          struct reel_error *error);

/* Removes events below `first_seq` from the log, and tombstones below the log's floor, as many as
 * fit into a transaction. 1: done, and there may be more; 0: nothing is left to do. All collections
 * must have caught up. */
int dispatcher_trim(struct dispatcher *dispatcher, uint64_t first_seq, struct reel_error *error);

/* The log may begin there at the latest: opening and a backup that runs need what follows. And
 * where it could begin after a checkpoint: collections and shadows need what follows. */
uint64_t dispatcher_trim_limit(struct dispatcher *dispatcher);
uint64_t dispatcher_needed_from(const struct dispatcher *dispatcher);

/* Replaces the log, in a transaction of its own: by an empty log that begins at `first_seq`, with
 * this epoch and origin; all collections are emptied. */
int dispatcher_adopt(struct dispatcher *dispatcher, const uint8_t epoch[16], uint64_t first_seq,
                     const struct store_origin *origin, struct reel_error *error);

/* A unit is paused; goes on after a pause; or goes on, up to a pause, although it was stopped,
 * which the caller has recorded for the next start (set_aside.h). Each in a transaction of its own.
 * dispatcher_build_some then folds what it has not folded yet. -ESTALE: the log does not have all
 * of that any more, so that only a rebuild helps. */
int dispatcher_pause(struct dispatcher *dispatcher, struct collection *root,
                     struct reel_error *error);
int dispatcher_resume(struct dispatcher *dispatcher, struct collection *root,
                      struct reel_error *error);
int dispatcher_release(struct dispatcher *dispatcher, struct collection *root,
                       struct reel_error *error);

/* Begins a rebuild of a collection, and of what must be rebuilt with it (registry_remake), in a
 * transaction of its own. dispatcher_catch_up and dispatcher_build_some then rebuild them. */
int dispatcher_reset(struct dispatcher *dispatcher, struct collection *collection,
                     struct reel_error *error);

#endif
