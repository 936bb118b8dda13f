/* plan_test.c: `reeld plan`: what it says would change is compared with two folds of the same
 * events by libreel, one with the old plugin and one with the new one, record by record. */
#include "plan_compare.h"

/* ---- The slow comparison --------------------------------------------------------------------- */

static int take_row(void *context, const struct reel_row *row) {
    char *key = strndup(row->key.data, row->key.len);
    json_object_set_new(context, key, json_parsed(row->json.data, row->json.len));
    free(key);
    return 0;
}

static int take_rejection(void *context, const struct reel_rejection *rejection) {
    char seq[32], name[64];
    snprintf(name, sizeof name, "%.*s", REEL_FMT(rejection->collection));
    snprintf(seq, sizeof seq, "%" PRIu64, rejection->seq);
    json_t *collection = json_object_get(context, name);
    if (collection) /* else it is not JSON, and no projector's */
        json_object_set_new(json_object_get(collection, "rejections"), seq,
                            json_stringn(rejection->reason.data, rejection->reason.len));
    return 0;
}

static struct made made_by(const char *plugin, struct batch *batch) {
    struct made made = {json_object()};
    struct reel *reel = reel_opened(NULL, NULL, plugin, NULL);
    const char *name;
    apply(reel, batch);
    struct reel_view *view = view_opened(reel);
    for (size_t n = 0; (name = reel_collection_name(reel, n)); n++) {
        struct reel_collection_info info;
        json_t *records = json_object();
        must(reel_view_list(view, name, (struct reel_str){0}, false, take_row, records) == 0);
        must(reel_view_collection(view, name, &info) == 0);
        json_object_set_new(
            made.collections, name,
            json_pack("{s:o,s:{},s:s}", "records", records, "rejections", "digest", info.digest));
    }
    must(reel_view_rejected(view, UINT64_MAX, take_rejection, made.collections) == 0);
    reel_view_close(view);
    reel_close(reel);
    return made;
}

/* The store is made by one plugin, and the plan is about the other. */
static void check_pair(const char *old, const char *new, struct batch *batch) {
    struct made before = made_by(old, batch), after = made_by(new, batch);
    struct planned planned = plan("--json", "--examples", "100000", "--data", store_of(old, batch),
                                  "--plugin", old, new);
    if (!planned.json) expect_code(&planned, NOTHING);
    expect_code(&planned, check_all(&planned, &before, &after) ? SOMETHING : NOTHING);
    planned_free(&planned);
    json_decref(before.collections);
    json_decref(after.collections);
}

/* ---- Cases: each kind of difference ---------------------------------------------------------- */

static void an_equal_plugin_changes_nothing(void **state) {
    (void)state;
    const char *copy = path_in(scratch_directory(), "copy.so");
    struct planned planned;
    copy_over(COUNTER("1"), copy);
    const char *const files[] = {COUNTER("1"), copy}; /* the same file; a copy of it */
    for (size_t i = 0; i < 2; i++) {
        planned = plan("--json", "--data", counted_store(100), "--plugin", COUNTER("1"), files[i]);
        expect_code(&planned, NOTHING);
        const json_t *told = collection_of(&planned, "counters");
        assert_true(json_is_false(json_object_get(told, "made_again")));
        assert_true(json_is_false(json_object_get(planned.json, "differs")));
        assert_int_equal(json_integer_value(json_object_get(planned.json, "events")), 100);
        planned_free(&planned);
    }
}

static void another_fold_with_the_same_revision_is_found_and_made_again(void **state) {
    (void)state;
    struct planned planned =
        plan("--data", counted_store(100), "--plugin", COUNTER("1"), COUNTER("1_other"));
    expect_code(&planned, SOMETHING);
    must(strstr(planned.out, "raise the revision"));
    must(strstr(planned.out, "count: 90 -> 270"));
    must(strstr(planned.out, "its plugin is another build"));
    must(strstr(planned.out, "a restart keeps its records"));
    must(strstr(planned.out, "a reload makes the records again"));
    planned_free(&planned);
}

static void another_revision_is_made_again_and_rejects_otherwise(void **state) {
    (void)state;
    struct planned planned = plan("--json", "--examples", "2", "--data", counted_store(100),
                                  "--plugin", COUNTER("1"), COUNTER("2"));
    expect_code(&planned, SOMETHING);
    const json_t *told = collection_of(&planned, "counters");
    assert_string_equal(text_in(told, "why_made_again"), "its revision has changed");
    assert_int_equal(number_in(told, "before", "revision"), 1);
    assert_int_equal(number_in(told, "after", "revision"), 2);
    assert_int_equal(number_in(told, "rejections", "removed"), 10);
    const json_t *shown = json_object_get(told, "rejections_shown");
    assert_int_equal(json_array_size(shown), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(shown, 0), "seq")), 1);
    planned_free(&planned);
}

