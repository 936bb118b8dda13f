/* principal_test.c: in whose name a command was given: in `decide`, in its events, in the log. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEDGER build_path("tests/integration/plugins/ledger.so")

static struct reel_command_result created(struct reel *reel, struct reel_str principal) {
    struct reel_command_request request = {.struct_size = sizeof request,
                                           .collection = reel_text("ledger"),
                                           .verb = reel_text("create"),
                                           .principal = principal};
    struct reel_command_result result;
    struct reel_error error;
    must_ok(reel_command(reel, &request, &result, &error), error);
    must(result.accepted);
    return result;
}

/* The principals of all entries, one a line. */
static int note_principal(void *context, const struct reel_entry *entry) {
    text_format(context, "%.*s\n",
                REEL_FMT(entry->principal.data ? entry->principal : reel_text("-")));
    return 0;
}

static void assert_principals(struct reel *reel, const char *expected) {
    struct text found = {0};
    struct reel_view *view = view_opened(reel);
    assert_int_equal(reel_view_log(view, 1, note_principal, &found), 0);
    reel_view_close(view);
    assert_string_equal(found.data, expected);
    free(found.data);
}

static void decide_evolve_and_the_log_say_who_gave_the_command(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = reel_opened(directory, NULL, LEDGER, NULL);
    struct reel_command_result result = created(reel, reel_text("Ada \"the first\" \xc3\xa9"));
    must(strstr(result.record, "\"by\":\"Ada \\\"the first\\\" \xc3\xa9\""));
    must(strstr(result.record, "{\"principal\":\"Ada \\\"the first\\\" \xc3\xa9\""));
    reel_command_result_finish(&result);
    size_t len;
    char *event = log_text(reel, 1, &len);
    json_t *json = json_parsed(event, len);
    assert_string_equal(json_string_value(json_object_get(json, "principal")),
                        "Ada \"the first\" \xc3\xa9");
    json_decref(json);
    free(event);
    reel_close(reel);
    reel = reel_opened(directory, NULL, LEDGER, NULL);
    assert_principals(reel, "Ada \"the first\" \xc3\xa9\n");
    reel_close(reel);
}

static void a_command_of_nobody_has_none(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, LEDGER, NULL);
    static const struct reel_str none[] = {{NULL, 0}, {"", 0}};
    for (size_t i = 0; i < 2; i++) {
        struct reel_command_result result = created(reel, none[i]);
        must(strstr(result.record, "\"by\":null,\"decided\":{\"principal\":null"));
        reel_command_result_finish(&result);
        size_t len;
        char *event = log_text(reel, i + 1, &len);
        json_t *json = json_parsed(event, len);
        assert_null(json_object_get(json, "principal"));
        json_decref(json);
        free(event);
    }
    assert_principals(reel, "-\n-\n");
    reel_close(reel);
}

/* What a sender writes is the sender's word; what the host notes is the host's. */
static void a_posted_event_may_claim_one_but_the_log_does_not(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, LEDGER, NULL);
    apply_text(reel, "{\"type\":\"test.ledger.v1.noted\",\"subject\":\"a\",\"principal\":\"Ada\"}",
               REEL_APPLIED);
    char *record = record_text(reel, "ledger", "a");
    must(strstr(record, "\"by\":\"Ada\""));
    free(record);
    assert_principals(reel, "-\n");
    reel_close(reel);
}

static void text_that_cannot_be_an_attribute_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"a\nb", "\xff", "a\x7f"};
    struct reel *reel = reel_opened(NULL, NULL, LEDGER, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reel_command_request request = {.struct_size = sizeof request,
                                               .collection = reel_text("ledger"),
                                               .verb = reel_text("create"),
                                               .principal = reel_text(bad[i])};
        struct reel_command_result result;
        struct reel_error error;
        assert_int_equal(reel_command(reel, &request, &result, &error), -EINVAL);
        assert_sentence(&error, "request.principal is not UTF-8, or has control characters");
    }
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decide_evolve_and_the_log_say_who_gave_the_command),
        cmocka_unit_test(a_command_of_nobody_has_none),
        cmocka_unit_test(a_posted_event_may_claim_one_but_the_log_does_not),
        cmocka_unit_test(text_that_cannot_be_an_attribute_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
