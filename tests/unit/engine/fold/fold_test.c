/* fold_test.c: one callback at a time: what it changes, and that a rejection undoes all of it;
 * and writing what a transaction has changed (changes.h).
 *
 * Each case folds with functions of its own in the place of `evolve`.
 */
#include "unit.h"

#include "base/text.h"
#include "engine/fold/changes.h"
#include "engine/fold/fold.h"
#include "engine/fold/host.h"
#include "engine/fold/registry.h"
#include "engine/store/table.h"
#include "event/event.h"
#include "fold_support.h"

#include <stdlib.h>
#include <string.h>

/* ---- Fixture --------------------------------------------------------------------------------- */

static reel_outcome (*act)(struct reel_tx *tx); /* what the projector does just now */

static reel_outcome evolve(struct reel_tx *tx, const struct reel_event *event) {
    (void)event;
    return act(tx);
}

#define FIELD(field)                                                                               \
    &(const struct reel_field) {                                                                   \
        .struct_size = sizeof(struct reel_field), .name = (field), .kind = REEL_FIELD_STRING       \
    }
static const struct reel_plugin folding = {
    .header = REEL_PLUGIN_HEADER,
    .name = "folding",
    .version = "1",
    .projectors =
        (const struct reel_projector *const[]){
            &(const struct reel_projector){
                .struct_size = sizeof(struct reel_projector),
                .revision = 1,
                .collection = "things",
                .type_prefixes = (const char *const[]){"t", NULL},
                .fields = (const struct reel_field *const[]){FIELD("a"), FIELD("b"), NULL},
                .evolve = evolve,
                .events =
                    (const struct reel_event_info *const[]){
                        REEL_EVENT(.type = "t.strict",
                                   .flags = REEL_EVENT_STRICT | REEL_EVENT_SUBJECT),
                        NULL},
            },
            NULL},
};

struct fixture {
    struct folding folding;
    uint64_t seq;
};

static int begin(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    must(fixture);
    folding_open(&fixture->folding, &folding);
    *state = fixture;
    return 0;
}

static int finish(void **state) {
    struct fixture *fixture = *state;
    folding_close(&fixture->folding);
    free(fixture);
    return 0;
}

static void folds(struct fixture *fixture, reel_outcome (*what)(struct reel_tx *),
                  reel_outcome expected) {
    const struct reel_event event = {.struct_size = sizeof event, .type = STR("t")};
    struct reel_error error = {""};
    act = what;
    int found = fold_evolve(&fixture->folding.fold, fixture->folding.things, &event, ++fixture->seq,
                            &error);
    if (found != expected) fail_msg("%d: %s%s", found, error.text, fixture->folding.fold.reason);
}

static void flush(struct fixture *fixture) {
    struct reel_error error;
    must_ok(registry_flush(&fixture->folding.registry, &fixture->folding.fold.arena, &error),
            error);
    arena_reset(&fixture->folding.fold.arena);
}

/* ---- Assertions ------------------------------------------------------------------------------ */

/* What the transaction holds: the fields' texts and the seq, or that there is none (NULL). */
static void assert_held(struct fixture *fixture, const char *key, const char *a, const char *b,
                        uint64_t changed) {
    struct change *change;
    struct reel_error error;
    must_ok(changes_find(fixture->folding.things, reel_text(key), &fixture->folding.fold.arena,
                         &change, &error),
            error);
    assert_int_equal(change->exists, a != NULL);
    if (!a) return;
    assert_bytes(change->values[0], reel_text(a));
    assert_bytes(change->values[1], reel_text(b));
    assert_int_equal(change->changed, changed);
}

static void assert_stored(struct fixture *fixture, const char *key, const char *json,
                          uint64_t changed) {
    struct store *store = fixture->folding.store;
    struct reel_str stored, found;
    uint64_t seq;
    int rc = table_get(store, &store->writing, collection_tables(fixture->folding.things)->records,
                       reel_text(key), &stored, NULL);
    assert_int_equal(rc, json ? 0 : -ENOENT);
    if (!json) return;
    assert_int_equal(record_json(fixture->folding.things->shape.count, stored, &seq, &found), 0);
    assert_bytes(found, reel_text(json));
    assert_int_equal(seq, changed);
}

