/* records_test.c: followers of records on pairs of sockets: what they share, and what becomes of
 * them when the collection does not stay what it was. The fixture's collection is `herd` (herd.c).
 */
#include "sinks/stdout/fake_host.h"

/* Three folds, which a test exchanges for one another before a rebuild. */
static _Atomic int fold;
#define HERD_LEAVES_OUT(number)                                                                    \
    ((fold == 1 && (number) % 5 == 1) || (fold == 2 && (number) % 5 == 0))
#define HERD_ADDS(number) (fold == 2 && (number) % 5 == 2 ? 1 : 0)
#include "../../../integration/plugins/herd.c"

#include "base/clock.h"
#include "follow/crossing.h"
#include "follow/hub.h"
#include "sinks/follow/peer_support.h"
#include "websocket/wire.h"

#include <errno.h>
#include <unistd.h>

enum { NEVER_MS = 3600000 };

struct fixture {
    struct fake_host *fake;
    struct hub *hub;
    atomic_uint_fast64_t generation; /* added to the collection's */
    atomic_bool unserved, rebuilding;
    atomic_bool late_lists;    /* views give no lists: their time is over */
    atomic_uint rows_per_view; /* a walk of changes runs out of time after so many; 0: never */
};

static struct fixture *now; /* the table of the host knows nobody */

static int view_collection(struct reel_view *view, const char *collection,
                           struct reel_collection_info *ret, size_t size) {
    must(size == sizeof *ret);
    int rc = reel_view_collection(view, collection, ret);
    ret->generation += now->generation;
    if (now->unserved) ret->served = false;
    ret->rebuilding = now->rebuilding;
    return rc;
}

static int view_list(struct reel_view *view, const char *collection, struct reel_str from,
                     bool after, reel_row_fn fn, void *context) {
    if (now->late_lists) return -ETIME;
    return reel_view_list(view, collection, from, after, fn, context);
}

struct short_walk {
    reel_row_fn fn;
    void *context;
    unsigned rows;
};

static int give_row(void *context, const struct reel_row *row) {
    struct short_walk *walk = context;
    if (now->rows_per_view > 0 && walk->rows++ == now->rows_per_view) return -ETIME;
    return walk->fn(walk->context, row);
}

static int view_changes(struct reel_view *view, const struct reel_query *query, uint64_t since,
                        reel_row_fn fn, void *context, struct reel_error *error) {
    struct short_walk walk = {fn, context, 0};
    return reel_view_changes(view, query, since, give_row, &walk, error);
}

/* With this setting, one collection has views for its followers. */
enum { VIEWS_MAX = CROSSING_VIEWS * CROSSING_VIEWS_SHARE };

/* `open_max`: views that can be open; 0: many. */
static int setup_with(void **state, unsigned views_max, uint32_t open_max, uint64_t stall_ms) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    must(fixture && fake_stage_begin((void **)&fixture->fake) == 0);
    struct reel_options options = {
        .struct_size = sizeof options, .view_ms_max = NEVER_MS, .views_max = open_max};
    struct reel_error error;
    reel_close(fixture->fake->reel);
    must_ok(reel_open(&options, &fixture->fake->reel, &error), error);
    must_ok(reel_add_plugin(fixture->fake->reel, &reel_plugin, &error), error);
    must_ok(reel_start(fixture->fake->reel, &error), error);
    fixture->fake->calls.view_collection = view_collection;
    fixture->fake->calls.view_list = view_list;
    fixture->fake->calls.view_changes = view_changes;
    const struct hub_options hub_options = {
        .host = &fixture->fake->host,
        .followers_max = 100,
        .ping_ms = NEVER_MS,
        .stall_ms = stall_ms,
        .position_ms = NEVER_MS,
        .point_ms = 5,
        .memory_max = (uint64_t)1 << 30,
        .views_max = views_max,
        .send_bytes = 4096,
    };
    must(hub_start(&hub_options, &fixture->hub, NULL) == 0);
    *state = now = fixture;
    fold = 0;
    return 0;
}

static int setup(void **state) {
    return setup_with(state, VIEWS_MAX, 0, NEVER_MS);
}

