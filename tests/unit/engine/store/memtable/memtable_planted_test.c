/* memtable_planted_test.c: does the model find a fault? Built with each of the faults that are
 * planted in the sources, and once without, when it must fail.
 *
 * The model runs in a process of its own, which may also end by reading what was freed. */
#include "memtable_support.h"

enum { SEEDS = 5, STEPS = 3000 };

static bool is_found(uint64_t seed) {
    struct child child;
    if (child_begin(&child)) {
        model_run(seed, STEPS);
        child_end(0);
    }
    return child_wait(&child) != 0;
}

static void the_model_finds_the_fault(void **state) {
    bool found = false;
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS && !found; seed++) found = is_found(seed);
    assert_true(found);
}

UNIT_TESTS(memtable_planted_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_finds_the_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
