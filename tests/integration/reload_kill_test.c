/* reload_kill_test.c: plugins are exchanged again and again while events are posted: what clients
 * see of it; and what is there when the worker, or the whole daemon, is killed at any moment of it.
 *
 * Each event is folded by `healthy`, which counts one for it, and by `tallies`, which counts one or
 * two, as its build says. So the sums say whether an event was folded twice, or missed, or whether
 * a collection is half of one build and half of the other. */
#include "records.h"
#include "reload_support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

enum { WRITERS = 2, ACKNOWLEDGED_MAX = 1 << 20, PAUSES = 12, MOMENT_US_MAX = 250000 };

/* ---- Writers --------------------------------------------------------------------------------- */

struct writers {
    struct daemon daemon;
    atomic_bool ending;
    atomic_uint_least64_t next; /* event */
    pthread_t thread[WRITERS];
    pthread_mutex_t lock; /* of what follows */
    uint64_t *acknowledged;
    size_t count;
};

/* False: there was no answer before it had to end. */
static bool post_until(struct writers *writers, struct client *client, uint64_t n) {
    struct text event = {0};
    bool is_good = false;
    crash_event_add(&event, n, NULL, NULL, false);
    while (!is_good) {
        struct reply reply = post_event(client, event.data, event.len);
        is_good = reply.status == 201 || reply.status == 200;
        if (!is_good && reply.status != 0 && reply.status != 503)
            support_failed(__FILE__, __LINE__, "%ld: %s", reply.status, reply.body.data);
        reply_free(&reply);
        if (!is_good && atomic_load(&writers->ending)) break;
        if (!is_good) usleep(500);
    }
    free(event.data);
    return is_good;
}

static void acknowledge(struct writers *writers, uint64_t n) {
    must(pthread_mutex_lock(&writers->lock) == 0);
    must(writers->count < ACKNOWLEDGED_MAX);
    writers->acknowledged[writers->count++] = n;
    must(pthread_mutex_unlock(&writers->lock) == 0);
}

static void *write_on(void *context) {
    struct writers *writers = context;
    struct client *client = client_opened(&writers->daemon, WRITE_TOKEN);
    while (!atomic_load(&writers->ending)) {
        uint64_t n = atomic_fetch_add(&writers->next, 1);
        if (post_until(writers, client, n)) acknowledge(writers, n);
    }
    client_close(client);
    return NULL;
}

static void writers_start(struct writers *writers, const struct daemon *daemon) {
    writers->daemon = *daemon;
    atomic_store(&writers->ending, false);
    for (size_t i = 0; i < WRITERS; i++)
        must(pthread_create(&writers->thread[i], NULL, write_on, writers) == 0);
}

static void writers_end(struct writers *writers) {
    atomic_store(&writers->ending, true);
    for (size_t i = 0; i < WRITERS; i++) must(pthread_join(writers->thread[i], NULL) == 0);
}

static struct writers writers_made(void) {
    struct writers writers = {.acknowledged = calloc(ACKNOWLEDGED_MAX, sizeof(uint64_t)),
                              .lock = PTHREAD_MUTEX_INITIALIZER};
    must(writers.acknowledged);
    return writers;
}

/* Sent again, each is a repeat. */
static void assert_all_are_there(struct client *client, const struct writers *writers) {
    static const char *const headers[] = {"Content-Type: application/x-ndjson", NULL};
    struct text body = {0};
    for (size_t i = 0; i < writers->count; i++) {
        crash_event_add(&body, writers->acknowledged[i], NULL, NULL, false);
        text_format(&body, "\n");
    }
    struct reply reply = request(client, "POST", "/v1/events", headers, body.data, body.len);
    json_t *answer = json_taken(reply);
    assert_int_equal(number_of(answer, "lines"), writers->count);
    assert_int_equal(number_of(answer, "appended"), 0);
    json_decref(answer);
    free(body.data);
}

/* ---- What is there --------------------------------------------------------------------------- */

/* Of one moment, and of one build: which one. */
static uint64_t step_found(const struct reloaded *reloaded) {
    struct client *client = reloaded->site.reader;
    wait_until_answered(client, "/v1/healthy", 200);
    uint64_t events = status_number(client, "cursor");
    assert_counted(client, "healthy", events);
    uint64_t tallied = counted(client, "tallies");
    if (tallied != events && tallied != 2 * events)
        support_failed(__FILE__, __LINE__, "%" PRIu64 " of %" PRIu64 " events", tallied, events);
    json_t *sum = json_got(client, "/v1/tally_sums/all");
    assert_int_equal(number_of(sum, "sum"), tallied);
    json_decref(sum);
    return events > 0 ? tallied / events : 0;
}

