/* seal_test.c: sealed segments: smaller, and read like raw ones; and trimming both. */
#include "log_support.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Events with gaps between them, some large, some facts and gaps reached among them. Returns their
 * seqs. */
static uint64_t *fill_with_gaps(struct log *log, size_t count, uint64_t *random) {
    uint64_t *seqs = malloc(count * sizeof *seqs), seq = 0;
    struct reel_error error;
    for (size_t i = 0; i < count; i++) {
        seq += 1 + random_below(random, 3);
        seqs[i] = seq;
        size_t size = random_below(random, 30) == 0 ? 20000 : random_below(random, 400);
        append(log, seq, 1, size);
        if (random_below(random, 10) == 0) log_reach(log, seq += 2);
        if (random_below(random, 10) == 0)
            must_ok(log_set_facts(log, log_facts(log), &error), error);
        must_ok(log_commit(log, &error), error);
        log_keep(log);
    }
    return seqs;
}

static size_t count_up_to(const uint64_t *seqs, size_t count, uint64_t seq) {
    size_t up_to = 0;
    while (up_to < count && seqs[up_to] <= seq) up_to++;
    return up_to;
}

/* Every place to begin at, and every event by itself, gives what it should. */
static void check_reading(struct log *log, const uint64_t *seqs, size_t count) {
    struct log_pin *pin = log_pin(log);
    struct log_entry entry;
    struct reel_error error;
    struct log_walk walk;
    uint64_t last = seqs[count - 1];
    for (uint64_t seq = 0; seq <= last + 3; seq++) {
        size_t up_to = count_up_to(seqs, count, seq);
        bool is_there = up_to > 0 && seqs[up_to - 1] == seq;
        int rc = log_get(&walk, pin, seq, &entry, &error);
        assert_int_equal(rc, is_there ? 0 : -ENOENT);
        if (rc == 0) assert_int_equal(entry.seq, seq);
        log_walk_finish(&walk);
        rc = log_get_last(&walk, pin, seq, &entry, &error);
        assert_int_equal(rc, up_to > 0 ? 0 : -ENOENT);
        if (rc == 0) assert_int_equal(entry.seq, seqs[up_to - 1]);
        log_walk_finish(&walk);
        size_t from = is_there ? up_to - 1 : up_to;
        if (seq % 7 == 0) assert_seqs(log, seq, UINT64_MAX, seqs + from, count - from);
        if (seq % 7 == 1) assert_seqs(log, 0, seq, seqs, up_to);
    }
    log_unpin(pin);
}

static void sealed_segments_are_read_like_raw_ones(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    uint64_t random = 7;
    enum { COUNT = 500 };
    uint64_t *seqs = fill_with_gaps(log, COUNT, &random);
    check_reading(log, seqs, COUNT);
    log_close(log);
    log = opened(directory);
    check_reading(log, seqs, COUNT);
    seal_all(log);
    assert_int_equal(count_segments(log, true), count_segments(log, false) - 1);
    check_reading(log, seqs, COUNT);
    log_close(log);
    log = opened(directory);
    check_reading(log, seqs, COUNT);
    log_close(log);
    free(seqs);
}

static void sealing_makes_the_files_smaller(void **state) {
    (void)state;
    struct log *log = opened(log_made());
    struct log_metrics before, after;
    for (uint64_t seq = 1; seq <= 300; seq++) append(log, seq, 1, 400);
    log_measure(log, &before);
    seal_all(log);
    log_measure(log, &after);
    assert_true(after.bytes < before.bytes / 2);
    assert_int_equal(after.sealed_segments, before.raw_segments - 1);
    assert_true(after.sealed_bytes > 0);
    log_close(log);
}

/* Entries stay valid for LOG_HELD more, and the memory for that is bounded. */
static void entries_are_held_for_a_while(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    enum { COUNT = 3000 };
    for (uint64_t seq = 1; seq <= COUNT; seq += 50) append(log, seq, 50, 300);
    seal_all(log);
    struct log_entry held[LOG_HELD], entry;
    struct reel_error error;
    struct log_walk walk;
    struct log_pin *pin = log_pin(log);
    size_t most = 0;
    log_walk_start(&walk, pin, 0, UINT64_MAX);
    for (uint64_t n = 0; log_next(&walk, &entry, &error) > 0; n++) {
        held[n % LOG_HELD] = entry;
        for (uint64_t i = n < LOG_HELD ? 0 : n - LOG_HELD + 1; i <= n; i += 64) {
            const struct log_entry *older = &held[i % LOG_HELD];
            assert_int_equal(older->seq, i + 1);
            assert_int_equal(older->bytes.data[1], 'a' + ((i + 1) * 31 + 1 + (i + 1) % 7) % 26);
        }
        if (walk.held_bytes > most) most = walk.held_bytes;
    }
    assert_true(most < LOG_HELD * 400 + 4 * BLOCK_BYTES);
    log_walk_finish(&walk);
    log_unpin(pin);
    log_close(log);
}

