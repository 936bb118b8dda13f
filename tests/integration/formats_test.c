/* formats_test.c: directories whose `state/` has a format of before: the records stay, and what
 * that format did not have is made. Also if it is killed while it makes that. */
#include <reel/reel.h>

/* The core has these names, too (unit.h). */
#define text support_text
#include "support.h"
#undef text
#undef fail
#undef fail_msg

#include "base/cleanup.h"
#include "engine/engine.h"
#include "engine/store/meta.h"
#include "engine/store/sides.h"
#include "engine/store/stored.h"
#include "engine/transaction.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A slice of an index has 1,000 records. */
enum { CELLS = 2500, SLICES = 3 };

static void write_cells(struct reel *reel, const char *verb) {
    static char events[CELLS][300];
    struct reel_str payloads[CELLS];
    struct reel_error error;
    for (size_t n = 0; n < CELLS; n++) {
        int len = snprintf(events[n], sizeof events[n],
                           "{\"type\":\"dev.cellos.events.cell.lifecycle.v1.%s\",\"data\":{"
                           "\"cellId\":\"cell-%05zu\",\"specId\":\"spec-%zu\",\"formationId\":"
                           "\"f-%zu\"}}",
                           verb, n * 7919 % CELLS, n % 30, n % 7);
        payloads[n] = (struct reel_str){events[n], (size_t)len};
    }
    must_ok(reel_apply_batch(reel, payloads, CELLS, NULL, &error), error);
}

static bool is_second(struct reel *reel, size_t table) {
    struct sides sides = sides_now(&reel->dispatcher.store);
    return sides_has(&sides, table);
}

static void checkpoint(struct reel *reel) {
    struct reel_error error;
    HOLD_LOCK(&reel->writer);
    must_ok(checkpoint_all(&reel->dispatcher.store, &error), error);
}

/* `rewrites`: the second database of the records is current. */
static const char *made(bool rewrites) {
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, NULL);
    const struct collection *cells = reel->dispatcher.registry.collections[0];
    write_cells(reel, "started");
    checkpoint(reel);
    reel->dispatcher.store.rewrite_leaves_min = rewrites ? 1 : SIZE_MAX;
    write_cells(reel, "destroyed");
    checkpoint(reel);
    must(is_second(reel, collection_tables(cells)->records) == rewrites);
    reel_close(reel);
    return directory;
}

/* ---- How it was before ----------------------------------------------------------------------- */

static void drop(MDB_txn *txn, const char *name) {
    MDB_dbi dbi;
    must(mdb_dbi_open(txn, name, 0, &dbi) == 0);
    must(mdb_drop(txn, dbi, 1) == 0);
}

static void drop_empty(MDB_txn *txn, const char *name) {
    MDB_dbi dbi;
    MDB_stat stat;
    must(mdb_dbi_open(txn, name, 0, &dbi) == 0);
    must(mdb_stat(txn, dbi, &stat) == 0 && stat.ms_entries == 0);
    must(mdb_drop(txn, dbi, 1) == 0);
}

static void drop_second_set(MDB_txn *txn) {
    static const char *const names[] = {"c3/cells", "c4/cells", "x3/cells",
                                        "x4/cells", "f3/cells", "f4/cells"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) drop_empty(txn, names[i]);
}

