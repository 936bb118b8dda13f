/* asyncapi_test.c: the description of the declared events: a channel for each type, a message for
 * each projector. That it is AsyncAPI is for validators to say. */
#include "sinks/http/sink_host.h"

#include <stdlib.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static const char *const sizes[] = {"small", "large", NULL};
static const struct reel_member *const parts[] = {
    REEL_MEMBER(.name = "n", .kind = REEL_MEMBER_INTEGER, .flags = REEL_MEMBER_REQUIRED), NULL};
static const struct reel_member *const all_kinds[] = {
    REEL_MEMBER(.name = "string", .kind = REEL_MEMBER_STRING, .summary = "A text"),
    REEL_MEMBER(.name = "number", .kind = REEL_MEMBER_NUMBER),
    REEL_MEMBER(.name = "bool", .kind = REEL_MEMBER_BOOL, .flags = REEL_MEMBER_REQUIRED),
    REEL_MEMBER(.name = "time", .kind = REEL_MEMBER_TIME),
    REEL_MEMBER(.name = "one_of", .kind = REEL_MEMBER_ONE_OF, .values = sizes),
    REEL_MEMBER(.name = "list", .kind = REEL_MEMBER_LIST,
                .items = REEL_MEMBER(.kind = REEL_MEMBER_OBJECT, .members = parts)),
    REEL_MEMBER(.name = "json", .kind = REEL_MEMBER_JSON),
    NULL,
};
static const struct reel_event_info *const a_events[] = {
    REEL_EVENT(.type = "shared", .flags = REEL_EVENT_STRICT, .summary = "By a", .members = parts,
               .example = "{\"n\":7}"),
    REEL_EVENT(.type = "a/b~c d", .flags = REEL_EVENT_SUBJECT),
    NULL,
};
static const struct reel_event_info *const b_events[] = {
    REEL_EVENT(.type = "shared", .members = all_kinds,
               .example = "{\"bool\":true,\"json\":123456789012345678901234567890}"),
    NULL,
};
static const struct reel_projector a = {.collection = "a", .events = a_events};
static const struct reel_projector b = {.collection = "b", .events = b_events};
static const struct reel_projector none = {.collection = "none"};
static const struct reel_projector *const projectors[] = {&a, &none, &b, NULL};

static json_t *described(void *state) {
    struct fake_host *fake = state;
    fake->projectors = projectors;
    return answered_json(fake, handle_asyncapi, 200);
}

static json_t *channel_of(json_t *document, const char *type) {
    json_t *channel = json_object_get(json_object_get(document, "channels"), type);
    must(channel);
    return channel;
}

static json_t *message_of(json_t *document, const char *type, const char *collection) {
    json_t *messages = json_object_get(channel_of(document, type), "messages");
    json_t *message = json_object_get(messages, collection);
    must(message);
    return message;
}

static json_t *schema_of_data(json_t *message) {
    json_t *payload = json_object_get(message, "payload");
    return json_object_get(json_object_get(payload, "properties"), "data");
}

static void assert_text(json_t *found, const char *wanted) {
    char *text = json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_string_equal(text ? text : "missing", wanted);
    free(text);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_type_of_two_projectors_is_one_channel_with_two_messages(void **state) {
    json_t *document = described(*state);
    assert_int_equal(json_object_size(json_object_get(document, "channels")), 2);
    assert_text(json_object_get(channel_of(document, "shared"), "address"), "\"shared\"");
    json_t *one = message_of(document, "shared", "a"), *other = message_of(document, "shared", "b");
    assert_text(json_object_get(one, "x-reel-strict"), "true");
    assert_text(json_object_get(other, "x-reel-strict"), "false");
    assert_text(json_object_get(one, "summary"), "\"By a\"");
    assert_text(json_object_get(one, "examples"),
                "[{\"payload\":{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/example\","
                "\"type\":\"shared\",\"data\":{\"n\":7}}}]");
    json_decref(document);
}

static void each_kind_is_a_schema(void **state) {
    json_t *document = described(*state);
    assert_text(schema_of_data(message_of(document, "shared", "b")),
                "{\"type\":\"object\",\"properties\":{"
                "\"string\":{\"description\":\"A text\",\"type\":[\"string\",\"null\"]},"
                "\"number\":{\"type\":[\"number\",\"null\"],\"format\":\"double\"},"
                "\"bool\":{\"type\":\"boolean\"},"
                "\"time\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},"
                "\"one_of\":{\"type\":[\"string\",\"null\"],\"enum\":[\"small\",\"large\",null]},"
                "\"list\":{\"type\":[\"array\",\"null\"],\"items\":{\"type\":[\"object\",\"null\"],"
                "\"properties\":{\"n\":{\"type\":\"integer\",\"format\":\"int64\"}},"
                "\"required\":[\"n\"]}},"
                "\"json\":{}},\"required\":[\"bool\"]}");
    assert_text(schema_of_data(message_of(document, "a/b~c d", "a")), "{}");
    json_decref(document);
}

/* jansson has no integers of more than 64 bits. */
static void an_example_that_cannot_be_held_is_left_out(void **state) {
    json_t *document = described(*state);
    assert_text(json_object_get(message_of(document, "shared", "b"), "examples"), "[]");
    json_decref(document);
}

static void an_operation_refers_to_its_channel_with_escapes(void **state) {
    json_t *document = described(*state);
    json_t *operation = json_object_get(json_object_get(document, "operations"), "a/b~c d");
    assert_text(operation, "{\"action\":\"receive\",\"channel\":"
                           "{\"$ref\":\"#/channels/a~1b~0c%20d\"}}");
    json_decref(document);
}

static void what_must_be_there_is_required_of_the_event(void **state) {
    json_t *document = described(*state);
    json_t *payload = json_object_get(message_of(document, "a/b~c d", "a"), "payload");
    assert_text(json_object_get(payload, "required"),
                "[\"specversion\",\"id\",\"source\",\"type\",\"subject\"]");
    payload = json_object_get(message_of(document, "shared", "a"), "payload");
    assert_text(json_object_get(payload, "required"),
                "[\"specversion\",\"id\",\"source\",\"type\",\"data\"]");
    json_decref(document);
}

static void without_declared_events_it_is_empty(void **state) {
    json_t *document = answered_json(*state, handle_asyncapi, 200);
    assert_text(json_object_get(document, "channels"), "{}");
    assert_text(json_object_get(document, "operations"), "{}");
    json_decref(document);
}

static void without_memory_it_is_a_problem(void **state) {
    struct fake_host *fake = *state;
    fake->projectors = projectors;
    assert_survives_no_memory(fake, handle_asyncapi, 1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, sink_host_setup, sink_host_teardown)

UNIT_TESTS(asyncapi_test) {
    const struct CMUnitTest tests[] = {
        CASE(a_type_of_two_projectors_is_one_channel_with_two_messages),
        CASE(each_kind_is_a_schema),
        CASE(an_example_that_cannot_be_held_is_left_out),
        CASE(an_operation_refers_to_its_channel_with_escapes),
        CASE(what_must_be_there_is_required_of_the_event),
        CASE(without_declared_events_it_is_empty),
        CASE(without_memory_it_is_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
