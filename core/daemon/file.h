/* file.h: small files that people write, read whole. */
#ifndef REEL_DAEMON_FILE_H
#define REEL_DAEMON_FILE_H

#include "base/error.h"

#include <sys/stat.h>

/* Reads all of a file into `to`; -EFBIG: it has more than `size` bytes. Anything that can be read
 * to its end will do, such as a pipe. `ret_mode` may be NULL. The sentence does not name the
 * file. */
int file_read(const char *path, char *to, size_t size, size_t *ret_len, mode_t *ret_mode,
              struct reel_error *error);

#endif
