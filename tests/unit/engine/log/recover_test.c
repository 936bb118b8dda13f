/* recover_test.c: opening after a crash: what is cut off, and what is refused as damage. */
#include "log_support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Three groups, the last of them of several sectors, and a crash. */
struct crashed {
    const char *directory, *path;
    uint64_t last_at, end; /* of the last group's frame */
};

static struct crashed crashed_log(void) {
    struct crashed crashed = {.directory = log_made()};
    struct log *log = opened(crashed.directory);
    append(log, 1, 3, 300);
    append(log, 4, 1, 300);
    crashed.last_at = end_of(log);
    append(log, 5, 4, 700);
    crashed.end = end_of(log);
    crash(log);
    crashed.path = segment_path(crashed.directory, 0);
    return crashed;
}

/* ---- A torn tail ----------------------------------------------------------------------------- */

static void a_write_cut_short_in_any_sector_is_cut_off(void **state) {
    (void)state;
    static const char zeros[FRAME_UNIT];
    struct crashed crashed = crashed_log();
    for (uint64_t at = crashed.last_at; at < crashed.end; at += FRAME_UNIT) {
        crashed = crashed_log();
        overwrite(crashed.path, at, zeros, sizeof zeros);
        struct log *log = opened(crashed.directory);
        assert_range(log, 1, 4);
        append(log, 5, 1, 50);
        assert_range(log, 1, 5);
        crash(log);
        log = opened(crashed.directory);
        assert_range(log, 1, 5);
        log_close(log);
    }
}

static void a_file_cut_anywhere_opens_with_whole_groups(void **state) {
    (void)state;
    struct crashed crashed = crashed_log();
    for (uint64_t len = SEGMENT_PAGE; len < crashed.end; len += 100) {
        crashed = crashed_log();
        must(truncate(crashed.path, (off_t)len) == 0);
        struct log *log = opened(crashed.directory);
        uint64_t head = log_head(log);
        assert_true(head == 0 || head == 3 || head == 4);
        assert_range(log, 1, head);
        append(log, head + 1, 30, 50);
        log_close(log);
        log = opened(crashed.directory);
        assert_range(log, 1, head + 30);
        log_close(log);
    }
}

static void a_torn_tail_does_not_come_back(void **state) {
    (void)state;
    struct crashed crashed = crashed_log();
    flip(crashed.path, crashed.last_at + 100);
    log_close(opened(crashed.directory)); /* writes a witness in its place */
    char *bytes = malloc(crashed.end - crashed.last_at);
    FILE *file = fopen(crashed.path, "r");
    must(fseek(file, (long)crashed.last_at, SEEK_SET) == 0);
    must(fread(bytes, crashed.end - crashed.last_at, 1, file) == 1);
    fclose(file);
    for (size_t i = FRAME_UNIT; i < crashed.end - crashed.last_at; i++)
        assert_int_equal(bytes[i], 0);
    free(bytes);
}

/* ---- Damage ---------------------------------------------------------------------------------- */

static void a_bad_frame_before_a_later_one_is_damage(void **state) {
    (void)state;
    struct crashed crashed = crashed_log();
    flip(crashed.path, SEGMENT_PAGE + 200); /* the frame behind the next one has a mark beyond it */
    refused(crashed.directory, "4096");
    crashed = crashed_log();
    uint64_t before = size_of(crashed.path);
    flip(crashed.path, crashed.last_at - 10); /* the zeros behind a frame count, too */
    refused(crashed.directory, "was synced");
    assert_int_equal(size_of(crashed.path), before);
    flip(crashed.path, crashed.last_at - 10); /* nothing was changed */
    log_close(opened(crashed.directory));
}