static int setup_with_few_views(void **state) {
    return setup_with(state, VIEWS_MAX - 1, 1, NEVER_MS);
}

static int setup_impatient(void **state) {
    return setup_with(state, VIEWS_MAX, 0, 100);
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    hub_stop(fixture->hub);
    fake_stage_end((void **)&fixture->fake);
    free(fixture);
    return 0;
}

static void apply(struct fixture *fixture, const char *what, int from, int to, const char *in,
                  int number) {
    struct text event = {0};
    char data[128];
    text_append_lit(&event, "{\"type\":\"test.herd.v1.");
    text_append_lit(&event, what);
    snprintf(data, sizeof data, "\",\"data\":{\"from\":%d,\"to\":%d,\"value\":%d,\"group\":\"",
             from, to, number);
    text_append_lit(&event, data);
    text_append_lit(&event, in);
    text_append_lit(&event, "\"}}");
    text_append(&event, "", 1);
    must(!event.failed);
    apply_text(fixture->fake->reel, event.data, REEL_APPLIED);
    text_finish(&event);
    hub_wake(fixture->hub);
}

/* ---- The other side -------------------------------------------------------------------------- */

static struct peer peer_of(struct fixture *fixture, bool has_snapshot, uint64_t seq,
                           const struct record_filter *filter) {
    struct record_wanted wanted = {
        .collection = "herd",
        .epoch = position_of(fixture->fake->reel).epoch,
        .seq = seq,
        .has_snapshot = has_snapshot,
    };
    struct follower *follower;
    if (filter) wanted.filter = *filter;
    must(follower_create_of_records(fixture->hub, TRANSPORT_WEBSOCKET, &wanted, &follower) == 0);
    return peer_adopted(fixture->hub, follower, STR(""), STR(""));
}

static struct peer new_peer(struct fixture *fixture) {
    return peer_of(fixture, false, position_of(fixture->fake->reel).cursor, NULL);
}

static void assert_text(struct peer *peer, const char *wanted) {
    struct reel_str found = {"", 0};
    assert_int_equal(peer_frame(peer, &found), WEBSOCKET_TEXT);
    assert_bytes(found, reel_text(wanted));
}

/* The next change, or 0 and a position's seq. Returns the number that the key is. */
static bool next_change(struct peer *peer, unsigned long long *ret_seq, int *ret_key) {
    struct reel_str found = {"", 0};
    char text[1024];
    assert_int_equal(peer_frame(peer, &found), WEBSOCKET_TEXT);
    snprintf(text, sizeof text, "%.*s", REEL_FMT(found));
    return sscanf(text, "{\"seq\":%llu,\"key\":\"%d\"", ret_seq, ret_key) == 2;
}

/* The changes of one event: each of these keys once, in order. */
static void assert_event(struct peer *peer, unsigned long long seq, int from, int to) {
    unsigned long long found;
    int key;
    for (int i = from; i < to; i++) {
        while (!next_change(peer, &found, &key)) continue;
        assert_int_equal(found, seq);
        assert_int_equal(key, i);
    }
}

static void assert_closed(struct peer *peer, unsigned code, const char *reason) {
    struct reel_str found = {"", 0};
    int opcode;
    do opcode = peer_frame(peer, &found);
    while (opcode == WEBSOCKET_TEXT);
    assert_int_equal(opcode, WEBSOCKET_CLOSE);
    assert_int_equal((uint8_t)found.data[0] << 8 | (uint8_t)found.data[1], code);
    assert_bytes((struct reel_str){found.data + 2, found.len - 2}, reel_text(reason));
    peer_close(peer);
}

/* ---- What they share ------------------------------------------------------------------------- */

static void followers_that_are_in_sync_share_what_is_read(void **state) {
    enum { PEERS = 20, EVENTS = 50 };
    struct fixture *fixture = *state;
    struct peer peers[PEERS];
    for (size_t i = 0; i < PEERS; i++) {
        peers[i] = new_peer(fixture);
        assert_text(&peers[i], "{\"seq\":0,\"generation\":0,\"snapshot\":true}");
    }
    unsigned views = fixture->fake->views;
    for (int n = 1; n <= EVENTS; n++) {
        apply(fixture, "set", n, n + 1, "a", n);
        for (size_t i = 0; i < PEERS; i++) assert_event(&peers[i], (unsigned)n, n, n + 1);
    }
    assert_true(fixture->fake->views - views < EVENTS * PEERS / 2);
    for (size_t i = 0; i < PEERS; i++) peer_close(&peers[i]);
}

