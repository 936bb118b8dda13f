/* rewrite_test.c: tables that a checkpoint rewrites: when, with which contents, under views, and
 * when there is no room. */
#include "unit.h"

#include "engine/store/memtable/version.h"
#include "engine/store/sides.h"
#include "engine/store/store.h"
#include "engine/store/table.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

enum { KEYS = 3000, ROUNDS = 40, VALUE_MAX = 12000 };

/* What each key has: 0 is nothing. */
struct model {
    uint32_t values[KEYS];
};

struct fixture {
    struct store store;
    size_t records;
    struct model model;
    uint64_t random;
    uint32_t last; /* value that was given */
};

static void open_at(struct fixture *fixture, const char *directory) {
    struct store_options options = {
        .directory = directory, .map_bytes = 256 << 20, .readers_max = 16};
    struct store *store = &fixture->store;
    struct reel_error error;
    struct table_set sets[STORE_SETS];
    must_ok(store_open(store, &options, &error), error);
    must_ok(store_open_collection(store, "things", sets, &error), error);
    fixture->records = sets[0].records;
    store->rewrite_leaves_min = 4;
    store->rewrite_slice_bytes = 16 << 10;
}

static void begin(struct fixture *fixture) {
    struct reel_error error;
    must_ok(store_begin(&fixture->store, &error), error);
}

static struct reel_str key_of(unsigned n, char space[16]) {
    return (struct reel_str){space, (size_t)snprintf(space, 16, "k%05u", n)};
}

/* Lengths differ. */
static size_t value_of(uint32_t number, char space[VALUE_MAX]) {
    size_t len = 40 + number * 7 % 150;
    memset(space, 'a' + (char)(number % 26), len);
    memcpy(space, &number, sizeof number);
    return len;
}

static void put(struct fixture *fixture, unsigned n) {
    char key[16], value[VALUE_MAX];
    uint32_t number = fixture->model.values[n] = ++fixture->last;
    struct reel_str bytes = {value, value_of(number, value)};
    must(table_put(&fixture->store, fixture->records, key_of(n, key), bytes, NULL) == 0);
}

static void delete (struct fixture *fixture, unsigned n) {
    char key[16];
    fixture->model.values[n] = 0;
    must(table_delete(&fixture->store, fixture->records, key_of(n, key), NULL) == 0);
}

/* In a group: so many changes at random places, or one after the other from `from` on. */
static void change(struct fixture *fixture, size_t count, bool scattered, unsigned from) {
    begin(fixture);
    for (size_t i = 0; i < count; i++) {
        uint64_t random = random_next(&fixture->random);
        unsigned n = scattered ? (unsigned)(random % KEYS) : (unsigned)((from + i) % KEYS);
        if (scattered && random % 5 == 0)
            delete (fixture, n);
        else
            put(fixture, n);
    }
    store_commit(&fixture->store, 0);
}

static void checkpoint(struct fixture *fixture) {
    struct reel_error error;
    must_ok(checkpoint_all(&fixture->store, &error), error);
}

static uint64_t rewritten(struct fixture *fixture) {
    struct checkpoint_metrics metrics;
    checkpoint_measure(&fixture->store, &metrics);
    return metrics.tables_rewritten;
}

static void open_filled(struct fixture *fixture, const char *directory) {
    open_at(fixture, directory);
    change(fixture, KEYS, false, 0);
    checkpoint(fixture);
    must(rewritten(fixture) == 0);
}

static int make(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    must(fixture);
    fixture->random = 1;
    open_filled(fixture, scratch_directory());
    *state = fixture;
    return 0;
}

