/* http_framing_test.c: requests that can be read in more than one way, and those that cannot be
 * read at all (RFC 9112): each has one answer, a problem, and nothing behind it is taken for a
 * request. What exactly is passed on is tested in framing_test.c. */
#include "http_raw.h"

static int close_site(void **state) {
    struct site *site = *state;
    wait_until_quiet(site, 3);
    site_closed(site);
    return 0;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define VERSION_ASKED GET("/v1/version")
#define POST          "POST /v1/formations HTTP/1.1\r\n" HOST WRITES AS_JSON
#define CHUNKED       POST "Transfer-Encoding: chunked\r\n\r\n"
#define CREATED       POST "Content-Length: 53\r\n\r\n" FORMATION

struct exchange {
    struct reel_str request;
    long status;
    const char *name;
};
#define SENT(literal)                                                                              \
    { literal, sizeof(literal) - 1 }

/* One answer comes to all of it, as a problem, and then the connection's end. */
static void check_one_answer(struct site *site, const struct exchange *exchange, size_t piece) {
    struct raw raw = raw_opened(site);
    struct reel_str rest = exchange->request;
    test_context("%zu: %.100s", piece, rest.data);
    while (rest.len > 0) {
        size_t len = piece < rest.len ? piece : rest.len;
        if (!try_to_send(&raw, rest.data, len)) break;
        rest.data += len;
        rest.len -= len;
    }
    struct reply reply = heard(&raw, false);
    assert_problem(&reply, exchange->status, exchange->name);
    assert_string_equal(reply_header(&reply, "Connection"), "close");
    reply_free(&reply);
    check_ended(&raw);
    raw_close(&raw);
    test_context("%s", "");
}

static void check_all(struct site *site, const struct exchange *exchanges, size_t count) {
    for (size_t i = 0; i < count; i++) {
        check_one_answer(site, &exchanges[i], SIZE_MAX);
        if (exchanges[i].request.len < 1000) check_one_answer(site, &exchanges[i], 1);
    }
    check_listed(site->reader, "/v1/formations", "formations", "id", "");
}

static void a_request_within_a_body_is_never_run(void **state) {
    static const struct exchange exchanges[] = {
        {SENT(POST "Content-Length : 60\r\n\r\n" CREATED), 400, "bad-request"},
        {SENT(POST "Content-Length\t: 60\r\n\r\n" CREATED), 400, "bad-request"},
        {SENT(POST "Transfer-Encoding : chunked\r\n\r\n" CREATED), 400, "bad-request"},
        {SENT(POST "X: y\r\n Content-Length: 60\r\n\r\n" CREATED), 400, "bad-request"},
        {SENT(POST "X:\r\n z\r\nContent-Length: 60\r\n\r\n" CREATED), 400, "bad-request"},
        {SENT(POST ": x\r\nContent-Length: 60\r\n\r\n" CREATED), 400, "bad-request"},
        {SENT(POST "X: y\rContent-Length: 60\r\n\r\n" CREATED), 400, "bad-request"},
        {SENT(POST "X: y\nContent-Length: 60\r\n\r\n" CREATED), 400, "bad-request"},
        {SENT(POST "X: \0\r\nContent-Length: 60\r\n\r\n" CREATED), 400, "bad-request"},
        {SENT(POST "Content-Length: 60\0\r\n\r\n" CREATED), 400, "bad-request"},
        {SENT(POST "Content-Length: 0x3C\r\n\r\n" CREATED), 400, "bad-request"},
        {SENT(POST "Transfer-Encoding: \x0b"
                   "chunked\r\n\r\n" CREATED),
         400, "bad-request"},
        {SENT(CHUNKED "1\n{\r\n0\r\n\r\n" CREATED), 400, "bad-request"},
        {SENT(CHUNKED "1;x\n{\r\n0\r\n\r\n" CREATED), 400, "bad-request"},
        {SENT(CHUNKED "1\r\n{\n0\r\n\r\n" CREATED), 400, "bad-request"},
        {SENT(CHUNKED "0\n\r\n" CREATED), 400, "bad-request"},
        {SENT(CHUNKED "0\r\n\n" CREATED), 400, "bad-request"},
        {SENT(CHUNKED "0\r\nX : y\r\n\r\n" CREATED), 400, "bad-request"},
        {SENT("POST /v1/formations HTTP/1.0\r\n" WRITES
              "Transfer-Encoding: chunked\r\n\r\n" CREATED),
         400, "bad-request"},
    };
    check_all(*state, exchanges, COUNT(exchanges));
}

/* None of them is libmicrohttpd's own, which is HTML. */
static void malformed_requests_are_answered_with_a_problem(void **state) {
    static const struct exchange exchanges[] = {
        {SENT("GET /healthz HTTP/1.1\r\n" HOST "no colon\r\n\r\n"), 400, "bad-request"},
        {SENT("GET /healthz\r\n\r\n"), 400, "bad-request"},
        {SENT("GET  /healthz HTTP/1.1\r\n" HOST "\r\n"), 400, "bad-request"},
        {SENT("GET /a b HTTP/1.1\r\n" HOST "\r\n"), 400, "bad-request"},
        {SENT("GET /\0 HTTP/1.1\r\n" HOST "\r\n"), 400, "bad-request"},
        {SENT("\x16\x03\x01\x02\x01\x01\xfc\x03\x03\r\n\r\n"), 400, "bad-request"},
        {SENT("GET /healthz HTTP/2.0\r\n\r\n"), 505, "version-not-supported"},
        {SENT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, "version-not-supported"},
        {SENT(POST "Content-Length: abc\r\n\r\n"), 400, "bad-request"},
        {SENT(POST "Content-Length: \r\n\r\n"), 400, "bad-request"},
        {SENT(POST "Content-Length: 99999999999999999999999\r\n\r\n"), 413, "payload-too-large"},
        {SENT(POST "Content-Length: 18446744073709551615\r\n\r\n"), 413, "payload-too-large"},
        {SENT(CHUNKED "zz\r\n"), 400, "bad-request"},
        {SENT(CHUNKED "FFFFFFFFFFFFFFFFF\r\n"), 413, "payload-too-large"},
    };
    check_all(*state, exchanges, COUNT(exchanges));
}

static struct reel_str repeated(struct text *text, const char *before, const char *part,
                                size_t count, const char *after) {
    text->len = 0;
    text_add(text, before, strlen(before));
    for (size_t i = 0; i < count; i++) text_add(text, part, strlen(part));
    text_add(text, after, strlen(after));
    return (struct reel_str){text->data, text->len};
}

static void heads_that_are_too_large_are_answered_with_a_problem(void **state) {
    struct site *site = *state;
    struct text text = {0};
    static const struct {
        const char *before, *part, *after;
        long status;
        const char *name;
    } heads[] = {
        {"GET /v1/cells/", "k", " HTTP/1.1\r\n" HOST "\r\n", 414, "uri-too-long"},
        {"GET /v1/cells?", "0&", " HTTP/1.1\r\n" HOST "\r\n", 414, "uri-too-long"},
        {"GET /healthz HTTP/1.1\r\n" HOST "X: ", "v", "\r\n\r\n", 431, "headers-too-large"},
        {"GET /healthz HTTP/1.1\r\n" HOST "Cookie: ", "a=b;", "\r\n\r\n", 431, "headers-too-large"},
        {"GET /healthz HTTP/1.1\r\n" HOST, "a:b\r\n", "\r\n", 431, "headers-too-large"},
        {"", "M", " /healthz HTTP/1.1\r\n" HOST "\r\n", 414, "uri-too-long"},
    };
    static const size_t sizes[] = {15000, 17000};
    for (size_t i = 0; i < COUNT(heads); i++)
        for (size_t n = 0; n < COUNT(sizes); n++) {
            struct exchange exchange = {repeated(&text, heads[i].before, heads[i].part,
                                                 sizes[n] / strlen(heads[i].part), heads[i].after),
                                        heads[i].status, heads[i].name};
            check_one_answer(site, &exchange, SIZE_MAX);
        }
    free(text.data);
}

/* Every head that is below the bounds has room in libmicrohttpd, whatever it consists of. */
static void heads_below_the_bounds_are_served(void **state) {
    struct site *site = *state;
    struct text text = {0};
    static const struct {
        const char *before, *part, *after;
        size_t count;
        long status;
    } heads[] = {
        {"GET /v1/cells/", "k", " HTTP/1.1\r\n" HOST WRITES "\r\n", 14000, 404},
        {"GET /v1/cells?", "0&", " HTTP/1.1\r\n" HOST WRITES "\r\n", 200, 400},
        {"GET /healthz HTTP/1.1\r\n" HOST "X: ", "v", "\r\n\r\n", 14000, 200},
        {"GET /healthz HTTP/1.1\r\n" HOST "Cookie: ", "a=b; ", "\r\n\r\n", 2800, 200},
        {"GET /healthz HTTP/1.1\r\n" HOST, "a:b\r\n", "\r\n", 200, 200},
        {"GET /healthz HTTP/1.1\r\n" HOST, "a: bcdefghij\r\n", "\r\n", 180, 200},
    };
    for (size_t i = 0; i < COUNT(heads); i++) {
        struct reel_str request =
            repeated(&text, heads[i].before, heads[i].part, heads[i].count, heads[i].after);
        struct raw raw = raw_opened(site);
        test_context("%zu", i);
        for (int again = 0; again < 3; again++) {
            must(try_to_send(&raw, request.data, request.len));
            check_heard(&raw, heads[i].status, NULL);
        }
        raw_close(&raw);
    }
    test_context("%s", "");
    free(text.data);
}

static void requests_before_the_bad_one_are_answered_first(void **state) {
    struct site *site = *state;
    struct raw raw = raw_opened(site);
    say(&raw, VERSION_ASKED GET("/v1/cells?min_cursor=1&timeout=1") VERSION_ASKED
        "GET /v1/cells HTTP/1.1\r\nHost : reel\r\n\r\n" VERSION_ASKED);
    check_heard(&raw, 200, "buildProfile");
    check_heard(&raw, 504, "not-yet");
    check_heard(&raw, 200, "buildProfile");
    check_heard(&raw, 400, "bad-request");
    check_ended(&raw);
    raw_close(&raw);
}

static void trailers_extensions_and_cookies_are_taken_and_ignored(void **state) {
    struct site *site = *state;
    struct raw raw = raw_opened(site);
    say(&raw, POST "Cookie: a=b\r\nTransfer-Encoding: \tchunked \r\n\r\n"
                   "035 ; x=\"y\"\r\n" FORMATION "\r\n00;z\r\nContent-Length: 7\r\nX: y\r\n\r\n"
                   "\r\n" VERSION_ASKED);
    check_heard(&raw, 201, "PENDING");
    check_heard(&raw, 200, "buildProfile");
    raw_close(&raw);
}

/* ---- Headers --------------------------------------------------------------------------------- */

/* Nothing else is read from the connection. */
static void check_closed_after(const struct site *site, const char *head) {
    struct raw raw = raw_opened(site);
    say(&raw, head);
    try_to_send(&raw, VERSION_ASKED, strlen(VERSION_ASKED));
    check_heard(&raw, 400, NULL);
    check_ended(&raw);
    raw_close(&raw);
}

static void a_host_is_needed_once_and_well_formed(void **state) {
    struct site *site = *state;
#define WITH(headers) "GET /healthz HTTP/1.1\r\n" headers "\r\n"
    check_exchange(site, WITH(""), 400, "Host is missing");
    check_closed_after(site, WITH(""));
    check_closed_after(site, WITH("Host: a\r\nHost: b\r\n"));
    check_closed_after(site, WITH("Host: a b\r\n"));
    check_exchange(site, WITH("Host: a\r\nHost: b\r\n"), 400, "Host is given twice");
    check_exchange(site, WITH("Host: a\r\nhost: a\r\n"), 400, "Host is given twice");
    check_exchange(site, WITH("Host: a b\r\n"), 400, "not a host");
    check_exchange(site, WITH("Host: a/b\r\n"), 400, "not a host");
    check_exchange(site, WITH("Host: user@a\r\n"), 400, "not a host");
    check_exchange(site, WITH("Host: a:b\r\n"), 400, "not a host");
    check_exchange(site, WITH("Host:\r\n"), 200, NULL);
    check_exchange(site, WITH("Host: [::1]:80 \r\n"), 200, NULL);
    check_exchange(site, "GET /healthz HTTP/1.0\r\n\r\n", 200, NULL);
    check_exchange(site, "GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, "twice");
}

static void headers_with_one_value_are_refused_when_there_are_two(void **state) {
    struct site *site = *state;
    check_exchange(site, WITH(HOST WRITES "authorization: Bearer x\r\n"), 400, "Authorization");
    check_exchange(site, WITH(HOST "Origin: null\r\nOrigin: null\r\n"), 400, "Origin");
    check_exchange(site, WITH(HOST "Content-Type: a/b\r\nContent-Type: a/b\r\n"), 400,
                   "Content-Type");
    check_exchange(site, WITH(HOST "Last-Event-ID: 1\r\nLast-Event-ID: 2\r\n"), 400,
                   "Last-Event-ID");
    check_exchange(site, WITH(HOST "Idempotency-Key: 1\r\nIdempotency-Key: 2\r\n"), 400,
                   "Idempotency-Key");
    check_exchange(site,
                   WITH(HOST "Accept: a/b\r\nAccept: c/d\r\nIf-None-Match: *\r\n"
                             "If-None-Match: *\r\n"),
                   200, NULL);
}

/* RFC 9110, sections 8.4 and 15.5.16. */
static void encoded_bodies_are_refused_and_identity_is_none(void **state) {
    struct site *site = *state;
    struct raw raw = raw_opened(site);
    static const char *const encodings[] = {"gzip", "br, identity", "identity, x-own", NULL};
    for (const char *const *encoding = encodings; *encoding; encoding++) {
        struct text request = {0};
        test_context("%s", *encoding);
        text_format(&request, POST "Content-Encoding: %s\r\nContent-Length: 53\r\n\r\n%s",
                    *encoding, FORMATION);
        say(&raw, request.data);
        struct reply reply = heard(&raw, false);
        assert_problem(&reply, 415, "unsupported-media-type");
        assert_string_equal(reply_header(&reply, "Accept-Encoding"), "identity");
        reply_free(&reply);
        free(request.data);
    }
    test_context("%s", "");
    say(&raw, POST "Content-Encoding: Identity\r\nContent-Length: 53\r\n\r\n" FORMATION);
    check_heard(&raw, 201, "PENDING");
    raw_close(&raw);
}

/* Frames would be taken for requests. */
static void a_refused_handshake_ends_the_connection(void **state) {
    struct site *site = *state;
    static const struct exchange exchanges[] = {
        {SENT("GET /ws/events HTTP/1.1\r\n" HOST "Sec-WebSocket-Key: x\r\n\r\n" CREATED), 401,
         "unauthorized"},
        {SENT("GET /ws/events HTTP/1.1\r\n" HOST WRITES "Sec-WebSocket-Key: x\r\n\r\n" CREATED),
         400, "bad-request"},
        {SENT("GET /v1/cells/x HTTP/1.1\r\n" HOST WRITES "Sec-WebSocket-Key: x\r\n\r\n" CREATED),
         404, "not-found"},
    };
    check_all(site, exchanges, COUNT(exchanges));
    struct raw raw = raw_opened(site);
    for (int again = 0; again < 3; again++) { /* also when the answer is kept */
        raw_close(&raw);
        raw = raw_opened(site);
        say(&raw, "GET /v1/cells HTTP/1.1\r\n" HOST WRITES "Sec-WebSocket-Key: x\r\n\r\n" CREATED);
        check_heard(&raw, 200, "\"cells\"");
        check_ended(&raw);
    }
    raw_close(&raw);
    check_listed(site->reader, "/v1/formations", "formations", "id", "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, site_setup, close_site)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_request_within_a_body_is_never_run),
        CASE(malformed_requests_are_answered_with_a_problem),
        CASE(heads_that_are_too_large_are_answered_with_a_problem),
        CASE(heads_below_the_bounds_are_served),
        CASE(requests_before_the_bad_one_are_answered_first),
        CASE(trailers_extensions_and_cookies_are_taken_and_ignored),
        CASE(a_host_is_needed_once_and_well_formed),
        CASE(headers_with_one_value_are_refused_when_there_are_two),
        CASE(encoded_bodies_are_refused_and_identity_is_none),
        CASE(a_refused_handshake_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
