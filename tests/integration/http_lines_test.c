/* http_lines_test.c: GET /v1/events with Accept: application/x-ndjson: all events after a seq, one
 * a line. */
#include "http_support.h"
#include "load.h"
#include "wire.h"

#define AS_LINES "Accept: application/x-ndjson"

static struct reply lines_of(struct site *site, const char *path) {
    struct reply reply = asked(site->reader, "GET", path, AS_LINES, NULL, 200);
    assert_string_equal(reply_header(&reply, "Content-Type"), "application/x-ndjson");
    assert_string_equal(reply_header(&reply, "Vary"), "Accept, Origin");
    assert_non_null(reply_header(&reply, "Reel-Epoch"));
    return reply;
}

static size_t count_lines(const struct reply *reply) {
    size_t count = 0;
    for (size_t i = 0; i < reply->body.len; i++) count += reply->body.data[i] == '\n';
    if (reply->body.len > 0) assert_int_equal(reply->body.data[reply->body.len - 1], '\n');
    return count;
}

static void check_lines(struct site *site, const char *path, const char *text) {
    struct reply reply = lines_of(site, path);
    assert_string_equal(reply.body.data, text);
    reply_free(&reply);
}

static void put(struct site *site, const char *event) {
    struct reply reply = post_event(site->writer, event, strlen(event));
    if (reply.status != 201) fail_msg("%ld: %s", reply.status, reply.body.data);
    reply_free(&reply);
}

#define EVENT(id, type, rest)                                                                      \
    "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"/l\",\"type\":\"" type "\"" rest "}"

/* ---- Cases ----------------------------------------------------------------------------------- */

static void each_event_is_one_line(void **state) {
    struct site *site = *state;
    check_lines(site, "/v1/events", "");
    put(site, EVENT("1", "t.a", ",\"subject\":\"x\""));
    put(site, EVENT("2", "t.b", ",\r\n \"data\":[1,\n2]"));
    put(site, EVENT("3", "u", ""));
#define LINE1 "{\"seq\":1,\"event\":" EVENT("1", "t.a", ",\"subject\":\"x\"") "}\n"
#define LINE2 "{\"seq\":2,\"event\":" EVENT("2", "t.b", ",   \"data\":[1, 2]") "}\n"
#define LINE3 "{\"seq\":3,\"event\":" EVENT("3", "u", "") "}\n"
    check_lines(site, "/v1/events", LINE1 LINE2 LINE3);
    check_lines(site, "/v1/events?since=1", LINE2 LINE3);
    check_lines(site, "/v1/events?since=3", "");
    check_lines(site, "/v1/events?limit=1", LINE1);
    check_lines(site, "/v1/events?type=t.", LINE1 LINE2);
    check_lines(site, "/v1/events?ce_subject=x", LINE1);
    check_lines(site, "/v1/events?subject=cellos.events.event.u", LINE3);
    check_lines(site, "/v1/events?bare=true&since=2", EVENT("3", "u", "") "\n");
    check_lines(site, "/v1/events?bare=false&since=2", LINE3);
}

static void what_cannot_be_asked_for_is_refused(void **state) {
    struct site *site = *state;
    put(site, EVENT("1", "t", ""));
    check_problem(site->reader, "GET", "/v1/events?bare=true", NULL, NULL, 400, "bad-request");
    check_problem(site->reader, "GET", "/v1/events?bare=1", AS_LINES, NULL, 400, "bad-request");
    check_problem(site->reader, "GET", "/v1/events?since=2", AS_LINES, NULL, 400, "bad-request");
    check_problem(site->reader, "GET", "/v1/events?subject=.", AS_LINES, NULL, 400, "bad-request");
    check_problem(site->reader, "GET", "/v1/events?epoch=x", AS_LINES, NULL, 409, "conflict");
    check_problem(site->nobody, "GET", "/v1/events", AS_LINES, NULL, 401, "unauthorized");
}

static void check_form(struct site *site, const char *accept, const char *type) {
    test_context("%s", accept);
    struct reply reply = asked(site->reader, "GET", "/v1/events", accept, NULL, 200);
    assert_string_equal(reply_header(&reply, "Content-Type"), type);
    assert_string_equal(reply_header(&reply, "Vary"), "Accept, Origin");
    reply_free(&reply);
    test_context("%s", "");
}

