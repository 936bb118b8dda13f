/* kill_test.c: rules 1 and 6. A process that is killed while it writes leaves a prefix of the log,
 * whole, and all that it acknowledged.
 *
 * The child puts sample event n at seq n, so what the log must hold is known from its head alone.
 * After each commit it tells us the new head: an acknowledgement. It is killed after a random
 * number of those and a random moment more, which may be anywhere: in a commit, between two, or
 * while the store is being opened. A directory serves for some rounds and is then left, so that
 * comparing it stays cheap. */
#include "support.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { ROUNDS_PER_DIRECTORY = 20, BATCH_MAX = 64, ACKS_MAX = 25, MOMENT_NS_MAX = 3000000 };

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

static void write_until_killed(struct child *child, const char *directory, uint64_t seed) {
    struct reel *reel = reel_opened(directory, NULL, FORMATION_SO, CELL_SO, NULL);
    uint64_t head = position_of(reel).head;
    for (;;) {
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

static void check_log(struct reel *reel, uint64_t head) {
    struct reel_view *view = view_opened(reel);
    uint64_t expected = 1;
    must(reel_view_log(view, 0, check_entry, &expected) == 0);
    must(expected == head + 1);
    reel_view_close(view);
}

/* Opens what is left and compares it with a fold of its own log; the head. */
static uint64_t check_what_is_left(const char *directory, uint64_t acknowledged) {
    struct reel *reel = reel_opened(directory, NULL, FORMATION_SO, CELL_SO, NULL);
    struct reel_position position = position_of(reel);
    must(position.cursor == position.head);
    must(position.head >= acknowledged);
    must(position.applied + position.ignored + position.rejected == position.head);
    check_log(reel, position.head);
    struct reel *fresh = fresh_fold(reel, FORMATION_SO, CELL_SO, NULL);
    assert_same_state(reel, fresh);
    reel_close(fresh);
    reel_close(reel);
    return position.head;
}

static void a_killed_writer_leaves_a_whole_prefix(void **state) {
    (void)state;
    uint64_t random = 1;
    size_t rounds = scaled(200);
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
        head = check_what_is_left(directory, acknowledged);
    }
    assert_true(written > 0); /* else every child was killed before it did anything */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_writer_leaves_a_whole_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
