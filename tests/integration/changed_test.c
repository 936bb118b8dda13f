/* changed_test.c: what was changed since a seq: in order, each record once, deletions among them;
 * so that a copy which follows is the state, whatever became of the store meanwhile.
 *
 * `keyed` makes, changes and deletes records of any key; `audit` counts what came, and gives most
 * events a second record that they change. */
#include "changed_support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#define KEYED_SO build_path("tests/integration/plugins/keyed.so")
#define AUDIT_SO build_path("tests/integration/plugins/audit.so")

/* ---- Fixture --------------------------------------------------------------------------------- */

static struct reel *opened(const char *directory) {
    return reel_opened(directory, NULL, KEYED_SO, AUDIT_SO, NULL);
}

static int set_up(void **state) {
    *state = opened(NULL);
    return 0;
}

static int tear_down(void **state) {
    reel_close(*state);
    return 0;
}

static void format_event(struct text *text, const char *what, const char *key) {
    text_format(text, "{\"type\":\"test.keyed.v1.%s\",\"subject\":", what);
    text_json_string(text, reel_text(key));
    text_format(text, ",\"id\":\"%zu\",\"data\":{\"value\":%zu}}", text->len, text->len);
}

static uint64_t apply(struct reel *reel, const char *what, const char *key, reel_outcome expected) {
    struct text text = {0};
    format_event(&text, what, key);
    uint64_t seq = apply_text(reel, text.data, expected);
    free(text.data);
    return seq;
}

static void upsert(struct reel *reel, const char *key) {
    apply(reel, "upsert", key, REEL_APPLIED);
}

static void delete (struct reel *reel, const char *key) {
    apply(reel, "delete", key, REEL_APPLIED);
}

/* ---- Assertions ------------------------------------------------------------------------------ */

struct shown {
    struct text text;
    size_t stop_at; /* rows; 0: never */
    const char *only;
};

static int show_row(void *context, const struct reel_changed_row *changed) {
    struct shown *shown = context;
    if (shown->only && strcmp(shown->only, changed->collection) != 0) return 0;
    text_format(&shown->text, "%s%" PRIu64 " %s/%s%.*s", shown->text.len ? ", " : "",
                changed->row->changed, changed->collection, changed->row->json.data ? "" : "-",
                REEL_FMT(changed->row->key));
    return shown->stop_at && --shown->stop_at == 0 ? 42 : 0;
}

/* What was changed, as text: "3 keyed/a, 4 keyed/-b" (deleted). */
static char *shown_text(struct reel *reel, uint64_t since, const char *only) {
    struct shown shown = {.only = only};
    struct reel_view *view = view_opened(reel);
    text_add(&shown.text, "", 0);
    must(reel_view_changed(view, since, show_row, &shown) == 0);
    reel_view_close(view);
    return shown.text.data;
}

static void assert_changed(struct reel *reel, uint64_t since, const char *only,
                           const char *expected) {
    char *found = shown_text(reel, since, only);
    assert_string_equal(found, expected);
    free(found);
}

/* ---- Order ----------------------------------------------------------------------------------- */

static void changes_come_by_seq_then_collection_then_key(void **state) {
    upsert(*state, "b");
    upsert(*state, "a");
    assert_changed(*state, 0, NULL, "1 keyed/b, 2 audit/test.keyed.v1.upsert, 2 keyed/a");
    delete (*state, "b");
    assert_changed(*state, 0, NULL,
                   "2 audit/test.keyed.v1.upsert, 2 keyed/a, "
                   "3 audit/test.keyed.v1.delete, 3 keyed/-b");
    assert_changed(*state, 2, NULL, "3 audit/test.keyed.v1.delete, 3 keyed/-b");
    assert_changed(*state, 3, NULL, "");
    assert_changed(*state, UINT64_MAX, NULL, "");
}

static void a_record_shows_its_json_and_a_deleted_one_none(void **state) {
    struct copy copy = {0};
    upsert(*state, "a");
    upsert(*state, "b");
    assert_copy(&copy, *state);
    delete (*state, "a");
    assert_copy(&copy, *state);
    assert_int_equal(copy.rows, 2);
    copy_free(&copy);
}

