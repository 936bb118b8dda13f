/* log_test.c: appending and walking; blocks; where type and subject lie. */
#include "log_support.h"

#include <stdlib.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static const uint8_t hash_of_seven[16] = {7};

static struct log_entry got(struct store *store, uint64_t seq) {
    struct log_entry entry;
    struct reel_error error;
    must_ok(log_get(store, store->txn, seq, &entry, &error), error);
    return entry;
}

/* ---- Entries --------------------------------------------------------------------------------- */

static void an_entry_is_as_it_was_given(void **state) {
    struct log_entry entry = entry_of(7, "{\"type\":\"a\",\"subject\":\"bc\"}", "a", "bc");
    entry.flags = LOG_SUBMITTED;
    entry.id_hash = hash_of_seven;
    entry.nats_subject = STR("nats.subject");
    append(*state, &entry);
    commit_and_begin(*state);
    struct log_entry found = got(*state, 7);
    assert_int_equal(found.seq, 7);
    assert_int_equal(found.time_ns, 7000);
    assert_int_equal(found.flags, LOG_SUBMITTED);
    assert_int_equal(found.size, entry.size);
    assert_bytes(found.bytes, entry.bytes);
    assert_bytes(found.nats_subject, STR("nats.subject"));
    assert_memory_equal(found.id_hash, hash_of_seven, 16);
}

static void type_and_subject_are_found_in_the_bytes(void **state) {
    struct log_entry entry =
        entry_of(1, "{\"subject\":\"over there\",\"type\":\"x.y\"}", "x.y", "over there");
    append(*state, &entry);
    struct log_entry found = got(*state, 1);
    assert_bytes(found.type, STR("x.y"));
    assert_bytes(found.subject, STR("over there"));
    assert_in_range((uintptr_t)found.type.data, (uintptr_t)found.bytes.data,
                    (uintptr_t)found.bytes.data + found.bytes.len);
    assert_int_equal(found.flags & LOG_LOOK_INSIDE, 0);
}

static void what_is_absent_is_none_and_needs_no_look(void **state) {
    struct log_entry entry = entry_of(1, "{}", NULL, NULL);
    append(*state, &entry);
    struct log_entry found = got(*state, 1);
    assert_null(found.type.data);
    assert_null(found.subject.data);
    assert_null(found.id_hash);
    assert_int_equal(found.nats_subject.len, 0);
    assert_int_equal(found.flags, 0);
}

static void an_escaped_type_or_subject_needs_a_look_inside(void **state) {
    struct log_entry entry = entry_of(1, "{\"type\":\"x\\u002ey\"}", "x.y", NULL);
    append(*state, &entry);
    entry = entry_of(2, "{\"type\":\"t\",\"subject\":\"a\\/b\"}", "t", "a/b");
    append(*state, &entry);
    assert_int_equal(got(*state, 1).flags, LOG_LOOK_INSIDE);
    assert_null(got(*state, 1).type.data);
    assert_int_equal(got(*state, 2).flags, LOG_LOOK_INSIDE);
    assert_null(got(*state, 2).subject.data);
}

static void an_event_may_be_kept_without_its_bytes(void **state) {
    struct log_entry entry = {
        .seq = 1, .flags = LOG_OVERSIZE, .size = UINT32_MAX, .bytes = {"", 0}};
    append(*state, &entry);
    struct log_entry found = got(*state, 1);
    assert_int_equal(found.flags, LOG_OVERSIZE);
    assert_int_equal(found.size, UINT32_MAX);
    assert_int_equal(found.bytes.len, 0);
}

/* Its parts can be told apart by what was known when it was appended. */
static void an_entry_can_be_read_before_it_is_described(void **state) {
    struct log log = {.store = *state};
    struct log_entry entry = entry_of(7, "{}", NULL, NULL);
    struct reel_error error;
    entry.flags = LOG_SUBMITTED;
    entry.id_hash = hash_of_seven;
    must_ok(log_append(&log, &entry, &error), error);
    flush(&log);
    log_finish(&log);
    assert_bytes(got(*state, 7).bytes, STR("{}"));
    assert_memory_equal(got(*state, 7).id_hash, hash_of_seven, 16);
}

