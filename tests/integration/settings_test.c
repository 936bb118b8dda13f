/* settings_test.c: settings of projectors through reel.h: what `evolve` and `decide` read, that
 * other values mean a rebuild, and what is refused. Under the daemon: serve_settings_test.c. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEDGER build_path("tests/integration/plugins/ledger.so")
#define NOTED  "{\"type\":\"test.ledger.v1.noted\",\"subject\":\"a\"}"

/* ---- Fixture --------------------------------------------------------------------------------- */

static struct text reports;

static void on_report(void *context, reel_level level, const char *line) {
    (void)context, (void)level;
    text_format(&reports, "%s\n", line);
}

static struct reel *loaded(const char *directory) {
    struct reel_options options = {.report = on_report};
    free(reports.data);
    reports = (struct text){0};
    return reel_loaded(directory, &options, LEDGER, NULL);
}

static void set(struct reel *reel, const char *name, const char *value) {
    const char *const values[] = {value, NULL};
    struct reel_error error;
    must_ok(reel_set_setting(reel, "ledger", name, values, &error), error);
}

static void start(struct reel *reel) {
    struct reel_error error;
    must_ok(reel_start(reel, &error), error);
}

static void assert_record(struct reel *reel, const char *part) {
    char *record = record_text(reel, "ledger", "a");
    must(record);
    if (!strstr(record, part)) support_failed(__FILE__, __LINE__, "no %s in %s", part, record);
    free(record);
}

static void assert_refused(struct reel *reel, const char *name, const char *const *values, int code,
                           const char *sentence) {
    struct reel_error error = {0};
    assert_int_equal(reel_set_setting(reel, "ledger", name, values, &error), code);
    assert_sentence(&error, sentence);
}

/* A store with a record that was made with these settings. */
static const char *made(const char *name, const char *value) {
    const char *directory = scratch_directory();
    struct reel *reel = loaded(directory);
    if (name) set(reel, name, value);
    start(reel);
    apply_text(reel, NOTED, REEL_APPLIED);
    reel_close(reel);
    return directory;
}

/* ---- Cases: reading -------------------------------------------------------------------------- */

static void settings_have_their_defaults(void **state) {
    (void)state;
    struct reel *reel = loaded(NULL);
    start(reel);
    apply_text(reel, NOTED, REEL_APPLIED);
    assert_record(reel, "{\"currency\":\"EUR\",\"rate\":2,\"mode\":\"plain\",\"rounded\":false,"
                        "\"tags\":\"\",\"by\":null,");
    reel_close(reel);
}

static void evolve_and_decide_read_what_was_given(void **state) {
    (void)state;
    static const char *const tags[] = {"new", "a,b", NULL};
    struct reel *reel = loaded(NULL);
    struct reel_error error;
    set(reel, "ledger_currency", "SEK");
    set(reel, "ledger_rate", "7");
    set(reel, "ledger_mode", "strict");
    set(reel, "ledger_rounded", "true");
    must_ok(reel_set_setting(reel, "ledger", "ledger_tags", tags, &error), error);
    start(reel);
    apply_text(reel, NOTED, REEL_APPLIED);
    assert_record(reel, "{\"currency\":\"SEK\",\"rate\":7,\"mode\":\"strict\",\"rounded\":true,"
                        "\"tags\":\"[new][a,b]\",\"by\":null,");
    struct reel_command_request request = {.struct_size = sizeof request,
                                           .collection = reel_text("ledger"),
                                           .verb = reel_text("create")};
    struct reel_command_result result;
    must_ok(reel_command(reel, &request, &result, &error), error);
    must(result.accepted);
    must(strstr(result.record, "\"decided\":{\"principal\":null,\"currency\":\"SEK\","
                               "\"tag\":\"a,b\",\"rate\":7}"));
    reel_command_result_finish(&result);
    reel_close(reel);
}

static void a_setting_that_is_not_declared_is_a_fault(void **state) {
    (void)state;
    struct reel *reel = loaded(NULL);
    start(reel);
    apply_text(reel, "{\"type\":\"test.ledger.v1.reads\",\"subject\":\"a\"}", REEL_REJECTED);
    apply_text(reel, "{\"type\":\"test.ledger.v1.counts\",\"subject\":\"a\"}", REEL_REJECTED);
    char *rejected = rejected_dump(reel);
    must(strstr(rejected, "reads setting `ledger_nothing`, which it did not declare"));
    must(strstr(rejected, "reads setting `ledger_currency` as a number, which it is not"));
    free(rejected);
    reel_close(reel);
}

/* ---- Cases: what is refused ------------------------------------------------------------------ */

