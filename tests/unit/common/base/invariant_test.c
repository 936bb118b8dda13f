/* invariant_test.c: a violated invariant ends the process by SIGABRT; one that holds does nothing.
 */
#include "unit.h"

#include "base/cleanup.h"
#include "base/invariant.h"

static void violate(void *context) {
    INVARIANT(*(const int *)context == 1);
}

static void a_violation_aborts(void **state) {
    int number = 2;
    (void)state;
    assert_aborts(violate, &number);
}

static void an_invariant_that_holds_does_nothing(void **state) {
    int number = 1;
    (void)state;
    violate(&number);
}

static void need_lock(void *context) {
    INVARIANT(lock_is_held(context));
}

static void a_lock_that_is_not_held_is_noticed(void **state) {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)state;
    {
        HOLD_LOCK(&lock);
        need_lock(&lock);
    }
    assert_aborts(need_lock, &lock);
    assert_false(lock_is_held(&lock)); /* and asking leaves it free */
}

UNIT_TESTS(invariant_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_violation_aborts),
        cmocka_unit_test(an_invariant_that_holds_does_nothing),
        cmocka_unit_test(a_lock_that_is_not_held_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
