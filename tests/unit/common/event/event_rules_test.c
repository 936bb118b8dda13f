/* event_rules_test.c: each rule for an event, both ways. */
#include "cloudevents_support.h"

#include "event/event_rules.h"

#include <stdlib.h>

/* ---- Required attributes --------------------------------------------------------------------- */

/* An event with `member` in the place of the required one of that name; empty: without it. */
static char *event_instead(const char *name, const char *member) {
    static const char *const needed[][2] = {{"specversion", "\"specversion\":\"1.0\","},
                                            {"id", "\"id\":\"1\","},
                                            {"source", "\"source\":\"/s\","},
                                            {"type", "\"type\":\"t\","}};
    static char event[512];
    size_t len = (size_t)snprintf(event, sizeof event, "{");
    for (size_t i = 0; i < LENGTH(needed); i++)
        if (strcmp(needed[i][0], name) != 0)
            len += (size_t)snprintf(event + len, sizeof event - len, "%s", needed[i][1]);
    snprintf(event + len, sizeof event - len, "%s%s\"x\":1}", member, *member ? "," : "");
    test_context("%s", event);
    return event;
}

static void refused_instead(const char *name, const char *value, const char *part) {
    char member[256] = "", sentence[128];
    if (value) snprintf(member, sizeof member, "\"%s\":%s", name, value);
    snprintf(sentence, sizeof sentence, "\"%s\" is %s", name, part);
    assert_rules_broken(reel_text(event_instead(name, member)), sentence);
}

static void accepted_instead(const char *name, const char *value) {
    char member[256];
    snprintf(member, sizeof member, "\"%s\":%s", name, value);
    assert_rules_kept(reel_text(event_instead(name, member)));
}

static void four_attributes_are_required(void **state) {
    (void)state;
    static const char *const names[] = {"specversion", "id", "source", "type"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        refused_instead(names[i], NULL, "missing");
        refused_instead(names[i], "null", "missing");
        refused_instead(names[i], "\"\"", "not");
        refused_instead(names[i], "1", "not");
        refused_instead(names[i], "true", "not");
        refused_instead(names[i], "{}", "not");
        refused_instead(names[i], "[\"1.0\"]", "not");
    }
}

static void the_version_is_1_0(void **state) {
    (void)state;
    accepted_instead("specversion", "\"1.0\"");
    accepted_instead("specversion", "\"1\\u002e0\"");
    refused_instead("specversion", "\"1\"", "not \"1.0\"");
    refused_instead("specversion", "\"1.0.2\"", "not \"1.0\"");
    refused_instead("specversion", "\"0.3\"", "not \"1.0\"");
    refused_instead("specversion", "1.0", "not \"1.0\"");
}

static void id_and_type_have_no_control_characters(void **state) {
    (void)state;
    accepted_instead("id", "\"a b \\u00e4\\ud83d\\ude00\"");
    accepted_instead("type", "\" \"");
    refused_instead("id", "\"a\\n\"", "not");
    refused_instead("id", "\"\\u0000\"", "not");
    refused_instead("type", "\"\\u0085\"", "not");
    refused_instead("type", "\"\\ufffe\"", "not");
}

static void the_source_is_a_uri_reference(void **state) {
    (void)state;
    accepted_instead("source", "\"urn:a:b\"");
    accepted_instead("source", "\"1-555-123-4567\"");
    refused_instead("source", "\"a b\"", "not a URI-reference");
    refused_instead("source", "\"\\u00e4\"", "not a URI-reference");
}

/* ---- Optional attributes --------------------------------------------------------------------- */

static void null_is_absent(void **state) {
    (void)state;
    assert_members_kept("\"subject\":null,\"time\":null,\"dataschema\":null,"
                        "\"datacontenttype\":null,\"data_base64\":null,\"extension\":null");
}

