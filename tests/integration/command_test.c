/* command_test.c: commands through reel.h, by the formation projector.
 *
 * A command is decided, and its event appended and folded, in one transaction; what it refuses
 * leaves nothing behind. */
#include "command_support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BODY                                                                                       \
    "{\"name\":\"demo\",\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"},{\"id\":\"b\","          \
    "\"authorizedBy\":\"a\"}],\"budget\":1.50,\"tags\":[\"x\",null]}"
#define NOBODY "00000000-0000-4000-8000-000000000000"

/* ---- Fixture --------------------------------------------------------------------------------- */

static struct reel *opened(void) {
    struct reel_options options = {.source = "/tests/commands"};
    return reel_opened(NULL, &options, FORMATION_SO, CELL_SO, NULL);
}

/* A formation that is there; its key in `ret`. */
static void created(struct reel *reel, char ret[37]) {
    struct reel_command_result answer = ordered(reel, "create", NULL, BODY, NULL);
    must(answer.accepted && answer.key_len == 36);
    memcpy(ret, answer.key, 37);
    reel_command_result_finish(&answer);
}

/* The command is accepted and the record then has that status; its seq. */
static uint64_t assert_status(struct reel *reel, const char *verb, const char *key,
                              const char *body, const char *status) {
    struct reel_command_result answer = ordered(reel, verb, key, body, NULL);
    if (!answer.accepted) support_failed(__FILE__, __LINE__, "%s", answer.detail);
    assert_false(answer.repeated);
    assert_int_equal(answer.seq, position_of(reel).cursor);
    assert_int_equal(answer.key_len, 36);
    json_t *record = json_parsed(answer.record, answer.record_len);
    assert_string_equal(json_string_value(json_object_get(record, "status")), status);
    assert_string_equal(json_string_value(json_object_get(record, "id")), answer.key);
    char *stored = record_text(reel, "formations", answer.key);
    assert_string_equal(stored, answer.record);
    uint64_t seq = answer.seq;
    json_decref(record);
    free(stored);
    reel_command_result_finish(&answer);
    return seq;
}

/* ---- Create ---------------------------------------------------------------------------------- */

static void create_makes_a_pending_record(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct reel_command_result answer = ordered(reel, "create", NULL, BODY, NULL);
    char expected[1024];
    assert_true(answer.accepted);
    assert_int_equal(answer.seq, 1);
    snprintf(expected, sizeof expected,
             "{\"id\":\"%s\",\"name\":\"demo\",\"status\":\"PENDING\",\"document\":%.*s,"
             "\"formationId\":\"%s\",\"formationName\":\"demo\"}}",
             answer.key, (int)(sizeof BODY - 2), BODY, answer.key);
    assert_string_equal(answer.record, expected);
    assert_int_equal(answer.record_len, strlen(expected));
    assert_int_equal(position_of(reel).applied, 1);
    reel_command_result_finish(&answer);
    reel_close(reel);
}

/* As any other event, so that replay makes the same of it. */
static void create_appends_the_document_and_its_id(void **state) {
    (void)state;
    struct reel *reel = opened();
    char key[37], expected[1024];
    size_t len;
    created(reel, key);
    char *text = log_text(reel, 1, &len);
    json_t *event = json_parsed(text, len);
    assert_string_equal(json_string_value(json_object_get(event, "specversion")), "1.0");
    assert_string_equal(json_string_value(json_object_get(event, "source")), "/tests/commands");
    assert_string_equal(json_string_value(json_object_get(event, "type")),
                        "dev.cellos.events.cell.formation.v1.created");
    assert_true(json_string_length(json_object_get(event, "id")) > 0);
    assert_true(json_string_length(json_object_get(event, "time")) >= 20);
    snprintf(expected, sizeof expected,
             "\"data\":%.*s,\"formationId\":\"%s\",\"formationName\":\"demo\"}",
             (int)(sizeof BODY - 2), BODY, key);
    assert_non_null(strstr(text, expected));
    json_decref(event);
    free(text);
    struct reel *fresh = fresh_fold(reel, FORMATION_SO, CELL_SO, NULL);
    assert_same_state(reel, fresh);
    reel_close(fresh);
    reel_close(reel);
}

static int is_submitted(void *context, const struct reel_entry *entry) {
    (void)context;
    must(entry->flags == REEL_LOG_SUBMITTED);
    must(entry->time_ns > 0);
    must(entry->size == entry->bytes.len);
    return 0;
}

static void events_of_commands_are_marked_as_submitted(void **state) {
    (void)state;
    struct reel *reel = opened();
    char key[37];
    created(reel, key);
    struct reel_view *view = view_opened(reel);
    assert_int_equal(reel_view_log(view, 1, is_submitted, NULL), 0);
    reel_view_close(view);
    reel_close(reel);
}

/* Ours come last, and of two equal keys the last wins. */
static void a_submitted_id_does_not_count(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct reel_command_result answer =
        ordered(reel, "create", NULL,
                "{\"formationId\":\"" NOBODY "\",\"formationName\":\"theirs\",\"name\":\"ours\","
                "\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"}]}",
                NULL);
    assert_true(answer.accepted);
    assert_string_not_equal(answer.key, NOBODY);
    json_t *record = json_parsed(answer.record, answer.record_len);
    json_t *document = json_object_get(record, "document");
    assert_string_equal(json_string_value(json_object_get(record, "name")), "ours");
    assert_string_equal(json_string_value(json_object_get(document, "formationId")), answer.key);
    assert_string_equal(json_string_value(json_object_get(document, "formationName")), "ours");
    assert_null(record_text(reel, "formations", NOBODY));
    json_decref(record);
    reel_command_result_finish(&answer);
    reel_close(reel);
}

