/* formats_test.c: what each format takes and what it does not. */
#include "unit.h"

#include "event/formats.h"

#include <stdlib.h>

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_all(bool (*is_good)(struct reel_str), const struct reel_str *strings,
                       size_t count, bool expected) {
    for (size_t i = 0; i < count; i++) {
        char *exact = exact_copy(strings[i]);
        test_context("\"%.*s\"", REEL_FMT(strings[i]));
        must(is_good((struct reel_str){exact, strings[i].len}) == expected);
        free(exact);
    }
}
#define STRINGS(...)                                                                               \
    (const struct reel_str[]){__VA_ARGS__},                                                        \
        sizeof((const struct reel_str[]){__VA_ARGS__}) / sizeof(struct reel_str)

/* ---- URIs ------------------------------------------------------------------------------------ */

static void uri_references(void **state) {
    (void)state;
    assert_all(format_is_uri_reference,
               STRINGS(STR("https://github.com/cloudevents"), STR("mailto:a@b.example"),
                       STR("urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66"), STR("a/b/c"),
                       STR("/a:b/c"), STR("1-555-123-4567"), STR("//host/path"), STR("?q=/?"),
                       STR("#f/?"), STR("a?b#c"), STR("http://[2001:db8::7]:80/c=GB?a#b"),
                       STR("http://u:p%40@h:8080"), STR("//h:"), STR("%41%c3%A4"), STR("."),
                       STR("file:///etc"), STR("a:"), STR("//a/b@c:d")),
               true);
    assert_all(format_is_uri_reference,
               STRINGS(STR(""), STR("a b"), STR("a\nb"), STR("\xC3\xA4"), STR("a%4"), STR("%"),
                       STR("%zz"), STR("a#b#c"), STR("1:b"), STR(":"), STR("a[b]"), STR("/[x]"),
                       STR("//[::1"), STR("//[]"), STR("//h:8a"), STR("//a@b@c"), STR("a\\b"),
                       STR("<a>"), STR("a\"b"), STR("{a}"), STR("a^b"), STR("a|b"), STR("a`b"),
                       STR("a\0b"), STR("//[::1]x"), STR("?a[]"), STR("\x7F")),
               false);
}

static void uris_have_a_scheme(void **state) {
    (void)state;
    assert_all(format_is_uri,
               STRINGS(STR("http://a/b"), STR("a+b-c.d1:x"), STR("urn:x:y"), STR("a:#f")), true);
    assert_all(format_is_uri,
               STRINGS(STR(""), STR("/a"), STR("a/b:c"), STR("1a:b"), STR("//a"), STR("a b:c"),
                       STR("+a:b"), STR("a")),
               false);
}

/* ---- Times ----------------------------------------------------------------------------------- */

static void times(void **state) {
    (void)state;
    assert_all(format_is_time,
               STRINGS(STR("2018-04-05T17:31:00Z"), STR("2018-04-05t17:31:00z"),
                       STR("1985-04-12T23:20:50.52Z"), STR("1996-12-19T16:39:57-08:00"),
                       STR("1990-12-31T23:59:60Z"), STR("2000-02-29T00:00:00+23:59"),
                       STR("2024-02-29T00:00:00Z"), STR("0000-01-01T00:00:00.123456789Z")),
               true);
    assert_all(
        format_is_time,
        STRINGS(
            STR(""), STR("2018-04-05"), STR("2018-04-05T17:31:00"), STR("2018-04-05T17:31Z"),
            STR("2018-04-05 17:31:00Z"), STR("2018-13-05T17:31:00Z"), STR("2018-00-05T17:31:00Z"),
            STR("2018-04-31T17:31:00Z"), STR("2018-04-00T17:31:00Z"), STR("2023-02-29T00:00:00Z"),
            STR("1900-02-29T00:00:00Z"), STR("2018-04-05T24:00:00Z"), STR("2018-04-05T17:60:00Z"),
            STR("2018-04-05T17:31:61Z"), STR("2018-04-05T17:31:00.Z"), STR("2018-04-05T17:31:00.1"),
            STR("2018-04-05T17:31:00+24:00"), STR("2018-04-05T17:31:00+0100"),
            STR("2018-04-05T17:31:00+01:60"), STR("2018-04-05T17:31:00Z "),
            STR(" 2018-04-05T17:31:00Z"), STR("18-04-05T17:31:00Z"), STR("2018-4-5T17:31:00Z"),
            STR("2018-04-05T17:31:00+01:0"), STR("201a-04-05T17:31:00Z")),
        false);
}

/* ---- Base64 ---------------------------------------------------------------------------------- */

