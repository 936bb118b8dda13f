/* sse_test.c: server-sent events as such (HTML standard, section 9.2): the head, ids, resuming by
 * Last-Event-ID, and curl as a client. What is sent is tested in ws_follow_test.c. */
#include "follow.h"
#include "http_raw.h"
#include "load.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <sys/wait.h>

#define STREAM       "/v1/events/stream"
#define READS        "Authorization: Bearer " READ_TOKEN "\r\n"
#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { EVENTS = 10 };

/* ---- Help ------------------------------------------------------------------------------------ */

static struct follower resumed(struct site *site, const char *query, const char *id) {
    char header[64];
    const char *const headers[] = {header, NULL};
    struct follower follower;
    snprintf(header, sizeof header, "Last-Event-ID: %s", id);
    struct reply reply =
        follower_asked(&site->daemon, FOLLOW_SSE, query, READ_TOKEN, headers, &follower);
    if (reply.status != 200)
        support_failed(__FILE__, __LINE__, "%s: %ld: %s", id, reply.status, reply.body.data);
    reply_free(&reply);
    return follower;
}

static void check_refused(struct site *site, const char *query, const char *id, long status,
                          const char *name) {
    char header[64];
    const char *const headers[] = {header, NULL};
    struct follower follower;
    snprintf(header, sizeof header, "Last-Event-ID: %s", id);
    test_context("%s with id %s", query, id);
    struct reply reply =
        follower_asked(&site->daemon, FOLLOW_SSE, query, READ_TOKEN, headers, &follower);
    assert_problem(&reply, status, name);
    reply_free(&reply);
    follower_close(&follower);
    test_context("%s", "");
}

/* ---- The head -------------------------------------------------------------------------------- */

static void the_head_lets_browsers_and_proxies_pass_it_on(void **state) {
    struct site *site = *state;
    struct wire wire = wire_opened(&site->daemon, 0);
    struct sse sse;
    struct reply reply = sse_asked(&wire, STREAM, READ_TOKEN, NULL, &sse); /* checks the rest */
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply_header(&reply, "Access-Control-Allow-Origin"), "*");
    assert_string_equal(reply_header(&reply, "X-Accel-Buffering"), "no");
    reply_free(&reply);
    sse_finish(&sse);
    wire_close(&wire);
}

/* The head comes when it was asked for, not with the first event. */
static void the_head_comes_at_once_and_frames_as_they_happen(void **state) {
    struct site *site = *state;
    struct follower follower = follower_opened(&site->daemon, FOLLOW_SSE, "");
    for (int i = 0; i < 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "at-once-%d", i);
        follower_expect(&follower, cell_started(site->writer, id));
    }
    follower_close(&follower);
}

static void without_a_good_token_there_is_no_stream(void **state) {
    struct site *site = *state;
    get_problem(site->nobody, STREAM, 401, "unauthorized");
    get_problem(site->nobody, STREAM "?since=0", 401, "unauthorized");
    check_problem(site->nobody, "GET", STREAM,
                  "Sec-WebSocket-Protocol: reel.v1, bearer." READ_TOKEN, NULL, 401,
                  "unauthorized"); /* which is for WebSockets */
}

static void other_methods_are_told_so(void **state) {
    struct site *site = *state;
    check_problem(site->writer, "POST", STREAM, NULL, "", 405, "method-not-allowed");
    check_problem(site->writer, "DELETE", STREAM, NULL, NULL, 405, "method-not-allowed");
}

/* The head that GET has (RFC 9110, sections 8.6 and 9.3.2). */
static void head_is_answered_without_a_length_and_ends(void **state) {
    struct site *site = *state;
    struct raw raw = raw_opened(site);
    say(&raw, "HEAD " STREAM " HTTP/1.1\r\n" HOST READS "\r\n");
    struct reply reply = heard(&raw, true);
    assert_int_equal(reply.status, 200);
    assert_null(reply_header(&reply, "Content-Length"));
    assert_null(reply_header(&reply, "Transfer-Encoding"));
    assert_string_equal(reply_header(&reply, "Content-Type"), "text/event-stream");
    assert_string_equal(reply_header(&reply, "X-Accel-Buffering"), "no");
    assert_string_equal(reply_header(&reply, "Connection"), "close");
    reply_free(&reply);
    check_ended(&raw);
    raw_close(&raw);
}

