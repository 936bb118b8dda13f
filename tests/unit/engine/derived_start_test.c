/* derived_start_test.c: derived collections: what a start makes of them, rebuilds, trimmed logs,
 * and what `verify` finds. */
#include "unit.h"

#include "base/cleanup.h"
#include "derived_support.h"
#include "engine/verify.h"

#include <reel/projector.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static void trim_all(struct reel *reel) {
    struct reel_error error;
    must_ok(reel_trim(reel, reel_cursor(reel) + 1, &error), error);
}

struct counting {
    const char *collection;
    size_t records;
};

static int count_change(void *context, const struct reel_changed_row *changed) {
    struct counting *counting = context;
    if (strcmp(changed->collection, counting->collection) == 0)
        counting->records += changed->row->json.data != NULL;
    return 0;
}

/* The order of changes has each record once. */
static void assert_changes(struct reel *reel, const char *collection, size_t expected) {
    struct counting counting = {.collection = collection};
    struct reel_view *view = view_opened(reel);
    must(reel_view_changed(view, 0, count_change, &counting) == 0);
    reel_view_close(view);
    assert_int_equal(counting.records, expected);
}

static void assert_start_refused(struct reel *reel, int code, const char *sentence) {
    struct reel_error error;
    assert_int_equal(reel_start(reel, &error), code);
    assert_sentence(&error, sentence);
    reel_close(reel);
}

/* ---- Cases: the start ------------------------------------------------------------------------ */

static void a_source_that_is_missing_is_named(void **state) {
    (void)state;
    assert_start_refused(
        derived_loaded(NULL, DERIVED_PLUGINS(&derived_sizes, &derived_items)), -EINVAL,
        "plugin sizes: collection `sizes` derives from `totals`, which no loaded plugin has");
}

static void a_circle_is_named(void **state) {
    (void)state;
    struct derived_own a, b, c, d;
    assert_start_refused(
        derived_loaded(NULL,
                       DERIVED_PLUGINS(&derived_items, derived_own(&a, "a", "b", derived_ignore),
                                       derived_own(&b, "b", "c", derived_ignore),
                                       derived_own(&c, "c", "a", derived_ignore),
                                       derived_own(&d, "d", "a", derived_ignore))),
        -EINVAL,
        "a circle: collection `a` derives from `b`, which derives from `c`, which derives from "
        "`a`");
}

static void a_new_one_is_made_from_the_log(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = derived_opened(directory, DERIVED_PLUGINS(&derived_items));
    derived_ops(reel, "[['a','g',1],['b','g',13]]", REEL_APPLIED);
    derived_ops(reel, "[['b','g',2]]", REEL_APPLIED);
    reel_close(reel);
    reel = derived_opened(directory, DERIVED_ALL);
    struct reel *fresh = derived_opened(NULL, DERIVED_ALL);
    derived_ops(fresh, "[['a','g',1],['b','g',13]]", REEL_REJECTED);
    derived_ops(fresh, "[['b','g',2]]", REEL_APPLIED);
    derived_assert(reel, "strict", "g", "{\"count\":null,\"sum\":-11}");
    assert_same_state(reel, fresh);
    assert_int_equal(info_of(reel, "items").generation, 1);
    reel_close(reel);
    reel_close(fresh);
}

/* The cursor is the same, but the records of the source are others than those that it folded. */
static void one_that_missed_a_rebuild_is_made_again(void **state) {
    (void)state;
    struct reel_error error;
    const char *directory = scratch_directory();
    struct reel *reel = derived_opened(directory, DERIVED_PLUGINS(&derived_items, &derived_totals));
    derived_ops(reel, "[['a','g',1]]", REEL_APPLIED);
    reel_close(reel);
    reel = derived_opened(directory, DERIVED_PLUGINS(&derived_items));
    must_ok(reel_rebuild(reel, "items", &error), error);
    reel_close(reel);
    reel = derived_opened(directory, DERIVED_PLUGINS(&derived_items, &derived_totals));
    derived_assert(reel, "totals", "g", "{\"count\":1,\"sum\":1}");
    assert_int_equal(info_of(reel, "totals").generation, 1);
    reel_close(reel);
    reel = derived_opened(directory, DERIVED_PLUGINS(&derived_items, &derived_totals));
    assert_int_equal(info_of(reel, "totals").generation, 1);
    reel_close(reel);
}