static void base64_texts(void **state) {
    (void)state;
    assert_all(
        format_is_base64,
        STRINGS(STR(""), STR("Zg=="), STR("Zm8="), STR("Zm9v"), STR("+/+/"), STR("Zm9vZg==")),
        true);
    assert_all(format_is_base64,
               STRINGS(STR("Z"), STR("Zg"), STR("Zg="), STR("Z==="), STR("===="), STR("Zg==Zg=="),
                       STR("Zm9v\n"), STR("Zm-_"), STR("Z g="), STR("Zg\0=")),
               false);
}

static void bytes_are_written_as_base64(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    struct text text = {0};
    for (size_t i = 0; i < LENGTH(pairs); i++) { /* RFC 4648, section 10 */
        text_append_base64(&text, reel_text(pairs[i][0]));
        assert_bytes(text_str(&text), reel_text(pairs[i][1]));
        text.len = 0;
    }
    uint64_t random = 1;
    char bytes[64];
    for (size_t round = 0; round < 1000; round++) {
        size_t len = random_below(&random, sizeof bytes), decoded_len;
        for (size_t i = 0; i < len; i++) bytes[i] = (char)random_next(&random);
        text.len = 0;
        text_append_base64(&text, (struct reel_str){bytes, len});
        assert_true(format_is_base64(text_str(&text)));
        text_append(&text, "", 1);
        char *decoded = base64_decoded(text.data, &decoded_len);
        assert_bytes((struct reel_str){decoded, decoded_len}, (struct reel_str){bytes, len});
        free(decoded);
    }
    text_finish(&text);
}

/* ---- Strings --------------------------------------------------------------------------------- */

static void clean_strings(void **state) {
    (void)state;
    assert_all(format_is_clean,
               STRINGS(STR(""), STR("a b~"), STR("\xC2\xA0"), STR("\xC3\x80"), STR("\xEF\xB7\x8F"),
                       STR("\xEF\xB7\xB0"), STR("\xEF\xBF\xBD"), STR("\xF0\x9F\x98\x80"),
                       STR("\xF0\x9F\xBF\xBD")),
               true);
    assert_all(format_is_clean,
               STRINGS(STR("\0"), STR("a\n"), STR("\x1F"), STR("\x7F"), STR("\xC2\x80"),
                       STR("\xC2\x9F"), STR("\xEF\xB7\x90"), STR("\xEF\xB7\xAF"),
                       STR("\xEF\xBF\xBE"), STR("\xEF\xBF\xBF"), STR("\xF0\x9F\xBF\xBE"),
                       STR("\xF4\x8F\xBF\xBF"), STR("\xFF"), STR("\xC2")),
               false);
}

/* ---- Media types ----------------------------------------------------------------------------- */

static void assert_media(const char *given, const char *type, const char *subtype,
                         const char *charset) {
    struct media_type media;
    char *exact = exact_copy(reel_text(given));
    test_context("%s", given);
    must(format_read_media_type((struct reel_str){exact, strlen(given)}, &media));
    assert_bytes(media.type, reel_text(type));
    assert_bytes(media.subtype, reel_text(subtype));
    assert_bytes(media.charset, reel_text(charset));
    free(exact);
}

static void media_types_have_a_charset_or_none(void **state) {
    (void)state;
    assert_media("text/plain", "text", "plain", NULL);
    assert_media(" application/vnd.a.b+json ", "application", "vnd.a.b+json", NULL);
    assert_media("text/plain;charset=utf-8", "text", "plain", "utf-8");
    assert_media("TEXT/Plain ; a=b; CharSet=\"UTF-8\" ", "TEXT", "Plain", "UTF-8");
    assert_media("text/plain; a=\"x;charset=y\\\"\"", "text", "plain", NULL);
    assert_media("text/plain;", "text", "plain", NULL);
    assert_media("text/plain;;charset=a", "text", "plain", "a");
}

static bool is_media(struct reel_str str) {
    struct media_type media;
    return format_read_media_type(str, &media);
}

static void a_malformed_media_type_is_refused(void **state) {
    (void)state;
    assert_all(is_media,
               STRINGS(STR(""), STR("text"), STR("text/"), STR("/plain"), STR("text / plain"),
                       STR("text/plain charset=utf-8"), STR("text/plain; charset"),
                       STR("text/plain; charset="), STR("text/plain; charset=\"a"),
                       STR("text/plain; charset=\"a\\"), STR("text/plain, text/html"),
                       STR("text/pl\xC3\xA4in"), STR("text/plain; =a")),
               false);
}

UNIT_TESTS(formats_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uri_references),
        cmocka_unit_test(uris_have_a_scheme),
        cmocka_unit_test(times),
        cmocka_unit_test(base64_texts),
        cmocka_unit_test(bytes_are_written_as_base64),
        cmocka_unit_test(clean_strings),
        cmocka_unit_test(media_types_have_a_charset_or_none),
        cmocka_unit_test(a_malformed_media_type_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
