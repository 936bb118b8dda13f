/* publisher_test.c: those who wait for what they published, with a broker in memory that does only
 * what the test says (fake_broker.h): in whatever order things come, each is answered once, and
 * truly. */
#include "fake_broker.h"

#include "base/cleanup.h"
#include "engine/log/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

enum { EVENTS_MAX = 4 };

struct call {
    struct job job; /* first */
    char space[EVENTS_MAX][FAKE_EVENT_ROOM];
    struct reel_str payloads[EVENTS_MAX];
    struct reel_result results[EVENTS_MAX];
    struct reel_command_request request;
    struct rig *rig;
    bool done; /* under the broker's lock */
    size_t times;
};

static void call_done(struct job *job) {
    struct call *call = (struct call *)job;
    must(job->context == call && !job->work.pending);
    HOLD_LOCK(&call->rig->broker.lock);
    call->done = true;
    call->times++;
}

static struct call *new_call(struct rig *rig) {
    struct call *call = calloc(1, sizeof *call);
    must(call);
    call->rig = rig;
    call->job.done = call_done;
    call->job.context = call;
    return call;
}

/* Of the events with these numbers. */
static struct call *call_of(struct rig *rig, const unsigned *numbers, size_t count) {
    struct call *call = new_call(rig);
    must(count <= EVENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t len = fake_event(numbers[i], call->space[i]);
        call->payloads[i] = (struct reel_str){call->space[i], len};
        call->job.bytes += len;
    }
    call->job.work = (struct work){
        .payloads = call->payloads, .count = count, .submitted = true, .results = call->results};
    return call;
}
#define NUMBERS(...)                                                                               \
    (const unsigned[]){__VA_ARGS__}, sizeof((const unsigned[]){__VA_ARGS__}) / sizeof(unsigned)

#define GOOD_BODY "{\"name\":\"n\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}]}"

static struct call *command_of(struct rig *rig, const char *body, const char *idempotency_key) {
    struct call *call = new_call(rig);
    call->request = (struct reel_command_request){
        .struct_size = sizeof(struct reel_command_request),
        .collection = reel_text("formations"),
        .verb = reel_text("create"),
        .body = reel_text(body),
        .idempotency_key = {idempotency_key, idempotency_key ? strlen(idempotency_key) : 0},
    };
    call->job.work = (struct work){.kind = WORK_COMMAND, .request = &call->request};
    return call;
}

static struct call *pushed(struct call *call) {
    struct reel_error error;
    must_ok(feed_push(call->rig->feed, &call->job, &error), error);
    return call;
}

static void await(struct call *call, int rc) {
    WAIT_UNTIL(fake_is(call->rig, &call->done));
    if (call->job.work.rc != rc)
        fail_msg("%d instead of %d: %s", call->job.work.rc, rc, call->job.work.error.text);
    assert_int_equal(call->times, 1);
}

static void dropped(struct call *call) {
    work_finish(&call->job.work);
    free(call);
}

static void assert_result(const struct call *call, size_t i, uint64_t seq, bool repeated) {
    assert_int_equal(call->results[i].seq, seq);
    assert_int_equal(call->results[i].repeated, repeated);
    assert_int_equal(call->results[i].outcome, REEL_APPLIED);
}

static struct rig *level_with(const struct rig_options *options) {
    struct rig *rig = rig_started(options);
    WAIT_UNTIL(metrics_of(rig).in_sync);
    return rig;
}

static struct rig *level(void) {
    return level_with(&(struct rig_options){0});
}

/* Nothing is left over: neither what waits, nor a figure. */
static void closed(struct rig *rig, uint64_t published) {
    WAIT_UNTIL(metrics_of(rig).publishing == 0);
    assert_int_equal(metrics_of(rig).published, published);
    rig_closed(rig);
}

static void publish_one(struct rig *rig, struct call **ret) {
    *ret = pushed(call_of(rig, NUMBERS(1)));
    WAIT_UNTIL(fake_published(rig) == 1);
}