/* Each record is 300 bytes, so the event takes 3 MB. */
static void an_event_that_is_too_large_to_be_shared_reaches_everybody(void **state) {
    enum { PEERS = 3 };
    struct fixture *fixture = *state;
    struct peer peers[PEERS];
    char in[257];
    memset(in, 'x', 256);
    in[256] = '\0';
    for (size_t i = 0; i < PEERS; i++) {
        peers[i] = new_peer(fixture);
        assert_text(&peers[i], "{\"seq\":0,\"generation\":0,\"snapshot\":true}");
    }
    apply(fixture, "set", 0, KEYS, in, 1);
    apply(fixture, "set", 5, 6, "a", 2);
    for (size_t i = 0; i < PEERS; i++) {
        unsigned long long seq = 0;
        int key = -1, last = -1;
        while (seq < 2) { /* what is overwritten before it is sent is left out */
            if (!next_change(&peers[i], &seq, &key)) continue;
            if (seq == 1) assert_true(key == last + 1 || (last == 4 && key == 6));
            if (seq == 1) last = key;
        }
        assert_int_equal(last, KEYS - 1);
        assert_int_equal(key, 5);
        peer_close(&peers[i]);
    }
}

static void a_slow_reader_gets_each_frame_complete_wherever_its_socket_was_full(void **state) {
    enum { EVENTS = 40, RECORDS = 50 };
    struct fixture *fixture = *state;
    struct peer slow = new_peer(fixture), fast = new_peer(fixture);
    for (int n = 1; n <= EVENTS; n++) {
        apply(fixture, "set", 0, RECORDS, "a", n);
        assert_event(&fast, (unsigned)n, 0, RECORDS);
    }
    unsigned long long seq = 0, last_seq = 0;
    int key, last = 0;
    do {
        if (!next_change(&slow, &seq, &key)) continue;
        assert_true(seq > last_seq || (seq == last_seq && key > last));
        last_seq = seq;
        last = key;
    } while (last_seq < EVENTS || last < RECORDS - 1);
    peer_close(&slow);
    peer_close(&fast);
}

/* The limit has passed when a follower of events was ended that reads as little. */
static void however_slow_a_reader_is_it_ends_with_the_newest_state(void **state) {
    enum { EVENTS = 300, RECORDS = 50 };
    struct fixture *fixture = *state;
    const struct reel_epoch epoch = position_of(fixture->fake->reel).epoch;
    const struct event_filter all = {0};
    struct follower *follower;
    struct peer slow = new_peer(fixture);
    must(follower_create(fixture->hub, TRANSPORT_WEBSOCKET, &epoch, 0, &all, &follower) == 0);
    struct peer events = peer_adopted(fixture->hub, follower, STR(""), STR(""));
    for (int n = 1; n <= EVENTS; n++) apply(fixture, "set", 0, RECORDS, "a", n);
    uint64_t until = clock_ms() + PATIENCE_MS;
    while (hub_ended(fixture->hub, HUB_END_STALLED) == 0 && clock_ms() < until) {
        apply(fixture, "set", 0, RECORDS, "a", EVENTS);
        usleep(1000);
    }
    assert_int_equal(hub_ended(fixture->hub, HUB_END_STALLED), 1);
    unsigned long long seq, last = position_of(fixture->fake->reel).cursor;
    int key;
    do next_change(&slow, &seq, &key);
    while (seq < last);
    peer_close(&slow);
    peer_close(&events);
}

/* ---- Slices ---------------------------------------------------------------------------------- */

static void a_walk_that_runs_out_of_time_within_an_event_is_continued(void **state) {
    struct fixture *fixture = *state;
    fixture->rows_per_view = 3;
    struct peer one = new_peer(fixture), other = new_peer(fixture);
    assert_text(&one, "{\"seq\":0,\"generation\":0,\"snapshot\":true}");
    assert_text(&other, "{\"seq\":0,\"generation\":0,\"snapshot\":true}");
    for (unsigned n = 1; n <= 5; n++) {
        apply(fixture, "set", 0, 20, "a", (int)n);
        assert_event(&one, n, 0, 20);
        assert_event(&other, n, 0, 20);
    }
    peer_close(&one);
    peer_close(&other);
}

