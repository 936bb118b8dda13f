/* log.c: see log.h. */
#include "log.h"

#include "ids.h"

#include <errno.h>
#include <string.h>

/* ---- Appending ----------------------------------------------------------------------------- */

/* Where `part` lies in `bytes`; false if it is nowhere there as it is. */
static bool locate(struct reel_str bytes, struct reel_str part, uint32_t *ret_at,
                   uint32_t *ret_len) {
    if (!part.data) return true;
    const char *found = memmem(bytes.data, bytes.len, part.data, part.len);
    if (!found) return false;
    *ret_at = (uint32_t)(found - bytes.data);
    *ret_len = (uint32_t)part.len;
    return true;
}

static struct log_header header_of(const struct log_entry *entry) {
    struct log_header header = {
        .version = LOG_VERSION,
        .flags = (uint8_t)entry->flags,
        .nats_subject_len = (uint16_t)entry->nats_subject.len,
        .size = entry->size,
        .time_ns = entry->time_ns,
    };
    if (!locate(entry->bytes, entry->type, &header.type_at, &header.type_len) ||
        !locate(entry->bytes, entry->subject, &header.subject_at, &header.subject_len))
        header.flags |= LOG_LOOK_INSIDE;
    return header;
}

static char *put(char *to, const void *bytes, size_t len) {
    if (len) memcpy(to, bytes, len);
    return to + len;
}

int log_append(struct store *store, const struct log_entry *entry, struct reel_error *error) {
    struct log_header header = header_of(entry);
    size_t hash_len = header.flags & LOG_SUBMITTED ? 16 : 0;
    uint64_t seq = entry->seq;
    MDB_val key = {sizeof seq, &seq};
    MDB_val value = {sizeof header + hash_len + entry->nats_subject.len + entry->bytes.len, NULL};
    int rc = mdb_put(store->txn, store->log, &key, &value, MDB_APPEND | MDB_RESERVE);
    if (rc != 0) return store_fail(store, rc, "cannot append to the log", error);
    char *to = put(value.mv_data, &header, sizeof header);
    to = put(to, entry->id_hash, hash_len);
    to = put(to, entry->nats_subject.data, entry->nats_subject.len);
    put(to, entry->bytes.data, entry->bytes.len);
    return 0;
}

/* ---- Reading ------------------------------------------------------------------------------- */

static struct reel_str part_of(struct reel_str bytes, uint32_t at, uint32_t len) {
    if (len == 0 || at > bytes.len || len > bytes.len - at) return (struct reel_str){0};
    return (struct reel_str){bytes.data + at, len};
}

/* Unpacks a stored entry; what does not add up is a damaged store. */
static int unpack(struct store *store, MDB_val key, MDB_val value, struct log_entry *ret,
                  struct reel_error *error) {
    struct log_header header;
    if (key.mv_size != sizeof ret->seq || value.mv_size < sizeof header) goto damaged;
    memcpy(&header, value.mv_data, sizeof header);
    size_t hash_len = header.flags & LOG_SUBMITTED ? 16 : 0;
    size_t before = sizeof header + hash_len + header.nats_subject_len;
    if (header.version != LOG_VERSION || value.mv_size < before) goto damaged;
    const char *at = value.mv_data;
    struct reel_str bytes = {at + before, value.mv_size - before};
    *ret = (struct log_entry){
        .time_ns = header.time_ns,
        .flags = header.flags,
        .size = header.size,
        .bytes = bytes,
        .type = part_of(bytes, header.type_at, header.type_len),
        .subject = part_of(bytes, header.subject_at, header.subject_len),
        .nats_subject = {at + sizeof header + hash_len, header.nats_subject_len},
        .id_hash = hash_len ? (const uint8_t *)at + sizeof header : NULL,
    };
    memcpy(&ret->seq, key.mv_data, sizeof ret->seq);
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

int log_next(struct log_walk *walk, struct log_entry *ret, struct reel_error *error) {
    MDB_val key = {sizeof walk->from_seq, &walk->from_seq}, value;
    int rc = mdb_cursor_get(walk->cursor, &key, &value, walk->started ? MDB_NEXT : MDB_SET_RANGE);
    walk->started = true;
    if (rc == MDB_NOTFOUND) return 0;
    if (rc != 0) return store_fail(walk->store, rc, "cannot read the log", error);
    rc = unpack(walk->store, key, value, ret, error);
    return rc < 0 ? rc : 1;
}

void log_walk_finish(struct log_walk *walk) {
    if (walk->cursor) mdb_cursor_close(walk->cursor);
    walk->cursor = NULL;
}

int log_get(struct store *store, MDB_txn *txn, uint64_t seq, struct log_entry *ret,
            struct reel_error *error) {
    MDB_val key = {sizeof seq, &seq}, value;
    int rc = mdb_get(txn, store->log, &key, &value);
    if (rc != 0) return store_fail(store, rc, "cannot read the log", error);
    return unpack(store, key, value, ret, error);
}

/* ---- Trimming ------------------------------------------------------------------------------ */

int log_trim(struct store *store, uint64_t first_seq, size_t max, uint64_t *ret_floor,
             struct reel_error *error) {
    struct log_walk walk;
    struct log_entry entry;
    int rc = log_walk_start(&walk, store, store->txn, 0, error);
    if (rc < 0) return rc;
    uint64_t floor = first_seq;
    while ((rc = log_next(&walk, &entry, error)) > 0 && entry.seq < first_seq) {
        if (max-- == 0) {
            floor = entry.seq;
            break;
        }
        if (entry.id_hash) rc = ids_remove(store, entry.id_hash, entry.seq, error);
        if (rc < 0) break;
        int deleted = mdb_cursor_del(walk.cursor, 0);
        if (deleted != 0) {
            rc = store_fail(store, deleted, "cannot trim the log", error);
            break;
        }
        walk.started = false; /* the oldest one left is found anew */
    }
    log_walk_finish(&walk);
    if (rc < 0) return rc;
    *ret_floor = floor;
    return 0;
}
