/* log_test.c: groups: what was committed is there, and nothing else. */
#include "log_support.h"

#include <stdlib.h>

/* ---- Entries --------------------------------------------------------------------------------- */

static const uint8_t hash_of_seven[16] = {7};

/* The one entry of a new log, read again after it was opened again, raw or sealed. */
static void check_both_forms(const struct log_entry *given,
                             void (*check)(const struct log_entry *found)) {
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct reel_error error;
    gather(log, given);
    must_ok(log_commit(log, &error), error);
    log_close(log);
    log = opened(directory);
    for (int sealed = 0; sealed < 2; sealed++) {
        struct log_walk walk;
        struct log_entry found;
        struct log_pin *pin = log_pin(log);
        must_ok(log_get(&walk, pin, given->seq, &found, &error), error);
        check(&found);
        log_walk_finish(&walk);
        log_unpin(pin);
        append(log, log_head(log) + 1, 1, 20 << 10);
        append(log, log_head(log) + 1, 1, 20 << 10);
        seal_all(log);
    }
    log_close(log);
}

static void check_as_given(const struct log_entry *found) {
    assert_int_equal(found->seq, 7);
    assert_int_equal(found->time_ns, 7000);
    assert_int_equal(found->flags, LOG_SUBMITTED | LOG_ANSWERED | LOG_SET_ASIDE);
    assert_bytes(found->bytes, STR("{\"type\":\"a\",\"subject\":\"bc\"}"));
    assert_int_equal(found->size, found->bytes.len);
    assert_bytes(found->nats_subject, STR("nats.subject"));
    assert_memory_equal(found->id_hash, hash_of_seven, 16);
    assert_bytes(found->type, STR("a"));
    assert_bytes(found->subject, STR("bc"));
    assert_bytes(found->answer.key, STR("key"));
    assert_true(found->answer.has_body);
    assert_int_equal(found->answer.body_hash[0], 9);
    assert_int_equal(found->answer.caller_hash[15], 8);
    assert_bytes(found->answer.principal, STR("somebody"));
    assert_int_equal(found->answer.outcome, REEL_REJECTED);
    assert_true(found->answer.has_record);
    assert_bytes(found->set_aside, STR("cells"));
}

static void an_entry_is_as_it_was_given(void **state) {
    (void)state;
    struct log_entry entry = entry_of(7, "{\"type\":\"a\",\"subject\":\"bc\"}", "a", "bc");
    entry.flags = LOG_SUBMITTED | LOG_ANSWERED | LOG_SET_ASIDE;
    entry.id_hash = hash_of_seven;
    entry.nats_subject = STR("nats.subject");
    entry.answer = (struct log_answer){.key = STR("key"),
                                       .principal = STR("somebody"),
                                       .body_hash = {9},
                                       .caller_hash = {[15] = 8},
                                       .outcome = REEL_REJECTED,
                                       .has_record = true,
                                       .has_body = true};
    entry.set_aside = STR("cells");
    check_both_forms(&entry, check_as_given);
}

/* For whom, by which object, and why. */
static void marks_that_set_aside_are_read_as_written(void **state) {
    (void)state;
    static const uint8_t one[LOG_BUILD_ID_BYTES] = {1}, other[LOG_BUILD_ID_BYTES] = {2};
    struct log_set_aside cells = {
        .collection = STR("cells"), .build_id = {1}, .signal = 11, .ms = 123456789};
    struct log_set_aside any = {.collection = STR("any")}, found;
    struct text list = {0};
    log_set_aside_append(&list, &cells);
    log_set_aside_append(&list, &any);
    struct log_entry entry = {.flags = LOG_SET_ASIDE, .set_aside = text_str(&list)};
    assert_true(log_is_set_aside(&entry, "cells", one, NULL));
    assert_false(log_is_set_aside(&entry, "cells", other, NULL)); /* it is tried once */
    assert_true(log_is_set_aside(&entry, "any", other, NULL));
    assert_false(log_is_set_aside(&entry, "cell", one, NULL));
    struct reel_str left = entry.set_aside;
    assert_true(log_set_aside_next(&left, &found));
    assert_bytes(found.collection, cells.collection);
    assert_int_equal(found.signal, 11);
    assert_int_equal(found.ms, 123456789);
    assert_true(log_set_aside_next(&left, &found));
    assert_bytes(found.collection, any.collection);
    assert_false(log_set_aside_next(&left, &found));
    entry.flags = 0;
    assert_false(log_is_set_aside(&entry, "cells", one, NULL));
    text_finish(&list);
}

