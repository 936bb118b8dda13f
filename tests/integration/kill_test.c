/* kill_test.c: rules 1 and 6. A process that is killed while it writes leaves a prefix of the log,
 * whole, and all that it acknowledged.
 *
 * The child puts sample event n at seq n, so what the log must hold is known from its head alone.
 * After each commit it tells us the new head: an acknowledgement. It is killed after a random
 * number of those and a random moment more, which may be anywhere: in a commit, between two, or
 * while the store is being opened. A directory serves for some rounds and is then left, so that
 * comparing it stays cheap.
 *
 * Memtables and segments are small, so that checkpoints and sealing go on meanwhile. The child also
 * rebuilds a collection from the whole log, and later trims the log: what it then shows can only be
 * folded again if nothing was removed too early. */
#include "support.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { ROUNDS_PER_DIRECTORY = 20, BATCH_MAX = 64, ACKS_MAX = 25, MOMENT_NS_MAX = 3000000 };

/* A memtable is a quarter of the map. */
static const struct reel_options small = {.map_bytes = 8 << 20, .segment_bytes = 64 << 10};

/* ---- The child ------------------------------------------------------------------------------- */

/* One commit of a random size, or an append that is folded by a second commit. */
static uint64_t write_some(struct reel *reel, uint64_t head, uint64_t *random) {
    struct batch batch = {0};
    struct reel_error error;
    size_t count = random_next(random) % BATCH_MAX + 1;
    while (batch.count < count) batch_add_sample(&batch, head + batch.count + 1);
    if (random_next(random) % 4 == 0) {
        uint64_t last = 0;
        must_ok(reel_append(reel, batch_payloads(&batch), count, &last, &error), error);
        must(last == head + count);
        must_ok(reel_catch_up(reel, &error), error);
    } else {
        must_ok(reel_apply_batch(reel, batch_payloads(&batch), count, NULL, &error), error);
    }
    batch_free(&batch);
    return head + count;
}

/* What is trimmed cannot be rebuilt, so that comes first. */
static void rebuild_or_trim(struct reel *reel, uint64_t head, uint64_t *random) {
    struct reel_error error;
    bool is_whole = position_of(reel).first_seq == 1;
    uint64_t number = random_next(random) % 24;
    if (number == 0 && is_whole)
        must_ok(reel_rebuild(reel, head % 2 ? "cells" : "formations", &error), error);
    if (number == 1 || (number == 0 && !is_whole))
        must_ok(reel_trim(reel, head - head / 4, &error), error);
}

static void write_until_killed(struct child *child, const char *directory, uint64_t seed) {
    struct reel *reel = reel_opened(directory, &small, FORMATION_SO, CELL_SO, NULL);
    uint64_t head = position_of(reel).head;
    for (;;) {
        rebuild_or_trim(reel, head, &seed);
        head = write_some(reel, head, &seed);
        child_say(child, &head, sizeof head);
    }
}

/* ---- The parent ------------------------------------------------------------------------------ */

/* The last head that the child told us of before it died; `before` if none. */
static uint64_t run_and_kill(const char *directory, uint64_t before, uint64_t *random) {
    struct child child;
    uint64_t seed = random_next(random);
    uint64_t acknowledged = before;
    if (child_begin(&child)) write_until_killed(&child, directory, seed);

    for (uint64_t acks = random_next(random) % ACKS_MAX; acks > 0; acks--)
        if (!child_hear(&child, &acknowledged, sizeof acknowledged)) break;
    struct timespec moment = {.tv_nsec = (long)(random_next(random) % MOMENT_NS_MAX)};
    nanosleep(&moment, NULL); /* any moment will do; nothing is waited for */
    kill(child.pid, SIGKILL);
    for (uint64_t head; child_hear(&child, &head, sizeof head);) acknowledged = head;
    int status = child_wait(&child);
    must(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return acknowledged;
}

static int check_entry(void *context, const struct reel_entry *entry) {
    uint64_t *expected = context;
    char event[SAMPLE_BYTES_MAX];
    size_t len = sample_event(*expected, event, sizeof event);
    must(entry->seq == *expected);
    must(entry->size == len && entry->bytes.len == len);
    must(memcmp(entry->bytes.data, event, len) == 0);
    ++*expected;
    return 0;
}

static void check_log(struct reel *reel, const struct reel_position *position) {
    struct reel_view *view = view_opened(reel);
    uint64_t expected = position->first_seq;
    must(reel_view_log(view, 0, check_entry, &expected) == 0);
    must(expected == position->head + 1);
    reel_view_close(view);
}

static void assert_same_digests(struct reel *a, struct reel *b) {
    const char *name;
    for (size_t n = 0; (name = reel_collection_name(a, n)); n++)
        must(strcmp(info_of(a, name).digest, info_of(b, name).digest) == 0);
}

/* Opens what is left and compares it with a fold of all events that there were; the head. Unless it
 * is closed, there is no checkpoint of what was folded. */
static uint64_t check_opened(const char *directory, uint64_t acknowledged, bool is_closed) {
    struct reel *reel = reel_opened(directory, &small, FORMATION_SO, CELL_SO, NULL);
    struct reel_position position = position_of(reel);
    must(position.cursor == position.head);
    must(position.head >= acknowledged);
    must(position.applied + position.ignored + position.rejected == position.head);
    check_log(reel, &position);
    struct reel *fresh = reel_opened(NULL, NULL, FORMATION_SO, CELL_SO, NULL);
    apply_samples(fresh, 1, position.head, 512);
    assert_same_state(reel, fresh);
    assert_same_digests(reel, fresh);
    reel_close(fresh);
    if (is_closed) reel_close(reel);
    return position.head;
}

static uint64_t check_what_is_left(const char *directory, uint64_t acknowledged, bool is_closed) {
    struct child child;
    uint64_t head = 0;
    if (child_begin(&child)) {
        head = check_opened(directory, acknowledged, is_closed);
        child_say(&child, &head, sizeof head);
        child_end(0);
    }
    must(child_hear(&child, &head, sizeof head));
    must(child_wait(&child) == 0);
    return head;
}

static void a_killed_writer_leaves_a_whole_prefix(void **state) {
    (void)state;
    uint64_t random = 1;
    size_t rounds = scaled(1000);
    const char *directory = NULL;
    uint64_t head = 0, written = 0;
    for (size_t round = 0; round < rounds; round++) {
        test_context("round %zu", round);
        if (round % ROUNDS_PER_DIRECTORY == 0) {
            directory = scratch_directory();
            head = 0;
        }
        uint64_t acknowledged = run_and_kill(directory, head, &random);
        written += acknowledged - head;
        head = check_what_is_left(directory, acknowledged, round % 8 == 7);
    }
    assert_true(written > 0); /* else every child was killed before it did anything */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_writer_leaves_a_whole_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
