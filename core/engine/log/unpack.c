/* unpack.c: see unpack.h. What is read from the file is compared with the file's bounds before it
 * is used: the checksums find accidents, not a file that somebody made. */
#include "engine/log/unpack.h"

#include <errno.h>
#include <lz4.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* LZ4 packs no better: what claims to be longer needs no memory. */
#define LZ4_RATIO_MAX 255

uint64_t unpack_table_checksum(const void *table, size_t count) {
    return XXH3_64bits(table, count * sizeof(struct block));
}

const char *unpack_check_table(const struct segment *segment, uint64_t *ret_at) {
    const struct segment_head *head = &segment->head;
    uint64_t count = head->table_count, at = head->table_at;
    *ret_at = 0;
    if (at < SEGMENT_PAGE || at > segment->file_bytes ||
        count != (segment->file_bytes - at) / sizeof(struct block) ||
        (segment->file_bytes - at) % sizeof(struct block) != 0)
        return "its length is not the one in its header";
    *ret_at = at;
    if (unpack_table_checksum(segment->map + at, count) != head->table_checksum)
        return "the checksum of its table is wrong";
    return NULL;
}

static bool block_fits(const struct segment *segment, const struct block *block) {
    return block->at >= SEGMENT_PAGE && block->packed_len <= block->plain_len &&
           block->plain_len <= FRAME_BYTES_MAX &&
           block->plain_len / LZ4_RATIO_MAX <= block->packed_len &&
           block->at <= segment->head.table_at &&
           block->packed_len <= segment->head.table_at - block->at;
}

static int damaged(const struct segment *segment, uint64_t at, const char *what,
                   struct reel_error *error) {
    return fail(error, -EBADMSG, "log/%s is damaged at offset %llu: %s", segment->name,
                (unsigned long long)at, what);
}

static struct log_unpacked *make_room(struct log_unpacked *spare, size_t len) {
    if (spare && spare->size >= len && spare->size / 4 <= len + BLOCK_BYTES) return spare;
    free(spare);
    struct log_unpacked *unpacked = malloc(sizeof *unpacked + len + LOG_ROOM);
    if (unpacked) unpacked->size = len;
    return unpacked;
}

int unpack_block(const struct segment *segment, size_t n, struct log_unpacked *spare,
                 struct log_unpacked **ret, struct reel_error *error) {
    struct block block = segment_block(segment, n);
    if (!block_fits(segment, &block)) {
        free(spare);
        return damaged(segment, block.at, "a block lies outside of it", error);
    }
    struct log_unpacked *unpacked = make_room(spare, block.plain_len);
    if (!unpacked) return fail_memory(error);
    const char *what = NULL;
    const char *from = segment->map + block.at;
    if (XXH3_64bits(from, block.packed_len) != block.checksum)
        what = "the checksum of a block is wrong";
    else if (block.packed_len == block.plain_len)
        memcpy(unpacked->bytes, from, block.plain_len);
    else if (LZ4_decompress_safe(from, unpacked->bytes, (int)block.packed_len,
                                 (int)block.plain_len) != (int)block.plain_len)
        what = "a block cannot be unpacked";
    if (what) {
        free(unpacked);
        return damaged(segment, block.at, what, error);
    }
    unpacked->len = block.plain_len;
    memset(unpacked->bytes + block.plain_len, 0, LOG_ROOM);
    *ret = unpacked;
    return 0;
}
