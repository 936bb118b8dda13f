/* log_test.c: appending, walking and trimming; where type and subject lie. */
#include "unit.h"

#include "ids.h"
#include "log.h"

#include <stdlib.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static const uint8_t hash_of_seven[16] = {7};

/* An entry whose type and subject are as given; NULL: none. */
static struct log_entry entry_of(uint64_t seq, const char *bytes, const char *type,
                                 const char *subject) {
    return (struct log_entry){
        .seq = seq,
        .time_ns = seq * 1000,
        .size = (uint32_t)strlen(bytes),
        .bytes = reel_text(bytes),
        .type = reel_text(type),
        .subject = reel_text(subject),
    };
}

static void append(struct store *store, const struct log_entry *entry) {
    struct reel_error error;
    must_ok(log_append(store, entry, &error), error);
}

static void append_seqs(struct store *store, const uint64_t *seqs, size_t count) {
    for (size_t at = 0; at < count; at++) {
        struct log_entry entry = entry_of(seqs[at], "{\"type\":\"t\"}", "t", NULL);
        append(store, &entry);
    }
}

static struct log_entry got(struct store *store, uint64_t seq) {
    struct log_entry entry;
    struct reel_error error;
    must_ok(log_get(store, store->txn, seq, &entry, &error), error);
    return entry;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_seqs(struct store *store, uint64_t from, const uint64_t *seqs, size_t count) {
    struct log_walk walk;
    struct log_entry entry;
    struct reel_error error;
    must_ok(log_walk_start(&walk, store, store->txn, from, &error), error);
    for (size_t at = 0; at < count; at++) {
        assert_int_equal(log_next(&walk, &entry, &error), 1);
        assert_int_equal(entry.seq, seqs[at]);
    }
    assert_int_equal(log_next(&walk, &entry, &error), 0);
    log_walk_finish(&walk);
}
#define SEQS(...)                                                                                  \
    (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)

static void assert_trim(struct store *store, uint64_t first_seq, size_t max, uint64_t floor) {
    struct reel_error error;
    uint64_t found = 0;
    must_ok(log_trim(store, first_seq, max, &found, &error), error);
    assert_int_equal(found, floor);
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
    struct log_entry entry = entry_of(1, "{\"subject\":\"over there\",\"type\":\"x.y\"}", "x.y",
                                      "over there");
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
    whole[0] = LOG_VERSION + 1;
    MDB_val newer = {value.mv_size, whole};
    assert_int_equal(mdb_put(store->txn, store->log, &key, &newer, 0), 0);
    assert_int_equal(log_get(store, store->txn, 1, &entry, NULL), -EIO);
    free(whole);
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

/* ---- Trimming -------------------------------------------------------------------------------- */

static void trimming_goes_in_steps(void **state) {
    append_seqs(*state, SEQS(1, 2, 3, 4, 5, 6, 7));
    assert_trim(*state, 6, 2, 3);
    assert_seqs(*state, 0, SEQS(3, 4, 5, 6, 7));
    assert_trim(*state, 6, 2, 5);
    assert_trim(*state, 6, 2, 6);
    assert_seqs(*state, 0, SEQS(6, 7));
    assert_trim(*state, 6, 2, 6);
    assert_seqs(*state, 0, SEQS(6, 7));
}

static void the_floor_may_lie_in_a_gap(void **state) {
    append_seqs(*state, SEQS(10, 20, 30));
    assert_trim(*state, 25, 1, 20);
    assert_trim(*state, 25, 1, 25);
    assert_seqs(*state, 0, SEQS(30));
}

static void a_step_that_ends_with_the_last_one_is_done(void **state) {
    append_seqs(*state, SEQS(1, 2, 3));
    assert_trim(*state, 3, 2, 3);
    append_seqs(*state, SEQS(4));
    assert_trim(*state, 5, 2, 5);
    assert_seqs(*state, 0, NULL, 0);
}

static void the_whole_log_can_go(void **state) {
    append_seqs(*state, SEQS(1, 2, 3));
    assert_trim(*state, 4, 100, 4);
    assert_seqs(*state, 0, NULL, 0);
    assert_trim(*state, 9, 100, 9);
    append_seqs(*state, SEQS(4));
    assert_seqs(*state, 0, SEQS(4));
}

static void ids_go_with_their_events(void **state) {
    struct store *store = *state;
    for (uint64_t seq = 1; seq <= 4; seq++) {
        uint8_t hash[16] = {(uint8_t)seq};
        struct log_entry entry = entry_of(seq, "{}", NULL, NULL);
        entry.flags = LOG_SUBMITTED;
        entry.id_hash = hash;
        append(store, &entry);
        assert_int_equal(ids_put(store, hash, seq == 2 ? 4 : seq, NULL), 0);
    }
    assert_trim(store, 4, 100, 4);
    for (uint8_t seq = 1; seq <= 4; seq++) { /* 2 was taken over by a later event: it stays */
        uint64_t found;
        uint8_t hash[16] = {seq};
        int expected = seq == 2 || seq == 4 ? 0 : -ENOENT;
        assert_int_equal(ids_get(store, store->txn, hash, &found, NULL), expected);
    }
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)
    const struct CMUnitTest tests[] = {
        CASE(an_entry_is_as_it_was_given),
        CASE(type_and_subject_are_found_in_the_bytes),
        CASE(what_is_absent_is_none_and_needs_no_look),
        CASE(an_escaped_type_or_subject_needs_a_look_inside),
        CASE(an_event_may_be_kept_without_its_bytes),
        CASE(an_absent_seq_is_not_found),
        CASE(damaged_entries_are_noticed),
        CASE(a_walk_steps_over_gaps),
        CASE(an_empty_log_has_nothing_to_walk),
        CASE(trimming_goes_in_steps),
        CASE(the_floor_may_lie_in_a_gap),
        CASE(a_step_that_ends_with_the_last_one_is_done),
        CASE(the_whole_log_can_go),
        CASE(ids_go_with_their_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
