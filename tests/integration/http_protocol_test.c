/* http_protocol_test.c: HTTP/1.1 itself: connections that are kept, several requests at once, slow
 * and broken clients, and what no client should send. How much is taken is in
 * http_limits_test.c. */
#include "http_raw.h"

/* Whatever the client did: the daemon is well, and nothing of it is left. */
static int close_site(void **state) {
    struct site *site = *state;
    wait_until_quiet(site, 3);
    site_closed(site);
    return 0;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define CREATE(body) "POST /v1/formations HTTP/1.1\r\n" HOST WRITES AS_JSON body

/* FORMATION has 53 bytes. */
#define FORMATION_SENT "Content-Length: 53\r\n\r\n" FORMATION

/* ---- Connections that are kept --------------------------------------------------------------- */

static void a_connection_is_kept_after_every_answer(void **state) {
    struct site *site = *state;
    assert_int_equal(strlen(FORMATION), 53);
    static const struct {
        const char *request;
        long status;
    } exchanges[] = {
        {GET("/v1/cells"), 200},
        {GET("/v1/cells/none"), 404},
        {GET("/v1/none"), 404},
        {GET("/v1/formations/x"), 400},
        {GET("/v1/cells?min_cursor=9&timeout=0"), 504},
        {"GET /v1/cells HTTP/1.1\r\n" HOST "\r\n", 401},
        {"GET /v1/cells HTTP/1.1\r\n" HOST "Authorization: Bearer wrong\r\n\r\n", 401},
        {CREATE(FORMATION_SENT), 201},
        {"DELETE /v1/formations/by-name/f HTTP/1.1\r\n" HOST WRITES "\r\n", 200},
        {"DELETE /v1/formations/by-name/f HTTP/1.1\r\n" HOST WRITES "\r\n", 409},
        {CREATE("Content-Length: 2\r\n\r\n{}"), 400},
        {"POST /v1/formations HTTP/1.1\r\n" HOST AS_JSON FORMATION_SENT, 401},
        {"POST /v1/none HTTP/1.1\r\n" HOST WRITES AS_JSON FORMATION_SENT, 404},
        {"PUT /v1/cells HTTP/1.1\r\n" HOST WRITES AS_JSON FORMATION_SENT, 405},
        {"OPTIONS /v1/cells HTTP/1.1\r\n" HOST AS_JSON FORMATION_SENT, 204},
        {"PUT /v1/cells HTTP/1.1\r\n" HOST WRITES "\r\n", 405},
        {"OPTIONS /v1/cells HTTP/1.1\r\n" HOST "\r\n", 204},
        {GET("/v1/cells?nothing=1"), 400},
        {GET("/healthz"), 200},
    };
    struct raw raw = raw_opened(site);
    for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++) {
        test_context("%s", exchanges[i].request);
        say(&raw, exchanges[i].request);
        check_heard(&raw, exchanges[i].status, NULL);
    }
    test_context("%s", "");
    raw_close(&raw);
}

static void head_has_no_body_that_could_be_taken_for_an_answer(void **state) {
    struct site *site = *state;
    struct raw raw = raw_opened(site);
    say(&raw, "HEAD /v1/cells HTTP/1.1\r\n" HOST WRITES "\r\n" GET("/v1/cells/none"));
    struct reply reply = heard(&raw, true);
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    check_heard(&raw, 404, NULL);
    raw_close(&raw);
}

static void requests_that_come_together_are_answered_in_their_order(void **state) {
    struct site *site = *state;
    struct raw raw = raw_opened(site);
    say(&raw, GET("/v1/cells/none") CREATE(FORMATION_SENT) GET("/v1/formations/by-name/f")
                  CREATE("Content-Length: 2\r\n\r\n{}") GET("/v1/formations?min_cursor=9&timeout=1")
                      GET("/v1/version"));
    check_heard(&raw, 404, "no such record");
    check_heard(&raw, 201, "PENDING");
    check_heard(&raw, 200, "\"name\":\"f\"");
    check_heard(&raw, 400, "bad-request");
    check_heard(&raw, 504, "not-yet");
    check_heard(&raw, 200, "buildProfile");
    raw_close(&raw);
}

