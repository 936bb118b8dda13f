/* log.h: seq → event: append-only segment files. Only the oldest files are ever removed.
 *
 * The rest of the engine uses only this header of the log. format.h describes the files, recover.c
 * how they are opened after a crash.
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
#include "base/text.h"

#include <reel/reel.h>

#include <pthread.h>
#include <stdatomic.h>

/* Bytes after an event that a parser may read, if the log can provide them. */
#define LOG_ROOM 64

/* Longest subject of NATS that is stored. */
#define LOG_SUBJECT_MAX UINT16_MAX

enum {
    LOG_NOT_JSON = REEL_LOG_NOT_JSON,
    LOG_OVERSIZE = REEL_LOG_OVERSIZE,
    LOG_SUBMITTED = REEL_LOG_SUBMITTED,
    LOG_LOOK_INSIDE = 1 << 3, /* type or subject are there only in escaped form: parse the event */
    LOG_CONVERTED = REEL_LOG_CONVERTED,
    LOG_GAP = REEL_LOG_GAP,   /* not an event: `size` messages up to `seq` are missing */
    LOG_ANSWERED = 1 << 8,    /* `answer` is set */
    LOG_SET_ASIDE = 1 << 9,   /* a collection must skip this event */
    LOG_CONTROL = 1 << 10,    /* used inside of the log: not an event */
    LOG_OTHER_HASH = 1 << 11, /* `id_hash` is not the hash of its source and id */
};

/* The data for answering a repeat of a submitted event. */
struct log_answer {
    struct reel_str key;       /* key of the record in the first result */
    struct reel_str principal; /* the owner of the request */
    uint8_t body_hash[16];     /* of the request's body; valid if `has_body` */
    uint8_t caller_hash[16];   /* of the token's id; all zero: unknown */
    reel_outcome outcome;
    bool has_record; /* false: `key` is not set */
    bool has_body;
};

/* One event. What it points to is borrowed: when appending, from the caller; when reading, until
 * the walk that gave it ends or has given LOG_HELD further entries. */
struct log_entry {
    uint64_t seq;
    uint64_t time_ns; /* received, since 1970, UTC */
    uint32_t flags;
    uint32_t size; /* as received; with LOG_OVERSIZE more than `bytes` has */
    struct reel_str bytes;
    size_t room;                   /* bytes behind `bytes` that may be read, too */
    struct reel_str type, subject; /* appending: decoded; reading: a place in `bytes` */
    struct reel_str nats_subject;  /* at most LOG_SUBJECT_MAX bytes */
    const uint8_t *id_hash;        /* 16 bytes, with LOG_SUBMITTED */
    struct log_answer answer;      /* with LOG_ANSWERED */
    struct reel_str set_aside;     /* with LOG_SET_ASIDE: for whom, see log_set_aside_… */
};

/* An event that must not be folded for a collection: folding it ended the process. Collections are
 * known by name, which is all of them that outlives the state; a mark is for one object of the
 * plugin, since another one may do better. */
#define LOG_BUILD_ID_BYTES 20
struct log_set_aside {
    struct reel_str collection;           /* at most 255 bytes */
    uint8_t build_id[LOG_BUILD_ID_BYTES]; /* all zero: for any */
    uint8_t signal;                       /* that ended the process; 0: none */
};

/* A list of them, as log_entry.set_aside is: appends one; and takes one off its front, which false
 * says that there is not. */
void log_set_aside_append(struct text *list, const struct log_set_aside *mark);
bool log_set_aside_next(struct reel_str *list, struct log_set_aside *ret);

/* Is the entry to be skipped for that collection, folded by that object? */
bool log_is_set_aside(const struct log_entry *entry, const char *collection,
                      const uint8_t build_id[LOG_BUILD_ID_BYTES]);

/* The stream that the log mirrors. */
struct log_origin {
    uint64_t created_ns;     /* when the stream was created, ns since 1970, UTC */
    uint8_t stream_hash[16]; /* ids_hash of its name */
    uint8_t filter_hash[16]; /* and of its filter */
    uint8_t salt[16]; /* all zero, unless the log was replaced although the stream is the same */
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
    uint64_t salt; /* identifies the log */
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
#define LOG_CANDIDATES 16
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

/* The segments at one moment. log_unpin accepts NULL. */
struct log_pin;
struct log_pin *log_pin(struct log *log);
void log_unpin(struct log_pin *pin);

struct log_segment {
    char name[32];
    uint64_t number, first_seq, last_seq;
    uint64_t bytes; /* size of the file */
    bool sealed;
};
/* The n-th segment, the oldest first; false: there are fewer. */
bool log_pin_segment(const struct log_pin *pin, size_t n, struct log_segment *ret);

/* An entry stays valid while this number of further entries is given. */
#define LOG_HELD 257

/* A walk. The first log_next gives the first event at or above `from_seq`; no event above `to_seq`
 * is given. log_next returns 1 and an entry, 0 at the end, or an error: -EBADMSG, the log is
 * damaged. log_walk_held: bytes of memory that the walk keeps for entries that it gave. To keep
 * this small, the caller uses the entries before it continues. */
struct log_walk {
    struct log_pin *pin;
    uint64_t from_seq, to_seq;
    size_t segment;       /* the number of the current segment in the pin */
    bool inside;          /* the walk has begun with this segment */
    uint64_t at, end;     /* raw: the next entry, and the end of its frame */
    size_t block;         /* sealed: the next block */
    struct reel_str left; /* remaining entries of the current frame or block */
    size_t left_room;
    uint64_t given; /* number of entries given */
    struct log_unpacked
        *blocks; /* the newest first; each is kept until LOG_HELD further entries are given */
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

/* The bytes that events from `first_seq` on take in the files, accurate to about 64 KiB. */
uint64_t log_pin_bytes(const struct log_pin *pin, uint64_t first_seq);

/* Identifies the log of the pinned segments: the salt of its marks. */
uint64_t log_pin_salt(const struct log_pin *pin);

/* ---- A log that may be replaced -------------------------------------------------------------- */

/* The current log, for threads other than the writer. The writer may replace the log. Pins of the
 * old log stay valid. */
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

/* Returns the old log, which the caller must close. */
struct log *log_place_swap(struct log_place *place, struct log *log);

/* ---- Background work, metrics, checks -------------------------------------------------------- */

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

/* Checks every byte of a log, and its index of duplicates. Calls `found` for each damaged file; the check of this file ends
 * there. Returns the number of findings, or an error. `live`: another process may be writing the
 * log. */
typedef void (*log_finding_fn)(void *context, const char *file, uint64_t offset, const char *what);
int log_verify(const char *directory, bool live, log_finding_fn found, void *context,
               struct reel_error *error);

/* Copies the segments to an empty directory, up to a mark, and syncs the copy. log_open can open
 * it. */
int log_backup(const struct log_pin *pin, struct log_mark to, const char *directory,
               struct pacer *pacer, struct reel_error *error);

/* Waits until so many bytes may be written in the background. NULL: at once. Any thread. */
void log_pace(struct pacer *pacer, size_t bytes);

#endif