/* As a damaged log may have it. */
static void a_list_of_marks_that_is_cut_ends_there(void **state) {
    (void)state;
    static const uint8_t one[LOG_BUILD_ID_BYTES] = {1};
    struct log_set_aside cells = {.collection = STR("cells")};
    struct text list = {0};
    log_set_aside_append(&list, &cells);
    for (size_t len = 0; len < list.len; len++) {
        struct log_entry entry = {.flags = LOG_SET_ASIDE, .set_aside = {list.data, len}};
        assert_false(log_is_set_aside(&entry, "cells", one, NULL));
    }
    text_finish(&list);
}

static void check_none(const struct log_entry *found) {
    assert_null(found->type.data);
    assert_null(found->subject.data);
    assert_null(found->id_hash);
    assert_int_equal(found->nats_subject.len, 0);
    assert_int_equal(found->flags, 0);
}

static void absent_texts_need_no_parsing(void **state) {
    (void)state;
    struct log_entry entry = entry_of(1, "{}", NULL, NULL);
    check_both_forms(&entry, check_none);
}

static void check_look_inside(const struct log_entry *found) {
    assert_int_equal(found->flags & LOG_LOOK_INSIDE, LOG_LOOK_INSIDE);
}

static void an_escaped_type_or_subject_needs_a_look_inside(void **state) {
    (void)state;
    struct log_entry type = entry_of(1, "{\"type\":\"x\\u002ey\"}", "x.y", NULL);
    struct log_entry subject = entry_of(1, "{\"subject\":\"\\u0061\"}", NULL, "a");
    struct log_entry empty = entry_of(1, "{\"type\":\"\"}", "", NULL);
    check_both_forms(&type, check_look_inside);
    check_both_forms(&subject, check_look_inside);
    check_both_forms(&empty, check_look_inside);
}

static void an_answer_gets_its_outcome_after_it_was_appended(void **state) {
    (void)state;
    struct log *log = opened(log_made());
    struct log_entry entry = entry_of(1, "{}", NULL, NULL), found;
    entry.flags = LOG_SUBMITTED | LOG_ANSWERED;
    entry.id_hash = hash_of_seven;
    gather(log, &entry);
    log_answer(log, REEL_IGNORED);
    assert_int_equal(log_group_get(log, 1, &found), 0);
    assert_int_equal(found.answer.outcome, REEL_IGNORED);
    log_answer(log, REEL_REJECTED);
    assert_int_equal(log_group_get(log, 1, &found), 0);
    assert_int_equal(found.answer.outcome, REEL_REJECTED);
    log_close(log);
}

/* ---- Groups ---------------------------------------------------------------------------------- */

static void groups_of_any_size_come_back(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    uint64_t random = 1, next = 1;
    for (int i = 0; i < 200; i++) {
        size_t count = 1 + random_below(&random, 20);
        append(log, next, count, random_below(&random, 900));
        next += count;
    }
    assert_range(log, 1, next - 1);
    log_close(log);
    log = opened(directory);
    assert_range(log, 1, next - 1);
    assert_int_equal(log_head(log), next - 1);
    append_one(log, next);
    assert_range(log, 1, next);
    log_close(log);
}

static void a_group_that_is_aborted_is_not_there(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct log_entry entry = entry_of(1, "{}", NULL, NULL), found;
    append_one(log, 1);
    entry.seq = 2;
    gather(log, &entry);
    assert_int_equal(log_group_head(log), 2);
    log_abort(log);
    assert_int_equal(log_group_head(log), 1);
    assert_int_equal(log_group_get(log, 2, &found), -ENOENT);
    append(log, 5, 1, 100);
    assert_seqs(log, 0, UINT64_MAX, SEQS(1, 5));
    log_close(log);
}

static void an_event_of_the_group_can_be_read(void **state) {
    (void)state;
    struct log *log = opened(log_made());
    struct log_entry found;
    for (uint64_t seq = 10; seq < 1000; seq += 3) {
        char bytes[32];
        snprintf(bytes, sizeof bytes, "{\"n\":%d}", (int)seq);
        struct log_entry entry = entry_of(seq, bytes, NULL, NULL);
        gather(log, &entry);
    }
    for (uint64_t seq = 10; seq < 1000; seq++) {
        int rc = log_group_get(log, seq, &found);
        assert_int_equal(rc, (seq - 10) % 3 == 0 ? 0 : -ENOENT);
        if (rc == 0) assert_int_equal(found.seq, seq);
    }
    log_abort(log);
    log_close(log);
}

static void an_event_must_come_behind_the_head(void **state) {
    (void)state;
    struct log *log = opened(log_made());
    struct log_entry entry = entry_of(3, "{}", NULL, NULL);
    struct reel_error error;
    append_one(log, 3);
    assert_int_equal(log_append(log, &entry, &error), -EINVAL);
    assert_sentence(&error, "3");
    log_close(log);
}

