/* handover_test.c: records that a builder has made with another plugin, in the store of the process
 * that will not run it: the next start with that plugin shows all of them, any other start none.
 *
 * The fixture counts events by subject. Its second revision adds another number to each count and
 * deletes what the first keeps, so that no record is like the old one. What the second should have
 * made is folded in memory. Also changed.h: what must be made. */
#include "unit.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/control.h"
#include "engine/engine.h"
#include "engine/transaction.h"

#include <reel/projector.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 40 };

/* ---- The plugins ----------------------------------------------------------------------------- */

static reel_outcome count_by(struct reel_tx *tx, const struct reel_event *event, int64_t by) {
    int64_t count = 0;
    if (!event->subject.data) return reel_reject(tx, "no subject, adds %" PRId64, by);
    struct reel_record *record = reel_upsert(tx, event->subject);
    reel_field_int(record, "count", &count);
    if (by > 1 && count > 0 && count % (5 * by) == 0) {
        reel_delete(tx, event->subject);
        return REEL_APPLIED;
    }
    reel_set_int(record, "count", count + by);
    return REEL_APPLIED;
}

static reel_outcome first_evolve(struct reel_tx *tx, const struct reel_event *event) {
    return count_by(tx, event, 1);
}

static reel_outcome second_evolve(struct reel_tx *tx, const struct reel_event *event) {
    return count_by(tx, event, 7);
}

static reel_outcome sums_derive(struct reel_tx *tx, const struct reel_change *change) {
    int64_t sum = 0, before = 0, after = 0;
    struct reel_record *record = reel_upsert(tx, reel_text("all"));
    reel_field_int(record, "count", &sum);
    if (change->before) reel_field_int(change->before, "count", &before);
    if (change->after) reel_field_int(change->after, "count", &after);
    reel_set_int(record, "count", sum + after - before);
    return REEL_APPLIED;
}

static const char *const prefixes[] = {"tally.", NULL};
static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "count", .kind = REEL_FIELD_INTEGER, .flags = REEL_FIELD_INDEXED), NULL};

#define PROJECTOR(...)                                                                             \
    &(const struct reel_projector) {                                                               \
        .struct_size = sizeof(struct reel_projector), .fields = fields, __VA_ARGS__                \
    }
#define PLUGIN(symbol, ...)                                                                        \
    static const struct reel_plugin symbol = {                                                     \
        .header = REEL_PLUGIN_HEADER,                                                              \
        .name = #symbol,                                                                           \
        .version = "1",                                                                            \
        .projectors = (const struct reel_projector *const[]){__VA_ARGS__, NULL},                   \
    }
#define SUMS                                                                                       \
    PROJECTOR(.collection = "sums", .revision = 1, .derives_from = "tally", .derive = sums_derive)
#define OTHER                                                                                      \
    PROJECTOR(.collection = "other", .revision = 1, .type_prefixes = prefixes,                     \
              .evolve = first_evolve)
#define NEW                                                                                        \
    PROJECTOR(.collection = "new", .revision = 1, .type_prefixes = prefixes,                       \
              .evolve = second_evolve)
PLUGIN(first,
       PROJECTOR(.collection = "tally", .revision = 1, .type_prefixes = prefixes,
                 .evolve = first_evolve),
       SUMS, OTHER);
PLUGIN(second,
       PROJECTOR(.collection = "tally", .revision = 2, .type_prefixes = prefixes,
                 .evolve = second_evolve),
       SUMS, OTHER, NEW);

static const struct reel_field *const more_fields[] = {
    REEL_FIELD(.name = "count", .kind = REEL_FIELD_INTEGER, .flags = REEL_FIELD_INDEXED),
    REEL_FIELD(.name = "half", .kind = REEL_FIELD_INTEGER, .flags = REEL_FIELD_INDEXED), NULL};
PLUGIN(with_more,
       &(const struct reel_projector){.struct_size = sizeof(struct reel_projector),
                                      .collection = "tally",
                                      .revision = 2,
                                      .fields = more_fields,
                                      .type_prefixes = prefixes,
                                      .evolve = second_evolve},
       SUMS, OTHER, NEW);

static const char *const made[] = {"tally", "sums", "new", NULL};
static const char *const all[] = {"tally", "sums", "other", "new", NULL};

/* ---- Fixture --------------------------------------------------------------------------------- */

