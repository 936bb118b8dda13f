/* http_import_test.c: POST /v1/events with NDJSON: any number of events, one a line. */
#include "disk.h"
#include "http_raw.h"
#include "load.h"

#include <signal.h>

#define STRICT_SO    build_path("tests/integration/plugins/strict.so")
#define NDJSON       "Content-Type: application/x-ndjson"
#define LINE(id)     "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"/i\",\"type\":\"t\"}"
#define NOTHING_MORE "\"first_seq\":0,\"last_seq\":0,\"rejections\":[]"

static int open_site(void **state) {
    static struct site site;
    site = site_opened("--plugin", STRICT_SO, NULL);
    *state = &site;
    return 0;
}

static int close_site(void **state) {
    wait_until_quiet(*state, 3); /* the three clients, as far as they were used */
    site_closed(*state);
    return 0;
}

/* ---- Requests -------------------------------------------------------------------------------- */

/* The head of a request whose body has this length, or is chunked. */
static struct raw begun(const struct site *site, const char *query, size_t length, bool chunked) {
    struct raw raw = raw_opened(site);
    char head[512];
    int len = snprintf(head, sizeof head,
                       "POST /v1/events%s HTTP/1.1\r\n" HOST WRITES NDJSON "\r\n", query);
    if (chunked)
        snprintf(head + len, sizeof head - (size_t)len, "Transfer-Encoding: chunked\r\n\r\n");
    else
        snprintf(head + len, sizeof head - (size_t)len, "Content-Length: %zu\r\n\r\n", length);
    say(&raw, head);
    return raw;
}

static bool say_chunk(struct raw *raw, const void *bytes, size_t len) {
    char size[32];
    snprintf(size, sizeof size, "%zx\r\n", len);
    return try_to_send(raw, size, strlen(size)) && try_to_send(raw, bytes, len) &&
           try_to_send(raw, "\r\n", 2);
}

/* The answer, and the connection's end. */
static struct reply answered(struct raw *raw) {
    struct reply reply = heard(raw, false);
    must(reply.status != 0);
    const char *connection = reply_header(&reply, "Connection");
    must(connection && strcmp(connection, "close") == 0);
    raw_close(raw);
    return reply;
}

