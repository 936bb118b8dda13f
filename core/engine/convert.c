/* convert.c: see convert.h.
 *
 * Format 2 had the log in the database `log`: blocks of entries, each under the seq of its last
 * event. The data for answering repeats of submitted events was in the database `ids`; it is copied
 * into the entries of the log. All other databases are copied without changes, and `meta` gets the
 * new format.
 */
#include "engine/convert.h"

#include "base/cleanup.h"
#include "engine/controls.h"
#include "engine/store/directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define OLD_FORMAT    2
#define OLD_DATABASES 1024
#define GROUP_BYTES   ((size_t)4 << 20)
#define COPY_ENTRIES  100000 /* in one transaction */

struct old_entry_head {
    uint64_t seq;
    uint64_t time_ns;
    uint32_t kept;
    uint32_t size;
    uint32_t type_at, type_len;
    uint32_t subject_at, subject_len;
    uint16_t nats_subject_len;
    uint8_t flags;
    uint8_t version;
    uint32_t reserved;
};

/* A value of `ids`: this; with OLD_HAS_BODY struct old_body; then the record's key. */
enum {
    OLD_LACKS_RECORD = 1 << 0,
    OLD_HAS_BODY = 1 << 1,
};
struct old_id {
    uint64_t seq;
    int32_t outcome;
    uint32_t flags;
};
struct old_body {
    uint8_t body_hash[16];
    uint8_t caller_hash[16];
};

struct conversion {
    const char *directory;
    struct store old; /* only env, txn and meta are used */
    MDB_dbi log, ids;
    struct log *to;
    size_t group_bytes;
    struct store_state state;
    struct store_origin origin;
    bool mirrors;
};

static int fail_old(int rc, const char *doing, struct reel_error *error) {
    if (rc == ENOMEM) return fail_memory(error);
    return fail(error, rc > 0 ? -rc : -EIO, "%s: %s", doing, mdb_strerror(rc));
}

/* ---- Opening the old store ------------------------------------------------------------------- */

/* What `meta` has, if anything; an older format's may be shorter. */
static int get_old(MDB_txn *txn, MDB_dbi meta, const char *name, void *ret, size_t size) {
    MDB_val key = {strlen(name), (void *)name}, value;
    int rc = mdb_get(txn, meta, &key, &value);
    if (rc == MDB_NOTFOUND) return -ENOENT;
    if (rc != 0) return -EIO;
    memset(ret, 0, size);
    memcpy(ret, value.mv_data, value.mv_size < size ? value.mv_size : size);
    return 0;
}

static int open_old(struct conversion *conversion, struct reel_error *error) {
    struct store *old = &conversion->old;
    int rc = mdb_env_create(&old->env);
    if (rc == 0) rc = mdb_env_set_maxdbs(old->env, OLD_DATABASES);
    if (rc == 0) rc = mdb_env_open(old->env, conversion->directory, MDB_RDONLY | MDB_NOTLS, 0600);
    if (rc != 0) return fail_old(rc, "data.mdb", error);
    MDB_dbi meta;
    rc = mdb_txn_begin(old->env, NULL, MDB_RDONLY, &old->txn);
    if (rc == 0) rc = mdb_dbi_open(old->txn, "meta", 0, &meta);
    if (rc != 0) return fail_old(rc, "data.mdb is not a store", error);
    rc = get_old(old->txn, meta, "store", &conversion->state, sizeof conversion->state);
    if (rc < 0) return fail(error, rc, "data.mdb is not a store");
    if (conversion->state.format != OLD_FORMAT)
        return fail(error, -EPROTO, "its format is %u, this version reads %u and %u",
                    conversion->state.format, OLD_FORMAT, STORE_FORMAT);
    conversion->mirrors =
        get_old(old->txn, meta, "origin", &conversion->origin, sizeof conversion->origin) == 0;
    rc = mdb_dbi_open(old->txn, "log", MDB_INTEGERKEY, &conversion->log);
    if (rc == 0) rc = mdb_dbi_open(old->txn, "ids", 0, &conversion->ids);
    return rc == 0 ? 0 : fail_old(rc, "data.mdb is not a store", error);
}

