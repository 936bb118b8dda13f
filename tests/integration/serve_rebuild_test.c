/* serve_rebuild_test.c: a daemon rebuilds a collection while it is read and written, and is killed
 * at random: each list has all of the old records or all of the new ones.
 *
 * The old records were made by another build of the fixture `counter`, which adds 3 for each event
 * where the present one adds 1. So both can be told apart, and what each must be at a cursor is
 * counted from the events. */
#include "http_support.h"
#include "load.h"
#include "records.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNTER       build_path("tests/integration/plugins/counter_1.so")
#define COUNTER_OTHER build_path("tests/integration/plugins/counter_1_other.so")

enum { EVENTS = 30000, SUBJECTS = 13, OTHER_ADDS = 3, MOMENT_MS = 400 };

/* ---- Fixture --------------------------------------------------------------------------------- */

static unsigned subject_of(uint64_t seq) {
    return (unsigned)(seq * 7 % SUBJECTS);
}

static size_t write_event(uint64_t seq, char *to, size_t size) {
    return (size_t)snprintf(to, size,
                            "{\"specversion\":\"1.0\",\"source\":\"/test\",\"id\":\"%" PRIu64
                            "\",\"type\":\"test.count.v1.one\",\"subject\":\"s%02u\"}",
                            seq, subject_of(seq));
}

static const char *store_made_by(const char *plugin) {
    const char *directory = scratch_directory();
    struct reel_options options = {.batch_events_max = EVENTS};
    struct reel *reel = reel_opened(directory, &options, plugin, NULL);
    struct batch batch = {0};
    struct reel_error error;
    char event[256];
    for (uint64_t seq = 1; seq <= EVENTS; seq++)
        batch_add(&batch, event, write_event(seq, event, sizeof event));
    must_ok(reel_apply_batch(reel, batch_payloads(&batch), batch.count, NULL, &error), error);
    batch_free(&batch);
    reel_close(reel);
    reel_close(reel_opened(directory, NULL, COUNTER, NULL)); /* which keeps them */
    return directory;
}

static const char *old_store(void) {
    return store_made_by(COUNTER_OTHER);
}

