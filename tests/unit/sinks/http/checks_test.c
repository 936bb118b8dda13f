/* checks_test.c: what the settings of the http sink may be. */
#include "unit.h"

#include "http/checks.h"
#include "http/listener.h"

static void an_origin_is_spelt_as_browsers_send_it(void **state) {
    (void)state;
    static const char *const good[] = {"*",
                                       "https://app.example",
                                       "https://app.example:8443",
                                       "http://127.0.0.1:3000",
                                       "http://[::1]:3000",
                                       "http://localhost",
                                       "http://a.example:443",
                                       "https://xn--bcher-kva.example",
                                       "capacitor://localhost",
                                       "chrome-extension://abcdef"};
    static const char *const bad[] = {
        "https://app.example/",
        "HTTPS://App.Example",
        "https://App.example",
        "https://a.example,https://b.example",
        "https://a.example https://b.example",
        " https://a.example",
        "https://app.example:443",
        "http://app.example:80",
        "http://app.example:",
        "http://app.example:0",
        "http://app.example:08",
        "http://app.example:65536",
        "http://app.example:99999999999",
        "https://user@app.example",
        "https://app.example?",
        "https://app.example#x",
        "https://b\xC3\xBC"
        "cher.example",
        "https://",
        "https://:80",
        "https:",
        "https",
        "app.example",
        "//app.example",
        "http://[::1",
        "http://[]",
        "http://[::1]x",
        "http://[::G]",
        "null",
        "**",
    };
    struct reel_error error = {0};
    for (size_t i = 0; i < LENGTH(good); i++) {
        test_context("%s", good[i]);
        assert_true(check_origin(good[i], &error));
    }
    for (size_t i = 0; i < LENGTH(bad); i++) {
        test_context("%s", bad[i]);
        assert_false(check_origin(bad[i], &error));
        assert_sentence(&error, "one origin as browsers send it");
    }
}

static void a_host_has_no_port(void **state) {
    (void)state;
    static const char *const good[] = {"reel.example.org", "localhost", "192.0.2.1",
                                       "[2001:db8::1]"};
    static const char *const bad[] = {
        "", "reel.example.org:80", "Reel", "[::1]:80", "::1", "a/b", "http://a", "*"};
    struct reel_error error = {0};
    for (size_t i = 0; i < LENGTH(good); i++) {
        test_context("%s", good[i]);
        assert_true(check_host(good[i], &error));
    }
    for (size_t i = 0; i < LENGTH(bad); i++) {
        test_context("%s", bad[i]);
        assert_false(check_host(bad[i], &error));
        assert_sentence(&error, "wanted a host in lower case without a port");
    }
}

static void an_address_has_a_port_that_there_is(void **state) {
    (void)state;
    static const char *const good[] = {"127.0.0.1:0", "[::1]:65535", "localhost:8080", "a:00080"};
    static const char *const bad[] = {"127.0.0.1:65536", "127.0.0.1:99999", "[::1]:4294967376",
                                      "a:18446744073709551617"};
    static const char *const no_address[] = {"here", "::1:80", ":80", "a:", "a:b", "a:8 "};
    struct reel_error error = {0};
    for (size_t i = 0; i < LENGTH(good); i++) {
        test_context("%s", good[i]);
        assert_true(listener_check(good[i], &error));
    }
    for (size_t i = 0; i < LENGTH(bad); i++) {
        test_context("%s", bad[i]);
        assert_false(listener_check(bad[i], &error));
        assert_sentence(&error, "the port is beyond 65535");
    }
    for (size_t i = 0; i < LENGTH(no_address); i++) {
        test_context("%s", no_address[i]);
        assert_false(listener_check(no_address[i], &error));
        assert_sentence(&error, "wanted ADDRESS:PORT");
    }
}

UNIT_TESTS(checks_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_origin_is_spelt_as_browsers_send_it),
        cmocka_unit_test(a_host_has_no_port),
        cmocka_unit_test(an_address_has_a_port_that_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
