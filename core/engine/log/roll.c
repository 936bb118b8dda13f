/* roll.c: the next segment.
 *
 * It is the file `spare`, which the helper makes and fills with zeros in advance; without a helper
 * it is made at once. Where that is possible it is the file of a segment that was sealed: its
 * blocks are there already. Its frames could not be taken for the new segment's: their checksums
 * have its number. It gets the name `used` beside its own before the sealed file takes that, and
 * becomes `spare` when it has no other name and no reader. Its header is written and synced, it
 * gets its name, and the name is synced. Only then is a frame written to it. So:
 *     - a crash before the new name leaves a `spare` or a `used`, which opening removes;
 *     - a segment that has a name has a header;
 *     - a header says that all frames of the segment before it are synced. This is true, because
 *       each group is synced before the next one begins.
 */
#include "engine/log/log.h"
#include "engine/log/log_private.h"

#include "base/cleanup.h"
#include "base/invariant.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ---- The spare ------------------------------------------------------------------------------- */

/* Under spare_lock. What cannot be removed now is tried again. */
static void remove_name(struct log *log, const char *name, bool *ret_left) {
    struct reel_error error;
    int rc = log_try_remove(log, name, &error);
    *ret_left = rc < 0;
    if (rc < 0) log_note_chore(log, CHORE_REMOVE, rc, &error);
}

static void drop_spare(struct log *log) {
    if (log->spare_fd < 0) return;
    close(log->spare_fd);
    log->spare_fd = -1;
    atomic_store(&log->spare_bytes, 0);
    remove_name(log, SPARE_NAME, &log->spare_left);
}

static void drop_used(struct log *log) {
    if (!log->used) return;
    remove_name(log, USED_NAME, &log->used_left);
    segment_unref(log->used);
    log->used = NULL;
    atomic_store(&log->used_bytes, 0);
}

void log_drop_spare(struct log *log) {
    HOLD_LOCK(&log->spare_lock);
    drop_spare(log);
    drop_used(log);
}

int log_remove_spares(struct log *log, struct reel_error *error) {
    HOLD_LOCK(&log->spare_lock);
    bool spare = log->spare_left && log->spare_fd < 0, used = log->used_left && !log->used;
    int rc = spare ? log_try_remove(log, SPARE_NAME, error) : 0;
    if (rc == 0) log->spare_left = false;
    int used_rc = used ? log_try_remove(log, USED_NAME, error) : 0;
    if (used_rc == 0) log->used_left = false;
    if (rc < 0 || used_rc < 0) return rc < 0 ? rc : used_rc;
    return spare || used;
}

bool log_has_left_spares(struct log *log) {
    HOLD_LOCK(&log->spare_lock);
    return log->spare_left || log->used_left;
}

/* A descriptor of the used file, which becomes the spare; or of a new one. */
static int take_used(struct log *log) {
    int rc = log->io->rename(log->directory, USED_NAME, SPARE_NAME);
    int fd = rc < 0 ? rc : log->io->open(log->directory, SPARE_NAME, O_RDWR);
    if (fd < 0) {
        drop_used(log);
        return fd;
    }
    atomic_store(&log->spare_bytes, atomic_load(&log->used_bytes));
    segment_unref(log->used);
    log->used = NULL;
    atomic_store(&log->used_bytes, 0);
    return fd;
}

/* A file that has the name already could be a segment that has it, too, after a crash: it loses
 * that name, and is not written. */
static int make_spare(struct log *log) {
    const int flags = O_RDWR | O_CREAT | O_EXCL;
    int fd = log->io->open(log->directory, SPARE_NAME, flags);
    if (fd != -EEXIST) return fd;
    int rc = log->io->unlink(log->directory, SPARE_NAME);
    return rc < 0 && rc != -ENOENT ? rc : log->io->open(log->directory, SPARE_NAME, flags);
}

/* Under spare_lock. Somebody may still read the used file through a map: then it goes. So it does
 * if it would not be filled. */
static int open_spare(struct log *log) {
    INVARIANT(lock_is_held(&log->spare_lock));
    if (log->spare_fd >= 0) return 0;
    if (log->used && (atomic_load(&log->used->refs) > 1 || log_has_large_groups(log)))
        drop_used(log);
    atomic_store(&log->spare_bytes, 0);
    int fd = log->used ? take_used(log) : make_spare(log);
    if (fd < 0) return fd == -EDQUOT ? -ENOSPC : fd;
    log->spare_fd = fd;
    log->spare_left = false;
    log->spare_filled = 0;
    return 0;
}

/* A used file is filled with zeros as a whole: then a segment has nothing but zeros behind its
 * frames, whatever the file was before. */
static uint64_t spare_goal(const struct log *log) {
    uint64_t bytes = atomic_load(&log->spare_bytes), goal = AHEAD_BYTES;
    if (log_has_large_groups(log)) return 0;
    if (goal < bytes) goal = bytes;
    return goal < log->segment_bytes ? goal : log->segment_bytes;
}

