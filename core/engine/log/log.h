/* log.h: seq → event: append-only segment files, of which only the oldest are removed.
 *
 * This header is what the rest of the engine uses of the log. format.h describes the files,
 * recover.c what opening makes of them after a crash.
 *
 * **Writing** is done by one thread at a time, the writer. It gathers a *group*: events with their
 * flags, and facts that have changed. log_commit writes the group as one frame and syncs it: then
 * the group is durable, and happened as a whole. Until log_commit returns, nothing of it has
 * happened. A full disk (-ENOSPC) leaves the log as it was before, and the next group may succeed.
 * A sync that failed (-EIO) ends the log: nobody knows what reached the disk, and only opening the
 * log again can tell.
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
 * uses a *pin*: the segments as they were at one moment. A segment that is removed or sealed
 * meanwhile stays readable for those who have it pinned. How far a reader may read is for the
 * caller to say: a view must not see a group that was written and is not visible yet.
 *
 * **In the background** one helper thread fills the next part of the file with zeros, prepares the
 * next segment, seals full ones, and writes a witness after 100 ms without work (recover.c).
 *
 * **The index of duplicates** is not here. It can be rebuilt from what is: log_pin_segment gives
 * each segment with its range of seqs and whether it is sealed; a walk over that range gives each
 * event's `id_hash` and `seq`. Sealed segments never change, so one sorted run a sealed segment
 * stays right; what is newer is in raw segments, and few.
 */
#ifndef REEL_ENGINE_LOG_LOG_H
#define REEL_ENGINE_LOG_LOG_H

#include "base/histogram.h"
#include "base/text.h"

#include <reel/reel.h>

#include <pthread.h>
#include <stdatomic.h>

/* Bytes behind an event that a parser may read, where the log can give them. */
#define LOG_ROOM 64

enum {
    LOG_NOT_JSON = REEL_LOG_NOT_JSON,
    LOG_OVERSIZE = REEL_LOG_OVERSIZE,
    LOG_SUBMITTED = REEL_LOG_SUBMITTED,
    LOG_LOOK_INSIDE = 1 << 3, /* type or subject are in it in escaped form only: parse it */
    LOG_CONVERTED = REEL_LOG_CONVERTED,
    LOG_GAP = REEL_LOG_GAP,   /* `size` messages, of which `seq` is the last: no event */
    LOG_ANSWERED = 1 << 8,    /* `answer` is known */
    LOG_SET_ASIDE = 1 << 9,   /* some collection must skip it */
    LOG_CONTROL = 1 << 10,    /* internal: no event */
    LOG_OTHER_HASH = 1 << 11, /* `id_hash` is not the one of its source and id */
};

/* What a repeat of a submitted event is answered with. */
struct log_answer {
    struct reel_str key;       /* the record that was shown */
    struct reel_str principal; /* in whose name the request came */
    uint8_t body_hash[16];     /* of the request's body, with `has_body` */
    uint8_t caller_hash[16];   /* of the token's id; all zero: not known */
    reel_outcome outcome;
    bool has_record; /* else `key` says nothing */
    bool has_body;
};

/* One event. What it points to is borrowed: from the caller when appending; when reading, until the
 * walk that gave it ends or has moved LOG_HELD entries on. */
struct log_entry {
    uint64_t seq;
    uint64_t time_ns; /* received, since 1970, UTC */
    uint32_t flags;
    uint32_t size; /* as it came; with LOG_OVERSIZE more than `bytes` has */
    struct reel_str bytes;
    size_t room;                   /* bytes behind `bytes` that may be read, too */
    struct reel_str type, subject; /* appending: decoded; reading: a place in `bytes` */
    struct reel_str nats_subject;
    const uint8_t *id_hash;    /* 16 bytes, with LOG_SUBMITTED */
    struct log_answer answer;  /* with LOG_ANSWERED */
    struct reel_str set_aside; /* with LOG_SET_ASIDE: for whom and why, in the caller's form */
};

/* The stream that the log mirrors. */
struct log_origin {
    uint64_t created_ns;     /* when the stream was made, since 1970, UTC */
    uint8_t stream_hash[16]; /* ids_hash of its name */
    uint8_t filter_hash[16]; /* and of the subjects that are mirrored */
    uint8_t salt[16];        /* all zero, except where the same stream had to be begun again */
};

struct log_facts {
    uint8_t epoch[16];
    uint64_t first_seq;       /* the floor of events: no event below it is read any more */
    uint64_t first_deletion;  /* the floor of deletions: tombstones below it may be gone */
    uint64_t controls;        /* the number of the newest control; the log counts them */
    struct log_origin origin; /* all zero: the log is our own */
    uint32_t mirrors;         /* 0 or 1: `origin` is set */
    uint32_t is_backup;       /* 0 or 1: a copy that has no epoch of its own yet */
};

