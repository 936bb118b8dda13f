/* derived_model_test.c: after every commit of a random run, derived collections are what a slow
 * recomputation from the beginning makes of the same events.
 *
 * A run has rejections by the source and by `strict`, deletions, batches, rebuilds of either side,
 * restarts, kills (the directory is copied while it is open, and the copy goes on), restarts
 * without some of the plugins, and from some point on a log that is trimmed, after which `totals`
 * and `sizes` are made from records.
 */
#include "unit.h"

#include "base/text.h"
#include "derived_support.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 12, GROUPS = 5, VALUES = 16, OPS_MAX = 5, EVENTS_MAX = 600, BATCH_MAX = 6 };

/* ---- The model ------------------------------------------------------------------------------- */

struct item {
    bool exists;
    int group, value;
};

struct op {
    int key;
    struct item item;
};

struct happened {
    struct op ops[OPS_MAX];
    int count;
    bool bad;
};

struct model {
    struct happened events[EVENTS_MAX];
    size_t count;
    /* The result of the recomputation. */
    struct item items[KEYS];
    int strict[GROUPS];
    bool has_strict[GROUPS];
    reel_outcome outcome; /* of the last event */
};

static bool same_item(const struct item *a, const struct item *b) {
    return a->exists == b->exists && (!a->exists || (a->group == b->group && a->value == b->value));
}

static void add_strict(struct model *model, const struct item *item, int sign) {
    if (!item->exists) return;
    model->strict[item->group] += sign * item->value;
    model->has_strict[item->group] = true;
}

/* Returns false if it rejects. */
static bool fold_strict(struct model *model, const struct item *before) {
    for (int key = 0; key < KEYS; key++) {
        if (same_item(&before[key], &model->items[key])) continue;
        add_strict(model, &before[key], -1);
        add_strict(model, &model->items[key], 1);
        if (model->items[key].exists && model->items[key].value == 13) return false;
    }
    return true;
}

static reel_outcome fold(struct model *model, const struct happened *event) {
    struct item before[KEYS];
    struct model kept = *model;
    memcpy(before, model->items, sizeof before);
    if (event->bad) return REEL_REJECTED;
    for (int i = 0; i < event->count; i++) model->items[event->ops[i].key] = event->ops[i].item;
    if (fold_strict(model, before)) return REEL_APPLIED;
    memcpy(model->strict, kept.strict, sizeof model->strict);
    memcpy(model->has_strict, kept.has_strict, sizeof model->has_strict);
    return REEL_REJECTED;
}

static void recompute(struct model *model) {
    memset(model->items, 0, sizeof model->items);
    memset(model->strict, 0, sizeof model->strict);
    memset(model->has_strict, 0, sizeof model->has_strict);
    for (size_t i = 0; i < model->count; i++) model->outcome = fold(model, &model->events[i]);
}

REEL_PRINTF(2, 3)
static void line(struct text *text, const char *format, ...) {
    char one[128];
    va_list args;
    va_start(args, format);
    vsnprintf(one, sizeof one, format, args);
    va_end(args);
    text_append_str(text, reel_text(one));
}

/* All collections, in the order of names and keys. */
static void write_model(const struct model *model, bool has_strict, struct text *ret) {
    int sizes[KEYS + 1] = {0}, counts[GROUPS] = {0}, sums[GROUPS] = {0};
    ret->len = 0;
    for (int key = 0; key < KEYS; key++) {
        const struct item *item = &model->items[key];
        if (!item->exists) continue;
        line(ret, "items k%02d {\"group\":\"g%d\",\"value\":%d}\n", key, item->group, item->value);
        counts[item->group]++;
        sums[item->group] += item->value;
    }
    for (int group = 0; group < GROUPS; group++) sizes[counts[group]]++;
    const char *order[] = {"1", "10", "11", "12", "2", "3", "4", "5", "6", "7", "8", "9"};
    for (size_t i = 0; i < LENGTH(order); i++)
        if (sizes[atoi(order[i])])
            line(ret, "sizes %s {\"groups\":%d}\n", order[i], sizes[atoi(order[i])]);
    for (int group = 0; has_strict && group < GROUPS; group++)
        if (model->has_strict[group])
            line(ret, "strict g%d {\"count\":null,\"sum\":%d}\n", group, model->strict[group]);
    for (int group = 0; group < GROUPS; group++)
        if (counts[group])
            line(ret, "totals g%d {\"count\":%d,\"sum\":%d}\n", group, counts[group], sums[group]);
}

/* ---- The run --------------------------------------------------------------------------------- */

static const struct reel_plugin *const all[] = {&derived_sizes, &derived_items, &derived_strict,
                                                &derived_totals, NULL};
static const struct reel_plugin *const no_strict[] = {&derived_totals, &derived_items,
                                                      &derived_sizes, NULL};
static const struct reel_plugin *const items_only[] = {&derived_items, NULL};

struct run {
    uint64_t random;
    const char *directory;
    struct reel *reel;
    struct model model;
    bool trimmed;
    bool has_strict; /* it is loaded, and was at all times since the log was trimmed */
};

static void open_run(struct run *run) {
    run->reel = derived_opened(run->directory, run->has_strict ? all : no_strict);
}

struct dumping {
    const char *collection;
    struct text *to;
};

static int dump_row(void *context, const struct reel_row *row) {
    const struct dumping *dumping = context;
    text_append_str(dumping->to, reel_text(dumping->collection));
    text_append_lit(dumping->to, " ");
    text_append_str(dumping->to, row->key);
    text_append_lit(dumping->to, " ");
    text_append_str(dumping->to, row->json);
    text_append_lit(dumping->to, "\n");
    return 0;
}