static void one_that_missed_events_is_made_again(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = derived_opened(directory, DERIVED_PLUGINS(&derived_items, &derived_totals));
    derived_ops(reel, "[['a','g',1]]", REEL_APPLIED);
    reel_close(reel);
    reel = derived_opened(directory, DERIVED_PLUGINS(&derived_items));
    derived_ops(reel, "[['a','h',2]]", REEL_APPLIED);
    reel_close(reel);
    reel = derived_opened(directory, DERIVED_PLUGINS(&derived_items, &derived_totals));
    derived_assert(reel, "totals", "g", NULL);
    derived_assert(reel, "totals", "h", "{\"count\":1,\"sum\":2}");
    reel_close(reel);
}

/* ---- Cases: rebuilds ------------------------------------------------------------------------- */

static void a_rebuild_of_either_side_rebuilds_both(void **state) {
    (void)state;
    static const char *const names[] = {"items", "totals", "strict", "sizes"};
    struct reel_error error;
    struct reel *reel = derived_opened(NULL, DERIVED_ALL),
                *same = derived_opened(NULL, DERIVED_ALL);
    for (size_t i = 0; i < 2; i++) {
        derived_ops(i ? same : reel, "[['a','g',1],['b','h',13]]", REEL_REJECTED);
        derived_ops(i ? same : reel, "[['b'],['c','h',2]]", REEL_APPLIED);
    }
    for (size_t i = 0; i < LENGTH(names); i++) {
        must_ok(reel_rebuild(reel, names[i], &error), error);
        assert_same_state(reel, same);
        for (size_t n = 0; n < LENGTH(names); n++)
            assert_int_equal(info_of(reel, names[n]).generation, i + 1);
    }
    reel_close(reel);
    reel_close(same);
}

/* ---- Cases: trimmed logs --------------------------------------------------------------------- */

static const char *trimmed(const struct reel_plugin *const *plugins) {
    const char *directory = scratch_directory();
    struct reel *reel = derived_opened(directory, plugins);
    derived_ops(reel, "[['a','g',1],['b','g',2],['c','h',3]]", REEL_APPLIED);
    derived_ops(reel, "[['b','h',4]]", REEL_APPLIED);
    trim_all(reel);
    reel_close(reel);
    return directory;
}

static void a_new_one_is_made_from_records_if_the_log_was_trimmed(void **state) {
    (void)state;
    const char *directory = trimmed(DERIVED_PLUGINS(&derived_items));
    const struct reel_plugin *const *plugins =
        DERIVED_PLUGINS(&derived_items, &derived_totals, &derived_sizes);
    struct reel *reel = derived_opened(directory, plugins);
    derived_assert(reel, "totals", "g", "{\"count\":1,\"sum\":1}");
    derived_assert(reel, "totals", "h", "{\"count\":2,\"sum\":7}");
    derived_assert(reel, "sizes", "2", "{\"groups\":1}");
    assert_int_equal(info_of(reel, "items").generation, 0);
    assert_int_equal(info_of(reel, "totals").cursor, 2);
    derived_ops(reel, "[['c','g',5]]", REEL_APPLIED);
    reel_close(reel);
    reel = derived_opened(directory, plugins);
    derived_assert(reel, "totals", "g", "{\"count\":2,\"sum\":6}");
    derived_assert(reel, "sizes", "2", "{\"groups\":1}");
    derived_assert(reel, "sizes", "1", "{\"groups\":1}");
    reel_close(reel);
}

static void keep_report(void *context, reel_level level, const char *line) {
    (void)level;
    text_append_str(context, reel_text(line));
    text_append_lit(context, "\n");
}

static void the_operator_is_told(void **state) {
    (void)state;
    CLEANUP(text_finish) struct text reports = {0};
    struct reel_options given = {.report = keep_report, .context = &reports};
    struct reel_options options = test_options(trimmed(DERIVED_PLUGINS(&derived_items)), &given);
    struct reel_error error;
    struct reel *reel;
    must_ok(reel_open(&options, &reel, &error), error);
    must_ok(reel_add_plugin(reel, &derived_items, &error), error);
    must_ok(reel_add_plugin(reel, &derived_totals, &error), error);
    must_ok(reel_start(reel, &error), error);
    reel_close(reel);
    text_append(&reports, "", 1);
    if (!strstr(reports.data,
                "collection `totals`: made from the 3 records of `items`, since it is new"))
        fail_msg("%s", reports.data);
}

