/* nats_binding_test.c: which mode a message is in, and what is made of it. */
#include "cloudevents_support.h"

#include "event/nats_binding.h"

/* What NEEDED_HEADERS become: they are taken by their names. */
#define WRITTEN "{\"id\":\"1\",\"source\":\"/s\",\"specversion\":\"1.0\",\"type\":\"t\""

/* ---- Fixture --------------------------------------------------------------------------------- */

static struct json_parser *parser;
static struct arena arena;
static struct text written;

static int start(void **state) {
    (void)state;
    parser = json_parser_create(NULL);
    return parser ? 0 : -1;
}

static int finish(void **state) {
    (void)state;
    json_parser_destroy(parser);
    arena_finish(&arena);
    text_finish(&written);
    return 0;
}

static enum nats_content read_message(const char *headers, struct reel_str payload,
                                      size_t event_bytes_max, struct reel_error *error) {
    enum nats_content content;
    struct nats_message message = {payload, each_header_line, (void *)headers};
    test_context("%s", headers);
    must_ok(nats_binding_read(parser, &message, event_bytes_max, &arena, &written, &content, error),
            *error);
    return content;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_payload(const char *headers, struct reel_str payload) {
    struct reel_error error;
    assert_int_equal(read_message(headers, payload, SIZE_MAX, &error), NATS_PAYLOAD);
    assert_int_equal(written.len, 0);
}

static void assert_binary(const char *headers, struct reel_str payload, const char *expected) {
    struct reel_error error = {""};
    if (read_message(headers, payload, SIZE_MAX, &error) != NATS_BINARY)
        fail_msg("not binary: %s", error.text);
    assert_bytes(text_str(&written), reel_text(expected));
}

/* Malformed, for a reason with `part` in it; and this message is what was written. */
static void assert_malformed(const char *headers, struct reel_str payload, const char *part,
                             struct reel_str expected) {
    struct reel_error error = {""};
    struct json *json;
    const char *why;
    assert_int_equal(read_message(headers, payload, SIZE_MAX, &error), NATS_MALFORMED);
    assert_sentence(&error, part);
    assert_bytes(text_str(&written), expected);
    assert_int_equal(json_parse(parser, text_str(&written), 0, &json, &why), -EBADMSG);
}

/* The same of NEEDED_HEADERS and one more, which comes before them by its name. */
static void assert_header_malformed(const char *header, const char *part) {
    char headers[256], expected[256];
    snprintf(headers, sizeof headers, NEEDED_HEADERS "\n%s", header);
    snprintf(expected, sizeof expected,
             "NATS/1.0\r\n%s\r\nce-id: 1\r\nce-source: /s\r\nce-specversion: 1.0\r\n"
             "ce-type: t\r\n\r\n{}",
             header);
    assert_malformed(headers, STR("{}"), part, reel_text(expected));
}

/* ---- Modes ----------------------------------------------------------------------------------- */

static void without_headers_of_an_event_the_payload_is_it(void **state) {
    (void)state;
    assert_payload(NULL, STR("{" NEEDED "}"));
    assert_payload("Nats-Msg-Id: 1", STR("{" NEEDED "}"));
    assert_payload("Content-Type: application/json", STR(" {}"));
    assert_payload("ce-: 1\nce: 1\nace-id: 1", STR("{}"));
    assert_payload("Nats-Msg-Id: 1", STR("no JSON"));
    assert_payload(NULL, STR(""));
}

static void a_message_may_have_no_headers_at_all(void **state) {
    (void)state;
    enum nats_content content = NATS_MALFORMED;
    struct reel_error error;
    struct nats_message message = {.payload = STR("{}")};
    must_ok(nats_binding_read(parser, &message, 2, &arena, &written, &content, &error), error);
    assert_int_equal(content, NATS_PAYLOAD);
}

static void the_content_type_tells_structured_mode(void **state) {
    (void)state;
    static const char *const types[] = {
        "content-type: application/cloudevents+json",
        "Content-Type: application/cloudevents+json; charset=utf-8",
        "CONTENT-TYPE:  \t Application/CloudEvents+JSON",
        "content-type: application/cloudevents",
        "content-type: application/cloudevents+json\nce-id: %\nce-datacontenttype: a/b",
    };
    for (size_t i = 0; i < LENGTH(types); i++) assert_payload(types[i], STR("{" NEEDED "}"));
}

static void a_batch_is_malformed(void **state) {
    (void)state;
    assert_malformed("Content-Type: application/CloudEvents-batch+json", STR("[{}]"), "batches",
                     STR("NATS/1.0\r\nContent-Type: application/CloudEvents-batch+json\r\n\r\n"
                         "[{}]"));
}

/* ---- Binary mode ----------------------------------------------------------------------------- */

/* The binding's own example, section 3.1.4. */
static void headers_are_attributes_and_the_payload_is_data(void **state) {
    (void)state;
    assert_binary("ce-specversion: 1.0\nce-type: com.example.someevent\n"
                  "ce-time: 2018-04-05T03:56:24Z\nce-id: 1234-1234-1234\n"
                  "ce-source: /mycontext/subcontext\nce-datacontenttype: application/json",
                  STR("{\"a\": 1.50}\n"),
                  "{\"datacontenttype\":\"application/json\",\"id\":\"1234-1234-1234\","
                  "\"source\":\"/mycontext/subcontext\",\"specversion\":\"1.0\","
                  "\"time\":\"2018-04-05T03:56:24Z\",\"type\":\"com.example.someevent\","
                  "\"data\":{\"a\": 1.50}}");
    assert_binary(NEEDED_HEADERS, STR(""), WRITTEN "}");
    assert_binary(NEEDED_HEADERS, STR("{}"), WRITTEN ",\"data_base64\":\"e30=\"}");
}

static void values_are_decoded(void **state) {
    (void)state;
    assert_binary(NEEDED_HEADERS "\nce-x: Euro%20%E2%82%AC%20%F0%9F%98%80", STR(""),
                  WRITTEN ",\"x\":\"Euro \xE2\x82\xAC \xF0\x9F\x98\x80\"}");
    assert_binary(NEEDED_HEADERS "\nce-x: \"a \\\" b\"", STR(""), WRITTEN ",\"x\":\"a \\\" b\"}");
}

/* As clients send it that came before the binding. */
static void the_content_type_may_tell_the_media_type(void **state) {
    (void)state;
    assert_binary("content-type:  text/plain \n" NEEDED_HEADERS, STR("hi"),
                  WRITTEN ",\"datacontenttype\":\"text/plain\",\"data\":\"hi\"}");
    assert_binary("Content-Type: \n" NEEDED_HEADERS, STR("hi"),
                  WRITTEN ",\"data_base64\":\"aGk=\"}");
}

static void the_attribute_counts_before_the_content_type(void **state) {
    (void)state;
    static const char expected[] = "{\"datacontenttype\":\"text/plain\",\"id\":\"1\","
                                   "\"source\":\"/s\",\"specversion\":\"1.0\",\"type\":\"t\","
                                   "\"data\":\"hi\"}";
    assert_binary(NEEDED_HEADERS "\nContent-Type: image/png\nce-datacontenttype: text/plain",
                  STR("hi"), expected);
    assert_binary(NEEDED_HEADERS "\nce-datacontenttype: text%2Fplain", STR("hi"), expected);
}

static void the_order_of_headers_makes_no_difference(void **state) {
    (void)state;
    static const char *const orders[] = {
        "ce-a: 1\nce-b: 2\n" NEEDED_HEADERS,
        NEEDED_HEADERS "\nce-b: 2\nce-a: 1",
        "ce-type: t\nce-b: 2\nce-source: /s\nce-id: 1\nce-a: 1\nce-specversion: 1.0",
    };
    for (size_t i = 0; i < LENGTH(orders); i++)
        assert_binary(orders[i], STR(""),
                      "{\"a\":\"1\",\"b\":\"2\",\"id\":\"1\",\"source\":\"/s\","
                      "\"specversion\":\"1.0\",\"type\":\"t\"}");
}

static void there_may_be_very_many_headers(void **state) {
    (void)state;
    static const int count = 20000;
    struct text headers = {0}, expected = {0};
    char line[32];
    text_append_lit(&headers, NEEDED_HEADERS);
    text_append_lit(&expected, WRITTEN);
    for (int i = 0; i < count; i++) {
        snprintf(line, sizeof line, "\nce-x%05d: %d", count - 1 - i, count - 1 - i);
        text_append_lit(&headers, line);
        snprintf(line, sizeof line, ",\"x%05d\":\"%d\"", i, i);
        text_append_lit(&expected, line);
    }
    text_append_lit(&expected, "}");
    text_append(&headers, "", 1);
    text_append(&expected, "", 1);
    assert_binary(headers.data, STR(""), expected.data);
    text_finish(&headers);
    text_finish(&expected);
}

/* ---- What is malformed ----------------------------------------------------------------------- */

static void a_message_that_breaks_the_rules_is_stored_unchanged(void **state) {
    (void)state;
    assert_header_malformed("ce-ext: 100%", "ce-ext has a %");
    assert_header_malformed("ce-ext: %C0%A0", "ce-ext is not UTF-8");
    assert_header_malformed("ce-ext: \"a", "ce-ext has a quote");
    assert_header_malformed("ce-e_t: 1", "\"e_t\" cannot be the name");
    assert_header_malformed("ce-data: 1", "\"data\" cannot be the name");
    assert_header_malformed("ce-ID: 2", "\"id\" is there twice");
    assert_header_malformed("CE-subject: ", "\"subject\" is not");
    assert_header_malformed("ce-datacontenttype: json", "\"datacontenttype\" is not a media type");
    assert_header_malformed("Content-Type: json", "\"datacontenttype\" is not a media type");
    assert_header_malformed("Content-Type: text/\xFF", "the Content-Type is not UTF-8");
    assert_header_malformed("Content-Type: a/json; charset=utf-16", "\"utf-16\"");
}

static void each_value_of_a_header_counts(void **state) {
    (void)state;
    assert_malformed(NEEDED_HEADERS "\nce-id: 0", STR(""), "\"id\" is there twice",
                     STR("NATS/1.0\r\nce-id: 1\r\nce-id: 0\r\nce-source: /s\r\n"
                         "ce-specversion: 1.0\r\nce-type: t\r\n\r\n"));
    assert_malformed(NEEDED_HEADERS "\nce-datacontenttype: b/c\nce-datacontenttype: a/b", STR(""),
                     "\"datacontenttype\" is there twice",
                     STR("NATS/1.0\r\nce-datacontenttype: b/c\r\nce-datacontenttype: a/b\r\n"
                         "ce-id: 1\r\nce-source: /s\r\nce-specversion: 1.0\r\nce-type: t\r\n\r\n"));
}

/* Data that is an event by itself must not be taken for the one that the headers tell of. */
static void data_is_no_event(void **state) {
    (void)state;
    assert_malformed("ce-type: t", STR("{" NEEDED "}"), "\"id\" is missing",
                     STR("NATS/1.0\r\nce-type: t\r\n\r\n{" NEEDED "}"));
    assert_malformed("Nats-Msg-Id: 7\nce-datacontenttype: application/json\n" NEEDED_HEADERS,
                     STR("\xFF\0{"), "the data is not JSON",
                     STR("NATS/1.0\r\nNats-Msg-Id: 7\r\nce-datacontenttype: application/json\r\n"
                         "ce-id: 1\r\nce-source: /s\r\nce-specversion: 1.0\r\nce-type: t\r\n\r\n"
                         "\xFF\0{"));
}

static int half_a_header(void *headers, header_fn fn, void *context) {
    int rc = each_header_line(headers, fn, context);
    return rc == 0 ? -EBADMSG : rc;
}

static void headers_that_cannot_be_read_are_told(void **state) {
    (void)state;
    enum nats_content content;
    struct reel_error error;
    struct nats_message message = {STR("{}"), half_a_header, "ce-id: 1"};
    must_ok(nats_binding_read(parser, &message, 2, &arena, &written, &content, &error), error);
    assert_int_equal(content, NATS_MALFORMED);
    assert_sentence(&error, "the headers cannot be read");
    assert_bytes(text_str(&written), STR("NATS/1.0\r\nce-id: 1\r\n\r\n{}"));
}

static int no_memory(void *headers, header_fn fn, void *context) {
    (void)headers;
    (void)fn;
    (void)context;
    return -ENOMEM;
}

static void other_errors_are_handed_on(void **state) {
    (void)state;
    enum nats_content content = NATS_BINARY;
    struct reel_error error;
    struct nats_message message = {STR("{}"), no_memory, NULL};
    assert_int_equal(nats_binding_read(parser, &message, 2, &arena, &written, &content, &error),
                     -ENOMEM);
    assert_int_equal(content, NATS_BINARY);
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

static void a_payload_above_the_bound_is_not_looked_at(void **state) {
    (void)state;
    struct reel_error error;
    assert_int_equal(read_message(NEEDED_HEADERS, STR("1234"), 4, &error), NATS_BINARY);
    assert_int_equal(read_message(NEEDED_HEADERS, STR("12345"), 4, &error), NATS_PAYLOAD);
    assert_int_equal(read_message("ce-id: %", STR("12345"), 4, &error), NATS_PAYLOAD);
}

UNIT_TESTS(nats_binding_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_headers_of_an_event_the_payload_is_it),
        cmocka_unit_test(a_message_may_have_no_headers_at_all),
        cmocka_unit_test(the_content_type_tells_structured_mode),
        cmocka_unit_test(a_batch_is_malformed),
        cmocka_unit_test(headers_are_attributes_and_the_payload_is_data),
        cmocka_unit_test(values_are_decoded),
        cmocka_unit_test(the_content_type_may_tell_the_media_type),
        cmocka_unit_test(the_attribute_counts_before_the_content_type),
        cmocka_unit_test(the_order_of_headers_makes_no_difference),
        cmocka_unit_test(there_may_be_very_many_headers),
        cmocka_unit_test(a_message_that_breaks_the_rules_is_stored_unchanged),
        cmocka_unit_test(each_value_of_a_header_counts),
        cmocka_unit_test(data_is_no_event),
        cmocka_unit_test(headers_that_cannot_be_read_are_told),
        cmocka_unit_test(other_errors_are_handed_on),
        cmocka_unit_test(a_payload_above_the_bound_is_not_looked_at),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