static void a_long_listing_without_a_match_ends_with_an_empty_snapshot(void **state) {
    struct fixture *fixture = *state;
    static const struct reel_condition of_none = {.struct_size = sizeof of_none,
                                                  .comparison = REEL_IS_EQUAL,
                                                  .field = "group",
                                                  .value = {"none", 4}};
    static const struct reel_condition *const conditions[] = {&of_none, NULL};
    const struct record_filter filter = {.text = strdup("none"), .conditions = conditions};
    apply(fixture, "set", 0, KEYS, "a", 1);
    struct peer peer = peer_of(fixture, false, 1, &filter);
    assert_text(&peer, "{\"seq\":1,\"generation\":0,\"snapshot\":true}");
    apply(fixture, "set", 7, 8, "a", 2);
    assert_text(&peer, "{\"seq\":2,\"key\":\"0007\",\"record\":null}");
    peer_close(&peer);
}

/* Records that change while the collection is listed come once, in their newest state. */
static void a_snapshot_of_a_collection_that_changes_is_of_its_position(void **state) {
    enum { RECORDS = 3000, CHANGED = 700 };
    struct fixture *fixture = *state;
    bool seen[RECORDS] = {false};
    unsigned long long seq;
    int key, records = 0;
    apply(fixture, "set", 0, RECORDS, "a", 1);
    struct peer peer = new_peer(fixture);
    assert_true(next_change(&peer, &seq, &key)); /* it has begun, and waits for its socket */
    assert_int_equal(key, 0);
    apply(fixture, "set", RECORDS - CHANGED, RECORDS, "b", 2);
    apply(fixture, "clear", 1000, 1001, "", 0);
    records = 1;
    while (next_change(&peer, &seq, &key)) {
        if (seq == 1) assert_true(key < RECORDS - CHANGED);
        if (seq != 3) assert_false(seen[key]);
        seen[key] = true;
        records++;
    }
    assert_int_equal(seq, 3);
    assert_in_range(records, RECORDS, RECORDS + 1); /* and the one that was deleted */
    peer_close(&peer);
}

/* ---- What becomes of them -------------------------------------------------------------------- */

static void another_generation_ends_them(void **state) {
    struct fixture *fixture = *state;
    struct peer peer = new_peer(fixture);
    assert_text(&peer, "{\"seq\":0,\"generation\":0,\"snapshot\":true}");
    fixture->generation = 1;
    apply(fixture, "set", 0, 1, "a", 1);
    assert_closed(&peer, WEBSOCKET_CURSOR_TOO_OLD, "generation-changed");
    uint64_t until = clock_ms() + PATIENCE_MS;
    while (hub_ended(fixture->hub, HUB_END_GENERATION) < 1 && clock_ms() < until) usleep(1000);
    assert_int_equal(hub_ended(fixture->hub, HUB_END_GENERATION), 1);
}

/* A rebuild does not move the cursor. No view of the old records was kept: it was so fast. */
static void a_rebuild_that_nobody_has_noticed_ends_those_that_are_in_sync(void **state) {
    struct fixture *fixture = *state;
    struct reel_error error;
    for (int n = 1; n <= 3; n++) apply(fixture, "set", n, n + 1, "a", n);
    struct peer one = peer_of(fixture, true, 3, NULL), other = peer_of(fixture, true, 3, NULL);
    assert_text(&one, "{\"seq\":3,\"generation\":0}");
    assert_text(&other, "{\"seq\":3,\"generation\":0}");
    must_ok(reel_rebuild(fixture->fake->reel, "herd", &error), error);
    hub_wake(fixture->hub);
    assert_closed(&one, WEBSOCKET_CURSOR_TOO_OLD, "generation-changed");
    assert_closed(&other, WEBSOCKET_CURSOR_TOO_OLD, "generation-changed");
}