static struct reel *opened(const char *directory, const struct reel_plugin *plugin) {
    const struct reel_options given = {.flags = directory ? REEL_START_BEHIND : 0};
    struct reel_options options = test_options(directory, &given);
    struct reel_error error;
    struct reel *reel;
    must_ok(reel_open(&options, &reel, &error), error);
    must_ok(reel_add_plugin(reel, plugin, &error), error);
    must_ok(reel_start(reel, &error), error);
    return reel;
}

/* Event `n` of an endless list. */
static size_t write_event(uint64_t n, char *to, size_t size) {
    uint64_t state = n, drawn = random_next(&state);
    if (drawn % 17 == 0) return (size_t)snprintf(to, size, "{\"type\":\"tally.one\"}");
    return (size_t)snprintf(to, size, "{\"type\":\"tally.one\",\"subject\":\"k%u\"}",
                            (unsigned)(drawn / 32 % KEYS));
}

static void apply_to(struct reel *reel, uint64_t cursor) {
    struct reel_error error;
    char event[64];
    for (uint64_t n = reel_cursor(reel) + 1; n <= cursor; n++) {
        const struct reel_str payload = {event, write_event(n, event, sizeof event)};
        must_ok(reel_apply(reel, payload, NULL, &error), error);
    }
}

static int note_change(void *context, const struct reel_changed_row *changed) {
    struct text *to = context;
    text_append_lit(to, changed->collection);
    text_append_str(to, changed->row->key);
    text_append_number(to, changed->row->changed);
    text_append_lit(to, changed->row->json.data ? "+" : "-");
    return 0;
}

static int note_row(void *context, const struct reel_row *row) {
    text_append_str(context, row->key);
    text_append_lit(context, " ");
    return 0;
}

static int note_rejection(void *context, const struct reel_rejection *rejection) {
    struct text *to = context;
    text_append_number(to, rejection->seq);
    text_append_str(to, rejection->collection);
    text_append_str(to, rejection->reason);
    return 0;
}

/* Records, the order of their changes and deletions, what the index says, and rejections. */
static void describe(struct reel *reel, struct text *to) {
    struct reel_view *view = view_opened(reel);
    struct reel_error error;
    for (size_t i = 0; all[i]; i++) {
        const struct reel_query query = {
            .struct_size = sizeof query, .collection = all[i], .order = "count"};
        struct reel_collection_info info;
        size_t len;
        if (reel_view_collection(view, all[i], &info) < 0) continue;
        must(info.served && !info.rebuilding && info.cursor == reel_cursor(reel));
        AUTO_FREE char *records = collection_dump(reel, all[i], &len);
        text_append(to, records, len);
        text_append_lit(to, info.digest);
        must_ok(reel_view_query(view, &query, note_row, to, NULL, &error), error);
    }
    must(reel_view_changed(view, 0, note_change, to) == 0);
    must(reel_view_rejected(view, UINT64_MAX, note_rejection, to) == 0);
    reel_view_close(view);
}

/* As the events up to the cursor are folded by this plugin. */
static void assert_folded(struct reel *reel, const struct reel_plugin *plugin) {
    CLEANUP(text_finish) struct text found = {0}, expected = {0};
    struct reel *fresh = opened(NULL, plugin);
    apply_to(fresh, reel_cursor(reel));
    describe(reel, &found);
    describe(fresh, &expected);
    assert_bytes(text_str(&found), text_str(&expected));
    reel_close(fresh);
}

static uint64_t generation_of(struct reel *reel, const char *collection) {
    return info_of(reel, collection).generation;
}

/* Builds with a plugin, up to the end of the log. */
static const char *built_with(const char *directory, const struct reel_plugin *plugin) {
    const char *scratch = scratch_directory();
    const struct build_collection collections[] = {{"tally", 0, 0}, {"sums", 0, 0}, {"new", 0, 0}};
    const struct build_options options = {.directory = directory,
                                          .seq = UINT64_MAX,
                                          .behind_max = 10,
                                          .collections = collections,
                                          .count = LENGTH(collections)};
    struct reel_options reel_options = test_options(NULL, NULL);
    struct reel_error error;
    struct reel *reel;
    uint64_t seq;
    must_ok(engine_open_scratch(&reel_options, scratch, &reel, &error), error);
    must_ok(reel_add_plugin(reel, plugin, &error), error);
    must_ok(build_run(reel, &options, &seq, &error), error);
    reel_close(reel);
    return scratch;
}