static void a_record_made_again_is_no_longer_deleted(void **state) {
    upsert(*state, "a");
    delete (*state, "a");
    upsert(*state, "a");
    assert_changed(*state, 0, "keyed", "3 keyed/a");
    assert_changed(*state, 1, "keyed", "3 keyed/a");
    delete (*state, "a");
    assert_changed(*state, 0, "keyed", "4 keyed/-a");
}

/* Whoever saw the first batch's record must learn that it is gone. */
static void a_record_made_and_deleted_in_one_batch_is_told_of(void **state) {
    struct batch batch = {0};
    struct reel_error error;
    static const char *const steps[] = {"upsert", "delete", "upsert", "delete"};
    for (size_t i = 0; i < 4; i++) {
        struct text text = {0};
        format_event(&text, steps[i], "a");
        batch_add(&batch, text.data, text.len);
        free(text.data);
    }
    must_ok(reel_apply_batch(*state, batch_payloads(&batch), 4, NULL, &error), error);
    assert_changed(*state, 0, "keyed", "4 keyed/-a");
    batch_free(&batch);
}

static void a_walk_ends_when_its_caller_wants_no_more(void **state) {
    struct shown shown = {.stop_at = 2};
    upsert(*state, "a");
    upsert(*state, "b");
    struct reel_view *view = view_opened(*state);
    assert_int_equal(reel_view_changed(view, 0, show_row, &shown), 42);
    assert_string_equal(shown.text.data, "1 keyed/a, 2 audit/test.keyed.v1.upsert");
    reel_view_close(view);
    free(shown.text.data);
}

static int use_the_view(void *context, const struct reel_changed_row *changed) {
    (void)changed;
    return reel_view_changed(context, 0, use_the_view, context);
}

static void a_walk_must_not_use_its_view(void **state) {
    upsert(*state, "a");
    struct reel_view *view = view_opened(*state);
    assert_int_equal(reel_view_changed(view, 0, use_the_view, view), -EDEADLK);
    reel_view_close(view);
}

/* ---- One collection -------------------------------------------------------------------------- */

static int show_change(void *context, const struct reel_row *row) {
    const struct reel_changed_row changed = {.collection = "keyed", .row = row};
    return show_row(context, &changed);
}

static void assert_changes(struct reel *reel, uint64_t since, struct reel_str after,
                           const char *expected) {
    struct shown shown = {.only = NULL};
    struct reel_view *view = view_opened(reel);
    text_add(&shown.text, "", 0);
    const struct reel_query query = {
        .struct_size = sizeof query, .collection = "keyed", .after = after};
    must(reel_view_changes(view, &query, since, show_change, &shown, NULL) == 0);
    reel_view_close(view);
    assert_string_equal(shown.text.data, expected);
    free(shown.text.data);
}

static void the_changes_of_one_collection_go_on_from_any_of_them(void **state) {
    const struct reel_str none = {NULL, 0};
    upsert(*state, "b");
    upsert(*state, "a");
    upsert(*state, "c");
    delete (*state, "b");
    assert_changes(*state, 0, none, "2 keyed/a, 3 keyed/c, 4 keyed/-b");
    assert_changes(*state, 2, none, "3 keyed/c, 4 keyed/-b");
    assert_changes(*state, 2, reel_text(""), "2 keyed/a, 3 keyed/c, 4 keyed/-b");
    assert_changes(*state, 2, reel_text("a"), "3 keyed/c, 4 keyed/-b");
    assert_changes(*state, 4, none, "");
    assert_changes(*state, UINT64_MAX, reel_text("a"), "");
    struct reel_view *view = view_opened(*state);
    const struct reel_query absent = {.struct_size = sizeof absent, .collection = "none"};
    assert_int_equal(reel_view_changes(view, &absent, 0, show_change, NULL, NULL), -ESRCH);
    reel_view_close(view);
}

/* A follower has no state: what it must not show may be what it has shown. */
static void what_does_not_fulfil_the_conditions_is_given_without_json(void **state) {
    static const struct reel_condition twice = {.struct_size = sizeof twice,
                                                .comparison = REEL_IS_AT_LEAST,
                                                .field = "times",
                                                .value = {"2", 1}};
    static const struct reel_condition *const conditions[] = {&twice, NULL};
    struct reel_query query = {
        .struct_size = sizeof query, .collection = "keyed", .conditions = conditions};
    struct shown changes = {.only = NULL}, list = {.only = NULL};
    upsert(*state, "b");
    upsert(*state, "a");
    upsert(*state, "a");
    upsert(*state, "c");
    delete (*state, "c");
    struct reel_view *view = view_opened(*state);
    must(reel_view_changes(view, &query, 0, show_change, &changes, NULL) == 0);
    assert_string_equal(changes.text.data, "1 keyed/-b, 3 keyed/a, 5 keyed/-c");
    query.flags = REEL_QUERY_OTHERS;
    must(reel_view_query(view, &query, show_change, &list, NULL, NULL) == 0);
    assert_string_equal(list.text.data, "3 keyed/a, 1 keyed/-b");
    reel_view_close(view);
    free(changes.text.data);
    free(list.text.data);
}

