/* hub_test.c: followers on pairs of sockets, with the clock set short: what they are sent, and how
 * they end. */
#include "sinks/stdout/fake_host.h"

#include "base/clock.h"
#include "follow/hub.h"
#include "websocket/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NEVER_MS = 3600000, PATIENCE_MS = 30000 };

struct fixture {
    struct fake_host *fake;
    struct hub_options options;
    struct hub *hub;
};

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    must(fixture && fake_stage_begin((void **)&fixture->fake) == 0);
    fixture->options = (struct hub_options){
        .host = &fixture->fake->host,
        .followers_max = 100,
        .ping_ms = NEVER_MS,
        .stall_ms = NEVER_MS,
        .position_ms = NEVER_MS,
        .point_ms = 1,
        .memory_max = (uint64_t)1 << 30,
        .send_bytes = 4096,
    };
    *state = fixture;
    return 0;
}

static void begin(struct fixture *fixture) {
    must(hub_start(&fixture->options, &fixture->hub, NULL) == 0);
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    if (fixture->hub) hub_stop(fixture->hub);
    fake_stage_end((void **)&fixture->fake);
    free(fixture);
    return 0;
}

static void apply(struct fixture *fixture, const char *type) {
    fake_apply(fixture->fake, type);
    hub_wake(fixture->hub);
}

/* ---- The other side -------------------------------------------------------------------------- */

struct peer {
    int fd;
    struct text in;
    size_t at;
};

static struct peer peer_of(struct fixture *fixture, enum transport_kind kind, uint64_t since,
                           const char *type) {
    const struct event_filter filter = {.type = type ? reel_text(type) : (struct reel_str){0}};
    struct reel_epoch epoch = position_of(fixture->fake->reel).epoch;
    struct follower *follower;
    int fds[2];
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    must(follower_create(fixture->hub, kind, &epoch, since, &filter, &follower) == 0);
    must(hub_adopt_take(fixture->hub, follower, fds[0], STR(""), STR("")) == 0);
    return (struct peer){.fd = fds[1]};
}

static struct peer websocket_of(struct fixture *fixture, uint64_t since, const char *type) {
    return peer_of(fixture, TRANSPORT_WEBSOCKET, since, type);
}

static void peer_close(struct peer *peer) {
    close(peer->fd);
    text_finish(&peer->in);
}

/* More has come; false: the end. */
static bool more(struct peer *peer) {
    struct pollfd poll_fd = {.fd = peer->fd, .events = POLLIN};
    char bytes[8192];
    must(poll(&poll_fd, 1, PATIENCE_MS) == 1);
    ssize_t len = recv(peer->fd, bytes, sizeof bytes, 0);
    if (len <= 0) return false;
    text_append(&peer->in, bytes, (size_t)len);
    return true;
}

/* A whole frame's opcode and payload, good until the next; -1: the end. */
static int frame_of(struct peer *peer, struct reel_str *ret) {
    for (;;) {
        const uint8_t *at = (const uint8_t *)peer->in.data + peer->at;
        size_t have = peer->in.len - peer->at, head = 2, len = 0;
        if (have >= 2) {
            len = at[1] & 0x7F;
            size_t size = len < 126 ? 0 : len == 126 ? 2 : 8;
            head += size;
            if (size && have >= head) len = 0;
            for (size_t i = 0; size && have >= head && i < size; i++) len = len << 8 | at[2 + i];
        }
        if (have >= 2 && have >= head && have >= head + len) {
            *ret = (struct reel_str){(const char *)at + head, len};
            peer->at += head + len;
            return at[0] & 0x0F;
        }
        if (!more(peer)) return -1;
    }
}

static void assert_frame(struct peer *peer, int opcode, struct reel_str payload) {
    struct reel_str found = {"", 0};
    assert_int_equal(frame_of(peer, &found), opcode);
    assert_bytes(found, payload);
}

