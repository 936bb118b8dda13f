/* digest_test.c: the hash of a collection's contents. */
#include "unit.h"

#include "engine/store/digest.h"

#include <string.h>

static void a_record_is_hashed_as_the_page_says(void **state) {
    static const char bytes[] = "\3\0\0\0\0\0\0\0abc{\"id\":\"abc\"}";
    (void)state;
    XXH128_hash_t expected = XXH3_128bits(bytes, sizeof bytes - 1);
    XXH128_hash_t hash = digest_hash(STR("abc"), STR("{\"id\":\"abc\"}"));
    assert_int_equal(hash.low64, expected.low64);
    assert_int_equal(hash.high64, expected.high64);
}

static void key_and_text_are_told_apart(void **state) {
    (void)state;
    assert_false(
        XXH128_isEqual(digest_hash(STR("ab"), STR("c")), digest_hash(STR("a"), STR("bc"))));
    assert_false(XXH128_isEqual(digest_hash(STR(""), STR("a")), digest_hash(STR("a"), STR(""))));
}

/* With hashes whose sums carry from the low half to the high one, and beyond. */
static void the_order_of_changes_does_not_matter(void **state) {
    static const XXH128_hash_t hashes[] = {
        {UINT64_MAX, UINT64_MAX}, {1, 0}, {UINT64_MAX - 1, 7}, {3, UINT64_MAX}};
    struct digest forwards = {0}, backwards = {0};
    (void)state;
    for (size_t i = 0; i < LENGTH(hashes); i++) {
        digest_add(&forwards, hashes[i]);
        digest_add(&backwards, hashes[LENGTH(hashes) - 1 - i]);
    }
    assert_true(digest_is_same(&forwards, &backwards));
    for (size_t i = 0; i < LENGTH(hashes); i++) digest_subtract(&forwards, hashes[i]);
    assert_true(digest_is_same(&forwards, &(struct digest){0}));
    assert_false(digest_is_same(&forwards, &backwards));
}

static void it_is_shown_as_hexadecimal_digits(void **state) {
    char text[DIGEST_TEXT_SIZE];
    (void)state;
    digest_write(&(struct digest){.low = 0x1f, .high = 0xabc}, text);
    assert_string_equal(text, "0000000000000abc000000000000001f");
}

UNIT_TESTS(digest_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_hashed_as_the_page_says),
        cmocka_unit_test(key_and_text_are_told_apart),
        cmocka_unit_test(the_order_of_changes_does_not_matter),
        cmocka_unit_test(it_is_shown_as_hexadecimal_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