/* They have other revisions: a daemon that was killed may start with the other file, and then makes
 * the records again. */
static const char *build_of(uint64_t step) {
    return step == 1 ? TALLY("1") : TALLY("twice");
}

/* ---- The pause ------------------------------------------------------------------------------- */

struct reading {
    struct daemon daemon;
    atomic_bool ending;
    atomic_uint_least64_t longest_ns;
    pthread_t thread;
};

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Asks without a pause. The time between two answers is the time in which nobody answered. */
static void *read_on(void *context) {
    struct reading *reading = context;
    struct client *client = client_opened(&reading->daemon, READ_TOKEN);
    uint64_t answered_ns = now_ns();
    while (!atomic_load(&reading->ending)) {
        struct reply reply = get(client, "/v1/tallies/s0");
        if (reply.status == 200) {
            uint64_t at_ns = now_ns(), took = at_ns - answered_ns;
            if (took > atomic_load(&reading->longest_ns)) atomic_store(&reading->longest_ns, took);
            answered_ns = at_ns;
        }
        reply_free(&reply);
    }
    client_close(client);
    return NULL;
}

/* ---- Followers of records -------------------------------------------------------------------- */

/* A copy that is kept while reloads go on. It comes back where its connection ends. */
struct following {
    struct daemon daemon;
    struct record_copy copy;
    atomic_bool ending;
    atomic_size_t crossings; /* of the copy */
    pthread_t thread;
};

static void *follow_on(void *context) {
    struct following *following = context;
    struct record_copy *copy = &following->copy;
    while (!atomic_load(&following->ending)) {
        (void)record_copy_go_on(copy, &following->daemon, NULL, 20);
        atomic_store(&following->crossings, copy->crossings);
    }
    return NULL;
}

static void following_start(struct following *following, const struct daemon *daemon,
                            enum record_transport transport) {
    following->daemon = *daemon;
    following->copy = (struct record_copy){.collection = "tallies", .transport = transport};
    must(pthread_create(&following->thread, NULL, follow_on, following) == 0);
}

/* Until it has been sent what so many reloads have changed. */
static void await_crossings(struct following *following, size_t wanted) {
    for (uint64_t began = now_ms(); atomic_load(&following->crossings) < wanted; usleep(2000))
        if (now_ms() - began > WIRE_PATIENCE_MS)
            support_failed(__FILE__, __LINE__, "%zu of %zu reloads were followed",
                           atomic_load(&following->crossings), wanted);
}

/* It was sent only differences and changes, and has what the collection has. */
static void following_end(struct following *following, struct reloaded *reloaded) {
    struct record_copy *copy = &following->copy;
    struct client *client = reloaded->site.reader;
    atomic_store(&following->ending, true);
    must(pthread_join(following->thread, NULL) == 0);
    record_copy_reach(copy, &following->daemon, client, status_number(client, "cursor"));
    record_copy_check(copy, client);
    assert_int_equal(copy->refusals, 0);
    assert_int_equal(copy->snapshots, 1);
    record_copy_free(copy);
}

/* ---- All of it, under load ------------------------------------------------------------------- */