static void a_great_many_requests_may_come_together(void **state) {
    struct site *site = *state;
    enum { REQUESTS = 500 };
    struct text all = {0};
    for (int i = 0; i < REQUESTS; i++)
        text_format(&all,
                    "GET /v1/cells/number-%d%%FF HTTP/1.1\r\n" HOST WRITES
                    "\r\n" GET("/v1/cells?limit=%d"),
                    i, i);
    struct raw raw = raw_opened(site);
    must(try_to_send(&raw, all.data, all.len));
    for (int i = 0; i < REQUESTS; i++) {
        check_heard(&raw, 400, NULL);
        check_heard(&raw, 200, "\"cells\":[]");
    }
    raw_close(&raw);
    free(all.data);
}

/* ---- Slow and broken clients ----------------------------------------------------------------- */

static void a_request_may_come_byte_by_byte(void **state) {
    struct site *site = *state;
    static const char request[] = CREATE("Transfer-Encoding: chunked\r\n\r\n")
        /* the braces of FORMATION, and what is between them */
        "1\r\n{\r\n33;x=y\r\n"
        "\"name\":\"f\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}]"
        "\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n";
    struct raw raw = raw_opened(site);
    for (const char *at = request; *at; at++) socket_send(raw.fd, at, 1);
    check_heard(&raw, 201, "PENDING");
    raw_close(&raw);
}

/* All of them end, at the latest when nothing has moved for http_idle_s, and none with a 2xx. */
static void check_none_is_served(struct raw *raws, size_t count) {
    for (size_t i = 0; i < count; i++) {
        while (raw_read(&raws[i])) continue;
        if (raws[i].in.len > 0 && strncmp(raws[i].in.data, "HTTP/1.1 2", 10) == 0)
            fail_msg("%zu: %s", i, raws[i].in.data);
        raw_close(&raws[i]);
    }
}

static void half_a_request_is_none(void **state) {
    (void)state;
    static const char *const halves[] = {"G",
                                         "GET /v1/ce",
                                         "\r\nGET / HTTP/1.1\r\n",
                                         CREATE("Content-Length: 53\r\n\r\n{\"name\":"),
                                         CREATE("Content-Length: 53\r\n"),
                                         CREATE("Transfer-Encoding: chunked\r\n\r\n3D\r\n{"),
                                         "\r\n",
                                         ""};
    struct site site = site_opened("--http-idle-s", "1", NULL);
    struct raw open[COUNT(halves)];
    for (size_t i = 0; i < COUNT(halves); i++) {
        open[i] = raw_opened(&site);
        say(&open[i], halves[i]);
        raw_close(&open[i]);
        open[i] = raw_opened(&site);
        say(&open[i], halves[i]);
        must(shutdown(open[i].fd, SHUT_WR) == 0);
    }
    check_none_is_served(open, COUNT(halves));
    check_listed(site.reader, "/v1/formations", "formations", "id", "");
    wait_until_quiet(&site, 1);
    site_closed(&site);
}

static void a_client_that_does_not_wait_for_its_answer_has_its_command_done(void **state) {
    struct site *site = *state;
    struct raw raw = raw_opened(site);
    say(&raw, CREATE(FORMATION_SENT));
    raw_close(&raw);
    struct reply reply = got(site->reader, "/v1/formations?min_cursor=1", 200);
    assert_non_null(strstr(reply.body.data, "PENDING"));
    reply_free(&reply);
}

