/* etag_test.c: which versions of records a list of entity tags names. */
#include "unit.h"

#include "http/etag.h"

#include <stdlib.h>

#define EPOCH "0b6f2cd4-40dc-4d3c-a7ce-3bb4b2f1d5a1"

static struct versions *read_list(const char *list, bool strong) {
    struct versions *versions = malloc(sizeof *versions);
    must(versions);
    if (versions_read(reel_text(list), 3, strong, versions) == 0) return versions;
    free(versions);
    return NULL;
}

static void assert_versions(const char *list, bool strong, size_t count, uint64_t last) {
    struct versions *versions = read_list(list, strong);
    must(versions);
    assert_int_equal(versions->count, count);
    assert_null(versions->list[count]);
    if (count > 0) {
        assert_int_equal(versions->list[count - 1]->changed, last);
        assert_int_equal(versions->list[count - 1]->generation, 5);
        assert_string_equal(versions->list[count - 1]->epoch.text, EPOCH);
    }
    free(versions);
}

static void tags_of_this_revision_name_versions(void **state) {
    (void)state;
    assert_versions("\"" EPOCH "-3-5-17\"", true, 1, 17);
    assert_versions("\"" EPOCH "-3-5-17\" , \"" EPOCH "-3-5-18\"", true, 2, 18);
    assert_versions(",, \"x\",\t\"" EPOCH "-3-5-18\",", true, 1, 18);
}

static void other_tags_name_none(void **state) {
    (void)state;
    static const char *const others[] = {
        "\"\"",
        "\"x\"",
        "\"" EPOCH "-4-5-17\"",
        "\"" EPOCH "-3-5-\"",
        "\"" EPOCH "-3-17\"",
        "\"" EPOCH "-3--17\"",
        "\"" EPOCH "--3-5-17\"",
        "\"" EPOCH "-3-5-18446744073709551616\"",
        "\"x" EPOCH "-3-5-17\"",
        "\"-3-5-17\"",
        "",
    };
    for (size_t i = 0; i < LENGTH(others); i++) assert_versions(others[i], false, 0, 0);
}

static void a_weak_tag_counts_in_a_weak_comparison_only(void **state) {
    (void)state;
    assert_versions("W/\"" EPOCH "-3-5-17\"", true, 0, 0);
    assert_versions("W/\"" EPOCH "-3-5-17\"", false, 1, 17);
}

static void what_is_not_a_list_of_tags_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"x",        "\"x",     "\"x\"\"y\"", "\"x\" \"y\"",
                                        "w/\"x\"",  "W/x",     "W/",         "*",
                                        "\"x\", *", "\"x y\"", "\"x\x7f\"",  "\"x\"; \"y\""};
    for (size_t i = 0; i < LENGTH(wrong); i++) assert_null(read_list(wrong[i], false));
}

static void a_list_has_a_bound(void **state) {
    (void)state;
    char list[4 * (ETAGS_MAX + 1) + 1] = "";
    for (int i = 0; i < ETAGS_MAX; i++) strcat(list, "\"x\",");
    assert_versions(list, false, 0, 0);
    strcat(list, "\"x\"");
    assert_null(read_list(list, false));
}

UNIT_TESTS(etag_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_of_this_revision_name_versions),
        cmocka_unit_test(other_tags_name_none),
        cmocka_unit_test(a_weak_tag_counts_in_a_weak_comparison_only),
        cmocka_unit_test(what_is_not_a_list_of_tags_is_refused),
        cmocka_unit_test(a_list_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
