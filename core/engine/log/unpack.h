/* unpack.h: blocks of sealed segments, unpacked into memory. */
#ifndef REEL_ENGINE_LOG_UNPACK_H
#define REEL_ENGINE_LOG_UNPACK_H

#include "engine/log/segment.h"

struct log_unpacked {
    struct log_unpacked *next; /* older */
    uint64_t given;            /* how many entries the walk had given when it left this block */
    size_t len,
        size; /* length, and size of `bytes`: at least LOG_ROOM bytes after `len` are zero */
    char bytes[];
};

/* Unpacks the n-th block of a sealed segment. `spare` is reused or freed; it may be NULL. -EBADMSG:
 * the block is damaged. */
int unpack_block(const struct segment *segment, size_t n, struct log_unpacked *spare,
                 struct log_unpacked **ret, struct reel_error *error);

/* Checks the size and the table of a sealed segment. Returns what is wrong and where; NULL:
 * nothing. */
const char *unpack_check_table(const struct segment *segment, uint64_t *ret_at);

/* The checksum of a table. */
uint64_t unpack_table_checksum(const void *table, size_t count);

#endif
