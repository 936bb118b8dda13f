/* router_test.c: which projectors get a type, and by which prefix; the same from memory. */
#include "unit.h"

#include "engine/fold/router.h"

#include <stdlib.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static int begin(void **state) {
    *state = calloc(1, sizeof(struct router));
    return *state ? 0 : -1;
}

static int finish(void **state) {
    router_finish(*state);
    free(*state);
    return 0;
}

static const char *const cells[] = {"a.cell.", "a.", "a.cell.v1.", NULL};
static const char *const forms[] = {"a.form.", "b.", NULL};
static const char *const all[] = {"", NULL};

/* ---- Assertions ------------------------------------------------------------------------------ */

/* The one stop of this projector's on the type's way, or none (prefix -1). */
static void assert_stop(struct router *router, struct reel_str type, uint32_t projector, int prefix,
                        size_t prefix_len) {
    const struct route *route = router_find(router, type);
    int found = -1;
    assert_bytes(route->type.data ? route->type : type, type);
    for (size_t at = 0; at < route->count; at++) {
        if (at > 0) assert_true(route->stops[at - 1].projector < route->stops[at].projector);
        if (route->stops[at].projector != projector) continue;
        found = (int)route->stops[at].prefix;
        assert_int_equal(route->stops[at].prefix_len, prefix_len);
    }
    if (found != prefix) fail_msg("%.*s: prefix %d, not %d", REEL_FMT(type), found, prefix);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void projectors_are_numbered_as_they_come(void **state) {
    assert_int_equal(router_add(*state, cells), 0);
    assert_int_equal(router_add(*state, forms), 1);
    assert_int_equal(router_add(*state, all), 2);
}

static void the_longest_prefix_decides(void **state) {
    router_add(*state, cells);
    for (size_t round = 0; round < 2; round++) { /* found, and remembered */
        assert_stop(*state, STR("a.x"), 0, 1, 2);
        assert_stop(*state, STR("a.cell.x"), 0, 0, 7);
        assert_stop(*state, STR("a.cell.v1.x"), 0, 2, 10);
        assert_stop(*state, STR("a.cell.v1."), 0, 2, 10);
        assert_stop(*state, STR("a.cell.v1"), 0, 0, 7);
        assert_stop(*state, STR("a"), 0, -1, 0);
        assert_stop(*state, STR("b.cell."), 0, -1, 0);
        assert_stop(*state, STR(""), 0, -1, 0);
    }
}

static void every_projector_that_watches_gets_it(void **state) {
    router_add(*state, cells);
    router_add(*state, forms);
    router_add(*state, all);
    for (size_t round = 0; round < 2; round++) {
        assert_int_equal(router_find(*state, STR("a.form.x"))->count, 3);
        assert_stop(*state, STR("a.form.x"), 0, 1, 2);
        assert_stop(*state, STR("a.form.x"), 1, 0, 7);
        assert_stop(*state, STR("a.form.x"), 2, 0, 0);
        assert_int_equal(router_find(*state, STR("b.x"))->count, 2);
        assert_int_equal(router_find(*state, STR("c"))->count, 1);
    }
}

static void the_empty_prefix_begins_every_type(void **state) {
    router_add(*state, all);
    assert_stop(*state, STR(""), 0, 0, 0);
    assert_stop(*state, STR("\0"), 0, 0, 0);
    assert_stop(*state, STR("x"), 0, 0, 0);
}

static void nobody_watches_without_projectors(void **state) {
    assert_int_equal(router_find(*state, STR("a"))->count, 0);
    assert_int_equal(router_find(*state, STR(""))->count, 0);
}

static void a_type_may_be_longer_than_what_is_remembered(void **state) {
    char type[2 * ROUTER_KEPT_BYTES];
    router_add(*state, cells);
    memset(type, 'x', sizeof type);
    for (size_t len = ROUTER_KEPT_BYTES - 2; len < sizeof type; len++) {
        memcpy(type, "a.", 2);
        assert_stop(*state, (struct reel_str){type, len}, 0, 1, 2);
        memcpy(type, "b.", 2);
        assert_stop(*state, (struct reel_str){type, len}, 0, -1, 0);
    }
}

static void a_type_is_all_of_its_bytes(void **state) {
    static const char *const longer[] = {"a.b", NULL};
    router_add(*state, longer);
    assert_stop(*state, STR("a.\0"), 0, -1, 0);
    assert_stop(*state, STR("a.b"), 0, 0, 3);
    assert_stop(*state, STR("a.b\0"), 0, 0, 3);
    assert_stop(*state, STR("\0a.b"), 0, -1, 0);
}

static void more_types_than_are_remembered_push_each_other_out(void **state) {
    char type[64];
    router_add(*state, cells);
    router_add(*state, all);
    for (size_t round = 0; round < 3; round++)
        for (size_t n = 0; n < 4 * ROUTER_KEPT; n++) {
            int len = snprintf(type, sizeof type, "%s%zu", n % 2 ? "a.cell." : "z.", n);
            struct reel_str str = {type, (size_t)len};
            assert_stop(*state, str, 0, n % 2 ? 0 : -1, 7);
            assert_stop(*state, str, 1, 0, 0);
        }
}

static void a_projector_added_later_is_on_routes_found_before(void **state) {
    router_add(*state, cells);
    assert_int_equal(router_find(*state, STR("a.form.x"))->count, 1);
    router_add(*state, forms);
    assert_int_equal(router_find(*state, STR("a.form.x"))->count, 2);
}

static void a_route_does_not_point_into_the_type_it_was_found_by(void **state) {
    char type[] = "a.cell.1";
    router_add(*state, cells);
    router_find(*state, reel_text(type));
    memcpy(type, "b.cell.1", 8);
    assert_stop(*state, STR("a.cell.1"), 0, 0, 7);
    assert_stop(*state, reel_text(type), 0, -1, 0);
}

static void a_projector_taken_back_is_on_no_route(void **state) {
    router_add(*state, cells);
    router_add(*state, all);
    assert_int_equal(router_find(*state, STR("a.cell.x"))->count, 2);
    router_truncate(*state, 1);
    assert_int_equal(router_find(*state, STR("a.cell.x"))->count, 1);
    assert_int_equal(router_add(*state, forms), 1);
    assert_stop(*state, STR("a.cell.x"), 1, -1, 0);
    assert_stop(*state, STR("b.x"), 1, 1, 2);
}

UNIT_TESTS(router_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(projectors_are_numbered_as_they_come),
        CASE(the_longest_prefix_decides),
        CASE(every_projector_that_watches_gets_it),
        CASE(the_empty_prefix_begins_every_type),
        CASE(nobody_watches_without_projectors),
        CASE(a_type_may_be_longer_than_what_is_remembered),
        CASE(a_type_is_all_of_its_bytes),
        CASE(more_types_than_are_remembered_push_each_other_out),
        CASE(a_projector_added_later_is_on_routes_found_before),
        CASE(a_route_does_not_point_into_the_type_it_was_found_by),
        CASE(a_projector_taken_back_is_on_no_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
