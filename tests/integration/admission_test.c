/* admission_test.c: what is admitted as a formation and what is not, that a command given twice
 * is done once, and a plugin that contradicts itself. */
#include "command_support.h"

#include <errno.h>
#include <stdlib.h>

#define CONTRARY_SO build_path("tests/integration/plugins/contrary.so")
#define OBJECTOR_SO build_path("tests/integration/plugins/objector.so")

#define FORMATION(coordinator, members)                                                            \
    "{\"name\":\"demo\",\"coordinator\":" coordinator ",\"members\":[" members "]}"
#define WRAPPED(metadata, spec)                                                                    \
    ("{\"apiVersion\":\"v1\",\"kind\":\"Formation\",\"metadata\":" metadata ",\"spec\":" spec "}")
#define A              "{\"id\":\"a\"}"
#define MEMBER(id, by) "{\"id\":\"" id "\",\"authorizedBy\":\"" by "\"}"
#define RING(x, y, z)  MEMBER(x, y) "," MEMBER(y, z) "," MEMBER(z, x)
#define GOOD           FORMATION("\"a\"", A "," MEMBER("b", "a") "," MEMBER("c", "b"))

/* ---- Fixture --------------------------------------------------------------------------------- */

static int set_up(void **state) {
    *state = reel_opened(NULL, NULL, FORMATION_SO, CELL_SO, NULL);
    return 0;
}

static int tear_down(void **state) {
    reel_close(*state);
    return 0;
}

static void assert_admitted(struct reel *reel, const char *body) {
    struct reel_command_result answer = ordered(reel, "create", NULL, body, NULL);
    if (!answer.accepted) support_failed(__FILE__, __LINE__, "%s: %s", answer.detail, body);
    reel_command_result_finish(&answer);
}

static void assert_problem(struct reel *reel, const char *problem, const char *body) {
    assert_refusal(reel, "create", NULL, body, REEL_INVALID, problem);
}

/* ---- Bodies ---------------------------------------------------------------------------------- */

static void a_good_formation_is_admitted(void **state) {
    assert_admitted(*state, GOOD);
    assert_admitted(*state, FORMATION("\"a\"", A));
    assert_admitted(*state, FORMATION("\"b\"", MEMBER("a", "b") ",{\"id\":\"b\"}"));
}

static void a_body_of_the_wrong_shape_is_a_bad_request(void **state) {
    static const char *const bodies[] = {
        "",
        "no JSON",
        "7",
        "[]",
        "{}",
        "{\"coordinator\":\"a\",\"members\":[" A "]}",
        "{\"name\":7,\"coordinator\":\"a\",\"members\":[" A "]}",
        "{\"name\":null,\"coordinator\":\"a\",\"members\":[" A "]}",
        "{\"name\":\"demo\",\"coordinator\":\"a\"}",
        "{\"name\":\"demo\",\"coordinator\":\"a\",\"members\":{}}",
        "{\"name\":\"demo\",\"coordinator\":\"a\",\"members\":\"a\"}",
        FORMATION("\"a\"", "\"a\""),
        FORMATION("\"a\"", "{}"),
        FORMATION("\"a\"", "{\"id\":7}"),
        FORMATION("\"a\"", A ",{\"id\":null}"),
        WRAPPED("{}", "{\"coordinator\":\"a\",\"members\":[" A "]}"),
        WRAPPED("{\"name\":\"x\"}", "{\"coordinator\":\"a\"}"),
    };
    for (size_t at = 0; at < sizeof bodies / sizeof bodies[0]; at++)
        assert_problem(*state, "bad-request", bodies[at]);
}

static void a_status_of_the_wrong_shape_is_a_bad_request(void **state) {
    static const char *const bodies[] = {
        "", "[]", "{}", "{\"state\":7}", "{\"state\":\"\"}", "{\"state\":\"exploded\"}"};
    struct reel_command_result answer = ordered(*state, "create", NULL, GOOD, NULL);
    for (size_t at = 0; at < sizeof bodies / sizeof bodies[0]; at++)
        assert_refusal(*state, "status", answer.key, bodies[at], REEL_INVALID, "bad-request");
    reel_command_result_finish(&answer);
}

