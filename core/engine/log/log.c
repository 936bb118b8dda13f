/* log.c: see log.h. */
#include "engine/log/log.h"

#include "base/cleanup.h"
#include "engine/store/ids.h"
#include "json/parser.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Appending ------------------------------------------------------------------------------- */

void log_finish(struct log *log) {
    text_finish(&log->block);
}

void log_abort(struct log *log) {
    log->block.len = 0;
    log->block.failed = false;
}

int log_flush(struct log *log, struct reel_error *error) {
    if (log->block.len == 0) return 0;
    struct store *store = log->store;
    MDB_val key = {sizeof log->last_seq, &log->last_seq};
    MDB_val value = {log->block.len, log->block.data};
    int rc = mdb_put(store->txn, store->log, &key, &value, MDB_APPEND);
    log->block.len = 0;
    return rc == 0 ? 0 : store_fail(store, rc, "cannot append to the log", error);
}

static char *put(char *to, const void *bytes, size_t len) {
    if (len) memcpy(to, bytes, len);
    return to + len;
}

int log_append(struct log *log, struct log_entry *entry, struct reel_error *error) {
    struct log_header header = {
        .seq = entry->seq,
        .time_ns = entry->time_ns,
        .kept = (uint32_t)entry->bytes.len,
        .size = entry->size,
        .nats_subject_len = (uint16_t)entry->nats_subject.len,
        .flags = (uint8_t)entry->flags,
        .version = LOG_VERSION,
    };
    size_t hash_len = entry->flags & LOG_SUBMITTED ? 16 : 0;
    size_t len = sizeof header + hash_len + entry->nats_subject.len + entry->bytes.len;
    int rc = log->block.len + len > LOG_BLOCK_BYTES ? log_flush(log, error) : 0;
    if (rc < 0) return rc;
    char *to = text_extend(&log->block, len + JSON_ROOM);
    if (!to) return fail_memory(error);
    log->block.len -= JSON_ROOM;
    log->entry_at = log->block.len - len;
    log->last_seq = entry->seq;
    to = put(to, &header, sizeof header);
    to = put(to, entry->id_hash, hash_len);
    to = put(to, entry->nats_subject.data, entry->nats_subject.len);
    put(to, entry->bytes.data, entry->bytes.len);
    memset(to + entry->bytes.len, 0, JSON_ROOM);
    entry->bytes.data = to;
    entry->room = JSON_ROOM;
    return 0;
}

/* Where `part` lies in `bytes`, looking first at `guess`; false if it is nowhere there as it is, or
 * is empty, which the header cannot tell from none. */
static bool locate(struct reel_str bytes, struct reel_str part, uint32_t guess, uint32_t *ret_at,
                   uint32_t *ret_len) {
    if (!part.data) return true;
    if (part.len == 0) return false;
    const char *found = bytes.data + guess;
    bool fits = guess <= bytes.len && part.len <= bytes.len - guess;
    if (!fits || memcmp(found, part.data, part.len) != 0)
        found = memmem(bytes.data, bytes.len, part.data, part.len);
    if (!found) return false;
    *ret_at = (uint32_t)(found - bytes.data);
    *ret_len = (uint32_t)part.len;
    return true;
}

