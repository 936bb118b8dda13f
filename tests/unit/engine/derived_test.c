/* derived_test.c: derived collections: what they are given, what a rejection undoes, what a start
 * makes of them, and rebuilds. Against a slow recomputation: derived_model_test.c. */
#include "unit.h"

#include "base/cleanup.h"
#include "derived_support.h"
#include "engine/transaction.h"
#include "engine/verify.h"

#include <reel/projector.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PLUGINS(...) ((const struct reel_plugin *const[]){__VA_ARGS__, NULL})
#define ALL          PLUGINS(&derived_items, &derived_totals, &derived_strict, &derived_sizes)

/* ---- Fixture --------------------------------------------------------------------------------- */

/* A projector that derives from `source`, for one case. */
struct own {
    struct reel_projector projector;
    const struct reel_projector *list[2];
    struct reel_plugin plugin;
};

static reel_outcome ignore(struct reel_tx *tx, const struct reel_change *change) {
    (void)tx, (void)change;
    return REEL_IGNORED;
}

static const struct reel_plugin *own(struct own *own, const char *name, const char *source,
                                     reel_outcome (*derive)(struct reel_tx *,
                                                            const struct reel_change *)) {
    *own = (struct own){
        .projector =
            {
                .struct_size = sizeof own->projector,
                .revision = 1,
                .collection = name,
                .fields = derived_totals.projectors[0]->fields,
                .derives_from = source,
                .derive = derive,
            },
        .plugin = {.header = REEL_PLUGIN_HEADER, .name = name, .version = "1"},
    };
    own->list[0] = &own->projector;
    own->plugin.projectors = own->list;
    return &own->plugin;
}

