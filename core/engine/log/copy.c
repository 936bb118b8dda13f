/* copy.c: a backup of the log (log.h): plain copies, since a hard link would share a bad sector
 * with the original. Of the last segment only what is kept is copied. */
#include "engine/log/internal.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define STEP_BYTES ((size_t)1 << 20)

static uint64_t copy_bytes(const struct segment *segment, const struct log_mark *kept) {
    if (segment->head.form == SEGMENT_SEALED) return segment->file_bytes;
    uint64_t end = atomic_load(&segment->end);
    return segment->head.number == kept->number && kept->at < end ? kept->at : end;
}

static int copy_one(struct log *log, const struct segment *segment, uint64_t bytes, int directory,
                    struct reel_error *error) {
    const struct io *io = log->io;
    AUTO_CLOSE int fd = io->open(directory, segment->name, O_WRONLY | O_CREAT | O_EXCL);
    int rc = fd < 0 ? fd : 0;
    for (uint64_t at = 0; rc == 0 && at < bytes;) {
        size_t len = bytes - at < STEP_BYTES ? bytes - at : STEP_BYTES;
        if (log->has_helper && !pacer_wait(&log->pacer, len)) rc = -ECANCELED;
        if (rc == 0) rc = io_write_all(io, fd, segment->map + at, len, at);
        at += len;
    }
    if (rc == 0) rc = io->sync(fd);
    return rc < 0 ? fail(error, rc, "log/%s: %s", segment->name, strerror(-rc)) : 0;
}

/* A segment on the heap has no header page: it gets one. */
static int write_head(struct log *log, const struct segment *segment, int directory,
                      struct reel_error *error) {
    char page[SEGMENT_PAGE];
    if (!segment->on_heap) return 0;
    segment_head_write(&segment->head, page);
    AUTO_CLOSE int fd = log->io->open(directory, segment->name, O_WRONLY);
    int rc = fd < 0 ? fd : io_write_all(log->io, fd, page, sizeof page, 0);
    if (rc == 0) rc = log->io->sync(fd);
    return rc < 0 ? fail(error, rc, "log/%s: %s", segment->name, strerror(-rc)) : 0;
}

static int copy_all(struct log *log, const struct log_pin *pin, const struct log_mark *kept,
                    int directory, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < pin->count; i++) {
        const struct segment *segment = pin->segments[i];
        if (segment->head.number > kept->number) break; /* it holds nothing that is kept */
        rc = copy_one(log, segment, copy_bytes(segment, kept), directory, error);
        if (rc == 0) rc = write_head(log, segment, directory, error);
    }
    if (rc == 0 && (rc = log->io->sync_directory(directory)) < 0)
        rc = fail(error, rc, "cannot sync the copy: %s", strerror(-rc));
    return rc;
}

int log_backup(struct log *log, const char *directory, struct reel_error *error) {
    AUTO_CLOSE int fd = open(directory, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(error, -errno, "%s: %s", directory, strerror(errno));
    pthread_mutex_lock(&log->pins_lock);
    struct log_mark kept = log->kept;
    pthread_mutex_unlock(&log->pins_lock);
    struct log_pin *pin = log_pin(log);
    int rc = copy_all(log, pin, &kept, fd, error);
    log_unpin(pin);
    return rc;
}
