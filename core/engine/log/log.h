/* log.h: seq → event: append-only segment files. Only the oldest files are ever removed.
 *
 * The rest of the engine uses this header, what it includes, and place.h, copy.h and verify.h.
 * format.h describes the files, recover.c how they are opened after a crash.
 *
 * **Writing** is done by one thread at a time, the writer. It gathers a *group*: events with their
 * flags, and facts that have changed. log_commit writes the group as one frame and syncs it. When
 * it returns 0, the complete group is durable. Before, no part of the group counts. If the disk is
 * full (-ENOSPC), the log is the same as before, and the next group may succeed. If a sync fails
 * (-EIO), the log cannot be used any more: nobody knows what is on the disk, until the log is
 * opened again.
 *
 * **Controls** are what must survive and is not an event. They are written as entries of a group
 * and are in effect with it: synced before anybody can see their effect. They are numbered, so that
 * the state that is folded from the log knows which of them it has. Some of them are *facts* about
 * the log itself: the epoch, the floors, what stream is mirrored. The others are about a
 * collection: that it was paused or resumed, that its rebuild was begun, that its generation
 * changed. How far the mirrored stream is known to have no more events (log_reach) is in every
 * frame's head.
 *
 * **Reading** is done in place, by any thread, without waiting for the writer: from the raw
 * segments through a map of the file, from sealed ones by unpacking a block at a time. A reader
 * uses a *pin*: the segments as they were at one moment. If a segment is removed or sealed later,
 * it stays readable through the pins that contain it. The caller says how far a reader may read: a
 * view must not see a group that was written and is not visible yet.
 *
 * **In the background** one helper thread fills the next part of the file with zeros, prepares the
 * next segment, seals full ones, and writes a witness after 100 ms without work (recover.c).
 *
 * **The index of duplicates** (dedup.h) finds submitted events by their `id_hash`. It is derived:
 * its files are beside the segments, and are rebuilt from them if they are missing or damaged.
 */
#ifndef REEL_ENGINE_LOG_LOG_H
#define REEL_ENGINE_LOG_LOG_H

#include "base/histogram.h"
#include "engine/log/entry.h"
#include "engine/log/pin.h"
#include "engine/log/walk.h"

struct log;
struct log_metrics;
struct io;
struct pacer;

/* ---- Opening and closing --------------------------------------------------------------------- */

/* The log had this epoch from that seq on, until the next one of a list. */
struct log_epoch {
    uint8_t epoch[16];
    uint64_t from_seq;
};

struct log_options {
    const char *directory;  /* NULL: in memory, and empty, with `facts` and `head` */
    uint64_t segment_bytes; /* a segment that has grown to this is full; 0: 64 MiB */
    struct log_mark synced; /* it is known to be synced up to there: less is damage */
    uint64_t synced_seq;    /* likewise by seq */
    /* Sealed segments below the floor have been put back: they are taken, if they join without a
     * gap and have the epochs of the lineage; the caller then lowers the floor. Otherwise -EBADMSG.
     * Without this they are what a trim that was cut short has left, and are removed. */
    bool take_archive;
    const struct log_epoch *lineage; /* oldest first */
    size_t lineage_count;
    bool read_only;      /* beside a process that may be writing it */
    bool no_helper;      /* log_help does its work when it is called */
    bool dedup;          /* with the index of duplicates, for log_find_id */
    const struct io *io; /* NULL: the system's */
    struct pacer *pacer; /* NULL: its own */
    /* What fails in the background, once until it works again: a line for the operator. The log
     * goes on, larger or slower. Must only note it. NULL: nobody is told. [helper, or writer] */
    void (*tell)(void *context, const char *sentence);
    void *context;
    struct log_facts facts; /* in memory only */
    uint64_t head;
};

/* Creates an empty log in an empty directory. The next event may have any seq from `head` + 1. When
 * it returns, the log is durable, except the name of the directory. */
int log_create(const char *directory, const struct log_facts *facts, uint64_t head,
               const struct io *io, struct reel_error *error);

