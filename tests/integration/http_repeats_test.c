/* http_repeats_test.c: what a command is held against: an earlier one with the same
 * Idempotency-Key, and the record that If-Match or If-None-Match names. */
#include "http_support.h"

#define NO_FORMATION "/v1/formations/00000000-0000-0000-0000-000000000000"
#define JSON         "Content-Type: application/json"

/* A command with up to two more headers; `body` may be NULL. */
static struct reply commanded(struct client *client, const char *method, const char *path,
                              const char *first, const char *second, const char *body) {
    const char *const headers[] = {JSON, first, second, NULL};
    return request(client, method, path, headers, body, body ? strlen(body) : 0);
}

static struct reply created_by(struct client *client, const char *key, const char *body) {
    return commanded(client, "POST", "/v1/formations", key, NULL, body);
}

static void check_refused(struct reply reply, long status, const char *name) {
    assert_problem(&reply, status, name);
    assert_null(reply_header(&reply, "Idempotent-Replayed"));
    reply_free(&reply);
}

static void check_done(struct reply reply, long status, bool repeated) {
    if (reply.status != status)
        fail_msg("%ld instead of %ld: %s", reply.status, status, reply.body.data);
    const char *told = reply_header(&reply, "Idempotent-Replayed");
    assert_int_equal(told != NULL, repeated);
    if (told) assert_string_equal(told, "true");
    reply_free(&reply);
}

static uint64_t head_of(struct site *site) {
    json_t *status = json_got(site->reader, "/v1/status");
    uint64_t head = number_of(status, "head");
    json_decref(status);
    return head;
}

static const char *path_of(const char *id, const char *verb) {
    static char path[128];
    snprintf(path, sizeof path, "/v1/formations/%s%s", id, verb);
    return path;
}

/* ---- Repeats --------------------------------------------------------------------------------- */

static void the_same_key_with_another_body_is_refused(void **state) {
    struct site *site = *state;
    char id[37];
    check_done(created_by(site->writer, "Idempotency-Key: k", FORMATION), 201, false);
    check_refused(created_by(site->writer, "Idempotency-Key: k", FORMATION " "), 422,
                  "idempotency-key-reused");
    check_refused(created_by(site->writer, "Idempotency-Key: k", NULL), 422,
                  "idempotency-key-reused");
    check_done(created_by(site->writer, "Idempotency-Key: k", FORMATION), 201, true);
    formation_made(site->writer, "g", id);
    const char *path = path_of(id, "/status");
    check_done(commanded(site->writer, "POST", path, "Idempotency-Key: k", NULL,
                         "{\"state\":\"running\"}"),
               200, false);
    check_refused(
        commanded(site->writer, "POST", path, "Idempotency-Key: k", NULL, "{\"state\":\"failed\"}"),
        422, "idempotency-key-reused");
    assert_int_equal(head_of(site), 3);
}

static void the_body_is_remembered_across_a_restart(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct site site = site_of(daemon_started(directory, NULL));
    check_done(created_by(site.writer, "Idempotency-Key: k", FORMATION), 201, false);
    site_closed(&site);
    site = site_of(daemon_started(directory, NULL));
    check_refused(created_by(site.writer, "Idempotency-Key: k", FORMATION " "), 422,
                  "idempotency-key-reused");
    check_done(created_by(site.writer, "Idempotency-Key: k", FORMATION), 201, true);
    site_closed(&site);
}

static void keys_of_different_tokens_do_not_meet(void **state) {
    struct site *site = *state;
    struct client *other = client_opened(&site->daemon, OTHER_TOKEN);
    struct reply first = created_by(site->writer, "Idempotency-Key: k", FORMATION);
    struct reply second = created_by(other, "Idempotency-Key: k", FORMATION);
    assert_int_equal(first.status, 201);
    assert_int_equal(second.status, 201);
    assert_null(reply_header(&second, "Idempotent-Replayed"));
    char place[128];
    snprintf(place, sizeof place, "%s", reply_header(&first, "Location"));
    assert_string_not_equal(place, reply_header(&second, "Location"));
    reply_free(&first);
    reply_free(&second);
    check_refused(created_by(other, "Idempotency-Key: k", FORMATION " "), 422,
                  "idempotency-key-reused");
    client_close(other);
}

