/* request_test.c: a request changes its phase only as the table in request.h says. */
#include "unit.h"

#include "http/request.h"

static enum phase to;

static void move(void *context) {
    request_set_phase(context, to);
}

static void a_phase_changes_as_the_table_says_and_no_other_way(void **state) {
    static const char *const table[PHASES] = {
        /* to: head, body, suspended, answered */
        [PHASE_HEAD] = "0100",
        [PHASE_BODY] = "0111",
        [PHASE_SUSPENDED] = "0100",
        [PHASE_ANSWERED] = "0000",
    };
    struct request request = {0};
    (void)state;
    for (enum phase from = 0; from < PHASES; from++)
        for (to = 0; to < PHASES; to++) {
            request.phase = from;
            if (table[from][to] == '0') {
                assert_violates(move, &request, "phase_moves[");
                continue;
            }
            move(&request);
            assert_int_equal(request.phase, to);
        }
}

static void resume(void *context) {
    request_resume(context);
}

static void only_what_is_suspended_is_resumed(void **state) {
    struct request request = {.phase = PHASE_BODY};
    (void)state;
    assert_violates(resume, &request, "PHASE_SUSPENDED");
}

UNIT_TESTS(request_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phase_changes_as_the_table_says_and_no_other_way),
        cmocka_unit_test(only_what_is_suspended_is_resumed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
