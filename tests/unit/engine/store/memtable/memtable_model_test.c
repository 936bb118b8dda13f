/* memtable_model_test.c: random groups, freezes, checkpoints and views, against a table. */
#include "memtable_support.h"

enum { SEEDS = 60, STEPS = 3000 };

static void each_view_stays_what_it_was(void **state) {
    (void)state;
    for (size_t seed = 0; seed < scaled(SEEDS); seed++) model_run(seed, STEPS);
}

UNIT_TESTS(memtable_model_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_view_stays_what_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
