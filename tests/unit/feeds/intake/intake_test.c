/* intake_test.c: the queue and the one writer thread. So that a test knows what is queued while
 * the writer is at work, the writer can be held up at a gate: in the first job's `done`. */
#include "unit.h"

#include "feeds/intake/intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

enum { EVENTS_MAX = 4, PATIENCE_S = 60 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed;      /* the gate */
    bool at_gate;     /* the writer waits there */
    size_t committed; /* calls */
    size_t troubles;
} host = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct call {
    struct job job; /* first */
    char space[EVENTS_MAX][256];
    struct reel_str payloads[EVENTS_MAX];
    struct reel_result results[EVENTS_MAX];
    bool waits; /* at the gate */
    bool done;
    size_t times;
};

static void wait_for(const bool *what) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&host.lock);
    while (!*what) must(pthread_cond_timedwait(&host.changed, &host.lock, &until) == 0);
    pthread_mutex_unlock(&host.lock);
}

static void set_gate(bool closed) {
    pthread_mutex_lock(&host.lock);
    host.closed = closed;
    host.at_gate = false;
    pthread_cond_broadcast(&host.changed);
    pthread_mutex_unlock(&host.lock);
}

static void call_done(struct job *job) {
    struct call *call = (struct call *)job;
    pthread_mutex_lock(&host.lock);
    bool waits = call->waits;
    call->done = true; /* from here on it is the test's, which may free it */
    call->times++;
    if (waits) host.at_gate = true;
    pthread_cond_broadcast(&host.changed);
    while (waits && host.closed) pthread_cond_wait(&host.changed, &host.lock);
    pthread_mutex_unlock(&host.lock);
}

static void committed(void *context, uint64_t cursor) {
    (void)context, (void)cursor;
    pthread_mutex_lock(&host.lock);
    host.committed++;
    pthread_mutex_unlock(&host.lock);
}

static void trouble(void *context, bool fatal, const char *sentence) {
    (void)context, (void)sentence;
    must(!fatal);
    pthread_mutex_lock(&host.lock);
    host.troubles++;
    pthread_mutex_unlock(&host.lock);
}

static struct reel *opened(uint32_t flags) {
    struct reel_options options = {.batch_events_max = 64, .flags = flags};
    return reel_opened(NULL, &options, CELL_SO, FORMATION_SO, NULL);
}

static struct intake *started_with(struct reel *reel, uint64_t queue_events_max,
                                   uint64_t bytes_max) {
    struct intake_options options = {
        .reel = reel,
        .queue_events_max = queue_events_max,
        .queue_bytes_max = bytes_max / 4 * 5,
        .batch_events_max = 64,
        .batch_bytes_max = bytes_max,
        .committed = committed,
        .trouble = trouble,
    };
    struct intake *intake;
    struct reel_error error;
    host.committed = host.troubles = 0;
    must_ok(intake_start(&options, &intake, &error), error);
    return intake;
}

static struct intake *started(struct reel *reel, uint64_t queue_events_max) {
    return started_with(reel, queue_events_max, 200000);
}

static void ended(struct intake *intake, struct reel *reel) {
    intake_stop(intake);
    intake_destroy(intake);
    reel_close(reel);
}

/* A job of that many new events, all of one cell. */
static struct call *call_of(size_t count) {
    static unsigned number;
    struct call *call = calloc(1, sizeof *call);
    must(call && count <= EVENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        int len = snprintf(call->space[i], sizeof call->space[i],
                           "{\"specversion\":\"1.0\",\"id\":\"%u\",\"source\":\"/t\",\"type\":"
                           "\"dev.cellos.events.cell.lifecycle.v1.started\","
                           "\"data\":{\"cellId\":\"c\",\"specId\":\"s\"}}",
                           number++);
        call->payloads[i] = (struct reel_str){call->space[i], (size_t)len};
    }
    call->job.work = (struct work){
        .payloads = call->payloads, .count = count, .submitted = true, .results = call->results};
    call->job.bytes = 300 * count;
    call->job.done = call_done;
    return call;
}