/* Nothing writes such a mark, and a log that took it would believe that what follows is synced. */
static void a_mark_beyond_its_own_frame_is_damage(void **state) {
    (void)state;
    struct crashed crashed = crashed_log();
    struct log *log = opened(crashed.directory);
    const struct segment *segment = log->active;
    uint64_t end = end_of(log);
    struct frame_head head;
    char *frame = malloc(end - crashed.last_at);
    memcpy(frame, segment->map + crashed.last_at, end - crashed.last_at);
    must(frame_read(&segment->head, crashed.last_at, frame, end - crashed.last_at, &head));
    head.synced_at = crashed.last_at + FRAME_UNIT;
    frame_write(&head, &segment->head, crashed.last_at, frame);
    crash(log);
    overwrite(crashed.path, crashed.last_at, frame, FRAME_ROUND(head.len));
    free(frame);
    refused(crashed.directory, "not understood");
}

static void the_last_group_is_protected_by_a_witness(void **state) {
    (void)state;
    struct crashed crashed = crashed_log();
    struct log *log = opened(crashed.directory);
    while (log_help(log)) continue;
    crash(log);
    flip(crashed.path, crashed.last_at + 100);
    refused(crashed.directory, "was synced");
    crashed = crashed_log();
    log_close(opened(crashed.directory)); /* a clean stop writes one, too */
    flip(crashed.path, crashed.last_at + 100);
    refused(crashed.directory, "was synced");
}

static void a_witness_is_written_once(void **state) {
    (void)state;
    struct log *log = opened(log_made());
    struct reel_error error;
    struct log_entry entry = entry_of(1, "{}", NULL, NULL);
    assert_false(log_help(log));
    gather(log, &entry);
    must_ok(log_commit(log, &error), error);
    uint64_t end = end_of(log);
    while (log_help(log)) continue;
    assert_int_equal(end_of(log), end); /* it can still be taken back */
    log_keep(log);
    while (log_help(log)) continue;
    assert_int_equal(end_of(log), end + FRAME_UNIT);
    log_close(log);
}

static void frames_that_the_caller_has_seen_synced_must_exist(void **state) {
    (void)state;
    struct crashed crashed = crashed_log();
    struct log *log = opened(crashed.directory);
    opened_with.synced = log_mark(log);
    opened_with.synced_seq = log_head(log);
    crash(log);
    log_close(opened(crashed.directory));
    opened_with.synced = (struct log_mark){0};
    opened_with.synced_seq = 0;
    crashed = crashed_log();
    log = opened(crashed.directory);
    opened_with.synced = log_mark(log);
    crash(log);
    flip(crashed.path, crashed.last_at + 100);
    refused(crashed.directory, "the state was committed");
    flip(crashed.path, crashed.last_at + 100);
    opened_with.synced.chain++;
    refused(crashed.directory, "the state was committed");
    opened_with.synced.chain--;
    opened_with.synced.salt++;
    refused(crashed.directory, "not the log");
    opened_with.synced = (struct log_mark){0};
    opened_with.synced_seq = 9;
    refused(crashed.directory, "event 9");
    opened_with.synced_seq = 0;
    opened_with.synced = (struct log_mark){.number = 2};
    refused(crashed.directory, "missing");
    opened_with.synced = (struct log_mark){0};
    log_close(opened(crashed.directory));
}

static void an_event_that_looks_like_a_frame_is_none(void **state) {
    (void)state;
    const char *directory = log_made();
    opened_with.segment_bytes = 1 << 20;
    struct log *log = opened(directory);
    opened_with.segment_bytes = 16 << 10;
    struct frame_head head = {.first_seq = 2, .last_seq = 9, .synced_at = 1 << 20, .len = 64};
    struct segment_head other = log->active->head;
    char frames[4 * FRAME_UNIT];
    other.salt++; /* which an attacker does not know */
    for (size_t at = 0; at < sizeof frames; at += FRAME_UNIT)
        frame_write(&head, &other, SEGMENT_PAGE + at, frames + at);
    struct log_entry entry = entry_of(1, "", NULL, NULL);
    for (size_t i = 0; i < FRAME_UNIT; i += 8) {
        entry.seq = log_head(log) + 1;
        entry.bytes = (struct reel_str){frames + i, sizeof frames - FRAME_UNIT};
        gather(log, &entry);
        struct reel_error error;
        must_ok(log_commit(log, &error), error);
        log_keep(log);
    }
    uint64_t count = log_head(log), last = end_of(log) - sizeof frames;
    crash(log);
    flip(segment_path(directory, 0), last + 100);
    log = opened(directory); /* and nothing in it says that the bad place was synced */
    assert_int_equal(log_head(log), count - 1);
    log_close(log);
}

