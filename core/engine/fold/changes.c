/* changes.c: see changes.h. */
#include "engine/fold/changes.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "base/text.h"
#include "engine/fold/fold.h"
#include "engine/store/index.h"
#include "engine/store/table.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#define BUCKETS_MIN 256

void changes_finish(struct changes *changes) {
    for (size_t i = 0; i < changes->chunk_count; i++) free(changes->chunks[i]);
    free(changes->chunks);
    free(changes->buckets);
    free(changes->touched);
    *changes = (struct changes){0};
}

static struct change *change_at(const struct changes *changes, size_t n) {
    INVARIANT(n < changes->chunk_count * CHANGES_CHUNK);
    return &changes->chunks[n / CHANGES_CHUNK][n % CHANGES_CHUNK];
}

void changes_reset(struct changes *changes) {
    if (changes->count * 8 > changes->bucket_count) {
        memset(changes->buckets, 0, changes->bucket_count * sizeof *changes->buckets);
    } else { /* a batch of few records does not pay for what a large one needed */
        for (size_t i = 0; i < changes->count; i++)
            changes->buckets[change_at(changes, i)->hash & (changes->bucket_count - 1)] = NULL;
    }
    changes->count = changes->touched_count = 0;
}

/* ---- Finding --------------------------------------------------------------------------------- */

static void insert(struct changes *changes, struct change *change) {
    struct change **bucket = &changes->buckets[change->hash & (changes->bucket_count - 1)];
    change->next = *bucket;
    *bucket = change;
}

/* Keeps the table at most full on average. */
static int grow_buckets(struct changes *changes) {
    if (changes->count < changes->bucket_count) return 0;
    size_t count = changes->bucket_count ? changes->bucket_count * 2 : BUCKETS_MIN;
    struct change **buckets = calloc(count, sizeof *buckets);
    if (!buckets) return -ENOMEM;
    free(changes->buckets);
    changes->buckets = buckets;
    changes->bucket_count = count;
    for (size_t i = 0; i < changes->count; i++) insert(changes, change_at(changes, i));
    return 0;
}

/* One more place in the pool. */
static int grow_pool(struct changes *changes) {
    if (changes->count < changes->chunk_count * CHANGES_CHUNK) return 0;
    size_t size = (changes->chunk_count + 1) * sizeof *changes->chunks;
    struct change **chunks = realloc(changes->chunks, size);
    if (!chunks) return -ENOMEM;
    changes->chunks = chunks;
    chunks[changes->chunk_count] = calloc(CHANGES_CHUNK, sizeof **chunks);
    if (!chunks[changes->chunk_count]) return -ENOMEM;
    changes->chunk_count++;
    return 0;
}

bool change_values(struct change *change, struct arena *arena) {
    if (change->values) return true;
    uint32_t count = change->collection->shape.count;
    change->values = arena_alloc(arena, 2 * count * sizeof *change->values);
    if (!change->values) return false;
    change->before.values = change->values + count;
    return true;
}

/* Reads what the store has of it. */
static int load(struct collection *collection, struct change *change, struct arena *arena,
                struct reel_error *error) {
    struct store *store = collection->store;
    struct reel_str stored;
    INVARIANT(store_is_writing(store));
    int rc = table_get(store, &store->writing, collection_tables(collection)->records, change->key,
                       &stored, error);
    if (rc == -ENOENT) return 0;
    if (rc < 0) return rc;
    char *copy = arena_copy(arena, stored.data, stored.len);
    if (!copy || !change_values(change, arena)) return fail_memory(error);
    stored.data = copy;
    if (record_read(&collection->shape, stored, &change->changed, change->values) < 0)
        return store_fail(store, MDB_CORRUPTED, "cannot read a record", error);
    change->exists = true;
    change->stored = stored.len;
    change->stored_at = copy;
    record_json(collection->shape.count, stored, &change->stored_changed, &change->stored_json);
    return 0;
}

