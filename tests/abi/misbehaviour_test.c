/* misbehaviour_test.c: a plugin that breaks the rules has its event rejected, in a sentence that
 * names it and what it did; its records stay as they were, and everybody else goes on.
 *
 * `faults` is the list; a fault is named by the event's suffix (plugins/misbehaving.c). Each line
 * becomes a test of its own. Handles of other callbacks are used there, so these tests are worth
 * most under the address sanitizer.
 */
#include "fixtures.h"

struct fault {
    const char *suffix;
    const char *words[2]; /* what the sentence must say, after who did it */
};

static struct fault faults[] = {
    {"set_undeclared", {"sets field `nope`, which it did not declare"}},
    {"set_wrong_kind", {"`count`", "integer"}},
    {"set_unlisted", {"`mood`", "`sideways`"}},
    {"set_not_utf8", {"`state`", "UTF-8"}},
    {"upsert_not_utf8", {"key", "UTF-8"}},
    {"upsert_no_key", {"key"}},
    {"use_lent_tx", {"handle"}},
    {"use_lent_record", {"handle"}},
    {"use_stale_record", {"handle"}},
    {"answer_unknown", {"returns 77"}},
    {"answer_zero", {"returns 0"}},
    {"answer_rejected", {"REEL_REJECTED", "reel_reject"}},
    {"answer_ignored", {"REEL_IGNORED"}},
};

#define BLAME "plugin misbehaving (stumbles): "

/* ---- Fixture --------------------------------------------------------------------------------- */

static struct reel *open_plugins(const char *directory) {
    return reel_opened(directory, NULL, fixture_so("misbehaving"), fixture_so("bystander"), NULL);
}

/* Three good records, a, b and c, before anything goes wrong. */
static struct reel *open_with_records(const char *directory) {
    struct reel *reel = open_plugins(directory);
    apply_event(reel, "stumbles", "good", "a", REEL_APPLIED);
    apply_event(reel, "stumbles", "good", "b", REEL_APPLIED);
    apply_event(reel, "stumbles", "good", "c", REEL_APPLIED);
    return reel;
}

struct bytes {
    char *data;
    size_t len;
};

static struct bytes dump(struct reel *reel, const char *collection) {
    struct bytes bytes;
    bytes.data = collection_dump(reel, collection, &bytes.len);
    return bytes;
}

/* The rejections of one event. */
struct found {
    uint64_t seq;
    size_t count;
    char collection[64];
    char reason[1100];
};

static int find_rejection(void *context, const struct reel_rejection *rejection) {
    struct found *found = context;
    if (rejection->seq != found->seq) return 0;
    found->count++;
    snprintf(found->collection, sizeof found->collection, "%.*s", REEL_FMT(rejection->collection));
    snprintf(found->reason, sizeof found->reason, "%.*s", REEL_FMT(rejection->reason));
    return 0;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

/* `stumbles`, and nobody else, rejected this event. */
static struct found assert_one_rejection(struct reel *reel, uint64_t seq) {
    struct reel_view *view = view_opened(reel);
    struct found found = {.seq = seq};
    int r = reel_view_rejected(view, UINT64_MAX, find_rejection, &found);
    reel_view_close(view);
    assert_int_equal(r, 0);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.collection, "stumbles");
    return found;
}

