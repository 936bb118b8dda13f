/* writer_test.c: JSON values that a projector builds and reads, numbers in fields, and that nothing
 * can be built which is not JSON; also with any allocation failing.
 *
 * Each case folds with a function of its own in the place of `evolve`.
 */
#include "unit.h"

#include "engine/fold/changes.h"
#include "engine/fold/decision.h"
#include "engine/fold/fold.h"
#include "engine/fold/host.h"
#include "engine/fold/registry.h"
#include "faults.h"
#include "fold_support.h"
#include "json/value.h"

#include <reel/projector.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static reel_outcome (*act)(struct reel_tx *tx);
static reel_verdict (*decide_act)(struct reel_decision *decision);
static struct reel_value event_data;

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    event_data = event->data;
    return act(tx);
}

static reel_verdict decide(struct reel_decision *decision, const struct reel_command *command) {
    reel_verdict verdict = decide_act(decision);
    return verdict == REEL_ACCEPTED ? reel_accept(decision, command->key) : verdict;
}

static const struct reel_field *const fields[] = {
    REEL_FIELD(.name = "json", .kind = REEL_FIELD_JSON),
    REEL_FIELD(.name = "more", .kind = REEL_FIELD_JSON),
    REEL_FIELD(.name = "number", .kind = REEL_FIELD_NUMBER),
    REEL_FIELD(.name = "integer", .kind = REEL_FIELD_INTEGER),
    REEL_FIELD(.name = "string", .kind = REEL_FIELD_STRING),
    NULL,
};
static const struct reel_command_info *const commands[] = {REEL_COMMAND(.verb = "go"), NULL};
static const char *const prefixes[] = {"t", NULL};
static const struct reel_projector things = {
    .struct_size = sizeof things,
    .revision = 1,
    .collection = "things",
    .type_prefixes = prefixes,
    .fields = fields,
    .evolve = evolve,
    .commands = commands,
    .decide = decide,
};
static const struct reel_projector *const projectors[] = {&things, NULL};
static const struct reel_plugin plugin = {
    .header = REEL_PLUGIN_HEADER, .name = "writing", .version = "1", .projectors = projectors};

struct fixture {
    struct folding folding;
    struct decision decision;
    struct json_parser *parser;
    uint64_t seq;
};

static int begin(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    must(fixture);
    folding_open(&fixture->folding, &plugin);
    fixture->parser = json_parser_create(&host_table);
    must(fixture->parser);
    *state = fixture;
    return 0;
}

static int finish(void **state) {
    struct fixture *fixture = *state;
    decision_finish(&fixture->decision);
    folding_close(&fixture->folding);
    json_parser_destroy(fixture->parser);
    free(fixture);
    return 0;
}

/* The outcome of an event with this data. */
static int fold_data(struct fixture *fixture, struct reel_str data,
                     reel_outcome (*what)(struct reel_tx *)) {
    struct json *json = NULL;
    const char *why = "";
    struct reel_error error = {""};
    if (json_parse(fixture->parser, data, 0, &json, &why) < 0) fail_msg("%s", why);
    const struct reel_event event = {
        .struct_size = sizeof event, .type = STR("t"), .data = json_root(json)};
    act = what;
    int rc = fold_evolve(&fixture->folding.fold, fixture->folding.things, &event, ++fixture->seq,
                         &error);
    if (rc < 0) fail_msg("%s", error.text);
    return rc;
}

static void folds(struct fixture *fixture, reel_outcome (*what)(struct reel_tx *)) {
    if (fold_data(fixture, STR("{}"), what) != REEL_APPLIED)
        fail_msg("%s", fixture->folding.fold.reason);
}

static void assert_fault(struct fixture *fixture, reel_outcome (*what)(struct reel_tx *),
                         const char *part) {
    assert_int_equal(fold_data(fixture, STR("{}"), what), REEL_REJECTED);
    if (!strstr(fixture->folding.fold.reason, part))
        fail_msg("reason: %s", fixture->folding.fold.reason);
}

static void assert_field(struct fixture *fixture, int at, const char *json) {
    struct change *change;
    struct reel_error error;
    must_ok(changes_find(fixture->folding.things, STR("k"), &fixture->folding.fold.arena, &change,
                         &error),
            error);
    assert_bytes(change->values[at], reel_text(json));
}

static struct reel_record *k(struct reel_tx *tx) {
    return reel_upsert(tx, STR("k"));
}

/* ---- Building -------------------------------------------------------------------------------- */