/* The followers have read a view while it was under way. */
static void rebuild(struct fixture *fixture, int to) {
    struct reel_error error;
    fold = to;
    must_ok(reel_rebuild(fixture->fake->reel, "herd", &error), error);
    fixture->rebuilding = false;
    hub_wake(fixture->hub);
}

static void after_a_rebuild_those_in_sync_get_the_records_that_differ(void **state) {
    struct fixture *fixture = *state;
    struct peer peers[3];
    fold = 1;
    fixture->rebuilding = true;
    apply(fixture, "set", 0, 10, "a", 5);
    for (size_t i = 0; i < 3; i++) {
        peers[i] = peer_of(fixture, true, 1, NULL);
        assert_text(&peers[i], "{\"seq\":1,\"generation\":0}");
    }
    rebuild(fixture, 2);
    for (size_t i = 0; i < 3; i++) {
        assert_text(&peers[i], "{\"seq\":1,\"key\":\"0000\",\"record\":null}");
        assert_text(&peers[i],
                    "{\"seq\":1,\"key\":\"0002\",\"record\":{\"group\":\"a\",\"value\":6}}");
        assert_text(&peers[i], "{\"seq\":1,\"key\":\"0005\",\"record\":null}");
        assert_text(&peers[i],
                    "{\"seq\":1,\"key\":\"0007\",\"record\":{\"group\":\"a\",\"value\":6}}");
        assert_text(&peers[i],
                    "{\"seq\":1,\"key\":\"0001\",\"record\":{\"group\":\"a\",\"value\":5}}");
        assert_text(&peers[i],
                    "{\"seq\":1,\"key\":\"0006\",\"record\":{\"group\":\"a\",\"value\":5}}");
        assert_text(&peers[i], "{\"seq\":1,\"generation\":1}");
    }
    apply(fixture, "set", 3, 4, "b", 7);
    for (size_t i = 0; i < 3; i++) {
        assert_text(&peers[i],
                    "{\"seq\":2,\"key\":\"0003\",\"record\":{\"group\":\"b\",\"value\":7}}");
        peer_close(&peers[i]);
    }
}

static void after_a_rebuild_without_differences_only_the_generation_is_told(void **state) {
    struct fixture *fixture = *state;
    fixture->rebuilding = true;
    for (int n = 1; n <= 3; n++) apply(fixture, "set", n, n + 1, "a", n);
    struct peer peer = peer_of(fixture, true, 3, NULL);
    assert_text(&peer, "{\"seq\":3,\"generation\":0}");
    rebuild(fixture, 0);
    assert_text(&peer, "{\"seq\":3,\"generation\":1}");
    fixture->rebuilding = true; /* and once more */
    apply(fixture, "set", 1, 2, "a", 4);
    assert_event(&peer, 4, 1, 2);
    assert_text(&peer, "{\"seq\":4,\"generation\":1}");
    rebuild(fixture, 0);
    assert_text(&peer, "{\"seq\":4,\"generation\":2}");
    peer_close(&peer);
}

/* What a client keeps: the value of each record. */
struct copy {
    int values[KEYS]; /* -1: there is none */
    unsigned long long seq, generation;
};

static void copy_frame(struct peer *peer, struct copy *copy) {
    struct reel_str found = {"", 0};
    char text[1024], in[300];
    unsigned long long seq, generation;
    int key, number = -1;
    assert_int_equal(peer_frame(peer, &found), WEBSOCKET_TEXT);
    snprintf(text, sizeof text, "%.*s", REEL_FMT(found));
    if (sscanf(text, "{\"seq\":%llu,\"generation\":%llu", &seq, &generation) == 2) {
        copy->seq = seq;
        copy->generation = generation;
        return;
    }
    must(sscanf(text, "{\"seq\":%llu,\"key\":\"%d\"", &seq, &key) == 2 && key < KEYS);
    const char *record = strstr(text, "\"record\":{");
    if (record)
        must(sscanf(record, "\"record\":{\"group\":\"%299[^\"]\",\"value\":%d", in, &number) == 2);
    copy->values[key] = number;
}