static void create_takes_the_other_form_as_well(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct reel_command_result answer =
        ordered(reel, "create", NULL,
                "{\"apiVersion\":\"cellos.dev/v1\",\"kind\":\"Formation\",\"metadata\":{\"name\":"
                "\"wrapped\"},\"spec\":{\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"}]}}",
                NULL);
    assert_true(answer.accepted);
    json_t *record = json_parsed(answer.record, answer.record_len);
    assert_string_equal(json_string_value(json_object_get(record, "name")), "wrapped");
    assert_string_equal(json_string_value(json_object_get(record, "status")), "PENDING");
    json_decref(record);
    reel_command_result_finish(&answer);
    reel_close(reel);
}

static void every_create_is_a_new_formation(void **state) {
    (void)state;
    struct reel *reel = opened();
    char first[37], second[37];
    created(reel, first);
    created(reel, second);
    assert_string_not_equal(first, second);
    assert_int_equal(info_of(reel, "formations").records, 2);
    reel_close(reel);
}

/* ---- Status and delete ----------------------------------------------------------------------- */

static void status_takes_a_phase_in_any_case(void **state) {
    (void)state;
    struct reel *reel = opened();
    char key[37];
    created(reel, key);
    assert_status(reel, "status", key, "{\"state\":\"launching\"}", "RUNNING");
    assert_status(reel, "status", key, "{\"state\":\"DEGRADED\",\"reason\":\"slow\"}", "RUNNING");
    assert_status(reel, "status", key,
                  "{\"state\":\"Failed\",\"reason\":\"lost\",\"failed_cells\":[\"c1\"]}", "FAILED");
    char *text = log_text(reel, 4, NULL);
    assert_non_null(strstr(text, "\"dev.cellos.events.cell.formation.v1.failed\""));
    assert_non_null(strstr(text, key));
    free(text);
    reel_close(reel);
}

static void delete_cancels(void **state) {
    (void)state;
    struct reel *reel = opened();
    char key[37];
    created(reel, key);
    assert_int_equal(assert_status(reel, "delete", key, NULL, "CANCELLED"), 2);
    char *text = log_text(reel, 2, NULL);
    assert_non_null(strstr(text, "\"dev.cellos.events.cell.formation.v1.cancelled\""));
    free(text);
    reel_close(reel);
}

static void an_ended_formation_is_not_deleted(void **state) {
    (void)state;
    static const char *const ends[] = {"{\"state\":\"completed\"}", "{\"state\":\"failed\"}",
                                       "{\"state\":\"cancelled\"}"};
    static const char *const statuses[] = {"SUCCEEDED", "FAILED", "CANCELLED"};
    struct reel *reel = opened();
    for (size_t at = 0; at < 3; at++) {
        char key[37];
        created(reel, key);
        assert_status(reel, "status", key, ends[at], statuses[at]);
        assert_refusal(reel, "delete", key, NULL, REEL_CONFLICT, "conflict");
    }
    reel_close(reel);
}

