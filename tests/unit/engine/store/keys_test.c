/* keys_test.c: keys of any length, against a sorted list; and what is left in LMDB of them. */
#include "unit.h"

#include "engine/store/keys.h"

#include <stdlib.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

struct fixture {
    struct store *store;
    MDB_dbi dbi;
    struct keys_writer writer;
    uint64_t random;
};

static int begin(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct reel_error error;
    void *store;
    must(fixture);
    open_store(&store);
    fixture->store = store;
    fixture->dbi = lmdb_begin(store, "c/things");
    must_ok(keys_writer_start(&fixture->writer, store, fixture->dbi, &error), error);
    *state = fixture;
    return 0;
}

static int finish(void **state) {
    struct fixture *fixture = *state;
    void *store = fixture->store;
    keys_writer_finish(&fixture->writer);
    close_store(&store);
    free(fixture);
    return 0;
}

static void put(struct fixture *fixture, struct reel_str key, const char *value) {
    struct reel_error error;
    char *space = NULL;
    must_ok(keys_put(&fixture->writer, key, strlen(value), &space, &error), error);
    memcpy(space, value, strlen(value));
}

static void delete (struct fixture *fixture, struct reel_str key) {
    struct reel_error error;
    must_ok(keys_delete(&fixture->writer, key, &error), error);
}

