/* back_bench.c: what looking back costs those who do not: the time of a GET of one record and of a
 * POST of one event, each at a fixed rate, without anybody who looks back and with clients that ask
 * for lists at random cursors and for histories as fast as they are answered. Both are run in turn,
 * several times; printed are the medians and the 99th percentiles of all runs, and their ratios. On
 * a busy machine, where a builder may not run for long, requests that look back end after five
 * seconds.
 *
 *     back_bench [EVENTS [SECONDS]]
 */
#include "../support/load.h"
#include "daemon.h"
#include "figures.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TURNS = 5, LOOKERS = 4, RATE = 200, BATCH = 2000 };

static struct daemon daemon_here;
static uint64_t head; /* events at the beginning */
static atomic_bool ending;
static atomic_uint_fast64_t answered, refused;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void sleep_until(double until) {
    struct timespec time = {.tv_sec = (time_t)until,
                            .tv_nsec = (long)((until - (double)(time_t)until) * 1e9)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

/* ---- Those who look back --------------------------------------------------------------------- */

static void *look_back(void *context) {
    struct client *client = client_opened(&daemon_here, WRITE_TOKEN);
    uint64_t random = (uint64_t)(uintptr_t)context + 1;
    while (!atomic_load(&ending)) {
        char path[96];
        uint64_t seq = random_next(&random) % head;
        if (random_next(&random) % 2)
            snprintf(path, sizeof path, "/v1/cells?limit=100&at=%" PRIu64, seq);
        else
            snprintf(path, sizeof path, "/v1/cells/cell-%04" PRIu64 "/history",
                     random_next(&random) % LOAD_CELLS);
        struct reply reply = get(client, path);
        must(reply.status == 200 || reply.status == 404 || reply.status == 503);
        atomic_fetch_add(reply.status == 503 ? &refused : &answered, 1);
        if (reply.status == 503) sleep_until(now() + 0.05);
        reply_free(&reply);
    }
    client_close(client);
    return NULL;
}

/* ---- Those who do not ------------------------------------------------------------------------ */

struct asking {
    struct samples gets, posts; /* ms */
    uint64_t next;              /* event */
};

static void ask_once(struct client *client, struct asking *asking, const char *key) {
    char path[128], event[SAMPLE_BYTES_MAX];
    snprintf(path, sizeof path, "/v1/cells/%s", key);
    double began = now();
    struct reply reply = get(client, path);
    samples_add(&asking->gets, (now() - began) * 1e3);
    must(reply.status == 200);
    reply_free(&reply);
    size_t len = load_event(asking->next++, event, sizeof event);
    began = now();
    reply = post_event(client, event, len);
    samples_add(&asking->posts, (now() - began) * 1e3);
    must(reply.status == 201);
    reply_free(&reply);
}

static void ask(struct client *client, struct asking *asking, const char *key, double seconds) {
    double at = now(), end = at + seconds;
    for (; at < end; at += 1.0 / RATE) {
        sleep_until(at);
        ask_once(client, asking, key);
    }
}

static void print(const char *what, struct samples *without, struct samples *with) {
    double before[] = {quantile(without->values, without->count, 0.5),
                       quantile(without->values, without->count, 0.99)};
    double after[] = {quantile(with->values, with->count, 0.5),
                      quantile(with->values, with->count, 0.99)};
    printf("%-5s median %6.3f ms, beside %6.3f ms (%.2f)   p99 %6.3f ms, beside %6.3f ms (%.2f)\n",
           what, before[0], after[0], after[0] / before[0], before[1], after[1],
           after[1] / before[1]);
}

/* ---- The runs -------------------------------------------------------------------------------- */

static void run_with(struct client *client, struct asking *asking, const char *key,
                     double seconds) {
    pthread_t threads[LOOKERS];
    atomic_store(&ending, false);
    for (uintptr_t i = 0; i < LOOKERS; i++)
        must(pthread_create(&threads[i], NULL, look_back, (void *)i) == 0);
    ask(client, asking, key, seconds);
    atomic_store(&ending, true);
    for (size_t i = 0; i < LOOKERS; i++) must(pthread_join(threads[i], NULL) == 0);
}

static char *any_key(struct client *client) {
    struct reply reply = get(client, "/v1/cells?limit=1");
    json_t *json = reply_json(&reply);
    const json_t *first = json_array_get(json_object_get(json, "cells"), 0);
    char *key = strdup(json_string_value(json_object_get(first, "id")));
    json_decref(json);
    reply_free(&reply);
    return key;
}

int main(int argc, char **argv) {
    uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : 400000;
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 10;
    struct asking without = {0}, with = {0};
    daemon_here = daemon_started(scratch_directory(), "--build-ms-max", "5000", NULL);
    struct client *client = client_opened(&daemon_here, WRITE_TOKEN);
    while (head < events) {
        struct reply reply = post_load(client, head, BATCH);
        must(reply.status == 201);
        reply_free(&reply);
        head += BATCH;
    }
    char *key = any_key(client);
    without.next = head;
    for (int turn = 0; turn < TURNS; turn++) {
        ask(client, &without, key, seconds);
        with.next = without.next;
        run_with(client, &with, key, seconds);
        without.next = with.next;
    }
    printf("%" PRIu64 " events, %d clients that look back: %" PRIu64 " answers, %" PRIu64
           " refusals in %.0f s\n",
           events, LOOKERS, (uint64_t)atomic_load(&answered), (uint64_t)atomic_load(&refused),
           seconds * TURNS);
    print("GET", &without.gets, &with.gets);
    print("POST", &without.posts, &with.posts);
    free(key);
    client_close(client);
    daemon_end(&daemon_here);
    return 0;
}
