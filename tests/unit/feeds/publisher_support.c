/* publisher_support.c: see publisher_support.h. */
#include "publisher_support.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

void call_done(struct job *job) {
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
struct call *call_of(struct rig *rig, const unsigned *numbers, size_t count) {
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

struct call *command_of(struct rig *rig, const char *body, const char *idempotency_key) {
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

struct call *pushed(struct call *call) {
    struct reel_error error;
    must_ok(feed_push(call->rig->feed, &call->job, &error), error);
    return call;
}

void await_call(struct call *call, int rc) {
    WAIT_UNTIL(fake_is(call->rig, &call->done));
    if (call->job.work.rc != rc)
        fail_msg("%d instead of %d: %s", call->job.work.rc, rc, call->job.work.error.text);
    assert_int_equal(call->times, 1);
}

void call_free(struct call *call) {
    work_finish(&call->job.work);
    free(call);
}

void assert_result(const struct call *call, size_t i, uint64_t seq, bool repeated) {
    assert_int_equal(call->results[i].seq, seq);
    assert_int_equal(call->results[i].repeated, repeated);
    assert_int_equal(call->results[i].outcome, REEL_APPLIED);
}

struct rig *rig_in_sync_with(const struct rig_options *options) {
    struct rig *rig = rig_started(options);
    WAIT_UNTIL(metrics_of(rig).in_sync);
    return rig;
}

struct rig *rig_in_sync(void) {
    return rig_in_sync_with(&(struct rig_options){0});
}

/* Nothing is left over: neither what waits, nor a figure. */
void closed_after(struct rig *rig, uint64_t published) {
    WAIT_UNTIL(metrics_of(rig).publishing == 0);
    assert_int_equal(metrics_of(rig).published, published);
    rig_closed(rig);
}

void publish_one(struct rig *rig, struct call **ret) {
    *ret = pushed(call_of(rig, NUMBERS(1)));
    WAIT_UNTIL(fake_published(rig) == 1);
}
