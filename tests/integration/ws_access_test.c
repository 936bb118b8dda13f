/* ws_access_test.c: who may follow, and what is no handshake: everything is decided before the
 * upgrade, with an answer of HTTP. RFC 6455, section 4.2.1. */
#include "http_raw.h"
#include "websocket.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define PROTOCOL             "Sec-WebSocket-Protocol: "
#define READ_TOKEN_BASE64URL "cmVhZC10b2tlbi1vZi10aGUtdGVzdHM"
#define SECRET               "bearer." READ_TOKEN
#define WITH                 PROTOCOL "reel.v1, " SECRET /* as a browser gives its token */

/* ---- One handshake --------------------------------------------------------------------------- */

/* Headers besides WS_UPGRADE, the token as a header or NULL, and what comes of them: 101, or a
 * problem. `protocol` is the one that must be selected, or NULL. */
struct handshake {
    const char *headers[4];
    const char *token;
    long status;
    const char *told; /* the problem's name, or the protocol */
};

static void check_path(struct site *site, const char *path, const struct handshake *handshake) {
    struct wire ws = wire_opened(&site->daemon, 0);
    test_context("%s with %s, %s", path, handshake->headers[0], handshake->headers[1]);
    struct reply reply = ws_asked(&ws, path, handshake->token, handshake->headers);
    if (handshake->status == 101) {
        const char *protocol = reply_header(&reply, "Sec-WebSocket-Protocol");
        if (reply.status != 101)
            support_failed(__FILE__, __LINE__, "%ld: %s", reply.status, reply.body.data);
        assert_true(!protocol == !handshake->told);
        if (protocol) assert_string_equal(protocol, handshake->told);
        ws_close(&ws, 1000);
    } else {
        assert_problem(&reply, handshake->status, handshake->told);
        if (handshake->status == 401) assert_non_null(reply_header(&reply, "WWW-Authenticate"));
    }
    assert_null(strstr(reply.headers.data, READ_TOKEN));
    assert_true(!reply.body.data || !strstr(reply.body.data, READ_TOKEN));
    test_context("%s", "");
    reply_free(&reply);
    wire_close(&ws);
}

static void check(struct site *site, const struct handshake *handshakes, size_t count) {
    for (size_t i = 0; i < count; i++) check_path(site, "/ws/events", &handshakes[i]);
}

/* ---- Tokens ---------------------------------------------------------------------------------- */

static void a_token_comes_in_the_header_or_as_a_subprotocol(void **state) {
    static const struct handshake handshakes[] = {
        {{NULL}, READ_TOKEN, 101, NULL},
        {{NULL}, WRITE_TOKEN, 101, NULL},
        {{PROTOCOL "reel.v1"}, READ_TOKEN, 101, "reel.v1"},
        {{WITH}, NULL, 101, "reel.v1"},
        {{PROTOCOL SECRET ", reel.v1"}, NULL, 101, "reel.v1"},
        {{PROTOCOL "reel.v1," SECRET}, NULL, 101, "reel.v1"},
        {{PROTOCOL "other, reel.v1 ,\t" SECRET}, NULL, 101, "reel.v1"},
        {{PROTOCOL "reel.v1", PROTOCOL SECRET}, NULL, 101, "reel.v1"},
        {{PROTOCOL "reel.v1, bearer." WRITE_TOKEN}, NULL, 101, "reel.v1"},
        {{PROTOCOL "reel.v1, bearer.b64." READ_TOKEN_BASE64URL}, NULL, 101, "reel.v1"},
    };
    check(*state, handshakes, COUNT(handshakes));
}

