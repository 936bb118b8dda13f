/* helper_test.c: one writer, readers, and the helper at the same time. */
#include "log_support.h"

#include "base/clock.h"

#include <sched.h>
#include <stdlib.h>

enum { EVENTS = 4000, READERS = 2 };

struct shared {
    struct log *log;
    atomic_uint_fast64_t visible;
    atomic_uint_fast64_t floor;
    atomic_bool done;
};

static void read_once(struct shared *shared) {
    uint64_t to = atomic_load(&shared->visible);
    struct log_pin *pin = log_pin(shared->log);
    uint64_t from = atomic_load(&shared->floor), seq = from; /* what it sees is pinned already? */
    struct log_segment first;
    struct log_walk walk;
    struct log_entry entry;
    struct reel_error error;
    must(log_pin_segment(pin, 0, &first));
    if (first.first_seq > seq) from = seq = first.first_seq;
    log_walk_start(&walk, pin, from, to);
    int rc;
    while ((rc = log_next(&walk, &entry, &error)) > 0) {
        must(entry.seq == seq);
        must(entry.bytes.len == 300);
        seq++;
    }
    must(rc == 0);
    must(seq == to + 1 || from > to);
    log_walk_finish(&walk);
    log_unpin(pin);
}

static void *read_all(void *context) {
    struct shared *shared = context;
    while (!atomic_load(&shared->done)) {
        read_once(shared);
        sched_yield();
    }
    return NULL;
}

static void trim(struct shared *shared, uint64_t first_seq) {
    struct log_facts facts = *log_facts(shared->log);
    struct reel_error error;
    facts.first_seq = first_seq;
    must_ok(log_set_facts(shared->log, &facts, &error), error);
    must_ok(log_commit(shared->log, &error), error);
    log_keep(shared->log);
    atomic_store(&shared->floor, first_seq);
    log_trim(shared->log);
}

static void readers_and_helper_work_beside_the_writer(void **state) {
    (void)state;
    const char *directory = log_made();
    opened_with.no_helper = false;
    opened_with.segment_bytes = 64 << 10;
    struct shared shared = {.log = opened(directory)};
    atomic_init(&shared.floor, 1);
    pthread_t readers[READERS];
    struct reel_error error;
    append(shared.log, 1, 1, 300);
    atomic_store(&shared.visible, 1);
    for (int i = 0; i < READERS; i++)
        must(pthread_create(&readers[i], NULL, read_all, &shared) == 0);
    for (uint64_t seq = 2; seq <= EVENTS; seq++) {
        append(shared.log, seq, 1, 300);
        atomic_store(&shared.visible, seq);
        if (seq % 37 == 0) { /* a group that is taken back */
            struct log_entry entry = entry_of(seq + 1, "{}", NULL, NULL);
            gather(shared.log, &entry);
            must_ok(log_commit(shared.log, &error), error);
            must_ok(log_undo(shared.log, &error), error);
        }
        if (seq % 500 == 0) trim(&shared, seq - 400);
    }
    atomic_store(&shared.done, true);
    for (int i = 0; i < READERS; i++) pthread_join(readers[i], NULL);
    uint64_t until = clock_ms() + 60000;
    while (count_segments(shared.log, true) + 1 < count_segments(shared.log, false)) {
        must(clock_ms() < until);
        sched_yield();
    }
    log_close(shared.log);
    opened_with.no_helper = true;
    struct log *log = opened(directory);
    assert_int_equal(log_head(log), EVENTS);
    log_close(log);
    opened_with.segment_bytes = 16 << 10;
}

static void a_witness_comes_by_itself(void **state) {
    (void)state;
    const char *directory = log_made();
    opened_with.no_helper = false;
    struct log *log = opened(directory);
    append_one(log, 1);
    uint64_t until = clock_ms() + 60000, end;
    do {
        must(clock_ms() < until);
        sched_yield();
        end = end_of(log);
    } while (end < SEGMENT_PAGE + 2 * FRAME_UNIT);
    crash(log);
    opened_with.no_helper = true;
    flip(segment_path(directory, 0), SEGMENT_PAGE + 80);
    refused(directory, "was synced");
}

static uint64_t zeros_written(struct log *log) {
    struct log_metrics metrics;
    while (log_help(log)) continue;
    log_measure(log, &metrics);
    return metrics.fill_bytes;
}

/* Large groups take the same time without zeros, and these would double what is written. */
static void zeros_are_written_only_while_groups_are_small(void **state) {
    (void)state;
    struct log_options before = opened_with;
    opened_with.segment_bytes = 64 << 20;
    const char *directory = log_made();
    struct log *log = opened(directory);
    uint64_t seq = 1;
    for (int i = 0; i < 8; i++, seq += 4) append(log, seq, 4, 256 << 10);
    uint64_t first = zeros_written(log);
    for (int i = 0; i < 80; i++, seq += 4) append(log, seq, 4, 256 << 10);
    assert_int_equal(count_segments(log, false), 2);
    assert_int_equal(zeros_written(log), first);
    for (int i = 0; i < 40; i++) append_one(log, seq++);
    assert_in_range(zeros_written(log), first + (4 << 20), UINT64_MAX);
    crash(log);
    log = opened(directory);
    assert_range(log, 1, seq - 1);
    log_close(log);
    opened_with = before;
}

UNIT_TESTS(helper_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_and_helper_work_beside_the_writer),
        cmocka_unit_test(a_witness_comes_by_itself),
        cmocka_unit_test(zeros_are_written_only_while_groups_are_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
