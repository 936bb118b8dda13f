/* fold_threads_test.c: [writer] callbacks run one at a time, within the write transaction, and call
 * the host on their own thread. What a fold must keep true besides is held up by invariants, too.
 */
#include "unit.h"

#include "engine/fold/changes.h"
#include "engine/fold/decision.h"
#include "engine/fold/host.h"
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
    store_abort(folding->store);
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
    store_abort(folding->store);
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

/* ---- On another thread ----------------------------------------------------------------------- */

static void *find_there(void *context) {
    struct folding *folding = context;
    host_table.find(&folding->things->tx, STR("k"));
    return NULL;
}

static struct reel_record *met;

static void *set_there(void *context) {
    (void)context;
    host_table.set_null(met, "a");
    return NULL;
}

static struct decision deciding;

static void *accept_there(void *context) {
    (void)context;
    host_table.accept(&deciding.handle, STR("k"));
    return NULL;
}

static void *end_there(void *context) {
    struct folding *folding = context;
    fold_end(&folding->fold);
    return NULL;
}

struct elsewhere {
    struct folding *folding;
    enum fold_turn turn;
    void *(*what)(void *context);
};

static void call_elsewhere(void *context) {
    struct elsewhere *elsewhere = context;
    struct folding *folding = elsewhere->folding;
    pthread_t thread;
    fold_begin(&folding->fold, elsewhere->turn, folding->things, 1);
    deciding = (struct decision){.fold = &folding->fold, .number = folding->fold.number};
    if (elsewhere->turn == TURN_EVOLVE) met = host_table.upsert(&folding->things->tx, STR("k"));
    must(pthread_create(&thread, NULL, elsewhere->what, folding) == 0);
    pthread_join(thread, NULL);
}

static void a_call_on_another_thread_is_noticed_and_names_the_plugin(void **state) {
    static const char sentence[] = "plugin folding (things) calls the host on the thread";
    struct elsewhere find = {*state, TURN_EVOLVE, find_there};
    struct elsewhere set = {*state, TURN_EVOLVE, set_there};
    struct elsewhere accept = {*state, TURN_DECIDE, accept_there};
    struct elsewhere end = {*state, TURN_EVOLVE, end_there};
    assert_violates(call_elsewhere, &find, sentence);
    assert_violates(call_elsewhere, &set, sentence);
    assert_violates(call_elsewhere, &accept, sentence);
    assert_violates(call_elsewhere, &end, "pthread_equal");
}

/* ---- Changes --------------------------------------------------------------------------------- */

static void change_while_deciding(void *context) {
    struct folding *folding = context;
    struct change *change;
    struct reel_error error;
    must(changes_find(folding->things, STR("k"), &folding->fold.arena, &change, &error) == 0);
    fold_begin(&folding->fold, TURN_DECIDE, folding->things, 1);
    change->met = folding->fold.number;
    fold_save(&folding->fold, change);
}

static void a_decide_changes_no_record(void **state) {
    assert_violates(change_while_deciding, *state, "fold->turn == TURN_EVOLVE");
}

static void flush_within_a_turn(void *context) {
    struct folding *folding = context;
    fold_begin(&folding->fold, TURN_EVOLVE, folding->things, 1);
    (void)changes_flush(folding->things, &folding->fold.arena, NULL);
}

static void nothing_is_flushed_while_a_callback_runs(void **state) {
    assert_violates(flush_within_a_turn, *state, "turn == TURN_NONE");
}

static void commit_what_is_not_flushed(void *context) {
    struct folding *folding = context;
    struct change *change;
    struct reel_error error;
    must(changes_find(folding->things, STR("k"), &folding->fold.arena, &change, &error) == 0);
    registry_committed(&folding->registry);
}

static void what_is_committed_was_flushed(void **state) {
    assert_violates(commit_what_is_not_flushed, *state, "changes.count == 0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folding_begin, folding_finish)

UNIT_TESTS(fold_threads_test) {
    const struct CMUnitTest tests[] = {
        TEST(a_second_callback_at_once_is_a_violation),
        TEST(an_end_without_a_callback_is_a_violation),
        TEST(an_evolve_without_the_write_transaction_is_a_violation),
        TEST(a_decide_without_the_write_transaction_is_a_violation),
        TEST(a_collection_of_another_fold_is_a_violation),
        TEST(a_call_on_another_thread_is_noticed_and_names_the_plugin),
        TEST(a_decide_changes_no_record),
        TEST(nothing_is_flushed_while_a_callback_runs),
        TEST(what_is_committed_was_flushed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