static void push(struct intake *intake, struct call *call) {
    struct reel_error error;
    must_ok(intake_push(intake, &call->job, &error), error);
}

static void assert_refused(struct intake *intake, struct call *call, int rc, const char *part) {
    struct reel_error error;
    assert_int_equal(intake_push(intake, &call->job, &error), rc);
    assert_sentence(&error, part);
    assert_false(call->done);
}

/* Pushes one, and returns when it is done and the writer is held up behind it. */
static struct call *hold_up(struct intake *intake) {
    struct call *call = call_of(1);
    set_gate(true);
    call->waits = true;
    push(intake, call);
    wait_for(&host.at_gate);
    return call;
}

static struct intake_metrics metrics_of(struct intake *intake) {
    struct intake_metrics metrics;
    intake_read(intake, &metrics);
    return metrics;
}

static void answered(struct call *call, int rc) {
    wait_for(&call->done);
    assert_int_equal(call->job.work.rc, rc);
    assert_int_equal(call->times, 1);
    free(call);
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

static void a_full_queue_refuses_until_it_is_done(void **state) {
    (void)state;
    struct reel *reel = opened(0);
    struct intake *intake = started(reel, 5);
    struct call *first = hold_up(intake), *second = call_of(4), *third = call_of(1);
    push(intake, second); /* what is being done counts: 1 + 4 */
    assert_int_equal(metrics_of(intake).queue_events, 5);
    assert_refused(intake, third, -EAGAIN, "5 events");
    set_gate(false);
    intake_drain(intake, PATIENCE_S * 1000);
    assert_int_equal(metrics_of(intake).queue_events, 0);
    assert_int_equal(metrics_of(intake).queue_bytes, 0);
    answered(first, 0);
    answered(second, 0);
    free(third);
    ended(intake, reel);
}

static void there_is_room_again_when_it_is_done(void **state) {
    (void)state;
    struct reel *reel = opened(0);
    struct intake *intake = started(reel, 1);
    for (size_t i = 0; i < 20; i++) {
        struct call *call = call_of(1);
        struct reel_error error;
        int rc;
        do rc = intake_push(intake, &call->job, &error);
        while (rc == -EAGAIN);
        assert_int_equal(rc, 0);
        answered(call, 0);
    }
    ended(intake, reel);
}

static void bytes_are_bounded_too(void **state) {
    (void)state;
    struct reel *reel = opened(0);
    struct intake *intake = started(reel, 1000);
    struct call *first = hold_up(intake), *second = call_of(1), *third = call_of(1);
    second->job.bytes = 200000;
    third->job.bytes = 100000;
    push(intake, second);
    assert_refused(intake, third, -EAGAIN, "204396 bytes");
    set_gate(false);
    answered(first, 0);
    answered(second, 0);
    free(third);
    ended(intake, reel);
}

static void a_job_that_can_never_fit_gets_its_own_error(void **state) {
    (void)state;
    struct reel *reel = opened(0);
    struct intake *intake = started(reel, 1000);
    struct call *large = call_of(1), *many = call_of(1);
    large->job.bytes = 200001;
    assert_refused(intake, large, -E2BIG, "at most");
    many->job.work.count = 65;
    assert_refused(intake, many, -E2BIG, "at most 64");
    free(large);
    free(many);
    ended(intake, reel);
}

static void an_empty_queue_takes_what_is_larger_than_it(void **state) {
    (void)state;
    struct reel *reel = opened(0);
    struct intake *intake = started(reel, 2);
    struct call *call = call_of(4);
    push(intake, call);
    answered(call, 0);
    ended(intake, reel);
}

/* ---- Groups ---------------------------------------------------------------------------------- */

static void waiting_jobs_are_committed_together(void **state) {
    (void)state;
    struct reel *reel = opened(0);
    struct intake *intake = started(reel, 1000);
    struct call *first = hold_up(intake), *others[20];
    uint64_t commits = metrics_of(intake).commits;
    for (size_t i = 0; i < 20; i++) push(intake, others[i] = call_of(2));
    set_gate(false);
    intake_drain(intake, PATIENCE_S * 1000);
    assert_int_equal(metrics_of(intake).commits, commits + 1);
    answered(first, 0);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(others[i]->results[0].seq, 2 + 2 * i); /* in the order of pushing */
        answered(others[i], 0);
    }
    ended(intake, reel);
}

