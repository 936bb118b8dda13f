/* tree_test.c: the B+tree that keeps its older states. */
#include "memtable_support.h"

#include "faults.h"

#include <stdio.h>
#include <stdlib.h>

enum { MANY = 5000 };

static const XXH128_hash_t no_hash;

/* `number` as a key in the order of numbers. */
static struct reel_str key_of(size_t number, char space[32]) {
    return (struct reel_str){space, (size_t)snprintf(space, 32, "cell-%08zu", number)};
}

static void put_number(struct tree *tree, struct tree_edit *edit, size_t number) {
    char space[32];
    struct reel_str key = key_of(number, space);
    must(tree_put(tree, edit, key, key, no_hash) == 0);
}

static bool has_number(const struct tree *tree, size_t number) {
    char space[32];
    struct reel_str key = key_of(number, space);
    const struct item *item = tree_get(tree, key);
    must(!item || (reel_str_eq(item_key(item), key) && reel_str_eq(item_value(item), key)));
    return item != NULL;
}

/* Begins the next group; returns the state before it. */
static struct tree begin(const struct tree *tree, struct tree_edit *edit) {
    edit->born++;
    return *tree;
}

/* The states before are needed no more. */
static void free_retired(struct tree_edit *edit) {
    struct part *part;
    while ((part = parts_pop(&edit->retired))) free(part);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void keys_in_any_order_are_found(void **state) {
    static const size_t steps[] = {1, MANY - 1, 1237}; /* rising, falling, about at random */
    (void)state;
    for (size_t i = 0; i < LENGTH(steps); i++) {
        struct tree tree = {0};
        struct tree_edit edit = {.born = 1};
        for (size_t n = 0, at = 0; n < MANY; n++, at = (at + steps[i]) % MANY)
            put_number(&tree, &edit, at);
        assert_sound(&tree);
        assert_int_equal(tree.count, MANY);
        for (size_t n = 0; n < MANY; n++) must(has_number(&tree, n));
        assert_false(has_number(&tree, MANY));
        free_tree(&tree);
    }
}

static void rising_keys_fill_their_nodes(void **state) {
    struct tree tree = {0};
    struct tree_edit edit = {.born = 1};
    (void)state;
    size_t items = 0;
    char space[32];
    for (size_t n = 0; n < MANY; n++) {
        struct reel_str key = key_of(n, space);
        put_number(&tree, &edit, n);
        items += tree_get(&tree, key)->part.bytes;
    }
    size_t nodes = (edit.bytes - items) / sizeof(struct node);
    assert_in_range(nodes, MANY / LEAF_ITEMS, MANY / LEAF_ITEMS * 3 / 2);
    free_tree(&tree);
}

static void a_published_state_does_not_change(void **state) {
    struct tree tree = {0};
    struct tree_edit edit = {.born = 1};
    (void)state;
    for (size_t n = 0; n < MANY; n += 2) put_number(&tree, &edit, n);
    struct tree before = begin(&tree, &edit);
    for (size_t n = 1; n < MANY; n += 2) put_number(&tree, &edit, n);
    for (size_t n = 0; n < MANY; n += 4) {
        char space[32];
        must(tree_erase(&tree, &edit, key_of(n, space)) == 0);
    }
    assert_sound(&before);
    assert_sound(&tree);
    for (size_t n = 0; n < MANY; n++) {
        must(has_number(&before, n) == (n % 2 == 0));
        must(has_number(&tree, n) == (n % 4 != 0));
    }
    tree_undo(&tree, before, &edit);
    assert_sound(&tree);
    free_tree(&tree);
}

static void each_path_is_copied_once_in_a_group(void **state) {
    struct tree tree = {0};
    struct tree_edit edit = {.born = 1};
    (void)state;
    for (size_t n = 0; n < MANY; n++) put_number(&tree, &edit, n);
    struct tree before = begin(&tree, &edit);
    put_number(&tree, &edit, 17);
    size_t once = edit.retired.bytes;
    for (size_t i = 0; i < 100; i++) put_number(&tree, &edit, 17);
    assert_int_equal(edit.retired.bytes, once);
    assert_true(once <= (tree.root->height + 2u) * sizeof(struct node));
    tree_undo(&tree, before, &edit);
    assert_sound(&tree);
    free_tree(&tree);
}

static void a_hot_record_takes_its_memory_once(void **state) {
    struct tree tree = {0};
    struct tree_edit edit = {.born = 1};
    (void)state;
    assert_int_equal(tree_put(&tree, &edit, STR("hot"), STR("value 1"), no_hash), 0);
    const struct item *item = tree_get(&tree, STR("hot"));
    size_t bytes = edit.bytes;
    assert_int_equal(tree_put(&tree, &edit, STR("hot"), STR("value 2"), no_hash), 0);
    assert_ptr_equal(tree_get(&tree, STR("hot")), item);
    assert_bytes(item_value(item), STR("value 2"));
    assert_int_equal(edit.bytes, bytes);
    assert_int_equal(tree_put(&tree, &edit, STR("hot"), STR(""), no_hash), 0);
    assert_bytes(item_value(tree_get(&tree, STR("hot"))), STR(""));
    free_tree(&tree);
}

static void a_tombstone_is_an_item(void **state) {
    struct tree tree = {0};
    struct tree_edit edit = {.born = 1};
    (void)state;
    assert_int_equal(tree_put_tombstone(&tree, &edit, STR("gone"), (XXH128_hash_t){0, 0}), 0);
    assert_true(item_is_deleted(tree_get(&tree, STR("gone"))));
    assert_int_equal(tree.count, 1);
    assert_int_equal(tree_put(&tree, &edit, STR("gone"), STR("back"), no_hash), 0);
    assert_false(item_is_deleted(tree_get(&tree, STR("gone"))));
    free_tree(&tree);
}

static void what_is_erased_leaves_nothing(void **state) {
    struct tree tree = {0};
    struct tree_edit edit = {.born = 1};
    char space[32];
    (void)state;
    for (size_t n = 0; n < MANY; n++) put_number(&tree, &edit, n);
    for (size_t n = 0, at = 0; n < MANY; n++, at = (at + 1237) % MANY) {
        must(tree_erase(&tree, &edit, key_of(at, space)) == 0);
        if (n % 97 == 0) assert_sound(&tree);
    }
    assert_null(tree.root);
    assert_int_equal(tree.count, 0);
    assert_int_equal(edit.bytes, 0);
    assert_int_equal(tree_erase(&tree, &edit, STR("none")), -ENOENT);
    assert_null(edit.retired.first);
}

/* One that is erased and put again at each event, as a hot record in the order of changes. */
static void a_key_that_moves_on_takes_little_memory(void **state) {
    struct tree tree = {0};
    struct tree_edit edit = {.born = 1};
    char space[32];
    (void)state;
    for (size_t n = 0; n < MANY; n++) {
        put_number(&tree, &edit, n);
        if (n >= 10) must(tree_erase(&tree, &edit, key_of(n - 10, space)) == 0);
        edit.born++;
        free_retired(&edit);
    }
    assert_int_equal(tree.count, 10);
    assert_true(edit.bytes < 20 * sizeof(struct node));
    for (size_t n = MANY - 10; n < MANY; n++) must(tree_erase(&tree, &edit, key_of(n, space)) == 0);
    free_retired(&edit);
    assert_int_equal(edit.bytes, 0);
}

static void keys_may_be_empty_and_long(void **state) {
    struct tree tree = {0};
    struct tree_edit edit = {.born = 1};
    (void)state;
    char *bytes = malloc(200000);
    must(bytes);
    memset(bytes, 'k', 200000);
    for (size_t len = 0; len < 200000; len = len * 2 + 1) {
        struct reel_str key = {bytes, len};
        must(tree_put(&tree, &edit, key, STR("a"), no_hash) == 0);
    }
    for (size_t i = 0; i < 200; i++) { /* alike up to the last byte */
        bytes[99999] = (char)i;
        must(tree_put(&tree, &edit, (struct reel_str){bytes, 100000}, STR("b"), no_hash) == 0);
    }
    assert_sound(&tree);
    assert_non_null(tree_get(&tree, (struct reel_str){NULL, 0}));
    free(bytes);
    free_tree(&tree);
}

/* ---- Out of memory --------------------------------------------------------------------------- */

/* Puts or erases, with each of its allocations failing before; the contents stay until it succeeds.
 * Returns how many failed. */
static size_t change_with_failures(struct tree *tree, struct tree_edit *edit, size_t number,
                                   bool erases) {
    static const char long_value[200];
    struct reel_str value = {long_value, edit->born > 1 ? sizeof long_value : 1};
    char space[32];
    struct reel_str key = key_of(number, space);
    for (size_t n = 0;; n++) {
        uint64_t count = tree->count;
        const struct item *before = tree_get(tree, key);
        faults_begin(n);
        int rc = erases ? tree_erase(tree, edit, key) : tree_put(tree, edit, key, value, no_hash);
        bool one_failed = faults_end();
        assert_int_equal(rc, one_failed ? -ENOMEM : 0);
        if (!one_failed) return n;
        assert_int_equal(tree->count, count);
        assert_ptr_equal(tree_get(tree, key), before);
        assert_sound(tree);
    }
}

static void a_failed_allocation_changes_nothing(void **state) {
    enum { KEYS = 400 };
    struct tree tree = {0};
    struct tree_edit edit = {.born = 1};
    size_t failed = 0;
    (void)state;
    for (size_t i = 0; i < 3 * KEYS; i++) { /* in three groups: new, longer, half of them erased */
        if (i % KEYS == 0) edit.born++;
        bool erases = i >= 2 * KEYS;
        if (erases && i % 2) continue;
        failed += change_with_failures(&tree, &edit, i * 137 % KEYS, erases);
    }
    assert_int_equal(tree.count, KEYS / 2);
    assert_true(failed > 3 * KEYS / 2);
    free_retired(&edit);
    free_tree(&tree);
}

UNIT_TESTS(tree_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_in_any_order_are_found),
        cmocka_unit_test(rising_keys_fill_their_nodes),
        cmocka_unit_test(a_published_state_does_not_change),
        cmocka_unit_test(each_path_is_copied_once_in_a_group),
        cmocka_unit_test(a_hot_record_takes_its_memory_once),
        cmocka_unit_test(a_tombstone_is_an_item),
        cmocka_unit_test(what_is_erased_leaves_nothing),
        cmocka_unit_test(a_key_that_moves_on_takes_little_memory),
        cmocka_unit_test(keys_may_be_empty_and_long),
        cmocka_unit_test(a_failed_allocation_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
