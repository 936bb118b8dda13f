/* log_trim_test.c: letting go of the old end, in steps, with what `ids` has of it. */
#include "log_support.h"

#include "engine/store/ids.h"

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_trim(struct store *store, uint64_t first_seq, size_t max, uint64_t floor) {
    struct reel_error error;
    uint64_t found = 0;
    must_ok(log_trim(store, first_seq, max, &found, &error), error);
    assert_int_equal(found, floor);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

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
    assert_trim(*state, 25, 1, 11);
    assert_trim(*state, 25, 1, 21);
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

static void trimming_cuts_a_block_where_it_is_asked(void **state) {
    struct store *store = *state;
    append_together(store, SEQS(1, 2, 3, 10, 11));
    append_together(store, SEQS(12, 13));
    for (uint64_t first = 1; first <= 13; first++) {
        static const uint64_t all[] = {1, 2, 3, 10, 11, 12, 13};
        size_t gone = 0;
        while (all[gone] < first) gone++;
        assert_trim(store, first, 100, first);
        assert_seqs(store, 0, all + gone, LENGTH(all) - gone);
    }
    assert_int_equal(entries_in(store, store->log), 1);
}

static void trimming_in_steps_takes_blocks_whole(void **state) {
    append_together(*state, SEQS(1, 2, 3));
    append_together(*state, SEQS(5, 6));
    append_together(*state, SEQS(8, 9));
    assert_trim(*state, 9, 1, 4);
    assert_seqs(*state, 0, SEQS(5, 6, 8, 9));
    assert_trim(*state, 9, 1, 7);
    assert_trim(*state, 9, 1, 9);
    assert_seqs(*state, 0, SEQS(9));
}

static void ids_go_with_their_events(void **state) {
    struct store *store = *state;
    for (uint64_t seq = 1; seq <= 4; seq++) {
        uint8_t hash[16] = {(uint8_t)seq};
        struct log_entry entry = entry_of(seq, "{}", NULL, NULL);
        entry.flags = LOG_SUBMITTED;
        entry.id_hash = hash;
        append(store, &entry);
        struct ids_known known = {seq == 2 ? 4 : seq, REEL_APPLIED, true, STR("k")};
        assert_int_equal(ids_put(store, hash, &known, NULL), 0);
    }
    assert_trim(store, 4, 100, 4);
    for (uint8_t seq = 1; seq <= 4; seq++) { /* 2 was taken over by a later event: it stays */
        struct ids_known found;
        uint8_t hash[16] = {seq};
        int expected = seq == 2 || seq == 4 ? 0 : -ENOENT;
        assert_int_equal(ids_get(store, store->txn, hash, &found, NULL), expected);
    }
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)
    const struct CMUnitTest tests[] = {
        CASE(trimming_goes_in_steps),
        CASE(the_floor_may_lie_in_a_gap),
        CASE(a_step_that_ends_with_the_last_one_is_done),
        CASE(the_whole_log_can_go),
        CASE(trimming_cuts_a_block_where_it_is_asked),
        CASE(trimming_in_steps_takes_blocks_whole),
        CASE(ids_go_with_their_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
