/* number_test.c: big integers become the same double in as many bytes, and nothing else changes. */
#include "unit.h"

#include "json/number.h"
#include "json/parser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MIN = 19, DIGITS_MAX = 309, ROUNDS = 30 };

/* ---- Assertions ------------------------------------------------------------------------------ */

static int rewrite(char *text) {
    return json_rewrite_big_integers(text, strlen(text));
}

static void assert_untouched(const char *given) {
    char text[1024];
    snprintf(text, sizeof text, "%s", given);
    if (rewrite(text) != 0 || strcmp(text, given) != 0) fail_msg("%s became %s", given, text);
}

/* A number that does not fit: rewritten to the same double, and to nothing but a number. */
static void assert_same_double(const char *number) {
    char text[400], *end;
    snprintf(text, sizeof text, "[%s,1]", number);
    int count = rewrite(text);
    if (isinf(strtod(number, NULL))) {
        assert_int_equal(count, -1);
        return;
    }
    if (count != 1) fail_msg("%s: %d rewritten", number, count);
    if (strtod(text + 1, &end) != strtod(number, NULL) || end != text + 1 + strlen(number) ||
        strcmp(end, ",1]") != 0)
        fail_msg("%s became %s", number, text);
    assert_non_null(strchr(text, 'e'));
}

static int parse_result(struct json_parser *parser, const char *text) {
    struct json *json;
    const char *why;
    return json_parse(parser, reel_text(text), 0, &json, &why);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void random_integers_of_every_length_keep_their_double(void **state) {
    (void)state;
    uint64_t random = 1;
    char number[DIGITS_MAX + 2];
    for (size_t len = DIGITS_MIN + 1; len <= DIGITS_MAX; len++)
        for (size_t round = 0; round < ROUNDS; round++) {
            bool negative = round % 2;
            number[0] = '-';
            for (size_t at = 0; at < len; at++)
                number[negative + at] = (char)('0' + random_below(&random, 10));
            number[negative] = (char)('1' + random_below(&random, 9));
            if (len == DIGITS_MIN + 1 && !negative) number[0] = '2'; /* beyond 64 bits */
            number[negative + len] = '\0';
            assert_same_double(number);
        }
}

static void nineteen_digits_below_64_bits_keep_their_double(void **state) {
    (void)state;
    uint64_t random = 2;
    char number[32];
    for (size_t round = 0; round < 1000; round++) {
        uint64_t beyond = UINT64_C(9223372036854775809) +
                          random_below(&random, 9999999999999999999u - 9223372036854775808u);
        snprintf(number, sizeof number, "-%llu", (unsigned long long)beyond);
        assert_int_equal(strlen(number), 1 + DIGITS_MIN);
        assert_same_double(number);
    }
}

static void the_first_ones_that_do_not_fit_are_rewritten(void **state) {
    (void)state;
    assert_same_double("18446744073709551616");
    assert_same_double("-9223372036854775809");
    assert_same_double("-9999999999999999999");
    assert_same_double("100000000000000000000");
}

static void the_last_ones_that_fit_are_untouched(void **state) {
    (void)state;
    assert_untouched("18446744073709551615");
    assert_untouched("9223372036854775808");
    assert_untouched("-9223372036854775808");
    assert_untouched("[1000000000000000000,-1000000000000000000,0,-0]");
}

static void a_number_that_does_not_fit_a_double_is_an_error(void **state) {
    (void)state;
    char number[DIGITS_MAX + 2];
    memset(number, '9', sizeof number - 1);
    number[DIGITS_MAX + 1] = '\0';
    assert_int_equal(rewrite(number), -1);
    number[DIGITS_MAX] = '\0';
    assert_int_equal(rewrite(number), -1);
    memset(number + 1, '0', DIGITS_MAX - 1);
    number[0] = '1'; /* 1e308 */
    assert_same_double(number);
}

static void all_else_stays_where_it_is(void **state) {
    (void)state;
    char text[] =
        "{\"a\" : 123456789012345678901234567890 , \"b\":[-98765432109876543210987654321]}";
    char given[sizeof text];
    memcpy(given, text, sizeof text);
    assert_int_equal(rewrite(text), 2);
    for (size_t at = 0; at < strlen(given); at++)
        if (!strchr("0123456789", given[at])) assert_int_equal(text[at], given[at]);
    assert_int_equal(strlen(text), strlen(given));
}

static void strings_fractions_and_exponents_are_untouched(void **state) {
    (void)state;
    static const char *const texts[] = {
        "\"123456789012345678901234567890\"",
        "\"\\\"123456789012345678901234567890\"",
        "[\"\\\\\",\" 123456789012345678901234567890\"]",
        "{\"123456789012345678901234567890\":1}",
        "123456789012345678901234567890.5",
        "0.123456789012345678901234567890",
        "-1.123456789012345678901234567890e1",
        "123456789012345678901234567890e1",
        "1e000000000000000000000000000001",
        "1E+00000000000000000000000000001",
        "1e-00000000000000000000000000001",
        "",
    };
    for (size_t at = 0; at < LENGTH(texts); at++) assert_untouched(texts[at]);
}

static void malformed_text_stays_malformed(void **state) {
    (void)state;
    static const char *const texts[] = {
        "0123456789012345678901234567890",    "-0123456789012345678901234567890",
        "+123456789012345678901234567890",    "--123456789012345678901234567890",
        "123456789012345678901234567890.",    "123456789012345678901234567890e",
        "123456789012345678901234567890-1",   "123456789012345678901234567890+",
        "123456789012345678901234567890x",    "x123456789012345678901234567890",
        "[123456789012345678901234567890",    "[123456789012345678901234567890 1]",
        ".123456789012345678901234567890",    "e123456789012345678901234567890",
        "\"123456789012345678901234567890",   "123456789012345678901234567890\"",
        "1 123456789012345678901234567890",   "[123456789012345678901234567890,]",
        "{123456789012345678901234567890:1}",
    };
    struct json_parser *parser = json_parser_create(NULL);
    for (size_t at = 0; at < LENGTH(texts); at++)
        if (parse_result(parser, texts[at]) != -EBADMSG) fail_msg("taken: %s", texts[at]);
    json_parser_destroy(parser);
}

static void the_bytes_beyond_the_length_do_not_count(void **state) {
    (void)state;
    char text[] = "[\"\\";
    assert_int_equal(json_rewrite_big_integers(text, 3), 0);
    assert_int_equal(json_rewrite_big_integers(text, 0), 0);
    assert_string_equal(text, "[\"\\");
}

UNIT_TESTS(number_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_integers_of_every_length_keep_their_double),
        cmocka_unit_test(nineteen_digits_below_64_bits_keep_their_double),
        cmocka_unit_test(the_first_ones_that_do_not_fit_are_rewritten),
        cmocka_unit_test(the_last_ones_that_fit_are_untouched),
        cmocka_unit_test(a_number_that_does_not_fit_a_double_is_an_error),
        cmocka_unit_test(all_else_stays_where_it_is),
        cmocka_unit_test(strings_fractions_and_exponents_are_untouched),
        cmocka_unit_test(malformed_text_stays_malformed),
        cmocka_unit_test(the_bytes_beyond_the_length_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