static void assert_as_recomputed(struct run *run) {
    static struct text found, expected;
    struct dumping dumping = {.to = &found};
    struct reel_view *view = view_opened(run->reel);
    found.len = 0;
    for (size_t n = 0; (dumping.collection = reel_collection_name(run->reel, n)); n++) {
        must(reel_view_list(view, dumping.collection, (struct reel_str){0}, false, dump_row,
                            &dumping) == 0);
        assert_int_equal(info_of(run->reel, dumping.collection).cursor, reel_cursor(run->reel));
    }
    reel_view_close(view);
    recompute(&run->model);
    write_model(&run->model, run->has_strict, &expected);
    if (!reel_str_eq(text_str(&found), text_str(&expected)))
        fail_msg("after %zu events, found:\n%.*s\nexpected:\n%.*s", run->model.count,
                 REEL_FMT(text_str(&found)), REEL_FMT(text_str(&expected)));
}

static void make_event(struct run *run, struct happened *event, struct text *ret) {
    *event = (struct happened){.count = 1 + (int)random_below(&run->random, OPS_MAX),
                               .bad = random_below(&run->random, 12) == 0};
    text_append_lit(ret, "{\"type\":\"item.ops\",\"data\":{\"ops\":[");
    for (int i = 0; i < event->count; i++) {
        struct op *op = &event->ops[i];
        *op = (struct op){.key = (int)random_below(&run->random, KEYS)};
        op->item = (struct item){random_below(&run->random, 3) > 0,
                                 (int)random_below(&run->random, GROUPS),
                                 (int)random_below(&run->random, VALUES)};
        line(ret, "%s[\"k%02d\"", i ? "," : "", op->key);
        if (op->item.exists) line(ret, ",\"g%d\",%d", op->item.group, op->item.value);
        text_append_lit(ret, "]");
    }
    text_append_lit(ret, event->bad ? "],\"bad\":1}}" : "]}}");
}

static void apply_some(struct run *run) {
    struct text texts[BATCH_MAX] = {{0}};
    struct reel_str payloads[BATCH_MAX];
    struct reel_result results[BATCH_MAX];
    struct reel_error error;
    size_t count = 1 + random_below(&run->random, BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        make_event(run, &run->model.events[run->model.count++], &texts[i]);
        payloads[i] = text_str(&texts[i]);
    }
    must_ok(reel_apply_batch(run->reel, payloads, count, results, &error), error);
    assert_as_recomputed(run);
    if (run->has_strict) assert_int_equal(results[count - 1].outcome, run->model.outcome);
    for (size_t i = 0; i < count; i++) text_finish(&texts[i]);
}

static void rebuild(struct run *run) {
    static const char *const names[] = {"items", "strict", "totals", "sizes"};
    struct reel_error error;
    size_t from = run->trimmed ? 2 : run->has_strict ? 0 : 2;
    const char *name = names[from + random_below(&run->random, LENGTH(names) - from)];
    must_ok(reel_rebuild(run->reel, name, &error), error);
}

static void restart(struct run *run) {
    reel_close(run->reel);
    open_run(run);
}

/* What a kill leaves: the files as they are while the process runs. */
static void kill_and_restart(struct run *run) {
    const char *copy = copy_of_directory(run->directory);
    reel_close(run->reel);
    run->directory = copy;
    open_run(run);
}

/* For some events, some plugins are not loaded. */
static void miss_some(struct run *run) {
    bool had_strict = run->has_strict;
    reel_close(run->reel);
    if (run->trimmed) had_strict = false; /* it needs the events from the beginning */
    run->reel = derived_opened(run->directory, items_only);
    for (size_t n = random_below(&run->random, 3); n > 0; n--) {
        static struct text event;
        struct reel_error error;
        event.len = 0;
        make_event(run, &run->model.events[run->model.count++], &event);
        must_ok(reel_apply(run->reel, text_str(&event), NULL, &error), error);
    }
    reel_close(run->reel);
    run->has_strict = had_strict;
    open_run(run);
}

static void trim(struct run *run) {
    struct reel_error error;
    uint64_t cursor = reel_cursor(run->reel);
    must_ok(reel_trim(run->reel, 1 + random_below(&run->random, (size_t)cursor + 1), &error),
            error);
    run->trimmed = position_of(run->reel).first_seq > 1;
}

static void step(struct run *run, size_t n, size_t steps) {
    switch (random_below(&run->random, 16)) {
    case 0:
    case 1:
        rebuild(run);
        break;
    case 2:
        restart(run);
        break;
    case 3:
        kill_and_restart(run);
        break;
    case 4:
        miss_some(run);
        break;
    case 5:
        if (n > steps / 2) trim(run);
        break;
    default:
        apply_some(run);
    }
    assert_as_recomputed(run);
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void derived_collections_are_as_recomputed(void **state) {
    (void)state;
    enum { STEPS = 80 };
    size_t runs = scaled(100);
    for (uint64_t seed = 1; seed <= runs; seed++) {
        static struct run run;
        run = (struct run){.random = seed, .directory = scratch_directory(), .has_strict = true};
        test_context("run %" PRIu64, seed);
        open_run(&run);
        for (size_t n = 0; n < STEPS && run.model.count + 2 * BATCH_MAX < EVENTS_MAX; n++)
            step(&run, n, STEPS);
        reel_close(run.reel);
    }
}

UNIT_TESTS(derived_model_test) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derived_collections_are_as_recomputed),
    };
    return cmocka_run_group_tests_name("derived_model_test", tests, NULL, NULL);
}
