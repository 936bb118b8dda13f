/* internal.h: the log from within. What each part does is said in its file:
 *
 *     log.c       a group's way to the disk, and back
 *     roll.c      the next segment
 *     recover.c   opening
 *     walk.c      reading
 *     helper.c    the thread in the background: zeros, spare, witness; and what it calls:
 *     seal.c      packing a full segment
 *     copy.c      backups
 *     verify.c    checking every byte
 *
 * Locks, in the order in which they are taken:
 *     append   a frame is written, or taken back: the writer, and the helper for a witness
 *     files    a file of a segment gets or loses its name: sealing, trimming
 *     spare    the spare file, and the used one
 *     fill     zeros are written behind the frames of the active segment, or frames beyond the zeros
 *     pins     the current pin
 */
#ifndef REEL_ENGINE_LOG_INTERNAL_H
#define REEL_ENGINE_LOG_INTERNAL_H

#include "engine/log/group.h"
#include "engine/log/io.h"
#include "engine/log/pacer.h"
#include "engine/log/segment.h"

#include <pthread.h>

#define SPARE_NAME "spare"
#define USED_NAME  "used"

/* Zeros are written at most so far ahead of their use. */
#define AHEAD_BYTES ((uint64_t)8 << 20)

/* What is done in the background, and may fail by itself. */
enum chore { CHORE_FILL, CHORE_SEAL, CHORE_WITNESS, CHORE_REMOVE, CHORES };

/* The log as it stands between two groups. */
struct standing {
    uint64_t head, chain;
    struct log_facts facts;
};

struct log {
    const struct io *io;
    char *path;    /* NULL: in memory */
    int directory; /* -1: in memory */
    uint64_t segment_bytes;
    bool read_only;
    atomic_bool broken; /* a sync failed */
    struct group group;

    pthread_mutex_t append_lock; /* of what follows */
    uint64_t salt;
    struct segment
        *active; /* the current pin's last; NULL: that is sealed, and the next group rolls */
    struct standing now;
    struct standing before; /* the group committed last, for log_undo */
    size_t points_before;
    uint64_t undo_at; /* where that group's frame is; 0: there is none to be taken back */
    uint64_t next_number;
    struct log_mark kept;  /* up to here it is kept: also under pins_lock */
    uint64_t witnessed_at; /* of the active segment: a mark says that it is synced up to here */
    uint64_t committed_ms;

    pthread_mutex_t files_lock;

    pthread_mutex_t spare_lock; /* of what follows */
    int spare_fd;               /* -1: none is open */
    uint64_t spare_filled;      /* zeros are there up to here */
    struct segment *used;       /* a raw file that was sealed, as USED_NAME; or NULL */
    atomic_uint_fast64_t spare_bytes, used_bytes; /* of these files */

    pthread_mutex_t fill_lock;

    pthread_mutex_t pins_lock; /* of what follows */
    struct log_pin *pin;

    /* The helper. */
    bool has_helper;
    pthread_t helper;
    pthread_mutex_t helper_lock; /* of what follows */
    pthread_cond_t wake;
    atomic_bool ended;
    atomic_uint_fast64_t wake_at;          /* where the active segment's end must be to wake it */
    uint64_t fill_again_ms, seal_again_ms; /* [helper] after a failure: not before */
    struct pacer *pacer, own_pacer;

    void (*tell)(void *context, const char *sentence);
    void *context;
    atomic_bool failing[CHORES]; /* and it was told */
    atomic_uint_fast64_t failures;

    struct histogram syncs;
    atomic_uint_fast64_t group_bytes, fill_bytes, sealed_bytes;
};

/* Notes that nothing written can be trusted any more. Returns -EIO. */
int log_break(struct log *log, const char *doing, int rc, struct reel_error *error);

