/* changes_test.c: the records that a transaction has met; also with any allocation failing. What is
 * written of them by a fold: fold_test.c. */
#include "unit.h"

#include "engine/fold/changes.h"
#include "faults.h"
#include "fold_support.h"

#include <stdio.h>
#include <string.h>

enum { RECORDS = 600 }; /* several chunks, and a table that grew */

/* ---- Fixture --------------------------------------------------------------------------------- */

static int find(struct folding *folding, size_t n, struct change **ret) {
    struct reel_error error;
    char key[16];
    snprintf(key, sizeof key, "key %zu", n);
    return changes_find(folding->things, reel_text(key), &folding->fold.arena, ret, &error);
}

static int make(struct folding *folding, size_t n, const char *value) {
    struct change *change;
    int rc = find(folding, n, &change);
    if (rc < 0) return rc;
    if (!change_values(change, &folding->fold.arena)) return -ENOMEM;
    change->values[0] = reel_text(value);
    change->values[1] = STR("null");
    change->exists = change->dirty = true;
    change->changed = n + 1;
    return 0;
}

static int make_all(void *context) {
    for (size_t n = 0; n < RECORDS; n++) {
        int rc = make(context, n, "\"made\"");
        if (rc < 0) return rc;
    }
    return 0;
}

static int flush(void *context) {
    struct folding *folding = context;
    struct reel_error error;
    return changes_flush(folding->things, &folding->fold.arena, &error);
}

/* As after a transaction that was aborted, with the memory as at first. */
static void forget_all(void *context) {
    struct folding *folding = context;
    changes_finish(&folding->things->changes);
    arena_finish(&folding->fold.arena);
    folding->fold.arena = (struct arena){0};
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_all_exist(struct folding *folding, bool exist) {
    for (size_t n = 0; n < RECORDS; n++) {
        struct change *change;
        assert_int_equal(find(folding, n, &change), 0);
        assert_int_equal(change->exists, exist);
        if (exist) assert_bytes(change->values[0], STR("\"made\""));
    }
    assert_int_equal(folding->things->changes.count, RECORDS);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_record_is_met_once(void **state) {
    struct folding *folding = *state;
    struct change *first, *again, *other;
    assert_int_equal(find(folding, 1, &first), 0);
    assert_int_equal(find(folding, 2, &other), 0);
    assert_int_equal(find(folding, 1, &again), 0);
    assert_ptr_equal(first, again);
    assert_ptr_not_equal(first, other);
    assert_false(first->exists);
}

static void unflushed_records_are_forgotten(void **state) {
    struct folding *folding = *state;
    assert_int_equal(make_all(folding), 0);
    assert_all_exist(folding, true);
    changes_reset(&folding->things->changes);
    arena_reset(&folding->fold.arena);
    assert_all_exist(folding, false);
    assert_int_equal(entries_in(folding->store, collection_tables(folding->things)->records), 0);
}

static void flushed_records_are_read_again(void **state) {
    struct folding *folding = *state;
    assert_int_equal(make_all(folding), 0);
    assert_int_equal(flush(folding), 0);
    arena_reset(&folding->fold.arena);
    assert_int_equal(folding->things->state.records, RECORDS);
    assert_all_exist(folding, true);
}

/* After each failure all that was met before is there, and what failed can be met. */
static void meeting_records_survives_each_failed_allocation(void **state) {
    struct folding *folding = *state;
    size_t failures = faults_each(make_all, forget_all, folding, false);
    assert_in_range(failures, 10, 10000);
    for (size_t n = 0; n < failures; n++) {
        forget_all(folding);
        faults_begin(n);
        assert_int_equal(make_all(folding), -ENOMEM);
        assert_true(faults_end());
        assert_int_equal(make_all(folding), 0);
        assert_all_exist(folding, true);
    }
}

static void undo_transaction(void *context) {
    struct folding *folding = context;
    struct reel_error error;
    struct collection_state *things = &folding->things->state;
    store_abort(folding->store);
    must_ok(store_begin(folding->store, &error), error);
    forget_all(folding);
    *things = folding->things->committed;
    must(make_all(folding) == 0);
}

/* A transaction that failed is aborted: then nothing is there, and the next one does it. */
static void flushing_survives_each_failed_allocation(void **state) {
    struct folding *folding = *state;
    commit_and_begin(folding->store);
    registry_committed(&folding->registry);
    must(make_all(folding) == 0);
    assert_true(faults_each(flush, undo_transaction, folding, false) > 0);
    assert_int_equal(folding->things->state.records, RECORDS);
    assert_all_exist(folding, true);
}

UNIT_TESTS(changes_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, folding_begin, folding_finish)
    const struct CMUnitTest tests[] = {
        CASE(a_record_is_met_once),
        CASE(unflushed_records_are_forgotten),
        CASE(flushed_records_are_read_again),
        CASE(meeting_records_survives_each_failed_allocation),
        CASE(flushing_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
