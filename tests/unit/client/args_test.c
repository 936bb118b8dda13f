/* args_test.c: options and operands. */
#include "unit.h"

#include "client/args.h"

static const struct option_spec specs[] = {
    {"watch", 'w', NULL, ""}, {"output", 'o', "FORM", ""}, {NULL, 0, NULL, NULL}};

static int parse(struct args *ret, struct failure *failure, ...) {
    char *argv[16];
    int argc = 0;
    va_list list;
    va_start(list, failure);
    while ((argv[argc] = va_arg(list, char *))) argc++;
    va_end(list);
    return args_parse(argc, argv, specs, false, ret, failure);
}

static void options_stand_anywhere(void **state) {
    (void)state;
    struct args args;
    struct failure failure;
    assert_int_equal(parse(&args, &failure, "a", "-w", "b=--x", "-o", "json", "--url=http://x", "-",
                           "--", "-c", NULL),
                     0);
    assert_int_equal(args.count, 4);
    assert_string_equal(args.operands[0], "a");
    assert_string_equal(args.operands[1], "b=--x");
    assert_string_equal(args.operands[2], "-");
    assert_string_equal(args.operands[3], "-c");
    assert_null(args.operands[4]);
    assert_true(args_has(&args, "watch"));
    assert_string_equal(args_value(&args, "output"), "json");
    assert_string_equal(args_value(&args, "url"), "http://x");
    assert_null(args_value(&args, "token"));
    args_finish(&args);
}

static void the_last_value_counts(void **state) {
    (void)state;
    struct args args;
    struct failure failure;
    assert_int_equal(parse(&args, &failure, "-ojson", "--output", "csv", "--output=", NULL), 0);
    assert_string_equal(args_value(&args, "output"), "");
    args_finish(&args);
}

static void wrong_options_are_usage(void **state) {
    (void)state;
    static const char *const wrong[] = {"--frob", "-x", "--watch=1", "-wo", "--output", "-o", NULL};
    for (const char *const *at = wrong; *at; at++) {
        struct args args;
        struct failure failure = {0};
        assert_int_equal(parse(&args, &failure, *at, NULL), EXIT_USAGE);
        assert_true(failure.error.text[0]);
        args_finish(&args);
    }
}

static void numbers_are_digits(void **state) {
    (void)state;
    static const char *const wrong[] = {"", "x", "-1", "1 ", "99999999999999999999", NULL};
    struct args args;
    struct failure failure = {0};
    uint64_t number = 7;
    assert_int_equal(parse(&args, &failure, NULL), 0);
    assert_int_equal(args_number(&args, "output", &number, &failure), 0);
    assert_int_equal(number, 7);
    args_finish(&args);
    assert_int_equal(parse(&args, &failure, "-o", "18446744073709551615", NULL), 0);
    assert_int_equal(args_number(&args, "output", &number, &failure), 0);
    assert_true(number == UINT64_MAX);
    args_finish(&args);
    for (const char *const *at = wrong; *at; at++) {
        assert_int_equal(parse(&args, &failure, "--output", *at, NULL), 0);
        assert_int_equal(args_number(&args, "output", &number, &failure), EXIT_USAGE);
        args_finish(&args);
    }
}

UNIT_TESTS(args_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(the_last_value_counts),
        cmocka_unit_test(wrong_options_are_usage),
        cmocka_unit_test(numbers_are_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
