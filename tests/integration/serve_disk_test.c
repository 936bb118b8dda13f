/* serve_disk_test.c: a full disk, through the wire: writes are refused and say why, reads go on,
 * and when there is room it goes on by itself. */
#include "disk.h"
#include "load.h"
#include "reload_support.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH = 20, COMMAND_FAILED = 1 };

/* ---- Assertions ------------------------------------------------------------------------------ */

static void must_answer(struct client *client, const char *path, long status, const char *part) {
    struct reply reply = get(client, path);
    if (reply.status != status || !strstr(reply.body.data, part))
        support_failed(__FILE__, __LINE__, "%s: %ld: %.300s", path, reply.status, reply.body.data);
    reply_free(&reply);
}

static void must_say_full(const struct reply *reply) {
    assert_problem(reply, 503, "service-unavailable");
    must(strstr(reply->body.data, "full") != NULL);
    must(reply_header(reply, "Retry-After") != NULL);
}

/* How often the log has this in it. */
static size_t times_logged(const struct daemon *daemon, const char *part) {
    char *log = daemon_log(daemon);
    size_t times = 0;
    for (const char *at = log; (at = strstr(at, part)); at += strlen(part)) times++;
    free(log);
    return times;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Until it is refused; what was answered so far is counted. */
static void fill(struct client *client, uint64_t *answered) {
    struct reply reply = post_load(client, *answered, BATCH);
    while (reply.status == 201) {
        *answered += BATCH;
        must(*answered < 1000000);
        reply_free(&reply);
        reply = post_load(client, *answered, BATCH);
    }
    must_say_full(&reply);
    reply_free(&reply);
}

static void check_log(const char *directory, uint64_t answered) {
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    must(position_of(reel).head == answered);
    struct reel *fresh = fresh_fold(reel, CELL_SO, FORMATION_SO, NULL);
    assert_same_state(reel, fresh);
    reel_close(fresh);
    reel_close(reel);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void fill_and_recover(const char *disk) {
    const char *ballast = path_in(disk, "ballast"), *store = path_in(disk, "store");
    uint64_t answered = 0;
    write_ballast(ballast, 4 << 20);
    struct daemon daemon = daemon_started(store, NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    for (int time = 0; time < 2; time++) {
        fill(client, &answered);
        must_answer(client, "/readyz", 503, "the disk is full");
        must_answer(client, "/healthz", 200, "");
        must_answer(client, "/v1/cells", 200, "cell-");
        must_answer(client, "/v1/events?limit=1000", 200, "load-");
        for (int more = 0; more < 20; more++) {
            struct reply reply = post_load(client, answered, 5 * BATCH);
            must_say_full(&reply);
            reply_free(&reply);
        }
        if (time == 0) must(unlink(ballast) == 0);
        if (time == 0) wait_until_ready(client); /* though nobody writes */
    }
    for (int waited = 0; times_logged(&daemon, "the disk has room again") < 1; waited++) {
        must(waited < 30000); /* it is ready a moment before it says so */
        usleep(1000);
    }
    must(times_logged(&daemon, "the disk is full") <= 8); /* not with each refusal */
    client_close(client);
    daemon_end(&daemon);
    check_log(store, answered);
}

static void a_full_disk_is_told_and_recovered_from(void **state) {
    (void)state;
    run_on_disk(fill_and_recover, "size=16m");
}

/* How many it has taken. */
static uint64_t post_until_full(struct client *client) {
    for (uint64_t taken = 0;; taken += 100) {
        struct reply reply = post_load(client, taken, 100);
        bool full = reply.status == 503;
        must(full || reply.status == 201);
        reply_free(&reply);
        if (full) return taken;
    }
}

/* It has a log, and no room for the records: they are folded into memory, and shown. */
static void catch_up_without_room(const char *disk) {
    const char *ballast = path_in(disk, "ballast"), *store = path_in(disk, "store");
    struct reel *reel = reel_opened(store, NULL, NULL);
    apply_samples(reel, 1, 8192, 512);
    reel_close(reel);
    leave_room(disk, ballast, 256 << 10);
    struct daemon daemon = daemon_started(store, NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    uint64_t taken = post_until_full(client);
    for (int time = 0; time < 10; time++) {
        struct reply reply = post_load(client, taken, 100); /* does not wait for ever */
        must_say_full(&reply);
        reply_free(&reply);
    }
    must_answer(client, "/readyz", 503, "the disk is full");
    must_answer(client, "/v1/cells", 200, "cell-");
    must_answer(client, "/v1/events", 200, "evt-");
    must(times_logged(&daemon, "full") <= 8);
    must(unlink(ballast) == 0);
    wait_until_ready(client);
    struct reply reply = post_load(client, taken, 1);
    must(reply.status == 201);
    reply_free(&reply);
    client_close(client);
    daemon_end(&daemon);
    check_log(store, 8193 + taken);
}

static void a_start_without_room_shows_records_and_refuses_events(void **state) {
    (void)state;
    run_on_disk(catch_up_without_room, "size=32m");
}

/* Of a map that is too small for the records: no checkpoint succeeds any more. */
static void a_checkpoint_that_fails_for_ever_refuses_events_alone(void **state) {
    (void)state;
    const char *store = scratch_directory();
    struct daemon daemon = daemon_started(store, "--map-bytes", "1048576", NULL);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    uint64_t answered = 0;
    struct reply reply = post_load(client, answered, BATCH);
    for (; reply.status == 201; reply = post_load(client, answered, BATCH)) {
        answered += BATCH;
        must(answered < 1000000);
        reply_free(&reply);
    }
    assert_problem(&reply, 503, "service-unavailable");
    must(strstr(reply.body.data, "map_bytes"));
    reply_free(&reply);
    must_answer(client, "/readyz", 503, "");
    must_answer(client, "/healthz", 200, "");
    must_answer(client, "/v1/cells", 200, "cell-");
    must_answer(client, "/v1/events?limit=1000", 200, "load-");
    client_close(client);
    daemon_end(&daemon);
    check_log(store, answered);
}

static void serve_read_only(const char *disk) {
    const char *store = path_in(disk, "store");
    char *log;
    struct reel *reel = reel_opened(store, NULL, CELL_SO, FORMATION_SO, NULL);
    apply_samples(reel, 1, 100, 100);
    reel_close(reel);
    make_disk_read_only(disk);
    int status = daemon_refused(store, NULL, &log);
    must(WIFEXITED(status) && WEXITSTATUS(status) == COMMAND_FAILED);
    must(strstr(log, "cannot open ") != NULL);
    must(strstr(log, "Read-only file system") != NULL);
    free(log);
}

static void a_read_only_directory_is_refused_in_a_sentence(void **state) {
    (void)state;
    run_on_disk(serve_read_only, "size=16m");
}

/* The running plugins stay, and the operator reads what the limit was. */
static void reload_without_room(const char *disk) {
    const char *ballast = path_in(disk, "ballast");
    struct reloaded reloaded = {.directory = path_in(disk, "store"),
                                .plugins = scratch_directory()};
    install(&reloaded, TALLY("1"), "tally.so");
    install(&reloaded, HEALTHY_SO, "healthy.so");
    start_again(&reloaded);
    post_some(&reloaded, 20);
    leave_room(disk, ballast, 64 << 10);
    install(&reloaded, TALLY("2"), "tally.so");
    must(kill(reloaded.site.daemon.pid, SIGHUP) == 0);
    daemon_wait_for_log(&reloaded.site.daemon,
                        "the running plugins stay: it takes more than half of the free disk: ");
    must(unlink(ballast) == 0);
    assert_tallied(&reloaded, 20, 1);
    pid_t before = worker_of(reloaded.site.daemon.pid);
    by_request(&reloaded);
    wait_for_other_worker(&reloaded, before);
    assert_tallied(&reloaded, 20, 2);
    reloaded_closed(&reloaded);
}

static void a_reload_without_room_is_refused(void **state) {
    (void)state;
    run_on_disk(reload_without_room, "size=64m");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_is_told_and_recovered_from),
        cmocka_unit_test(a_start_without_room_shows_records_and_refuses_events),
        cmocka_unit_test(a_checkpoint_that_fails_for_ever_refuses_events_alone),
        cmocka_unit_test(a_reload_without_room_is_refused),
        cmocka_unit_test(a_read_only_directory_is_refused_in_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
