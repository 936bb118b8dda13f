/* head_test.c: what a Host header may be. */
#include "unit.h"

#include "http/head.h"

static void a_host_is_a_name_or_an_address_with_an_optional_port(void **state) {
    (void)state;
    static const struct reel_str good[] = {
        STR(""),        STR("reel"),        STR("reel.example:8080"), STR("reel:"),
        STR("[::1]"),   STR("[::1]:8080"),  STR("127.0.0.1:80"),      STR("[v1.x:y]"),
        STR("a_b-c~d"), STR("%C3%BC.test"),
    };
    static const struct reel_str bad[] = {
        STR("a b"),   STR("a@b"),  STR("a/b"),      STR("a:b"),     STR("a:80:80"), STR("::1"),
        STR("[::1"),  STR("[]"),   STR("[::1]x"),   STR("a?"),      STR("a#"),      STR("\xc3\xbc"),
        STR("[a/b]"), STR("a\0b"), STR("http://a"), STR("[::1]:x"),
    };
    for (size_t i = 0; i < LENGTH(good); i++) assert_true(head_host_valid(good[i]));
    for (size_t i = 0; i < LENGTH(bad); i++) assert_false(head_host_valid(bad[i]));
    assert_true(head_host_valid((struct reel_str){NULL, 0}));
}

UNIT_TESTS(head_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_is_a_name_or_an_address_with_an_optional_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
