/* registry_test.c: collections that are added, found and compared; also with any allocation
 * failing. What a start makes of plugins that come, go and change: tests/integration/behind_test.c.
 */
#include "unit.h"

#include "faults.h"
#include "fold_support.h"

#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

struct adding {
    struct folding *folding;
    struct registry registry; /* another one */
};

static int add(void *context) {
    struct adding *adding = context;
    struct folding *folding = adding->folding;
    struct reel_error error;
    return registry_add(&adding->registry, folding->plugin, folding->store, &folding->fold, &error);
}

static void remove_all(void *context) {
    struct adding *adding = context;
    registry_truncate(&adding->registry, 0);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void collections_are_found_by_their_names(void **state) {
    struct folding *folding = *state;
    assert_int_equal(folding->registry.count, 2);
    assert_string_equal(folding->things->name, "things");
    assert_string_equal(folding->others->name, "others");
    assert_null(registry_find(&folding->registry, STR("thing")));
    assert_null(registry_find(&folding->registry, STR("")));
}

static void a_name_comes_once(void **state) {
    struct folding *folding = *state;
    struct reel_error error;
    assert_int_equal(
        registry_add(&folding->registry, folding->plugin, folding->store, &folding->fold, &error),
        -EEXIST);
    assert_sentence(&error, "projectors[0].collection is `things`, which plugin `folding` (linked "
                            "in) has already");
    assert_int_equal(folding->registry.count, 2);
}

static void the_lowest_cursor_is_what_is_behind(void **state) {
    struct folding *folding = *state;
    folding->things->state.cursor = 7;
    folding->others->state.cursor = 5;
    assert_int_equal(registry_behind(&folding->registry, 9), 5);
    assert_int_equal(registry_behind(&folding->registry, 3), 3);
}

static void an_aborted_transaction_leaves_the_states(void **state) {
    struct folding *folding = *state;
    registry_committed(&folding->registry);
    struct collection_state before = folding->things->state;
    folding->things->state.applied++;
    folding->things->state.cursor = 9;
    registry_aborted(&folding->registry);
    assert_memory_equal(&folding->things->state, &before, sizeof before);
}

static void a_reset_collection_says_why(void **state) {
    struct folding *folding = *state;
    const struct store_state position = {.first_seq = 5};
    struct reel_error error;
    folding->things->state.applied = 3;
    must_ok(registry_reset(folding->things, &position, "a test", &error), error);
    assert_string_equal(folding->things->catching_up.why, "a test");
    assert_int_equal(folding->things->state.applied, 0);
    assert_int_equal(folding->things->state.cursor, 4);
    assert_int_equal(folding->things->state.from_seq, 5);
}

static void adding_survives_each_failed_allocation(void **state) {
    struct adding adding = {.folding = *state};
    assert_true(faults_each(add, remove_all, &adding, false) >= 4);
    assert_int_equal(adding.registry.count, 2);
    registry_finish(&adding.registry);
}

UNIT_TESTS(registry_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, folding_begin, folding_finish)
    const struct CMUnitTest tests[] = {
        CASE(collections_are_found_by_their_names), CASE(a_name_comes_once),
        CASE(the_lowest_cursor_is_what_is_behind),  CASE(an_aborted_transaction_leaves_the_states),
        CASE(a_reset_collection_says_why),          CASE(adding_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
