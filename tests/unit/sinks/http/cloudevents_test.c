/* cloudevents_test.c: which mode a request is in, batches, bounds, and the published cases. */
#include "http_support.h"

#include <stdlib.h>

/* ---- Modes ----------------------------------------------------------------------------------- */

static void the_content_type_tells_the_mode(void **state) {
    (void)state;
    static const char *const types[] = {
        "application/cloudevents+json", "application/cloudevents+json; charset=utf-8",
        "Application/CloudEvents+JSON;charset=\"UTF-8\"", "application/cloudevents+json ; a=b"};
    for (size_t i = 0; i < LENGTH(types); i++) {
        struct request request = {.type = types[i], .body = STR("{" NEEDED "}")};
        test_context("%s", types[i]);
        assert_event(&request, request.body);
    }
    struct request batch = {.type = "application/CLOUDEVENTS-batch+json; charset=utf-8",
                            .body = STR("[{" NEEDED "}]")};
    assert_event(&batch, STR("{" NEEDED "}"));
}

static void in_structured_mode_headers_do_not_count(void **state) {
    (void)state;
    struct request request = {.type = STRUCTURED,
                              .headers = "ce-id: 2\nce-x: %\nce-datacontenttype: a",
                              .body = STR("{" NEEDED "}")};
    assert_event(&request, request.body);
}

static void the_event_is_kept_as_it_came(void **state) {
    (void)state;
    struct request request = {.type = STRUCTURED,
                              .body = STR(" {\r\n" NEEDED ", \"data\" : 1.00\t}\n")};
    assert_event(&request, request.body);
}

static void other_formats_are_not_taken(void **state) {
    (void)state;
    static const char *const types[] = {
        "application/cloudevents+xml",       "application/cloudevents",
        "application/cloudevents+avro",      "application/cloudevents-batch",
        "application/cloudevents-batch+xml", "application/cloudevents+jsonx",
        "application/cloudeventsish"};
    for (size_t i = 0; i < LENGTH(types); i++) {
        struct request request = {
            .type = types[i], .headers = NEEDED_HEADERS, .body = STR("{" NEEDED "}")};
        test_context("%s", types[i]);
        assert_refused(&request, 415, "application/cloudevents-batch+json");
    }
    struct request request = {.type = "application/cloudevents+json; charset=iso-8859-1",
                              .body = STR("{" NEEDED "}")};
    assert_refused(&request, 415, "\"iso-8859-1\"");
    request.type = "application/cloudevents+json; charset";
    assert_refused(&request, 415, "not a media type");
}

static void a_request_without_ce_headers_is_not_an_event(void **state) {
    (void)state;
    static const char *const types[] = {"application/json", "text/plain", NULL, ""};
    for (size_t i = 0; i < LENGTH(types); i++) {
        struct request request = {
            .type = types[i], .headers = "Host: h", .body = STR("{" NEEDED "}")};
        test_context("%s", types[i]);
        assert_refused(&request, 415, "with ce- headers");
    }
}

static void a_body_that_is_not_json_is_refused_with_a_sentence(void **state) {
    (void)state;
    struct request request = {.type = STRUCTURED, .body = STR("{" NEEDED)};
    assert_refused(&request, 400, "the event is not JSON: ");
    request.body = STR("");
    assert_refused(&request, 400, "the event is not JSON: ");
    request.body = STR("{" NEEDED "} x");
    assert_refused(&request, 400, "the event is not JSON: ");
    request.type = BATCHED;
    assert_refused(&request, 400, "the batch is not JSON: ");
    request.body = STR("{" NEEDED "}");
    assert_refused(&request, 400, "the batch is not a JSON array");
}

/* ---- Batches --------------------------------------------------------------------------------- */

static void each_event_of_a_batch_keeps_its_text(void **state) {
    (void)state;
    struct cloudevents events;
    struct reel_error error;
    struct request request = {
        .type = BATCHED, .body = STR("[ {" NEEDED "} ,\n{ " NEEDED ",\"data\":[{}, 1.0 ]}\t]")};
    must_ok(request_read(&request, &events, &error), error);
    assert_true(events.batch);
    assert_int_equal(events.count, 2);
    assert_bytes(events.events[0], STR("{" NEEDED "}"));
    assert_bytes(events.events[1], STR("{ " NEEDED ",\"data\":[{}, 1.0 ]}"));
    cloudevents_finish(&events);
    assert_int_equal(events.count, 0);
}

