/* rejected.c: see rejected.h. */
#include "engine/store/rejected.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

struct rejected_key {
    unsigned char bytes[8 + STORE_NAME_MAX];
};

static MDB_val make_key(struct rejected_key *space, uint64_t seq, const char *collection) {
    uint64_t ordered = htobe64(seq);
    size_t len = strlen(collection);
    memcpy(space->bytes, &ordered, sizeof ordered);
    memcpy(space->bytes + sizeof ordered, collection, len);
    return (MDB_val){sizeof ordered + len, space->bytes};
}

/* 0, or MDB_CORRUPTED. */
static int unpack(MDB_val key, MDB_val value, struct reel_rejection *ret) {
    uint64_t ordered;
    if (key.mv_size < sizeof ordered) return MDB_CORRUPTED;
    memcpy(&ordered, key.mv_data, sizeof ordered);
    *ret = (struct reel_rejection){
        .seq = be64toh(ordered),
        .collection = {(const char *)key.mv_data + sizeof ordered, key.mv_size - sizeof ordered},
        .reason = {value.mv_data, value.mv_size},
    };
    return 0;
}

int rejected_put(struct store *store, uint64_t seq, const char *collection, const char *reason,
                 struct reel_error *error) {
    struct rejected_key space;
    MDB_val key = make_key(&space, seq, collection), value = {strlen(reason), (void *)reason};
    int rc = mdb_put(store->txn, store->rejected, &key, &value, 0);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot write a rejection", error);
}

int rejected_get(struct store *store, MDB_txn *txn, uint64_t seq, const char *collection,
                 struct reel_str *ret_reason, struct reel_error *error) {
    struct rejected_key space;
    MDB_val key = make_key(&space, seq, collection), value;
    int rc = mdb_get(txn, store->rejected, &key, &value);
    if (rc != 0) return store_fail(store, rc, "cannot read a rejection", error);
    *ret_reason = (struct reel_str){value.mv_data, value.mv_size};
    return 0;
}

/* Deletes, from the oldest on, those below `first_seq` that are of `collection` (NULL: of any). */
static int remove_some(struct store *store, uint64_t first_seq, const char *collection,
                       struct reel_error *error) {
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_cursor_open(store->txn, store->rejected, &cursor);
    if (rc != 0) return store_fail(store, rc, "cannot read rejections", error);
    for (rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST); rc == 0;
         rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        struct reel_rejection rejection;
        rc = unpack(key, value, &rejection);
        if (rc != 0 || rejection.seq >= first_seq) break;
        if (collection && !reel_str_is(rejection.collection, collection)) continue;
        rc = mdb_cursor_del(cursor, 0); /* MDB_NEXT then gives the one that took its place */
        if (rc != 0) break;
    }
    mdb_cursor_close(cursor);
    if (rc == 0 || rc == MDB_NOTFOUND) return 0;
    return store_fail(store, rc, "cannot remove rejections", error);
}

int rejected_trim(struct store *store, uint64_t first_seq, struct reel_error *error) {
    return remove_some(store, first_seq, NULL, error);
}

int rejected_remove_collection(struct store *store, const char *collection,
                               struct reel_error *error) {
    return remove_some(store, UINT64_MAX, collection, error);
}

int rejected_each(struct store *store, MDB_txn *txn, reel_rejection_fn fn, void *context,
                  struct reel_error *error) {
    MDB_cursor *cursor;
    MDB_val key, value;
    int result = 0;
    int rc = mdb_cursor_open(txn, store->rejected, &cursor);
    if (rc != 0) return store_fail(store, rc, "cannot read rejections", error);
    for (rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST); rc == 0 && result == 0;
         rc = mdb_cursor_get(cursor, &key, &value, MDB_PREV)) {
        struct reel_rejection rejection;
        rc = unpack(key, value, &rejection);
        if (rc != 0) break;
        result = fn(context, &rejection);
    }
    mdb_cursor_close(cursor);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return store_fail(store, rc, "cannot read rejections", error);
    return result;
}
