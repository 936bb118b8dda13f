/* publisher_test.c: those who wait for what they published: in whatever order things come, each is
 * answered once, and truly. */
#include "publisher_support.h"

#include "base/cleanup.h"
#include "engine/log/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- There and back -------------------------------------------------------------------------- */

static void what_is_told_first_comes_back_then(void **state) {
    (void)state;
    struct call *call;
    struct rig *rig = rig_in_sync();
    publish_one(rig, &call);
    fake_tell(rig, 0, 0, 1, false, NULL);
    assert_false(fake_is(rig, &call->done));
    assert_int_equal(metrics_of(rig).publishing, 1);
    fake_add_published(rig, 0);
    await_call(call, 0);
    assert_result(call, 0, 1, false);
    call_free(call);
    closed_after(rig, 1);
}

static void what_comes_back_first_is_told_then(void **state) {
    (void)state;
    struct call *call;
    struct rig *rig = rig_in_sync();
    publish_one(rig, &call);
    fake_add_published(rig, 0);
    WAIT_UNTIL(reel_cursor(rig->reel) == 1);
    assert_false(fake_is(rig, &call->done));
    fake_tell(rig, 0, 0, 1, false, NULL);
    await_call(call, 0);
    assert_result(call, 0, 1, false);
    call_free(call);
    closed_after(rig, 1);
}

/* The stream's numbers may be those that others had in the trying. */
static void results_have_the_streams_numbers(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync();
    struct call *call = pushed(call_of(rig, NUMBERS(1, 2, 1, 3)));
    WAIT_UNTIL(fake_published(rig) == 3);
    fake_add(rig, 50, false);
    for (size_t i = 0; i < 3; i++) {
        fake_add_published(rig, i);
        fake_tell(rig, i, 0, i + 2, false, NULL);
    }
    await_call(call, 0);
    assert_result(call, 0, 2, false);
    assert_result(call, 1, 3, false);
    assert_result(call, 2, 2, true);
    assert_result(call, 3, 4, false);
    call_free(call);
    closed_after(rig, 3);
}

static void nobody_has_to_want_the_results(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync();
    struct call *call = call_of(rig, NUMBERS(1));
    fake_set(rig, &rig->broker.answers, true);
    call->job.work.results = NULL;
    await_call(pushed(call), 0);
    call_free(call);
    closed_after(rig, 1);
}

static void an_event_that_is_known_is_not_published(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync();
    fake_add(rig, 7, true);
    WAIT_UNTIL(reel_cursor(rig->reel) == 1);
    struct call *call = pushed(call_of(rig, NUMBERS(7)));
    await_call(call, 0);
    assert_result(call, 0, 1, true);
    assert_int_equal(fake_published(rig), 0);
    call_free(call);
    closed_after(rig, 0);
}

/* The stream has it since a time when nobody answered; it is on its way to us. */
static void a_repeat_that_is_yet_to_come_is_waited_for(void **state) {
    (void)state;
    struct call *call;
    struct rig *rig = rig_in_sync();
    publish_one(rig, &call);
    fake_tell(rig, 0, 0, 1, true, NULL);
    fake_add_published(rig, 0);
    await_call(call, 0);
    assert_result(call, 0, 1, true);
    call_free(call);
    closed_after(rig, 1);
}

/* ---- What was folded between the trying and the publishing ----------------------------------- */

static uint64_t queued(struct rig *rig) {
    struct intake_metrics metrics;
    intake_read(rig->intake, &metrics);
    return metrics.queue_events;
}

/* A call that is tried and a message of the stream that comes in right behind it, in one
 * transaction. Each call of that event has then been published, and will not come back. */
static struct call *overtaken(struct rig *rig, struct call *call) {
    rig_hold(rig);
    pushed(call);
    fake_add(rig, 1, true);
    WAIT_UNTIL(queued(rig) == call->job.work.count + 1);
    rig_let_go(rig);
    WAIT_UNTIL(fake_published(rig) == call->job.work.count);
    assert_int_equal(reel_cursor(rig->reel), 1);
    return call;
}