static reel_outcome build_all(struct reel_tx *tx) {
    struct reel_writer *writer = reel_write_field(k(tx), "json");
    reel_write_object(writer);
    reel_write_text(reel_write_name(writer, "a \"name\""), "a\n\"string\"");
    reel_write_array(reel_write_name(writer, "list"));
    reel_write_int(writer, INT64_MIN);
    reel_write_number(writer, 0.1);
    reel_write_bool(writer, true);
    reel_write_null(writer);
    reel_write_array(writer);
    reel_write_end(writer);
    reel_write_object(writer);
    reel_write_end(writer);
    reel_write_str(writer, (struct reel_str){NULL, 0});
    reel_write_text(writer, "ends with [");
    reel_write_text(writer, "");
    reel_write_end(writer);
    reel_write_bool(reel_write_name(writer, ""), false);
    reel_write_end(writer);
    return REEL_APPLIED;
}

static void a_value_has_all_that_was_written(void **state) {
    folds(*state, build_all);
    assert_field(*state, 0,
                 "{\"a \\\"name\\\"\":\"a\\n\\\"string\\\"\",\"list\":[-9223372036854775808,0.1,"
                 "true,null,[],{},null,\"ends with [\",\"\"],\"\":false}");
}

static reel_outcome build_scalars(struct reel_tx *tx) {
    struct reel_record *record = k(tx);
    reel_write_int(reel_write_field(record, "json"), 7);
    reel_write_text(reel_write_field(record, "more"), "text");
    reel_write_int(reel_write_field(record, "json"), 8);
    return REEL_APPLIED;
}

static void a_scalar_is_complete_at_once(void **state) {
    folds(*state, build_scalars);
    assert_field(*state, 0, "8");
    assert_field(*state, 1, "\"text\"");
}

static reel_outcome copy_the_event(struct reel_tx *tx) {
    struct reel_writer *writer = reel_write_field(k(tx), "json");
    reel_write_array(writer);
    reel_write_value(writer, reel_get(event_data, "given"));
    reel_write_value(writer, reel_get(event_data, "absent"));
    reel_write_end(writer);
    return REEL_APPLIED;
}

static void a_copied_value_keeps_its_text_on_one_line(void **state) {
    assert_int_equal(
        fold_data(*state, STR("{\"given\":{\"n\":1.50,\n\"big\":123456789012345678901234567890}}"),
                  copy_the_event),
        REEL_APPLIED);
    assert_field(*state, 0, "[{\"n\":1.50, \"big\":123456789012345678901234567890},null]");
}

static void the_same_value_again_is_no_change(void **state) {
    struct fixture *fixture = *state;
    struct change *change;
    struct reel_error error;
    folds(fixture, build_all);
    folds(fixture, build_all);
    must_ok(changes_find(fixture->folding.things, STR("k"), &fixture->folding.fold.arena, &change,
                         &error),
            error);
    assert_int_equal(change->changed, 1);
}

/* ---- What is not JSON ------------------------------------------------------------------------ */

static struct reel_writer *kept;

static struct reel_writer *json_of(struct reel_tx *tx) {
    return kept = reel_write_field(k(tx), "json");
}

static reel_outcome nothing(struct reel_tx *tx) {
    json_of(tx);
    return REEL_APPLIED;
}

static reel_outcome no_end(struct reel_tx *tx) {
    reel_write_array(json_of(tx));
    return REEL_APPLIED;
}

static reel_outcome no_name(struct reel_tx *tx) {
    reel_write_object(json_of(tx));
    reel_write_int(kept, 1);
    return REEL_APPLIED;
}

static reel_outcome name_in_array(struct reel_tx *tx) {
    reel_write_array(json_of(tx));
    reel_write_name(kept, "a");
    return REEL_APPLIED;
}

static reel_outcome name_outside(struct reel_tx *tx) {
    reel_write_name(json_of(tx), "a");
    return REEL_APPLIED;
}

static reel_outcome two_names(struct reel_tx *tx) {
    reel_write_object(json_of(tx));
    reel_write_name(reel_write_name(kept, "a"), "b");
    return REEL_APPLIED;
}

static reel_outcome null_name(struct reel_tx *tx) {
    reel_write_object(json_of(tx));
    reel_write_name(kept, NULL);
    return REEL_APPLIED;
}

static reel_outcome name_without_value(struct reel_tx *tx) {
    reel_write_object(json_of(tx));
    reel_write_end(reel_write_name(kept, "a"));
    return REEL_APPLIED;
}

