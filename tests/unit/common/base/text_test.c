/* text_test.c: byte order, UTF-8 as RFC 3629 draws its borders, names without case, growing
 * buffers. */
#include "unit.h"

#include "base/chars.h"
#include "base/text.h"

#include <stdlib.h>

/* ---- Assertions ------------------------------------------------------------------------------ */

/* Validity by the count of well-formed sequences: no decoder that could share a mistake. */
static size_t count_valid(size_t len) {
    unsigned char bytes[3];
    size_t count = 0;
    for (uint32_t all = 0; all < UINT32_C(1) << (8 * len); all++) {
        for (size_t at = 0; at < len; at++) bytes[at] = (unsigned char)(all >> (8 * at));
        count += utf8_valid((struct reel_str){(const char *)bytes, len});
    }
    return count;
}

/* RFC 3629, section 4: UTF8-4. */
static bool is_four(const unsigned char s[4]) {
    if (s[2] < 0x80 || s[2] > 0xBF || s[3] < 0x80 || s[3] > 0xBF) return false;
    if (s[0] == 0xF0) return s[1] >= 0x90 && s[1] <= 0xBF;
    if (s[0] >= 0xF1 && s[0] <= 0xF3) return s[1] >= 0x80 && s[1] <= 0xBF;
    return s[0] == 0xF4 && s[1] >= 0x80 && s[1] <= 0x8F;
}

static int order_of(struct reel_str a, struct reel_str b) {
    int order = str_compare(a, b);
    return (order > 0) - (order < 0);
}

/* ---- UTF-8 ----------------------------------------------------------------------------------- */

static void every_code_point_is_valid(void **state) {
    (void)state;
    char bytes[4];
    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        if (code == 0xD800) code = 0xE000;
        size_t len = utf8_encode(code, bytes);
        if (!utf8_valid((struct reel_str){bytes, len})) fail_msg("U+%04X is refused", code);
    }
}

static void nothing_else_of_up_to_three_bytes_is_valid(void **state) {
    (void)state;
    const size_t ones = 0x80, twos = 0x800 - 0x80, threes = 0x10000 - 0x800 - 0x800;
    assert_int_equal(count_valid(1), ones);
    assert_int_equal(count_valid(2), ones * ones + twos);
    assert_int_equal(count_valid(3), ones * ones * ones + 2 * ones * twos + threes);
}

static void four_bytes_are_valid_as_the_grammar_says(void **state) {
    (void)state;
    static const unsigned char tails[] = {0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xFF};
    for (unsigned lead = 0xF0; lead <= 0xFF; lead++)
        for (unsigned second = 0; second <= 0xFF; second++)
            for (size_t at = 0; at < LENGTH(tails) * LENGTH(tails); at++) {
                unsigned char s[4] = {(unsigned char)lead, (unsigned char)second,
                                      tails[at / LENGTH(tails)], tails[at % LENGTH(tails)]};
                if (utf8_valid((struct reel_str){(const char *)s, 4}) != is_four(s))
                    fail_msg("%02X %02X %02X %02X", s[0], s[1], s[2], s[3]);
            }
}

static void a_character_cut_short_is_not_valid(void **state) {
    (void)state;
    static const uint32_t codes[] = {0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF};
    for (size_t at = 0; at < LENGTH(codes); at++) {
        char bytes[4];
        size_t len = utf8_encode(codes[at], bytes);
        for (size_t cut = 1; cut < len; cut++) {
            char *copy = exact_copy((struct reel_str){bytes, cut});
            assert_false(utf8_valid((struct reel_str){copy, cut}));
            free(copy);
        }
    }
}

static void a_bad_byte_is_found_wherever_it_stands(void **state) {
    (void)state;
    char bytes[40];
    for (size_t len = 1; len <= sizeof bytes; len++)
        for (size_t at = 0; at < len; at++) {
            memset(bytes, 'a', len);
            assert_true(utf8_valid((struct reel_str){bytes, len}));
            bytes[at] = (char)0x80;
            assert_false(utf8_valid((struct reel_str){bytes, len}));
        }
}

static void a_nul_is_a_character(void **state) {
    (void)state;
    assert_true(utf8_valid(STR("\0a\0\0\0\0\0\0\0\0")));
    assert_true(utf8_valid((struct reel_str){NULL, 0}));
}

/* ---- Order and hash -------------------------------------------------------------------------- */

static void order_is_of_bytes_without_sign(void **state) {
    (void)state;
    assert_int_equal(order_of(STR("a"), STR("\xC3\xA4")), -1);
    assert_int_equal(order_of(STR("\xEF\xBF\xBF"), STR("\xF0\x90\x80\x80")), -1);
    assert_int_equal(order_of(STR("a\0a"), STR("a\0b")), -1);
    assert_int_equal(order_of(STR("b"), STR("a")), 1);
    assert_int_equal(order_of(STR("a\0b"), STR("a\0b")), 0);
}

static void the_shorter_comes_first(void **state) {
    (void)state;
    assert_int_equal(order_of(STR("a"), STR("a\0")), -1);
    assert_int_equal(order_of(STR("ab"), STR("a")), 1);
    assert_int_equal(order_of(STR(""), STR("\0")), -1);
    assert_int_equal(order_of((struct reel_str){NULL, 0}, STR("")), 0);
}