static int finish(void **state) {
    struct fixture *fixture = *state;
    store_close(&fixture->store);
    free(fixture);
    return 0;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_row(const struct model *model, const struct overlay_row *row, unsigned *n) {
    char key[16], value[VALUE_MAX];
    while (*n < KEYS && model->values[*n] == 0) ++*n;
    must(*n < KEYS);
    must(reel_str_eq(row->key, key_of(*n, key)));
    must(reel_str_eq(row->value, (struct reel_str){value, value_of(model->values[*n], value)}));
    ++*n;
}

/* By walking, and by looking up each key. */
static void assert_holds(struct fixture *fixture, const struct snapshot *at,
                         const struct model *model) {
    struct table_walk walk;
    struct overlay_row row;
    struct reel_error error;
    unsigned n = 0;
    int rc;
    table_walk_start(&walk, &fixture->store, at, fixture->records, &error);
    for (rc = table_seek(&walk, (struct reel_str){"", 0}, SEEK_AT_OR_ABOVE, &row); rc > 0;
         rc = table_next(&walk, &row))
        assert_row(model, &row, &n);
    must_ok(rc, error);
    table_walk_finish(&walk);
    while (n < KEYS) must(model->values[n++] == 0);
    for (n = 0; n < KEYS; n++) {
        char key[16];
        struct reel_str value;
        rc = table_get(&fixture->store, at, fixture->records, key_of(n, key), &value, NULL);
        must(rc == (model->values[n] ? 0 : -ENOENT));
        must(rc < 0 || memcmp(value.data, &model->values[n], sizeof(uint32_t)) == 0);
    }
}

static void assert_holds_now(struct fixture *fixture) {
    struct snapshot at = {0};
    must(snapshot_take(&fixture->store, &at) == 0);
    assert_holds(fixture, &at, &fixture->model);
    snapshot_finish(&at);
}

/* Entries in LMDB of the side that is not current, the mark included. */
static size_t entries_beside(struct fixture *fixture) {
    const struct store *store = &fixture->store;
    bool second = sides_has(&store->sides, fixture->records);
    MDB_stat stat;
    MDB_txn *txn;
    must(mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn) == 0);
    must(mdb_stat(txn, store->tables[fixture->records][!second], &stat) == 0);
    mdb_txn_abort(txn);
    return stat.ms_entries;
}

/* ---- When ------------------------------------------------------------------------------------ */

static void a_table_that_mostly_changes_is_rewritten(void **state) {
    struct fixture *fixture = *state;
    for (uint64_t round = 1; round <= 4; round++) {
        change(fixture, 2 * KEYS, true, 0);
        checkpoint(fixture);
        assert_int_equal(rewritten(fixture), round);
        assert_int_equal(entries_beside(fixture), 0);
        assert_holds_now(fixture);
    }
}

static void few_changes_are_made_in_place(void **state) {
    struct fixture *fixture = *state;
    change(fixture, 10, true, 0);
    checkpoint(fixture);
    change(fixture, KEYS / 100, true, 0);
    checkpoint(fixture);
    assert_int_equal(rewritten(fixture), 0);
    assert_holds_now(fixture);
}

/* They are many, but in few pages. */
static void changes_that_are_neighbours_are_made_in_place(void **state) {
    struct fixture *fixture = *state;
    change(fixture, KEYS / 2, false, KEYS / 4);
    checkpoint(fixture);
    assert_int_equal(rewritten(fixture), 0);
    change(fixture, KEYS, false, 0);
    checkpoint(fixture);
    assert_int_equal(rewritten(fixture), 1);
    assert_holds_now(fixture);
}

static void new_keys_behind_all_others_are_appended(void **state) {
    struct fixture *fixture = *state;
    char key[16], value[VALUE_MAX];
    struct reel_str bytes = {value, value_of(1, value)};
    begin(fixture);
    for (unsigned n = KEYS; n < 3 * KEYS; n++)
        must(table_put(&fixture->store, fixture->records, key_of(n, key), bytes, NULL) == 0);
    store_commit(&fixture->store, 0);
    checkpoint(fixture);
    assert_int_equal(rewritten(fixture), 0);
}

static void large_values_that_do_not_change_count(void **state) {
    struct fixture *fixture = *state;
    static char value[VALUE_MAX];
    char key[16];
    begin(fixture);
    for (unsigned n = KEYS; n < KEYS + 500; n++)
        must(table_put(&fixture->store, fixture->records, key_of(n, key),
                       (struct reel_str){value, sizeof value}, NULL) == 0);
    store_commit(&fixture->store, 0);
    checkpoint(fixture);
    change(fixture, KEYS, false, 0);
    checkpoint(fixture);
    assert_int_equal(rewritten(fixture), 0);
}

