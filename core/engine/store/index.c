/* index.c: see index.h. */
#include "engine/store/index.h"

#include "base/invariant.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    DELETED = 0x01,
    TOMBSTONE = 0x02,
    RECORD = 0x03,
};

/* ---- Keys ------------------------------------------------------------------------------------ */

struct index_writer {
    struct store *store;
    size_t table;
    struct text space; /* for the key in hand */
};

/* Without the seq for DELETED. */
static int write_key(struct text *to, unsigned char kind, uint64_t seq, struct reel_str key) {
    size_t before = kind == DELETED ? 1 : 1 + sizeof seq;
    to->len = 0;
    char *at = text_extend(to, before + key.len);
    if (!at) return -ENOMEM;
    at[0] = (char)kind;
    seq = htobe64(seq);
    memcpy(at + 1, &seq, before - 1);
    if (key.len) memcpy(at + before, key.data, key.len);
    return 0;
}

/* On -ENOMEM there is a sentence. */
static int make_key(struct index_writer *writer, unsigned char kind, uint64_t seq,
                    struct reel_str key, struct reel_str *ret, struct reel_error *error) {
    if (write_key(&writer->space, kind, seq, key) < 0) return fail_memory(error);
    *ret = text_str(&writer->space);
    return 0;
}

/* Takes a key of that kind apart; false if it is of another, which all that follow are. */
static bool split_key(struct reel_str at, unsigned char kind, struct index_entry *ret) {
    uint64_t seq;
    if (at.len < 1 + sizeof seq || (unsigned char)at.data[0] != kind) return false;
    memcpy(&seq, at.data + 1, sizeof seq);
    *ret = (struct index_entry){
        .key = {at.data + 1 + sizeof seq, at.len - 1 - sizeof seq},
        .seq = be64toh(seq),
        .deleted = kind == TOMBSTONE,
    };
    return true;
}

int index_entry_key(struct text *to, bool deleted, uint64_t seq, struct reel_str key) {
    return write_key(to, deleted ? TOMBSTONE : RECORD, seq, key);
}

bool index_read_entry(struct reel_str at, struct index_entry *ret) {
    return split_key(at, TOMBSTONE, ret) || split_key(at, RECORD, ret);
}

bool index_read_deleted(struct reel_str at, struct reel_str *ret_key) {
    if (at.len < 1 || (unsigned char)at.data[0] != DELETED) return false;
    *ret_key = (struct reel_str){at.data + 1, at.len - 1};
    return true;
}

static int put(struct index_writer *writer, unsigned char kind, uint64_t seq, struct reel_str key,
               struct reel_error *error) {
    struct reel_str at, value = {(const char *)&seq, kind == DELETED ? sizeof seq : 0};
    int rc = make_key(writer, kind, seq, key, &at, error);
    return rc < 0 ? rc : table_put(writer->store, writer->table, at, value, error);
}

/* An entry with a seq is written once, so no layer below the one that has it has it. That of a
 * deleted key may have an older one below it. */