static void the_subject_is_not_empty(void **state) {
    (void)state;
    assert_members_kept("\"subject\":\"a b\"");
    assert_members_broken("\"subject\":\"\"", "\"subject\" is not a string");
    assert_members_broken("\"subject\":\"\\t\"", "\"subject\" is not a string");
    assert_members_broken("\"subject\":5", "\"subject\" is not a string");
}

static void the_time_is_one(void **state) {
    (void)state;
    assert_members_kept("\"time\":\"2018-04-05T17:31:00.5+01:00\"");
    assert_members_broken("\"time\":\"2018-04-05\"", "\"time\" is not a time");
    assert_members_broken("\"time\":\"\"", "\"time\" is not a time");
    assert_members_broken("\"time\":1522949460", "\"time\" is not a time");
}

static void the_schema_is_a_uri(void **state) {
    (void)state;
    assert_members_kept("\"dataschema\":\"http://a/b#c\"");
    assert_members_broken("\"dataschema\":\"/b\"", "\"dataschema\" is not a URI");
    assert_members_broken("\"dataschema\":\"\"", "\"dataschema\" is not a URI");
    assert_members_broken("\"dataschema\":{}", "\"dataschema\" is not a URI");
}

static void the_content_type_is_a_media_type(void **state) {
    (void)state;
    assert_members_kept("\"datacontenttype\":\"text/plain; charset=utf-16\"");
    assert_members_broken("\"datacontenttype\":\"json\"", "\"datacontenttype\" is not a media");
    assert_members_broken("\"datacontenttype\":\"\"", "\"datacontenttype\" is not a media");
    assert_members_broken("\"datacontenttype\":1", "\"datacontenttype\" is not a media");
}

/* ---- Extensions ------------------------------------------------------------------------------ */

static void an_extension_is_a_string_a_boolean_or_an_integer(void **state) {
    (void)state;
    assert_members_kept("\"a\":\"\",\"b\":\"\\n\\u0000\",\"c\":true,\"d\":false");
    assert_members_kept("\"a\":2147483647,\"b\":-2147483648,\"c\":0");
    assert_members_broken("\"ab\":2147483648", "\"ab\" is not a string, a boolean or an integer");
    assert_members_broken("\"ab\":-2147483649", "\"ab\" is not");
    assert_members_broken("\"ab\":1.5", "\"ab\" is not");
    assert_members_broken("\"ab\":1e2", "\"ab\" is not");
    assert_members_broken("\"ab\":123456789012345678901234567890", "\"ab\" is not");
    assert_members_broken("\"ab\":{\"c\":1}", "\"ab\" is not");
    assert_members_broken("\"ab\":[]", "\"ab\" is not");
}

static void a_name_has_lower_case_letters_and_digits(void **state) {
    (void)state;
    assert_members_kept("\"az09\":1,\"9\":1");
    assert_members_kept("\"averyveryverylongnamethatismorethantwentycharacters\":1");
    assert_members_broken("\"\":1", "cannot be the name");
    assert_members_broken("\"aB\":1", "\"aB\" cannot be the name");
    assert_members_broken("\"a_b\":1", "\"a_b\" cannot be the name");
    assert_members_broken("\"a-b\":1", "cannot be the name");
    assert_members_broken("\"\\u00e4\":1", "cannot be the name");
    assert_members_broken("\"a\\u0000\":1", "cannot be the name");
    assert_members_broken("\"Data\":1", "\"Data\" cannot be the name");
    assert_members_broken("\"a b\":null", "\"a b\" cannot be the name");
}

static void no_name_is_there_twice(void **state) {
    (void)state;
    assert_members_broken("\"id\":\"2\"", "\"id\" is there twice");
    assert_members_broken("\"ext\":1,\"other\":1,\"ext\":2", "\"ext\" is there twice");
    assert_members_broken("\"data\":1,\"data\":1", "\"data\" is there twice");
    assert_members_broken("\"subject\":null,\"subject\":null", "\"subject\" is there twice");
    assert_members_kept("\"data\":{\"a\":1,\"a\":2}");
}

