/* filter_test.c: what each filter asks for, alone and together. */
#include "unit.h"

#include "events/filter.h"

static const struct reel_entry published = {
    .type = {"dev.cellos.cell.started", 23},
    .subject = {"c1", 2},
    .nats_subject = {"cellos.events.cells.c1.started", 30},
};
static const struct reel_entry nameless = {.flags = REEL_LOG_NOT_JSON};

static bool matches(struct event_filter filter, const struct reel_entry *entry) {
    struct reel_error error;
    must_ok(event_filter_check(&filter, &error), error);
    return event_filter_matches(&filter, entry);
}

static void no_filter_matches_everything(void **state) {
    (void)state;
    struct event_filter none = {0}, no_prefix = {.type = STR("")};
    assert_true(event_filter_is_empty(&none));
    assert_true(event_filter_is_empty(&no_prefix));
    assert_true(matches(none, &published) && matches(none, &nameless));
    assert_true(matches(no_prefix, &published) && matches(no_prefix, &nameless));
}

static void a_type_is_matched_by_its_beginning(void **state) {
    (void)state;
    assert_true(matches((struct event_filter){.type = STR("dev.cellos.cell.")}, &published));
    assert_true(matches((struct event_filter){.type = published.type}, &published));
    assert_false(matches((struct event_filter){.type = STR("cellos")}, &published));
    assert_false(
        matches((struct event_filter){.type = STR("dev.cellos.cell.started2")}, &published));
    assert_false(matches((struct event_filter){.type = STR("d")}, &nameless));
}

static void a_nats_subject_is_matched_by_tokens(void **state) {
    (void)state;
    struct reel_entry posted = published;
    posted.nats_subject = (struct reel_str){0};
    assert_true(
        matches((struct event_filter){.subject = STR("cellos.events.cells.>")}, &published));
    assert_false(
        matches((struct event_filter){.subject = STR("cellos.events.event.>")}, &published));
    assert_true(matches((struct event_filter){.subject = STR("cellos.events.event.*")}, &posted));
    assert_true(matches(
        (struct event_filter){.subject = STR("cellos.events.event.dev%2Ecellos%2Ecell%2Estarted")},
        &posted));
    assert_true(matches((struct event_filter){.subject = STR("cellos.events.event.%")}, &nameless));
}

static void a_cloudevents_subject_is_matched_whole(void **state) {
    (void)state;
    struct reel_entry empty = {.subject = STR("")};
    assert_true(matches((struct event_filter){.ce_subject = STR("c1")}, &published));
    assert_false(matches((struct event_filter){.ce_subject = STR("c")}, &published));
    assert_false(matches((struct event_filter){.ce_subject = STR("c1")}, &nameless));
    assert_true(matches((struct event_filter){.ce_subject = STR("")}, &empty));
    assert_false(matches((struct event_filter){.ce_subject = STR("")}, &nameless));
}

static void all_that_is_given_must_match(void **state) {
    (void)state;
    struct event_filter filter = {
        .type = STR("dev."), .subject = STR("cellos.>"), .ce_subject = STR("c1")};
    assert_false(event_filter_is_empty(&filter));
    assert_true(matches(filter, &published));
    filter.ce_subject = STR("c2");
    assert_false(matches(filter, &published));
    filter.ce_subject = STR("c1");
    filter.subject = STR("other.>");
    assert_false(matches(filter, &published));
}

static void a_gap_matches_every_filter(void **state) {
    (void)state;
    struct reel_entry gap = {.seq = 9, .flags = REEL_LOG_GAP};
    assert_true(matches((struct event_filter){0}, &gap));
    assert_true(matches((struct event_filter){.type = STR("dev."),
                                              .subject = STR("other.>"),
                                              .ce_subject = STR("c1")},
                        &gap));
}

static void a_subject_that_is_no_filter_is_told(void **state) {
    (void)state;
    struct reel_error error;
    struct event_filter filter = {.subject = STR("a..b")};
    assert_int_equal(event_filter_check(&filter, &error), -EINVAL);
    assert_sentence(&error, "\"a..b\"");
    filter.subject = STR("");
    assert_int_equal(event_filter_check(&filter, &error), -EINVAL);
}

UNIT_TESTS(filter_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_filter_matches_everything),
        cmocka_unit_test(a_type_is_matched_by_its_beginning),
        cmocka_unit_test(a_nats_subject_is_matched_by_tokens),
        cmocka_unit_test(a_cloudevents_subject_is_matched_whole),
        cmocka_unit_test(all_that_is_given_must_match),
        cmocka_unit_test(a_gap_matches_every_filter),
        cmocka_unit_test(a_subject_that_is_no_filter_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