void log_describe(struct log *log, const struct log_entry *entry) {
    struct log_header header;
    char *at = log->block.data + log->entry_at;
    memcpy(&header, at, sizeof header);
    header.flags = (uint8_t)entry->flags;
    if (!locate(entry->bytes, entry->type, log->type_at, &header.type_at, &header.type_len) ||
        !locate(entry->bytes, entry->subject, 0, &header.subject_at, &header.subject_len))
        header.flags |= LOG_LOOK_INSIDE;
    log->type_at = header.type_at;
    memcpy(at, &header, sizeof header);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static struct reel_str part_of(struct reel_str bytes, uint32_t at, uint32_t len) {
    if (len == 0 || at > bytes.len || len > bytes.len - at) return (struct reel_str){0};
    return (struct reel_str){bytes.data + at, len};
}

/* Whoever walks the log looks into each entry soon, and the log is seldom in a cache. */
static void fetch_ahead(const struct reel_str *block, size_t len) {
    const size_t ahead = 1024;
    for (size_t at = ahead; at < ahead + len && at < block->len; at += 64)
        __builtin_prefetch(block->data + at);
}

/* Takes the next entry off a block; what does not add up is a damaged store. */
static int unpack(struct store *store, struct reel_str *block, struct log_entry *ret,
                  struct reel_error *error) {
    struct log_header header;
    if (block->len < sizeof header) goto damaged;
    memcpy(&header, block->data, sizeof header);
    size_t hash_len = header.flags & LOG_SUBMITTED ? 16 : 0;
    size_t before = sizeof header + hash_len + header.nats_subject_len;
    size_t len = before + header.kept;
    if (header.version != LOG_VERSION || block->len < len) goto damaged;
    const char *at = block->data;
    struct reel_str bytes = {at + before, header.kept};
    *ret = (struct log_entry){
        .seq = header.seq,
        .time_ns = header.time_ns,
        .flags = header.flags,
        .size = header.size,
        .bytes = bytes,
        .room = block->len - len,
        .type = part_of(bytes, header.type_at, header.type_len),
        .subject = part_of(bytes, header.subject_at, header.subject_len),
        .nats_subject = {at + sizeof header + hash_len, header.nats_subject_len},
        .id_hash = hash_len ? (const uint8_t *)at + sizeof header : NULL,
    };
    *block = (struct reel_str){at + len, block->len - len};
    fetch_ahead(block, len);
    return 0;
damaged:
    return store_fail(store, MDB_CORRUPTED, "cannot read the log", error);
}

int log_walk_start(struct log_walk *walk, struct store *store, MDB_txn *txn, uint64_t from_seq,
                   struct reel_error *error) {
    *walk = (struct log_walk){.store = store, .from_seq = from_seq};
    int rc = mdb_cursor_open(txn, store->log, &walk->cursor);
    return rc == 0 ? 0 : store_fail(store, rc, "cannot read the log", error);
}

/* 1 and a block, or 0 at the end of the log. */
static int next_block(struct log_walk *walk, struct reel_error *error) {
    MDB_val key = {sizeof walk->from_seq, &walk->from_seq}, value;
    int rc = mdb_cursor_get(walk->cursor, &key, &value, walk->started ? MDB_NEXT : MDB_SET_RANGE);
    walk->started = true;
    if (rc == MDB_NOTFOUND) return 0;
    if (rc != 0) return store_fail(walk->store, rc, "cannot read the log", error);
    walk->left = (struct reel_str){value.mv_data, value.mv_size};
    return 1;
}

int log_next(struct log_walk *walk, struct log_entry *ret, struct reel_error *error) {
    do {
        int rc = walk->left.len == 0 ? next_block(walk, error) : 1;
        if (rc <= 0) return rc;
        rc = unpack(walk->store, &walk->left, ret, error);
        if (rc < 0) return rc;
    } while (ret->seq < walk->from_seq);
    return 1;
}

void log_walk_finish(struct log_walk *walk) {
    if (walk->cursor) mdb_cursor_close(walk->cursor);
    walk->cursor = NULL;
}

/* The newest entry of a block up to `seq`: 1, or 0 if all of them are beyond. */
static int last_of_block(struct store *store, struct reel_str block, uint64_t seq,
                         struct log_entry *ret, struct reel_error *error) {
    int found = 0;
    while (block.len > 0) {
        struct log_entry entry;
        int rc = unpack(store, &block, &entry, error);
        if (rc < 0) return rc;
        if (entry.seq > seq) break;
        *ret = entry;
        found = 1;
    }
    return found;
}

/* That entry is in the block that may hold `seq`, or else is the last of the one before. */
static int get_last(struct log_walk *walk, uint64_t seq, struct log_entry *ret,
                    struct reel_error *error) {
    MDB_val key = {sizeof seq, &seq}, value;
    int rc = mdb_cursor_get(walk->cursor, &key, &value, MDB_SET_RANGE);
    if (rc == 0) {
        struct reel_str block = {value.mv_data, value.mv_size};
        int found = last_of_block(walk->store, block, seq, ret, error);
        if (found != 0) return found < 0 ? found : 0;
    }
    if (rc == 0 || rc == MDB_NOTFOUND)
        rc = mdb_cursor_get(walk->cursor, &key, &value, rc == 0 ? MDB_PREV : MDB_LAST);
    if (rc != 0) return store_fail(walk->store, rc, "cannot read the log", error);
    struct reel_str block = {value.mv_data, value.mv_size};
    int found = last_of_block(walk->store, block, UINT64_MAX, ret, error);
    return found < 0 ? found : 0;
}

int log_get_last(struct store *store, MDB_txn *txn, uint64_t seq, struct log_entry *ret,
                 struct reel_error *error) {
    struct log_walk walk;
    int rc = log_walk_start(&walk, store, txn, seq, error);
    if (rc < 0) return rc;
    rc = get_last(&walk, seq, ret, error);
    log_walk_finish(&walk);
    return rc;
}

int log_get(struct store *store, MDB_txn *txn, uint64_t seq, struct log_entry *ret,
            struct reel_error *error) {
    struct log_walk walk;
    int rc = log_walk_start(&walk, store, txn, seq, error);
    if (rc < 0) return rc;
    rc = log_next(&walk, ret, error);
    log_walk_finish(&walk);
    if (rc < 0) return rc;
    return rc > 0 && ret->seq == seq ? 0 : fail(error, -ENOENT, "the log has no such event");
}

/* ---- Trimming -------------------------------------------------------------------------------- */

/* Lets go of a block's entries below `first_seq`: `block` becomes what is left of it. */
static int drop_entries(struct store *store, struct reel_str *block, uint64_t first_seq,
                        size_t *count, struct reel_error *error) {
    while (block->len > 0) {
        struct reel_str rest = *block;
        struct log_entry entry;
        int rc = unpack(store, &rest, &entry, error);
        if (rc < 0) return rc;
        if (entry.seq >= first_seq) break;
        rc = entry.id_hash ? ids_remove(store, entry.id_hash, entry.seq, error) : 0;
        if (rc < 0) return rc;
        *block = rest;
        ++*count;
    }
    return 0;
}

/* Replaces the block that the cursor is on by its own end, or by nothing. */
static int shorten_block(struct log_walk *walk, MDB_val key, struct reel_str left,
                         struct reel_error *error) {
    AUTO_FREE char *copy = NULL; /* LMDB may move what it is about to overwrite */
    int rc;
    if (left.len == 0) {
        rc = mdb_cursor_del(walk->cursor, 0);
    } else {
        copy = malloc(left.len);
        if (!copy) return fail_memory(error);
        memcpy(copy, left.data, left.len);
        MDB_val value = {left.len, copy};
        rc = mdb_cursor_put(walk->cursor, &key, &value, MDB_CURRENT);
    }
    return rc == 0 ? 0 : store_fail(walk->store, rc, "cannot trim the log", error);
}

/* Trims the oldest block. 1 if all of it went, 0 if not. */
static int trim_block(struct log_walk *walk, uint64_t first_seq, size_t *count, uint64_t *ret_last,
                      struct reel_error *error) {
    MDB_val key, value;
    int rc = mdb_cursor_get(walk->cursor, &key, &value, MDB_FIRST);
    if (rc == MDB_NOTFOUND) return 0;
    if (rc != 0 || key.mv_size != sizeof *ret_last)
        return store_fail(walk->store, rc ? rc : MDB_CORRUPTED, "cannot read the log", error);
    uint64_t last;
    memcpy(&last, key.mv_data, sizeof last);
    key.mv_data = &last;
    struct reel_str left = {value.mv_data, value.mv_size};
    rc = drop_entries(walk->store, &left, first_seq, count, error);
    if (rc < 0 || left.len == value.mv_size) return rc;
    rc = shorten_block(walk, key, left, error);
    if (rc < 0 || left.len > 0) return rc;
    *ret_last = last;
    return 1;
}

int log_trim(struct store *store, uint64_t first_seq, size_t max, uint64_t *ret_floor,
             struct reel_error *error) {
    struct log_walk walk;
    size_t count = 0;
    uint64_t floor = first_seq, last = 0;
    int rc = log_walk_start(&walk, store, store->txn, 0, error);
    if (rc < 0) return rc;
    while ((rc = trim_block(&walk, first_seq, &count, &last, error)) > 0) {
        if (count < max) continue;
        floor = last + 1 < first_seq ? last + 1 : first_seq;
        break;
    }
    log_walk_finish(&walk);
    if (rc < 0) return rc;
    *ret_floor = floor;
    return 0;
}
