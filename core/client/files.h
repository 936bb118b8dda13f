/* files.h: small files: reading one, replacing one, and where a transfer stands.
 *
 * The position file of a transfer lies beside its file, and is called FILE.reel-position. It is
 * removed when the transfer is complete.
 */
#ifndef REEL_CLIENT_FILES_H
#define REEL_CLIENT_FILES_H

#include "base/text.h"

#include <jansson.h>

/* Reads a file of at most `most` bytes. -EFBIG: it is larger; or another error of the system. */
int file_read(const char *path, size_t most, struct text *ret);
int file_read_all(int fd, size_t most, struct text *ret);

/* Where a transfer stands. All zero: at the beginning. */
struct position {
    char epoch[64];  /* of the server's log */
    uint64_t offset; /* bytes of the file that are done */
    uint64_t lines;  /* that these bytes have */
    uint64_t seq;    /* export: the last event in these bytes */
    uint64_t hash;   /* of the last POSITION_HASHED of these bytes */
    json_t *more;    /* counts; NULL: none. Owned */
};

/* So many bytes before the offset are looked at again, to see whether this is still the file. */
#define POSITION_HASHED 65536

void position_finish(struct position *position);

/* NULL: out of memory. */
char *position_path(const char *file);

/* -ENOENT: there is none; -EINVAL: it is not one. */
int position_read(const char *path, struct position *ret);

/* Replaces the file, and syncs it. */
int position_write(const char *path, const struct position *position);

/* The hash of the bytes before `offset` of a file. */
int position_hash(int fd, uint64_t offset, uint64_t *ret);

#endif