static void what_was_folded_before_is_found_by_trying_again(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync();
    struct call *call = overtaken(rig, call_of(rig, NUMBERS(1)));
    assert_false(fake_is(rig, &call->done));
    fake_tell(rig, 0, 0, 1, true, NULL);
    await_call(call, 0);
    assert_result(call, 0, 1, true);
    assert_int_equal(fake_published(rig), 1);
    call_free(call);
    closed_after(rig, 0);
}

/* The answer is one to an earlier call, whose time was up, so that it does not say `repeated`. */
static void it_is_so_whatever_the_answer_says_about_repeats(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync();
    struct call *call = overtaken(rig, call_of(rig, NUMBERS(1)));
    fake_tell(rig, 0, 0, 1, false, NULL);
    await_call(call, 0);
    assert_result(call, 0, 1, true);
    call_free(call);
    closed_after(rig, 0);
}

/* It is tried again when nothing else is on its way: else that would be published a second time,
 * and come back when nobody waits for it. */
static void the_rest_of_a_batch_comes_first(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync();
    struct call *call = overtaken(rig, call_of(rig, NUMBERS(1, 2)));
    fake_tell(rig, 0, 0, 1, true, NULL);
    fake_tell(rig, 1, 0, 2, false, NULL);
    assert_false(fake_is(rig, &call->done));
    fake_add_published(rig, 1);
    await_call(call, 0);
    assert_int_equal(fake_published(rig), 2);
    assert_int_equal(call->results[0].seq, 1);
    assert_int_equal(call->results[1].seq, 2);
    call_free(call);
    closed_after(rig, 0);
}

/* ---- Several at once ------------------------------------------------------------------------- */

static void two_of_the_same_event_are_both_answered(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync();
    struct call *calls[2];
    for (size_t i = 0; i < 2; i++) {
        calls[i] = pushed(call_of(rig, NUMBERS(1)));
        WAIT_UNTIL(fake_published(rig) == i + 1);
    }
    fake_tell(rig, 0, 0, 1, false, NULL);
    fake_tell(rig, 1, 0, 1, true, NULL);
    fake_add_published(rig, 0);
    for (size_t i = 0; i < 2; i++) {
        await_call(calls[i], 0);
        assert_result(calls[i], 0, 1, i == 1);
        call_free(calls[i]);
    }
    closed_after(rig, 2);
}

struct sender {
    struct rig *rig;
    pthread_t thread;
    unsigned first, count;
    uint64_t again, answered; /* what had to be sent again; what has its answer */
};

static void *send_all(void *context) {
    struct sender *sender = context;
    struct reel_error error;
    for (unsigned n = sender->first; n < sender->first + sender->count; n++) {
        int rc = -EAGAIN;
        while (rc == -EAGAIN) { /* as whoever is told "later" */
            struct call *call = call_of(sender->rig, NUMBERS(n));
            rc = feed_push(sender->rig->feed, &call->job, &error);
            if (rc == 0) {
                WAIT_UNTIL(fake_is(sender->rig, &call->done));
                rc = call->job.work.rc;
            } else {
                rig_pause();
            }
            if (rc == 0) must(call->results[0].seq > 0 && call->times == 1);
            if (rc == -EAGAIN) sender->again++;
            free(call);
        }
        must(rc == 0);
        sender->answered++;
    }
    return NULL;
}

/* Each event is in the stream once, whatever was cut and sent again. */
static void many_senders_and_cuts_leave_each_event_once(void **state) {
    (void)state;
    enum { SENDERS = 8 };
    struct rig *rig = rig_in_sync();
    struct sender senders[SENDERS];
    uint64_t total = 0;
    fake_set(rig, &rig->broker.answers, true);
    for (unsigned i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){
            .rig = rig, .first = i / 2 * 1000, .count = (unsigned)scaled(500)}; /* two alike */
        must(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]) == 0);
    }
    for (size_t i = 0; i < 5; i++) {
        size_t sessions = fake_sessions(rig);
        fake_set(rig, &rig->broker.cut, true);
        WAIT_UNTIL(fake_sessions(rig) > sessions);
    }
    for (size_t i = 0; i < SENDERS; i++) {
        must(pthread_join(senders[i].thread, NULL) == 0);
        assert_int_equal(senders[i].answered, senders[i].count);
        total += senders[i].count;
    }
    assert_int_equal(rig->broker.last_seq, total / 2);
    WAIT_UNTIL(reel_cursor(rig->reel) == total / 2);
    assert_int_equal(position_of(rig->reel).applied, total / 2);
    assert_int_equal(info_of(rig->reel, "cells").records, total / 2);
    WAIT_UNTIL(metrics_of(rig).publishing == 0);
    rig_closed(rig);
}