static int check_row(void *context, const struct reel_row *row) {
    struct copy *copy = context;
    char in[300];
    int key = atoi(row->key.data), number;
    must(sscanf(row->json.data, "{\"group\":\"%299[^\"]\",\"value\":%d", in, &number) == 2);
    assert_int_equal(copy->values[key], number);
    copy->values[key] = -1;
    return 0;
}

static void assert_copy(struct fixture *fixture, struct copy *copy) {
    struct reel_view *view;
    struct reel_error error;
    must_ok(reel_view_open(fixture->fake->reel, &view, &error), error);
    must(reel_view_list(view, "herd", (struct reel_str){"", 0}, false, check_row, copy) == 0);
    reel_view_close(view);
    for (int key = 0; key < KEYS; key++) assert_int_equal(copy->values[key], -1);
}

/* The socket is full for most of the time. What has changed meanwhile follows, in its newest state.
 */
static void differences_that_wait_for_their_socket_end_in_the_newest_state(void **state) {
    enum { RECORDS = 5000 };
    struct fixture *fixture = *state;
    struct copy *copy = malloc(sizeof *copy);
    must(copy);
    *copy = (struct copy){.seq = 0};
    for (int key = 0; key < KEYS; key++) copy->values[key] = -1;
    fold = 1;
    fixture->rebuilding = true;
    apply(fixture, "set", 0, RECORDS, "a", 5);
    struct peer peer = new_peer(fixture);
    while (copy->seq < 1) copy_frame(&peer, copy);
    rebuild(fixture, 2);
    copy_frame(&peer, copy); /* it has begun */
    assert_int_equal(copy->values[0], -1);
    apply(fixture, "set", RECORDS - 1000, RECORDS, "b", 8);
    apply(fixture, "clear", 2000, 2500, "", 0);
    apply(fixture, "set", 2400, 2450, "c", 9);
    while (copy->seq < 4) copy_frame(&peer, copy);
    assert_int_equal(copy->generation, 1);
    assert_copy(fixture, copy);
    peer_close(&peer);
    free(copy);
}

/* One has not read the old records yet that the other has. */
static void one_that_is_behind_reaches_the_old_end_first(void **state) {
    struct fixture *fixture = *state;
    struct copy *copy = malloc(sizeof *copy);
    must(copy);
    *copy = (struct copy){.seq = 0};
    for (int key = 0; key < KEYS; key++) copy->values[key] = -1;
    fold = 1;
    fixture->rebuilding = true;
    struct peer slow = new_peer(fixture), fast = new_peer(fixture);
    assert_text(&slow, "{\"seq\":0,\"generation\":0,\"snapshot\":true}");
    assert_text(&fast, "{\"seq\":0,\"generation\":0,\"snapshot\":true}");
    apply(fixture, "set", 0, 3000, "a", 5);
    while (copy->seq < 1) copy_frame(&fast, copy);
    rebuild(fixture, 2);
    while (copy->generation < 1) copy_frame(&fast, copy);
    *copy = (struct copy){.seq = 0};
    for (int key = 0; key < KEYS; key++) copy->values[key] = -1;
    while (copy->generation < 1) copy_frame(&slow, copy);
    assert_copy(fixture, copy);
    peer_close(&slow);
    peer_close(&fast);
    free(copy);
}

/* The comparison runs out of time. */
static void a_comparison_that_fails_ends_those_that_wait_for_it(void **state) {
    struct fixture *fixture = *state;
    struct peer peers[3];
    fixture->rebuilding = true;
    apply(fixture, "set", 0, 10, "a", 5);
    for (size_t i = 0; i < 3; i++) {
        peers[i] = peer_of(fixture, true, 1, NULL);
        assert_text(&peers[i], "{\"seq\":1,\"generation\":0}");
    }
    fixture->late_lists = true;
    rebuild(fixture, 2);
    for (size_t i = 0; i < 3; i++)
        assert_closed(&peers[i], WEBSOCKET_CURSOR_TOO_OLD, "generation-changed");
}

