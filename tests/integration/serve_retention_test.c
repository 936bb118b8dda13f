/* serve_retention_test.c: a bounded log under a steady stream. The store stays within a bound,
 * readers are not disturbed, and who asks for what is gone is told where the log begins. */
#include "load.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITERS = 2, READERS = 2, BATCH = 50 };

/* Records, what a second of writing takes, and as much of the log as is kept. */
#define STORE_BYTES_MAX (UINT64_C(16) << 20)

/* ---- Readers --------------------------------------------------------------------------------- */

struct decoder {
    struct daemon daemon;
    atomic_bool *ending;
    uint64_t pages, resumed;
};

/* Follows the log at its own pace; when it was overtaken, goes on where the log begins. */
static uint64_t follow(struct decoder *reader, struct client *client, uint64_t since) {
    char path[96];
    snprintf(path, sizeof path, "/v1/events?since=%" PRIu64 "&limit=20", since);
    struct reply reply = get(client, path);
    if (reply.status == 410) {
        uint64_t first = reply_number(&reply, "first_seq");
        must(first > since + 1);
        since = first - 1;
        reader->resumed++;
    } else if (reply.status != 503) { /* 503: a trim has overtaken the page; again */
        if (reply.status != 200)
            support_failed(__FILE__, __LINE__, "%s: %ld: %.300s", path, reply.status,
                           reply.body.data);
        uint64_t cursor = reply_number(&reply, "cursor");
        must(cursor >= since);
        since = cursor;
        reader->pages++;
    }
    reply_free(&reply);
    return since;
}

static void *read_on(void *context) {
    struct decoder *reader = context;
    struct client *client = client_opened(&reader->daemon, READ_TOKEN);
    uint64_t since = 0; /* the oldest kept */
    while (!atomic_load(reader->ending)) {
        since = follow(reader, client, since);
        struct reply reply = get(client, "/v1/formations");
        must(reply.status == 200);
        reply_free(&reply);
        usleep(1000); /* the processors are for the writer, too */
    }
    client_close(client);
    return NULL;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static uint64_t first_seq_of(struct client *client) {
    struct reply reply = get_until(client, "/v1/events?limit=1", 200); /* a trim may overtake it */
    json_t *page = reply_json(&reply);
    json_t *first = json_array_get(json_object_get(page, "events"), 0);
    uint64_t seq = first ? (uint64_t)json_integer_value(json_object_get(first, "seq")) : 0;
    json_decref(page);
    reply_free(&reply);
    return seq;
}

static void assert_gone(struct client *client, const char *path, uint64_t at_least) {
    struct reply reply = get(client, path);
    assert_problem(&reply, 410, "cursor-too-old");
    assert_true(reply_number(&reply, "first_seq") >= at_least);
    reply_free(&reply);
}

/* Writes `batches` while readers read; how far the log then begins. */
static void keep_busy(const struct daemon *daemon, const char *directory, uint64_t batches) {
    atomic_bool ending = false;
    struct decoder readers[READERS];
    pthread_t threads[READERS];
    struct load *load = load_started(daemon, WRITERS, BATCH);
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct decoder){.daemon = *daemon, .ending = &ending};
        must(pthread_create(&threads[i], NULL, read_on, &readers[i]) == 0);
    }
    for (uint64_t done = 0; done < batches; done += batches / 10) {
        load_wait(load, done);
        assert_in_range(store_bytes(directory), 1, STORE_BYTES_MAX);
    }
    load_wait(load, batches);
    atomic_store(&ending, true);
    for (size_t i = 0; i < READERS; i++) {
        must(pthread_join(threads[i], NULL) == 0);
        assert_true(readers[i].pages > 0);
    }
    load_ended(load);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void run_with(const char *flag, const char *value, uint64_t kept_max) {
    const char *directory = scratch_directory();
    struct daemon daemon =
        daemon_started(directory, flag, value, "--segment-bytes", "1048576", NULL);
    struct client *client = client_opened(&daemon, READ_TOKEN);
    keep_busy(&daemon, directory, 100 + scaled(3000));
    uint64_t head = 0, first = 0;
    for (uint64_t began = now_ms(); now_ms() - began < 60000;) { /* what is left is trimmed, too */
        struct reply reply = get(client, "/v1/formations?limit=1");
        head = reply_number(&reply, "cursor");
        reply_free(&reply);
        first = first_seq_of(client);
        if (first == 0 || head + 1 - first <= kept_max) break;
    }
    assert_true(first == 0 || head + 1 - first <= kept_max);
    assert_gone(client, "/v1/events?since=1", first);
    assert_gone(client, "/v1/events/1/raw", first);
    struct reply reply = get(client, "/v1/cells");
    assert_int_equal(reply.status, 200); /* records stay */
    assert_non_null(strstr(reply.body.data, "cell-0001"));
    reply_free(&reply);
    client_close(client);
    daemon_end(&daemon);
}

static void the_newest_events_are_kept(void **state) {
    (void)state;
    run_with("--retention-events", "2000", 2000);
}

static void a_number_of_bytes_is_kept(void **state) {
    (void)state;
    run_with("--retention-bytes", "1000000", 1000000 / 100);
}

static void young_events_are_kept(void **state) {
    (void)state;
    run_with("--retention-age-s", "1", 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_events_are_kept),
        cmocka_unit_test(a_number_of_bytes_is_kept),
        cmocka_unit_test(young_events_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
