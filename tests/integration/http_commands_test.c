/* http_commands_test.c: commands over HTTP: formations are created, cancelled and reported on, and
 * a repeat with an Idempotency-Key is the same command. Section 6 is in http_admission_test.c. */
#include "http_support.h"

#define NO_FORMATION "/v1/formations/00000000-0000-0000-0000-000000000000"

static const char *path_of(const char *id, const char *verb) {
    static char path[128];
    snprintf(path, sizeof path, "/v1/formations/%s%s", id, verb);
    return path;
}

static uint64_t head_of(struct site *site) {
    json_t *status = json_got(site->reader, "/v1/status");
    uint64_t head = number_of(status, "head");
    json_decref(status);
    return head;
}

/* The record that a command answers with; it is also the one that is read. */
static json_t *commanded(struct site *site, const char *method, const char *path, const char *body,
                         const char *id) {
    struct reply reply = asked(site->writer, method, path,
                               body ? "Content-Type: application/json" : NULL, body, 200);
    assert_string_equal(reply_header(&reply, "Content-Type"), "application/json");
    uint64_t cursor = cursor_of(&reply);
    assert_int_equal(cursor, head_of(site));
    struct reply read = got(site->reader, path_of(id, ""), 200);
    assert_string_equal(reply.body.data, read.body.data);
    assert_int_equal(cursor_of(&read), cursor);
    reply_free(&read);
    return json_taken(reply);
}

static void check_status(struct site *site, const char *id, const char *status) {
    json_t *record = json_got(site->reader, path_of(id, ""));
    assert_string_equal(text_of(record, "status"), status);
    json_decref(record);
}

/* ---- Create ---------------------------------------------------------------------------------- */

static void a_formation_is_created_pending_with_its_place_and_cursor(void **state) {
    struct site *site = *state;
    struct reply reply = sent(site->writer, "/v1/formations",
                              "{\"name\":\"f\", \"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}],"
                              "\"more\":{\"kept\":[1.50]}}",
                              201);
    assert_int_equal(cursor_of(&reply), 1);
    char location[128], wanted[512];
    snprintf(location, sizeof location, "%s", reply_header(&reply, "Location"));
    const char *id = location + strlen("/v1/formations/");
    assert_int_equal(strlen(id), 36);
    snprintf(wanted, sizeof wanted,
             "{\"id\":\"%s\",\"name\":\"f\",\"status\":\"PENDING\",\"document\":{\"name\":\"f\","
             "\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}],\"more\":{\"kept\":[1.50]},"
             "\"formationId\":\"%s\",\"formationName\":\"f\"},\"cursor\":1}",
             id, id);
    assert_string_equal(reply.body.data, wanted);
    reply_free(&reply);
    reply = got(site->reader, location, 200);
    reply_free(&reply);
}

static void a_document_like_kubernetes_has_keeps_all_its_fields(void **state) {
    struct site *site = *state;
    json_t *record = json_taken(sent(
        site->writer, "/v1/formations",
        "{\"apiVersion\":\"v1\",\"kind\":\"Formation\",\"metadata\":{\"name\":\"k\",\"labels\":"
        "{\"a\":\"b\"}},\"spec\":{\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"},"
        "{\"id\":\"d\",\"authorizedBy\":\"c\"}]}}",
        201));
    assert_string_equal(text_of(record, "name"), "k");
    const json_t *document = json_object_get(record, "document");
    assert_string_equal(text_of(document, "formationId"), text_of(record, "id"));
    assert_string_equal(text_of(document, "formationName"), "k");
    assert_int_equal(json_object_size(document), 6);
    json_decref(record);
}

