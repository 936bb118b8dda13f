/* report_test.c: what the library tells the operator (reel_options.warn and .report): rebuilds,
 * collections without a plugin, other builds of a plugin, warnings at a bounded rate. */
#include "support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNTER(version) build_path("tests/integration/plugins/counter_" version ".so")
enum { EVENTS = 1000, WARNINGS = 5 };

/* ---- Fixture --------------------------------------------------------------------------------- */

/* What was told, a line a line. */
struct heard {
    struct text reports, warnings;
    size_t warning_count;
};

static void on_report(void *context, reel_level level, const char *line) {
    struct heard *heard = context;
    static const char *const names[] = {
        [REEL_LEVEL_INFO] = "info", [REEL_LEVEL_WARNING] = "warning"};
    text_format(&heard->reports, "%s: %s\n", names[level], line);
}

static void on_warning(void *context, const char *line) {
    struct heard *heard = context;
    text_format(&heard->warnings, "%s\n", line);
    heard->warning_count++;
}

static void heard_free(struct heard *heard) {
    free(heard->reports.data);
    free(heard->warnings.data);
    *heard = (struct heard){0};
}

/* Opened with one plugin; NULL: with another one, so that nobody serves the counters. */
static struct reel *opened(const char *directory, const char *plugin, struct heard *heard) {
    struct reel_options options = {.warn = on_warning, .report = on_report, .context = heard};
    return reel_opened(directory, &options, plugin ? plugin : CELL_SO, NULL);
}

static void count_events(struct reel *reel, uint64_t count) {
    struct batch batch = {0};
    struct reel_error error;
    for (uint64_t n = 0; n < count; n++) {
        const char *event = n % 10 ? "{\"type\":\"test.count.v1.one\",\"subject\":\"s\"}"
                                   : "{\"type\":\"test.count.v1.one\"}";
        batch_add(&batch, event, strlen(event));
    }
    must_ok(reel_apply_batch(reel, batch_payloads(&batch), batch.count, NULL, &error), error);
    batch_free(&batch);
}