static void a_group_is_bounded_by_what_a_transaction_takes(void **state) {
    (void)state;
    struct reel *reel = opened(0);
    struct intake *intake = started(reel, 1000);
    struct call *first = hold_up(intake), *others[33];
    uint64_t commits = metrics_of(intake).commits;
    for (size_t i = 0; i < 33; i++) push(intake, others[i] = call_of(4));
    set_gate(false);
    intake_drain(intake, PATIENCE_S * 1000);
    assert_int_equal(metrics_of(intake).commits, commits + 3); /* 16 + 16 + 1 of 4 events */
    answered(first, 0);
    for (size_t i = 0; i < 33; i++) answered(others[i], 0);
    ended(intake, reel);
}

/* 16 MiB, unless one job has more. */
static void a_group_is_one_frame_of_the_log_which_is_not_large(void **state) {
    (void)state;
    static const uint64_t bytes[] = {7 << 20, 7 << 20, 7 << 20, 20 << 20, 1 << 20, 1 << 20};
    struct reel *reel = opened(0);
    struct intake *intake = started_with(reel, 1000, 64 << 20);
    struct call *first = hold_up(intake), *others[LENGTH(bytes)];
    uint64_t commits = metrics_of(intake).commits;
    for (size_t i = 0; i < LENGTH(bytes); i++) {
        others[i] = call_of(1);
        others[i]->job.bytes = bytes[i];
        push(intake, others[i]);
    }
    set_gate(false);
    intake_drain(intake, PATIENCE_S * 1000);
    assert_int_equal(metrics_of(intake).commits, commits + 4); /* 7 + 7, 7, 20, 1 + 1 */
    answered(first, 0);
    for (size_t i = 0; i < LENGTH(bytes); i++) answered(others[i], 0);
    ended(intake, reel);
}

static void a_fault_in_a_group_is_its_own_jobs(void **state) {
    (void)state;
    struct reel *reel = opened(0);
    struct intake *intake = started(reel, 1000);
    struct call *first = hold_up(intake), *good = call_of(2), *bad = call_of(3);
    struct call *unknown = call_of(1), *last = call_of(1);
    struct reel_command_request request = {.struct_size = sizeof request,
                                           .collection = reel_text("nothing"),
                                           .verb = reel_text("create")};
    bad->payloads[1] = STR("no event");
    unknown->job.work = (struct work){.kind = WORK_COMMAND, .request = &request};
    struct call *calls[] = {good, bad, unknown, last};
    for (size_t i = 0; i < LENGTH(calls); i++) push(intake, calls[i]);
    set_gate(false);
    answered(first, 0);
    answered(good, 0);
    answered(bad, -EINVAL);
    answered(unknown, -ESRCH);
    answered(last, 0);
    assert_int_equal(position_of(reel).head, 4); /* of the bad one nothing */
    assert_int_equal(host.troubles, 0);
    ended(intake, reel);
}

/* ---- Ending ---------------------------------------------------------------------------------- */

static void draining_does_what_is_queued_and_takes_no_more(void **state) {
    (void)state;
    struct reel *reel = opened(0);
    struct intake *intake = started(reel, 1000);
    struct call *calls[50], *late = call_of(1);
    for (size_t i = 0; i < 50; i++) push(intake, calls[i] = call_of(1));
    intake_drain(intake, PATIENCE_S * 1000);
    for (size_t i = 0; i < 50; i++) assert_true(calls[i]->done);
    assert_refused(intake, late, -ESHUTDOWN, "about to end");
    free(late);
    for (size_t i = 0; i < 50; i++) answered(calls[i], 0);
    ended(intake, reel);
}