static void a_command_is_an_event_of_its_phase_in_the_log(void **state) {
    struct site *site = *state;
    char id[37];
    formation_made(site->writer, "f", id);
    json_decref(commanded(site, "DELETE", path_of(id, ""), NULL, id));
    json_t *page = json_got(site->reader, "/v1/events");
    const json_t *events = json_object_get(page, "events");
    static const char *const types[] = {"dev.cellos.events.cell.formation.v1.created",
                                        "dev.cellos.events.cell.formation.v1.cancelled"};
    assert_int_equal(json_array_size(events), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *event = json_object_get(json_array_get(events, i), "event");
        assert_string_equal(text_of(event, "type"), types[i]);
        assert_string_equal(text_of(event, "specversion"), "1.0");
        assert_string_equal(text_of(event, "source"), "/reel");
        assert_int_equal(strlen(text_of(event, "id")), 36);
        assert_non_null(json_object_get(event, "time"));
        assert_string_equal(text_of(json_object_get(event, "data"), "formationId"), id);
    }
    json_decref(page);
}

/* ---- Delete ---------------------------------------------------------------------------------- */

static void a_formation_is_cancelled_once_by_id_or_by_name(void **state) {
    struct site *site = *state;
    char first[37], second[37];
    formation_made(site->writer, "one", first);
    formation_made(site->writer, "two", second);
    json_t *record = commanded(site, "DELETE", path_of(first, ""), NULL, first);
    assert_string_equal(text_of(record, "status"), "CANCELLED");
    json_decref(record);
    record = commanded(site, "DELETE", "/v1/formations/by-name/two", NULL, second);
    assert_string_equal(text_of(record, "status"), "CANCELLED");
    json_decref(record);
    uint64_t head = head_of(site);
    check_problem(site->writer, "DELETE", path_of(first, ""), NULL, NULL, 409, "conflict");
    check_problem(site->writer, "DELETE", "/v1/formations/by-name/two", NULL, NULL, 409,
                  "conflict");
    assert_int_equal(head_of(site), head);
}

static void an_ended_formation_cannot_be_cancelled(void **state) {
    struct site *site = *state;
    static const char *const ends[][2] = {
        {"completed", "SUCCEEDED"}, {"failed", "FAILED"}, {"cancelled", "CANCELLED"}};
    for (size_t i = 0; i < 3; i++) {
        char id[37], body[64];
        formation_made(site->writer, ends[i][0], id);
        snprintf(body, sizeof body, "{\"state\":\"%s\"}", ends[i][0]);
        json_decref(commanded(site, "POST", path_of(id, "/status"), body, id));
        check_problem(site->writer, "DELETE", path_of(id, ""), NULL, NULL, 409, "conflict");
        check_status(site, id, ends[i][1]);
    }
}

static void a_formation_that_is_not_there_cannot_be_cancelled(void **state) {
    struct site *site = *state;
    char id[37];
    check_problem(site->writer, "DELETE", NO_FORMATION, NULL, NULL, 404, "not-found");
    check_problem(site->writer, "DELETE", "/v1/formations/x", NULL, NULL, 400, "bad-request");
    check_problem(site->writer, "DELETE", "/v1/formations/by-name/x", NULL, NULL, 404, "not-found");
    formation_made(site->writer, "twin", id);
    formation_made(site->writer, "twin", id);
    check_problem(site->writer, "DELETE", "/v1/formations/by-name/twin", NULL, NULL, 409,
                  "conflict");
    assert_int_equal(head_of(site), 2);
}

/* ---- Status ---------------------------------------------------------------------------------- */

static void each_phase_is_reported_in_any_case(void **state) {
    struct site *site = *state;
    static const char *const phases[][2] = {{"created", "PENDING"},     {"LAUNCHING", "RUNNING"},
                                            {"Running", "RUNNING"},     {"deGraded", "RUNNING"},
                                            {"COMPLETED", "SUCCEEDED"}, {"Failed", "FAILED"},
                                            {"cancelled", "CANCELLED"}};
    char id[37], body[128];
    formation_made(site->writer, "f", id);
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        snprintf(body, sizeof body, "{\"state\":\"%s\",\"reason\":\"r\",\"failed_cells\":[\"c1\"]}",
                 phases[i][0]);
        json_t *record = commanded(site, "POST", path_of(id, "/status"), body, id);
        assert_string_equal(text_of(record, "status"), phases[i][1]);
        json_decref(record);
    }
    json_t *page = json_got(site->reader, "/v1/events?since=7");
    const json_t *event =
        json_object_get(json_array_get(json_object_get(page, "events"), 0), "event");
    const json_t *data = json_object_get(event, "data");
    assert_string_equal(text_of(event, "type"), "dev.cellos.events.cell.formation.v1.cancelled");
    assert_string_equal(text_of(data, "reason"), "r");
    assert_string_equal(json_string_value(json_array_get(json_object_get(data, "failed_cells"), 0)),
                        "c1");
    json_decref(page);
}

