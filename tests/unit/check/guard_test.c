/* guard_test.c: turns of the plugin's code come one after another, also for `reeld check`. */
#include "unit.h"

#include "check/guard.h"

#include <stdlib.h>

static void turn_within_a_turn(void *context) {
    guard_begin(context, false);
    guard_turn(CHECK_TURN_EVOLVE, STR("one"));
    guard_turn(CHECK_TURN_KEY, STR("two"));
}

static void end_without_a_turn(void *context) {
    guard_begin(context, false);
    guard_turn(CHECK_TURN_EVOLVE, STR("one"));
    guard_done();
    guard_done();
}

static void turns_come_one_after_another(void **state) {
    struct sheet *sheet = calloc(1, sizeof *sheet);
    (void)state;
    must(sheet);
    assert_violates(turn_within_a_turn, sheet, "sheet->turn == CHECK_TURN_NONE");
    assert_violates(end_without_a_turn, sheet, "turn != CHECK_TURN_NONE");
    free(sheet);
}

UNIT_TESTS(guard_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_come_one_after_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