bool log_wants_spare(struct log *log) {
    HOLD_LOCK(&log->spare_lock);
    return log->spare_fd < 0 || log->spare_filled < spare_goal(log);
}

int log_fill_spare(struct log *log, size_t bytes) {
    static const char zeros[64 << 10];
    HOLD_LOCK(&log->spare_lock);
    int rc = open_spare(log);
    uint64_t from = log->spare_filled, goal = spare_goal(log);
    if (goal > from + bytes) goal = from + bytes;
    while (rc == 0 && log->spare_filled < goal) {
        rc = io_write_all(log->io, log->spare_fd, zeros, sizeof zeros, log->spare_filled);
        if (rc == 0) log->spare_filled += sizeof zeros;
    }
    uint64_t done = log->spare_filled - from;
    if (rc == 0 && done > 0) rc = log->io->push(log->spare_fd, from, done);
    if (log->spare_filled > atomic_load(&log->spare_bytes))
        atomic_store(&log->spare_bytes, log->spare_filled);
    atomic_fetch_add(&log->fill_bytes, done);
    if (rc < 0 && rc != -ENOSPC) drop_spare(log); /* the next one may lie elsewhere on the disk */
    return rc < 0 ? rc : done > 0;
}

/* ---- Used files ------------------------------------------------------------------------------ */

bool log_name_used(struct log *log, const struct segment *segment) {
    HOLD_LOCK(&log->spare_lock);
    if (log->spare_fd >= 0 || log->used || !log_has_space(log)) return false;
    if (log->used_left) remove_name(log, USED_NAME, &log->used_left);
    return log->io->link(log->directory, segment->name, USED_NAME) == 0; /* not all file systems */
}

void log_keep_used(struct log *log, struct segment *segment) {
    HOLD_LOCK(&log->spare_lock);
    log->used = segment_ref(segment);
    uint64_t filled = atomic_load(&segment->filled);
    atomic_store(&log->used_bytes, filled > segment->file_bytes ? filled : segment->file_bytes);
}

void log_drop_used(struct log *log) {
    HOLD_LOCK(&log->spare_lock);
    remove_name(log, USED_NAME, &log->used_left);
}

/* ---- Rolling --------------------------------------------------------------------------------- */

static struct segment_head next_head(const struct log *log) {
    return (struct segment_head){
        .magic = SEGMENT_MAGIC,
        .format = SEGMENT_FORMAT,
        .form = SEGMENT_RAW,
        .salt = log->salt,
        .number = log->next_number,
        .first_seq = log->now.head + 1,
        .previous_end = log->active ? atomic_load(&log->active->end) : log->kept.at,
        .previous_chain = log->now.chain,
        .facts = log->now.facts,
    };
}

/* What a used file has behind the zeros must not come into the log. */
static int cut_spare(struct log *log) {
    uint64_t filled = log->spare_filled > SEGMENT_PAGE ? log->spare_filled : SEGMENT_PAGE;
    if (atomic_load(&log->spare_bytes) <= filled) return 0;
    int rc = log->io->truncate(log->spare_fd, filled);
    if (rc == 0) atomic_store(&log->spare_bytes, filled);
    return rc;
}

/* Gives the spare its header and a map. Its descriptor stays the log's. Under spare_lock. */
static int prepare(struct log *log, size_t map_len, struct segment **ret,
                   struct reel_error *error) {
    struct segment_head head = next_head(log);
    char page[SEGMENT_PAGE];
    segment_head_write(&head, page);
    int rc = open_spare(log);
    if (rc == 0) rc = io_write_all(log->io, log->spare_fd, page, sizeof page, 0);
    if (rc == 0) rc = cut_spare(log);
    if (rc == -ENOSPC) return fail(error, rc, "cannot begin a segment: the disk is full");
    if (rc < 0) return fail(error, rc, "cannot begin a segment: %s", strerror(-rc));
    uint64_t filled = log->spare_filled > sizeof page ? log->spare_filled : sizeof page;
#ifndef REEL_FAULT_1 /* a sync left out */
    rc = log_sync(log, log->spare_fd, error);
    if (rc < 0) return rc;
#endif
    *ret = segment_map(&head, log->spare_fd, filled, map_len);
    return *ret ? 0 : fail_memory(error);
}

static int give_name(struct log *log, struct segment *segment, struct reel_error *error) {
    INVARIANT(lock_is_held(&log->spare_lock) && log->spare_fd >= 0);
    int rc = log->io->rename(log->directory, SPARE_NAME, segment->name);
    if (rc == -ENOSPC || rc == -EDQUOT)
        return fail(error, -ENOSPC, "cannot name a segment: the disk is full");
    if (rc < 0) return fail(error, rc, "cannot name a segment: %s", strerror(-rc));
    segment->fd = log->spare_fd;
    log->spare_fd = -1;
    atomic_store(&log->spare_bytes, 0);
#ifndef REEL_FAULT_6 /* a directory is not synced */
    rc = log->io->sync_directory(log->directory);
#endif
    return rc < 0 ? log_break(log, "cannot sync the log's directory", rc, error) : 0;
}