static void values_that_are_not_allowed_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *name, *value, *sentence;
        int code;
    } cases[] = {
        {"ledger_rate", "0", "collection `ledger`: the value of setting `ledger_rate`", -EINVAL},
        {"ledger_rate", "101", "wanted a number from 1 to 100", -EINVAL},
        {"ledger_rate", "ten", "wanted a number from 1 to 100", -EINVAL},
        {"ledger_mode", "odd", "it is not one of the allowed words", -EINVAL},
        {"ledger_rounded", "yes", "wanted true or false", -EINVAL},
        {"ledger_currency", "EURO", "wanted three characters", -EINVAL},
        {"ledger_currency", "\xff\xff\xff", "it is not UTF-8", -EINVAL},
        {"ledger_currency", "", "it is empty", -EINVAL},
        {"ledger_nothing", "1", "there is no setting `ledger_nothing`", -ENOENT},
    };
    struct reel *reel = loaded(NULL);
    struct reel_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const values[] = {cases[i].value, NULL};
        assert_refused(reel, cases[i].name, values, cases[i].code, cases[i].sentence);
    }
    static const char *const two[] = {"EUR", "SEK", NULL};
    assert_refused(reel, "ledger_currency", two, -EINVAL, "has one value");
    assert_refused(reel, "ledger_currency", two + 2, -EINVAL, "has one value");
    assert_int_equal(reel_set_setting(reel, "cells", "ledger_rate", two, &error), -ESRCH);
    start(reel);
    apply_text(reel, NOTED, REEL_APPLIED);
    assert_record(reel, "{\"currency\":\"EUR\",\"rate\":2,"); /* nothing was half done */
    assert_refused(reel, "ledger_currency", two + 1, -EBUSY, "only before reel_start");
    reel_close(reel);
}

/* ---- Cases: identity ------------------------------------------------------------------------- */

static void another_value_rebuilds_the_records_and_says_why(void **state) {
    (void)state;
    const char *directory = made("ledger_currency", "SEK");
    struct reel *reel = loaded(directory);
    set(reel, "ledger_currency", "DKK");
    start(reel);
    assert_record(reel, "\"currency\":\"DKK\"");
    must(reports.data && strstr(reports.data, "its settings have changed"));
    reel_close(reel);
}

static void a_setting_that_is_no_longer_given_rebuilds_them_too(void **state) {
    (void)state;
    const char *directory = made("ledger_rounded", "true");
    struct reel *reel = loaded(directory);
    start(reel);
    assert_record(reel, "\"rounded\":false");
    must(reports.data && strstr(reports.data, "its settings have changed"));
    reel_close(reel);
}

static void the_same_values_in_other_words_rebuild_nothing(void **state) {
    (void)state;
    const char *directory = made("ledger_rate", "7");
    struct reel *reel = loaded(directory);
    set(reel, "ledger_rate", "07");
    set(reel, "ledger_currency", "EUR"); /* as by default */
    set(reel, "ledger_rounded", "false");
    start(reel);
    assert_record(reel, "\"rate\":7");
    must(!reports.data || !strstr(reports.data, "have changed"));
    reel_close(reel);
}

static void equal_values_have_one_text(void **state) {
    (void)state;
    struct reel *reel = loaded(NULL);
    set(reel, "ledger_rate", "007");
    start(reel);
    apply_text(reel, "{\"type\":\"test.ledger.v1.texts\",\"subject\":\"a\"}", REEL_APPLIED);
    assert_record(reel, "\"tags\":\"7 false\""); /* as from "7", and with the switch given */
    reel_close(reel);
}

static void a_trimmed_log_refuses_other_values(void **state) {
    (void)state;
    const char *directory = made(NULL, NULL);
    struct reel_error error;
    struct reel *reel = loaded(directory);
    start(reel);
    apply_text(reel, NOTED, REEL_APPLIED);
    must_ok(reel_trim(reel, 2, &error), error);
    reel_close(reel);
    reel = loaded(directory);
    set(reel, "ledger_currency", "SEK");
    assert_int_equal(reel_start(reel, &error), -ESTALE);
    assert_sentence(&error,
                    "collection `ledger`: its settings have changed, but the log begins at");
    reel_close(reel);
    reel = loaded(directory);
    set(reel, "ledger_currency", "SEK");
    must_ok(reel_rebuild(reel, "ledger", &error), error);
    start(reel);
    assert_record(reel, "\"currency\":\"SEK\"");
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_have_their_defaults),
        cmocka_unit_test(evolve_and_decide_read_what_was_given),
        cmocka_unit_test(a_setting_that_is_not_declared_is_a_fault),
        cmocka_unit_test(values_that_are_not_allowed_are_refused),
        cmocka_unit_test(another_value_rebuilds_the_records_and_says_why),
        cmocka_unit_test(a_setting_that_is_no_longer_given_rebuilds_them_too),
        cmocka_unit_test(the_same_values_in_other_words_rebuild_nothing),
        cmocka_unit_test(equal_values_have_one_text),
        cmocka_unit_test(a_trimmed_log_refuses_other_values),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(reports.data);
    return failed;
}