/* What a control entry is about. */
enum log_control_kind {
    LOG_FACTS = 1,      /* `facts` */
    LOG_PAUSED = 2,     /* the collection folds no more events */
    LOG_RESUMED = 3,    /* it folds again, from its cursor on */
    LOG_REBUILD = 4,    /* it is emptied and folded again from the floor on */
    LOG_GENERATION = 5, /* its records are of another `generation` from here on */
};

struct log_control {
    enum log_control_kind kind;
    uint64_t number;        /* 1, 2, 3, …; set by the log */
    uint64_t seq;           /* when read: the head when it was written */
    struct log_facts facts; /* with LOG_FACTS */
    struct reel_str collection;
    uint64_t generation;
};

/* A place between two frames. Whoever has seen the log synced up to there can keep it, and have it
 * checked at the next opening. All zero: the beginning. */
struct log_mark {
    uint64_t salt; /* which log */
    uint64_t number, at;
    uint64_t chain; /* checksum of the frame before it */
};

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
    const struct io *io; /* NULL: the system's */
    struct pacer *pacer; /* NULL: its own */
    /* What fails in the background, once until it works again: a line for the operator. The log
     * goes on, larger or slower. Must only note it. NULL: nobody is told. [helper, or writer] */
    void (*tell)(void *context, const char *sentence);
    void *context;
    struct log_facts facts; /* in memory only */
    uint64_t head;
};

/* Makes an empty log in an empty directory: the next event may be `head` + 1. Durable when it
 * returns, except the directory's own name. */
int log_create(const char *directory, const struct log_facts *facts, uint64_t head,
               const struct io *io, struct reel_error *error);

/* -ENOENT: there is no log. -EBADMSG: it is damaged, and the sentence names file and offset;
 * nothing was changed. Otherwise what a torn write left at its end is cut off. */
int log_open(const struct log_options *options, struct log **ret, struct reel_error *error);

/* Ends the helper, writes a witness, closes. NULL does nothing. */
void log_close(struct log *log);

/* ---- Where it stands; the writer's ----------------------------------------------------------- */

uint64_t log_head(const struct log *log); /* the highest seq, of an event or a gap */
const struct log_facts *log_facts(const struct log *log);
struct log_mark log_mark(struct log *log);
struct log_mark log_kept(struct log *log); /* up to the group kept last; any thread */
bool log_is_broken(const struct log *log); /* any thread */

/* ---- A group; the writer's ------------------------------------------------------------------- */

/* Adds an event; its `seq` must be above the head, the group's included. On return `bytes` and
 * `room` are those of the group's copy, valid until the next call; `flags`, `type` and `subject`
 * may still be given by log_describe, and the outcome by log_answer, before the next event. */
int log_append(struct log *log, struct log_entry *entry, struct reel_error *error);
void log_describe(struct log *log, const struct log_entry *entry);
void log_answer(struct log *log, reel_outcome outcome);

/* The log is known to have no event up to `seq` beyond those that it has. */
void log_reach(struct log *log, uint64_t seq);

/* Changes the facts, with the group. */
int log_set_facts(struct log *log, const struct log_facts *facts, struct reel_error *error);

/* Adds a control about a collection, whose number is set on return. */
int log_add_control(struct log *log, struct log_control *control, struct reel_error *error);

/* The head with what the group has. */
uint64_t log_group_head(const struct log *log);

/* An event of the group. Valid until the next call for the group. -ENOENT. */
int log_group_get(const struct log *log, uint64_t seq, struct log_entry *ret);

/* Writes and syncs. An empty group is no write. -ENOSPC, -EIO: see above. In either case the group
 * is gone. */
int log_commit(struct log *log, struct reel_error *error);

/* The group that was committed last cannot be taken back any more: somebody may know of it. */
void log_keep(struct log *log);

/* Takes that group back, durably, unless it is kept. -EIO. */
int log_undo(struct log *log, struct reel_error *error);

/* Forgets the group. */
void log_abort(struct log *log);

/* Could a group of some size be written now? 0, or what it would be refused with. */
int log_try_room(struct log *log, struct reel_error *error);

/* Removes the segments in which no event is at or above the floor. Returns how many. */
size_t log_trim(struct log *log);

/* ---- Reading; any thread --------------------------------------------------------------------- */

/* The segments of one moment. Unpinning takes NULL. */
struct log_pin;
struct log_pin *log_pin(struct log *log);
void log_unpin(struct log_pin *pin);

struct log_segment {
    char name[32];
    uint64_t number, first_seq, last_seq;
    uint64_t bytes; /* of the file */
    bool sealed;
};
/* The n-th, oldest first; false: there are fewer. */
bool log_pin_segment(const struct log_pin *pin, size_t n, struct log_segment *ret);