/* Checks that there is space for a complete second copy. */
static int check_room(struct conversion *conversion, struct reel_error *error) {
    struct statvfs fs;
    uint64_t needed = store_file_bytes(&conversion->old);
    if (statvfs(conversion->directory, &fs) < 0)
        return fail(error, -errno, "%s: %s", conversion->directory, strerror(errno));
    uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (left >= needed) return 0;
    return fail(
        error, -ENOSPC,
        "it is of an older format, and converting it needs %llu MiB, of which %llu are free",
        (unsigned long long)(needed >> 20), (unsigned long long)(left >> 20));
}

/* ---- The log --------------------------------------------------------------------------------- */

static int commit_group(struct conversion *conversion, struct reel_error *error) {
    conversion->group_bytes = 0;
    int rc = log_commit(conversion->to, error);
    if (rc == 0) log_keep(conversion->to);
    return rc;
}

static bool read_old_id(MDB_val value, uint64_t *ret_seq, struct log_answer *ret) {
    struct old_id fixed;
    struct old_body body = {0};
    const char *at = value.mv_data, *end = at + value.mv_size;
    if (value.mv_size < sizeof fixed) return false;
    memcpy(&fixed, at, sizeof fixed);
    at += sizeof fixed;
    bool has_body = fixed.flags & OLD_HAS_BODY;
    if (has_body && (size_t)(end - at) < sizeof body) return false;
    if (has_body) {
        memcpy(&body, at, sizeof body);
        at += sizeof body;
    }
    *ret_seq = fixed.seq;
    *ret = (struct log_answer){
        .key = {at, (size_t)(end - at)},
        .outcome = fixed.outcome,
        .has_record = !(fixed.flags & OLD_LACKS_RECORD),
        .has_body = has_body,
    };
    memcpy(ret->body_hash, body.body_hash, sizeof ret->body_hash);
    memcpy(ret->caller_hash, body.caller_hash, sizeof ret->caller_hash);
    return true;
}

/* What a repeat is answered with. */
static int find_answer(struct conversion *conversion, struct log_entry *entry,
                       struct reel_error *error) {
    MDB_val key = {16, (void *)entry->id_hash}, value;
    uint64_t seq;
    int rc = mdb_get(conversion->old.txn, conversion->ids, &key, &value);
    if (rc == MDB_NOTFOUND) return 0;
    if (rc != 0) return fail_old(rc, "cannot read ids", error);
    if (!read_old_id(value, &seq, &entry->answer)) return fail(error, -EIO, "ids is damaged");
    if (seq == entry->seq) entry->flags |= LOG_ANSWERED;
    return 0;
}

/* A part of the entry. The positions of type and subject are stored in the entry. */
static struct reel_str place(struct reel_str bytes, uint32_t at, uint32_t len) {
    if (len == 0 || at > bytes.len || len > bytes.len - at) return (struct reel_str){0};
    return (struct reel_str){bytes.data + at, len};
}

static int convert_entry(struct conversion *conversion, const struct old_entry_head *head,
                         const char *at, struct reel_error *error) {
    size_t hash_len = head->flags & LOG_SUBMITTED ? 16 : 0;
    struct log_entry entry = {
        .seq = head->seq,
        .time_ns = head->time_ns,
        .flags = head->flags,
        .size = head->size,
        .bytes = {at + hash_len + head->nats_subject_len, head->kept},
        .nats_subject = {at + hash_len, head->nats_subject_len},
        .id_hash = hash_len ? (const uint8_t *)at : NULL,
    };
    struct reel_str type = place(entry.bytes, head->type_at, head->type_len);
    struct reel_str subject = place(entry.bytes, head->subject_at, head->subject_len);
    if (entry.seq < conversion->state.first_seq) return 0;
    int rc = hash_len ? find_answer(conversion, &entry, error) : 0;
    if (rc == 0) rc = log_append(conversion->to, &entry, error);
    if (rc < 0) return rc;
    entry.type = type;
    entry.subject = subject;
    log_describe(conversion->to, &entry);
    conversion->group_bytes += head->kept;
    return conversion->group_bytes < GROUP_BYTES ? 0 : commit_group(conversion, error);
}

