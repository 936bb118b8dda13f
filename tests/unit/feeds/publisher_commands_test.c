/* publisher_commands_test.c: commands that are published, and what they are answered with. */
#include "publisher_support.h"

#include "base/cleanup.h"
#include "engine/log/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Commands -------------------------------------------------------------------------------- */

static void a_command_is_answered_with_its_record(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync();
    fake_add(rig, 50, false);
    WAIT_UNTIL(reel_cursor(rig->reel) == 1);
    fake_set(rig, &rig->broker.answers, true);
    for (size_t i = 0; i < 2; i++) {
        struct call *call = pushed(command_of(rig, GOOD_BODY, "k"));
        await_call(call, 0);
        const struct reel_command_result *answer = &call->job.work.answer;
        assert_true(answer->accepted && answer->repeated == (i == 1));
        assert_int_equal(answer->seq, 2);
        char *record = record_text(rig->reel, "formations", answer->key);
        assert_string_equal(answer->record, record);
        free(record);
        call_free(call);
    }
    assert_int_equal(rig->broker.last_seq, 2);
    closed_after(rig, 1);
}

/* What another daemon had taken in between makes the record what it is. */
static void the_record_is_what_the_streams_order_made_of_it(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync();
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
    await_call(call, 0);
    char *record = record_text(rig->reel, "formations", key);
    assert_int_equal(call->job.work.answer.seq, 2);
    assert_string_equal(call->job.work.answer.record, record);
    free(record);
    call_free(call);
    closed_after(rig, 1);
}

/* Both are on their way when the stream takes the first and leaves the second out. */
static void the_same_key_with_another_body_is_refused_also_on_the_way(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync();
    struct call *first = pushed(command_of(rig, GOOD_BODY, "k"));
    struct call *second = pushed(command_of(rig, GOOD_BODY " ", "k"));
    WAIT_UNTIL(fake_published(rig) == 2);
    fake_add_published(rig, 0);
    fake_tell(rig, 0, 0, 1, false, NULL);
    fake_tell(rig, 1, 0, 1, true, NULL);
    await_call(first, 0);
    await_call(second, 0);
    assert_true(first->job.work.answer.accepted);
    assert_false(second->job.work.answer.accepted);
    assert_int_equal(second->job.work.answer.refusal, REEL_KEY_REUSED);
    call_free(first);
    call_free(second);
    second = pushed(command_of(rig, GOOD_BODY " ", "k")); /* and when it is known */
    await_call(second, 0);
    assert_int_equal(second->job.work.answer.refusal, REEL_KEY_REUSED);
    call_free(second);
    closed_after(rig, 2);
}

/* Not why it would have been rejected by the trying. */
static void a_rejected_event_is_told_with_the_reason(void **state) {
    (void)state;
    static const char event[] = "{\"specversion\":\"1.0\",\"id\":\"r\",\"source\":\"/t\",\"type\":"
                                "\"dev.cellos.events.cell.formation.v1.created\"}";
    struct rig *rig = rig_in_sync();
    struct call *call = call_of(rig, NUMBERS(1));
    call->payloads[0] = reel_text(event);
    pushed(call);
    WAIT_UNTIL(fake_published(rig) == 1);
    fake_add(rig, 50, false);
    fake_add_published(rig, 0);
    fake_tell(rig, 0, 0, 2, false, NULL);
    await_call(call, 0);
    assert_int_equal(call->results[0].seq, 2);
    assert_int_equal(call->results[0].outcome, REEL_REJECTED);
    assert_string_equal(call->results[0].collection, "formations");
    assert_string_equal(call->results[0].reason, "event missing formationId");
    assert_int_equal(call->job.work.rejections.count, 1);
    assert_int_equal(call->job.work.rejections.list[0]->seq, 2);
    call_free(call);
    closed_after(rig, 1);
}

static void a_command_that_is_refused_is_answered_at_once(void **state) {
    (void)state;
    struct rig *rig = rig_in_sync();
    struct call *call = pushed(command_of(rig, "{\"name\":\"n\",\"members\":[]}", NULL));
    await_call(call, 0);
    assert_false(call->job.work.answer.accepted);
    assert_int_equal(fake_published(rig), 0);
    call_free(call);
    closed_after(rig, 0);
}

UNIT_TESTS(publisher_commands_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_answered_with_its_record),
        cmocka_unit_test(the_record_is_what_the_streams_order_made_of_it),
        cmocka_unit_test(the_same_key_with_another_body_is_refused_also_on_the_way),
        cmocka_unit_test(a_rejected_event_is_told_with_the_reason),
        cmocka_unit_test(a_command_that_is_refused_is_answered_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
