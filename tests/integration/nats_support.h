/* nats_support.h: a daemon that follows a stream, for the tests of JetStream.
 *
 * Between it and the broker is a proxy, so that the way can be cut; its URL stays the same whatever
 * becomes of the broker. */
#ifndef TESTS_NATS_SUPPORT_H
#define TESTS_NATS_SUPPORT_H

#include "broker.h"
#include "http_support.h"
#include "jetstream.h"
#include "load.h"
#include "proxy.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

struct mirror {
    struct broker *broker;
    struct proxy *proxy;
    struct jetstream stream; /* the test's own connection, past the proxy */
    const char *directory;   /* the daemon's */
    struct daemon daemon;
    struct client *client; /* NULL: no daemon runs */
};

/* ---- Its life -------------------------------------------------------------------------------- */

/* Starts the daemon on the stream; the list of further arguments ends with NULL. */
static inline void mirror_run_list(struct mirror *mirror, const char *const *arguments) {
    const char *all[32] = {"--nats", proxy_url(mirror->proxy)};
    size_t count = 2;
    for (; arguments && *arguments; arguments++) {
        must(count + 1 < sizeof all / sizeof *all);
        all[count++] = *arguments;
    }
    mirror->daemon = daemon_started_list(mirror->directory, all);
    mirror->client = client_opened(&mirror->daemon, WRITE_TOKEN);
}

static inline void mirror_run(struct mirror *mirror) {
    mirror_run_list(mirror, NULL);
}

static inline void mirror_end(struct mirror *mirror) {
    client_close(mirror->client);
    mirror->client = NULL;
    daemon_end(&mirror->daemon);
}

static inline void mirror_kill(struct mirror *mirror) {
    client_close(mirror->client);
    mirror->client = NULL;
    daemon_kill(&mirror->daemon);
}

/* A broker, without a stream and without a daemon; `config` as in broker_prepared. */
static inline struct mirror mirror_prepared(const char *config) {
    struct mirror mirror = {.broker = broker_started(config), .directory = scratch_directory()};
    mirror.proxy = proxy_started(mirror.broker->port);
    mirror.stream = jetstream_opened(mirror.broker->url, NULL);
    return mirror;
}

/* With the usual stream, and the daemon. */
static inline struct mirror mirror_opened(void) {
    struct mirror mirror = mirror_prepared(NULL);
    stream_make(&mirror.stream, NULL);
    mirror_run(&mirror);
    return mirror;
}

static inline void mirror_closed(struct mirror *mirror) {
    if (mirror->client) mirror_end(mirror);
    jetstream_close(&mirror->stream);
    proxy_free(mirror->proxy);
    broker_free(mirror->broker);
}

/* ---- How far it is --------------------------------------------------------------------------- */

static inline uint64_t status_number(struct client *client, const char *name) {
    struct reply reply = got(client, "/v1/status", 200);
    uint64_t number = reply_number(&reply, name);
    reply_free(&reply);
    return number;
}

/* Waits until the cursor is there, as long as it moves; it may not pass. */
static inline void wait_for_cursor(struct client *client, uint64_t seq) {
    uint64_t cursor = status_number(client, "cursor"), moved = now_ms();
    while (cursor < seq) {
        uint64_t before = cursor;
        usleep(5000);
        cursor = status_number(client, "cursor");
        if (cursor != before) moved = now_ms();
        if (now_ms() - moved > 60000) {
            struct reply reply = get(client, "/v1/status");
            support_failed(__FILE__, __LINE__, "not at %" PRIu64 ": %s", seq, reply.body.data);
        }
    }
    must(cursor == seq);
}

/* Waits until it is not, for a reason that has `part` in it. */
static inline void wait_until_not_ready(struct client *client, const char *part) {
    for (uint64_t began = now_ms();; usleep(5000)) {
        struct reply reply = get(client, "/readyz");
        if (reply.status == 503 && strstr(reply.body.data, part)) {
            reply_free(&reply);
            return;
        }
        if (now_ms() - began > 60000)
            support_failed(__FILE__, __LINE__, "ready, or without `%s`: %s", part, reply.body.data);
        reply_free(&reply);
    }
}

static inline char *epoch_of(struct client *client) {
    json_t *status = json_got(client, "/v1/status");
    char *epoch = strdup(text_of(status, "epoch"));
    json_decref(status);
    return epoch;
}

/* ---- What it holds --------------------------------------------------------------------------- */

/* Each event was counted once, whatever came of it. */
static inline void check_counts(struct client *client, uint64_t events) {
    json_t *status = json_got(client, "/v1/status");
    uint64_t counted =
        number_of(status, "applied") + number_of(status, "ignored") + number_of(status, "rejected");
    if (counted != events)
        support_failed(__FILE__, __LINE__, "%" PRIu64 " were counted of %" PRIu64, counted, events);
    json_decref(status);
}

/* A Reel in memory that has folded these load events. */
static inline struct reel *load_fold(uint64_t first, uint64_t count) {
    struct reel *reel = reel_opened(NULL, NULL, CELL_SO, FORMATION_SO, NULL);
    char event[SAMPLE_BYTES_MAX];
    struct batch batch = {0};
    struct reel_error error;
    for (uint64_t n = first; n < first + count; n++) {
        batch_add(&batch, event, load_event(n, event, sizeof event));
        if (batch.count < 4096 && n + 1 < first + count) continue;
        must_ok(reel_apply_batch(reel, batch_payloads(&batch), batch.count, NULL, &error), error);
        batch_clear(&batch);
    }
    batch_free(&batch);
    return reel;
}

