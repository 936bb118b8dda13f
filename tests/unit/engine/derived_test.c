/* derived_test.c: derived collections: what they are given, and what a rejection undoes. What a
 * start and a rebuild make of them: derived_start_test.c. Against a slow recomputation:
 * derived_model_test.c. */
#include "unit.h"

#include "base/cleanup.h"
#include "derived_support.h"
#include "engine/transaction.h"

#include <reel/projector.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Assertions ------------------------------------------------------------------------------ */

static void assert_seen(const char *expected) {
    assert_bytes(text_str(&derived_seen), reel_text(expected));
    text_finish(&derived_seen);
}

/* What `act` changes is undone, and the reason is a sentence about the plugin. */
static void assert_fault(reel_outcome (*act)(struct reel_tx *, const struct reel_change *),
                         const char *part) {
    struct derived_own mine;
    struct reel *reel = derived_opened(
        NULL, DERIVED_PLUGINS(&derived_items, derived_own(&mine, "own", "items", act)));
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
    struct reel *reel = derived_opened(NULL, DERIVED_PLUGINS(&derived_items, &derived_seen_plugin));
    derived_ops(reel, "[['c','g',1],['a','g',2],['b','g',3],['a','g',4]]", REEL_APPLIED);
    assert_seen("a:->4@1 b:->3@1 c:->1@1 ");
    derived_ops(reel, "[['b'],['a','g',5]]", REEL_APPLIED);
    assert_seen("a:4>5@2 b:3>-@2 ");
    reel_close(reel);
}

static void what_is_as_before_is_no_change(void **state) {
    (void)state;
    struct reel *reel = derived_opened(NULL, DERIVED_PLUGINS(&derived_items, &derived_seen_plugin));
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
    struct reel *reel = derived_opened(NULL, DERIVED_PLUGINS(&derived_items, &derived_seen_plugin));
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
    struct reel *reel = derived_opened(NULL, DERIVED_PLUGINS(&derived_items, &derived_seen_plugin));
    for (size_t i = 0; i < LENGTH(events); i++) payloads[i] = reel_text(events[i]);
    must_ok(reel_apply_batch(reel, payloads, LENGTH(events), NULL, &error), error);
    assert_seen("a:->1@1 a:1>2@2 a:2>-@3 ");
    reel_close(reel);
}

static void a_chain_is_folded_in_one_step(void **state) {
    (void)state;
    struct reel *reel = derived_opened(NULL, DERIVED_ALL);
    derived_ops(reel, "[['a','g',1],['b','g',2],['c','h',3]]", REEL_APPLIED);
    derived_assert(reel, "totals", "g", "{\"count\":2,\"sum\":3}");
    derived_assert(reel, "sizes", "1", "{\"groups\":1}");
    derived_assert(reel, "sizes", "2", "{\"groups\":1}");
    derived_ops(reel, "[['c','g',3]]", REEL_APPLIED);
    derived_assert(reel, "totals", "h", NULL);
    derived_assert(reel, "totals", "g", "{\"count\":3,\"sum\":6}");
    derived_assert(reel, "sizes", "1", NULL);
    derived_assert(reel, "sizes", "3", "{\"groups\":1}");
    reel_close(reel);
}

static void the_order_of_loading_does_not_matter(void **state) {
    (void)state;
    const struct reel_plugin *const *orders[] = {
        DERIVED_ALL,
        DERIVED_PLUGINS(&derived_sizes, &derived_strict, &derived_totals, &derived_items)};
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
    struct reel *reel = derived_opened(NULL, DERIVED_ALL);
    derived_ops(reel, "[['a','g',1]]", REEL_APPLIED);
    derived_ops(reel, "[['a','g',2],['b','g',13],['c','h',3]]", REEL_REJECTED);
    derived_assert(reel, "items", "b", "{\"group\":\"g\",\"value\":13}");
    derived_assert(reel, "totals", "g", "{\"count\":2,\"sum\":15}");
    derived_assert(reel, "strict", "g", "{\"count\":null,\"sum\":1}");
    derived_assert(reel, "strict", "h", NULL);
    derived_assert_rejected(reel, "2 strict b is 13\n");
    assert_int_equal(info_of(reel, "items").rejected, 0);
    assert_int_equal(info_of(reel, "items").applied, 2);
    assert_int_equal(info_of(reel, "strict").applied, 1);
    assert_int_equal(info_of(reel, "strict").rejected, 1);
    derived_ops(reel, "[['c','h',4]]", REEL_APPLIED);
    derived_assert(reel, "strict", "h", "{\"count\":null,\"sum\":1}");
    reel_close(reel);
}

