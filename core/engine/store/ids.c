/* ids.c: see ids.h. */
#include "engine/store/ids.h"

#include "base/invariant.h"
#include "base/text.h"

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
    INVARIANT(count <= IDS_PARTS_MAX);
    for (size_t i = 0; i < count; i++) end = write_part(end, parts[i]);
    uuid_generate_sha1(ret, name_space, name, (size_t)(end - name));
}

enum {
    IDS_LACKS_RECORD = 1 << 0,
    IDS_HAS_BODY = 1 << 1,
};

/* A value: this; with IDS_HAS_BODY struct ids_body; then the record's key. */
struct ids_value {
    uint64_t seq;
    int32_t outcome;
    uint32_t flags;
};
struct ids_body {
    uint8_t body_hash[16];
    uint8_t caller_hash[16];
};

static char *put(char *to, const void *bytes, size_t len) {
    if (len) memcpy(to, bytes, len);
    return to + len;
}

int ids_put(struct store *store, const uint8_t hash[16], const struct ids_known *known,
            struct reel_error *error) {
    const struct ids_request *request = &known->request;
    struct ids_value fixed = {
        .seq = known->seq,
        .outcome = known->outcome,
        .flags =
            (request->has_record ? 0 : IDS_LACKS_RECORD) | (request->has_body ? IDS_HAS_BODY : 0),
    };
    struct ids_body body;
    memcpy(body.body_hash, request->body_hash, sizeof body.body_hash);
    memcpy(body.caller_hash, request->caller_hash, sizeof body.caller_hash);
    size_t body_len = request->has_body ? sizeof body : 0;
    MDB_val key = {16, (void *)hash}, value = {sizeof fixed + body_len + request->record.len, NULL};
    int rc = mdb_put(store->txn, store->ids, &key, &value, MDB_RESERVE);
    if (rc != 0) return store_fail(store, rc, "cannot write ids", error);
    char *to = put(value.mv_data, &fixed, sizeof fixed);
    to = put(to, &body, body_len);
    put(to, request->record.data, request->record.len);
    return 0;
}

/* 0, or MDB_CORRUPTED. */
static int unpack(MDB_val value, struct ids_known *ret) {
    struct ids_value fixed;
    struct ids_body body = {0};
    const char *at = value.mv_data, *end = at + value.mv_size;
    if (value.mv_size < sizeof fixed) return MDB_CORRUPTED;
    memcpy(&fixed, at, sizeof fixed);
    at += sizeof fixed;
    bool has_body = fixed.flags & IDS_HAS_BODY;
    if (has_body && (size_t)(end - at) < sizeof body) return MDB_CORRUPTED;
    if (has_body) memcpy(&body, at, sizeof body);
    if (has_body) at += sizeof body;
    *ret = (struct ids_known){
        .seq = fixed.seq,
        .outcome = fixed.outcome,
        .request = {.has_record = !(fixed.flags & IDS_LACKS_RECORD),
                    .has_body = has_body,
                    .record = {at, (size_t)(end - at)}},
    };
    memcpy(ret->request.body_hash, body.body_hash, sizeof body.body_hash);
    memcpy(ret->request.caller_hash, body.caller_hash, sizeof body.caller_hash);
    return 0;
}

int ids_get(struct store *store, MDB_txn *txn, const uint8_t hash[16], struct ids_known *ret,
            struct reel_error *error) {
    MDB_val key = {16, (void *)hash}, value;
    int rc = mdb_get(txn, store->ids, &key, &value);
    if (rc == 0) rc = unpack(value, ret);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot read ids", error);
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
