/* ids.c: see ids.h. */
#include "engine/ids.h"

#include "base/invariant.h"

#include <endian.h>
#include <string.h>
#include <uuid/uuid.h>

/* Reel's own namespace, drawn once at random; it must never change. */
static const uint8_t name_space[16] = {0x6f, 0x1d, 0x4b, 0x2e, 0x0c, 0x8a, 0x4f, 0x0d,
                                       0x9d, 0x51, 0x7e, 0xa3, 0x2b, 0xc4, 0x90, 0x56};

/* What stands for a part: its length, so that no two lists run into the same bytes, and itself, or,
 * of a long one, its own hash, so that a name has a bound. */
#define PART_BYTES_MAX 64

static char *write_part(char *to, struct reel_str part) {
    uint64_t len = htole64(part.len);
    memcpy(to, &len, sizeof len);
    to += sizeof len;
    if (part.len > PART_BYTES_MAX) {
        uuid_generate_sha1((unsigned char *)to, name_space, part.data, part.len);
        return to + sizeof(uuid_t);
    }
    if (part.len) memcpy(to, part.data, part.len);
    return to + part.len;
}

void ids_hash(const struct reel_str *parts, size_t count, uint8_t ret[16]) {
    char name[IDS_PARTS_MAX * (sizeof(uint64_t) + PART_BYTES_MAX)], *end = name;
    INVARIANT(count <= IDS_PARTS_MAX);
    for (size_t i = 0; i < count; i++) end = write_part(end, parts[i]);
    uuid_generate_sha1(ret, name_space, name, (size_t)(end - name));
}