/* Writes; syncs and counts how long it took. In memory: the first only copies. 0, -ENOSPC, -EIO. */
int log_write(struct log *log, struct segment *segment, const void *bytes, size_t len, uint64_t at,
              struct reel_error *error);
int log_sync(struct log *log, int fd, struct reel_error *error);

/* Replaces the current pin; takes it. */
void log_set_pin(struct log *log, struct log_pin *pin);

/* roll.c: sees to it that the active segment has room for a frame of that many bytes, which it does
 * not have: the next segment becomes the active one. Under append_lock. */
int log_make_room(struct log *log, uint64_t frame_bytes, struct reel_error *error);
/* Closes the spare. */
void log_drop_spare(struct log *log);
/* Writes the next zeros of the spare, about so many; makes it. 1: it did; 0: it has enough. */
int log_fill_spare(struct log *log, size_t bytes);
/* Does it have fewer zeros than it should? */
bool log_wants_spare(struct log *log);
/* The raw file of a segment that is being sealed gets a second name, if it may become the spare:
 * log_keep_used, when it has lost the first one for good; or log_drop_used. Under files_lock. */
bool log_name_used(struct log *log, const struct segment *segment);
void log_keep_used(struct log *log, struct segment *segment);
void log_drop_used(struct log *log);

/* log.c: raises what is kept to where the log stands. Under append_lock. */
void log_keep_all(struct log *log);

/* log.c: an empty frame that says how far the segment is synced. Under append_lock. */
int log_write_witness(struct log *log, struct reel_error *error);
bool log_needs_witness(const struct log *log);

/* recover.c: what is found in a raw segment. */
struct scan {
    struct standing standing; /* behind its last good frame */
    uint64_t end;             /* where that is */
    uint64_t witnessed_at;    /* the highest mark in a good frame */
    bool found_mark;          /* a frame ends where `mark` says, with its checksum */
    uint64_t tail_end;        /* bytes that are not zero are behind `end`, up to here; 0: none */
    uint64_t proof_at;        /* an intact frame says that the bad place was synced; 0: none */
    bool is_strange; /* what is at `end` is a whole frame, of content that is not understood */
};
extern const char strange_frame[]; /* what is wrong when `is_strange` */
void segment_scan(struct segment *segment, const struct standing *from, const struct log_mark *mark,
                  struct scan *ret);

/* helper.c: is the disk so far from full that room may be taken ahead of its use? */
bool log_has_space(const struct log *log);

/* helper.c: how a chore went. A failure is counted, and told the first time. */
void log_note_chore(struct log *log, enum chore chore, int rc, const struct reel_error *error);

int log_start_helper(struct log *log);
void log_stop_helper(struct log *log);
void log_wake_helper(struct log *log);

/* seal.c: packs the oldest full segment. 1: it did; 0: there is none; or an error. */
int log_seal_one(struct log *log, struct reel_error *error);
bool log_has_to_seal(struct log *log);

/* recover.c: reads all of it. -EBADMSG: the file is shorter. */
int segment_read(int fd, char *to, uint64_t len, uint64_t at);

/* recover.c: reads a segment file's header, and maps it. -EBADMSG: it is damaged, and where. */
struct damage {
    uint64_t at;
    const char *what;
};
enum segment_access {
    ACCESS_MAP,
    ACCESS_READ_RAW, /* beside a process that may be writing: a raw file may be used again */
    ACCESS_READ,     /* no page of a bad disk is touched */
};
int segment_open(int directory, const char *name, uint64_t segment_bytes,
                 enum segment_access access, struct segment **ret, struct damage *ret_damage,
                 struct reel_error *error);

/* recover.c: the names of the segments in a directory, in order, and of files that are left there.
 * To be finished also after a failure. */
struct segment_names {
    char (*names)[32];
    size_t count;
    char (*left)[32];
    size_t left_count;
};
int segment_names_read(int directory, struct segment_names *ret, struct reel_error *error);
void segment_names_finish(struct segment_names *names);

#endif