static int see_nothing(void *context, const struct reel_changed_row *changed) {
    (void)changed;
    ++*(size_t *)context;
    return 0;
}

static int outlast_the_view(void *context, const struct reel_changed_row *changed) {
    struct timespec moment = {.tv_nsec = 1000000};
    nanosleep(&moment, NULL);
    return see_nothing(context, changed);
}

static void a_walk_ends_with_its_view(void **state) {
    (void)state;
    enum { CELLS = 500 };
    struct reel_options options = {.view_ms_max = 50};
    struct reel *reel = reel_opened(NULL, &options, FORMATION_SO, CELL_SO, NULL);
    size_t rows = 0;
    apply_samples(reel, 1, CELLS * 4, 1000);
    struct reel_view *view = view_opened(reel);
    assert_int_equal(reel_view_changed(view, 0, outlast_the_view, &rows), -ETIME);
    assert_true(rows < CELLS);
    assert_int_equal(reel_view_changed(view, 0, see_nothing, &rows), -ETIME);
    reel_view_close(view);
    reel_close(reel);
}

/* ---- What leaves nothing --------------------------------------------------------------------- */

static void a_rejected_event_leaves_nothing(void **state) {
    upsert(*state, "victim");
    delete (*state, "bystander");
    apply(*state, "spoil", "a", REEL_REJECTED);
    apply(*state, "misuse", "victim", REEL_REJECTED);
    assert_changed(*state, 0, "keyed", "1 keyed/victim");
    assert_int_equal(info_of(*state, "keyed").changed, 1);
    delete (*state, "victim");
    apply(*state, "spoil", "victim", REEL_REJECTED);
    assert_changed(*state, 0, "keyed", "5 keyed/-victim");
}

static void deleting_what_is_not_there_leaves_nothing(void **state) {
    delete (*state, "nobody");
    assert_changed(*state, 0, "keyed", "");
    assert_int_equal(info_of(*state, "keyed").changed, 0);
}

/* A batch that does not fit into the store is as if it never came, although records were written
 * within it already, to make room for more. */
static void an_aborted_batch_leaves_nothing(void **state) {
    (void)state;
    enum { VALUES = 800 };
    static char pad[8000];
    struct reel_options options = {.map_bytes = 2 << 20};
    struct reel *reel = reel_opened(NULL, &options, KEYED_SO, AUDIT_SO, NULL);
    struct batch batch = {0};
    struct reel_error error;
    struct copy copy = {0};
    upsert(reel, "a");
    upsert(reel, "b");
    assert_copy(&copy, reel);
    memset(pad, 'p', sizeof pad);
    for (size_t i = 0; i < VALUES; i++) {
        struct text text = {0};
        char key[16];
        snprintf(key, sizeof key, "c%zu", i);
        text_format(&text,
                    "{\"type\":\"test.keyed.v1.%s\",\"subject\":\"%s\",\"data\":{\"value\":\"",
                    i % 50 ? "upsert" : "delete", i % 3 ? "a" : key);
        text_add(&text, pad, sizeof pad);
        text_add(&text, "\"}}", 3);
        batch_add(&batch, text.data, text.len);
        free(text.data);
    }
    assert_int_equal(reel_apply_batch(reel, batch_payloads(&batch), VALUES, NULL, &error), -ENOSPC);
    assert_copy(&copy, reel);
    assert_int_equal(copy.rows, 0);
    delete (reel, "a");
    assert_copy(&copy, reel);
    assert_int_equal(copy.rows, 2);
    assert_changes_whole(reel);
    copy_free(&copy);
    batch_free(&batch);
    reel_close(reel);
}

/* ---- Collections ----------------------------------------------------------------------------- */

