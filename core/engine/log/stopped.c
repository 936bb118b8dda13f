/* stopped.c: see stopped.h. */
#include "engine/log/stopped.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define TEMPORARY STOPPED_NAME ".tmp"

/* A segment has no more: what claims to be longer is not read. */
#define BYTES_MAX ((uint64_t)1 << 31)

static uint64_t checksum_of(const struct text *bytes) {
    const size_t from = offsetof(struct stopped_head, format);
    return XXH3_64bits(bytes->data + from, bytes->len - from);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void append_points(struct text *bytes, const struct segment *last, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct point *point = &last->points[i];
        struct stopped_point plain = {atomic_load(&point->seq), atomic_load(&point->at),
                                      atomic_load(&point->frame_at)};
        text_append(bytes, &plain, sizeof plain);
    }
}

static int write_file(const struct io *io, int directory, const struct text *bytes) {
    AUTO_CLOSE int fd = io->open(directory, TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC);
    if (fd < 0) return fd;
    int rc = io_write_all(io, fd, bytes->data, bytes->len, 0);
    if (rc == 0) rc = io->rename(directory, TEMPORARY, STOPPED_NAME);
    if (rc < 0) (void)io->unlink(directory, TEMPORARY); /* or opening does */
    return rc;
}

int stopped_write(const struct io *io, int directory, const struct segment *last, uint64_t chain,
                  const struct log_facts *facts, const struct dedup_table *index) {
    CLEANUP(text_finish) struct text bytes = {0};
    struct stopped_head head = {
        .magic = STOPPED_MAGIC,
        .format = STOPPED_FORMAT,
        .has_index = index != NULL,
        .salt = last->head.salt,
        .number = last->head.number,
        .end = atomic_load(&last->end),
        .chain = chain,
        .facts = *facts,
        .point_count = atomic_load(&last->point_count),
        .entry_count = index ? index->count : 0,
    };
    text_append(&bytes, &head, sizeof head);
    append_points(&bytes, last, head.point_count);
    if (head.entry_count > 0)
        text_append(&bytes, index->entries, head.entry_count * sizeof *index->entries);
    if (bytes.failed) return -ENOMEM;
    head.checksum = checksum_of(&bytes);
    memcpy(bytes.data, &head, sizeof head);
    return write_file(io, directory, &bytes);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int read_all(int fd, struct text *bytes) {
    struct stat stat;
    if (fstat(fd, &stat) < 0) return -errno;
    if (!S_ISREG(stat.st_mode) || (uint64_t)stat.st_size > BYTES_MAX) return -EBADMSG;
    size_t len = (size_t)stat.st_size;
    char *to = text_extend(bytes, len);
    if (!to) return -ENOMEM;
    for (size_t done = 0; done < len;) {
        ssize_t got = pread(fd, to + done, len - done, (off_t)done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return -EBADMSG;
        done += (size_t)got;
    }
    return 0;
}

/* Is it what stopped_write made? Sizes are compared without running over. */
static bool check(const struct text *bytes, const struct stopped_head *head) {
    uint64_t left = bytes->len - sizeof *head;
    if (head->magic != STOPPED_MAGIC || head->format != STOPPED_FORMAT) return false;
    if (head->point_count > left / sizeof(struct stopped_point)) return false;
    left -= head->point_count * sizeof(struct stopped_point);
    if (head->entry_count != left / sizeof(struct dedup_entry)) return false;
    return left % sizeof(struct dedup_entry) == 0 && head->checksum == checksum_of(bytes);
}

int stopped_read(int directory, struct stopped *ret) {
    *ret = (struct stopped){0};
    AUTO_CLOSE int fd = openat(directory, STOPPED_NAME, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return -errno;
    int rc = read_all(fd, &ret->bytes);
    if (rc < 0) return rc;
    if (ret->bytes.len < sizeof ret->head) return -EBADMSG;
    memcpy(&ret->head, ret->bytes.data, sizeof ret->head);
    if (!check(&ret->bytes, &ret->head)) return -EBADMSG;
    ret->points = (const void *)(ret->bytes.data + sizeof ret->head);
    ret->entries = (const void *)(ret->points + ret->head.point_count);
    return 0;
}

void stopped_finish(struct stopped *stopped) {
    text_finish(&stopped->bytes);
}

/* ---- Using ----------------------------------------------------------------------------------- */

/* The checksum finds accidents; a file that somebody made must not lead out of the segment. */
static bool points_fit(const struct stopped *stopped, const struct segment *last) {
    uint64_t seq = last->head.first_seq - 1, at = SEGMENT_PAGE;
    for (uint64_t i = 0; i < stopped->head.point_count; i++) {
        const struct stopped_point *point = &stopped->points[i];
        if (point->seq <= seq || point->at <= at || point->frame_at < SEGMENT_PAGE ||
            point->frame_at >= point->at || point->at >= stopped->head.end)
            return false;
        seq = point->seq;
        at = point->at;
    }
    return stopped->head.point_count <= last->points_max;
}

static bool entries_fit(const struct stopped *stopped, const struct segment *last,
                        uint64_t last_seq) {
    uint64_t seq = last->head.first_seq - 1;
    for (uint64_t i = 0; i < stopped->head.entry_count; i++) {
        if (stopped->entries[i].seq <= seq) return false;
        seq = stopped->entries[i].seq;
    }
    return seq <= last_seq;
}

bool stopped_fits(const struct stopped *stopped, const struct segment *last, uint64_t end,
                  uint64_t chain, uint64_t last_seq) {
    const struct stopped_head *head = &stopped->head;
    return head->salt == last->head.salt && head->number == last->head.number && head->end == end &&
           head->chain == chain && head->facts.first_seq <= last_seq + 1 &&
           points_fit(stopped, last) && entries_fit(stopped, last, last_seq);
}
