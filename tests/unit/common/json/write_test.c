/* write_test.c: strings to JSON text and back. */
#include "unit.h"

#include "json/value.h"
#include "json/write.h"

#include <stdlib.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

struct fixture {
    struct arena arena;
    struct json_parser *parser;
    struct text text;
};

static int begin(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    must(fixture);
    fixture->parser = json_parser_create(NULL);
    *state = fixture;
    return 0;
}

static int finish(void **state) {
    struct fixture *fixture = *state;
    arena_finish(&fixture->arena);
    json_parser_destroy(fixture->parser);
    text_finish(&fixture->text);
    free(fixture);
    return 0;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

/* Quoted, it reads as itself again, by json_unquote and by the parser. */
static void assert_round_trip(struct fixture *fixture, struct reel_str given) {
    struct json *json;
    const char *why = "";
    char *exact = exact_copy(given);
    size_t len = json_quoted_len((struct reel_str){exact, given.len});
    char *quoted = malloc(len);
    must(quoted);
    json_quote(quoted, (struct reel_str){exact, given.len}, len);
    assert_bytes(json_unquote((struct reel_str){quoted, len}, &fixture->arena), given);
    if (json_parse(fixture->parser, (struct reel_str){quoted, len}, 0, &json, &why) != 0)
        fail_msg("%s: %.*s", why, (int)len, quoted);
    assert_bytes(json_str(json_root(json)), given);
    free(quoted);
    free(exact);
}

static void assert_quoted(struct fixture *fixture, struct reel_str given, const char *expected) {
    fixture->text.len = 0;
    text_append_quoted(&fixture->text, given);
    assert_bytes(text_str(&fixture->text), reel_text(expected));
}

static void assert_unquoted(struct fixture *fixture, const char *quoted, struct reel_str expected) {
    char *exact = exact_copy(reel_text(quoted));
    assert_bytes(json_unquote((struct reel_str){exact, strlen(quoted)}, &fixture->arena), expected);
    free(exact);
}

/* ---- Quoting --------------------------------------------------------------------------------- */

static size_t random_character(uint64_t *random, char ret[4]) {
    static const uint32_t borders[] = {0x20,  '"',    '\\',   '/',    0x7F,    0x80,    0x7FF,
                                       0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF};
    switch (random_below(random, 4)) {
    case 0:
        return utf8_encode((uint32_t)random_below(random, 0x20), ret);
    case 1:
        return utf8_encode(borders[random_below(random, LENGTH(borders))], ret);
    default:
        return utf8_encode((uint32_t)random_below(random, 0x80), ret);
    }
}

static void random_strings_round_trip(void **state) {
    uint64_t random = 1;
    char text[4 * 80];
    for (size_t round = 0; round < 5000; round++) {
        size_t count = random_below(&random, 80), len = 0;
        bool plain = round % 3 == 0; /* few escapes: words of eight are passed over */
        for (size_t at = 0; at < count; at++) {
            if (plain && random_below(&random, 20) != 0)
                text[len++] = 'a';
            else
                len += random_character(&random, text + len);
        }
        assert_round_trip(*state, (struct reel_str){text, len});
    }
}

static void every_byte_at_every_place_round_trips(void **state) {
    char text[17];
    for (unsigned byte = 0; byte < 0x80; byte++)
        for (size_t len = 1; len <= sizeof text; len++)
            for (size_t at = 0; at < len; at++) {
                memset(text, 'a', len);
                text[at] = (char)byte;
                assert_round_trip(*state, (struct reel_str){text, len});
            }
}

static void only_what_must_be_is_escaped(void **state) {
    assert_quoted(*state, STR(""), "\"\"");
    assert_quoted(*state, STR("a/\x7F\xC3\xA4\xE2\x80\xA8'"), "\"a/\x7F\xC3\xA4\xE2\x80\xA8'\"");
    assert_quoted(*state, STR("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    assert_quoted(*state, STR("\0\x01\x1F\x0B"), "\"\\u0000\\u0001\\u001f\\u000b\"");
}

/* ---- Unquoting ------------------------------------------------------------------------------- */

static void every_escape_is_read(void **state) {
    assert_unquoted(*state, "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", STR("\"\\/\b\f\n\r\t"));
    assert_unquoted(*state, "\"x\\u0000y\"", STR("x\0y"));
    assert_unquoted(*state, "\"\\u00E4\\u00e4\\u20aC\"", STR("\xC3\xA4\xC3\xA4\xE2\x82\xAC"));
    assert_unquoted(*state, "\"\\\\u0041\"", STR("\\u0041"));
    assert_unquoted(*state, "\"\"", STR(""));
}

static void every_code_point_is_read_from_its_escape(void **state) {
    for (uint32_t code = 0; code <= 0x10FFFF; code += code < 0x3000 ? 1 : 0x55) {
        char quoted[32], bytes[4];
        if (code >= 0xD800 && code < 0xE000) continue;
        uint32_t above = code - 0x10000;
        if (code < 0x10000)
            snprintf(quoted, sizeof quoted, "\"\\u%04x\"", code);
        else
            snprintf(quoted, sizeof quoted, "\"\\u%04X\\u%04x\"", 0xD800 + (above >> 10),
                     0xDC00 + (above & 0x3FF));
        struct reel_str expected = {bytes, utf8_encode(code, bytes)};
        assert_unquoted(*state, quoted, expected);
    }
}

static void the_ends_of_the_surrogates_are_read(void **state) {
    assert_unquoted(*state, "\"\\ud800\\udc00\"", STR("\xF0\x90\x80\x80"));
    assert_unquoted(*state, "\"\\uDBFF\\uDFFF.\"", STR("\xF4\x8F\xBF\xBF."));
    assert_unquoted(*state, "\"\\ud7ff\\ue000\"", STR("\xED\x9F\xBF\xEE\x80\x80"));
}

static void a_string_without_escapes_is_not_copied(void **state) {
    struct reel_str quoted = STR("\"as it is\"");
    struct fixture *fixture = *state;
    struct reel_str found = json_unquote(quoted, &fixture->arena);
    assert_ptr_equal(found.data, quoted.data + 1);
    assert_int_equal(found.len, quoted.len - 2);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static void a_line_has_spaces_for_line_ends(void **state) {
    (void)state;
    struct reel_str json = STR("{\r\n\"a\\n\"\t:\n1}");
    char line[64];
    json_copy_line(line, json);
    assert_bytes((struct reel_str){line, json.len}, STR("{  \"a\\n\"\t: 1}"));
}

UNIT_TESTS(write_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(random_strings_round_trip),
        CASE(every_byte_at_every_place_round_trips),
        CASE(only_what_must_be_is_escaped),
        CASE(every_escape_is_read),
        CASE(every_code_point_is_read_from_its_escape),
        CASE(the_ends_of_the_surrogates_are_read),
        CASE(a_string_without_escapes_is_not_copied),
        CASE(a_line_has_spaces_for_line_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
