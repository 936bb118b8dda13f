/* nats_backlog_test.c: a long replay in which the daemon's disk, its queue or the daemon itself is
 * slow: the stream waits, and not one message is missing. */
#include "nats_support.h"

#include <fcntl.h>
#include <signal.h>

enum { BACKLOG = 1000000, STALL_S = 15 };

static struct mirror mirror_with_backlog(void) {
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 0, scaled(BACKLOG));
    return mirror;
}

static void check_whole(struct mirror *mirror) {
    wait_for_cursor(mirror->client, scaled(BACKLOG));
    wait_until_ready(mirror->client);
    check_load(mirror->client, 0, scaled(BACKLOG));
    check_load_log(mirror->client, 0, scaled(BACKLOG));
    mirror_closed(mirror);
}

static void wait_until_it_flows(struct mirror *mirror) {
    for (uint64_t began = now_ms(); proxy_bytes(mirror->proxy) < 1000000; usleep(1000))
        must(now_ms() - began < 60000);
}

static void stall(void) {
    usleep((useconds_t)scaled(STALL_S) * 1000000); /* this is the stall itself */
}

/* Starts the daemon with syncs that do not return while that file is there. */
static void run_on_stalling_disk(struct mirror *mirror, const char *file) {
    const char *options = getenv("ASAN_OPTIONS");
    char *kept = options ? strdup(options) : NULL;
    struct text asan = {0};
    text_format(&asan, "%s:verify_asan_link_order=0", options ? options : "");
    setenv("ASAN_OPTIONS", asan.data, 1); /* it wants to be the first that is loaded */
    setenv("LD_PRELOAD", build_path("tests/support/stalled_disk.so"), 1);
    setenv("REEL_TEST_STALL", file, 1);
    mirror_run(mirror);
    unsetenv("REEL_TEST_STALL");
    unsetenv("LD_PRELOAD");
    if (kept)
        setenv("ASAN_OPTIONS", kept, 1);
    else
        unsetenv("ASAN_OPTIONS");
    free(kept);
    free(asan.data);
}

static void a_disk_that_stalls_loses_nothing(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    const char *file = path_in(scratch_directory(), "stall");
    stream_make(&mirror.stream, NULL);
    run_on_stalling_disk(&mirror, file);
    wait_until_ready(mirror.client); /* a log that begins is a commit, too */
    int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    must(fd >= 0 && close(fd) == 0);
    publish_many(&mirror.stream, 0, scaled(BACKLOG));
    wait_until_it_flows(&mirror);
    stall();
    assert_int_equal(status_number(mirror.client, "cursor"), 0);
    must(unlink(file) == 0);
    check_whole(&mirror);
}

static void a_daemon_that_is_stopped_for_a_while_loses_nothing(void **state) {
    (void)state;
    struct mirror mirror = mirror_with_backlog();
    mirror_run(&mirror);
    wait_until_it_flows(&mirror);
    must(kill(mirror.daemon.pid, SIGSTOP) == 0);
    stall();
    must(kill(mirror.daemon.pid, SIGCONT) == 0);
    check_whole(&mirror);
}

static void a_queue_that_is_always_full_loses_nothing(void **state) {
    (void)state;
    static const char *const small[] = {"--queue-events-max", "50", "--batch-events-max", "500",
                                        NULL};
    struct mirror mirror = mirror_with_backlog();
    mirror_run_list(&mirror, small);
    check_whole(&mirror);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_that_stalls_loses_nothing),
        cmocka_unit_test(a_daemon_that_is_stopped_for_a_while_loses_nothing),
        cmocka_unit_test(a_queue_that_is_always_full_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