static reel_outcome end_alone(struct reel_tx *tx) {
    reel_write_end(json_of(tx));
    return REEL_APPLIED;
}

static reel_outcome two_values(struct reel_tx *tx) {
    reel_write_int(json_of(tx), 1);
    reel_write_int(kept, 2);
    return REEL_APPLIED;
}

static reel_outcome two_writers(struct reel_tx *tx) {
    reel_write_array(json_of(tx));
    reel_write_field(k(tx), "more");
    return REEL_APPLIED;
}

static reel_outcome an_old_writer(struct reel_tx *tx) {
    reel_write_int(kept, 1);
    return reel_find(tx, STR("k")) ? REEL_APPLIED : REEL_IGNORED;
}

static reel_outcome an_old_writer_beside_a_new_one(struct reel_tx *tx) {
    struct reel_writer *old = kept;
    reel_write_array(json_of(tx));
    reel_write_int(old, 1);
    reel_write_end(kept);
    return REEL_APPLIED;
}

static reel_outcome infinite(struct reel_tx *tx) {
    reel_write_number(json_of(tx), INFINITY);
    return REEL_APPLIED;
}

static reel_outcome not_a_number(struct reel_tx *tx) {
    reel_write_array(json_of(tx));
    reel_write_number(kept, NAN);
    return REEL_APPLIED;
}

static reel_outcome not_utf8(struct reel_tx *tx) {
    reel_write_text(json_of(tx), "\xff");
    return REEL_APPLIED;
}

static reel_outcome name_not_utf8(struct reel_tx *tx) {
    reel_write_object(json_of(tx));
    reel_write_name(kept, "\xff");
    return REEL_APPLIED;
}

static reel_outcome too_deep(struct reel_tx *tx) {
    json_of(tx);
    for (int depth = 0; depth <= WRITER_DEPTH_MAX; depth++) reel_write_array(kept);
    return REEL_APPLIED;
}

static reel_outcome too_long(struct reel_tx *tx) {
    static char bytes[1 << 20];
    memset(bytes, 'x', sizeof bytes);
    reel_write_array(json_of(tx));
    for (size_t n = 0; n <= RECORD_BYTES_MAX / sizeof bytes; n++)
        reel_write_str(kept, (struct reel_str){bytes, sizeof bytes});
    reel_write_end(kept);
    return REEL_APPLIED;
}

static reel_outcome a_deleted_record(struct reel_tx *tx) {
    reel_write_array(json_of(tx));
    reel_delete(tx, STR("k"));
    reel_write_end(kept);
    return REEL_APPLIED;
}

static reel_outcome another_kind(struct reel_tx *tx) {
    reel_write_field(k(tx), "string");
    return REEL_APPLIED;
}

static void what_is_not_json_rejects_the_event(void **state) {
    static const struct {
        reel_outcome (*what)(struct reel_tx *);
        const char *part;
    } cases[] = {
        {nothing, "leaves the JSON of `json` incomplete"},
        {no_end, "leaves the JSON of `json` incomplete"},
        {no_name, "gives `json` JSON with a value without a name in an object"},
        {name_in_array, "JSON with a name where a value must stand"},
        {name_outside, "JSON with a name where a value must stand"},
        {two_names, "JSON with a name where a value must stand"},
        {null_name, "JSON with a member without a name"},
        {name_without_value, "JSON with an end after a name without its value"},
        {end_alone, "JSON with an end without a beginning"},
        {two_values, "writes to a JSON value that is complete"},
        {two_writers, "begins the JSON of `more` before that of `json` is complete"},
        {an_old_writer, "writes to a JSON value that is complete"},
        {an_old_writer_beside_a_new_one, "writes to a JSON value that is complete"},
        {infinite, "JSON with a number that is not finite"},
        {not_a_number, "JSON with a number that is not finite"},
        {not_utf8, "JSON with a string that is not UTF-8"},
        {name_not_utf8, "JSON with a string that is not UTF-8"},
        {too_deep, "JSON with more than 100 levels"},
        {too_long, "JSON with more than 16777216 bytes"},
        {a_deleted_record, "sets a field of a record that it deleted"},
        {another_kind, "sets field `string`, which is a string, to JSON"},
    };
    folds(*state, build_scalars);
    for (size_t at = 0; at < LENGTH(cases); at++) {
        assert_fault(*state, cases[at].what, cases[at].part);
        assert_field(*state, 0, "8"); /* nothing of it is left */
    }
    folds(*state, build_all);
}

