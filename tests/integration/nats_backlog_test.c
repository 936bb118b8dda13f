/* nats_backlog_test.c: a long replay in which the daemon's disk, its queue or the daemon itself is
 * slow: the stream waits, and not one message is missing. */
#include "disk.h"
#include "nats_support.h"

#include <fcntl.h>
#include <signal.h>

enum { BACKLOG = 1000000, STALL_S = 15 };

/* One stream for all, and a directory that knows it already, so that nothing but messages is to be
 * written there. */
static struct mirror mirror;
static const char *known_directory;

static int fill_stream(void **state) {
    (void)state;
    mirror = mirror_opened();
    known_directory = mirror.directory;
    wait_until_ready(mirror.client);
    mirror_end(&mirror);
    publish_many(&mirror.stream, 0, scaled(BACKLOG));
    return 0;
}

static int drop_stream(void **state) {
    (void)state;
    mirror_closed(&mirror);
    return 0;
}

static void check_whole(void) {
    wait_for_cursor(mirror.client, scaled(BACKLOG));
    wait_until_ready(mirror.client);
    check_load(mirror.client, 0, scaled(BACKLOG));
    mirror_end(&mirror);
}

/* Waits until so many bytes have come since then. */
static void wait_until_it_flows(uint64_t since) {
    for (uint64_t began = now_ms(); proxy_bytes(mirror.proxy) < since + 1000000; usleep(1000))
        must(now_ms() - began < 60000);
}

static void stall(void) {
    usleep((useconds_t)scaled(STALL_S) * 1000000); /* this is the stall itself */
}

static void run_on_stalling_disk(const char *file) {
    stalls_begin(file);
    mirror_run(&mirror);
    stalls_end();
}

static void a_disk_that_stalls_loses_nothing(void **state) {
    (void)state;
    const char *file = path_in(scratch_directory(), "stall");
    uint64_t since = proxy_bytes(mirror.proxy);
    mirror.directory = known_directory;
    proxy_refuse(mirror.proxy, true);
    run_on_stalling_disk(file);
    int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    must(fd >= 0 && close(fd) == 0);
    proxy_refuse(mirror.proxy, false);
    wait_until_it_flows(since);
    stall();
    assert_int_equal(status_number(mirror.client, "cursor"), 0);
    must(unlink(file) == 0);
    wait_for_cursor(mirror.client, scaled(BACKLOG));
    check_load_log(mirror.client, 0, scaled(BACKLOG));
    check_whole();
}

static void a_daemon_that_is_stopped_for_a_while_loses_nothing(void **state) {
    (void)state;
    mirror.directory = scratch_directory();
    uint64_t since = proxy_bytes(mirror.proxy);
    mirror_run(&mirror);
    wait_until_it_flows(since);
    must(kill(worker_of(mirror.daemon.pid), SIGSTOP) == 0);
    stall();
    must(kill(worker_of(mirror.daemon.pid), SIGCONT) == 0);
    check_whole();
}

static void a_queue_that_is_always_full_loses_nothing(void **state) {
    (void)state;
    static const char *const small[] = {"--queue-events-max", "1000", "--batch-events-max", "300",
                                        NULL};
    mirror.directory = scratch_directory();
    mirror_run_list(&mirror, small);
    check_whole();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_that_stalls_loses_nothing),
        cmocka_unit_test(a_daemon_that_is_stopped_for_a_while_loses_nothing),
        cmocka_unit_test(a_queue_that_is_always_full_loses_nothing),
    };
    return cmocka_run_group_tests(tests, fill_stream, drop_stream);
}