static void assert_event(struct peer *peer, const char *type, unsigned long long seq) {
    char text[256];
    snprintf(text, sizeof text, "{\"seq\":%llu,\"event\":{\"type\":\"%s\",\"subject\":\"%llu\"}}",
             seq, type, seq);
    assert_frame(peer, WEBSOCKET_TEXT, reel_text(text));
}

/* A close frame with that code; then, the answer given, the end. */
static void assert_closed(struct peer *peer, unsigned code) {
    static const char answer[] = "\x88\x82\x00\x00\x00\x00\x03\xE8";
    struct reel_str found = {"", 0};
    assert_int_equal(frame_of(peer, &found), WEBSOCKET_CLOSE);
    assert_true(found.len >= 2);
    assert_int_equal((uint8_t)found.data[0] << 8 | (uint8_t)found.data[1], code);
    must(send(peer->fd, answer, sizeof answer - 1, MSG_NOSIGNAL) > 0);
    assert_int_equal(frame_of(peer, &found), -1);
    peer_close(peer);
}

static void wait_until_ended(struct fixture *fixture, enum hub_end end, uint64_t count) {
    uint64_t until = clock_ms() + PATIENCE_MS;
    while (hub_ended(fixture->hub, end) < count && clock_ms() < until) usleep(1000);
    assert_int_equal(hub_ended(fixture->hub, end), count);
}

/* ---- What they are sent ---------------------------------------------------------------------- */

static void first_what_there_is_then_what_comes(void **state) {
    struct fixture *fixture = *state;
    begin(fixture);
    apply(fixture, "a");
    apply(fixture, "b");
    struct peer peer = websocket_of(fixture, 0, NULL), late = websocket_of(fixture, 2, NULL);
    assert_event(&peer, "a", 1);
    assert_event(&peer, "b", 2);
    apply(fixture, "c");
    assert_event(&peer, "c", 3);
    assert_event(&late, "c", 3);
    peer_close(&peer);
    peer_close(&late);
    wait_until_ended(fixture, HUB_END_CLIENT, 2);
    assert_int_equal(hub_metrics(fixture->hub, TRANSPORT_WEBSOCKET).frames, 4);
}

static void a_filter_leaves_out(void **state) {
    struct fixture *fixture = *state;
    begin(fixture);
    for (int i = 0; i < 3; i++) apply(fixture, "no"), apply(fixture, "yes");
    struct peer peer = websocket_of(fixture, 0, "y");
    for (unsigned seq = 2; seq <= 6; seq += 2) assert_event(&peer, "yes", seq);
    apply(fixture, "no");
    apply(fixture, "yes");
    assert_event(&peer, "yes", 8);
    peer_close(&peer);
}

static void an_event_stream_has_its_head_first(void **state) {
    struct fixture *fixture = *state;
    struct reel_epoch epoch = position_of(fixture->fake->reel).epoch;
    struct event_filter all = {.type = {NULL, 0}};
    struct follower *follower;
    int fds[2];
    begin(fixture);
    apply(fixture, "a");
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    must(follower_create(fixture->hub, TRANSPORT_STREAM, &epoch, 0, &all, &follower) == 0);
    must(hub_adopt_take(fixture->hub, follower, fds[0], STR("HEAD\n"), STR("")) == 0);
    struct peer peer = {.fd = fds[1]};
    static const char wanted[] =
        "HEAD\nid: 1\ndata: {\"seq\":1,\"event\":{\"type\":\"a\",\"subject\":\"1\"}}\n\n";
    while (peer.in.len < sizeof wanted - 1) assert_true(more(&peer));
    assert_bytes(text_str(&peer.in), reel_text(wanted));
    peer_close(&peer);
}