/* -ENOENT: there is no log. -EBADMSG: the log is damaged; the sentence names file and offset, and
 * nothing was changed. If an interrupted write has left bytes at the end, they are cut off. */
int log_open(const struct log_options *options, struct log **ret, struct reel_error *error);

/* Ends the helper, writes a witness, and closes the log. Accepts NULL. */
void log_close(struct log *log);

/* ---- The end of the log, for the writer ------------------------------------------------------ */

uint64_t log_head(const struct log *log); /* the highest seq of an event or a gap */
const struct log_facts *log_facts(const struct log *log);
struct log_mark log_mark(struct log *log);
struct log_mark log_kept(struct log *log); /* the end of the group that was kept last; any thread */
bool log_is_broken(const struct log *log); /* any thread */

/* ---- A group, for the writer ----------------------------------------------------------------- */

/* Adds an event. Its `seq` must be above the head, including the group's events. On return, `bytes`
 * and `room` are those of the group's copy, which is valid until the next call. Before the next
 * event is added, log_describe may set `flags`, `type` and `subject`, and log_answer may set the
 * outcome. */
int log_append(struct log *log, struct log_entry *entry, struct reel_error *error);
void log_describe(struct log *log, const struct log_entry *entry);
void log_answer(struct log *log, reel_outcome outcome);

/* Says that the log has no further event up to `seq`. */
void log_reach(struct log *log, uint64_t seq);

/* Changes the facts, together with the group. */
int log_set_facts(struct log *log, const struct log_facts *facts, struct reel_error *error);

/* Adds a control about a collection, whose number is set on return. */
int log_add_control(struct log *log, struct log_control *control, struct reel_error *error);

/* The head with what the group has. */
uint64_t log_group_head(const struct log *log);

/* An event of the group. Valid until the next call that changes the group. -ENOENT. */
int log_group_get(const struct log *log, uint64_t seq, struct log_entry *ret);

/* Where the log may have a submitted event: at most LOG_CANDIDATES seqs, the group's included, the
 * lowest ones, ascending, none below the floor. Each is for the caller to compare. Returns how
 * many, or an error. */
int log_find_id(struct log *log, const uint8_t id_hash[16], uint64_t ret[LOG_CANDIDATES],
                struct reel_error *error);

/* Writes and syncs. An empty group is no write. -ENOSPC, -EIO: see above. In either case the group
 * is gone. */
int log_commit(struct log *log, struct reel_error *error);

/* Says that the group that was committed last cannot be undone any more, because others may know of
 * it. */
void log_keep(struct log *log);

/* Undoes the last group durably, unless it is kept. -EIO. */
int log_undo(struct log *log, struct reel_error *error);

/* Discards the group. */
void log_abort(struct log *log);

/* Checks whether a group of some size could be written now. Returns 0, or the error that it would
 * get. */
int log_try_room(struct log *log, struct reel_error *error);

/* Removes the segments that have no event at or above the floor. Returns their number. */
size_t log_trim(struct log *log);

/* ---- Reading; any thread --------------------------------------------------------------------- */

/* To be unpinned (pin.h); read with a walk (walk.h). */
struct log_pin *log_pin(struct log *log);

/* ---- Background work, metrics ---------------------------------------------------------------- */

/* Does one piece of background work, without pacing. False: there is none. For tests, with
 * `no_helper`. */
bool log_help(struct log *log);

struct log_metrics {
    uint64_t group_bytes;  /* written: frames */
    uint64_t fill_bytes;   /* zeros */
    uint64_t sealed_bytes; /* sealed segments */
    uint64_t dedup_bytes;  /* the index of duplicates */
    uint64_t bytes;        /* of the files that there are */
    uint64_t raw_segments, sealed_segments;
    uint64_t failures;                            /* in the background; each is tried again */
    uint64_t paced_ns;                            /* that background writing was made to wait */
    uint64_t sync_buckets[HISTOGRAM_BUCKETS + 1]; /* histogram.h */
    double sync_seconds;
};
void log_measure(struct log *log, struct log_metrics *ret); /* any thread */

#endif