/* No chunks: the stream is what comes until the end of the connection. */
static void a_client_of_http_1_0_gets_no_chunks(void **state) {
    struct site *site = *state;
    struct wire wire = wire_opened(&site->daemon, 0);
    static const char request[] = "GET " STREAM "?since=0 HTTP/1.0\r\n" HOST READS "\r\n";
    must(wire_send(&wire, request, sizeof request - 1));
    while (!strstr(wire_rest(&wire).data, "\r\n\r\n")) must(wire_wait(&wire));
    char *body = strstr(wire.in.data, "\r\n\r\n") + 4;
    assert_null(strstr(wire.in.data, "chunked"));
    wire.at = (size_t)(body - wire.in.data);
    struct follower follower = {.kind = FOLLOW_SSE, .wire = wire};
    text_add(&follower.sse.in, "", 0);
    for (uint64_t seq = 1; seq <= EVENTS; seq++) follower_expect(&follower, seq);
    follower_close(&follower);
}

/* ---- Resuming -------------------------------------------------------------------------------- */

static void last_event_id_resumes_behind_it_whatever_since_says(void **state) {
    struct site *site = *state;
    static const char *const queries[] = {"", "?since=0", "?since=7", "?since=1000000"};
    for (size_t i = 0; i < COUNT(queries); i++) {
        struct follower follower = resumed(site, queries[i], "4");
        follower_expect(&follower, 5);
        follower_expect(&follower, 6);
        follower_close(&follower);
    }
    struct follower oldest = resumed(site, "", "0");
    follower_expect(&oldest, 1);
    follower_close(&oldest);
}

/* As event-source-polyfill and its like reconnect. */
static void the_parameter_resumes_where_the_header_does_not(void **state) {
    struct site *site = *state;
    static const char *const queries[] = {"?lastEventId=4", "?since=0&lastEventId=4", NULL};
    for (const char *const *query = queries; *query; query++) {
        struct follower follower = follower_opened(&site->daemon, FOLLOW_SSE, *query);
        follower_expect(&follower, 5);
        follower_close(&follower);
    }
    struct follower follower = resumed(site, "?lastEventId=4", "7");
    follower_expect(&follower, 8);
    follower_close(&follower);
    follower = follower_opened(&site->daemon, FOLLOW_SSE, "?since=2&lastEventId=");
    follower_expect(&follower, 3);
    follower_close(&follower);
    get_problem(site->reader, STREAM "?lastEventId=x", 400, "bad-request");
    get_problem(site->reader, "/ws/events?lastEventId=4", 400, "bad-request");
}

static void an_id_that_no_frame_had_is_refused(void **state) {
    struct site *site = *state;
    static const char *const ids[] = {"x", "-1", "1.5", "1000000", "18446744073709551616"};
    for (size_t i = 0; i < COUNT(ids); i++) check_refused(site, "", ids[i], 400, "bad-request");
}

static void one_that_trimming_has_overtaken_is_told(void **state) {
    (void)state;
    struct site site = site_opened("--retention-events", "10", NULL);
    struct reply reply = post_load(site.writer, 0, 100);
    reply_free(&reply);
    reply = get_until(site.reader, "/v1/events?since=1", 410);
    reply_free(&reply);
    check_refused(&site, "", "1", 410, "cursor-too-old");
    site_closed(&site);
}

/* As a browser does it: the connection breaks anywhere, in the middle of a frame, too. */
static void coming_back_again_and_again_leaves_nothing_out(void **state) {
    struct site *site = *state;
    struct reply reply = post_load(site->writer, 0, 1000);
    assert_int_equal(reply.status, 201);
    uint64_t head = cursor_of(&reply), last = 0, random = 7;
    reply_free(&reply);
    while (last < head) {
        char id[24];
        struct follow_frame frame;
        snprintf(id, sizeof id, "%" PRIu64, last);
        struct follower follower = resumed(site, "", id);
        for (uint64_t stay = random_next(&random) % 50; stay > 0 && last < head; stay--) {
            must(follower_read(&follower, &frame));
            assert_int_equal(frame.seq, ++last);
        }
        follower_close(&follower);
    }
}