static void assert_reason(struct fixture *fixture, const char *part) {
    if (!strstr(fixture->folding.fold.reason, part))
        fail_msg("reason: %s", fixture->folding.fold.reason);
}

/* ---- What a projector does ------------------------------------------------------------------- */

static reel_outcome make_k(struct reel_tx *tx) {
    reel_set_text(reel_upsert(tx, STR("k")), "a", "made");
    return REEL_APPLIED;
}

static reel_outcome change_k(struct reel_tx *tx) {
    reel_set_text(reel_find(tx, STR("k")), "b", "changed");
    return REEL_APPLIED;
}

static reel_outcome delete_k(struct reel_tx *tx) {
    reel_delete(tx, STR("k"));
    return REEL_APPLIED;
}

static reel_outcome make_and_delete_k(struct reel_tx *tx) {
    make_k(tx);
    return delete_k(tx);
}

static reel_outcome do_all_and_reject(struct reel_tx *tx) {
    reel_set_text(reel_upsert(tx, STR("k")), "a", "spoilt");
    reel_set_text(reel_upsert(tx, STR("new")), "a", "spoilt");
    reel_delete(tx, STR("k"));
    reel_set_text(reel_upsert(tx, STR("k")), "b", "again");
    return reel_reject(tx, "on %s", "purpose");
}

static reel_outcome delete_and_reject(struct reel_tx *tx) {
    reel_delete(tx, STR("k"));
    return reel_reject(tx, "on purpose");
}

enum { MANY = 500 };

static struct reel_str many_key(size_t n, char space[16]) {
    int len = snprintf(space, 16, "%zu", n * 7919 % MANY);
    return (struct reel_str){space, (size_t)len};
}

static reel_outcome make_many(struct reel_tx *tx) {
    char space[16];
    for (size_t n = 0; n < MANY; n++) reel_upsert(tx, many_key(n, space));
    return REEL_APPLIED;
}

static reel_outcome delete_many_and_reject(struct reel_tx *tx) {
    char space[16];
    for (size_t n = 0; n < MANY; n++) reel_delete(tx, many_key(n, space));
    return reel_reject(tx, "on purpose");
}

static reel_outcome no_outcome(struct reel_tx *tx) {
    make_k(tx);
    return 42;
}

static reel_outcome ignore_a_change(struct reel_tx *tx) {
    make_k(tx);
    return REEL_IGNORED;
}

static reel_outcome reject_without_a_reason(struct reel_tx *tx) {
    make_k(tx);
    return REEL_REJECTED;
}

static reel_outcome apply_after_all(struct reel_tx *tx) {
    make_k(tx);
    (void)reel_reject(tx, "no");
    return REEL_APPLIED;
}

static reel_outcome ignore(struct reel_tx *tx) {
    (void)tx;
    return REEL_IGNORED;
}

static struct reel_record *kept_handle;

static reel_outcome keep_a_handle(struct reel_tx *tx) {
    kept_handle = reel_upsert(tx, STR("k"));
    return REEL_APPLIED;
}

static reel_outcome use_the_kept_handle(struct reel_tx *tx) {
    (void)tx;
    reel_set_text(kept_handle, "a", "stale");
    return REEL_APPLIED;
}

/* Rejects as a plugin in another language does: with any bytes as the reason. */
static struct reel_str given_reason;

static reel_outcome reject_with_the_reason(struct reel_tx *tx) {
    return tx->host->reject(tx, given_reason);
}

static reel_outcome reject_at_length(struct reel_tx *tx) {
    return reel_reject(tx, "%05000d", 7);
}

static reel_outcome warn_as_of_one_kind(struct reel_tx *tx) {
    static int number;
    char text[32];
    int len = snprintf(text, sizeof text, "number\n%d", number++);
    tx->host->warn(tx, STR("a number"), (struct reel_str){text, (size_t)len});
    return REEL_IGNORED;
}

/* As much as a record may hold, and `over` bytes more. */
static size_t over;

static reel_outcome fill_k(struct reel_tx *tx) {
    static char bytes[RECORD_BYTES_MAX / 2];
    struct reel_record *record = reel_upsert(tx, STR("k"));
    memset(bytes, 'f', sizeof bytes);
    reel_set_str(record, "a", (struct reel_str){bytes, sizeof bytes - 2}); /* and its quotes */
    reel_set_str(record, "b", (struct reel_str){bytes, sizeof bytes - 2 + over});
    return REEL_APPLIED;
}