/* ---- Several segments ------------------------------------------------------------------------ */

static const char *several_segments(void) {
    const char *directory = log_made();
    struct log *log = opened(directory);
    for (uint64_t seq = 1; seq <= 80; seq++) append_one(log, seq);
    assert_true(count_segments(log, false) >= 3);
    crash(log);
    return directory;
}

static void a_bad_frame_in_any_but_the_last_segment_is_damage(void **state) {
    (void)state;
    const char *directory = several_segments();
    flip(segment_path(directory, 1), SEGMENT_PAGE + 5 * FRAME_UNIT + 70);
    refused(directory, "6656");
    directory = several_segments();
    const char *path = segment_path(directory, 0);
    must(truncate(path, (off_t)size_of(path) - FRAME_UNIT) == 0);
    refused(directory, "is not there");
}

static void a_bad_header_is_damage(void **state) {
    (void)state;
    for (uint64_t at = 0; at < SEGMENT_PAGE; at += 37) {
        const char *directory = several_segments();
        flip(segment_path(directory, 1), at);
        refused(directory, "offset 0");
    }
}

static void a_missing_segment_is_damage(void **state) {
    (void)state;
    const char *directory = several_segments();
    must(unlink(segment_path(directory, 1)) == 0);
    refused(directory, "is missing");
    directory = several_segments();
    must(unlink(segment_path(directory, 0)) == 0);
    refused(directory, "1 to 24 are missing");
}

static void segments_of_another_log_do_not_join(void **state) {
    (void)state;
    const char *directory = several_segments(), *other = several_segments();
    must(rename(segment_path(other, 1), segment_path(directory, 1)) == 0);
    refused(directory, "is missing");
}

static void leftovers_are_removed(void **state) {
    (void)state;
    const char *directory = several_segments();
    size_t before = count_files(directory);
    must(close(creat(path_in(directory, "spare"), 0600)) == 0);
    must(close(creat(path_in(directory, "00000000000000000001.seg.tmp"), 0600)) == 0);
    must(close(creat(path_in(directory, "00000000000000000000.seg.tmp"), 0600)) == 0);
    must(close(creat(path_in(directory, "README"), 0600)) == 0);
    struct log *log = opened(directory);
    assert_int_equal(count_files(directory), before + 1); /* not ours, not touched */
    log_close(log);
}

static void segments_below_the_floor_are_removed(void **state) {
    (void)state;
    const char *directory = several_segments();
    struct log *log = opened(directory);
    struct log_facts facts = *log_facts(log);
    struct reel_error error;
    facts.first_seq = 60;
    must_ok(log_set_facts(log, &facts, &error), error);
    must_ok(log_commit(log, &error), error);
    crash(log);                                    /* before log_trim */
    must(unlink(segment_path(directory, 1)) == 0); /* half of it was done, in any order */
    log = opened(directory);
    assert_int_equal(count_segments(log, false), 2);
    assert_int_equal(count_files(directory), 2);
    log_close(log);
}

/* ---- After a clean stop ---------------------------------------------------------------------- */

static const char *stopped_path(const char *directory) {
    return path_in(directory, STOPPED_NAME);
}

/* Raw segments with frames of one and of many events, controls and gaps. */
static const char *closed_log(void) {
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct log_control control = {.kind = LOG_PAUSED, .collection = STR("cells")};
    struct reel_error error;
    uint64_t seq = 1;
    while (count_segments(log, false) < 3) {
        append(log, seq, 1 + seq % 3, 700);
        seq += 1 + seq % 3;
        if (seq % 4 == 0) must_ok(log_add_control(log, &control, &error), error);
    }
    append(log, seq, 4, 900);
    log_close(log);
    return directory;
}