/* ---- Admission: one row of the table after another ------------------------------------------- */

static void there_is_one_coordinator(void **state) {
    assert_problem(*state, "formation-multiple-coordinators",
                   FORMATION("[\"a\",\"b\"]", A "," MEMBER("b", "a")));
}

static void members_differ_in_their_ids(void **state) {
    assert_problem(*state, "formation-duplicate-member-id", FORMATION("\"a\"", A "," A));
    assert_problem(*state, "formation-duplicate-member-id",
                   FORMATION("\"a\"", A "," MEMBER("b", "a") "," MEMBER("b", "a")));
}

static void the_coordinator_is_a_member(void **state) {
    assert_problem(*state, "formation-no-coordinator", FORMATION("\"x\"", A));
    assert_problem(*state, "formation-no-coordinator", FORMATION("\"A\"", A));
    assert_problem(*state, "formation-no-coordinator", FORMATION("\"a\"", ""));
    assert_problem(*state, "formation-no-coordinator", "{\"name\":\"demo\",\"members\":[" A "]}");
}

static void every_other_member_is_authorised_by_a_member(void **state) {
    assert_problem(*state, "formation-authority-not-narrowing",
                   FORMATION("\"a\"", A ",{\"id\":\"b\"}"));
    assert_problem(*state, "formation-authority-not-narrowing",
                   FORMATION("\"a\"", A "," MEMBER("b", "nobody")));
}

static void authority_does_not_come_back(void **state) {
    assert_problem(*state, "formation-cycle",
                   FORMATION("\"a\"", A "," MEMBER("b", "c") "," MEMBER("c", "b")));
    assert_problem(*state, "formation-cycle", FORMATION("\"a\"", A "," MEMBER("b", "b")));
    assert_problem(*state, "formation-cycle",
                   FORMATION("\"a\"", A "," MEMBER("e", "a") "," RING("b", "c", "d")));
}

static void the_first_row_that_matches_decides(void **state) {
    assert_problem(*state, "formation-multiple-coordinators",
                   FORMATION("[\"x\",\"y\"]", A "," A "," MEMBER("b", "b")));
    assert_problem(*state, "formation-duplicate-member-id",
                   FORMATION("\"x\"", A "," A "," MEMBER("b", "nobody")));
    assert_problem(*state, "formation-no-coordinator",
                   FORMATION("\"x\"", A "," MEMBER("b", "nobody")));
    assert_problem(*state, "formation-authority-not-narrowing",
                   FORMATION("\"a\"", A "," MEMBER("b", "b") "," MEMBER("c", "nobody")));
}

/* ---- A command given twice ------------------------------------------------------------------- */

static void assert_first_result(struct reel *reel, const struct reel_command_result *first,
                                const char *verb, const char *key, const char *body,
                                const char *idempotency_key) {
    uint64_t head = position_of(reel).head;
    struct reel_command_result again = ordered(reel, verb, key, body, idempotency_key);
    assert_true(again.accepted && again.repeated);
    assert_int_equal(again.seq, first->seq);
    assert_string_equal(again.key, first->key);
    assert_non_null(again.record);
    assert_int_equal(position_of(reel).head, head);
    reel_command_result_finish(&again);
}