static const char *built(const char *directory) {
    return built_with(directory, &second);
}

/* Called between two slices. */
struct between {
    int left; /* then it is cancelled; -1: never */
    struct reel *reel;
    void (*look)(struct reel *reel);
};

static bool look_between(const void *context) {
    struct between *between = (struct between *)context;
    if (between->look) between->look(between->reel);
    return between->left >= 0 && between->left-- == 0;
}

static int hand_over(struct reel *reel, const char *scratch, struct between *between,
                     struct reel_error *error) {
    const struct handover_options options = {
        .directory = scratch, .names = made, .is_cancelled = look_between, .context = between};
    return handover_run(reel, &options, error);
}

static void handed_over(struct reel *reel, const char *directory) {
    struct between never = {.left = -1};
    struct reel_error error;
    must_ok(hand_over(reel, built(directory), &never, &error), error);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void the_next_start_with_the_plugin_shows_all_of_it(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = opened(directory, &first);
    apply_to(reel, 3000);
    handed_over(reel, directory);
    assert_folded(reel, &first);
    apply_to(reel, 3100);
    assert_folded(reel, &first);
    reel_close(reel);
    reel = opened(directory, &second);
    assert_folded(reel, &second);
    assert_int_equal(generation_of(reel, "tally"), 1);
    assert_int_equal(generation_of(reel, "sums"), 1);
    assert_int_equal(generation_of(reel, "other"), 0);
    assert_int_equal(generation_of(reel, "new"), 0);
    apply_to(reel, 3200);
    assert_folded(reel, &second);
    reel_close(reel);
    reel = opened(directory, &second);
    assert_folded(reel, &second);
    assert_int_equal(generation_of(reel, "tally"), 1);
    reel_close(reel);
}

static int note_record(void *context, const struct reel_row *row) {
    text_append_str(context, row->key);
    text_append_str(context, row->json);
    return 0;
}

/* Of a view: the records and how they came to be, of one collection. Closes it. */
static void tell_tally_take(struct reel_view *view, struct text *to) {
    const struct reel_query query = {.struct_size = sizeof query, .collection = "tally"};
    struct reel_collection_info info;
    struct reel_error error;
    must(reel_view_collection(view, "tally", &info) == 0);
    must(reel_view_list(view, "tally", (struct reel_str){NULL, 0}, false, note_record, to) == 0);
    must_ok(reel_view_changes(view, &query, 0, note_record, to, &error), error);
    text_append_lit(to, info.digest);
    text_append_number(to, info.generation);
    reel_view_close(view);
}

static void what_was_there_before_can_be_seen_for_a_while(void **state) {
    (void)state;
    CLEANUP(text_finish) struct text before = {0}, found = {0};
    const char *directory = scratch_directory();
    struct reel *reel = opened(directory, &first);
    struct reel_view *view, *again;
    apply_to(reel, 700);
    handed_over(reel, directory);
    apply_to(reel, 720);
    assert_int_equal(engine_view_before(reel, &view), -ENOENT);
    tell_tally_take(view_opened(reel), &before);
    reel_close(reel);
    reel = opened(directory, &second);
    apply_to(reel, 750);
    must(engine_view_before(reel, &view) == 0 && engine_view_before(reel, &again) == 0);
    reel_view_close(again);
    tell_tally_take(view, &found);
    assert_bytes(text_str(&found), text_str(&before));
    assert_folded(reel, &second);
    reel_close(reel);
    reel = opened(directory, &second); /* which has nothing else */
    assert_int_equal(engine_view_before(reel, &view), -ENOENT);
    reel_close(reel);
}

static int note_group(void *context, const struct reel_group *group) {
    (void)group;
    ++*(size_t *)context;
    return 0;
}

/* Whoever asks for fields gets an error, and all goes on. */
static void what_was_there_before_is_not_read_by_fields_that_it_has_not(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    const struct reel_query whole = {.struct_size = sizeof whole, .collection = "tally"};
    struct reel_query ordered = whole;
    struct between never = {.left = -1};
    struct reel *reel = opened(directory, &first);
    struct reel_collection_info info;
    struct reel_error error;
    struct reel_view *view;
    uint64_t count = 0;
    size_t given = 0;
    apply_to(reel, 700);
    must_ok(hand_over(reel, built_with(directory, &with_more), &never, &error), error);
    reel_close(reel);
    reel = opened(directory, &with_more);
    must(engine_view_before(reel, &view) == 0);
    must(reel_view_collection(view, "tally", &info) == 0);
    ordered.order = "count";
    assert_int_equal(reel_view_query(view, &ordered, note_record, NULL, NULL, &error), -ETIME);
    for (size_t i = 0; more_fields[i]; i++)
        assert_int_equal(
            reel_view_count(view, &whole, more_fields[i]->name, note_group, &given, NULL, &error),
            -ETIME);
    assert_int_equal(given, 0);
    must_ok(reel_view_count(view, &whole, NULL, NULL, NULL, &count, &error), error);
    assert_int_equal(count, info.records);
    reel_view_close(view);
    apply_to(reel, 720);
    reel_close(reel);
}

static void a_start_with_the_old_plugin_removes_it(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel_error error;
    struct reel *reel = opened(directory, &first);
    apply_to(reel, 500);
    handed_over(reel, directory);
    reel_close(reel);
    reel = opened(directory, &first);
    assert_folded(reel, &first);
    assert_int_equal(generation_of(reel, "tally"), 0);
    must_ok(reel_rebuild(reel, "tally", &error), error); /* its tables are empty */
    assert_folded(reel, &first);
    assert_int_equal(generation_of(reel, "tally"), 1);
    handed_over(reel, directory);
    reel_close(reel);
    reel = opened(directory, &second);
    assert_folded(reel, &second);
    reel_close(reel);
}

/* A copy of the files of a running process is what a kill leaves. */
static void a_kill_leaves_the_old_or_the_new(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = opened(directory, &first);
    apply_to(reel, 700);
    handed_over(reel, directory);
    apply_to(reel, 750);
    const char *before = copy_of_directory(directory);
    struct reel *copy = opened(before, &first);
    assert_folded(copy, &first);
    assert_int_equal(generation_of(copy, "tally"), 0);
    reel_close(copy);
    reel_close(reel);
    reel = opened(directory, &second);
    apply_to(reel, 760);
    const char *after = copy_of_directory(directory); /* its checkpoint is from before the switch */
    assert_int_equal(generation_of(reel, "tally"), 1);
    copy = opened(after, &second);
    assert_folded(copy, &second);
    assert_int_equal(generation_of(copy, "tally"), 1);
    reel_close(copy);
    reel_close(reel);
}

static void when_it_is_cancelled_nothing_is_left(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = opened(directory, &first);
    struct reel_error error;
    apply_to(reel, 2000);
    const char *scratch = built(directory);
    struct between between = {.left = 0};
    assert_int_equal(hand_over(reel, scratch, &between, &error), -ECANCELED);
    assert_folded(reel, &first);
    struct between never = {.left = -1};
    must_ok(hand_over(reel, scratch, &never, &error), error);
    reel_close(reel);
    reel = opened(directory, &second);
    assert_folded(reel, &second);
    reel_close(reel);
}

static size_t looks;

static void control_is_refused(struct reel *reel) {
    struct reel_error error;
    HOLD_LOCK(&reel->writer);
    assert_int_equal(control_run(reel, "tally", REEL_CONTROL_REBUILD, &error), -EBUSY);
    assert_int_equal(control_run(reel, "other", REEL_CONTROL_PAUSE, &error), -EBUSY);
    looks++;
}

static void meanwhile_nothing_is_rebuilt(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = opened(directory, &first);
    struct reel_error error;
    apply_to(reel, 2000);
    const char *scratch = built(directory);
    struct between between = {.left = -1, .reel = reel, .look = control_is_refused};
    must_ok(hand_over(reel, scratch, &between, &error), error);
    assert_true(looks > 0);
    reel_close(reel);
}

static void it_is_refused_while_something_is_rebuilt(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = opened(directory, &first);
    struct between never = {.left = -1};
    struct reel_error error;
    apply_to(reel, 300);
    const char *scratch = built(directory);
    {
        HOLD_LOCK(&reel->writer);
        must_ok(control_run(reel, "tally", REEL_CONTROL_REBUILD, &error), error);
    }
    assert_int_equal(hand_over(reel, scratch, &never, &error), -EBUSY);
    assert_sentence(&error, "is being rebuilt");
    must_ok(reel_catch_up(reel, &error), error);
    must_ok(hand_over(reel, scratch, &never, &error), error);
    reel_close(reel);
}

static void the_log_is_kept_from_the_scratch_on(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct between never = {.left = -1};
    struct reel_error error;
    struct reel *reel = opened(directory, &first);
    apply_to(reel, 300);
    const char *early = built(directory);
    apply_to(reel, 600);
    must_ok(reel_trim(reel, 400, &error), error);
    assert_int_equal(hand_over(reel, early, &never, &error), -ESTALE);
    reel_close(reel);
    directory = scratch_directory();
    reel = opened(directory, &first);
    apply_to(reel, 300);
    handed_over(reel, directory);
    apply_to(reel, 600);
    must_ok(reel_trim(reel, 500, &error), error);
    assert_int_equal(position_of(reel).first_seq, 301);
    reel_close(reel);
    reel = opened(directory, &second);
    assert_int_equal(info_of(reel, "tally").cursor, 600);
    assert_int_equal(info_of(reel, "tally").from_seq, 1);
    reel_close(reel);
}

/* ---- Cases: what must be made ---------------------------------------------------------------- */

static void note_changed(void *context, const char *collection, const char *why) {
    struct text *to = context;
    text_append_lit(to, collection);
    text_append_lit(to, ": ");
    text_append_lit(to, why);
    text_append_lit(to, "\n");
}

static int changed_by(const char *directory, const struct reel_plugin *plugin, struct text *to,
                      struct reel_error *error) {
    struct reel_options options = test_options(NULL, NULL);
    struct reel *reel;
    must_ok(reel_open(&options, &reel, error), *error);
    must_ok(reel_add_plugin(reel, plugin, error), *error);
    int rc = changed_find(directory, reel, note_changed, to, error);
    reel_close(reel);
    return rc;
}

static void assert_changed(const char *directory, const struct reel_plugin *plugin,
                           const char *expected) {
    CLEANUP(text_finish) struct text found = {0};
    struct reel_error error;
    must_ok(changed_by(directory, plugin, &found, &error), error);
    assert_bytes(text_str(&found), reel_text(expected));
}

/* LMDB does not let a process open an environment twice. */
static void what_has_another_fold_is_made_with_its_unit(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = opened(directory, &first);
    struct reel_error error;
    apply_to(reel, 100);
    reel_close(reel);
    assert_changed(directory, &first, "");
    assert_changed(
        directory, &second,
        "tally: its revision has changed\nsums: its unit is made again\nnew: it is new\n");
    reel = opened(directory, &first);
    {
        HOLD_LOCK(&reel->writer);
        must_ok(control_run(reel, "sums", REEL_CONTROL_PAUSE, &error), error);
    }
    reel_close(reel);
    assert_changed(directory, &second, "new: it is new\n");
}

static void after_a_trim_another_fold_is_refused(void **state) {
    (void)state;
    CLEANUP(text_finish) struct text found = {0};
    const char *directory = scratch_directory();
    struct reel *reel = opened(directory, &first);
    struct reel_error error;
    apply_to(reel, 100);
    must_ok(reel_trim(reel, 50, &error), error);
    reel_close(reel);
    assert_changed(directory, &first, "");
    assert_int_equal(changed_by(directory, &second, &found, &error), -ESTALE);
    assert_sentence(&error,
                    "collection `tally`: its revision has changed, but the log begins at 50");
}

UNIT_TESTS(handover_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_start_with_the_plugin_shows_all_of_it),
        cmocka_unit_test(what_was_there_before_can_be_seen_for_a_while),
        cmocka_unit_test(what_was_there_before_is_not_read_by_fields_that_it_has_not),
        cmocka_unit_test(a_start_with_the_old_plugin_removes_it),
        cmocka_unit_test(a_kill_leaves_the_old_or_the_new),
        cmocka_unit_test(when_it_is_cancelled_nothing_is_left),
        cmocka_unit_test(meanwhile_nothing_is_rebuilt),
        cmocka_unit_test(it_is_refused_while_something_is_rebuilt),
        cmocka_unit_test(the_log_is_kept_from_the_scratch_on),
        cmocka_unit_test(what_has_another_fold_is_made_with_its_unit),
        cmocka_unit_test(after_a_trim_another_fold_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
