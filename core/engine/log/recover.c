/* recover.c: opening a log, after a clean stop or a crash.
 *
 * **What is on disk.** Everything that was synced, and any part of one more group, in sectors of
 * 512 bytes: the writer begins a group only after it has synced the group before. All segments
 * except the last were synced completely before the next segment got its name.
 *
 * **Where the log ends.** In the last segment, opening follows the frames and their checksums. The
 * first place without a valid frame is the end of the log, if a power cut during the last group can
 * explain it: a *torn tail*. It is *damage*, which is refused without any change, if something says
 * that this place was synced:
 *     - an intact frame after it has a mark beyond it (such a frame is searched in steps of 512
 *       bytes);
 *     - the caller's mark is beyond it: the state in LMDB was committed when the log was synced up
 *       to the state's cursor;
 *     - there is a next segment.
 * After the last synced frame, there is no frame that could say so. So a *witness*, a frame without
 * entries, is written after 100 ms without work and at a clean stop. A new segment says it in its
 * header.
 *
 * Before anything is appended, a torn tail is overwritten with zeros and synced. Otherwise an
 * intact frame after the torn one could become part of the log when the log has grown up to it. The
 * frames that were found are synced, too: if a process was killed, they may be only in the kernel's
 * memory. They must be durable before the state that is folded from them, before the next frame,
 * and before segments go that are below the floor that they set.
 *
 * **Segments.** Their numbers rise by one. Each begins after the head of the segment before it, and
 * has the checksum of that segment's last frame. If a crash interrupts a trim, it leaves segments
 * below the floor. They are removed, and some of them may be missing.
 */
#include "engine/log/log.h"
#include "engine/log/log_private.h"
#include "engine/log/unpack.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Names ----------------------------------------------------------------------------------- */

bool segment_is_name(const char *name) {
    return strspn(name, "0123456789") == 20 && strcmp(name + 20, ".seg") == 0;
}

/* A file that the log created and did not finish, or that is of no use once the log is open. */
static bool is_left_name(const char *name) {
    return (strspn(name, "0123456789") == 20 && strcmp(name + 20, ".seg.tmp") == 0) ||
           strcmp(name, SPARE_NAME) == 0 || strcmp(name, USED_NAME) == 0 ||
           strcmp(name, STOPPED_NAME) == 0 || strcmp(name, STOPPED_NAME ".tmp") == 0;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(a, b);
}

int segment_names_read(int directory, struct segment_names *ret, struct reel_error *error) {
    struct text list = {0}, left = {0};
    CLEANUP(io_list_end) DIR *dir = NULL;
    int rc = io_list(directory, &dir, error);
    if (rc < 0) return rc;
    const struct dirent *entry;
    while ((entry = readdir(dir))) {
        char name[32] = "";
        if (!segment_is_name(entry->d_name) && !is_left_name(entry->d_name)) continue;
        snprintf(name, sizeof name, "%.31s", entry->d_name);
        text_append(segment_is_name(name) ? &list : &left, name, sizeof name);
    }
    ret->names = (char(*)[32])(void *)list.data;
    ret->count = list.len / sizeof *ret->names;
    ret->left = (char(*)[32])(void *)left.data;
    ret->left_count = left.len / sizeof *ret->left;
    if (list.failed || left.failed) return fail_memory(error);
    if (ret->count > 0) qsort(ret->names, ret->count, sizeof *ret->names, compare_names);
    return 0;
}

void segment_names_finish(struct segment_names *names) {
    free(names->names);
    free(names->left);
    *names = (struct segment_names){0};
}

/* What is read at once: where a disk fails is known as exactly. */
#define READ_BYTES ((uint64_t)64 << 10)

/* To open a log that another process writes. */
#define TRIES 5

/* ---- One file -------------------------------------------------------------------------------- */

static int damaged(const char *name, uint64_t at, const char *what, struct reel_error *error) {
    return fail(error, -EBADMSG, "log/%s is damaged at offset %llu: %s", name,
                (unsigned long long)at, what);
}

