/* framing_test.c: what of a connection's bytes libmicrohttpd may read. Each case is passed as a
 * whole and byte by byte. */
#include "unit.h"

#include "http/framing.h"

#include <stdlib.h>
#include <string.h>

static struct framing pass_in_pieces(struct reel_str in, size_t piece, char *out, size_t *ret_len) {
    struct framing framing = {0};
    *ret_len = 0;
    for (size_t at = 0; at < in.len; at += piece) {
        size_t len = in.len - at < piece ? in.len - at : piece;
        char *exact = exact_copy((struct reel_str){in.data + at, len});
        *ret_len += framing_pass(&framing, exact, len, out + *ret_len);
        free(exact);
    }
    return framing;
}

/* `out` is passed on of `in`, and the connection is then as it is returned. */
static struct framing passed(struct reel_str in, struct reel_str out) {
    char *found = malloc(in.len + FRAMING_EXTRA);
    struct framing framing = {0};
    size_t len;
    for (size_t piece = in.len ? in.len : 1;; piece = 1) {
        framing = pass_in_pieces(in, piece, found, &len);
        assert_bytes((struct reel_str){found, len}, out);
        if (piece == 1) break;
    }
    free(found);
    return framing;
}

#define assert_unchanged(literal)                                                                  \
    do {                                                                                           \
        test_context("%s", literal);                                                               \
        assert_int_equal(passed(STR(literal), STR(literal)).fault, FRAMING_GOOD);                  \
    } while (0)

#define assert_changed(in, out)                                                                    \
    do {                                                                                           \
        test_context("%s", in);                                                                    \
        assert_int_equal(passed(STR(in), STR(out)).fault, FRAMING_GOOD);                           \
    } while (0)