static void positions_have_ids_too(void **state) {
    struct site *site = *state;
    struct follower follower = follower_opened(&site->daemon, FOLLOW_SSE, "?type=nothing");
    struct sse_event event;
    uint64_t seq = cell_started(site->writer, "unseen");
    do must(sse_read(&follower.wire, &follower.sse, &event));
    while (!event.data.data);
    char frame[64], id[24];
    snprintf(frame, sizeof frame, "{\"seq\":%" PRIu64 "}", seq);
    snprintf(id, sizeof id, "%" PRIu64, seq);
    assert_true(reel_str_eq(event.data, reel_text(frame)));
    assert_true(reel_str_eq(event.id, reel_text(id)));
    follower_close(&follower);
}

/* ---- curl ------------------------------------------------------------------------------------ */

struct appended {
    struct text text;
    size_t wanted;
};

static size_t take(char *bytes, size_t size, size_t count, void *context) {
    struct appended *taken = context;
    text_add(&taken->text, bytes, size * count);
    size_t events = 0;
    for (char *at = taken->text.data; (at = strstr(at, "\n\n")); at += 2) events++;
    return events < taken->wanted ? size * count : 0; /* 0: that is enough */
}

static void libcurl_reads_it(void **state) {
    struct site *site = *state;
    struct appended taken = {.wanted = 5};
    char url[128];
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Authorization: Bearer " READ_TOKEN);
    headers = curl_slist_append(headers, "Last-Event-ID: 2");
    snprintf(url, sizeof url, "%s" STREAM, site->daemon.base);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &taken);
    assert_int_equal(curl_easy_perform(curl), CURLE_WRITE_ERROR);
    for (int seq = 3; seq <= 7; seq++) {
        char part[32];
        snprintf(part, sizeof part, "id: %d\n", seq);
        assert_non_null(strstr(taken.text.data, part));
    }
    assert_null(strstr(taken.text.data, "id: 2\n"));
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    free(taken.text.data);
}

/* The stream ends as an answer does, so that curl is content, when the daemon ends. */
static void the_program_curl_reads_it_to_the_daemon_s_end(void **state) {
    (void)state;
    struct site site = site_opened(NULL);
    char command[256], line[1024];
    size_t frames = 0;
    if (system("curl --version >/dev/null 2>&1") != 0) {
        site_closed(&site);
        skip();
    }
    cell_started(site.writer, "one");
    snprintf(command, sizeof command,
             "exec curl -sSN --max-time 60 -H 'Authorization: Bearer " READ_TOKEN "' '%s" STREAM
             "?since=0'",
             site.daemon.base);
    FILE *curl = popen(command, "r");
    must(curl != NULL);
    while (frames < 1 && fgets(line, sizeof line, curl))
        frames += strncmp(line, "data: {\"seq\":1,", 15) == 0;
    cell_started(site.writer, "two");
    site_closed(&site);
    while (fgets(line, sizeof line, curl)) frames += strncmp(line, "data: {\"seq\":2,", 15) == 0;
    assert_int_equal(frames, 2);
    assert_int_equal(pclose(curl), 0);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static int set_up(void **state) {
    static struct site site;
    site = site_opened("--follow-position-ms", "50", NULL);
    for (int i = 0; i < EVENTS; i++) {
        char id[16];
        snprintf(id, sizeof id, "cell-%d", i);
        cell_started(site.writer, id);
    }
    *state = &site;
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_head_lets_browsers_and_proxies_pass_it_on),
        cmocka_unit_test(the_head_comes_at_once_and_frames_as_they_happen),
        cmocka_unit_test(without_a_good_token_there_is_no_stream),
        cmocka_unit_test(other_methods_are_told_so),
        cmocka_unit_test(head_is_answered_without_a_length_and_ends),
        cmocka_unit_test(a_client_of_http_1_0_gets_no_chunks),
        cmocka_unit_test(last_event_id_resumes_behind_it_whatever_since_says),
        cmocka_unit_test(the_parameter_resumes_where_the_header_does_not),
        cmocka_unit_test(an_id_that_no_frame_had_is_refused),
        cmocka_unit_test(one_that_trimming_has_overtaken_is_told),
        cmocka_unit_test(coming_back_again_and_again_leaves_nothing_out),
        cmocka_unit_test(positions_have_ids_too),
        cmocka_unit_test(libcurl_reads_it),
        cmocka_unit_test(the_program_curl_reads_it_to_the_daemon_s_end),
    };
    return cmocka_run_group_tests(tests, set_up, site_teardown);
}
