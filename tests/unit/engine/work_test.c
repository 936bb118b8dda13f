/* work_test.c: works that are done together come out as if they had been done one by one. */
#include "unit.h"

#include "engine/work.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

enum { EVENT_ROOM = 512, GROUP_MAX = 32 };

static struct reel *opened(void) {
    struct reel_options options = {.batch_events_max = 8};
    return reel_opened(NULL, &options, CELL_SO, FORMATION_SO, NULL);
}

/* A cell's beginning, with an id of its own. */
static struct reel_str event_of(unsigned n, char space[EVENT_ROOM]) {
    int len = snprintf(space, EVENT_ROOM,
                       "{\"specversion\":\"1.0\",\"id\":\"e-%u\",\"source\":\"/t\","
                       "\"type\":\"dev.cellos.events.cell.lifecycle.v1.started\","
                       "\"data\":{\"cellId\":\"cell-%u\",\"specId\":\"s\"}}",
                       n, n);
    must(len > 0 && len < EVENT_ROOM);
    return (struct reel_str){space, (size_t)len};
}

/* Submitted events. */
static struct work events_work(const struct reel_str *payloads, size_t count,
                               struct reel_result *results) {
    return (struct work){
        .payloads = payloads, .count = count, .submitted = true, .results = results};
}

static struct reel_command_request create_request(const char *body, const char *idempotency_key) {
    return (struct reel_command_request){
        .struct_size = sizeof(struct reel_command_request),
        .collection = reel_text("formations"),
        .verb = reel_text("create"),
        .body = reel_text(body),
        .idempotency_key = {idempotency_key, idempotency_key ? strlen(idempotency_key) : 0},
    };
}

static struct work command_work(const struct reel_command_request *request) {
    return (struct work){.kind = WORK_COMMAND, .request = request};
}

#define GOOD_BODY "{\"name\":\"n\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}]}"

static void run_all(struct reel *reel, struct work *works, size_t count) {
    struct work *group[GROUP_MAX];
    must(count <= GROUP_MAX);
    for (size_t i = 0; i < count; i++) group[i] = &works[i];
    works_run(reel, group, count);
}

static void assert_result(const struct reel_result *result, uint64_t seq, bool repeated) {
    assert_int_equal(result->seq, seq);
    assert_int_equal(result->repeated, repeated);
    assert_int_equal(result->outcome, REEL_APPLIED);
}

/* ---- Repeats --------------------------------------------------------------------------------- */

static void an_event_that_is_twice_in_a_batch_is_appended_once(void **state) {
    (void)state;
    char space[2][EVENT_ROOM];
    struct reel_result results[3];
    struct reel *reel = opened();
    struct reel_str one = event_of(1, space[0]), two = event_of(2, space[1]);
    struct reel_str payloads[] = {one, two, one};
    struct work work = events_work(payloads, 3, results);
    run_all(reel, &work, 1);
    assert_int_equal(work.rc, 0);
    assert_result(&results[0], 1, false);
    assert_result(&results[1], 2, false);
    assert_result(&results[2], 1, true);
    assert_int_equal(position_of(reel).head, 2);
    reel_close(reel);
}

static void an_event_that_is_twice_in_a_group_is_appended_once(void **state) {
    (void)state;
    char space[EVENT_ROOM];
    struct reel_result results[3];
    struct work works[3];
    struct reel *reel = opened();
    struct reel_str event = event_of(1, space);
    for (size_t i = 0; i < 3; i++) works[i] = events_work(&event, 1, &results[i]);
    run_all(reel, works, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(works[i].rc, 0);
        assert_result(&results[i], 1, i > 0);
    }
    run_all(reel, works, 3); /* nothing is written, and it is known all the same */
    for (size_t i = 0; i < 3; i++) assert_result(&results[i], 1, true);
    assert_int_equal(position_of(reel).head, 1);
    reel_close(reel);
}

static void a_command_that_is_twice_in_a_group_is_done_once(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct reel_command_request request = create_request(GOOD_BODY, "again");
    struct work works[] = {command_work(&request), command_work(&request)};
    run_all(reel, works, 2);
    assert_int_equal(works[0].rc, 0);
    assert_int_equal(works[1].rc, 0);
    assert_true(works[0].answer.accepted && !works[0].answer.repeated);
    assert_true(works[1].answer.accepted && works[1].answer.repeated);
    assert_int_equal(works[1].answer.seq, 1);
    assert_string_equal(works[1].answer.key, works[0].answer.key);
    assert_string_equal(works[1].answer.record, works[0].answer.record);
    assert_int_equal(position_of(reel).head, 1);
    for (size_t i = 0; i < 2; i++) reel_command_result_finish(&works[i].answer);
    reel_close(reel);
}

