/* old.c: a store of format 2, as it was before the log had files: see internal.h.
 *
 * It is made of one of today's: the state's file, with the log in a database `log`: blocks of
 * entries, each under the seq of its last event; and what repeats are answered with in `ids`. */
#include "internal.h"

#include "engine/transaction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_EVENTS = 10 };
#define MAP_BYTES ((size_t)1 << 30)

struct old_entry_head {
    uint64_t seq;
    uint64_t time_ns;
    uint32_t kept, size;
    uint32_t type_at, type_len;
    uint32_t subject_at, subject_len;
    uint16_t nats_subject_len;
    uint8_t flags;
    uint8_t version;
    uint32_t reserved;
};

/* Of `ids`; the record's key follows. */
struct old_id {
    uint64_t seq;
    int32_t outcome;
    uint32_t flags;
    uint8_t body_hash[16], caller_hash[16];
};
enum { OLD_LACKS_RECORD = 1 << 0, OLD_HAS_BODY = 1 << 1 };

/* ---- The log --------------------------------------------------------------------------------- */

struct block {
    MDB_txn *txn;
    MDB_dbi log, ids;
    struct batch bytes; /* of the entries */
    uint64_t last_seq;
};

static void put_block(struct block *block) {
    MDB_val key = {sizeof block->last_seq, &block->last_seq};
    MDB_val value = {block->bytes.bytes.len, block->bytes.bytes.data};
    if (block->bytes.count == 0) return;
    must(mdb_put(block->txn, block->log, &key, &value, MDB_APPEND) == 0);
    batch_clear(&block->bytes);
}

static void put_id(struct block *block, const struct log_entry *entry) {
    const struct log_answer *answer = &entry->answer;
    char space[sizeof(struct old_id) + 1024];
    struct old_id id = {.seq = entry->seq, .outcome = answer->outcome, .flags = OLD_HAS_BODY};
    MDB_val key = {16, (void *)entry->id_hash}, value = {sizeof id + answer->key.len, space};
    must(answer->has_body && value.mv_size <= sizeof space);
    if (!answer->has_record) id.flags |= OLD_LACKS_RECORD;
    memcpy(id.body_hash, answer->body_hash, sizeof id.body_hash);
    memcpy(id.caller_hash, answer->caller_hash, sizeof id.caller_hash);
    memcpy(space, &id, sizeof id);
    if (answer->key.len > 0) memcpy(space + sizeof id, answer->key.data, answer->key.len);
    must(mdb_put(block->txn, block->ids, &key, &value, 0) == 0);
}

static void put_entry(struct block *block, const struct log_entry *entry) {
    char space[SAMPLE_BYTES_MAX * 4];
    struct old_entry_head head = {.seq = entry->seq,
                                  .time_ns = entry->time_ns,
                                  .kept = (uint32_t)entry->bytes.len,
                                  .size = entry->size,
                                  .flags = (uint8_t)(entry->flags & 0xff),
                                  .version = 1};
    size_t hash_len = entry->id_hash ? 16 : 0, len = sizeof head + hash_len + entry->bytes.len;
    must(len <= sizeof space && entry->nats_subject.len == 0);
    memcpy(space, &head, sizeof head);
    if (hash_len > 0) memcpy(space + sizeof head, entry->id_hash, hash_len);
    memcpy(space + sizeof head + hash_len, entry->bytes.data, entry->bytes.len);
    batch_add(&block->bytes, space, len);
    if (entry->flags & LOG_ANSWERED) put_id(block, entry);
    block->last_seq = entry->seq;
    if (block->bytes.count == BLOCK_EVENTS) put_block(block);
}

static void put_log(MDB_txn *txn, const char *log_directory) {
    struct block block = {.txn = txn};
    struct log_options options = {.directory = log_directory, .read_only = true};
    struct log *log;
    struct log_walk walk;
    struct log_entry entry;
    struct reel_error error;
    int rc;
    must(mdb_dbi_open(txn, "log", MDB_CREATE | MDB_INTEGERKEY, &block.log) == 0);
    must(mdb_dbi_open(txn, "ids", MDB_CREATE, &block.ids) == 0);
    must_ok(log_open(&options, &log, &error), error);
    struct log_pin *pin = log_pin(log);
    log_walk_start(&walk, pin, 0, UINT64_MAX);
    while ((rc = log_next(&walk, &entry, &error)) > 0) put_entry(&block, &entry);
    must(rc == 0);
    put_block(&block);
    log_walk_finish(&walk);
    log_unpin(pin);
    log_close(log);
    batch_free(&block.bytes);
}

/* ---- The rest -------------------------------------------------------------------------------- */

static void put_format(MDB_txn *txn) {
    struct store_state state;
    MDB_dbi meta;
    MDB_val key = {5, (void *)"store"}, value;
    must(mdb_dbi_open(txn, "meta", 0, &meta) == 0);
    must(mdb_get(txn, meta, &key, &value) == 0 && value.mv_size == sizeof state);
    memcpy(&state, value.mv_data, sizeof state);
    state.format = 2;
    value = (MDB_val){offsetof(struct store_state, log_salt), &state};
    must(mdb_put(txn, meta, &key, &value, 0) == 0);
}

void make_old_store(const char *from, const char *directory) {
    const char *store = path_in(directory, STORE_NAME);
    const char *from_store = path_in(from, STORE_NAME);
    MDB_env *env;
    MDB_txn *txn;
    must(mkdir(store, 0700) == 0);
    must(rename(path_in(from_store, "state/data.mdb"), path_in(store, "data.mdb")) == 0);
    must(mdb_env_create(&env) == 0 && mdb_env_set_mapsize(env, MAP_BYTES) == 0);
    must(mdb_env_set_maxdbs(env, 64) == 0);
    must(mdb_env_open(env, store, MDB_NOTLS, 0600) == 0);
    must(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    put_log(txn, path_in(from_store, "log"));
    put_format(txn);
    must(mdb_txn_commit(txn) == 0);
    mdb_env_close(env);
    must(unlink(path_in(store, "lock.mdb")) == 0);
}
