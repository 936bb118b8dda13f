/* hangs_test.c: a callback that does not return is found, by the time in which it could have: ticks
 * that come late, and threads that wait for others, do not count. */
#include "unit.h"

#include "daemon/hangs.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIMIT_MS 1000

/* A callback of a thread of ours that sleeps. */
struct watched {
    struct callback_page *page;
    struct hangs hangs;
    struct callback_slot *slot;
    pthread_t thread;
    uint64_t now_ms;
};

static void *sleep_on(void *context) {
    atomic_store(&((struct watched *)context)->slot->thread, (pid_t)syscall(SYS_gettid));
    while (pause() < 0) continue;
    return NULL;
}

static int setup(void **state) {
    static struct watched watched;
    watched = (struct watched){.page = callbacks_create(), .now_ms = 1000000};
    must(watched.page != NULL);
    watched.slot = &watched.page->slots[3];
    hangs_init(&watched.hangs, LIMIT_MS, 2 * LIMIT_MS);
    must(pthread_create(&watched.thread, NULL, sleep_on, &watched) == 0);
    while (atomic_load(&watched.slot->thread) == 0) usleep(1000);
    *state = &watched;
    return 0;
}

static int teardown(void **state) {
    struct watched *watched = *state;
    pthread_cancel(watched->thread);
    pthread_join(watched->thread, NULL);
    callbacks_destroy(watched->page);
    return 0;
}

static int tick(struct watched *watched, uint32_t passed_ms) {
    uint32_t limit_ms = 0;
    watched->now_ms += passed_ms;
    int slot = hangs_look(&watched->hangs, watched->page, getpid(), watched->now_ms, &limit_ms);
    if (slot) assert_true(limit_ms == LIMIT_MS || limit_ms == 2 * LIMIT_MS);
    return slot;
}

/* The number of ticks after which it is found; 0: not within 100. */
static int found_after(struct watched *watched, uint32_t passed_ms) {
    for (int count = 1; count <= 100; count++) {
        int slot = tick(watched, passed_ms);
        if (slot) assert_int_equal(slot, 4);
        if (slot) return count;
    }
    return 0;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_callback_that_sleeps_is_found_after_its_limit(void **state) {
    struct watched *watched = *state;
    uint32_t tick_ms = watched->hangs.tick_ms;
    assert_int_equal(tick_ms, LIMIT_MS / 8);
    atomic_store(&watched->slot->number, 5);
    assert_int_equal(found_after(watched, tick_ms), 9); /* it is met in the first */
    hangs_reset(&watched->hangs);
    atomic_store(&watched->slot->kind, CALLBACK_DECIDE);
    assert_int_equal(found_after(watched, tick_ms), 17);
}

static void callbacks_that_return_are_not_found(void **state) {
    struct watched *watched = *state;
    assert_int_equal(found_after(watched, watched->hangs.tick_ms), 0);
    for (int count = 0; count < 100; count++) {
        atomic_store(&watched->slot->number, 1 + (uint64_t)count / 5);
        assert_int_equal(tick(watched, watched->hangs.tick_ms), 0);
    }
}

static void ticks_that_come_late_do_not_count(void **state) {
    struct watched *watched = *state;
    atomic_store(&watched->slot->number, 5);
    assert_int_equal(found_after(watched, 3 * watched->hangs.tick_ms), 0);
    assert_int_equal(tick(watched, 3600000), 0); /* the machine was suspended */
    assert_int_equal(found_after(watched, watched->hangs.tick_ms), 8);
}

/* The page may be what a plugin has left of it. */
static void a_callback_is_described_by_collection_and_event(void **state) {
    struct watched *watched = *state;
    struct reel_error error;
    assert_false(hangs_describe(watched->page, 0, SIGSEGV, 0, &error));
    atomic_store(&watched->slot->number, 5);
    atomic_store(&watched->slot->seq, 17);
    atomic_store(&watched->slot->collection, 2);
    assert_false(hangs_describe(watched->page, 0, SIGSEGV, 0, &error));
    strcpy(watched->page->collections[1].name, "cells");
    assert_true(hangs_describe(watched->page, 0, SIGSEGV, 0, &error));
    assert_string_equal(error.text,
                        "collection `cells`: event 17: the projector crashed (SIGSEGV)");
    assert_true(hangs_describe(watched->page, 4, 0, 1000, &error));
    assert_string_equal(
        error.text, "collection `cells`: event 17: the projector did not return within 1000 ms");
    memset(watched->page->collections[1].name, '\n', CALLBACK_NAME_MAX);
    assert_false(hangs_describe(watched->page, 4, 0, 1000, &error));
    atomic_store(&watched->slot->collection, CALLBACK_COLLECTIONS + 1);
    assert_false(hangs_describe(watched->page, 4, 0, 1000, &error));
}

UNIT_TESTS(hangs_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_callback_that_sleeps_is_found_after_its_limit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(callbacks_that_return_are_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(ticks_that_come_late_do_not_count, setup, teardown),
        cmocka_unit_test_setup_teardown(a_callback_is_described_by_collection_and_event, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
