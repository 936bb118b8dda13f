/* http_reader_test.c: answers of HTTP/1.1, however their bytes are cut into pieces (RFC 9112). */
#include "unit.h"

#include "conform/http_reader.h"

/* Reads the answer in pieces of this size, each in memory of its own. */
static int read_cut(struct http_reader *reader, struct reel_str bytes, size_t piece,
                    struct text *body, size_t body_max) {
    const char *why = NULL;
    int rc = 0;
    *reader = (struct http_reader){.part = HTTP_HEAD};
    body->len = 0;
    while (bytes.len > 0 && rc == 0 && reader->part != HTTP_OVER) {
        struct reel_str part = {bytes.data, bytes.len < piece ? bytes.len : piece};
        char *copy = exact_copy(part);
        struct reel_str rest = {copy, part.len};
        rc = http_read(reader, &rest, body, body_max, &why);
        if (rc == 0 && reader->part != HTTP_OVER) assert_int_equal(rest.len, 0);
        bytes.data += part.len - rest.len;
        bytes.len -= part.len - rest.len;
        free(copy);
    }
    assert_true((rc == -EPROTO) == (why != NULL));
    return rc;
}

/* The same in pieces of each size. */
static void check(const char *answer, int wanted, unsigned status, const char *wanted_body) {
    for (size_t piece = 1; piece <= strlen(answer); piece++) {
        struct http_reader reader;
        struct text body = {0};
        assert_int_equal(read_cut(&reader, reel_text(answer), piece, &body, 1000), wanted);
        if (wanted == 0) {
            assert_int_equal(reader.status, status);
            assert_bytes(text_str(&body), reel_text(wanted_body));
            assert_true(http_may_end(&reader));
        }
        http_reader_finish(&reader);
        text_finish(&body);
    }
}

static void a_body_has_its_length(void **state) {
    (void)state;
    check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 0, 200, "hello");
    check("HTTP/1.1 204\r\n\r\n", 0, 204, "");
    check("HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n", 0, 404, "");
}

static void chunks_are_joined(void **state) {
    (void)state;
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=\"y\"\r\n0123456789"
          "\r\n0\r\nTrailer: t\r\n\r\n",
          0, 200, "abc0123456789");
}

static void a_body_without_a_length_lasts_to_the_end(void **state) {
    (void)state;
    check("HTTP/1.1 200 OK\r\n\r\n1\r\n2", 0, 200, "1\r\n2");
    check("HTTP/1.1 101 Switching Protocols\r\nContent-Length: 1\r\n\r\n\x81\x01x", 0, 101,
          "\x81\x01x");
}

static void interim_answers_are_passed_over(void **state) {
    (void)state;
    check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
          0, 200, "x");
}

static void what_is_not_an_answer_is_refused(void **state) {
    (void)state;
    static const char *const answers[] = {
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nx",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
    };
    for (size_t i = 0; i < LENGTH(answers); i++) check(answers[i], -EPROTO, 0, "");
}

static void everything_has_a_bound(void **state) {
    (void)state;
    struct http_reader reader;
    struct text body = {0}, answer = {0};
    assert_int_equal(read_cut(&reader, STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789"),
                              4, &body, 8),
                     -EFBIG);
    http_reader_finish(&reader);
    text_append_lit(&answer, "HTTP/1.1 200 OK\r\nX: ");
    memset(text_extend(&answer, HTTP_HEAD_MAX), 'x', HTTP_HEAD_MAX);
    assert_int_equal(read_cut(&reader, text_str(&answer), 1000, &body, 8), -EPROTO);
    http_reader_finish(&reader);
    answer.len = 0;
    text_append_lit(&answer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;");
    memset(text_extend(&answer, HTTP_LINE_MAX), 'x', HTTP_LINE_MAX);
    assert_int_equal(read_cut(&reader, text_str(&answer), 1000, &body, 8), -EPROTO);
    http_reader_finish(&reader);
    text_finish(&answer);
    text_finish(&body);
}

static void headers_are_found_without_regard_to_case(void **state) {
    (void)state;
    struct http_reader reader;
    struct text body = {0};
    must(read_cut(&reader, STR("HTTP/1.1 200 A: no\r\nab: 1\r\nA:\t 2 \r\na: 3\r\nC:\r\n\r\n"), 7,
                  &body, 1) == 0);
    assert_bytes(http_header(&reader, "a"), STR("2"));
    assert_bytes(http_header(&reader, "AB"), STR("1"));
    assert_int_equal(http_header(&reader, "c").len, 0);
    assert_null(http_header(&reader, "HTTP/1.1 200 A").data);
    assert_null(http_header(&reader, "b").data);
    http_reader_finish(&reader);
    text_finish(&body);
}

UNIT_TESTS(http_reader_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_has_its_length),
        cmocka_unit_test(chunks_are_joined),
        cmocka_unit_test(a_body_without_a_length_lasts_to_the_end),
        cmocka_unit_test(interim_answers_are_passed_over),
        cmocka_unit_test(what_is_not_an_answer_is_refused),
        cmocka_unit_test(everything_has_a_bound),
        cmocka_unit_test(headers_are_found_without_regard_to_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
