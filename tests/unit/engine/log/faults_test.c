/* faults_test.c: system calls that fail: a full disk undoes a group, a failed sync ends the log. */
#include "log_support.h"

#include "engine/log/verify.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

/* Writes groups that roll several times, while the n-th call fails; how many calls there were. */
static size_t write_with_failure(enum call call, size_t n, int code, size_t part) {
    opened_with.io = &failing_io;
    const char *directory = log_made();
    struct log *log = opened(directory);
    size_t before = calls[call];
    bool failed = false;
    fail_call(call, n, code, part);
    for (uint64_t seq = 1; seq <= 60; seq++) {
        uint64_t head = log_head(log);
        int rc = try_append(log, head + 1, 1 + seq % 3, 200 + seq * 13 % 1500);
        if (rc == 0) continue;
        assert_int_equal(rc, code);
        failed = true;
        assert_int_equal(log_head(log), head);
        assert_range(log, 1, head);
    }
    size_t count = calls[call] - before;
    fail_call(call, 0, 0, 0);
    assert_true(n == 0 || n > count || failed);
    uint64_t head = log_head(log);
    assert_range(log, 1, head);
    crash(log);
    log = opened(directory);
    assert_range(log, 1, head);
    log_close(log);
    opened_with.io = &failing_io;
    return count;
}

static void a_full_disk_at_any_call_undoes_one_group(void **state) {
    (void)state;
    static const enum call may_be_full[] = {CALL_OPEN, CALL_WRITE, CALL_RENAME};
    for (size_t i = 0; i < LENGTH(may_be_full); i++) {
        size_t count = write_with_failure(may_be_full[i], 0, 0, 0);
        assert_true(count > 3);
        for (size_t n = 1; n <= count; n++) {
            write_with_failure(may_be_full[i], n, -ENOSPC, 0);
            if (may_be_full[i] != CALL_WRITE) continue;
            write_with_failure(CALL_WRITE, n, -ENOSPC, 100);
            write_with_failure(CALL_WRITE, n, -ENOSPC, 1 << 20); /* all but the last byte */
        }
    }
}

static void a_group_that_did_not_fit_does_not_come_back(void **state) {
    (void)state;
    opened_with.io = &failing_io;
    const char *directory = log_made();
    struct log *log = opened(directory);
    append_one(log, 1);
    fail_call(CALL_WRITE, 1, -ENOSPC, 1 << 20);
    assert_int_equal(try_append(log, 2, 1, 1000), -ENOSPC);
    fail_call(CALL_WRITE, 0, 0, 0);
    while (log_help(log)) continue; /* zeros, where its last byte is missing */
    crash(log);
    log = opened(directory);
    assert_range(log, 1, 1);
    log_close(log);
    opened_with.io = &failing_io;
}

static void note(void *context, const char *file, uint64_t offset, const char *what) {
    (void)context;
    fail_msg("%s at %llu: %s", file, (unsigned long long)offset, what);
}

/* What a group has written is not left behind, where it would look like damage. */
static void a_group_that_was_undone_leaves_nothing(void **state) {
    (void)state;
    enum { LARGE = 200000 };
    struct reel_error error;
    for (int is_full = 0; is_full <= 1; is_full++) {
        opened_with.io = &failing_io;
        const char *directory = log_made();
        struct log *log = opened(directory);
        append_one(log, 1);
        if (is_full) fail_call(CALL_WRITE, 1, -ENOSPC, LARGE / 2);
        assert_int_equal(try_append(log, 2, 1, LARGE), is_full ? -ENOSPC : 0);
        fail_call(CALL_WRITE, 0, 0, 0);
        if (!is_full) must_ok(log_undo(log, &error), error);
        log_close(log);
        assert_int_equal(log_verify(directory, false, note, NULL, &error), 0);
        opened_with.io = &failing_io;
    }
}

static void a_failed_sync_ends_the_log(void **state) {
    (void)state;
    static const enum call syncs[] = {CALL_SYNC, CALL_SYNC_DIRECTORY};
    for (size_t i = 0; i < LENGTH(syncs); i++) {
        opened_with.io = &failing_io;
        const char *directory = log_made();
        struct log *log = opened(directory);
        fail_call(syncs[i], 1, -EIO, 0);
        int rc = 0;
        uint64_t seq = 0;
        while (rc == 0) rc = try_append(log, ++seq, 1, 1000);
        assert_int_equal(rc, -EIO);
        assert_true(log_is_broken(log));
        fail_call(syncs[i], 0, 0, 0);
        assert_int_equal(try_append(log, seq, 1, 1000), -EIO);
        log_close(log);
        log = opened(directory);
        assert_true(log_head(log) >= seq - 1); /* nobody knows of the last */
        assert_range(log, 1, log_head(log));
        log_close(log);
        opened_with.io = &failing_io;
    }
}

