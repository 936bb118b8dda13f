/* console_test.c: the names under which the console is served. */
#include "unit.h"

#include "http/console/console.h"

static void check(const char *bind, const char *host, bool is_local) {
    test_context("%s at %s", host, bind);
    assert_int_equal(console_host_is_local(reel_text(host), bind), is_local);
}

static void the_machine_and_the_bound_address_are_local(void **state) {
    (void)state;
    check("127.0.0.1:8080", "localhost", true);
    check("127.0.0.1:8080", "localhost:9000", true); /* a tunnel */
    check("127.0.0.1:8080", "127.0.0.1:8080", true);
    check("192.0.2.7:8080", "192.0.2.7", true);
    check("192.0.2.7:8080", "192.0.2.8", false);
    check("reel.lan:8080", "REEL.lan:8080", true);
    check("reel.lan:8080", "reel.lan.example.org", false);
    check("[2001:db8::1]:80", "[2001:db8::1]:80", true);
    check("[2001:db8::1]:80", "[2001:db8::2]", false);
    check("127.0.0.1:8080", "", false);
    check("127.0.0.1:8080", ":8080", false);
}

/* A name can be made to lead to any address, but an address cannot. */
static void bound_to_every_address_it_takes_addresses_and_no_names(void **state) {
    (void)state;
    check("0.0.0.0:8080", "192.0.2.7:8080", true);
    check("0.0.0.0:8080", "[2001:db8::1]", true);
    check("[::]:8080", "192.0.2.7", true);
    check("0.0.0.0:8080", "reel.example.org", false);
    check("0.0.0.0:8080", "192.0.2.7.example.org", false);
    check("0.0.0.0:8080", "[reel]", false);
    check("0.0.0.0:8080", "[]", false);
    check("[::]:8080", "localhost", true);
}

static void a_given_name_is_compared_without_its_port(void **state) {
    (void)state;
    assert_true(console_host_is(reel_text("Reel.Example.org:443"), "reel.example.org"));
    assert_true(console_host_is(reel_text("[2001:DB8::1]:443"), "[2001:db8::1]"));
    assert_false(console_host_is(reel_text("reel.example.org.evil"), "reel.example.org"));
    assert_false(console_host_is((struct reel_str){NULL, 0}, "reel.example.org"));
}

UNIT_TESTS(console_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machine_and_the_bound_address_are_local),
        cmocka_unit_test(bound_to_every_address_it_takes_addresses_and_no_names),
        cmocka_unit_test(a_given_name_is_compared_without_its_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