static void damage_is_not_sealed(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct reel_error error;
    for (uint64_t seq = 1; seq <= 100; seq++) append_one(log, seq);
    size_t before = count_files(directory);
    flip(segment_path(directory, 0), SEGMENT_PAGE + 3 * FRAME_UNIT + 80);
    assert_int_equal(log_seal_one(log, &error), -EBADMSG);
    assert_sentence(&error, "5632");
    assert_int_equal(count_segments(log, true), 0);
    assert_int_equal(count_files(directory), before);
    log_close(log);
}

static void damage_in_a_block_is_seen_when_it_is_read(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    for (uint64_t seq = 1; seq <= 100; seq++) append_one(log, seq);
    seal_all(log);
    log_close(log);
    flip(segment_path(directory, 0), SEGMENT_PAGE + 50);
    log = opened(directory);
    struct log_walk walk;
    struct log_entry entry;
    struct reel_error error;
    struct log_pin *pin = log_pin(log);
    assert_int_equal(log_get(&walk, pin, 5, &entry, &error), -EBADMSG);
    assert_sentence(&error, "offset 4096");
    log_walk_finish(&walk);
    log_unpin(pin);
    log_close(log);
}

/* ---- Trimming -------------------------------------------------------------------------------- */

static void set_floor(struct log *log, uint64_t first_seq) {
    struct log_facts facts = *log_facts(log);
    struct reel_error error;
    facts.first_seq = first_seq;
    must_ok(log_set_facts(log, &facts, &error), error);
    must_ok(log_commit(log, &error), error);
    log_keep(log);
}

static void whole_segments_below_the_floor_are_removed(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    for (uint64_t seq = 1; seq <= 200; seq++) append_one(log, seq);
    seal_all(log);
    size_t before = count_files(directory);
    struct log_segment second;
    struct log_pin *pin = log_pin(log);
    assert_true(log_pin_segment(pin, 1, &second));
    set_floor(log, second.first_seq - 1);
    assert_int_equal(log_trim(log), 0);
    set_floor(log, second.first_seq);
    assert_int_equal(log_trim(log), 1);
    assert_int_equal(count_files(directory), before - 1);
    assert_range(log, second.first_seq, 200);
    struct log_entry entry;
    struct reel_error error;
    struct log_walk walk;
    assert_int_equal(log_get(&walk, pin, 1, &entry, &error), 0); /* still pinned */
    log_walk_finish(&walk);
    log_unpin(pin);
    set_floor(log, 201);
    assert_true(log_trim(log) > 0);
    assert_true(count_files(directory) <= 2); /* the active one, and perhaps the spare */
    log_close(log);
    log = opened(directory);
    append_one(log, 201);
    log_close(log);
}

static uint64_t directory_bytes(const char *directory) {
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    struct stat file;
    uint64_t bytes = 0;
    while ((entry = readdir(dir)))
        if (fstatat(dirfd(dir), entry->d_name, &file, 0) == 0 && S_ISREG(file.st_mode))
            bytes += (uint64_t)file.st_blocks * 512;
    closedir(dir);
    return bytes;
}

/* What is kept, and four segments: the active one, the spare, a copy that is being sealed, and one
 * that is trimmed in part. Looked at after each step, as the helper would do them. */
static void on_disk_is_at_most_what_is_kept_and_four_segments(void **state) {
    enum { SEGMENT = 256 << 10, KEPT = 500, FRAME = 1024, EVENTS = 4000 };
    (void)state;
    struct log_options before = opened_with;
    opened_with.segment_bytes = SEGMENT;
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct log_metrics metrics;
    uint64_t most = 0, random = 7;
    for (uint64_t seq = 1; seq <= EVENTS; seq++) {
        append(log, seq, 1, 400);
        if (seq > KEPT) set_floor(log, seq - KEPT);
        log_trim(log);
        if (random_below(&random, 3) == 0) log_help(log);
        uint64_t bytes = directory_bytes(directory);
        if (bytes > most) most = bytes;
        log_measure(log, &metrics);
        assert_in_range(bytes, 1, KEPT * 2 * FRAME + 4 * SEGMENT); /* a floor is a frame, too */
        assert_in_range(metrics.bytes, 1, KEPT * 2 * FRAME + 4 * SEGMENT);
    }
    assert_true(most > KEPT * 400); /* it is more than nothing that was measured */
    assert_true(metrics.sealed_segments > 0);
    log_close(log);
    opened_with = before;
}

/* ---- Files that are used again --------------------------------------------------------------- */

