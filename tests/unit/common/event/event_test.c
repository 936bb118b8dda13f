/* event_test.c: a parsed payload as a CloudEvent, whatever its members are. */
#include "unit.h"

#include "event/event.h"
#include "json/value.h"

/* ---- Fixture --------------------------------------------------------------------------------- */

static int begin(void **state) {
    *state = json_parser_create(NULL);
    return *state ? 0 : -1;
}

static int finish(void **state) {
    json_parser_destroy(*state);
    return 0;
}

static struct reel_event event_of(struct json_parser *parser, const char *text) {
    struct json *json = NULL;
    const char *why = "";
    struct reel_event event;
    if (json_parse(parser, reel_text(text), 0, &json, &why) != 0) fail_msg("%s: %s", why, text);
    memset(&event, 0xFF, sizeof event); /* whatever is not filled shows */
    event_read(json, &event);
    return event;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_no_attributes(const struct reel_event *event) {
    assert_null(event->type.data);
    assert_null(event->id.data);
    assert_null(event->source.data);
    assert_null(event->subject.data);
    assert_null(event->time.data);
    assert_null(event->data.json);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void each_member_is_found(void **state) {
    struct reel_event event =
        event_of(*state, "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"s\",\"type\":\"t\","
                         "\"subject\":\"u\",\"time\":\"w\",\"data\":{\"d\":1},\"x\":2}");
    int64_t extension = 0;
    assert_bytes(event.id, STR("i"));
    assert_bytes(event.source, STR("s"));
    assert_bytes(event.type, STR("t"));
    assert_bytes(event.subject, STR("u"));
    assert_bytes(event.time, STR("w"));
    assert_bytes(json_text(event.data), STR("{\"d\":1}"));
    assert_true(json_int(json_get(event.attributes, STR("x")), &extension));
    assert_int_equal(extension, 2);
    assert_int_equal(event.struct_size, sizeof event);
}

static void absent_members_have_no_data(void **state) {
    struct reel_event event = event_of(*state, "{}");
    assert_no_attributes(&event);
    assert_int_equal(json_kind(event.attributes), REEL_OBJECT);
}

static void a_member_of_another_kind_is_none(void **state) {
    static const char *const values[] = {"null", "true", "1", "1.5", "[\"a\"]", "{\"a\":\"b\"}"};
    static const char *const names[] = {"type", "id", "source", "subject", "time"};
    char text[128];
    for (size_t value = 0; value < LENGTH(values); value++)
        for (size_t name = 0; name < LENGTH(names); name++) {
            snprintf(text, sizeof text, "{\"%s\":%s}", names[name], values[value]);
            struct reel_event event = event_of(*state, text);
            assert_no_attributes(&event);
        }
}

static void data_may_be_of_any_kind(void **state) {
    static const char *const values[] = {"null", "true", "1", "1.5", "\"a\"", "[1]", "{}"};
    static const reel_kind kinds[] = {REEL_NULL,   REEL_BOOL,  REEL_INTEGER, REEL_NUMBER,
                                      REEL_STRING, REEL_ARRAY, REEL_OBJECT};
    char text[64];
    for (size_t at = 0; at < LENGTH(values); at++) {
        snprintf(text, sizeof text, "{\"data\":%s}", values[at]);
        assert_int_equal(json_kind(event_of(*state, text).data), kinds[at]);
    }
}

static void the_last_of_equal_names_counts_whatever_it_is(void **state) {
    struct reel_event event = event_of(
        *state, "{\"type\":\"a\",\"id\":1,\"data\":1,\"type\":\"b\",\"id\":\"i\",\"data\":\"d\"}");
    assert_bytes(event.type, STR("b"));
    assert_bytes(event.id, STR("i"));
    assert_bytes(json_str(event.data), STR("d"));
    event = event_of(*state, "{\"type\":\"a\",\"subject\":\"s\",\"type\":null,\"subject\":[]}");
    assert_no_attributes(&event);
}

static void names_and_values_may_be_escaped(void **state) {
    struct reel_event event = event_of(*state, "{\"\\u0074ype\":\"a\\u0000b\",\"\\u0069d\":\"\"}");
    assert_bytes(event.type, STR("a\0b"));
    assert_bytes(event.id, STR(""));
}

static void a_name_is_the_whole_name(void **state) {
    struct reel_event event = event_of(
        *state, "{\"typ\":\"a\",\"types\":\"b\",\"Type\":\"c\",\"type\\u0000\":\"d\",\"\":\"e\"}");
    assert_no_attributes(&event);
}

static void members_further_in_are_not_the_events(void **state) {
    struct reel_event event =
        event_of(*state, "{\"x\":{\"type\":\"a\",\"data\":1},\"y\":[{\"id\":\"b\"}]}");
    assert_no_attributes(&event);
}

static void json_that_is_no_object_is_no_event(void **state) {
    static const char *const texts[] = {"[]", "[\"type\",\"a\"]", "\"type\"", "1", "null", "true"};
    for (size_t at = 0; at < LENGTH(texts); at++) {
        struct reel_event event = event_of(*state, texts[at]);
        assert_no_attributes(&event);
    }
}

UNIT_TESTS(event_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(each_member_is_found),
        CASE(absent_members_have_no_data),
        CASE(a_member_of_another_kind_is_none),
        CASE(data_may_be_of_any_kind),
        CASE(the_last_of_equal_names_counts_whatever_it_is),
        CASE(names_and_values_may_be_escaped),
        CASE(a_name_is_the_whole_name),
        CASE(members_further_in_are_not_the_events),
        CASE(json_that_is_no_object_is_no_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