static void a_connection_on_which_nothing_moves_is_closed_unless_we_keep_it_waiting(void **state) {
    (void)state;
    struct site site = site_opened("--http-idle-s", "1", NULL);
    struct raw idle = raw_opened(&site), half = raw_opened(&site), waiting = raw_opened(&site);
    say(&half, CREATE("Content-Length: 53\r\n\r\n{"));
    say(&waiting, GET("/v1/cells?min_cursor=1&timeout=60"));
    check_ended(&idle);
    check_ended(&half);
    cell_started(site.writer, "c");
    check_heard(&waiting, 200, "\"cursor\":1");
    raw_close(&idle);
    raw_close(&half);
    raw_close(&waiting);
    site_closed(&site);
}

/* ---- Other versions and forms ---------------------------------------------------------------- */

static void http_1_0_is_answered_and_closed_unless_it_asks_otherwise(void **state) {
    struct site *site = *state;
    struct raw raw = raw_opened(site);
    say(&raw, "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    check_heard(&raw, 200, "Keep-Alive");
    say(&raw, "GET /healthz HTTP/1.0\r\n\r\n");
    check_heard(&raw, 200, "Connection: close");
    check_ended(&raw);
    raw_close(&raw);
    raw = raw_opened(site);
    say(&raw, "GET /healthz HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    check_heard(&raw, 200, "Connection: close");
    check_ended(&raw);
    raw_close(&raw);
}

static void a_target_may_be_a_whole_uri(void **state) {
    struct site *site = *state;
    cell_started(site->writer, "c");
    check_exchange(site, GET("http://reel/v1/cells/c"), 200, "\"id\":\"c\"");
    check_exchange(site, GET("HTTPS://user@reel:8080/v1/cells?limit=1"), 200, "\"cells\"");
    check_exchange(site, GET("http://reel"), 403, "forbidden"); /* the console, of another name */
    check_exchange(site, GET("http://reel?x=1"), 400, "bad-request");
    check_exchange(site, GET("http:///v1/cells"), 200, "\"cells\"");
    check_exchange(site, GET("ftp://reel/v1/cells"), 400, "bad-request");
    check_exchange(site, GET("reel:80"), 400, "bad-request");
    check_exchange(site, GET("v1/cells"), 400, "bad-request");
    check_exchange(site, GET("*"), 404, "not-found");
    check_exchange(site, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 204, "Allow: OPTIONS");
}

static void headers_have_any_case_and_the_scheme_too(void **state) {
    struct site *site = *state;
    check_exchange(site,
                   "GET /v1/cells HTTP/1.1\r\nhOST: reel\r\n"
                   "AUTHORIZATION: bEARER   " WRITE_TOKEN "  \r\n\r\n",
                   200, "\"cells\"");
    check_exchange(site,
                   "GET /v1/cells HTTP/1.1\r\n" HOST "Authorization: Basic " WRITE_TOKEN "\r\n\r\n",
                   401, "unauthorized");
    check_exchange(site, "get /v1/cells HTTP/1.1\r\n" HOST WRITES "\r\n", 405, "Allow: GET, HEAD");
}

static void a_client_that_expects_100_is_told_to_continue_or_refused_at_once(void **state) {
    struct site *site = *state;
    struct raw raw = raw_opened(site);
    say(&raw, CREATE("Expect: 100-continue\r\nContent-Length: 53\r\n\r\n"));
    check_heard(&raw, 100, NULL);
    say(&raw, FORMATION);
    check_heard(&raw, 201, "PENDING");
    raw_close(&raw);
    check_exchange(site, CREATE("Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n"), 413,
                   "payload-too-large");
    check_exchange(site,
                   "POST /v1/formations HTTP/1.1\r\n" HOST
                   "Expect: 100-continue\r\nContent-Length: 53\r\n\r\n",
                   401, "unauthorized");
}

/* ---- What no client should send -------------------------------------------------------------- */

/* Where it ends is in doubt: nothing behind it may be taken for a request. */
static void a_body_whose_end_is_in_doubt_is_refused_and_the_connection_closed(void **state) {
    struct site *site = *state;
    static const char *const framings[] = {
        "Content-Length: 2\r\nContent-Length: 53\r\n\r\n{}",
        "Content-Length: 53\r\nContent-Length: 2\r\n\r\n{}",
        "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: gzip\r\n\r\n",
        NULL};
    for (const char *const *framing = framings; *framing; framing++) {
        struct text request = {0};
        struct raw raw = raw_opened(site);
        test_context("%s", *framing);
        text_format(&request, CREATE("%s") CREATE(FORMATION_SENT), *framing);
        say(&raw, request.data);
        check_heard(&raw, 400, "bad-request");
        check_ended(&raw);
        raw_close(&raw);
        free(request.data);
    }
    check_listed(site->reader, "/v1/formations", "formations", "id", "");
}

static void random_bytes_harm_nobody(void **state) {
    (void)state;
    enum { CLIENTS = 50 };
    struct site site = site_opened("--http-idle-s", "1", NULL);
    struct raw open[CLIENTS];
    uint64_t seed = 1;
    for (int n = 0; n < CLIENTS; n++) {
        char bytes[512];
        open[n] = raw_opened(&site);
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)random_next(&seed);
        if (n % 2) memcpy(bytes, "POST /v1/events HTTP/1.1\r\n", 26);
        if (n % 4 == 3) memcpy(bytes + 26, WRITES, strlen(WRITES));
        try_to_send(&open[n], bytes, sizeof bytes);
        try_to_send(&open[n], "\r\n\r\n", 4);
        shutdown(open[n].fd, SHUT_WR);
    }
    check_none_is_served(open, CLIENTS);
    wait_until_quiet(&site, 1);
    site_closed(&site);
}

static void malformed_http_does_not_affect_other_clients(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "GET /v1/cells HTTP/2.0\r\n\r\n",
        "GET /v1/cells\r\n\r\n",
        "GET  HTTP/1.1\r\n\r\n",
        CREATE("Content-Length: abc\r\n\r\n"),
        CREATE("Content-Length: -1\r\n\r\n"),
        CREATE("Content-Length: 99999999999999999999999\r\n\r\n"),
        CREATE("Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        CREATE("Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n"),
        "\x16\x03\x01\x02\x01\x01\xfc\x03\x03\r\n\r\n"};
    struct site site = site_opened("--http-idle-s", "1", NULL);
    struct raw open[COUNT(wrong)];
    for (size_t i = 0; i < COUNT(wrong); i++) {
        open[i] = raw_opened(&site);
        say(&open[i], wrong[i]);
        shutdown(open[i].fd, SHUT_WR);
    }
    check_none_is_served(open, COUNT(wrong));
    wait_until_quiet(&site, 1);
    site_closed(&site);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, site_setup, close_site)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_connection_is_kept_after_every_answer),
        CASE(head_has_no_body_that_could_be_taken_for_an_answer),
        CASE(requests_that_come_together_are_answered_in_their_order),
        CASE(a_great_many_requests_may_come_together),
        CASE(a_request_may_come_byte_by_byte),
        cmocka_unit_test(half_a_request_is_none),
        CASE(a_client_that_does_not_wait_for_its_answer_has_its_command_done),
        cmocka_unit_test(a_connection_on_which_nothing_moves_is_closed_unless_we_keep_it_waiting),
        CASE(http_1_0_is_answered_and_closed_unless_it_asks_otherwise),
        CASE(a_target_may_be_a_whole_uri),
        CASE(headers_have_any_case_and_the_scheme_too),
        CASE(a_client_that_expects_100_is_told_to_continue_or_refused_at_once),
        CASE(a_body_whose_end_is_in_doubt_is_refused_and_the_connection_closed),
        cmocka_unit_test(random_bytes_harm_nobody),
        cmocka_unit_test(malformed_http_does_not_affect_other_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
