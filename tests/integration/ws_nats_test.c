/* ws_nats_test.c: following, by WebSocket and server-sent events alike, where the log mirrors a
 * stream: through a broker that is away, over gaps in the sequence, from a place that is on its
 * way, when the stream is made anew, and from one daemon to another. */
#include "follow.h"
#include "nats_support.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const enum follow_kind kinds[] = {FOLLOW_WEBSOCKET, FOLLOW_SSE};

/* So that positions come within a test. */
static const char *const often[] = {"--follow-position-ms", "50", NULL};

/* ---- Who follows ----------------------------------------------------------------------------- */

/* Event seq of the stream is load event seq - 1, in all tests. */
struct watcher {
    struct follower follower;
    uint64_t at; /* what it has been sent up to here is right */
    int digit;   /* of the subject, the only one that it wants; -1: all (load_event) */
};

/* One that gets what is behind `at`; `query` is the rest of what it asks. */
static struct watcher watcher_opened(const struct daemon *daemon, enum follow_kind kind,
                                     uint64_t at, const char *query, int digit) {
    char all[256];
    snprintf(all, sizeof all, "?since=%" PRIu64 "%s", at, query);
    return (struct watcher){follower_opened(daemon, kind, all), at, digit};
}

/* One that gets what is new; the log ends at `head`. */
static struct watcher watcher_of_news(const struct daemon *daemon, enum follow_kind kind,
                                      uint64_t head, const char *query, int digit) {
    return (struct watcher){follower_opened(daemon, kind, query), head, digit};
}

static void watcher_closed(struct watcher *watcher) {
    follower_close(&watcher->follower);
}

/* The next event is this one, bytes and all; positions come before it, but none beyond. */
static void expect_load(struct watcher *watcher, uint64_t seq) {
    struct follower *follower = &watcher->follower;
    char event[SAMPLE_BYTES_MAX];
    size_t len = load_event(seq - 1, event, sizeof event);
    struct follow_frame frame = {0};
    do {
        if (!follower_read(follower, &frame))
            support_failed(__FILE__, __LINE__, "it ended before %" PRIu64 ": %u %s", seq,
                           follower->close_code, follower->close_reason);
        must(frame.seq > watcher->at);
        watcher->at = frame.seq;
    } while (is_position(&frame) && frame.seq < seq);
    if (frame.seq != seq || !reel_str_eq(frame.event, (struct reel_str){event, len}))
        support_failed(__FILE__, __LINE__, "%.*s instead of %" PRIu64, (int)frame.text.len,
                       frame.text.data, seq);
}

/* It is told that messages are missing, of which `seq` is the last. */
static void expect_gap(struct watcher *watcher, uint64_t seq) {
    struct follow_frame frame = {0};
    do {
        must(follower_read(&watcher->follower, &frame) && frame.seq > watcher->at);
        watcher->at = frame.seq;
    } while (is_position(&frame) && frame.seq < seq);
    if (frame.seq != seq || !frame.is_gap)
        support_failed(__FILE__, __LINE__, "%.*s instead of a gap up to %" PRIu64,
                       (int)frame.text.len, frame.text.data, seq);
}

/* Each event up to `head` that it wants comes, in order, once. */
static void watcher_expect(struct watcher *watcher, uint64_t head) {
    for (uint64_t seq = watcher->at + 1; seq <= head; seq++)
        if (watcher->digit < 0 || (seq - 1) % 10 == (unsigned)watcher->digit)
            expect_load(watcher, seq);
}

/* And then it is told that there is no more of it up to there. */
static void watcher_expect_position(struct watcher *watcher, uint64_t head) {
    if (watcher->at < head) follower_expect_position(&watcher->follower, head);
    watcher->at = head;
}

/* The connection ends, before anything more is sent. */
static void expect_end(struct watcher *watcher, unsigned close_code) {
    struct follower *follower = &watcher->follower;
    struct follow_frame frame;
    if (follower_read(follower, &frame))
        support_failed(__FILE__, __LINE__, "%.*s", (int)frame.text.len, frame.text.data);
    assert_int_equal(follower->close_code, follower->kind == FOLLOW_SSE ? 0 : close_code);
}

static void expect_refusal(const struct daemon *daemon, enum follow_kind kind, const char *query,
                           long status, const char *name) {
    struct follower follower;
    test_context("%s", query);
    struct reply reply = follower_asked(daemon, kind, query, READ_TOKEN, NULL, &follower);
    assert_problem(&reply, status, name);
    reply_free(&reply);
    follower_close(&follower);
    test_context("%s", "");
}

