/* publisher_refusals_test.c: what is not published, and of what nobody knows whether it was. */
#include "publisher_support.h"

#include "base/cleanup.h"
#include "engine/log/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Refusals -------------------------------------------------------------------------------- */

static void before_the_feed_is_level_nothing_is_taken(void **state) {
    (void)state;
    struct reel_error error;
    struct rig *rig = rig_started(&(struct rig_options){.down = true});
    struct call *call = call_of(rig, NUMBERS(1));
    assert_int_equal(feed_push(rig->feed, &call->job, &error), -EAGAIN);
    assert_sentence(&error, "");
    assert_true(call->job.done == call_done && call->job.context == call);
    assert_null(call->job.work.pending);
    fake_set(rig, &rig->broker.answers, true);
    fake_set(rig, &rig->broker.down, false);
    WAIT_UNTIL(metrics_of(rig).in_sync);
    await_call(pushed(call), 0); /* the same job */
    assert_result(call, 0, 1, false);
    call_free(call);
    closed_after(rig, 1);
}

static void what_the_broker_does_not_take_is_told(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync();
    rig->broker.publish_rc = -E2BIG;
    struct call *call = pushed(call_of(rig, NUMBERS(1, 2)));
    await_call(call, -E2BIG);
    assert_sentence(&call->job.work.error, "the fake broker takes nothing");
    call_free(call);
    closed_after(rig, 0);
}

static void what_the_stream_does_not_take_is_told(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync();
    struct call *call = pushed(call_of(rig, NUMBERS(1, 2)));
    WAIT_UNTIL(fake_published(rig) == 2);
    fake_tell(rig, 1, -EAGAIN, 0, false, "no stream takes it just now");
    await_call(call, -EAGAIN);
    assert_sentence(&call->job.work.error, "no stream takes it");
    fake_tell(rig, 0, 0, 1, false, NULL); /* for nobody */
    fake_add_published(rig, 0);
    WAIT_UNTIL(reel_cursor(rig->reel) == 1);
    assert_int_equal(call->times, 1);
    call_free(call);
    closed_after(rig, 0);
}

static void what_is_refused_by_its_subject_is_told_to_all_that_have_it(void **state) {
    (void)state;
    static const char subject[] = "cellos.events.event.dev%2Ecellos";
    struct rig *rig = rig_in_sync();
    struct call *one = pushed(call_of(rig, NUMBERS(1))), *two = pushed(call_of(rig, NUMBERS(2)));
    WAIT_UNTIL(fake_published(rig) == 2);
    feed_refused(rig->feed, STR("cellos.events.event.other"), true, "not this one");
    feed_refused(rig->feed, reel_text(subject), true, "nor one that only begins so");
    assert_false(fake_is(rig, &one->done) || fake_is(rig, &two->done));
    feed_refused(rig->feed, reel_text(subject), false, "no permission"); /* words that were cut */
    await_call(one, -EAGAIN);
    await_call(two, -EAGAIN);
    assert_sentence(&one->job.work.error, "no permission");
    call_free(one);
    call_free(two);
    closed_after(rig, 0);
}

/* The stream says that it has the event, at a place where we have another one. */
static void what_the_stream_leaves_out_for_another_message_is_told(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync();
    fake_add(rig, 9, false);
    WAIT_UNTIL(reel_cursor(rig->reel) == 1);
    struct call *call = pushed(call_of(rig, NUMBERS(1)));
    WAIT_UNTIL(fake_published(rig) == 1);
    fake_tell(rig, 0, 0, 1, true, NULL);
    WAIT_UNTIL(fake_published(rig) == 2); /* it was tried again, and is not there */
    fake_tell(rig, 1, 0, 1, true, NULL);
    await_call(call, -EAGAIN);
    assert_sentence(&call->job.work.error, "message 1 has the same Nats-Msg-Id");
    call_free(call);
    closed_after(rig, 0);
}