static void one_that_needs_the_events_is_refused_if_the_log_was_trimmed(void **state) {
    (void)state;
    const char *directory = trimmed(DERIVED_PLUGINS(&derived_items));
    assert_start_refused(
        derived_loaded(directory, DERIVED_PLUGINS(&derived_items, &derived_strict)), -ESTALE,
        "collection `strict`: it is new, but the log begins at 3");
    struct derived_own mine;
    assert_start_refused(
        derived_loaded(directory,
                       DERIVED_PLUGINS(&derived_items, &derived_totals,
                                       derived_own(&mine, "own", "totals", derived_ignore))),
        -ESTALE, "collection `own`: it is new, but the log begins at 3");
}

static void a_rebuild_from_records_leaves_the_source(void **state) {
    (void)state;
    struct reel_error error;
    const char *directory = trimmed(DERIVED_ALL);
    struct reel *reel = derived_opened(directory, DERIVED_ALL);
    must_ok(reel_rebuild(reel, "totals", &error), error);
    derived_assert(reel, "totals", "h", "{\"count\":2,\"sum\":7}");
    derived_assert(reel, "sizes", "2", "{\"groups\":1}");
    assert_int_equal(info_of(reel, "items").generation, 0);
    assert_int_equal(info_of(reel, "strict").generation, 0);
    assert_int_equal(info_of(reel, "totals").generation, 1);
    assert_int_equal(info_of(reel, "sizes").generation, 1);
    assert_int_equal(reel_rebuild(reel, "strict", &error), -ESTALE);
    assert_sentence(&error,
                    "collection `strict`: it was asked for, but the log begins at 3: it "
                    "cannot be derived from earlier events, and its plugin does not declare "
                    "REEL_DERIVE_FROM_RECORDS; request a rebuild of `items`");
    derived_assert(reel, "strict", "h", "{\"count\":null,\"sum\":7}");
    must_ok(reel_rebuild(reel, "items", &error), error);
    assert_int_equal(info_of(reel, "items").records, 0);
    assert_int_equal(info_of(reel, "totals").records, 0);
    reel_close(reel);
}

static reel_outcome reject_13(struct reel_tx *tx, const struct reel_change *change) {
    int64_t value = 0;
    reel_field_int(change->after, "value", &value);
    if (value == 13) return reel_reject(tx, "%.*s is 13", REEL_FMT(change->key));
    reel_set_int(reel_upsert(tx, change->key), "sum", value);
    return REEL_APPLIED;
}

static void records_that_are_rejected_in_a_rebuild_are_kept_as_one(void **state) {
    (void)state;
    struct derived_own mine;
    const char *directory = scratch_directory();
    struct reel *reel = derived_opened(directory, DERIVED_PLUGINS(&derived_items));
    derived_ops(reel, "[['a','g',1],['b','g',13],['c','h',13]]", REEL_APPLIED);
    derived_ops(reel, "[['d','g',1]]", REEL_APPLIED);
    must(reel_trim(reel, 2, &(struct reel_error){""}) == 0);
    reel_close(reel);
    derived_own(&mine, "own", "items", reject_13);
    mine.projector.flags = REEL_DERIVE_FROM_RECORDS;
    reel = derived_opened(directory, DERIVED_PLUGINS(&derived_items, &mine.plugin));
    derived_assert_rejected(reel, "2 own 2 records of `items` in a rebuild; the first: b is 13\n");
    assert_int_equal(info_of(reel, "own").records, 2);
    assert_int_equal(info_of(reel, "own").applied, 2);
    assert_int_equal(info_of(reel, "own").rejected, 2);
    reel_close(reel);
}

/* More than are read at once. */
static void many_records_are_made_in_slices(void **state) {
    (void)state;
    enum { RECORDS = 70000, PER_EVENT = 500 };
    struct text event = {0};
    struct reel_error error;
    char op[64];
    const char *directory = scratch_directory();
    struct reel *reel = derived_opened(directory, DERIVED_PLUGINS(&derived_items));
    for (int n = 0; n < RECORDS;) {
        event.len = 0;
        text_append_lit(&event, "{\"type\":\"item.ops\",\"data\":{\"ops\":[");
        for (int i = 0; i < PER_EVENT; i++, n++) {
            snprintf(op, sizeof op, "%s[\"%d\",\"g%d\",%d]", i ? "," : "", n, n, n);
            text_append_str(&event, reel_text(op));
        }
        text_append_lit(&event, "]}}");
        must_ok(reel_apply(reel, text_str(&event), NULL, &error), error);
    }
    text_finish(&event);
    trim_all(reel);
    reel_close(reel);
    reel =
        derived_opened(directory, DERIVED_PLUGINS(&derived_items, &derived_totals, &derived_sizes));
    assert_int_equal(info_of(reel, "totals").records, RECORDS);
    derived_assert(reel, "sizes", "1", "{\"groups\":70000}");
    derived_ops(reel, "[['1','g2',5],['3']]", REEL_APPLIED);
    derived_assert(reel, "totals", "g2", "{\"count\":2,\"sum\":7}");
    derived_assert(reel, "sizes", "1", "{\"groups\":69997}");
    assert_changes(reel, "totals", RECORDS - 2);
    assert_changes(reel, "sizes", 2);
    must_ok(reel_rebuild(reel, "totals", &error), error);
    assert_changes(reel, "totals", RECORDS - 2);
    derived_assert(reel, "sizes", "1", "{\"groups\":69997}");
    reel_close(reel);
}

