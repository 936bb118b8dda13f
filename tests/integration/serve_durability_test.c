/* serve_durability_test.c: rule 6, through the wire. The daemon is killed at any moment under load,
 * again and again: what was answered 201 is there, once, a batch is there wholly or not at all,
 * and what the clients send again, not having been answered, is not there twice.
 *
 * Each writer posts batches of a range of its own, one after another, and beside them commands with
 * an Idempotency-Key. When its daemon goes, it sends the last of each again to the next one. */
#include "load.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WRITERS = 4, BATCH_MAX = 16, BATCHES_MAX = 30, MOMENT_NS_MAX = 3000000 };

/* ---- Writers --------------------------------------------------------------------------------- */

struct writer {
    size_t number;
    uint64_t next, count; /* the batch that is, or was, under way */
    uint64_t repeated;    /* batches that were there already */
    uint64_t command;     /* the command that is under way */
    char (*keys)[37];     /* of the formations that commands made */
    size_t keys_room;
};

struct round {
    struct daemon daemon;
    struct writer *writer;
    atomic_uint_fast64_t *answered;
};

static uint64_t range_of(const struct writer *writer) {
    return (uint64_t)(writer->number + 1) << 32;
}

static void remember_key(struct writer *writer, const struct reply *reply) {
    if (writer->command >= writer->keys_room) {
        writer->keys_room = writer->keys_room * 2 + 64;
        writer->keys = realloc(writer->keys, writer->keys_room * sizeof *writer->keys);
        must(writer->keys != NULL);
    }
    json_t *record = reply_json(reply);
    snprintf(writer->keys[writer->command], sizeof *writer->keys, "%s",
             json_string_value(json_object_get(record, "id")));
    json_decref(record);
}

/* False: there was no answer. */
static bool post_events(struct client *client, struct writer *writer) {
    struct reply reply = post_load(client, range_of(writer) + writer->next, writer->count);
    bool answered = reply.status != 0;
    if (answered && reply.status != 201 && reply.status != 200)
        support_failed(__FILE__, __LINE__, "%ld: %s", reply.status, reply.body.data);
    if (reply.status == 200) writer->repeated++;
    if (answered) {
        writer->next += writer->count;
        writer->count = writer->next % BATCH_MAX + 1;
    }
    reply_free(&reply);
    return answered;
}

static bool post_command(struct client *client, struct writer *writer) {
    char key[64], body[256];
    const char *headers[] = {"Content-Type: application/json", key, NULL};
    snprintf(key, sizeof key, "Idempotency-Key: %zu-%" PRIu64, writer->number, writer->command);
    snprintf(body, sizeof body,
             "{\"name\":\"of-%zu-%" PRIu64 "\",\"coordinator\":\"c\",\"members\":[{\"id\":\"c\"}]}",
             writer->number, writer->command);
    struct reply reply = request(client, "POST", "/v1/formations", headers, body, strlen(body));
    bool answered = reply.status != 0;
    if (answered && reply.status != 201 && reply.status != 200)
        support_failed(__FILE__, __LINE__, "%ld: %s", reply.status, reply.body.data);
    if (answered) {
        remember_key(writer, &reply);
        writer->command++;
    }
    reply_free(&reply);
    return answered;
}

static void *write_until_it_dies(void *context) {
    struct round *round = context;
    struct client *client = client_opened(&round->daemon, WRITE_TOKEN);
    while (post_events(client, round->writer) && post_command(client, round->writer))
        atomic_fetch_add(round->answered, 1);
    client_close(client);
    return NULL;
}

/* ---- Rounds ---------------------------------------------------------------------------------- */

static void run_and_kill(const char *directory, struct writer *writers, uint64_t *random) {
    pthread_t threads[WRITERS];
    struct round rounds[WRITERS];
    atomic_uint_fast64_t answered = 0;
    struct daemon daemon = daemon_started(directory, NULL);
    for (size_t i = 0; i < WRITERS; i++) {
        rounds[i] = (struct round){daemon, &writers[i], &answered};
        must(pthread_create(&threads[i], NULL, write_until_it_dies, &rounds[i]) == 0);
    }
    uint64_t wanted = random_next(random) % BATCHES_MAX;
    for (uint64_t began = now_ms(); atomic_load(&answered) < wanted; usleep(200))
        must(now_ms() - began < 60000);
    struct timespec moment = {.tv_nsec = (long)(random_next(random) % MOMENT_NS_MAX)};
    nanosleep(&moment, NULL); /* any moment will do; nothing is waited for */
    daemon_kill(&daemon);
    for (size_t i = 0; i < WRITERS; i++) must(pthread_join(threads[i], NULL) == 0);
}