static void what_would_never_come_back_is_not_published(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync_with(&(struct rig_options){.filter = "cellos.events.cells.>"});
    struct call *call = pushed(call_of(rig, NUMBERS(1)));
    await_call(call, -EPROTO);
    assert_sentence(&call->job.work.error, "it would never come back");
    assert_int_equal(fake_published(rig), 0);
    call_free(call);
    closed_after(rig, 0);
}

static void what_is_no_event_is_refused_by_the_trying(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync();
    struct call *call = call_of(rig, NUMBERS(1, 2));
    call->payloads[1] = STR("{");
    await_call(pushed(call), -EINVAL);
    assert_sentence(&call->job.work.error, "no JSON");
    assert_int_equal(fake_published(rig), 0);
    call_free(call);
    closed_after(rig, 0);
}

/* ---- What nobody knows ----------------------------------------------------------------------- */

static void a_lost_connection_leaves_it_unclear(void **state) {
    (void)state;
    struct call *call;
    struct rig *rig = rig_in_sync();
    publish_one(rig, &call);
    fake_set(rig, &rig->broker.cut, true);
    await_call(call, -EAGAIN);
    assert_sentence(&call->job.work.error, "sent again, it will be there once");
    call_free(call);
    fake_add_published(rig, 0); /* it was there */
    WAIT_UNTIL(metrics_of(rig).in_sync && reel_cursor(rig->reel) == 1);
    call = pushed(call_of(rig, NUMBERS(1)));
    await_call(call, 0);
    assert_result(call, 0, 1, true);
    assert_int_equal(fake_published(rig), 1);
    call_free(call);
    closed_after(rig, 0);
}

static void what_has_come_back_is_clear_all_the_same(void **state) {
    (void)state;
    struct call *call;
    struct rig *rig = rig_in_sync();
    publish_one(rig, &call);
    fake_add_published(rig, 0);
    WAIT_UNTIL(reel_cursor(rig->reel) == 1);
    fake_add(rig, 2, false); /* so that the first has been counted, too */
    WAIT_UNTIL(reel_cursor(rig->reel) == 2);
    fake_set(rig, &rig->broker.cut, true);
    await_call(call, 0);
    assert_result(call, 0, 1, false);
    call_free(call);
    closed_after(rig, 1);
}

static void it_is_waited_for_only_so_long(void **state) {
    (void)state;
    struct call *call;
    struct rig *rig = rig_in_sync_with(&(struct rig_options){.publish_ms_max = 100});
    publish_one(rig, &call);
    await_call(call, -EAGAIN);
    assert_sentence(&call->job.work.error, "publish_ms_max");
    call_free(call);
    closed_after(rig, 0);
}

static void an_answer_that_concerns_nobody_is_passed_over(void **state) {
    (void)state;
    uint8_t id_hash[16];
    struct rig *rig = rig_in_sync();
    fake_id(9, id_hash);
    feed_published(rig->feed, id_hash, 0, 1, false, NULL);
    feed_published(rig->feed, id_hash, -EAGAIN, 0, false, "no");
    closed_after(rig, 0);
}

UNIT_TESTS(publisher_refusals_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_feed_is_level_nothing_is_taken),
        cmocka_unit_test(what_the_broker_does_not_take_is_told),
        cmocka_unit_test(what_the_stream_does_not_take_is_told),
        cmocka_unit_test(what_is_refused_by_its_subject_is_told_to_all_that_have_it),
        cmocka_unit_test(what_the_stream_leaves_out_for_another_message_is_told),
        cmocka_unit_test(what_would_never_come_back_is_not_published),
        cmocka_unit_test(what_is_no_event_is_refused_by_the_trying),
        cmocka_unit_test(a_lost_connection_leaves_it_unclear),
        cmocka_unit_test(what_has_come_back_is_clear_all_the_same),
        cmocka_unit_test(it_is_waited_for_only_so_long),
        cmocka_unit_test(an_answer_that_concerns_nobody_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
