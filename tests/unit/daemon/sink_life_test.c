/* sink_life_test.c: a sink's functions are called on the threads that <reel/sink.h> promises. */
#include "unit.h"

#include "daemon/sink_host.h"

#include <pthread.h>

const struct reel_sink_calls sink_host_calls = {.struct_size = sizeof sink_host_calls};

static char seen[256];

static void note(const char *what) {
    strncat(seen, what, sizeof seen - strlen(seen) - 1);
}

static int32_t start(struct reel_sink_host *host, void **ret_sink, struct reel_error *error) {
    (void)host, (void)error;
    *ret_sink = NULL;
    note("start ");
    return 0;
}

static void committed(void *sink, uint64_t cursor) {
    (void)sink, (void)cursor;
    note("committed ");
}

static void drain(void *sink, uint32_t timeout_ms) {
    (void)sink, (void)timeout_ms;
    note("drain ");
}

static void stop(void *sink) {
    (void)sink;
    note("stop ");
}

static const struct reel_sink shown = {
    .struct_size = sizeof shown,
    .name = "shown",
    .summary = "shows nothing",
    .start = start,
    .committed = committed,
    .drain = drain,
    .stop = stop,
};

static int begin(void **state) {
    struct daemon *daemon = calloc(1, sizeof *daemon);
    must(daemon);
    daemon->signals.waiter = pthread_self();
    pthread_mutex_init(&daemon->sinks_lock, NULL);
    daemon->reel = reel_opened(NULL, NULL, NULL);
    seen[0] = '\0';
    *state = daemon;
    return 0;
}

static int finish(void **state) {
    struct daemon *daemon = *state;
    reel_close(daemon->reel);
    free(daemon);
    return 0;
}

static void a_sink_lives_from_start_to_stop(void **state) {
    struct daemon *daemon = *state;
    struct reel_error error;
    must_ok(sink_host_start(daemon, &shown, &error), error);
    sink_hosts_committed(daemon, 1);
    sink_hosts_drain(daemon, 0);
    sink_hosts_stop(daemon);
    assert_string_equal(seen, "start committed committed drain stop ");
}

/* ---- On another thread ----------------------------------------------------------------------- */

static void *start_it(void *context) {
    struct reel_error error;
    sink_host_start(context, &shown, &error);
    return NULL;
}

static void *drain_it(void *context) {
    sink_hosts_drain(context, 0);
    return NULL;
}

static void *stop_it(void *context) {
    sink_hosts_stop(context);
    return NULL;
}

struct elsewhere {
    struct daemon *daemon;
    void *(*what)(void *context);
};

static void run_elsewhere(void *context) {
    struct elsewhere *elsewhere = context;
    pthread_t thread;
    must(pthread_create(&thread, NULL, elsewhere->what, elsewhere->daemon) == 0);
    pthread_join(thread, NULL);
}

static void a_start_on_another_thread_is_a_violation(void **state) {
    struct elsewhere elsewhere = {*state, start_it};
    assert_aborts(run_elsewhere, &elsewhere);
}

static void a_drain_on_another_thread_is_a_violation(void **state) {
    struct elsewhere elsewhere = {*state, drain_it};
    assert_aborts(run_elsewhere, &elsewhere);
}

static void a_stop_on_another_thread_is_a_violation(void **state) {
    struct elsewhere elsewhere = {*state, stop_it};
    assert_aborts(run_elsewhere, &elsewhere);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

UNIT_TESTS(sink_life_test) {
    const struct CMUnitTest tests[] = {
        TEST(a_sink_lives_from_start_to_stop),
        TEST(a_start_on_another_thread_is_a_violation),
        TEST(a_drain_on_another_thread_is_a_violation),
        TEST(a_stop_on_another_thread_is_a_violation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