static void the_form_is_what_the_client_prefers(void **state) {
    struct site *site = *state;
    static const char *const lines[] = {
        AS_LINES, "Accept: application/json;q=0.5, Application/X-NDJSON",
        "Accept: */*, application/x-ndjson", "Accept: application/x-ndjson; q=0.2, text/html"};
    static const char *const pages[] = {"Accept: */*",
                                        "Accept: text/html",
                                        "Accept: application/*",
                                        "Accept: application/json, application/x-ndjson;q=0.9",
                                        "Accept: application/x-ndjson;q=0",
                                        "Accept: nonsense,,;"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        check_form(site, lines[i], "application/x-ndjson");
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        check_form(site, pages[i], "application/json");
}

static void a_long_log_is_given_to_its_end_in_slices(void **state) {
    struct site *site = *state;
    const size_t count = scaled(100000);
    for (size_t done = 0; done < count;) {
        size_t more = count - done < 1000 ? count - done : 1000;
        struct reply reply = post_load(site->writer, done, more);
        must(reply.status == 201);
        reply_free(&reply);
        done += more;
    }
    struct reply reply = lines_of(site, "/v1/events");
    assert_int_equal(count_lines(&reply), count);
    assert_int_equal(cursor_of(&reply), count);
    uint64_t seq = 0;
    for (char *line = strtok(reply.body.data, "\n"); line; line = strtok(NULL, "\n")) {
        must(strncmp(line, "{\"seq\":", 7) == 0);
        must(strtoull(line + 7, NULL, 10) == ++seq);
    }
    reply_free(&reply);
    /* Nothing in it is asked for: many slices without a line. */
    reply = lines_of(site, "/v1/events?type=nothing");
    assert_int_equal(reply.body.len, 0);
    reply_free(&reply);
    reply = lines_of(site, "/v1/events?bare=true");
    assert_int_equal(count_lines(&reply), count);
    reply_free(&reply);
}

static void an_event_larger_than_a_slice_is_one_line(void **state) {
    struct site *site = *state;
    struct text event = {0};
    text_format(&event, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/l\",\"type\":\"t\","
                        "\"data\":\"");
    char part[1000];
    memset(part, 'x', sizeof part);
    for (int i = 0; i < 900; i++) text_add(&event, part, sizeof part);
    text_format(&event, "\"}");
    put(site, event.data);
    put(site, EVENT("2", "t", ""));
    struct reply reply = lines_of(site, "/v1/events?bare=true");
    assert_int_equal(count_lines(&reply), 2);
    assert_memory_equal(reply.body.data, event.data, event.len);
    reply_free(&reply);
    free(event.data);
}

/* Events of 8 KiB, with ids from `first` on. */
static void post_large(struct site *site, unsigned first, unsigned count) {
    static char filler[8192];
    memset(filler, 'x', sizeof filler);
    for (unsigned n = first; n < first + count;) {
        struct text batch = {0};
        for (unsigned i = 0; i < 500 && n < first + count; i++, n++) {
            text_format(&batch,
                        "%s{\"specversion\":\"1.0\",\"id\":\"%u\",\"source\":\"/large\","
                        "\"type\":\"t\",\"data\":\"",
                        i ? "," : "[", n);
            text_add(&batch, filler, sizeof filler);
            text_add(&batch, "\"}", 2);
        }
        text_format(&batch, "]");
        const char *const headers[] = {"Content-Type: application/cloudevents-batch+json", NULL};
        struct reply reply =
            request(site->writer, "POST", "/v1/events", headers, batch.data, batch.len);
        if (reply.status != 201) fail_msg("%ld: %.300s", reply.status, reply.body.data);
        reply_free(&reply);
        free(batch.data);
    }
}

static void wait_for_floor(struct site *site, uint64_t wanted) {
    for (int waited = 0;; waited++) {
        if (status_number(site->reader, "first_seq") >= wanted) return;
        must(waited < 60000);
        usleep(1000);
    }
}

/* The client reads the head, and the rest when the log has been trimmed beyond what its socket has
 * taken. */
static void an_answer_that_trimming_overtakes_is_cut(void **state) {
    (void)state;
    enum { EVENTS = 3000 };
    struct site site =
        site_opened("--retention-events", "3000", "--segment-bytes", "1048576", NULL);
    post_large(&site, 0, EVENTS);
    struct wire wire = wire_opened(&site.daemon, 4096);
    const char *const headers[] = {AS_LINES, NULL};
    wire_get(&wire, "/v1/events", READ_TOKEN, headers);
    struct reply reply = wire_answer(&wire);
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    post_large(&site, EVENTS, EVENTS);
    wait_for_floor(&site, EVENTS - 200);
    while (wire_wait(&wire)) continue;
    must(wire.in.len > 5);
    if (memcmp(wire.in.data + wire.in.len - 5, "0\r\n\r\n", 5) == 0)
        fail_msg("a complete answer of %zu bytes", wire.in.len);
    wire_close(&wire);
    site_closed(&site);
}

static void head_has_the_head_alone(void **state) {
    struct site *site = *state;
    put(site, EVENT("1", "t", ""));
    struct reply reply = asked(site->reader, "HEAD", "/v1/events", AS_LINES, NULL, 200);
    assert_string_equal(reply_header(&reply, "Content-Type"), "application/x-ndjson");
    assert_int_equal(cursor_of(&reply), 1);
    reply_free(&reply);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(each_event_is_one_line),
        CASE(what_cannot_be_asked_for_is_refused),
        CASE(the_form_is_what_the_client_prefers),
        CASE(a_long_log_is_given_to_its_end_in_slices),
        CASE(an_event_larger_than_a_slice_is_one_line),
        cmocka_unit_test(an_answer_that_trimming_overtakes_is_cut),
        CASE(head_has_the_head_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