static void a_missing_record_is_not_found(void **state) {
    (void)state;
    struct reel *reel = opened();
    assert_refusal(reel, "delete", NOBODY, NULL, REEL_NOT_FOUND, "not-found");
    assert_refusal(reel, "status", NOBODY, "{\"state\":\"running\"}", REEL_NOT_FOUND, "not-found");
    reel_close(reel);
}

/* ---- Keys ------------------------------------------------------------------------------------ */

#define HEX "0C5C7FD0-A6A3-4450-A513-270E269E0D37"
#define KEY "0c5c7fd0-a6a3-4450-a513-270e269e0d37"

static void keys_are_taken_in_every_form_of_a_uuid(void **state) {
    (void)state;
    static const char *const forms[] = {KEY, HEX, ("{" HEX "}"), ("urn:uuid:" KEY),
                                        "0c5c7fd0a6a34450a513270e269e0d37"};
    struct reel *reel = opened();
    apply_text(reel,
               "{\"type\":\"dev.cellos.events.cell.formation.v1.created\",\"subject\":\"" KEY "\"}",
               REEL_APPLIED);
    for (size_t at = 0; at < sizeof forms / sizeof forms[0]; at++) {
        struct reel_key key;
        assert_int_equal(reel_canonical_key(reel, "formations", reel_text(forms[at]), &key), 0);
        assert_true(reel_str_is(key.str, KEY));
        assert_status(reel, "status", forms[at], "{\"state\":\"running\"}", "RUNNING");
    }
    assert_int_equal(info_of(reel, "formations").records, 1);
    reel_close(reel);
}

/* The log's order is the order, for what is decided as well. */
static void a_command_is_decided_behind_what_was_appended(void **state) {
    (void)state;
    struct reel *reel = opened();
    struct reel_str made = reel_text(
        "{\"type\":\"dev.cellos.events.cell.formation.v1.created\",\"subject\":\"" KEY "\"}");
    struct reel_error error;
    must_ok(reel_append(reel, &made, 1, NULL, &error), error);
    assert_int_equal(assert_status(reel, "delete", KEY, NULL, "CANCELLED"), 2);
    reel_close(reel);
}

static void a_text_that_is_not_a_uuid_cannot_be_a_key(void **state) {
    (void)state;
    static const char *const others[] = {"", "demo", (KEY "0"), ("URN:UUID:" KEY), ("{" KEY)};
    struct reel *reel = opened();
    struct reel_key key;
    for (size_t at = 0; at < sizeof others / sizeof others[0]; at++) {
        assert_int_equal(reel_canonical_key(reel, "formations", reel_text(others[at]), &key), 1);
        assert_refusal(reel, "delete", others[at], NULL, REEL_INVALID, "bad-request");
    }
    assert_int_equal(reel_canonical_key(reel, "cells", reel_text("Any {thing}"), &key), 0);
    assert_true(reel_str_is(key.str, "Any {thing}"));
    assert_int_equal(reel_canonical_key(reel, "absent", reel_text(KEY), &key), -ESRCH);
    reel_close(reel);
}