static void very_many_attributes_do_not_take_long(void **state) {
    (void)state;
    struct text text = {0};
    char part[32];
    text_append_lit(&text, "{" NEEDED);
    for (int i = 0; i < 100000; i++) {
        snprintf(part, sizeof part, ",\"a%d\":1", i);
        text_append_lit(&text, part);
    }
    text_append_lit(&text, "}");
    assert_rules_kept(text_str(&text));
    text_finish(&text);
}

/* ---- Data ------------------------------------------------------------------------------------ */

static void data_is_any_json(void **state) {
    (void)state;
    static const char *const values[] = {"null", "1.5", "true", "\"\"", "{\"A_b\":[]}", "[null]"};
    char members[64];
    for (size_t i = 0; i < LENGTH(values); i++) {
        snprintf(members, sizeof members, "\"data\":%s", values[i]);
        assert_members_kept(members);
    }
    assert_members_kept("\"datacontenttype\":\"text/xml\",\"data\":\"<a/>\"");
    assert_members_kept("\"datacontenttype\":\"text/xml\",\"data\":{}");
}

static void data_base64_is_base64(void **state) {
    (void)state;
    assert_members_kept("\"data_base64\":\"Zm9vYg==\"");
    assert_members_kept("\"data_base64\":\"\"");
    assert_members_broken("\"data_base64\":\"Zm9vYg\"", "\"data_base64\" is not");
    assert_members_broken("\"data_base64\":1", "\"data_base64\" is not");
    assert_members_broken("\"data_base64\":{}", "\"data_base64\" is not");
}

static void data_is_there_in_one_form(void **state) {
    (void)state;
    assert_members_broken("\"data\":1,\"data_base64\":\"\"", "both there");
    assert_members_broken("\"data_base64\":\"\",\"data\":null", "both there");
    assert_members_kept("\"data\":1,\"data_base64\":null");
}

static void an_event_is_an_object(void **state) {
    (void)state;
    static const char *const bodies[] = {"1", "\"{}\"", "[]", "null", "true"};
    for (size_t i = 0; i < LENGTH(bodies); i++) {
        test_context("%s", bodies[i]);
        assert_rules_broken(reel_text(bodies[i]), "not a JSON object");
    }
}

/* ---- Sentences ------------------------------------------------------------------------------- */

static void long_names_are_cut_where_a_character_ends(void **state) {
    (void)state;
    char name[80];
    memset(name, 'a', sizeof name);
    memcpy(name + 63, "\xC3\xA4", 2);
    assert_int_equal(strlen(shown_of((struct reel_str){name, sizeof name}).text), 63);
    assert_int_equal(strlen(shown_of((struct reel_str){name, 63}).text), 63);
    assert_string_equal(shown_of(STR("\xFF")).text, "");
    assert_string_equal(shown_of(STR("ab")).text, "ab");
}

UNIT_TESTS(event_rules_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_attributes_are_required),
        cmocka_unit_test(the_version_is_1_0),
        cmocka_unit_test(id_and_type_have_no_control_characters),
        cmocka_unit_test(the_source_is_a_uri_reference),
        cmocka_unit_test(null_is_absent),
        cmocka_unit_test(the_subject_is_not_empty),
        cmocka_unit_test(the_time_is_one),
        cmocka_unit_test(the_schema_is_a_uri),
        cmocka_unit_test(the_content_type_is_a_media_type),
        cmocka_unit_test(an_extension_is_a_string_a_boolean_or_an_integer),
        cmocka_unit_test(a_name_has_lower_case_letters_and_digits),
        cmocka_unit_test(no_name_is_there_twice),
        cmocka_unit_test(very_many_attributes_do_not_take_long),
        cmocka_unit_test(data_is_any_json),
        cmocka_unit_test(data_base64_is_base64),
        cmocka_unit_test(data_is_there_in_one_form),
        cmocka_unit_test(an_event_is_an_object),
        cmocka_unit_test(long_names_are_cut_where_a_character_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
