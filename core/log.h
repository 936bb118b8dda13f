/* log.h: seq → event, append-only; removed only from its old end.
 *
 * An entry is, in native byte order,
 *     struct log_header
 *     16 bytes    UUID of source and id, if LOG_SUBMITTED
 *     subject_len bytes of NATS subject
 *     the event's bytes, as they came
 * The header says where the CloudEvents `type` and `subject` lie in those bytes, so that filters
 * and retention parse nothing. They are found by looking for their unescaped value, and any
 * place that holds it will do; one that is only there in escaped form is not found, and
 * LOG_LOOK_INSIDE tells readers to parse.
 */
#ifndef REEL_CORE_LOG_H
#define REEL_CORE_LOG_H

#include "store.h"

#define LOG_VERSION 1

enum {
    LOG_NOT_JSON = REEL_LOG_NOT_JSON,
    LOG_OVERSIZE = REEL_LOG_OVERSIZE,
    LOG_SUBMITTED = REEL_LOG_SUBMITTED,
    LOG_LOOK_INSIDE = 1 << 3,
};

struct log_header {
    uint8_t version;
    uint8_t flags;
    uint16_t nats_subject_len;
    uint32_t size; /* of the event as it came; with LOG_OVERSIZE more than is kept */
    uint32_t type_at, type_len;
    uint32_t subject_at, subject_len;
    uint64_t time_ns; /* received, since 1970, UTC */
};

/* One entry. What it points to is borrowed: from the caller when appending, when reading from
 * the map until the transaction ends or writes. */
struct log_entry {
    uint64_t seq;
    uint64_t time_ns;
    uint32_t flags;
    uint32_t size;
    struct reel_str bytes;
    struct reel_str type, subject; /* appending: decoded; reading: a place in `bytes` */
    struct reel_str nats_subject;
    const uint8_t *id_hash; /* 16 bytes, with LOG_SUBMITTED */
};

/* Appends within the write transaction; `seq` must be above every other. */
int log_append(struct store *store, const struct log_entry *entry, struct reel_error *error);

/* Walking the log. After log_walk_start the first log_next gives the first entry at or above
 * `from_seq`. log_next: 1 and an entry, 0 at the end, or an error. */
struct log_walk {
    struct store *store;
    MDB_cursor *cursor;
    uint64_t from_seq;
    bool started;
};
int log_walk_start(struct log_walk *walk, struct store *store, MDB_txn *txn, uint64_t from_seq,
                   struct reel_error *error);
int log_next(struct log_walk *walk, struct log_entry *ret, struct reel_error *error);
void log_walk_finish(struct log_walk *walk);

/* One entry. -ENOENT. */
int log_get(struct store *store, MDB_txn *txn, uint64_t seq, struct log_entry *ret,
            struct reel_error *error);

/* Removes up to `max` entries below `first_seq`, and what `ids` has of them. `ret_floor`: nothing
 * below this is left; `first_seq` when all are gone. */
int log_trim(struct store *store, uint64_t first_seq, size_t max, uint64_t *ret_floor,
             struct reel_error *error);

#endif