int changes_find(struct collection *collection, struct reel_str key, struct arena *arena,
                 struct change **ret, struct reel_error *error) {
    struct changes *changes = &collection->changes;
    uint64_t hash = str_hash(key);
    struct change *change =
        changes->bucket_count ? changes->buckets[hash & (changes->bucket_count - 1)] : NULL;
    for (; change; change = change->next) {
        if (change->hash != hash || !reel_str_eq(change->key, key)) continue;
        *ret = change;
        return 0;
    }
    if (grow_pool(changes) < 0 || grow_buckets(changes) < 0) return fail_memory(error);
    struct reel_str own = {arena_copy(arena, key.data, key.len), key.len};
    if (!own.data) return fail_memory(error);
    change = change_at(changes, changes->count);
    *change = (struct change){
        .record.host = collection->tx.host, .collection = collection, .hash = hash, .key = own};
    int rc = load(collection, change, arena, error);
    if (rc < 0) return rc;
    insert(changes, change);
    changes->count++;
    *ret = change;
    return 0;
}

int changes_show(struct collection *collection, struct reel_str key, struct arena *arena,
                 char **ret, size_t *ret_len, struct reel_error *error) {
    struct change *change;
    int rc = changes_find(collection, key, arena, &change, error);
    if (rc < 0) return rc;
    *ret = NULL;
    *ret_len = 0;
    if (!change->exists) return 0;
    struct reel_str stored = {NULL, record_size(&collection->shape, change->values, 0)}, json;
    char *space = arena_text(arena, stored.len);
    if (!space) return fail_memory(error);
    record_write(&collection->shape, change->values, change->changed, space, stored.len);
    stored.data = space;
    uint64_t changed;
    record_json(collection->shape.count, stored, &changed, &json);
    *ret = str_copy(json);
    *ret_len = json.len;
    return *ret ? 0 : fail_memory(error);
}

/* ---- For derived collections ----------------------------------------------------------------- */

static int compare_touched(const void *a, const void *b) {
    const struct change *const *left = a, *const *right = b;
    return str_compare((*left)->key, (*right)->key);
}

void changes_net(struct changes *changes) {
    struct change **touched = changes->touched;
    size_t count = 0;
    bool in_order = true;
    for (size_t i = 0; i < changes->touched_count; i++) {
        if (!change_is_different(touched[i])) continue;
        touched[count++] = touched[i];
        if (count > 1 && in_order)
            in_order = compare_touched(&touched[count - 2], &touched[count - 1]) < 0;
    }
    if (!in_order) qsort(touched, count, sizeof *touched, compare_touched);
    changes->touched_count = count;
}

/* ---- Flushing -------------------------------------------------------------------------------- */

/* A record in the order of keys. Most are told apart by the first bytes, which are beside it. */
struct keyed {
    uint64_t head;
    struct change *change;
};

static uint64_t key_head(struct reel_str key) {
    uint64_t head = 0;
    memcpy(&head, key.data, key.len < sizeof head ? key.len : sizeof head);
    return be64toh(head);
}

static int compare_keys(const void *a, const void *b) {
    const struct keyed *left = a, *right = b;
    if (left->head != right->head) return left->head < right->head ? -1 : 1;
    return str_compare(left->change->key, right->change->key);
}

/* The dirty ones, in key order: neighbours are in one node of the tree. */
static struct keyed *sort_dirty(const struct changes *changes, struct arena *arena,
                                size_t *ret_count) {
    struct keyed *sorted = arena_alloc(arena, changes->count * sizeof *sorted);
    if (!sorted) return NULL;
    size_t count = 0;
    bool in_order = true;
    for (size_t i = 0; i < changes->count; i++) {
        struct change *change = change_at(changes, i);
        if (!change->dirty) continue;
        sorted[count++] = (struct keyed){key_head(change->key), change};
        if (count > 1 && in_order)
            in_order = compare_keys(&sorted[count - 2], &sorted[count - 1]) < 0;
    }
    if (!in_order) qsort(sorted, count, sizeof *sorted, compare_keys);
    *ret_count = count;
    return sorted;
}

/* The collection no longer has the record as it is stored. */
static void subtract_stored(struct collection_state *state, const struct change *change) {
    if (!change->stored) return;
    INVARIANT(state->json_bytes >= change->stored_json.len && state->records > 0);
    state->json_bytes -= change->stored_json.len;
    state->records--;
#ifndef REEL_FAULT_15 /* a digest is not subtracted */
    digest_subtract(&state->digest, digest_hash(change->key, change->stored_json));
#endif
}