/* Integers as they are read: whether one was there, and which. */
static bool read_one;
static int64_t read_int;

static reel_outcome read_k(struct reel_tx *tx) {
    read_int = 42;
    read_one = reel_field_int(reel_find(tx, STR("k")), "a", &read_int);
    return REEL_IGNORED;
}

/* ---- Undoing --------------------------------------------------------------------------------- */

static void a_rejection_undoes_a_new_record(void **state) {
    struct fixture *fixture = *state;
    folds(fixture, do_all_and_reject, REEL_REJECTED);
    assert_string_equal(fixture->folding.fold.reason, "on purpose");
    assert_held(fixture, "k", NULL, NULL, 0);
    assert_held(fixture, "new", NULL, NULL, 0);
    flush(fixture);
    assert_stored(fixture, "k", NULL, 0);
    assert_int_equal(fixture->folding.things->state.records, 0);
}

static void a_rejection_leaves_what_earlier_events_did(void **state) {
    struct fixture *fixture = *state;
    folds(fixture, make_k, REEL_APPLIED);
    folds(fixture, do_all_and_reject, REEL_REJECTED);
    assert_held(fixture, "k", "\"made\"", "null", 1);
    folds(fixture, change_k, REEL_APPLIED);
    folds(fixture, delete_and_reject, REEL_REJECTED);
    assert_held(fixture, "k", "\"made\"", "\"changed\"", 3);
    flush(fixture);
    assert_stored(fixture, "k", "{\"a\":\"made\",\"b\":\"changed\"}", 3);
}

static void a_rejection_leaves_what_the_store_has(void **state) {
    struct fixture *fixture = *state;
    folds(fixture, make_k, REEL_APPLIED);
    flush(fixture);
    folds(fixture, do_all_and_reject, REEL_REJECTED);
    folds(fixture, delete_and_reject, REEL_REJECTED);
    assert_held(fixture, "k", "\"made\"", "null", 1);
    flush(fixture);
    assert_stored(fixture, "k", "{\"a\":\"made\",\"b\":null}", 1);
    assert_int_equal(fixture->folding.things->state.records, 1);
}

static void a_rejection_undoes_any_number_of_changes(void **state) {
    struct fixture *fixture = *state;
    char key[16];
    folds(fixture, make_many, REEL_APPLIED);
    folds(fixture, delete_many_and_reject, REEL_REJECTED);
    for (size_t n = 0; n < MANY; n++) {
        snprintf(key, sizeof key, "%zu", n);
        assert_held(fixture, key, "null", "null", 1);
    }
}

static void answers_that_break_a_rule_reject(void **state) {
    static const struct {
        reel_outcome (*what)(struct reel_tx *);
        const char *part;
    } cases[] = {
        {no_outcome, "returns 42, which is not an outcome"},
        {ignore_a_change, "returns REEL_IGNORED after changing a record"},
        {reject_without_a_reason, "returns REEL_REJECTED without reel_reject"},
        {apply_after_all, "returns 1 after reel_reject"},
    };
    for (size_t at = 0; at < LENGTH(cases); at++) {
        folds(*state, cases[at].what, REEL_REJECTED);
        assert_reason(*state, cases[at].part);
        assert_reason(*state, "plugin folding (things): ");
        assert_held(*state, "k", NULL, NULL, 0);
    }
    folds(*state, make_k, REEL_APPLIED); /* and it does not stay so */
}

static void a_reason_is_one_line_of_utf8(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        struct reel_str given;
        const char *reason;
    } cases[] = {
        {STR("plain"), "plain"},
        {STR("two\nlines\x7f"), "two lines "},
        {STR("a\0b"), "a b"},
        {STR("%s %n"), "%s %n"},
        {STR("\xc3\xa4"), "\xc3\xa4"},
        {STR("\xc3\xa4\xff!"), "\?\?\?!"},
        {STR("cut \xc3"), "cut "},
        {{"", 0}, ""},
        {{NULL, 7}, ""},
    };
    for (size_t at = 0; at < LENGTH(cases); at++) {
        given_reason = cases[at].given;
        folds(fixture, reject_with_the_reason, REEL_REJECTED);
        assert_string_equal(fixture->folding.fold.reason, cases[at].reason);
    }
}

