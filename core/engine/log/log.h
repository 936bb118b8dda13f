/* log.h: seq → event, append-only; removed only from its old end.
 *
 * Events lie in blocks, one behind the other as they came, so that a batch is appended with few
 * writes and a rebuild reads memory in order. A block is one LMDB value under the seq of its
 * last event: the block that holds a seq is the first one at or above it. A transaction's events
 * are gathered in memory and written as blocks of at most about LOG_BLOCK_BYTES, or one event; a
 * lone event is a block of its own. An entry in a block is, in native byte order,
 *     struct log_header
 *     16 bytes     UUID of source and id, if LOG_SUBMITTED
 *     bytes of NATS subject
 *     the event's bytes, as they came
 * The header says where the CloudEvents `type` and `subject` lie in those bytes, so that filters
 * and retention parse nothing. They are found by looking for their unescaped value, and any
 * place that holds it will do; one that is only there in escaped form is not found, and
 * LOG_LOOK_INSIDE tells readers to parse.
 */
#ifndef REEL_ENGINE_LOG_LOG_H
#define REEL_ENGINE_LOG_LOG_H

#include "base/text.h"
#include "engine/store/store.h"

#define LOG_VERSION 1

/* Eight pages, less what LMDB puts at their head. */
#define LOG_BLOCK_BYTES ((size_t)8 * 4096 - 16)

enum {
    LOG_NOT_JSON = REEL_LOG_NOT_JSON,
    LOG_OVERSIZE = REEL_LOG_OVERSIZE,
    LOG_SUBMITTED = REEL_LOG_SUBMITTED,
    LOG_LOOK_INSIDE = 1 << 3,
    LOG_CONVERTED = REEL_LOG_CONVERTED,
};

struct log_header {
    uint64_t seq;
    uint64_t time_ns; /* received, since 1970, UTC */
    uint32_t kept;    /* bytes of the event that follow */
    uint32_t size;    /* of the event as it came; with LOG_OVERSIZE more than is kept */
    uint32_t type_at, type_len;
    uint32_t subject_at, subject_len;
    uint16_t nats_subject_len;
    uint8_t flags;
    uint8_t version;
    uint32_t reserved;
};

/* One entry. What it points to is borrowed: from the caller when appending, when reading from
 * the map until the transaction ends or writes to the log. */
struct log_entry {
    uint64_t seq;
    uint64_t time_ns;
    uint32_t flags;
    uint32_t size;
    struct reel_str bytes;
    size_t room; /* bytes behind `bytes` that may be read, too: a parser wants that */
    struct reel_str type, subject; /* appending: decoded; reading: a place in `bytes` */
    struct reel_str nats_subject;
    const uint8_t *id_hash; /* 16 bytes, with LOG_SUBMITTED */
};

/* ---- Appending, within the write transaction ------------------------------------------------- */

/* What the running transaction has appended and not yet written. */
struct log {
    struct store *store;
    struct text block;
    uint64_t last_seq; /* of the block's last entry */
    size_t entry_at;   /* where the newest entry begins in the block */
    uint32_t type_at;  /* where the last event had its type: senders write theirs alike */
};

void log_finish(struct log *log);

/* Appends; `seq` must be above every other. On return `bytes` and `room` are those of the copy in
 * the block, good until the next call, and `type`, `subject` and `flags` can still be given. */
int log_append(struct log *log, struct log_entry *entry, struct reel_error *error);
void log_describe(struct log *log, const struct log_entry *entry);

/* Writes what was gathered: before a commit, and before reading in the same transaction. */
int log_flush(struct log *log, struct reel_error *error);

/* Forgets it. */
void log_abort(struct log *log);

/* ---- Reading --------------------------------------------------------------------------------- */

/* Walking the log. After log_walk_start the first log_next gives the first entry at or above
 * `from_seq`. log_next: 1 and an entry, 0 at the end, or an error. */
struct log_walk {
    struct store *store;
    MDB_cursor *cursor;
    uint64_t from_seq;
    bool started;
    struct reel_str left; /* of the block that it is in */
};
int log_walk_start(struct log_walk *walk, struct store *store, MDB_txn *txn, uint64_t from_seq,
                   struct reel_error *error);
int log_next(struct log_walk *walk, struct log_entry *ret, struct reel_error *error);
void log_walk_finish(struct log_walk *walk);

/* The newest entry up to `seq`. -ENOENT: there is none. */
int log_get_last(struct store *store, MDB_txn *txn, uint64_t seq, struct log_entry *ret,
                 struct reel_error *error);

/* One entry. -ENOENT. */
int log_get(struct store *store, MDB_txn *txn, uint64_t seq, struct log_entry *ret,
            struct reel_error *error);

/* ---- Trimming -------------------------------------------------------------------------------- */

/* Removes about `max` entries below `first_seq`, a block at a time, and what `ids` has of them.
 * `ret_floor`: nothing below this is left; `first_seq` when all are gone. */
int log_trim(struct store *store, uint64_t first_seq, size_t max, uint64_t *ret_floor,
             struct reel_error *error);

#endif