static inline int add_row(void *context, const struct reel_row *row) {
    struct text *text = context;
    if (text->data[text->len - 1] != '[') text_add(text, ",", 1);
    text_add(text, row->json.data, row->json.len);
    return 0;
}

/* Its records are those of `expected`, byte for byte. */
static inline void check_records(struct client *client, struct reel *expected) {
    static const char *const names[] = {"cells", "formations"};
    struct reel_view *view = view_opened(expected);
    for (size_t i = 0; i < 2; i++) {
        struct text wanted = {0};
        char path[64];
        snprintf(path, sizeof path, "/v1/%s", names[i]);
        text_format(&wanted, "{\"%s\":[", names[i]);
        must(reel_view_list(view, names[i], (struct reel_str){NULL, 0}, false, add_row, &wanted) ==
             0);
        text_add(&wanted, "],", 2);
        struct reply reply = got(client, path, 200);
        size_t same = 0;
        while (same < wanted.len && same < reply.body.len &&
               wanted.data[same] == reply.body.data[same])
            same++;
        if (same < wanted.len)
            support_failed(__FILE__, __LINE__, "%s differ at byte %zu: %.300s\ninstead of %.300s",
                           names[i], same, reply.body.data + same, wanted.data + same);
        reply_free(&reply);
        free(wanted.data);
    }
    reel_view_close(view);
}

/* Its records are a fold of these load events; each was counted once. */
static inline void check_load(struct client *client, uint64_t first, uint64_t count) {
    struct reel *expected = load_fold(first, count);
    check_counts(client, count);
    check_records(client, expected);
    reel_close(expected);
}

/* Walks its log; `look` is given each seq and event. Returns how many there are. */
static inline uint64_t walk_log(struct client *client, uint64_t since,
                                void (*look)(void *context, uint64_t seq, const json_t *event),
                                void *context) {
    uint64_t count = 0;
    for (;;) {
        char path[96];
        snprintf(path, sizeof path, "/v1/events?limit=1000&since=%" PRIu64, since);
        json_t *page = json_got(client, path), *events = json_object_get(page, "events");
        size_t size = json_array_size(events);
        for (size_t i = 0; i < size; i++) {
            const json_t *one = json_array_get(events, i);
            must(number_of(one, "seq") > since);
            since = number_of(one, "seq");
            look(context, since, json_object_get(one, "event"));
        }
        json_decref(page);
        count += size;
        if (size == 0) return count;
    }
}

/* n of a load event, from its id. */
static inline uint64_t load_number_of(const json_t *event) {
    const char *id = text_of(event, "id");
    must(strncmp(id, "load-", 5) == 0);
    return strtoull(id + 5, NULL, 10);
}

static inline void look_for_load(void *context, uint64_t seq, const json_t *event) {
    const uint64_t *first = context;
    if (load_number_of(event) != seq - 1 + *first)
        support_failed(__FILE__, __LINE__, "%" PRIu64 " has %s", seq, text_of(event, "id"));
}

/* Its log is load events `first` … `first + count - 1`, whose seqs are 1 … `count`. */
static inline void check_load_log(struct client *client, uint64_t first, uint64_t count) {
    must(walk_log(client, 0, look_for_load, &first) == count);
}

/* ---- Live traffic ---------------------------------------------------------------------------- */

/* A thread that publishes load events, each when the one before has been acknowledged. */
struct publisher {
    struct jetstream stream;
    pthread_t thread;
    atomic_uint_fast64_t next;
    atomic_bool ending;
};

static inline void *publish_on(void *context) {
    struct publisher *publisher = context;
    while (!atomic_load(&publisher->ending)) {
        publish_load(&publisher->stream, atomic_load(&publisher->next));
        atomic_fetch_add(&publisher->next, 1);
    }
    return NULL;
}

/* Begins with event `first`. */
static inline struct publisher *publisher_started(const char *urls, uint64_t first) {
    struct publisher *publisher = calloc(1, sizeof *publisher);
    must(publisher != NULL);
    publisher->stream = jetstream_opened(urls, NULL);
    atomic_store(&publisher->next, first);
    must(pthread_create(&publisher->thread, NULL, publish_on, publisher) == 0);
    return publisher;
}

/* Waits until it has published so many more. */
static inline void publisher_wait(struct publisher *publisher, uint64_t more) {
    uint64_t wanted = atomic_load(&publisher->next) + more;
    for (uint64_t began = now_ms(); atomic_load(&publisher->next) < wanted; usleep(1000))
        must(now_ms() - began < 60000);
}

/* Ends it: the first event that was not published. */
static inline uint64_t publisher_ended(struct publisher *publisher) {
    atomic_store(&publisher->ending, true);
    must(pthread_join(publisher->thread, NULL) == 0);
    uint64_t next = atomic_load(&publisher->next);
    jetstream_close(&publisher->stream);
    free(publisher);
    return next;
}

#endif
