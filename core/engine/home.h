/* home.h: where a Reel lives: a directory, with its log and its store.
 *
 *     reel.lock     whose it is (directory.h)
 *     FORMAT        "3"; without it nothing in log/ and state/ counts
 *     log/          the log (engine/log): the truth
 *     state/        the store (engine/store): derived from the log
 *     INCOMPLETE    this is a backup that was cut short: it is not opened
 *
 * **Making one**, or converting one of format 2, where data.mdb in the directory itself held both:
 * all is made in log.new/ and state.new/ and synced; then FORMAT is written, which is the moment it
 * happens; then they get their names, and data.mdb is removed. Without FORMAT, opening throws *.new
 * away and begins again; with it, opening goes on with the names.
 *
 * **Another log** (home_adopt): the new one is made in log.next/ and synced. The store is emptied
 * and names the new log's epoch, in one commit, which is the moment it happens. Then log/ becomes
 * log.old/ and is removed, and log.next/ becomes log/. At opening the store's epoch decides whether
 * log.next/ goes on to its name, or is removed.
 *
 * **Which is ahead.** A group is synced in the log before it is committed in the store. So the log
 * may be ahead of the store, and what the store lacks is folded from it. A store that is ahead of
 * the log is damage. Facts (floor, epoch, origin) and other controls are the log's; the store has what
 * is folded from them (controls.h).
 *
 * In memory there is neither directory nor lock.
 */
#ifndef REEL_ENGINE_HOME_H
#define REEL_ENGINE_HOME_H

#include "engine/log/log.h"
#include "engine/store/ids.h"

struct home {
    char *directory; /* NULL: in memory */
    int lock_fd;
    struct store *store;
    struct log_place place; /* place.log is the writer's to use */
    uint64_t segment_bytes;
    void (*tell)(void *context, const char *sentence); /* log_options */
    void *tell_context;
};

struct home_options {
    const char *directory;
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

/* The facts of a log that begins empty with `first_seq`. `origin`: NULL if it is our own. */
struct log_facts home_facts(const uint8_t epoch[16], uint64_t first_seq,
                            const struct store_origin *origin);

/* Another log, in three steps. `prepare` makes it; `home_adopt_abort` removes it again; `finish`,
 * when the store has been committed, puts it in its place: -EIO. */
int home_adopt_prepare(struct home *home, const struct log_facts *facts, struct reel_error *error);
void home_adopt_abort(struct home *home);
int home_adopt_finish(struct home *home, const struct log_facts *facts, struct reel_error *error);

/* Copies to a directory that is made and must be empty. Any thread. And: of a directory that
 * another process may have open. */
int home_backup(struct home *home, const char *to, struct reel_error *error);
int home_backup_of(const char *from, const char *to, struct reel_error *error);

/* Compares a directory's log with its checksums (log_verify). While no other process has the
 * directory open, none can open it. */
int home_verify(const char *directory, log_finding_fn found, void *context,
                struct reel_error *error);

/* What a repeat is answered from, in the log's terms. */
struct log_answer home_answer(const struct ids_request *request);

/* Where the log stands, in the store's terms. */
void home_put_mark(struct home *home, struct store_state *state);

#endif