static int find_wrong(struct damage *ret, uint64_t at, const char *what) {
    *ret = (struct damage){at, what};
    return -EBADMSG;
}

/* The bytes of a file, read and not mapped. A place that the disk cannot give is damage. */
static int read_to_heap(int fd, const struct segment_head *head, uint64_t file_bytes,
                        struct segment **ret, struct damage *ret_damage, struct reel_error *error) {
    struct segment *segment = segment_create(head, file_bytes);
    if (!segment) return fail_memory(error);
    int rc = 0;
    for (uint64_t at = 0; rc == 0 && at < file_bytes; at += READ_BYTES) {
        uint64_t len = file_bytes - at < READ_BYTES ? file_bytes - at : READ_BYTES;
        rc = segment_read(fd, segment->map + at, len, at);
        if (rc == -EIO)
            rc = find_wrong(ret_damage, at, "the disk cannot read it");
        else if (rc == -EBADMSG)
            rc = find_wrong(ret_damage, at, "it was cut short meanwhile");
        else if (rc < 0)
            rc = fail(error, rc, "cannot read a segment: %s", strerror(-rc));
    }
    if (rc < 0) {
        segment_unref(segment);
        return rc;
    }
    segment->file_bytes = file_bytes;
    atomic_store(&segment->filled, file_bytes);
    *ret = segment;
    return 0;
}

static int map_or_read(int fd, const struct segment_head *head, uint64_t bytes,
                       uint64_t segment_bytes, enum segment_access access, struct segment **ret,
                       struct damage *ret_damage, struct reel_error *error) {
    bool is_raw = head->form == SEGMENT_RAW;
    if (access == ACCESS_READ || (access == ACCESS_READ_RAW && is_raw))
        return read_to_heap(fd, head, bytes, ret, ret_damage, error);
    bool grows = is_raw && bytes < segment_bytes;
    *ret = segment_map(head, fd, bytes, grows ? segment_bytes : bytes);
    return *ret ? 0 : fail_memory(error);
}

static int open_file(int fd, const char *name, uint64_t segment_bytes, enum segment_access access,
                     struct segment **ret, struct damage *ret_damage, struct reel_error *error) {
    char page[SEGMENT_PAGE];
    struct segment_head head;
    struct segment *segment;
    struct stat stat;
    if (fstat(fd, &stat) < 0) return fail(error, -errno, "log/%s: %s", name, strerror(errno));
    uint64_t bytes = (uint64_t)stat.st_size;
    if (bytes < sizeof page) return find_wrong(ret_damage, 0, "it is too short for a header");
    int rc = segment_read(fd, page, sizeof page, 0);
    if (rc == -EIO) return find_wrong(ret_damage, 0, "the disk cannot read it");
    if (rc < 0) return fail(error, rc, "log/%s: %s", name, strerror(-rc));
    const char *what = segment_head_read(page, &head);
    if (!what && strtoull(name, NULL, 10) != head.first_seq) what = "its name is another one's";
    if (what) return find_wrong(ret_damage, 0, what);
    rc = map_or_read(fd, &head, bytes, segment_bytes, access, &segment, ret_damage, error);
    if (rc < 0) return rc;
    uint64_t at;
    what = head.form == SEGMENT_SEALED ? unpack_check_table(segment, &at) : NULL;
    if (what) {
        segment_unref(segment);
        return find_wrong(ret_damage, at, what);
    }
    *ret = segment;
    return 0;
}

/* A raw file that was sealed loses its name, and may then become another segment's: what was read
 * of it counts only if it still has its name. */
