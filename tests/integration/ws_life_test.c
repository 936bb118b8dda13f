/* ws_life_test.c: what keeps a follower's connection and what ends it: pings and pongs, progress,
 * trimming, the daemon's end. */
#include "follow.h"
#include "http_support.h"
#include "load.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const enum follow_kind kinds[] = {FOLLOW_WEBSOCKET, FOLLOW_SSE};

/* One whose socket takes little that it does not read. */
static struct follower slow_follower(struct site *site, enum follow_kind kind, const char *query) {
    struct follower follower = {.kind = kind, .wire = wire_opened(&site->daemon, 32768)};
    char path[128];
    struct reply reply;
    snprintf(path, sizeof path, "%s%s", kind == FOLLOW_SSE ? "/v1/events/stream" : "/ws/events",
             query);
    reply = kind == FOLLOW_SSE ? sse_asked(&follower.wire, path, READ_TOKEN, NULL, &follower.sse)
                               : ws_asked(&follower.wire, path, READ_TOKEN, NULL);
    assert_int_equal(reply.status, kind == FOLLOW_SSE ? 200 : 101);
    reply_free(&reply);
    return follower;
}

/* ---- The daemon's end ------------------------------------------------------------------------ */

static void check_gone_away(struct follower *follower) {
    struct follow_frame frame;
    if (follower_read(follower, &frame))
        support_failed(__FILE__, __LINE__, "more: %.*s", (int)frame.text.len, frame.text.data);
    if (follower->kind == FOLLOW_WEBSOCKET) assert_int_equal(follower->close_code, 1001);
    while (wire_wait(&follower->wire)) continue; /* closed from the other side */
}

/* What was applied when it was told to end comes first, though nothing had been read by then. */
static void at_shutdown_what_was_applied_is_sent_and_then_going_away(void **state) {
    (void)state;
    enum { EVENTS = 3000 };
    struct site site = site_opened(NULL);
    struct follower followers[COUNT(kinds) * 3];
    struct reply reply = post_load(site.writer, 0, EVENTS);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    for (size_t i = 0; i < COUNT(followers); i++)
        followers[i] = follower_opened(&site.daemon, kinds[i / 3], i % 3 ? "?since=0" : "");
    must(kill(site.daemon.pid, SIGTERM) == 0);
    for (size_t i = 0; i < COUNT(followers); i++) {
        for (uint64_t seq = 1; seq <= EVENTS && i % 3; seq++) follower_expect(&followers[i], seq);
        check_gone_away(&followers[i]);
        follower_close(&followers[i]);
    }
    int status = daemon_wait(&site.daemon);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    site_hang_up(&site);
}

static void one_that_does_not_read_does_not_hold_up_the_end(void **state) {
    (void)state;
    struct site site = site_opened("--drain-ms-max", "1000", NULL);
    struct follower slow[COUNT(kinds)];
    post_large_cells(site.writer, LARGE_CELLS);
    for (size_t k = 0; k < COUNT(kinds); k++) slow[k] = slow_follower(&site, kinds[k], "?since=0");
    uint64_t began = now_ms();
    site_closed(&site);
    assert_true(now_ms() - began < 25000); /* of a busy machine; a stalled one is given longer */
    for (size_t k = 0; k < COUNT(kinds); k++) follower_close(&slow[k]);
}

/* A client that has gone without a word, or says its close in the same moment. */
static void those_that_leave_while_it_ends_hold_nothing_up(void **state) {
    (void)state;
    struct site site = site_opened("--drain-ms-max", "60000", NULL);
    struct follower followers[COUNT(kinds) * 10];
    for (size_t i = 0; i < COUNT(followers); i++)
        followers[i] = follower_opened(&site.daemon, kinds[i % 2], "?since=0");
    for (size_t i = 0; i < COUNT(followers) / 2; i++) follower_close(&followers[i]);
    must(kill(site.daemon.pid, SIGTERM) == 0);
    for (size_t i = COUNT(followers) / 2; i < COUNT(followers); i++) {
        if (i % 2 == 0) ws_send(&followers[i].wire, WS_FIN | WS_CLOSE, "\x03\xE8", 2);
        follower_close(&followers[i]);
    }
    uint64_t began = now_ms();
    int status = daemon_wait(&site.daemon);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(now_ms() - began < 25000);
    site_hang_up(&site);
}

/* ---- Trimming -------------------------------------------------------------------------------- */

/* Retention takes what a follower that is slow had yet to get: it is told, and what it got before
 * had no hole. */
static void check_overtaken(enum follow_kind kind) {
    struct site site = site_opened("--retention-events", "100", NULL);
    struct follower follower = slow_follower(&site, kind, "");
    struct follow_frame frame;
    uint64_t seq = 0;
    char path[64];
    post_large_cells(site.writer, LARGE_CELLS); /* more than all buffers on the way take */
    snprintf(path, sizeof path, "/v1/events?since=%d", LARGE_CELLS - 150);
    struct reply reply = get_until(site.reader, path, 410);
    uint64_t begins = reply_number(&reply, "first_seq");
    reply_free(&reply);
    while (follower_read(&follower, &frame)) assert_int_equal(frame.seq, ++seq);
    assert_true(seq + 1 < begins);
    if (kind == FOLLOW_WEBSOCKET) {
        assert_int_equal(follower.close_code, 4410);
        assert_string_equal(follower.close_reason, "cursor-too-old");
    }
    follower_close(&follower);
    site_closed(&site);
}