static void without_a_good_token_there_is_no_upgrade(void **state) {
    static const struct handshake handshakes[] = {
        {{NULL}, NULL, 401, "unauthorized"},
        {{NULL}, "another", 401, "unauthorized"},
        {{PROTOCOL "reel.v1"}, NULL, 401, "unauthorized"},
        {{PROTOCOL "reel.v1, bearer.another"}, NULL, 401, "unauthorized"},
        {{PROTOCOL "reel.v1, bearer."}, NULL, 401, "unauthorized"},
        {{PROTOCOL "reel.v1, bearer.b64."}, NULL, 401, "unauthorized"},
        {{PROTOCOL "reel.v1, bearer.b64." READ_TOKEN}, NULL, 401, "unauthorized"},
        {{PROTOCOL "reel.v1, bearer." READ_TOKEN_BASE64URL}, NULL, 401, "unauthorized"},
        {{NULL}, "b64." READ_TOKEN_BASE64URL, 401, "unauthorized"},
        {{PROTOCOL "reel.v1, " READ_TOKEN}, NULL, 401, "unauthorized"},
        {{PROTOCOL "reel.v1, " SECRET "x"}, NULL, 401, "unauthorized"},
        {{PROTOCOL "cloudevents.json"}, NULL, 401, "unauthorized"},
    };
    check(*state, handshakes, COUNT(handshakes));
}

/* It could not be told that it was accepted without its token being selected. */
static void a_bearer_alone_is_a_bad_request(void **state) {
    static const struct handshake handshakes[] = {
        {{PROTOCOL SECRET}, NULL, 400, "bad-request"},
        {{PROTOCOL SECRET ", other"}, NULL, 400, "bad-request"},
    };
    check(*state, handshakes, COUNT(handshakes));
}

/* A token in the address would be in logs and histories. */
static void a_token_in_the_address_is_none(void **state) {
    static const struct handshake handshake = {{NULL}, NULL, 401, "unauthorized"};
    check_path(*state, "/ws/events?token=" READ_TOKEN, &handshake);
    check_path(*state, "/ws/events?access_token=" READ_TOKEN, &handshake);
}

static void a_token_is_never_logged(void **state) {
    struct site *site = *state;
    char *log = daemon_log(&site->daemon);
    assert_null(strstr(log, READ_TOKEN));
    assert_null(strstr(log, WRITE_TOKEN));
    free(log);
}

/* ---- Origin ---------------------------------------------------------------------------------- */

/* Only who gives the token as browsers must is asked where the page is from. wire_get says
 * `Host: reel`. */
static void origin_is_checked_with_a_token_of_the_subprotocol_only(void **state) {
    static const struct handshake handshakes[] = {
        {{WITH, "Origin: http://reel"}, NULL, 101, "reel.v1"},
        {{WITH}, NULL, 101, "reel.v1"},
        {{WITH, "Origin: http://elsewhere"}, NULL, 403, "forbidden"},
        {{WITH, "Origin: http://reel.elsewhere"}, NULL, 403, "forbidden"},
        {{WITH, "Origin: http://elsewhere/reel"}, NULL, 403, "forbidden"},
        {{WITH, "Origin: http://reel:81"}, NULL, 403, "forbidden"},
        {{WITH, "Origin: null"}, NULL, 403, "forbidden"},
        {{WITH, "Origin: "}, NULL, 403, "forbidden"},
        {{"Origin: http://elsewhere"}, READ_TOKEN, 101, NULL},
        {{PROTOCOL "reel.v1", "Origin: http://elsewhere"}, READ_TOKEN, 101, "reel.v1"},
    };
    check(*state, handshakes, COUNT(handshakes));
}

static void an_allow_list_stands_instead_of_the_same_origin(void **state) {
    (void)state;
    static const struct handshake handshakes[] = {
        {{WITH, "Origin: https://app.example"}, NULL, 101, "reel.v1"},
        {{WITH, "Origin: http://localhost:3000"}, NULL, 101, "reel.v1"},
        {{WITH, "Origin: https://app.example:444"}, NULL, 403, "forbidden"},
        {{WITH, "Origin: http://app.example"}, NULL, 403, "forbidden"},
        {{WITH, "Origin: https://app.example.org"}, NULL, 403, "forbidden"},
        {{WITH, "Origin: null"}, NULL, 403, "forbidden"},
    };
    struct site site = site_opened("--websocket-origin", "https://app.example",
                                   "--websocket-origin", "http://localhost:3000", NULL);
    check(&site, handshakes, COUNT(handshakes));
    site_closed(&site);
}

