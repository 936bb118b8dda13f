/* log_private.h: the parts of the log, which share this header:
 *
 *     log.c       a group's way to the disk, and back
 *     roll.c      the next segment
 *     recover.c   opening, closing; scan.c: where a segment ends; stopped.c: what was known of it
 *     remove.c    trimming, and files that are not needed any more
 *     walk.c      reading
 *     dedup.c     the index of duplicates
 *     helper.c    the thread in the background: zeros, spare, witness; and what it calls:
 *     seal.c      packing a full segment
 *     copy.c      backups
 *     verify.c    checking every byte; verify_index.c: those of the index of duplicates
 *     files.c     what files there are
 *
 * Locks, in the order in which they are taken:
 *     append   to write or undo a frame: the writer, and the helper for a witness
 *     files    to rename or remove the file of a segment: sealing, trimming
 *     spare    the spare file, and the used one
 *     fill     to write zeros after the frames of the active segment, or frames beyond the zeros
 *     pins     the current pin
 */
#ifndef REEL_ENGINE_LOG_LOG_PRIVATE_H
#define REEL_ENGINE_LOG_LOG_PRIVATE_H

#include "base/histogram.h"
#include "engine/log/dedup.h"
#include "engine/log/group.h"
#include "engine/log/io.h"
#include "engine/log/pacer.h"
#include "engine/log/scan.h"

#include <pthread.h>

#define SPARE_NAME "spare"
#define USED_NAME  "used"

/* Zeros are written at most so far ahead of the frames. */
#define AHEAD_BYTES ((uint64_t)8 << 20)

/* Groups of so many bytes, on average, are large: helper.c. */
#define LARGE_GROUP_BYTES ((uint64_t)512 << 10)

/* What is done in the background, and may fail by itself. */
enum chore { CHORE_FILL, CHORE_SEAL, CHORE_DEDUP, CHORE_WITNESS, CHORE_REMOVE, CHORES };

struct log {
    const struct io *io;
    char *path;    /* NULL: in memory */
    int directory; /* -1: in memory */
    uint64_t segment_bytes;
    bool read_only;
    bool took_archive;  /* so its floor of events may fall */
    atomic_bool broken; /* a sync failed */
    struct group group;
    struct dedup *dedup;    /* NULL: without */
    struct stopped stopped; /* while it is being opened */
    bool is_as_stopped;     /* `stopped` is of its last segment */

    pthread_mutex_t append_lock; /* protects the members below */
    uint64_t salt;
    struct segment *active; /* the last segment of the current pin; NULL: the last segment is
                               sealed, and the next group starts a new one */
    struct standing now;
    struct standing before; /* before the group that was committed last, for log_undo */
    size_t points_before;
    uint64_t undo_at; /* where the frame of this group is; 0: there is none that can be undone */
    uint64_t next_number;
    struct log_mark kept;  /* the log is kept up to this mark; also protected by pins_lock */
    uint64_t witnessed_at; /* of the active segment: a mark in the log says that it is synced up to
                              this offset */
    uint64_t committed_ms;

    pthread_mutex_t files_lock; /* protects the member below */
    struct text unremoved;      /* names of files that could not be removed: char[32] each */

    pthread_mutex_t spare_lock; /* protects the members below */
    int spare_fd;               /* -1: none is open */
    uint64_t spare_filled;      /* zeros are there up to here */
    struct segment *used;       /* a raw file that was sealed, as USED_NAME; or NULL */
    atomic_uint_fast64_t spare_bytes, used_bytes; /* of these files */
    bool spare_left, used_left; /* there may be a file of this name that is not one of these */

    pthread_mutex_t fill_lock;

    pthread_mutex_t pins_lock; /* protects the members below */
    struct log_pin *pin;

    /* About the helper. */
    bool has_helper;
    pthread_t helper;
    pthread_mutex_t helper_lock; /* protects the members below */
    pthread_cond_t wake;
    atomic_bool ended;
    atomic_uint_fast64_t wake_at; /* where the active segment's end must be to wake it */
    /* [helper] after a failure: not before */
    uint64_t fill_again_ms, seal_again_ms, dedup_again_ms, remove_again_ms;
    struct pacer *pacer, own_pacer;