/* It is the same however it is opened. */
static void assert_opens_alike(const char *directory, bool is_as_stopped) {
    struct log *log = opened(directory);
    assert_true(log->is_as_stopped == is_as_stopped);
    struct log_mark mark = log_mark(log);
    struct log_facts facts = *log_facts(log);
    uint64_t head = log_head(log), witnessed_at = log->witnessed_at;
    assert_range(log, 1, head);
    for (uint64_t seq = 1; seq <= head; seq++) assert_seqs(log, seq, seq, &seq, 1);
    crash(log);
    log = opened(directory); /* which has no such file any more */
    assert_false(log->is_as_stopped);
    struct log_mark again = log_mark(log);
    assert_memory_equal(&again, &mark, sizeof mark);
    assert_memory_equal(log_facts(log), &facts, sizeof facts);
    assert_int_equal(log_head(log), head);
    assert_int_equal(log->witnessed_at, witnessed_at);
    assert_range(log, 1, head);
    log_close(log);
}

static void after_a_clean_stop_no_entry_is_read(void **state) {
    (void)state;
    const char *directory = closed_log();
    must(access(stopped_path(directory), F_OK) == 0);
    assert_opens_alike(directory, true);
    struct log *log = opened(directory);
    assert_true(log->is_as_stopped);
    assert_int_equal(access(stopped_path(directory), F_OK), -1); /* before anything is appended */
    crash(log);
}

static void what_was_known_counts_only_as_it_was_written(void **state) {
    (void)state;
    const char *directory = closed_log(), *path = stopped_path(directory);
    uint64_t size = size_of(path);
    char *bytes = malloc(size);
    int fd = open(path, O_RDONLY);
    must(fd >= 0 && read(fd, bytes, size) == (ssize_t)size);
    close(fd);
    for (uint64_t at = 0; at < size + 3; at++) {
        fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
        must(fd >= 0 && write(fd, bytes, at < size ? size : size - 1) > 0);
        close(fd);
        if (at < size) flip(path, at);
        assert_opens_alike(directory, false);
    }
    free(bytes);
}

/* It was put back, or its removal was not durable. */
static void what_was_known_of_another_end_does_not_count(void **state) {
    (void)state;
    const char *directory = closed_log(), *kept = path_in(scratch_directory(), "kept");
    must(rename(stopped_path(directory), kept) == 0);
    struct log *log = opened(directory);
    append_one(log, log_head(log) + 1);
    crash(log);
    must(link(kept, stopped_path(directory)) == 0);
    assert_opens_alike(directory, false);
    must(rename(kept, stopped_path(directory)) == 0);
    log = opened(directory);
    uint64_t end = end_of(log);
    crash(log);
    overwrite(segment_path(directory, 2), end + FRAME_UNIT, "torn", 4);
    assert_opens_alike(directory, false); /* what is behind the end is cut off */
}

/* ---- Refusals -------------------------------------------------------------------------------- */

static void a_segment_that_cannot_be_written_is_refused_and_nothing_is_changed(void **state) {
    (void)state;
    const char *directory = closed_log();
    struct log_options options = opened_with;
    struct reel_error error;
    struct log *log;
    close(open(path_in(directory, "spare"), O_CREAT | O_WRONLY, 0600));
    size_t files = count_files(directory);
    options.directory = directory;
    fail_each_call(CALL_OPEN, -EACCES);
    size_t unlinked = calls[CALL_UNLINK], written = calls[CALL_WRITE];
    assert_int_equal(log_open(&options, &log, &error), -EACCES);
    assert_sentence(&error, ".seg: Permission denied");
    assert_int_equal(calls[CALL_UNLINK], unlinked);
    assert_int_equal(calls[CALL_WRITE], written); /* no witness either */
    fail_call(CALL_OPEN, 0, 0, 0);
    assert_int_equal(count_files(directory), files);
    assert_opens_alike(directory, true);
}

