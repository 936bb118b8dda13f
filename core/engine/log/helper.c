/* helper.c: the thread in the background.
 *
 * It does one thing at a time, at a limited rate (pacer.h), the most urgent first: zeros after the
 * active segment's frames, the spare, the index of duplicates (a segment is indexed before it is
 * sealed), sealing, files that could not be removed. If nothing was written for WITNESS_MS, it
 * writes a witness (recover.c). Nothing depends on this thread: without zeros, spare and sealed
 * segments, the log is slower or larger, but correct.
 *
 * Zeros: if a file has grown, a sync must also write where its new blocks are. If a frame replaces
 * zeros, a sync only writes the frame. Zeros are written ahead as far as the segment is long, but
 * at most AHEAD_BYTES, so that a small log stays small. On a disk that is nearly full, none are
 * written. Nor are they while groups are large: measured from about 256 KiB on, such a sync takes
 * as long in a file that grows, and zeros would double what is written.
 */
#include "engine/log/log.h"
#include "engine/log/log_private.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"
#include "base/thread.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#define WITNESS_MS     100
#define STEP_BYTES     ((uint64_t)1 << 20)
#define PIECE_BYTES    ((size_t)64 << 10)
#define FREE_BYTES_MIN ((uint64_t)256 << 20)
#define RETRY_MS       1000
#define RETRY_SEAL_MS  60000 /* after a failure to seal, except on a full disk */

/* ---- Zeros ----------------------------------------------------------------------------------- */

bool log_has_space(const struct log *log) {
    struct statvfs fs;
    return fstatvfs(log->directory, &fs) == 0 &&
           (uint64_t)fs.f_bavail * fs.f_frsize >= FREE_BYTES_MIN;
}

/* How far the active segment should be filled with zeros. */
static uint64_t fill_goal(const struct log *log, const struct segment *active) {
    uint64_t end = atomic_load(&active->end);
    uint64_t goal = end + (end < AHEAD_BYTES ? end : AHEAD_BYTES);
    return (goal < log->segment_bytes ? goal : log->segment_bytes) / PIECE_BYTES * PIECE_BYTES;
}

static struct segment *active_of(struct log *log) {
    HOLD_LOCK(&log->fill_lock);
    return log->active && log->active->fd >= 0 ? segment_ref(log->active) : NULL;
}

/* Writes the next piece of zeros: 1; 0: there are enough. Meanwhile, frames may have been written
 * beyond the zeros; `filled` shows this. */
static int fill_piece(struct log *log, struct segment *active, uint64_t *from) {
    static const char zeros[PIECE_BYTES];
    HOLD_LOCK(&log->fill_lock);
    if (log->active != active) return 0;
    uint64_t filled = atomic_load(&active->filled);
    INVARIANT(atomic_load(&active->end) <= filled); /* zeros never go over a frame */
    if (filled >= fill_goal(log, active)) return 0;
    if (*from == 0) *from = filled;
    size_t len = PIECE_BYTES - filled % PIECE_BYTES;
    int rc = io_write_all(log->io, active->fd, zeros, len, filled);
    if (rc < 0) return rc;
    atomic_store(&active->filled, filled + len);
    atomic_fetch_add(&log->fill_bytes, len);
    return 1;
}

/* Writes about STEP_BYTES of zeros, and waits until the disk has them. */
static int fill_active(struct log *log, struct segment *active) {
    uint64_t from = 0;
    int rc = 0;
    for (size_t i = 0; i < STEP_BYTES / PIECE_BYTES; i++)
        if ((rc = fill_piece(log, active, &from)) <= 0) break;
    if (rc < 0 || from == 0) return rc;
    rc = log->io->push(active->fd, from, STEP_BYTES);
    return rc < 0 ? rc : 1;
}

static bool wants_zeros(const struct log *log, const struct segment *active) {
    return !log_has_large_groups(log) && atomic_load(&active->filled) < fill_goal(log, active);
}

static bool wants_spare(struct log *log, const struct segment *active) {
    if (atomic_load(&active->end) <= log->segment_bytes / 2) return false;
    return log_wants_spare(log);
}

/* 1: it wrote zeros; 0: none are needed. */
static int fill_some(struct log *log, struct segment *active, bool paced) {
    bool zeros = wants_zeros(log, active);
    if (!zeros && !wants_spare(log, active)) return 0;
    if (!log_has_space(log)) return -ENOSPC;
    if (paced && !pacer_wait(log->pacer, STEP_BYTES, &log->ended)) return 0;
    if (zeros) return fill_active(log, active);
    return log_fill_spare(log, STEP_BYTES);
}

/* ---- Choosing the next work ------------------------------------------------------------------ */

static uint64_t after(uint64_t ms) {
    return clock_ms() + ms;
}

void log_note_chore(struct log *log, enum chore chore, int rc, const struct reel_error *error) {
    static const char *const names[] = {"preparing the log's files", "sealing",
                                        "the index of duplicates", "the witness",
                                        "removing a file of the log"};
    struct reel_error line;
    if (rc >= 0 && !atomic_load(&log->failing[chore])) return;
    if (rc < 0) atomic_fetch_add(&log->failures, 1);
    bool was_failing = atomic_exchange(&log->failing[chore], rc < 0);
    if (!log->tell || was_failing == (rc < 0)) return;
    if (rc < 0)
        error_set(&line, "%s failed, and is tried again: %s", names[chore], error->text);
    else
        error_set(&line, "%s works again", names[chore]);
    log->tell(log->context, line.text);
}