static void a_repeat_gives_the_first_result(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, FORMATION_SO, CELL_SO, NULL);
    struct reel_command_result first = ordered(reel, "create", NULL, GOOD, "one");
    struct reel_command_result other = ordered(reel, "create", NULL, GOOD, "two");
    assert_true(first.accepted && !first.repeated && other.accepted && !other.repeated);
    assert_string_not_equal(first.key, other.key);
    assert_int_equal(other.seq, 2);
    assert_first_result(reel, &first, "create", NULL, GOOD, "one");
    apply_samples(reel, 1, 50, 50);
    assert_first_result(reel, &other, "create", NULL, GOOD, "two");
    reel_close(reel);

    reel = reel_opened(directory, NULL, FORMATION_SO, CELL_SO, NULL);
    assert_first_result(reel, &first, "create", NULL, GOOD, "one");
    assert_int_equal(position_of(reel).head, 52);
    reel_command_result_finish(&first);
    reel_command_result_finish(&other);
    reel_close(reel);
}

/* The second delete alone would be a conflict. */
static void a_repeated_delete_is_no_conflict(void **state) {
    struct reel_command_result made = ordered(*state, "create", NULL, GOOD, NULL);
    struct reel_command_result first = ordered(*state, "delete", made.key, NULL, "gone");
    assert_true(first.accepted && !first.repeated);
    assert_first_result(*state, &first, "delete", made.key, NULL, "gone");
    reel_command_result_finish(&first);
    reel_command_result_finish(&made);
}

static void without_a_key_a_repeat_is_a_new_command(void **state) {
    struct reel_command_result first = ordered(*state, "create", NULL, GOOD, NULL);
    struct reel_command_result second = ordered(*state, "create", NULL, GOOD, NULL);
    assert_false(second.repeated);
    assert_string_not_equal(first.key, second.key);
    assert_int_equal(second.seq, first.seq + 1);
    reel_command_result_finish(&first);
    reel_command_result_finish(&second);
}

/* Two events; what is said of them is said of the last. */
static struct reel_command_result ordered_twice(struct reel *reel) {
    struct reel_command_request request = {.struct_size = sizeof request,
                                           .collection = reel_text("contraries"),
                                           .verb = reel_text("twice"),
                                           .key = reel_text("k"),
                                           .idempotency_key = reel_text("once")};
    struct reel_command_result answer;
    struct reel_error error;
    must_ok(reel_command(reel, &request, &answer, &error), error);
    assert_true(answer.accepted);
    assert_string_equal(answer.record, "{\"note\":\"and again\"}");
    reel_command_result_finish(&answer);
    return answer;
}

static void a_command_is_known_until_its_last_event_is_trimmed(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, CONTRARY_SO, NULL);
    struct reel_error error;
    struct reel_command_result answer = ordered_twice(reel);
    assert_true(!answer.repeated && answer.seq == 2);
    answer = ordered_twice(reel);
    assert_true(answer.repeated && answer.seq == 2);
    must_ok(reel_trim(reel, 2, &error), error);
    answer = ordered_twice(reel);
    assert_true(answer.repeated && answer.seq == 2);
    must_ok(reel_trim(reel, 3, &error), error);
    answer = ordered_twice(reel);
    assert_true(!answer.repeated && answer.seq == 4);
    reel_close(reel);
}

/* ---- A plugin that contradicts itself -------------------------------------------------------- */

static int contrary(struct reel *reel, const char *verb, struct reel_command_result *ret,
                    struct reel_error *error) {
    struct reel_command_request request = {.struct_size = sizeof request,
                                           .collection = reel_text("contraries"),
                                           .verb = reel_text(verb),
                                           .key = reel_text(strcmp(verb, "create") ? "k" : NULL)};
    return reel_command(reel, &request, ret, error);
}

