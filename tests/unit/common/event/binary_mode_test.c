/* binary_mode_test.c: headers and a body, and the event that is made of them. */
#include "cloudevents_support.h"

#define WRITTEN "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\""

/* ---- Assertions ------------------------------------------------------------------------------ */

/* The event is WRITTEN and then this. */
static void assert_rest(const char *type, struct reel_str body, const char *rest) {
    char expected[1024];
    struct message message = {.type = type, .headers = NEEDED_HEADERS, .body = body};
    snprintf(expected, sizeof expected, WRITTEN "%s}", rest);
    test_context("%s: %.*s", type, REEL_FMT(body));
    assert_written(&message, reel_text(expected));
}

/* A header ce-x with this value gives this JSON string. */
static void assert_value(const char *value, const char *expected) {
    char headers[256], event[256];
    snprintf(headers, sizeof headers, NEEDED_HEADERS "\nce-x: %s", value);
    snprintf(event, sizeof event, WRITTEN ",\"x\":%s}", expected);
    struct message message = {.headers = headers};
    test_context("%s", value);
    assert_written(&message, reel_text(event));
}

static void assert_header_refused(const char *header, const char *part) {
    char headers[256];
    snprintf(headers, sizeof headers, NEEDED_HEADERS "\n%s", header);
    struct message message = {.headers = headers};
    test_context("%s", header);
    assert_not_written(&message, -EINVAL, part);
}

/* ---- Header names ---------------------------------------------------------------------------- */

static void header_names_have_no_case(void **state) {
    (void)state;
    struct message message = {
        .headers = "CE-SpecVersion: 1.0\nCe-Id: 1\ncE-source: /s\nce-TYPE: t\nCE-Ext1: A"};
    assert_written(&message, STR(WRITTEN ",\"ext1\":\"A\"}"));
}

static void other_headers_are_none_of_the_event(void **state) {
    (void)state;
    struct message message = {.headers = "Host: h\n" NEEDED_HEADERS
                                         "\nuser-agent: \"\nce: 1\nce-: 1\ncex-a: %\nc: 1"};
    assert_written(&message, STR(WRITTEN "}"));
}

static void header_names_are_those_of_attributes(void **state) {
    (void)state;
    assert_header_refused("ce-a_b: 1", "\"a_b\" cannot be the name");
    assert_header_refused("ce-a-b: 1", "\"a-b\" cannot be the name");
    assert_header_refused("ce-a\"b: 1", "cannot be the name");
    assert_header_refused("ce-\xC3\xA4: 1", "cannot be the name");
    assert_header_refused("ce-data: 1", "\"data\" cannot be the name");
    assert_header_refused("ce-Data_Base64: 1", "\"data_base64\" cannot be the name");
    assert_header_refused("ce-datacontenttype: a/b", "is not allowed: use Content-Type");
    assert_header_refused("ce-ID: 2", "\"id\" is there twice");
}

static void required_attributes_are_checked_in_binary_mode(void **state) {
    (void)state;
    struct message message = {.headers = "ce-specversion: 1.0\nce-id: 1\nce-source: /s"};
    assert_not_written(&message, -EINVAL, "\"type\" is missing");
    message.headers = "ce-id: 1\nce-source: /s\nce-type: t";
    assert_not_written(&message, -EINVAL, "\"specversion\" is missing");
    message.headers = "ce-specversion: 0.3\nce-id: 1\nce-source: /s\nce-type: t";
    assert_not_written(&message, -EINVAL, "\"specversion\" is not");
    assert_header_refused("ce-subject: ", "\"subject\" is not");
    assert_header_refused("ce-time: now", "\"time\" is not");
}

/* ---- Header values --------------------------------------------------------------------------- */

static void values_are_percent_decoded_once(void **state) {
    (void)state;
    assert_value("Euro%20%E2%82%AC%20%F0%9F%98%80", "\"Euro \xE2\x82\xAC \xF0\x9F\x98\x80\"");
    assert_value("%e2%82%ac", "\"\xE2\x82\xAC\"");
    assert_value("%41%2541", "\"A%41\"");
    assert_value("%22%5C%0A%00", "\"\\\"\\\\\\n\\u0000\"");
    assert_value("\xC3\xA4", "\"\xC3\xA4\"");
    assert_value("a b\\c", "\"a b\\\\c\"");
    assert_value(" \t a \t", "\"a\"");
    assert_value("", "\"\"");
    assert_value("5", "\"5\"");
}

static void quotes_are_taken_away_first(void **state) {
    (void)state;
    assert_value("\"a b\"", "\"a b\"");
    assert_value("\"a\\\"b\\\\c\\d\"", "\"a\\\"b\\\\cd\"");
    assert_value("\"%20\"", "\" \"");
    assert_value("a\" b \"c", "\"a b c\"");
    assert_value("\"\\%41\"", "\"A\"");
    assert_value("\"\"", "\"\"");
}

static void a_header_that_cannot_be_decoded_is_refused_with_a_sentence(void **state) {
    (void)state;
    assert_header_refused("ce-x: %C0%A0", "ce-x is not UTF-8");
    assert_header_refused("ce-x: %ff", "ce-x is not UTF-8");
    assert_header_refused("ce-x: \xFF", "ce-x is not UTF-8");
    assert_header_refused("ce-x: %ED%A0%80", "ce-x is not UTF-8");
    assert_header_refused("ce-subject: 100%", "ce-subject has a %");
    assert_header_refused("ce-x: %4", "ce-x has a %");
    assert_header_refused("ce-x: %g1", "ce-x has a %");
    assert_header_refused("ce-x: \"a", "ce-x has a quote");
    assert_header_refused("ce-x: \"a\\\"", "ce-x has a quote");
}