/* A full disk is told by those who write; zeros only make syncs faster. */
static bool do_fill(struct log *log, bool paced) {
    struct reel_error error;
    if (clock_ms() < log->fill_again_ms) return false;
    struct segment *active = active_of(log);
    int rc = active ? fill_some(log, active, paced) : 0;
    segment_unref(active);
    if (rc < 0) {
        log->fill_again_ms = after(RETRY_MS);
        error_set(&error, "%s", strerror(-rc));
    }
    if (rc != -ENOSPC && rc != 0) log_note_chore(log, CHORE_FILL, rc, &error);
    return rc > 0;
}

static bool do_seal(struct log *log) {
    struct reel_error error;
    if (clock_ms() < log->seal_again_ms) return false;
    int rc = log_seal_one(log, &error);
    if (rc == -ECANCELED) return false;
    if (rc < 0) log->seal_again_ms = after(rc == -ENOSPC ? RETRY_MS : RETRY_SEAL_MS);
    if (rc != 0) log_note_chore(log, CHORE_SEAL, rc, &error);
    return rc > 0;
}

static bool do_dedup(struct log *log, bool paced) {
    if (!log->dedup || clock_ms() < log->dedup_again_ms) return false;
    int rc = dedup_help(log->dedup, paced);
    if (rc == -ECANCELED) return false;
    struct reel_error error;
    if (rc < 0) {
        log->dedup_again_ms = after(RETRY_MS); /* until then it is in memory */
        error_set(&error, "%s", strerror(-rc));
    }
    if (rc != 0) log_note_chore(log, CHORE_DEDUP, rc, &error);
    return rc > 0;
}

static bool do_remove(struct log *log) {
    struct reel_error error;
    if (clock_ms() < log->remove_again_ms) return false;
    int rc = log_remove_again(log, &error);
    if (rc < 0) log->remove_again_ms = after(RETRY_MS);
    if (rc != 0) log_note_chore(log, CHORE_REMOVE, rc, &error);
    return rc > 0;
}

/* 1: it is written; 0: it is not needed; else it is due in a while, or failed. */
static bool do_witness(struct log *log, uint64_t idle_ms) {
    HOLD_LOCK(&log->append_lock);
    if (!log_needs_witness(log) || clock_ms() < log->committed_ms + idle_ms) return false;
    struct reel_error error;
    int rc = log_write_witness(log, &error);
    if (rc < 0) log->committed_ms = after(RETRY_MS);
    log_note_chore(log, CHORE_WITNESS, rc, &error);
    return rc == 0;
}

bool log_help(struct log *log) {
    if (log->directory < 0) return false;
    return do_fill(log, false) || do_dedup(log, false) || do_seal(log) || do_remove(log) ||
           do_witness(log, 0);
}

/* ---- The thread ------------------------------------------------------------------------------ */

/* True if there is work that only needs time to pass. `ret_end` is the end of the active
 * segment. */
static bool is_pending(struct log *log, uint64_t *ret_end) {
    HOLD_LOCK(&log->append_lock);
    *ret_end = log->active ? atomic_load(&log->active->end) : 0;
    return log_needs_witness(log) || log->undo_at || log->fill_again_ms > clock_ms() ||
           log_has_to_seal(log) || log_has_to_remove(log) ||
           (log->dedup && dedup_is_due(log->dedup));
}

/* Sleeps until there may be work. Returns false if the thread must end. While groups follow each
 * other, not each of them wakes it. */
static bool sleep_a_while(struct log *log) {
    uint64_t end;
    bool pending = is_pending(log, &end);
    struct timespec until = clock_after(WITNESS_MS);
    HOLD_LOCK(&log->helper_lock);
    if (pending && !atomic_load(&log->ended)) {
        atomic_store(&log->wake_at, end + STEP_BYTES / 2);
        pthread_cond_timedwait(&log->wake, &log->helper_lock, &until);
    }
    while (!pending && atomic_load(&log->wake_at) == 0 && !atomic_load(&log->ended))
        pthread_cond_wait(&log->wake, &log->helper_lock);
    return !atomic_load(&log->ended);
}

static void *help(void *context) {
    struct log *log = context;
    bool ended = false;
    while (!ended) {
        atomic_store(&log->wake_at, 0); /* a group that comes from here on wakes it */
        while (!ended && (do_fill(log, true) || do_dedup(log, true) || do_seal(log) ||
                          do_remove(log) || do_witness(log, WITNESS_MS)))
            ended = atomic_load(&log->ended);
        ended = ended || !sleep_a_while(log);
    }
    return NULL;
}

int log_start_helper(struct log *log) {
    INVARIANT(!log->has_helper && !log->read_only);
    log->has_helper = true; /* which the thread reads */
    int rc = thread_start(&log->helper, "reel-segments", help, log);
    if (rc < 0) log->has_helper = false;
    return rc;
}

void log_wake_helper(struct log *log) {
    uint64_t end = atomic_load(&log->active->end);
    if (!log->has_helper || end < atomic_load(&log->wake_at)) return;
    atomic_store(&log->wake_at, UINT64_MAX);
    HOLD_LOCK(&log->helper_lock);
    pthread_cond_signal(&log->wake);
}

void log_stop_helper(struct log *log) {
    if (!log->has_helper) return;
    pthread_mutex_lock(&log->helper_lock);
    atomic_store(&log->ended, true);
    pthread_cond_signal(&log->wake);
    pthread_mutex_unlock(&log->helper_lock);
    pacer_wake(log->pacer);
    pthread_join(log->helper, NULL);
    log->has_helper = false;
}
