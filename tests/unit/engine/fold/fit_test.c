/* fit_test.c: which values fit a declaration, and what is said of those that do not. */
#include "unit.h"

#include "base/text.h"
#include "engine/fold/fit.h"
#include "engine/fold/host.h"
#include "event/event.h"
#include "json/value.h"

/* ---- Fixture --------------------------------------------------------------------------------- */

static struct json_parser *parser;

static int set_up(void **state) {
    (void)state;
    parser = json_parser_create(&host_table);
    return parser ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    json_parser_destroy(parser);
    return 0;
}

static struct json *parsed(const char *text) {
    struct json *json;
    const char *why;
    must(json_parse(parser, reel_text(text), 0, &json, &why) == 0);
    return json;
}

static const char *const colours[] = {"red", "green", NULL};
static const struct reel_member *const sizes[] = {
    REEL_MEMBER(.name = "width", .kind = REEL_MEMBER_INTEGER, .flags = REEL_MEMBER_REQUIRED),
    REEL_MEMBER(.name = "unit", .kind = REEL_MEMBER_STRING),
    NULL,
};
static const struct reel_member *const parts[] = {
    REEL_MEMBER(.name = "list", .kind = REEL_MEMBER_LIST,
                .items = REEL_MEMBER(.kind = REEL_MEMBER_OBJECT, .flags = REEL_MEMBER_REQUIRED,
                                     .members = sizes)),
    NULL,
};

static const struct reel_member *const anything[] = {
    REEL_MEMBER(.name = "m", .kind = REEL_MEMBER_JSON, .flags = REEL_MEMBER_REQUIRED), NULL};
static const struct reel_member *const paint[] = {
    REEL_MEMBER(.name = "m", .kind = REEL_MEMBER_ONE_OF, .values = colours), NULL};

/* ---- Assertions ------------------------------------------------------------------------------ */

/* `found` NULL: it fits. Otherwise the sentence, without what was wanted. */
static void assert_fit(const struct reel_member *const *members, const char *data,
                       const char *sentence) {
    struct misfit misfit;
    char said[sizeof misfit] = "it fits";
    test_context("%.60s", data);
    if (!fit_object(members, json_root(parsed(data)), "data", &misfit))
        misfit_write(&misfit, said, sizeof said);
    assert_string_equal(said, sentence ? sentence : "it fits");
}

/* A required member `m` of this kind: which values fit, each with NULL, and which do not, each with
 * what is said to be found. */
struct sample {
    const char *value, *found;
};
static void assert_kind(struct reel_member member, const char *wanted, const struct sample *samples,
                        size_t count) {
    member.struct_size = sizeof member;
    member.name = "m";
    member.flags = REEL_MEMBER_REQUIRED;
    const struct reel_member *const members[] = {&member, NULL};
    for (size_t i = 0; i < count; i++) {
        char data[256], sentence[512];
        snprintf(data, sizeof data, "{\"m\":%s}", samples[i].value);
        snprintf(sentence, sizeof sentence, "data.m is %s, wanted %s", samples[i].found, wanted);
        assert_fit(members, data, samples[i].found ? sentence : NULL);
    }
    char missing[512];
    snprintf(missing, sizeof missing, "data.m is missing, wanted %s", wanted);
    assert_fit(members, "{\"n\":1}", missing);
    member.flags = 0;
    assert_fit(members, "{\"n\":1}", NULL);
    assert_fit(members, "{\"m\":null}", NULL);
}
#define ASSERT_KIND(kind_, wanted, ...)                                                            \
    do {                                                                                           \
        static const struct sample samples[] = {__VA_ARGS__};                                      \
        assert_kind((struct reel_member){.kind = (kind_)}, wanted, samples,                        \
                    sizeof samples / sizeof *samples);                                             \
    } while (0)

/* ---- Cases ----------------------------------------------------------------------------------- */