static void events_that_its_own_evolve_rejects_are_not_appended(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, CONTRARY_SO, NULL);
    struct reel_command_result answer;
    struct reel_error error;
    assert_int_equal(contrary(reel, "create", &answer, &error), -EPROTO);
    assert_sentence(&error, "contrary");
    assert_sentence(&error, "not what I decided");
    assert_int_equal(contrary(reel, "undecided", &answer, &error), -EPROTO);
    assert_sentence(&error, "contrary");
    assert_int_equal(contrary(reel, "unheard", &answer, &error), -EPROTO);
    assert_sentence(&error, "contrary");
    assert_int_equal(contrary(reel, "flood", &answer, &error), -EPROTO);
    assert_sentence(&error, "more than 1024 events");
    struct reel_position position = position_of(reel);
    assert_int_equal(position.head, 0);
    assert_int_equal(position.applied + position.ignored + position.rejected, 0);
    assert_int_equal(info_of(reel, "contraries").records, 0);
    must_ok(contrary(reel, "good", &answer, &error), error);
    assert_true(answer.accepted);
    assert_int_equal(answer.seq, 1);
    assert_string_equal(answer.key, "k");
    assert_string_equal(answer.record, "{\"note\":\"as decided\"}");
    reel_command_result_finish(&answer);
    assert_int_equal(info_of(reel, "contraries").records, 1); /* nothing is left of the others */
    struct reel *fresh = fresh_fold(reel, CONTRARY_SO, NULL);
    assert_same_state(reel, fresh);
    reel_close(fresh);
    reel_close(reel);
}

/* One of its events fits in a commit, two do not. */
static void a_command_is_no_more_than_a_batch(void **state) {
    (void)state;
    struct reel_options options = {.event_bytes_max = 450, .batch_bytes_max = 450};
    struct reel *reel = reel_opened(NULL, &options, CONTRARY_SO, NULL);
    struct reel_command_result answer;
    struct reel_error error;
    must_ok(contrary(reel, "twice", &answer, &error), error);
    assert_false(answer.accepted);
    assert_int_equal(answer.refusal, REEL_TOO_LARGE);
    assert_int_equal(position_of(reel).head, 0);
    reel_command_result_finish(&answer);
    must_ok(contrary(reel, "good", &answer, &error), error);
    assert_true(answer.accepted);
    assert_int_equal(info_of(reel, "contraries").records, 1);
    reel_command_result_finish(&answer);
    reel_close(reel);
}

/* The reason is its own, whoever else objects, and whoever comes last. */
static void another_plugins_objection_is_not_its_own(void **state) {
    (void)state;
    const char *const orders[][3] = {{CONTRARY_SO, OBJECTOR_SO, NULL},
                                     {OBJECTOR_SO, CONTRARY_SO, NULL}};
    for (size_t at = 0; at < 2; at++) {
        struct reel *reel = reel_opened_list(NULL, NULL, orders[at]);
        struct reel_command_result answer;
        struct reel_error error;
        assert_int_equal(contrary(reel, "create", &answer, &error), -EPROTO);
        assert_sentence(&error, "contrary");
        assert_sentence(&error, "not what I decided");
        assert_int_equal(position_of(reel).head, 0);
        must_ok(contrary(reel, "good", &answer, &error), error); /* objected to, but made */
        assert_true(answer.accepted);
        assert_string_equal(answer.record, "{\"note\":\"as decided\"}");
        assert_int_equal(info_of(reel, "objections").rejected, 1);
        assert_int_equal(position_of(reel).rejected, 1);
        reel_command_result_finish(&answer);
        reel_close(reel);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_good_formation_is_admitted),
        CASE(a_body_of_the_wrong_shape_is_a_bad_request),
        CASE(a_status_of_the_wrong_shape_is_a_bad_request),
        CASE(there_is_one_coordinator),
        CASE(members_differ_in_their_ids),
        CASE(the_coordinator_is_a_member),
        CASE(every_other_member_is_authorised_by_a_member),
        CASE(authority_does_not_come_back),
        CASE(the_first_row_that_matches_decides),
        cmocka_unit_test(a_repeat_gives_the_first_result),
        CASE(a_repeated_delete_is_no_conflict),
        CASE(without_a_key_a_repeat_is_a_new_command),
        cmocka_unit_test(a_command_is_known_until_its_last_event_is_trimmed),
        cmocka_unit_test(events_that_its_own_evolve_rejects_are_not_appended),
        cmocka_unit_test(another_plugins_objection_is_not_its_own),
        cmocka_unit_test(a_command_is_no_more_than_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
