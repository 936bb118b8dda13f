/* verify_test.c: every flipped bit is found, with its file, and an index that does not agree with
 * the log; and copies of a log. */
#include "dedup_support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

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

/* Behind them the header page is zeros, of which one byte is like another. */
#define HEAD_BYTES sizeof(struct segment_head)

/* Of about 8 KiB each: a sealed segment, one that is raw and full, and the last, with zeros behind
 * its frames as the helper writes them. All kinds of entries. */
static const char *small_log(void) {
    struct log_options before = opened_with;
    opened_with.segment_bytes = 8 << 10;
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct log_control control = {.kind = LOG_PAUSED, .collection = STR("cells")};
    struct reel_error error;
    uint64_t seq = 1;
    must_ok(log_add_control(log, &control, &error), error);
    for (size_t n = 2; n <= 3; n++) {
        while (count_segments(log, false) < n) append(log, seq++, 1, 150);
        if (n == 2) assert_int_equal(log_seal_one(log, &error), 1);
    }
    append(log, seq, 3, 400);
    log_close(log);
    static const char zeros[1024];
    const char *last = segment_path(directory, 2);
    overwrite(last, size_of(last), zeros, sizeof zeros);
    opened_with = before;
    return directory;
}

static void flip_bit(const char *path, uint64_t at) {
    char byte;
    int fd = open(path, O_RDWR);
    must(fd >= 0 && pread(fd, &byte, 1, (off_t)at) == 1);
    byte ^= (char)(1 << (at * 5 + at / 8) % 8);
    must(pwrite(fd, &byte, 1, (off_t)at) == 1);
    close(fd);
}

static void a_bit_flipped_in_any_byte_is_found(void **state) {
    (void)state;
    const char *directory = small_log();
    expected_file = NULL;
    assert_int_equal(verify(directory), 0);
    for (size_t n = 0; n < 3; n++) {
        expected_file = segment_path(directory, n);
        uint64_t size = size_of(expected_file);
        for (expected_at = 0; expected_at < size; expected_at++) {
            if (expected_at > HEAD_BYTES && expected_at < SEGMENT_PAGE) expected_at += 16;
            flip_bit(expected_file, expected_at);
            test_context("%s at %llu", expected_file, (unsigned long long)expected_at);
            assert_int_equal(verify(directory), 1);
            flip_bit(expected_file, expected_at);
        }
    }
    test_context("%s", "");
    expected_file = NULL;
    assert_int_equal(verify(directory), 0);
}

/* Reads all: 0, or the error. */
static int read_through(struct log *log, struct reel_error *error) {
    struct log_walk walk;
    struct log_entry entry;
    struct log_pin *pin = log_pin(log);
    int rc;
    log_walk_start(&walk, pin, 0, UINT64_MAX);
    while ((rc = log_next(&walk, &entry, error)) > 0) continue;
    log_walk_finish(&walk);
    log_unpin(pin);
    return rc;
}

/* Opens it to read: 0; or the error is about that file. */
static int try_to_read(const char *directory, const char *file) {
    struct log_options options = {
        .directory = directory, .segment_bytes = 8 << 10, .read_only = true};
    struct reel_error error;
    struct log *log;
    int rc = log_open(&options, &log, &error);
    if (rc == 0) {
        rc = read_through(log, &error);
        log_close(log);
    }
    assert_true(rc == 0 || rc == -EBADMSG);
    if (rc < 0) assert_sentence(&error, strrchr(file, '/') + 1);
    return rc;
}

/* Of a sealed segment's blocks it is told when they are read, of all else at the start. Of the last
 * segment what no frame covers may be torn; the witness itself is such. */
static void a_bit_flipped_in_what_was_synced_stops_the_start_or_the_reader(void **state) {
    (void)state;
    const char *directory = small_log();
    const char *last = segment_path(directory, 2);
    struct log *log = opened(directory);
    uint64_t witness_at = end_of(log) - FRAME_UNIT;
    crash(log);
    for (size_t n = 0; n < 3; n++) {
        const char *file = segment_path(directory, n);
        uint64_t size = strcmp(file, last) == 0 ? witness_at : size_of(file);
        for (uint64_t at = 0; at < size; at += at < SEGMENT_PAGE ? 13 : 5) {
            flip_bit(file, at);
            test_context("%s at %llu", file, (unsigned long long)at);
            assert_int_equal(try_to_read(directory, file), -EBADMSG);
            flip_bit(file, at);
        }
    }
    test_context("%s", "");
    assert_int_equal(try_to_read(directory, last), 0);
}

static void a_missing_segment_is_found(void **state) {
    (void)state;
    const char *directory = mixed_log();
    must(remove(segment_path(directory, 1)) == 0);
    expected_file = segment_path(directory, 1);
    expected_at = 0;
    assert_int_equal(verify(directory), 1);
}

/* ---- The index of duplicates ----------------------------------------------------------------- */

enum { INDEXED = 600 };

/* Runs of several levels, and events that the index must not have. */
static const char *log_with_index(void) {
    const char *directory = dedup_made();
    struct log *log = dedup_opened(directory);
    for (uint64_t seq = 1; seq <= INDEXED; seq += 12) {
        submit(log, seq, 10);
        append(log, seq + 10, 2, 100); /* not submitted */
        help_all(log);
    }
    assert_true(count_runs(directory) > 1);
    log_close(log);
    return directory;
}