/* ---- There and back -------------------------------------------------------------------------- */

static void what_is_told_first_comes_back_then(void **state) {
    (void)state;
    struct call *call;
    struct rig *rig = level();
    publish_one(rig, &call);
    fake_tell(rig, 0, 0, 1, false, NULL);
    assert_false(fake_is(rig, &call->done));
    assert_int_equal(metrics_of(rig).publishing, 1);
    fake_add_published(rig, 0);
    await(call, 0);
    assert_result(call, 0, 1, false);
    dropped(call);
    closed(rig, 1);
}

static void what_comes_back_first_is_told_then(void **state) {
    (void)state;
    struct call *call;
    struct rig *rig = level();
    publish_one(rig, &call);
    fake_add_published(rig, 0);
    WAIT_UNTIL(reel_cursor(rig->reel) == 1);
    assert_false(fake_is(rig, &call->done));
    fake_tell(rig, 0, 0, 1, false, NULL);
    await(call, 0);
    assert_result(call, 0, 1, false);
    dropped(call);
    closed(rig, 1);
}

/* The stream's numbers may be those that others had in the trying. */
static void results_have_the_streams_numbers(void **state) {
    (void)state;
    struct rig *rig = level();
    struct call *call = pushed(call_of(rig, NUMBERS(1, 2, 1, 3)));
    WAIT_UNTIL(fake_published(rig) == 3);
    fake_add(rig, 50, false);
    for (size_t i = 0; i < 3; i++) {
        fake_add_published(rig, i);
        fake_tell(rig, i, 0, i + 2, false, NULL);
    }
    await(call, 0);
    assert_result(call, 0, 2, false);
    assert_result(call, 1, 3, false);
    assert_result(call, 2, 2, true);
    assert_result(call, 3, 4, false);
    dropped(call);
    closed(rig, 3);
}

static void nobody_has_to_want_the_results(void **state) {
    (void)state;
    struct rig *rig = level();
    struct call *call = call_of(rig, NUMBERS(1));
    fake_set(rig, &rig->broker.answers, true);
    call->job.work.results = NULL;
    await(pushed(call), 0);
    dropped(call);
    closed(rig, 1);
}

static void an_event_that_is_known_is_not_published(void **state) {
    (void)state;
    struct rig *rig = level();
    fake_add(rig, 7, true);
    WAIT_UNTIL(reel_cursor(rig->reel) == 1);
    struct call *call = pushed(call_of(rig, NUMBERS(7)));
    await(call, 0);
    assert_result(call, 0, 1, true);
    assert_int_equal(fake_published(rig), 0);
    dropped(call);
    closed(rig, 0);
}

/* The stream has it since a time when nobody answered; it is on its way to us. */
static void a_repeat_that_is_yet_to_come_is_waited_for(void **state) {
    (void)state;
    struct call *call;
    struct rig *rig = level();
    publish_one(rig, &call);
    fake_tell(rig, 0, 0, 1, true, NULL);
    fake_add_published(rig, 0);
    await(call, 0);
    assert_result(call, 0, 1, true);
    dropped(call);
    closed(rig, 1);
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
    struct rig *rig = level();
    struct call *call = overtaken(rig, call_of(rig, NUMBERS(1)));
    assert_false(fake_is(rig, &call->done));
    fake_tell(rig, 0, 0, 1, true, NULL);
    await(call, 0);
    assert_result(call, 0, 1, true);
    assert_int_equal(fake_published(rig), 1);
    dropped(call);
    closed(rig, 0);
}

/* The answer is one to an earlier call, whose time was up, so that it does not say `repeated`. */
static void it_is_so_whatever_the_answer_says_about_repeats(void **state) {
    (void)state;
    struct rig *rig = level();
    struct call *call = overtaken(rig, call_of(rig, NUMBERS(1)));
    fake_tell(rig, 0, 0, 1, false, NULL);
    await(call, 0);
    assert_result(call, 0, 1, true);
    dropped(call);
    closed(rig, 0);
}