static int make_file(struct log *log, size_t map_len, struct segment **ret,
                     struct reel_error *error) {
    struct segment *segment = NULL;
    HOLD_LOCK(&log->spare_lock);
    int rc = prepare(log, map_len, &segment, error);
    if (rc == 0) rc = give_name(log, segment, error);
    if (rc < 0)
        segment_unref(segment);
    else
        *ret = segment;
    return rc;
}

static int make_segment(struct log *log, size_t map_len, struct segment **ret,
                        struct reel_error *error) {
    if (log->directory >= 0) return make_file(log, map_len, ret, error);
    struct segment_head head = next_head(log);
    *ret = segment_create(&head, map_len);
    return *ret ? 0 : fail_memory(error);
}

static void set_active(struct log *log, struct segment *segment) {
    HOLD_LOCK(&log->fill_lock);
    INVARIANT(segment->head.number == log->next_number);
    log->active = segment;
    log->next_number++;
    log->witnessed_at = SEGMENT_PAGE;
}

/* Between two groups the active segment, if there is one, is the newest. */
static bool is_last_of(const struct segment *active, const struct log_pin *pin) {
    return !active || (pin->count > 0 && pin->segments[pin->count - 1] == active);
}

static int roll(struct log *log, uint64_t frame_bytes, struct reel_error *error) {
    uint64_t wanted = SEGMENT_PAGE + frame_bytes;
    size_t map_len = wanted > log->segment_bytes ? wanted : log->segment_bytes;
    HOLD_LOCK(&log->files_lock);
    struct log_pin *before = log_pin(log);
    INVARIANT(is_last_of(log->active, before));
    struct log_pin *pin = pin_create(before->count + 1);
    struct segment *segment = NULL;
    int rc = pin ? make_segment(log, map_len, &segment, error) : fail_memory(error);
    if (rc == 0) {
        for (size_t i = 0; i < before->count; i++)
            pin->segments[i] = segment_ref(before->segments[i]);
        pin->segments[before->count] = segment;
        set_active(log, segment);
        log_set_pin(log, pin);
        if (log->dedup) dedup_roll(log->dedup, &segment->head);
    } else {
        log_unpin(pin);
    }
    log_unpin(before);
    return rc;
}

/* ---- Growing --------------------------------------------------------------------------------- */

/* Returns a larger map of the same file, or a larger copy in memory. */
static struct segment *grown(const struct segment *from, size_t map_len) {
    struct segment *segment = from->on_heap
                                  ? segment_create(&from->head, map_len)
                                  : segment_map(&from->head, from->fd, from->file_bytes, map_len);
    if (!segment) return NULL;
    uint64_t end = atomic_load(&from->end);
    if (from->on_heap) memcpy(segment->map, from->map, end);
    atomic_store(&segment->end, end);
    atomic_store(&segment->last_seq, atomic_load(&from->last_seq));
    return segment;
}

static void replace_active(struct log *log, struct segment *segment) {
    HOLD_LOCK(&log->fill_lock);
    INVARIANT(segment->map_len > log->active->map_len);
    atomic_store(&segment->filled, atomic_load(&log->active->filled));
    segment->fd = log->active->fd;
    log->active->fd = -1;
    log->active = segment;
}

/* A segment without events cannot be followed by another one, because both would have the same
 * name. So it is made larger. No reader needs the old map, because it contains no event. */
static int grow(struct log *log, uint64_t frame_bytes, struct reel_error *error) {
    HOLD_LOCK(&log->files_lock);
    struct log_pin *before = log_pin(log);
    INVARIANT(is_last_of(log->active, before));
    struct log_pin *pin = pin_create(before->count);
    struct segment *segment =
        pin ? grown(log->active, atomic_load(&log->active->end) + frame_bytes) : NULL;
    if (segment) {
        for (size_t i = 0; i + 1 < before->count; i++)
            pin->segments[i] = segment_ref(before->segments[i]);
        pin->segments[before->count - 1] = segment;
        replace_active(log, segment);
        log_set_pin(log, pin);
    } else {
        log_unpin(pin);
    }
    log_unpin(before);
    return segment ? 0 : fail_memory(error);
}

int log_make_room(struct log *log, uint64_t frame_bytes, struct reel_error *error) {
    const struct segment *active = log->active;
    INVARIANT(lock_is_held(&log->append_lock));
    INVARIANT(!log->undo_at); /* a header says that all frames before it are synced and stay */
    INVARIANT(!active || atomic_load(&active->last_seq) == log->now.head);
    bool is_empty = active && active->head.first_seq > log->now.head;
    return is_empty ? grow(log, frame_bytes, error) : roll(log, frame_bytes, error);
}
