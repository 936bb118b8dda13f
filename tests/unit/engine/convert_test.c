/* convert_test.c: a store of format 2, in which LMDB had the log, too, is converted when it is
 * opened: all of it, or not at all.
 *
 * The store is written here as format 2 had it: the state was shorter, the log was blocks of
 * entries with a head of their own, each block under the seq of its last entry. */
#include "unit.h"

#include "disk.h"
#include "engine/home.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FLOOR = 3, HEAD = 40, IN_BLOCK = 7, RECORDS = 50, GAP = 20, SUBMITTED_EVERY = 4 };

/* ---- A store of format 2 --------------------------------------------------------------------- */

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

static const uint8_t old_epoch[16] = {9, 8, 7};
static size_t event_bytes = 100;

static void hash_of(uint64_t seq, uint8_t ret[16]) {
    memset(ret, 0, 16);
    memcpy(ret, &seq, sizeof seq);
}

/* "{"type":"t","subject":"…","n":7…}" of event_bytes. */
static void write_event(uint64_t seq, char *to) {
    int len = sprintf(to, "{\"type\":\"t.%llu\",\"n\":\"", (unsigned long long)seq % 3);
    memset(to + len, 'a' + (int)(seq % 26), event_bytes - (size_t)len - 2);
    memcpy(to + event_bytes - 2, "\"}", 2);
}

static size_t put_entry(uint64_t seq, char *to) {
    struct old_entry_head head = {.seq = seq, .time_ns = seq * 10, .version = 1};
    size_t len = sizeof head;
    if (seq == GAP) {
        head.flags = LOG_GAP;
        head.size = 2;
        memcpy(to, &head, sizeof head);
        return len;
    }
    if (seq % SUBMITTED_EVERY == 0) {
        head.flags = LOG_SUBMITTED;
        hash_of(seq, (uint8_t *)to + len);
        len += 16;
    }
    if (seq == 5) {
        memcpy(to + len, "a.b", 3);
        head.nats_subject_len = 3;
        len += 3;
    }
    head.kept = head.size = (uint32_t)event_bytes;
    head.type_at = 9;
    head.type_len = 3;
    write_event(seq, to + len);
    memcpy(to, &head, sizeof head);
    return len + event_bytes;
}

static void put_log(MDB_txn *txn) {
    MDB_dbi log;
    char *block = malloc((event_bytes + 128) * IN_BLOCK);
    must(mdb_dbi_open(txn, "log", MDB_CREATE | MDB_INTEGERKEY, &log) == 0);
    for (uint64_t seq = 1; seq <= HEAD;) { /* a block may begin below the floor */
        size_t len = 0;
        uint64_t last = seq;
        for (size_t i = 0; i < IN_BLOCK && seq <= HEAD; i++, seq++) {
            if (seq == GAP - 1) continue; /* a part of the gap */
            len += put_entry(seq, block + len);
            last = seq;
        }
        MDB_val key = {sizeof last, &last}, value = {len, block};
        must(mdb_put(txn, log, &key, &value, MDB_APPEND) == 0);
    }
    free(block);
}

static void put_rest(struct store *store, MDB_dbi meta) {
    struct store_state state = {
        .format = 2, .cursor = HEAD, .first_seq = FLOOR, .head = HEAD, .applied = 30};
    memcpy(state.epoch, old_epoch, sizeof state.epoch);
    MDB_val key = {5, (void *)"store"};
    MDB_val value = {offsetof(struct store_state, log_salt), &state};
    MDB_dbi records, ids;
    must(mdb_put(store->txn, meta, &key, &value, 0) == 0);
    must(mdb_dbi_open(store->txn, "ids", MDB_CREATE, &ids) == 0);
    for (uint64_t seq = SUBMITTED_EVERY; seq <= HEAD; seq += SUBMITTED_EVERY) {
        uint8_t hash[16];
        struct {
            uint64_t seq;
            int32_t outcome;
            uint32_t flags;
            char key[4];
        } known = {seq, REEL_REJECTED, 0, "key"};
        MDB_val id = {sizeof hash, hash}, answer = {16 + 3, &known};
        hash_of(seq, hash);
        must(mdb_put(store->txn, ids, &id, &answer, 0) == 0);
    }
    must(mdb_dbi_open(store->txn, "c/things", MDB_CREATE, &records) == 0);
    for (uint64_t i = 0; i < RECORDS; i++) {
        MDB_val record_key = {sizeof i, &i};
        must(mdb_put(store->txn, records, &record_key, &record_key, 0) == 0);
    }
}