static void trim_all(struct reel *reel) {
    struct reel_error error;
    must_ok(reel_trim(reel, reel_cursor(reel) + 1, &error), error);
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_record(struct reel *reel, const char *collection, const char *key,
                          const char *expected) {
    char *found = record_text(reel, collection, key);
    if (expected)
        assert_string_equal(found, expected);
    else
        assert_null(found);
    free(found);
}

static void assert_seen(const char *expected) {
    assert_bytes(text_str(&derived_seen), reel_text(expected));
    text_finish(&derived_seen);
}

static void assert_rejected(struct reel *reel, const char *expected) {
    char *found = rejected_dump(reel);
    assert_string_equal(found, expected);
    free(found);
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

/* What `act` changes is undone, and the reason is a sentence about the plugin. */
static void assert_fault(reel_outcome (*act)(struct reel_tx *, const struct reel_change *),
                         const char *part) {
    struct own mine;
    struct reel *reel =
        derived_opened(NULL, PLUGINS(&derived_items, own(&mine, "own", "items", act)));
    derived_ops(reel, "[['a','g',1],['b','g',2]]", REEL_REJECTED);
    char *rejected = rejected_dump(reel);
    if (!strstr(rejected, part)) fail_msg("no `%s` in: %s", part, rejected);
    free(rejected);
    assert_int_equal(info_of(reel, "own").records, 0);
    assert_int_equal(info_of(reel, "items").records, 2);
    reel_close(reel);
}

/* ---- Cases: changes -------------------------------------------------------------------------- */

static void changes_are_net_and_in_key_order(void **state) {
    (void)state;
    struct reel *reel = derived_opened(NULL, PLUGINS(&derived_items, &derived_seen_plugin));
    derived_ops(reel, "[['c','g',1],['a','g',2],['b','g',3],['a','g',4]]", REEL_APPLIED);
    assert_seen("a:->4@1 b:->3@1 c:->1@1 ");
    derived_ops(reel, "[['b'],['a','g',5]]", REEL_APPLIED);
    assert_seen("a:4>5@2 b:3>-@2 ");
    reel_close(reel);
}

static void what_is_as_before_is_no_change(void **state) {
    (void)state;
    struct reel *reel = derived_opened(NULL, PLUGINS(&derived_items, &derived_seen_plugin));
    derived_ops(reel, "[['a','g',1]]", REEL_APPLIED);
    assert_seen("a:->1@1 ");
    derived_ops(reel, "[['a','g',2],['a','g',1]]", REEL_APPLIED);
    derived_ops(reel, "[['a'],['a','g',1]]", REEL_APPLIED);
    derived_ops(reel, "[['b','g',1],['b']]", REEL_APPLIED);
    derived_ops(reel, "[['b']]", REEL_APPLIED);
    assert_seen("");
    reel_close(reel);
}

static void a_rejection_by_the_source_is_no_change(void **state) {
    (void)state;
    struct reel *reel = derived_opened(NULL, PLUGINS(&derived_items, &derived_seen_plugin));
    derived_ops(reel, "[['a','g',1]],'bad':true", REEL_REJECTED);
    assert_seen("");
    assert_int_equal(info_of(reel, "seen").rejected, 0);
    reel_close(reel);
}

static void events_of_one_batch_are_told_apart(void **state) {
    (void)state;
    static const char *const events[] = {
        "{\"type\":\"item.ops\",\"data\":{\"ops\":[[\"a\",\"g\",1]]}}",
        "{\"type\":\"item.ops\",\"data\":{\"ops\":[[\"a\",\"g\",2]]}}",
        "{\"type\":\"item.ops\",\"data\":{\"ops\":[[\"a\"]]}}",
    };
    struct reel_str payloads[LENGTH(events)];
    struct reel_error error;
    struct reel *reel = derived_opened(NULL, PLUGINS(&derived_items, &derived_seen_plugin));
    for (size_t i = 0; i < LENGTH(events); i++) payloads[i] = reel_text(events[i]);
    must_ok(reel_apply_batch(reel, payloads, LENGTH(events), NULL, &error), error);
    assert_seen("a:->1@1 a:1>2@2 a:2>-@3 ");
    reel_close(reel);
}

static void a_chain_is_folded_in_one_step(void **state) {
    (void)state;
    struct reel *reel = derived_opened(NULL, ALL);
    derived_ops(reel, "[['a','g',1],['b','g',2],['c','h',3]]", REEL_APPLIED);
    assert_record(reel, "totals", "g", "{\"count\":2,\"sum\":3}");
    assert_record(reel, "sizes", "1", "{\"groups\":1}");
    assert_record(reel, "sizes", "2", "{\"groups\":1}");
    derived_ops(reel, "[['c','g',3]]", REEL_APPLIED);
    assert_record(reel, "totals", "h", NULL);
    assert_record(reel, "totals", "g", "{\"count\":3,\"sum\":6}");
    assert_record(reel, "sizes", "1", NULL);
    assert_record(reel, "sizes", "3", "{\"groups\":1}");
    reel_close(reel);
}

static void the_order_of_loading_does_not_matter(void **state) {
    (void)state;
    const struct reel_plugin *const *orders[] = {
        ALL, PLUGINS(&derived_sizes, &derived_strict, &derived_totals, &derived_items)};
    struct reel *reels[2];
    for (size_t i = 0; i < 2; i++) {
        reels[i] = derived_opened(NULL, orders[i]);
        derived_ops(reels[i], "[['a','g',1],['b','h',2]]", REEL_APPLIED);
        derived_ops(reels[i], "[['a','h',13],['c','h',5]]", REEL_REJECTED);
        derived_ops(reels[i], "[['a','g',4]]", REEL_APPLIED);
    }
    assert_same_state(reels[0], reels[1]);
    reel_close(reels[0]);
    reel_close(reels[1]);
}

/* ---- Cases: rejections ----------------------------------------------------------------------- */

static void a_rejection_undoes_one_derived_collection_for_one_event(void **state) {
    (void)state;
    struct reel *reel = derived_opened(NULL, ALL);
    derived_ops(reel, "[['a','g',1]]", REEL_APPLIED);
    derived_ops(reel, "[['a','g',2],['b','g',13],['c','h',3]]", REEL_REJECTED);
    assert_record(reel, "items", "b", "{\"group\":\"g\",\"value\":13}");
    assert_record(reel, "totals", "g", "{\"count\":2,\"sum\":15}");
    assert_record(reel, "strict", "g", "{\"count\":null,\"sum\":1}");
    assert_record(reel, "strict", "h", NULL);
    assert_rejected(reel, "2 strict b is 13\n");
    assert_int_equal(info_of(reel, "items").rejected, 0);
    assert_int_equal(info_of(reel, "items").applied, 2);
    assert_int_equal(info_of(reel, "strict").applied, 1);
    assert_int_equal(info_of(reel, "strict").rejected, 1);
    derived_ops(reel, "[['c','h',4]]", REEL_APPLIED);
    assert_record(reel, "strict", "h", "{\"count\":null,\"sum\":1}");
    reel_close(reel);
}

static reel_outcome reject_all(struct reel_tx *tx, const struct reel_change *change) {
    reel_set_int(reel_upsert(tx, change->key), "sum", 1);
    return reel_reject(tx, "never");
}

static void what_was_rejected_is_no_change_for_the_next(void **state) {
    (void)state;
    struct own first, second;
    struct reel *reel =
        derived_opened(NULL, PLUGINS(&derived_items, own(&second, "second", "first", reject_all),
                                     own(&first, "first", "items", reject_all)));
    derived_ops(reel, "[['a','g',1]]", REEL_REJECTED);
    assert_rejected(reel, "1 first never\n");
    assert_int_equal(info_of(reel, "second").rejected, 0);
    reel_close(reel);
}

static reel_verdict put_unlucky(struct reel_decision *decision,
                                const struct reel_command *command) {
    struct reel_writer *ops =
        reel_write_member(reel_draft(decision, "item.ops", command->key), "ops");
    reel_write_array(ops);
    reel_write_array(ops);
    reel_write_str(ops, command->key);
    reel_write_text(ops, "g");
    reel_write_int(ops, 13);
    reel_write_end(ops);
    reel_write_end(ops);
    return reel_accept(decision, command->key);
}

static const struct reel_command_info *const commands[] = {REEL_COMMAND(.verb = "put"), NULL};

static void a_rejection_does_not_refuse_the_command(void **state) {
    (void)state;
    struct reel_projector projector = *derived_items.projectors[0];
    const struct reel_projector *list[] = {&projector, NULL};
    struct reel_plugin items = derived_items;
    projector.commands = commands;
    projector.decide = put_unlucky;
    items.projectors = list;
    struct reel *reel = derived_opened(NULL, PLUGINS(&items, &derived_strict));
    struct reel_command_request request = {.struct_size = sizeof request,
                                           .collection = STR("items"),
                                           .verb = STR("put"),
                                           .key = STR("a")};
    struct reel_command_result result;
    struct reel_error error;
    must_ok(reel_command(reel, &request, &result, &error), error);
    assert_true(result.accepted);
    reel_command_result_finish(&result);
    assert_record(reel, "items", "a", "{\"group\":\"g\",\"value\":13}");
    assert_rejected(reel, "1 strict a is 13\n");
    reel_close(reel);
}

/* ---- Cases: rules ---------------------------------------------------------------------------- */

static reel_outcome set_source(struct reel_tx *tx, const struct reel_change *change) {
    reel_set_int(reel_upsert(tx, change->key), "sum", 1);
    reel_set_int((struct reel_record *)change->after, "value", 7);
    return REEL_APPLIED;
}

static reel_outcome set_and_ignore(struct reel_tx *tx, const struct reel_change *change) {
    (void)change;
    struct reel_record *record = reel_upsert(tx, STR("one"));
    int64_t sum = 0;
    reel_field_int(record, "sum", &sum);
    reel_set_int(record, "sum", sum + 1);
    return reel_str_is(change->key, "a") ? REEL_APPLIED : REEL_IGNORED;
}

static reel_outcome set_a_wrong_kind(struct reel_tx *tx, const struct reel_change *change) {
    reel_set_str(reel_upsert(tx, change->key), "sum", STR(""));
    return REEL_APPLIED;
}

static reel_outcome use_a_stale_handle(struct reel_tx *tx, const struct reel_change *change) {
    static const struct reel_record *kept;
    if (reel_str_is(change->key, "a")) kept = change->after;
    reel_set_int(reel_upsert(tx, change->key), "sum", 1);
    (void)reel_field_json(kept, "value");
    return REEL_APPLIED;
}

static void faults_are_rejections(void **state) {
    (void)state;
    assert_fault(set_source, "plugin own (own): changes a record of its source `items`");
    assert_fault(set_and_ignore, "returns REEL_IGNORED after changing a record");
    assert_fault(set_a_wrong_kind, "sets field `sum`, which is an integer, to a string");
    assert_fault(use_a_stale_handle, "uses a record handle of collection `items`");
}

/* The record before an event is of the source, too. */
static reel_outcome set_before(struct reel_tx *tx, const struct reel_change *change) {
    reel_upsert(tx, change->key);
    if (change->before) reel_set_null((struct reel_record *)change->before, "value");
    return REEL_APPLIED;
}

static void the_record_before_cannot_be_changed(void **state) {
    (void)state;
    struct own mine;
    struct reel *reel =
        derived_opened(NULL, PLUGINS(&derived_items, own(&mine, "own", "items", set_before)));
    derived_ops(reel, "[['a','g',1]]", REEL_APPLIED);
    derived_ops(reel, "[['a','g',2]]", REEL_REJECTED);
    assert_rejected(reel, "2 own plugin own (own): changes a record of its source `items`\n");
    reel_close(reel);
}

static void assert_refused(const struct reel_projector *projector, const char *sentence) {
    const struct reel_projector *list[] = {projector, NULL};
    const struct reel_plugin plugin = {
        .header = REEL_PLUGIN_HEADER, .name = "own", .version = "1", .projectors = list};
    struct reel *reel = derived_loaded(NULL, PLUGINS(&derived_items));
    struct reel_error error;
    assert_int_equal(reel_add_plugin(reel, &plugin, &error), -ENOEXEC);
    assert_sentence(&error, sentence);
    reel_close(reel);
}

#define REFUSED(member, value, sentence)                                                           \
    do {                                                                                           \
        struct own mine;                                                                           \
        own(&mine, "own", "items", ignore);                                                        \
        mine.projector.member = (value);                                                           \
        assert_refused(&mine.projector, "projectors[0]." sentence);                                \
    } while (0)

static void what_contradicts_itself_is_refused(void **state) {
    (void)state;
    const struct reel_projector *events = derived_items.projectors[0];
    REFUSED(derive, NULL, "derives_from is set, but derive is NULL");
    REFUSED(derives_from, "Items", "derives_from is `Items`, wanted [a-z]");
    REFUSED(derives_from, "own", "derives_from is `own`, its own collection");
    REFUSED(evolve, events->evolve, "evolve is set, but also derives_from");
    REFUSED(type_prefixes, events->type_prefixes, "type_prefixes is set, but also derives_from");
    REFUSED(commands, commands, "commands is set, but also derives_from");
    REFUSED(decide, put_unlucky, "decide is set, but also derives_from");
    REFUSED(flags, 2, "flags has unknown bits 0x2");
    struct reel_projector projector = *events;
    projector.collection = "own";
    projector.derive = ignore;
    assert_refused(&projector, "projectors[0].derive is set, but derives_from is NULL");
    projector.derive = NULL;
    projector.flags = REEL_DERIVE_FROM_RECORDS;
    assert_refused(&projector, "projectors[0].flags has unknown bits 0x1");
}

/* ---- Cases: the start ------------------------------------------------------------------------ */

static void a_source_that_is_missing_is_named(void **state) {
    (void)state;
    assert_start_refused(
        derived_loaded(NULL, PLUGINS(&derived_sizes, &derived_items)), -EINVAL,
        "plugin sizes: collection `sizes` derives from `totals`, which no loaded plugin has");
}

static void a_circle_is_named(void **state) {
    (void)state;
    struct own a, b, c, d;
    assert_start_refused(
        derived_loaded(NULL,
                       PLUGINS(&derived_items, own(&a, "a", "b", ignore), own(&b, "b", "c", ignore),
                               own(&c, "c", "a", ignore), own(&d, "d", "a", ignore))),
        -EINVAL,
        "a circle: collection `a` derives from `b`, which derives from `c`, which derives from "
        "`a`");
}

static void a_new_one_is_made_from_the_log(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = derived_opened(directory, PLUGINS(&derived_items));
    derived_ops(reel, "[['a','g',1],['b','g',13]]", REEL_APPLIED);
    derived_ops(reel, "[['b','g',2]]", REEL_APPLIED);
    reel_close(reel);
    reel = derived_opened(directory, ALL);
    struct reel *fresh = derived_opened(NULL, ALL);
    derived_ops(fresh, "[['a','g',1],['b','g',13]]", REEL_REJECTED);
    derived_ops(fresh, "[['b','g',2]]", REEL_APPLIED);
    assert_record(reel, "strict", "g", "{\"count\":null,\"sum\":-11}");
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
    struct reel *reel = derived_opened(directory, PLUGINS(&derived_items, &derived_totals));
    derived_ops(reel, "[['a','g',1]]", REEL_APPLIED);
    reel_close(reel);
    reel = derived_opened(directory, PLUGINS(&derived_items));
    must_ok(reel_rebuild(reel, "items", &error), error);
    reel_close(reel);
    reel = derived_opened(directory, PLUGINS(&derived_items, &derived_totals));
    assert_record(reel, "totals", "g", "{\"count\":1,\"sum\":1}");
    assert_int_equal(info_of(reel, "totals").generation, 1);
    reel_close(reel);
    reel = derived_opened(directory, PLUGINS(&derived_items, &derived_totals));
    assert_int_equal(info_of(reel, "totals").generation, 1);
    reel_close(reel);
}

static void one_that_missed_events_is_made_again(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = derived_opened(directory, PLUGINS(&derived_items, &derived_totals));
    derived_ops(reel, "[['a','g',1]]", REEL_APPLIED);
    reel_close(reel);
    reel = derived_opened(directory, PLUGINS(&derived_items));
    derived_ops(reel, "[['a','h',2]]", REEL_APPLIED);
    reel_close(reel);
    reel = derived_opened(directory, PLUGINS(&derived_items, &derived_totals));
    assert_record(reel, "totals", "g", NULL);
    assert_record(reel, "totals", "h", "{\"count\":1,\"sum\":2}");
    reel_close(reel);
}

static void another_source_is_another_fold(void **state) {
    (void)state;
    struct own mine;
    const char *directory = scratch_directory();
    struct reel *reel = derived_opened(
        directory, PLUGINS(&derived_items, &derived_totals, own(&mine, "own", "items", ignore)));
    derived_ops(reel, "[['a','g',1]]", REEL_APPLIED);
    assert_int_equal(info_of(reel, "own").ignored, 1);
    reel_close(reel);
    reel = derived_opened(directory, PLUGINS(&derived_items, &derived_totals,
                                             own(&mine, "own", "totals", set_before)));
    assert_int_equal(info_of(reel, "own").records, 1);
    assert_int_equal(info_of(reel, "own").generation, 1);
    reel_close(reel);
}

/* ---- Cases: rebuilds ------------------------------------------------------------------------- */

static void a_rebuild_of_either_side_rebuilds_both(void **state) {
    (void)state;
    static const char *const names[] = {"items", "totals", "strict", "sizes"};
    struct reel_error error;
    struct reel *reel = derived_opened(NULL, ALL), *same = derived_opened(NULL, ALL);
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
    const char *directory = trimmed(PLUGINS(&derived_items));
    const struct reel_plugin *const *plugins =
        PLUGINS(&derived_items, &derived_totals, &derived_sizes);
    struct reel *reel = derived_opened(directory, plugins);
    assert_record(reel, "totals", "g", "{\"count\":1,\"sum\":1}");
    assert_record(reel, "totals", "h", "{\"count\":2,\"sum\":7}");
    assert_record(reel, "sizes", "2", "{\"groups\":1}");
    assert_int_equal(info_of(reel, "items").generation, 0);
    assert_int_equal(info_of(reel, "totals").cursor, 2);
    derived_ops(reel, "[['c','g',5]]", REEL_APPLIED);
    reel_close(reel);
    reel = derived_opened(directory, plugins);
    assert_record(reel, "totals", "g", "{\"count\":2,\"sum\":6}");
    assert_record(reel, "sizes", "2", "{\"groups\":1}");
    assert_record(reel, "sizes", "1", "{\"groups\":1}");
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
    struct reel_options options = test_options(trimmed(PLUGINS(&derived_items)), &given);
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
    const char *directory = trimmed(PLUGINS(&derived_items));
    assert_start_refused(derived_loaded(directory, PLUGINS(&derived_items, &derived_strict)),
                         -ESTALE, "collection `strict`: it is new, but the log begins at 3");
    struct own mine;
    assert_start_refused(derived_loaded(directory, PLUGINS(&derived_items, &derived_totals,
                                                           own(&mine, "own", "totals", ignore))),
                         -ESTALE, "collection `own`: it is new, but the log begins at 3");
}

static void a_rebuild_from_records_leaves_the_source(void **state) {
    (void)state;
    struct reel_error error;
    const char *directory = trimmed(ALL);
    struct reel *reel = derived_opened(directory, ALL);
    must_ok(reel_rebuild(reel, "totals", &error), error);
    assert_record(reel, "totals", "h", "{\"count\":2,\"sum\":7}");
    assert_record(reel, "sizes", "2", "{\"groups\":1}");
    assert_int_equal(info_of(reel, "items").generation, 0);
    assert_int_equal(info_of(reel, "strict").generation, 0);
    assert_int_equal(info_of(reel, "totals").generation, 1);
    assert_int_equal(info_of(reel, "sizes").generation, 1);
    assert_int_equal(reel_rebuild(reel, "strict", &error), -ESTALE);
    assert_sentence(&error,
                    "collection `strict`: it was asked for, but the log begins at 3: it "
                    "cannot be derived from earlier events, and its plugin does not declare "
                    "REEL_DERIVE_FROM_RECORDS; request a rebuild of `items`");
    assert_record(reel, "strict", "h", "{\"count\":null,\"sum\":7}");
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
    struct own mine;
    const char *directory = scratch_directory();
    struct reel *reel = derived_opened(directory, PLUGINS(&derived_items));
    derived_ops(reel, "[['a','g',1],['b','g',13],['c','h',13]]", REEL_APPLIED);
    derived_ops(reel, "[['d','g',1]]", REEL_APPLIED);
    must(reel_trim(reel, 2, &(struct reel_error){""}) == 0);
    reel_close(reel);
    own(&mine, "own", "items", reject_13);
    mine.projector.flags = REEL_DERIVE_FROM_RECORDS;
    reel = derived_opened(directory, PLUGINS(&derived_items, &mine.plugin));
    assert_rejected(reel, "2 own 2 records of `items` in a rebuild; the first: b is 13\n");
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
    struct reel *reel = derived_opened(directory, PLUGINS(&derived_items));
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
    reel = derived_opened(directory, PLUGINS(&derived_items, &derived_totals, &derived_sizes));
    assert_int_equal(info_of(reel, "totals").records, RECORDS);
    assert_record(reel, "sizes", "1", "{\"groups\":70000}");
    derived_ops(reel, "[['1','g2',5],['3']]", REEL_APPLIED);
    assert_record(reel, "totals", "g2", "{\"count\":2,\"sum\":7}");
    assert_record(reel, "sizes", "1", "{\"groups\":69997}");
    assert_changes(reel, "totals", RECORDS - 2);
    assert_changes(reel, "sizes", 2);
    must_ok(reel_rebuild(reel, "totals", &error), error);
    assert_changes(reel, "totals", RECORDS - 2);
    assert_record(reel, "sizes", "1", "{\"groups\":69997}");
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
    struct reel *reel = derived_opened(directory, ALL);
    derived_ops(reel, "[['a','g',1],['b','h',13]]", REEL_REJECTED);
    derived_ops(reel, "[['a'],['b','g',2]]", REEL_APPLIED);
    reel_close(reel);
    assert_verified(directory, ALL, "items=same sizes=same strict=same totals=same ");

    struct reel_projector projector = *derived_items.projectors[0];
    const struct reel_projector *list[] = {&projector, NULL};
    struct reel_plugin other = derived_items;
    other.projectors = list;
    projector.revision = 2;
    assert_verified(directory, PLUGINS(&other, &derived_totals, &derived_strict, &derived_sizes),
                    "items=its revision has changed sizes=its source is not compared "
                    "strict=its source is not compared totals=its source is not compared ");

    projector = *derived_totals.projectors[0];
    other = derived_totals;
    other.projectors = list;
    projector.revision = 2;
    assert_verified(directory, PLUGINS(&derived_items, &other, &derived_strict, &derived_sizes),
                    "items=same sizes=its source is not compared strict=same "
                    "totals=its revision has changed ");
}

/* ---- Cases: set aside ------------------------------------------------------------------------ */

static void an_event_is_set_aside_for_a_derived_collection(void **state) {
    (void)state;
    struct reel *reel = derived_opened(NULL, ALL);
    struct reel_error error;
    struct appended appended;
    CLEANUP(text_finish) struct text list = {0};
    log_set_aside_append(&list, &(struct log_set_aside){.collection = STR("totals")});
    struct arrival arrival = {
        .bytes = STR("{\"type\":\"item.ops\",\"data\":{\"ops\":[[\"a\",\"g\",1]]}}"),
        .flags = LOG_SET_ASIDE,
        .set_aside = text_str(&list),
        .fold = true};
    {
        HOLD_LOCK(&reel->writer);
        must_ok(dispatcher_begin(&reel->dispatcher, &error), error);
        must_ok(dispatcher_append(&reel->dispatcher, &arrival, &appended, &error), error);
        must_ok(dispatcher_end(&reel->dispatcher, 0, &error), error);
    }
    assert_record(reel, "items", "a", "{\"group\":\"g\",\"value\":1}");
    assert_record(reel, "strict", "g", "{\"count\":null,\"sum\":1}");
    assert_record(reel, "totals", "g", NULL);
    assert_int_equal(info_of(reel, "totals").ignored, 1);
    reel_close(reel);
}

/* ---------------------------------------------------------------------------------------------- */

UNIT_TESTS(derived_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_net_and_in_key_order),
        cmocka_unit_test(what_is_as_before_is_no_change),
        cmocka_unit_test(a_rejection_by_the_source_is_no_change),
        cmocka_unit_test(events_of_one_batch_are_told_apart),
        cmocka_unit_test(a_chain_is_folded_in_one_step),
        cmocka_unit_test(the_order_of_loading_does_not_matter),
        cmocka_unit_test(a_rejection_undoes_one_derived_collection_for_one_event),
        cmocka_unit_test(what_was_rejected_is_no_change_for_the_next),
        cmocka_unit_test(a_rejection_does_not_refuse_the_command),
        cmocka_unit_test(faults_are_rejections),
        cmocka_unit_test(the_record_before_cannot_be_changed),
        cmocka_unit_test(what_contradicts_itself_is_refused),
        cmocka_unit_test(a_source_that_is_missing_is_named),
        cmocka_unit_test(a_circle_is_named),
        cmocka_unit_test(a_new_one_is_made_from_the_log),
        cmocka_unit_test(one_that_missed_a_rebuild_is_made_again),
        cmocka_unit_test(one_that_missed_events_is_made_again),
        cmocka_unit_test(another_source_is_another_fold),
        cmocka_unit_test(a_rebuild_of_either_side_rebuilds_both),
        cmocka_unit_test(a_new_one_is_made_from_records_if_the_log_was_trimmed),
        cmocka_unit_test(the_operator_is_told),
        cmocka_unit_test(one_that_needs_the_events_is_refused_if_the_log_was_trimmed),
        cmocka_unit_test(a_rebuild_from_records_leaves_the_source),
        cmocka_unit_test(records_that_are_rejected_in_a_rebuild_are_kept_as_one),
        cmocka_unit_test(many_records_are_made_in_slices),
        cmocka_unit_test(verify_folds_derived_collections),
        cmocka_unit_test(an_event_is_set_aside_for_a_derived_collection),
    };
    return cmocka_run_group_tests_name("derived_test", tests, NULL, NULL);
}