/* ---- What is no handshake -------------------------------------------------------------------- */

#define GET_WS  "GET /ws/events HTTP/1.1\r\nHost: reel\r\nAuthorization: Bearer " READ_TOKEN "\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECT "Connection: Upgrade\r\n"
#define KEY     "Sec-WebSocket-Key: " WS_KEY "\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define THE_END "\r\n"

static void a_malformed_handshake_is_a_bad_request(void **state) {
    struct site *site = *state;
    static const char *const requests[] = {
        GET_WS THE_END,
        GET_WS CONNECT KEY VERSION THE_END,
        GET_WS UPGRADE KEY VERSION THE_END,
        GET_WS UPGRADE CONNECT VERSION THE_END,
        GET_WS UPGRADE CONNECT KEY THE_END,
        GET_WS "Upgrade: h2c\r\n" CONNECT KEY VERSION THE_END,
        GET_WS "Upgrade: websockets\r\n" CONNECT KEY VERSION THE_END,
        GET_WS UPGRADE "Connection: keep-alive\r\n" KEY VERSION THE_END,
        GET_WS UPGRADE CONNECT "Sec-WebSocket-Key: \r\n" VERSION THE_END,
        GET_WS UPGRADE CONNECT "Sec-WebSocket-Key: short\r\n" VERSION THE_END,
        GET_WS UPGRADE CONNECT "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n" VERSION THE_END,
        GET_WS UPGRADE CONNECT "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=\r\n" VERSION THE_END,
        GET_WS UPGRADE CONNECT "Sec-WebSocket-Key: dGhlIHNhbXBsZ!Bub25jZQ==\r\n" VERSION THE_END,
        GET_WS UPGRADE CONNECT KEY KEY VERSION THE_END,
    };
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct raw raw = raw_opened(site);
        test_context("%s", requests[i] + sizeof GET_WS - 1);
        say(&raw, requests[i]);
        check_heard(&raw, 400, "/problems/bad-request");
        raw_close(&raw);
    }
    test_context("%s", "");
}

/* Section 4.4: the version that would do is told. */
static void another_version_is_told_ours(void **state) {
    struct site *site = *state;
    static const char *const versions[] = {"0", "7", "8", "12", "14", "013", "13.0", "x", ""};
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct raw raw = raw_opened(site);
        struct text request = {0};
        test_context("version `%s`", versions[i]);
        text_format(&request, GET_WS UPGRADE CONNECT KEY "Sec-WebSocket-Version: %s\r\n" THE_END,
                    versions[i]);
        say(&raw, request.data);
        struct reply reply = heard(&raw, false);
        assert_true(reply.status == 400 || reply.status == 426);
        assert_string_equal(reply_header(&reply, "Content-Type"), "application/problem+json");
        assert_string_equal(reply_header(&reply, "Sec-WebSocket-Version"), "13");
        reply_free(&reply);
        free(request.data);
        raw_close(&raw);
    }
    test_context("%s", "");
}

static void words_are_in_any_case_and_in_lists(void **state) {
    struct site *site = *state;
    static const char *const requests[] = {
        GET_WS "upgrade: WebSocket\r\nconnection: upgrade\r\nsec-websocket-key: " WS_KEY
               "\r\nsec-websocket-version: 13\r\n" THE_END,
        GET_WS UPGRADE "Connection: keep-alive, Upgrade\r\n" KEY VERSION THE_END,
        GET_WS UPGRADE "Connection: keep-alive,upgrade , x\r\n" KEY VERSION THE_END,
        GET_WS UPGRADE CONNECT KEY "Sec-WebSocket-Version:   13  \r\n" THE_END,
        GET_WS UPGRADE CONNECT KEY VERSION
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" THE_END,
    };
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct raw raw = raw_opened(site);
        test_context("%s", requests[i] + sizeof GET_WS - 1);
        say(&raw, requests[i]);
        struct reply reply = heard(&raw, false);
        assert_int_equal(reply.status, 101);
        assert_null(reply_header(&reply, "Sec-WebSocket-Extensions"));
        reply_free(&reply);
        raw_close(&raw);
    }
    test_context("%s", "");
}

