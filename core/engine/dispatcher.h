/* dispatcher.h: the one writer: payloads in, records and cursor out, in one commit.
 *
 * Every function here is called with the Reel's write lock held (reel.c).
 *
 * A transaction runs so: dispatcher_begin; for each payload dispatcher_append, which appends it to
 * the log and folds it; dispatcher_end. Whatever fails in between is followed by
 * dispatcher_abort, and then nothing has happened. dispatcher_catch_up folds what the log has
 * and some collection has not: it is the same way, without the appending.
 */
#ifndef REEL_ENGINE_DISPATCHER_H
#define REEL_ENGINE_DISPATCHER_H

#include "engine/decoder.h"
#include "engine/fold/fold.h"
#include "engine/fold/registry.h"
#include "engine/fold/router.h"
#include "engine/log/log.h"

/* Rejections of new events in the running transaction: the first few, and how many. */
#define NOTES_MAX 4
struct rejection_notes {
    struct {
        uint64_t seq;
        char collection[STORE_NAME_MAX + 1];
        char reason[REASON_BYTES];
    } list[NOTES_MAX];
    uint64_t count;
};

struct dispatcher {
    struct store store;
    struct log log;
    struct store_state state;     /* as the running transaction leaves it */
    struct store_state committed; /* as the store has it */
    struct registry registry;
    struct router router;
    struct fold fold;
    struct decoder *decoder;
    uint32_t event_bytes_max;
    uint32_t batch_events_max;
    uint64_t batch_bytes_max;
    uint64_t time_ns;     /* when the transaction began: what it takes was received then */
    uint64_t folded;      /* the seq that it has folded up to, or 0 */
    struct counts counts; /* of new events */
    struct rejection_notes notes;
    /* reel_options.rejected; its context is that of fold.warnings. */
    void (*rejected)(void *context, const struct reel_rejection *const *rejections, uint64_t total);
    bool tombstones_left; /* below the log's floor, maybe: trimming has yet to look */
};

/* A payload on its way in. */
struct arrival {
    struct reel_str bytes;
    uint64_t seq;                 /* beyond the head; 0: the next */
    uint64_t time_ns;             /* with seq: when the stream received it */
    uint32_t flags;               /* LOG_SUBMITTED, LOG_CONVERTED */
    const uint8_t *id_hash;       /* with LOG_SUBMITTED, and the caller puts it in `ids` where it
                                     is the hash of the event's source and id */
    struct reel_str nats_subject; /* or none */
    struct decoded *decoded;      /* these bytes, by dispatcher_decode; NULL: not yet decoded */
    bool fold;                    /* or only append */
};

/* What became of it. */
struct appended {
    uint64_t seq;
    reel_outcome outcome;
    const struct reel_event *event; /* good until the next is decoded; NULL: it is not an event */
};

void dispatcher_finish(struct dispatcher *dispatcher);

/* After the plugins were added: compares collections with the store. Not yet caught up. */
int dispatcher_start(struct dispatcher *dispatcher, struct reel_error *error);

int dispatcher_begin(struct dispatcher *dispatcher, struct reel_error *error);
int dispatcher_append(struct dispatcher *dispatcher, const struct arrival *arrival,
                      struct appended *ret, struct reel_error *error);

/* Decodes a payload before it is appended: dispatcher_append takes what was decoded and decodes
 * nothing again. Good until the next one is decoded. */
struct decoded *dispatcher_decode(struct dispatcher *dispatcher, struct reel_str bytes);

/* Says what will be decoded or appended after what was said before, in this transaction, so that it
 * can be read ahead. Borrowed until the transaction ends. `even_oversize`: also an event that is
 * appended without its bytes will be decoded. False: not now. */
bool dispatcher_expect(struct dispatcher *dispatcher, struct reel_str bytes, bool even_oversize);

/* The `missing` messages up to `seq`, which is beyond the head, were never received: that is put
 * into the log in their place. `time_ns`: as of an arrival; 0: now. */
int dispatcher_put_gap(struct dispatcher *dispatcher, uint64_t seq, uint64_t missing,
                       uint64_t time_ns, struct reel_error *error);

/* The log is known to have nothing more up to `seq`: head and cursor go there. */
void dispatcher_reach(struct dispatcher *dispatcher, uint64_t seq);
/* Between two events: writes what records the transaction holds, if that is much, so that their
 * memory is used again. */
int dispatcher_spill(struct dispatcher *dispatcher, struct reel_error *error);

/* Commits, or, if `rc` is an error already or that fails, aborts. Returns 0 or the error. */
int dispatcher_end(struct dispatcher *dispatcher, int rc, struct reel_error *error);
void dispatcher_abort(struct dispatcher *dispatcher);

/* Folds one transaction's worth of what any collection is behind. 1: it did; 0: none is. */
int dispatcher_catch_up(struct dispatcher *dispatcher, struct reel_error *error);

/* Removes one transaction's worth of events below `first_seq` from the log, and of tombstones below
 * its floor. 1: it did and there may be more; 0: it is done. Everything must be caught up. */
int dispatcher_trim(struct dispatcher *dispatcher, uint64_t first_seq, struct reel_error *error);

/* Begins anew, in a transaction of its own: an empty log from `first_seq` on, under the epoch and
 * with the origin given, and empty collections. */
int dispatcher_adopt(struct dispatcher *dispatcher, const uint8_t epoch[16], uint64_t first_seq,
                     const struct store_origin *origin, struct reel_error *error);

/* Empties a collection, and sets it to the log's floor, in a transaction of its own. */
int dispatcher_reset(struct dispatcher *dispatcher, struct collection *collection,
                     struct reel_error *error);

#endif