/* They would otherwise be behind it: bytes that libmicrohttpd had read already. */
static void bytes_received_before_the_handover_are_read(void **state) {
    struct fixture *fixture = *state;
    struct reel_epoch epoch = position_of(fixture->fake->reel).epoch;
    struct event_filter all = {.type = {NULL, 0}};
    struct follower *follower;
    int fds[2];
    begin(fixture);
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    must(follower_create(fixture->hub, TRANSPORT_WEBSOCKET, &epoch, 0, &all, &follower) == 0);
    must(hub_adopt_take(fixture->hub, follower, fds[0], STR(""),
                        STR("\x89\x82\x00\x00\x00\x00hi")) == 0);
    struct peer peer = {.fd = fds[1]};
    assert_frame(&peer, WEBSOCKET_PONG, STR("hi"));
    peer_close(&peer);
}

static void bare_events_are_cloudevents_and_nothing_else(void **state) {
    struct fixture *fixture = *state;
    static const char good[] =
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}";
    begin(fixture);
    struct peer peer = peer_of(fixture, TRANSPORT_CLOUDEVENTS, 0, NULL);
    apply(fixture, "no id");
    apply_text(fixture->fake->reel, "not JSON", REEL_REJECTED);
    apply_text(fixture->fake->reel, good, REEL_IGNORED);
    hub_wake(fixture->hub);
    assert_frame(&peer, WEBSOCKET_TEXT, reel_text(good));
    peer_close(&peer);
}

static void a_position_is_told_when_nothing_matches(void **state) {
    struct fixture *fixture = *state;
    fixture->options.position_ms = 10;
    begin(fixture);
    struct peer peer = websocket_of(fixture, 0, "none");
    apply(fixture, "a");
    assert_frame(&peer, WEBSOCKET_TEXT, STR("{\"seq\":1}"));
    apply(fixture, "b");
    assert_frame(&peer, WEBSOCKET_TEXT, STR("{\"seq\":2}"));
    peer_close(&peer);
}

/* Whoever reads in small sips gets every byte, wherever its socket was full. */
static void frames_sent_in_pieces_are_complete(void **state) {
    struct fixture *fixture = *state;
    enum { PEERS = 6 };
    struct peer peers[PEERS];
    uint64_t seqs[PEERS] = {0}, random = 7, total = 2000;
    begin(fixture);
    for (size_t i = 0; i < PEERS; i++) peers[i] = websocket_of(fixture, 0, i % 2 ? "y" : NULL);
    for (uint64_t n = 1; n <= total; n++) {
        apply(fixture, n % 3 ? "no" : "yes");
        if (n % 50 > 0) continue;
        for (size_t i = 0; i < PEERS; i++) {
            struct reel_str text;
            size_t frames = random_below(&random, 20);
            uint64_t step = i % 2 ? 3 : 1;
            while (frames-- > 0 && seqs[i] + step <= n) {
                seqs[i] += step;
                assert_int_equal(frame_of(&peers[i], &text), WEBSOCKET_TEXT);
                assert_int_equal(strtoull(text.data + 7, NULL, 10), seqs[i]);
            }
        }
    }
    for (size_t i = 0; i < PEERS; i++) {
        uint64_t step = i % 2 ? 3 : 1;
        while (seqs[i] + step <= total) {
            seqs[i] += step;
            assert_event(&peers[i], seqs[i] % 3 ? "no" : "yes", seqs[i]);
        }
        peer_close(&peers[i]);
    }
}

/* ---- How they end ---------------------------------------------------------------------------- */

static void a_ping_that_is_not_answered_ends_it(void **state) {
    struct fixture *fixture = *state;
    fixture->options.ping_ms = 20;
    fixture->options.stall_ms = 100;
    begin(fixture);
    struct peer peer = websocket_of(fixture, 0, NULL);
    assert_frame(&peer, WEBSOCKET_PING, STR(""));
    struct reel_str found = {"", 0};
    assert_int_equal(frame_of(&peer, &found), WEBSOCKET_CLOSE);
    assert_bytes((struct reel_str){found.data, 2}, STR("\x03\xF5"));
    wait_until_ended(fixture, HUB_END_SILENT, 1);
    peer_close(&peer);
}

