/* field_value_test.c: values of fields as bytes: their order, alone and in an index, is that of the
 * values. */
#include "unit.h"

#include "engine/store/field_value.h"
#include "json/number.h"
#include "json/write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALUES = 400 };

/* ---- Fixture --------------------------------------------------------------------------------- */

struct valued {
    struct reel_str json, value;
    char encoded[FIELD_ENCODED_MAX];
    size_t encoded_len;
    double number; /* of what is a number */
    int64_t integer;
};

struct values {
    struct arena arena;
    uint64_t random;
    struct valued list[VALUES];
};

static struct reel_str copied(struct values *values, struct reel_str text) {
    struct reel_str copy = {arena_copy(&values->arena, text.data, text.len), text.len};
    must(copy.data);
    return copy;
}

static struct reel_str any_string(struct values *values) {
    static const char letters[] = {0, 0, 1, 2, 'A', 'a', 'b', '"', '\\', 'z', 0x7F};
    static const size_t lens[] = {0, 1, 2, 3, 5, 198, 199, 200, 201, 202, 450};
    char text[512];
    size_t len = lens[random_below(&values->random, LENGTH(lens))];
    char filling = letters[random_below(&values->random, LENGTH(letters))];
    memset(text, filling, len);
    for (size_t n = random_below(&values->random, 3); n > 0 && len > 0; n--) {
        size_t near = len > 5 && random_below(&values->random, 2) ? len - 5 : 0;
        text[near + random_below(&values->random, len - near)] =
            letters[random_below(&values->random, LENGTH(letters))];
    }
    return copied(values, (struct reel_str){text, len});
}

static struct reel_str quoted(struct values *values, struct reel_str text) {
    size_t len = json_quoted_len(text);
    char *to = arena_text(&values->arena, len);
    must(to && len > 0);
    json_quote(to, text, len);
    return (struct reel_str){to, len};
}

static void make_integer(struct values *values, struct valued *ret) {
    char text[32];
    uint64_t word = random_next(&values->random) >> random_below(&values->random, 64);
    ret->integer = (int64_t)(random_below(&values->random, 2) ? word : 0 - word);
    int len = snprintf(text, sizeof text, "%lld", (long long)ret->integer);
    ret->json = copied(values, (struct reel_str){text, (size_t)len});
}

static void make_number(struct values *values, struct valued *ret) {
    static const double some[] = {0,      -0.0, 1,    -1,    0.1,    -0.1,  1e300, -1e300,
                                  5e-324, 1e9,  1e-9, 2.5e3, -2.5e3, 1e308, -1e308};
    char text[JSON_NUMBER_MAX];
    ret->number = some[random_below(&values->random, LENGTH(some))] *
                  ((double)(random_below(&values->random, 3) + 1) / 3);
    ret->json = copied(values, (struct reel_str){text, json_write_number(text, ret->number)});
    json_read_number(ret->json, &ret->number);
}