static void a_hash_depends_on_bytes_and_length_alone(void **state) {
    (void)state;
    char bytes[32] = {0};
    uint64_t seen[32];
    for (size_t len = 0; len < LENGTH(seen); len++) {
        char *copy = exact_copy((struct reel_str){bytes, len});
        seen[len] = str_hash((struct reel_str){copy, len});
        free(copy);
        assert_true(seen[len] == str_hash((struct reel_str){bytes, len}));
        for (size_t at = 0; at < len; at++) assert_true(seen[at] != seen[len]);
    }
    for (size_t at = 0; at < sizeof bytes; at++) {
        uint64_t before = str_hash((struct reel_str){bytes, sizeof bytes});
        bytes[at] = 1;
        assert_true(before != str_hash((struct reel_str){bytes, sizeof bytes}));
    }
}

/* ---- Buffers --------------------------------------------------------------------------------- */

static void names_are_compared_without_case(void **state) {
    (void)state;
    assert_true(str_is_caseless(STR("UTF-8"), "utf-8"));
    assert_false(str_is_caseless(STR("UTF-8x"), "utf-8"));
    assert_true(str_ends_caseless(STR("a+JSON"), "+json"));
    assert_false(str_ends_caseless(STR("json"), "+json"));
    assert_true(str_begins_caseless(STR("CE-id"), "ce-"));
    assert_true(str_begins_caseless(STR("ce-"), "ce-"));
    assert_false(str_begins_caseless(STR("ce"), "ce-"));
    assert_false(str_begins_caseless((struct reel_str){NULL, 0}, "ce-"));
}

static void only_the_ends_are_trimmed(void **state) {
    (void)state;
    assert_bytes(str_trimmed(STR(" \t a\t b \t")), STR("a\t b"));
    assert_bytes(str_trimmed(STR("\na\0")), STR("\na\0"));
    assert_int_equal(str_trimmed(STR(" \t ")).len, 0);
    assert_int_equal(str_trimmed((struct reel_str){NULL, 0}).len, 0);
}

static void hexadecimal_digits_have_their_values(void **state) {
    (void)state;
    static const char small[] = "0123456789abcdef", capital[] = "0123456789ABCDEF";
    for (int i = 0; i < 16; i++) {
        assert_int_equal(char_hex_value(small[i]), i);
        assert_int_equal(char_hex_value(capital[i]), i);
    }
    for (const char *other = "/:@G`g\xFF"; *other; other++)
        assert_int_equal(char_hex_value(*other), -1);
    assert_int_equal(char_hex_value('\0'), -1);
}

static void a_text_keeps_its_bytes_as_it_grows(void **state) {
    (void)state;
    struct text text = {0};
    uint64_t random = 1;
    for (size_t len = 1; text.len < 300000; len++) {
        char *to = text_extend(&text, len % 700);
        assert_non_null(to);
        for (size_t at = 0; at < len % 700; at++) to[at] = (char)random_next(&random);
    }
    random = 1;
    for (size_t at = 0; at < text.len; at++)
        if (text.data[at] != (char)random_next(&random)) fail_msg("byte %zu is another", at);
    text_finish(&text);
    assert_null(text.data);
    assert_int_equal(text.len, 0);
}

static void appended_text_follows_earlier_text(void **state) {
    (void)state;
    struct text text = {0};
    assert_bytes(text_str(&text), STR(""));
    text_append_lit(&text, "one ");
    text_append_str(&text, STR("t\0o"));
    text_append_str(&text, (struct reel_str){NULL, 0});
    text_append(&text, "!!", 1);
    assert_bytes(text_str(&text), STR("one t\0o!"));
    text_finish(&text);
}

static void what_is_shown_is_cut_and_has_no_control_characters(void **state) {
    (void)state;
    struct text text = {0};
    text_append_shown(&text, STR("a\x1b[1m\x7f\xc2\x9b z\xc3\xa4"), 100);
    assert_bytes(text_str(&text), STR("a [1m   z\xc3\xa4"));
    text.len = 0;
    text_append_shown(&text, STR("ab\xc3\xa4"), 3);
    assert_bytes(text_str(&text), STR("ab\xe2\x80\xa6"));
    text_finish(&text);
}

static void a_failure_is_remembered_and_changes_nothing(void **state) {
    (void)state;
    if (memory_is_sanitized()) skip(); /* which ends the process instead */
    struct text text = {0};
    text_append_lit(&text, "kept");
    assert_null(text_extend(&text, (size_t)1 << 60));
    assert_true(text.failed);
    text_append_lit(&text, "more");
    assert_bytes(text_str(&text), STR("kept"));
    text_finish(&text);
    assert_false(text.failed);
}

UNIT_TESTS(text_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_valid),
        cmocka_unit_test(nothing_else_of_up_to_three_bytes_is_valid),
        cmocka_unit_test(four_bytes_are_valid_as_the_grammar_says),
        cmocka_unit_test(a_character_cut_short_is_not_valid),
        cmocka_unit_test(a_bad_byte_is_found_wherever_it_stands),
        cmocka_unit_test(a_nul_is_a_character),
        cmocka_unit_test(order_is_of_bytes_without_sign),
        cmocka_unit_test(the_shorter_comes_first),
        cmocka_unit_test(a_hash_depends_on_bytes_and_length_alone),
        cmocka_unit_test(names_are_compared_without_case),
        cmocka_unit_test(only_the_ends_are_trimmed),
        cmocka_unit_test(hexadecimal_digits_have_their_values),
        cmocka_unit_test(a_text_keeps_its_bytes_as_it_grows),
        cmocka_unit_test(appended_text_follows_earlier_text),
        cmocka_unit_test(what_is_shown_is_cut_and_has_no_control_characters),
        cmocka_unit_test(a_failure_is_remembered_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