static void a_group_taken_back_never_was(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct log_entry entry = entry_of(4, "{\"a\":1}", NULL, NULL);
    struct log_facts facts = *log_facts(log);
    struct reel_error error;
    append(log, 1, 3, 700);
    struct log_mark before = log_mark(log);
    facts.first_seq = 2;
    gather(log, &entry);
    must_ok(log_set_facts(log, &facts, &error), error);
    must_ok(log_commit(log, &error), error);
    assert_int_equal(log_head(log), 4);
    assert_int_equal(log_facts(log)->first_seq, 2);
    must_ok(log_undo(log, &error), error);
    assert_int_equal(log_head(log), 3);
    assert_int_equal(log_facts(log)->first_seq, 1);
    struct log_mark after = log_mark(log);
    assert_memory_equal(&after, &before, sizeof before);
    assert_range(log, 1, 3);
    crash(log);
    log = opened(directory);
    assert_range(log, 1, 3);
    append(log, 4, 2, 50);
    assert_range(log, 1, 5);
    log_close(log);
}

static void a_kept_group_is_not_taken_back(void **state) {
    (void)state;
    struct log *log = opened(log_made());
    struct reel_error error;
    append_one(log, 1);
    must_ok(log_undo(log, &error), error);
    assert_range(log, 1, 1);
    log_close(log);
}

static void the_head_may_be_beyond_the_last_event(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct reel_error error;
    append_one(log, 1);
    log_reach(log, 100);
    must_ok(log_commit(log, &error), error);
    log_keep(log);
    assert_int_equal(log_head(log), 100);
    crash(log);
    log = opened(directory);
    assert_int_equal(log_head(log), 100);
    append_one(log, 101);
    assert_seqs(log, 0, UINT64_MAX, SEQS(1, 101));
    append(log, 102, 1, 20 << 10);
    append(log, 103, 1, 20 << 10);
    seal_all(log);
    assert_seqs(log, 0, UINT64_MAX, SEQS(1, 101, 102, 103));
    log_close(log);
}

static void facts_survive(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct log_facts facts = *log_facts(log);
    struct reel_error error;
    facts.first_seq = 3;
    facts.first_deletion = 2;
    facts.mirrors = 1;
    facts.origin.created_ns = 77;
    facts.controls = 9; /* is for the log to say */
    append(log, 1, 5, 100);
    must_ok(log_set_facts(log, &facts, &error), error);
    assert_int_equal(log_facts(log)->first_seq, 1); /* not before the group is committed */
    must_ok(log_commit(log, &error), error);
    log_keep(log);
    facts.controls = 1;
    for (int i = 0; i < 3; i++) {
        assert_memory_equal(log_facts(log), &facts, sizeof facts);
        crash(log);
        log = opened(directory);
        /* Over several segments, of which only the header has it. */
        for (uint64_t seq = 6; i == 1 && seq < 46; seq++) append(log, seq, 1, 1000);
        if (i == 1) seal_all(log);
    }
    log_close(log);
}

/* Each kind, in raw and sealed segments, also where the log has no event yet or its head was only
 * reached. */
static const struct log_control given_controls[] = {
    {.kind = LOG_PAUSED, .collection = {"cells", 5}},
    {.kind = LOG_RESUMED, .collection = {"cells", 5}},
    {.kind = LOG_REBUILD, .collection = {"formations", 10}},
    {.kind = LOG_GENERATION, .collection = {"c", 1}, .generation = UINT64_C(0x1234567890)},
    {.kind = LOG_SHOWN, .collection = {"cells", 5}, .generation = 1},
    {.kind = LOG_EMPTIED, .collection = {"cells", 5}, .generation = 2},
};

static void add_controls(struct log *log) {
    struct reel_error error;
    for (size_t i = 0; i < LENGTH(given_controls); i++) {
        struct log_control control = given_controls[i];
        must_ok(log_add_control(log, &control, &error), error);
    }
}

static void assert_controls(struct log *log, uint64_t from_number, uint64_t seq) {
    struct log_walk walk;
    struct log_entry entry;
    struct log_control found;
    struct log_pin *pin = log_pin(log);
    size_t count = 0;
    log_walk_start(&walk, pin, seq, UINT64_MAX);
    walk.with_control = true;
    while (log_next(&walk, &entry, NULL) > 0) {
        if (!log_read_control(&entry, &found) || found.number < from_number) continue;
        if (count == LENGTH(given_controls)) break;
        const struct log_control *given = &given_controls[count];
        assert_int_equal(found.kind, given->kind);
        assert_int_equal(found.number, from_number + count);
        assert_int_equal(found.seq, seq);
        assert_int_equal(found.generation, given->generation);
        assert_true(reel_str_eq(found.collection, given->collection));
        count++;
    }
    assert_int_equal(count, LENGTH(given_controls));
    log_walk_finish(&walk);
    log_unpin(pin);
}