static void pings_that_are_answered_go_on(void **state) {
    struct fixture *fixture = *state;
    fixture->options.ping_ms = 10;
    fixture->options.stall_ms = 10000;
    begin(fixture);
    struct peer peer = websocket_of(fixture, 0, NULL);
    for (int i = 0; i < 5; i++) {
        assert_frame(&peer, WEBSOCKET_PING, STR(""));
        must(send(peer.fd, "\x8A\x80mask", 6, MSG_NOSIGNAL) == 6);
    }
    peer_close(&peer);
}

static void streams_are_kept_alive_with_comments(void **state) {
    struct fixture *fixture = *state;
    fixture->options.ping_ms = 10;
    begin(fixture);
    struct peer peer = peer_of(fixture, TRANSPORT_STREAM, 0, NULL);
    while (peer.in.len < 9) assert_true(more(&peer));
    assert_bytes((struct reel_str){peer.in.data, 9}, STR(":\n\n:\n\n:\n\n"));
    peer_close(&peer);
}

static void a_follower_that_does_not_read_is_ended(void **state) {
    struct fixture *fixture = *state;
    fixture->options.stall_ms = 100;
    begin(fixture);
    struct peer peer = websocket_of(fixture, 0, NULL);
    for (int i = 0; i < 3000; i++) apply(fixture, "a");
    wait_until_ended(fixture, HUB_END_STALLED, 1);
    peer_close(&peer);
}

static void overtaken_by_trimming_it_is_told_so(void **state) {
    struct fixture *fixture = *state;
    begin(fixture);
    for (int i = 0; i < 10; i++) apply(fixture, "a");
    must(reel_trim(fixture->fake->reel, 5, NULL) == 0);
    struct peer peer = websocket_of(fixture, 1, NULL);
    assert_closed(&peer, WEBSOCKET_CURSOR_TOO_OLD);
    wait_until_ended(fixture, HUB_END_OVERTAKEN, 1);
}

static atomic_bool is_another_log;

static int position_of_another_log(struct reel_view *view, struct reel_position *ret, size_t size) {
    (void)size;
    int rc = reel_view_position(view, ret);
    if (is_another_log) memset(ret->epoch.text, 'e', 36);
    return rc;
}

static void another_log_ends_them(void **state) {
    struct fixture *fixture = *state;
    fixture->fake->calls.view_position = position_of_another_log;
    is_another_log = false;
    begin(fixture);
    struct peer peer = websocket_of(fixture, 0, NULL);
    struct peer stream = peer_of(fixture, TRANSPORT_STREAM, 0, NULL);
    apply(fixture, "a");
    assert_event(&peer, "a", 1);
    assert_true(more(&stream));
    is_another_log = true;
    apply(fixture, "a");
    assert_closed(&peer, WEBSOCKET_EPOCH_CHANGED);
    while (more(&stream)) continue;
    peer_close(&stream);
    wait_until_ended(fixture, HUB_END_EPOCH, 2);
}

static void another_log_that_ends_at_the_same_seq_ends_them_too(void **state) {
    struct fixture *fixture = *state;
    fixture->fake->calls.view_position = position_of_another_log;
    is_another_log = false;
    begin(fixture);
    struct peer peer = websocket_of(fixture, 0, NULL);
    apply(fixture, "a");
    assert_event(&peer, "a", 1);
    is_another_log = true;
    assert_closed(&peer, WEBSOCKET_EPOCH_CHANGED);
    wait_until_ended(fixture, HUB_END_EPOCH, 1);
}

static void draining_sends_all_and_says_good_bye(void **state) {
    struct fixture *fixture = *state;
    begin(fixture);
    for (int i = 0; i < 3; i++) apply(fixture, "a");
    struct peer peer = websocket_of(fixture, 0, NULL);
    hub_drain(fixture->hub, clock_ms());
    for (unsigned seq = 1; seq <= 3; seq++) assert_event(&peer, "a", seq);
    assert_closed(&peer, WEBSOCKET_GOING_AWAY);
    hub_drain(fixture->hub, clock_ms() + PATIENCE_MS);
    assert_int_equal(hub_metrics(fixture->hub, TRANSPORT_WEBSOCKET).followers, 0);
}