/* ---- Data ------------------------------------------------------------------------------------ */

static void json_stays_as_it_stands(void **state) {
    (void)state;
    assert_rest("application/json", STR(" {\"a\": 1.50}\n"),
                ",\"datacontenttype\":\"application/json\",\"data\":{\"a\": 1.50}");
    assert_rest("Text/JSON;Charset=\"UTF-8\"", STR("null"),
                ",\"datacontenttype\":\"Text/JSON;Charset=\\\"UTF-8\\\"\",\"data\":null");
    assert_rest("a/vnd.b+JSON", STR("\"I'm just a string\""),
                ",\"datacontenttype\":\"a/vnd.b+JSON\",\"data\":\"I'm just a string\"");
}

static void json_that_is_none_is_refused(void **state) {
    (void)state;
    static const char *const bodies[] = {"{", "1,\"x\":2", "1}", "hello", " ", "\"\xFF\""};
    for (size_t i = 0; i < LENGTH(bodies); i++) {
        struct message message = {
            .type = "application/json", .headers = NEEDED_HEADERS, .body = reel_text(bodies[i])};
        test_context("%s", bodies[i]);
        assert_not_written(&message, -EINVAL, "the data is not JSON");
    }
    struct message message = {
        .type = "application/json; charset=utf-16", .headers = NEEDED_HEADERS, .body = STR("1")};
    assert_not_written(&message, -EPROTONOSUPPORT, "\"utf-16\"");
}

/* What is one level deeper in the event than in the body. */
static void data_may_not_be_too_deep_for_an_event(void **state) {
    (void)state;
    char body[2 * JSON_DEPTH_MAX];
    memset(body, '[', JSON_DEPTH_MAX);
    memset(body + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    struct message message = {
        .type = "application/json", .headers = NEEDED_HEADERS, .body = {body, sizeof body}};
    assert_not_written(&message, -EINVAL, "the event is not JSON");
    char rest[sizeof body + 64];
    struct reel_str less = {body + 1, sizeof body - 2};
    snprintf(rest, sizeof rest, ",\"datacontenttype\":\"application/json\",\"data\":%.*s",
             REEL_FMT(less));
    assert_rest(message.type, less, rest);
}

static void text_is_a_string(void **state) {
    (void)state;
    assert_rest("text/plain", STR("a\"\n"),
                ",\"datacontenttype\":\"text/plain\",\"data\":\"a\\\"\\n\"");
    assert_rest("text/plain; charset=us-ascii", STR("Hi"),
                ",\"datacontenttype\":\"text/plain; charset=us-ascii\",\"data\":\"Hi\"");
    assert_rest("application/xml", STR("<a b=\"\xC3\xA4\"/>"),
                ",\"datacontenttype\":\"application/xml\",\"data\":\"<a b=\\\"\xC3\xA4\\\"/>\"");
    assert_rest("image/svg+xml", STR("<svg/>"),
                ",\"datacontenttype\":\"image/svg+xml\",\"data\":\"<svg/>\"");
}

static void any_other_data_is_base64(void **state) {
    (void)state;
    assert_rest("application/octet-stream", STR("foob"),
                ",\"datacontenttype\":\"application/octet-stream\",\"data_base64\":\"Zm9vYg==\"");
    assert_rest("text/plain; charset=iso-8859-1", STR("f"),
                ",\"datacontenttype\":\"text/plain; charset=iso-8859-1\",\"data_base64\":\"Zg==\"");
    assert_rest("text/plain", STR("\xFF"),
                ",\"datacontenttype\":\"text/plain\",\"data_base64\":\"/w==\"");
    assert_rest(NULL, STR("{}"), ",\"data_base64\":\"e30=\"");
    assert_rest("", STR("{}"), ",\"data_base64\":\"e30=\"");
}

static void an_empty_body_is_no_data(void **state) {
    (void)state;
    assert_rest("application/json", STR(""), ",\"datacontenttype\":\"application/json\"");
    assert_rest("image/png", STR(""), ",\"datacontenttype\":\"image/png\"");
    assert_rest(NULL, STR(""), "");
}

static void a_content_type_that_is_none_is_told(void **state) {
    (void)state;
    struct message message = {.type = "json", .headers = NEEDED_HEADERS, .body = STR("{}")};
    assert_not_written(&message, -EINVAL, "\"datacontenttype\" is not a media type");
    message.type = "text/\xFF";
    assert_not_written(&message, -EINVAL, "the Content-Type is not UTF-8");
}

UNIT_TESTS(binary_mode_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_names_have_no_case),
        cmocka_unit_test(other_headers_are_none_of_the_event),
        cmocka_unit_test(header_names_are_those_of_attributes),
        cmocka_unit_test(required_attributes_are_checked_in_binary_mode),
        cmocka_unit_test(values_are_percent_decoded_once),
        cmocka_unit_test(quotes_are_taken_away_first),
        cmocka_unit_test(a_header_that_cannot_be_decoded_is_refused_with_a_sentence),
        cmocka_unit_test(json_stays_as_it_stands),
        cmocka_unit_test(json_that_is_none_is_refused),
        cmocka_unit_test(data_may_not_be_too_deep_for_an_event),
        cmocka_unit_test(text_is_a_string),
        cmocka_unit_test(any_other_data_is_base64),
        cmocka_unit_test(an_empty_body_is_no_data),
        cmocka_unit_test(a_content_type_that_is_none_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
