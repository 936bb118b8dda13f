/* store_file_test.c: a data.mdb that was cut short, and a first start that was cut off. */
#include "unit.h"

#include "engine/store/store_file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, MAP_BYTES = 64 << 20 };

/* ---- Fixture --------------------------------------------------------------------------------- */

static int try_open(struct store *store, const char *directory, struct reel_error *error) {
    struct store_options options = {
        .directory = directory, .map_bytes = MAP_BYTES, .readers_max = 8};
    error->text[0] = '\0';
    return store_open(store, &options, error);
}

static off_t file_bytes(const char *directory) {
    struct stat info;
    must(stat(path_in(directory, "data.mdb"), &info) == 0);
    return info.st_size;
}

static void cut_to(const char *directory, off_t size) {
    must(truncate(path_in(directory, "data.mdb"), size) == 0);
}

/* A directory with a store that has some pages, all of them in use. */
static const char *made(void) {
    const char *directory = scratch_directory();
    static const char bytes[3000];
    struct store store;
    struct reel_error error;
    must_ok(try_open(&store, directory, &error), error);
    MDB_dbi dbi = lmdb_begin(&store, "rejected");
    for (uint64_t n = 1; n < 100; n++) {
        MDB_val key = {sizeof n, &n}, value = {sizeof bytes, (void *)bytes};
        must(mdb_put(store.txn, dbi, &key, &value, 0) == 0);
    }
    lmdb_commit(&store);
    store_close(&store);
    return directory;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_opens(const char *directory) {
    struct store store;
    struct reel_error error;
    must_ok(try_open(&store, directory, &error), error);
    store_close(&store);
}

static void assert_refused(const char *directory, int code, const char *part) {
    struct store store;
    struct reel_error error;
    int rc = try_open(&store, directory, &error);
    if (rc != code) fail_msg("%d: %s", rc, error.text);
    assert_sentence(&error, part);
}

/* ---- Cut short ------------------------------------------------------------------------------- */

static void a_file_that_was_cut_short_is_refused_at_every_size(void **state) {
    (void)state;
    const char *directory = made();
    for (off_t size = file_bytes(directory) - 1; size >= 2 * PAGE; size -= PAGE / 2 + 1) {
        cut_to(directory, size);
        assert_refused(directory, -EIO, "data.mdb was cut short: it has ");
    }
}

static void a_backup_of_a_file_that_was_cut_short_is_refused(void **state) {
    (void)state;
    const char *directory = made();
    struct store store;
    struct reel_error error;
    cut_to(directory, file_bytes(directory) / 2);
    assert_int_equal(store_open_to_read(&store, directory, &error), -EIO);
    assert_sentence(&error, "data.mdb was cut short");
}

/* Something that finds room only at the end of the file, and is not there in the end. */
static void put_and_take_back(struct store *store, MDB_dbi dbi) {
    uint64_t name = UINT64_MAX;
    MDB_val key = {sizeof name, &name}, value = {1 << 20, NULL};
    must(mdb_put(store->txn, dbi, &key, &value, MDB_RESERVE) == 0);
    memset(value.mv_data, 0, value.mv_size);
    must(mdb_del(store->txn, dbi, &key, NULL) == 0);
}

/* Puts and removes at random, so that pages at the end come and go within a transaction. */
static void churn(struct store *store, uint64_t *random) {
    static const char bytes[40000];
    MDB_dbi dbi = lmdb_begin(store, "rejected");
    for (size_t count = random_below(random, 60); count > 0; count--) {
        uint64_t name = random_below(random, 200);
        size_t sizes[] = {10, 1000, 3000, sizeof bytes};
        size_t size = random_below(random, sizes[random_below(random, LENGTH(sizes))]);
        MDB_val key = {sizeof name, &name}, value = {size, (void *)bytes};
        int rc = random_below(random, 2) ? mdb_put(store->txn, dbi, &key, &value, 0)
                                         : mdb_del(store->txn, dbi, &key, NULL);
        must(rc == 0 || rc == MDB_NOTFOUND);
    }
    if (random_below(random, 2)) put_and_take_back(store, dbi);
    lmdb_commit(store);
}

/* What is freed at the end of the file by the transaction that allocated it is never written. */
static void a_healthy_file_may_be_shorter_than_its_last_page(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct store store;
    struct reel_error error;
    uint64_t random = 1;
    size_t shorter = 0;
    must_ok(try_open(&store, directory, &error), error);
    must(mdb_env_set_flags(store.env, MDB_NOSYNC, 1) == 0); /* for speed */
    for (size_t round = 0; round < 500; round++) {
        MDB_envinfo info;
        churn(&store, &random);
        must_ok(store_file_check(store.env, &error), error);
        must(mdb_env_info(store.env, &info) == 0);
        if ((uint64_t)file_bytes(directory) < (info.me_last_pgno + 1) * PAGE) shorter++;
    }
    store_close(&store);
    print_message("shorter after %zu of 500 transactions\n", shorter);
    assert_true(shorter > 0);
    assert_opens(directory);
}

static int check_file(const char *directory) {
    MDB_env *env;
    struct reel_error error;
    must(mdb_env_create(&env) == 0 && mdb_env_set_mapsize(env, MAP_BYTES) == 0);
    must(mdb_env_open(env, directory, MDB_RDONLY, 0600) == 0);
    int rc = store_file_check(env, &error);
    mdb_env_close(env);
    return rc;
}

/* Whatever the list of free pages looks like: it is read within bounds, to an end. */
static void damage_of_the_free_list_never_leads_outside(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct store store;
    struct reel_error error;
    uint64_t random = 7;
    size_t refused = 0;
    must_ok(try_open(&store, directory, &error), error);
    for (size_t round = 0; round < 20; round++) churn(&store, &random);
    store_close(&store);
    size_t len = (size_t)file_bytes(directory);
    char *whole = malloc(len), *bytes = malloc(len);
    int fd = open(path_in(directory, "data.mdb"), O_RDWR | O_CLOEXEC);
    must(whole && bytes && fd >= 0 && pread(fd, whole, len, 0) == (ssize_t)len);
    assert_int_equal(check_file(directory), 0);
    for (size_t round = 0; round < scaled(5000); round++) {
        memcpy(bytes, whole, len);
        for (size_t page = 2; page < len / PAGE; page++) /* the headers, and what they lead to */
            for (size_t n = random_below(&random, 4); n > 0; n--)
                bytes[page * PAGE + random_below(&random, 64)] = (char)random_next(&random);
        must(pwrite(fd, bytes, len, 0) == (ssize_t)len);
        int rc = check_file(directory);
        assert_true(rc == 0 || rc == -EIO);
        if (rc < 0) refused++;
    }
    assert_true(refused > 0);
    close(fd);
    free(whole);
    free(bytes);
}

/* The root of the list becomes a branch that leads to itself, many times. */
static void a_free_list_that_goes_round_in_circles_has_an_end(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct store store;
    struct reel_error error;
    uint64_t random = 7, roots[2];
    must_ok(try_open(&store, directory, &error), error);
    for (size_t round = 0; round < 20; round++) churn(&store, &random);
    store_close(&store);
    int fd = open(path_in(directory, "data.mdb"), O_RDWR | O_CLOEXEC);
    for (int meta = 0; meta < 2; meta++) {
        uint16_t page[PAGE / 2] = {0}; /* as struct MDB_page and MDB_node have it */
        enum { FLAGS = 5, LOWER = 6, FIRST = 8, NODES = 1000, NODE = 3000 };
        must(pread(fd, &roots[meta], sizeof roots[meta], meta * PAGE + 80) == sizeof roots[meta]);
        memcpy(page, &roots[meta], sizeof roots[meta]);
        page[FLAGS] = 0x01;
        page[LOWER] = 16 + 2 * NODES;
        for (size_t n = 0; n < NODES; n++) page[FIRST + n] = NODE;
        memcpy(&page[NODE / 2], &roots[meta], 6);
        must(pwrite(fd, page, sizeof page, (off_t)roots[meta] * PAGE) == sizeof page);
    }
    close(fd);
    assert_int_equal(check_file(directory), -EIO);
}

static void a_store_with_a_commit_is_never_created_again(void **state) {
    (void)state;
    static const off_t sizes[] = {152, PAGE, 2 * PAGE};
    for (size_t at = 0; at < LENGTH(sizes); at++) {
        const char *directory = made();
        struct store store;
        struct reel_error error;
        must_ok(try_open(&store, directory, &error), error); /* one more commit: both metas count */
        store_close(&store);
        char before[2 * PAGE], after[2 * PAGE];
        cut_to(directory, sizes[at]);
        int fd = open(path_in(directory, "data.mdb"), O_RDONLY | O_CLOEXEC);
        must(fd >= 0 && pread(fd, before, sizeof before, 0) == sizes[at]);
        assert_refused(directory, sizes[at] == 2 * PAGE ? -EIO : -EPROTO, "data.mdb");
        must(pread(fd, after, sizeof after, 0) == sizes[at]);
        assert_memory_equal(before, after, (size_t)sizes[at]);
        close(fd);
    }
}

UNIT_TESTS(store_file_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_was_cut_short_is_refused_at_every_size),
        cmocka_unit_test(a_backup_of_a_file_that_was_cut_short_is_refused),
        cmocka_unit_test(a_healthy_file_may_be_shorter_than_its_last_page),
        cmocka_unit_test(damage_of_the_free_list_never_leads_outside),
        cmocka_unit_test(a_free_list_that_goes_round_in_circles_has_an_end),
        cmocka_unit_test(a_store_with_a_commit_is_never_created_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