/* ---- An archive ------------------------------------------------------------------------------ */

/* What was copied from a log before it was trimmed: its sealed segments. */
struct trimmed {
    const char *directory;
    char names[8][32];
    char *contents[8];
    size_t sizes[8], count;
    uint64_t floor, head;
};

static void put_back(const struct trimmed *trimmed, size_t n) {
    FILE *file = fopen(path_in(trimmed->directory, trimmed->names[n]), "w");
    must(file && fwrite(trimmed->contents[n], trimmed->sizes[n], 1, file) == 1);
    must(fclose(file) == 0);
}

static void set_facts(struct log *log, const struct log_facts *facts) {
    struct reel_error error;
    must_ok(log_set_facts(log, facts, &error), error);
    must_ok(log_commit(log, &error), error);
    log_keep(log);
}

/* Of two epochs, the second from event 31 on. */
static const struct log_epoch lineage[] = {{{1, 2, 3}, 1}, {{4}, 31}};

static struct trimmed trimmed_log(void) {
    struct trimmed trimmed = {.directory = log_made()};
    struct log *log = opened(trimmed.directory);
    uint64_t seq = 1;
    while (seq <= 30) append_one(log, seq++);
    struct log_facts facts = *log_facts(log);
    memcpy(facts.epoch, lineage[1].epoch, sizeof facts.epoch);
    set_facts(log, &facts);
    while (count_segments(log, false) < 6) append_one(log, seq++);
    seal_all(log);
    struct log_segment segment;
    struct log_pin *pin = log_pin(log);
    for (size_t n = 0; n < 4; n++) {
        must(log_pin_segment(pin, n, &segment));
        strcpy(trimmed.names[n], segment.name);
        const char *path = path_in(trimmed.directory, segment.name);
        trimmed.sizes[n] = size_of(path);
        trimmed.contents[n] = malloc(trimmed.sizes[n]);
        FILE *file = fopen(path, "r");
        must(file && fread(trimmed.contents[n], trimmed.sizes[n], 1, file) == 1);
        fclose(file);
    }
    trimmed.count = 4;
    must(log_pin_segment(pin, 4, &segment));
    log_unpin(pin);
    facts = *log_facts(log);
    facts.first_seq = trimmed.floor = segment.first_seq;
    set_facts(log, &facts);
    assert_int_equal(log_trim(log), 4);
    trimmed.head = log_head(log);
    log_close(log);
    return trimmed;
}

static void trimmed_free(struct trimmed *trimmed) {
    for (size_t i = 0; i < trimmed->count; i++) free(trimmed->contents[i]);
}

static int open_with_archive(const struct trimmed *trimmed, size_t epochs, struct log **ret,
                             struct reel_error *error) {
    struct log_options options = opened_with;
    options.directory = trimmed->directory;
    options.take_archive = true;
    options.lineage = lineage;
    options.lineage_count = epochs;
    return log_open(&options, ret, error);
}

static void segments_that_were_put_back_are_taken(void **state) {
    (void)state;
    for (size_t from = 0; from < 4; from++) {
        struct trimmed trimmed = trimmed_log();
        struct reel_error error;
        struct log *log;
        struct log_segment oldest;
        for (size_t n = from; n < 4; n++) put_back(&trimmed, n);
        must_ok(open_with_archive(&trimmed, 2, &log, &error), error);
        struct log_pin *pin = log_pin(log);
        must(log_pin_segment(pin, 0, &oldest));
        log_unpin(pin);
        assert_string_equal(oldest.name, trimmed.names[from]);
        assert_range(log, oldest.first_seq, trimmed.head);
        struct log_facts facts = *log_facts(log);
        facts.first_seq = oldest.first_seq;
        set_facts(log, &facts);
        crash(log);
        log = opened(trimmed.directory);
        assert_range(log, oldest.first_seq, trimmed.head);
        log_close(log);
        trimmed_free(&trimmed);
    }
}

