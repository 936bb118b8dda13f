/* pacer_test.c: who writes in the background waits: for a sync that waits, and when it has written
 * more than its share. Only lower bounds are looked at: a machine may be as slow as it likes. */
#include "log_support.h"

static uint64_t paced_ms(struct pacer *pacer) {
    return atomic_load(&pacer->paced_ns) / 1000000;
}

static void it_yields_to_a_sync_that_waits(void **state) {
    (void)state;
    struct pacer pacer;
    pacer_init(&pacer);
    assert_true(pacer_wait(&pacer, 100, NULL));
    pacer_sync_begins(&pacer);
    assert_true(pacer_wait(&pacer, 100, NULL)); /* one that hangs is not waited for for ever */
    assert_true(paced_ms(&pacer) >= 150);
    pacer_sync_ended(&pacer);
    pacer_finish(&pacer);
}

static void more_than_its_share_is_waited_for(void **state) {
    (void)state;
    struct pacer pacer;
    pacer_init(&pacer);
    assert_true(pacer_wait(&pacer, 6 << 20, NULL)); /* 2 MiB too much: a fifth of a second */
    assert_true(pacer_wait(&pacer, 1, NULL));
    assert_true(paced_ms(&pacer) >= 150);
    pacer_finish(&pacer);
}

static void one_that_has_to_end_does_not_wait(void **state) {
    (void)state;
    struct pacer pacer;
    atomic_bool ended = true;
    pacer_init(&pacer);
    assert_true(pacer_wait(&pacer, (size_t)1 << 40, NULL));
    assert_false(pacer_wait(&pacer, 1, &ended));
    pacer_finish(&pacer);
}

/* The log's own files and backups share it, so that together they are no more. */
static void a_backup_waits_for_the_pacer(void **state) {
    (void)state;
    struct log_options before = opened_with;
    struct pacer pacer;
    struct reel_error error;
    pacer_init(&pacer);
    opened_with.pacer = &pacer;
    struct log *log = opened(log_made());
    for (uint64_t seq = 1; seq <= 100; seq++) append_one(log, seq);
    assert_true(pacer_wait(&pacer, 6 << 20, NULL));
    struct log_pin *pin = log_pin(log);
    must_ok(log_backup(pin, log_kept(log), scratch_directory(), &pacer, &error), error);
    assert_true(paced_ms(&pacer) > 0);
    log_unpin(pin);
    log_close(log);
    pacer_finish(&pacer);
    opened_with = before;
}

UNIT_TESTS(pacer_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_yields_to_a_sync_that_waits),
        cmocka_unit_test(more_than_its_share_is_waited_for),
        cmocka_unit_test(one_that_has_to_end_does_not_wait),
        cmocka_unit_test(a_backup_waits_for_the_pacer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