static void a_repeat_tells_the_position_at_which_its_record_stands(void **state) {
    struct site *site = *state;
    struct reply reply = created_by(site->writer, "Idempotency-Key: k", FORMATION);
    json_t *record = reply_json(&reply);
    char id[37];
    snprintf(id, sizeof id, "%s", text_of(record, "id"));
    json_decref(record);
    reply_free(&reply);
    check_done(commanded(site->writer, "POST", path_of(id, "/status"), NULL, NULL,
                         "{\"state\":\"running\"}"),
               200, false);
    formation_made(site->writer, "other", (char[37]){""});
    reply = created_by(site->writer, "Idempotency-Key: k", FORMATION);
    record = reply_json(&reply);
    assert_string_equal(text_of(record, "status"), "RUNNING");
    assert_int_equal(number_of(record, "cursor"), 3);
    assert_int_equal(cursor_of(&reply), 3);
    json_decref(record);
    reply_free(&reply);
}

static void several_keys_are_refused(void **state) {
    struct site *site = *state;
    check_refused(commanded(site->writer, "POST", "/v1/formations", "Idempotency-Key: a",
                            "Idempotency-Key: b", FORMATION),
                  400, "bad-request");
    assert_int_equal(head_of(site), 0);
}

/* ---- If-Match -------------------------------------------------------------------------------- */

/* The header with the record's tag in it. */
static const char *condition_of(struct site *site, const char *name, const char *id,
                                const char *format) {
    static char header[512];
    char path[128];
    snprintf(path, sizeof path, "/v1/formations/%s", id);
    struct reply reply = got(site->reader, path, 200);
    char *at = stpcpy(stpcpy(header, name), ": ");
    for (const char *from = format; *from; from++)
        if (*from == '@')
            at = stpcpy(at, reply_header(&reply, "ETag"));
        else
            *at++ = *from;
    *at = '\0';
    reply_free(&reply);
    return header;
}

static const char *match_of(struct site *site, const char *id, const char *format) {
    return condition_of(site, "If-Match", id, format);
}

static const char *none_match_of(struct site *site, const char *id, const char *format) {
    return condition_of(site, "If-None-Match", id, format);
}

#define RUNNING "{\"state\":\"running\"}"

