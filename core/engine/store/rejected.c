/* rejected.c: see rejected.h. */
#include "engine/store/rejected.h"

#include "base/invariant.h"
#include "base/text.h"
#include "engine/store/meta.h"
#include "engine/store/table.h"
#include "json/write.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Behind the name. */
#define SECOND_SET 0x01

struct rejected_key {
    unsigned char bytes[8 + STORE_NAME_MAX + 1];
};

static struct reel_str make_key(struct rejected_key *space, uint64_t seq, const char *collection,
                                unsigned set) {
    uint64_t ordered = htobe64(seq);
    size_t len = strlen(collection);
    INVARIANT(len <= STORE_NAME_MAX && set < STORE_SETS);
    memcpy(space->bytes, &ordered, sizeof ordered);
    memcpy(space->bytes + sizeof ordered, collection, len);
    if (set > 0) space->bytes[sizeof ordered + len++] = SECOND_SET;
    return (struct reel_str){(const char *)space->bytes, sizeof ordered + len};
}

int rejected_read(struct reel_str key, struct reel_str value, struct reel_rejection *ret,
                  unsigned *ret_set) {
    uint64_t ordered;
    *ret_set = 0;
    if (key.len < sizeof ordered) return -EBADMSG;
    memcpy(&ordered, key.data, sizeof ordered);
    *ret = (struct reel_rejection){
        .seq = be64toh(ordered),
        .collection = {key.data + sizeof ordered, key.len - sizeof ordered},
        .reason = value,
    };
    struct reel_str *name = &ret->collection;
    *ret_set = name->len > 0 && name->data[name->len - 1] == SECOND_SET;
    name->len -= *ret_set;
    return 0;
}

static int unpack(struct store *store, const struct overlay_row *row, struct reel_rejection *ret,
                  unsigned *ret_set, struct reel_error *error) {
    int rc = rejected_read(row->key, row->value, ret, ret_set);
    return rc < 0 ? store_fail(store, MDB_CORRUPTED, "cannot read rejections", error) : 0;
}

int rejected_put(struct store *store, uint64_t seq, const char *collection, unsigned set,
                 const char *reason, struct reel_error *error) {
    struct rejected_key space;
    return table_put(store, TABLE_REJECTED, make_key(&space, seq, collection, set),
                     reel_text(reason), error);
}

int rejected_get(struct store *store, const struct snapshot *at, uint64_t seq,
                 const char *collection, unsigned set, struct reel_str *ret_reason,
                 struct reel_error *error) {
    struct rejected_key space;
    return table_get(store, at, TABLE_REJECTED, make_key(&space, seq, collection, set), ret_reason,
                     error);
}

/* Which of them. */
struct removing {
    uint64_t first_seq;     /* below it */
    const char *collection; /* NULL: of any */
    unsigned set;
};

/* Finds the first one at or above `from`: 1 and its key; 0: there is none. */
static int find_one(struct store *store, struct reel_str from, const struct removing *removing,
                    struct rejected_key *space, struct reel_str *ret, struct reel_error *error) {
    const char *collection = removing->collection;
    struct table_walk walk;
    struct overlay_row row;
    table_walk_start(&walk, store, &store->writing, TABLE_REJECTED, error);
    int rc = table_seek(&walk, from, SEEK_AT_OR_ABOVE, &row);
    for (; rc > 0; rc = table_next(&walk, &row)) {
        struct reel_rejection rejection = {0};
        unsigned set = 0;
        rc = unpack(store, &row, &rejection, &set, error);
        if (rc < 0 || rejection.seq >= removing->first_seq) break;
        if (collection && (set != removing->set || !reel_str_is(rejection.collection, collection)))
            continue;
        INVARIANT(row.key.len <= sizeof space->bytes);
        memmove(space->bytes, row.key.data, row.key.len);
        *ret = (struct reel_str){(const char *)space->bytes, row.key.len};
        rc = 1;
        break;
    }
    table_walk_finish(&walk);
    return rc;
}

/* Deletes, from the oldest on, at most `max`. */
static int remove_some(struct store *store, const struct removing *removing, size_t max,
                       bool *ret_more, struct reel_error *error) {
    struct rejected_key space;
    struct reel_str key = {"", 0};
    size_t removed = 0;
    int rc;
    *ret_more = false;
    while ((rc = find_one(store, key, removing, &space, &key, error)) > 0) {
        *ret_more = removed++ == max;
        if (*ret_more) break;
        rc = table_delete(store, TABLE_REJECTED, key, error);
        if (rc < 0) break;
    }
    return rc < 0 ? rc : 0;
}

int rejected_trim(struct store *store, uint64_t first_seq, size_t max, bool *ret_more,
                  struct reel_error *error) {
    const struct removing removing = {.first_seq = first_seq};
    return remove_some(store, &removing, max, ret_more, error);
}

int rejected_remove_collection(struct store *store, const char *collection, unsigned set,
                               struct reel_error *error) {
    const struct removing removing = {UINT64_MAX, collection, set};
    bool more;
    return remove_some(store, &removing, SIZE_MAX, &more, error);
}

/* Which set the last collection that was met has. */
struct sets_met {
    char name[STORE_NAME_MAX + 1];
    unsigned set;
};

/* Is it of the set that the collection has? */
static bool is_shown(struct store *store, const struct snapshot *at, struct reel_str name,
                     unsigned set, struct sets_met *met) {
    struct collection_state state;
    if (name.len == 0 || name.len > STORE_NAME_MAX) return true;
    if (!reel_str_is(name, met->name)) {
        memcpy(met->name, name.data, name.len);
        met->name[name.len] = '\0';
        met->set = meta_get_collection(store, at, met->name, &state) == 0 ? state.set : 0;
    }
    return set == met->set;
}

int rejected_each(struct store *store, const struct snapshot *at, uint64_t before,
                  reel_rejection_fn fn, void *context, struct reel_error *error) {
    struct rejected_key space;
    struct table_walk walk;
    struct overlay_row row;
    struct sets_met met = {0};
    int result = 0;
    table_walk_start(&walk, store, at, TABLE_REJECTED, error);
    int rc = table_seek(&walk, make_key(&space, before, "", 0), SEEK_BELOW, &row);
    for (; rc > 0 && result == 0; rc = result == 0 ? table_previous(&walk, &row) : 0) {
        struct reel_rejection rejection = {0};
        unsigned set = 0;
        rc = unpack(store, &row, &rejection, &set, error);
        if (rc < 0) break;
        if (!is_shown(store, at, rejection.collection, set, &met)) continue;
        result = fn(context, &rejection);
    }
    table_walk_finish(&walk);
    return rc < 0 ? rc : result;
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

int rejected_copy(struct store *store, const struct snapshot *at, uint64_t seq,
                  struct rejection_list *to, struct reel_error *error) {
    struct copying copying = {to, seq};
    int rc = rejected_each(store, at, seq + 1, copy_one, &copying, error);
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