static void commands_that_nobody_declared_are_errors(void **state) {
    (void)state;
    static const char *const orders[][2] = {
        {"formations", "explode"}, {"cells", "create"}, {"absent", "create"}};
    struct reel *reel = opened();
    for (size_t at = 0; at < sizeof orders / sizeof orders[0]; at++) {
        struct reel_command_request request = {.struct_size = sizeof request,
                                               .collection = reel_text(orders[at][0]),
                                               .verb = reel_text(orders[at][1]),
                                               .key = reel_text(KEY),
                                               .body = reel_text("{}")};
        struct reel_command_result answer;
        struct reel_error error;
        assert_int_equal(reel_command(reel, &request, &answer, &error), at < 2 ? -ENOENT : -ESRCH);
        assert_sentence(&error, orders[at][0]);
    }
    assert_int_equal(position_of(reel).head, 0);
    reel_close(reel);
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

#define SOUND "{\"name\":\"n\",\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"}],\"x\":"

/* A sound body with that many arrays in one another. */
static char *nested_body(size_t depth) {
    struct text body = {0};
    text_format(&body, "%s", SOUND);
    for (size_t at = 0; at < depth; at++) text_add(&body, "[", 1);
    for (size_t at = 0; at < depth; at++) text_add(&body, "]", 1);
    text_add(&body, "}", 1);
    return body.data;
}

/* A sound body of that many bytes. */
static char *long_body(size_t len) {
    struct text body = {0};
    text_format(&body, "%s\"", SOUND);
    while (body.len < len - 2) text_add(&body, "p", 1);
    text_add(&body, "\"}", 2);
    return body.data;
}

/* Refused, and again when it is repeated; its idempotency key is still free. */
static void assert_not_created(struct reel *reel, const char *body, reel_refusal refusal,
                               const char *problem) {
    assert_refusal(reel, "create", NULL, body, refusal, problem);
    for (int time = 0; time < 2; time++) {
        struct reel_command_result answer = ordered(reel, "create", NULL, body, "once");
        assert_false(answer.accepted || answer.repeated);
        assert_int_equal(answer.refusal, refusal);
        assert_string_equal(answer.problem, problem);
        reel_command_result_finish(&answer);
    }
    assert_int_equal(position_of(reel).head, 0);
    assert_int_equal(info_of(reel, "formations").records, 0);
}

static void assert_created_once(struct reel *reel, const char *body) {
    struct reel_command_result answer = ordered(reel, "create", NULL, body, "once");
    assert_true(answer.accepted && !answer.repeated);
    assert_int_equal(answer.seq, 1);
    assert_int_equal(position_of(reel).applied, 1);
    reel_command_result_finish(&answer);
}

/* As deep as JSON may be; the event around it would be one deeper. */
static void a_body_too_deep_for_an_event_is_a_bad_request(void **state) {
    (void)state;
    struct reel *reel = opened();
    char *too_deep = nested_body(126), *fits = nested_body(125);
    assert_not_created(reel, too_deep, REEL_INVALID, "bad-request");
    assert_created_once(reel, fits);
    free(too_deep);
    free(fits);
    reel_close(reel);
}

/* As large as an event may be; the event around it would be larger. */
static void a_body_too_large_for_an_event_is_refused(void **state) {
    (void)state;
    struct reel_options options = {.event_bytes_max = 4096};
    struct reel *reel = reel_opened(NULL, &options, FORMATION_SO, NULL);
    static const size_t lens[] = {4000, 4096, 4097};
    for (size_t at = 0; at < sizeof lens / sizeof lens[0]; at++) {
        char *too_large = long_body(lens[at]);
        assert_not_created(reel, too_large, REEL_TOO_LARGE, "payload-too-large");
        free(too_large);
    }
    char *fits = long_body(3000);
    assert_created_once(reel, fits);
    free(fits);
    reel_close(reel);
}

/* plugins/library.c copies the body into its event, whatever it is. */
static void a_body_that_is_no_object_is_a_bad_request(void **state) {
    static const char *const bodies[] = {"[1]", "\"text\"", "7", "null", "[]"};
    (void)state;
    struct reel *reel =
        reel_opened(NULL, NULL, build_path("tests/integration/plugins/library.so"), NULL);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct reel_command_request request = {.struct_size = sizeof request,
                                               .collection = reel_text("books"),
                                               .verb = reel_text("create"),
                                               .body = reel_text(bodies[i])};
        struct reel_command_result answer;
        struct reel_error error;
        must_ok(reel_command(reel, &request, &answer, &error), error);
        assert_false(answer.accepted);
        assert_int_equal(answer.refusal, REEL_INVALID);
        assert_string_equal(answer.problem, "bad-request");
        reel_command_result_finish(&answer);
    }
    must(position_of(reel).head == 0);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_that_is_no_object_is_a_bad_request),
        cmocka_unit_test(create_makes_a_pending_record),
        cmocka_unit_test(create_appends_the_document_and_its_id),
        cmocka_unit_test(events_of_commands_are_marked_as_submitted),
        cmocka_unit_test(a_submitted_id_does_not_count),
        cmocka_unit_test(create_takes_the_other_form_as_well),
        cmocka_unit_test(every_create_is_a_new_formation),
        cmocka_unit_test(status_takes_a_phase_in_any_case),
        cmocka_unit_test(delete_cancels),
        cmocka_unit_test(an_ended_formation_is_not_deleted),
        cmocka_unit_test(a_missing_record_is_not_found),
        cmocka_unit_test(keys_are_taken_in_every_form_of_a_uuid),
        cmocka_unit_test(a_command_is_decided_behind_what_was_appended),
        cmocka_unit_test(a_text_that_is_not_a_uuid_cannot_be_a_key),
        cmocka_unit_test(commands_that_nobody_declared_are_errors),
        cmocka_unit_test(a_body_too_deep_for_an_event_is_a_bad_request),
        cmocka_unit_test(a_body_too_large_for_an_event_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
