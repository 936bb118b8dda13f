/* tree_walk_test.c: walking a tree forwards and backwards. */
#include "memtable_support.h"

#include <stdio.h>

enum { MANY = 2000 };

static const XXH128_hash_t no_hash;

/* Even numbers are keys; odd ones stand between them. */
static struct reel_str key_of(size_t number, char space[32]) {
    return (struct reel_str){space, (size_t)snprintf(space, 32, "%06zu", number)};
}

static void fill(struct tree *tree, size_t count) {
    struct tree_edit edit = {.born = 1};
    char space[32];
    for (size_t n = 0; n < count; n++)
        must(tree_put(tree, &edit, key_of(2 * n, space), STR("v"), no_hash) == 0);
}

static void assert_at(const struct item *item, size_t number) {
    char space[32];
    must(item);
    assert_bytes(item_key(item), key_of(number, space));
}

static void it_goes_both_ways(void **state) {
    struct tree tree = {0};
    struct tree_walk walk;
    (void)state;
    fill(&tree, MANY);
    const struct item *item = tree_seek(&walk, &tree, STR(""), SEEK_AT_OR_ABOVE);
    for (size_t n = 0; n < MANY; n++, item = tree_next(&walk)) assert_at(item, 2 * n);
    assert_null(item);
    item = tree_seek(&walk, &tree, STR(""), SEEK_LAST);
    for (size_t n = MANY; n-- > 0; item = tree_previous(&walk)) assert_at(item, 2 * n);
    assert_null(item);
    free_tree(&tree);
}

static void it_turns_anywhere(void **state) {
    struct tree tree = {0};
    struct tree_walk walk;
    uint64_t random = 1;
    size_t at = MANY / 2;
    char space[32];
    (void)state;
    fill(&tree, MANY);
    assert_at(tree_seek(&walk, &tree, key_of(2 * at, space), SEEK_AT_OR_ABOVE), 2 * at);
    for (size_t i = 0; i < 20000; i++) {
        bool forward = at == 0 || (at + 1 < MANY && random_below(&random, 2));
        at = forward ? at + 1 : at - 1;
        assert_at(forward ? tree_next(&walk) : tree_previous(&walk), 2 * at);
    }
    free_tree(&tree);
}

static void it_begins_at_any_key_and_between(void **state) {
    struct tree tree = {0};
    struct tree_walk walk;
    char space[32];
    (void)state;
    fill(&tree, MANY);
    for (size_t n = 1; n + 2 < MANY; n++) {
        struct reel_str on = key_of(2 * n, space);
        assert_at(tree_seek(&walk, &tree, on, SEEK_AT_OR_ABOVE), 2 * n);
        assert_at(tree_seek(&walk, &tree, on, SEEK_ABOVE), 2 * n + 2);
        assert_at(tree_seek(&walk, &tree, on, SEEK_AT_OR_BELOW), 2 * n);
        assert_at(tree_seek(&walk, &tree, on, SEEK_BELOW), 2 * n - 2);
        struct reel_str between = key_of(2 * n + 1, space);
        assert_at(tree_seek(&walk, &tree, between, SEEK_AT_OR_ABOVE), 2 * n + 2);
        assert_at(tree_seek(&walk, &tree, between, SEEK_ABOVE), 2 * n + 2);
        assert_at(tree_seek(&walk, &tree, between, SEEK_AT_OR_BELOW), 2 * n);
        assert_at(tree_seek(&walk, &tree, between, SEEK_BELOW), 2 * n);
    }
    free_tree(&tree);
}

static void there_is_nothing_beyond_the_ends(void **state) {
    struct tree tree = {0};
    struct tree_walk walk;
    (void)state;
    assert_null(tree_seek(&walk, &tree, STR(""), SEEK_AT_OR_ABOVE));
    assert_null(tree_seek(&walk, &tree, STR(""), SEEK_LAST));
    fill(&tree, 100);
    assert_null(tree_seek(&walk, &tree, STR("000198"), SEEK_ABOVE));
    assert_null(tree_seek(&walk, &tree, STR("z"), SEEK_AT_OR_ABOVE));
    assert_null(tree_seek(&walk, &tree, STR("000000"), SEEK_BELOW));
    assert_null(tree_seek(&walk, &tree, STR(""), SEEK_AT_OR_BELOW));
    free_tree(&tree);
}

UNIT_TESTS(tree_walk_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_both_ways),
        cmocka_unit_test(it_turns_anywhere),
        cmocka_unit_test(it_begins_at_any_key_and_between),
        cmocka_unit_test(there_is_nothing_beyond_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