static void each_kind_fits_what_it_says_and_nothing_else(void **state) {
    (void)state;
    ASSERT_KIND(REEL_MEMBER_STRING, "a string", {"\"x\"", NULL}, {"\"\"", NULL}, {"null", "null"},
                {"1", "a number"}, {"[]", "a list"}, {"{}", "an object"},
                {"true", "true or false"});
    ASSERT_KIND(REEL_MEMBER_INTEGER, "an integer of 64 bits", {"0", NULL},
                {"-9223372036854775808", NULL}, {"9223372036854775807", NULL},
                {"9223372036854775808", "`9223372036854775808`"}, {"1.0", "`1.0`"},
                {"1e2", "`1e2`"}, {"\"1\"", "a string"}, {"null", "null"});
    ASSERT_KIND(REEL_MEMBER_NUMBER, "a number", {"0", NULL}, {"-0.5", NULL}, {"1e300", NULL},
                {"123456789012345678901234567890", NULL}, {"\"1\"", "a string"}, {"null", "null"});
    ASSERT_KIND(REEL_MEMBER_BOOL, "true or false", {"true", NULL}, {"false", NULL},
                {"0", "a number"}, {"\"true\"", "a string"}, {"null", "null"});
    ASSERT_KIND(REEL_MEMBER_TIME, "a time", {"\"2026-01-02T03:04:05Z\"", NULL},
                {"\"2026-01-02t03:04:05.5+02:00\"", NULL},
                {"\"2026-02-30T03:04:05Z\"", "`2026-02-30T03:04:05Z`"}, {"\"\"", "``"},
                {"\"a\\nb\"", "`a b`"}, {"1767323045", "a number"}, {"null", "null"});
    ASSERT_KIND(REEL_MEMBER_LIST, "a list", {"[]", NULL}, {"[1,\"a\",null]", NULL},
                {"{}", "an object"}, {"\"[]\"", "a string"}, {"null", "null"});
    ASSERT_KIND(REEL_MEMBER_OBJECT, "an object", {"{}", NULL}, {"{\"a\":1}", NULL},
                {"[]", "a list"}, {"null", "null"});
}

static void any_value_is_json_but_it_must_be_there(void **state) {
    (void)state;
    assert_fit(anything, "{\"m\":null}", NULL);
    assert_fit(anything, "{\"m\":[{}]}", NULL);
    assert_fit(anything, "{}", "data.m is missing, wanted any JSON value");
}

static void one_of_takes_its_values_and_shows_others(void **state) {
    (void)state;
    assert_fit(paint, "{\"m\":\"green\"}", NULL);
    assert_fit(paint, "{\"m\":\"\\u0067reen\"}", NULL);
    assert_fit(paint, "{\"m\":null}", NULL);
    assert_fit(paint, "{\"m\":\"Green\"}", "data.m is `Green`, wanted one of `red`, `green`");
    assert_fit(paint, "{\"m\":\"red\\u0000\"}", "data.m is `red `, wanted one of `red`, `green`");
    assert_fit(paint, "{\"m\":7}", "data.m is a number, wanted one of `red`, `green`");
}

static void what_is_inside_of_lists_and_objects_is_compared(void **state) {
    (void)state;
    assert_fit(parts, "{\"list\":[{\"width\":1},{\"width\":2,\"unit\":null,\"more\":[]}]}", NULL);
    assert_fit(parts, "{\"list\":[]}", NULL);
    assert_fit(parts, "{\"list\":[{\"width\":1},{\"unit\":\"mm\"}]}",
               "data.list[1].width is missing, wanted an integer of 64 bits");
    assert_fit(parts, "{\"list\":[{\"width\":1,\"unit\":1}]}",
               "data.list[0].unit is a number, wanted a string");
    assert_fit(parts, "{\"list\":[{\"width\":1},null]}", "data.list[1] is null, wanted an object");
    assert_fit(parts, "{\"list\":{\"width\":1}}", "data.list is an object, wanted a list");
}

static void members_that_are_not_declared_are_allowed(void **state) {
    (void)state;
    assert_fit(sizes, "{\"a\":1,\"width\":5,\"\":null,\"Width\":\"x\",\"width2\":0}", NULL);
}

static void the_last_of_several_members_with_one_name_counts(void **state) {
    (void)state;
    assert_fit(sizes, "{\"width\":\"x\",\"width\":5}", NULL);
    assert_fit(sizes, "{\"width\":5,\"width\":\"x\"}",
               "data.width is a string, wanted an integer of 64 bits");
    assert_fit(sizes, "{\"width\":5,\"width\":null}",
               "data.width is null, wanted an integer of 64 bits");
}

