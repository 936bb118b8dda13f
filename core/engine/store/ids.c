/* ids.c: see ids.h. */
#include "engine/store/ids.h"

#include "base/text.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
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
    assert(count <= IDS_PARTS_MAX);
    for (size_t i = 0; i < count; i++) end = write_part(end, parts[i]);
    uuid_generate_sha1(ret, name_space, name, (size_t)(end - name));
}

/* A value: this, then the record's key. */
struct ids_value {
    uint64_t seq;
    int32_t outcome;
    uint32_t lacks_record;
};

int ids_put(struct store *store, const uint8_t hash[16], const struct ids_known *known,
            struct reel_error *error) {
    struct ids_value fixed = {
        .seq = known->seq, .outcome = known->outcome, .lacks_record = !known->has_record};
    MDB_val key = {16, (void *)hash}, value = {sizeof fixed + known->record.len, NULL};
    int rc = mdb_put(store->txn, store->ids, &key, &value, MDB_RESERVE);
    if (rc != 0) return store_fail(store, rc, "cannot write ids", error);
    memcpy(value.mv_data, &fixed, sizeof fixed);
    if (known->record.len)
        memcpy((char *)value.mv_data + sizeof fixed, known->record.data, known->record.len);
    return 0;
}

int ids_get(struct store *store, MDB_txn *txn, const uint8_t hash[16], struct ids_known *ret,
            struct reel_error *error) {
    struct ids_value fixed;
    MDB_val key = {16, (void *)hash}, value;
    int rc = mdb_get(txn, store->ids, &key, &value);
    if (rc == 0 && value.mv_size < sizeof fixed) rc = MDB_CORRUPTED;
    if (rc != 0) return store_fail(store, rc, "cannot read ids", error);
    memcpy(&fixed, value.mv_data, sizeof fixed);
    *ret = (struct ids_known){
        .seq = fixed.seq,
        .outcome = fixed.outcome,
        .has_record = !fixed.lacks_record,
        .record = {(const char *)value.mv_data + sizeof fixed, value.mv_size - sizeof fixed},
    };
    return 0;
}

int ids_remove(struct store *store, const uint8_t hash[16], uint64_t seq,
               struct reel_error *error) {
    struct ids_known known;
    int rc = ids_get(store, store->txn, hash, &known, error);
    if (rc == -ENOENT || (rc == 0 && known.seq != seq)) return 0;
    if (rc < 0) return rc;
    MDB_val key = {16, (void *)hash};
    rc = mdb_del(store->txn, store->ids, &key, NULL);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot write ids", error);
}
