/* append_test.c: the writer parses a submitted event once, from the look for a repeat to the fold;
 * and what it compares the event with does not take its place. */
#include "unit.h"

#include "base/cleanup.h"
#include "engine/append.h"
#include "engine/transaction.h"
#include "engine/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than the decoder's helper is woken for, and than its ring has room for. */
enum { EVENT_ROOM = 256, EVENTS_MAX = 1000 };

/* ---- Fixture --------------------------------------------------------------------------------- */

struct fixture {
    struct reel *reel;
    size_t parses; /* before what is counted */
    char space[EVENTS_MAX][EVENT_ROOM];
    struct reel_str events[EVENTS_MAX]; /* cells' beginnings, each with an id of its own */
    struct reel_result results[EVENTS_MAX];
};

static int begin(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    must(fixture);
    struct reel_options options = {.batch_events_max = EVENTS_MAX};
    fixture->reel = reel_opened(NULL, &options, CELL_SO, FORMATION_SO, NULL);
    for (unsigned i = 0; i < EVENTS_MAX; i++) {
        int len = snprintf(fixture->space[i], EVENT_ROOM,
                           "{\"specversion\":\"1.0\",\"id\":\"e-%u\",\"source\":\"/t\","
                           "\"type\":\"dev.cellos.events.cell.lifecycle.v1.started\","
                           "\"data\":{\"cellId\":\"cell-%u\",\"specId\":\"s\"}}",
                           i, i);
        must(len > 0 && len < EVENT_ROOM);
        fixture->events[i] = (struct reel_str){fixture->space[i], (size_t)len};
    }
    *state = fixture;
    return 0;
}

static int finish(void **state) {
    struct fixture *fixture = *state;
    reel_close(fixture->reel);
    free(fixture);
    return 0;
}

static struct work events_work(struct fixture *fixture, size_t first, size_t count) {
    return (struct work){.payloads = fixture->events + first,
                         .count = count,
                         .submitted = true,
                         .results = fixture->results + first};
}

static const struct reel_command_request create = {
    .struct_size = sizeof create,
    .collection = {"formations", 10},
    .verb = {"create", 6},
    .body = STR("{\"name\":\"n\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}]}"),
    .idempotency_key = {"key", 3},
};

static void run(struct fixture *fixture, struct work *works, size_t count) {
    struct work *group[EVENTS_MAX];
    must(count <= EVENTS_MAX);
    for (size_t i = 0; i < count; i++) group[i] = &works[i];
    fixture->parses = parses_so_far();
    works_run(fixture->reel, group, count);
    for (size_t i = 0; i < count; i++) assert_int_equal(works[i].rc, 0);
}

static void assert_parses(const struct fixture *fixture, size_t expected) {
    assert_int_equal(parses_so_far() - fixture->parses, expected);
}

static void assert_applied(const struct fixture *fixture, size_t count) {
    for (size_t i = 0; i < count; i++) {
        test_context("event %zu", i);
        assert_int_equal(fixture->results[i].seq, i + 1);
        assert_int_equal(fixture->results[i].outcome, REEL_APPLIED);
        assert_false(fixture->results[i].repeated);
    }
}

/* ---- Once ------------------------------------------------------------------------------------ */

static void a_single_event_is_parsed_once(void **state) {
    struct fixture *fixture = *state;
    struct work work = events_work(fixture, 0, 1);
    run(fixture, &work, 1);
    assert_parses(fixture, 1);
    assert_applied(fixture, 1);
}

static void each_event_of_a_batch_is_parsed_once(void **state) {
    struct fixture *fixture = *state;
    struct work work = events_work(fixture, 0, EVENTS_MAX);
    run(fixture, &work, 1);
    assert_parses(fixture, EVENTS_MAX);
    assert_applied(fixture, EVENTS_MAX);
    assert_int_equal(info_of(fixture->reel, "cells").records, EVENTS_MAX);
}

static void each_event_of_a_group_is_parsed_once(void **state) {
    struct fixture *fixture = *state;
    struct work works[] = {events_work(fixture, 0, 1), events_work(fixture, 1, 7),
                           events_work(fixture, 8, 1)};
    run(fixture, works, LENGTH(works));
    assert_parses(fixture, 9);
    assert_applied(fixture, 9);
}

/* Its body, and the event that it makes. */
static void a_command_is_parsed_once_and_so_is_its_event(void **state) {
    struct fixture *fixture = *state;
    struct work work = {.kind = WORK_COMMAND, .request = &create};
    run(fixture, &work, 1);
    assert_parses(fixture, 2);
    assert_true(work.answer.accepted);
    work_finish(&work);
}