static void one_that_trimming_overtakes_is_told(void **state) {
    (void)state;
    for (size_t k = 0; k < COUNT(kinds); k++) check_overtaken(kinds[k]);
}

/* ---- Pings ----------------------------------------------------------------------------------- */

/* For longer than it would live without its pongs. False: this machine stood still itself for too
 * long to tell. */
static bool answer_pings(struct site *site, uint64_t ping_ms, uint64_t stall_ms) {
    struct wire ws = ws_opened(&site->daemon, "/ws/events");
    struct ws_frame frame;
    bool told = true;
    uint64_t last = now_ms();
    for (uint64_t pings = 0; pings < 2 * stall_ms / ping_ms && told; pings++) {
        bool alive = ws_read(&ws, &frame) && frame.opcode == WS_PING &&
                     ws_send(&ws, WS_FIN | WS_PONG, frame.payload.data, frame.payload.len);
        told = now_ms() - last < stall_ms / 2;
        must(alive || !told);
        last = now_ms();
    }
    wire_close(&ws);
    return told;
}

static void a_follower_that_answers_pings_stays(void **state) {
    (void)state;
    struct site site = site_opened("--follow-ping-ms", "50", "--follow-stall-ms", "1000", NULL);
    for (int tries = 0; !answer_pings(&site, 50, 1000); tries++) must(tries < 20);
    site_closed(&site);
}

static void a_follower_that_answers_no_pings_is_ended(void **state) {
    (void)state;
    struct site site = site_opened("--follow-ping-ms", "100", "--follow-stall-ms", "500", NULL);
    struct wire ws = ws_opened(&site.daemon, "/ws/events");
    struct ws_frame frame;
    size_t pings = 0;
    while (ws_read(&ws, &frame) && frame.opcode != WS_CLOSE) {
        assert_int_equal(frame.opcode, WS_PING);
        must(++pings < 600);
    }
    assert_true(pings >= 1);
    wire_close(&ws);
    site_closed(&site);
}

static void a_stream_is_kept_alive_by_comments(void **state) {
    (void)state;
    struct site site = site_opened("--follow-ping-ms", "50", NULL);
    struct follower follower = follower_opened(&site.daemon, FOLLOW_SSE, "");
    struct sse_event event;
    for (int comments = 0; comments < 10;) {
        must(sse_read(&follower.wire, &follower.sse, &event));
        assert_null(event.data.data);
        if (event.comment.data) comments++;
    }
    follower_close(&follower);
    site_closed(&site);
}

/* ---- Progress -------------------------------------------------------------------------------- */

/* Reads a little at a time, for longer than anyone may stand still, and answers no ping. False:
 * this machine stood still itself for too long to tell. */
static bool read_slowly(struct follower *follower, uint64_t stall_ms) {
    char part[16384];
    uint64_t began = now_ms(), last = began;
    while (last - began < 2 * stall_ms + stall_ms / 4) {
        usleep(20000);
        ssize_t len = read(follower->wire.fd, part, sizeof part);
        if (now_ms() - last > stall_ms / 2) return false;
        must(len > 0); /* it was not away for long, and is still sent what it wants */
        last = now_ms();
    }
    return true;
}

static void a_follower_that_reads_slowly_stays(void **state) {
    (void)state;
    struct site site = site_opened("--follow-ping-ms", "100", "--follow-stall-ms", "1000", NULL);
    post_large_cells(site.writer, LARGE_CELLS);
    for (size_t k = 0; k < COUNT(kinds); k++)
        for (int tries = 0;; tries++) {
            struct follower follower = slow_follower(&site, kinds[k], "?since=0");
            bool told = read_slowly(&follower, 1000);
            follower_close(&follower);
            if (told) break;
            must(tries < 20);
        }
    site_closed(&site);
}

/* Nothing of its buffer is read: what is left of it comes, and then the end. */
static void a_follower_that_makes_no_progress_is_ended(void **state) {
    (void)state;
    struct site site = site_opened("--follow-stall-ms", "500", NULL);
    post_large_cells(site.writer, LARGE_CELLS);
    for (size_t k = 0; k < COUNT(kinds); k++) {
        struct follower follower = slow_follower(&site, kinds[k], "?since=0");
        struct follow_frame frame;
        uint64_t seq = 0;
        follower_count_wait(site.reader, 0);
        while (follower_read(&follower, &frame)) assert_int_equal(frame.seq, ++seq);
        assert_true(seq < LARGE_CELLS);
        if (follower.close_code) assert_int_equal(follower.close_code, 1013);
        follower_close(&follower);
    }
    site_closed(&site);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_shutdown_what_was_applied_is_sent_and_then_going_away),
        cmocka_unit_test(one_that_does_not_read_does_not_hold_up_the_end),
        cmocka_unit_test(those_that_leave_while_it_ends_hold_nothing_up),
        cmocka_unit_test(one_that_trimming_overtakes_is_told),
        cmocka_unit_test(a_follower_that_answers_pings_stays),
        cmocka_unit_test(a_follower_that_answers_no_pings_is_ended),
        cmocka_unit_test(a_stream_is_kept_alive_by_comments),
        cmocka_unit_test(a_follower_that_reads_slowly_stays),
        cmocka_unit_test(a_follower_that_makes_no_progress_is_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