static void data_may_be_absent_if_nothing_in_it_is_required(void **state) {
    (void)state;
    struct misfit misfit;
    assert_true(fit_object(parts, (struct reel_value){0}, "data", &misfit));
    assert_fit(parts, "null", NULL);
    assert_fit(parts, "[]", "data is a list, wanted an object");
    assert_fit(parts, "\"x\"", "data is a string, wanted an object");
    assert_false(fit_object(sizes, (struct reel_value){0}, "data", &misfit));
    assert_string_equal(misfit.member, "data");
    assert_string_equal(misfit.found, "missing");
    assert_fit(sizes, "null", "data is null, wanted an object");
    assert_fit(NULL, "[]", NULL);
}

static void an_event_may_have_to_have_a_subject(void **state) {
    (void)state;
    static const struct reel_event_info info = {.type = "a", .flags = REEL_EVENT_SUBJECT};
    struct misfit misfit;
    struct reel_event event;
    event_read(parsed("{\"type\":\"a\",\"subject\":\"s\",\"data\":[]}"), &event);
    assert_true(fit_event(&info, &event, &misfit));
    event_read(parsed("{\"type\":\"a\",\"subject\":7}"), &event);
    assert_false(fit_event(&info, &event, &misfit));
    assert_string_equal(misfit.member, "subject");
    assert_string_equal(misfit.found, "a number");
    event_read(parsed("{\"type\":\"a\"}"), &event);
    assert_false(fit_event(&info, &event, &misfit));
    assert_string_equal(misfit.found, "missing");
}

static void a_declaration_is_found_by_its_complete_type(void **state) {
    (void)state;
    static const struct reel_event_info a = {.type = "a.b"},
                                        strict = {.type = "a.c", .flags = REEL_EVENT_STRICT};
    static const struct reel_event_info *const events[] = {&a, &strict, NULL};
    assert_ptr_equal(fit_find(events, STR("a.b"), 0), &a);
    assert_ptr_equal(fit_find(events, STR("a.c"), REEL_EVENT_STRICT), &strict);
    assert_null(fit_find(events, STR("a.b"), REEL_EVENT_STRICT));
    assert_null(fit_find(events, STR("a.b.c"), 0));
    assert_null(fit_find(NULL, STR("a.b"), 0));
}

/* A text from outside cannot make what is said longer than its room, or break it in two. */
static void what_is_said_is_bounded_and_clean(void **state) {
    (void)state;
    static const char *long_values[200];
    struct misfit misfit;
    struct reel_member member = {.name = "m", .kind = REEL_MEMBER_ONE_OF, .values = long_values};
    const struct reel_member *const members[] = {&member, NULL};
    struct text data = {0};
    for (size_t i = 0; i < 199; i++) long_values[i] = "\xc3\xa4\xc3\xa4\xc3\xa4";
    text_append_lit(&data, "{\"m\":\"");
    for (size_t i = 0; i < 5000; i++) text_append_lit(&data, "\xe2\x82\xac");
    text_append_lit(&data, "\"}");
    text_append(&data, "", 1);
    must(!data.failed);
    assert_false(fit_object(members, json_root(parsed(data.data)), "data", &misfit));
    assert_true(strlen(misfit.found) > 50 && utf8_valid(reel_text(misfit.found)));
    assert_true(strlen(misfit.wanted) > 200 && utf8_valid(reel_text(misfit.wanted)));
    text_finish(&data);
}

UNIT_TESTS(fit_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_fits_what_it_says_and_nothing_else),
        cmocka_unit_test(any_value_is_json_but_it_must_be_there),
        cmocka_unit_test(one_of_takes_its_values_and_shows_others),
        cmocka_unit_test(what_is_inside_of_lists_and_objects_is_compared),
        cmocka_unit_test(members_that_are_not_declared_are_allowed),
        cmocka_unit_test(the_last_of_several_members_with_one_name_counts),
        cmocka_unit_test(data_may_be_absent_if_nothing_in_it_is_required),
        cmocka_unit_test(an_event_may_have_to_have_a_subject),
        cmocka_unit_test(a_declaration_is_found_by_its_complete_type),
        cmocka_unit_test(what_is_said_is_bounded_and_clean),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
