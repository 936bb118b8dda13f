/* keys_model_test.c: random puts, deletes and walks of keys.h, against a sorted array.
 *
 * Keys are made to be close to each other: long runs of one byte, cut about where chunks end,
 * with the bytes that the stored form uses for itself.
 */
#include "unit.h"

#include "engine/store/keys.h"

#include <stdlib.h>

enum { ROUNDS = 4000, KEYS_MAX = 512, KEY_BYTES_MAX = 4 * KEY_CHUNK };

struct model {
    struct store *store;
    MDB_dbi dbi;
    uint64_t random;
    struct reel_str keys[KEYS_MAX]; /* sorted; the bytes are ours */
    size_t count;
};

static struct reel_str random_key(uint64_t *random, char space[KEY_BYTES_MAX]) {
    static const char letters[] = {0x00, 0x01, 0x02, 'k', 0x7F};
    size_t len = random_below(random, 4) * KEY_CHUNK + random_below(random, 5);
    if (len >= 2) len -= 2;
    memset(space, random_below(random, 8) ? 'k' : 0x01, len);
    for (size_t changes = random_below(random, 3); changes > 0 && len > 0; changes--) {
        size_t back = random_below(random, len < 4 ? len : 4);
        size_t at = random_below(random, 2) ? len - 1 - back : random_below(random, len);
        space[at] = letters[random_below(random, LENGTH(letters))];
    }
    return (struct reel_str){space, len};
}

/* Where the key is, or would be. */
static size_t place_of(const struct model *model, struct reel_str key, bool *ret_found) {
    size_t at = 0;
    while (at < model->count && str_compare(model->keys[at], key) < 0) at++;
    *ret_found = at < model->count && str_compare(model->keys[at], key) == 0;
    return at;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static void put(struct model *model, struct keys_writer *writer, struct reel_str key) {
    struct reel_error error;
    char *space;
    bool found;
    size_t at = place_of(model, key, &found);
    if (!found && model->count == KEYS_MAX) return;
    must_ok(keys_put(writer, key, sizeof key.len, &space, &error), error);
    memcpy(space, &key.len, sizeof key.len);
    if (found) return;
    memmove(model->keys + at + 1, model->keys + at, (model->count - at) * sizeof *model->keys);
    model->keys[at] = (struct reel_str){exact_copy(key), key.len};
    model->count++;
}

static void delete (struct model *model, struct keys_writer *writer, struct reel_str key) {
    struct reel_error error;
    bool found;
    size_t at = place_of(model, key, &found);
    assert_int_equal(keys_delete(writer, key, &error), found ? 0 : -ENOENT);
    if (!found) return;
    free((void *)model->keys[at].data);
    model->count--;
    memmove(model->keys + at, model->keys + at + 1, (model->count - at) * sizeof *model->keys);
}

/* Mostly of one kind for a while, so that it fills and empties. */
static void change(struct model *model, struct keys_writer *writer, size_t round) {
    char space[KEY_BYTES_MAX];
    bool filling = round / 500 % 2 == 0;
    struct reel_str key = random_key(&model->random, space);
    if (!filling && model->count > 0 && random_below(&model->random, 2)) {
        struct reel_str one = model->keys[random_below(&model->random, model->count)];
        memcpy(space, one.data, one.len);
        key = (struct reel_str){space, one.len};
    }
    if (random_below(&model->random, 8) ? filling : !filling)
        put(model, writer, key);
    else
        delete (model, writer, key);
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static void compare_walk(struct model *model, struct reel_str from, bool after, size_t most) {
    struct store *store = model->store;
    struct keys_walk walk;
    struct reel_error error;
    struct reel_str key, value;
    bool found;
    size_t at = place_of(model, from, &found);
    if (found && after && from.data) at++;
    must_ok(keys_walk_start(&walk, store, store->txn, model->dbi, from, after, &error), error);
    for (; at < model->count && most > 0; at++, most--) {
        assert_int_equal(keys_next(&walk, &key, &value, &error), 1);
        assert_bytes(key, model->keys[at]);
        assert_int_equal(value.len, sizeof key.len);
        assert_memory_equal(value.data, &key.len, sizeof key.len);
    }
    if (most > 0) assert_int_equal(keys_next(&walk, &key, &value, &error), 0);
    keys_walk_finish(&walk);
}

/* Backwards, with a step to and fro now and then. */
static void compare_walk_below(struct model *model, struct reel_str from, bool at_it, size_t most) {
    struct store *store = model->store;
    struct keys_walk walk;
    struct reel_error error;
    struct reel_str key, value;
    bool found;
    size_t at = place_of(model, from, &found);
    if (found && at_it) at++;
    must_ok(keys_walk_start_below(&walk, store, store->txn, model->dbi, from, at_it, &error),
            error);
    for (; at > 0 && most > 0; at--, most--) {
        assert_int_equal(keys_previous(&walk, &key, &value, &error), 1);
        assert_bytes(key, model->keys[at - 1]);
        assert_memory_equal(value.data, &key.len, sizeof key.len);
        if (at == model->count || random_below(&model->random, 4)) continue;
        assert_int_equal(keys_next(&walk, &key, &value, &error), 1);
        assert_bytes(key, model->keys[at]);
        assert_int_equal(keys_previous(&walk, &key, &value, &error), 1);
        assert_bytes(key, model->keys[at - 1]);
    }
    if (most > 0) assert_int_equal(keys_previous(&walk, &key, &value, &error), 0);
    keys_walk_finish(&walk);
}

static void compare(struct model *model, size_t round) {
    char space[KEY_BYTES_MAX];
    struct reel_str key = random_key(&model->random, space), value;
    struct reel_error error;
    bool found;
    place_of(model, key, &found);
    int rc = keys_get(model->store, model->store->txn, model->dbi, key, &value, &error);
    assert_int_equal(rc, found ? 0 : -ENOENT);
    compare_walk(model, key, round % 2, 5);
    compare_walk_below(model, key, round % 2, 5);
    if (round % 100 == 0) compare_walk(model, (struct reel_str){NULL, 0}, true, SIZE_MAX);
    if (round % 100 != 1) return;
    memset(space, 0x7F, sizeof space);
    compare_walk_below(model, (struct reel_str){space, sizeof space}, true, SIZE_MAX);
}

/* ---- Case ------------------------------------------------------------------------------------ */

static void it_is_a_sorted_map(void **state) {
    struct model *model = calloc(1, sizeof *model);
    struct keys_writer writer;
    struct reel_error error;
    must(model);
    model->store = *state;
    model->dbi = lmdb_begin(model->store, "c/things");
    must_ok(keys_writer_start(&writer, model->store, model->dbi, &error), error);
    for (size_t round = 0; round < ROUNDS; round++) {
        change(model, &writer, round);
        if (round % 64 == 63) { /* a writer knows what was last: begin with one that does not */
            keys_writer_finish(&writer);
            lmdb_commit(model->store);
            lmdb_begin(model->store, "c/things");
            must_ok(keys_writer_start(&writer, model->store, model->dbi, &error), error);
        }
        compare(model, round);
    }
    while (model->count > 0) delete (model, &writer, model->keys[model->count / 2]);
    keys_writer_finish(&writer);
    assert_int_equal(lmdb_entries(model->store, model->dbi), 1);
    free(model);
}

UNIT_TESTS(keys_model_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_a_sorted_map, open_store, close_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
