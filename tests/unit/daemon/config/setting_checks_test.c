/* setting_checks_test.c: what the daemon's own settings may be. */
#include "unit.h"

#include "daemon/config/setting_checks.h"

typedef bool (*check_fn)(const char *value, struct reel_error *error);

static void assert_good(check_fn check, const char *const *values) {
    struct reel_error error = {0};
    for (; *values; values++) {
        test_context("%s", *values);
        assert_true(check(*values, &error));
    }
}

/* And nothing is repeated of what may have a secret in it. */
static void assert_bad(check_fn check, const char *const *values, const char *part) {
    for (; *values; values++) {
        struct reel_error error = {0};
        test_context("%s", *values);
        assert_false(check(*values, &error));
        assert_sentence(&error, part);
        if (check == check_servers && strlen(*values) > 1) assert_null(strstr(error.text, *values));
    }
}

static void a_source_is_a_uri_reference(void **state) {
    (void)state;
    static const char *const good[] = {"/reel", "urn:x:y", "https://example.org/a?b#c", "a/b",
                                       NULL};
    static const char *const bad[] = {"my service", "a b", "/\xC3\xA4", "%zz",
                                      "a:b c",      "<x>", NULL};
    assert_good(check_source, good);
    assert_bad(check_source, bad, "URI-reference");
}

static void a_stream_has_a_name_that_jetstream_allows(void **state) {
    (void)state;
    static const char *const good[] = {"CELLOS_EVENTS", "a-b", "x", NULL};
    static const char *const bad[] = {"a.b",  "a b",      "*",   "x>", "a/b",
                                      "a\\b", "\xC3\xA4", "a\n", NULL};
    assert_good(check_stream, good);
    assert_bad(check_stream, bad, "the name of a stream");
}

static void subjects_have_words_between_dots(void **state) {
    (void)state;
    static const char *const good[] = {"cellos.events.>", "a", "*.b.*", ">", NULL};
    static const char *const bad[] = {"a..b", ".a", "a.", "a.>.b", "a*", "a b", NULL};
    assert_good(check_subjects, good);
    assert_bad(check_subjects, bad, "words separated by dots");
}

static void servers_have_hosts_and_ports(void **state) {
    (void)state;
    static const char *const good[] = {"nats://localhost:4222",
                                       "localhost",
                                       "tls://a.example",
                                       "127.0.0.1:1",
                                       "nats://[::1]:65535",
                                       "nats://user:p@ss:word@host:4222",
                                       "nats://token@host",
                                       "a:1,b:2",
                                       "nats://a:1, nats://b:2",
                                       "NATS://host/",
                                       NULL};
    static const char *const ports[] = {"localhost:99999",
                                        "nats://u:secret@h:65536",
                                        "a:0",
                                        "a:",
                                        "a:b",
                                        "a:1,b:70000",
                                        "[::1]x",
                                        "a:4294967297",
                                        NULL};
    static const char *const hosts[] = {
        "nats://", ":4222", "nats://u:secret@", "a b!", "[::1", "[]:1", "a/b", NULL};
    static const char *const schemes[] = {"http://host:4222", "ws://host", NULL};
    static const char *const none[] = {",", " ", NULL};
    assert_good(check_servers, good);
    assert_bad(check_servers, ports, "the port of a server");
    assert_bad(check_servers, hosts, "the host of a server");
    assert_bad(check_servers, schemes, "nats://");
    assert_bad(check_servers, none, "no server");
}

#define DIGITS "0123456789abcdefABCDEF0123456789abcdefABCDEF01234567890123456789"

static void a_pin_has_a_file_and_64_digits(void **state) {
    (void)state;
    static const char *const good[] = {"a.so=" DIGITS, "/opt/a b.so=" DIGITS, "a=b.so=" DIGITS,
                                       NULL};
    static const char *const bad[] = {"a.so",          DIGITS,  "=" DIGITS, "a.so=" DIGITS "0",
                                      "a.so=x" DIGITS, "a.so=", NULL};
    assert_good(check_pin, good);
    assert_bad(check_pin, bad, "64 hexadecimal digits");
}

UNIT_TESTS(setting_checks_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_is_a_uri_reference),
        cmocka_unit_test(a_stream_has_a_name_that_jetstream_allows),
        cmocka_unit_test(subjects_have_words_between_dots),
        cmocka_unit_test(servers_have_hosts_and_ports),
        cmocka_unit_test(a_pin_has_a_file_and_64_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