static void draining_is_bounded(void **state) {
    struct fixture *fixture = *state;
    begin(fixture);
    struct peer peer = websocket_of(fixture, 0, NULL);
    for (int i = 0; i < 3000; i++) apply(fixture, "a");
    hub_drain(fixture->hub, clock_ms() + 50);
    assert_int_equal(hub_metrics(fixture->hub, TRANSPORT_WEBSOCKET).followers, 1);
    hub_stop(fixture->hub);
    fixture->hub = NULL;
    peer_close(&peer);
}

static void a_client_that_breaks_the_protocol_gets_its_close_code(void **state) {
    struct fixture *fixture = *state;
    begin(fixture);
    struct peer peer = websocket_of(fixture, 0, NULL);
    struct reel_str found = {"", 0};
    must(send(peer.fd, "\x81\x01x", 3, MSG_NOSIGNAL) == 3);
    assert_int_equal(frame_of(&peer, &found), WEBSOCKET_CLOSE);
    assert_bytes((struct reel_str){found.data, 2}, STR("\x03\xEA"));
    assert_int_equal(frame_of(&peer, &found), -1);
    peer_close(&peer);
    wait_until_ended(fixture, HUB_END_FAULT, 1);
}

static void a_close_is_answered_with_its_code(void **state) {
    struct fixture *fixture = *state;
    begin(fixture);
    struct peer peer = websocket_of(fixture, 0, NULL);
    must(send(peer.fd, "\x88\x82\x00\x00\x00\x00\x0F\xA0", 8, MSG_NOSIGNAL) == 8);
    assert_frame(&peer, WEBSOCKET_CLOSE, STR("\x0F\xA0"));
    assert_int_equal(frame_of(&peer, &(struct reel_str){"", 0}), -1);
    peer_close(&peer);
    wait_until_ended(fixture, HUB_END_CLIENT, 1);
}

static void there_are_no_more_than_may_be(void **state) {
    struct fixture *fixture = *state;
    struct reel_epoch epoch = position_of(fixture->fake->reel).epoch;
    struct event_filter all = {.type = {NULL, 0}};
    struct follower *one, *other;
    fixture->options.followers_max = 1;
    begin(fixture);
    must(follower_create(fixture->hub, TRANSPORT_STREAM, &epoch, 0, &all, &one) == 0);
    assert_int_equal(follower_create(fixture->hub, TRANSPORT_WEBSOCKET, &epoch, 0, &all, &other),
                     -EAGAIN);
    follower_destroy(one);
    must(follower_create(fixture->hub, TRANSPORT_WEBSOCKET, &epoch, 0, &all, &one) == 0);
    follower_destroy(one);
    follower_destroy(NULL);
}

/* Views are few: whoever cannot have one tries again. */
static void without_views_it_is_later(void **state) {
    struct fixture *fixture = *state;
    begin(fixture);
    fixture->fake->refuse_views = true;
    struct peer peer = websocket_of(fixture, 0, NULL);
    fake_apply(fixture->fake, "a");
    hub_wake(fixture->hub);
    fixture->fake->refuse_views = false;
    assert_event(&peer, "a", 1);
    peer_close(&peer);
}

/* ---- Those who do not read ------------------------------------------------------------------- */

enum { LARGE = 500000 };

static void apply_large(struct fixture *fixture) {
    struct text event = {0};
    text_append_lit(&event, "{\"type\":\"a\",\"data\":\"");
    for (size_t i = 0; i < LARGE / 10; i++) text_append_lit(&event, "0123456789");
    text_append_lit(&event, "\"}");
    text_append(&event, "", 1);
    must(!event.failed);
    apply_text(fixture->fake->reel, event.data, REEL_IGNORED);
    text_finish(&event);
    hub_wake(fixture->hub);
}