static int compare(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void the_pause_is_short_and_followers_get_what_differs(void **state) {
    (void)state;
    uint64_t took_us[PAUSES];
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    struct writers writers = writers_made();
    struct reading reading = {.daemon = reloaded.site.daemon};
    struct following by_stream = {.ending = false}, by_websocket = {.ending = false};
    post_some(&reloaded, SUBJECTS);
    atomic_store(&writers.next, reloaded.posted);
    writers_start(&writers, &reloaded.site.daemon);
    following_start(&by_stream, &reloaded.site.daemon, RECORDS_STREAM);
    following_start(&by_websocket, &reloaded.site.daemon, RECORDS_WEBSOCKET);
    must(pthread_create(&reading.thread, NULL, read_on, &reading) == 0);
    for (size_t i = 0; i < PAUSES; i++) {
        pid_t before = worker_of(reloaded.site.daemon.pid);
        atomic_store(&reading.longest_ns, 0);
        install(&reloaded, build_of(2 - i % 2), "tally.so");
        must(kill(reloaded.site.daemon.pid, SIGHUP) == 0);
        wait_for_other_worker(&reloaded, before);
        await_crossings(&by_stream, i + 1);
        await_crossings(&by_websocket, i + 1);
        took_us[i] = atomic_load(&reading.longest_ns) / 1000;
    }
    atomic_store(&reading.ending, true);
    must(pthread_join(reading.thread, NULL) == 0);
    writers_end(&writers);
    following_end(&by_stream, &reloaded);
    following_end(&by_websocket, &reloaded);
    qsort(took_us, PAUSES, sizeof *took_us, compare);
    print_message("%d reloads, %zu events meanwhile: without an answer for %" PRIu64
                  " us (median), %" PRIu64 " us (longest)\n",
                  PAUSES, writers.count, took_us[PAUSES / 2], took_us[PAUSES - 1]);
    assert_true(took_us[PAUSES / 2] < 1000000 || memory_is_sanitized());
    assert_int_equal(step_found(&reloaded), 1);
    assert_all_are_there(reloaded.site.writer, &writers);
    reloaded_closed(&reloaded);
    assert_folded_so(&reloaded);
    free(writers.acknowledged);
}

/* ---- Kills ----------------------------------------------------------------------------------- */

/* Asks for a reload, and kills the worker or the daemon a moment later. */
static void reload_and_kill(struct reloaded *reloaded, struct writers *writers, uint64_t *random,
                            size_t *killed_daemons) {
    bool kills_daemon = random_next(random) % 2 == 0;
    install(reloaded, build_of(random_next(random) % 2 + 1), "tally.so");
    writers_start(writers, &reloaded->site.daemon);
    usleep((unsigned)(random_next(random) % 20000));
    must(kill(reloaded->site.daemon.pid, SIGHUP) == 0);
    usleep((unsigned)(random_next(random) % MOMENT_US_MAX)); /* any moment will do */
    if (kills_daemon) {
        daemon_kill(&reloaded->site.daemon);
        writers_end(writers);
        hang_up(reloaded);
        start_again(reloaded);
        ++*killed_daemons;
    } else {
        pid_t worker = worker_of(reloaded->site.daemon.pid);
        if (worker > 0) (void)kill(worker, SIGKILL); /* it may have ended meanwhile */
        usleep((unsigned)(random_next(random) % MOMENT_US_MAX));
        writers_end(writers);
    }
}

/* A worker that is killed too often within a minute ends the daemon. */
static bool is_running(const struct daemon *daemon) {
    siginfo_t info = {0};
    must(waitid(P_PID, (id_t)daemon->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0);
    return info.si_pid == 0;
}

static void kills_at_any_moment_leave_the_old_or_the_new(void **state) {
    (void)state;
    uint64_t random = 20261130;
    size_t rounds = scaled(200), daemons = 0, steps[3] = {0};
    struct reloaded reloaded = reloaded_opened(TALLY("1"));
    struct writers writers = writers_made();
    post_some(&reloaded, SUBJECTS);
    atomic_store(&writers.next, reloaded.posted);
    for (size_t round = 0; round < rounds; round++) {
        test_context("round %zu", round);
        reload_and_kill(&reloaded, &writers, &random, &daemons);
        if (!is_running(&reloaded.site.daemon)) {
            (void)daemon_wait(&reloaded.site.daemon);
            hang_up(&reloaded);
            start_again(&reloaded);
        }
        uint64_t step = step_found(&reloaded);
        steps[step]++;
        if (round % 10 != 9) continue;
        assert_all_are_there(reloaded.site.writer, &writers);
        reloaded_closed(&reloaded);
        install(&reloaded, build_of(step), "tally.so");
        assert_folded_so(&reloaded);
        start_again(&reloaded);
    }
    test_context("%s", "");
    assert_all_are_there(reloaded.site.writer, &writers);
    print_message("%zu rounds, %zu of the daemon, %zu events; %zu ended with the one build, %zu "
                  "with the other\n",
                  rounds, daemons, writers.count, steps[1], steps[2]);
    reloaded_closed(&reloaded);
    free(writers.acknowledged);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pause_is_short_and_followers_get_what_differs),
        cmocka_unit_test(kills_at_any_moment_leave_the_old_or_the_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
