/* ws_follow_test.c: what followers are sent, by WebSocket and by server-sent events alike: from
 * where, which, in what words, and how it ends. */
#include "follow.h"
#include "http_support.h"
#include "load.h"

#include <inttypes.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const enum follow_kind kinds[] = {FOLLOW_WEBSOCKET, FOLLOW_SSE};

/* ---- Events ---------------------------------------------------------------------------------- */

/* One with this type, and this CloudEvents subject unless it is NULL. */
static uint64_t post_typed(struct site *site, const char *type, const char *subject) {
    static unsigned count;
    struct text event = {0};
    text_format(&event, "{\"specversion\":\"1.0\",\"id\":\"f%u\",\"source\":\"/f\",\"type\":\"%s\"",
                count++, type);
    if (subject) text_format(&event, ",\"subject\":\"%s\"", subject);
    text_add(&event, "}", 1);
    struct reply reply = post_event(site->writer, event.data, event.len);
    if (reply.status != 201)
        support_failed(__FILE__, __LINE__, "%ld: %s", reply.status, reply.body.data);
    uint64_t seq = reply_number(&reply, "seq");
    reply_free(&reply);
    free(event.data);
    return seq;
}

static void post_some(struct site *site, size_t count) {
    for (size_t i = 0; i < count; i++) post_typed(site, "some.type", NULL);
}

/* ---- What a frame says ----------------------------------------------------------------------- */

/* The log as no feed but a stream or a file would bring it. */
static const char *const payloads[] = {
    "{\"specversion\":\"1.0\",\"type\":\"t\"}",
    " { \"type\" :\r\n\t\"t\",\n \"data\" : [ 1.50, -0, 1e2 ] }\r\n",
    ("{\"type\":\"t\",\"data\":\"\\u0000\\ud83d\\ude00 \xF0\x9F\x98\x80 \\r\\n \\u2028 "
     "\xE2\x80\xA8\"}"),
    "[]",
    "\"a \\\" text\"",
    "{\"type\":\"t\",\"type\":\"u\"}",
    "{not JSON",
    "\xFF\xFE",
    "",
};

static const char *filled_with_payloads(void) {
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, FORMATION_SO, NULL);
    struct reel_error error = {{0}};
    for (size_t i = 0; i < COUNT(payloads); i++) {
        struct reel_result result;
        must_ok(reel_apply(reel, reel_text(payloads[i]), &result, &error), error);
    }
    reel_close(reel);
    return directory;
}