static void a_long_reason_is_cut_at_a_character(void **state) {
    struct fixture *fixture = *state;
    static char umlauts[2 * 3000];
    for (size_t at = 0; at < sizeof umlauts; at += 2) memcpy(umlauts + at, "\xc3\xa4", 2);
    given_reason = (struct reel_str){umlauts, sizeof umlauts};
    folds(fixture, reject_with_the_reason, REEL_REJECTED);
    assert_int_equal(strlen(fixture->folding.fold.reason), REASON_BYTES - 2);
    folds(fixture, reject_at_length, REEL_REJECTED);
    assert_int_equal(strlen(fixture->folding.fold.reason), REASON_BYTES - 1);
}

static void count_line(void *context, const char *line) {
    struct text *lines = context;
    text_append_lit(lines, line);
    text_append_lit(lines, "\n");
}

static void warnings_of_one_kind_differ_in_their_text(void **state) {
    struct fixture *fixture = *state;
    struct text lines = {0};
    fixture->folding.fold.warnings =
        (struct warnings){.warn = count_line, .context = &lines, .max = 2};
    for (size_t n = 0; n < 5; n++) folds(fixture, warn_as_of_one_kind, REEL_IGNORED);
    warnings_finish(&fixture->folding.fold.warnings);
    assert_bytes(text_str(&lines), STR("things: event 1: number 0\n"
                                       "things: event 2: number 1\n"
                                       "things: 3 more like this were left out: a number\n"));
    fixture->folding.fold.warnings = (struct warnings){0};
    text_finish(&lines);
}

static void a_broken_rule_is_told_to_the_operator(void **state) {
    struct fixture *fixture = *state;
    struct text lines = {0};
    fixture->folding.fold.warnings =
        (struct warnings){.warn = count_line, .context = &lines, .max = 1};
    folds(fixture, make_k, REEL_APPLIED);
    assert_int_equal(lines.len, 0);
    for (size_t n = 0; n < 3; n++) folds(fixture, no_outcome, REEL_REJECTED);
    assert_bytes(text_str(&lines), STR("things: event 2: plugin folding (things): returns 42, "
                                       "which is not an outcome\n"));
    warnings_finish(&fixture->folding.fold.warnings);
    if (!strstr(lines.data, "things: 2 more like this were left out: returns %d"))
        fail_msg("lines: %s", lines.data);
    text_finish(&lines);
}

static void a_handle_of_an_earlier_event_is_a_fault(void **state) {
    folds(*state, keep_a_handle, REEL_APPLIED);
    folds(*state, use_the_kept_handle, REEL_REJECTED);
    assert_reason(*state, "record handle of an earlier event");
    assert_held(*state, "k", "null", "null", 1);
}

static void the_same_text_again_is_no_change(void **state) {
    struct fixture *fixture = *state;
    folds(fixture, make_k, REEL_APPLIED);
    folds(fixture, make_k, REEL_APPLIED);
    assert_held(fixture, "k", "\"made\"", "null", 1);
    flush(fixture);
    folds(fixture, make_k, REEL_APPLIED);
    assert_held(fixture, "k", "\"made\"", "null", 1);
    flush(fixture);
    assert_stored(fixture, "k", "{\"a\":\"made\",\"b\":null}", 1);
}

static size_t key_len;

static reel_outcome make_long_key(struct reel_tx *tx) {
    static char bytes[1001];
    memset(bytes, 'k', sizeof bytes);
    reel_upsert(tx, (struct reel_str){bytes, key_len});
    return REEL_APPLIED;
}

static void a_key_beyond_its_bound_is_a_fault(void **state) {
    key_len = 1000;
    folds(*state, make_long_key, REEL_APPLIED);
    key_len = 1001;
    folds(*state, make_long_key, REEL_REJECTED);
    assert_reason(*state, "gives a key of 1001 bytes, at most 1000 are allowed");
}

