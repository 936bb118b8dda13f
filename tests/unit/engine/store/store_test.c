/* store_test.c: what a store refuses to open, and what its errors mean. */
#include "unit.h"

#include "base/text.h"
#include "engine/store/table.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static int try_open(struct store *store, const char *directory, struct reel_error *error) {
    struct store_options options = {
        .directory = directory, .map_bytes = 64 << 20, .readers_max = 8};
    error->text[0] = '\0';
    return store_open(store, &options, error);
}

static struct store_state state_of(struct store *store) {
    struct store_state state;
    must(meta_get_state(store, &store->writing, &state) == 0);
    return state;
}

static void open_writing(struct store *store, const char *directory) {
    struct reel_error error;
    must_ok(try_open(store, directory, &error), error);
    must_ok(store_begin(store, &error), error);
}

static void commit_and_close(struct store *store) {
    store_commit(store, state_of(store).cursor);
    store_close(store);
}

static int put(struct store *store, uint64_t number, struct reel_str bytes) {
    struct reel_str key = {(const char *)&number, sizeof number};
    return table_put(store, TABLE_REJECTED, key, bytes, NULL);
}

/* A directory with a store that has a few pages. */
static const char *made(void) {
    const char *directory = scratch_directory();
    struct store store;
    open_writing(&store, directory);
    for (uint64_t n = 1; n < 200; n++)
        must(put(&store, n, STR("0123456789012345678901234567890")) == 0);
    commit_and_close(&store);
    return directory;
}