static void followers_that_do_not_read_a_large_event_share_it(void **state) {
    enum { PEERS = 40 };
    struct fixture *fixture = *state;
    struct peer peers[PEERS];
    struct reel_str found = {"", 0};
    begin(fixture);
    for (size_t i = 0; i < PEERS; i++) peers[i] = websocket_of(fixture, 0, NULL);
    apply_large(fixture);
    for (size_t i = 0; i < PEERS; i++) {
        struct pollfd poll_fd = {.fd = peers[i].fd, .events = POLLIN};
        must(poll(&poll_fd, 1, PATIENCE_MS) == 1);
    }
    assert_in_range(hub_memory(fixture->hub), LARGE, 4 * LARGE);
    apply(fixture, "a");
    for (size_t i = 0; i < PEERS; i++) {
        assert_int_equal(frame_of(&peers[i], &found), WEBSOCKET_TEXT);
        assert_in_range(found.len, LARGE, LARGE + 100);
        assert_event(&peers[i], "a", 2);
        peer_close(&peers[i]);
    }
    wait_until_ended(fixture, HUB_END_CLIENT, PEERS);
}

/* Each of them stands at an event of its own. Those that have waited longest go. */
static void above_the_memory_limit_followers_that_do_not_read_are_ended(void **state) {
    enum { PEERS = 20, KEPT = 12 };
    struct fixture *fixture = *state;
    struct peer peers[PEERS];
    struct reel_str found = {"", 0};
    fixture->options.memory_max = KEPT * LARGE;
    begin(fixture);
    for (size_t i = 0; i < PEERS; i++) {
        struct pollfd poll_fd = {.events = POLLIN};
        peers[i] = websocket_of(fixture, i, NULL);
        apply_large(fixture);
        poll_fd.fd = peers[i].fd;
        must(poll(&poll_fd, 1, PATIENCE_MS) == 1);
    }
    uint64_t until = clock_ms() + PATIENCE_MS;
    while (hub_memory(fixture->hub) > fixture->options.memory_max && clock_ms() < until)
        usleep(1000);
    assert_in_range(hub_memory(fixture->hub), LARGE, KEPT * LARGE);
    assert_in_range(hub_ended(fixture->hub, HUB_END_STALLED), 1, PEERS - 1);
    assert_int_equal(frame_of(&peers[0], &found), -1);
    assert_int_equal(frame_of(&peers[PEERS - 1], &found), WEBSOCKET_TEXT);
    assert_in_range(found.len, LARGE, LARGE + 100);
    for (size_t i = 0; i < PEERS; i++) peer_close(&peers[i]);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_TESTS(hub_test) {
    const struct CMUnitTest tests[] = {
        CASE(first_what_there_is_then_what_comes),
        CASE(a_filter_leaves_out),
        CASE(an_event_stream_has_its_head_first),
        CASE(bytes_received_before_the_handover_are_read),
        CASE(bare_events_are_cloudevents_and_nothing_else),
        CASE(a_position_is_told_when_nothing_matches),
        CASE(frames_sent_in_pieces_are_complete),
        CASE(a_ping_that_is_not_answered_ends_it),
        CASE(pings_that_are_answered_go_on),
        CASE(streams_are_kept_alive_with_comments),
        CASE(a_follower_that_does_not_read_is_ended),
        CASE(overtaken_by_trimming_it_is_told_so),
        CASE(another_log_ends_them),
        CASE(another_log_that_ends_at_the_same_seq_ends_them_too),
        CASE(draining_sends_all_and_says_good_bye),
        CASE(draining_is_bounded),
        CASE(a_client_that_breaks_the_protocol_gets_its_close_code),
        CASE(a_close_is_answered_with_its_code),
        CASE(there_are_no_more_than_may_be),
        CASE(without_views_it_is_later),
        CASE(followers_that_do_not_read_a_large_event_share_it),
        CASE(above_the_memory_limit_followers_that_do_not_read_are_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