static void a_deep_value_is_copied_only_as_deep_as_a_writer_goes(void **state) {
    char data[3 * WRITER_DEPTH_MAX + 32];
    for (size_t depth = WRITER_DEPTH_MAX - 1; depth <= WRITER_DEPTH_MAX; depth++) {
        size_t len = (size_t)snprintf(data, sizeof data, "{\"given\":");
        for (size_t n = 0; n < depth; n++) data[len++] = '[';
        for (size_t n = 0; n < depth; n++) data[len++] = ']';
        data[len++] = '}';
        int outcome = fold_data(*state, (struct reel_str){data, len}, copy_the_event);
        assert_int_equal(outcome, depth < WRITER_DEPTH_MAX ? REEL_APPLIED : REEL_REJECTED);
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

static reel_outcome append_the_event(struct reel_tx *tx) {
    enum { KEPT = 3 };
    struct reel_record *record = k(tx);
    struct reel_value list = reel_field_value(record, "json"), item = {NULL, 0};
    int64_t count = 0;
    while ((item = reel_next(list, item, NULL)).json) count++;
    struct reel_writer *writer = reel_write_field(record, "json");
    reel_write_array(writer);
    for (; (item = reel_next(list, item, NULL)).json; count--)
        if (count < KEPT) reel_write_value(writer, item);
    reel_write_value(writer, event_data);
    reel_write_end(writer);
    return REEL_APPLIED;
}

static void a_list_keeps_its_last_items(void **state) {
    fold_data(*state, STR("\"one\""), append_the_event);
    assert_field(*state, 0, "[\"one\"]");
    fold_data(*state, STR("{\"n\":[2,\"\\u00e4\"]}"), append_the_event);
    fold_data(*state, STR("3.50"), append_the_event);
    fold_data(*state, STR("null"), append_the_event);
    assert_field(*state, 0, "[{\"n\":[2,\"\\u00e4\"]},3.50,null]");
}

static reel_outcome read_several(struct reel_tx *tx) {
    struct reel_record *record = k(tx);
    struct reel_value all = reel_field_value(record, "json");
    reel_write_text(reel_write_field(record, "json"), "replaced");
    struct reel_value now = reel_field_value(record, "json");
    struct reel_value list = reel_get(all, "list"), item = {NULL, 0};
    int64_t first = 0;
    bool good = reel_str_is(reel_get_str(now), "replaced") &&
                reel_str_is(reel_member_str(all, "a \"name\""), "a\n\"string\"") &&
                reel_get_int(item = reel_next(list, item, NULL), &first) && first == INT64_MIN &&
                reel_str_is(reel_get_json(reel_next(list, item, NULL)), "0.1") &&
                reel_kind_of(reel_field_value(record, "more")) == REEL_NULL &&
                reel_kind_of(reel_field_value(NULL, "more")) == REEL_MISSING;
    return good ? REEL_APPLIED : reel_reject(tx, "a value differs");
}

static void values_of_fields_stay_while_others_are_read(void **state) {
    folds(*state, build_all);
    folds(*state, read_several);
}

static reel_outcome read_for_ever(struct reel_tx *tx) {
    struct reel_record *record = k(tx);
    for (int n = 0; n < 1000000; n++) reel_field_value(record, "json");
    return REEL_APPLIED;
}

static void values_of_fields_have_a_bound(void **state) {
    folds(*state, build_all);
    assert_fault(*state, read_for_ever, "reads more than 16777216 bytes of values of fields");
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static double number;

static reel_outcome set_the_number(struct reel_tx *tx) {
    reel_set_number(k(tx), "number", number);
    return REEL_APPLIED;
}

static reel_outcome read_the_number(struct reel_tx *tx) {
    struct reel_record *record = k(tx);
    int64_t integer = 42;
    double found = 0, of_integer = 0;
    reel_set_int(record, "integer", 9007199254740993);
    if (!reel_field_number(record, "number", &found) || found != number)
        return reel_reject(tx, "found %.17g", found);
    if (reel_field_int(record, "number", &integer) || integer != 42)
        return reel_reject(tx, "it is read as an integer");
    if (!reel_field_number(record, "integer", &of_integer) || of_integer != 9007199254740992.0)
        return reel_reject(tx, "the integer is read as %.17g", of_integer);
    if (reel_field_number(record, "json", &found) || reel_field_number(record, "string", &found))
        return reel_reject(tx, "another kind is read as a number");
    return REEL_APPLIED;
}

static void a_number_is_stored_in_its_canonical_form(void **state) {
    static const struct {
        double number;
        const char *text;
    } cases[] = {{0.1, "0.1"}, {5, "5"}, {-1e21, "-1e+21"}, {-0.0, "0"}, {1e-7, "1e-7"}};
    for (size_t at = 0; at < LENGTH(cases); at++) {
        number = cases[at].number;
        folds(*state, set_the_number);
        assert_field(*state, 2, cases[at].text);
        folds(*state, read_the_number);
    }
}

static reel_outcome set_an_integer(struct reel_tx *tx) {
    reel_set_int(k(tx), "number", 1);
    return REEL_APPLIED;
}

static void a_number_that_is_none_rejects_the_event(void **state) {
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t at = 0; at < LENGTH(bad); at++) {
        number = bad[at];
        assert_fault(*state, set_the_number, "sets field `number` to a number that is not finite");
    }
    assert_fault(*state, set_an_integer, "sets field `number`, which is a number, to an integer");
}

/* ---- Decisions ------------------------------------------------------------------------------- */

static reel_verdict draft_a_list(struct reel_decision *decision) {
    struct reel_draft *draft = reel_draft(decision, "t.one", (struct reel_str){NULL, 0});
    const struct reel_record *record = reel_lookup(decision, "things", STR("k"));
    struct reel_writer *writer = reel_write_member(draft, "list");
    reel_write_array(writer);
    reel_write_number(writer, 1.5);
    reel_write_value(writer, reel_get(reel_field_value(record, "json"), "list"));
    reel_draft_int(draft, "n", 1); /* stands before the list, which is not complete */
    reel_write_end(writer);
    reel_write_bool(reel_write_member(draft, "good"), true);
    return REEL_ACCEPTED;
}

static reel_verdict draft_half_a_list(struct reel_decision *decision) {
    struct reel_draft *draft = reel_draft(decision, "t.one", (struct reel_str){NULL, 0});
    reel_write_array(reel_write_member(draft, "list"));
    return REEL_ACCEPTED;
}

static reel_verdict write_a_record(struct reel_decision *decision) {
    struct reel_record *record = (struct reel_record *)reel_lookup(decision, "things", STR("k"));
    reel_write_int(reel_write_field(record, "json"), 1);
    return REEL_ACCEPTED;
}

static int decides(struct fixture *fixture, reel_verdict (*what)(struct reel_decision *),
                   struct reel_error *error) {
    const struct reel_command command = {
        .struct_size = sizeof command, .verb = STR("go"), .key = STR("k")};
    decide_act = what;
    return decision_run(&fixture->decision, fixture->folding.things, &fixture->folding.registry,
                        &command, 1, error);
}

static void a_draft_has_the_values_that_were_written(void **state) {
    struct fixture *fixture = *state;
    struct reel_error error;
    folds(fixture, build_all);
    must_ok(decides(fixture, draft_a_list, &error), error);
    assert_bytes(text_str(&fixture->decision.drafts[0]->data),
                 STR("{\"n\":1,\"list\":[1.5,[-9223372036854775808,0.1,true,null,[],{},null,"
                     "\"ends with [\",\"\"]],\"good\":true"));
}

static void a_draft_that_is_not_json_refuses_the_command(void **state) {
    struct reel_error error;
    folds(*state, build_all);
    assert_int_equal(decides(*state, draft_half_a_list, &error), -EPROTO);
    assert_non_null(strstr(error.text, "leaves the JSON of `list` incomplete"));
    assert_int_equal(decides(*state, write_a_record, &error), -EPROTO);
    assert_non_null(strstr(error.text, "changes a record while deciding"));
    must_ok(decides(*state, draft_a_list, &error), error);
}

/* ---- Out of memory --------------------------------------------------------------------------- */

/* Every kind of piece, with a string that makes the text grow several times; and what is stored,
 * read and written again. */
static void write_much(struct reel_writer *writer, struct reel_value stored) {
    static char bytes[20000];
    memset(bytes, 'x', sizeof bytes);
    reel_write_object(writer);
    reel_write_int(reel_write_name(writer, "integer"), 1);
    reel_write_number(reel_write_name(writer, "number"), 0.5);
    reel_write_array(reel_write_name(writer, "list"));
    for (int n = 0; n < 5; n++) reel_write_str(writer, (struct reel_str){bytes, sizeof bytes});
    reel_write_bool(writer, true);
    reel_write_null(writer);
    reel_write_end(writer);
    reel_write_value(reel_write_name(writer, "stored"), stored);
    reel_write_end(writer);
}

static reel_outcome build_much(struct reel_tx *tx) {
    struct reel_record *record = k(tx);
    write_much(reel_write_field(record, "json"), reel_get(event_data, "given"));
    write_much(reel_write_field(record, "more"), reel_field_value(record, "json"));
    return REEL_APPLIED;
}

static reel_verdict draft_much(struct reel_decision *decision) {
    struct reel_draft *draft = reel_draft(decision, "t.one", (struct reel_str){NULL, 0});
    const struct reel_record *record = reel_lookup(decision, "things", STR("k"));
    write_much(reel_write_member(draft, "much"), reel_field_value(record, "json"));
    return REEL_ACCEPTED;
}

static int fold_much(void *context) {
    struct fixture *fixture = context;
    const struct reel_event event = {.struct_size = sizeof event, .type = STR("t")};
    struct reel_error error;
    event_data = (struct reel_value){0};
    act = build_much;
    int rc = fold_evolve(&fixture->folding.fold, fixture->folding.things, &event, ++fixture->seq,
                         &error);
    if (rc > 0 && rc != REEL_APPLIED) fail_msg("%s", fixture->folding.fold.reason);
    return rc < 0 ? rc : 0;
}

static int decide_much(void *context) {
    struct reel_error error;
    return decides(context, draft_much, &error);
}

/* As after a transaction that was aborted, and with no memory that could be used again. */
static void forget(void *context) {
    struct folding *folding = &((struct fixture *)context)->folding;
    changes_finish(&folding->things->changes);
    writing_finish(&folding->fold.writing);
    arena_finish(&folding->fold.arena);
    arena_finish(&folding->fold.lent);
    folding->fold.arena = folding->fold.lent = (struct arena){0};
}

static void forget_drafts(void *context) {
    struct fixture *fixture = context;
    decision_finish(&fixture->decision);
    writing_finish(&fixture->folding.fold.writing);
    arena_finish(&fixture->folding.fold.lent);
    fixture->folding.fold.lent = (struct arena){0};
}

static size_t len_of(struct fixture *fixture, int at) {
    struct change *change;
    struct reel_error error;
    must_ok(changes_find(fixture->folding.things, STR("k"), &fixture->folding.fold.arena, &change,
                         &error),
            error);
    return change->values[at].len;
}

static void writing_a_field_survives_each_failed_allocation(void **state) {
    struct fixture *fixture = *state;
    size_t failures = faults_each(fold_much, forget, fixture, false);
    assert_in_range(failures, 5, 1000);
    assert_in_range(len_of(fixture, 0), 100000, 100200);
    assert_in_range(len_of(fixture, 1), 200000, 200400);
    for (size_t n = 0; n < failures; n++) {
        forget(fixture);
        faults_begin(n);
        assert_int_equal(fold_much(fixture), -ENOMEM);
        assert_true(faults_end());
        forget(fixture); /* the transaction */
        folds(fixture, build_scalars);
        assert_field(fixture, 0, "8"); /* nothing is left of the value that failed */
    }
}

static void writing_a_member_survives_each_failed_allocation(void **state) {
    struct fixture *fixture = *state;
    folds(fixture, build_scalars);
    assert_in_range(faults_each(decide_much, forget_drafts, fixture, false), 3, 1000);
    assert_in_range(fixture->decision.drafts[0]->data.len, 100000, 100200);
}

UNIT_TESTS(writer_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(a_value_has_all_that_was_written),
        CASE(a_scalar_is_complete_at_once),
        CASE(a_copied_value_keeps_its_text_on_one_line),
        CASE(the_same_value_again_is_no_change),
        CASE(what_is_not_json_rejects_the_event),
        CASE(a_deep_value_is_copied_only_as_deep_as_a_writer_goes),
        CASE(a_list_keeps_its_last_items),
        CASE(values_of_fields_stay_while_others_are_read),
        CASE(values_of_fields_have_a_bound),
        CASE(a_number_is_stored_in_its_canonical_form),
        CASE(a_number_that_is_none_rejects_the_event),
        CASE(a_draft_has_the_values_that_were_written),
        CASE(a_draft_that_is_not_json_refuses_the_command),
        CASE(writing_a_field_survives_each_failed_allocation),
        CASE(writing_a_member_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