/* ---- The broker is away ---------------------------------------------------------------------- */

/* All ways to follow at once, and those who come while the broker is away. */
struct crowd {
    struct watcher watchers[32];
    size_t count;
};

static void crowd_add(struct crowd *crowd, struct watcher watcher) {
    must(crowd->count < COUNT(crowd->watchers));
    crowd->watchers[crowd->count++] = watcher;
}

static void crowd_join(struct crowd *crowd, const struct daemon *daemon, uint64_t head) {
    for (size_t k = 0; k < COUNT(kinds); k++) {
        crowd_add(crowd, watcher_opened(daemon, kinds[k], 0, "", -1));
        crowd_add(crowd, watcher_opened(daemon, kinds[k], head / 2, "", -1));
        crowd_add(crowd, watcher_opened(daemon, kinds[k], 0, "&subject=cellos.*.load.3", 3));
        crowd_add(crowd, watcher_of_news(daemon, kinds[k], head, "", -1));
        crowd_add(crowd, watcher_of_news(daemon, kinds[k], head, "?subject=*.*.*.7", 7));
    }
}

/* Each is sent all of it; with their positions they are all at the head. */
static void crowd_expect(struct crowd *crowd, uint64_t head) {
    for (size_t i = 0; i < crowd->count; i++) {
        test_context("follower %zu, up to %" PRIu64, i, head);
        watcher_expect(&crowd->watchers[i], head);
        watcher_expect_position(&crowd->watchers[i], head);
    }
    test_context("%s", "");
}

static void crowd_closed(struct crowd *crowd) {
    while (crowd->count > 0) watcher_closed(&crowd->watchers[--crowd->count]);
}

/* Followers stay; who asks for what is behind the copy's end is told so. */
static void check_away(struct mirror *mirror, struct crowd *crowd, uint64_t head) {
    char query[64];
    assert_int_equal(follower_count(mirror->client), crowd->count);
    snprintf(query, sizeof query, "?since=%" PRIu64, head + 1);
    for (size_t k = 0; k < COUNT(kinds); k++)
        expect_refusal(&mirror->daemon, kinds[k], query, 400, "bad-request");
}

/* Nothing reaches the daemon while the broker is away, and then first what came meanwhile. */
static void broker_goes_and_comes(struct mirror *mirror, struct crowd *crowd, uint64_t head,
                                  bool killed, size_t more) {
    (killed ? broker_kill : broker_stop)(mirror->broker);
    wait_until_not_ready(mirror->client, "broker");
    proxy_refuse(mirror->proxy, true);
    check_away(mirror, crowd, head);
    if (killed) crowd_join(crowd, &mirror->daemon, head);
    crowd_expect(crowd, head); /* from the local copy */
    broker_start(mirror->broker);
    publish_load(&mirror->stream, head); /* waits until the broker is there */
    publish_many(&mirror->stream, head + 1, more - 1);
    proxy_refuse(mirror->proxy, false);
}

static void through_a_broker_s_restart_everyone_gets_all_of_it_once(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    struct crowd crowd = {.count = 0};
    uint64_t head = 300;
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 0, head);
    mirror_run_list(&mirror, often);
    wait_for_cursor(mirror.client, head);
    wait_until_ready(mirror.client);
    crowd_join(&crowd, &mirror.daemon, head);
    crowd_expect(&crowd, head);
    publish_many(&mirror.stream, head, 300); /* live, as nothing was pending */
    crowd_expect(&crowd, head += 300);
    for (int round = 0; round < 3; round++) {
        broker_goes_and_comes(&mirror, &crowd, head, round == 1, 300);
        crowd_expect(&crowd, head += 300);
        publish_many(&mirror.stream, head, 50);
        crowd_expect(&crowd, head += 50);
    }
    assert_int_equal(follower_count(mirror.client), crowd.count);
    crowd_closed(&crowd);
    mirror_closed(&mirror);
}

/* ---- Gaps ------------------------------------------------------------------------------------ */

/* Of 300: what was deleted before the daemon came to see it. */
static bool is_deleted(uint64_t seq) {
    return (seq > 100 && seq <= 110) || seq > 290;
}