static void an_absent_seq_is_not_found(void **state) {
    struct log_entry entry;
    append_seqs(*state, SEQS(1, 3));
    assert_int_equal(log_get(*state, ((struct store *)*state)->txn, 2, &entry, NULL), -ENOENT);
}

static void damaged_entries_are_noticed(void **state) {
    struct store *store = *state;
    struct log_entry entry = entry_of(1, "{\"type\":\"t\"}", "t", NULL);
    entry.nats_subject = STR("s");
    append(store, &entry);
    uint64_t seq = 1;
    MDB_val key = {sizeof seq, &seq}, value;
    assert_int_equal(mdb_get(store->txn, store->log, &key, &value), 0);
    char *whole = exact_copy((struct reel_str){value.mv_data, value.mv_size});
    for (size_t len = 0; len < sizeof(struct log_header) + 1; len++) {
        MDB_val cut = {len, whole};
        atomic_store(&store->broken, false);
        assert_int_equal(mdb_put(store->txn, store->log, &key, &cut, 0), 0);
        assert_int_equal(log_get(store, store->txn, 1, &entry, NULL), -EIO);
        assert_true(atomic_load(&store->broken));
    }
    whole[offsetof(struct log_header, version)] = LOG_VERSION + 1;
    MDB_val newer = {value.mv_size, whole};
    assert_int_equal(mdb_put(store->txn, store->log, &key, &newer, 0), 0);
    assert_int_equal(log_get(store, store->txn, 1, &entry, NULL), -EIO);
    free(whole);
}

