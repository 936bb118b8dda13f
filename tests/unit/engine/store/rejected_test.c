/* rejected_test.c: rejections are kept by seq and collection, and removed by either. */
#include "unit.h"

#include "engine/store/rejected.h"

#include <string.h>

static bool more; /* rejections are left */

/* ---- Fixture and assertions ------------------------------------------------------------------ */

static void put(struct store *store, uint64_t seq, const char *collection, const char *reason) {
    struct reel_error error;
    must_ok(rejected_put(store, seq, collection, 0, reason, &error), error);
}

struct seen {
    char text[512];
    int stop_at; /* calls until it wants no more */
};

static int see(void *context, const struct reel_rejection *rejection) {
    struct seen *seen = context;
    size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof seen->text - len, "%llu %.*s: %.*s\n",
             (unsigned long long)rejection->seq, REEL_FMT(rejection->collection),
             REEL_FMT(rejection->reason));
    return --seen->stop_at == 0 ? 7 : 0;
}

static void assert_kept(struct store *store, const char *expected) {
    struct seen seen = {.text = ""};
    struct reel_error error;
    must_ok(rejected_each(store, &store->writing, UINT64_MAX, see, &seen, &error), error);
    assert_string_equal(seen.text, expected);
}

static void put_some(struct store *store) {
    put(store, 300, "cells", "c");
    put(store, 2, "", "no JSON");
    put(store, 2, "forms", "b");
    put(store, 255, "cells", "a");
    put(store, UINT64_C(1) << 32, "forms", "d");
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void the_newest_comes_first(void **state) {
    put_some(*state);
    commit_and_begin(*state);
    assert_kept(*state, "4294967296 forms: d\n300 cells: c\n255 cells: a\n2 forms: b\n"
                        "2 : no JSON\n");
}

static void there_may_be_none(void **state) {
    assert_kept(*state, "");
    assert_int_equal(rejected_trim(*state, 100, SIZE_MAX, &more, NULL), 0);
    assert_int_equal(rejected_remove_collection(*state, "cells", 0, NULL), 0);
}

static void a_walk_ends_when_its_caller_wants_no_more(void **state) {
    struct store *store = *state;
    struct seen seen = {.text = "", .stop_at = 2};
    put_some(store);
    assert_int_equal(rejected_each(store, &store->writing, UINT64_MAX, see, &seen, NULL), 7);
    assert_string_equal(seen.text, "4294967296 forms: d\n300 cells: c\n");
}

static void a_walk_begins_below_the_seq_that_is_given(void **state) {
    static const struct {
        uint64_t before;
        const char *first;
    } cases[] = {{UINT64_C(1) << 32, "300 cells: c\n"},
                 {301, "300 cells: c\n"},
                 {300, "255 cells: a\n"},
                 {255, "2 forms: b\n"},
                 {3, "2 forms: b\n"},
                 {2, ""},
                 {0, ""}};
    struct store *store = *state;
    put_some(store);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen seen = {.text = "", .stop_at = 1};
        rejected_each(store, &store->writing, cases[i].before, see, &seen, NULL);
        assert_string_equal(seen.text, cases[i].first);
    }
}

static void one_events_are_copied_and_told(void **state) {
    struct store *store = *state;
    struct rejection_list list = {0};
    struct reel_result result = {.seq = 2};
    char longer[400];
    put_some(store);
    assert_int_equal(rejected_copy(store, &store->writing, 2, &list, NULL), 0);
    assert_int_equal(rejected_copy(store, &store->writing, 256, &list, NULL), 0);
    assert_int_equal(list.count, 2);
    rejection_list_tell(&list, 0, &result);
    assert_string_equal(result.collection, "forms");
    assert_string_equal(result.reason, "b");
    rejection_list_remove(&list, 2);
    assert_int_equal(list.count, 0);
    assert_int_equal(list.bytes, 0);
    rejection_list_tell(&list, 0, &result);
    assert_string_equal(result.reason, "");
    memset(longer, 'x', sizeof longer); /* cut, and not within a character */
    memcpy(longer + REEL_REASON_MAX - 2, "\xC3\xA4", 3);
    put(store, 9, "cells", longer);
    result.seq = 9;
    assert_int_equal(rejected_copy(store, &store->writing, 9, &list, NULL), 0);
    rejection_list_tell(&list, 0, &result);
    assert_int_equal(strlen(result.reason), REEL_REASON_MAX - 2);
    rejection_list_finish(&list);
}

