/* arena_test.c: what is handed out is aligned, stays, and is had again after a reset. */
#include "unit.h"

#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static int begin(void **state) {
    *state = calloc(1, sizeof(struct arena));
    return *state ? 0 : -1;
}

static int finish(void **state) {
    arena_finish(*state);
    free(*state);
    return 0;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void memory_is_aligned_after_text_of_any_length(void **state) {
    for (size_t len = 0; len < 100; len++) {
        assert_non_null(arena_text(*state, len));
        void *taken = arena_alloc(*state, 1);
        assert_int_equal((uintptr_t)taken % alignof(max_align_t), 0);
    }
}

static void nothing_of_it_overlaps(void **state) {
    enum { PIECES = 3000 };
    struct reel_str pieces[PIECES];
    uint64_t random = 1;
    for (size_t at = 0; at < PIECES; at++) {
        size_t len = random_below(&random, at % 100 == 0 ? 400000 : 400);
        char *piece = at % 2 ? arena_alloc(*state, len) : arena_text(*state, len);
        assert_non_null(piece);
        memset(piece, (int)(at % 251), len);
        pieces[at] = (struct reel_str){piece, len};
    }
    for (size_t at = 0; at < PIECES; at++)
        for (size_t byte = 0; byte < pieces[at].len; byte++)
            if (pieces[at].data[byte] != (char)(at % 251)) fail_msg("piece %zu was changed", at);
}

static void no_bytes_are_still_a_place(void **state) {
    assert_non_null(arena_copy(*state, NULL, 0));
    assert_non_null(arena_alloc(*state, 0));
}

static void a_copy_is_one(void **state) {
    char *copy = arena_copy(*state, "a\0b", 3);
    assert_memory_equal(copy, "a\0b", 3);
}

static void a_reset_hands_out_the_same_memory_again(void **state) {
    struct arena *arena = *state;
    void *first = arena_alloc(arena, 100);
    arena_alloc(arena, 1000);
    assert_true(arena->used >= 1100);
    arena_reset(arena);
    assert_int_equal(arena->used, 0);
    assert_ptr_equal(arena_alloc(arena, 100), first);
}

static void after_a_reset_one_block_has_room_for_all_that_was_used(void **state) {
    struct arena *arena = *state;
    for (size_t at = 0; at < 30; at++) arena_alloc(arena, 100000);
    size_t used = arena->used;
    arena_reset(arena);
    assert_true((size_t)(arena->end - arena->next) >= used);
}

static void a_reset_keeps_no_more_than_the_bound(void **state) {
    struct arena *arena = *state;
    for (size_t at = 0; at < 3; at++) assert_non_null(arena_alloc(arena, ARENA_KEEP_BYTES));
    arena_reset(arena);
    assert_true((size_t)(arena->end - arena->next) <= ARENA_KEEP_BYTES);
}

static void a_single_large_block_is_not_kept_either(void **state) {
    struct arena *arena = *state;
    assert_non_null(arena_alloc(arena, 2 * ARENA_KEEP_BYTES));
    arena_reset(arena);
    assert_true((size_t)(arena->end - arena->next) <= ARENA_KEEP_BYTES);
}

static void an_empty_arena_can_be_reset_and_finished(void **state) {
    struct arena *arena = *state;
    arena_reset(arena);
    arena_finish(arena);
    assert_non_null(arena_alloc(arena, 1));
}

UNIT_TESTS(arena_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(memory_is_aligned_after_text_of_any_length),
        CASE(nothing_of_it_overlaps),
        CASE(no_bytes_are_still_a_place),
        CASE(a_copy_is_one),
        CASE(a_reset_hands_out_the_same_memory_again),
        CASE(after_a_reset_one_block_has_room_for_all_that_was_used),
        CASE(a_reset_keeps_no_more_than_the_bound),
        CASE(a_single_large_block_is_not_kept_either),
        CASE(an_empty_arena_can_be_reset_and_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
