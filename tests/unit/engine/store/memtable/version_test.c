/* version_test.c: versions: what they show, and when memory is freed. */
#include "memtable_support.h"

#include "faults.h"

#include <stdio.h>
#include <stdlib.h>

static const XXH128_hash_t no_hash;

static int make_versions(void **state) {
    struct versions *versions = calloc(1, sizeof *versions);
    must(versions && versions_init(versions, 2, 0) == 0);
    *state = versions;
    return 0;
}

static int free_versions(void **state) {
    versions_finish(*state);
    free(*state);
    return 0;
}

static void put(struct versions *versions, struct reel_str key, struct reel_str value) {
    must(memtable_put(versions, 0, key, value, no_hash) == 0);
}

/* A group of one change. */
static void put_alone(struct versions *versions, struct reel_str key, struct reel_str value) {
    must(versions_begin(versions) == 0);
    put(versions, key, value);
    versions_publish(versions, versions->current->cursor + 1);
}

/* Many records, in one group. */
static void put_many(struct versions *versions, size_t count) {
    char key[32];
    must(versions_begin(versions) == 0);
    for (size_t i = 0; i < count; i++)
        put(versions, (struct reel_str){key, (size_t)snprintf(key, sizeof key, "%zu", i)},
            STR("some value of a record"));
    versions_publish(versions, versions->current->cursor + 1);
}

static void assert_shown(const struct version *version, struct reel_str key,
                         struct reel_str value) {
    const struct item *item = version_get(version, 0, key);
    must(item);
    assert_bytes(item_value(item), value);
}

/* ---- What is shown --------------------------------------------------------------------------- */

static void a_group_is_seen_when_it_is_published(void **state) {
    struct versions *versions = *state;
    must(versions_begin(versions) == 0);
    put(versions, STR("a"), STR("1"));
    assert_non_null(memtable_get(versions, 0, STR("a")));
    struct version *before = version_take(versions);
    versions_publish(versions, 7);
    struct version *after = version_take(versions);
    assert_null(version_get(before, 0, STR("a")));
    assert_shown(after, STR("a"), STR("1"));
    assert_int_equal(before->cursor, 0);
    assert_int_equal(after->cursor, 7);
    assert_true(after->number > before->number);
    version_give_back(before);
    version_give_back(after);
}

static void of_an_undone_group_nothing_remains(void **state) {
    struct versions *versions = *state;
    put_many(versions, 500);
    size_t bytes = memtable_bytes(versions);
    must(versions_begin(versions) == 0);
    for (size_t i = 0; i < 500; i += 3) {
        char key[32];
        struct reel_str name = {key, (size_t)snprintf(key, sizeof key, "%zu", i)};
        if (i % 2)
            must(memtable_delete(versions, 0, name, (XXH128_hash_t){0, 0}) == 0);
        else
            put(versions, name, STR("another"));
        must(memtable_put(versions, 1, name, STR("in another tree"), no_hash) == 0);
    }
    versions_undo(versions);
    assert_int_equal(memtable_bytes(versions), bytes);
    assert_int_equal(versions->held_bytes, 0);
    assert_shown(versions->current, STR("3"), STR("some value of a record"));
    assert_null(version_get(versions->current, 1, STR("3")));
    assert_held_exactly(versions);
    put_alone(versions, STR("3"), STR("the next group"));
    assert_shown(versions->current, STR("3"), STR("the next group"));
}

static void a_frozen_memtable_is_still_seen(void **state) {
    struct versions *versions = *state;
    put_alone(versions, STR("a"), STR("1"));
    put_alone(versions, STR("b"), STR("1"));
    assert_int_equal(versions_freeze(versions, 3), 0);
    put_alone(versions, STR("b"), STR("2"));
    const struct version *current = versions->current;
    assert_int_equal(current->layer_count, 2);
    assert_int_equal(current->layers[0].cursor, 3);
    assert_int_equal(current->layers[1].cursor, 2);
    assert_int_equal(current->frozen_cursor, 2);
    assert_shown(current, STR("a"), STR("1"));
    assert_shown(current, STR("b"), STR("2"));
    assert_null(version_get(current, 2, STR("a"))); /* the older memtable has no such tree */
    assert_int_equal(versions_drop(versions), 0);
    assert_null(version_get(versions->current, 0, STR("a")));
    assert_shown(versions->current, STR("b"), STR("2"));
    assert_int_equal(versions->current->frozen_cursor, 2);
}