static ino_t inode_of(const char *path) {
    struct stat file;
    return stat(path, &file) == 0 ? file.st_ino : 0;
}

static void a_raw_file_that_was_sealed_is_used_again(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct reel_error error;
    uint64_t seq = 1;
    while (count_segments(log, false) < 2) append_one(log, seq++);
    ino_t first = inode_of(segment_path(directory, 0));
    assert_int_equal(log_seal_one(log, &error), 1);
    assert_int_equal(inode_of(path_in(directory, USED_NAME)), first);
    assert_int_not_equal(inode_of(segment_path(directory, 0)), first);
    while (count_segments(log, false) < 3) append_one(log, seq++);
    assert_int_equal(inode_of(segment_path(directory, 2)), first);
    assert_int_equal(inode_of(path_in(directory, USED_NAME)), 0);
    assert_range(log, 1, seq - 1);
    crash(log);
    log = opened(directory);
    assert_range(log, 1, seq - 1);
    log_close(log);
}

/* What it was before has no place behind the zeros: nothing must look like damage there. */
static void a_file_used_again_has_only_zeros_behind_its_frames(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    uint64_t seq = 1;
    for (size_t n = 2; n < 8; n++) {
        while (count_segments(log, false) < n) append_one(log, seq++);
        seal_all(log);
        for (size_t i = 0; i < n % 3 && log_help(log); i++) continue;
        char *bytes = malloc(1 << 20);
        FILE *file = fopen(segment_path(directory, n - 1), "r");
        size_t len = fread(bytes, 1, 1 << 20, file);
        for (size_t at = end_of(log); at < len; at++) assert_int_equal(bytes[at], 0);
        fclose(file);
        free(bytes);
    }
    assert_range(log, 1, seq - 1);
    log_close(log);
}

static void a_file_that_somebody_reads_is_not_used_again(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct log_walk walk;
    struct log_entry entry;
    struct reel_error error;
    uint64_t seq = 1;
    while (count_segments(log, false) < 2) append_one(log, seq++);
    ino_t first = inode_of(segment_path(directory, 0));
    struct log_pin *pin = log_pin(log);
    log_walk_start(&walk, pin, 0, UINT64_MAX);
    assert_int_equal(log_next(&walk, &entry, &error), 1);
    assert_int_equal(log_seal_one(log, &error), 1);
    while (count_segments(log, false) < 3) append_one(log, seq++);
    assert_int_not_equal(inode_of(segment_path(directory, 2)), first);
    assert_int_equal(inode_of(path_in(directory, USED_NAME)), 0);
    uint64_t last = 1;
    while (log_next(&walk, &entry, &error) > 0) assert_int_equal(entry.seq, ++last);
    assert_true(last > 20);
    log_walk_finish(&walk);
    log_unpin(pin);
    log_close(log);
}

/* A crash may leave a segment a second name: as a spare it would be written over. */
static void a_segment_with_the_name_of_a_spare_is_not_written_over(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    uint64_t seq = 1;
    while (count_segments(log, false) < 2) append_one(log, seq++);
    must(link(segment_path(directory, 1), path_in(directory, SPARE_NAME)) == 0);
    while (count_segments(log, false) < 3) append_one(log, seq++);
    assert_range(log, 1, seq - 1);
    crash(log);
    log = opened(directory);
    assert_range(log, 1, seq - 1);
    log_close(log);
}

/* With segments of the usual size. */
static void a_small_log_is_small_on_disk(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log_options before = opened_with;
    opened_with.segment_bytes = 0;
    struct log *log = opened(directory);
    for (uint64_t seq = 1; seq <= 200; seq++) append_one(log, seq);
    while (log_help(log)) continue;
    assert_true(directory_bytes(directory) < 1 << 20);
    log_close(log);
    opened_with = before;
}

UNIT_TESTS(seal_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealed_segments_are_read_like_raw_ones),
        cmocka_unit_test(sealing_makes_the_files_smaller),
        cmocka_unit_test(entries_are_held_for_a_while),
        cmocka_unit_test(damage_is_not_sealed),
        cmocka_unit_test(damage_in_a_block_is_seen_when_it_is_read),
        cmocka_unit_test(whole_segments_below_the_floor_are_removed),
        cmocka_unit_test(on_disk_is_at_most_what_is_kept_and_four_segments),
        cmocka_unit_test(a_raw_file_that_was_sealed_is_used_again),
        cmocka_unit_test(a_file_used_again_has_only_zeros_behind_its_frames),
        cmocka_unit_test(a_file_that_somebody_reads_is_not_used_again),
        cmocka_unit_test(a_segment_with_the_name_of_a_spare_is_not_written_over),
        cmocka_unit_test(a_small_log_is_small_on_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
