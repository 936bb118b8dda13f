/* dedup_test.c: the index of duplicates finds what the log has, whatever becomes of its files. */
#include "dedup_support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EVENTS = 400 }; /* some ten segments */

#define NOTHING NULL, 0

/* A log of EVENTS events whose full segments have runs, and are sealed. */
static const char *indexed(void) {
    const char *directory = dedup_made();
    struct log *log = dedup_opened(directory);
    submit(log, 1, EVENTS);
    help_all(log);
    log_close(log);
    must(told_count == 0);
    return directory;
}

/* ---- Groups ---------------------------------------------------------------------------------- */

static void an_event_is_found_within_its_group(void **state) {
    (void)state;
    struct log *log = dedup_opened(dedup_made());
    struct reel_error error;
    gather_id(log, 1, 7);
    gather_id(log, 2, 8);
    assert_found(log, 7, SEQS(1));
    log_abort(log);
    assert_found(log, 7, NOTHING);
    gather_id(log, 1, 8);
    must_ok(log_commit(log, &error), error);
    assert_found(log, 8, SEQS(1));
    must_ok(log_undo(log, &error), error);
    assert_found(log, 8, NOTHING);
    gather_id(log, 1, 9);
    must_ok(log_commit(log, &error), error);
    assert_found(log, 9, SEQS(1));
    log_close(log);
}

static void a_group_that_begins_a_segment_can_be_taken_back(void **state) {
    (void)state;
    const char *directory = dedup_made();
    struct log *log = dedup_opened(directory);
    struct reel_error error;
    uint64_t seq = 1;
    while (count_segments(log, false) == 1) submit(log, seq++, 1);
    must(seq > 2);
    submit(log, seq, 30);
    seq += 30;
    for (size_t segments = count_segments(log, false); count_segments(log, false) == segments;) {
        gather_id(log, seq, seq);
        gather_id(log, seq + 1, seq + 1);
        must_ok(log_commit(log, &error), error);
        assert_all_found(log, 1, seq + 1);
        must_ok(log_undo(log, &error), error);
        assert_found(log, seq, NOTHING);
        assert_found(log, seq + 1, NOTHING);
        assert_all_found(log, 1, seq - 1);
        submit(log, seq++, 1);
    }
    help_all(log);
    assert_all_found(log, 1, seq - 1);
    assert_found(log, seq, NOTHING);
    log_close(log);
}

static void an_id_that_is_not_the_event_s_own_is_left_out(void **state) {
    (void)state;
    struct log *log = dedup_opened(dedup_made());
    struct reel_error error;
    uint8_t hash[16];
    id_of(3, hash);
    struct log_entry entry = entry_of(1, "{}", NULL, NULL);
    entry.flags = LOG_SUBMITTED;
    entry.id_hash = hash;
    must_ok(log_append(log, &entry, &error), error);
    entry.flags |= LOG_OTHER_HASH;
    log_describe(log, &entry);
    must_ok(log_commit(log, &error), error);
    assert_found(log, 3, NOTHING);
    log_close(log);
}