static void make(struct values *values, struct field_form form, struct valued *ret) {
    if (form.kind == REEL_FIELD_INTEGER)
        make_integer(values, ret);
    else if (form.kind == REEL_FIELD_NUMBER)
        make_number(values, ret);
    else if (form.kind == REEL_FIELD_BOOL)
        ret->json = random_below(&values->random, 2) ? STR("true") : STR("false");
    else
        ret->json = quoted(values, any_string(values));
    must(field_value_of_json(form, ret->json, &values->arena, &ret->value) == 0);
    ret->encoded_len = field_value_encode(form, ret->value, ret->encoded);
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static int sign(int number) {
    return (number > 0) - (number < 0);
}

/* What the bytes must say, from the values themselves. */
static int compare_values(struct field_form form, const struct valued *a, const struct valued *b) {
    if (form.kind == REEL_FIELD_INTEGER)
        return (a->integer > b->integer) - (a->integer < b->integer);
    if (form.kind == REEL_FIELD_NUMBER) return (a->number > b->number) - (a->number < b->number);
    return sign(str_compare(a->value, b->value));
}

static void assert_order(struct field_form form, const struct valued *a, const struct valued *b) {
    struct reel_str left = {a->encoded, a->encoded_len}, right = {b->encoded, b->encoded_len};
    struct field_encoded first = field_value_split(form, left),
                         second = field_value_split(form, right);
    int wanted = compare_values(form, a, b), found = sign(str_compare(left, right));
    assert_int_equal(sign(str_compare(a->value, b->value)), wanted);
    bool same_beginning = first.is_cut && second.is_cut && first.compared == second.compared &&
                          memcmp(left.data, right.data, first.compared) == 0;
    if (same_beginning)
        assert_int_equal(found == 0, wanted == 0); /* the hashes decide */
    else
        assert_int_equal(found, wanted);
}

static void assert_split(struct values *values, struct field_form form, const struct valued *one) {
    char space[FIELD_ENCODED_MAX + 4];
    struct reel_str value, text, again;
    int beyond;
    memcpy(space, one->encoded, one->encoded_len);
    memcpy(space + one->encoded_len, "\xff\0k", 4);
    struct field_encoded split =
        field_value_split(form, (struct reel_str){space, one->encoded_len + 4});
    assert_int_equal(split.bytes.len, one->encoded_len);
    assert_false(split.is_null);
    assert_int_equal(split.is_cut, field_form_is_text(form) && one->value.len > FIELD_VALUE_MAX);
    for (size_t less = 0; less < one->encoded_len; less++)
        assert_int_equal(field_value_split(form, (struct reel_str){one->encoded, less}).bytes.len,
                         0);
    if (!split.is_cut) {
        must(field_value_decode(form, split, &values->arena, &value) == 0);
        assert_bytes(value, one->value);
    }
    must(field_value_text(form, one->value, &values->arena, &text) == 0);
    must(field_value_of_text(form, text, &values->arena, &again, &beyond) == 0);
    assert_bytes(again, one->value);
    assert_int_equal(beyond, 0);
}

static void check_kind(struct field_form form) {
    struct values *values = calloc(1, sizeof *values);
    must(values);
    for (size_t i = 0; i < VALUES; i++) make(values, form, &values->list[i]);
    for (size_t i = 0; i < VALUES; i++) {
        assert_split(values, form, &values->list[i]);
        for (size_t n = 0; n < VALUES; n++) assert_order(form, &values->list[i], &values->list[n]);
    }
    arena_finish(&values->arena);
    free(values);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void strings_are_in_byte_order(void **state) {
    (void)state;
    check_kind((struct field_form){REEL_FIELD_STRING, false});
    check_kind((struct field_form){REEL_FIELD_ONE_OF, true});
}

static void integers_are_in_order(void **state) {
    (void)state;
    check_kind((struct field_form){REEL_FIELD_INTEGER, false});
}

static void numbers_are_in_order(void **state) {
    (void)state;
    check_kind((struct field_form){REEL_FIELD_NUMBER, false});
}

static void bools_are_in_order(void **state) {
    (void)state;
    check_kind((struct field_form){REEL_FIELD_BOOL, false});
}

static void null_is_behind_all_values(void **state) {
    (void)state;
    const struct field_form form = {REEL_FIELD_STRING, false};
    struct arena arena = {0};
    char encoded[FIELD_ENCODED_MAX];
    struct reel_str value;
    assert_int_equal(field_value_of_json(form, STR("null"), &arena, &value), 0);
    assert_null(value.data);
    assert_int_equal(field_value_encode(form, value, encoded), 1);
    assert_int_equal(encoded[0], FIELD_RANK_NULL);
    struct field_encoded split = field_value_split(form, (struct reel_str){encoded, 1});
    assert_true(split.is_null && split.bytes.len == 1);
    assert_int_equal(field_value_of_json(form, STR("\"null\""), &arena, &value), 0);
    assert_bytes(value, STR("null"));
    arena_finish(&arena);
}

static void a_field_that_ignores_case_has_lower_case_values(void **state) {
    (void)state;
    const struct field_form form = {REEL_FIELD_STRING, true};
    struct arena arena = {0};
    struct reel_str value;
    int beyond;
    assert_int_equal(field_value_of_json(form, STR("\"RuNning\\n\""), &arena, &value), 0);
    assert_bytes(value, STR("running\n"));
    assert_int_equal(field_value_of_text(form, STR("AZ\xc3\x84"), &arena, &value, &beyond), 0);
    assert_bytes(value, STR("az\xc3\x84"));
    arena_finish(&arena);
}

static void integers_beyond_64_bits_are_known(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int rc, beyond;
    } cases[] = {
        {"9223372036854775807", 0, 0},
        {"9223372036854775808", 0, 1},
        {"-9223372036854775808", 0, 0},
        {"-9223372036854775809", 0, -1},
        {"99999999999999999999", 0, 1},
        {"-99999999999999999999", 0, -1},
        {"007", 0, 0},
        {"", -EINVAL, 0},
        {"-", -EINVAL, 0},
        {"1x", -EINVAL, 0},
        {"1.0", -EINVAL, 0},
        {"99999999999999999999x", -EINVAL, 0},
    };
    const struct field_form form = {REEL_FIELD_INTEGER, false};
    struct arena arena = {0};
    struct reel_str value;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        int beyond = 0;
        assert_int_equal(
            field_value_of_text(form, reel_text(cases[i].text), &arena, &value, &beyond),
            cases[i].rc);
        if (cases[i].rc == 0) assert_int_equal(beyond, cases[i].beyond);
    }
    arena_finish(&arena);
}

UNIT_TESTS(field_value_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_in_byte_order),
        cmocka_unit_test(integers_are_in_order),
        cmocka_unit_test(numbers_are_in_order),
        cmocka_unit_test(bools_are_in_order),
        cmocka_unit_test(null_is_behind_all_values),
        cmocka_unit_test(a_field_that_ignores_case_has_lower_case_values),
        cmocka_unit_test(integers_beyond_64_bits_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
