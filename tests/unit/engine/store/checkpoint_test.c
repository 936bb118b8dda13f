/* checkpoint_test.c: what a checkpoint compares before it commits, and from where on the log is
 * needed after it. */
#include "unit.h"

#include "engine/store/memtable/version.h"
#include "engine/store/table.h"

#include <errno.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static void open_at(struct store *store, const char *directory) {
    struct store_options options = {
        .directory = directory, .map_bytes = 64 << 20, .readers_max = 8};
    struct reel_error error;
    must_ok(store_open(store, &options, &error), error);
}

static void begin(struct store *store) {
    struct reel_error error;
    must_ok(store_begin(store, &error), error);
}

static void commit_needing(struct store *store, uint64_t needed_after) {
    begin(store);
    must(table_put(store, TABLE_REJECTED, STR("some"), STR("thing"), NULL) == 0);
    store->needed_after = needed_after;
    store_commit(store, 0);
}

/* ---- Stray writes ---------------------------------------------------------------------------- */

enum { KEY, VALUE, HASH, LEN, PARTS };

static void scribble(struct item *item, int part) {
    if (part == KEY) item->bytes[1] ^= 1;
    if (part == VALUE) item->bytes[item->key_len + 2] ^= 1;
    if (part == HASH) item->hash.low64 ^= 1;
    if (part == LEN) item->value_len = ITEM_DELETED;
}

/* True: LMDB has a record with that key, of a store that is opened again. */
static bool is_durable(const char *directory, struct reel_str key) {
    struct store store;
    struct reel_str value;
    open_at(&store, directory);
    begin(&store);
    int rc = table_get(&store, &store.writing, TABLE_REJECTED, key, &value, NULL);
    store_abort(&store);
    store_close(&store);
    return rc == 0;
}

/* Of a value that was put, or of one that was put, written and deleted. */
static void assert_found(int part, bool deleted) {
    const char *directory = scratch_directory();
    struct store store;
    struct reel_error error;
    open_at(&store, directory);
    begin(&store);
    must(table_put(&store, TABLE_REJECTED, STR("kept"), STR("value"), &error) == 0);
    must(!deleted || table_put(&store, TABLE_REJECTED, STR("other"), STR("value"), &error) == 0);
    store_commit(&store, 0);
    if (deleted) must_ok(checkpoint_all(&store, &error), error);
    begin(&store);
    must(deleted ? table_delete(&store, TABLE_REJECTED, STR("other"), &error) == 0
                 : table_put(&store, TABLE_REJECTED, STR("other"), STR("value"), &error) == 0);
    store_commit(&store, 0);
    const struct item *item = memtable_get_active(store.versions, TABLE_REJECTED, STR("other"));
    scribble((struct item *)item, part);
    assert_int_equal(checkpoint_all(&store, &error), -EIO);
    assert_sentence(&error, "a record in memory is not what it was");
    assert_true(atomic_load(&store.broken));
    assert_int_equal(store_begin(&store, &error), -EIO);
    store_close(&store);
    assert_int_equal(is_durable(directory, STR("kept")), deleted);
    assert_int_equal(is_durable(directory, STR("other")), deleted);
}

static void a_stray_write_is_found_before_it_is_durable(void **state) {
    (void)state;
    for (int part = 0; part < PARTS; part++) assert_found(part, false);
    assert_found(KEY, true);
    assert_found(HASH, true);
}

/* ---- What the log is needed for -------------------------------------------------------------- */

static void the_log_is_needed_from_the_lowest_group_on_that_is_not_written(void **state) {
    (void)state;
    struct store store;
    struct reel_error error;
    open_at(&store, scratch_directory());
    commit_needing(&store, 10);
    assert_int_equal(checkpoint_cursor(&store), 0);
    must_ok(checkpoint_all(&store, &error), error);
    assert_int_equal(checkpoint_cursor(&store), 10);
    commit_needing(&store, 5); /* a rebuild, which a crash would begin again */
    commit_needing(&store, 20);
    assert_int_equal(checkpoint_cursor(&store), 5);
    must_ok(checkpoint_all(&store, &error), error);
    assert_int_equal(checkpoint_cursor(&store), 20);
    commit_needing(&store, 30);
    assert_int_equal(checkpoint_cursor(&store), 20);
    store_close(&store);
}

static void in_memory_the_log_is_needed_for_what_is_behind(void **state) {
    (void)state;
    struct store store;
    open_at(&store, NULL);
    commit_needing(&store, 10);
    assert_int_equal(checkpoint_cursor(&store), 10);
    commit_needing(&store, 5);
    assert_int_equal(checkpoint_cursor(&store), 5);
    store_close(&store);
}

/* ---- Room ------------------------------------------------------------------------------------ */

/* So much that the active memtable is full, while the one before it cannot be written. */
static void make_full(struct store *store) {
    static char value[1000];
    struct reel_error error;
    uint64_t number = 0;
    int rc;
    while ((rc = store_begin(store, &error)) == 0) {
        struct reel_str key = {(const char *)&number, sizeof number};
        must(number++ < 1000000);
        must(table_put(store, TABLE_REJECTED, key, (struct reel_str){value, sizeof value}, NULL) ==
             0);
        store_commit(store, 0);
    }
    must(rc == -ENOSPC);
}

static void trimming_and_folding_again_go_further_than_new_events(void **state) {
    (void)state;
    struct store store;
    struct reel_error error;
    struct store_options options = {
        .directory = scratch_directory(), .map_bytes = 1 << 20, .readers_max = 8};
    must_ok(store_open(&store, &options, &error), error);
    make_full(&store);
    assert_int_equal(store_begin(&store, &error), -ENOSPC);
    assert_sentence(&error, "the store has reached map_bytes");
    int (*const further[])(struct store *, struct reel_error *) = {store_begin_to_trim,
                                                                   store_begin_to_fold};
    for (size_t i = 0; i < 2; i++) {
        must_ok(further[i](&store, &error), error);
        must_ok(table_put(&store, TABLE_REJECTED, STR("key"), STR("value"), &error), error);
        store_commit(&store, 0);
    }
    store_close(&store);
}

UNIT_TESTS(checkpoint_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stray_write_is_found_before_it_is_durable),
        cmocka_unit_test(the_log_is_needed_from_the_lowest_group_on_that_is_not_written),
        cmocka_unit_test(in_memory_the_log_is_needed_for_what_is_behind),
        cmocka_unit_test(trimming_and_folding_again_go_further_than_new_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