static void a_report_that_cannot_be_read_is_a_bad_request(void **state) {
    struct site *site = *state;
    static const char *const bodies[] = {"",
                                         "{}",
                                         "[]",
                                         "{\"state\":1}",
                                         "{\"state\":\"gone\"}",
                                         "{\"state\":\"PENDING\"}",
                                         "{\"state\":\"running\",\"reason\":1}",
                                         "{\"state\":\"running\",\"failed_cells\":\"c\"}",
                                         "{\"state\":\"running\",\"failed_cells\":[1]}",
                                         "{\"state\":\"running\",\"more\":1}",
                                         "{\"state\":\"running\"",
                                         NULL};
    char id[37];
    formation_made(site->writer, "f", id);
    for (const char *const *body = bodies; *body; body++)
        post_problem(site->writer, path_of(id, "/status"), *body, 400, "bad-request");
    post_problem(site->writer, NO_FORMATION "/status", "{\"state\":\"running\"}", 404, "not-found");
    post_problem(site->writer, "/v1/formations/x/status", "{\"state\":\"running\"}", 400,
                 "bad-request");
    assert_int_equal(head_of(site), 1);
}

static void a_verb_that_is_not_declared_is_not_there(void **state) {
    struct site *site = *state;
    char id[37];
    formation_made(site->writer, "f", id);
    post_problem(site->writer, path_of(id, "/explode"), "{}", 404, "not-found");
    post_problem(site->writer, path_of(id, "/create"), "{}", 404, "not-found");
    post_problem(site->writer, path_of(id, "/delete"), "{}", 404, "not-found");
    post_problem(site->writer, path_of(id, ""), "{}", 405, "method-not-allowed");
    post_problem(site->writer, "/v1/cells", "{}", 405, "method-not-allowed");
    check_problem(site->writer, "DELETE", "/v1/cells/c", NULL, NULL, 405, "method-not-allowed");
}

/* ---- Repeats --------------------------------------------------------------------------------- */

static json_t *created(struct site *site, const char *key, const char *body) {
    const char *const headers[] = {"Content-Type: application/json", key, NULL};
    struct reply reply =
        request(site->writer, "POST", "/v1/formations", headers, body, strlen(body));
    assert_int_equal(reply.status, 201);
    json_t *record = reply_json(&reply);
    assert_string_equal(reply_header(&reply, "Location") + strlen("/v1/formations/"),
                        text_of(record, "id"));
    assert_int_equal(cursor_of(&reply), number_of(record, "cursor"));
    reply_free(&reply);
    return record;
}

static void with_a_key_a_repeat_gives_the_first_result_and_appends_nothing(void **state) {
    struct site *site = *state;
    json_t *first = created(site, "Idempotency-Key: k1", FORMATION);
    formation_made(site->writer, "between", (char[37]){""});
    json_t *again = created(site, "Idempotency-Key: k1", FORMATION);
    assert_int_equal(number_of(first, "cursor"), 1);
    assert_int_equal(number_of(again, "cursor"), 2); /* where the record stands now */
    json_object_del(first, "cursor");
    json_object_del(again, "cursor");
    assert_true(json_equal(first, again));
    assert_int_equal(head_of(site), 2);
    json_t *other = created(site, "Idempotency-Key: k2", FORMATION);
    assert_string_not_equal(text_of(first, "id"), text_of(other, "id"));
    assert_int_equal(head_of(site), 3);
    json_decref(first);
    json_decref(again);
    json_decref(other);
}

static void a_cursor_is_no_condition_of_a_command(void **state) {
    struct site *site = *state;
    char id[37];
    formation_made(site->writer, "f", id);
    check_problem(site->writer, "DELETE", path_of(id, ""), "Reel-Expect-Cursor: 1", NULL, 400,
                  "bad-request");
    assert_int_equal(head_of(site), 1);
}