static void a_failed_write_of_another_kind_ends_the_log(void **state) {
    (void)state;
    opened_with.io = &failing_io;
    struct log *log = opened(log_made());
    append_one(log, 1);
    fail_call(CALL_WRITE, 1, -EIO, 0);
    assert_int_equal(try_append(log, 2, 1, 100), -EIO);
    assert_true(log_is_broken(log));
    log_close(log);
    opened_with.io = &failing_io;
}

static void sealing_that_fails_leaves_the_raw_segment(void **state) {
    (void)state;
    static const enum call all[] = {CALL_OPEN, CALL_WRITE, CALL_SYNC, CALL_RENAME};
    for (size_t i = 0; i < LENGTH(all); i++) {
        for (size_t n = 1; n <= 2; n++) {
            opened_with.io = &failing_io;
            const char *directory = log_made();
            struct log *log = opened(directory);
            struct reel_error error;
            for (uint64_t seq = 1; seq <= 60; seq++) append_one(log, seq);
            size_t before = count_files(directory);
            fail_call(all[i], n, -ENOSPC, 0);
            int rc = log_seal_one(log, &error);
            fail_call(all[i], 0, 0, 0);
            if (rc < 0) {
                assert_int_equal(rc, -ENOSPC);
                assert_int_equal(count_files(directory), before);
                assert_int_equal(count_segments(log, true), 0);
            }
            assert_range(log, 1, 60);
            seal_all(log);
            assert_range(log, 1, 60);
            log_close(log);
            opened_with.io = &failing_io;
        }
    }
}

static void room_is_tried(void **state) {
    (void)state;
    opened_with.io = &failing_io;
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct reel_error error;
    must_ok(log_try_room(log, &error), error);
    must_ok(log_try_room(log, &error), error);
    log_close(log);
    log = opened(directory);
    append(log, 1, 1, 10000);
    fail_call(CALL_WRITE, 1, -ENOSPC, 0);
    assert_int_equal(log_try_room(log, &error), -ENOSPC);
    assert_sentence(&error, "full");
    must_ok(log_try_room(log, &error), error);
    append_one(log, 2);
    assert_range(log, 1, 2);
    log_close(log);
    opened_with.io = &failing_io;
}

/* ---- In the background ----------------------------------------------------------------------- */

static char told[8][256];
static size_t told_count;

static void note_told(void *context, const char *sentence) {
    (void)context;
    must(told_count < LENGTH(told));
    snprintf(told[told_count++], sizeof told[0], "%s", sentence);
}

static void a_failure_in_the_background_is_told_once_and_counted(void **state) {
    (void)state;
    struct log_options before = opened_with;
    opened_with.tell = note_told;
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct log_metrics metrics;
    told_count = 0;
    for (uint64_t seq = 1; seq <= 60; seq++) append_one(log, seq);
    for (size_t i = 0; i < 2; i++) {
        log->fill_again_ms = UINT64_MAX; /* it seals, and nothing else */
        log->seal_again_ms = 0;
        fail_call(CALL_RENAME, 1, -EIO, 0);
        assert_false(log_help(log) && told_count == 0);
        fail_call(CALL_RENAME, 0, 0, 0);
    }
    assert_int_equal(told_count, 1);
    assert_non_null(strstr(told[0], "sealing failed, and is tried again: "));
    assert_non_null(strstr(told[0], strerror(EIO)));
    log_measure(log, &metrics);
    assert_int_equal(metrics.failures, 2);
    log->seal_again_ms = 0;
    assert_true(log_help(log));
    assert_int_equal(told_count, 2);
    assert_string_equal(told[1], "sealing works again");
    assert_range(log, 1, 60);
    log_close(log);
    opened_with = before;
}

/* Moves the floor above what it has, in groups of one, and trims. */
static void trim_all(struct log *log) {
    struct log_facts facts = *log_facts(log);
    struct reel_error error;
    facts.first_seq = log_head(log) + 1;
    must_ok(log_set_facts(log, &facts, &error), error);
    must_ok(log_commit(log, &error), error);
    log_keep(log);
    assert_int_equal(log_trim(log), 2);
}

