/* nats_bulk_test.c: while a stream is the log: NDJSON, /ws/ingest, and conditions on the log, which
 * are judged on the local copy. */
#include "nats_support.h"
#include "websocket.h"

enum { COUNT = 500 };

/* Load events `first` … `first + count - 1`, one a line. */
static struct reply lines_posted(struct client *client, uint64_t first, size_t count) {
    static const char *const headers[] = {"Content-Type: application/x-ndjson", NULL};
    struct text lines = {0};
    for (size_t i = 0; i < count; i++) {
        char event[SAMPLE_BYTES_MAX];
        text_add(&lines, event, load_event(first + i, event, sizeof event));
        text_add(&lines, "\n", 1);
    }
    struct reply reply = request(client, "POST", "/v1/events", headers, lines.data, lines.len);
    free(lines.data);
    return reply;
}

static void check_lines(struct reply reply, uint64_t appended, uint64_t repeated) {
    if (reply.status != 200) fail_msg("%ld: %s", reply.status, reply.body.data);
    assert_int_equal(reply_number(&reply, "appended"), appended);
    assert_int_equal(reply_number(&reply, "repeated"), repeated);
    reply_free(&reply);
}

static void lines_are_published_and_come_back(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    wait_until_ready(mirror.client);
    check_lines(lines_posted(mirror.client, 0, COUNT), COUNT, 0);
    check_load(mirror.client, 0, COUNT);
    check_load_log(mirror.client, 0, COUNT);
    check_lines(lines_posted(mirror.client, 0, COUNT), 0, COUNT);
    mirror_closed(&mirror);
}

static void while_the_broker_is_away_an_import_is_refused_with_its_counts(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    wait_until_ready(mirror.client);
    check_lines(lines_posted(mirror.client, 0, 10), 10, 0);
    proxy_refuse(mirror.proxy, true);
    wait_until_not_ready(mirror.client, "");
    struct reply reply = lines_posted(mirror.client, 0, COUNT);
    assert_problem(&reply, 503, "service-unavailable");
    must(reply_number(&reply, "lines") < COUNT);
    reply_free(&reply);
    proxy_refuse(mirror.proxy, false);
    wait_until_ready(mirror.client);
    reply = lines_posted(mirror.client, 0, COUNT);
    if (reply.status != 200) fail_msg("%ld: %s", reply.status, reply.body.data);
    assert_int_equal(reply_number(&reply, "lines"), COUNT);
    reply_free(&reply);
    check_load(mirror.client, 0, COUNT);
    mirror_closed(&mirror);
}

static void frames_are_answered_when_they_have_come_back(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    wait_until_ready(mirror.client);
    struct wire ws = wire_opened(&mirror.daemon, 0);
    struct reply reply = ws_asked(&ws, "/ws/ingest", WRITE_TOKEN, NULL);
    must(reply.status == 101);
    reply_free(&reply);
    for (uint64_t n = 0; n < COUNT; n++) {
        char event[SAMPLE_BYTES_MAX];
        size_t len = load_event(n, event, sizeof event);
        must(ws_send(&ws, WS_FIN | WS_TEXT, event, len));
    }
    for (uint64_t through = 0; through < COUNT;) {
        struct reel_str text = ws_text(&ws);
        json_t *answer = json_parsed(text.data, text.len);
        through = number_of(answer, "through");
        must(number_of(answer, "seq") == through);
        json_decref(answer);
    }
    assert_int_equal(status_number(mirror.client, "cursor"), COUNT);
    check_load(mirror.client, 0, COUNT);
    ws_close(&ws, 1000);
    wire_close(&ws);
    mirror_closed(&mirror);
}

static void a_condition_on_the_log_is_judged_on_the_copy(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    char epoch[128];
    wait_until_ready(mirror.client);
    publish_many(&mirror.stream, 0, 3);
    wait_for_cursor(mirror.client, 3);
    json_t *status = json_got(mirror.client, "/v1/status");
    snprintf(epoch, sizeof epoch, "Reel-Expect-Epoch: %s", text_of(status, "epoch"));
    json_decref(status);
    static const struct {
        const char *cursor, *id;
        long status;
    } posts[] = {{"Reel-Expect-Cursor: 2", "a", 412},
                 {"Reel-Expect-Cursor: 3", "b", 201},
                 {"Reel-Expect-Cursor: 3", "c", 412},
                 {"Reel-Expect-Cursor: 3", "b", 200}};
    for (size_t i = 0; i < sizeof posts / sizeof *posts; i++) {
        struct text event = {0};
        event_add(&event, posts[i].id, "t", NULL);
        const char *const headers[] = {"Content-Type: application/cloudevents+json",
                                       posts[i].cursor, epoch, NULL};
        struct reply reply =
            request(mirror.client, "POST", "/v1/events", headers, event.data, event.len);
        if (reply.status != posts[i].status)
            fail_msg("%s: %ld: %s", posts[i].id, reply.status, reply.body.data);
        reply_free(&reply);
        free(event.data);
    }
    assert_int_equal(status_number(mirror.client, "cursor"), 4);
    mirror_closed(&mirror);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_published_and_come_back),
        cmocka_unit_test(while_the_broker_is_away_an_import_is_refused_with_its_counts),
        cmocka_unit_test(frames_are_answered_when_they_have_come_back),
        cmocka_unit_test(a_condition_on_the_log_is_judged_on_the_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