static void a_block_that_is_damaged_further_in_is_noticed(void **state) {
    struct store *store = *state;
    struct log_entry entry;
    append_together(store, SEQS(1, 2));
    uint64_t seq = 2;
    MDB_val key = {sizeof seq, &seq}, value;
    assert_int_equal(mdb_get(store->txn, store->log, &key, &value), 0);
    char *whole = exact_copy((struct reel_str){value.mv_data, value.mv_size});
    MDB_val cut = {value.mv_size - 1, whole};
    assert_int_equal(mdb_put(store->txn, store->log, &key, &cut, 0), 0);
    assert_int_equal(log_get(store, store->txn, 1, &entry, NULL), 0);
    assert_int_equal(log_get(store, store->txn, 2, &entry, NULL), -EIO);
    free(whole);
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

static void what_was_not_flushed_is_not_there(void **state) {
    struct log log = {.store = *state};
    struct log_entry entry = entry_of(1, "{}", NULL, NULL);
    gather(&log, &entry);
    assert_seqs(*state, 0, NULL, 0);
    flush(&log);
    assert_seqs(*state, 0, SEQS(1));
    flush(&log); /* nothing */
    assert_seqs(*state, 0, SEQS(1));
    log_finish(&log);
}

static void the_copy_in_the_block_can_be_read_and_its_room_too(void **state) {
    struct log log = {.store = *state};
    for (uint64_t seq = 1; seq < 2000; seq++) {
        struct log_entry entry = entry_of(seq, "{\"type\":\"t\"}", "t", NULL);
        const char *given = entry.bytes.data;
        must(log_append(&log, &entry, NULL) == 0);
        assert_ptr_not_equal(entry.bytes.data, given);
        assert_bytes(entry.bytes, STR("{\"type\":\"t\"}"));
        assert_true(entry.room >= 64);
        for (size_t at = 0; at < entry.room; at++)
            assert_int_equal(entry.bytes.data[entry.bytes.len + at], 0);
        log_describe(&log, &entry);
    }
    log_finish(&log);
}

static void what_was_aborted_is_forgotten(void **state) {
    struct log log = {.store = *state};
    struct log_entry entry = entry_of(1, "{}", NULL, NULL);
    gather(&log, &entry);
    log_abort(&log);
    entry = entry_of(1, "[]", NULL, NULL);
    gather(&log, &entry);
    flush(&log);
    assert_seqs(*state, 0, SEQS(1));
    assert_bytes(got(*state, 1).bytes, STR("[]"));
    log_finish(&log);
}

static void events_together_are_one_block(void **state) {
    struct store *store = *state;
    append_together(store, SEQS(1, 2, 5));
    append_together(store, SEQS(6));
    assert_int_equal(entries_in(store, store->log), 2);
    assert_seqs(store, 0, SEQS(1, 2, 5, 6));
}

static void a_full_block_is_written_and_the_next_begun(void **state) {
    enum { COUNT = 3000 };
    struct store *store = *state;
    static uint64_t seqs[COUNT];
    for (size_t at = 0; at < COUNT; at++) seqs[at] = at + 1;
    append_together(store, seqs, COUNT);
    size_t bytes = COUNT * (sizeof(struct log_header) + sizeof "{\"type\":\"t\"}" - 1);
    assert_int_equal(entries_in(store, store->log), bytes / LOG_BLOCK_BYTES + 1);
    assert_seqs(store, 0, seqs, COUNT);
    for (size_t at = 0; at < COUNT; at += 97) assert_bytes(got(store, seqs[at]).type, STR("t"));
}

static void an_event_larger_than_a_block_is_kept(void **state) {
    enum { SIZE = 3 * LOG_BLOCK_BYTES };
    struct log log = {.store = *state};
    char *bytes = malloc(SIZE + 1);
    must(bytes);
    memset(bytes, 'x', SIZE);
    bytes[SIZE] = '\0';
    for (uint64_t seq = 1; seq <= 3; seq++) {
        struct log_entry entry = entry_of(seq, seq == 2 ? bytes : "{}", NULL, NULL);
        gather(&log, &entry);
    }
    flush(&log);
    assert_seqs(*state, 0, SEQS(1, 2, 3));
    assert_bytes(got(*state, 2).bytes, (struct reel_str){bytes, SIZE});
    assert_bytes(got(*state, 3).bytes, STR("{}"));
    log_finish(&log);
    free(bytes);
}

static void a_walk_may_begin_within_a_block(void **state) {
    append_together(*state, SEQS(1, 2, 5, 6));
    append_together(*state, SEQS(9, 10));
    assert_seqs(*state, 2, SEQS(2, 5, 6, 9, 10));
    assert_seqs(*state, 3, SEQS(5, 6, 9, 10));
    assert_seqs(*state, 7, SEQS(9, 10));
    assert_seqs(*state, 10, SEQS(10));
    assert_seqs(*state, 11, NULL, 0);
}

/* It is looked for first where the event before had it. */
static void a_type_that_moves_is_found_again(void **state) {
    static const char *const events[] = {"{\"type\":\"t.1\"}",
                                         "{\"id\":\"0123456\",\"type\":\"t.1\"}",
                                         "{\"type\":\"t.1\"}", "[]", "{\"type\":\"t.1\"}"};
    struct log log = {.store = *state};
    for (size_t at = 0; at < LENGTH(events); at++) {
        struct log_entry entry = entry_of(at + 1, events[at], at == 3 ? NULL : "t.1", NULL);
        gather(&log, &entry);
    }
    flush(&log);
    for (size_t at = 0; at < LENGTH(events); at++) {
        struct log_entry found = got(*state, at + 1);
        assert_bytes(found.type, at == 3 ? (struct reel_str){0} : STR("t.1"));
        assert_int_equal(found.flags, 0);
    }
    log_finish(&log);
}

/* ---- Walking --------------------------------------------------------------------------------- */

static void a_walk_steps_over_gaps(void **state) {
    append_seqs(*state, SEQS(2, 3, 300, UINT64_C(1) << 40));
    assert_seqs(*state, 0, SEQS(2, 3, 300, UINT64_C(1) << 40));
    assert_seqs(*state, 3, SEQS(3, 300, UINT64_C(1) << 40));
    assert_seqs(*state, 4, SEQS(300, UINT64_C(1) << 40));
    assert_seqs(*state, 301, SEQS(UINT64_C(1) << 40));
    assert_seqs(*state, (UINT64_C(1) << 40) + 1, NULL, 0);
}

static void an_empty_log_has_nothing_to_walk(void **state) {
    assert_seqs(*state, 0, NULL, 0);
}

/* ---- The newest up to a seq ------------------------------------------------------------------ */

static void assert_last(struct store *store, uint64_t seq, uint64_t expected) {
    struct log_entry entry;
    struct reel_error error;
    test_context("the newest up to %llu", (unsigned long long)seq);
    int rc = log_get_last(store, store->txn, seq, &entry, &error);
    must(rc == (expected ? 0 : -ENOENT));
    if (expected) must(entry.seq == expected);
    must(!atomic_load(&store->broken));
}

static void the_newest_is_found_within_a_block(void **state) {
    append_together(*state, SEQS(2, 3, 5, 6));
    assert_last(*state, 1, 0);
    assert_last(*state, 2, 2);
    assert_last(*state, 4, 3);
    assert_last(*state, 5, 5);
    assert_last(*state, 6, 6);
    assert_last(*state, UINT64_MAX, 6);
}

/* What is looked for lies in a gap between two blocks, or in one at a block's beginning. */
static void the_newest_is_found_in_the_block_before(void **state) {
    append_together(*state, SEQS(2, 3));
    append_together(*state, SEQS(10, 300));
    append_together(*state, SEQS(301));
    assert_last(*state, 4, 3);
    assert_last(*state, 9, 3);
    assert_last(*state, 10, 10);
    assert_last(*state, 299, 10);
    assert_last(*state, 300, 300);
    assert_last(*state, 301, 301);
    assert_last(*state, 302, 301);
}

static void an_empty_log_has_no_newest(void **state) {
    assert_last(*state, 0, 0);
    assert_last(*state, UINT64_MAX, 0);
}

static void below_the_floor_there_is_no_newest(void **state) {
    uint64_t floor;
    struct reel_error error;
    append_together(*state, SEQS(2, 3, 5, 6));
    must_ok(log_trim(*state, 5, 100, &floor, &error), error);
    assert_last(*state, 4, 0);
    assert_last(*state, 5, 5);
    must_ok(log_trim(*state, 7, 100, &floor, &error), error);
    assert_last(*state, 6, 0);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)
    const struct CMUnitTest tests[] = {
        CASE(an_entry_is_as_it_was_given),
        CASE(type_and_subject_are_found_in_the_bytes),
        CASE(what_is_absent_is_none_and_needs_no_look),
        CASE(an_escaped_type_or_subject_needs_a_look_inside),
        CASE(an_event_may_be_kept_without_its_bytes),
        CASE(an_entry_can_be_read_before_it_is_described),
        CASE(an_absent_seq_is_not_found),
        CASE(damaged_entries_are_noticed),
        CASE(a_block_that_is_damaged_further_in_is_noticed),
        CASE(what_was_not_flushed_is_not_there),
        CASE(the_copy_in_the_block_can_be_read_and_its_room_too),
        CASE(what_was_aborted_is_forgotten),
        CASE(events_together_are_one_block),
        CASE(a_full_block_is_written_and_the_next_begun),
        CASE(an_event_larger_than_a_block_is_kept),
        CASE(a_walk_may_begin_within_a_block),
        CASE(a_type_that_moves_is_found_again),
        CASE(a_walk_steps_over_gaps),
        CASE(an_empty_log_has_nothing_to_walk),
        CASE(the_newest_is_found_within_a_block),
        CASE(the_newest_is_found_in_the_block_before),
        CASE(an_empty_log_has_no_newest),
        CASE(below_the_floor_there_is_no_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