/* What follows behind the fault is never passed on. */
#define assert_refused(in, out, expected)                                                          \
    do {                                                                                           \
        test_context("%s", in);                                                                    \
        struct framing framing_ = passed(STR(in "GET /smuggled HTTP/1.1\r\n\r\n"), STR(out));      \
        assert_int_equal(framing_.fault, FRAMING_##expected);                                      \
        assert_non_null(framing_.why);                                                             \
    } while (0)

#define GET  "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\n"

static void requests_pass_unchanged(void **state) {
    (void)state;
    assert_unchanged(GET "\r\n");
    assert_unchanged("GET /\xc3\xbc?a=b&c HTTP/1.0\r\nHost: h\r\nA:b\r\nC: \t d e\t\r\nE:\r\n"
                     "F: \xfc\r\n\r\n" GET "\r\n");
    assert_unchanged(POST "Content-Length:5\r\n\r\nG\0\n\r " GET "\r\n");
    assert_unchanged(POST "Content-Length:0\r\n\r\n" GET "\r\n");
    assert_unchanged(
        POST "Transfer-Encoding:chunked\r\n\r\n1f\r\n"
             "0123456789012345678901234567890\r\nA\r\n\r\n0\r\n\r\n012\r\n0\r\n\r\n" GET "\r\n");
}

static void unneeded_parts_of_a_request_are_removed(void **state) {
    (void)state;
    assert_changed("\r\n\r\n" GET "\r\n\r\n" GET "\r\n", GET "\r\n" GET "\r\n");
    assert_changed(GET "cookie: a=b; c=d\r\nX: y\r\n\r\n", GET "cookie:\r\nX: y\r\n\r\n");
    assert_changed(POST "content-length: \t 0005 \r\n\r\nabcde" GET "\r\n",
                   POST "content-length:0005\r\n\r\nabcde" GET "\r\n");
    assert_changed(POST "transfer-encoding: Chunked\t\r\n\r\n"
                        "00000000000000000001;x=\"y\" \r\na\r\n2 \t; z\r\nbc\r\n"
                        "000;q\r\nContent-Length: 7\r\nX:\r\n\r\n" GET "\r\n",
                   POST "transfer-encoding:Chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n" GET
                        "\r\n");
}

static void a_malformed_request_line_is_refused(void **state) {
    (void)state;
    assert_refused("\r", "GET / HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("\n", "GET / HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("\x16\x03\x01", "GET / HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused(" GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("G(T", "G / HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("GET\r\n", "GET / HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("GET\t/", "GET / HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("GET  / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("GET /x\r\n", "GET /x HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("GET /\0 HTTP/1.1\r\n", "GET / HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("GET /x  HTTP/1.1\r\n", "GET /x HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("GET /x y HTTP/1.1\r\n", "GET /x HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("GET / http/1.1\r\n", "GET / HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("GET / HTTP/1.x\r\n", "GET / HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("GET / HTTP/1.12\r\n", "GET / HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("GET / HTTP/1.1 \r\n", "GET / HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("GET / HTTP/1.1\n", "GET / HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("GET / HTTP/1.1\r", "GET / HTTP/1.1\r\n\r\n", MALFORMED);
    assert_refused("GET / HTTP/2.0\r\n", "GET / HTTP/1.1\r\n\r\n", BAD_VERSION);
    assert_refused("PRI * HTTP/2.0\r\n", "PRI * HTTP/1.1\r\n\r\n", BAD_VERSION);
    assert_refused("GET / HTTP/0.9\r\n", "GET / HTTP/1.1\r\n\r\n", BAD_VERSION);
}

static void a_malformed_header_is_refused(void **state) {
    (void)state;
    assert_refused(POST "Content-Length : 60\r\n", POST "Content-Length:0\r\n\r\n", MALFORMED);
    assert_refused(POST "Transfer-Encoding\t: chunked\r\n", POST "Transfer-Encoding:0\r\n\r\n",
                   MALFORMED);
    assert_refused(POST "A: b\r\n Content-Length: 60\r\n", POST "A: b\r\n\r\n", MALFORMED);
    assert_refused(POST "\tA: b\r\n", POST "\r\n", MALFORMED);
    assert_refused(POST ": b\r\n", POST "\r\n", MALFORMED);
    assert_refused(POST "no colon\r\n", POST "no:0\r\n\r\n", MALFORMED);
    assert_refused(POST "nocolon\r\n", POST "nocolon:0\r\n\r\n", MALFORMED);
    assert_refused(POST "A\0: b\r\n", POST "A:0\r\n\r\n", MALFORMED);
    assert_refused(POST "\0: b\r\n", POST "\r\n", MALFORMED);
    assert_refused(POST "A\xc3\xbc: b\r\n", POST "A:0\r\n\r\n", MALFORMED);
    assert_refused(POST "A: b\0c\r\n", POST "A: b\r\n\r\n", MALFORMED);
    assert_refused(POST "A: b\x7f\r\n", POST "A: b\r\n\r\n", MALFORMED);
    assert_refused(POST "A: b\rContent-Length: 60\r\n", POST "A: b\r\n\r\n", MALFORMED);
    assert_refused(POST "A: b\n", POST "A: b\r\n\r\n", MALFORMED);
    assert_refused(POST "A: b\r\n\n", POST "A: b\r\n\r\n", MALFORMED);
    assert_refused(POST "A: b\r\n\rC", POST "A: b\r\n\r\n", MALFORMED);
}

static void a_body_whose_end_is_in_doubt_is_refused(void **state) {
    (void)state;
    assert_refused(POST "Content-Length: 5, 5\r\n", POST "Content-Length:0\r\n\r\n", MALFORMED);
    assert_refused(POST "Content-Length: +5\r\n", POST "Content-Length:0\r\n\r\n", MALFORMED);
    assert_refused(POST "Content-Length: 0x5\r\n", POST "Content-Length:0\r\n\r\n", MALFORMED);
    assert_refused(POST "Content-Length: \r\n", POST "Content-Length:0\r\n\r\n", MALFORMED);
    assert_refused(POST "Content-Length: 5\n", POST "Content-Length:0\r\n\r\n", MALFORMED);
    assert_refused(POST "Content-Length: 9223372036854775807\r\n", POST "Content-Length:0\r\n\r\n",
                   LARGE_BODY);
    assert_refused(POST "Content-Length: 99999999999999999999999999\r\n",
                   POST "Content-Length:0\r\n\r\n", LARGE_BODY);
    assert_refused(POST "Content-Length: 5\r\nContent-Length: 5\r\n",
                   POST "Content-Length:5\r\nContent-Length:0\r\n\r\n", MALFORMED);
    assert_refused(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                   POST "Content-Length:5\r\nTransfer-Encoding:0\r\n\r\n", MALFORMED);
    assert_refused(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                   POST "Transfer-Encoding:chunked\r\nContent-Length:0\r\n\r\n", MALFORMED);
    assert_refused(POST "Transfer-Encoding: gzip, chunked\r\n", POST "Transfer-Encoding:0\r\n\r\n",
                   MALFORMED);
    assert_refused(POST "Transfer-Encoding: xchunked\r\n", POST "Transfer-Encoding:0\r\n\r\n",
                   MALFORMED);
    assert_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n",
                   "POST / HTTP/1.0\r\nTransfer-Encoding:0\r\n\r\n", MALFORMED);
}

#define CHUNKED POST "Transfer-Encoding:chunked\r\n\r\n"

static void a_malformed_chunk_ends_the_body_there(void **state) {
    (void)state;
    assert_refused(CHUNKED "zz\r\n", CHUNKED "0\r\n\r\n", MALFORMED);
    assert_refused(CHUNKED "\r\n", CHUNKED "0\r\n\r\n", MALFORMED);
    assert_refused(CHUNKED ";x\r\n", CHUNKED "0\r\n\r\n", MALFORMED);
    assert_refused(CHUNKED " 1\r\n", CHUNKED "0\r\n\r\n", MALFORMED);
    assert_refused(CHUNKED "0x1\r\n", CHUNKED "0\r\n\r\n", MALFORMED);
    assert_refused(CHUNKED "1 \r\n", CHUNKED "0\r\n\r\n", MALFORMED);
    assert_refused(CHUNKED "1\n", CHUNKED "0\r\n\r\n", MALFORMED);
    assert_refused(CHUNKED "1;a\nb\r\n", CHUNKED "0\r\n\r\n", MALFORMED);
    assert_refused(CHUNKED "1\r\nab\r\n", CHUNKED "1\r\na\r\n0\r\n\r\n", MALFORMED);
    assert_refused(CHUNKED "1\r\na\n", CHUNKED "1\r\na\r\n0\r\n\r\n", MALFORMED);
    assert_refused(CHUNKED "1\r\na\rb", CHUNKED "1\r\na\r\n0\r\n\r\n", MALFORMED);
    assert_refused(CHUNKED "1000000000000000\r\n", CHUNKED "0\r\n\r\n", LARGE_BODY);
    assert_refused(CHUNKED "0\n", CHUNKED "0\r\n\r\n", MALFORMED);
    assert_refused(CHUNKED "0\r\n\n", CHUNKED "0\r\n\r\n", MALFORMED);
    assert_refused(CHUNKED "0\r\nA : b\r\n", CHUNKED "0\r\n\r\n", MALFORMED);
    assert_refused(CHUNKED "0\r\nA: b\n\r\n", CHUNKED "0\r\n\r\n", MALFORMED);
    assert_refused(CHUNKED "0\r\nA: b\r\n c\r\n", CHUNKED "0\r\n\r\n", MALFORMED);
}

static void the_fault_is_with_the_last_request(void **state) {
    (void)state;
    struct framing framing = passed(STR(GET "\r\n" GET "\r\n" GET "A\r\n" GET),
                                    STR(GET "\r\n" GET "\r\n" GET "A:0\r\n\r\n"));
    assert_int_equal(framing.requests, 3);
    framing = passed(STR(GET "\r\n\0"), STR(GET "\r\n" GET "\r\n"));
    assert_int_equal(framing.requests, 2);
}

/* `count` times `part`, between `before` and `after`. */
static int fault_of_many(const char *before, const char *part, size_t count, const char *after) {
    struct framing framing = {0};
    char out[512 + FRAMING_EXTRA];
    framing_pass(&framing, before, strlen(before), out);
    for (size_t i = 0; i < count; i++) framing_pass(&framing, part, strlen(part), out);
    framing_pass(&framing, after, strlen(after), out);
    return framing.fault;
}

static void heads_and_what_is_removed_of_bodies_are_bounded(void **state) {
    (void)state;
    assert_int_equal(fault_of_many("GET /", "k", 14000, " HTTP/1.1\r\n\r\n"), FRAMING_GOOD);
    assert_int_equal(fault_of_many("GET /", "k", 15000, " HTTP/1.1\r\n\r\n"), FRAMING_LONG_TARGET);
    assert_int_equal(fault_of_many("GET /?", "&", 200, " HTTP/1.1\r\n\r\n"), FRAMING_GOOD);
    assert_int_equal(fault_of_many("GET /?", "&", 250, " HTTP/1.1\r\n\r\n"), FRAMING_LONG_TARGET);
    assert_int_equal(fault_of_many(GET, "a:\r\n", 200, "\r\n"), FRAMING_GOOD);
    assert_int_equal(fault_of_many(GET, "a:\r\n", 250, "\r\n"), FRAMING_LARGE_HEAD);
    assert_int_equal(fault_of_many(GET "a: ", "v", 14000, "\r\n\r\n"), FRAMING_GOOD);
    assert_int_equal(fault_of_many(GET "a: ", "v", 15000, "\r\n\r\n"), FRAMING_LARGE_HEAD);
    assert_int_equal(fault_of_many(GET "Cookie: ", "v", 15000, "\r\n\r\n"), FRAMING_LARGE_HEAD);
    assert_int_equal(fault_of_many(CHUNKED, "1;x\r\na\r\n", 3000, "0\r\n\r\n"), FRAMING_GOOD);
    assert_int_equal(fault_of_many(CHUNKED, "1;xyz\r\na\r\n", 5000, "0\r\n\r\n"),
                     FRAMING_LARGE_HEAD);
    assert_int_equal(fault_of_many(CHUNKED "0\r\n", "a:\r\n", 5000, "\r\n"), FRAMING_LARGE_HEAD);
}

static void a_body_has_any_number_of_chunks(void **state) {
    (void)state;
    assert_int_equal(fault_of_many(CHUNKED, "1\r\n\n\r\n", 100000, "0\r\n\r\n"), FRAMING_GOOD);
}

static void behind_a_handshake_the_bytes_are_not_http(void **state) {
    (void)state;
#define HANDSHAKE GET "sec-websocket-key: x\r\n\r\n"
    struct framing framing =
        passed(STR(HANDSHAKE "\x81\x80\0\r\n"), STR(HANDSHAKE "\x81\x80\0\r\n"));
    assert_int_equal(framing.fault, FRAMING_GOOD);
    assert_true(framing.is_opaque);
    framing = passed(STR(POST "Sec-WebSocket-Key: x\r\nContent-Length:1\r\n\r\na" GET "\r\n"),
                     STR(POST "Sec-WebSocket-Key: x\r\nContent-Length:1\r\n\r\na" GET "\r\n"));
    assert_false(framing.is_opaque);
}

/* Values are checked eight bytes at a time. */
static void any_character_is_checked_at_any_place_of_a_value(void **state) {
    (void)state;
    for (size_t at = 0; at < 20; at++)
        for (int c = 0; c < 256; c++) {
            char request[] = GET "A:aaaaaaaaaaaaaaaaaaaa\r\n\r\n";
            struct framing framing = {0};
            char out[sizeof request + FRAMING_EXTRA];
            request[sizeof GET - 1 + 2 + at] = (char)c;
            size_t len = framing_pass(&framing, request, sizeof request - 1, out);
            bool is_good = c == '\t' || (c >= ' ' && c != 0x7f);
            test_context("character %d at %zu", c, at);
            assert_int_equal(framing.fault, is_good ? FRAMING_GOOD : FRAMING_MALFORMED);
            if (is_good)
                assert_bytes(((struct reel_str){out, len}),
                             ((struct reel_str){request, sizeof request - 1}));
        }
}

UNIT_TESTS(framing_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_character_is_checked_at_any_place_of_a_value),
        cmocka_unit_test(requests_pass_unchanged),
        cmocka_unit_test(unneeded_parts_of_a_request_are_removed),
        cmocka_unit_test(a_malformed_request_line_is_refused),
        cmocka_unit_test(a_malformed_header_is_refused),
        cmocka_unit_test(a_body_whose_end_is_in_doubt_is_refused),
        cmocka_unit_test(a_malformed_chunk_ends_the_body_there),
        cmocka_unit_test(the_fault_is_with_the_last_request),
        cmocka_unit_test(heads_and_what_is_removed_of_bodies_are_bounded),
        cmocka_unit_test(a_body_has_any_number_of_chunks),
        cmocka_unit_test(behind_a_handshake_the_bytes_are_not_http),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