/* It is tried again when nothing else is on its way: else that would be published a second time,
 * and come back when nobody waits for it. */
static void the_rest_of_a_batch_comes_first(void **state) {
    (void)state;
    struct rig *rig = level();
    struct call *call = overtaken(rig, call_of(rig, NUMBERS(1, 2)));
    fake_tell(rig, 0, 0, 1, true, NULL);
    fake_tell(rig, 1, 0, 2, false, NULL);
    assert_false(fake_is(rig, &call->done));
    fake_add_published(rig, 1);
    await(call, 0);
    assert_int_equal(fake_published(rig), 2);
    assert_int_equal(call->results[0].seq, 1);
    assert_int_equal(call->results[1].seq, 2);
    dropped(call);
    closed(rig, 0);
}

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
    await(pushed(call), 0); /* the same job */
    assert_result(call, 0, 1, false);
    dropped(call);
    closed(rig, 1);
}

static void what_the_broker_does_not_take_is_told(void **state) {
    (void)state;
    struct rig *rig = level();
    rig->broker.publish_rc = -E2BIG;
    struct call *call = pushed(call_of(rig, NUMBERS(1, 2)));
    await(call, -E2BIG);
    assert_sentence(&call->job.work.error, "the fake broker takes nothing");
    dropped(call);
    closed(rig, 0);
}

static void what_the_stream_does_not_take_is_told(void **state) {
    (void)state;
    struct rig *rig = level();
    struct call *call = pushed(call_of(rig, NUMBERS(1, 2)));
    WAIT_UNTIL(fake_published(rig) == 2);
    fake_tell(rig, 1, -EAGAIN, 0, false, "no stream takes it just now");
    await(call, -EAGAIN);
    assert_sentence(&call->job.work.error, "no stream takes it");
    fake_tell(rig, 0, 0, 1, false, NULL); /* for nobody */
    fake_add_published(rig, 0);
    WAIT_UNTIL(reel_cursor(rig->reel) == 1);
    assert_int_equal(call->times, 1);
    dropped(call);
    closed(rig, 0);
}

static void what_is_refused_by_its_subject_is_told_to_all_that_have_it(void **state) {
    (void)state;
    static const char subject[] = "cellos.events.event.dev%2Ecellos";
    struct rig *rig = level();
    struct call *one = pushed(call_of(rig, NUMBERS(1))), *two = pushed(call_of(rig, NUMBERS(2)));
    WAIT_UNTIL(fake_published(rig) == 2);
    feed_refused(rig->feed, STR("cellos.events.event.other"), true, "not this one");
    feed_refused(rig->feed, reel_text(subject), true, "nor one that only begins so");
    assert_false(fake_is(rig, &one->done) || fake_is(rig, &two->done));
    feed_refused(rig->feed, reel_text(subject), false, "no permission"); /* words that were cut */
    await(one, -EAGAIN);
    await(two, -EAGAIN);
    assert_sentence(&one->job.work.error, "no permission");
    dropped(one);
    dropped(two);
    closed(rig, 0);
}

/* The stream says that it has the event, at a place where we have another one. */
static void what_the_stream_leaves_out_for_another_message_is_told(void **state) {
    (void)state;
    struct rig *rig = level();
    fake_add(rig, 9, false);
    WAIT_UNTIL(reel_cursor(rig->reel) == 1);
    struct call *call = pushed(call_of(rig, NUMBERS(1)));
    WAIT_UNTIL(fake_published(rig) == 1);
    fake_tell(rig, 0, 0, 1, true, NULL);
    WAIT_UNTIL(fake_published(rig) == 2); /* it was tried again, and is not there */
    fake_tell(rig, 1, 0, 1, true, NULL);
    await(call, -EAGAIN);
    assert_sentence(&call->job.work.error, "message 1 has the same Nats-Msg-Id");
    dropped(call);
    closed(rig, 0);
}