static void check_frame_of(const struct follow_frame *frame, const char *payload) {
    json_error_t why;
    json_t *json = json_loads(payload, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (!json) { /* not JSON */
        assert_null(frame->event.data);
        assert_non_null(frame->error.data);
        json_t *whole = json_parsed(frame->text.data, frame->text.len);
        assert_true(json_is_null(json_object_get(whole, "event")));
        assert_non_null(strstr(text_of(whole, "error"), "not JSON"));
        json_decref(whole);
        return;
    }
    json_decref(json);
    assert_int_equal(frame->event.len, strlen(payload));
    for (size_t i = 0; i < frame->event.len; i++) {
        bool breaks = payload[i] == '\r' || payload[i] == '\n';
        assert_int_equal(frame->event.data[i], breaks ? ' ' : payload[i]);
    }
}

static void a_frame_has_the_event_as_it_was_published_on_one_line(void **state) {
    (void)state;
    const char *directory = filled_with_payloads();
    struct site site = site_of(daemon_started(directory, NULL));
    for (size_t k = 0; k < COUNT(kinds); k++) {
        struct follower follower = follower_opened(&site.daemon, kinds[k], "?since=0");
        for (size_t i = 0; i < COUNT(payloads); i++) {
            struct follow_frame frame;
            must(follower_read(&follower, &frame));
            assert_int_equal(frame.seq, i + 1);
            check_frame_of(&frame, payloads[i]);
        }
        follower_close(&follower);
    }
    site_closed(&site);
}

static void an_event_that_was_too_large_is_a_frame_with_an_error(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel_options options = {.event_bytes_max = 1024};
    struct reel *reel = reel_opened(directory, &options, CELL_SO, FORMATION_SO, NULL);
    struct reel_error error = {{0}};
    static char large[5000];
    memset(large, ' ', sizeof large);
    struct reel_result result;
    must_ok(reel_apply(reel, (struct reel_str){large, sizeof large}, &result, &error), error);
    reel_close(reel);
    struct site site = site_of(daemon_started(directory, NULL));
    for (size_t k = 0; k < COUNT(kinds); k++) {
        struct follower follower = follower_opened(&site.daemon, kinds[k], "?since=0");
        struct follow_frame frame;
        must(follower_read(&follower, &frame));
        assert_int_equal(frame.seq, 1);
        assert_non_null(frame.error.data);
        follower_close(&follower);
    }
    site_closed(&site);
}

/* The largest that is taken: more than any buffer on the way. */
static void a_large_event_is_one_frame(void **state) {
    struct site *site = *state;
    size_t len = (size_t)1 << 20;
    struct text event = {0};
    event_add(&event, "large", "large.type", NULL);
    event.len--; /* the brace comes after what fills it */
    text_format(&event, ",\"data\":\"");
    char *filling = malloc(len);
    must(filling != NULL);
    memset(filling, 'x', len);
    text_add(&event, filling, len - event.len - 2);
    text_format(&event, "\"}");
    free(filling);
    struct reply reply = post_event(site->writer, event.data, event.len);
    assert_int_equal(reply.status, 201);
    uint64_t seq = reply_number(&reply, "seq");
    reply_free(&reply);
    for (size_t k = 0; k < COUNT(kinds); k++) {
        char query[64];
        struct follow_frame frame;
        snprintf(query, sizeof query, "?since=%" PRIu64, seq - 1);
        struct follower follower = follower_opened(&site->daemon, kinds[k], query);
        must(follower_read(&follower, &frame));
        assert_int_equal(frame.seq, seq);
        assert_true(reel_str_eq(frame.event, (struct reel_str){event.data, event.len}));
        follower_close(&follower);
    }
    free(event.data);
}

/* ---- From where ------------------------------------------------------------------------------ */

static uint64_t head_of(struct site *site) {
    return status_number(site->reader, "head");
}

static struct follower following_since(struct site *site, enum follow_kind kind, uint64_t since,
                                       const char *more) {
    char query[512];
    snprintf(query, sizeof query, "?since=%" PRIu64 "%s", since, more);
    return follower_opened(&site->daemon, kind, query);
}

static void since_gives_the_log_from_there_on_and_then_what_comes(void **state) {
    struct site *site = *state;
    post_some(site, 20);
    for (size_t k = 0; k < COUNT(kinds); k++) {
        uint64_t head = head_of(site);
        struct follower all = following_since(site, kinds[k], 0, "");
        struct follower some = following_since(site, kinds[k], head - 5, "");
        struct follower none = following_since(site, kinds[k], head, "");
        for (uint64_t seq = 1; seq <= head; seq++) follower_expect(&all, seq);
        for (uint64_t seq = head - 4; seq <= head; seq++) follower_expect(&some, seq);
        post_some(site, 3);
        for (uint64_t seq = head + 1; seq <= head + 3; seq++) {
            follower_expect(&all, seq);
            follower_expect(&some, seq);
            follower_expect(&none, seq);
        }
        follower_close(&all);
        follower_close(&some);
        follower_close(&none);
    }
}

static void without_since_only_what_is_new_comes(void **state) {
    struct site *site = *state;
    post_some(site, 3);
    for (size_t k = 0; k < COUNT(kinds); k++) {
        struct follower follower = follower_opened(&site->daemon, kinds[k], "");
        uint64_t head = head_of(site);
        post_some(site, 2);
        follower_expect(&follower, head + 1);
        follower_expect(&follower, head + 2);
        follower_close(&follower);
    }
}

static void following_an_empty_log_begins_with_its_first_event(void **state) {
    (void)state;
    struct site site = site_opened(NULL);
    struct follower followers[COUNT(kinds) * 2];
    for (size_t i = 0; i < COUNT(followers); i++)
        followers[i] = follower_opened(&site.daemon, kinds[i / 2], i % 2 ? "?since=0" : "");
    post_some(&site, 2);
    for (size_t i = 0; i < COUNT(followers); i++) {
        follower_expect(&followers[i], 1);
        follower_expect(&followers[i], 2);
        follower_close(&followers[i]);
    }
    site_closed(&site);
}

/* ---- Refused before it begins ---------------------------------------------------------------- */

static struct reply refused(struct site *site, enum follow_kind kind, const char *query,
                            long status, const char *name) {
    struct follower follower;
    test_context("%s %s", kind == FOLLOW_SSE ? "stream" : "WebSocket", query);
    struct reply reply = follower_asked(&site->daemon, kind, query, READ_TOKEN, NULL, &follower);
    assert_problem(&reply, status, name);
    follower_close(&follower);
    test_context("%s", "");
    return reply;
}

static void requests_that_cannot_be_followed_are_refused(void **state) {
    struct site *site = *state;
    static const char *const queries[] = {
        "?since=x",       "?since=-1",     "?since=",          "?since=18446744073709551616",
        "?since=1.0",     "?sinc=1",       "?limit=10",        "?since=0&unknown=1",
        "?subject=",      "?subject=a..b", "?subject=a.%3E.b", "?subject=a*",
        "?subject=a%20b", "?min_cursor=1", "?since=1000000",   "?since=18446744073709551615",
    };
    for (size_t k = 0; k < COUNT(kinds); k++)
        for (size_t i = 0; i < COUNT(queries); i++) {
            struct reply reply = refused(site, kinds[k], queries[i], 400, "bad-request");
            reply_free(&reply);
        }
}

static void another_epoch_is_refused_and_ours_is_not(void **state) {
    struct site *site = *state;
    struct reply reply = got(site->reader, "/v1/cells", 200);
    char query[128];
    snprintf(query, sizeof query, "?since=0&epoch=%s", reply_header(&reply, "Reel-Epoch"));
    reply_free(&reply);
    for (size_t k = 0; k < COUNT(kinds); k++) {
        struct follower follower = follower_opened(&site->daemon, kinds[k], query);
        follower_expect(&follower, 1);
        follower_close(&follower);
        static const char *const others[] = {"?since=0&epoch=00000000-0000-4000-8000-000000000000",
                                             "?epoch=another"};
        for (size_t i = 0; i < COUNT(others); i++) {
            reply = refused(site, kinds[k], others[i], 409, "conflict");
            reply_free(&reply);
        }
    }
}

static void below_the_log_s_floor_is_refused_with_where_it_begins(void **state) {
    (void)state;
    struct site site = site_opened("--retention-events", "10", NULL);
    post_some(&site, 100);
    struct reply trimmed = get_until(site.reader, "/v1/events?since=89", 410); /* all of it */
    reply_free(&trimmed);
    for (size_t k = 0; k < COUNT(kinds); k++) {
        struct reply reply = refused(&site, kinds[k], "?since=1", 410, "cursor-too-old");
        uint64_t first = reply_number(&reply, "first_seq");
        reply_free(&reply);
        struct follower oldest = following_since(&site, kinds[k], 0, "");
        struct follower same = following_since(&site, kinds[k], first - 1, "");
        follower_expect(&oldest, first);
        follower_expect(&same, first);
        follower_close(&oldest);
        follower_close(&same);
    }
    site_closed(&site);
}

/* ---- Which ----------------------------------------------------------------------------------- */

struct filtered {
    const char *query;
    const char *wanted; /* of the events below, as digits */
};

static void filters_leave_out_what_does_not_match(void **state) {
    struct site *site = *state;
    static const struct filtered cases[] = {
        {"&type=filter.a", "013"},
        {"&type=filter.a.x", "1"},
        {"&type=filter.", "01234"},
        {"&ce_subject=one", "014"},
        {"&ce_subject=on", ""},
        {"&type=filter.b&ce_subject=one", "4"},
        {"&subject=cellos.events.event.filter%252Ea", "03"},
        {"&subject=cellos.events.event.*", "01234"},
        {"&subject=cellos.events.%3E", "01234"},
        {"&subject=*.events.*.filter%252Eb", "24"},
        {"&subject=%3E&type=filter.b", "24"},
        {"&subject=cellos.events.formations.%3E", ""},
        {"&subject=cellos.events", ""},
    };
    static const char *const events[][2] = {{"filter.a", "one"},
                                            {"filter.a.x", "one"},
                                            {"filter.b", "two"},
                                            {"filter.a", NULL},
                                            {"filter.b", "one"}};
    uint64_t before = head_of(site);
    for (size_t i = 0; i < COUNT(events); i++) post_typed(site, events[i][0], events[i][1]);
    for (size_t i = 0; i < COUNT(cases) * COUNT(kinds); i++) {
        const struct filtered *one = &cases[i / 2];
        test_context("%s", one->query);
        struct follower follower = following_since(site, kinds[i % 2], before, one->query);
        for (const char *digit = one->wanted; *digit; digit++)
            follower_expect(&follower, before + 1 + (uint64_t)(*digit - '0'));
        if (!strchr(one->wanted, '4')) /* what is left out is told as a position, soon */
            follower_expect_position(&follower, before + COUNT(events));
        follower_close(&follower);
    }
    test_context("%s", "");
}

static void commands_have_subjects_of_their_own(void **state) {
    struct site *site = *state;
    for (size_t k = 0; k < COUNT(kinds); k++) {
        struct follower follower =
            follower_opened(&site->daemon, kinds[k], "?subject=cellos.events.formations.*.created");
        char id[37];
        post_some(site, 1);
        follower_expect(&follower, formation_made(site->writer, k ? "one" : "two", id));
        follower_close(&follower);
    }
}

/* ---- Positions ------------------------------------------------------------------------------- */

static void a_position_comes_when_the_cursor_moves_and_nothing_matches(void **state) {
    struct site *site = *state;
    for (size_t k = 0; k < COUNT(kinds); k++) {
        struct follower follower = follower_opened(&site->daemon, kinds[k], "?type=rare");
        struct follow_frame frame = {0};
        uint64_t last = 0, seq = 0;
        for (int i = 0; i < 3; i++) { /* again and again */
            seq = post_typed(site, "frequent", NULL);
            do {
                must(follower_read(&follower, &frame));
                assert_true(is_position(&frame) && frame.seq > last && frame.seq <= seq);
                last = frame.seq;
            } while (frame.seq < seq);
        }
        assert_true(frame.seq == seq);
        seq = post_typed(site, "rare", NULL);
        follower_expect(&follower, seq);
        /* nothing has moved: no position, but what comes next */
        assert_false(follower_receive(&follower, 500) && follower_next(&follower, &frame));
        follower_expect(&follower, post_typed(site, "rare", NULL));
        follower_close(&follower);
    }
}

/* ---- Bare events ----------------------------------------------------------------------------- */

/* CloudEvents WebSocket binding: a message is an event in the structured mode, and nothing else. */
static void with_the_cloudevents_subprotocol_frames_are_the_bare_events(void **state) {
    struct site *site = *state;
    static const char *const headers[] = {"Sec-WebSocket-Protocol: cloudevents.json", NULL};
    struct wire ws = wire_opened(&site->daemon, 0);
    struct text event = {0};
    struct reply reply = ws_asked(&ws, "/ws/events", READ_TOKEN, headers);
    assert_int_equal(reply.status, 101);
    assert_string_equal(reply_header(&reply, "Sec-WebSocket-Protocol"), "cloudevents.json");
    reply_free(&reply);
    for (int i = 0; i < 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "bare %d", i);
        event.len = 0;
        event_add(&event, id, "bare", "[1,\n2]");
        reply = post_event(site->writer, event.data, event.len);
        assert_int_equal(reply.status, 201);
        reply_free(&reply);
        *strchr(event.data, '\n') = ' ';
        assert_true(reel_str_eq(ws_text(&ws), (struct reel_str){event.data, event.len}));
    }
    ws_close(&ws, 1000);
    wire_close(&ws);
    free(event.data);
}