static void a_segment_that_cannot_be_removed_is_tried_again(void **state) {
    (void)state;
    struct log_options before = opened_with;
    opened_with.tell = note_told;
    const char *directory = log_made();
    struct log *log = opened(directory);
    told_count = 0;
    for (uint64_t seq = 1; seq <= 60; seq++) append_one(log, seq);
    size_t files = count_files(directory);
    log->fill_again_ms = UINT64_MAX; /* no spare is made meanwhile */
    fail_each_call(CALL_UNLINK, -EACCES);
    trim_all(log);
    assert_int_equal(told_count, 1);
    assert_non_null(strstr(told[0], "removing a file of the log failed, and is tried again: log/"));
    assert_int_equal(count_files(directory), files);
    while (log_help(log)) continue;
    size_t tries = calls[CALL_UNLINK];
    while (log_help(log)) continue;
    assert_int_equal(calls[CALL_UNLINK], tries); /* not at once */
    log->remove_again_ms = 0;
    while (log_help(log)) continue;
    assert_int_equal(calls[CALL_UNLINK], tries + 2); /* both, once */
    assert_int_equal(told_count, 1);
    fail_call(CALL_UNLINK, 0, 0, 0);
    log->remove_again_ms = 0;
    while (log_help(log)) continue;
    assert_int_equal(told_count, 2);
    assert_string_equal(told[1], "removing a file of the log works again");
    assert_int_equal(count_files(directory), files - 2);
    assert_false(log_has_to_remove(log));
    log_close(log);
    opened_with = before;
}

/* Opening is no better than trimming: what it cannot remove is tried again, too. */
static void what_a_crash_left_is_removed_as_soon_as_it_can_be(void **state) {
    (void)state;
    struct log_options before = opened_with;
    opened_with.tell = note_told;
    opened_with.no_helper = false;
    const char *directory = log_made();
    static const char *const names[] = {"spare", "used", "00000000000000000001.seg.tmp"};
    size_t files = count_files(directory);
    for (size_t i = 0; i < LENGTH(names); i++)
        close(open(path_in(directory, names[i]), O_CREAT | O_WRONLY, 0600));
    told_count = 0;
    fail_each_call(CALL_UNLINK, -EACCES);
    struct log *log = opened(directory);
    assert_int_equal(count_files(directory), files + 3);
    assert_true(told_count > 0);
    fail_call(CALL_UNLINK, 0, 0, 0);
    uint64_t until = clock_ms() + 60000;
    while (count_files(directory) > files) {
        must(clock_ms() < until);
        sched_yield();
    }
    log_close(log);
    opened_with = before;
}

/* Damage is not packed, whatever the page cache has. */
static void a_raw_file_that_was_cut_short_is_told_and_not_read_through_its_map(void **state) {
    (void)state;
    struct log_options before = opened_with;
    opened_with.tell = note_told;
    const char *directory = log_made();
    struct log *log = opened(directory);
    told_count = 0;
    for (uint64_t seq = 1; seq <= 60; seq++) append_one(log, seq);
    must(truncate(segment_path(directory, 0), SEGMENT_PAGE + 700) == 0);
    log->fill_again_ms = UINT64_MAX;
    log->seal_again_ms = 0;
    (void)log_help(log);
    assert_int_equal(told_count, 1);
    assert_non_null(strstr(told[0],
                           "cannot read log/00000000000000000001.seg at offset 4608: it was "
                           "cut short"));
    crash(log);
    opened_with = before;
}

UNIT_TESTS(faults_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_at_any_call_undoes_one_group),
        cmocka_unit_test(a_failure_in_the_background_is_told_once_and_counted),
        cmocka_unit_test(a_segment_that_cannot_be_removed_is_tried_again),
        cmocka_unit_test(what_a_crash_left_is_removed_as_soon_as_it_can_be),
        cmocka_unit_test(a_raw_file_that_was_cut_short_is_told_and_not_read_through_its_map),
        cmocka_unit_test(a_group_that_did_not_fit_does_not_come_back),
        cmocka_unit_test(a_group_that_was_undone_leaves_nothing),
        cmocka_unit_test(a_failed_sync_ends_the_log),
        cmocka_unit_test(a_failed_write_of_another_kind_ends_the_log),
        cmocka_unit_test(sealing_that_fails_leaves_the_raw_segment),
        cmocka_unit_test(room_is_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
