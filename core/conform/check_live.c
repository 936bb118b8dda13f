/* check_live.c: what is followed while it happens, with cuts at random; and connections on which
 * nothing happens.
 *
 * All subscribers are read by one thread, in turn. If events may be written, they are written one
 * by one; otherwise, whatever happens on the server is followed for some seconds. */
#include "base/clock.h"
#include "conform/suite.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>

/* Events and records, each by two transports; and records with the filter. */
enum { SUBSCRIBERS = 6, PLAIN = 4 };

/* A connection is cut after at least this number of bytes, and at most as many more: there is
 * progress although the head of an answer takes some of them. */
enum { CUT_BYTES_MIN = 700 };

/* Of so many subscribers that are cut, one forgets what it has, and begins with a snapshot: while
 * events are written, this is the seam between a snapshot and what follows it. */
enum { FORGETS_ONE_OF = 3 };

/* How long each subscriber is read before the next one, and between two events. */
enum { TURN_MS = 5 };

struct live {
    struct suite *suite;
    struct subscriber subscribers[SUBSCRIBERS];
    size_t count;
    int failed[SUBSCRIBERS]; /* 0, or the error */
    struct reel_error errors[SUBSCRIBERS];
    uint64_t began; /* the cursor before */
    bool ends;      /* nothing is cut any more */
};

static unsigned random_below(unsigned bound) {
    uint16_t number = 0;
    (void)RAND_bytes((unsigned char *)&number, sizeof number); /* if it fails, 0 is as good */
    return number % bound;
}

/* A snapshot cannot be resumed, so that a large one would never be complete if it was cut. */
static void choose_cut(const struct live *live, struct subscriber *subscriber) {
    struct stream *stream = &subscriber->stream;
    bool is_in_snapshot = subscriber->collection && !subscriber->copy.has_position;
    if (live->ends)
        stream->cut_at = STREAM_NEVER;
    else if (stream->cut_at == STREAM_NEVER && !is_in_snapshot)
        stream->cut_at = stream->received + CUT_BYTES_MIN + random_below(CUT_BYTES_MIN);
}

static void forget(struct live *live, struct subscriber *subscriber) {
    if (subscriber->collection && !live->ends && random_below(FORGETS_ONE_OF) == 0)
        subscriber->copy.has_position = false;
}

/* -ESTALE: a collection was rebuilt meanwhile, and is read again. 410 says the same. */
static bool begins_again(struct subscriber *subscriber, int rc) {
    bool is_gone = rc == 0 && subscriber->stream.http.status == 410;
    if (!subscriber->collection || (rc != -ESTALE && !is_gone)) return false;
    subscriber->copy.has_position = false;
    return true;
}

static void connect_turn(struct live *live, size_t n) {
    struct subscriber *subscriber = &live->subscribers[n];
    int rc = subscriber_connect(subscriber, STREAM_NEVER, &live->errors[n]);
    if (rc == 1) return;
    if (rc == -EPROTO || rc == -ENOMEM)
        live->failed[n] = rc;
    else if (rc == 0 && !begins_again(subscriber, rc) && subscriber->stream.http.status != 503)
        live->failed[n] = -EACCES;
    else
        suite_pause();
}

/* If a connection is lost for any reason, another one follows. What is wrong in frames is a
 * finding. */
static void read_turn(struct live *live, size_t n, uint64_t goal) {
    struct subscriber *subscriber = &live->subscribers[n];
    if (!live->failed[n] && !subscriber->is_connected) connect_turn(live, n);
    if (live->failed[n] || !subscriber->is_connected) return;
    choose_cut(live, subscriber);
    int rc = subscriber_reach(subscriber, goal, clock_ms() + TURN_MS, &live->errors[n]);
    if (rc == -ECANCELED) forget(live, subscriber);
    if (rc == -EPROTO || rc == -EFBIG || rc == -ENOMEM) live->failed[n] = rc;
    (void)begins_again(subscriber, rc);
}

static void read_all(struct live *live, uint64_t goal) {
    for (size_t i = 0; i < live->count; i++) read_turn(live, i, goal);
}

static bool has_reached(const struct subscriber *subscriber, uint64_t goal) {
    return subscriber->collection ? subscriber->copy.has_point && subscriber->copy.point >= goal
                                  : subscriber->trail.seq >= goal;
}

/* The last events must reach all of them. */
static void read_rest(struct live *live, size_t first, size_t end, uint64_t goal) {
    live->ends = true;
    uint64_t until_ms = clock_ms() + live->suite->target.timeout_ms;
    for (size_t i = first; i < end; i++) {
        struct subscriber *subscriber = &live->subscribers[i];
        while (!live->failed[i] && !has_reached(subscriber, goal) && clock_left_ms(until_ms) > 0)
            read_turn(live, i, goal);
        if (live->failed[i] || has_reached(subscriber, goal)) continue;
        live->failed[i] = fail(&live->errors[i], -ETIMEDOUT,
                               "%" PRIu64 " did not come in time: is something buffered?", goal);
    }
}

/* ---- What is compared ------------------------------------------------------------------------ */

static void report_one(struct live *live, size_t n, uint64_t goal) {
    const struct subscriber *subscriber = &live->subscribers[n];
    char name[64], title[128], passed[128];
    bool of_records = subscriber->collection, is_filtered = subscriber->filter[0];
    snprintf(name, sizeof name, "%s.%s%s.live", of_records ? "records" : "events",
             frames_name(subscriber->kind), is_filtered ? ".filtered" : "");
    snprintf(title, sizeof title, "%s over %s%s, live", of_records ? "records" : "events",
             frames_title(subscriber->kind), is_filtered ? " with a filter" : "");
    snprintf(passed, sizeof passed, "%zu frames up to %" PRIu64 ", by %" PRIu64 " connections",
             of_records ? (size_t)subscriber->copy.frames : subscriber->trail.count, goal,
             subscriber->connections);
    if (live->failed[n] == -ENODATA)
        report_check(&live->suite->report, name, title, FINDING_SKIPPED, live->errors[n].text);
    else
        suite_report(live->suite, name, title, live->failed[n], &live->errors[n], passed);
}