static void long_keys_are_changed_in_place(void **state) {
    struct fixture *fixture = *state;
    static char key[KEY_CHUNK + 1];
    struct reel_str value;
    memset(key, 'z', sizeof key);
    for (int i = 0; i < 2; i++) { /* it is new, and it is there */
        begin(fixture);
        must(table_put(&fixture->store, fixture->records, (struct reel_str){key, sizeof key},
                       STR("value"), NULL) == 0);
        store_commit(&fixture->store, 0);
        change(fixture, KEYS, false, 0);
        checkpoint(fixture);
        assert_int_equal(rewritten(fixture), 0);
    }
    begin(fixture);
    assert_int_equal(table_get(&fixture->store, &fixture->store.writing, fixture->records,
                               (struct reel_str){key, sizeof key}, &value, NULL),
                     0);
    store_abort(&fixture->store);
}

/* ---- Contents -------------------------------------------------------------------------------- */

static void contents_are_those_of_a_model(void **state) {
    struct fixture *fixture = *state;
    struct model held = fixture->model;
    struct snapshot at = {0};
    must(snapshot_take(&fixture->store, &at) == 0);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t random = random_next(&fixture->random);
        change(fixture, 1 + random % (2 * KEYS), random % 3 > 0, (unsigned)(random % KEYS));
        assert_holds_now(fixture);
        if (random % 4 > 0) checkpoint(fixture);
        assert_holds_now(fixture);
        assert_holds(fixture, &at, &held);
        if (random % 5 > 0) continue;
        snapshot_end(&at);
        must(snapshot_take(&fixture->store, &at) == 0);
        held = fixture->model;
    }
    snapshot_finish(&at);
    must(rewritten(fixture) > ROUNDS / 10);
}

static void a_table_that_was_emptied_is_filled_again(void **state) {
    struct fixture *fixture = *state;
    change(fixture, KEYS, false, 0);
    checkpoint(fixture);
    must(rewritten(fixture) == 1);
    begin(fixture);
    table_clear(&fixture->store, fixture->records);
    fixture->model = (struct model){0};
    store_commit(&fixture->store, 0);
    for (int i = 0; i < 3; i++) {
        checkpoint(fixture);
        assert_holds_now(fixture);
        change(fixture, 2 * KEYS, true, 0);
    }
    assert_holds_now(fixture);
}

static void it_is_there_when_the_store_is_opened_again(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *directory = scratch_directory();
    (void)state;
    must(fixture);
    open_filled(fixture, directory);
    for (int i = 0; i < 4; i++) { /* one side, and the other */
        change(fixture, KEYS, true, 0);
        change(fixture, KEYS, false, 0);
        checkpoint(fixture);
        must(rewritten(fixture) == 1);
        store_close(&fixture->store);
        open_at(fixture, directory);
        assert_holds_now(fixture);
    }
    store_close(&fixture->store);
    free(fixture);
}

/* ---- Views ----------------------------------------------------------------------------------- */

struct readers {
    struct fixture *fixture;
    size_t count; /* of records, always */
    atomic_bool stop;
    atomic_size_t wrong;
};

static size_t count_records(struct readers *readers, struct snapshot *at) {
    struct table_walk walk;
    struct overlay_row row;
    size_t count = 0;
    must(snapshot_take(&readers->fixture->store, at) == 0);
    table_walk_start(&walk, &readers->fixture->store, at, readers->fixture->records, NULL);
    for (int rc = table_seek(&walk, (struct reel_str){"", 0}, SEEK_AT_OR_ABOVE, &row); rc > 0;
         rc = table_next(&walk, &row))
        count++;
    table_walk_finish(&walk);
    snapshot_end(at);
    return count;
}

static void *read_always(void *context) {
    struct readers *readers = context;
    struct snapshot at = {0};
    while (!atomic_load(&readers->stop))
        if (count_records(readers, &at) != readers->count) atomic_fetch_add(&readers->wrong, 1);
    snapshot_finish(&at);
    return NULL;
}

static void views_that_are_taken_in_a_commit_read_their_side(void **state) {
    struct fixture *fixture = *state;
    struct readers readers = {.fixture = fixture, .count = KEYS};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        must(pthread_create(&threads[i], NULL, read_always, &readers) == 0);
    for (uint64_t round = 0; round < 60; round++) {
        begin(fixture);
        for (unsigned n = round % 2; n < KEYS; n += 2) put(fixture, n); /* half, in all pages */
        store_commit(&fixture->store, 0);
        checkpoint(fixture);
    }
    atomic_store(&readers.stop, true);
    for (size_t i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&readers.wrong), 0);
    assert_int_equal(rewritten(fixture), 60);
}

/* ---- No room --------------------------------------------------------------------------------- */