static void a_bit_flipped_in_the_index_is_found(void **state) {
    (void)state;
    const char *directory = log_with_index();
    expected_file = NULL;
    assert_int_equal(verify(directory), 0);
    for (size_t n = 0; n <= count_runs(directory); n++) {
        expected_file =
            n < count_runs(directory) ? run_path(directory, n) : path_in(directory, STOPPED_NAME);
        uint64_t size = size_of(expected_file);
        for (expected_at = 0; expected_at < size; expected_at += 1 + expected_at % 3 * 16) {
            flip_bit(expected_file, expected_at);
            test_context("%s at %llu", expected_file, (unsigned long long)expected_at);
            assert_int_equal(verify(directory), 1);
            flip_bit(expected_file, expected_at);
        }
        expected_at = size;
        int fd = open(expected_file, O_WRONLY | O_APPEND);
        must(fd >= 0 && write(fd, "", 1) == 1);
        assert_int_equal(verify(directory), 1); /* one byte too many */
        must(ftruncate(fd, (off_t)size) == 0);
        close(fd);
    }
    test_context("%s", "");
}

/* Writes the n-th run again, with all checksums right, and one entry that is not. */
static void spoil_run(const char *directory, size_t n, size_t at, const struct dedup_entry *entry) {
    struct run *run, *spoiled;
    int fd = open(directory, O_DIRECTORY | O_RDONLY);
    atomic_uint_fast64_t bytes = 0;
    must(run_open(fd, strrchr(run_path(directory, n), '/') + 1, &run) == 0);
    struct run_writer writer = {.io = &io_system, .directory = fd, .bytes = &bytes, .fd = -1};
    struct run_reader reader = {.run = run};
    struct run_head head = run->head;
    struct dedup_entry next;
    head.count = head.block_count = 0;
    must(run_writer_begin(&writer, &head, run->head.count + 1) == 0);
    for (size_t i = 0; run_reader_peek(&reader, &next) == 1; i++, run_reader_step(&reader)) {
        if (i == at && entry) next.seq = entry->seq;
        if (i != at || entry) must(run_writer_add(&writer, &next) == 0);
    }
    must(run_writer_finish(&writer, &spoiled) == 0);
    run_unref(spoiled);
    run_unref(run);
    close(fd);
}

static void an_index_that_does_not_agree_with_the_log_is_found(void **state) {
    (void)state;
    for (int is_missing = 0; is_missing <= 1; is_missing++) {
        const char *directory = log_with_index();
        struct dedup_entry elsewhere = {0, 11}; /* an event that was not submitted */
        expected_file = run_path(directory, 0);
        expected_at = SEGMENT_PAGE;
        spoil_run(directory, 0, 7, is_missing ? NULL : &elsewhere);
        assert_int_equal(verify(directory), 1);
    }
}

static void an_index_of_another_log_is_found(void **state) {
    (void)state;
    const char *directory = log_with_index(), *other = log_with_index();
    for (size_t n = 0; n < count_runs(other); n++) {
        const char *path = run_path(other, n);
        must(rename(path, path_in(directory, strrchr(path, '/') + 1)) == 0);
        expected_file = run_path(directory, n);
        expected_at = 0;
        assert_int_equal(verify(directory), 1);
        break;
    }
}

static void an_index_whose_log_was_trimmed_is_whole(void **state) {
    (void)state;
    expected_file = NULL;
    for (uint64_t floor = 2; floor < INDEXED; floor += 97) {
        const char *directory = log_with_index();
        struct log *log = dedup_opened(directory);
        trim_to(log, floor);
        assert_int_equal(verify(directory), 0);
        submit(log, log_head(log) + 1, 200);
        help_all(log);
        log_close(log);
        assert_int_equal(verify(directory), 0);
    }
}

/* ---- Copies ---------------------------------------------------------------------------------- */

static void back_up(struct log *log, const char *copy) {
    struct reel_error error;
    struct log_pin *pin = log_pin(log);
    must_ok(log_backup(pin, log_kept(log), copy, NULL, &error), error);
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
    assert_int_equal(count_files(directory), files + 1); /* one raw file waits to be used again */
    must_ok(log_open(&options, &beside, &error), error);
    assert_range(beside, 1, 101);
    log_close(beside);
    log_close(log);
}

UNIT_TESTS(verify_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_that_is_whole_has_no_findings),
        cmocka_unit_test(a_bit_flipped_in_any_byte_is_found),
        cmocka_unit_test(a_bit_flipped_in_what_was_synced_stops_the_start_or_the_reader),
        cmocka_unit_test(a_missing_segment_is_found),
        cmocka_unit_test(a_bit_flipped_in_the_index_is_found),
        cmocka_unit_test(an_index_that_does_not_agree_with_the_log_is_found),
        cmocka_unit_test(an_index_of_another_log_is_found),
        cmocka_unit_test(an_index_whose_log_was_trimmed_is_whole),
        cmocka_unit_test(a_copy_is_a_log),
        cmocka_unit_test(a_copy_of_a_log_in_memory_is_one),
        cmocka_unit_test(another_process_reads_it_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
