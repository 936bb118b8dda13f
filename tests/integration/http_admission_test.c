/* http_admission_test.c: what POST /v1/formations admits, and which problem it names otherwise. */
#include "http_support.h"

static int close_site(void **state) {
    struct site *site = *state;
    json_t *list = json_got(site->reader, "/v1/formations");
    assert_int_equal(number_of(list, "cursor"), 0); /* what is refused leaves nothing */
    json_decref(list);
    site_closed(site);
    return 0;
}

/* In both forms. */
static void check_refused(struct site *site, const char *rest, const char *problem) {
    struct text body = {0};
    test_context("%s", rest);
    text_format(&body, "{\"name\":\"n\",%s}", rest);
    post_problem(site->writer, "/v1/formations", body.data, 400, problem);
    body.len = 0;
    text_format(&body, "{\"kind\":\"Formation\",\"metadata\":{\"name\":\"n\"},\"spec\":{%s}}",
                rest);
    post_problem(site->writer, "/v1/formations", body.data, 400, problem);
    free(body.data);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void each_rule_has_its_problem(void **state) {
    struct site *site = *state;
    static const char *const cases[][2] = {
        {"formation-multiple-coordinators",
         "\"coordinator\":[\"a\",\"b\"],\"members\":[{\"id\":\"a\"},{\"id\":\"b\"}]"},
        {"formation-duplicate-member-id",
         "\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"},{\"id\":\"a\"}]"},
        {"formation-no-coordinator", "\"members\":[{\"id\":\"a\"}]"},
        {"formation-no-coordinator", "\"coordinator\":\"b\",\"members\":[{\"id\":\"a\"}]"},
        {"formation-no-coordinator", "\"coordinator\":null,\"members\":[{\"id\":\"a\"}]"},
        {"formation-no-coordinator", "\"coordinator\":\"a\",\"members\":[]"},
        {"formation-authority-not-narrowing",
         "\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"},{\"id\":\"b\"}]"},
        {"formation-authority-not-narrowing", "\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"},{"
                                              "\"id\":\"b\",\"authorizedBy\":\"x\"}]"},
        {"formation-cycle",
         "\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"},{\"id\":\"b\",\"authorizedBy\":\"c\"},"
         "{\"id\":\"c\",\"authorizedBy\":\"b\"}]"},
        {"formation-cycle", "\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"},{\"id\":\"b\","
                            "\"authorizedBy\":\"b\"}]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_refused(site, cases[i][1], cases[i][0]);
}

static void the_first_rule_that_is_broken_names_the_problem(void **state) {
    struct site *site = *state;
    check_refused(site, "\"coordinator\":[\"a\",\"b\"],\"members\":[{\"id\":\"a\"},{\"id\":\"a\"}]",
                  "formation-multiple-coordinators");
    check_refused(site, "\"members\":[{\"id\":\"a\"},{\"id\":\"a\"}]",
                  "formation-duplicate-member-id");
    check_refused(site, "\"members\":[{\"id\":\"b\",\"authorizedBy\":\"x\"}]",
                  "formation-no-coordinator");
    check_refused(site,
                  "\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"},"
                  "{\"id\":\"b\",\"authorizedBy\":\"b\"},{\"id\":\"c\"}]",
                  "formation-authority-not-narrowing");
    check_refused(site, "\"coordinator\":[\"a\",\"b\"],\"members\":[{}]", "bad-request");
}

static void missing_members_and_other_types_are_a_bad_request(void **state) {
    struct site *site = *state;
    static const char *const bodies[] = {
        "",
        "null",
        "1",
        "\"x\"",
        "[]",
        "{}",
        "{",
        "{}{}",
        "nonsense",
        "\xff",
        "{\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"}]}",
        "{\"name\":1,\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"}]}",
        "{\"name\":null,\"coordinator\":\"a\",\"members\":[{\"id\":\"a\"}]}",
        "{\"name\":\"n\",\"coordinator\":\"a\"}",
        "{\"name\":\"n\",\"coordinator\":\"a\",\"members\":{}}",
        "{\"name\":\"n\",\"coordinator\":\"a\",\"members\":null}",
        "{\"name\":\"n\",\"coordinator\":\"a\",\"members\":[1]}",
        "{\"name\":\"n\",\"coordinator\":\"a\",\"members\":[{}]}",
        "{\"name\":\"n\",\"coordinator\":\"a\",\"members\":[{\"id\":1}]}",
        "{\"kind\":\"Formation\",\"metadata\":{},\"spec\":{\"coordinator\":\"a\","
        "\"members\":[{\"id\":\"a\"}]}}",
        "{\"kind\":\"Formation\",\"metadata\":{\"name\":\"n\"}}",
        NULL};
    for (const char *const *body = bodies; *body; body++)
        post_problem(site->writer, "/v1/formations", *body, 400, "bad-request");
}

static void a_body_that_is_nested_too_deeply_is_a_bad_request(void **state) {
    struct site *site = *state;
    struct text body = {0};
    text_format(&body, "{\"name\":\"n\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}],\"x\":");
    for (int i = 0; i < 126; i++) text_add(&body, "[", 1);
    for (int i = 0; i < 126; i++) text_add(&body, "]", 1);
    text_add(&body, "}", 1); /* 127 levels: JSON, but not once it is an event's data */
    post_problem(site->writer, "/v1/formations", body.data, 400, "bad-request");
    free(body.data);
}

static void a_body_that_is_not_said_to_be_json_is_not_taken(void **state) {
    struct site *site = *state;
    static const char *const types[] = {"Content-Type: text/plain",
                                        "Content-Type: application/x-www-form-urlencoded",
                                        "Content-Type: application/jsonx",
                                        "Content-Type: json",
                                        "Content-Type: application/json; charset=utf-16",
                                        "Content-Type: a/x+json, text/plain+json",
                                        "Content-Type;",
                                        "Content-Type:",
                                        NULL};
    for (const char *const *type = types; *type; type++)
        check_problem(site->writer, "POST", "/v1/formations", *type, FORMATION, 415,
                      "unsupported-media-type");
}

static void json_may_have_parameters_and_suffixes(void **state) {
    (void)state;
    struct site site = site_opened(NULL);
    static const char *const types[] = {"Content-Type: application/json; charset=utf-8",
                                        "Content-Type: a/b+json; charset=\"UTF-8\"",
                                        "Content-Type: Application/JSON",
                                        "Content-Type: application/json ;x=y",
                                        "Content-Type: application/merge-patch+json",
                                        NULL};
    for (const char *const *type = types; *type; type++) {
        struct reply reply = asked(site.writer, "POST", "/v1/formations", *type, FORMATION, 201);
        reply_free(&reply);
    }
    site_closed(&site);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, site_setup, close_site)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(each_rule_has_its_problem),
        CASE(the_first_rule_that_is_broken_names_the_problem),
        CASE(missing_members_and_other_types_are_a_bad_request),
        CASE(a_body_that_is_nested_too_deeply_is_a_bad_request),
        CASE(a_body_that_is_not_said_to_be_json_is_not_taken),
        cmocka_unit_test(json_may_have_parameters_and_suffixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
