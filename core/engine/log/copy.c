/* copy.c: a backup of the log (copy.h): plain copies, since a hard link would share a bad sector
 * with the original. Of the last segment only what is kept is copied. */
#include "engine/log/copy.h"

#include "engine/log/io.h"
#include "engine/log/place.h"
#include "engine/log/segment.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define STEP_BYTES ((size_t)256 << 10)

static uint64_t copy_bytes(const struct segment *segment, const struct log_mark *to) {
    if (segment->head.form == SEGMENT_SEALED) return segment->file_bytes;
    uint64_t end = atomic_load(&segment->end);
    return segment->head.number == to->number && to->at < end ? to->at : end;
}

/* Writes the header page to the copy: a segment in memory has none. */
static int copy_page(const struct segment *segment, int fd) {
    char page[SEGMENT_PAGE];
    if (segment->on_heap)
        segment_head_write(&segment->head, page);
    else
        memcpy(page, segment->map, sizeof page);
    return io_write_all(&io_system, fd, page, sizeof page, 0);
}

/* The system reads the map here: where the disk cannot give a page this is an error, not a signal.
 */
static int copy_part(const struct segment *segment, uint64_t at, uint64_t len, int fd,
                     struct pacer *pacer) {
    log_pace(pacer, len);
    int rc = io_write_all(&io_system, fd, segment->map + at, len, at);
    return rc == 0 ? io_system.push(fd, at, len) : rc;
}

static int copy_one(const struct segment *segment, uint64_t bytes, int directory,
                    struct pacer *pacer, struct reel_error *error) {
    AUTO_CLOSE int fd = io_system.open(directory, segment->name, O_WRONLY | O_CREAT | O_EXCL);
    int rc = fd < 0 ? fd : copy_page(segment, fd);
    for (uint64_t at = SEGMENT_PAGE, len; rc == 0 && at < bytes; at += len) {
        len = bytes - at < STEP_BYTES ? bytes - at : STEP_BYTES;
        rc = copy_part(segment, at, len, fd, pacer);
        if (rc == -EFAULT)
            return fail(error, -EIO, "log/%s cannot be read behind offset %llu", segment->name,
                        (unsigned long long)at);
    }
    if (rc == 0) rc = io_system.sync(fd);
    return rc < 0 ? fail(error, rc, "log/%s: %s", segment->name, strerror(-rc)) : 0;
}

int log_backup(const struct log_pin *pin, struct log_mark to, const char *directory,
               struct pacer *pacer, struct reel_error *error) {
    AUTO_CLOSE int fd = open(directory, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(error, -errno, "%s: %s", directory, strerror(errno));
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < pin->count; i++) {
        const struct segment *segment = pin->segments[i];
        if (segment->head.number > to.number) break; /* it holds nothing that is kept */
        rc = copy_one(segment, copy_bytes(segment, &to), fd, pacer, error);
    }
    if (rc == 0 && (rc = io_system.sync_directory(fd)) < 0)
        rc = fail(error, rc, "cannot sync the copy: %s", strerror(-rc));
    return rc;
}
