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

/* ---- One text for each double ---------------------------------------------------------------- */

static void assert_written(double number, const char *expected) {
    char text[JSON_NUMBER_MAX];
    size_t len = json_write_number(text, number);
    assert_bytes(((struct reel_str){text, len}), reel_text(expected));
}

/* RFC 8785, appendix B, and the borders between the forms. */
static void a_double_has_the_text_of_rfc_8785(void **state) {
    (void)state;
    static const struct {
        uint64_t bits;
        const char *text;
    } cases[] = {
        {0x0000000000000000, "0"},
        {0x8000000000000000, "0"},
        {0x0000000000000001, "5e-324"},
        {0x8000000000000001, "-5e-324"},
        {0x7fefffffffffffff, "1.7976931348623157e+308"},
        {0xffefffffffffffff, "-1.7976931348623157e+308"},
        {0x4340000000000000, "9007199254740992"},
        {0xc340000000000000, "-9007199254740992"},
        {0x4430000000000000, "295147905179352830000"},
        {0x44b52d02c7e14af5, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6, "1e+23"},
        {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
        {0x444b1ae4d6e2ef4e, "999999999999999700000"},
        {0x444b1ae4d6e2ef4f, "999999999999999900000"},
        {0x444b1ae4d6e2ef50, "1e+21"},
        {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8d, "0.000001"},
        {0x41b3de4355555553, "333333333.3333332"},
        {0x41b3de4355555557, "333333333.33333343"},
        {0xbecbf647612f3696, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959, "1424953923781206.2"},
    };
    for (size_t at = 0; at < LENGTH(cases); at++) {
        double number;
        memcpy(&number, &cases[at].bits, sizeof number);
        assert_written(number, cases[at].text);
    }
    assert_written(100, "100");
    assert_written(-1.5, "-1.5");
    assert_written(12345.678, "12345.678");
}

static void any_double_is_read_back(void **state) {
    (void)state;
    uint64_t random = 7;
    for (size_t n = 0; n < 200000; n++) {
        uint64_t bits = random_below(&random, UINT32_MAX);
        double number, found;
        bits = bits << 32 | random_below(&random, UINT32_MAX);
        memcpy(&number, &bits, sizeof number);
        if (!isfinite(number)) continue;
        char text[JSON_NUMBER_MAX];
        size_t len = json_write_number(text, number);
        if (!json_read_number((struct reel_str){text, len}, &found) || found != number)
            fail_msg("%.17g became %.*s", number, (int)len, text);
    }
}

static void only_one_number_of_json_is_read(void **state) {
    (void)state;
    static const char *const good[] = {"0",
                                       "-0",
                                       "7",
                                       "-12",
                                       "1.50",
                                       "1e2",
                                       "1E2",
                                       "1e+2",
                                       "1e-2",
                                       "0.1e1",
                                       "18446744073709551616"};
    static const char *const bad[] = {"",    "-",   "+1",   "01",   "-01", ".5",  "1.",    "1e",
                                      "1e+", "0x1", "inf",  "nan",  "1 ",  " 1",  "1,5",   "1e999",
                                      "--1", "1-1", "1e5.", "1.e1", "e1",  "1_0", "-1e999"};
    double found;
    for (size_t at = 0; at < LENGTH(good); at++) {
        if (!json_read_number(reel_text(good[at]), &found)) fail_msg("%s is refused", good[at]);
        assert_true(found == strtod(good[at], NULL));
    }
    for (size_t at = 0; at < LENGTH(bad); at++)
        if (json_read_number(reel_text(bad[at]), &found)) fail_msg("%s is read", bad[at]);
    assert_false(json_read_number((struct reel_str){NULL, 0}, &found));
    assert_false(json_read_number(STR("1\0"), &found));
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
        cmocka_unit_test(a_double_has_the_text_of_rfc_8785),
        cmocka_unit_test(any_double_is_read_back),
        cmocka_unit_test(only_one_number_of_json_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
