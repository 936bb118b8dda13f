/* fold_threads_test.c: [writer] callbacks run one at a time, within the write transaction. */
#include "unit.h"

#include "engine/fold/decision.h"
#include "fold_support.h"

static void begin_twice(void *context) {
    struct folding *folding = context;
    fold_begin(&folding->fold, TURN_EVOLVE, folding->things, 1);
    fold_begin(&folding->fold, TURN_DECIDE, folding->things, 1);
}

static void a_second_callback_at_once_is_a_violation(void **state) {
    assert_aborts(begin_twice, *state);
}

static void end_twice(void *context) {
    struct folding *folding = context;
    fold_begin(&folding->fold, TURN_EVOLVE, folding->things, 1);
    fold_end(&folding->fold);
    fold_end(&folding->fold);
}

static void an_end_without_a_callback_is_a_violation(void **state) {
    assert_aborts(end_twice, *state);
}

static void evolve_without_transaction(void *context) {
    struct folding *folding = context;
    const struct reel_event event = {.struct_size = sizeof event, .type = STR("t")};
    struct reel_error error;
    folding->store->txn = NULL;
    fold_evolve(&folding->fold, folding->things, &event, 1, &error);
}

static void an_evolve_without_the_write_transaction_is_a_violation(void **state) {
    assert_aborts(evolve_without_transaction, *state);
}

static void decide_without_transaction(void *context) {
    struct folding *folding = context;
    struct decision decision = {0};
    const struct reel_command command = {.struct_size = sizeof command, .verb = STR("go")};
    struct reel_error error;
    folding->store->txn = NULL;
    decision_run(&decision, folding->things, &folding->registry, &command, 1, &error);
}

static void a_decide_without_the_write_transaction_is_a_violation(void **state) {
    assert_aborts(decide_without_transaction, *state);
}

static void begin_for_another_fold(void *context) {
    struct folding *folding = context;
    struct fold other = {0};
    fold_begin(&other, TURN_EVOLVE, folding->things, 1);
}

static void a_collection_of_another_fold_is_a_violation(void **state) {
    assert_aborts(begin_for_another_fold, *state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folding_begin, folding_finish)

UNIT_TESTS(fold_threads_test) {
    const struct CMUnitTest tests[] = {
        TEST(a_second_callback_at_once_is_a_violation),
        TEST(an_end_without_a_callback_is_a_violation),
        TEST(an_evolve_without_the_write_transaction_is_a_violation),
        TEST(a_decide_without_the_write_transaction_is_a_violation),
        TEST(a_collection_of_another_fold_is_a_violation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