/* ---- Cases: verifying ------------------------------------------------------------------------ */

/* `collection=same`, `=other` or why it was not compared, of those that a fold is compared with. */
static void note_compared(void *context, const struct verify_compared *compared) {
    struct text *text = context;
    if (!compared->by_fold) return;
    text_append_str(text, reel_text(compared->collection));
    text_append_lit(text, "=");
    text_append_str(text, reel_text(compared->why       ? compared->why
                                    : compared->is_same ? "same"
                                                        : "other"));
    text_append_lit(text, " ");
}

static void note_finding(void *context, const char *file, uint64_t offset, const char *what) {
    (void)context;
    fail_msg("%s: %zu: %s", file, (size_t)offset, what);
}

static void note_sentence(void *context, const char *sentence) {
    (void)context;
    fail_msg("%s", sentence);
}

static void note_beginning(void *context, const char *what) {
    (void)context, (void)what;
}

static void assert_verified(const char *directory, const struct reel_plugin *const *plugins,
                            const char *expected) {
    CLEANUP(text_finish) struct text found = {0};
    const struct verifier verifier = {note_finding, note_sentence, note_compared, note_beginning,
                                      &found};
    struct reel_error error;
    struct reel *reel = derived_loaded(NULL, plugins);
    must_ok(verify_directory(directory, reel, &verifier, &error), error);
    reel_close(reel);
    assert_bytes(text_str(&found), reel_text(expected));
}

static void verify_folds_derived_collections(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = derived_opened(directory, DERIVED_ALL);
    derived_ops(reel, "[['a','g',1],['b','h',13]]", REEL_REJECTED);
    derived_ops(reel, "[['a'],['b','g',2]]", REEL_APPLIED);
    reel_close(reel);
    assert_verified(directory, DERIVED_ALL, "items=same sizes=same strict=same totals=same ");

    struct reel_projector projector = *derived_items.projectors[0];
    const struct reel_projector *list[] = {&projector, NULL};
    struct reel_plugin other = derived_items;
    other.projectors = list;
    projector.revision = 2;
    assert_verified(directory,
                    DERIVED_PLUGINS(&other, &derived_totals, &derived_strict, &derived_sizes),
                    "items=its revision has changed sizes=its source is not compared "
                    "strict=its source is not compared totals=its source is not compared ");

    projector = *derived_totals.projectors[0];
    other = derived_totals;
    other.projectors = list;
    projector.revision = 2;
    assert_verified(directory,
                    DERIVED_PLUGINS(&derived_items, &other, &derived_strict, &derived_sizes),
                    "items=same sizes=its source is not compared strict=same "
                    "totals=its revision has changed ");
}

/* ---------------------------------------------------------------------------------------------- */

UNIT_TESTS(derived_start_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_that_is_missing_is_named),
        cmocka_unit_test(a_circle_is_named),
        cmocka_unit_test(a_new_one_is_made_from_the_log),
        cmocka_unit_test(one_that_missed_a_rebuild_is_made_again),
        cmocka_unit_test(one_that_missed_events_is_made_again),
        cmocka_unit_test(a_rebuild_of_either_side_rebuilds_both),
        cmocka_unit_test(a_new_one_is_made_from_records_if_the_log_was_trimmed),
        cmocka_unit_test(the_operator_is_told),
        cmocka_unit_test(one_that_needs_the_events_is_refused_if_the_log_was_trimmed),
        cmocka_unit_test(a_rebuild_from_records_leaves_the_source),
        cmocka_unit_test(records_that_are_rejected_in_a_rebuild_are_kept_as_one),
        cmocka_unit_test(many_records_are_made_in_slices),
        cmocka_unit_test(verify_folds_derived_collections),
    };
    return cmocka_run_group_tests_name("derived_start_test", tests, NULL, NULL);
}
