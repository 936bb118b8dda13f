/* io.c: see io.h. */
#include "engine/log/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int system_open(int directory, const char *name, int flags) {
    /* O_NONBLOCK: a pipe that took the place of a file is not waited for. */
    int fd = openat(directory, name, flags | O_CLOEXEC | O_NONBLOCK, 0600);
    return fd < 0 ? -errno : fd;
}

static ssize_t system_write(int fd, const void *bytes, size_t len, uint64_t at) {
    ssize_t written = pwrite(fd, bytes, len, (off_t)at);
    return written < 0 ? -errno : written;
}

static int system_sync(int fd) {
    return fdatasync(fd) < 0 ? -errno : 0;
}

static int system_sync_directory(int fd) {
    return fsync(fd) < 0 ? -errno : 0;
}

static int system_rename(int directory, const char *from, const char *to) {
    return renameat(directory, from, directory, to) < 0 ? -errno : 0;
}

static int system_unlink(int directory, const char *name) {
    return unlinkat(directory, name, 0) < 0 ? -errno : 0;
}

static int system_link(int directory, const char *from, const char *to) {
    return linkat(directory, from, directory, to, 0) < 0 ? -errno : 0;
}

static int system_truncate(int fd, uint64_t len) {
    return ftruncate(fd, (off_t)len) < 0 ? -errno : 0;
}

static int system_push(int fd, uint64_t at, uint64_t len) {
    const unsigned flags =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    if (sync_file_range(fd, (off_t)at, (off_t)len, flags) == 0) return 0;
    return errno == ENOSYS || errno == EINVAL ? 0 : -errno; /* it only spreads the work */
}

const struct io io_system = {
    .open = system_open,
    .write = system_write,
    .sync = system_sync,
    .sync_directory = system_sync_directory,
    .rename = system_rename,
    .unlink = system_unlink,
    .link = system_link,
    .truncate = system_truncate,
    .push = system_push,
};

int io_write_all(const struct io *io, int fd, const void *bytes, size_t len, uint64_t at) {
    const char *from = bytes;
    while (len > 0) {
        ssize_t written = io->write(fd, from, len, at);
        if (written == -EINTR) continue;
        if (written == -EDQUOT || written == -EFBIG || written == 0) return -ENOSPC;
        if (written < 0) return (int)written;
        from += written;
        at += (uint64_t)written;
        len -= (size_t)written;
    }
    return 0;
}

int io_list(int directory, DIR **ret, struct reel_error *error) {
    int fd = openat(directory, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    *ret = fd < 0 ? NULL : fdopendir(fd);
    if (*ret) return 0;
    int code = errno;
    if (fd >= 0) close(fd);
    return fail(error, -code, "cannot read the log's directory: %s", strerror(code));
}

void io_list_end(DIR **dir) {
    if (*dir) closedir(*dir);
}