/* ---- The end --------------------------------------------------------------------------------- */

struct drain {
    struct rig *rig;
    bool over; /* under the broker's lock */
};

static void *drain(void *context) {
    struct drain *drain = context;
    feed_drain(drain->rig->feed, PATIENCE_S * 1000);
    fake_set(drain->rig, &drain->over, true);
    return NULL;
}

static void draining_waits_for_what_is_under_way_and_takes_no_more(void **state) {
    (void)state;
    struct call *call;
    struct reel_error error;
    pthread_t thread;
    struct rig *rig = rig_in_sync();
    struct drain waiting = {.rig = rig};
    publish_one(rig, &call);
    must(pthread_create(&thread, NULL, drain, &waiting) == 0);
    struct call *late = command_of(rig, "{", NULL); /* the trying answers it */
    int rc;
    while ((rc = feed_push(rig->feed, &late->job, &error)) == 0) {
        await_call(late, 0);
        call_free(late);
        late = command_of(rig, "{", NULL);
    }
    assert_int_equal(rc, -ESHUTDOWN);
    assert_sentence(&error, "about to end");
    assert_false(fake_is(rig, &waiting.over));
    free(late);
    fake_set(rig, &rig->broker.cut, true);
    must(pthread_join(thread, NULL) == 0);
    await_call(call, -EAGAIN);
    call_free(call);
    closed_after(rig, 0);
}

static void draining_ends_with_its_time(void **state) {
    (void)state;
    struct call *call;
    struct rig *rig = rig_in_sync();
    publish_one(rig, &call);
    feed_drain(rig->feed, 10);
    assert_false(fake_is(rig, &call->done));
    rig_stop(rig);
    assert_int_equal(call->times, 1);
    assert_int_equal(call->job.work.rc, -EAGAIN);
    call_free(call);
    rig_free(rig);
}

/* Whether it is with the writer, in the queue or on its way. */
static void whatever_is_under_way_at_the_end_is_answered(void **state) {
    (void)state;
    enum { CALLS = 20 };
    uint64_t random = 3;
    for (size_t i = 0; i < scaled(100); i++) {
        struct rig *rig = rig_in_sync();
        struct call *calls[CALLS];
        fake_set(rig, &rig->broker.answers, i % 2 == 0);
        for (unsigned n = 0; n < CALLS; n++) calls[n] = pushed(call_of(rig, NUMBERS(n, n + 100)));
        for (size_t pauses = random_below(&random, 4); pauses > 0; pauses--) rig_pause();
        rig_stop(rig);
        for (size_t n = 0; n < CALLS; n++) {
            int rc = calls[n]->job.work.rc;
            assert_int_equal(calls[n]->times, 1);
            assert_true(rc == 0 || rc == -EAGAIN || rc == -ESHUTDOWN);
            call_free(calls[n]);
        }
        rig_free(rig);
    }
}

UNIT_TESTS(publisher_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_first_comes_back_then),
        cmocka_unit_test(what_comes_back_first_is_told_then),
        cmocka_unit_test(results_have_the_streams_numbers),
        cmocka_unit_test(nobody_has_to_want_the_results),
        cmocka_unit_test(an_event_that_is_known_is_not_published),
        cmocka_unit_test(a_repeat_that_is_yet_to_come_is_waited_for),
        cmocka_unit_test(what_was_folded_before_is_found_by_trying_again),
        cmocka_unit_test(it_is_so_whatever_the_answer_says_about_repeats),
        cmocka_unit_test(the_rest_of_a_batch_comes_first),
        cmocka_unit_test(two_of_the_same_event_are_both_answered),
        cmocka_unit_test(many_senders_and_cuts_leave_each_event_once),
        cmocka_unit_test(draining_waits_for_what_is_under_way_and_takes_no_more),
        cmocka_unit_test(draining_ends_with_its_time),
        cmocka_unit_test(whatever_is_under_way_at_the_end_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