static void make_older(const char *directory, uint32_t format) {
    char path[600];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi meta;
    MDB_val key = {strlen("store"), "store"}, value,
            fields = {strlen("fields/cells"), "fields/cells"};
    struct store_state state = {0};
    snprintf(path, sizeof path, "%s/state", directory);
    must(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 32) == 0);
    must(mdb_env_set_mapsize(env, (size_t)1 << 30) == 0);
    must(mdb_env_open(env, path, 0, 0600) == 0 && mdb_txn_begin(env, NULL, 0, &txn) == 0);
    must(mdb_dbi_open(txn, "meta", 0, &meta) == 0 && mdb_get(txn, meta, &key, &value) == 0);
    must(value.mv_size == sizeof state);
    memcpy(&state, value.mv_data, sizeof state);
    must(state.format == STORE_FORMAT);
    state.format = format;
    value = (MDB_val){sizeof state, &state};
    must(mdb_put(txn, meta, &key, &value, 0) == 0);
    drop_second_set(txn);
    if (format < 5) {
        must(mdb_del(txn, meta, &fields, NULL) == 0);
        drop(txn, "f/cells");
        drop(txn, "f2/cells");
    }
    if (format == 3) {
        drop_empty(txn, "c2/cells");
        drop_empty(txn, "x2/cells");
    }
    must(mdb_txn_commit(txn) == 0);
    mdb_env_close(env);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static struct reel *open_behind(const char *directory) {
    const struct reel_options options = {.flags = REEL_START_BEHIND};
    return reel_opened(directory, &options, CELL_SO, NULL);
}

static int build_slice(struct reel *reel) {
    struct reel_error error = {0};
    int rc = engine_build_some(reel, UINT64_MAX, &error);
    must_ok(rc < 0 ? rc : 0, error);
    return rc;
}

static void assert_reads(const char *directory, uint32_t format) {
    struct stored stored;
    struct reel_error error;
    char path[600];
    snprintf(path, sizeof path, "%s/state", directory);
    must_ok(stored_open(&stored, path, &error), error);
    must(stored.count == 1 && stored.collections[0].has_fields == (format >= 5));
    stored_close(&stored);
}

/* Kills it after each slice. */
static size_t build_with_kills(const char *directory) {
    size_t slices = 0;
    for (bool is_built = false; !is_built;) {
        struct reel *reel = open_behind(directory);
        is_built = build_slice(reel) == 0;
        slices += !is_built;
        checkpoint(reel);
        atomic_store(&reel->dispatcher.store.broken, true);
        reel_close(reel);
    }
    return slices;
}

static size_t build(const char *directory) {
    struct reel *reel = open_behind(directory);
    size_t slices = 0;
    while (build_slice(reel) > 0) slices++;
    reel_close(reel);
    return slices;
}

static char *dump(const char *directory, size_t *ret_len) {
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, NULL);
    char *text = state_dump(reel, ret_len);
    must(reel->dispatcher.state.format == STORE_FORMAT);
    reel_close(reel);
    return text;
}

static void assert_becomes_this(uint32_t format, bool rewrites, bool kills) {
    const char *directory = made(rewrites);
    size_t before_len, after_len;
    char *before = dump(directory, &before_len);
    make_older(directory, format);
    assert_reads(directory, format);
    must((kills ? build_with_kills : build)(directory) == (format < 5 ? SLICES : 0));
    char *after = dump(directory, &after_len);
    assert_int_equal(after_len, before_len);
    assert_memory_equal(after, before, before_len);
    free(before);
    free(after);
}

static void format_3_gets_indexes_in_slices(void **state) {
    (void)state;
    assert_becomes_this(3, false, false);
    assert_becomes_this(3, false, true);
}

static void format_4_gets_indexes_in_slices(void **state) {
    (void)state;
    assert_becomes_this(4, false, false);
    assert_becomes_this(4, true, false);
    assert_becomes_this(4, true, true);
}

/* The first rebuild uses it. */
static void format_5_gets_a_second_set_of_tables(void **state) {
    (void)state;
    struct reel_error error;
    assert_becomes_this(5, false, false);
    const char *directory = made(true);
    size_t before_len, after_len;
    make_older(directory, 5);
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, NULL);
    char *before = collection_dump(reel, "cells", &before_len);
    must_ok(reel_rebuild(reel, "cells", &error), error);
    char *after = collection_dump(reel, "cells", &after_len);
    assert_int_equal(after_len, before_len);
    assert_memory_equal(after, before, before_len);
    reel_close(reel);
    free(before);
    free(after);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format_3_gets_indexes_in_slices),
        cmocka_unit_test(format_4_gets_indexes_in_slices),
        cmocka_unit_test(format_5_gets_a_second_set_of_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