static struct reply imported(const struct site *site, const char *query, const char *body) {
    struct raw raw = begun(site, query, strlen(body), false);
    try_to_send(&raw, body, strlen(body));
    return answered(&raw);
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static uint64_t head_of(struct site *site) {
    return status_number(site->reader, "head");
}

static void check_imported(const struct site *site, const char *query, const char *body,
                           const char *wanted) {
    struct reply reply = imported(site, query, body);
    if (reply.status != 200) fail_msg("%ld: %s", reply.status, reply.body.data);
    assert_string_equal(reply_header(&reply, "Content-Type"), "application/json");
    assert_string_equal(reply.body.data, wanted);
    reply_free(&reply);
}

/* A problem about one line, with the counts before it. */
static void check_refused(const struct site *site, const char *body, long status, const char *name,
                          uint64_t line, uint64_t before, const char *reason) {
    struct reply reply = imported(site, "", body);
    assert_problem(&reply, status, name);
    json_t *problem = json_taken(reply);
    assert_int_equal(number_of(problem, "line"), line);
    assert_int_equal(number_of(problem, "lines"), before);
    if (!strstr(text_of(problem, "reason"), reason)) fail_msg("%s", text_of(problem, "reason"));
    json_decref(problem);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void each_line_is_an_event(void **state) {
    struct site *site = *state;
    check_imported(site, "", LINE("1") "\r\n\n \n" LINE("2") "\n" LINE("3"),
                   "{\"lines\":3,\"appended\":3,\"repeated\":0,\"applied\":0,\"ignored\":3,"
                   "\"rejected\":0,\"first_seq\":1,\"last_seq\":3,\"rejections\":[]}");
    check_imported(site, "", LINE("2") "\n" LINE("4") "\n",
                   "{\"lines\":2,\"appended\":1,\"repeated\":1,\"applied\":0,\"ignored\":2,"
                   "\"rejected\":0,\"first_seq\":2,\"last_seq\":4,\"rejections\":[]}");
    struct reply reply = got(site->reader, "/v1/events/1/raw", 200);
    assert_string_equal(reply.body.data, LINE("1"));
    reply_free(&reply);
}

static void a_body_without_lines_appends_nothing(void **state) {
    struct site *site = *state;
    static const char *const bodies[] = {"\n", "\r\n\n  \n"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        check_imported(site, "", bodies[i],
                       "{\"lines\":0,\"appended\":0,\"repeated\":0,\"applied\":0,\"ignored\":0,"
                       "\"rejected\":0," NOTHING_MORE "}");
    struct reply reply = asked(site->writer, "POST", "/v1/events", NDJSON, "", 200);
    assert_non_null(strstr(reply.body.data, NOTHING_MORE));
    reply_free(&reply);
}

static void rejected_lines_are_named(void **state) {
    struct site *site = *state;
    struct text body = {0};
    for (int i = 0; i < 30; i++)
        text_format(&body,
                    "{\"specversion\":\"1.0\",\"id\":\"r%d\",\"source\":\"/i\",\"type\":"
                    "\"io.cellos.formation.v1.created\"}\n",
                    i);
    json_t *answer = json_taken(imported(site, "", body.data));
    assert_int_equal(number_of(answer, "rejected"), 30);
    json_t *rejections = json_object_get(answer, "rejections");
    assert_int_equal(json_array_size(rejections), 20);
    const json_t *last = json_array_get(rejections, 19);
    assert_int_equal(number_of(last, "line"), 20);
    assert_int_equal(number_of(last, "seq"), 20);
    assert_string_equal(text_of(last, "collection"), "formations");
    assert_string_equal(text_of(last, "reason"), "event missing formationId");
    json_decref(answer);
    free(body.data);
}

static void a_line_that_is_no_event_ends_it(void **state) {
    struct site *site = *state;
    check_refused(site, LINE("1") "\n" LINE("2") "\n\n{\n" LINE("3") "\n", 400, "bad-request", 4, 2,
                  "not JSON");
    check_refused(site, LINE("1") "\n{\"specversion\":\"1.0\",\"id\":\"x\",\"type\":\"t\"}", 400,
                  "bad-request", 2, 1, "source");
    check_refused(site, "\n[" LINE("1") "]\n", 400, "bad-request", 2, 0, "");
    assert_int_equal(head_of(site), 2);
}

static void bad_lines_are_counted_if_that_is_wanted(void **state) {
    struct site *site = *state;
    struct text body = {0};
    for (int i = 0; i < 25; i++) text_format(&body, "%s\nnonsense %d\n", LINE("1"), i);
    json_t *answer = json_taken(imported(site, "?stop=false", body.data));
    assert_int_equal(number_of(answer, "lines"), 50);
    assert_int_equal(number_of(answer, "appended"), 1);
    assert_int_equal(number_of(answer, "repeated"), 24);
    assert_int_equal(number_of(answer, "invalid"), 25);
    json_t *invalid = json_object_get(answer, "invalid_lines");
    assert_int_equal(json_array_size(invalid), 20);
    assert_int_equal(number_of(json_array_get(invalid, 19), "line"), 40);
    json_decref(answer);
    free(body.data);
}

static void a_line_has_the_bound_of_an_event(void **state) {
    struct site *site = *state;
    enum { MOST = 1 << 20 };
    struct text body = {0};
    static char spaces[MOST];
    memset(spaces, ' ', sizeof spaces);
    text_format(&body, "%s", LINE("1"));
    text_add(&body, spaces, MOST - body.len);
    text_format(&body, "\n%s", LINE("2"));
    text_add(&body, spaces, MOST + 1 - strlen(LINE("2")));
    text_format(&body, "\n%s\n", LINE("3"));
    check_refused(site, body.data, 413, "payload-too-large", 2, 1, "more than");
    json_t *answer = json_taken(imported(site, "?stop=false", body.data));
    assert_int_equal(number_of(answer, "appended"), 1);
    assert_int_equal(number_of(answer, "repeated"), 1);
    assert_int_equal(number_of(answer, "invalid"), 1);
    json_decref(answer);
    free(body.data);
}

#define PARCEL(id, subject)                                                                        \
    "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"/i\",\"type\":\"test.parcels.v1.sent" \
    "\"" subject ",\"data\":{\"weight\":1,\"to\":{\"town\":\"x\",\"zip\":1}}}"

static void a_line_that_is_not_as_declared_ends_it(void **state) {
    struct site *site = *state;
    check_refused(site, LINE("1") "\n" LINE("2") "\n" PARCEL("3", "") "\n" LINE("4") "\n", 422,
                  "event-not-as-declared", 3, 2, "parcels");
    assert_int_equal(head_of(site), 2);
    json_t *answer = json_taken(
        imported(site, "?stop=false",
                 LINE("5") "\n" PARCEL("6", "") "\n" PARCEL("7", "") "\n" LINE("8") "\n"));
    assert_int_equal(number_of(answer, "appended"), 2);
    assert_int_equal(number_of(answer, "invalid"), 2);
    json_decref(answer);
    assert_int_equal(head_of(site), 4);
}

static void what_cannot_be_imported_is_refused_at_its_head(void **state) {
    struct site *site = *state;
    struct reply reply = asked(site->reader, "POST", "/v1/events", NDJSON, LINE("1"), 403);
    reply_free(&reply);
    check_problem(site->writer, "POST", "/v1/events?stop=maybe", NDJSON, LINE("1"), 400,
                  "bad-request");
    check_problem(site->writer, "POST", "/v1/events?stop=true",
                  "Content-Type: application/cloudevents+json", LINE("1"), 400, "bad-request");
    check_problem(site->writer, "POST", "/v1/events?type=t", NDJSON, LINE("1"), 400, "bad-request");
    check_problem(site->writer, "POST", "/v1/formations", NDJSON, FORMATION, 415,
                  "unsupported-media-type");
    const char *const headers[][3] = {{NDJSON, "Content-Encoding: gzip", NULL},
                                      {NDJSON, "If-Match: \"x\"", NULL},
                                      {NDJSON, "Reel-Expect-Cursor: 0", NULL}};
    static const long statuses[] = {415, 412, 400};
    for (size_t i = 0; i < 3; i++) {
        reply =
            request(site->writer, "POST", "/v1/events", headers[i], LINE("1"), strlen(LINE("1")));
        assert_int_equal(reply.status, statuses[i]);
        reply_free(&reply);
    }
    assert_int_equal(head_of(site), 0);
}

/* ---- Forms of a body ------------------------------------------------------------------------- */

static void chunks_may_end_anywhere(void **state) {
    struct site *site = *state;
    const char *body = LINE("1") "\n" LINE("2") "\r\n" LINE("3");
    for (size_t size = 1; size <= strlen(body); size += 1 + size / 3) {
        struct raw raw = begun(site, "", 0, true);
        for (size_t at = 0; at < strlen(body); at += size)
            say_chunk(&raw, body + at, strlen(body) - at < size ? strlen(body) - at : size);
        say(&raw, "0\r\nTrailer: x\r\n\r\n");
        struct reply reply = answered(&raw);
        must(reply.status == 200);
        assert_int_equal(reply_number(&reply, "lines"), 3);
        reply_free(&reply);
    }
    assert_int_equal(head_of(site), 3);
}

static void a_broken_chunk_is_answered_with_the_counts(void **state) {
    struct site *site = *state;
    struct raw raw = begun(site, "", 0, true);
    say_chunk(&raw, LINE("1") "\n" LINE("2") "\n", 2 * strlen(LINE("1")) + 2);
    say(&raw, "xyz\r\n");
    struct reply reply = answered(&raw);
    assert_problem(&reply, 400, "bad-request");
    assert_int_equal(reply_number(&reply, "lines"), 2);
    reply_free(&reply);
}

static void a_client_may_ask_before_it_sends(void **state) {
    struct site *site = *state;
    struct raw raw = raw_opened(site);
    say(&raw, "POST /v1/events HTTP/1.1\r\n" HOST WRITES NDJSON
              "\r\nExpect: 100-continue\r\nContent-Length: 60\r\n\r\n");
    while (!raw.in.data || !strstr(raw.in.data, "\r\n\r\n")) must(raw_read(&raw));
    must(strncmp(raw.in.data, "HTTP/1.1 100 ", 13) == 0);
    raw_drop(&raw, raw.in.len);
    char body[61];
    snprintf(body, sizeof body, "%-60s", LINE("1"));
    say(&raw, body);
    struct reply reply = answered(&raw);
    assert_int_equal(reply_number(&reply, "appended"), 1);
    reply_free(&reply);
}

/* The client does not look for an answer before it has sent much more. */
static void what_follows_a_bad_line_is_dropped_for_a_while(void **state) {
    struct site *site = *state;
    static char rest[512 << 10];
    memset(rest, 'x', sizeof rest);
    struct raw raw = begun(site, "", 0, true);
    say_chunk(&raw, "nonsense\n", 9);
    must(say_chunk(&raw, rest, sizeof rest));
    struct reply reply = answered(&raw);
    assert_problem(&reply, 400, "bad-request");
    reply_free(&reply);
    raw = begun(site, "", 0, true);
    say_chunk(&raw, "nonsense\n", 9);
    while (say_chunk(&raw, rest, sizeof rest)) continue; /* it is cut */
    raw_close(&raw);
}

/* ---- Cut ------------------------------------------------------------------------------------- */

static void check_each_is_once(struct site *site, size_t count) {
    assert_int_equal(head_of(site), count);
    struct reply reply = asked(site->reader, "GET", "/v1/events?bare=true",
                               "Accept: application/x-ndjson", NULL, 200);
    size_t lines = 0;
    for (size_t i = 0; i < reply.body.len; i++) lines += reply.body.data[i] == '\n';
    assert_int_equal(lines, count);
    reply_free(&reply);
}

static void a_body_cut_anywhere_and_sent_again_is_there_once(void **state) {
    struct site *site = *state;
    const char *body = LINE("1") "\r\n" LINE("2") "\n\n" LINE("3") "\n";
    for (size_t at = 0; at < strlen(body); at++) {
        struct raw raw = begun(site, "", strlen(body), false);
        if (at > 0) try_to_send(&raw, body, at);
        raw_close(&raw);
        wait_for_figure(site, "\nreel_imports ", 0);
    }
    uint64_t before = head_of(site);
    must(before <= 3);
    json_t *answer = json_taken(imported(site, "", body));
    assert_int_equal(number_of(answer, "appended"), 3 - before);
    assert_int_equal(number_of(answer, "repeated"), before);
    json_decref(answer);
    check_each_is_once(site, 3);
}

/* Many lines, sent up to a place that is drawn; five times; then to the end. */
static void a_long_body_cut_five_times_is_there_once(void **state) {
    struct site *site = *state;
    const size_t count = getenv("REEL_TEST_LONG") ? 1000000 : 20000;
    uint64_t seed = 7;
    for (int round = 0; round < 6; round++) {
        size_t until = round < 5 ? random_next(&seed) % count : count;
        struct raw raw = begun(site, "", 0, true);
        struct text part = {0};
        for (size_t n = 0; n < until; n++) {
            char event[SAMPLE_BYTES_MAX];
            size_t len = load_event(n, event, sizeof event);
            text_add(&part, event, len);
            text_add(&part, "\n", 1);
            if (part.len < 60000 && n + 1 < until) continue;
            must(say_chunk(&raw, part.data, part.len));
            part.len = 0;
        }
        if (round < 5) {
            say(&raw, "40\r\n{\"specver");
            raw_close(&raw);
        } else {
            say(&raw, "0\r\n\r\n");
            struct reply reply = answered(&raw);
            if (reply.status != 200) fail_msg("%ld: %s", reply.status, reply.body.data);
            assert_int_equal(reply_number(&reply, "lines"), count);
            assert_int_equal(reply_number(&reply, "last_seq"), count);
            assert_int_equal(reply_number(&reply, "rejected"), 0);
            reply_free(&reply);
        }
        free(part.data);
    }
    check_each_is_once(site, count);
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

static void so_many_at_a_time(void **state) {
    (void)state;
    struct site opened = site_opened("--imports-max", "2", NULL), *site = &opened;
    struct raw first = begun(site, "", 1000, false), second = begun(site, "", 1000, false);
    say(&first, "\n");
    say(&second, "\n");
    wait_for_figure(site, "\nreel_imports ", 2);
    struct reply reply = asked(site->writer, "POST", "/v1/events", NDJSON, LINE("1"), 503);
    assert_problem(&reply, 503, "service-unavailable");
    reply_free(&reply);
    raw_close(&first);
    wait_for_figure(site, "\nreel_imports ", 1);
    reply = imported(site, "", LINE("1"));
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    raw_close(&second);
    site_closed(site);
}

static void a_client_that_sends_nothing_is_answered(void **state) {
    (void)state;
    struct site site = site_opened("--import-idle-ms", "200", NULL);
    struct raw raw = begun(&site, "", 1000, false);
    say(&raw, LINE("1") "\n" LINE("2") "\n{");
    struct reply reply = answered(&raw);
    assert_problem(&reply, 408, "request-timeout");
    assert_int_equal(reply_number(&reply, "lines"), 2);
    reply_free(&reply);
    site_closed(&site);
}

static void a_daemon_that_ends_says_how_far_it_has_come(void **state) {
    (void)state;
    struct site site = site_opened(NULL);
    struct raw raw = begun(&site, "", 1000, false);
    say(&raw, LINE("1") "\n" LINE("2") "\n{");
    while (head_of(&site) < 2) usleep(1000);
    kill(site.daemon.pid, SIGTERM);
    struct reply reply = answered(&raw);
    assert_problem(&reply, 503, "service-unavailable");
    assert_int_equal(reply_number(&reply, "lines"), 2);
    reply_free(&reply);
    site_hang_up(&site);
    must(daemon_wait(&site.daemon) == 0);
}

static struct site stallable_site(const char *stall) {
    stalls_begin(stall);
    struct site site = site_opened(NULL);
    stalls_end();
    return site;
}

/* Sends as much as the other side takes without a pause of a second. Returns how much. */
static size_t sent_until_pushed_back(struct raw *raw, const char *bytes, size_t len) {
    struct pollfd poll_fd = {.fd = raw->fd, .events = POLLOUT};
    size_t sent = 0;
    while (sent < len && poll(&poll_fd, 1, 1000) > 0) {
        ssize_t done = send(raw->fd, bytes + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        must(done > 0 || errno == EAGAIN);
        if (done > 0) sent += (size_t)done;
    }
    return sent;
}

/* While the disk does not answer, a client is pushed back: neither refused, nor taken into memory
 * without a bound. */
static void a_disk_that_does_not_answer_pushes_the_client_back(void **state) {
    (void)state;
    enum { BYTES = 48 << 20 };
    const char *stall = path_in(scratch_directory(), "stall");
    struct site site = stallable_site(stall);
    struct text lines = {0};
    size_t count = 0;
    while (lines.len < BYTES) {
        char event[SAMPLE_BYTES_MAX];
        text_add(&lines, event, load_event(count++, event, sizeof event));
        text_add(&lines, "\n", 1);
    }
    uint64_t before = process_memory(site.daemon.pid);
    fclose(fopen(stall, "w"));
    struct raw raw = begun(&site, "", lines.len, false);
    size_t sent = sent_until_pushed_back(&raw, lines.data, lines.len);
    must(sent < lines.len);
    if (!memory_is_sanitized()) must(process_memory(site.daemon.pid) < before + (24u << 20));
    must(unlink(stall) == 0);
    must(try_to_send(&raw, lines.data + sent, lines.len - sent));
    struct reply reply = answered(&raw);
    if (reply.status != 200) fail_msg("%ld: %s", reply.status, reply.body.data);
    assert_int_equal(reply_number(&reply, "appended"), count);
    reply_free(&reply);
    free(lines.data);
    site_closed(&site);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_site, close_site)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(each_line_is_an_event),
        CASE(a_body_without_lines_appends_nothing),
        CASE(rejected_lines_are_named),
        CASE(a_line_that_is_no_event_ends_it),
        CASE(bad_lines_are_counted_if_that_is_wanted),
        CASE(a_line_has_the_bound_of_an_event),
        CASE(a_line_that_is_not_as_declared_ends_it),
        CASE(what_cannot_be_imported_is_refused_at_its_head),
        CASE(chunks_may_end_anywhere),
        CASE(a_broken_chunk_is_answered_with_the_counts),
        CASE(a_client_may_ask_before_it_sends),
        CASE(what_follows_a_bad_line_is_dropped_for_a_while),
        CASE(a_body_cut_anywhere_and_sent_again_is_there_once),
        CASE(a_long_body_cut_five_times_is_there_once),
        cmocka_unit_test(so_many_at_a_time),
        cmocka_unit_test(a_client_that_sends_nothing_is_answered),
        cmocka_unit_test(a_daemon_that_ends_says_how_far_it_has_come),
        cmocka_unit_test(a_disk_that_does_not_answer_pushes_the_client_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
