/* value_text_test.c: json_text gives a value's very bytes, in whatever order it is asked.
 *
 * Documents are made at random, with odd white space between all tokens. While one is written,
 * the place of each value is noted; then it is read, the values are walked in the same order, and
 * asked for their text in a random one.
 */
#include "unit.h"

#include "base/text.h"
#include "json/value.h"

#include <stdlib.h>

enum { VALUES_MAX = 400, DOCUMENTS = 300 };

struct document {
    uint64_t random;
    struct text text;
    struct place {
        size_t start, end;
        struct reel_value value;
    } places[VALUES_MAX];
    size_t made, walked;
};

/* ---- Making ---------------------------------------------------------------------------------- */

static void add_space(struct document *document) {
    while (random_below(&document->random, 3) == 0)
        text_append(&document->text, &" \t\r\n"[random_below(&document->random, 4)], 1);
}

/* A token, with white space on both sides. */
static void add(struct document *document, const char *token) {
    add_space(document);
    text_append_lit(&document->text, token);
    add_space(document);
}

static const char *scalar(uint64_t *random) {
    static const char *const scalars[] = {
        "0",
        "-1",
        "1.5e-3",
        "18446744073709551615",
        "true",
        "false",
        "null",
        "\"\"",
        "\"a b\"",
        "\"\\\"\"",
        "\"\\\\\"",
        "\"]},{[:\"",
        "-123456789012345678901234567890",
        "\"\\u005c\"",
        "\"\\\\\\\"\"",
        "\"\xF0\x9F\x98\x80\"",
        "-0.0",
        "9223372036854775808",
    };
    return scalars[random_below(random, LENGTH(scalars))];
}

static void add_value(struct document *document, size_t depth);

static void add_container(struct document *document, size_t depth, bool object) {
    add(document, object ? "{" : "[");
    size_t count = random_below(&document->random, 6);
    for (size_t at = 0; at < count && document->made < VALUES_MAX; at++) {
        if (at > 0) add(document, ",");
        if (object) {
            add(document, random_below(&document->random, 2) ? "\"na\\\"me\"" : "\"{\"");
            add(document, ":");
        }
        add_value(document, depth + 1);
    }
    add_space(document);
    text_append_lit(&document->text, object ? "}" : "]");
}

static void add_value(struct document *document, size_t depth) {
    struct place *place = &document->places[document->made++];
    add_space(document);
    place->start = document->text.len;
    size_t kind = depth == 0 ? 1 : random_below(&document->random, depth < 8 ? 4 : 1);
    if (kind == 1 || kind == 2) {
        /* The opening mark's own white space would stand before the value. */
        size_t before = document->text.len;
        add_container(document, depth, kind == 1);
        while (!strchr("{[", document->text.data[before])) before++;
        place->start = before;
    } else {
        text_append_lit(&document->text, scalar(&document->random));
    }
    place->end = document->text.len;
    add_space(document);
}

/* ---- Walking --------------------------------------------------------------------------------- */

static void walk(struct document *document, struct reel_value value) {
    assert_true(document->walked < document->made);
    document->places[document->walked++].value = value;
    struct reel_value child = {0};
    while ((child = json_next(value, child, NULL)).json) walk(document, child);
}

static void assert_text(const struct document *document, size_t at) {
    const struct place *place = &document->places[at];
    struct reel_str expected = {document->text.data + place->start, place->end - place->start};
    assert_bytes(json_text(place->value), expected);
}

static void read_document(struct document *document, struct json_parser *parser) {
    struct json *json;
    const char *why = "";
    if (json_parse(parser, text_str(&document->text), 0, &json, &why) != 0)
        fail_msg("%s: %.*s", why, REEL_FMT(text_str(&document->text)));
    walk(document, json_root(json));
    assert_int_equal(document->walked, document->made);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void every_value_has_its_bytes_in_any_order(void **state) {
    (void)state;
    struct json_parser *parser = json_parser_create(NULL);
    for (uint64_t seed = 0; seed < DOCUMENTS; seed++) {
        struct document document = {.random = seed};
        add_value(&document, 0);
        read_document(&document, parser);
        for (size_t round = 0; round < 2 * document.made; round++)
            assert_text(&document, random_below(&document.random, document.made));
        for (size_t at = 0; at < document.made; at++) assert_text(&document, at);
        for (size_t at = document.made; at-- > 0;) assert_text(&document, at);
        text_finish(&document.text);
    }
    json_parser_destroy(parser);
}

static void the_bytes_are_as_they_came_not_as_they_were_read(void **state) {
    (void)state;
    struct json_parser *parser = json_parser_create(NULL);
    struct json *json;
    const char *why;
    struct reel_str text = STR(" {\"a\" : 123456789012345678901234567890, \"b\":\"\\u0041\" } ");
    assert_int_equal(json_parse(parser, text, 0, &json, &why), 0);
    struct reel_value root = json_root(json);
    assert_bytes(json_text(json_get(root, STR("b"))), STR("\"\\u0041\""));
    assert_bytes(json_text(json_get(root, STR("a"))), STR("123456789012345678901234567890"));
    assert_bytes(json_text(root), (struct reel_str){text.data + 1, text.len - 2});
    json_parser_destroy(parser);
}

static void a_scalar_alone_has_its_bytes(void **state) {
    (void)state;
    static const char *const texts[] = {"1", " 12 ", "null", "\"\\\\\"", "\n-1.5e3", "true\t"};
    static const char *const trimmed[] = {"1", "12", "null", "\"\\\\\"", "-1.5e3", "true"};
    struct json_parser *parser = json_parser_create(NULL);
    for (size_t at = 0; at < LENGTH(texts); at++) {
        struct json *json;
        const char *why;
        assert_int_equal(json_parse(parser, reel_text(texts[at]), 0, &json, &why), 0);
        assert_bytes(json_text(json_root(json)), reel_text(trimmed[at]));
    }
    json_parser_destroy(parser);
}

UNIT_TESTS(value_text_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_has_its_bytes_in_any_order),
        cmocka_unit_test(the_bytes_are_as_they_came_not_as_they_were_read),
        cmocka_unit_test(a_scalar_alone_has_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