static int drop(struct index_writer *writer, unsigned char kind, uint64_t seq, struct reel_str key,
                struct reel_error *error) {
    struct reel_str at;
    int rc = make_key(writer, kind, seq, key, &at, error);
    if (rc < 0) return rc;
    return kind == DELETED ? table_delete(writer->store, writer->table, at, error)
                           : table_remove(writer->store, writer->table, at, error);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* A place in the order of seqs. */
struct place {
    uint64_t seq;
    size_t move; /* these are in key order, so this settles what one event changed */
};

static int compare_places(const void *a, const void *b) {
    const struct place *left = a, *right = b;
    if (left->seq != right->seq) return left->seq < right->seq ? -1 : 1;
    return (left->move > right->move) - (left->move < right->move);
}

static void sort_places(struct place *places, size_t count) {
    for (size_t i = 1; i < count; i++) {
        if (compare_places(&places[i - 1], &places[i]) < 0) continue;
        qsort(places, count, sizeof *places, compare_places);
        break;
    }
}

/* Removes the entries that records stood under, in their order: neighbours are in one node of the
 * tree. */
static int leave_old(struct index_writer *writer, const struct index_move *moves, size_t count,
                     struct place *places, struct reel_error *error) {
    size_t standing = 0;
    int rc = 0;
    for (size_t i = 0; i < count; i++) {
        INVARIANT(moves[i].from < moves[i].to); /* each change is newer than the one before */
        if (moves[i].from != 0) places[standing++] = (struct place){moves[i].from, i};
    }
    sort_places(places, standing);
    for (size_t i = 0; i < standing && rc == 0; i++)
        rc = drop(writer, RECORD, places[i].seq, moves[places[i].move].key, error);
    return rc;
}

/* Is there any tombstone? Mostly there is none, and no new record need be asked about. */
static int has_tombstones(struct index_writer *writer, bool *ret, struct reel_error *error) {
    static const char kind[] = {DELETED};
    struct table_walk walk;
    struct overlay_row row;
    table_walk_start(&walk, writer->store, &writer->store->writing, writer->table, error);
    int rc = table_seek(&walk, (struct reel_str){kind, sizeof kind}, SEEK_AT_OR_ABOVE, &row);
    *ret = rc > 0 && row.key.data[0] == DELETED;
    table_walk_finish(&walk);
    return rc < 0 ? rc : 0;
}

/* Removes the tombstone of that key, if there is one. */
static int drop_tombstone(struct index_writer *writer, struct reel_str key,
                          struct reel_error *error) {
    struct store *store = writer->store;
    struct reel_str at, value;
    uint64_t seq;
    int rc = make_key(writer, DELETED, 0, key, &at, error);
    if (rc == 0) rc = table_get(store, &store->writing, writer->table, at, &value, error);
    if (rc < 0) return rc == -ENOENT ? 0 : rc;
    if (value.len != sizeof seq)
        return store_fail(store, MDB_CORRUPTED, "cannot read a deletion", error);
    memcpy(&seq, value.data, sizeof seq);
    rc = drop(writer, DELETED, 0, key, error);
    return rc < 0 ? rc : drop(writer, TOMBSTONE, seq, key, error);
}

static int drop_tombstones(struct index_writer *writer, const struct index_move *moves,
                           size_t count, struct reel_error *error) {
    bool some = true, looked = false;
    int rc = 0;
    for (size_t i = 0; i < count && some && rc == 0; i++) {
        if (moves[i].from != 0) continue;
        if (!looked) rc = has_tombstones(writer, &some, error);
        looked = true;
        if (rc == 0 && some) rc = drop_tombstone(writer, moves[i].key, error);
    }
    return rc;
}

static int enter_new(struct index_writer *writer, const struct index_move *moves, size_t count,
                     struct place *places, struct reel_error *error) {
    int rc = 0;
    for (size_t i = 0; i < count; i++) places[i] = (struct place){moves[i].to, i};
    sort_places(places, count);
    for (size_t i = 0; i < count && rc == 0; i++) {
        const struct index_move *move = &moves[places[i].move];
        if (move->deleted) rc = put(writer, DELETED, move->to, move->key, error);
        if (rc == 0)
            rc = put(writer, move->deleted ? TOMBSTONE : RECORD, move->to, move->key, error);
    }
    return rc;
}

int index_write(struct store *store, size_t table, const struct index_move *moves, size_t count,
                struct arena *arena, struct reel_error *error) {
    struct index_writer writer = {.store = store, .table = table};
    struct place *places = arena_alloc(arena, count * sizeof *places);
    if (!places) return fail_memory(error);
    int rc = leave_old(&writer, moves, count, places, error);
    if (rc == 0) rc = drop_tombstones(&writer, moves, count, error);
    if (rc == 0) rc = enter_new(&writer, moves, count, places, error);
    text_finish(&writer.space);
    return rc;
}

/* ---- Walking --------------------------------------------------------------------------------- */

static int take(struct index_stream *stream, int rc, const struct overlay_row *row) {
    stream->more =
        rc > 0 && split_key(row->key, (unsigned char)stream->from.data[0], &stream->entry);
    return rc < 0 ? rc : 0;
}

static int advance(struct index_stream *stream) {
    struct overlay_row row;
    return take(stream, table_next(&stream->walk, &row), &row);
}

static int stream_start(struct index_stream *stream, struct store *store, const struct snapshot *at,
                        size_t table, unsigned char kind, uint64_t since, struct reel_str after,
                        struct reel_error *error) {
    uint64_t first = htobe64(after.data ? since : since + 1);
    struct overlay_row row;
    char *to = text_extend(&stream->from, 1 + sizeof first + after.len);
    if (!to) return fail_memory(error);
    to[0] = (char)kind;
    memcpy(to + 1, &first, sizeof first);
    if (after.len) memcpy(to + 1 + sizeof first, after.data, after.len);
    table_walk_start(&stream->walk, store, at, table, error);
    enum seek how = after.data ? SEEK_ABOVE : SEEK_AT_OR_ABOVE;
    return take(stream, table_seek(&stream->walk, text_str(&stream->from), how, &row), &row);
}

int index_walk_start(struct index_walk *walk, struct store *store, const struct snapshot *at,
                     size_t table, uint64_t since, struct reel_str after,
                     struct reel_error *error) {
    walk->given = NULL;
    walk->records.from = walk->tombstones.from = (struct text){0};
    walk->records.more = walk->tombstones.more = false;
    walk->records.walk.cursor = walk->tombstones.walk.cursor = NULL;
    walk->records.walk.keys = walk->tombstones.walk.keys = (struct keys_walk){0};
    if (since == UINT64_MAX) return 0; /* nothing is beyond the last seq that there can be */
    int rc = stream_start(&walk->tombstones, store, at, table, TOMBSTONE, since, after, error);
    if (rc == 0) rc = stream_start(&walk->records, store, at, table, RECORD, since, after, error);
    return rc;
}

static bool is_before(const struct index_stream *a, const struct index_stream *b) {
    if (!a->more || !b->more) return a->more;
    if (a->entry.seq != b->entry.seq) return a->entry.seq < b->entry.seq;
    return str_compare(a->entry.key, b->entry.key) < 0;
}

int index_next(struct index_walk *walk, struct index_entry *ret) {
    int rc = walk->given ? advance(walk->given) : 0;
    if (rc < 0) return rc;
    bool deleted = is_before(&walk->tombstones, &walk->records);
    walk->given = deleted ? &walk->tombstones : &walk->records;
    if (!walk->given->more) {
        walk->given = NULL;
        return 0;
    }
    *ret = walk->given->entry;
    return 1;
}

void index_walk_finish(struct index_walk *walk) {
    table_walk_finish(&walk->records.walk);
    table_walk_finish(&walk->tombstones.walk);
    text_finish(&walk->records.from);
    text_finish(&walk->tombstones.from);
}

/* ---- Trimming -------------------------------------------------------------------------------- */

/* The oldest tombstone from the given one on, if it is below `first_seq`: 1, with its seq and key.
 * Those that were removed before it stay in the layers below, so they are not walked again. */
static int find_oldest(struct index_writer *writer, uint64_t first_seq, uint64_t *seq,
                       struct text *key, struct reel_error *error) {
    struct store *store = writer->store;
    struct index_entry entry;
    struct overlay_row row;
    struct reel_str from;
    struct table_walk walk;
    int rc = make_key(writer, TOMBSTONE, *seq, text_str(key), &from, error);
    if (rc < 0) return rc;
    table_walk_start(&walk, store, &store->writing, writer->table, error);
    rc = table_seek(&walk, from, SEEK_AT_OR_ABOVE, &row);
    bool found = rc > 0 && split_key(row.key, TOMBSTONE, &entry) && entry.seq < first_seq;
    key->len = 0;
    if (found) text_append_str(key, entry.key);
    if (found) *seq = entry.seq;
    table_walk_finish(&walk);
    if (key->failed) return fail_memory(error);
    return rc < 0 ? rc : found;
}

int index_trim(struct store *store, size_t table, uint64_t first_seq, size_t max, size_t *ret_count,
               uint64_t *ret_last_seq, struct reel_error *error) {
    struct index_writer writer = {.store = store, .table = table};
    struct text key = {0};
    size_t count = 0;
    uint64_t seq = 0, last_seq = 0;
    int rc = 0;
    while (rc == 0 && count < max) {
        rc = find_oldest(&writer, first_seq, &seq, &key, error);
        if (rc <= 0) break;
        rc = drop(&writer, TOMBSTONE, seq, text_str(&key), error);
        if (rc == 0) rc = drop(&writer, DELETED, 0, text_str(&key), error);
        last_seq = seq;
        count++;
    }
    text_finish(&writer.space);
    text_finish(&key);
    if (rc < 0) return rc;
    *ret_count = count;
    *ret_last_seq = last_seq;
    return 0;
}