/* Entries that stay valid behind the one given last. */
#define LOG_HELD 257

/* Walking. The first log_next gives the first event at or above `from_seq`, none is above
 * `to_seq`. log_next: 1 and an entry, 0 at the end, or an error: -EBADMSG, the log is damaged.
 * log_walk_held: bytes of memory that the walk has for the entries it gave; the caller keeps that
 * small by not going on before it has used them. */
struct log_walk {
    struct log_pin *pin;
    uint64_t from_seq, to_seq;
    size_t segment;       /* of the pin's; the one that it is in */
    bool inside;          /* it has begun with it */
    uint64_t at, end;     /* raw: the next entry, and the end of its frame */
    size_t block;         /* sealed: the next block */
    struct reel_str left; /* of the entries that it is in */
    size_t left_room;
    uint64_t given;              /* entries */
    struct log_unpacked *blocks; /* newest first, held for LOG_HELD entries */
    size_t held_bytes;
    bool with_control; /* entries with LOG_CONTROL are given, too, for log_read_control */
};
void log_walk_start(struct log_walk *walk, struct log_pin *pin, uint64_t from_seq, uint64_t to_seq);
int log_next(struct log_walk *walk, struct log_entry *ret, struct reel_error *error);
void log_walk_finish(struct log_walk *walk);

/* What a control entry says; `ret` borrows from it. False: it is not one that this version knows.
 */
bool log_read_control(const struct log_entry *entry, struct log_control *ret);

/* One event; and the newest up to `seq`. `walk` need not be initialized, and is for the caller to
 * finish in any case; the entry is valid until then. -ENOENT. */
int log_get(struct log_walk *walk, struct log_pin *pin, uint64_t seq, struct log_entry *ret,
            struct reel_error *error);
int log_get_last(struct log_walk *walk, struct log_pin *pin, uint64_t seq, struct log_entry *ret,
                 struct reel_error *error);

/* Bytes that the events from `first_seq` on take in the files, to some 64 KiB. */
uint64_t log_pin_bytes(const struct log_pin *pin, uint64_t first_seq);

/* Which log the pinned segments are of: the salt of its marks. */
uint64_t log_pin_salt(const struct log_pin *pin);

/* ---- A log that may be replaced -------------------------------------------------------------- */

/* The current log, for readers in other threads than the writer's, which may begin another log.
 * Pins of the one before stay good. */
struct log_place {
    pthread_mutex_t lock;
    struct log *log;
    struct pacer *pacer; /* for all that is written in the background, whichever log there is */
};
int log_place_init(struct log_place *place);    /* -ENOMEM; log_place_finish does nothing then */
void log_place_finish(struct log_place *place); /* closes the log */
struct log_pin *log_place_pin(struct log_place *place);
struct log_pin *log_place_pin_kept(struct log_place *place, struct log_mark *ret_kept);
void log_place_measure(struct log_place *place, struct log_metrics *ret);

/* Returns the one before, for the caller to close. */
struct log *log_place_swap(struct log_place *place, struct log *log);

/* ---- Looking after it ------------------------------------------------------------------------ */

/* Does one thing that is due in the background, without pacing. False: nothing is. For tests, with
 * `no_helper`. */
bool log_help(struct log *log);

struct log_metrics {
    uint64_t group_bytes;  /* written: frames */
    uint64_t fill_bytes;   /* zeros */
    uint64_t sealed_bytes; /* sealed segments */
    uint64_t bytes;        /* of the files that there are */
    uint64_t raw_segments, sealed_segments;
    uint64_t failures;                            /* in the background; each is tried again */
    uint64_t paced_ns;                            /* that background writing was made to wait */
    uint64_t sync_buckets[HISTOGRAM_BUCKETS + 1]; /* histogram.h */
    double sync_seconds;
};
void log_measure(struct log *log, struct log_metrics *ret); /* any thread */

/* Checks every byte of a log. `found` is called for each file that is damaged; its walk ends there
 * with the number of findings, or an error. `live`: another process may be writing it. */
typedef void (*log_finding_fn)(void *context, const char *file, uint64_t offset, const char *what);
int log_verify(const char *directory, bool live, log_finding_fn found, void *context,
               struct reel_error *error);

/* Copies the segments to an empty directory, durably, up to a mark; log_open takes the copy. */
int log_backup(const struct log_pin *pin, struct log_mark to, const char *directory,
               struct pacer *pacer, struct reel_error *error);

/* Waits until so many bytes may be written in the background. NULL: at once. Any thread. */
void log_pace(struct pacer *pacer, size_t bytes);

#endif