static void assert_blamed(const char *reason, const struct fault *fault) {
    if (strncmp(reason, BLAME, strlen(BLAME)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", reason, BLAME);
    for (size_t i = 0; i < LENGTH_OF(fault->words); i++)
        if (fault->words[i] && !strstr(reason + strlen(BLAME), fault->words[i]))
            fail_msg("\"%s\" does not say \"%s\"", reason, fault->words[i]);
}

static void assert_same_bytes(struct bytes a, struct bytes b) {
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, b.len);
}

static void assert_unchanged(struct reel *reel, struct bytes before) {
    struct bytes after = dump(reel, "stumbles");
    assert_same_bytes(after, before);
    free(after.data);
}

/* The projectors that watch the same events have folded this one: their second about `a`. */
static void assert_others_applied(struct reel *reel, const char *suffix) {
    char expected[128];
    snprintf(expected, sizeof expected, "{\"last\":\"%s\",\"count\":2}", suffix);
    assert_record(reel, "bystanders", "a", expected);
    snprintf(expected, sizeof expected, "{\"state\":\"%s\"}", suffix);
    assert_record(reel, "lenders", "a", expected);
    assert_record(reel, "lenders", "loot", NULL);
}

static void assert_good_works(struct reel *reel) {
    apply_event(reel, "stumbles", "good", "a", REEL_APPLIED);
    assert_record(reel, "stumbles", "a", "{\"state\":\"good\",\"count\":2,\"mood\":\"up\"}");
    assert_record(reel, "lenders", "a", "{\"state\":\"good\"}");
    assert_record(reel, "bystanders", "a", "{\"last\":\"good\",\"count\":3}");
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void is_rejected(void **state) {
    const struct fault *fault = *state;
    struct reel *reel = open_with_records(NULL);
    struct bytes before = dump(reel, "stumbles");

    uint64_t seq = apply_event(reel, "stumbles", fault->suffix, "a", REEL_REJECTED);

    struct found found = assert_one_rejection(reel, seq);
    assert_blamed(found.reason, fault);
    assert_unchanged(reel, before);
    assert_others_applied(reel, fault->suffix);
    assert_good_works(reel);
    free(before.data);
    reel_close(reel);
}

/* All or nothing for an event and a projector. The reason is the projector's own, so it is kept as
 * given. */
static void a_rejection_undoes_three_changes(void **state) {
    (void)state;
    struct reel *reel = open_with_records(NULL);
    struct bytes before = dump(reel, "stumbles");

    uint64_t seq = apply_event(reel, "stumbles", "reject_after_changes", "a", REEL_REJECTED);

    struct found found = assert_one_rejection(reel, seq);
    assert_string_equal(found.reason, "second thoughts about a");
    assert_unchanged(reel, before);
    assert_record(reel, "stumbles", "new", NULL);
    assert_others_applied(reel, "reject_after_changes");
    assert_good_works(reel);
    free(before.data);
    reel_close(reel);
}

/* By the rules: the record is made anew, with nothing of the old one in it. */
static void a_record_deleted_and_upserted_is_new(void **state) {
    (void)state;
    struct reel *reel = open_with_records(NULL);
    apply_event(reel, "stumbles", "delete_then_upsert", "a", REEL_APPLIED);
    assert_record(reel, "stumbles", "a", "{\"state\":\"revived\",\"count\":null,\"mood\":null}");
    assert_others_applied(reel, "delete_then_upsert");
    reel_close(reel);
}

/* 12, 24 and 48 MiB are taken, 96 are not: the record stays as it was, and all others go on. */
static void a_record_that_grows_without_end_is_a_fault(void **state) {
    (void)state;
    static const struct fault fault = {"grow", {"record of 25165834 bytes", "16777216"}};
    struct reel *reel = open_with_records(NULL);
    for (int time = 0; time < 3; time++)
        apply_event(reel, "stumbles", fault.suffix, "big", REEL_APPLIED);
    struct bytes before = dump(reel, "stumbles");
    assert_true(before.len > (size_t)12 << 20);
    for (int time = 0; time < 2; time++) {
        uint64_t seq = apply_event(reel, "stumbles", fault.suffix, "big", REEL_REJECTED);
        struct found found = assert_one_rejection(reel, seq);
        assert_blamed(found.reason, &fault);
    }
    assert_unchanged(reel, before);
    assert_record(reel, "bystanders", "big", "{\"last\":\"grow\",\"count\":5}");
    apply_event(reel, "stumbles", "good", "a", REEL_APPLIED);
    assert_record(reel, "stumbles", "a", "{\"state\":\"good\",\"count\":2,\"mood\":\"up\"}");
    free(before.data);
    reel_close(reel);
}

/* Every fault, each between good events, in one commit: as if they had come one by one. */
static void faults_in_one_batch_undo_only_themselves(void **state) {
    (void)state;
    struct event_text events[2 * LENGTH_OF(faults) + 1];
    struct reel_str payloads[LENGTH_OF(events)];
    struct reel_result results[LENGTH_OF(events)];
    for (size_t i = 0; i < LENGTH_OF(events); i++) {
        events[i] = event_text("stumbles", i % 2 == 0 ? "good" : faults[i / 2].suffix, "a");
        payloads[i] = reel_text(events[i].text);
    }
    struct reel *singly = open_with_records(NULL);
    struct reel *batched = open_with_records(NULL);
    for (size_t i = 0; i < LENGTH_OF(events); i++)
        apply_text(singly, events[i].text, i % 2 == 0 ? REEL_APPLIED : REEL_REJECTED);
    struct reel_error error;
    must_ok(reel_apply_batch(batched, payloads, LENGTH_OF(events), results, &error), error);
    for (size_t i = 0; i < LENGTH_OF(events); i++)
        assert_int_equal(results[i].outcome, i % 2 == 0 ? REEL_APPLIED : REEL_REJECTED);
    assert_same_state(singly, batched);
    assert_record(batched, "bystanders", "a", "{\"last\":\"good\",\"count\":28}");
    assert_record(batched, "stumbles", "a", "{\"state\":\"good\",\"count\":15,\"mood\":\"up\"}");
    reel_close(batched);
    reel_close(singly);
}
_Static_assert(LENGTH_OF(faults) == 13, "the counts above: 2 * 13 + 2, and 13 + 2");

static struct bytes dump_all(struct reel *reel) {
    struct bytes bytes;
    bytes.data = state_dump(reel, &bytes.len);
    return bytes;
}

/* On disk, closed, opened again: nothing of any fault was written. */
static void the_store_stays_whole(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel *reel = open_with_records(directory);
    for (size_t i = 0; i < LENGTH_OF(faults); i++)
        apply_event(reel, "stumbles", faults[i].suffix, "b", REEL_REJECTED);
    struct bytes before = dump_all(reel);
    reel_close(reel);

    reel = open_plugins(directory);
    struct bytes after = dump_all(reel);
    assert_same_bytes(after, before);
    assert_record(reel, "stumbles", "b", "{\"state\":\"good\",\"count\":1,\"mood\":\"up\"}");
    apply_event(reel, "stumbles", "good", "b", REEL_APPLIED);
    assert_record(reel, "stumbles", "b", "{\"state\":\"good\",\"count\":2,\"mood\":\"up\"}");
    free(after.data);
    free(before.data);
    reel_close(reel);
}

/* The log, folded anew with the same faults, gives the same records. */
static void a_fresh_fold_is_the_same(void **state) {
    (void)state;
    struct reel *reel = open_with_records(NULL);
    for (size_t i = 0; i < LENGTH_OF(faults); i++) {
        apply_event(reel, "stumbles", faults[i].suffix, "c", REEL_REJECTED);
        apply_event(reel, "stumbles", "good", "c", REEL_APPLIED);
    }
    struct reel *fresh = fresh_fold(reel, fixture_so("misbehaving"), fixture_so("bystander"), NULL);
    assert_same_state(reel, fresh);
    reel_close(fresh);
    reel_close(reel);
}

int main(void) {
    struct CMUnitTest tests[LENGTH_OF(faults)];
    for (size_t i = 0; i < LENGTH_OF(faults); i++)
        tests[i] = (struct CMUnitTest){
            .name = faults[i].suffix, .test_func = is_rejected, .initial_state = &faults[i]};
    const struct CMUnitTest others[] = {
        cmocka_unit_test(a_rejection_undoes_three_changes),
        cmocka_unit_test(a_record_deleted_and_upserted_is_new),
        cmocka_unit_test(a_record_that_grows_without_end_is_a_fault),
        cmocka_unit_test(faults_in_one_batch_undo_only_themselves),
        cmocka_unit_test(the_store_stays_whole),
        cmocka_unit_test(a_fresh_fold_is_the_same),
    };
    int failed = cmocka_run_group_tests_name("faults", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("misbehaviour", others, NULL, NULL);
}