static int convert_block(struct conversion *conversion, MDB_val block, struct reel_error *error) {
    const char *at = block.mv_data, *end = at + block.mv_size;
    while (at < end) {
        struct old_entry_head head;
        if ((size_t)(end - at) < sizeof head) return fail(error, -EIO, "the log is damaged");
        memcpy(&head, at, sizeof head);
        at += sizeof head;
        size_t len =
            (size_t)head.kept + head.nats_subject_len + (head.flags & LOG_SUBMITTED ? 16 : 0);
        if (head.version != 1 || (size_t)(end - at) < len)
            return fail(error, -EIO, "the log is damaged");
        int rc = convert_entry(conversion, &head, at, error);
        if (rc < 0) return rc;
        at += len;
    }
    return 0;
}

static int convert_blocks(struct conversion *conversion, struct reel_error *error) {
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_cursor_open(conversion->old.txn, conversion->log, &cursor);
    if (rc != 0) return fail_old(rc, "cannot read the log", error);
    int failed = 0;
    while (failed == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
        failed = convert_block(conversion, value, error);
    mdb_cursor_close(cursor);
    if (failed < 0) return failed;
    return rc == MDB_NOTFOUND ? 0 : fail_old(rc, "cannot read the log", error);
}

static int convert_log(struct conversion *conversion, const char *path, struct reel_error *error) {
    struct store_state *state = &conversion->state;
    struct log_options options = {.directory = path, .no_helper = true};
    struct log_facts facts = controls_facts(state->epoch, state->first_seq,
                                            conversion->mirrors ? &conversion->origin : NULL);
    facts.is_backup = state->is_backup;
    int rc = log_create(path, &facts, state->first_seq - 1, NULL, error);
    if (rc == 0) rc = log_open(&options, &conversion->to, error);
    if (rc == 0) rc = convert_blocks(conversion, error);
    if (rc == 0) {
        log_reach(conversion->to, state->head);
        rc = commit_group(conversion, error);
    }
    if (rc == 0) {
        struct log_mark mark = log_mark(conversion->to);
        state->log_salt = mark.salt;
        state->log_number = mark.number;
        state->log_at = mark.at;
        state->log_chain = mark.chain;
    }
    log_close(conversion->to);
    conversion->to = NULL;
    return rc;
}

/* ---- The other databases --------------------------------------------------------------------- */

/* A database that is being copied to the new environment. */
struct copying {
    struct conversion *conversion;
    MDB_env *env;
    MDB_txn *txn;
    size_t entries; /* copied in the current transaction */
};

static int next_transaction(struct copying *copying) {
    int rc = copying->txn ? mdb_txn_commit(copying->txn) : 0;
    copying->txn = NULL;
    copying->entries = 0;
    return rc == 0 ? mdb_txn_begin(copying->env, NULL, 0, &copying->txn) : rc;
}

static int copy_entries(struct copying *copying, MDB_cursor *cursor, MDB_dbi to) {
    MDB_val key, value;
    int rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        rc = mdb_put(copying->txn, to, &key, &value, MDB_APPEND);
        if (rc == 0 && ++copying->entries == COPY_ENTRIES) rc = next_transaction(copying);
        if (rc != 0) return rc;
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int copy_database(struct copying *copying, const char *name) {
    MDB_txn *from_txn = copying->conversion->old.txn;
    MDB_dbi from, to;
    MDB_cursor *cursor;
    unsigned flags;
    int rc = mdb_dbi_open(from_txn, name, 0, &from);
    if (rc == 0) rc = mdb_dbi_flags(from_txn, from, &flags);
    if (rc == 0) rc = mdb_dbi_open(copying->txn, name, flags | MDB_CREATE, &to);
    if (rc == 0) rc = mdb_cursor_open(from_txn, from, &cursor);
    if (rc != 0) return rc;
    rc = copy_entries(copying, cursor, to);
    mdb_cursor_close(cursor);
    return rc;
}

/* Copies all databases. The main database has their names. */
static int copy_databases(struct copying *copying) {
    MDB_txn *from_txn = copying->conversion->old.txn;
    MDB_dbi main;
    MDB_cursor *cursor;
    MDB_val key, value;
    char name[STORE_NAME_MAX + 8];
    int rc = mdb_dbi_open(from_txn, NULL, 0, &main);
    if (rc == 0) rc = mdb_cursor_open(from_txn, main, &cursor);
    if (rc != 0) return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        if (key.mv_size >= sizeof name) {
            rc = MDB_CORRUPTED;
            break;
        }
        memcpy(name, key.mv_data, key.mv_size);
        name[key.mv_size] = '\0';
        if (strcmp(name, "log") == 0 || strcmp(name, "ids") == 0) continue;
        rc = copy_database(copying, name);
        if (rc != 0) break;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int copy_rest(struct conversion *conversion, MDB_env *env, struct reel_error *error) {
    struct copying copying = {.conversion = conversion, .env = env};
    int rc = next_transaction(&copying);
    if (rc == 0) rc = copy_databases(&copying);
    if (rc == 0) {
        rc = mdb_txn_commit(copying.txn);
        copying.txn = NULL;
    }
    if (copying.txn) mdb_txn_abort(copying.txn);
    if (rc == ENOSPC) return fail(error, -ENOSPC, "cannot copy the state: the disk is full");
    return rc == 0 ? 0 : fail_old(rc, "cannot copy the state", error);
}

/* Writes the new state: `meta` of the copy still has the old format. */
static int put_new_state(struct store *copy, struct conversion *conversion,
                         struct reel_error *error) {
    struct store_state *state = &conversion->state;
    int rc = store_begin(copy, error);
    if (rc < 0) return rc;
    rc = meta_put_state(copy, state, error);
    if (rc == 0) rc = controls_begin_lineage(copy, state->epoch, state->first_seq, error);
    if (rc < 0) {
        store_abort(copy);
        return rc;
    }
    store_commit(copy, state->cursor);
    return checkpoint_all(copy, error);
}

/* Writes the new state: `meta` of the copy still has the old format. */
static int replace_state(struct conversion *conversion, MDB_env *env, struct reel_error *error) {
    struct store copy = {.env = env,
                         .memtable_bytes = MEMTABLE_BYTES,
                         .group_bytes = MEMTABLE_BYTES + MEMTABLE_GROUP_BYTES};
    conversion->state.format = STORE_FORMAT;
    conversion->state.first_deletion = conversion->state.first_seq;
    int rc = store_start(&copy, error);
    if (rc == 0) rc = put_new_state(&copy, conversion, error);
    store_stop(&copy);
    return rc;
}

static int convert_state(struct conversion *conversion, const char *path, uint64_t map_bytes,
                         struct reel_error *error) {
    MDB_env *env = NULL;
    int rc = mdb_env_create(&env);
    if (rc == 0) rc = mdb_env_set_mapsize(env, map_bytes);
    if (rc == 0) rc = mdb_env_set_maxdbs(env, OLD_DATABASES);
    if (rc == 0) rc = mdb_env_open(env, path, MDB_NOTLS, 0600);
    rc = rc == 0 ? copy_rest(conversion, env, error) : fail_old(rc, "state.new", error);
    if (rc == 0) rc = replace_state(conversion, env, error);
    if (env) mdb_env_close(env);
    return rc < 0 ? rc : directory_sync(path, error); /* the name of data.mdb */
}

int convert_store(const char *directory, uint64_t map_bytes, struct reel_error *error) {
    struct conversion conversion = {.directory = directory};
    AUTO_FREE char *log_path = NULL, *state_path = NULL;
    if (asprintf(&log_path, "%s/log.new", directory) < 0 ||
        asprintf(&state_path, "%s/state.new", directory) < 0)
        return fail_memory(error);
    int rc = open_old(&conversion, error);
    if (rc == 0) rc = check_room(&conversion, error);
    if (rc == 0) rc = convert_log(&conversion, log_path, error);
    if (rc == 0) rc = convert_state(&conversion, state_path, map_bytes, error);
    if (conversion.old.txn) mdb_txn_abort(conversion.old.txn);
    if (conversion.old.env) mdb_env_close(conversion.old.env);
    return rc < 0 ? fail_in(error, rc, "cannot convert it from format %u", OLD_FORMAT) : 0;
}
