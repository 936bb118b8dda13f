/* places_test.c: a follower moves only as the table in places.h says, and what the hub's thread
 * must keep true by itself is held up by invariants: turns, states, positions, sums. */
#include "unit.h"

#include "follow/follower.h"

struct moving {
    struct hub hub;
    struct follower follower;
    enum place to;
};

static void put(struct moving *moving, enum place from, enum place to) {
    *moving = (struct moving){.hub.epoll = -1, .to = to};
    moving->follower.hub = &moving->hub;
    moving->follower.place = from;
    place_list_add(&moving->hub.places[from], &moving->follower);
}

static void move(void *context) {
    struct moving *moving = context;
    place_move(&moving->follower, moving->to);
}

static void it_moves_as_the_table_says_and_no_other_way(void **state) {
    static const char *const table[PLACES] = {
        /* to: ready, behind, later, in sync, full, closed */
        [PLACE_READY] = "111111",   [PLACE_BEHIND] = "111111", [PLACE_LATER] = "100010",
        [PLACE_IN_SYNC] = "100010", [PLACE_FULL] = "100000",   [PLACE_CLOSED] = "000000",
    };
    struct moving moving;
    (void)state;
    for (enum place from = 0; from < PLACES; from++)
        for (enum place to = 0; to < PLACES; to++) {
            put(&moving, from, to);
            if (table[from][to] == '0') {
                assert_aborts(move, &moving);
                continue;
            }
            move(&moving);
            assert_ptr_equal(moving.hub.places[to].first, &moving.follower);
            assert_ptr_equal(moving.hub.places[to].last, &moving.follower);
            if (from != to) assert_null(moving.hub.places[from].first);
        }
}

static enum closing close_to;

static void move_closing(void *context) {
    struct moving *moving = context;
    closing_move(&moving->follower, close_to);
}

static void it_closes_as_the_table_says_and_no_other_way(void **state) {
    static const char *const table[CLOSINGS] = {
        /* to: not, owed, said */
        [CLOSING_NOT] = "011",
        [CLOSING_OWED] = "101",
        [CLOSING_SAID] = "000",
    };
    struct moving moving;
    (void)state;
    put(&moving, PLACE_READY, PLACE_READY);
    for (enum closing from = 0; from < CLOSINGS; from++)
        for (close_to = 0; close_to < CLOSINGS; close_to++) {
            moving.follower.closing = from;
            if (table[from][close_to] == '0') {
                assert_violates(move_closing, &moving, "closing_moves[");
                continue;
            }
            move_closing(&moving);
            assert_int_equal(moving.follower.closing, close_to);
        }
}

static void one_that_has_ended_does_not_move(void **state) {
    struct moving moving;
    (void)state;
    put(&moving, PLACE_READY, PLACE_FULL);
    moving.follower.fd = -1;
    assert_aborts(move, &moving);
}

static void take_turn(void *context) {
    struct moving *moving = context;
    follower_turn(&moving->follower);
}

static void a_turn_is_only_for_one_that_is_ready(void **state) {
    struct moving moving;
    (void)state;
    put(&moving, PLACE_IN_SYNC, PLACE_IN_SYNC);
    assert_aborts(take_turn, &moving);
}

static atomic_uint_fast64_t total;

static void add_older(void *context) {
    (void)chunk_add(context, 10, STR("older"));
}

static void positions_rise_within_a_chunk(void **state) {
    struct chunk *chunk = chunk_create(9, true, &total);
    (void)state;
    must(chunk && chunk_add(chunk, 11, STR("newer")) == 0);
    assert_aborts(add_older, chunk);
    chunk_unref(chunk);
}

static void give_back(void *context) {
    atomic_store(&total, 0); /* as if it had been given back before */
    chunk_unref(context);
}

static void bytes_are_given_back_once(void **state) {
    struct chunk *chunk = chunk_create(9, true, &total);
    (void)state;
    must(chunk && chunk_add(chunk, 10, STR("ten")) == 0);
    assert_aborts(give_back, chunk);
    chunk_unref(chunk);
    assert_int_equal(atomic_load(&total), 0);
}

UNIT_TESTS(places_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_moves_as_the_table_says_and_no_other_way),
        cmocka_unit_test(it_closes_as_the_table_says_and_no_other_way),
        cmocka_unit_test(one_that_has_ended_does_not_move),
        cmocka_unit_test(a_turn_is_only_for_one_that_is_ready),
        cmocka_unit_test(positions_rise_within_a_chunk),
        cmocka_unit_test(bytes_are_given_back_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
