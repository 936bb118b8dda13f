/* ids_test.c: names of events: the same for ever, and different for different events. */
#include "unit.h"

#include "engine/ids.h"

/* ---- Fixture and assertions ------------------------------------------------------------------ */

static void assert_uuid(const uint8_t hash[16], const char *expected) {
    char text[33];
    for (size_t at = 0; at < 16; at++) snprintf(text + 2 * at, 3, "%02x", hash[at]);
    assert_string_equal(text, expected);
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* Stores have these: whoever changes them makes every repeat a new event. */
static void names_never_change(void **state) {
    (void)state;
    uint8_t hash[16];
    const struct reel_str parts[] = {STR("/source"), STR("id-1"), STR("a\0\xC3\xA4")};
    ids_hash(parts, 0, hash);
    assert_uuid(hash, "9462550c73445388b9509127f2c72306");
    ids_hash(parts, 1, hash);
    assert_uuid(hash, "aab15365a1a759728e2a4b4f6fd115cd");
    ids_hash(parts, 2, hash);
    assert_uuid(hash, "612bea9c5150560dac8fb4b160d4811b");
    ids_hash(parts, 3, hash);
    assert_uuid(hash, "5bb1566a9eff5edda8ea3f69286d6456");
}

static void a_name_is_a_uuid_of_version_5(void **state) {
    (void)state;
    uint8_t hash[16];
    for (size_t len = 0; len < 50; len++) {
        const struct reel_str parts[] = {
            {"01234567890123456789012345678901234567890123456789", len}};
        ids_hash(parts, 1, hash);
        assert_int_equal(hash[6] >> 4, 5);
        assert_int_equal(hash[8] >> 6, 2);
    }
}

static void every_split_of_the_same_bytes_has_its_own_name(void **state) {
    (void)state;
    static const char bytes[] = "aaaaaaaaaaaaaaaaaaaa";
    enum { LEN = sizeof bytes - 1 };
    uint8_t hashes[LEN + 3][16];
    for (size_t at = 0; at <= LEN; at++) {
        const struct reel_str parts[] = {{bytes, at}, {bytes, LEN - at}};
        ids_hash(parts, 2, hashes[at]);
    }
    ids_hash((const struct reel_str[]){{bytes, LEN}}, 1, hashes[LEN + 1]);
    ids_hash((const struct reel_str[]){{bytes, 5}, {bytes, 5}, {bytes, LEN - 10}}, 3,
             hashes[LEN + 2]);
    for (size_t a = 0; a < LENGTH(hashes); a++)
        for (size_t b = 0; b < a; b++) assert_memory_not_equal(hashes[a], hashes[b], 16);
}

/* A long part stands for itself by its hash: it still differs from every other, and its hash too.
 */
static void long_parts_are_told_apart(void **state) {
    (void)state;
    char bytes[200];
    uint8_t hashes[200][16];
    memset(bytes, 'x', sizeof bytes);
    for (size_t len = 0; len < sizeof bytes; len++) {
        ids_hash((const struct reel_str[]){{bytes, len}, STR("id")}, 2, hashes[len]);
        for (size_t shorter = 0; shorter < len; shorter++)
            assert_memory_not_equal(hashes[len], hashes[shorter], 16);
    }
    uint8_t whole[16], changed[16];
    ids_hash((const struct reel_str[]){{bytes, sizeof bytes}}, 1, whole);
    bytes[sizeof bytes - 1] = 'y';
    ids_hash((const struct reel_str[]){{bytes, sizeof bytes}}, 1, changed);
    assert_memory_not_equal(whole, changed, 16);
}

static void order_counts(void **state) {
    (void)state;
    uint8_t a[16], b[16];
    ids_hash((const struct reel_str[]){STR("x"), STR("y")}, 2, a);
    ids_hash((const struct reel_str[]){STR("y"), STR("x")}, 2, b);
    assert_memory_not_equal(a, b, 16);
}

static void an_absent_part_is_an_empty_one(void **state) {
    (void)state;
    uint8_t a[16], b[16];
    ids_hash((const struct reel_str[]){{NULL, 0}}, 1, a);
    ids_hash((const struct reel_str[]){STR("")}, 1, b);
    assert_memory_equal(a, b, 16);
}

static void hash_too_many(void *context) {
    struct reel_str parts[IDS_PARTS_MAX + 1] = {{0}};
    uint8_t hash[16];
    (void)context;
    ids_hash(parts, IDS_PARTS_MAX + 1, hash);
}

static void a_name_has_so_many_parts(void **state) {
    assert_violates(hash_too_many, *state, "count <= IDS_PARTS_MAX");
}

UNIT_TESTS(ids_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_never_change),
        cmocka_unit_test(a_name_is_a_uuid_of_version_5),
        cmocka_unit_test(every_split_of_the_same_bytes_has_its_own_name),
        cmocka_unit_test(long_parts_are_told_apart),
        cmocka_unit_test(order_counts),
        cmocka_unit_test(an_absent_part_is_an_empty_one),
        cmocka_unit_test(a_name_has_so_many_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