/* Requests need them. */
static void few_views_are_not_held_for_followers(void **state) {
    struct fixture *fixture = *state;
    fixture->rebuilding = true;
    apply(fixture, "set", 0, 10, "a", 5);
    struct peer peer = peer_of(fixture, true, 1, NULL);
    assert_text(&peer, "{\"seq\":1,\"generation\":0}");
    struct reel_view *view;
    uint64_t until = clock_ms() + PATIENCE_MS;
    while (reel_view_open(fixture->fake->reel, &view, NULL) == -EAGAIN) {
        must(clock_ms() < until);
        usleep(1000);
    }
    reel_view_close(view);
    rebuild(fixture, 2);
    assert_closed(&peer, WEBSOCKET_CURSOR_TOO_OLD, "generation-changed");
}

static void deletions_that_are_forgotten_end_those_that_need_them(void **state) {
    struct fixture *fixture = *state;
    for (int n = 1; n <= 10; n++) apply(fixture, "set", n, n + 1, "a", n);
    fixture->fake->first_deletion = 6;
    struct peer old = peer_of(fixture, true, 4, NULL), good = peer_of(fixture, true, 5, NULL);
    assert_closed(&old, WEBSOCKET_CURSOR_TOO_OLD, "cursor-too-old");
    for (int n = 6; n <= 10; n++) assert_event(&good, (unsigned)n, n, n + 1);
    peer_close(&good);
}

static void while_the_collection_is_built_they_wait(void **state) {
    struct fixture *fixture = *state;
    struct peer peer = new_peer(fixture);
    assert_text(&peer, "{\"seq\":0,\"generation\":0,\"snapshot\":true}");
    fixture->unserved = true;
    apply(fixture, "set", 0, 1, "a", 1);
    fixture->unserved = false;
    assert_event(&peer, 1, 0, 1);
    peer_close(&peer);
}

static void without_views_it_is_later(void **state) {
    struct fixture *fixture = *state;
    struct peer peer = new_peer(fixture);
    assert_text(&peer, "{\"seq\":0,\"generation\":0,\"snapshot\":true}");
    fixture->fake->refuse_views = true;
    apply(fixture, "set", 0, 1, "a", 1);
    fixture->fake->refuse_views = false;
    assert_event(&peer, 1, 0, 1);
    peer_close(&peer);
}

static void the_memory_of_chunks_is_given_back(void **state) {
    struct fixture *fixture = *state;
    struct peer one = new_peer(fixture), other = new_peer(fixture);
    for (int n = 1; n <= 20; n++) apply(fixture, "set", 0, 50, "a", n);
    assert_event(&one, 1, 0, 0);
    peer_close(&one);
    peer_close(&other);
    uint64_t until = clock_ms() + PATIENCE_MS;
    while (hub_memory(fixture->hub) > 0 && clock_ms() < until) usleep(1000);
    assert_int_equal(hub_memory(fixture->hub), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_TESTS(records_test) {
    const struct CMUnitTest tests[] = {
        CASE(followers_that_are_in_sync_share_what_is_read),
        CASE(an_event_that_is_too_large_to_be_shared_reaches_everybody),
        CASE(a_slow_reader_gets_each_frame_complete_wherever_its_socket_was_full),
        cmocka_unit_test_setup_teardown(however_slow_a_reader_is_it_ends_with_the_newest_state,
                                        setup_impatient, teardown),
        CASE(a_walk_that_runs_out_of_time_within_an_event_is_continued),
        CASE(a_long_listing_without_a_match_ends_with_an_empty_snapshot),
        CASE(a_snapshot_of_a_collection_that_changes_is_of_its_position),
        CASE(another_generation_ends_them),
        CASE(a_rebuild_that_nobody_has_noticed_ends_those_that_are_in_sync),
        CASE(after_a_rebuild_those_in_sync_get_the_records_that_differ),
        CASE(after_a_rebuild_without_differences_only_the_generation_is_told),
        CASE(differences_that_wait_for_their_socket_end_in_the_newest_state),
        CASE(one_that_is_behind_reaches_the_old_end_first),
        CASE(a_comparison_that_fails_ends_those_that_wait_for_it),
        cmocka_unit_test_setup_teardown(few_views_are_not_held_for_followers, setup_with_few_views,
                                        teardown),
        CASE(deletions_that_are_forgotten_end_those_that_need_them),
        CASE(while_the_collection_is_built_they_wait),
        CASE(without_views_it_is_later),
        CASE(the_memory_of_chunks_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
