/* io.h: the system calls by which the log changes the disk.
 *
 * Everything that the log writes, names, removes or makes durable goes through a `struct io`, so
 * that a test can fail any of these calls, or write them down. Reading does not.
 *
 * All of them return 0 or a negative errno value.
 */
#ifndef REEL_ENGINE_LOG_IO_H
#define REEL_ENGINE_LOG_IO_H

#include "base/error.h"

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct io {
    /* openat; returns a descriptor. New files have mode 0600. */
    int (*open)(int directory, const char *name, int flags);
    /* pwrite; returns the number of bytes written, which may be fewer. */
    ssize_t (*write)(int fd, const void *bytes, size_t len, uint64_t at);
    int (*sync)(int fd);           /* fdatasync */
    int (*sync_directory)(int fd); /* fsync */
    int (*rename)(int directory, const char *from, const char *to);
    int (*unlink)(int directory, const char *name);
    int (*link)(int directory, const char *from, const char *to); /* one more name */
    int (*truncate)(int fd, uint64_t len);
    /* Waits until these bytes have reached the disk's queue; makes nothing durable. */
    int (*push)(int fd, uint64_t at, uint64_t len);
};

extern const struct io io_system;

/* Writes all bytes. -ENOSPC: the disk is full, or a quota or a bound on the size of files
 * (RLIMIT_FSIZE) is reached; a part may be written. */
int io_write_all(const struct io *io, int fd, const void *bytes, size_t len, uint64_t at);

/* Opens the log's directory once more, to read its names. The caller ends it. */
int io_list(int directory, DIR **ret, struct reel_error *error);
void io_list_end(DIR **dir); /* for CLEANUP; NULL does nothing */

#endif
