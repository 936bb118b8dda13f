/* rules_test.c: rules 4, 5 and 8. What a projector rejects leaves no trace in its collection and
 * none in others; the cursor moves on whatever comes of an event; and there is one way to fold. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AUDIT_SO build_path("tests/integration/plugins/audit.so")
#define KEYED_SO build_path("tests/integration/plugins/keyed.so")

#define KEYED(suffix, subject, value)                                                              \
    "{\"type\":\"test.keyed.v1." suffix "\",\"subject\":\"" subject                                \
    "\",\"data\":{\"value\":" value "}}"

/* ---- Rule 4 ---------------------------------------------------------------------------------- */

static void assert_record(struct reel *reel, const char *key, const char *expected) {
    char *found = record_text(reel, "keyed", key);
    if (!expected) assert_null(found);
    if (expected) {
        assert_non_null(found);
        assert_string_equal(found, expected);
    }
    free(found);
}

static struct reel *with_victim(void) {
    struct reel *reel = reel_opened(NULL, NULL, KEYED_SO, AUDIT_SO, NULL);
    apply_text(reel, KEYED("upsert", "victim", "[1]"), REEL_APPLIED);
    return reel;
}

static void a_rejection_undoes_what_the_projector_did(void **state) {
    (void)state;
    struct reel *reel = with_victim();
    size_t before_len, after_len;
    char *before = collection_dump(reel, "keyed", &before_len);
    apply_text(reel, KEYED("spoil", "new", "2"), REEL_REJECTED);
    apply_text(reel, KEYED("spoil", "victim", "2"), REEL_REJECTED);
    char *after = collection_dump(reel, "keyed", &after_len);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, before_len);
    assert_int_equal(info_of(reel, "keyed").records, 1);
    free(before);
    free(after);
    reel_close(reel);
}

static void a_rejection_does_not_touch_other_projectors(void **state) {
    (void)state;
    struct reel *reel = with_victim();
    apply_text(reel, KEYED("spoil", "new", "2"), REEL_REJECTED);
    char *found = record_text(reel, "audit", "test.keyed.v1.spoil");
    assert_string_equal(found, "{\"type\":\"test.keyed.v1.spoil\",\"count\":1,\"last_id\":null}");
    free(found);
    assert_int_equal(info_of(reel, "keyed").rejected, 1);
    assert_int_equal(info_of(reel, "audit").rejected, 0);
    assert_int_equal(info_of(reel, "audit").applied, 2);
    char *rejected = rejected_dump(reel);
    assert_string_equal(rejected, "2 keyed spoilt on purpose\n");
    free(rejected);
    reel_close(reel);
}

static void a_rejection_in_a_batch_spares_its_neighbours(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, AUDIT_SO, KEYED_SO, NULL);
    const char *const texts[] = {KEYED("upsert", "victim", "[1]"), KEYED("spoil", "victim", "0"),
                                 KEYED("upsert", "victim", "{\"a\":1}"), KEYED("spoil", "x", "0"),
                                 KEYED("upsert", "x", "\"last\"")};
    struct reel_str payloads[5];
    struct reel_result results[5];
    struct reel_error error;
    for (size_t at = 0; at < 5; at++) payloads[at] = reel_text(texts[at]);
    must_ok(reel_apply_batch(reel, payloads, 5, results, &error), error);
    for (size_t at = 0; at < 5; at++) {
        assert_int_equal(results[at].seq, at + 1);
        assert_int_equal(results[at].outcome, at % 2 ? REEL_REJECTED : REEL_APPLIED);
    }
    assert_record(reel, "victim", "{\"value\":{\"a\":1},\"times\":2}");
    assert_record(reel, "x", "{\"value\":\"last\",\"times\":1}");
    assert_record(reel, "bystander", NULL);
    reel_close(reel);
}

static void a_plugin_that_breaks_a_rule_rejects_the_event(void **state) {
    (void)state;
    struct reel *reel = with_victim();
    apply_text(reel, KEYED("misuse", "victim", "2"), REEL_REJECTED);
    assert_record(reel, "victim", "{\"value\":[1],\"times\":1}");
    char *rejected = rejected_dump(reel);
    assert_non_null(strstr(rejected, "keyed"));
    assert_non_null(strstr(rejected, "undeclared"));
    free(rejected);
    reel_close(reel);
}

/* ---- Rule 5 ---------------------------------------------------------------------------------- */

static void assert_cursors(struct reel *reel, uint64_t cursor) {
    assert_int_equal(position_of(reel).cursor, cursor);
    assert_int_equal(position_of(reel).head, cursor);
    assert_int_equal(info_of(reel, "keyed").cursor, cursor);
    assert_int_equal(info_of(reel, "audit").cursor, cursor);
}

static void the_cursor_moves_on_every_event(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, KEYED_SO, AUDIT_SO, NULL);
    assert_cursors(reel, 0);
    assert_int_equal(position_of(reel).first_seq, 1);
    assert_int_equal(apply_text(reel, KEYED("upsert", "a", "1"), REEL_APPLIED), 1);
    assert_cursors(reel, 1);
    assert_int_equal(apply_text(reel, "{\"type\":\"nobody's\"}", REEL_IGNORED), 2);
    assert_cursors(reel, 2);
    assert_int_equal(apply_text(reel, KEYED("spoil", "a", "1"), REEL_REJECTED), 3);
    assert_cursors(reel, 3);
    assert_int_equal(apply_text(reel, "no JSON", REEL_REJECTED), 4);
    assert_cursors(reel, 4);
    assert_int_equal(apply_text(reel, "", REEL_REJECTED), 5);
    assert_cursors(reel, 5);
    assert_int_equal(apply_text(reel, "{\"id\":\"no type\"}", REEL_IGNORED), 6);
    assert_cursors(reel, 6);
    struct reel_position position = position_of(reel);
    assert_int_equal(position.applied, 1);
    assert_int_equal(position.ignored, 2);
    assert_int_equal(position.rejected, 3);
    reel_close(reel);
}