static void what_would_never_come_back_is_not_published(void **state) {
    (void)state;
    struct rig *rig = level_with(&(struct rig_options){.filter = "cellos.events.cells.>"});
    struct call *call = pushed(call_of(rig, NUMBERS(1)));
    await(call, -EPROTO);
    assert_sentence(&call->job.work.error, "it would never come back");
    assert_int_equal(fake_published(rig), 0);
    dropped(call);
    closed(rig, 0);
}

static void what_is_no_event_is_refused_by_the_trying(void **state) {
    (void)state;
    struct rig *rig = level();
    struct call *call = call_of(rig, NUMBERS(1, 2));
    call->payloads[1] = STR("{");
    await(pushed(call), -EINVAL);
    assert_sentence(&call->job.work.error, "no JSON");
    assert_int_equal(fake_published(rig), 0);
    dropped(call);
    closed(rig, 0);
}

/* ---- What nobody knows ----------------------------------------------------------------------- */

static void a_lost_connection_leaves_it_unclear(void **state) {
    (void)state;
    struct call *call;
    struct rig *rig = level();
    publish_one(rig, &call);
    fake_set(rig, &rig->broker.cut, true);
    await(call, -EAGAIN);
    assert_sentence(&call->job.work.error, "sent again, it will be there once");
    dropped(call);
    fake_add_published(rig, 0); /* it was there */
    WAIT_UNTIL(metrics_of(rig).in_sync && reel_cursor(rig->reel) == 1);
    call = pushed(call_of(rig, NUMBERS(1)));
    await(call, 0);
    assert_result(call, 0, 1, true);
    assert_int_equal(fake_published(rig), 1);
    dropped(call);
    closed(rig, 0);
}

static void what_has_come_back_is_clear_all_the_same(void **state) {
    (void)state;
    struct call *call;
    struct rig *rig = level();
    publish_one(rig, &call);
    fake_add_published(rig, 0);
    WAIT_UNTIL(reel_cursor(rig->reel) == 1);
    fake_add(rig, 2, false); /* so that the first has been counted, too */
    WAIT_UNTIL(reel_cursor(rig->reel) == 2);
    fake_set(rig, &rig->broker.cut, true);
    await(call, 0);
    assert_result(call, 0, 1, false);
    dropped(call);
    closed(rig, 1);
}

static void it_is_waited_for_only_so_long(void **state) {
    (void)state;
    struct call *call;
    struct rig *rig = level_with(&(struct rig_options){.publish_ms_max = 100});
    publish_one(rig, &call);
    await(call, -EAGAIN);
    assert_sentence(&call->job.work.error, "publish_ms_max");
    dropped(call);
    closed(rig, 0);
}

static void an_answer_that_concerns_nobody_is_passed_over(void **state) {
    (void)state;
    uint8_t id_hash[16];
    struct rig *rig = level();
    fake_id(9, id_hash);
    feed_published(rig->feed, id_hash, 0, 1, false, NULL);
    feed_published(rig->feed, id_hash, -EAGAIN, 0, false, "no");
    closed(rig, 0);
}

/* ---- Several at once ------------------------------------------------------------------------- */