static void a_command_is_carried_out_if_the_record_is_as_named(void **state) {
    struct site *site = *state;
    char id[37];
    formation_made(site->writer, "f", id);
    static const char *const formats[] = {"@", "\"x\", @", "@,\"x\"", ", ,@", "*"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        check_done(commanded(site->writer, "POST", path_of(id, "/status"),
                             match_of(site, id, formats[i]), NULL, RUNNING),
                   200, false);
    check_done(
        commanded(site->writer, "DELETE", path_of(id, ""), match_of(site, id, "@"), NULL, NULL),
        200, false);
}

static void a_command_on_a_record_that_has_changed_is_refused(void **state) {
    struct site *site = *state;
    char id[37], old[512];
    formation_made(site->writer, "f", id);
    snprintf(old, sizeof old, "%s", match_of(site, id, "@"));
    check_done(commanded(site->writer, "POST", path_of(id, "/status"), old, NULL, RUNNING), 200,
               false);
    check_refused(commanded(site->writer, "POST", path_of(id, "/status"), old, NULL, RUNNING), 412,
                  "precondition-failed");
    check_refused(commanded(site->writer, "DELETE", "/v1/formations/by-name/f", old, NULL, NULL),
                  412, "precondition-failed");
    static const char *const wrong[] = {"W/@", "\"@", "\"x\"", "\"\""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *header = match_of(site, id, i == 1 ? "\"other\"" : wrong[i]);
        check_refused(commanded(site->writer, "DELETE", path_of(id, ""), header, NULL, NULL), 412,
                      "precondition-failed");
    }
    assert_int_equal(head_of(site), 2);
}

static void there_must_be_a_record_to_be_as_named(void **state) {
    struct site *site = *state;
    check_refused(commanded(site->writer, "DELETE", NO_FORMATION, "If-Match: *", NULL, NULL), 412,
                  "precondition-failed");
    check_refused(commanded(site->writer, "POST", "/v1/formations", "If-Match: *", NULL, FORMATION),
                  412, "precondition-failed");
    assert_int_equal(head_of(site), 0);
}

static void a_repeat_is_one_whatever_has_become_of_the_record(void **state) {
    struct site *site = *state;
    char id[37], old[512];
    formation_made(site->writer, "f", id);
    snprintf(old, sizeof old, "%s", match_of(site, id, "@"));
    for (int i = 0; i < 2; i++)
        check_done(commanded(site->writer, "POST", path_of(id, "/status"), old,
                             "Idempotency-Key: k", RUNNING),
                   200, i > 0);
}

static void a_malformed_list_of_tags_is_refused(void **state) {
    struct site *site = *state;
    char many[2048] = "If-Match: ";
    for (int i = 0; i < 65; i++) strcat(many, "\"x\",");
    static const char *const wrong[] = {
        "If-Match: x",       "If-Match: \"x", "If-Match: \"x\" \"y\"",
        "If-Match: *,\"x\"", "If-Match;",     "If-Match: W/x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        check_refused(commanded(site->writer, "DELETE", NO_FORMATION, wrong[i], NULL, NULL), 400,
                      "bad-request");
    check_refused(commanded(site->writer, "DELETE", NO_FORMATION, many, NULL, NULL), 400,
                  "bad-request");
    check_refused(commanded(site->writer, "DELETE", NO_FORMATION, "If-None-Match: x", NULL, NULL),
                  400, "bad-request");
}

/* ---- If-None-Match --------------------------------------------------------------------------- */

static void a_command_on_a_record_that_is_as_named_is_refused(void **state) {
    struct site *site = *state;
    char id[37];
    formation_made(site->writer, "f", id);
    static const char *const formats[] = {"@", "W/@", "\"x\", @", "*"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        check_refused(commanded(site->writer, "POST", path_of(id, "/status"),
                                none_match_of(site, id, formats[i]), NULL, RUNNING),
                      412, "precondition-failed");
        check_refused(commanded(site->writer, "DELETE", "/v1/formations/by-name/f",
                                none_match_of(site, id, formats[i]), NULL, NULL),
                      412, "precondition-failed");
    }
    assert_int_equal(head_of(site), 1);
}

static void a_command_on_a_record_that_is_not_as_named_is_carried_out(void **state) {
    struct site *site = *state;
    char id[37], old[512];
    check_done(
        commanded(site->writer, "POST", "/v1/formations", "If-None-Match: *", NULL, FORMATION), 201,
        false);
    formation_made(site->writer, "other", id);
    snprintf(old, sizeof old, "%s", none_match_of(site, id, "@"));
    check_done(commanded(site->writer, "POST", path_of(id, "/status"), "If-None-Match: \"x\"", NULL,
                         RUNNING),
               200, false);
    check_done(commanded(site->writer, "POST", path_of(id, "/status"), old, NULL, RUNNING), 200,
               false);
}

static void both_conditions_must_hold(void **state) {
    struct site *site = *state;
    char id[37], match[512];
    formation_made(site->writer, "f", id);
    snprintf(match, sizeof match, "%s", match_of(site, id, "@"));
    check_refused(commanded(site->writer, "POST", path_of(id, "/status"), match,
                            none_match_of(site, id, "@"), RUNNING),
                  412, "precondition-failed");
    check_refused(commanded(site->writer, "POST", path_of(id, "/status"), "If-Match: \"x\"",
                            "If-None-Match: \"y\"", RUNNING),
                  412, "precondition-failed");
    check_done(commanded(site->writer, "POST", path_of(id, "/status"), match,
                         "If-None-Match: \"y\"", RUNNING),
               200, false);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(the_same_key_with_another_body_is_refused),
        cmocka_unit_test(the_body_is_remembered_across_a_restart),
        CASE(keys_of_different_tokens_do_not_meet),
        CASE(a_repeat_tells_the_position_at_which_its_record_stands),
        CASE(several_keys_are_refused),
        CASE(a_command_is_carried_out_if_the_record_is_as_named),
        CASE(a_command_on_a_record_that_has_changed_is_refused),
        CASE(there_must_be_a_record_to_be_as_named),
        CASE(a_repeat_is_one_whatever_has_become_of_the_record),
        CASE(a_malformed_list_of_tags_is_refused),
        CASE(a_command_on_a_record_that_is_as_named_is_refused),
        CASE(a_command_on_a_record_that_is_not_as_named_is_carried_out),
        CASE(both_conditions_must_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
