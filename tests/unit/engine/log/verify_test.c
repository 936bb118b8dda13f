/* verify_test.c: every flipped bit is found, with its file; and copies of a log. */
#include "log_support.h"

#include <stdlib.h>

static size_t findings;
static const char *expected_file; /* end of the path */
static uint64_t expected_at;      /* the damage is at most a frame or block before */

static void note(void *context, const char *file, uint64_t offset, const char *what) {
    (void)context;
    assert_non_null(what);
    findings++;
    if (!expected_file) fail_msg("%s at %llu: %s", file, (unsigned long long)offset, what);
    assert_non_null(strstr(expected_file, file));
    assert_true(offset <= expected_at);
}

static int verify(const char *directory) {
    struct reel_error error;
    findings = 0;
    int found = log_verify(directory, false, note, NULL, &error);
    if (found < 0) fail_msg("%s", error.text);
    assert_int_equal(found, findings);
    return found;
}

/* Two sealed segments, one raw and full, and the last. */
static const char *mixed_log(void) {
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct reel_error error;
    for (uint64_t seq = 1; seq <= 100; seq++) append(log, seq, 1, 20 + seq % 5);
    assert_int_equal(log_seal_one(log, &error), 1);
    assert_int_equal(log_seal_one(log, &error), 1);
    assert_true(count_segments(log, false) > 3);
    log_close(log);
    return directory;
}

static void a_log_that_is_whole_has_no_findings(void **state) {
    (void)state;
    expected_file = NULL;
    assert_int_equal(verify(mixed_log()), 0);
}

static void a_flipped_bit_anywhere_is_found(void **state) {
    (void)state;
    const char *directory = mixed_log();
    size_t files = count_files(directory);
    for (size_t n = 0; n < files; n++) {
        expected_file = segment_path(directory, n);
        for (expected_at = 0; expected_at < size_of(expected_file); expected_at += 101) {
            flip(expected_file, expected_at);
            test_context("%s at %llu", expected_file, (unsigned long long)expected_at);
            assert_int_equal(verify(directory), 1);
            flip(expected_file, expected_at);
        }
    }
    test_context("%s", "");
    expected_file = NULL;
    assert_int_equal(verify(directory), 0);
}

static void a_missing_segment_is_found(void **state) {
    (void)state;
    const char *directory = mixed_log();
    must(remove(segment_path(directory, 1)) == 0);
    expected_file = segment_path(directory, 1);
    expected_at = 0;
    assert_int_equal(verify(directory), 1);
}

static void back_up(struct log *log, const char *copy) {
    struct reel_error error;
    struct log_pin *pin = log_pin(log);
    must_ok(log_backup(pin, log_kept(log), copy, &error), error);
    log_unpin(pin);
}

static void a_copy_is_a_log(void **state) {
    (void)state;
    const char *directory = mixed_log();
    struct log *log = opened(directory);
    struct log_entry entry = entry_of(101, "{}", NULL, NULL);
    struct reel_error error;
    gather(log, &entry);
    must_ok(log_commit(log, &error), error); /* not kept: it may be taken back */
    const char *copy = scratch_directory();
    back_up(log, copy);
    must_ok(log_undo(log, &error), error);
    log_close(log);
    expected_file = NULL;
    assert_int_equal(verify(copy), 0);
    log = opened(copy);
    assert_range(log, 1, 100);
    append_one(log, 101);
    log_close(log);
}

static void a_copy_of_a_log_in_memory_is_one(void **state) {
    (void)state;
    struct log_options options = {.segment_bytes = 16 << 10, .facts = {.first_seq = 1}};
    struct reel_error error;
    struct log *log;
    must_ok(log_open(&options, &log, &error), error);
    for (uint64_t seq = 1; seq <= 60; seq++) append_one(log, seq);
    const char *copy = scratch_directory();
    back_up(log, copy);
    log_close(log);
    log = opened(copy);
    assert_range(log, 1, 60);
    log_close(log);
}

static void another_process_reads_it_beside(void **state) {
    (void)state;
    const char *directory = mixed_log();
    struct log *log = opened(directory), *beside;
    struct log_options options = opened_with;
    struct reel_error error;
    options.directory = directory;
    options.read_only = true;
    size_t files = count_files(directory);
    must_ok(log_open(&options, &beside, &error), error);
    append_one(log, 101);
    seal_all(log);
    assert_range(beside, 1, 100);
    log_close(beside);
    assert_int_equal(count_files(directory), files);
    must_ok(log_open(&options, &beside, &error), error);
    assert_range(beside, 1, 101);
    log_close(beside);
    log_close(log);
}

UNIT_TESTS(verify_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_that_is_whole_has_no_findings),
        cmocka_unit_test(a_flipped_bit_anywhere_is_found),
        cmocka_unit_test(a_missing_segment_is_found),
        cmocka_unit_test(a_copy_is_a_log),
        cmocka_unit_test(a_copy_of_a_log_in_memory_is_one),
        cmocka_unit_test(another_process_reads_it_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
