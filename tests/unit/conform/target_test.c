/* target_test.c: URLs of servers. */
#include "unit.h"

#include "conform/target.h"

static void urls_are_read(void **state) {
    (void)state;
    static const struct {
        const char *url, *host, *port, *authority, *prefix;
        bool is_tls;
    } cases[] = {
        {"http://127.0.0.1:8080", "127.0.0.1", "8080", "127.0.0.1:8080", "", false},
        {"http://reel/", "reel", "80", "reel", "", false},
        {"https://reel.example.org/a/b//", "reel.example.org", "443", "reel.example.org", "/a/b",
         true},
        {"https://[::1]:8443/x", "::1", "8443", "[::1]:8443", "/x", true},
        {"http://[::1]", "::1", "80", "[::1]", "", false},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct target target;
        struct reel_error error;
        must(target_read_url(cases[i].url, &target, &error) == 0);
        assert_string_equal(target.host, cases[i].host);
        assert_string_equal(target.port, cases[i].port);
        assert_string_equal(target.authority, cases[i].authority);
        assert_string_equal(target.prefix, cases[i].prefix);
        assert_int_equal(target.is_tls, cases[i].is_tls);
    }
}

static void what_is_not_a_url_is_refused(void **state) {
    (void)state;
    static const char *const urls[] = {
        "",
        "reel",
        "ftp://reel/",
        "http://",
        "http:///path",
        "http://:80",
        "http://reel:",
        "http://reel:0",
        "http://reel:65536",
        "http://reel:80:80",
        "http://reel:x",
        "http://[::1",
        "http://[::1]x",
        "http://me@reel/",
        "http://reel/?a=b",
        "http://reel/#a",
        "http://reel/a b",
        "http://reel/\r\nX: y",
    };
    for (size_t i = 0; i < LENGTH(urls); i++) {
        struct target target;
        struct reel_error error;
        test_context("%s", urls[i]);
        assert_int_equal(target_read_url(urls[i], &target, &error), -EINVAL);
        test_context("%s", "");
    }
}

UNIT_TESTS(target_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_read),
        cmocka_unit_test(what_is_not_a_url_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