static void over_deleted_messages_they_go_on_and_are_told_of_them(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 0, 300);
    for (uint64_t seq = 1; seq <= 300; seq++)
        if (is_deleted(seq)) stream_delete_message(&mirror.stream, STREAM, seq);
    mirror_run_list(&mirror, often);
    wait_for_cursor(mirror.client, 300);
    struct watcher watchers[2 * COUNT(kinds)];
    for (size_t i = 0; i < COUNT(watchers); i++) { /* from the beginning, and from within a gap */
        watchers[i] =
            watcher_opened(&mirror.daemon, kinds[i / 2], i % 2 ? 105 : 0, "&type=dev.cellos", -1);
        for (uint64_t seq = watchers[i].at + 1; seq <= 300; seq++)
            if (seq == 110 || seq == 300)
                expect_gap(&watchers[i], seq);
            else if (!is_deleted(seq))
                expect_load(&watchers[i], seq);
    }
    publish_many(&mirror.stream, 300, 20);
    for (size_t i = 0; i < COUNT(watchers); i++) {
        watcher_expect(&watchers[i], 320);
        watcher_closed(&watchers[i]);
    }
    mirror_closed(&mirror);
}

static void messages_outside_the_filter_of_the_daemon_move_positions(void **state) {
    (void)state;
    static const char *const narrow[] = {"--subjects", "cellos.events.load.>",
                                         "--follow-position-ms", "50", NULL};
    static const char other[] = "{}";
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, NULL);
    mirror_run_list(&mirror, narrow);
    wait_until_ready(mirror.client);
    struct watcher watchers[COUNT(kinds)];
    for (size_t k = 0; k < COUNT(kinds); k++)
        watchers[k] = watcher_opened(&mirror.daemon, kinds[k], 0, "", -1);
    publish_many(&mirror.stream, 0, 10);
    for (int i = 0; i < 10; i++)
        publish(&mirror.stream, "cellos.events.other", NULL, other, sizeof other - 1);
    for (size_t k = 0; k < COUNT(kinds); k++) {
        watcher_expect(&watchers[k], 10);
        watcher_expect_position(&watchers[k], 20);
    }
    publish_many(&mirror.stream, 20, 10);
    for (size_t k = 0; k < COUNT(kinds); k++) {
        watcher_expect(&watchers[k], 30);
        watcher_closed(&watchers[k]);
    }
    mirror_closed(&mirror);
}

/* ---- On its way ------------------------------------------------------------------------------ */

enum { BACKLOG = 2000, ENOUGH_BYTES = 32768 }; /* for what is asked first, not for all messages */

/* A thread that asks, and is answered when the place is reached. */
struct asking {
    const struct daemon *daemon;
    enum follow_kind kind;
    pthread_t thread;
    struct watcher watcher;
};

static void *ask_for_what_is_behind_it(void *context) {
    struct asking *asking = context;
    asking->watcher = watcher_opened(asking->daemon, asking->kind, BACKLOG, "&timeout=60", -1);
    return NULL;
}

static uint64_t count_waiters(struct client *client) {
    return (uint64_t)metric_of(client, "\nreel_http_waiters ");
}

static void behind_what_the_stream_holds_and_we_have_not_yet_one_waits(void **state) {
    (void)state;
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, NULL);
    publish_many(&mirror.stream, 0, BACKLOG);
    proxy_stall_after(mirror.proxy, ENOUGH_BYTES);
    mirror_run(&mirror);
    daemon_wait_for_log(&mirror.daemon, "it reaches 2000");
    for (uint64_t began = now_ms(); proxy_bytes(mirror.proxy) < ENOUGH_BYTES; usleep(5000))
        must(now_ms() - began < 60000); /* from now on nothing comes */
    struct asking asking[COUNT(kinds)];
    for (size_t k = 0; k < COUNT(kinds); k++) {
        expect_refusal(&mirror.daemon, kinds[k], "?since=2001", 400, "bad-request");
        expect_refusal(&mirror.daemon, kinds[k], "?since=2000&timeout=0", 504, "not-yet");
        asking[k] = (struct asking){.daemon = &mirror.daemon, .kind = kinds[k]};
        must(pthread_create(&asking[k].thread, NULL, ask_for_what_is_behind_it, &asking[k]) == 0);
    }
    for (uint64_t began = now_ms(); count_waiters(mirror.client) < COUNT(kinds); usleep(5000))
        must(now_ms() - began < 60000);
    assert_true(status_number(mirror.client, "cursor") < BACKLOG);
    proxy_stall(mirror.proxy, false);
    for (size_t k = 0; k < COUNT(kinds); k++) must(pthread_join(asking[k].thread, NULL) == 0);
    publish_many(&mirror.stream, BACKLOG, 20);
    for (size_t k = 0; k < COUNT(kinds); k++) {
        watcher_expect(&asking[k].watcher, BACKLOG + 20);
        watcher_closed(&asking[k].watcher);
    }
    mirror_closed(&mirror);
}