static void draining_ends_with_its_time_and_the_rest_is_answered(void **state) {
    (void)state;
    struct reel *reel = opened(0);
    struct intake *intake = started(reel, 1000);
    struct call *first = hold_up(intake), *second = call_of(1);
    push(intake, second);
    intake_drain(intake, 10);
    assert_false(second->done);
    set_gate(false);
    intake_stop(intake);
    assert_true(second->done);
    int rc = second->job.work.rc;
    assert_true(rc == 0 || rc == -ESHUTDOWN);
    assert_int_equal(position_of(reel).head, rc == 0 ? 2 : 1);
    answered(first, 0);
    answered(second, rc);
    intake_destroy(intake);
    reel_close(reel);
}

/* ---- Catching up ----------------------------------------------------------------------------- */

/* A log that no collection has folded, of many of the writer's steps. */
static const char *long_log(size_t events) {
    struct reel_options options = {.batch_events_max = 1024};
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, &options, NULL);
    apply_samples(reel, 1, events, 1024);
    reel_close(reel);
    return directory;
}

static struct reel *opened_behind(const char *directory) {
    struct reel_options options = {.batch_events_max = 1, .flags = REEL_START_BEHIND};
    return reel_opened(directory, &options, CELL_SO, FORMATION_SO, NULL);
}

static void jobs_wait_for_what_is_behind(void **state) {
    (void)state;
    struct reel *reel = opened_behind(long_log(1000));
    struct intake *intake = started(reel, 1000);
    struct call *call = call_of(1);
    push(intake, call);
    answered(call, 0);
    assert_true(metrics_of(intake).caught_up);
    assert_true(info_of(reel, "cells").served);
    assert_int_equal(position_of(reel).head, 1001);
    assert_true(host.committed > 1);
    ended(intake, reel);
}

static void a_catch_up_is_left_half_way_and_nobody_waits_for_it(void **state) {
    (void)state;
    const char *directory = long_log(64 * 400);
    struct reel *reel = opened_behind(directory);
    struct intake *intake = started(reel, 1000);
    struct call *call = call_of(1);
    push(intake, call);
    intake_drain(intake, 0);
    answered(call, -ESHUTDOWN);
    intake_stop(intake);
    intake_destroy(intake);
    uint64_t cursor = info_of(reel, "cells").cursor;
    assert_true(cursor < 64 * 400);
    reel_close(reel);
    reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    struct reel *fresh = fresh_fold(reel, CELL_SO, FORMATION_SO, NULL);
    assert_same_state(reel, fresh);
    reel_close(fresh);
    reel_close(reel);
}

UNIT_TESTS(intake_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_queue_refuses_until_it_is_done),
        cmocka_unit_test(there_is_room_again_when_it_is_done),
        cmocka_unit_test(bytes_are_bounded_too),
        cmocka_unit_test(a_job_that_can_never_fit_gets_its_own_error),
        cmocka_unit_test(an_empty_queue_takes_what_is_larger_than_it),
        cmocka_unit_test(waiting_jobs_are_committed_together),
        cmocka_unit_test(a_group_is_bounded_by_what_a_transaction_takes),
        cmocka_unit_test(a_group_is_one_frame_of_the_log_which_is_not_large),
        cmocka_unit_test(a_fault_in_a_group_is_its_own_jobs),
        cmocka_unit_test(draining_does_what_is_queued_and_takes_no_more),
        cmocka_unit_test(draining_ends_with_its_time_and_the_rest_is_answered),
        cmocka_unit_test(jobs_wait_for_what_is_behind),
        cmocka_unit_test(a_catch_up_is_left_half_way_and_nobody_waits_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
