/* handshake_test.c: keys, lists, sub-protocols and origins. */
#include "unit.h"

#include "websocket/handshake.h"

static void the_example_of_the_rfc_is_answered_as_there(void **state) {
    (void)state;
    char accept[WEBSOCKET_ACCEPT_MAX];
    websocket_accept(STR("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void a_key_is_sixteen_bytes_in_base64(void **state) {
    (void)state;
    assert_true(websocket_key_valid(STR("dGhlIHNhbXBsZSBub25jZQ==")));
    assert_true(websocket_key_valid(STR("++++////AAAAzzzz0000AA==")));
    static const struct reel_str bad[] = {
        {NULL, 0},
        STR(""),
        STR("dGhlIHNhbXBsZSBub25jZQ="),
        STR("dGhlIHNhbXBsZSBub25jZQ==="),
        STR("dGhlIHNhbXBsZSBub25jZQAA"),
        STR("dGhlIHNhbXBsZSBub25j Q=="),
        STR("dGhlIHNhbXBsZSBub25jZQ==,dGhlIHNhbXBsZSBub25jZQ=="),
    };
    for (size_t i = 0; i < LENGTH(bad); i++) assert_false(websocket_key_valid(bad[i]));
}

static void lists_have_elements_between_commas(void **state) {
    (void)state;
    struct reel_str rest = STR(" a,, \tb\t ,c d,"), one;
    assert_true(header_list_next(&rest, &one));
    assert_bytes(one, STR("a"));
    assert_true(header_list_next(&rest, &one));
    assert_bytes(one, STR("b"));
    assert_true(header_list_next(&rest, &one));
    assert_bytes(one, STR("c d"));
    assert_false(header_list_next(&rest, &one));
    assert_true(header_list_has_caseless(STR("keep-alive, UpGrade"), "upgrade"));
    assert_false(header_list_has_caseless(STR("keep-alive, upgrades"), "upgrade"));
    assert_false(header_list_has_caseless(STR(""), "upgrade"));
}

static void assert_protocols(const char *offered, const char *selected, const char *token) {
    struct websocket_protocols found = websocket_protocols(reel_text(offered));
    if (selected)
        assert_string_equal(found.selected, selected);
    else
        assert_null(found.selected);
    assert_int_equal(found.is_cloudevents, selected && strcmp(selected, "cloudevents.json") == 0);
    assert_bytes(found.token, token ? reel_text(token) : (struct reel_str){NULL, 0});
}

static void the_first_that_is_spoken_is_selected_and_never_the_token(void **state) {
    (void)state;
    assert_protocols("", NULL, NULL);
    assert_protocols("chat, superchat", NULL, NULL);
    assert_protocols("reel.v1", "reel.v1", NULL);
    assert_protocols("reel.v1, bearer.abc", "reel.v1", "abc");
    assert_protocols("bearer.abc,reel.v1", "reel.v1", "abc");
    assert_protocols("bearer.abc", NULL, "abc");
    assert_protocols("bearer.", NULL, NULL);
    assert_protocols("bearer.a.b, bearer.c", NULL, "a.b");
    assert_protocols("x, cloudevents.json, reel.v1", "cloudevents.json", NULL);
    assert_protocols("reel.v1, cloudevents.json", "reel.v1", NULL);
    assert_protocols("REEL.V1", NULL, NULL); /* they are compared byte by byte */
}

static void assert_token(const char *offered, const char *token) {
    char decoded[WEBSOCKET_TOKEN_MAX];
    test_context("%s", offered);
    assert_bytes(websocket_token(reel_text(offered), decoded), reel_text(token));
}

static void a_token_may_be_offered_in_base64url(void **state) {
    (void)state;
    char decoded[WEBSOCKET_TOKEN_MAX], text[4 + 1026];
    assert_token("abc", "abc");
    assert_token("b64", "b64");
    assert_token("b64.", "");
    assert_token("b64.YWIrY2QvZWYwMT09", "ab+cd/ef01==");
    assert_token("b64.YQ", "a");
    assert_token("b64.YWI", "ab");
    assert_token("b64.-__-", "\xfb\xff\xfe");
    static const char *const bad[] = {
        "b64.Y", "b64.YR", "b64.YWJ", "b64.YQ==", "b64.Y Q", "b64.+//+", "b64.YQ.YQ", NULL};
    for (const char *const *one = bad; *one; one++) assert_token(*one, "");
    memcpy(text, "b64.", 4);
    memset(text + 4, 'A', 1026);
    assert_int_equal(websocket_token((struct reel_str){text, 4 + 1024}, decoded).len, 768);
    assert_int_equal(websocket_token((struct reel_str){text, 4 + 1026}, decoded).len, 0);
    struct reel_str none = websocket_token((struct reel_str){NULL, 0}, decoded);
    assert_null(none.data);
}

static void a_page_of_the_same_host_is_of_the_same_origin(void **state) {
    (void)state;
    assert_true(origin_is_of(STR("http://reel.example"), STR("reel.example")));
    assert_true(origin_is_of(STR("https://Reel.example"), STR("reel.Example")));
    assert_true(origin_is_of(STR("https://reel.example"), STR("reel.example:443")));
    assert_true(origin_is_of(STR("http://reel.example:80"), STR("reel.example")));
    assert_true(origin_is_of(STR("http://127.0.0.1:8080"), STR("127.0.0.1:8080")));
    assert_true(origin_is_of(STR("http://[::1]:8080"), STR("[::1]:8080")));
    static const struct {
        struct reel_str origin, host;
    } bad[] = {
        {STR("http://evil.example"), STR("reel.example")},
        {STR("http://reel.example:8080"), STR("reel.example")},
        {STR("http://reel.example"), STR("reel.example:8080")},
        {STR("https://reel.example"), STR("reel.example:80")},
        {STR("http://reel.example.evil"), STR("reel.example")},
        {STR("ftp://reel.example"), STR("reel.example")},
        {STR("null"), STR("reel.example")},
        {STR("null"), STR("null")},
        {STR(""), STR("")},
        {STR("http://"), STR("")},
    };
    for (size_t i = 0; i < LENGTH(bad); i++) assert_false(origin_is_of(bad[i].origin, bad[i].host));
}

UNIT_TESTS(handshake_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_rfc_is_answered_as_there),
        cmocka_unit_test(a_key_is_sixteen_bytes_in_base64),
        cmocka_unit_test(lists_have_elements_between_commas),
        cmocka_unit_test(the_first_that_is_spoken_is_selected_and_never_the_token),
        cmocka_unit_test(a_token_may_be_offered_in_base64url),
        cmocka_unit_test(a_page_of_the_same_host_is_of_the_same_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