static void a_collection_tells_when_it_was_last_changed(void **state) {
    const char *directory = scratch_directory();
    struct reel *reel = opened(directory);
    struct reel_error error;
    (void)state;
    assert_int_equal(info_of(reel, "keyed").changed, 0);
    upsert(reel, "a");
    upsert(reel, "b");
    assert_int_equal(info_of(reel, "keyed").changed, 2);
    apply_text(reel, "{\"type\":\"test.other\"}", REEL_APPLIED);
    assert_int_equal(info_of(reel, "keyed").changed, 2);
    assert_int_equal(info_of(reel, "audit").changed, 3);
    delete (reel, "a");
    assert_int_equal(info_of(reel, "keyed").changed, 4);
    reel_close(reel);
    reel = opened(directory);
    assert_int_equal(info_of(reel, "keyed").changed, 4);
    must_ok(reel_rebuild(reel, "keyed", &error), error);
    assert_int_equal(info_of(reel, "keyed").changed, 4);
    must_ok(reel_trim(reel, 5, &error), error);
    must_ok(reel_rebuild(reel, "keyed", &error), error); /* of nothing */
    assert_int_equal(info_of(reel, "keyed").changed, 0);
    assert_changed(reel, 0, "keyed", "");
    reel_close(reel);
}

/* Its records are those of an earlier time: shown beside the others they would be a lie. */
static void a_collection_that_is_behind_is_left_out(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel_options options = {.flags = REEL_START_BEHIND};
    struct reel_error error;
    struct reel *reel = opened(directory);
    upsert(reel, "a");
    reel_close(reel);
    reel = reel_opened(directory, NULL, AUDIT_SO, NULL);
    upsert(reel, "b");
    reel_close(reel);
    reel = reel_opened(directory, &options, KEYED_SO, AUDIT_SO, NULL);
    assert_changed(reel, 0, NULL, "2 audit/test.keyed.v1.upsert");
    must_ok(reel_catch_up(reel, &error), error);
    assert_changed(reel, 0, NULL, "1 keyed/a, 2 audit/test.keyed.v1.upsert, 2 keyed/b");
    reel_close(reel);
}

/* ---- Trimming -------------------------------------------------------------------------------- */

static void assert_floors(struct reel *reel, uint64_t first_seq, uint64_t first_deletion) {
    struct reel_position position = position_of(reel);
    assert_int_equal(position.first_seq, first_seq);
    assert_int_equal(position.first_deletion, first_deletion);
}

static void tombstones_go_with_the_log(void **state) {
    struct reel_error error;
    upsert(*state, "a");
    upsert(*state, "b");
    upsert(*state, "c");
    delete (*state, "a");
    delete (*state, "b");
    must_ok(reel_trim(*state, 4, &error), error);
    assert_changed(*state, 0, "keyed", "3 keyed/c, 4 keyed/-a, 5 keyed/-b");
    assert_floors(*state, 4, 1);
    must_ok(reel_trim(*state, 5, &error), error);
    assert_changed(*state, 0, "keyed", "3 keyed/c, 5 keyed/-b");
    assert_floors(*state, 5, 5);
    must_ok(reel_trim(*state, 6, &error), error);
    assert_changed(*state, 0, "keyed", "3 keyed/c");
    assert_floors(*state, 6, 6);
    upsert(*state, "a");
    assert_changed(*state, 0, "keyed", "3 keyed/c, 6 keyed/a");
    upsert(*state, "b");
    upsert(*state, "b");
    must_ok(reel_trim(*state, 8, &error), error);
    assert_floors(*state, 8, 6); /* no tombstone went */
}

static void both_floors_survive_a_restart_and_a_rebuild_forgets_deletions(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct reel_error error;
    struct reel *reel = opened(directory);
    upsert(reel, "a");
    delete (reel, "a");
    for (int i = 0; i < 4; i++) upsert(reel, "b");
    must_ok(reel_trim(reel, 5, &error), error);
    assert_floors(reel, 5, 3);
    reel_close(reel);
    reel = opened(directory);
    assert_floors(reel, 5, 3);
    must_ok(reel_rebuild(reel, "keyed", &error), error);
    assert_floors(reel, 5, 5);
    reel_close(reel);
    reel = opened(directory);
    assert_floors(reel, 5, 5);
    reel_close(reel);
}