static void a_revision_alone_changes_nothing_that_is_served(void **state) {
    (void)state;
    struct batch batch = {0};
    add_planned(&batch, 300, 1);
    struct planned planned = plan("--json", "--data", store_of(FIXTURE("planned_0"), &batch),
                                  "--plugin", FIXTURE("planned_0"), FIXTURE("planned_16"));
    expect_code(&planned, NOTHING);
    must(json_is_true(json_object_get(collection_of(&planned, "planned"), "made_again")));
    assert_string_equal(text_in(collection_of(&planned, "planned_sums"), "why_made_again"),
                        "its plugin is another build");
    planned_free(&planned);
    batch_free(&batch);
}

static void fields_that_are_new_removed_or_of_another_kind_are_named(void **state) {
    (void)state;
    struct batch batch = {0};
    add_planned(&batch, 300, 2);
    const char *directory = store_of(FIXTURE("planned_2"), &batch);
    struct planned planned =
        plan("--json", "--data", directory, "--plugin", FIXTURE("planned_2"), FIXTURE("planned_8"));
    expect_code(&planned, SOMETHING);
    expect_same("fields",
                json_incref(json_object_get(collection_of(&planned, "planned"), "fields")),
                json_pack("[{s:s,s:s,s:n},{s:s,s:s,s:s}]", "name", "note", "before", "string",
                          "after", "name", "size", "before", "integer", "after", "number"));
    planned_free(&planned);
    planned = plan("--data", directory, "--plugin", FIXTURE("planned_2"), FIXTURE("planned_8"));
    must(strstr(planned.out, "field `note` (string) is removed"));
    must(strstr(planned.out, "its fields have changed"));
    planned_free(&planned);
    batch_free(&batch);
}

static void settings_are_part_of_the_fold(void **state) {
    (void)state;
    struct batch batch = {0};
    const char *event = "{\"specversion\":\"1.0\",\"source\":\"/test\",\"id\":\"1\",\"type\":"
                        "\"test.ledger.v1.noted\",\"subject\":\"a\"}";
    batch_add(&batch, event, strlen(event));
    const char *directory = store_of(FIXTURE("ledger"), &batch);
    struct planned planned = plan("--json", "--data", directory, "--plugin", FIXTURE("ledger"),
                                  "--ledger-rate", "9", FIXTURE("ledger"));
    expect_code(&planned, SOMETHING);
    const json_t *told = collection_of(&planned, "ledger");
    assert_string_equal(text_in(told, "why_made_again"), "its settings have changed");
    assert_int_equal(number_in(told, "members", "rate"), 1);
    planned_free(&planned);
    planned = plan("--data", directory, "--plugin", FIXTURE("ledger"), FIXTURE("ledger"));
    expect_code(&planned, NOTHING);
    planned_free(&planned);
    batch_free(&batch);
}

static void a_new_plugin_has_new_collections(void **state) {
    (void)state;
    struct batch batch = {0};
    add_planned(&batch, 300, 3);
    const char *directory = store_of(FIXTURE("counter_1"), &batch);
    struct planned planned =
        plan("--json", "--data", directory, "--plugin", COUNTER("1"), FIXTURE("planned_0"));
    expect_code(&planned, SOMETHING);
    assert_string_equal(text_in(collection_of(&planned, "planned"), "state"), "new");
    must(number_in(collection_of(&planned, "planned"), "records", "added") > 0);
    assert_int_equal(json_array_size(json_object_get(planned.json, "collections")), 2);
    planned_free(&planned);
    batch_free(&batch);
}

/* ---- Cases: random pairs --------------------------------------------------------------------- */

static void a_plan_is_what_two_folds_say(void **state) {
    (void)state;
    static const char *const variants[] = {"0", "1", "2", "4", "8", "16", "3", "13", "26", "31"};
    enum { VARIANTS = sizeof variants / sizeof *variants };
    size_t pairs = scaled(200);
    for (uint64_t pair = 0; pair < pairs; pair++) {
        uint64_t random = pair;
        struct batch batch = {0};
        char old[64], new[64];
        snprintf(old, sizeof old, "tests/integration/plugins/planned_%s.so",
                 variants[random_next(&random) % VARIANTS]);
        snprintf(new, sizeof new, "tests/integration/plugins/planned_%s.so",
                 variants[random_next(&random) % VARIANTS]);
        add_planned(&batch, 1 + random_next(&random) % 400, pair);
        test_context("pair %" PRIu64 ": %s and %s", pair, old, new);
        check_pair(build_path(old), build_path(new), &batch);
        batch_free(&batch);
    }
    test_context("%s", "");
}

/* ---- Cases: what cannot be compared ---------------------------------------------------------- */

