/* ws_ingest_test.c: GET /ws/ingest: events by WebSocket, one a frame. */
#include "http_support.h"
#include "load.h"
#include "websocket.h"

#include <signal.h>

#define STRICT_SO build_path("tests/integration/plugins/strict.so")
#define EVENT(id) "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"/w\",\"type\":\"t\"}"

static int open_site(void **state) {
    static struct site site;
    site = site_opened("--plugin", STRICT_SO, NULL);
    *state = &site;
    return 0;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static struct wire ingest_opened(const struct daemon *daemon) {
    struct wire ws = wire_opened(daemon, 0);
    struct reply reply = ws_asked(&ws, "/ws/ingest", WRITE_TOKEN, NULL);
    if (reply.status != 101)
        support_failed(__FILE__, __LINE__, "%ld: %s", reply.status,
                       reply.body.data ? reply.body.data : "");
    reply_free(&reply);
    return ws;
}

static void put(struct wire *ws, const char *text) {
    must(ws_send(ws, WS_FIN | WS_TEXT, text, strlen(text)));
}

static json_t *answer_of(struct wire *ws) {
    struct reel_str text = ws_text(ws);
    return json_parsed(text.data, text.len);
}

/* Reads answers until this frame is through. Their lists are joined in the last one, which is
 * returned. */
static json_t *through(struct wire *ws, uint64_t number) {
    json_t *all = json_object(), *answer;
    uint64_t before = 0, reached = 0;
    do {
        answer = answer_of(ws);
        reached = number_of(answer, "through");
        must(reached > before);
        before = reached;
        json_object_set(all, "seq", json_object_get(answer, "seq"));
        static const char *const lists[] = {"rejections", "invalid"};
        for (size_t i = 0; i < 2; i++) {
            json_t *more = json_object_get(answer, lists[i]);
            json_t *list = json_object_get(all, lists[i]);
            if (!list) json_object_set_new(all, lists[i], list = json_array());
            if (more) json_array_extend(list, more);
        }
        json_decref(answer);
    } while (reached < number);
    assert_int_equal(reached, number);
    return all;
}

static void check_through(struct wire *ws, uint64_t number, uint64_t seq) {
    json_t *answer = through(ws, number);
    assert_int_equal(number_of(answer, "seq"), seq);
    assert_int_equal(json_array_size(json_object_get(answer, "rejections")), 0);
    assert_int_equal(json_array_size(json_object_get(answer, "invalid")), 0);
    json_decref(answer);
}

static uint64_t head_of(struct site *site) {
    json_t *status = json_got(site->reader, "/v1/status");
    uint64_t head = number_of(status, "head");
    json_decref(status);
    return head;
}

static void check_asked(struct site *site, const char *token, const char *const *headers,
                        long status) {
    struct wire ws = wire_opened(&site->daemon, 0);
    struct reply reply = ws_asked(&ws, "/ws/ingest", token, headers);
    if (reply.status != status) fail_msg("%ld instead of %ld", reply.status, status);
    reply_free(&reply);
    wire_close(&ws);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void each_frame_is_answered_when_it_is_durable(void **state) {
    struct site *site = *state;
    struct wire ws = ingest_opened(&site->daemon);
    put(&ws, EVENT("1"));
    check_through(&ws, 1, 1);
    assert_int_equal(head_of(site), 1);
    put(&ws, EVENT("2"));
    put(&ws, EVENT("1")); /* a repeat */
    put(&ws, EVENT("3"));
    check_through(&ws, 4, 3);
    assert_int_equal(head_of(site), 3);
    ws_close(&ws, 1000);
    wire_close(&ws);
}

static void frames_without_an_event_are_named(void **state) {
    struct site *site = *state;
    struct wire ws = ingest_opened(&site->daemon);
    put(&ws, "nonsense");
    json_t *answer = through(&ws, 1);
    const json_t *invalid = json_array_get(json_object_get(answer, "invalid"), 0);
    assert_int_equal(number_of(invalid, "frame"), 1);
    must(strstr(text_of(invalid, "reason"), "not JSON") != NULL);
    json_decref(answer);
    put(&ws, EVENT("1"));
    must(ws_send(&ws, WS_FIN | WS_BINARY, EVENT("2"), strlen(EVENT("2"))));
    put(&ws, "");
    put(&ws, "{\"specversion\":\"1.0\",\"id\":\"r\",\"source\":\"/i\",\"type\":"
             "\"io.cellos.formation.v1.created\"}");
    put(&ws, "{\"specversion\":\"1.0\",\"id\":\"p\",\"source\":\"/i\",\"type\":"
             "\"test.parcels.v1.sent\"}"); /* not as declared */
    put(&ws, EVENT("3"));
    answer = through(&ws, 7);
    assert_int_equal(number_of(answer, "seq"), 3);
    const json_t *rejection = json_array_get(json_object_get(answer, "rejections"), 0);
    assert_int_equal(json_array_size(json_object_get(answer, "rejections")), 1);
    assert_int_equal(number_of(rejection, "frame"), 5);
    assert_int_equal(number_of(rejection, "seq"), 2);
    assert_string_equal(text_of(rejection, "collection"), "formations");
    static const uint64_t wanted[] = {3, 4, 6};
    bool found[3] = {false};
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(answer, "invalid"), i,
                       one) for (size_t n = 0; n < 3; n++) if (number_of(one, "frame") == wanted[n])
        found[n] = true;
    assert_int_equal(json_array_size(json_object_get(answer, "invalid")), 3);
    assert_true(found[0] && found[1] && found[2]);
    json_decref(answer);
    ws_close(&ws, 1000);
    wire_close(&ws);
}

static void frames_may_come_in_parts(void **state) {
    struct site *site = *state;
    struct wire ws = ingest_opened(&site->daemon);
    const char *event = EVENT("1");
    size_t len = strlen(event);
    must(ws_send(&ws, WS_TEXT, event, 10));
    must(ws_send(&ws, WS_FIN | WS_PING, "?", 1));
    must(ws_send(&ws, WS_CONTINUATION, event + 10, 10));
    must(ws_send(&ws, WS_FIN | WS_CONTINUATION, event + 20, len - 20));
    check_through(&ws, 1, 1);
    struct text bytes = {0};
    ws_add_frame(&bytes, WS_FIN | WS_TEXT, EVENT("2"), strlen(EVENT("2")));
    for (size_t at = 0; at < bytes.len; at++) must(wire_send(&ws, bytes.data + at, 1));
    free(bytes.data);
    check_through(&ws, 2, 2);
    ws_close(&ws, 1000);
    wire_close(&ws);
}

static void check_closed(struct site *site, unsigned first, const void *payload, size_t len,
                         unsigned code) {
    char reason[124];
    struct wire ws = ingest_opened(&site->daemon);
    put(&ws, EVENT("1"));
    ws_send(&ws, first, payload, len);
    unsigned closed = ws_closed(&ws, reason);
    if (closed != code) fail_msg("%u %s instead of %u", closed, reason, code);
    must(strncmp(reason, "frame 2: ", 9) == 0);
    wire_close(&ws);
}

static void what_breaks_the_rules_is_closed(void **state) {
    struct site *site = *state;
    static char large[(1 << 20) + 1];
    memset(large, ' ', sizeof large);
    check_closed(site, WS_FIN | WS_TEXT, large, sizeof large, 1009);
    check_closed(site, WS_FIN | WS_TEXT, "\xff", 1, 1007);
    check_closed(site, WS_FIN | WS_CONTINUATION, "x", 1, 1002);
    check_closed(site, WS_FIN | 3, "x", 1, 1002);
    assert_int_equal(head_of(site), 1); /* what came before was appended */
}

static void an_event_may_be_as_large_as_any(void **state) {
    struct site *site = *state;
    static char large[1 << 20];
    struct wire ws = ingest_opened(&site->daemon);
    memset(large, ' ', sizeof large);
    memcpy(large, EVENT("1"), strlen(EVENT("1")));
    must(ws_send(&ws, WS_FIN | WS_TEXT, large, sizeof large));
    check_through(&ws, 1, 1);
    ws_close(&ws, 1000);
    wire_close(&ws);
}

static void who_may_not_write_is_refused(void **state) {
    struct site *site = *state;
    check_asked(site, READ_TOKEN, NULL, 403);
    check_asked(site, "another", NULL, 401);
    check_asked(site, NULL, NULL, 401);
    const char *const bearer[] = {"Sec-WebSocket-Protocol: reel.v1, bearer." WRITE_TOKEN, NULL};
    check_asked(site, NULL, bearer, 101);
    const char *const alone[] = {"Sec-WebSocket-Protocol: bearer." WRITE_TOKEN, NULL};
    check_asked(site, NULL, alone, 400);
    const char *const events[] = {"Sec-WebSocket-Protocol: cloudevents.json", NULL};
    check_asked(site, WRITE_TOKEN, events, 400);
    check_problem(site->writer, "GET", "/ws/ingest", NULL, NULL, 400, "bad-request");
    check_problem(site->writer, "GET", "/ws/ingest?since=1", NULL, NULL, 400, "bad-request");
}

static void so_many_at_a_time(void **state) {
    (void)state;
    struct site site = site_opened("--ingests-max", "2", NULL);
    struct wire first = ingest_opened(&site.daemon), second = ingest_opened(&site.daemon);
    check_asked(&site, WRITE_TOKEN, NULL, 503);
    ws_close(&first, 1000);
    wire_close(&first);
    for (int waited = 0;; waited++) {
        struct wire ws = wire_opened(&site.daemon, 0);
        struct reply reply = ws_asked(&ws, "/ws/ingest", WRITE_TOKEN, NULL);
        long status = reply.status;
        reply_free(&reply);
        wire_close(&ws);
        if (status == 101) break;
        must(status == 503 && waited < 30000);
        usleep(1000);
    }
    wire_close(&second);
    site_closed(&site);
}

static void a_client_that_is_gone_is_noticed(void **state) {
    (void)state;
    struct site site = site_opened("--follow-ping-ms", "100", "--follow-stall-ms", "300", NULL);
    struct wire ws = ingest_opened(&site.daemon);
    struct ws_frame frame;
    for (int i = 0; i < 3; i++) {
        must(ws_read(&ws, &frame));
        assert_int_equal(frame.opcode, WS_PING);
        ws_send(&ws, WS_FIN | WS_PONG, "", 0);
    }
    must(ws_read(&ws, &frame)); /* this one is not answered */
    assert_int_equal(frame.opcode, WS_PING);
    while (ws_read(&ws, &frame)) continue;
    wire_close(&ws);
    site_closed(&site);
}

static void a_daemon_that_ends_answers_what_it_has_appended(void **state) {
    (void)state;
    struct site site = site_opened(NULL);
    struct wire ws = ingest_opened(&site.daemon);
    put(&ws, EVENT("1"));
    put(&ws, EVENT("2"));
    while (head_of(&site) < 2) usleep(1000);
    kill(site.daemon.pid, SIGTERM);
    check_through(&ws, 2, 2);
    assert_int_equal(ws_closed(&ws, NULL), 1001);
    wire_close(&ws);
    site_hang_up(&site);
    must(daemon_wait(&site.daemon) == 0);
}

/* Answers are kept for a client that does not read them up to a bound; then it is pushed back, and
 * is cut in the end. */
static void a_client_that_does_not_read_its_answers_is_cut(void **state) {
    (void)state;
    struct site site = site_opened("--follow-stall-ms", "1000", NULL);
    struct wire ws = wire_opened(&site.daemon, 4096);
    struct reply reply = ws_asked(&ws, "/ws/ingest", WRITE_TOKEN, NULL);
    must(reply.status == 101);
    reply_free(&reply);
    uint64_t before = process_memory(site.daemon.pid);
    struct text bytes = {0};
    /* Each frame has a long answer. */
    for (int i = 0; i < 1000; i++) ws_add_frame(&bytes, WS_FIN | WS_TEXT, "x", 1);
    while (wire_send(&ws, bytes.data, bytes.len)) continue;
    free(bytes.data);
    if (!memory_is_sanitized()) must(process_memory(site.daemon.pid) < before + (32u << 20));
    wire_close(&ws);
    site_closed(&site);
}

/* ---- Killed ---------------------------------------------------------------------------------- */

enum { IN_FLIGHT = 1000 };

/* Sends load events from `first` on, with at most IN_FLIGHT that are not answered, and kills the
 * daemon after about `wanted` answers. Returns how many were answered. */
static uint64_t send_and_kill(struct daemon *daemon, uint64_t first, uint64_t wanted) {
    struct wire ws = ingest_opened(daemon);
    uint64_t sent = 0, answered = 0;
    struct ws_frame frame;
    for (;;) {
        struct text bytes = {0};
        for (; sent < answered + IN_FLIGHT; sent++) {
            char event[SAMPLE_BYTES_MAX];
            size_t len = load_event(first + sent, event, sizeof event);
            ws_add_frame(&bytes, WS_FIN | WS_TEXT, event, len);
        }
        if (bytes.len > 0) must(wire_send(&ws, bytes.data, bytes.len));
        free(bytes.data);
        if (answered >= wanted) break;
        must(ws_read(&ws, &frame) && frame.opcode == WS_TEXT);
        json_t *answer = json_parsed(frame.payload.data, frame.payload.len);
        answered = number_of(answer, "through");
        json_decref(answer);
    }
    daemon_kill(daemon);
    while (ws_read(&ws, &frame)) {
        if (frame.opcode != WS_TEXT) continue;
        json_t *answer = json_parsed(frame.payload.data, frame.payload.len);
        answered = number_of(answer, "through");
        json_decref(answer);
    }
    wire_close(&ws);
    return answered;
}

/* All events up to `count`, each once, and in their order. */
static void check_log(struct site *site, uint64_t count) {
    struct reply reply = asked(site->reader, "GET", "/v1/events?bare=true",
                               "Accept: application/x-ndjson", NULL, 200);
    uint64_t n = 0;
    for (char *line = strtok(reply.body.data, "\n"); line; line = strtok(NULL, "\n"))
        must(load_number(reel_text(line)) == n++);
    must(n >= count);
    assert_int_equal(head_of(site), n);
    reply_free(&reply);
}

static void what_was_answered_survives_a_kill(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    uint64_t seed = 11, done = 0;
    const size_t rounds = scaled(100);
    for (size_t round = 0; round < rounds; round++) {
        struct site site = site_of(daemon_started(directory, NULL));
        check_log(&site, done);
        site_hang_up(&site);
        /* What was not answered is sent again, whether the log has it or not. */
        done += send_and_kill(&site.daemon, done, random_next(&seed) % 3000);
    }
    struct site site = site_of(daemon_started(directory, NULL));
    check_log(&site, done);
    site_closed(&site);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_site, site_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(each_frame_is_answered_when_it_is_durable),
        CASE(frames_without_an_event_are_named),
        CASE(frames_may_come_in_parts),
        CASE(what_breaks_the_rules_is_closed),
        CASE(an_event_may_be_as_large_as_any),
        CASE(who_may_not_write_is_refused),
        cmocka_unit_test(so_many_at_a_time),
        cmocka_unit_test(a_client_that_is_gone_is_noticed),
        cmocka_unit_test(a_daemon_that_ends_answers_what_it_has_appended),
        cmocka_unit_test(a_client_that_does_not_read_its_answers_is_cut),
        cmocka_unit_test(what_was_answered_survives_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