static bool has_name(int directory, const char *name, int fd) {
    struct stat open_file, named;
    return fstat(fd, &open_file) == 0 && fstatat(directory, name, &named, 0) == 0 &&
           open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

int segment_open(int directory, const char *name, uint64_t segment_bytes,
                 enum segment_access access, struct segment **ret, struct damage *ret_damage,
                 struct reel_error *error) {
    AUTO_CLOSE int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail(error, -errno, "log/%s: %s", name, strerror(errno));
    struct segment *segment = NULL;
    int rc = open_file(fd, name, segment_bytes, access, &segment, ret_damage, error);
    if (access != ACCESS_MAP && !has_name(directory, name, fd)) {
        if (rc == 0) segment_unref(segment);
        return fail(error, -ENOENT, "log/%s was replaced meanwhile", name);
    }
    if (rc == -EBADMSG) damaged(name, ret_damage->at, ret_damage->what, error);
    if (rc == 0) *ret = segment;
    return rc;
}

/* ---- The segments ---------------------------------------------------------------------------- */

/* What opening has found so far. */
struct recovery {
    struct log *log;
    const struct log_options *options;
    struct segment_names names;
    struct log_pin *pin; /* of all files */
    size_t keep_from;    /* the first one that is not below the floor */
    struct scan scan;    /* of the last one, if it is raw */
    bool has_stopped;    /* log->stopped was read */
};

static int open_all(struct recovery *recovery, struct reel_error *error) {
    const struct log *log = recovery->log;
    recovery->pin = pin_create(recovery->names.count);
    if (!recovery->pin) return fail_memory(error);
    struct damage damage;
    for (size_t i = 0; i < recovery->names.count; i++) {
        int rc = segment_open(log->directory, recovery->names.names[i], log->segment_bytes,
                              log->read_only ? ACCESS_READ_RAW : ACCESS_MAP,
                              &recovery->pin->segments[i], &damage, error);
        if (rc < 0) return rc;
    }
    return 0;
}

/* Finds the end of the last segment, and what is wrong there. */
static int scan_last(struct recovery *recovery, struct reel_error *error) {
    struct segment *last = recovery->pin->segments[recovery->pin->count - 1];
    const struct log_mark *synced = &recovery->options->synced;
    struct scan *scan = &recovery->scan;
    if (last->head.form == SEGMENT_SEALED) {
        scan->standing = standing_behind(&last->head);
        scan->end = last->head.end;
        return 0;
    }
    struct standing before = standing_before(&last->head);
    struct log *log = recovery->log;
    log->is_as_stopped =
        recovery->has_stopped && scan_as_stopped(last, log->directory, synced, &log->stopped, scan);
    if (!log->is_as_stopped) segment_scan(last, &before, synced, scan);
    if (scan->is_strange) return damaged(last->name, scan->end, strange_frame, error);
    if (scan->proof_at)
        return fail(error, -EBADMSG,
                    "log/%s is damaged at offset %llu: what is there was synced, as the frame at "
                    "%llu says",
                    last->name, (unsigned long long)scan->end, (unsigned long long)scan->proof_at);
    if (synced->number == last->head.number && !scan->found_mark)
        return fail(error, -EBADMSG,
                    "log/%s is damaged at offset %llu: the state was committed when the log was "
                    "synced up to %llu",
                    last->name, (unsigned long long)scan->end, (unsigned long long)synced->at);
    return 0;
}

/* Compares the caller's mark with the log. */
static int check_synced(const struct recovery *recovery, struct reel_error *error) {
    const struct log_options *options = recovery->options;
    const struct segment *last = recovery->pin->segments[recovery->pin->count - 1];
    if (options->synced.salt && options->synced.salt != last->head.salt)
        return fail(error, -EBADMSG, "log/ is not the log that state/ was made from");
    if (options->synced.number > last->head.number ||
        options->synced_seq > recovery->scan.standing.head)
        return fail(error, -EBADMSG,
                    "the log ends at event %llu, and the state knows event %llu: a part of the log "
                    "is missing",
                    (unsigned long long)recovery->scan.standing.head,
                    (unsigned long long)options->synced_seq);
    return 0;
}

static void find_floor(struct recovery *recovery) {
    uint64_t floor = recovery->scan.standing.facts.first_seq;
    const struct log_pin *pin = recovery->pin;
    size_t i = 0;
    while (i + 1 < pin->count && pin->segments[i + 1]->head.first_seq <= floor) i++;
    recovery->keep_from = i;
}

static int check_first(const struct recovery *recovery, struct reel_error *error) {
    const struct segment_head *first = &recovery->pin->segments[recovery->keep_from]->head;
    uint64_t floor = recovery->scan.standing.facts.first_seq;
    if (first->first_seq <= floor) return 0;
    return fail(error, -EBADMSG, "the log begins at event %llu, and %llu to %llu are missing",
                (unsigned long long)first->first_seq, (unsigned long long)floor,
                (unsigned long long)first->first_seq - 1);
}

/* Checks two neighbouring segments: the first must have all its frames, and the second must
 * continue it. */
static int check_joint(struct segment *first, const struct segment *next, int directory,
                       struct reel_error *error) {
    struct scan scan = {.standing = standing_behind(&first->head), .end = first->head.end};
    if (first->head.number + 1 != next->head.number || first->head.salt != next->head.salt)
        return fail(error, -EBADMSG, "between log/%s and log/%s a segment is missing", first->name,
                    next->name);
    if (first->head.form == SEGMENT_RAW) scan_full(first, directory, &next->head, &scan);
    if (scan.end < next->head.previous_end)
        return damaged(first->name, scan.end, "a frame that was synced is not there", error);
    if (scan.end != next->head.previous_end || scan.standing.chain != next->head.previous_chain ||
        scan.standing.head + 1 != next->head.first_seq)
        return fail(error, -EBADMSG, "log/%s does not go on from log/%s", next->name, first->name);
    return 0;
}

static int check_joints(const struct recovery *recovery, struct reel_error *error) {
    const struct log_pin *pin = recovery->pin;
    int rc = 0;
    for (size_t i = recovery->keep_from; rc == 0 && i + 1 < pin->count; i++)
        rc = check_joint(pin->segments[i], pin->segments[i + 1], recovery->log->directory, error);
    return rc;
}

/* ---- An archive ------------------------------------------------------------------------------ */

/* A segment's header has the epoch as of its beginning. The epoch may have changed just there,
 * before the first event. */
static bool is_of_lineage(const struct log_options *options, const struct segment_head *head) {
    for (size_t i = 0; i < options->lineage_count; i++) {
        const struct log_epoch *epoch = &options->lineage[i];
        bool is_last = i + 1 == options->lineage_count;
        if (head->first_seq < epoch->from_seq ||
            (!is_last && head->first_seq > options->lineage[i + 1].from_seq))
            continue;
        if (memcmp(head->facts.epoch, epoch->epoch, sizeof epoch->epoch) == 0) return true;
    }
    return false;
}

/* Goes back from the oldest segment that is kept. */
static int take_archive(struct recovery *recovery, struct reel_error *error) {
    const struct log_pin *pin = recovery->pin;
    for (; recovery->keep_from > 0; recovery->keep_from--) {
        struct segment *segment = pin->segments[recovery->keep_from - 1];
        if (segment->head.form != SEGMENT_SEALED)
            return fail(error, -EBADMSG, "log/%s is below the floor and not sealed", segment->name);
        if (!is_of_lineage(recovery->options, &segment->head))
            return fail(error, -EBADMSG, "log/%s is of another epoch than the log had then",
                        segment->name);
        int rc = check_joint(segment, pin->segments[recovery->keep_from], recovery->log->directory,
                             error);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- Making it ready ------------------------------------------------------------------------- */

static int open_to_write(struct log *log, struct segment *last, struct reel_error *error) {
    INVARIANT(!log->read_only && !log->has_helper); /* nobody else writes yet */
    int fd = log->io->open(log->directory, last->name, O_RDWR);
    if (fd < 0) return fail(error, fd, "log/%s: %s", last->name, strerror(-fd));
    last->fd = fd;
    return 0;
}

/* Cuts off what an interrupted write has left after the end of the last segment. If a process was
 * killed, its frames and the segment's name may be in the kernel's memory but not on the disk. They
 * are synced before anything is written after them. */
static int cut_tail(const struct recovery *recovery, struct reel_error *error) {
    static const char zeros[64 << 10];
    const struct log *log = recovery->log;
    const struct segment *last = recovery->pin->segments[recovery->pin->count - 1];
    uint64_t at = recovery->scan.end, end = recovery->scan.tail_end;
    int rc = 0;
#ifdef REEL_FAULT_4 /* a cut tail is not overwritten */
    end = at;
#endif
    for (uint64_t len; rc == 0 && at < end; at += len) {
        len = end - at < sizeof zeros ? end - at : sizeof zeros;
        rc = io_write_all(log->io, last->fd, zeros, len, at);
    }
    if (rc < 0)
        return fail(error, rc, "cannot cut off the end of log/%s: %s", last->name, strerror(-rc));
#ifndef REEL_FAULT_7 /* what a killed process left is taken as it is */
    rc = log->io->sync(last->fd);
    if (rc == 0) rc = log->io->sync_directory(log->directory);
#endif
    return rc < 0 ? fail(error, rc, "cannot sync log/%s: %s", last->name, strerror(-rc)) : 0;
}

/* Removes segments that nothing needs any more: the floor must be durable. */
static void remove_below_floor(const struct recovery *recovery) {
    struct log *log = recovery->log;
    INVARIANT(recovery->keep_from < recovery->names.count);
    HOLD_LOCK(&log->files_lock);
    for (size_t i = 0; i < recovery->keep_from; i++) log_remove(log, recovery->names.names[i]);
}

/* Removes files that no process finished, or that only the last process used. */
static void remove_leftovers(const struct recovery *recovery) {
    struct log *log = recovery->log;
    HOLD_LOCK(&log->files_lock);
    for (size_t i = 0; i < recovery->names.left_count; i++) {
        const char *name = recovery->names.left[i];
        if (strcmp(name, SPARE_NAME) == 0)
            log->spare_left = true;
        else if (strcmp(name, USED_NAME) == 0)
            log->used_left = true;
        else
            log_remove(log, name);
    }
    struct reel_error error;
    int rc = log_remove_spares(log, &error);
    if (rc < 0) log_note_chore(log, CHORE_REMOVE, rc, &error);
}

/* Nothing is changed before it is known that it can be. */
static int take_last(struct recovery *recovery, struct reel_error *error) {
    struct log *log = recovery->log;
    struct segment *last = recovery->pin->segments[recovery->pin->count - 1];
    bool is_sealed = last->head.form == SEGMENT_SEALED;
    log->salt = last->head.salt;
    log->next_number = last->head.number + 1;
    log->now = recovery->scan.standing;
    log->kept = (struct log_mark){log->salt, last->head.number, recovery->scan.end,
                                  recovery->scan.standing.chain};
    if (log->read_only) return 0;
    int rc = is_sealed ? 0 : open_to_write(log, last, error);
    if (rc < 0) return rc;
    remove_leftovers(recovery);
#ifdef REEL_FAULT_20 /* segments below a floor go before it is durable */
    remove_below_floor(recovery);
#endif
    rc = is_sealed ? 0 : cut_tail(recovery, error);
    if (rc < 0) return rc;
    remove_below_floor(recovery);
    if (is_sealed) return 0;
    log->active = last;
    log->witnessed_at = recovery->scan.witnessed_at;
    return 0;
}

static int take_segments(struct recovery *recovery, struct reel_error *error) {
    const struct log_pin *all = recovery->pin;
    struct log_pin *pin = pin_create(all->count - recovery->keep_from);
    if (!pin) return fail_memory(error);
    for (size_t i = 0; i < pin->count; i++)
        pin->segments[i] = segment_ref(all->segments[recovery->keep_from + i]);
    recovery->log->pin = pin;
    return 0;
}

static int recover(struct recovery *recovery, struct reel_error *error) {
    struct log *log = recovery->log;
    int rc = segment_names_read(log->directory, &recovery->names, error);
    if (rc < 0) return rc;
    if (recovery->names.count == 0) return fail(error, -ENOENT, "log/ has no segment");
    if (!log->read_only) recovery->has_stopped = stopped_read(log->directory, &log->stopped) == 0;
    rc = open_all(recovery, error);
    if (rc == 0) rc = scan_last(recovery, error);
    if (rc == 0) rc = check_synced(recovery, error);
    if (rc < 0) return rc;
    find_floor(recovery);
    if (recovery->options->take_archive) rc = take_archive(recovery, error);
    if (rc == 0) rc = check_first(recovery, error);
    if (rc == 0) rc = check_joints(recovery, error);
    if (rc == 0) rc = take_segments(recovery, error);
    return rc == 0 ? take_last(recovery, error) : rc;
}

/* ---- Opening and closing --------------------------------------------------------------------- */

static struct log *log_new(const struct log_options *options) {
    struct log *log = calloc(1, sizeof *log);
    if (!log) return NULL;
    log->io = options->io ? options->io : &io_system;
    log->directory = log->spare_fd = -1;
    log->segment_bytes = options->segment_bytes ? options->segment_bytes : SEGMENT_BYTES;
    log->read_only = options->read_only;
    log->took_archive = options->take_archive;
    log->tell = options->tell;
    log->context = options->context;
    pthread_mutex_init(&log->append_lock, NULL);
    pthread_mutex_init(&log->files_lock, NULL);
    pthread_mutex_init(&log->spare_lock, NULL);
    pthread_mutex_init(&log->fill_lock, NULL);
    pthread_mutex_init(&log->pins_lock, NULL);
    pthread_mutex_init(&log->helper_lock, NULL);
    clock_condition(&log->wake);
    pacer_init(&log->own_pacer);
    log->pacer = options->pacer ? options->pacer : &log->own_pacer;
    return log;
}

/* Without the right to make and remove files, the first roll would fail. */
static int check_access(const struct log *log, struct reel_error *error) {
    int wanted = log->read_only ? R_OK | X_OK : R_OK | W_OK | X_OK;
    if (faccessat(log->directory, ".", wanted, AT_EACCESS) == 0) return 0;
    return fail(error, -errno, "log/: %s", strerror(errno));
}

static int try_open_on_disk(struct log *log, const struct log_options *options,
                            struct reel_error *error) {
    struct recovery recovery = {.log = log, .options = options};
    if (log->directory >= 0) close(log->directory);
    log->directory = open(options->directory, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (log->directory < 0)
        return fail(error, -errno, "%s: %s", options->directory, strerror(errno));
    int rc = check_access(log, error);
    if (rc == 0) rc = recover(&recovery, error);
    segment_names_finish(&recovery.names);
    log_unpin(recovery.pin);
    return rc;
}

/* For one that only reads, beside a process that writes: a file may go, or be replaced; and a frame
 * may be missing from what was read, because it was written between that part and the next one,
 * which has a later frame. */
static bool may_be_due_to_writer(int rc) {
    return rc == -ENOENT || rc == -EBADMSG;
}

static int open_on_disk(struct log *log, const struct log_options *options,
                        struct reel_error *error) {
    int rc = -ENOENT;
    int tries = options->read_only ? TRIES : 1;
    for (int i = 0; may_be_due_to_writer(rc) && i < tries; i++)
        rc = try_open_on_disk(log, options, error);
    return rc;
}

static uint64_t draw_salt(void) {
    uint64_t salt = 0;
    while (salt == 0 && getrandom(&salt, sizeof salt, 0) != sizeof salt) continue;
    return salt;
}

/* An empty log with facts. */
static int open_in_memory(struct log *log, const struct log_options *options,
                          struct reel_error *error) {
    log->salt = draw_salt();
    log->next_number = 1;
    log->now = (struct standing){options->head, 0, options->facts};
    log->pin = pin_create(0);
    HOLD_LOCK(&log->append_lock);
    int rc = log->pin ? log_make_room(log, 0, error) : fail_memory(error);
    if (rc == 0) log_keep_all(log);
    return rc;
}

static int open_dedup(struct log *log, const struct log_options *options,
                      struct reel_error *error) {
    INVARIANT(!log->read_only);
    struct dedup_options dedup_options = {
        .io = log->io,
        .pacer = log->pacer,
        .ended = &log->ended,
        .directory = log->directory,
        .salt = log->salt,
        /* what was put back is wanted; the caller is about to lower the floor */
        .first_seq = options->take_archive ? log->pin->segments[0]->head.first_seq
                                           : log->now.facts.first_seq,
        .tell = options->tell,
        .context = options->context,
    };
#ifdef REEL_FAULT_16 /* duplicates of what a checkpoint has are not known */
    dedup_options.first_seq = options->synced_seq + 1;
#endif
    if (log->is_as_stopped && log->stopped.head.has_index) {
        dedup_options.last = log->stopped.entries;
        dedup_options.last_count = log->stopped.head.entry_count;
        dedup_options.has_last = true;
    }
    return dedup_open(&dedup_options, log->pin, &log->dedup, error);
}

int log_open(const struct log_options *options, struct log **ret, struct reel_error *error) {
    struct log *log = log_new(options);
    if (!log) return fail_memory(error);
    int rc = options->directory ? open_on_disk(log, options, error)
                                : open_in_memory(log, options, error);
    if (rc == 0 && options->dedup) rc = open_dedup(log, options, error);
    stopped_finish(&log->stopped);
    if (rc == 0 && options->directory && !options->read_only && !options->no_helper)
        (void)log_start_helper(log); /* without the helper, the log is slower and larger */
    if (rc < 0)
        log_close(log);
    else
        *ret = log;
    return rc;
}

/* What the next opening need not read again. Without it, it does. */
static void save(struct log *log) {
    const struct segment *last = log->active;
    if (!last || last->on_heap || log->read_only || atomic_load(&log->broken) || log->undo_at)
        return;
    if (log->dedup) dedup_save(log->dedup);
    (void)stopped_write(log->io, log->directory, last, log->now.chain, &log->now.facts,
                        log->dedup ? dedup_last(log->dedup, last->head.first_seq) : NULL);
}

void log_close(struct log *log) {
    if (!log) return;
    log_stop_helper(log);
    struct reel_error error;
    {
        HOLD_LOCK(&log->append_lock);
        if (log_needs_witness(log))
            log_note_chore(log, CHORE_WITNESS, log_write_witness(log, &error), &error);
        save(log);
    }
    dedup_close(log->dedup);
    log_drop_spare(log);
    log_unpin(log->pin);
    group_finish(&log->group);
    text_finish(&log->unremoved);
    if (log->directory >= 0) close(log->directory);
    pacer_finish(&log->own_pacer);
    pthread_cond_destroy(&log->wake);
    pthread_mutex_destroy(&log->helper_lock);
    pthread_mutex_destroy(&log->pins_lock);
    pthread_mutex_destroy(&log->fill_lock);
    pthread_mutex_destroy(&log->spare_lock);
    pthread_mutex_destroy(&log->files_lock);
    pthread_mutex_destroy(&log->append_lock);
    free(log);
}

/* ---- Creating a log -------------------------------------------------------------------------- */

int log_create(const char *directory, const struct log_facts *facts, uint64_t head,
               const struct io *io, struct reel_error *error) {
    char page[SEGMENT_PAGE], name[32];
    struct segment_head first = {
        .magic = SEGMENT_MAGIC,
        .format = SEGMENT_FORMAT,
        .form = SEGMENT_RAW,
        .salt = draw_salt(),
        .number = 1,
        .first_seq = head + 1,
        .facts = *facts,
    };
    if (!io) io = &io_system;
    segment_head_write(&first, page);
    snprintf(name, sizeof name, SEGMENT_NAME, (unsigned long long)first.first_seq);
    AUTO_CLOSE int dir = open(directory, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (dir < 0) return fail(error, -errno, "%s: %s", directory, strerror(errno));
    AUTO_CLOSE int fd = io->open(dir, name, O_RDWR | O_CREAT | O_EXCL);
    int rc = fd < 0 ? fd : io_write_all(io, fd, page, sizeof page, 0);
    if (rc == 0) rc = io->sync(fd);
    if (rc == 0) rc = io->sync_directory(dir);
    return rc < 0 ? fail(error, rc, "cannot make a log: %s", strerror(-rc)) : 0;
}