static void only_so_many_memtables_wait(void **state) {
    struct versions *versions = *state;
    for (size_t i = 1; i < LAYERS_MAX; i++) assert_int_equal(versions_freeze(versions, 2), 0);
    assert_int_equal(versions_freeze(versions, 2), -EBUSY);
    assert_int_equal(versions_drop(versions), 0);
    assert_int_equal(versions_freeze(versions, 2), 0);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void without_views_nothing_is_held(void **state) {
    struct versions *versions = *state;
    put_many(versions, 2000);
    for (size_t i = 0; i < 100; i++) put_alone(versions, STR("1500"), STR("another value"));
    assert_int_equal(versions->held_bytes, 0);
    assert_ptr_equal(versions->oldest, versions->current);
}

static void a_view_holds_its_own_state_only(void **state) {
    struct versions *versions = *state;
    put_many(versions, 2000);
    struct version *view = version_take(versions);
    put_alone(versions, STR("1500"), STR("another value"));
    size_t held = versions->held_bytes;
    assert_true(held > 0);
    for (size_t i = 0; i < 1000; i++) put_alone(versions, STR("1500"), STR("still another"));
    assert_int_equal(versions->held_bytes, held);
    assert_held_exactly(versions);
    version_give_back(view);
    assert_false(versions_reclaim(versions));
    assert_int_equal(versions->held_bytes, 0);
}

static void a_view_keeps_a_dropped_memtable(void **state) {
    struct versions *versions = *state;
    put_many(versions, 100);
    struct version *early = version_take(versions);
    put_many(versions, 2000);
    struct version *late = version_take(versions);
    assert_int_equal(versions_freeze(versions, 2), 0);
    put_alone(versions, STR("new"), STR("1"));
    size_t frozen = versions->frozen_bytes;
    assert_int_equal(versions_drop(versions), 0);
    assert_int_equal(versions->frozen_bytes, 0);
    assert_true(versions->held_bytes >= frozen);
    assert_shown(late, STR("1999"), STR("some value of a record"));
    version_give_back(late);
    while (versions_reclaim(versions)) {
    }
    assert_true(versions->held_bytes < frozen / 4); /* of it, what the early view shows */
    assert_held_exactly(versions);
    assert_shown(early, STR("99"), STR("some value of a record"));
    version_give_back(early);
    while (versions_reclaim(versions)) {
    }
    assert_int_equal(versions->held_bytes, 0);
}

static void a_large_memtable_is_freed_in_slices(void **state) {
    struct versions *versions = *state;
    put_many(versions, 20000);
    assert_int_equal(versions_freeze(versions, 2), 0);
    size_t frozen = versions->frozen_bytes, slices = 0;
    assert_int_equal(versions_drop(versions), 0);
    assert_true(versions->held_bytes > frozen / 2);
    for (bool more = true; more; slices++) more = versions_reclaim(versions);
    assert_in_range(slices, 15, 30);
    assert_int_equal(versions->held_bytes, 0);
}

/* ---- More trees ------------------------------------------------------------------------------ */

static int extend(void *context) {
    struct versions *versions = context;
    return versions_extend(versions, 5);
}

static void a_memtable_gets_more_trees(void **state) {
    struct versions *versions = *state;
    put_many(versions, 500);
    size_t bytes = memtable_bytes(versions);
    struct version *before = version_take(versions);
    assert_int_equal(faults_each(extend, NULL, versions, false), 2);
    assert_int_equal(memtable_bytes(versions), bytes);
    assert_int_equal(versions->held_bytes, 0);
    must(versions_begin(versions) == 0);
    must(memtable_put(versions, 4, STR("key"), STR("value"), no_hash) == 0);
    put(versions, STR("7"), STR("changed"));
    versions_publish(versions, before->cursor + 1);
    struct version *after = version_take(versions);
    assert_shown(before, STR("7"), STR("some value of a record"));
    assert_shown(after, STR("7"), STR("changed"));
    assert_shown(after, STR("8"), STR("some value of a record"));
    assert_null(version_get(before, 4, STR("key")));
    assert_non_null(version_get(after, 4, STR("key")));
    assert_held_exactly(versions);
    version_give_back(before);
    version_give_back(after);
    must(versions_freeze(versions, 5) == 0);
    must(versions_drop(versions) == 0);
    while (versions_reclaim(versions)) continue;
    assert_int_equal(versions->held_bytes, 0);
}

/* ---- Out of memory, and misuse --------------------------------------------------------------- */

/* All that the writer does, with each allocation failing in turn. */
static int run_all(void *context) {
    struct versions *versions = context;
    char key[32];
    int rc = versions_begin(versions);
    if (rc < 0) return rc;
    for (size_t i = 0; i < 100 && rc == 0; i++)
        rc = memtable_put(versions, i % 2,
                          (struct reel_str){key, (size_t)snprintf(key, sizeof key, "%zu", i)},
                          STR("value"), no_hash);
    if (rc == 0) rc = memtable_delete(versions, 0, STR("gone"), (XXH128_hash_t){0, 0});
    if (rc < 0) {
        versions_undo(versions);
        return rc;
    }
    versions_publish(versions, versions->current->cursor + 1);
    rc = versions_freeze(versions, 2);
    return rc < 0 ? rc : versions_drop(versions);
}

static void write_checkpoint(void *context) {
    struct versions *versions = context;
    while (versions->current->layer_count > 1) must(versions_drop(versions) == 0);
    while (versions_reclaim(versions)) {
    }
    assert_held_exactly(versions);
}

static void it_survives_each_failed_allocation(void **state) {
    struct versions *versions = *state;
    versions->heap = NULL; /* each part is an allocation */
    assert_true(faults_each(run_all, write_checkpoint, *state, false) > 100);
}

static int init_and_finish(void *context) {
    struct versions versions;
    (void)context;
    int rc = versions_init(&versions, 2, 0);
    if (rc == 0) versions_finish(&versions);
    return rc;
}

static void it_does_not_begin_without_memory(void **state) {
    (void)state;
    assert_int_equal(faults_each(init_and_finish, NULL, NULL, false), 2);
}

static void begin_twice(void *context) {
    versions_begin(context);
    versions_begin(context);
}

static void put_outside(void *context) {
    memtable_delete(context, 0, STR("a"), (XXH128_hash_t){0, 0});
}

static void freeze_within(void *context) {
    versions_begin(context);
    versions_freeze(context, 2);
}

static void publish_backwards(void *context) {
    put_alone(context, STR("a"), STR("1"));
    versions_begin(context);
    versions_publish(context, 0);
}

static void give_back_twice(void *context) {
    struct version *version = version_take(context);
    version_give_back(version);
    version_give_back(version);
}

static void finish_while_held(void *context) {
    version_take(context);
    versions_finish(context);
}

static void misuse_ends_the_process(void **state) {
    assert_aborts(begin_twice, *state);
    assert_aborts(put_outside, *state);
    assert_aborts(freeze_within, *state);
    assert_aborts(publish_backwards, *state);
    assert_aborts(give_back_twice, *state);
    assert_aborts(finish_while_held, *state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_versions, free_versions)

UNIT_TESTS(version_test) {
    const struct CMUnitTest tests[] = {
        CASE(a_group_is_seen_when_it_is_published),
        CASE(of_an_undone_group_nothing_remains),
        CASE(a_frozen_memtable_is_still_seen),
        CASE(only_so_many_memtables_wait),
        CASE(without_views_nothing_is_held),
        CASE(a_view_holds_its_own_state_only),
        CASE(a_view_keeps_a_dropped_memtable),
        CASE(a_large_memtable_is_freed_in_slices),
        CASE(a_memtable_gets_more_trees),
        CASE(it_survives_each_failed_allocation),
        cmocka_unit_test(it_does_not_begin_without_memory),
        CASE(misuse_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