/* With room for so many more pages at the end of the file. */
static void leave_pages(struct fixture *fixture, size_t pages) {
    uint64_t bytes = store_file_bytes(&fixture->store) + pages * 4096;
    must(mdb_env_set_mapsize(fixture->store.env, bytes) == 0);
}

/* LMDB then has no free pages, or few. */
static void fail_to_rewrite(struct fixture *fixture) {
    struct reel_error error;
    change(fixture, KEYS, false, 0);
    leave_pages(fixture, 40);
    assert_int_equal(checkpoint_all(&fixture->store, &error), -ENOSPC);
    assert_sentence(&error, "the store has reached map_bytes");
    must(entries_beside(fixture) > 1);
}

static void without_room_for_it_a_table_is_changed_in_place(void **state) {
    struct fixture *fixture = *state;
    fail_to_rewrite(fixture);
    assert_holds_now(fixture);
    leave_pages(fixture, 200);
    checkpoint(fixture);
    assert_int_equal(rewritten(fixture), 0);
    assert_int_equal(entries_beside(fixture), 0);
    assert_holds_now(fixture);
    for (int i = 0; i < 20; i++) { /* for some time it is not tried again */
        change(fixture, KEYS, false, 0);
        checkpoint(fixture);
    }
    assert_in_range(rewritten(fixture), 1, 10);
    assert_holds_now(fixture);
}

/* The pages of what was not finished are used again. */
static void without_any_room_nothing_remains_of_an_attempt(void **state) {
    struct fixture *fixture = *state;
    fail_to_rewrite(fixture);
    uint64_t bytes = store_file_bytes(&fixture->store);
    struct reel_error error;
    for (int i = 0; i < 5; i++) assert_int_equal(checkpoint_all(&fixture->store, &error), -ENOSPC);
    assert_int_equal(entries_beside(fixture), 0);
    assert_true(store_file_bytes(&fixture->store) <= bytes + 40 * 4096);
    leave_pages(fixture, 200);
    checkpoint(fixture);
    assert_holds_now(fixture);
}

static void copy_file(const char *from, const char *to) {
    char command[600];
    snprintf(command, sizeof command, "cp %s/data.mdb %s/data.mdb", from, to);
    must(system(command) == 0);
}

static void a_side_that_is_not_finished_is_emptied_at_opening(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *directory = scratch_directory(), *killed = scratch_directory();
    (void)state;
    must(fixture);
    open_filled(fixture, directory);
    struct model before = fixture->model;
    fail_to_rewrite(fixture);
    copy_file(directory, killed);
    leave_pages(fixture, 200);
    store_close(&fixture->store);
    open_at(fixture, killed);
    fixture->model = before;
    assert_int_equal(entries_beside(fixture), 0);
    assert_holds_now(fixture);
    change(fixture, KEYS, false, 0);
    checkpoint(fixture);
    assert_int_equal(rewritten(fixture), 1);
    assert_holds_now(fixture);
    store_close(&fixture->store);
    free(fixture);
}

UNIT_TESTS(rewrite_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_table_that_mostly_changes_is_rewritten, make, finish),
        cmocka_unit_test_setup_teardown(few_changes_are_made_in_place, make, finish),
        cmocka_unit_test_setup_teardown(changes_that_are_neighbours_are_made_in_place, make,
                                        finish),
        cmocka_unit_test_setup_teardown(new_keys_behind_all_others_are_appended, make, finish),
        cmocka_unit_test_setup_teardown(large_values_that_do_not_change_count, make, finish),
        cmocka_unit_test_setup_teardown(long_keys_are_changed_in_place, make, finish),
        cmocka_unit_test_setup_teardown(contents_are_those_of_a_model, make, finish),
        cmocka_unit_test_setup_teardown(a_table_that_was_emptied_is_filled_again, make, finish),
        cmocka_unit_test(it_is_there_when_the_store_is_opened_again),
        cmocka_unit_test_setup_teardown(views_that_are_taken_in_a_commit_read_their_side, make,
                                        finish),
        cmocka_unit_test_setup_teardown(without_room_for_it_a_table_is_changed_in_place, make,
                                        finish),
        cmocka_unit_test_setup_teardown(without_any_room_nothing_remains_of_an_attempt, make,
                                        finish),
        cmocka_unit_test(a_side_that_is_not_finished_is_emptied_at_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