static void overwrite(const char *directory, off_t from, size_t len, int byte) {
    int fd = open(path_in(directory, "data.mdb"), O_WRONLY | O_CLOEXEC);
    char *bytes = malloc(len);
    must(fd >= 0 && bytes);
    memset(bytes, byte, len);
    must(pwrite(fd, bytes, len, from) == (ssize_t)len);
    free(bytes);
    close(fd);
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_refused(const char *directory, int code, const char *part) {
    struct store store;
    struct reel_error error;
    int rc = try_open(&store, directory, &error);
    if (rc != code) fail_msg("%d: %s", rc, error.text);
    assert_sentence(&error, part);
}

static void assert_means(struct store *store, int given, int code, const char *sentence) {
    struct reel_error error;
    assert_int_equal(store_fail(store, given, "doing", &error), code);
    assert_string_equal(error.text, sentence);
    assert_false(atomic_load(&store->broken));
}

/* ---- Opening --------------------------------------------------------------------------------- */

static void a_new_store_has_a_state(void **state) {
    struct store_state found = state_of(*state);
    assert_int_equal(found.format, STORE_FORMAT);
    assert_int_equal(found.first_seq, 1);
    assert_int_equal(found.cursor, 0);
}

static void a_reopened_store_is_the_same(void **state) {
    (void)state;
    const char *directory = made();
    struct store store;
    open_writing(&store, directory);
    struct store_state before = state_of(&store);
    before.cursor = before.head = 7;
    must(meta_put_state(&store, &before, NULL) == 0);
    commit_and_close(&store);
    open_writing(&store, directory);
    struct store_state after = state_of(&store);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(entries_in(&store, TABLE_REJECTED), 199);
    commit_and_close(&store);
}

static void a_newer_format_is_refused(void **state) {
    (void)state;
    const char *directory = made();
    struct store store;
    open_writing(&store, directory);
    struct store_state newer = state_of(&store);
    newer.format++;
    must(meta_put_state(&store, &newer, NULL) == 0);
    commit_and_close(&store);
    assert_refused(directory, -EPROTO, "its format is 7, this version reads 3 to 6");
}

/* What the formats before did not have is made where it is missing. */
static void assert_becomes_this(uint32_t format) {
    const char *directory = made();
    struct store store;
    struct reel_error error;
    open_writing(&store, directory);
    struct store_state older = state_of(&store);
    older.format = format;
    must(meta_put_state(&store, &older, NULL) == 0);
    commit_and_close(&store);
    must_ok(store_open_to_read(&store, directory, &error), error);
    store_close(&store);
    open_writing(&store, directory);
    assert_int_equal(state_of(&store).format, STORE_FORMAT);
    assert_int_equal(entries_in(&store, TABLE_REJECTED), 199);
    commit_and_close(&store);
}

static void stores_of_the_formats_before_become_one_of_this(void **state) {
    (void)state;
    for (uint32_t format = STORE_FORMAT_MIN; format < STORE_FORMAT; format++)
        assert_becomes_this(format);
}

/* Another format's state may have another size. */
static void a_format_is_told_from_a_state_of_any_size(void **state) {
    (void)state;
    for (size_t size = 4; size < 300; size += 59) {
        char other[300] = {STORE_FORMAT + 1};
        const char *directory = scratch_directory();
        struct store store;
        struct reel_error error;
        open_writing(&store, directory);
        must_ok(table_put(&store, TABLE_META, STR("store"), (struct reel_str){other, size}, &error),
                error);
        store_commit(&store, 0);
        store_close(&store);
        assert_refused(directory, -EPROTO, "its format is 7, this version reads 3 to 6");
    }
}

/* ---- Damage ---------------------------------------------------------------------------------- */

static void a_file_that_is_no_store_is_refused(void **state) {
    (void)state;
    const char *directory = made();
    overwrite(directory, 0, 8192, 'x');
    assert_refused(directory, -EPROTO, "data.mdb: ");
    must(truncate(path_in(directory, "data.mdb"), 100) == 0);
    assert_refused(directory, -EPROTO, "data.mdb: ");
}

static size_t file_bytes(const char *directory) {
    struct stat found;
    must(stat(path_in(directory, "data.mdb"), &found) == 0);
    return (size_t)found.st_size;
}

static void pages_that_were_overwritten_are_noticed(void **state) {
    (void)state;
    const char *directory = made();
    overwrite(directory, 8192, file_bytes(directory) - 8192, 0);
    assert_refused(directory, -EIO, "the store cannot be trusted");
}

/* ---- Errors ---------------------------------------------------------------------------------- */

static void a_temporary_error_does_not_break_the_store(void **state) {
    assert_means(*state, MDB_MAP_FULL, -ENOSPC, "doing: the store has reached map_bytes");
    assert_means(*state, ENOSPC, -ENOSPC, "doing: the disk is full");
    assert_means(*state, EDQUOT, -ENOSPC, "doing: the disk is full");
    assert_means(*state, ENOMEM, -ENOMEM, "doing: out of memory");
    assert_means(*state, MDB_READERS_FULL, -EAGAIN, "doing: views_max views are open");
    assert_means(*state, MDB_NOTFOUND, -ENOENT, "doing: not found");
}

static void a_broken_store_takes_nothing_more(void **state) {
    struct store *store = *state;
    struct reel_error error;
    store_abort(store);
    assert_int_equal(store_fail(store, MDB_PANIC, "cannot commit", &error), -EIO);
    assert_sentence(&error, "the store cannot be trusted, end this process");
    assert_int_equal(store_begin(store, &error), -EIO);
    assert_sentence(&error, "the store failed earlier");
    struct store_copying copying = {.directory = scratch_directory()};
    assert_int_equal(store_copy(store, &copying, &error), -EIO);
}

static void note_broken(void *context, const char *sentence) {
    struct text *told = context;
    text_append_lit(told, sentence);
    text_append_lit(told, "\n");
}

/* Also by a read, which has nobody to give the sentence to; and once. */
static void a_broken_store_is_told_once(void **state) {
    (void)state;
    struct text told = {0};
    struct store_options options = {
        .map_bytes = 64 << 20, .readers_max = 8, .tell_broken = note_broken, .context = &told};
    struct store store;
    struct reel_error error;
    must_ok(store_open(&store, &options, &error), error);
    assert_int_equal(store_fail(&store, ENOSPC, "cannot commit", NULL), -ENOSPC);
    assert_int_equal(told.len, 0);
    assert_int_equal(store_fail(&store, MDB_CORRUPTED, "cannot read a record", NULL), -EIO);
    assert_int_equal(store_fail(&store, MDB_CORRUPTED, "cannot read a key", NULL), -EIO);
    assert_bytes(text_str(&told),
                 STR("cannot read a record: MDB_CORRUPTED: Located page was wrong type; the store "
                     "cannot be trusted, end this process\n"));
    text_finish(&told);
    store_close(&store);
}

static void a_link_in_place_of_the_readers_table_is_refused(void **state) {
    (void)state;
    const char *directory = made(), *other = path_in(scratch_directory(), "other");
    struct reel_error error;
    must(unlink(path_in(directory, "lock.mdb")) == 0);
    must(symlink(other, path_in(directory, "lock.mdb")) == 0);
    assert_refused(directory, -ELOOP, "lock.mdb is a symbolic link");
    struct store store;
    assert_int_equal(store_open_to_read(&store, directory, &error), -ELOOP);
    assert_sentence(&error, "lock.mdb is a symbolic link");
}

/* A checkpoint that does not fit fails, what is committed stays readable, and later it fits. */
static void a_full_map_refuses_checkpoints_and_recovers(void **state) {
    (void)state;
    static const char bytes[100000];
    struct store_options options = {.map_bytes = 2 << 20, .readers_max = 3};
    struct store store;
    struct reel_error error;
    must_ok(store_open(&store, &options, &error), error);
    store.memtable_bytes = store.group_bytes = 64 << 20;
    must_ok(store_begin(&store, &error), error);
    for (uint64_t n = 1; n < 100; n++)
        must(put(&store, n, (struct reel_str){bytes, sizeof bytes}) == 0);
    store_commit(&store, 1);
    for (size_t attempt = 0; attempt < 3; attempt++) {
        assert_int_equal(checkpoint_all(&store, &error), -ENOSPC);
        assert_sentence(&error, "the store has reached map_bytes");
    }
    must_ok(store_begin(&store, &error), error); /* what fits in memory still goes in */
    assert_int_equal(entries_in(&store, TABLE_REJECTED), 99);
    table_clear(&store, TABLE_REJECTED);
    store_commit(&store, 2);
    must(mdb_env_set_mapsize(store.env, 64 << 20) == 0);
    must_ok(checkpoint_all(&store, &error), error);
    must_ok(store_begin(&store, &error), error);
    assert_int_equal(entries_in(&store, TABLE_REJECTED), 0);
    store_abort(&store);
    store_close(&store);
}

/* ---- meta ------------------------------------------------------------------------------------ */

static void collections_have_states_of_their_own(void **state) {
    struct store *store = *state;
    struct collection_state cells = {.revision = 3, .records = 7}, found;
    assert_int_equal(meta_get_collection(store, &store->writing, "cells", &found), -ENOENT);
    assert_int_equal(meta_put_collection(store, "cells", &cells, NULL), 0);
    assert_int_equal(meta_get_collection(store, &store->writing, "cell", &found), -ENOENT);
    assert_int_equal(meta_get_collection(store, &store->writing, "cells", &found), 0);
    assert_memory_equal(&found, &cells, sizeof cells);
}

/* A collection may be named as one of the store's own databases, or as its state's key. */
static void a_collections_name_is_in_nobodys_way(void **state) {
    struct store *store = *state;
    static const char *const names[] = {"meta", "rejected", "ids", "store"};
    struct collection_state collection = {.revision = 1};
    struct store_state before = state_of(store);
    for (size_t at = 0; at < LENGTH(names); at++) {
        size_t records, index;
        open_things(store, names[at], &records, &index);
        assert_int_not_equal(store->tables[records][0], store->tables[index][0]);
        assert_int_not_equal(store->tables[records][0], store->tables[TABLE_META][0]);
        assert_int_not_equal(store->tables[records][0], store->tables[TABLE_REJECTED][0]);
        assert_int_equal(meta_put_collection(store, names[at], &collection, NULL), 0);
        commit_and_begin(store);
    }
    struct store_state after = state_of(store);
    assert_memory_equal(&before, &after, sizeof before);
}

static void the_longest_name_of_a_collection_fits(void **state) {
    struct store *store = *state;
    char name[STORE_NAME_MAX + 1] = "", shorter[STORE_NAME_MAX + 1] = "";
    size_t a, b, a_index, b_index;
    memset(name, 'n', STORE_NAME_MAX);
    memset(shorter, 'n', STORE_NAME_MAX - 1);
    open_things(store, name, &a, &a_index);
    open_things(store, shorter, &b, &b_index);
    assert_int_not_equal(a, b);
    assert_int_not_equal(a_index, b_index);
}

static void there_is_a_bound_of_collections(void **state) {
    struct reel_error error;
    char name[16];
    struct table_set sets[STORE_SETS];
    store_abort(*state);
    for (int n = 0; n < STORE_COLLECTIONS; n++) {
        snprintf(name, sizeof name, "c%d", n);
        must_ok(store_open_collection(*state, name, sets, &error), error);
    }
    assert_int_equal(store_open_collection(*state, "one-more", sets, &error), -ENOSPC);
    assert_sentence(&error, "more than 256 collections");
}

/* What no test can see, short of cutting the power: that every commit is synced, and through no
 * map that a stray pointer could write to. */
static void a_store_in_a_directory_is_synced(void **state) {
    (void)state;
    struct store store;
    struct reel_error error;
    unsigned flags = 0;
    struct store_options options = {
        .directory = scratch_directory(), .map_bytes = 64 << 20, .readers_max = 8};
    must_ok(store_open(&store, &options, &error), error);
    assert_int_equal(mdb_env_get_flags(store.env, &flags), 0);
    assert_int_equal(flags & (MDB_NOSYNC | MDB_NOMETASYNC | MDB_MAPASYNC | MDB_WRITEMAP), 0);
    store_close(&store);
}

/* ---- What is mirrored ------------------------------------------------------------------------ */

static void a_stores_origin_is_kept(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct store store;
    struct reel_error error;
    struct store_origin origin = {.created_ns = 7, .stream_hash = {1}, .filter_hash = {2}}, found;
    open_writing(&store, directory);
    assert_int_equal(meta_get_origin(&store, &store.writing, &found),
                     -ENOENT); /* a log of our own */
    must_ok(meta_put_origin(&store, &origin, &error), error);
    commit_and_close(&store);
    open_writing(&store, directory);
    assert_int_equal(meta_get_origin(&store, &store.writing, &found), 0);
    assert_memory_equal(&found, &origin, sizeof found);
    commit_and_close(&store);
}

/* Collections' states go, however many pages they take; the store's own and the origin stay. */
static void an_emptied_store_knows_only_what_it_is(void **state) {
    struct store *store = *state;
    struct reel_error error;
    struct store_origin origin = {.created_ns = 7};
    struct collection_state known = {.revision = 3};
    char name[32];
    must(put(store, 1, STR("x")) == 0);
    must_ok(meta_put_origin(store, &origin, &error), error);
    for (unsigned n = 0; n < 500; n++) {
        snprintf(name, sizeof name, "collection-%u", n);
        must_ok(meta_put_collection(store, name, &known, &error), error);
    }
    commit_and_begin(store);
    must_ok(meta_empty(store, &error), error);
    commit_and_begin(store);
    assert_int_equal(entries_in(store, TABLE_REJECTED), 0);
    assert_int_equal(entries_in(store, TABLE_META), 2);
    assert_int_equal(state_of(store).format, STORE_FORMAT);
    assert_int_equal(meta_get_origin(store, &store->writing, &origin), 0);
}

UNIT_TESTS(store_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)
    const struct CMUnitTest tests[] = {
        CASE(a_new_store_has_a_state),
        cmocka_unit_test(a_reopened_store_is_the_same),
        cmocka_unit_test(a_store_in_a_directory_is_synced),
        cmocka_unit_test(a_newer_format_is_refused),
        cmocka_unit_test(stores_of_the_formats_before_become_one_of_this),
        cmocka_unit_test(a_format_is_told_from_a_state_of_any_size),
        cmocka_unit_test(a_file_that_is_no_store_is_refused),
        cmocka_unit_test(pages_that_were_overwritten_are_noticed),
        CASE(a_temporary_error_does_not_break_the_store),
        CASE(a_broken_store_takes_nothing_more),
        cmocka_unit_test(a_broken_store_is_told_once),
        cmocka_unit_test(a_link_in_place_of_the_readers_table_is_refused),
        cmocka_unit_test(a_full_map_refuses_checkpoints_and_recovers),
        CASE(collections_have_states_of_their_own),
        CASE(a_collections_name_is_in_nobodys_way),
        CASE(the_longest_name_of_a_collection_fits),
        CASE(there_is_a_bound_of_collections),
        cmocka_unit_test(a_stores_origin_is_kept),
        CASE(an_emptied_store_knows_only_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
