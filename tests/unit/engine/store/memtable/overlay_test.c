/* overlay_test.c: a version's layers over what lies below. Orders and turns: the model test. */
#include "memtable_support.h"

#include <stdlib.h>
#include <string.h>

static const XXH128_hash_t no_hash;

/* ---- Fixture: three layers over an array ----------------------------------------------------- */

static const struct overlay_row below[] = {
    {STR("a"), STR("below"), false},
    {STR("c"), STR("below"), false},
    {STR("e"), STR("below"), false},
    {STR("g"), STR("below"), false},
};

struct array {
    size_t at;
    int rc; /* that every call returns, if it is not 0 */
};

static int array_give(struct array *array, size_t at, struct overlay_row *ret) {
    if (array->rc < 0) return array->rc;
    if (at >= LENGTH(below)) return 0;
    *ret = below[array->at = at];
    return 1;
}

static int array_seek(void *context, struct reel_str key, enum seek how, struct overlay_row *ret) {
    size_t at = 0;
    bool beyond = how == SEEK_ABOVE || how == SEEK_AT_OR_BELOW;
    while (at < LENGTH(below) && (how == SEEK_LAST || str_compare(below[at].key, key) < beyond))
        at++;
    return array_give(context, seek_is_forward(how) ? at : at - 1, ret);
}

static int array_next(void *context, struct overlay_row *ret) {
    struct array *array = context;
    return array_give(array, array->at + 1, ret);
}

static int array_previous(void *context, struct overlay_row *ret) {
    struct array *array = context;
    return array_give(array, array->at - 1, ret);
}

struct fixture {
    struct versions versions;
    struct array array;
    struct overlay overlay;
};

static void put_layer(struct versions *versions, const char *puts, const char *deletes) {
    char value[] = "layer 0";
    value[6] = (char)('0' + versions->current->layer_count);
    must(versions_begin(versions) == 0);
    for (const char *key = puts; *key; key++)
        must(memtable_put(versions, 0, (struct reel_str){key, 1}, reel_text(value), no_hash) == 0);
    for (const char *key = deletes; *key; key++)
        must(memtable_delete(versions, 0, (struct reel_str){key, 1}, (XXH128_hash_t){0, 0}) == 0);
    versions_publish(versions, versions->current->cursor + 1);
}

static int make_layers(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    must(fixture && versions_init(&fixture->versions, 1, 0) == 0);
    put_layer(&fixture->versions, "bcd", "a");
    must(versions_freeze(&fixture->versions, 1) == 0);
    put_layer(&fixture->versions, "ad", "bg");
    must(versions_freeze(&fixture->versions, 1) == 0);
    put_layer(&fixture->versions, "bh", "de");
    struct overlay_lower lower = {array_seek, array_next, array_previous, &fixture->array};
    overlay_init(&fixture->overlay, fixture->versions.current, 0, &lower);
    *state = fixture;
    return 0;
}

static int free_layers(void **state) {
    struct fixture *fixture = *state;
    versions_finish(&fixture->versions);
    free(fixture);
    return 0;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void the_newest_counts_and_tombstones_hide(void **state) {
    static const char *const expected[][2] = {
        {"a", "layer 2"}, {"b", "layer 3"}, {"c", "layer 1"}, {"h", "layer 3"}};
    struct fixture *fixture = *state;
    struct overlay_row row;
    int rc = overlay_seek(&fixture->overlay, STR(""), SEEK_AT_OR_ABOVE, &row);
    for (size_t i = 0; i < LENGTH(expected); i++) {
        assert_int_equal(rc, 1);
        assert_bytes(row.key, reel_text(expected[i][0]));
        assert_bytes(row.value, reel_text(expected[i][1]));
        rc = overlay_next(&fixture->overlay, &row);
    }
    assert_int_equal(rc, 0);
    rc = overlay_seek(&fixture->overlay, STR(""), SEEK_LAST, &row);
    for (size_t i = LENGTH(expected); i-- > 0; rc = overlay_previous(&fixture->overlay, &row)) {
        assert_int_equal(rc, 1);
        assert_bytes(row.value, reel_text(expected[i][1]));
    }
    assert_int_equal(rc, 0);
}

static void it_turns_on_a_row(void **state) {
    struct fixture *fixture = *state;
    struct overlay *overlay = &fixture->overlay;
    struct overlay_row row;
    assert_int_equal(overlay_seek(overlay, STR("c"), SEEK_AT_OR_ABOVE, &row), 1);
    assert_int_equal(overlay_previous(overlay, &row), 1);
    assert_bytes(row.key, STR("b"));
    assert_int_equal(overlay_next(overlay, &row), 1);
    assert_bytes(row.key, STR("c"));
    assert_int_equal(overlay_next(overlay, &row), 1);
    assert_bytes(row.key, STR("h"));
    assert_int_equal(overlay_previous(overlay, &row), 1);
    assert_bytes(row.key, STR("c"));
}

static void an_error_below_ends_the_walk(void **state) {
    struct fixture *fixture = *state;
    struct overlay *overlay = &fixture->overlay;
    struct overlay_row row;
    assert_int_equal(overlay_seek(overlay, STR("a"), SEEK_AT_OR_ABOVE, &row), 1);
    fixture->array.rc = -EIO;
    assert_int_equal(overlay_next(overlay, &row), -EIO);
    assert_int_equal(overlay_next(overlay, &row), 0);
    assert_int_equal(overlay_seek(overlay, STR("a"), SEEK_AT_OR_ABOVE, &row), -EIO);
    fixture->array.rc = 0;
    assert_int_equal(overlay_seek(overlay, STR("h"), SEEK_AT_OR_BELOW, &row), 1);
    fixture->array.rc = -EIO;
    assert_int_equal(overlay_previous(overlay, &row), -EIO);
}

static void nothing_need_lie_below(void **state) {
    struct fixture *fixture = *state;
    struct overlay_row row;
    overlay_init(&fixture->overlay, fixture->versions.current, 0, NULL);
    assert_int_equal(overlay_seek(&fixture->overlay, STR("d"), SEEK_ABOVE, &row), 1);
    assert_bytes(row.key, STR("h"));
    assert_int_equal(overlay_next(&fixture->overlay, &row), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_layers, free_layers)

UNIT_TESTS(overlay_test) {
    const struct CMUnitTest tests[] = {
        CASE(the_newest_counts_and_tombstones_hide),
        CASE(it_turns_on_a_row),
        CASE(an_error_below_ends_the_walk),
        CASE(nothing_need_lie_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
