/* view_changes_test.c: the order of changes, held against a model while checkpoints rewrite tables
 * and views of several ages are open. */
#include "unit.h"

#include "base/text.h"
#include "derived_support.h"
#include "engine/store/sides.h"
#include "engine/transaction.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 2000, ROUNDS = 24, VIEWS = 4, EVENTS_MAX = 30, OPS_MAX = 40, WALKS = 20 };

/* What has become of each key: the seq of its last change, or 0. */
struct model {
    uint64_t seqs[KEYS];
    bool exists[KEYS];
};

/* An open view, and the model at its cursor. */
struct seen {
    struct reel_view *view;
    struct model model;
};

struct fixture {
    struct reel *reel;
    struct model model;
    struct seen seen[VIEWS];
    uint64_t random, head;
    bool side; /* of the order of changes, in the newest view; and how often it has changed */
    size_t rewritten;
};

static size_t below(struct fixture *fixture, size_t bound) {
    return random_below(&fixture->random, bound);
}

/* ---- Changes --------------------------------------------------------------------------------- */

/* An event changes neighbours: some are set, some are deleted. */
static void apply_one(struct fixture *fixture) {
    struct text ops = {0};
    unsigned from = (unsigned)below(fixture, KEYS), count = 1 + (unsigned)below(fixture, OPS_MAX);
    bool any = false;
    fixture->head++;
    text_append_lit(&ops, "[");
    for (unsigned key = from; key < KEYS && key < from + count; key++) {
        char op[64];
        bool exists = below(fixture, 4) > 0;
        if (!exists && !fixture->model.exists[key]) continue;
        snprintf(op, sizeof op, exists ? "%s['k%05u','g',%" PRIu64 "]" : "%s['k%05u']",
                 any ? "," : "", key, fixture->head);
        text_append_str(&ops, reel_text(op));
        fixture->model.seqs[key] = fixture->head;
        fixture->model.exists[key] = exists;
        any = true;
    }
    text_append(&ops, "]", 2); /* with its NUL */
    must(!ops.failed);
    derived_ops(fixture->reel, ops.data, REEL_APPLIED);
    text_finish(&ops);
}

/* Counts when the table with the order of changes is another one than in the last view. */
static void note_side(struct fixture *fixture, struct reel_view *view) {
    const struct registry *registry = &fixture->reel->dispatcher.registry;
    const struct collection *items = registry_find(registry, STR("items"));
    bool side = sides_has(&view->at.sides, collection_tables(items)->index);
    fixture->rewritten += side != fixture->side;
    fixture->side = side;
}

/* Some checkpoints go on while the next views are opened. */
static void checkpoint(struct fixture *fixture) {
    struct reel_error error;
    HOLD_LOCK(&fixture->reel->writer);
    struct store *store = &fixture->reel->dispatcher.store;
    if (below(fixture, 2) == 0)
        checkpoint_ask(store);
    else
        must_ok(checkpoint_all(store, &error), error);
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static const struct model *sorted_by; /* for compare */

static int compare(const void *a, const void *b) {
    unsigned left = *(const unsigned *)a, right = *(const unsigned *)b;
    uint64_t x = sorted_by->seqs[left], y = sorted_by->seqs[right];
    if (x != y) return x < y ? -1 : 1;
    return left < right ? -1 : left > right;
}

/* All keys that were ever changed, in the order of their changes. */
struct expected {
    const struct model *model;
    unsigned keys[KEYS];
    size_t count, at;
};

static void expect_all(const struct model *model, struct expected *ret) {
    ret->model = sorted_by = model;
    ret->count = ret->at = 0;
    for (unsigned key = 0; key < KEYS; key++)
        if (model->seqs[key]) ret->keys[ret->count++] = key;
    qsort(ret->keys, ret->count, sizeof *ret->keys, compare);
}

static int check_row(void *context, const struct reel_row *row) {
    struct expected *expected = context;
    char name[16], value[48];
    must(expected->at < expected->count);
    unsigned key = expected->keys[expected->at++];
    snprintf(name, sizeof name, "k%05u", key);
    assert_true(reel_str_is(row->key, name));
    assert_int_equal(row->changed, expected->model->seqs[key]);
    assert_int_equal(row->json.data != NULL, expected->model->exists[key]);
    snprintf(value, sizeof value, "\"value\":%" PRIu64, row->changed);
    if (row->json.data) must(memmem(row->json.data, row->json.len, value, strlen(value)));
    return 0;
}

static int walk(const struct seen *seen, uint64_t since, const char *after,
                struct expected *expected) {
    const struct reel_query query = {
        .struct_size = sizeof query, .collection = "items", .after = reel_text(after)};
    return reel_view_changes(seen->view, &query, since, check_row, expected, NULL);
}

/* From the beginning; then from any change on, which need not be the last one of its event. */
static void assert_changes(struct fixture *fixture, const struct seen *seen) {
    struct expected expected;
    char after[16];
    expect_all(&seen->model, &expected);
    must(walk(seen, 0, NULL, &expected) == 0);
    assert_int_equal(expected.at, expected.count);
    for (size_t i = 0; i < WALKS && expected.count > 0; i++) {
        size_t at = below(fixture, expected.count);
        snprintf(after, sizeof after, "k%05u", expected.keys[at]);
        expected.at = at + 1;
        must(walk(seen, seen->model.seqs[expected.keys[at]], after, &expected) == 0);
        assert_int_equal(expected.at, expected.count);
    }
}

/* ---- The test -------------------------------------------------------------------------------- */

static void close_view(struct fixture *fixture, size_t n) {
    struct seen *seen = &fixture->seen[n];
    if (!seen->view) return;
    assert_changes(fixture, seen);
    reel_view_close(seen->view);
    seen->view = NULL;
}

static void play_round(struct fixture *fixture, size_t round) {
    size_t n = round % VIEWS;
    for (size_t events = 1 + below(fixture, EVENTS_MAX); events > 0; events--) apply_one(fixture);
    close_view(fixture, n);
    if (below(fixture, 2) == 0) checkpoint(fixture);
    fixture->seen[n].view = view_opened(fixture->reel);
    fixture->seen[n].model = fixture->model;
    note_side(fixture, fixture->seen[n].view);
    assert_changes(fixture, &fixture->seen[n]);
    checkpoint(fixture);
    for (size_t i = 0; i < VIEWS; i++)
        if (fixture->seen[i].view) assert_changes(fixture, &fixture->seen[i]);
}

static void changes_are_those_of_a_model_while_tables_are_rewritten(void **state) {
    (void)state;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    must(fixture);
    fixture->random = 11;
    fixture->reel = derived_opened(scratch_directory(), DERIVED_PLUGINS(&derived_items));
    fixture->reel->dispatcher.store.rewrite_leaves_min = 1;
    fixture->reel->dispatcher.store.rewrite_slice_bytes = 4 << 10;
    for (size_t round = 0; round < ROUNDS; round++) play_round(fixture, round);
    for (size_t n = 0; n < VIEWS; n++) close_view(fixture, n);
    assert_true(fixture->rewritten > 2);
    reel_close(fixture->reel);
    free(fixture);
}

UNIT_TESTS(view_changes_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_those_of_a_model_while_tables_are_rewritten),
    };
    return cmocka_run_group_tests_name("view_changes_test", tests, NULL, NULL);
}