/* More deletions than one step of a trim removes, in the one block of the log that it does. */
static void tombstones_beyond_one_step_all_go(void **state) {
    (void)state;
    enum { RECORDS = 50 };
    const char *directory = scratch_directory();
    struct reel_options options = {.batch_events_max = 8};
    struct reel_error error;
    struct batch batch = {0};
    char key[16];
    for (int i = 0; i < RECORDS * 2; i++) {
        struct text text = {0};
        snprintf(key, sizeof key, "%d", i % RECORDS);
        format_event(&text, i < RECORDS ? "upsert" : "delete", key);
        batch_add(&batch, text.data, text.len);
        free(text.data);
    }
    struct reel *reel = opened(directory);
    must_ok(reel_apply_batch(reel, batch_payloads(&batch), batch.count, NULL, &error), error);
    reel_close(reel);
    reel = reel_opened(directory, &options, KEYED_SO, AUDIT_SO, NULL);
    must_ok(reel_trim(reel, RECORDS * 2 + 1, &error), error);
    assert_changed(reel, 0, "keyed", "");
    reel_close(reel);
    batch_free(&batch);
}

/* ---- Copies ---------------------------------------------------------------------------------- */

enum { KEYS = 40, COPIES = 3, LONGEST = 3000 };

/* One of few keys, so that records come and go; every third needs more than one of LMDB's. */
static void random_key(uint64_t *random, char key[LONGEST + 16]) {
    int number = (int)(random_next(random) % KEYS);
    int pad = number % 3 ? 0 : (number * 521 + 490) % LONGEST;
    snprintf(key, LONGEST + 16, "%0*d-%d", pad, 0, number);
}

static void add_random_event(struct batch *batch, uint64_t *random) {
    static const char *const whats[] = {"upsert", "upsert", "upsert", "delete",
                                        "delete", "spoil",  "misuse", "unheard"};
    struct text text = {0};
    char key[LONGEST + 16];
    random_key(random, key);
    if (random_next(random) % 64 == 0)
        text_format(&text, "no JSON");
    else
        format_event(&text, whats[random_next(random) % 8], key);
    batch_add(batch, text.data, text.len);
    free(text.data);
}

/* A batch of random size, or the same appended first and then folded. */
static void apply_random(struct reel *reel, size_t size, uint64_t *random) {
    struct batch batch = {0};
    struct reel_error error;
    for (size_t count = random_next(random) % size + 1; count > 0; count--)
        add_random_event(&batch, random);
    if (random_next(random) % 4) {
        must_ok(reel_apply_batch(reel, batch_payloads(&batch), batch.count, NULL, &error), error);
    } else {
        must_ok(reel_append(reel, batch_payloads(&batch), batch.count, NULL, &error), error);
        must_ok(reel_catch_up(reel, &error), error);
    }
    batch_free(&batch);
}

/* What may happen to a store between two batches. */
static struct reel *disturb(struct reel *reel, const char *directory, struct copy *copies,
                            bool trims, uint64_t *random) {
    struct reel_error error;
    switch (random_next(random) % 12) {
    case 0:
        reel_close(reel);
        return opened(directory);
    case 1:
        if (!trims) must_ok(reel_rebuild(reel, "keyed", &error), error);
        break;
    case 2:
        if (!trims) must_ok(reel_rebuild(reel, "audit", &error), error);
        break;
    case 3:
        if (!trims) break;
        uint64_t floor = random_next(random) % (position_of(reel).head + 1) + 1;
        must_ok(reel_trim(reel, floor, &error), error);
        for (size_t i = 0; i < COPIES; i++) /* one that stands below it might miss a deletion */
            if (copies[i].since + 1 < position_of(reel).first_deletion) copy_free(&copies[i]);
        break;
    default:
        break;
    }
    return reel;
}

static void copies_follow(size_t size, bool trims, uint64_t seed) {
    const char *directory = scratch_directory();
    struct reel *reel = opened(directory);
    struct copy copies[COPIES] = {{0}};
    for (size_t step = 0; step < scaled(400); step++) {
        test_context("batches of %zu, seed %" PRIu64 ", step %zu", size, seed, step);
        apply_random(reel, size, &seed);
        reel = disturb(reel, directory, copies, trims, &seed);
        struct copy *copy = &copies[random_next(&seed) % COPIES];
        assert_copy(copy, reel);
        if (random_next(&seed) % 16 == 0) copy_free(copy); /* it begins anew */
        if (step % 16 == 0) assert_changes_whole(reel);
    }
    for (size_t i = 0; i < COPIES; i++) {
        assert_copy(&copies[i], reel);
        copy_free(&copies[i]);
    }
    assert_changes_whole(reel);
    reel_close(reel);
    test_context("%s", "");
}