static void controls_are_numbered_and_survive(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct reel_error error;
    add_controls(log);
    must_ok(log_commit(log, &error), error);
    must_ok(log_undo(log, &error), error);
    assert_int_equal(log_facts(log)->controls, 0);
    add_controls(log);
    must_ok(log_commit(log, &error), error);
    log_keep(log);
    append(log, 1, 9, 3000);
    log_reach(log, 20);
    must_ok(log_set_facts(log, log_facts(log), &error), error); /* takes a number, too */
    add_controls(log);
    must_ok(log_commit(log, &error), error);
    log_keep(log);
    append(log, 21, 9, 3000);
    append(log, 30, 9, 3000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(log_facts(log)->controls, 2 * LENGTH(given_controls) + 1);
        assert_controls(log, 1, 0);
        assert_controls(log, LENGTH(given_controls) + 2, 20);
        crash(log);
        log = opened(directory);
        if (i == 1) seal_all(log);
    }
    log_close(log);
}

static void a_frame_that_is_not_understood_is_not_cut_off(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct reel_error error;
    append_one(log, 1);
    uint64_t end = end_of(log);
    struct log_entry later = {.seq = 1, .flags = LOG_CONTROL, .size = 77, .bytes = STR("later")};
    must_ok(group_add(&log->group, &later, &error), error);
    must_ok(log_commit(log, &error), error);
    crash(log);
    refused(directory, "its content is not understood");
    char at[32];
    snprintf(at, sizeof at, "offset %llu", (unsigned long long)end);
    refused(directory, at);
}

static void a_first_group_may_be_larger_than_a_segment(void **state) {
    (void)state;
    const char *directory = log_made();
    struct log *log = opened(directory);
    struct reel_error error;
    for (int i = 0; i < 40; i++) { /* more facts than a segment has room for, and no event */
        must_ok(log_set_facts(log, log_facts(log), &error), error);
        must_ok(log_commit(log, &error), error);
        log_keep(log);
    }
    append(log, 1, 100, 1000);
    assert_range(log, 1, 100);
    append(log, 101, 100, 1000);
    assert_range(log, 1, 200);
    assert_int_equal(count_segments(log, false), 2);
    log_close(log);
    log = opened(directory);
    assert_range(log, 1, 200);
    append_one(log, 201);
    log_close(log);
}

/* ---- In memory ------------------------------------------------------------------------------- */

static void a_log_in_memory_is_like_one_on_disk(void **state) {
    (void)state;
    struct log_options options = {
        .segment_bytes = 16 << 10, .head = 41, .facts = {.first_seq = 42, .first_deletion = 42}};
    struct reel_error error;
    struct log *log;
    must_ok(log_open(&options, &log, &error), error);
    assert_int_equal(log_head(log), 41);
    for (uint64_t seq = 42; seq < 142; seq++) append(log, seq, 1, 900);
    append(log, 142, 1, 100 << 10);
    assert_range(log, 42, 142);
    assert_true(count_segments(log, false) > 5);
    struct log_facts facts = *log_facts(log);
    facts.first_seq = 100;
    must_ok(log_set_facts(log, &facts, &error), error);
    must_ok(log_commit(log, &error), error);
    struct log_pin *pin = log_pin(log);
    assert_true(log_trim(log) > 3);
    struct log_segment first;
    assert_true(log_pin_segment(pin, 0, &first));
    assert_int_equal(first.first_seq, 42); /* who has it pinned reads on */
    log_unpin(pin);
    pin = log_pin(log);
    assert_true(log_pin_segment(pin, 0, &first));
    assert_true(first.first_seq > 42 && first.first_seq <= 100);
    log_unpin(pin);
    log_close(log);
}

UNIT_TESTS(log_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_as_it_was_given),
        cmocka_unit_test(marks_that_set_aside_are_read_as_written),
        cmocka_unit_test(a_list_of_marks_that_is_cut_ends_there),
        cmocka_unit_test(absent_texts_need_no_parsing),
        cmocka_unit_test(an_escaped_type_or_subject_needs_a_look_inside),
        cmocka_unit_test(an_answer_gets_its_outcome_after_it_was_appended),
        cmocka_unit_test(groups_of_any_size_come_back),
        cmocka_unit_test(a_group_that_is_aborted_is_not_there),
        cmocka_unit_test(an_event_of_the_group_can_be_read),
        cmocka_unit_test(an_event_must_come_behind_the_head),
        cmocka_unit_test(a_group_taken_back_never_was),
        cmocka_unit_test(a_kept_group_is_not_taken_back),
        cmocka_unit_test(the_head_may_be_beyond_the_last_event),
        cmocka_unit_test(facts_survive),
        cmocka_unit_test(controls_are_numbered_and_survive),
        cmocka_unit_test(a_frame_that_is_not_understood_is_not_cut_off),
        cmocka_unit_test(a_first_group_may_be_larger_than_a_segment),
        cmocka_unit_test(a_log_in_memory_is_like_one_on_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
