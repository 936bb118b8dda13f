/* entries_test.c: what the log shows of its events beside their bytes, and what it takes. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int set_up(void **state) {
    struct reel_options options = {.event_bytes_max = 4096};
    *state = reel_opened(NULL, &options, CELL_SO, NULL);
    return 0;
}

static int tear_down(void **state) {
    reel_close(*state);
    return 0;
}

/* ---- Types and subjects ---------------------------------------------------------------------- */

struct sample {
    const char *payload;
    struct reel_str type, subject; /* NULL data: none */
};

#define TEXT(literal)                                                                              \
    { "" literal, sizeof(literal) - 1 }

/* JSON writes one text in several ways: what is shown is what it means. */
static const struct sample samples[] = {
    {"{\"type\":\"a.b\",\"subject\":\"s\"}", TEXT("a.b"), TEXT("s")},
    {"{\"subject\":\"s\",\"data\":{\"type\":\"no\"},\"type\":\"a.b\"}", TEXT("a.b"), TEXT("s")},
    {"{\"type\":\"a\\u002eb\",\"subject\":\"s\"}", TEXT("a.b"), TEXT("s")},
    {"{\"type\":\"a.b\",\"subject\":\"line\\n\\u0000\\ud83d\\ude00\"}", TEXT("a.b"),
     TEXT("line\n\0\xF0\x9F\x98\x80")},
    {"{\"typ\\u0065\":\"a\\/b\"}", TEXT("a/b"), {NULL, 0}},
    {"{\"type\":\"a.b\"}", TEXT("a.b"), {NULL, 0}},
    {"{\"subject\":\"\\u0073\"}", {NULL, 0}, TEXT("s")},
    {"{\"type\":\"\",\"subject\":\"\"}", TEXT(""), TEXT("")},
    {"{\"type\":7,\"subject\":null}", {NULL, 0}, {NULL, 0}},
    {"{\"type\":\"first\",\"type\":\"l\\u0061st\"}", TEXT("last"), {NULL, 0}},
    {"{}", {NULL, 0}, {NULL, 0}},
    {"[\"type\"]", {NULL, 0}, {NULL, 0}},
    {"{\"type\":\"no JSON\"", {NULL, 0}, {NULL, 0}},
    {"", {NULL, 0}, {NULL, 0}},
};
enum { SAMPLES = sizeof samples / sizeof *samples };

static bool is_same(struct reel_str found, struct reel_str expected) {
    if (!found.data || !expected.data) return !found.data && !expected.data;
    return reel_str_eq(found, expected);
}

static int check_sample(void *context, const struct reel_entry *entry) {
    const struct sample *sample = &samples[(entry->seq - 1) % SAMPLES];
    test_context("seq %d: %s", (int)entry->seq, sample->payload);
    must(reel_str_is(entry->bytes, sample->payload));
    must(is_same(entry->type, sample->type));
    must(is_same(entry->subject, sample->subject));
    must(!entry->nats_subject.data);
    must(!(entry->flags & ~(uint32_t)REEL_LOG_NOT_JSON));
    ++*(size_t *)context;
    return 0;
}

static void assert_samples(struct reel *reel, size_t expected) {
    struct reel_view *view = view_opened(reel);
    size_t count = 0;
    assert_int_equal(reel_view_log(view, 0, check_sample, &count), 0);
    assert_int_equal(count, expected);
    reel_view_close(view);
    test_context("%s", "");
}

static void an_entry_shows_type_and_subject_decoded(void **state) {
    struct reel_str payloads[SAMPLES];
    struct reel_error error;
    for (size_t i = 0; i < SAMPLES; i++) payloads[i] = reel_text(samples[i].payload);
    must_ok(reel_apply_batch(*state, payloads, SAMPLES, NULL, &error), error);
    for (size_t i = 0; i < SAMPLES; i++) /* alone in their blocks, too */
        must_ok(reel_apply(*state, payloads[i], &(struct reel_result){0}, &error), error);
    assert_samples(*state, 2 * SAMPLES);
}

static int check_oversize(void *context, const struct reel_entry *entry) {
    (void)context;
    must(entry->flags == REEL_LOG_OVERSIZE);
    must(entry->bytes.len == 0 && !entry->type.data && !entry->subject.data);
    return 0;
}

static void of_an_event_that_is_too_large_nothing_is_known(void **state) {
    struct text text = {0};
    text_format(&text, "{\"type\":\"a\",\"subject\":\"b\",\"pad\":\"");
    while (text.len <= 4096) text_add(&text, "pad", 3);
    text_format(&text, "\"}");
    apply_text(*state, text.data, REEL_REJECTED);
    struct reel_view *view = view_opened(*state);
    assert_int_equal(reel_view_log(view, 0, check_oversize, NULL), 0);
    reel_view_close(view);
    free(text.data);
}

/* ---- Sizes ----------------------------------------------------------------------------------- */

enum { EVENTS = 4000 };

static void the_log_takes_more_with_every_event_and_less_when_trimmed(void **state) {
    struct reel_error error;
    uint64_t before = position_of(*state).log_bytes, full;
    assert_true(before <= 4096);
    for (uint64_t seq = 1; seq <= EVENTS; seq += EVENTS / 4) {
        apply_samples(*state, seq, EVENTS / 4, 500);
        full = position_of(*state).log_bytes;
        assert_true(full > before);
        before = full;
    }
    assert_true(full > EVENTS * 300 && full < EVENTS * 700); /* of 400 bytes each */
    must_ok(reel_trim(*state, EVENTS / 2, &error), error);
    uint64_t half = position_of(*state).log_bytes;
    assert_true(half < full * 6 / 10);
    must_ok(reel_trim(*state, EVENTS + 1, &error), error);
    assert_true(position_of(*state).log_bytes <= 4096);
}