static const char *counted(const char *plugin) {
    const char *directory = scratch_directory();
    struct heard heard = {0};
    struct reel *reel = opened(directory, plugin, &heard);
    count_events(reel, EVENTS);
    reel_close(reel);
    heard_free(&heard);
    return directory;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_has(const struct text *text, const char *part) {
    if (!text->data || !strstr(text->data, part))
        support_failed(__FILE__, __LINE__, "no `%s` in: %s", part,
                       text->data ? text->data : "nothing");
}

static void assert_has_not(const struct text *text, const char *part) {
    if (text->data && strstr(text->data, part))
        support_failed(__FILE__, __LINE__, "`%s` in: %s", part, text->data);
}

/* Started with that plugin, it tells that, and only the first time. */
static void assert_told_once(const char *directory, const char *plugin, const char *part) {
    struct heard heard = {0};
    reel_close(opened(directory, plugin, &heard));
    assert_has(&heard.reports, part);
    heard_free(&heard);
    reel_close(opened(directory, plugin, &heard));
    assert_has_not(&heard.reports, part);
    heard_free(&heard);
}

/* ---- Rebuilds -------------------------------------------------------------------------------- */

static void a_new_store_has_nothing_to_tell(void **state) {
    (void)state;
    struct heard heard = {0};
    struct reel *reel = opened(NULL, COUNTER("1"), &heard);
    count_events(reel, 10);
    assert_int_equal(heard.reports.len, 0);
    reel_close(reel);
    heard_free(&heard);
}

/* A copy onto a full disk may be empty: that all events are gone must not go unnoticed. */
static void a_store_in_place_of_an_empty_file_is_told(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    FILE *file = fopen(path_in(directory, "data.mdb"), "w");
    must(file && fclose(file) == 0);
    assert_told_once(directory, COUNTER("1"),
                     "warning: data.mdb had no content and was replaced by a new store");
}

static void a_rebuild_tells_its_beginning_and_its_end(void **state) {
    (void)state;
    struct heard heard = {0};
    const char *directory = counted(COUNTER("1"));
    struct reel *reel = opened(directory, COUNTER("2"), &heard);
    assert_has(&heard.reports,
               "info: collection `counters`: rebuild begun, events 1 to 1000, since "
               "its revision has changed\n");
    assert_has(&heard.reports, "info: collection `counters`: rebuild ended, events 1 to 1000, in ");
    assert_has(&heard.reports, " s: 900 applied, 100 ignored, 0 rejected\n");
    heard_free(&heard);
    struct reel_error error;
    must_ok(reel_rebuild(reel, "counters", &error), error);
    assert_has(&heard.reports, "rebuild begun, events 1 to 1000, since it was asked for; its "
                               "records are served meanwhile\n");
    assert_has(&heard.reports, "rebuild ended, events 1 to 1000, in ");
    reel_close(reel);
    heard_free(&heard);
    assert_told_once(directory, COUNTER("fields"), "rebuild begun, events 1 to 1000, since its ");
    assert_told_once(counted(NULL), COUNTER("1"), "events 1 to 1000, since it is new\n");
}

static void a_catch_up_is_told_apart_from_a_rebuild(void **state) {
    (void)state;
    struct heard heard = {0};
    const char *directory = counted(COUNTER("1"));
    struct reel *reel = opened(directory, NULL, &heard);
    count_events(reel, 50);
    reel_close(reel);
    heard_free(&heard);
    reel_close(opened(directory, COUNTER("1"), &heard));
    assert_has(&heard.reports, "info: collection `counters`: catch-up begun, events 1001 to 1050, "
                               "since it is behind the log\n");
    assert_has(&heard.reports, "catch-up ended, events 1001 to 1050, in ");
    assert_has(&heard.reports, " s: 45 applied, 0 ignored, 5 rejected\n");
    heard_free(&heard);
}

/* ---- Plugins --------------------------------------------------------------------------------- */

static void a_collection_without_a_plugin_is_told(void **state) {
    (void)state;
    struct heard heard = {0};
    const char *directory = counted(COUNTER("1"));
    reel_close(opened(directory, NULL, &heard));
    assert_has(&heard.reports,
               "warning: collection `counters` is in the store, with 1 records as of "
               "event 1000, but no plugin serves it\n");
    assert_has_not(&heard.reports, "`cells` is in the store");
    heard_free(&heard);
}

/* The fixture is built twice with the same revision, from other flags. */
static void another_build_with_the_same_revision_is_told_once(void **state) {
    (void)state;
    const char *directory = counted(COUNTER("1"));
    struct heard heard = {0};
    reel_close(opened(directory, COUNTER("1"), &heard));
    assert_has_not(&heard.reports, "another build");
    heard_free(&heard);
    assert_told_once(directory, COUNTER("1_compatible"),
                     "warning: collection `counters`: plugin counter is another build than the one "
                     "that made its records, with the same revision, 1: ");
}

/* ---- Warnings -------------------------------------------------------------------------------- */

static void warnings_of_one_kind_are_bounded_and_counted(void **state) {
    (void)state;
    struct heard heard = {0};
    struct reel_error error;
    struct reel *reel = opened(NULL, COUNTER("1"), &heard);
    count_events(reel, EVENTS);
    must_ok(reel_rebuild(reel, "counters", &error), error);
    assert_int_equal(heard.warning_count, WARNINGS);
    assert_has(&heard.warnings, "counters: event 2: counted\n");
    reel_close(reel);
    assert_int_equal(heard.warning_count, WARNINGS + 1);
    assert_has(&heard.warnings, "counters: 1795 more like this were left out: counted\n");
    heard_free(&heard);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_store_has_nothing_to_tell),
        cmocka_unit_test(a_store_in_place_of_an_empty_file_is_told),
        cmocka_unit_test(a_rebuild_tells_its_beginning_and_its_end),
        cmocka_unit_test(a_catch_up_is_told_apart_from_a_rebuild),
        cmocka_unit_test(a_collection_without_a_plugin_is_told),
        cmocka_unit_test(another_build_with_the_same_revision_is_told_once),
        cmocka_unit_test(warnings_of_one_kind_are_bounded_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