static void a_batch_may_be_empty(void **state) {
    (void)state;
    struct cloudevents events;
    struct reel_error error;
    struct request request = {.type = BATCHED, .body = STR("[ ]")};
    must_ok(request_read(&request, &events, &error), error);
    assert_true(events.batch && events.count == 0 && events.events);
    cloudevents_finish(&events);
}

static void one_bad_event_refuses_the_batch(void **state) {
    (void)state;
    struct request request = {.type = BATCHED, .body = STR("[{" NEEDED "},{" NEEDED "},{}]")};
    assert_refused(&request, 400, "events[2]: the attribute \"id\" is missing");
    request.body = STR("[[],{" NEEDED "}]");
    assert_refused(&request, 400, "events[0]: the event is not a JSON object");
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

#define EVENT     "{" NEEDED "}"
#define EVENT_LEN (sizeof EVENT - 1)

static void an_event_has_a_bound(void **state) {
    (void)state;
    struct request request = {
        .type = STRUCTURED, .body = STR(EVENT), .bounds.event_bytes_max = EVENT_LEN};
    assert_accepted(&request);
    request.body = STR(EVENT " ");
    assert_refused(&request, 413, "bytes, at most");
    request = (struct request){.headers = NEEDED_HEADERS, .bounds.event_bytes_max = EVENT_LEN};
    assert_accepted(&request);
    request.headers = NEEDED_HEADERS "2";
    assert_refused(&request, 413, "bytes, at most");
    request.headers = NEEDED_HEADERS;
    request.body = STR("x"); /* it would still fit itself */
    assert_refused(&request, 413, "bytes, at most");
}

static void a_batch_has_bounds(void **state) {
    (void)state;
    struct request request = {
        .type = BATCHED, .body = STR("[ " EVENT ", " EVENT " ]"), .bounds = {EVENT_LEN, 2}};
    assert_accepted(&request);
    request.bounds.batch_events_max = 1;
    assert_refused(&request, 413, "the batch has 2 events, at most 1 are accepted");
    request.bounds.batch_events_max = 2;
    request.body = STR("[" EVENT ",{ " NEEDED "}]");
    assert_refused(&request, 413, "events[1]: the event has ");
}

/* ---- The published cases --------------------------------------------------------------------- */

/* After github.com/cloudevents/conformance: the HTTP feature and the minimal events. */
static void the_published_cases_are_read_in_both_modes(void **state) {
    (void)state;
    static const struct {
        const char *type, *body, *data;
    } cases[] = {
        {"application/json", "{\n    \"message\": \"Hello World!\"\n}\n",
         "{\n    \"message\": \"Hello World!\"\n}"},
        {"application/json; charset=utf-8", "{\"message\": \"Hello World!\"}",
         "{\"message\": \"Hello World!\"}"},
        {"text/plain; charset=us-ascii", "Hello, World!\n", "\"Hello, World!\\n\""},
        {"text/plain; charset=utf-8", "Hello, \xF0\x9F\x8C\x8E!\n",
         "\"Hello, \xF0\x9F\x8C\x8E!\\n\""},
        {"application/json; charset=utf-8", "\"Hello, \xF0\x9F\x8C\x8E!\"\n",
         "\"Hello, \xF0\x9F\x8C\x8E!\""},
        {"application/json; charset=utf-8", "[\"Hello\",\"\xF0\x9F\x8C\x8E!\"]\n",
         "[\"Hello\",\"\xF0\x9F\x8C\x8E!\"]"},
        {"application/xml; charset=utf-8", "<msg>Hello, \xF0\x9F\x8C\x8E!</msg>\n",
         "\"<msg>Hello, \xF0\x9F\x8C\x8E!</msg>\\n\""},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char event[512];
        snprintf(event, sizeof event,
                 "{\"specversion\":\"1.0\",\"type\":\"com.example.someevent\","
                 "\"time\":\"2018-04-05T03:56:24Z\",\"id\":\"1234-1234-1234\","
                 "\"source\":\"/mycontext/subcontext\",\"datacontenttype\":\"%s\",\"data\":%s}",
                 cases[i].type, cases[i].data);
        struct request binary = {.type = cases[i].type,
                                 .headers = "Host: example.com\nce-specversion: 1.0\n"
                                            "ce-type: com.example.someevent\n"
                                            "ce-time: 2018-04-05T03:56:24Z\n"
                                            "ce-id: 1234-1234-1234\n"
                                            "ce-source: /mycontext/subcontext",
                                 .body = reel_text(cases[i].body)};
        struct request structured = {.type = STRUCTURED, .body = reel_text(event)};
        test_context("case %zu", i);
        assert_event(&binary, reel_text(event));
        assert_event(&structured, reel_text(event));
    }
}

/* The examples of the JSON event format, sections 3.2 and 4.3. */
static void the_specifications_examples_are_read(void **state) {
    (void)state;
    static const char common[] = "\"specversion\":\"1.0\",\"type\":\"com.example.someevent\","
                                 "\"source\":\"/mycontext\",\"id\":\"A234-1234-1234\","
                                 "\"comexampleextension1\":\"value\",\"comexampleothervalue\":5";
    static const char *const rest[] = {
        "\"datacontenttype\":\"application/vnd.apache.thrift.binary\",\"data_base64\":\"Zm9v\"",
        "\"unsetextension\":null,\"datacontenttype\":\"application/xml\","
        "\"data\":\"<much wow=\\\"xml\\\"/>\"",
        "\"subject\":null,\"time\":\"2018-04-05T17:31:00Z\",\"datacontenttype\":"
        "\"application/json\",\"data\":{\"appinfoA\":\"abc\",\"appinfoB\":123,\"appinfoC\":true}",
        "\"datacontenttype\":\"application/json\",\"data\":1.5",
        "\"data\":\"I'm just a string\"",
        "\"data_base64\":\"eyAieHl6IjogMTIzIH0=\"",
    };
    char event[512], batch[600];
    for (size_t i = 0; i < LENGTH(rest); i++) {
        snprintf(event, sizeof event, "{%s,%s}", common, rest[i]);
        snprintf(batch, sizeof batch, "[%s]", event);
        struct request structured = {.type = STRUCTURED, .body = reel_text(event)};
        struct request batched = {.type = BATCHED, .body = reel_text(batch)};
        test_context("example %zu", i);
        assert_event(&structured, reel_text(event));
        assert_event(&batched, reel_text(event));
    }
}

static void each_code_has_its_status(void **state) {
    (void)state;
    assert_int_equal(cloudevents_status(-EINVAL), 400);
    assert_int_equal(cloudevents_status(-E2BIG), 413);
    assert_int_equal(cloudevents_status(-EPROTONOSUPPORT), 415);
    assert_int_equal(cloudevents_status(-ENOMEM), 500);
}

UNIT_TESTS(cloudevents_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_content_type_tells_the_mode),
        cmocka_unit_test(in_structured_mode_headers_do_not_count),
        cmocka_unit_test(the_event_is_kept_as_it_came),
        cmocka_unit_test(other_formats_are_not_taken),
        cmocka_unit_test(a_request_without_ce_headers_is_not_an_event),
        cmocka_unit_test(a_body_that_is_not_json_is_refused_with_a_sentence),
        cmocka_unit_test(each_event_of_a_batch_keeps_its_text),
        cmocka_unit_test(a_batch_may_be_empty),
        cmocka_unit_test(one_bad_event_refuses_the_batch),
        cmocka_unit_test(an_event_has_a_bound),
        cmocka_unit_test(a_batch_has_bounds),
        cmocka_unit_test(the_published_cases_are_read_in_both_modes),
        cmocka_unit_test(the_specifications_examples_are_read),
        cmocka_unit_test(each_code_has_its_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
