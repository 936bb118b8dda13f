/* ws_slow_test.c: followers that stop reading, or read a little now and then. They cost bounded
 * memory, are cut when their time is up, and slow nobody down. */
#include "follow.h"
#include "http_support.h"
#include "load.h"

#include <inttypes.h>
#include <sys/socket.h>

enum { RECEIVE_BYTES = 8192, POSTS = 50, BATCH = 10 };

/* Of the process's own, beside what its sockets take in the kernel. */
#define BYTES_EACH_MAX (UINT64_C(128) << 10)
#define BYTES_SPARE    (UINT64_C(32) << 20)

/* ---- Slow ones ------------------------------------------------------------------------------- */

static struct follower slow_follower(struct site *site, size_t n) {
    struct follower follower = {.kind = n % 4 ? FOLLOW_WEBSOCKET : FOLLOW_SSE,
                                .wire = wire_opened(&site->daemon, RECEIVE_BYTES)};
    struct reply reply =
        follower.kind == FOLLOW_SSE
            ? sse_asked(&follower.wire, "/v1/events/stream?since=0", READ_TOKEN, NULL,
                        &follower.sse)
            : ws_asked(&follower.wire, n % 3 ? "/ws/events?since=0" : "/ws/events?since=0&type=dev",
                       READ_TOKEN, NULL);
    assert_true(reply.status == 101 || reply.status == 200);
    reply_free(&reply);
    return follower;
}

static struct follower *slow_followers(struct site *site, size_t count) {
    struct follower *slow = calloc(count, sizeof *slow);
    must(slow != NULL);
    for (size_t i = 0; i < count; i++) slow[i] = slow_follower(site, i);
    return slow;
}

/* What each had been sent is without a hole and ends early; closed with 1013, if it could still be
 * told. */
static void check_cut(struct follower *slow, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct follow_frame frame;
        uint64_t seq = 0;
        while (follower_read(&slow[i], &frame)) assert_int_equal(frame.seq, ++seq);
        assert_true(seq < LARGE_CELLS);
        if (slow[i].close_code) assert_int_equal(slow[i].close_code, 1013);
        follower_close(&slow[i]);
    }
    free(slow);
}

static void those_that_stop_reading_cost_little_and_are_cut(void **state) {
    (void)state;
    size_t count = scaled(500);
    struct site site = site_opened("--follow-stall-ms", "3000", NULL);
    post_large_cells(site.writer, LARGE_CELLS);
    uint64_t before = process_memory(site.daemon.pid), most = before;
    struct follower *slow = slow_followers(&site, count);
    for (uint64_t began = now_ms(); follower_count(site.reader) > 0; usleep(20000)) {
        uint64_t memory = process_memory(site.daemon.pid);
        if (memory > most) most = memory;
        must(now_ms() - began < 120000);
    }
    print_message("%zu that do not read: %" PRIu64 " KiB at the most, each %" PRIu64 " bytes\n",
                  count, (most - before) >> 10, (most - before) / count);
    if (!memory_is_sanitized()) assert_true(most - before < count * BYTES_EACH_MAX + BYTES_SPARE);
    check_cut(slow, count);
    site_closed(&site);
}

/* ---- A good one among them ------------------------------------------------------------------- */

/* Each of the slow ones takes a little. */
static void nibble(struct follower *slow, size_t count) {
    char part[1024];
    for (size_t i = 0; i < count; i++) recv(slow[i].wire.fd, part, sizeof part, MSG_DONTWAIT);
}

/* Posts, and waits each time until the good one has it; how long that took, ms. */
static uint64_t post_and_follow(struct site *site, struct follower *good, uint64_t *seq,
                                struct follower *slow, size_t count) {
    uint64_t took = 0;
    for (int i = 0; i < POSTS; i++) {
        uint64_t began = now_ms();
        struct reply reply = post_load(site->writer, *seq, BATCH);
        assert_int_equal(reply.status, 201);
        reply_free(&reply);
        for (int n = 0; n < BATCH; n++) follower_expect(good, ++*seq);
        took += now_ms() - began;
        nibble(slow, count);
    }
    return took;
}

static void they_slow_nobody_down(void **state) {
    (void)state;
    size_t count = scaled(500);
    struct site site = site_opened("--follow-stall-ms", "60000", NULL);
    struct follower good = follower_opened(&site.daemon, FOLLOW_WEBSOCKET, "?since=0");
    uint64_t seq = LARGE_CELLS;
    post_large_cells(site.writer, LARGE_CELLS);
    for (uint64_t i = 1; i <= LARGE_CELLS; i++) follower_expect(&good, i);
    uint64_t alone = post_and_follow(&site, &good, &seq, NULL, 0);
    struct follower *slow = slow_followers(&site, count);
    uint64_t among = post_and_follow(&site, &good, &seq, slow, count);
    print_message("%d posts followed: alone %" PRIu64 " ms, among %zu slow ones %" PRIu64 " ms\n",
                  POSTS, alone, count, among);
    assert_true(among < 20 * alone + 5000); /* a tenth of what those would take in turn */
    for (size_t i = 0; i < count; i++) follower_close(&slow[i]);
    free(slow);
    follower_close(&good);
    site_closed(&site);
}

/* A writer at full speed, and followers that come, take a part, and stand still. */
static void the_writer_does_not_wait_for_them(void **state) {
    (void)state;
    size_t count = scaled(200);
    struct site site = site_opened("--follow-stall-ms", "1000", NULL);
    post_large_cells(site.writer, LARGE_CELLS);
    struct follower *slow = slow_followers(&site, count);
    struct load *load = load_started(&site.daemon, 2, 20);
    struct follower good = follower_opened(&site.daemon, FOLLOW_WEBSOCKET, "?since=0");
    uint64_t seq = 0, enough = LARGE_CELLS + 20 * scaled(2000);
    while (seq < enough) follower_expect(&good, ++seq);
    uint64_t head = LARGE_CELLS + load_ended(load);
    while (seq < head) follower_expect(&good, ++seq);
    follower_close(&good);
    for (size_t i = 0; i < count; i++) follower_close(&slow[i]);
    free(slow);
    site_closed(&site);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_stop_reading_cost_little_and_are_cut),
        cmocka_unit_test(they_slow_nobody_down),
        cmocka_unit_test(the_writer_does_not_wait_for_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
