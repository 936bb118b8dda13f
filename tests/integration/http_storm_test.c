/* http_storm_test.c: everything at once, from several clients: writers that repeat each other,
 * readers of lists that are still being sent, tokens read again, clients that hang up. What came
 * of it is counted afterwards. */
#include "http_raw.h"

#include <pthread.h>
#include <signal.h>

enum { WRITERS = 4, ROUNDS = 30, BATCH = 5 };

struct worker {
    pthread_t thread;
    const struct site *site;
    int number;
    char formations[ROUNDS][37]; /* ids that a writer was given */
};

/* ---- Workers: only `must` may fail in them --------------------------------------------------- */

/* Every writer gives the same commands, with the same keys, and is given the same formations. */
static void create(struct worker *worker, struct client *client, int round) {
    char key[64];
    snprintf(key, sizeof key, "Idempotency-Key: round-%d", round);
    const char *const headers[] = {"Content-Type: application/json", key, NULL};
    struct reply reply =
        request(client, "POST", "/v1/formations", headers, FORMATION, strlen(FORMATION));
    must(reply.status == 201);
    json_t *record = json_taken(reply);
    snprintf(worker->formations[round], 37, "%s", text_of(record, "id"));
    json_decref(record);
}

/* Every writer posts the same events, in batches of its own. */
static void post_batch(struct client *client, int round) {
    struct text batch = {0};
    for (int i = 0; i < BATCH; i++) {
        char id[32], data[64];
        snprintf(id, sizeof id, "e%d-%d", round, i);
        snprintf(data, sizeof data, "{\"cellId\":\"%s\",\"specId\":\"s\"}", id);
        text_add(&batch, i > 0 ? "," : "[", 1);
        event_add(&batch, id, CELL_STARTED, data);
    }
    text_add(&batch, "]", 1);
    static const char *const headers[] = {"Content-Type: application/cloudevents-batch+json", NULL};
    struct reply reply = request(client, "POST", "/v1/events", headers, batch.data, batch.len);
    must(reply.status == 201 || reply.status == 200);
    char path[128];
    snprintf(path, sizeof path, "/v1/cells/e%d-%d?min_cursor=%llu", round, BATCH - 1,
             (unsigned long long)cursor_of(&reply));
    reply_free(&reply);
    reply = got(client, path, 200);
    reply_free(&reply);
    free(batch.data);
}

static void *write_things(void *context) {
    struct worker *worker = context;
    struct client *client = client_opened(&worker->site->daemon, WRITE_TOKEN);
    for (int round = 0; round < ROUNDS; round++) {
        create(worker, client, round);
        post_batch(client, round);
    }
    client_close(client);
    return NULL;
}

static void *read_things(void *context) {
    static const char *const paths[] = {
        "/v1/cells",  "/v1/cells?state=running&limit=7", "/v1/events?limit=50", "/v1/status",
        "/metrics",   "/v1/formations/by-name/none",     "/v1/openapi.json",    "/v1/rejected",
        "/v1/plugins"};
    struct worker *worker = context;
    struct client *client = client_opened(&worker->site->daemon, READ_TOKEN);
    uint64_t cursor = 0;
    for (int i = 0; i < 9 * ROUNDS / 2; i++) {
        struct reply reply = get(client, paths[i % 9]);
        must(reply.status == 200 || reply.status == 404);
        if (i % 9 == 0) {
            must(cursor_of(&reply) >= cursor);
            cursor = cursor_of(&reply);
        }
        reply_free(&reply);
    }
    client_close(client);
    return NULL;
}

/* Asks for much, or waits, and is gone. */
static void *hang_up(void *context) {
    struct worker *worker = context;
    static const char *const requests[] = {
        "GET /v1/cells HTTP/1.1\r\n" HOST WRITES "\r\n",
        "GET /v1/cells?min_cursor=100000&timeout=1 HTTP/1.1\r\n" HOST WRITES "\r\n",
        "GET /v1/cells?min_cursor=150 HTTP/1.1\r\n" HOST WRITES "\r\n",
        "POST /v1/events HTTP/1.1\r\n" HOST WRITES AS_EVENT "Content-Length: 1000\r\n\r\n{"};
    for (int i = 0; i < ROUNDS; i++) {
        struct raw raw = raw_opened(worker->site);
        say(&raw, requests[i % 4]);
        raw_close(&raw);
        must(kill(worker->site->daemon.pid, SIGHUP) == 0);
    }
    return NULL;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void concurrent_repeats_are_done_once(void **state) {
    (void)state;
    static struct worker workers[WRITERS + 3];
    struct site site = site_opened("--answer-bytes-max", "65536", "--http-idle-s", "2", NULL);
    for (int i = 0; i < WRITERS + 3; i++) {
        workers[i] = (struct worker){.site = &site, .number = i};
        void *(*run)(void *) = i < WRITERS ? write_things : i < WRITERS + 2 ? read_things : hang_up;
        must(pthread_create(&workers[i].thread, NULL, run, &workers[i]) == 0);
    }
    for (int i = 0; i < WRITERS + 3; i++) pthread_join(workers[i].thread, NULL);
    for (int i = 1; i < WRITERS; i++)
        assert_memory_equal(workers[0].formations, workers[i].formations,
                            sizeof workers[0].formations);
    json_t *status = json_got(site.reader, "/v1/status");
    assert_int_equal(number_of(status, "head"), ROUNDS * (BATCH + 1));
    assert_int_equal(number_of(status, "applied"), ROUNDS * (BATCH + 1));
    json_decref(status);
    wait_until_quiet(&site, 3);
    site_closed(&site);
}

/* However it falls: an acknowledged event is in the log that the next daemon finds. */
static void acknowledged_events_survive_the_end(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct site site = site_of(daemon_started(directory, NULL));
    struct raw raws[20];
    for (int i = 0; i < 20; i++) {
        struct text event = {0}, request = {0};
        char id[16], data[64];
        snprintf(id, sizeof id, "c%02d", i);
        snprintf(data, sizeof data, "{\"cellId\":\"%s\",\"specId\":\"s\"}", id);
        event_add(&event, id, CELL_STARTED, data);
        text_format(&request,
                    "POST /v1/events HTTP/1.1\r\n" HOST WRITES AS_EVENT
                    "Content-Length: %zu\r\n\r\n%s",
                    event.len, event.data);
        raws[i] = raw_opened(&site);
        say(&raws[i], request.data);
        free(event.data);
        free(request.data);
    }
    daemon_end(&site.daemon);
    bool acknowledged[20];
    for (int i = 0; i < 20; i++) {
        struct reply reply = heard(&raws[i], false);
        must(reply.status == 201 || reply.status == 503 || reply.status == 0);
        acknowledged[i] = reply.status == 201;
        reply_free(&reply);
        raw_close(&raws[i]);
    }
    site_hang_up(&site);
    site = site_of(daemon_started(directory, NULL));
    for (int i = 0; i < 20; i++) {
        char path[64];
        snprintf(path, sizeof path, "/v1/cells/c%02d", i);
        struct reply reply = get(site.reader, path);
        if (acknowledged[i]) assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    site_closed(&site);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(concurrent_repeats_are_done_once),
        cmocka_unit_test(acknowledged_events_survive_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