/* A key of that length: a number, then always the same letter. */
struct long_key {
    struct reel_str str;
    char bytes[4 * KEY_CHUNK];
};
static struct reel_str key_of(struct long_key *key, size_t len, unsigned number) {
    memset(key->bytes, 'k', len);
    if (len > 0) key->bytes[len - 1] = (char)number;
    key->str = (struct reel_str){key->bytes, len};
    return key->str;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_value(struct fixture *fixture, struct reel_str key, const char *expected) {
    struct store *store = fixture->store;
    struct reel_str found = {0};
    struct reel_error error;
    int rc = keys_get(store, store->txn, fixture->dbi, key, &found, &error);
    assert_int_equal(rc, expected ? 0 : -ENOENT);
    if (expected) assert_bytes(found, reel_text(expected));
}

static void assert_walk(struct fixture *fixture, struct reel_str from, bool after,
                        const struct reel_str *keys, size_t count) {
    struct store *store = fixture->store;
    struct keys_walk walk;
    struct reel_error error;
    struct reel_str key, value;
    must_ok(keys_walk_start(&walk, store, store->txn, fixture->dbi, from, after, &error), error);
    for (size_t at = 0; at < count; at++) {
        assert_int_equal(keys_next(&walk, &key, &value, &error), 1);
        assert_bytes(key, keys[at]);
    }
    assert_int_equal(keys_next(&walk, &key, &value, &error), 0);
    keys_walk_finish(&walk);
}

static const struct reel_str from_start = {NULL, 0};

/* ---- Single keys ----------------------------------------------------------------------------- */

static const size_t lengths[] = {
    0,
    1,
    2,
    KEY_CHUNK - 1,
    KEY_CHUNK,
    KEY_CHUNK + 1,
    2 * KEY_CHUNK - 1,
    2 * KEY_CHUNK,
    2 * KEY_CHUNK + 1,
    3 * KEY_CHUNK,
    3 * KEY_CHUNK + 1,
};

static void a_key_of_any_length_is_found_and_no_other(void **state) {
    for (size_t at = 0; at < LENGTH(lengths); at++) {
        struct long_key key, other;
        put(*state, key_of(&key, lengths[at], 'a'), "value");
        assert_value(*state, key.str, "value");
        for (size_t near = 0; near < LENGTH(lengths); near++)
            assert_value(*state, key_of(&other, lengths[near], 'b'),
                         lengths[near] == 0 && lengths[at] == 0 ? "value" : NULL);
        delete (*state, key.str);
        assert_value(*state, key.str, NULL);
    }
}

static void prefixes_of_a_key_are_keys_of_their_own(void **state) {
    struct long_key keys[LENGTH(lengths)];
    struct reel_str expected[LENGTH(lengths)];
    char value[16];
    for (size_t at = LENGTH(lengths); at-- > 0;) {
        snprintf(value, sizeof value, "%zu", lengths[at]);
        expected[at] = key_of(&keys[at], lengths[at], 'k');
        put(*state, expected[at], value);
    }
    for (size_t at = 0; at < LENGTH(lengths); at++) {
        snprintf(value, sizeof value, "%zu", lengths[at]);
        assert_value(*state, expected[at], value);
    }
    assert_walk(*state, from_start, false, expected, LENGTH(lengths));
}

static void a_later_value_replaces_the_first(void **state) {
    for (size_t at = 0; at < LENGTH(lengths); at++) {
        struct long_key key;
        put(*state, key_of(&key, lengths[at], 'a'), "the first");
        put(*state, key.str, "2nd");
        assert_value(*state, key.str, "2nd");
    }
}

static void deleting_what_is_not_there_is_told(void **state) {
    struct fixture *fixture = *state;
    struct reel_error error;
    for (size_t at = 0; at < LENGTH(lengths); at++) {
        struct long_key key;
        int rc = keys_delete(&fixture->writer, key_of(&key, lengths[at], 'a'), &error);
        assert_int_equal(rc, -ENOENT);
    }
    assert_int_equal(lmdb_entries(fixture->store, fixture->dbi), 0);
}

/* ---- Walking --------------------------------------------------------------------------------- */

static void a_walk_begins_between_at_or_after(void **state) {
    const struct reel_str keys[] = {STR("a"), STR("b"), STR("d")};
    for (size_t at = 0; at < LENGTH(keys); at++) put(*state, keys[at], "");
    assert_walk(*state, STR(""), false, keys, 3);
    assert_walk(*state, STR("b"), false, keys + 1, 2);
    assert_walk(*state, STR("b"), true, keys + 2, 1);
    assert_walk(*state, STR("c"), true, keys + 2, 1);
    assert_walk(*state, STR("d"), true, NULL, 0);
    assert_walk(*state, STR("e"), false, NULL, 0);
}

static void the_empty_key_can_be_stepped_over(void **state) {
    const struct reel_str keys[] = {STR(""), STR("\0"), STR("\x01")};
    for (size_t at = 0; at < LENGTH(keys); at++) put(*state, keys[at], "");
    assert_walk(*state, from_start, true, keys, 3);
    assert_walk(*state, STR(""), false, keys, 3);
    assert_walk(*state, STR(""), true, keys + 1, 2);
}

static void a_walk_goes_in_and_out_of_long_keys(void **state) {
    struct long_key a, b, c, from;
    const struct reel_str keys[] = {key_of(&a, KEY_CHUNK, 'k'), key_of(&b, 2 * KEY_CHUNK + 1, 'b'),
                                    key_of(&c, 3 * KEY_CHUNK, 'k'), STR("l")};
    for (size_t at = 0; at < LENGTH(keys); at++) put(*state, keys[at], "");
    assert_walk(*state, from_start, false, keys, 4);
    assert_walk(*state, keys[0], true, keys + 1, 3);
    assert_walk(*state, keys[1], true, keys + 2, 2);
    assert_walk(*state, keys[2], true, keys + 3, 1);
    assert_walk(*state, key_of(&from, 2 * KEY_CHUNK + 1, 'a'), false, keys + 1, 3);
    assert_walk(*state, key_of(&from, 2 * KEY_CHUNK + 1, 'c'), false, keys + 2, 2);
    assert_walk(*state, key_of(&from, KEY_CHUNK + 1, 'l'), false, keys + 3, 1);
    assert_walk(*state, key_of(&from, 4 * KEY_CHUNK, 'k'), false, keys + 3, 1);
}

/* ---- What is left ---------------------------------------------------------------------------- */

static void deleting_leaves_no_entries_but_the_counter(void **state) {
    struct fixture *fixture = *state;
    struct long_key key;
    for (size_t round = 0; round < 3; round++) {
        for (size_t at = 0; at < LENGTH(lengths); at++)
            for (unsigned number = 'a'; number < 'd'; number++)
                put(fixture, key_of(&key, lengths[at], number), "v");
        for (size_t at = 0; at < LENGTH(lengths); at++)
            for (unsigned number = 'a'; number < 'd'; number++)
                if (lengths[at] > 0 || number == 'a')
                    delete (fixture, key_of(&key, lengths[at], number));
        assert_int_equal(lmdb_entries(fixture->store, fixture->dbi), 1);
    }
}

static void short_keys_need_no_counter(void **state) {
    struct fixture *fixture = *state;
    struct long_key key;
    put(fixture, key_of(&key, KEY_CHUNK, 'a'), "v");
    assert_int_equal(lmdb_entries(fixture->store, fixture->dbi), 1);
    delete (fixture, key.str);
    assert_int_equal(lmdb_entries(fixture->store, fixture->dbi), 0);
}

static void keys_of_the_same_node_survive_a_delete(void **state) {
    struct long_key a, b;
    put(*state, key_of(&a, KEY_CHUNK + 5, 'a'), "a");
    put(*state, key_of(&b, KEY_CHUNK + 5, 'b'), "b");
    delete (*state, a.str);
    assert_value(*state, a.str, NULL);
    assert_value(*state, b.str, "b");
    assert_walk(*state, from_start, false, &b.str, 1);
}

static void a_key_comes_back_after_its_nodes_are_gone(void **state) {
    struct long_key key;
    for (size_t round = 0; round < 5; round++) {
        put(*state, key_of(&key, 3 * KEY_CHUNK + 7, 'a'), round % 2 ? "odd" : "even");
        assert_value(*state, key.str, round % 2 ? "odd" : "even");
        assert_walk(*state, from_start, false, &key.str, 1);
        delete (*state, key.str);
        assert_walk(*state, from_start, false, NULL, 0);
    }
}

/* ---- Appending ------------------------------------------------------------------------------- */

/* Pages that many ascending short keys take, put by several writers as by several commits. */
static size_t pages_appended(struct fixture *fixture) {
    enum { COMMITS = 20, KEYS = 1000 };
    struct reel_error error;
    char key[16];
    for (int number = 0; number < COMMITS * KEYS; number++) {
        if (number % KEYS == 0) {
            keys_writer_finish(&fixture->writer);
            lmdb_commit(fixture->store);
            lmdb_begin(fixture->store, "c/things");
            must_ok(keys_writer_start(&fixture->writer, fixture->store, fixture->dbi, &error),
                    error);
        }
        int len = snprintf(key, sizeof key, "l%08d", number);
        put(fixture, (struct reel_str){key, (size_t)len}, "a value as of a small record");
    }
    MDB_stat stat;
    must(mdb_stat(fixture->store->txn, fixture->dbi, &stat) == 0);
    return stat.ms_leaf_pages;
}

/* In a fixture of its own: what appending takes where there never was a long key. */
static size_t pages_without_long_keys(void) {
    void *fixture;
    begin(&fixture);
    size_t pages = pages_appended(fixture);
    finish(&fixture);
    return pages;
}

static void a_long_key_does_not_end_appending(void **state) {
    struct long_key key;
    put(*state, key_of(&key, 3 * KEY_CHUNK, 'a'), "v");
    assert_in_range(pages_appended(*state), 1, pages_without_long_keys() * 12 / 10);
}

static void a_long_key_that_is_gone_does_not_end_appending(void **state) {
    struct long_key key;
    put(*state, key_of(&key, 3 * KEY_CHUNK, 'a'), "v");
    delete (*state, key.str);
    assert_in_range(pages_appended(*state), 1, pages_without_long_keys() * 12 / 10);
}

UNIT_TESTS(keys_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(a_key_of_any_length_is_found_and_no_other),
        CASE(prefixes_of_a_key_are_keys_of_their_own),
        CASE(a_later_value_replaces_the_first),
        CASE(deleting_what_is_not_there_is_told),
        CASE(a_walk_begins_between_at_or_after),
        CASE(the_empty_key_can_be_stepped_over),
        CASE(a_walk_goes_in_and_out_of_long_keys),
        CASE(deleting_leaves_no_entries_but_the_counter),
        CASE(short_keys_need_no_counter),
        CASE(keys_of_the_same_node_survive_a_delete),
        CASE(a_key_comes_back_after_its_nodes_are_gone),
        CASE(a_long_key_does_not_end_appending),
        CASE(a_long_key_that_is_gone_does_not_end_appending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