    void (*tell)(void *context, const char *sentence);
    void *context;
    atomic_bool failing[CHORES]; /* and it was told */
    atomic_uint_fast64_t failures;

    struct histogram syncs;
    atomic_uint_fast64_t group_bytes, fill_bytes, sealed_bytes;
    atomic_uint_fast64_t frame_bytes; /* of a frame, on average of the last ones */
};

static inline bool log_has_large_groups(const struct log *log) {
    return atomic_load(&log->frame_bytes) >= LARGE_GROUP_BYTES;
}

/* Marks the log as broken: nothing that was written can be trusted. Returns -EIO. */
int log_break(struct log *log, const char *doing, int rc, struct reel_error *error);

/* Write, and sync. log_sync measures the time. In memory, log_write copies and log_sync does
 * nothing. 0, -ENOSPC, -EIO. */
int log_write(struct log *log, struct segment *segment, const void *bytes, size_t len, uint64_t at,
              struct reel_error *error);
int log_sync(struct log *log, int fd, struct reel_error *error);

/* Replaces the current pin, and takes ownership of the new one. */
void log_set_pin(struct log *log, struct log_pin *pin);

/* roll.c: called if the active segment has no room for a frame of this size: makes the next segment
 * the active one. With append_lock held. */
int log_make_room(struct log *log, uint64_t frame_bytes, struct reel_error *error);
/* Closes the spare. */
void log_drop_spare(struct log *log);
/* Removes a spare and a used file that this process does not use. 1: they are gone; 0: there was
 * none. */
int log_remove_spares(struct log *log, struct reel_error *error);
bool log_has_left_spares(struct log *log);
/* Writes about this number of further zeros to the spare; creates the spare if necessary. 1: done;
 * 0: it has enough. */
int log_fill_spare(struct log *log, size_t bytes);
/* Does it have fewer zeros than it should? */
bool log_wants_spare(struct log *log);
/* The raw file of a segment that is being sealed gets a second name, if it may become the spare:
 * log_keep_used, when it has lost the first one for good; or log_drop_used. Under files_lock. */
bool log_name_used(struct log *log, const struct segment *segment);
void log_keep_used(struct log *log, struct segment *segment);
void log_drop_used(struct log *log);

/* log.c: keeps everything up to the present end of the log. With append_lock held. */
void log_keep_all(struct log *log);

/* log.c: writes an empty frame that says how far the segment is synced. With append_lock held. */
int log_write_witness(struct log *log, struct reel_error *error);
bool log_needs_witness(const struct log *log);

/* remove.c: removes a file that is not needed any more: a segment, or a part of one. If it cannot
 * be removed, log_remove_again tries again. With files_lock held. */
void log_remove(struct log *log, const char *name);
/* The same for the files of roll.c included. 1: all are gone now; 0: there was none; or an error:
 * some are left. */
int log_remove_again(struct log *log, struct reel_error *error);
int log_try_remove(struct log *log, const char *name, struct reel_error *error);
bool log_has_to_remove(struct log *log);

/* helper.c: is the disk so far from full that room may be taken ahead of its use? */
bool log_has_space(const struct log *log);

/* helper.c: how a chore went. A failure is counted, and told the first time. */
void log_note_chore(struct log *log, enum chore chore, int rc, const struct reel_error *error);

int log_start_helper(struct log *log);
void log_stop_helper(struct log *log);
void log_wake_helper(struct log *log);

/* seal.c: packs the oldest full segment. 1: done; 0: there is none; or an error. */
int log_seal_one(struct log *log, struct reel_error *error);
bool log_has_to_seal(struct log *log);

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

bool segment_is_name(const char *name);

/* recover.c: lists the segments of a directory in order, and files that were left behind. Must be
 * finished also after a failure. */
struct segment_names {
    char (*names)[32];
    size_t count;
    char (*left)[32];
    size_t left_count;
};
int segment_names_read(int directory, struct segment_names *ret, struct reel_error *error);
void segment_names_finish(struct segment_names *names);

#endif
