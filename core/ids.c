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

int ids_put(struct store *store, const uint8_t hash[16], uint64_t seq, struct reel_str record,
            struct reel_error *error) {
    MDB_val key = {16, (void *)hash}, value = {sizeof seq + record.len, NULL};
    int rc = mdb_put(store->txn, store->ids, &key, &value, MDB_RESERVE);
    if (rc != 0) return store_fail(store, rc, "cannot write ids", error);
    memcpy(value.mv_data, &seq, sizeof seq);
    if (record.len) memcpy((char *)value.mv_data + sizeof seq, record.data, record.len);
    return 0;
}

int ids_get(struct store *store, MDB_txn *txn, const uint8_t hash[16], uint64_t *ret_seq,
            struct reel_str *ret_record, struct reel_error *error) {
    MDB_val key = {16, (void *)hash}, value;
    int rc = mdb_get(txn, store->ids, &key, &value);
    if (rc == 0 && value.mv_size < sizeof *ret_seq) rc = MDB_CORRUPTED;
    if (rc != 0) return store_fail(store, rc, "cannot read ids", error);
    memcpy(ret_seq, value.mv_data, sizeof *ret_seq);
    *ret_record = (struct reel_str){(const char *)value.mv_data + sizeof *ret_seq,
                                    value.mv_size - sizeof *ret_seq};
    return 0;
}

int ids_remove(struct store *store, const uint8_t hash[16], uint64_t seq,
               struct reel_error *error) {
    uint64_t known;
    struct reel_str record;
    int rc = ids_get(store, store->txn, hash, &known, &record, error);
    if (rc == -ENOENT || (rc == 0 && known != seq)) return 0;
    if (rc < 0) return rc;
    MDB_val key = {16, (void *)hash};
    rc = mdb_del(store->txn, store->ids, &key, NULL);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot write ids", error);
}