/* ---- Rule 8 ---------------------------------------------------------------------------------- */

enum { EVENTS = 5000 };

/* Sample events with some that are rejected in between. */
static void fill(struct reel *reel) {
    for (uint64_t at = 0; at < EVENTS; at += 500) {
        apply_samples(reel, at + 1, 500, 100);
        apply_text(reel, KEYED("upsert", "victim", "[1]"), REEL_APPLIED);
        apply_text(reel, KEYED("spoil", "x", "0"), REEL_REJECTED);
        apply_text(reel, "no JSON", REEL_REJECTED);
    }
}

static struct reel *filled(void) {
    struct reel *reel = reel_opened(NULL, NULL, KEYED_SO, CELL_SO, FORMATION_SO, AUDIT_SO, NULL);
    fill(reel);
    return reel;
}

static void assert_same_info(const struct reel_collection_info *a,
                             const struct reel_collection_info *b) {
    assert_int_equal(a->revision, b->revision);
    assert_int_equal(a->records, b->records);
    assert_int_equal(a->cursor, b->cursor);
    assert_int_equal(a->from_seq, b->from_seq);
    assert_int_equal(a->applied, b->applied);
    assert_int_equal(a->ignored, b->ignored);
    assert_int_equal(a->rejected, b->rejected);
    assert_true(a->served && b->served);
}

static void assert_same_counts(struct reel *a, struct reel *b) {
    struct reel_position of_a = position_of(a), of_b = position_of(b);
    assert_int_equal(of_a.applied, of_b.applied);
    assert_int_equal(of_a.ignored, of_b.ignored);
    assert_int_equal(of_a.rejected, of_b.rejected);
}

static void a_rebuild_gives_the_same_bytes(void **state) {
    (void)state;
    struct reel *reel = filled();
    struct reel *untouched = filled();
    char *before = rejected_dump(reel);
    struct reel_error error;
    const char *name;
    for (size_t n = 0; (name = reel_collection_name(reel, n)); n++) {
        struct reel_collection_info was = info_of(reel, name);
        must_ok(reel_rebuild(reel, name, &error), error);
        must_ok(reel_catch_up(reel, &error), error);
        struct reel_collection_info is = info_of(reel, name);
        assert_same_info(&was, &is);
    }
    assert_same_state(reel, untouched);
    assert_same_counts(reel, untouched); /* an event is counted once */
    char *after = rejected_dump(reel);
    assert_string_equal(before, after);
    free(before);
    free(after);
    reel_close(reel);
    reel_close(untouched);
}

static int append_entry(void *context, const struct reel_entry *entry) {
    batch_add(context, entry->bytes.data, entry->bytes.len);
    return 0;
}

static void appending_and_folding_later_gives_the_same_bytes(void **state) {
    (void)state;
    struct reel *applied = filled();
    struct reel_options options = {.batch_events_max = 10000};
    struct reel *reel =
        reel_opened(NULL, &options, AUDIT_SO, KEYED_SO, CELL_SO, FORMATION_SO, NULL);
    struct batch batch = {0};
    struct reel_error error;
    struct reel_view *view = view_opened(applied);
    assert_int_equal(reel_view_log(view, 0, append_entry, &batch), 0);
    reel_view_close(view);
    uint64_t seq = 0;
    must_ok(reel_append(reel, batch_payloads(&batch), batch.count, &seq, &error), error);
    assert_int_equal(seq, position_of(applied).head);
    assert_int_equal(position_of(reel).cursor, 0);
    must_ok(reel_catch_up(reel, &error), error);
    assert_same_state(reel, applied);
    assert_same_counts(reel, applied);
    char *a = rejected_dump(reel);
    char *b = rejected_dump(applied);
    assert_string_equal(a, b);
    free(a);
    free(b);
    batch_free(&batch);
    reel_close(reel);
    reel_close(applied);
}

/* The log's order is the order: an apply behind an append comes after it. */
static void apply_first_folds_events_that_were_only_appended(void **state) {
    (void)state;
    struct reel *reel = reel_opened(NULL, NULL, KEYED_SO, NULL);
    struct reel_str first = reel_text(KEYED("upsert", "a", "\"appended\""));
    struct reel_error error;
    must_ok(reel_append(reel, &first, 1, NULL, &error), error);
    assert_int_equal(apply_text(reel, KEYED("upsert", "a", "\"applied\""), REEL_APPLIED), 2);
    assert_record(reel, "a", "{\"value\":\"applied\",\"times\":2}");
    assert_int_equal(position_of(reel).cursor, 2);
    reel_close(reel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rejection_undoes_what_the_projector_did),
        cmocka_unit_test(a_rejection_does_not_touch_other_projectors),
        cmocka_unit_test(a_rejection_in_a_batch_spares_its_neighbours),
        cmocka_unit_test(a_plugin_that_breaks_a_rule_rejects_the_event),
        cmocka_unit_test(the_cursor_moves_on_every_event),
        cmocka_unit_test(a_rebuild_gives_the_same_bytes),
        cmocka_unit_test(appending_and_folding_later_gives_the_same_bytes),
        cmocka_unit_test(apply_first_folds_events_that_were_only_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
