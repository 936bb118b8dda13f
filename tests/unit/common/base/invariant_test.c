/* invariant_test.c: a violated invariant ends the process by SIGABRT; one that holds does nothing.
 */
#include "unit.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "base/text.h"
#include "base/thread.h"
#include "json/write.h"

static void violate(void *context) {
    INVARIANT(*(const int *)context == 1);
}

static void a_violation_aborts(void **state) {
    int number = 2;
    (void)state;
    assert_violates(violate, &number, "*(const int *)context == 1 (");
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

static void lock_twice(void *context) {
    lock_acquire(context);
    lock_acquire(context);
}

static void a_lock_that_cannot_be_had_is_noticed(void **state) {
    pthread_mutexattr_t checking;
    pthread_mutex_t lock;
    (void)state;
    pthread_mutexattr_init(&checking);
    pthread_mutexattr_settype(&checking, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&lock, &checking);
    pthread_mutexattr_destroy(&checking);
    assert_violates(lock_twice, &lock, "rc == 0");
    pthread_mutex_destroy(&lock);
}

/* ---- Of base and json ------------------------------------------------------------------------ */

static void *do_nothing(void *context) {
    return context;
}

static void start_with_a_long_name(void *context) {
    pthread_t thread;
    (void)context;
    (void)thread_start(&thread, "0123456789abcdef", do_nothing, NULL);
}

static void a_thread_s_name_is_short_enough_to_be_shown(void **state) {
    (void)state;
    assert_violates(start_with_a_long_name, NULL, "THREAD_NAME_MAX");
}

static void append_beyond(void *context) {
    struct text *text = context;
    text->len = text->size + 1;
    text_append_lit(text, "x");
}

static void a_text_is_not_longer_than_its_memory(void **state) {
    struct text text = {0};
    (void)state;
    text_append_lit(&text, "some");
    assert_violates(append_beyond, &text, "text->len <= text->size");
    text_finish(&text);
}

static void quote_into_less(void *context) {
    char space[16];
    (void)context;
    json_quote(space, STR("\n\n"), 5);
}

static void a_string_is_quoted_into_what_was_measured(void **state) {
    (void)state;
    assert_violates(quote_into_less, NULL, "to == end");
}

UNIT_TESTS(invariant_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_violation_aborts),
        cmocka_unit_test(an_invariant_that_holds_does_nothing),
        cmocka_unit_test(a_lock_that_is_not_held_is_noticed),
        cmocka_unit_test(a_lock_that_cannot_be_had_is_noticed),
        cmocka_unit_test(a_thread_s_name_is_short_enough_to_be_shown),
        cmocka_unit_test(a_text_is_not_longer_than_its_memory),
        cmocka_unit_test(a_string_is_quoted_into_what_was_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
