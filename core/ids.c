/* ids.c: see ids.h. */
#include "ids.h"

#include "base/text.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <uuid/uuid.h>

/* Reel's own namespace, drawn once at random; it must never change. */
static const uint8_t name_space[16] = {0x6f, 0x1d, 0x4b, 0x2e, 0x0c, 0x8a, 0x4f, 0x0d,
                                       0x9d, 0x51, 0x7e, 0xa3, 0x2b, 0xc4, 0x90, 0x56};

void ids_hash(const struct reel_str *parts, size_t count, uint8_t ret[16]) {
    /* Each part is hashed behind its length, so that no two lists run into the same bytes. Parts
     * are chained, so that nothing is as long as all of them. */
    memcpy(ret, name_space, 16);
    for (size_t i = 0; i < count; i++) {
        uint64_t len = htole64(parts[i].len);
        uuid_t step;
        uuid_generate_sha1(step, ret, (const char *)&len, sizeof len);
        uuid_generate_sha1(ret, step, parts[i].len ? parts[i].data : "", parts[i].len);
    }
}

/* A value: this, then the record's key. */
struct ids_value {
    uint64_t seq;
    int32_t outcome;
    uint32_t reserved;
};

int ids_put(struct store *store, const uint8_t hash[16], const struct ids_known *known,
            struct reel_error *error) {
    struct ids_value fixed = {.seq = known->seq, .outcome = known->outcome};
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