static void add_record(struct collection *collection, const struct change *change,
                       struct reel_str stored) {
    struct collection_state *state = &collection->state;
    struct reel_str json;
    uint64_t changed;
    record_json(collection->shape.count, stored, &changed, &json);
    state->json_bytes += json.len;
    state->records++;
    digest_add(&state->digest, digest_hash(change->key, json));
}

static int flush_one(struct collection *collection, const struct change *change, struct text *space,
                     struct reel_error *error) {
    struct collection_state *state = &collection->state;
    if (state->changed < change->changed) state->changed = change->changed;
    subtract_stored(state, change);
    if (!change->exists) {
        if (!change->stored) return 0;
        return table_delete(collection->store, collection_tables(collection)->records, change->key,
                            error);
    }
    size_t size = record_size(&collection->shape, change->values, change->stored);
    space->len = 0;
    char *to = text_extend(space, size);
    if (!to) return fail_memory(error);
    record_write(&collection->shape, change->values, change->changed, to, size);
    int rc = table_put(collection->store, collection_tables(collection)->records, change->key,
                       text_str(space), error);
    if (rc == 0) add_record(collection, change, text_str(space));
    return rc;
}

static int flush_records(struct collection *collection, const struct keyed *sorted, size_t count,
                         struct reel_error *error) {
    CLEANUP(text_finish) struct text space = {0};
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = flush_one(collection, sorted[i].change, &space, error);
    return rc;
}

static int flush_index(struct collection *collection, const struct keyed *sorted, size_t count,
                       struct arena *arena, struct reel_error *error) {
    struct index_move *moves = arena_alloc(arena, count * sizeof *moves);
    if (!moves) return fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        const struct change *change = sorted[i].change;
        moves[i] = (struct index_move){
            .key = change->key,
            .from = change->stored_changed,
            .to = change->changed,
            .deleted = !change->exists,
        };
    }
    return index_write(collection->store, collection_tables(collection)->index, moves, count, arena,
                       error);
}

/* Has any of these fields a text that is not that of the store? Texts that nobody has set are those
 * of the copy. */
static bool has_new_value(const struct tracked_fields *fields, const struct change *change) {
    if (!change->stored || !change->exists) return true;
    for (uint32_t i = 0; i < fields->count; i++) {
        const char *at = change->values[fields->list[i].at].data;
        if (at < change->stored_at || at >= change->stored_at + change->stored) return true;
    }
    return false;
}

static int flush_values(struct collection *collection, struct field_writer *writer,
                        const struct change *change, struct reel_str *before,
                        struct reel_error *error) {
    struct reel_str stored = {change->stored_at, change->stored};
    uint64_t changed;
    if (!field_progress_has(&collection->progress, change->key)) return 0;
    if (!has_new_value(&collection->tracked, change)) return 0;
    if (change->stored && record_read(&collection->shape, stored, &changed, before) < 0)
        return store_fail(collection->store, MDB_CORRUPTED, "cannot read a record", error);
    return field_writer_change(writer, change->key, change->stored ? before : NULL,
                               change->exists ? change->values : NULL, error);
}

static int flush_fields(struct collection *collection, const struct keyed *sorted, size_t count,
                        struct arena *arena, struct reel_error *error) {
    struct field_writer writer;
    struct reel_str *before;
    int rc = 0;
    if (collection->tracked.count == 0) return 0;
    before = arena_alloc(arena, collection->shape.count * sizeof *before);
    if (!before) return fail_memory(error);
    field_writer_start(&writer, collection->store, collection_tables(collection)->fields,
                       &collection->tracked, arena);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = flush_values(collection, &writer, sorted[i].change, before, error);
    return field_writer_finish(&writer, rc, error);
}

int changes_flush(struct collection *collection, struct arena *arena, struct reel_error *error) {
    struct changes *changes = &collection->changes;
    INVARIANT(collection->fold->turn == TURN_NONE); /* handles do not outlive this */
    if (changes->count == 0) return 0;
    size_t count;
    struct keyed *sorted = sort_dirty(changes, arena, &count);
    if (!sorted) return fail_memory(error);
    int rc = count > 0 ? flush_records(collection, sorted, count, error) : 0;
    if (rc == 0 && count > 0 && !collection->state.from_records) /* it is written afterwards */
        rc = flush_index(collection, sorted, count, arena, error);
    if (rc == 0 && count > 0) rc = flush_fields(collection, sorted, count, arena, error);
    if (rc == 0) changes_reset(changes);
    return rc;
}
