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
        cmocka_unit_test(a_page_of_the_same_host_is_of_the_same_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