/* ---- What is there --------------------------------------------------------------------------- */

struct found {
    const struct writer *writers;
    unsigned char *seen[WRITERS]; /* how often each event of a range was */
    uint64_t commands;
};

static int look_at_entry(void *context, const struct reel_entry *entry) {
    struct found *found = context;
    uint64_t number = load_number(entry->bytes);
    if (number == UINT64_MAX) {
        found->commands++;
        return 0;
    }
    size_t writer = (size_t)(number >> 32) - 1;
    number &= UINT32_MAX;
    must(writer < WRITERS);
    must(number < found->writers[writer].next + BATCH_MAX);
    found->seen[writer][number]++;
    return 0;
}

/* All that was answered; of what was not, all or nothing; and nothing twice. */
static void check_writer(const struct writer *writer, const unsigned char *seen) {
    for (uint64_t n = 0; n < writer->next; n++)
        if (seen[n] != 1)
            support_failed(__FILE__, __LINE__, "event %" PRIu64 " of writer %zu is there %u times",
                           n, writer->number, seen[n]);
    for (uint64_t n = 1; n < writer->count; n++) must(seen[writer->next + n] == seen[writer->next]);
    must(seen[writer->next] <= 1);
}

static void check_formations(struct reel *reel, const struct writer *writer) {
    for (uint64_t n = 0; n < writer->command; n++) {
        char name[64];
        char *record = record_text(reel, "formations", writer->keys[n]);
        snprintf(name, sizeof name, "\"name\":\"of-%zu-%" PRIu64 "\"", writer->number, n);
        if (!record || !strstr(record, name))
            support_failed(__FILE__, __LINE__, "no %s at %s", name, writer->keys[n]);
        free(record);
    }
}

static void check_all(const char *directory, struct writer *writers) {
    struct reel_options options = {.view_ms_max = 600000};
    struct reel *reel = reel_opened(directory, &options, CELL_SO, FORMATION_SO, NULL);
    struct reel_view *view = view_opened(reel);
    struct found found = {.writers = writers};
    uint64_t commands_least = 0;
    for (size_t i = 0; i < WRITERS; i++) {
        found.seen[i] = calloc(writers[i].next + 2 * BATCH_MAX, 1);
        must(found.seen[i] != NULL);
    }
    must(reel_view_log(view, 0, look_at_entry, &found) == 0);
    reel_view_close(view);
    for (size_t i = 0; i < WRITERS; i++) {
        check_writer(&writers[i], found.seen[i]);
        check_formations(reel, &writers[i]);
        commands_least += writers[i].command;
        free(found.seen[i]);
    }
    must(found.commands >= commands_least && found.commands <= commands_least + WRITERS);
    struct reel *fresh = fresh_fold(reel, FORMATION_SO, CELL_SO, NULL);
    assert_same_state(reel, fresh);
    reel_close(fresh);
    reel_close(reel);
}

static void acknowledged_events_survive_any_kill_exactly_once(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct writer writers[WRITERS] = {{0}};
    uint64_t random = 7, events = 0, repeated = 0;
    size_t rounds = scaled(100);
    for (size_t i = 0; i < WRITERS; i++) writers[i] = (struct writer){.number = i, .count = 1};
    for (size_t round = 0; round < rounds; round++) {
        test_context("round %zu", round);
        run_and_kill(directory, writers, &random);
        if (round % 10 == 9) check_all(directory, writers);
    }
    check_all(directory, writers);
    for (size_t i = 0; i < WRITERS; i++) {
        events += writers[i].next;
        repeated += writers[i].repeated;
        free(writers[i].keys);
    }
    print_message("%" PRIu64 " events were answered, %" PRIu64 " batches were there already\n",
                  events, repeated);
    assert_true(events > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_events_survive_any_kill_exactly_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