static void a_command_without_a_key_is_done_each_time(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct reel_command_request request = create_request(GOOD_BODY, NULL);
    struct work works[] = {command_work(&request), command_work(&request)};
    run_all(reel, works, 2);
    assert_int_equal(works[0].answer.seq, 1);
    assert_int_equal(works[1].answer.seq, 2);
    assert_string_not_equal(works[1].answer.key, works[0].answer.key);
    for (size_t i = 0; i < 2; i++) reel_command_result_finish(&works[i].answer);
    reel_close(reel);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

/* The others are done, and what they were answered holds. */
static void assert_others_are_done(struct work *bad) {
    char space[3][EVENT_ROOM];
    struct reel_result results[3];
    struct reel *reel = opened();
    struct reel_str events[] = {event_of(1, space[0]), event_of(1, space[1]),
                                event_of(2, space[2])};
    struct reel_command_request request = create_request(GOOD_BODY, "k");
    struct work works[] = {events_work(&events[0], 1, &results[0]), command_work(&request), *bad,
                           events_work(&events[1], 1, &results[1]),
                           events_work(&events[2], 1, &results[2])};
    run_all(reel, works, 5);
    for (size_t i = 0; i < 5; i++)
        if (i != 2) assert_int_equal(works[i].rc, 0);
    *bad = works[2];
    assert_result(&results[0], 1, false);
    assert_int_equal(works[1].answer.seq, 2);
    assert_result(&results[1], 1, true);
    assert_result(&results[2], 3, false);
    assert_int_equal(position_of(reel).head, 3);
    reel_command_result_finish(&works[1].answer);
    reel_close(reel);
}

static void a_batch_is_undone_alone_and_wholly(void **state) {
    (void)state;
    char space[2][EVENT_ROOM];
    struct reel_str payloads[] = {event_of(7, space[0]), STR("{"), event_of(8, space[1])};
    struct work bad = events_work(payloads, 3, NULL);
    assert_others_are_done(&bad);
    assert_int_equal(bad.rc, -EINVAL);
    assert_sentence(&bad.error, "no JSON");
}

static void a_batch_that_is_too_large_is_refused_alone(void **state) {
    (void)state;
    char space[9][EVENT_ROOM];
    struct reel_str payloads[9];
    for (unsigned i = 0; i < 9; i++) payloads[i] = event_of(10 + i, space[i]);
    struct work bad = events_work(payloads, 9, NULL);
    assert_others_are_done(&bad);
    assert_int_equal(bad.rc, -E2BIG);
    assert_sentence(&bad.error, "at most 8");
}

static void an_unknown_command_is_refused_alone(void **state) {
    (void)state;
    struct reel_command_request request = create_request(GOOD_BODY, NULL);
    request.collection = reel_text("nothing");
    struct work bad = command_work(&request);
    assert_others_are_done(&bad);
    assert_int_equal(bad.rc, -ESRCH);
}

static void a_command_that_is_refused_is_so_alone(void **state) {
    (void)state;
    struct reel_command_request request = create_request("{\"name\":\"n\",\"members\":[]}", NULL);
    struct work bad = command_work(&request);
    assert_others_are_done(&bad);
    assert_int_equal(bad.rc, 0);
    assert_false(bad.answer.accepted);
    assert_string_equal(bad.answer.problem, "formation-no-coordinator");
}

/* As deep as JSON may be: one level more, within its event, and it is none. That shows only when
 * the event has been appended. */
static void a_command_is_undone_after_its_event_was_appended(void **state) {
    (void)state;
    char body[512] = "{\"name\":\"n\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}],\"deep\":";
    size_t len = strlen(body);
    memset(body + len, '[', 126);
    memset(body + len + 126, ']', 126);
    strcpy(body + len + 252, "}");
    struct reel_command_request request = create_request(body, NULL);
    struct work bad = command_work(&request);
    assert_others_are_done(&bad);
    assert_int_equal(bad.rc, 0);
    assert_false(bad.answer.accepted);
    assert_int_equal(bad.answer.seq, 0);
    assert_null(bad.answer.record);
    assert_non_null(strstr(bad.answer.detail, "deep"));
}

/* A fault costs the others no transaction, and so no sync, of their own. */
static void only_what_is_undone_is_done_apart(void **state) {
    (void)state;
    char space[GROUP_MAX][EVENT_ROOM];
    struct reel_str events[GROUP_MAX];
    struct reel_result results[GROUP_MAX];
    struct work works[GROUP_MAX], *group[GROUP_MAX];
    struct reel *reel = opened();
    struct reel_command_request stray = {.struct_size = sizeof stray,
                                         .collection = reel_text("nothing")};
    for (unsigned i = 0; i < GROUP_MAX; i++) {
        events[i] = event_of(i, space[i]);
        works[i] = i == 9 ? command_work(&stray) : events_work(&events[i], 1, &results[i]);
        group[i] = &works[i];
    }
    assert_int_equal(works_run(reel, group, GROUP_MAX), 2);
    for (unsigned i = 0; i < GROUP_MAX; i++) assert_int_equal(works[i].rc, i == 9 ? -ESRCH : 0);
    assert_result(&results[8], 9, false);
    assert_result(&results[10], 10, false);
    reel_close(reel);
}

/* What does not fit together may fit in parts, and what is behind the first that does not fit at
 * all is told the same. */
static void work_that_exceeds_one_transaction_is_done_in_several(void **state) {
    (void)state;
    enum { BYTES = 100 << 10 };
    static char large[BYTES] = "{\"type\":\"dev.cellos.events.cell.lifecycle.v1.started\","
                               "\"data\":{\"cellId\":\"0\",\"specId\":\"";
    char *id = strstr(large, ":\"0\"") + 2; /* records of their own, and large ones */
    struct reel_options options = {.map_bytes = 2 << 20};
    struct reel *reel = reel_opened(NULL, &options, CELL_SO, NULL);
    size_t len = strlen(large);
    memset(large + len, 'x', BYTES - 4 - len);
    memcpy(large + BYTES - 4, "\"}}", 4);
    struct reel_str payloads[GROUP_MAX];
    struct work works[GROUP_MAX], *group[GROUP_MAX];
    for (size_t i = 0; i < GROUP_MAX; i++) {
        *id = (char)('A' + i);
        payloads[i] = (struct reel_str){strdup(large), BYTES - 1};
        works[i] = (struct work){.payloads = &payloads[i], .count = 1};
        group[i] = &works[i];
    }
    assert_true(works_run(reel, group, GROUP_MAX) > 0);
    for (size_t i = 0; i < GROUP_MAX; i++) free((char *)payloads[i].data);
    size_t done = 0;
    while (done < GROUP_MAX && works[done].rc == 0) done++;
    assert_in_range(done, 4, GROUP_MAX - 1);
    for (size_t i = done; i < GROUP_MAX; i++) assert_int_equal(works[i].rc, -ENOSPC);
    assert_int_equal(position_of(reel).head, done);
    reel_close(reel);
}

/* ---- Order ----------------------------------------------------------------------------------- */

static void a_command_sees_what_came_before_it_in_its_group(void **state) {
    (void)state;
    static const char id[] = "11111111-1111-4111-8111-111111111111";
    struct reel *reel = opened();
    struct reel_result result;
    struct reel_str event = STR("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/t\",\"type\":"
                                "\"dev.cellos.events.cell.formation.v1.created\",\"data\":{"
                                "\"formationId\":\"11111111-1111-4111-8111-111111111111\"}}");
    struct reel_command_request request = {.struct_size = sizeof request,
                                           .collection = reel_text("formations"),
                                           .verb = reel_text("delete"),
                                           .key = reel_text(id)};
    struct work works[] = {command_work(&request), events_work(&event, 1, &result),
                           command_work(&request), command_work(&request)};
    run_all(reel, works, 4);
    assert_false(works[0].answer.accepted);
    assert_int_equal(works[0].answer.refusal, REEL_NOT_FOUND);
    assert_true(works[2].answer.accepted);
    assert_non_null(strstr(works[2].answer.record, "CANCELLED"));
    assert_false(works[3].answer.accepted);
    assert_int_equal(works[3].answer.refusal, REEL_CONFLICT);
    for (size_t i = 0; i < 4; i++) reel_command_result_finish(&works[i].answer);
    reel_close(reel);
}

/* ---- Together as one by one ------------------------------------------------------------------ */

/* A work at random: events, some of them known, some no events, or a command, some refused. */
struct random_work {
    char space[4][EVENT_ROOM];
    struct reel_str payloads[4];
    struct reel_result results[4];
    char key[16];
    struct reel_command_request request;
    struct work work;
};

static void make_events(struct random_work *made, uint64_t *random) {
    size_t count = random_below(random, 4) + 1;
    for (size_t i = 0; i < count; i++)
        made->payloads[i] = random_below(random, 30) == 0
                                ? STR("[")
                                : event_of((unsigned)random_below(random, 60), made->space[i]);
    made->work = events_work(made->payloads, count, made->results);
}

static void make_random(struct random_work *made, uint64_t *random) {
    memset(made, 0, sizeof *made);
    if (random_below(random, 3) > 0) {
        make_events(made, random);
        return;
    }
    snprintf(made->key, sizeof made->key, "k%zu", random_below(random, 40));
    made->request = create_request(random_below(random, 5) ? GOOD_BODY : "[]", made->key);
    made->work = command_work(&made->request);
}

static void assert_same_work(const struct work *a, const struct work *b) {
    assert_int_equal(a->rc, b->rc);
    if (a->rc < 0) {
        assert_string_equal(a->error.text, b->error.text);
    } else if (a->kind == WORK_EVENTS) {
        for (size_t i = 0; i < a->count; i++) {
            assert_int_equal(a->results[i].seq, b->results[i].seq);
            assert_int_equal(a->results[i].outcome, b->results[i].outcome);
            assert_int_equal(a->results[i].repeated, b->results[i].repeated);
        }
    } else {
        assert_int_equal(a->answer.accepted, b->answer.accepted);
        assert_int_equal(a->answer.repeated, b->answer.repeated);
        assert_int_equal(a->answer.seq, b->answer.seq);
        if (a->answer.record) assert_string_equal(a->answer.record, b->answer.record);
    }
}

static void a_group_comes_out_as_one_by_one(void **state) {
    (void)state;
    static struct random_work together[GROUP_MAX], apart[GROUP_MAX];
    uint64_t random = 3;
    struct reel *reels[] = {opened(), opened()};
    for (size_t round = 0; round < scaled(1000); round++) {
        struct work *group[GROUP_MAX];
        size_t count = random_below(&random, GROUP_MAX) + 1;
        test_context("round %zu", round);
        for (size_t i = 0; i < count; i++) {
            uint64_t same = random;
            make_random(&together[i], &random);
            make_random(&apart[i], &same);
            group[i] = &together[i].work;
        }
        works_run(reels[0], group, count);
        for (size_t i = 0; i < count; i++) run_all(reels[1], &apart[i].work, 1);
        for (size_t i = 0; i < count; i++) {
            assert_same_work(&together[i].work, &apart[i].work);
            reel_command_result_finish(&together[i].work.answer);
            reel_command_result_finish(&apart[i].work.answer);
        }
    }
    assert_same_state(reels[0], reels[1]);
    for (size_t i = 0; i < 2; i++) reel_close(reels[i]);
}

UNIT_TESTS(work_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_that_is_twice_in_a_batch_is_appended_once),
        cmocka_unit_test(an_event_that_is_twice_in_a_group_is_appended_once),
        cmocka_unit_test(a_command_that_is_twice_in_a_group_is_done_once),
        cmocka_unit_test(a_command_without_a_key_is_done_each_time),
        cmocka_unit_test(a_batch_is_undone_alone_and_wholly),
        cmocka_unit_test(a_batch_that_is_too_large_is_refused_alone),
        cmocka_unit_test(an_unknown_command_is_refused_alone),
        cmocka_unit_test(a_command_that_is_refused_is_so_alone),
        cmocka_unit_test(a_command_is_undone_after_its_event_was_appended),
        cmocka_unit_test(only_what_is_undone_is_done_apart),
        cmocka_unit_test(work_that_exceeds_one_transaction_is_done_in_several),
        cmocka_unit_test(a_command_sees_what_came_before_it_in_its_group),
        cmocka_unit_test(a_group_comes_out_as_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
