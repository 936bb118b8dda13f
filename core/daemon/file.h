/* file.h: small files that people write, read whole. */
#ifndef REEL_DAEMON_FILE_H
#define REEL_DAEMON_FILE_H

#include "base/error.h"

#include <sys/stat.h>

/* How long a file that is not a regular one, such as a pipe, may take: at the start, when somebody
 * may still type what is in it; and while the daemon runs. */
enum {
    FILE_START_MS = 60000,
    FILE_RUNNING_MS = 2000,
};

/* Reads all of a file into `to`. -EFBIG: it has more than `size` bytes; -ETIMEDOUT: its end did not
 * come in time. Anything that can be read to its end will do, such as a pipe. `ret_about` may be
 * NULL. The sentence does not name the file. */
int file_read(const char *path, char *to, size_t size, uint32_t timeout_ms, size_t *ret_len,
              struct stat *ret_about, struct reel_error *error);

#endif