static void copied_rejections_are_bounded(void **state) {
    struct store *store = *state;
    struct rejection_list list = {0};
    char reason[1000];
    memset(reason, 'r', sizeof reason);
    reason[sizeof reason - 1] = '\0';
    put(store, 1, "cells", reason);
    for (size_t i = 0; i < 2 * REJECTIONS_BYTES_MAX / sizeof reason; i++)
        assert_int_equal(rejected_copy(store, &store->writing, 1, &list, NULL), 0);
    assert_in_range(list.bytes, REJECTIONS_BYTES_MAX - 2 * sizeof reason, REJECTIONS_BYTES_MAX);
    rejection_list_finish(&list);
}

static void a_second_reason_replaces_the_first(void **state) {
    put(*state, 1, "cells", "first");
    put(*state, 1, "cells", "second");
    assert_kept(*state, "1 cells: second\n");
}

static void trimming_takes_those_below(void **state) {
    put_some(*state);
    assert_int_equal(rejected_trim(*state, 255, SIZE_MAX, &more, NULL), 0);
    assert_kept(*state, "4294967296 forms: d\n300 cells: c\n255 cells: a\n");
    assert_int_equal(rejected_trim(*state, 256, SIZE_MAX, &more, NULL), 0);
    assert_kept(*state, "4294967296 forms: d\n300 cells: c\n");
    assert_int_equal(rejected_trim(*state, UINT64_MAX, SIZE_MAX, &more, NULL), 0);
    assert_kept(*state, "");
}

static void trimming_takes_no_more_than_it_may(void **state) {
    put_some(*state);
    assert_int_equal(rejected_trim(*state, 256, 2, &more, NULL), 0);
    assert_true(more);
    assert_kept(*state, "4294967296 forms: d\n300 cells: c\n255 cells: a\n");
    assert_int_equal(rejected_trim(*state, 256, 2, &more, NULL), 0);
    assert_false(more);
    assert_kept(*state, "4294967296 forms: d\n300 cells: c\n");
}

static void a_collections_own_go_and_no_others(void **state) {
    put_some(*state);
    put(*state, 400, "cellsandmore", "e");
    assert_int_equal(rejected_remove_collection(*state, "cells", 0, NULL), 0);
    assert_kept(*state, "4294967296 forms: d\n400 cellsandmore: e\n2 forms: b\n2 : no JSON\n");
    assert_int_equal(rejected_remove_collection(*state, "", 0, NULL), 0);
    assert_kept(*state, "4294967296 forms: d\n400 cellsandmore: e\n2 forms: b\n");
}

static void many_next_to_each_other_all_go(void **state) {
    struct store *store = *state;
    for (uint64_t seq = 1; seq <= 2000; seq++)
        put(store, seq, seq % 10 == 0 ? "forms" : "cells",
            "a reason of some length, to fill pages");
    assert_int_equal(rejected_remove_collection(store, "cells", 0, NULL), 0);
    assert_int_equal(entries_in(store, TABLE_REJECTED), 200);
    assert_int_equal(rejected_trim(store, 1001, SIZE_MAX, &more, NULL), 0);
    assert_int_equal(entries_in(store, TABLE_REJECTED), 100);
}

static void the_longest_name_of_a_collection_fits(void **state) {
    char name[STORE_NAME_MAX + 1], expected[256];
    memset(name, 'n', STORE_NAME_MAX);
    name[STORE_NAME_MAX] = '\0';
    put(*state, 1, name, "r");
    snprintf(expected, sizeof expected, "1 %s: r\n", name);
    assert_kept(*state, expected);
}

UNIT_TESTS(rejected_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)
    const struct CMUnitTest tests[] = {
        CASE(the_newest_comes_first),
        CASE(there_may_be_none),
        CASE(a_walk_ends_when_its_caller_wants_no_more),
        CASE(a_walk_begins_below_the_seq_that_is_given),
        CASE(one_events_are_copied_and_told),
        CASE(copied_rejections_are_bounded),
        CASE(a_second_reason_replaces_the_first),
        CASE(trimming_takes_those_below),
        CASE(trimming_takes_no_more_than_it_may),
        CASE(a_collections_own_go_and_no_others),
        CASE(many_next_to_each_other_all_go),
        CASE(the_longest_name_of_a_collection_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