static void assert_archive_refused(const struct trimmed *trimmed, size_t epochs, const char *part) {
    struct reel_error error;
    struct log *log;
    size_t before = count_files(trimmed->directory);
    assert_int_equal(open_with_archive(trimmed, epochs, &log, &error), -EBADMSG);
    assert_sentence(&error, part);
    assert_int_equal(count_files(trimmed->directory), before); /* nothing is removed */
}

static void an_archive_with_a_gap_or_of_another_log_is_refused(void **state) {
    (void)state;
    struct trimmed trimmed = trimmed_log(), other = trimmed_log();
    put_back(&trimmed, 0);
    put_back(&trimmed, 2);
    put_back(&trimmed, 3);
    assert_archive_refused(&trimmed, 2, "a segment is missing");
    other.directory = trimmed.directory; /* the same names, and another log's content */
    put_back(&other, 1);
    assert_archive_refused(&trimmed, 2, "a segment is missing");
    put_back(&trimmed, 1);
    trimmed.contents[1][100] ^= 1;
    put_back(&trimmed, 1);
    assert_archive_refused(&trimmed, 2, "the checksum of its header is wrong");
    trimmed_free(&trimmed);
    trimmed_free(&other);
}

static void an_archive_of_another_epoch_is_refused(void **state) {
    (void)state;
    struct trimmed trimmed = trimmed_log();
    for (size_t n = 0; n < 4; n++) put_back(&trimmed, n);
    assert_archive_refused(&trimmed, 1, "is of another epoch than the log had then");
    assert_archive_refused(&trimmed, 0, "is of another epoch than the log had then");
    trimmed_free(&trimmed);
}

static void without_being_asked_nothing_below_the_floor_is_taken(void **state) {
    (void)state;
    struct trimmed trimmed = trimmed_log();
    put_back(&trimmed, 3);
    struct log *log = opened(trimmed.directory);
    assert_range(log, trimmed.floor, trimmed.head);
    log_close(log);
    trimmed_free(&trimmed);
}

UNIT_TESTS(recover_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_cut_short_in_any_sector_is_cut_off),
        cmocka_unit_test(a_file_cut_anywhere_opens_with_whole_groups),
        cmocka_unit_test(a_torn_tail_does_not_come_back),
        cmocka_unit_test(a_bad_frame_before_a_later_one_is_damage),
        cmocka_unit_test(a_mark_beyond_its_own_frame_is_damage),
        cmocka_unit_test(the_last_group_is_protected_by_a_witness),
        cmocka_unit_test(a_witness_is_written_once),
        cmocka_unit_test(frames_that_the_caller_has_seen_synced_must_exist),
        cmocka_unit_test(an_event_that_looks_like_a_frame_is_none),
        cmocka_unit_test(a_bad_frame_in_any_but_the_last_segment_is_damage),
        cmocka_unit_test(a_bad_header_is_damage),
        cmocka_unit_test(a_missing_segment_is_damage),
        cmocka_unit_test(segments_of_another_log_do_not_join),
        cmocka_unit_test(leftovers_are_removed),
        cmocka_unit_test(segments_below_the_floor_are_removed),
        cmocka_unit_test(after_a_clean_stop_no_entry_is_read),
        cmocka_unit_test(what_was_known_counts_only_as_it_was_written),
        cmocka_unit_test(what_was_known_of_another_end_does_not_count),
        cmocka_unit_test(a_segment_that_cannot_be_written_is_refused_and_nothing_is_changed),
        cmocka_unit_test(segments_that_were_put_back_are_taken),
        cmocka_unit_test(an_archive_with_a_gap_or_of_another_log_is_refused),
        cmocka_unit_test(an_archive_of_another_epoch_is_refused),
        cmocka_unit_test(without_being_asked_nothing_below_the_floor_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