static reel_outcome reject_all(struct reel_tx *tx, const struct reel_change *change) {
    reel_set_int(reel_upsert(tx, change->key), "sum", 1);
    return reel_reject(tx, "never");
}

static void what_was_rejected_is_no_change_for_the_next(void **state) {
    (void)state;
    struct derived_own first, second;
    struct reel *reel = derived_opened(
        NULL, DERIVED_PLUGINS(&derived_items, derived_own(&second, "second", "first", reject_all),
                              derived_own(&first, "first", "items", reject_all)));
    derived_ops(reel, "[['a','g',1]]", REEL_REJECTED);
    derived_assert_rejected(reel, "1 first never\n");
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
    struct reel *reel = derived_opened(NULL, DERIVED_PLUGINS(&items, &derived_strict));
    struct reel_command_request request = {.struct_size = sizeof request,
                                           .collection = STR("items"),
                                           .verb = STR("put"),
                                           .key = STR("a")};
    struct reel_command_result result;
    struct reel_error error;
    must_ok(reel_command(reel, &request, &result, &error), error);
    assert_true(result.accepted);
    reel_command_result_finish(&result);
    derived_assert(reel, "items", "a", "{\"group\":\"g\",\"value\":13}");
    derived_assert_rejected(reel, "1 strict a is 13\n");
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
    struct derived_own mine;
    struct reel *reel = derived_opened(
        NULL, DERIVED_PLUGINS(&derived_items, derived_own(&mine, "own", "items", set_before)));
    derived_ops(reel, "[['a','g',1]]", REEL_APPLIED);
    derived_ops(reel, "[['a','g',2]]", REEL_REJECTED);
    derived_assert_rejected(reel,
                            "2 own plugin own (own): changes a record of its source `items`\n");
    reel_close(reel);
}

static void assert_refused(const struct reel_projector *projector, const char *sentence) {
    const struct reel_projector *list[] = {projector, NULL};
    const struct reel_plugin plugin = {
        .header = REEL_PLUGIN_HEADER, .name = "own", .version = "1", .projectors = list};
    struct reel *reel = derived_loaded(NULL, DERIVED_PLUGINS(&derived_items));
    struct reel_error error;
    assert_int_equal(reel_add_plugin(reel, &plugin, &error), -ENOEXEC);
    assert_sentence(&error, sentence);
    reel_close(reel);
}

#define REFUSED(member, value, sentence)                                                           \
    do {                                                                                           \
        struct derived_own mine;                                                                   \
        derived_own(&mine, "own", "items", derived_ignore);                                        \
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
    projector.derive = derived_ignore;
    assert_refused(&projector, "projectors[0].derive is set, but derives_from is NULL");
    projector.derive = NULL;
    projector.flags = REEL_DERIVE_FROM_RECORDS;
    assert_refused(&projector, "projectors[0].flags has unknown bits 0x1");
}

static void another_source_is_another_fold(void **state) {
    (void)state;
    struct derived_own mine;
    const char *directory = scratch_directory();
    struct reel *reel = derived_opened(
        directory, DERIVED_PLUGINS(&derived_items, &derived_totals,
                                   derived_own(&mine, "own", "items", derived_ignore)));
    derived_ops(reel, "[['a','g',1]]", REEL_APPLIED);
    assert_int_equal(info_of(reel, "own").ignored, 1);
    reel_close(reel);
    reel =
        derived_opened(directory, DERIVED_PLUGINS(&derived_items, &derived_totals,
                                                  derived_own(&mine, "own", "totals", set_before)));
    assert_int_equal(info_of(reel, "own").records, 1);
    assert_int_equal(info_of(reel, "own").generation, 1);
    reel_close(reel);
}

/* ---- Cases: set aside ------------------------------------------------------------------------ */

static void an_event_is_set_aside_for_a_derived_collection(void **state) {
    (void)state;
    struct reel *reel = derived_opened(NULL, DERIVED_ALL);
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
    derived_assert(reel, "items", "a", "{\"group\":\"g\",\"value\":1}");
    derived_assert(reel, "strict", "g", "{\"count\":null,\"sum\":1}");
    derived_assert(reel, "totals", "g", NULL);
    assert_int_equal(info_of(reel, "totals").rejected, 1);
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
        cmocka_unit_test(another_source_is_another_fold),
        cmocka_unit_test(an_event_is_set_aside_for_a_derived_collection),
    };
    return cmocka_run_group_tests_name("derived_test", tests, NULL, NULL);
}
