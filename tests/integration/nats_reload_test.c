/* nats_reload_test.c: plugins are exchanged while a daemon mirrors a stream: each new worker goes
 * on with the next event, and posts are answered. */
#include "nats_support.h"

#include <signal.h>

#define TALLY(build) build_path("tests/integration/plugins/tally_" build ".so")

enum { ROUNDS = 6, EACH = 200 };

static void exchange(struct mirror *mirror, const char *tally, const char *to) {
    pid_t before = worker_of(mirror->daemon.pid);
    copy_over(tally, to);
    must(kill(mirror->daemon.pid, SIGHUP) == 0);
    for (uint64_t began = now_ms(); !has_other_worker(mirror->daemon.pid, before); usleep(2000))
        if (now_ms() - began > 60000)
            support_failed(__FILE__, __LINE__, "the worker stays: %s", daemon_log(&mirror->daemon));
    wait_until_ready(mirror->client);
}

static void each_new_worker_goes_on_at_the_next_event(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    const char *plugins = scratch_directory(), *tally = path_in(plugins, "tally.so");
    const char *const arguments[] = {"--plugin-dir", plugins, NULL};
    copy_over(TALLY("1"), tally);
    stream_make(&mirror.stream, NULL);
    struct publisher *publisher = publisher_started(mirror.broker->url, 0);
    mirror_run_list(&mirror, arguments);
    for (size_t round = 0; round < ROUNDS; round++) {
        test_context("round %zu", round);
        publisher_wait(publisher, EACH);
        exchange(&mirror, round % 2 ? TALLY("1") : TALLY("2"), tally);
    }
    test_context("%s", "");
    uint64_t count = publisher_ended(publisher);
    wait_for_cursor(mirror.client, count);
    check_load(mirror.client, 0, count);
    check_load_log(mirror.client, 0, count);
    mirror_closed(&mirror);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_new_worker_goes_on_at_the_next_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