/* ---- Made anew ------------------------------------------------------------------------------- */

/* Those of before are sent nothing of the new stream, be it longer or shorter than the old one. */
static void check_made_anew(struct mirror *mirror, uint64_t before, uint64_t after) {
    char *epoch = epoch_of(mirror->client), query[128];
    struct crowd crowd = {.count = 0};
    crowd_join(&crowd, &mirror->daemon, before);
    crowd_expect(&crowd, before);
    stream_delete(&mirror->stream, STREAM);
    stream_make(&mirror->stream, NULL);
    publish_many(&mirror->stream, 0, after);
    for (size_t i = 0; i < crowd.count; i++) expect_end(&crowd.watchers[i], 4409);
    crowd_closed(&crowd);
    wait_until_ready(mirror->client);
    wait_for_cursor(mirror->client, after);
    snprintf(query, sizeof query, "?since=%" PRIu64 "&epoch=%s", before, epoch);
    for (size_t k = 0; k < COUNT(kinds); k++)
        expect_refusal(&mirror->daemon, kinds[k], query, 409, "conflict");
    free(epoch);
}

static void another_stream_ends_followers_and_refuses_their_return(void **state) {
    (void)state;
    static const uint64_t lengths[] = {100, 300, 40, 40};
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, NULL);
    mirror_run_list(&mirror, often);
    publish_many(&mirror.stream, 0, lengths[0]);
    wait_for_cursor(mirror.client, lengths[0]);
    for (size_t i = 1; i < COUNT(lengths); i++) {
        test_context("%" PRIu64 " after %" PRIu64, lengths[i], lengths[i - 1]);
        check_made_anew(&mirror, lengths[i - 1], lengths[i]);
    }
    test_context("%s", "");
    mirror_closed(&mirror);
}

/* ---- Two daemons ----------------------------------------------------------------------------- */

/* Waits until the daemon has it, as a client would. */
static void wait_until_seen(struct client *client, uint64_t seq) {
    char path[96];
    snprintf(path, sizeof path, "/v1/cells?limit=1&timeout=60&min_cursor=%" PRIu64, seq);
    struct reply reply = got(client, path, 200);
    reply_free(&reply);
}

static void from_one_daemon_to_another_a_follower_goes_on_at_its_seq(void **state) {
    (void)state;
    struct mirror mirror = mirror_opened();
    struct site other = site_opened("--nats", mirror.broker->url, NULL);
    wait_until_ready(mirror.client);
    wait_until_ready(other.writer);
    char *epoch = epoch_of(mirror.client), *same = epoch_of(other.writer), query[96];
    assert_string_equal(epoch, same);
    snprintf(query, sizeof query, "&epoch=%s", epoch);
    struct publisher *publisher = publisher_started(mirror.broker->url, 0);
    uint64_t at = 0, random = 7;
    for (size_t i = 0; i < scaled(200); i++) {
        bool here = i % 2;
        wait_until_seen(here ? mirror.client : other.writer, at);
        struct watcher watcher = watcher_opened(here ? &mirror.daemon : &other.daemon,
                                                kinds[i / 2 % COUNT(kinds)], at, query, -1);
        watcher_expect(&watcher, at += random_next(&random) % 100);
        watcher_closed(&watcher);
    }
    publisher_ended(publisher);
    free(epoch);
    free(same);
    site_closed(&other);
    mirror_closed(&mirror);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(through_a_broker_s_restart_everyone_gets_all_of_it_once),
        cmocka_unit_test(over_deleted_messages_they_go_on_and_are_told_of_them),
        cmocka_unit_test(messages_outside_the_filter_of_the_daemon_move_positions),
        cmocka_unit_test(behind_what_the_stream_holds_and_we_have_not_yet_one_waits),
        cmocka_unit_test(another_stream_ends_followers_and_refuses_their_return),
        cmocka_unit_test(from_one_daemon_to_another_a_follower_goes_on_at_its_seq),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