static const char *trimmed(void) {
    const char *directory = scratch_directory();
    struct reel_options options = {.segment_bytes = 65536};
    struct reel *reel = reel_opened(directory, &options, COUNTER("1"), NULL);
    struct reel_error error;
    for (size_t i = 0; i < 20; i++) {
        struct batch batch = {0};
        add_counts(&batch, i * 100, 100);
        apply(reel, &batch);
        batch_free(&batch);
    }
    must_ok(reel_trim(reel, 1500, &error), error);
    must(position_of(reel).first_seq > 1);
    reel_close(reel);
    return directory;
}

static void after_a_trim_another_fold_would_be_refused(void **state) {
    (void)state;
    const char *directory = trimmed();
    struct planned planned =
        plan("--json", "--data", directory, "--plugin", COUNTER("1"), COUNTER("2"));
    expect_code(&planned, NOT_KNOWN);
    const json_t *told = collection_of(&planned, "counters");
    assert_string_equal(text_in(told, "state"), "refused");
    must(strstr(text_in(told, "why_not"), "its revision has changed, but the log begins at 1"));
    must(json_is_false(json_object_get(planned.json, "complete")));
    must(json_is_null(json_object_get(told, "differs")));
    planned_free(&planned);
    planned = plan("--data", directory, "--plugin", COUNTER("1"), COUNTER("2"));
    expect_code(&planned, NOT_KNOWN);
    must(strstr(planned.out, "a reload would be refused\n"));
    planned_free(&planned);
}

/* The same object; another that says that it is the same fold. */
static void after_a_trim_the_records_of_the_same_fold_stay(void **state) {
    (void)state;
    const char *directory = trimmed();
    const char *const files[] = {COUNTER("1"), COUNTER("1_compatible")};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct planned planned =
            plan("--json", "--data", directory, "--plugin", COUNTER("1"), files[i]);
        expect_code(&planned, NOTHING);
        const json_t *told = collection_of(&planned, "counters");
        assert_string_equal(text_in(told, "state"), "stays");
        must(strstr(text_in(told, "why_not"), "it cannot be made again"));
        must(json_is_true(json_object_get(planned.json, "complete")));
        must(json_is_false(json_object_get(told, "differs")));
        must(json_is_false(json_object_get(told, "made_again")));
        planned_free(&planned);
        planned = plan("--data", directory, "--plugin", COUNTER("1"), files[i]);
        expect_code(&planned, NOTHING);
        must(strstr(planned.out, "its records stay as they are"));
        must(strstr(planned.out, "a reload makes nothing again\nnothing changes\n"));
        planned_free(&planned);
    }
}

static void files_that_are_not_good_plugins_are_refused(void **state) {
    (void)state;
    const char *directory = counted_store(10),
               *garbage = path_in(scratch_directory(), "garbage.so");
    FILE *file = fopen(garbage, "w");
    must(file && fputs("this is not a plugin", file) >= 0 && fclose(file) == 0);
    expect_failed(plan("--data", directory, "--plugin", COUNTER("1"), garbage), NOT_KNOWN,
                  "garbage.so");
    expect_failed(plan("--data", directory, "--plugin", COUNTER("1"), FIXTURE("newer_major")),
                  NOT_KNOWN, "abi");
    expect_failed(plan("--data", directory, "--plugin", COUNTER("1"), "/none.so"), NOT_KNOWN,
                  "/none.so");
    expect_failed(plan("--data", directory, "--plugin", COUNTER("1")), WRONG_USAGE,
                  "no plugin was given");
    expect_failed(plan("--data", directory, "--frob", "--plugin", COUNTER("1"), COUNTER("2")),
                  WRONG_USAGE, "there is no flag --frob");
    expect_failed(
        plan("--data", path_in(directory, "none"), "--plugin", COUNTER("1"), COUNTER("2")),
        NOT_KNOWN, "none");
}

static void pins_hold_for_the_new_file_too(void **state) {
    (void)state;
    const char *zeros =
        "counter_2.so=0000000000000000000000000000000000000000000000000000000000000000";
    expect_failed(plan("--data", counted_store(10), "--plugin", COUNTER("1"), "--plugin-sha256",
                       zeros, COUNTER("2")),
                  WRONG_USAGE, "but plugin_sha256 says 000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_equal_plugin_changes_nothing),
        cmocka_unit_test(another_fold_with_the_same_revision_is_found_and_made_again),
        cmocka_unit_test(another_revision_is_made_again_and_rejects_otherwise),
        cmocka_unit_test(a_revision_alone_changes_nothing_that_is_served),
        cmocka_unit_test(fields_that_are_new_removed_or_of_another_kind_are_named),
        cmocka_unit_test(settings_are_part_of_the_fold),
        cmocka_unit_test(a_new_plugin_has_new_collections),
        cmocka_unit_test(a_plan_is_what_two_folds_say),
        cmocka_unit_test(after_a_trim_another_fold_would_be_refused),
        cmocka_unit_test(after_a_trim_the_records_of_the_same_fold_stay),
        cmocka_unit_test(files_that_are_not_good_plugins_are_refused),
        cmocka_unit_test(pins_hold_for_the_new_file_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