static void without_a_key_a_repeat_is_a_new_command(void **state) {
    struct site *site = *state;
    json_t *first = created(site, NULL, FORMATION), *second = created(site, NULL, FORMATION);
    assert_string_not_equal(text_of(first, "id"), text_of(second, "id"));
    assert_int_equal(head_of(site), 2);
    json_decref(first);
    json_decref(second);
}

static void every_command_knows_its_repeat(void **state) {
    struct site *site = *state;
    char id[37];
    formation_made(site->writer, "f", id);
    for (int i = 0; i < 3; i++) {
        const char *const headers[] = {"Content-Type: application/json", "Idempotency-Key: k",
                                       NULL};
        static const char body[] = "{\"state\":\"running\"}";
        struct reply reply =
            request(site->writer, "POST", path_of(id, "/status"), headers, body, strlen(body));
        assert_int_equal(reply.status, 200);
        assert_int_equal(cursor_of(&reply), 2);
        assert_int_equal(reply_header(&reply, "Idempotent-Replayed") != NULL, i > 0);
        reply_free(&reply);
    }
    for (int i = 0; i < 3; i++) {
        const char *path = i == 1 ? "/v1/formations/by-name/f" : path_of(id, "");
        struct reply reply = asked(site->writer, "DELETE", path, "Idempotency-Key: k", NULL, 200);
        assert_int_equal(cursor_of(&reply), 3);
        reply_free(&reply);
    }
    check_problem(site->writer, "DELETE", path_of(id, ""), "Idempotency-Key: l", NULL, 409,
                  "conflict");
    check_problem(site->writer, "DELETE", path_of(id, ""), "Idempotency-Key: l", NULL, 409,
                  "conflict");
    assert_int_equal(head_of(site), 3);
}

static void a_key_survives_a_restart(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct site site = site_of(daemon_started(directory, NULL));
    json_t *first = created(&site, "Idempotency-Key: k", FORMATION);
    site_closed(&site);
    site = site_of(daemon_started(directory, NULL));
    json_t *again = created(&site, "Idempotency-Key: k", FORMATION);
    assert_true(json_equal(first, again));
    assert_int_equal(head_of(&site), 1);
    site_closed(&site);
    json_decref(first);
    json_decref(again);
}

static void a_key_has_1_to_255_bytes_of_utf8(void **state) {
    struct site *site = *state;
    char header[400];
    snprintf(header, sizeof header, "Idempotency-Key: %0255d", 7);
    json_decref(created(site, header, FORMATION));
    snprintf(header, sizeof header, "Idempotency-Key: %0256d", 7);
    const char *const wrong[] = {header, "Idempotency-Key;", "Idempotency-Key: \xff", NULL};
    for (const char *const *key = wrong; *key; key++) {
        const char *const headers[] = {"Content-Type: application/json", *key, NULL};
        struct reply reply =
            request(site->writer, "POST", "/v1/formations", headers, FORMATION, strlen(FORMATION));
        assert_problem(&reply, 400, "bad-request");
        reply_free(&reply);
    }
    assert_int_equal(head_of(site), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_formation_is_created_pending_with_its_place_and_cursor),
        CASE(a_document_like_kubernetes_has_keeps_all_its_fields),
        CASE(a_command_is_an_event_of_its_phase_in_the_log),
        CASE(a_formation_is_cancelled_once_by_id_or_by_name),
        CASE(an_ended_formation_cannot_be_cancelled),
        CASE(a_formation_that_is_not_there_cannot_be_cancelled),
        CASE(each_phase_is_reported_in_any_case),
        CASE(a_report_that_cannot_be_read_is_a_bad_request),
        CASE(a_verb_that_is_not_declared_is_not_there),
        CASE(with_a_key_a_repeat_gives_the_first_result_and_appends_nothing),
        CASE(a_cursor_is_no_condition_of_a_command),
        CASE(without_a_key_a_repeat_is_a_new_command),
        CASE(every_command_knows_its_repeat),
        cmocka_unit_test(a_key_survives_a_restart),
        CASE(a_key_has_1_to_255_bytes_of_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