static void compare_events(struct live *live, uint64_t goal) {
    struct trail listed = {.events = NULL};
    struct reel_error error = {{0}};
    int rc = suite_list(live->suite, live->began, goal, "", &listed, &error);
    for (size_t i = 0; i < live->count; i++) {
        struct subscriber *subscriber = &live->subscribers[i];
        if (subscriber->collection || live->failed[i]) continue;
        live->failed[i] = rc;
        live->errors[i] = error;
        if (rc == 0)
            live->failed[i] =
                trail_compare(&subscriber->trail, &listed, live->began, goal, &live->errors[i]);
    }
    trail_finish(&listed);
}

/* Those with the filter are compared with one without, whose digests were right. */
static void compare_filtered(struct live *live) {
    const struct copy *right = &live->subscribers[PLAIN - 1].copy;
    if (live->count == PLAIN || live->failed[PLAIN - 1]) return;
    read_rest(live, PLAIN, live->count, right->point);
    for (size_t i = PLAIN; i < live->count; i++)
        if (!live->failed[i])
            live->failed[i] = suite_compare(live->suite, &live->subscribers[i].copy, right, NULL, 0,
                                            true, &live->errors[i]);
}

static void check_digests(struct live *live) {
    for (size_t i = 0; i < PLAIN; i++)
        if (live->subscribers[i].collection && !live->failed[i] &&
            !live->subscribers[i].copy.digests)
            live->failed[i] = fail(&live->errors[i], -EPROTO, "no position had a digest");
}

/* ---- What happens ---------------------------------------------------------------------------- */

/* A subscriber of events begins at the cursor; that of records with a snapshot. */
static void begin(struct live *live) {
    static const enum frames_kind kinds[] = {FRAMES_WEBSOCKET, FRAMES_SSE};
    struct suite *suite = live->suite;
    live->began = suite->cursor;
    live->count = suite->filter[0] ? SUBSCRIBERS : PLAIN;
    for (size_t i = 0; i < live->count; i++) {
        live->subscribers[i] = suite_subscriber(suite, kinds[i % 2], i >= 2, i >= PLAIN);
        live->subscribers[i].trail = (struct trail){.has_position = true, .seq = live->began};
    }
}

static int write_rest(struct live *live, struct reel_error *error) {
    struct suite *suite = live->suite;
    while (suite->written < suite->event_count) {
        int rc = suite_write(suite, 1, error);
        if (rc < 0) return rc;
        read_all(live, suite->last_written);
    }
    return 0;
}

static int watch(struct live *live, struct reel_error *error) {
    uint64_t until_ms = clock_ms() + live->suite->watch_s * 1000;
    while (clock_left_ms(until_ms) > 0) read_all(live, UINT64_MAX);
    return suite_read_status(live->suite, error);
}

void check_live(struct suite *suite) {
    struct live live = {.suite = suite};
    struct reel_error error = {{0}};
    int rc = suite_read_status(suite, &error);
    if (rc == 0) {
        begin(&live);
        read_all(&live, suite->cursor);
        rc = suite->event_count ? write_rest(&live, &error) : watch(&live, &error);
    }
    if (rc < 0) {
        suite_report(suite, "live", "following live", rc, &error, "");
    } else {
        uint64_t goal = suite->event_count ? suite->last_written : suite->cursor;
        read_rest(&live, 0, PLAIN, goal);
        compare_filtered(&live);
        compare_events(&live, goal);
        check_digests(&live);
        for (size_t i = 0; i < live.count; i++) report_one(&live, i, goal);
    }
    for (size_t i = 0; i < live.count; i++) subscriber_finish(&live.subscribers[i]);
}

/* ---- Nothing happens ------------------------------------------------------------------------- */

/* Also counts as long as it has not ended: a position may come at any time. */
static int stay(struct subscriber *subscriber, uint64_t until_ms, struct reel_error *error) {
    int rc = subscriber_connect(subscriber, STREAM_NEVER, error);
    if (rc == 1)
        rc = subscriber_reach(subscriber, UINT64_MAX, until_ms, error);
    else if (rc == 0)
        rc = -EACCES;
    return rc;
}

void check_idle(struct suite *suite) {
    static const char name[] = "idle", title[] = "connections on which nothing happens";
    struct live live = {.suite = suite};
    struct reel_error error = {{0}};
    char passed[64];
    int rc = 0;
    if (suite->idle_s == 0) {
        report_check(&suite->report, name, title, FINDING_SKIPPED, "see --idle");
        return;
    }
    begin(&live);
    uint64_t until_ms = clock_ms() + suite->idle_s * 1000;
    for (size_t i = 0; i < PLAIN && rc == 0; i++)
        rc = stay(&live.subscribers[i], clock_ms() + TURN_MS, &error);
    while (rc == 0 && clock_left_ms(until_ms) > 0)
        for (size_t i = 0; i < PLAIN && rc == 0; i++)
            rc = subscriber_reach(&live.subscribers[i], UINT64_MAX, clock_ms() + 10 * TURN_MS,
                                  &error);
    snprintf(passed, sizeof passed, "they stayed for %" PRIu64 " s", suite->idle_s);
    suite_report(suite, name, title, rc, &error, passed);
    for (size_t i = 0; i < live.count; i++) subscriber_finish(&live.subscribers[i]);
}