static void a_copy_that_follows_is_the_state(void **state) {
    static const size_t sizes[] = {1, 7, 100, 1000};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        copies_follow(sizes[i], false, 11 + i);
        copies_follow(sizes[i], true, 22 + i);
    }
}

/* Deletions included: what is shown follows from the events, not from how they came. */
static void the_same_events_show_the_same_changes_in_any_batches(void **state) {
    (void)state;
    enum { EVENTS = 3000 };
    static const size_t sizes[] = {1, 13, EVENTS};
    struct batch batch = {0};
    struct reel_error error;
    uint64_t random = 5;
    char *expected = NULL;
    while (batch.count < EVENTS) add_random_event(&batch, &random);
    const struct reel_str *payloads = batch_payloads(&batch);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct reel *reel = opened(NULL);
        for (size_t at = 0, count; at < EVENTS; at += count) {
            count = EVENTS - at < sizes[i] ? EVENTS - at : sizes[i];
            must_ok(reel_apply_batch(reel, payloads + at, count, NULL, &error), error);
        }
        char *found = shown_text(reel, 0, NULL);
        if (expected) assert_true(strcmp(found, expected) == 0);
        must_ok(reel_rebuild(reel, "keyed", &error), error);
        char *rebuilt = shown_text(reel, 0, NULL);
        assert_true(strcmp(rebuilt, found) == 0);
        free(rebuilt);
        free(expected);
        expected = found;
        reel_close(reel);
    }
    free(expected);
    batch_free(&batch);
}

/* ---- Kills ----------------------------------------------------------------------------------- */

/* A writer that is killed at any moment leaves an index that fits the records. */
static void a_killed_writer_leaves_a_whole_index(void **state) {
    (void)state;
    const char *directory = scratch_directory();
    struct copy copy = {0};
    uint64_t random = 3;
    for (size_t round = 0; round < scaled(100); round++) {
        struct child child;
        uint64_t seed = random_next(&random), acks = seed % 16, ack;
        if (child_begin(&child)) {
            struct reel *reel = opened(directory);
            for (;; child_say(&child, &seed, sizeof seed)) apply_random(reel, 200, &seed);
        }
        while (acks-- > 0 && child_hear(&child, &ack, sizeof ack)) continue;
        kill(child.pid, SIGKILL);
        while (child_hear(&child, &ack, sizeof ack)) continue;
        must(WIFSIGNALED(child_wait(&child)));
        struct reel *reel = opened(directory);
        assert_copy(&copy, reel);
        assert_changes_whole(reel);
        reel_close(reel);
    }
    copy_free(&copy);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(changes_come_by_seq_then_collection_then_key),
        CASE(a_record_shows_its_json_and_a_deleted_one_none),
        CASE(a_record_made_again_is_no_longer_deleted),
        CASE(a_record_made_and_deleted_in_one_batch_is_told_of),
        CASE(the_changes_of_one_collection_go_on_from_any_of_them),
        CASE(what_does_not_fulfil_the_conditions_is_given_without_json),
        CASE(a_walk_ends_when_its_caller_wants_no_more),
        CASE(a_walk_must_not_use_its_view),
        cmocka_unit_test(a_walk_ends_with_its_view),
        CASE(a_rejected_event_leaves_nothing),
        CASE(deleting_what_is_not_there_leaves_nothing),
        cmocka_unit_test(an_aborted_batch_leaves_nothing),
        cmocka_unit_test(a_collection_tells_when_it_was_last_changed),
        cmocka_unit_test(a_collection_that_is_behind_is_left_out),
        CASE(tombstones_go_with_the_log),
        cmocka_unit_test(both_floors_survive_a_restart_and_a_rebuild_forgets_deletions),
        cmocka_unit_test(tombstones_beyond_one_step_all_go),
        cmocka_unit_test(a_copy_that_follows_is_the_state),
        cmocka_unit_test(the_same_events_show_the_same_changes_in_any_batches),
        cmocka_unit_test(a_killed_writer_leaves_a_whole_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
