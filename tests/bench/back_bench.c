/* back_bench.c: what looking back costs those who do not, or `reeld plan`: the time of a GET of one
 * record and of a POST of one event, each at a fixed rate, without anybody who looks back and with
 * clients that ask for lists at random cursors and for histories as fast as they are answered; or
 * with one plan after another of a plugin that both commands load. Both are run in turn, several
 * times; printed are the medians and the 99th percentiles of all runs, and their ratios. On a busy
 * machine, where a builder may not run for long, requests that look back end after five seconds.
 *
 *     back_bench [--plan] [EVENTS [SECONDS]]
 */
#include "../support/load.h"
#include "daemon.h"
#include "figures.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { TURNS = 5, LOOKERS = 4, RATE = 200, BATCH = 2000 };

static struct daemon daemon_here;
static uint64_t head; /* events at the beginning */
static atomic_bool ending;
static atomic_uint_fast64_t answered, refused;

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
        if (reply.status == 503) sleep_until(seconds_now() + 0.05);
        reply_free(&reply);
    }
    client_close(client);
    return NULL;
}

/* ---- Plans ----------------------------------------------------------------------------------- */

static const char *directory;

static void *plan_on(void *context) {
    const char *const arguments[] = {"plan",  "--data",         directory, "--build-cpu-s-max",
                                     "86400", "--build-ms-max", "3600000", CELL_SO,
                                     NULL};
    (void)context;
    while (!atomic_load(&ending)) {
        struct daemon plan = daemon_launched(arguments, NULL);
        int status = 0;
        while (waitpid(plan.pid, &status, WNOHANG) == 0) {
            sleep_until(seconds_now() + 0.05);
            if (atomic_load(&ending)) kill(plan.pid, SIGTERM);
        }
        if (!atomic_load(&ending)) must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        if (!atomic_load(&ending)) atomic_fetch_add(&answered, 1);
    }
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
    double began = seconds_now();
    struct reply reply = get(client, path);
    samples_add(&asking->gets, (seconds_now() - began) * 1e3);
    must(reply.status == 200);
    reply_free(&reply);
    size_t len = load_event(asking->next++, event, sizeof event);
    began = seconds_now();
    reply = post_event(client, event, len);
    samples_add(&asking->posts, (seconds_now() - began) * 1e3);
    must(reply.status == 201);
    reply_free(&reply);
}

static void ask(struct client *client, struct asking *asking, const char *key, double seconds) {
    double at = seconds_now(), end = at + seconds;
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

static void run_with(struct client *client, struct asking *asking, const char *key, double seconds,
                     bool plans) {
    pthread_t threads[LOOKERS];
    size_t count = plans ? 1 : LOOKERS;
    atomic_store(&ending, false);
    for (uintptr_t i = 0; i < count; i++)
        must(pthread_create(&threads[i], NULL, plans ? plan_on : look_back, (void *)i) == 0);
    ask(client, asking, key, seconds);
    atomic_store(&ending, true);
    for (size_t i = 0; i < count; i++) must(pthread_join(threads[i], NULL) == 0);
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
    bool plans = argc > 1 && strcmp(argv[1], "--plan") == 0;
    if (plans) argv++, argc--;
    uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : 400000;
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 10;
    struct asking without = {0}, with = {0};
    directory = scratch_directory();
    daemon_here = daemon_started(directory, "--build-ms-max", "5000", NULL);
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
        run_with(client, &with, key, seconds, plans);
        without.next = with.next;
    }
    printf("%" PRIu64 " events, %s: %" PRIu64 " answers, %" PRIu64 " refusals in %.0f s\n", events,
           plans ? "one plan after another" : "4 clients that look back",
           (uint64_t)atomic_load(&answered), (uint64_t)atomic_load(&refused), seconds * TURNS);
    print("GET", &without.gets, &with.gets);
    print("POST", &without.posts, &with.posts);
    free(key);
    client_close(client);
    daemon_end(&daemon_here);
    return 0;
}