static int expect_next(void *context, const struct reel_entry *entry) {
    uint64_t *last = context;
    must(entry->seq == *last + 1);
    *last = entry->seq;
    return 0;
}

static int stop_at_once(void *context, const struct reel_entry *entry) {
    (void)context, (void)entry;
    return 1;
}

/* A view that has begun to read keeps its files; one that has not is over; and a new one says where
 * the log begins. */
static void readers_inside_a_removed_file_end_well(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel_options options = {.segment_bytes = 64 << 10};
    struct reel *reel = reel_opened(directory, &options, CELL_SO, NULL);
    struct reel_error error;
    uint64_t last = 0;
    apply_samples(reel, 1, 2000, 100);
    uint64_t head = position_of(reel).head;
    struct reel_view *reading = view_opened(reel), *later = view_opened(reel);
    must(reel_view_log(reading, 1, stop_at_once, NULL) == 1);
    must_ok(reel_trim(reel, head - 5, &error), error);
    must(access(path_in(directory, "log/00000000000000000001.seg"), F_OK) < 0);
    assert_int_equal(reel_view_log(reading, 1, expect_next, &last), 0);
    assert_int_equal(last, head);
    assert_int_equal(reel_view_log(later, 1, stop_at_once, NULL), -ETIME);
    reel_view_close(reading);
    reel_view_close(later);
    struct reel_view *view = view_opened(reel);
    last = head - 6;
    assert_int_equal(reel_view_log(view, 1, expect_next, &last), 0);
    assert_int_equal(last, head);
    assert_int_equal(position_of(reel).first_seq, head - 5);
    reel_view_close(view);
    reel_close(reel);
}

/* ---- An archive ------------------------------------------------------------------------------ */

#define OLDEST "log/00000000000000000001.seg"

static void copy_file(const char *from, const char *to) {
    static char bytes[1 << 20];
    FILE *file = fopen(from, "r");
    must(file);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    file = fopen(to, "w");
    must(file && fwrite(bytes, len, 1, file) == 1 && fclose(file) == 0);
}

/* Copies the log's oldest file, when it is packed: then it does not change any more. */
static void archive_oldest(const char *directory, const char *to) {
    enum { FORM_AT = 20, SEALED = 2 };
    uint32_t form = 0;
    for (int i = 0; form != SEALED && i < 12000; i++) {
        FILE *file = fopen(path_in(directory, OLDEST), "r");
        must(file && fseek(file, FORM_AT, SEEK_SET) == 0 &&
             fread(&form, sizeof form, 1, file) == 1);
        fclose(file);
        if (form != SEALED) usleep(10000);
    }
    must(form == SEALED);
    copy_file(path_in(directory, OLDEST), to);
}

static void files_that_were_put_back_are_read_again(void **state) {
    (void)state;
    const char *directory = scratch_directory(), *copy = path_in(scratch_directory(), "copy");
    struct reel_options options = {.segment_bytes = 64 << 10};
    struct reel_error error;
    struct reel *reel = reel_opened(directory, &options, CELL_SO, NULL);
    for (uint64_t seq = 1; seq <= 300; seq += 50) apply_samples(reel, seq, 50, 100);
    archive_oldest(directory, copy);
    uint64_t first = 1, head = position_of(reel).head, last = 0;
    while (access(path_in(directory, OLDEST), F_OK) == 0)
        must_ok(reel_trim(reel, ++first, &error), error);
    reel_close(reel);
    copy_file(copy, path_in(directory, OLDEST));
    options.flags = REEL_TAKE_ARCHIVE;
    reel = reel_opened(directory, &options, CELL_SO, NULL);
    options.flags = 0;
    for (int i = 0; i < 2; i++) { /* it is asked for once */
        assert_int_equal(position_of(reel).first_seq, 1);
        struct reel_view *view = view_opened(reel);
        last = 0;
        assert_int_equal(reel_view_log(view, 1, expect_next, &last), 0);
        assert_int_equal(last, head);
        reel_view_close(view);
        must_ok(reel_rebuild(reel, "cells", &error), error);
        assert_int_equal(info_of(reel, "cells").from_seq, 1);
        reel_close(reel);
        reel = reel_opened(directory, &options, CELL_SO, NULL);
    }
    reel_close(reel);
}

/* What was trimmed is used again: the file does not shrink. */
static void the_store_is_as_large_as_its_file(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, CELL_SO, NULL);
    struct reel_error error;
    apply_samples(reel, 1, EVENTS, 500);
    struct reel_position position = position_of(reel);
    assert_true(position.store_bytes > position.log_bytes);
    /* A file that is being written in the background counts when it is written. */
    for (int waited = 0; store_bytes(directory) > position.store_bytes; waited++) {
        must(waited < 30000);
        usleep(1000);
        position = position_of(reel);
    }
    assert_true(store_bytes(directory) >= position.store_bytes / 2);
    must_ok(reel_trim(reel, EVENTS + 1, &error), error);
    assert_true(position_of(reel).store_bytes >= position.store_bytes);
    reel_close(reel);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_entry_shows_type_and_subject_decoded),
        CASE(of_an_event_that_is_too_large_nothing_is_known),
        CASE(the_log_takes_more_with_every_event_and_less_when_trimmed),
        cmocka_unit_test(the_store_is_as_large_as_its_file),
        cmocka_unit_test(readers_inside_a_removed_file_end_well),
        cmocka_unit_test(files_that_were_put_back_are_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