static void make_old_store(const char *directory) {
    struct store store = {0};
    must(mdb_env_create(&store.env) == 0 && mdb_env_set_mapsize(store.env, 256 << 20) == 0);
    must(mdb_env_set_maxdbs(store.env, 16) == 0);
    must(mdb_env_open(store.env, directory, MDB_NOTLS, 0600) == 0);
    must(mdb_txn_begin(store.env, NULL, 0, &store.txn) == 0);
    MDB_dbi meta, rejected;
    must(mdb_dbi_open(store.txn, "meta", MDB_CREATE, &meta) == 0);
    must(mdb_dbi_open(store.txn, "rejected", MDB_CREATE, &rejected) == 0);
    put_log(store.txn);
    put_rest(&store, meta);
    must(mdb_txn_commit(store.txn) == 0);
    mdb_env_close(store.env);
}

/* ---- Opening it ------------------------------------------------------------------------------ */

struct rig {
    struct store store;
    struct home home;
};

static int try_open(struct rig *rig, const char *directory, struct reel_error *error) {
    struct home_options options = {
        .directory = directory, .map_bytes = 256 << 20, .readers_max = 8};
    *rig = (struct rig){0};
    home_init(&rig->home, &rig->store);
    int rc = home_open(&rig->home, &options, error);
    if (rc < 0) home_close(&rig->home);
    return rc;
}

static bool there_is(const char *directory, const char *name) {
    return access(path_in(directory, name), F_OK) == 0;
}

static void assert_entry(const struct log_entry *entry, uint64_t seq) {
    char *event = malloc(event_bytes + 1);
    bool submitted = seq % SUBMITTED_EVERY == 0;
    uint8_t hash[16];
    write_event(seq, event);
    assert_int_equal(entry->seq, seq);
    assert_int_equal(entry->time_ns, seq * 10);
    assert_int_equal(entry->bytes.len, event_bytes);
    assert_memory_equal(entry->bytes.data, event, event_bytes);
    assert_int_equal(entry->type.len, 3);
    assert_int_equal(entry->nats_subject.len, seq == 5 ? 3 : 0);
    assert_int_equal(entry->id_hash != NULL, submitted);
    assert_int_equal((entry->flags & LOG_ANSWERED) != 0, submitted);
    hash_of(seq, hash);
    if (submitted) {
        assert_memory_equal(entry->id_hash, hash, 16);
        assert_int_equal(entry->answer.outcome, REEL_REJECTED);
        assert_true(entry->answer.has_record && reel_str_eq(entry->answer.key, STR("key")));
    }
    free(event);
}

static void assert_log(struct log *log) {
    struct log_walk walk;
    struct log_entry entry;
    struct reel_error error;
    struct log_pin *pin = log_pin(log);
    log_walk_start(&walk, pin, 0, UINT64_MAX);
    for (uint64_t seq = FLOOR; seq <= HEAD; seq++) {
        if (seq == GAP - 1) continue;
        assert_int_equal(log_next(&walk, &entry, &error), 1);
        if (seq == GAP)
            assert_true(entry.seq == GAP && entry.flags & LOG_GAP && entry.size == 2);
        else
            assert_entry(&entry, seq);
    }
    assert_int_equal(log_next(&walk, &entry, &error), 0);
    log_walk_finish(&walk);
    log_unpin(pin);
}

static void assert_state(struct rig *rig) {
    struct store_state state;
    struct lineage_entry lineage[LINEAGE_MAX];
    uint64_t seqs[LOG_CANDIDATES];
    struct reel_error error;
    uint8_t hash[16];
    MDB_dbi records;
    must_ok(store_begin(&rig->store, &error), error);
    must(meta_get_state(&rig->store, &rig->store.writing, &state) == 0);
    assert_int_equal(state.format, STORE_FORMAT);
    assert_memory_equal(state.epoch, old_epoch, 16);
    assert_true(state.cursor == HEAD && state.head == HEAD && state.applied == 30);
    assert_true(state.first_seq == FLOOR && state.first_deletion == FLOOR);
    assert_int_equal(meta_get_lineage(&rig->store, &rig->store.writing, lineage), 1);
    assert_memory_equal(lineage[0].epoch, old_epoch, 16);
    hash_of(8, hash);
    assert_int_equal(log_find_id(rig->home.place.log, hash, seqs, &error), 1);
    assert_int_equal(seqs[0], 8);
    records = lmdb_begin(&rig->store, "c/things");
    assert_int_equal(lmdb_entries(&rig->store, records), RECORDS);
    lmdb_commit(&rig->store);
}

