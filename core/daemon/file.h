/* file.h: reads small files completely, and makes files in memory. */
#ifndef REEL_DAEMON_FILE_H
#define REEL_DAEMON_FILE_H

#include "base/error.h"

#include <sys/stat.h>

/* Longest time for reading a file that is not a regular one, such as a pipe: at the start, when
 * somebody may be typing its content; and while the daemon runs. */
enum {
    FILE_START_MS = 60000,
    FILE_RUNNING_MS = 2000,
};

/* Reads the complete file into `to`. -EFBIG: it has more than `size` bytes; -ETIMEDOUT: its end was
 * not reached in time. Any file that can be read to its end is possible, such as a pipe.
 * `ret_about` may be NULL. The sentence does not name the file. */
int file_read(const char *path, char *to, size_t size, uint32_t timeout_ms, size_t *ret_len,
              struct stat *ret_about, struct reel_error *error);

/* A file without a path, for another process; `name` is for those who look at its descriptors. The
 * descriptor becomes the caller's. -ENOMEM. */
int file_in_memory(const char *name, const char *bytes, size_t len, int *ret,
                   struct reel_error *error);

#endif