static void two_of_the_same_event_are_both_answered(void **state) {
    (void)state;
    struct rig *rig = level();
    struct call *calls[2];
    for (size_t i = 0; i < 2; i++) {
        calls[i] = pushed(call_of(rig, NUMBERS(1)));
        WAIT_UNTIL(fake_published(rig) == i + 1);
    }
    fake_tell(rig, 0, 0, 1, false, NULL);
    fake_tell(rig, 1, 0, 1, true, NULL);
    fake_add_published(rig, 0);
    for (size_t i = 0; i < 2; i++) {
        await(calls[i], 0);
        assert_result(calls[i], 0, 1, i == 1);
        dropped(calls[i]);
    }
    closed(rig, 2);
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
    struct rig *rig = level();
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

/* ---- Commands -------------------------------------------------------------------------------- */

static void a_command_is_answered_with_its_record(void **state) {
    (void)state;
    struct rig *rig = level();
    fake_add(rig, 50, false);
    WAIT_UNTIL(reel_cursor(rig->reel) == 1);
    fake_set(rig, &rig->broker.answers, true);
    for (size_t i = 0; i < 2; i++) {
        struct call *call = pushed(command_of(rig, GOOD_BODY, "k"));
        await(call, 0);
        const struct reel_command_result *answer = &call->job.work.answer;
        assert_true(answer->accepted && answer->repeated == (i == 1));
        assert_int_equal(answer->seq, 2);
        char *record = record_text(rig->reel, "formations", answer->key);
        assert_string_equal(answer->record, record);
        free(record);
        dropped(call);
    }
    assert_int_equal(rig->broker.last_seq, 2);
    closed(rig, 1);
}

/* What another daemon had taken in between makes the record what it is. */
static void the_record_is_what_the_streams_order_made_of_it(void **state) {
    (void)state;
    struct rig *rig = level();
    struct call *call = pushed(command_of(rig, GOOD_BODY, "k"));
    WAIT_UNTIL(fake_published(rig) == 1);
    const struct fake_published *published = &rig->broker.published[0];
    const char *name = strstr(published->bytes, "\"formationId\"");
    must(name);
    char event[1024], key[64];
    must(sscanf(name, "\"formationId\":\"%63[^\"]\"", key) == 1);
    int len = snprintf(event, sizeof event,
                       "{\"specversion\":\"1.0\",\"id\":\"x\",\"source\":\"/t\",\"type\":"
                       "\"dev.cellos.events.cell.formation.v1.launching\",\"data\":{"
                       "\"formationId\":\"%s\",\"formationName\":\"other\"}}",
                       key);
    fake_add_bytes(rig, event, (size_t)len, NULL);
    fake_add_published(rig, 0);
    fake_tell(rig, 0, 0, 2, false, NULL);
    await(call, 0);
    char *record = record_text(rig->reel, "formations", key);
    assert_int_equal(call->job.work.answer.seq, 2);
    assert_string_equal(call->job.work.answer.record, record);
    free(record);
    dropped(call);
    closed(rig, 1);
}

/* Both are on their way when the stream takes the first and leaves the second out. */
static void the_same_key_with_another_body_is_refused_also_on_the_way(void **state) {
    (void)state;
    struct rig *rig = level();
    struct call *first = pushed(command_of(rig, GOOD_BODY, "k"));
    struct call *second = pushed(command_of(rig, GOOD_BODY " ", "k"));
    WAIT_UNTIL(fake_published(rig) == 2);
    fake_add_published(rig, 0);
    fake_tell(rig, 0, 0, 1, false, NULL);
    fake_tell(rig, 1, 0, 1, true, NULL);
    await(first, 0);
    await(second, 0);
    assert_true(first->job.work.answer.accepted);
    assert_false(second->job.work.answer.accepted);
    assert_int_equal(second->job.work.answer.refusal, REEL_KEY_REUSED);
    dropped(first);
    dropped(second);
    second = pushed(command_of(rig, GOOD_BODY " ", "k")); /* and when it is known */
    await(second, 0);
    assert_int_equal(second->job.work.answer.refusal, REEL_KEY_REUSED);
    dropped(second);
    closed(rig, 2);
}

/* Not why it would have been rejected by the trying. */
static void a_rejected_event_is_told_with_the_reason(void **state) {
    (void)state;
    static const char event[] = "{\"specversion\":\"1.0\",\"id\":\"r\",\"source\":\"/t\",\"type\":"
                                "\"dev.cellos.events.cell.formation.v1.created\"}";
    struct rig *rig = level();
    struct call *call = call_of(rig, NUMBERS(1));
    call->payloads[0] = reel_text(event);
    pushed(call);
    WAIT_UNTIL(fake_published(rig) == 1);
    fake_add(rig, 50, false);
    fake_add_published(rig, 0);
    fake_tell(rig, 0, 0, 2, false, NULL);
    await(call, 0);
    assert_int_equal(call->results[0].seq, 2);
    assert_int_equal(call->results[0].outcome, REEL_REJECTED);
    assert_string_equal(call->results[0].collection, "formations");
    assert_string_equal(call->results[0].reason, "event missing formationId");
    assert_int_equal(call->job.work.rejections.count, 1);
    assert_int_equal(call->job.work.rejections.list[0]->seq, 2);
    dropped(call);
    closed(rig, 1);
}

static void a_command_that_is_refused_is_answered_at_once(void **state) {
    (void)state;
    struct rig *rig = level();
    struct call *call = pushed(command_of(rig, "{\"name\":\"n\",\"members\":[]}", NULL));
    await(call, 0);
    assert_false(call->job.work.answer.accepted);
    assert_int_equal(fake_published(rig), 0);
    dropped(call);
    closed(rig, 0);
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
    struct rig *rig = level();
    struct drain waiting = {.rig = rig};
    publish_one(rig, &call);
    must(pthread_create(&thread, NULL, drain, &waiting) == 0);
    struct call *late = command_of(rig, "{", NULL); /* the trying answers it */
    int rc;
    while ((rc = feed_push(rig->feed, &late->job, &error)) == 0) {
        await(late, 0);
        dropped(late);
        late = command_of(rig, "{", NULL);
    }
    assert_int_equal(rc, -ESHUTDOWN);
    assert_sentence(&error, "about to end");
    assert_false(fake_is(rig, &waiting.over));
    free(late);
    fake_set(rig, &rig->broker.cut, true);
    must(pthread_join(thread, NULL) == 0);
    await(call, -EAGAIN);
    dropped(call);
    closed(rig, 0);
}

static void draining_ends_with_its_time(void **state) {
    (void)state;
    struct call *call;
    struct rig *rig = level();
    publish_one(rig, &call);
    feed_drain(rig->feed, 10);
    assert_false(fake_is(rig, &call->done));
    rig_stop(rig);
    assert_int_equal(call->times, 1);
    assert_int_equal(call->job.work.rc, -EAGAIN);
    dropped(call);
    rig_free(rig);
}

/* Whether it is with the writer, in the queue or on its way. */
static void whatever_is_under_way_at_the_end_is_answered(void **state) {
    (void)state;
    enum { CALLS = 20 };
    uint64_t random = 3;
    for (size_t i = 0; i < scaled(100); i++) {
        struct rig *rig = level();
        struct call *calls[CALLS];
        fake_set(rig, &rig->broker.answers, i % 2 == 0);
        for (unsigned n = 0; n < CALLS; n++) calls[n] = pushed(call_of(rig, NUMBERS(n, n + 100)));
        for (size_t pauses = random_below(&random, 4); pauses > 0; pauses--) rig_pause();
        rig_stop(rig);
        for (size_t n = 0; n < CALLS; n++) {
            int rc = calls[n]->job.work.rc;
            assert_int_equal(calls[n]->times, 1);
            assert_true(rc == 0 || rc == -EAGAIN || rc == -ESHUTDOWN);
            dropped(calls[n]);
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
        cmocka_unit_test(two_of_the_same_event_are_both_answered),
        cmocka_unit_test(many_senders_and_cuts_leave_each_event_once),
        cmocka_unit_test(a_command_is_answered_with_its_record),
        cmocka_unit_test(the_record_is_what_the_streams_order_made_of_it),
        cmocka_unit_test(the_same_key_with_another_body_is_refused_also_on_the_way),
        cmocka_unit_test(a_rejected_event_is_told_with_the_reason),
        cmocka_unit_test(a_command_that_is_refused_is_answered_at_once),
        cmocka_unit_test(draining_waits_for_what_is_under_way_and_takes_no_more),
        cmocka_unit_test(draining_ends_with_its_time),
        cmocka_unit_test(whatever_is_under_way_at_the_end_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