static void other_methods_are_told_so(void **state) {
    struct site *site = *state;
    static const char *const methods[] = {"POST", "PUT", "DELETE", "PATCH"};
    for (size_t i = 0; i < COUNT(methods); i++) {
        struct text request = {0};
        static const char get[] =
            GET_WS UPGRADE CONNECT KEY VERSION "Content-Length: 0\r\n" THE_END;
        text_format(&request, "%s%s", methods[i], get + strlen("GET"));
        check_exchange(site, request.data, 405, "Allow:");
        free(request.data);
    }
}

/* The refusal is an answer like any other: the connection goes on. */
static void after_a_refusal_the_connection_is_still_http(void **state) {
    struct site *site = *state;
    struct raw raw = raw_opened(site);
    say(&raw, GET_WS THE_END);
    check_heard(&raw, 400, "/problems/bad-request");
    say(&raw,
        "GET /v1/cells HTTP/1.1\r\nHost: reel\r\nAuthorization: Bearer " READ_TOKEN "\r\n\r\n");
    check_heard(&raw, 200, "\"cells\":[]");
    say(&raw, GET_WS UPGRADE CONNECT KEY VERSION THE_END);
    check_heard(&raw, 101, "Sec-WebSocket-Accept");
    raw_close(&raw);
}

/* RFC 9112, section 3.2.2. */
static void the_host_of_a_whole_uri_is_the_one_that_was_asked(void **state) {
    struct site *site = *state;
    static const char rest[] =
        "Host: reel\r\n" PROTOCOL "reel.v1, " SECRET "\r\n" UPGRADE CONNECT KEY VERSION THE_END;
    struct text request = {0};
    text_format(&request, "GET http://me@other:80/ws/events HTTP/1.1\r\nOrigin: http://reel\r\n%s",
                rest);
    check_exchange(site, request.data, 403, "forbidden");
    request.len = 0;
    text_format(&request, "GET http://me@other:80/ws/events HTTP/1.1\r\nOrigin: http://other\r\n%s",
                rest);
    check_exchange(site, request.data, 101, "Sec-WebSocket-Accept");
    free(request.data);
}

static void a_handshake_may_be_cut_at_every_byte(void **state) {
    struct site *site = *state;
    static const char request[] = GET_WS UPGRADE CONNECT KEY VERSION THE_END;
    for (size_t cut = 1; cut < sizeof request - 1; cut++) {
        struct raw raw = raw_opened(site);
        socket_send(raw.fd, request, cut);
        socket_send(raw.fd, request + cut, sizeof request - 1 - cut);
        check_heard(&raw, 101, "Sec-WebSocket-Accept");
        raw_close(&raw);
    }
}

/* ---- Cases ----------------------------------------------------------------------------------- */

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_comes_in_the_header_or_as_a_subprotocol),
        cmocka_unit_test(without_a_good_token_there_is_no_upgrade),
        cmocka_unit_test(a_bearer_alone_is_a_bad_request),
        cmocka_unit_test(a_token_in_the_address_is_none),
        cmocka_unit_test(origin_is_checked_with_a_token_of_the_subprotocol_only),
        cmocka_unit_test(an_allow_list_stands_instead_of_the_same_origin),
        cmocka_unit_test(a_malformed_handshake_is_a_bad_request),
        cmocka_unit_test(another_version_is_told_ours),
        cmocka_unit_test(words_are_in_any_case_and_in_lists),
        cmocka_unit_test(other_methods_are_told_so),
        cmocka_unit_test(after_a_refusal_the_connection_is_still_http),
        cmocka_unit_test(the_host_of_a_whole_uri_is_the_one_that_was_asked),
        cmocka_unit_test(a_handshake_may_be_cut_at_every_byte),
        cmocka_unit_test(a_token_is_never_logged),
    };
    return cmocka_run_group_tests(tests, site_setup, site_teardown);
}