/* A stream may have let repeats in. The first ones are given. */
static void of_many_events_with_one_id_the_first_are_found(void **state) {
    (void)state;
    struct log *log = dedup_opened(dedup_made());
    struct reel_error error;
    uint64_t expected[LOG_CANDIDATES];
    for (uint64_t seq = 1; seq <= EVENTS; seq++) {
        gather_id(log, seq, seq % 2 ? 1 : seq);
        must_ok(log_commit(log, &error), error);
        log_keep(log);
    }
    for (size_t i = 0; i < LOG_CANDIDATES; i++) expected[i] = 2 * i + 1;
    assert_found(log, 1, expected, LOG_CANDIDATES);
    help_all(log);
    assert_found(log, 1, expected, LOG_CANDIDATES);
    trim_to(log, 102);
    for (size_t i = 0; i < LOG_CANDIDATES; i++) expected[i] = 2 * i + 103;
    assert_found(log, 1, expected, LOG_CANDIDATES);
    log_close(log);
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static void full_segments_get_runs_which_are_merged(void **state) {
    (void)state;
    const char *directory = dedup_made();
    struct log *log = dedup_opened(directory);
    for (uint64_t seq = 1; seq <= EVENTS; seq += 10) {
        submit(log, seq, 10);
        help_all(log);
        size_t full = count_segments(log, false) - 1, runs = count_runs(directory), levels = 1;
        for (size_t n = full; n >= MERGED_RUNS; n /= MERGED_RUNS) levels++;
        assert_true(runs <= levels * (MERGED_RUNS - 1));
        assert_true(full == 0 || runs > 0);
        assert_all_found(log, 1, seq + 9);
    }
    assert_found(log, EVENTS + 1, NOTHING);
    log_close(log);
    log = dedup_opened(directory);
    assert_all_found(log, 1, EVENTS);
    log_close(log);
    assert_int_equal(told_count, 0);
}

/* What runs have is not read from the log: here it could not be. */
static void opening_reads_the_last_segment_only(void **state) {
    (void)state;
    const char *directory = indexed();
    size_t runs = count_runs(directory);
    struct log *log = opened(directory);
    size_t full = count_segments(log, false) - 1;
    log_close(log);
    for (size_t n = 0; n < full; n++) flip(segment_path(directory, n), SEGMENT_PAGE + 100);
    log = dedup_opened(directory);
    assert_all_found(log, 1, EVENTS);
    log_close(log);
    assert_int_equal(count_runs(directory), runs);
    assert_int_equal(told_count, 0);
}

static void what_was_full_at_a_crash_gets_its_run_at_opening(void **state) {
    (void)state;
    const char *directory = dedup_made();
    struct log *log = dedup_opened(directory);
    submit(log, 1, EVENTS);
    assert_int_equal(count_runs(directory), 0);
    crash(log);
    log = dedup_opened(directory);
    assert_true(count_runs(directory) > 0);
    assert_all_found(log, 1, EVENTS);
    submit(log, EVENTS + 1, EVENTS);
    assert_all_found(log, 1, 2 * EVENTS);
    log_close(log);
    assert_int_equal(told_count, 0); /* nothing was lost */
}

/* At a clean stop what is in memory is written, so that the next opening need not read the log. */
static void closing_writes_what_is_in_memory(void **state) {
    (void)state;
    const char *directory = dedup_made();
    struct log *log = dedup_opened(directory);
    submit(log, 1, EVENTS);
    assert_int_equal(count_runs(directory), 0);
    size_t full = count_segments(log, false) - 1;
    log_close(log);
    assert_int_equal(count_runs(directory), full);
    log = dedup_opened(directory);
    assert_true(log->is_as_stopped);
    assert_int_equal(count_runs(directory), full);
    assert_all_found(log, 1, EVENTS);
    submit(log, EVENTS + 1, EVENTS);
    help_all(log);
    assert_all_found(log, 1, 2 * EVENTS);
    log_close(log);
    log = opened(directory); /* without the index */
    append_one(log, 2 * EVENTS + 1);
    log_close(log);
    log = dedup_opened(directory);
    assert_all_found(log, 1, 2 * EVENTS);
    log_close(log);
    assert_int_equal(told_count, 0);
}

static void a_run_that_is_lost_is_made_again(void **state) {
    (void)state;
    const char *directory = indexed();
    size_t runs = count_runs(directory);
    for (size_t n = 0; n < runs; n++) {
        must(unlink(run_path(directory, n)) == 0);
        told_count = 0;
        struct log *log = dedup_opened(directory);
        assert_int_equal(told_count, 1);
        assert_sentence(&told, "it was made again from the log");
        assert_all_found(log, 1, EVENTS);
        help_all(log);
        assert_all_found(log, 1, EVENTS);
        log_close(log);
    }
    told_count = 0;
    log_close(dedup_opened(directory));
    assert_int_equal(told_count, 0);
}

/* In the header, in a block, in the entries that blocks begin with, and in the filter. */
static void a_run_with_a_bit_flipped_is_made_again(void **state) {
    (void)state;
    const char *directory = indexed();
    uint64_t random = 5;
    for (int n = 0; n < 60; n++) {
        const char *path = run_path(directory, random_below(&random, count_runs(directory)));
        flip(path, random_below(&random, size_of(path)));
        told_count = 0;
        struct log *log = dedup_opened(directory);
        assert_all_found(log, 1, EVENTS);
        assert_found(log, EVENTS + 7, NOTHING);
        help_all(log);
        assert_all_found(log, 1, EVENTS);
        log_close(log);
    }
}

/* The helper finds it first: it leaves the repair to the next lookup. */
static void a_damaged_run_is_not_merged(void **state) {
    (void)state;
    const char *directory = dedup_made();
    struct log *log = dedup_opened(directory);
    uint64_t seq = 1;
    while (count_runs(directory) < MERGED_RUNS) {
        submit(log, seq++, 1);
        while (dedup_is_due(log->dedup) && count_runs(directory) < MERGED_RUNS)
            must(dedup_help(log->dedup, false) == 1);
    }
    for (size_t n = 0; n < MERGED_RUNS; n++) flip(run_path(directory, n), SEGMENT_PAGE + 8);
    assert_int_equal(dedup_help(log->dedup, false), -EBADMSG);
    assert_int_equal(count_runs(directory), MERGED_RUNS);
    assert_all_found(log, 1, seq - 1);
    assert_sentence(&told, "is damaged");
    help_all(log);
    assert_all_found(log, 1, seq - 1);
    log_close(log);
}

static void a_run_that_is_half_made_is_removed(void **state) {
    (void)state;
    const char *directory = indexed();
    const char *name = "00000000000000000001-00000000000000000009.ids.tmp";
    size_t files = count_files(directory);
    close(open(path_in(directory, name), O_CREAT | O_WRONLY, 0600));
    struct log *log = dedup_opened(directory);
    assert_all_found(log, 1, EVENTS);
    log_close(log);
    assert_int_equal(count_files(directory), files);
    assert_int_equal(told_count, 0);
}

static void copy_file(const char *from, const char *to) {
    static char bytes[1 << 20];
    int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    ssize_t len = read(in, bytes, sizeof bytes);
    must(len > 0 && write(out, bytes, (size_t)len) == len);
    close(in);
    close(out);
}

static const char *last_part(const char *path) {
    return strrchr(path, '/') + 1;
}

/* A crash between the name of the merged one and the removal of its parts. */
static void parts_of_a_merged_run_are_removed(void **state) {
    (void)state;
    const char *directory = dedup_made(), *kept = scratch_directory();
    struct log *log = dedup_opened(directory);
    uint64_t seq = 1;
    while (count_segments(log, false) <= MERGED_RUNS) submit(log, seq++, 1);
    while (count_runs(directory) < MERGED_RUNS) must(dedup_help(log->dedup, false) == 1);
    for (size_t n = 0; n < MERGED_RUNS; n++) {
        const char *path = run_path(directory, n);
        copy_file(path, path_in(kept, last_part(path)));
    }
    help_all(log);
    assert_int_equal(count_runs(directory), 1);
    log_close(log);
    for (size_t n = 0; n < MERGED_RUNS; n++) {
        const char *path = run_path(kept, n);
        copy_file(path, path_in(directory, last_part(path)));
    }
    log = dedup_opened(directory);
    assert_int_equal(count_runs(directory), 1);
    assert_all_found(log, 1, seq - 1);
    log_close(log);
    assert_int_equal(told_count, 0);
}

/* Two logs with the same seqs: neither has what the other's runs say. */
static void runs_of_another_log_do_not_count(void **state) {
    (void)state;
    const char *directory = indexed(), *other = dedup_made();
    struct log *log = dedup_opened(other);
    struct reel_error error;
    for (uint64_t seq = 1; seq <= EVENTS; seq++) {
        gather_id(log, seq, seq + 10000);
        must_ok(log_commit(log, &error), error);
        log_keep(log);
    }
    help_all(log);
    log_close(log);
    for (size_t n = 0, runs = count_runs(other); n < runs; n++) {
        const char *path = run_path(other, n);
        copy_file(path, path_in(directory, last_part(path)));
    }
    log = dedup_opened(directory);
    assert_all_found(log, 1, EVENTS);
    assert_found(log, 10001, NOTHING);
    log_close(log);
}

/* ---- Trimming -------------------------------------------------------------------------------- */

static void what_was_trimmed_is_not_found(void **state) {
    (void)state;
    const char *directory = indexed();
    struct log *log = dedup_opened(directory);
    trim_to(log, 150);
    assert_found(log, 149, NOTHING);
    assert_all_found(log, 150, EVENTS);
    log_close(log);
    log = dedup_opened(directory);
    assert_found(log, 149, NOTHING);
    assert_all_found(log, 150, EVENTS);
    trim_to(log, EVENTS + 1);
    assert_found(log, EVENTS, NOTHING);
    submit(log, EVENTS + 1, EVENTS);
    help_all(log);
    assert_all_found(log, EVENTS + 1, 2 * EVENTS);
    trim_to(log, 2 * EVENTS + 1);
    assert_int_equal(count_runs(directory), 0);
    log_close(log);
    assert_int_equal(told_count, 0);
}

static void merging_leaves_out_what_was_trimmed(void **state) {
    (void)state;
    const char *directory = dedup_made();
    struct log *log = dedup_opened(directory);
    uint64_t seq = 1;
    while (count_segments(log, false) <= MERGED_RUNS) submit(log, seq++, 1);
    while (count_runs(directory) < MERGED_RUNS) must(dedup_help(log->dedup, false) == 1);
    trim_to(log, 10); /* within the first */
    help_all(log);
    struct run *run;
    int fd = open(directory, O_DIRECTORY | O_RDONLY);
    assert_int_equal(count_runs(directory), 1);
    assert_int_equal(run_open(fd, last_part(run_path(directory, 0)), &run), 0);
    assert_int_equal(run->head.from_seq, 10); /* it says what it has */
    assert_int_equal(run->head.count, run->head.to_seq - 9);
    run_unref(run);
    close(fd);
    assert_all_found(log, 10, seq - 1);
    log_close(log);
}

/* Copies the oldest segments, trims them, and puts them back. */
static const char *with_archive(uint64_t *ret_floor, bool is_merged) {
    const char *directory = dedup_made(), *kept = scratch_directory();
    struct log *log = dedup_opened(directory);
    struct log_segment segment;
    submit(log, 1, EVENTS);
    if (!is_merged) help_all(log);
    seal_all(log);
    struct log_pin *pin = log_pin(log);
    must(log_pin_segment(pin, 2, &segment));
    log_unpin(pin);
    for (size_t n = 0; n < 2; n++) {
        const char *path = segment_path(directory, n);
        copy_file(path, path_in(kept, last_part(path)));
    }
    if (is_merged) /* before they are merged, so that the merged run does not have them */
        while (count_runs(directory) < MERGED_RUNS) must(dedup_help(log->dedup, false) == 1);
    *ret_floor = segment.first_seq + 3; /* within a segment */
    trim_to(log, *ret_floor);
    help_all(log);
    log_close(log);
    for (size_t n = 0; n < 2; n++) {
        const char *path = segment_path(kept, n);
        copy_file(path, path_in(directory, last_part(path)));
    }
    return directory;
}

/* An event that is in the log again is a repeat again. */
static void an_archive_that_was_put_back_is_indexed(void **state) {
    (void)state;
    static const struct log_epoch epochs[] = {{{1, 2, 3}, 1}};
    for (int is_merged = 0; is_merged <= 1; is_merged++) {
        uint64_t floor;
        struct log_options options = opened_with;
        struct reel_error error;
        struct log *log;
        options.directory = with_archive(&floor, is_merged);
        options.dedup = options.take_archive = true;
        options.lineage = epochs;
        options.lineage_count = 1;
        must_ok(log_open(&options, &log, &error), error);
        struct log_facts facts = *log_facts(log);
        assert_int_equal(facts.first_seq, floor);
        facts.first_seq = 1;
        must_ok(log_set_facts(log, &facts, &error), error);
        must_ok(log_commit(log, &error), error);
        log_keep(log);
        assert_int_equal(log_trim(log), 0);
        assert_all_found(log, 1, EVENTS);
        help_all(log);
        assert_all_found(log, 1, EVENTS);
        log_close(log);
        log = dedup_opened(options.directory);
        assert_all_found(log, 1, EVENTS);
        log_close(log);
    }
}

/* ---- Disks that fail ------------------------------------------------------------------------- */

/* Each call of making a run fails once: what is not on disk is in memory. */
static void a_run_that_cannot_be_written_is_tried_again(void **state) {
    (void)state;
    static const enum call failing[] = {CALL_OPEN, CALL_WRITE, CALL_SYNC, CALL_RENAME,
                                        CALL_SYNC_DIRECTORY};
    const char *directory = dedup_made();
    struct log *log = dedup_opened_with(directory, &failing_io);
    uint64_t seq = 1;
    for (size_t n = 0; n < 4 * LENGTH(failing); n++) {
        for (size_t full = count_segments(log, false); count_segments(log, false) == full;)
            submit(log, seq++, 1);
        fail_call(failing[n % LENGTH(failing)], 1, -ENOSPC, 0);
        assert_int_equal(dedup_help(log->dedup, false), -ENOSPC);
        fail_call(failing[n % LENGTH(failing)], 0, 0, 0);
        assert_all_found(log, 1, seq - 1);
        while (dedup_help(log->dedup, false) > 0) continue;
        assert_false(dedup_is_due(log->dedup));
        assert_all_found(log, 1, seq - 1);
    }
    log_close(log);
    log = dedup_opened(directory);
    assert_all_found(log, 1, seq - 1);
    log_close(log);
    assert_int_equal(told_count, 0);
}

/* ---- In memory ------------------------------------------------------------------------------- */

static void in_memory_all_is_found(void **state) {
    (void)state;
    told_count = 0;
    struct log *log = dedup_opened(NULL);
    submit(log, 1, EVENTS);
    assert_all_found(log, 1, EVENTS);
    trim_to(log, 300); /* most of it goes */
    assert_found(log, 299, NOTHING);
    assert_all_found(log, 300, EVENTS);
    submit(log, EVENTS + 1, EVENTS);
    assert_all_found(log, 300, 2 * EVENTS);
    log_close(log);
}

UNIT_TESTS(dedup_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_found_within_its_group),
        cmocka_unit_test(a_group_that_begins_a_segment_can_be_taken_back),
        cmocka_unit_test(an_id_that_is_not_the_event_s_own_is_left_out),
        cmocka_unit_test(of_many_events_with_one_id_the_first_are_found),
        cmocka_unit_test(full_segments_get_runs_which_are_merged),
        cmocka_unit_test(opening_reads_the_last_segment_only),
        cmocka_unit_test(what_was_full_at_a_crash_gets_its_run_at_opening),
        cmocka_unit_test(closing_writes_what_is_in_memory),
        cmocka_unit_test(a_run_that_is_lost_is_made_again),
        cmocka_unit_test(a_run_with_a_bit_flipped_is_made_again),
        cmocka_unit_test(a_damaged_run_is_not_merged),
        cmocka_unit_test(a_run_that_is_half_made_is_removed),
        cmocka_unit_test(parts_of_a_merged_run_are_removed),
        cmocka_unit_test(runs_of_another_log_do_not_count),
        cmocka_unit_test(what_was_trimmed_is_not_found),
        cmocka_unit_test(merging_leaves_out_what_was_trimmed),
        cmocka_unit_test(an_archive_that_was_put_back_is_indexed),
        cmocka_unit_test(a_run_that_cannot_be_written_is_tried_again),
        cmocka_unit_test(in_memory_all_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
