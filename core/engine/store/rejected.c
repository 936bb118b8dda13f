/* rejected.c: see rejected.h. */
#include "engine/store/rejected.h"

#include "base/invariant.h"
#include "base/text.h"
#include "json/write.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct rejected_key {
    unsigned char bytes[8 + STORE_NAME_MAX];
};

static MDB_val make_key(struct rejected_key *space, uint64_t seq, const char *collection) {
    uint64_t ordered = htobe64(seq);
    size_t len = strlen(collection);
    INVARIANT(len <= STORE_NAME_MAX);
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

/* Deletes, from the oldest on, those below `first_seq` that are of `collection` (NULL: of any), at
 * most `max`. */
static int remove_some(struct store *store, uint64_t first_seq, const char *collection, size_t max,
                       bool *ret_more, struct reel_error *error) {
    MDB_cursor *cursor;
    MDB_val key, value;
    size_t removed = 0;
    int rc = mdb_cursor_open(store->txn, store->rejected, &cursor);
    if (rc != 0) return store_fail(store, rc, "cannot read rejections", error);
    *ret_more = false;
    for (rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST); rc == 0;
         rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        struct reel_rejection rejection;
        rc = unpack(key, value, &rejection);
        if (rc != 0 || rejection.seq >= first_seq) break;
        if (collection && !reel_str_is(rejection.collection, collection)) continue;
        *ret_more = removed++ == max;
        if (*ret_more) break;
        rc = mdb_cursor_del(cursor, 0); /* MDB_NEXT then gives the one that took its place */
        if (rc != 0) break;
    }
    mdb_cursor_close(cursor);
    if (rc == 0 || rc == MDB_NOTFOUND) return 0;
    return store_fail(store, rc, "cannot remove rejections", error);
}

int rejected_trim(struct store *store, uint64_t first_seq, size_t max, bool *ret_more,
                  struct reel_error *error) {
    return remove_some(store, first_seq, NULL, max, ret_more, error);
}

int rejected_remove_collection(struct store *store, const char *collection,
                               struct reel_error *error) {
    bool more;
    return remove_some(store, UINT64_MAX, collection, SIZE_MAX, &more, error);
}

/* Goes to the newest one below `before`. */
static int go_below(MDB_cursor *cursor, uint64_t before, MDB_val *key, MDB_val *value) {
    struct rejected_key space;
    *key = make_key(&space, before, "");
    int rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    if (rc == MDB_NOTFOUND) return mdb_cursor_get(cursor, key, value, MDB_LAST);
    return rc == 0 ? mdb_cursor_get(cursor, key, value, MDB_PREV) : rc;
}

int rejected_each(struct store *store, MDB_txn *txn, uint64_t before, reel_rejection_fn fn,
                  void *context, struct reel_error *error) {
    MDB_cursor *cursor;
    MDB_val key, value;
    int result = 0;
    int rc = mdb_cursor_open(txn, store->rejected, &cursor);
    if (rc != 0) return store_fail(store, rc, "cannot read rejections", error);
    for (rc = go_below(cursor, before, &key, &value); rc == 0 && result == 0;
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

/* ---- Copies ---------------------------------------------------------------------------------- */

void rejection_list_finish(struct rejection_list *list) {
    for (size_t i = 0; i < list->count; i++) free(list->list[i]);
    free(list->list);
    *list = (struct rejection_list){0};
}

void rejection_list_remove(struct rejection_list *list, uint64_t seq) {
    size_t left = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct reel_rejection *one = list->list[i];
        if (one->seq != seq) {
            list->list[left++] = one;
            continue;
        }
        size_t bytes = sizeof *one + one->collection.len + one->reason.len;
        INVARIANT(list->bytes >= bytes);
        list->bytes -= bytes;
        free(one);
    }
    list->count = left;
    if (list->list) list->list[left] = NULL;
}

/* For one more, and the NULL. */
static int make_room(struct rejection_list *list) {
    if (list->count + 1 < list->size) return 0;
    size_t size = list->size ? list->size * 2 : 4;
    struct reel_rejection **grown = realloc(list->list, size * sizeof *grown);
    if (!grown) return -ENOMEM;
    list->list = grown;
    list->size = size;
    return 0;
}

static int add_copy(struct rejection_list *list, const struct reel_rejection *given) {
    size_t bytes = sizeof *given + given->collection.len + given->reason.len;
    if (bytes > REJECTIONS_BYTES_MAX - list->bytes) return 0;
    /* One block: the struct, the collection's name, the reason. */
    struct reel_rejection *copy = malloc(bytes);
    if (!copy || make_room(list) < 0) {
        free(copy);
        return -ENOMEM;
    }
    char *collection = (char *)(copy + 1), *reason = collection + given->collection.len;
    if (given->collection.len) memcpy(collection, given->collection.data, given->collection.len);
    if (given->reason.len) memcpy(reason, given->reason.data, given->reason.len);
    list->bytes += bytes;
    *copy = (struct reel_rejection){
        given->seq, {collection, given->collection.len}, {reason, given->reason.len}};
    list->list[list->count++] = copy;
    list->list[list->count] = NULL;
    return 0;
}

struct copying {
    struct rejection_list *to;
    uint64_t seq;
};

static int copy_one(void *context, const struct reel_rejection *rejection) {
    struct copying *copying = context;
    return rejection->seq == copying->seq ? add_copy(copying->to, rejection) : 1;
}

int rejected_copy(struct store *store, MDB_txn *txn, uint64_t seq, struct rejection_list *to,
                  struct reel_error *error) {
    struct copying copying = {to, seq};
    int rc = rejected_each(store, txn, seq + 1, copy_one, &copying, error);
    if (rc == -ENOMEM) return fail_memory(error);
    return rc < 0 ? rc : 0;
}

static void cut_into(char *to, size_t size, struct reel_str text) {
    size_t len = text.len < size ? text.len : utf8_cut(text.data, size - 1);
    if (len) memcpy(to, text.data, len);
    to[len] = '\0';
}

void rejection_list_tell(const struct rejection_list *list, size_t from, struct reel_result *ret) {
    ret->collection[0] = ret->reason[0] = '\0';
    for (size_t i = from; i < list->count; i++) {
        if (list->list[i]->seq != ret->seq) continue;
        cut_into(ret->collection, sizeof ret->collection, list->list[i]->collection);
        cut_into(ret->reason, sizeof ret->reason, list->list[i]->reason);
        return;
    }
}