/* It opens, with all that it had; and again, without a conversion. */
static void assert_converted(const char *directory) {
    for (int i = 0; i < 2; i++) {
        struct rig rig;
        struct reel_error error;
        must_ok(try_open(&rig, directory, &error), error);
        assert_log(rig.home.place.log);
        assert_state(&rig);
        home_close(&rig.home);
        assert_true(there_is(directory, "FORMAT"));
        assert_false(there_is(directory, "data.mdb"));
        assert_false(there_is(directory, "log.new") || there_is(directory, "state.new"));
    }
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void all_of_a_store_of_format_2_is_converted(void **state) {
    (void)state;
    static const size_t sizes[] = {50, 3000, 300000}; /* the last: several groups */
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        const char *directory = scratch_directory();
        event_bytes = sizes[i];
        make_old_store(directory);
        assert_converted(directory);
    }
}

/* Converts in a child that may not write a file beyond `bytes`: the kernel ends it there. */
static bool is_cut_at(const char *directory, rlim_t bytes) {
    int status;
    pid_t pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        struct rig rig;
        struct reel_error error;
        struct rlimit limit = {bytes, bytes}, no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        setrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, SIG_DFL);
        _exit(try_open(&rig, directory, &error) == 0 ? 0 : 1);
    }
    must(waitpid(pid, &status, 0) == pid);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static void one_that_was_cut_off_begins_again(void **state) {
    (void)state;
    size_t cuts = 0;
    event_bytes = 3000;
    for (rlim_t bytes = 1; bytes < 300000; bytes += 13000) {
        const char *directory = scratch_directory();
        make_old_store(directory);
        if (!is_cut_at(directory, bytes)) continue;
        cuts++;
        assert_converted(directory);
    }
    assert_in_range(cuts, 5, 24);
}

/* What is left of one that was cut off counts for nothing, whatever is in it. */
static void leftovers_are_thrown_away(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    event_bytes = 100;
    make_old_store(directory);
    must(mkdir(path_in(directory, "log.new"), 0700) == 0);
    must(mkdir(path_in(directory, "state.new"), 0700) == 0);
    const char *file = path_in(directory, "log.new/00000000000000000003.seg");
    int fd = open(file, O_WRONLY | O_CREAT, 0600);
    must(fd >= 0 && write(fd, "x", 1) == 1);
    close(fd);
    assert_converted(directory);
}

static void convert_on(const char *disk) {
    const char *directory = path_in(disk, "store");
    struct rig rig;
    struct reel_error error;
    event_bytes = 100000;
    must(mkdir(directory, 0700) == 0);
    make_old_store(directory);
    leave_room(disk, path_in(disk, "ballast"), 1 << 20);
    assert_int_equal(try_open(&rig, directory, &error), -ENOSPC);
    assert_sentence(&error, "it is of an older format, and converting it needs ");
    must(unlink(path_in(disk, "ballast")) == 0);
    assert_converted(directory);
}

static void without_room_it_says_how_much_is_needed(void **state) {
    (void)state;
    run_on_disk(convert_on, "size=32m");
}

static void an_old_log_that_is_damaged_is_refused(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct rig rig;
    struct reel_error error;
    event_bytes = 100;
    make_old_store(directory);
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi log;
    uint64_t seq = HEAD + 1;
    MDB_val key = {sizeof seq, &seq}, value = {10, (void *)"0123456789"};
    must(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 16) == 0);
    must(mdb_env_open(env, directory, MDB_NOTLS, 0600) == 0);
    must(mdb_txn_begin(env, NULL, 0, &txn) == 0);
    must(mdb_dbi_open(txn, "log", MDB_INTEGERKEY, &log) == 0);
    must(mdb_put(txn, log, &key, &value, MDB_APPEND) == 0 && mdb_txn_commit(txn) == 0);
    mdb_env_close(env);
    assert_int_equal(try_open(&rig, directory, &error), -EIO);
    assert_sentence(&error, "cannot convert it from format 2");
    assert_sentence(&error, "the log is damaged");
    assert_true(there_is(directory, "data.mdb") && !there_is(directory, "FORMAT"));
}

UNIT_TESTS(convert_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_a_store_of_format_2_is_converted),
        cmocka_unit_test(one_that_was_cut_off_begins_again),
        cmocka_unit_test(leftovers_are_thrown_away),
        cmocka_unit_test(without_room_it_says_how_much_is_needed),
        cmocka_unit_test(an_old_log_that_is_damaged_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