/* In small slices, so that it takes a while. */
static struct daemon started(const char *directory, bool rebuilds) {
    const char *const again[] = {"--plugin", COUNTER, "--batch-events-max", "1", "--build-nice",
                                 "0",        NULL};
    const char *const rebuild[] = {"--plugin",  COUNTER,        "--batch-events-max",
                                   "1",         "--build-nice", "0",
                                   "--rebuild", "counters",     NULL};
    return daemon_started_list(directory, rebuilds ? rebuild : again);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static uint64_t expected_count(unsigned subject, uint64_t cursor, bool is_old) {
    uint64_t count = 0;
    for (uint64_t seq = 1; seq <= cursor; seq++)
        if (subject_of(seq) == subject) count += is_old && seq <= EVENTS ? OTHER_ADDS : 1;
    return count;
}

/* `W/"epoch-revision-generation-changed"` */
static uint64_t generation_of(const struct reply *reply) {
    char tag[160];
    const char *header = reply_header(reply, "ETag");
    must(header && strlen(header) < sizeof tag);
    strcpy(tag, header);
    *strrchr(tag, '-') = '\0';
    return strtoull(strrchr(tag, '-') + 1, NULL, 10);
}

/* A broken connection: the daemon was killed. Otherwise all of it is as at its cursor; and
 * its generation. */
static bool check_list(struct client *client, uint64_t *ret_generation) {
    struct reply reply = get(client, "/v1/counters");
    if (reply.status == 0) {
        reply_free(&reply);
        return false;
    }
    if (reply.status != 200)
        support_failed(__FILE__, __LINE__, "%ld: %s", reply.status, reply.body.data);
    json_t *list = reply_json(&reply), *items = json_object_get(list, "counters");
    uint64_t cursor = (uint64_t)json_integer_value(json_object_get(list, "cursor"));
    *ret_generation = generation_of(&reply);
    must(json_array_size(items) == SUBJECTS);
    for (unsigned n = 0; n < SUBJECTS; n++) {
        uint64_t found =
            (uint64_t)json_integer_value(json_object_get(json_array_get(items, n), "count"));
        uint64_t expected = expected_count(n, cursor, *ret_generation == 0);
        if (found != expected)
            support_failed(__FILE__, __LINE__,
                           "s%02u has %" PRIu64 " at %" PRIu64 " in generation %" PRIu64
                           ", not %" PRIu64,
                           n, found, cursor, *ret_generation, expected);
    }
    json_decref(list);
    reply_free(&reply);
    return true;
}

/* ---- Readers and a writer -------------------------------------------------------------------- */

struct load {
    const struct daemon *daemon;
    atomic_bool ends;
    uint64_t generation;       /* that the reader has seen last */
    _Atomic uint64_t appended; /* that the writer was told of */
    pthread_t reader, writer;
};

static void *read_on(void *context) {
    struct load *load = context;
    struct client *client = client_opened(load->daemon, READ_TOKEN);
    uint64_t generation;
    while (!atomic_load(&load->ends) && check_list(client, &generation)) {
        must(generation >= load->generation);
        load->generation = generation;
    }
    client_close(client);
    return NULL;
}

/* An event that was not answered is sent again, under the same id. */
static void *write_on(void *context) {
    struct load *load = context;
    struct client *client = client_opened(load->daemon, WRITE_TOKEN);
    char event[256];
    while (!atomic_load(&load->ends)) {
        size_t len = write_event(atomic_load(&load->appended) + 1, event, sizeof event);
        struct reply reply = post_event(client, event, len);
        long status = reply.status;
        reply_free(&reply);
        if (status == 0) break;
        must(status == 200 || status == 201);
        atomic_fetch_add(&load->appended, 1);
    }
    client_close(client);
    return NULL;
}

static void load_begin(struct load *load, const struct daemon *daemon) {
    load->daemon = daemon;
    atomic_store(&load->ends, false);
    must(pthread_create(&load->reader, NULL, read_on, load) == 0);
    must(pthread_create(&load->writer, NULL, write_on, load) == 0);
}

static void load_end(struct load *load) {
    atomic_store(&load->ends, true);
    pthread_join(load->reader, NULL);
    pthread_join(load->writer, NULL);
}

/* Until the new records are shown. */
static void wait_for_generation(const struct daemon *daemon, uint64_t wanted) {
    struct client *client = client_opened(daemon, READ_TOKEN);
    uint64_t generation = 0, until_ms = now_ms() + 120000;
    while (generation < wanted) {
        must(check_list(client, &generation) && now_ms() < until_ms);
        usleep(1000);
    }
    client_close(client);
}

static bool is_rebuilding(struct client *client) {
    struct reply reply = get(client, "/v1/status");
    bool found = strstr(reply.body.data, "\"rebuild_cursor\":") != NULL;
    reply_free(&reply);
    return found;
}

/* ---- Followers ------------------------------------------------------------------------------- */

enum { FOLLOWERS = 12 };

/* When all of them have the old records, so that each crosses. */
static void rebuild_before(struct record_copy *copies, size_t count, const struct daemon *daemon,
                           struct client *client) {
    for (size_t i = 0; i < count; i++)
        while (copies[i].snapshots == 0) record_copy_read(&copies[i], daemon, client, 20);
    struct client *admin = client_opened(daemon, ADMIN_TOKEN);
    control(admin, "counters", "rebuild");
    client_close(admin);
}

static void follow_all(struct record_copy copies[FOLLOWERS], const struct daemon *daemon) {
    static const char *const filters[] = {"", "", "count.gte=3000"};
    for (size_t i = 0; i < FOLLOWERS; i++) {
        copies[i] = (struct record_copy){
            .collection = "counters",
            .transport = i % 2 ? RECORDS_STREAM : RECORDS_WEBSOCKET,
            .wants_digest = i % 3 == 0,
        };
        strcpy(copies[i].filter, filters[i % 3]);
        record_copy_connect(&copies[i], daemon);
    }
}

/* All of them have the records of generation 0, and then those of generation 1. */
static void cross_all(struct record_copy copies[FOLLOWERS], const struct daemon *daemon,
                      struct client *client) {
    uint64_t until_ms = now_ms() + 120000;
    for (size_t i = 0; i < FOLLOWERS; i++) {
        struct record_copy *copy = &copies[i];
        while (copy->crossings == 0) {
            record_copy_read(copy, daemon, client, 20);
            if (copy->wire.ended || copy->close_code)
                support_failed(__FILE__, __LINE__, "follower %zu was ended: %u", i,
                               copy->close_code);
            must(now_ms() < until_ms);
        }
        assert_int_equal(copy->told_generation, 1);
    }
}

static void check_all(struct record_copy copies[FOLLOWERS], const struct daemon *daemon,
                      struct client *client, uint64_t cursor) {
    for (size_t i = 0; i < FOLLOWERS; i++) {
        test_context("follower %zu", i);
        record_copy_reach(&copies[i], daemon, client, cursor);
        record_copy_check(&copies[i], client);
        assert_int_equal(copies[i].refusals, 0);
        assert_int_equal(copies[i].snapshots, 1);
        record_copy_free(&copies[i]);
        test_context("%s", "");
    }
}

/* How many frames the unfiltered ones get. */
static void check_differences(const char *directory, size_t differences) {
    struct daemon daemon = started(directory, false);
    struct client *client = client_opened(&daemon, READ_TOKEN);
    struct record_copy copies[FOLLOWERS];
    follow_all(copies, &daemon);
    rebuild_before(copies, FOLLOWERS, &daemon, client);
    cross_all(copies, &daemon, client);
    for (size_t i = 0; i < FOLLOWERS; i++)
        if (!copies[i].filter[0]) assert_int_equal(copies[i].frames, SUBJECTS + differences);
    check_all(copies, &daemon, client, EVENTS);
    client_close(client);
    daemon_end(&daemon);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void a_rebuild_serves_the_old_records_until_the_new_ones_are_complete(void **state) {
    (void)state;
    struct daemon daemon = started(old_store(), true);
    struct load load = {.appended = EVENTS};
    struct client *client = client_opened(&daemon, READ_TOKEN);
    struct reply reply = get_until(client, "/readyz", 200);
    reply_free(&reply);
    load_begin(&load, &daemon);
    wait_for_generation(&daemon, 1);
    load_end(&load);
    assert_false(is_rebuilding(client));
    client_close(client);
    daemon_wait_for_log(&daemon, "rebuild begun, events 1 to 30000, since it was asked for; its "
                                 "records are served meanwhile");
    daemon_wait_for_log(&daemon, "rebuild ended");
    daemon_end(&daemon);
}

/* What a builder makes of the log is what the rebuild makes of it; and what it made of an older
 * generation is not shown as the new one's. */
static void check_past(struct client *client, uint64_t cursor, uint64_t *ret_generation) {
    char path[64];
    snprintf(path, sizeof path, "/v1/counters?at=%" PRIu64, cursor);
    struct reply reply = get(client, path);
    must(reply.status == 200);
    json_t *list = reply_json(&reply), *items = json_object_get(list, "counters");
    assert_int_equal(json_integer_value(json_object_get(list, "cursor")), cursor);
    assert_int_equal(json_array_size(items), SUBJECTS);
    for (unsigned n = 0; n < SUBJECTS; n++)
        assert_int_equal(json_integer_value(json_object_get(json_array_get(items, n), "count")),
                         expected_count(n, cursor, false));
    *ret_generation = generation_of(&reply);
    json_decref(list);
    reply_free(&reply);
}

static void looking_back_shows_what_the_rebuild_makes(void **state) {
    (void)state;
    struct daemon daemon = started(old_store(), true);
    struct client *client = client_opened(&daemon, WRITE_TOKEN);
    struct reply reply = get_until(client, "/readyz", 200);
    uint64_t before, after;
    reply_free(&reply);
    check_past(client, EVENTS / 3, &before); /* the rebuild may be over by then */
    wait_for_generation(&daemon, 1);
    check_past(client, EVENTS / 3, &after);
    check_past(client, EVENTS / 2, &after);
    assert_in_range(before, 0, 1);
    assert_int_equal(after, 1);
    client_close(client);
    daemon_end(&daemon);
}

static void followers_get_what_differs_and_the_new_generation(void **state) {
    (void)state;
    check_differences(old_store(), SUBJECTS);
}

static void followers_get_no_record_where_nothing_differs(void **state) {
    (void)state;
    check_differences(store_made_by(COUNTER), 0);
}

/* One that is there, and one that is not, each by both transports. */
static void followers_of_one_record_get_what_differs_of_it(void **state) {
    (void)state;
    struct daemon daemon = started(old_store(), false);
    struct client *client = client_opened(&daemon, READ_TOKEN);
    struct record_copy copies[4];
    for (size_t i = 0; i < 4; i++) {
        copies[i] = (struct record_copy){
            .collection = i < 2 ? "counters/s03" : "counters/none",
            .transport = i % 2 ? RECORDS_STREAM : RECORDS_WEBSOCKET,
        };
        record_copy_connect(&copies[i], &daemon);
    }
    rebuild_before(copies, 4, &daemon, client);
    struct reply reply;
    for (size_t i = 0; i < 4; i++) {
        test_context("follower %zu", i);
        while (copies[i].crossings == 0) record_copy_read(&copies[i], &daemon, client, 20);
        assert_int_equal(copies[i].told_generation, 1);
        assert_int_equal(copies[i].snapshots, 1);
        assert_int_equal(copies[i].frames, i < 2 ? 2 : 0);
        reply = get(client, "/v1/counters/s03");
        if (i < 2) assert_string_equal(copies[i].records[0].json, reply.body.data);
        reply_free(&reply);
        record_copy_free(&copies[i]);
    }
    test_context("%s", "");
    client_close(client);
    daemon_end(&daemon);
}

static void followers_cross_a_rebuild_while_records_change(void **state) {
    (void)state;
    struct daemon daemon = started(old_store(), false);
    struct load load = {.appended = EVENTS};
    struct client *client = client_opened(&daemon, READ_TOKEN);
    struct record_copy copies[FOLLOWERS];
    follow_all(copies, &daemon);
    rebuild_before(copies, FOLLOWERS, &daemon, client);
    load_begin(&load, &daemon);
    cross_all(copies, &daemon, client);
    load_end(&load);
    check_all(copies, &daemon, client, atomic_load(&load.appended));
    client_close(client);
    daemon_end(&daemon);
}

/* Until it is complete; then there is another store. */
static void a_rebuild_that_is_killed_at_random_goes_on_or_begins_again(void **state) {
    (void)state;
    uint64_t random = 20;
    const char *directory = NULL;
    struct load load = {0};
    for (size_t kills = scaled(100); kills > 0; kills--) {
        bool is_new = !directory || load.generation > 0;
        if (is_new) {
            directory = old_store();
            load = (struct load){.appended = EVENTS};
        }
        struct daemon daemon = started(directory, is_new);
        load_begin(&load, &daemon);
        usleep((useconds_t)(random_next(&random) % (MOMENT_MS * 1000))); /* any moment will do */
        daemon_kill(&daemon);
        load_end(&load);
    }
    struct daemon daemon = started(directory, false);
    load_begin(&load, &daemon);
    wait_for_generation(&daemon, 1);
    load_end(&load);
    daemon_end(&daemon);
    struct reel *reel = reel_opened(directory, NULL, COUNTER, CELL_SO, FORMATION_SO, NULL);
    struct reel *fresh = fresh_fold(reel, COUNTER, CELL_SO, FORMATION_SO, NULL);
    assert_same_state(reel, fresh);
    reel_close(fresh);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rebuild_serves_the_old_records_until_the_new_ones_are_complete),
        cmocka_unit_test(looking_back_shows_what_the_rebuild_makes),
        cmocka_unit_test(followers_get_what_differs_and_the_new_generation),
        cmocka_unit_test(followers_get_no_record_where_nothing_differs),
        cmocka_unit_test(followers_of_one_record_get_what_differs_of_it),
        cmocka_unit_test(followers_cross_a_rebuild_while_records_change),
        cmocka_unit_test(a_rebuild_that_is_killed_at_random_goes_on_or_begins_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