/* Where the log is a mirror, the subject to publish it under needs no parse of its own. */
static void a_dry_run_parses_once(void **state) {
    struct fixture *fixture = *state;
    struct pending pending = {0};
    struct work work = events_work(fixture, 0, 2);
    work.pending = &pending;
    run(fixture, &work, 1);
    assert_parses(fixture, 2);
    assert_int_equal(pending.count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_bytes(text_str(&pending.list[i].subject),
                     STR("cellos.events.event."
                         "dev%2Ecellos%2Eevents%2Ecell%2Elifecycle%2Ev1%2Estarted"));
    pending_finish(&pending);
}

/* It is appended without its bytes. */
static void a_too_large_event_is_parsed_once(void **state) {
    struct fixture *fixture = *state;
    struct work work = events_work(fixture, 0, 2);
    fixture->reel->dispatcher.event_bytes_max = 8;
    run(fixture, &work, 1);
    assert_parses(fixture, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(fixture->results[i].seq, i + 1);
        assert_int_equal(fixture->results[i].outcome, REEL_REJECTED);
        assert_non_null(strstr(fixture->results[i].reason, "at most 8"));
    }
    work_finish(&work);
}

/* ---- What it is compared with ---------------------------------------------------------------- */

static void a_repeat_is_compared_with_the_stored_event(void **state) {
    struct fixture *fixture = *state;
    struct work first = events_work(fixture, 0, 3), again = events_work(fixture, 0, 3);
    run(fixture, &first, 1);
    run(fixture, &again, 1);
    assert_parses(fixture, 6);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fixture->results[i].seq, i + 1);
        assert_true(fixture->results[i].repeated);
    }
}

/* Appends the first event with the hash of the second one's name, as if both had the same hash. */
static void append_collision(struct fixture *fixture) {
    struct reel *reel = fixture->reel;
    struct reel_str name[] = {STR("/t"), STR("e-1")};
    struct reel_error error;
    struct appended appended;
    struct log_answer answer = {.has_record = true, .key = {"", 0}};
    uint8_t hash[16];
    struct arrival arrival = {
        .bytes = fixture->events[0], .flags = LOG_SUBMITTED, .id_hash = hash, .fold = true};
    ids_hash(name, 2, hash);
    HOLD_LOCK(&reel->writer);
    must_ok(dispatcher_begin(&reel->dispatcher, &error), error);
    must_ok(append_submitted(reel, &arrival, &answer, &appended, &error), error);
    must_ok(transaction_end(reel, 0, &error), error);
    fixture->results[0] = (struct reel_result){.seq = appended.seq, .outcome = appended.outcome};
}

static void what_an_event_is_compared_with_is_not_folded_in_its_place(void **state) {
    struct fixture *fixture = *state;
    struct work others = events_work(fixture, 1, 2);
    append_collision(fixture);
    run(fixture, &others, 1);
    assert_parses(fixture, 3);
    assert_applied(fixture, 3);
    assert_int_equal(info_of(fixture->reel, "cells").records, 3);
}

/* Nor in that of a command's body, which its projector is yet to be asked about. */
static void a_repeat_in_one_group_leaves_the_body_of_a_command(void **state) {
    struct fixture *fixture = *state;
    struct work works[] = {events_work(fixture, 0, 1),
                           {.kind = WORK_COMMAND, .request = &create},
                           events_work(fixture, 0, 1),
                           {.kind = WORK_COMMAND, .request = &create}};
    run(fixture, works, LENGTH(works));
    assert_true(works[1].answer.accepted && !works[1].answer.repeated);
    assert_true(works[3].answer.accepted && works[3].answer.repeated);
    assert_string_equal(works[3].answer.record, works[1].answer.record);
    assert_int_equal(position_of(fixture->reel).head, 2);
    for (size_t i = 0; i < LENGTH(works); i++) work_finish(&works[i]);
}

UNIT_TESTS(append_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(a_single_event_is_parsed_once),
        CASE(each_event_of_a_batch_is_parsed_once),
        CASE(each_event_of_a_group_is_parsed_once),
        CASE(a_command_is_parsed_once_and_so_is_its_event),
        CASE(a_dry_run_parses_once),
        CASE(a_too_large_event_is_parsed_once),
        CASE(a_repeat_is_compared_with_the_stored_event),
        CASE(what_an_event_is_compared_with_is_not_folded_in_its_place),
        CASE(a_repeat_in_one_group_leaves_the_body_of_a_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