static void a_record_beyond_its_bound_is_a_fault(void **state) {
    struct fixture *fixture = *state;
    folds(fixture, make_k, REEL_APPLIED);
    over = 1;
    folds(fixture, fill_k, REEL_REJECTED);
    assert_reason(fixture, "plugin folding (things): makes a record of 16777217 bytes");
    assert_held(fixture, "k", "\"made\"", "null", 1);
    over = 0;
    folds(fixture, fill_k, REEL_APPLIED);
    folds(fixture, delete_k, REEL_APPLIED);
    flush(fixture);
    assert_stored(fixture, "k", NULL, 0);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* A field of JSON may hold any number. */
static void an_integer_is_read_or_none_is(void **state) {
    static const struct {
        struct reel_str json;
        bool is_int;
        int64_t expected;
    } cases[] = {
        {STR("0"), true, 0},
        {STR("-7"), true, -7},
        {STR("9223372036854775807"), true, INT64_MAX},
        {STR("-9223372036854775808"), true, INT64_MIN},
        {STR("9223372036854775808"), false, 42},
        {STR("-9223372036854775809"), false, 42},
        {STR("99999999999999999999"), false, 42},
        {STR("1.5"), false, 42},
        {STR("1e2"), false, 42},
        {STR("\"1\""), false, 42},
        {STR("[1]"), false, 42},
        {STR("null"), false, 42},
    };
    struct fixture *fixture = *state;
    struct change *change;
    struct reel_error error;
    folds(fixture, make_k, REEL_APPLIED);
    must_ok(changes_find(fixture->folding.things, STR("k"), &fixture->folding.fold.arena, &change,
                         &error),
            error);
    for (size_t at = 0; at < LENGTH(cases); at++) {
        change->values[0] = cases[at].json;
        folds(fixture, read_k, REEL_IGNORED);
        assert_int_equal(read_one, cases[at].is_int);
        assert_int_equal(read_int, cases[at].expected);
    }
}

static void ignoring_changes_nothing(void **state) {
    struct fixture *fixture = *state;
    folds(fixture, ignore, REEL_IGNORED);
    flush(fixture);
    assert_int_equal(
        entries_in(fixture->folding.store, collection_tables(fixture->folding.things)->records), 0);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void flushed_records_are_found_again(void **state) {
    struct fixture *fixture = *state;
    folds(fixture, make_k, REEL_APPLIED);
    flush(fixture);
    assert_held(fixture, "k", "\"made\"", "null", 1);
    folds(fixture, change_k, REEL_APPLIED);
    flush(fixture);
    assert_stored(fixture, "k", "{\"a\":\"made\",\"b\":\"changed\"}", 2);
    assert_int_equal(fixture->folding.things->state.records, 1);
}

static void a_record_that_is_created_and_deleted_leaves_none(void **state) {
    struct fixture *fixture = *state;
    folds(fixture, make_and_delete_k, REEL_APPLIED);
    flush(fixture);
    assert_int_equal(
        entries_in(fixture->folding.store, collection_tables(fixture->folding.things)->records), 0);
    assert_int_equal(fixture->folding.things->state.records, 0);
}

static void a_deleted_record_goes_from_the_store(void **state) {
    struct fixture *fixture = *state;
    folds(fixture, make_k, REEL_APPLIED);
    flush(fixture);
    folds(fixture, delete_k, REEL_APPLIED);
    flush(fixture);
    assert_stored(fixture, "k", NULL, 0);
    assert_int_equal(fixture->folding.things->state.records, 0);
    folds(fixture, make_k, REEL_APPLIED);
    flush(fixture);
    assert_stored(fixture, "k", "{\"a\":\"made\",\"b\":null}", 3);
}

/* A tombstone takes two entries, a record one, whatever happened before. */
static void the_index_keeps_nothing_of_what_was_before(void **state) {
    struct fixture *fixture = *state;
    struct store *store = fixture->folding.store;
    static const struct {
        reel_outcome (*what)(struct reel_tx *);
        reel_outcome outcome;
        size_t entries;
    } steps[] = {
        {make_k, REEL_APPLIED, 1},
        {change_k, REEL_APPLIED, 1},
        {delete_and_reject, REEL_REJECTED, 1},
        {delete_k, REEL_APPLIED, 2},
        {make_and_delete_k, REEL_APPLIED, 2},
        {do_all_and_reject, REEL_REJECTED, 2},
        {make_k, REEL_APPLIED, 1},
    };
    for (size_t at = 0; at < LENGTH(steps); at++) {
        folds(fixture, steps[at].what, steps[at].outcome);
        flush(fixture);
        assert_int_equal(entries_in(store, collection_tables(fixture->folding.things)->index),
                         steps[at].entries);
    }
    const struct store_state position = {.first_seq = 1};
    assert_int_equal(fixture->folding.things->state.changed, LENGTH(steps));
    commit_and_begin(store);
    assert_int_equal(registry_reset(fixture->folding.things, &position, "a test", NULL), 0);
    assert_int_equal(entries_in(store, collection_tables(fixture->folding.things)->index), 0);
    assert_int_equal(fixture->folding.things->state.changed, 0);
}

static void many_records_are_all_written(void **state) {
    struct fixture *fixture = *state;
    folds(fixture, make_k, REEL_APPLIED);
    flush(fixture);
    folds(fixture, make_many, REEL_APPLIED);
    flush(fixture);
    assert_int_equal(fixture->folding.things->state.records, MANY + 1);
    assert_int_equal(
        entries_in(fixture->folding.store, collection_tables(fixture->folding.things)->records),
        MANY + 1);
    assert_stored(fixture, "123", "{\"a\":null,\"b\":null}", 2);
}

static reel_outcome fail_the_test(struct reel_tx *tx) {
    (void)tx;
    fail_msg("it was called");
    return REEL_REJECTED;
}

static void an_event_that_does_not_fit_is_not_given_to_evolve(void **state) {
    struct fixture *fixture = *state;
    struct json_parser *parser = json_parser_create(&host_table);
    struct json *json;
    struct reel_event event;
    struct reel_error error;
    const char *why;
    must(parser);
    must(json_parse(parser, STR("{\"type\":\"t.strict\",\"subject\":1}"), 0, &json, &why) == 0);
    event_read(json, &event);
    folds(fixture, no_outcome, REEL_REJECTED); /* a fault, which is not the next event's */
    act = fail_the_test;
    assert_int_equal(fold_evolve(&fixture->folding.fold, fixture->folding.things, &event,
                                 ++fixture->seq, &error),
                     REEL_REJECTED);
    assert_string_equal(fixture->folding.fold.reason,
                        "not as declared: subject is a number, wanted a string");
    assert_false(fixture->folding.fold.faulted);
    event.subject = STR("k");
    act = make_k;
    assert_int_equal(fold_evolve(&fixture->folding.fold, fixture->folding.things, &event,
                                 ++fixture->seq, &error),
                     REEL_APPLIED);
    assert_held(fixture, "k", "\"made\"", "null", fixture->seq);
    json_parser_destroy(parser);
}

static void an_aborted_transaction_is_forgotten(void **state) {
    struct fixture *fixture = *state;
    folds(fixture, make_many, REEL_APPLIED);
    changes_reset(&fixture->folding.things->changes);
    arena_reset(&fixture->folding.fold.arena);
    assert_held(fixture, "1", NULL, NULL, 0);
    flush(fixture);
    assert_int_equal(
        entries_in(fixture->folding.store, collection_tables(fixture->folding.things)->records), 0);
}

UNIT_TESTS(fold_test) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(a_rejection_undoes_a_new_record),
        CASE(a_rejection_leaves_what_earlier_events_did),
        CASE(a_rejection_leaves_what_the_store_has),
        CASE(a_rejection_undoes_any_number_of_changes),
        CASE(answers_that_break_a_rule_reject),
        CASE(a_reason_is_one_line_of_utf8),
        CASE(a_long_reason_is_cut_at_a_character),
        CASE(warnings_of_one_kind_differ_in_their_text),
        CASE(a_broken_rule_is_told_to_the_operator),
        CASE(a_handle_of_an_earlier_event_is_a_fault),
        CASE(the_same_text_again_is_no_change),
        CASE(a_key_beyond_its_bound_is_a_fault),
        CASE(a_record_beyond_its_bound_is_a_fault),
        CASE(an_integer_is_read_or_none_is),
        CASE(ignoring_changes_nothing),
        CASE(flushed_records_are_found_again),
        CASE(a_record_that_is_created_and_deleted_leaves_none),
        CASE(a_deleted_record_goes_from_the_store),
        CASE(the_index_keeps_nothing_of_what_was_before),
        CASE(many_records_are_all_written),
        CASE(an_event_that_does_not_fit_is_not_given_to_evolve),
        CASE(an_aborted_transaction_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