static void bare_events_cannot_be_resumed(void **state) {
    struct site *site = *state;
    static const char *const headers[] = {"Sec-WebSocket-Protocol: cloudevents.json", NULL};
    struct wire ws = wire_opened(&site->daemon, 0);
    struct reply reply = ws_asked(&ws, "/ws/events?since=0", READ_TOKEN, headers);
    assert_problem(&reply, 400, "bad-request");
    reply_free(&reply);
    wire_close(&ws);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static int set_up(void **state) {
    static struct site site;
    site = site_opened("--follow-position-ms", "50", NULL);
    post_some(&site, 2);
    *state = &site;
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_has_the_event_as_it_was_published_on_one_line),
        cmocka_unit_test(an_event_that_was_too_large_is_a_frame_with_an_error),
        cmocka_unit_test(a_large_event_is_one_frame),
        cmocka_unit_test(since_gives_the_log_from_there_on_and_then_what_comes),
        cmocka_unit_test(without_since_only_what_is_new_comes),
        cmocka_unit_test(following_an_empty_log_begins_with_its_first_event),
        cmocka_unit_test(requests_that_cannot_be_followed_are_refused),
        cmocka_unit_test(another_epoch_is_refused_and_ours_is_not),
        cmocka_unit_test(below_the_log_s_floor_is_refused_with_where_it_begins),
        cmocka_unit_test(filters_leave_out_what_does_not_match),
        cmocka_unit_test(commands_have_subjects_of_their_own),
        cmocka_unit_test(a_position_comes_when_the_cursor_moves_and_nothing_matches),
        cmocka_unit_test(with_the_cloudevents_subprotocol_frames_are_the_bare_events),
        cmocka_unit_test(bare_events_cannot_be_resumed),
    };
    return cmocka_run_group_tests(tests, set_up, site_teardown);
}
