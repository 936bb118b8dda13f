/* home.h: the directory of a Reel, with its log and its store.
 *
 *     reel.lock     locked by the process that uses the directory (directory.h)
 *     FORMAT        "3"; if it does not exist, log/ and state/ are ignored
 *     log/          the log (engine/log): the truth
 *     state/        the store (engine/store): derived from the log
 *     set-aside     what plugins must not be given again (fold/set_aside.h); optional
 *     INCOMPLETE    this is an interrupted backup, which cannot be opened
 *
 * **Creating** a directory, or converting one of format 2, in which one file data.mdb held both log
 * and state. log.new/ and state.new/ are written and synced. Then FORMAT is written: from this
 * moment on, the new format is valid. Then both directories are renamed, and data.mdb is removed.
 * If FORMAT does not exist, opening removes log.new/ and state.new/ and begins again. If it exists,
 * opening completes the renames.
 *
 * **Replacing the log** (home_adopt). The new log is written to log.next/ and synced. One commit
 * empties the store and stores the new log's epoch: from this moment on, the new log is valid. Then
 * log/ is renamed to log.old/ and removed, and log.next/ is renamed to log/. When opening finds
 * log.next/, the epoch in the store decides whether it is renamed or removed.
 *
 * **Order.** A group is synced in the log before it is committed in the store. So the log may be
 * ahead of the store, and the events that the store does not have are folded. A store that is ahead
 * of the log is damage. Facts (floor, epoch, origin) and other controls belong to the log; the
 * store has what is folded from them (controls.h).
 *
 * A Reel in memory has neither a directory nor a lock. A *scratch* is one whose store is in a
 * directory of its own, which is removed afterwards: for folds of another home's log (build.h).
 */
#ifndef REEL_ENGINE_HOME_H
#define REEL_ENGINE_HOME_H

#include "engine/log/place.h"
#include "engine/store/store.h"

struct home {
    char *directory; /* NULL: in memory */
    int lock_fd;
    struct store *store;
    struct log_place place; /* place.log is the writer's to use */
    uint64_t segment_bytes;
    void (*tell)(void *context, const char *sentence); /* log_options */
    void *tell_context;
    bool only_reads; /* the log is another home's, and may go on beyond what is folded (refold.h) */
    pthread_mutex_t backup_lock; /* of what follows */
    unsigned backups;            /* that run */
    uint64_t held_from;          /* the log is not trimmed beyond it meanwhile */
};

struct home_options {
    const char *directory;
    const char *scratch; /* of a scratch: the directory of its store; else NULL */
    uint64_t map_bytes;
    uint32_t readers_max;
    bool new_epoch;
    bool take_archive;                                        /* log_options */
    uint64_t segment_bytes;                                   /* 0: the log's default */
    void (*tell_broken)(void *context, const char *sentence); /* store_options */
    void *context;
    void (*tell)(void *context, const char *sentence); /* log_options */
    void *tell_context;
};

/* To be closed in any case. -ESTALE: a restored backup, without `new_epoch`, or half of one.
 * -EPROTO: another format. -EBADMSG: the log is damaged. */
void home_init(struct home *home, struct store *store);
int home_open(struct home *home, const struct home_options *options, struct reel_error *error);
void home_close(struct home *home);

/* Another log, in three steps. `prepare` makes it; `home_adopt_abort` removes it again; `finish`,
 * when the store has been committed, puts it in its place: -EIO. */
int home_adopt_prepare(struct home *home, const struct log_facts *facts, struct reel_error *error);
void home_adopt_abort(struct home *home);
int home_adopt_finish(struct home *home, const struct log_facts *facts, struct reel_error *error);

/* Copies to a directory that is made and must be empty. Any thread. And: of a directory that
 * another process may have open. */
int home_backup(struct home *home, const char *to, struct reel_error *error);
int home_backup_of(const char *from, const char *to, struct reel_error *error);

/* UINT64_MAX: no backup runs. [any thread] */
uint64_t home_held_from(struct home *home);

/* 1: the directory has the current format; 0: it has no format yet; -EPROTO: another one. */
int home_read_format(const char *directory, struct reel_error *error);

/* Where the log stands, in the store's terms. */
void home_put_mark(struct home *home, struct store_state *state);

#endif
