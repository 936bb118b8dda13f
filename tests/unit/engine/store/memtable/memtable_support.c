/* memtable_support.c: see memtable_support.h. */
#include "memtable_support.h"

#include <stdlib.h>

/* ---- A tree from within ---------------------------------------------------------------------- */

/* What all keys of a node must be within. */
struct bounds {
    struct reel_str from, below;
    bool has_from, has_below;
};

static bool is_within(const struct bounds *bounds, struct reel_str key) {
    return (!bounds->has_from || str_compare(bounds->from, key) <= 0) &&
           (!bounds->has_below || str_compare(key, bounds->below) < 0);
}

static void check_keys(struct node *node, const struct bounds *bounds) {
    struct item **keys = node_keys(node);
    bool found;
    for (size_t i = 0; i < node->count; i++) {
        struct reel_str key = item_key(keys[i]);
        must(is_within(bounds, key));
        must(i == 0 || str_compare(item_key(keys[i - 1]), key) < 0);
        must(key.len >= node->shared);
        must(memcmp(key.data, keys[0]->bytes, node->shared) == 0);
        must(memcmp(key.data, node->common, node->shared < 16 ? node->shared : 16) == 0);
        must(node_find(node, key, &found) == i && found);
        must(keys[i]->part.born <= node->part.born);
    }
}

static uint64_t check_node(struct node *node, const struct bounds *bounds) {
    uint64_t count = 0;
    check_keys(node, bounds);
    if (node->height == 0) return node->count;
    for (size_t i = 0; i <= node->count; i++) {
        struct node *child = node->inner.children[i];
        struct bounds within = *bounds;
        if (i > 0) within.from = item_key(node->inner.keys[i - 1]);
        if (i < node->count) within.below = item_key(node->inner.keys[i]);
        within.has_from = within.has_from || i > 0;
        within.has_below = within.has_below || i < node->count;
        must(child->height + 1 == node->height);
        must(child->part.born <= node->part.born);
        must(child->height > 0 || child->count > 0);
        count += check_node(child, &within);
    }
    return count;
}

void assert_sound(const struct tree *tree) {
    const struct bounds all = {0};
    must((tree->root ? check_node(tree->root, &all) : 0) == tree->count);
}

static void free_node(struct node *node) {
    for (size_t i = 0; i < node->count; i++) free(node_keys(node)[i]);
    for (size_t i = 0; node->height > 0 && i <= node->count; i++)
        free_node(node->inner.children[i]);
    free(node);
}

void free_tree(struct tree *tree) {
    if (tree->root) free_node(tree->root);
    *tree = (struct tree){0};
}

/* ---- What is held ---------------------------------------------------------------------------- */

/* Parts that are reached, each with whether the current version reaches it. */
struct reached {
    const struct part **parts;
    size_t count, size;
};

static void add_part(struct reached *reached, const struct part *part) {
    if (reached->count == reached->size) {
        reached->size = reached->size ? 2 * reached->size : 1024;
        reached->parts = realloc(reached->parts, reached->size * sizeof *reached->parts);
        must(reached->parts);
    }
    reached->parts[reached->count++] = part;
}

static void add_node(struct reached *reached, struct node *node) {
    add_part(reached, &node->part);
    for (size_t i = 0; i < node->count; i++) add_part(reached, &node_keys(node)[i]->part);
    for (size_t i = 0; node->height > 0 && i <= node->count; i++)
        add_node(reached, node->inner.children[i]);
}

static void add_version(struct reached *reached, const struct version *version) {
    for (size_t layer = 0; layer < version->layer_count; layer++)
        for (size_t i = 0; i < version->layers[layer].tree_count; i++)
            if (version->layers[layer].trees[i].root)
                add_node(reached, version->layers[layer].trees[i].root);
}

static int compare_parts(const void *a, const void *b) {
    const struct part *left = *(const struct part *const *)a,
                      *right = *(const struct part *const *)b;
    return left < right ? -1 : left > right;
}

/* Each once: their bytes. */
static size_t sum(struct reached *reached) {
    size_t bytes = 0;
    if (reached->count > 0)
        qsort(reached->parts, reached->count, sizeof *reached->parts, compare_parts);
    for (size_t i = 0; i < reached->count; i++)
        if (i == 0 || reached->parts[i] != reached->parts[i - 1]) bytes += reached->parts[i]->bytes;
    return bytes;
}

void assert_held_exactly(const struct versions *versions) {
    struct reached current = {0}, all = {0};
    add_version(&current, versions->current);
    for (const struct version *version = versions->oldest; version; version = version->newer)
        if (version == versions->current || atomic_load(&version->holders) > 0)
            add_version(&all, version);
    size_t current_bytes = sum(&current);
    must(current_bytes == memtable_bytes(versions) + versions->frozen_bytes);
    must(versions->held_bytes == sum(&all) - current_bytes);
    free(current.parts);
    free(all.parts);
}

/* ---- Keys and values ------------------------------------------------------------------------- */

enum { VALUE_MAX = 1200, KEY_MAX = 40 };

static int compare_keys(const void *a, const void *b) {
    return str_compare(*(const struct reel_str *)a, *(const struct reel_str *)b);
}

/* Close to each other: with long common beginnings, zeros, one a beginning of another. */
static struct reel_str make_key(uint64_t *random) {
    static const char *const beginnings[] = {"", "cell-0000", "cell-0001-of-one-formation-", "x"};
    char space[KEY_MAX];
    const char *beginning = beginnings[random_below(random, LENGTH(beginnings))];
    size_t len = strlen(beginning);
    memcpy(space, beginning, len);
    for (size_t more = random_below(random, 9); more > 0; more--)
        space[len++] = "\0\1ab\377"[random_below(random, 5)];
    return (struct reel_str){exact_copy((struct reel_str){space, len}), len};
}

static void make_keys(struct model *model) {
    size_t count = 0;
    while (count < MODEL_KEYS) {
        struct reel_str key = make_key(&model->random);
        bool is_new = true;
        for (size_t i = 0; i < count && is_new; i++) is_new = !reel_str_eq(model->keys[i], key);
        if (is_new)
            model->keys[count++] = key;
        else
            free((void *)key.data);
    }
    qsort(model->keys, MODEL_KEYS, sizeof *model->keys, compare_keys);
}

static size_t find_key(const struct model *model, struct reel_str key) {
    const struct reel_str *found =
        bsearch(&key, model->keys, MODEL_KEYS, sizeof *model->keys, compare_keys);
    must(found);
    return (size_t)(found - model->keys);
}

static struct reel_str make_value(size_t key, uint32_t write, char space[VALUE_MAX]) {
    uint64_t random = ((uint64_t)write << 16) + key + 1;
    size_t len = random_below(&random, write % 16 ? 60 : VALUE_MAX);
    for (size_t i = 0; i < len; i++) space[i] = (char)(write + key + i);
    if (len >= sizeof write) memcpy(space, &write, sizeof write);
    return (struct reel_str){space, len};
}

static void assert_value(struct reel_str value, size_t key, uint32_t write) {
    char space[VALUE_MAX];
    struct reel_str expected = make_value(key, write, space);
    must(value.len == expected.len && memcmp(value.data, expected.data, value.len) == 0);
}

/* ---- States ---------------------------------------------------------------------------------- */

static struct model_state *state_copy(const struct model_state *from) {
    struct model_state *state = calloc(1, sizeof *state);
    must(state);
    state->cursor = from->cursor;
    memcpy(state->writes, from->writes, sizeof state->writes);
    atomic_store(&state->holders, 1);
    return state;
}

static struct model_state *state_hold(struct model_state *state) {
    atomic_fetch_add(&state->holders, 1);
    return state;
}

static void state_drop(struct model_state *state) {
    if (state && atomic_fetch_sub(&state->holders, 1) == 1) free(state);
}

void model_init(struct model *model, uint64_t seed) {
    static const struct model_state nothing;
    *model = (struct model){.random = seed * 2 + 1};
    make_keys(model);
    must(versions_init(&model->versions, MODEL_TREES, 0) == 0);
    model->now = state_copy(&nothing);
    model->lower = state_hold(model->now);
    pthread_mutex_init(&model->lock, NULL);
}

void model_finish(struct model *model) {
    versions_finish(&model->versions);
    for (size_t i = 0; i < LAYERS_MAX; i++) state_drop(model->frozen[i]);
    state_drop(model->now);
    state_drop(model->lower);
    for (size_t i = 0; i < MODEL_KEYS; i++) free((void *)model->keys[i].data);
    pthread_mutex_destroy(&model->lock);
}

/* ---- The writer's steps ---------------------------------------------------------------------- */

/* An erased key leaves nothing that could hide it below. */
static bool may_erase(const struct model *model, size_t tree, size_t key) {
    const struct model_state *below = model->frozen[0] ? model->frozen[0] : model->lower;
    return tree == MODEL_ERASABLE && below->writes[tree][key] == 0;
}

static void change(struct model *model, struct model_state *state, size_t tree, size_t key) {
    uint32_t *write = &state->writes[tree][key];
    char space[VALUE_MAX];
    if (random_below(&model->random, 3) > 0) {
        struct reel_str value = make_value(key, *write = ++model->writes, space);
        XXH128_hash_t hash = {XXH3_64bits(value.data, value.len), *write};
        must(memtable_put(&model->versions, tree, model->keys[key], value, hash) == 0);
    } else if (may_erase(model, tree, key)) {
        int rc = memtable_erase(&model->versions, tree, model->keys[key]);
        must(rc == 0 || (rc == -ENOENT && *write == 0));
        *write = 0;
    } else {
        must(memtable_delete(&model->versions, tree, model->keys[key], (XXH128_hash_t){0, 0}) == 0);
        *write = 0;
    }
}

/* The writer sees what it has not published yet. */
static void look_inside(struct model *model, const struct model_state *state) {
    size_t tree = random_below(&model->random, MODEL_TREES);
    size_t key = random_below(&model->random, MODEL_KEYS);
    uint32_t write = state->writes[tree][key];
    const struct item *item = memtable_get(&model->versions, tree, model->keys[key]);
    if (!item)
        must(write == model->lower->writes[tree][key]);
    else if (item_is_deleted(item))
        must(write == 0);
    else
        assert_value(item_value(item), key, write);
}

static void publish(struct model *model, struct model_state *state) {
    state->cursor++;
    pthread_mutex_lock(&model->lock);
    versions_publish(&model->versions, state->cursor);
    state_drop(model->now);
    model->now = state;
    pthread_mutex_unlock(&model->lock);
}

/* Some are single changes, some of a few keys only, some fill a tree. */
static void run_group(struct model *model) {
    struct model_state *state = state_copy(model->now);
    size_t from = random_below(&model->random, MODEL_KEYS), span = 1;
    size_t changes = random_below(&model->random, 4) ? random_below(&model->random, 30) : 1;
    if (random_below(&model->random, 2)) span = MODEL_KEYS - from;
    must(versions_begin(&model->versions) == 0);
    while (changes-- > 0) {
        size_t tree = random_below(&model->random, MODEL_TREES);
        change(model, state, tree, from + random_below(&model->random, span));
    }
    look_inside(model, state);
    if (random_below(&model->random, 5) > 0) {
        publish(model, state);
    } else {
        versions_undo(&model->versions);
        state_drop(state);
    }
}

static void freeze(struct model *model) {
    int rc = versions_freeze(&model->versions, MODEL_TREES);
    if (model->frozen[LAYERS_MAX - 2]) {
        must(rc == -EBUSY);
        return;
    }
    must(rc == 0);
    memmove(model->frozen + 1, model->frozen, (LAYERS_MAX - 1) * sizeof *model->frozen);
    model->frozen[0] = state_hold(model->now);
}

/* What a checkpoint does, to a table: applies all items of a frozen memtable. */
static void apply(const struct model *model, const struct layer *layer, struct model_state *to) {
    for (size_t tree = 0; tree < layer->tree_count; tree++) {
        struct tree_walk walk;
        const struct item *item = tree_seek(&walk, &layer->trees[tree], STR(""), SEEK_AT_OR_ABOVE);
        for (; item; item = tree_next(&walk))
            to->writes[tree][find_key(model, item_key(item))] =
                item_is_deleted(item) ? 0 : (uint32_t)item->hash.high64;
    }
    to->cursor = layer->cursor;
}

static void checkpoint(struct model *model) {
    const struct version *current = model->versions.current;
    if (current->layer_count == 1) return;
    size_t oldest = current->layer_count - 2;
    struct model_state *lower = state_copy(model->lower);
    apply(model, &current->layers[oldest + 1], lower);
    must(lower->cursor == model->frozen[oldest]->cursor);
    must(memcmp(lower->writes, model->frozen[oldest]->writes, sizeof lower->writes) == 0);
    pthread_mutex_lock(&model->lock);
    must(versions_drop(&model->versions) == 0);
    state_drop(model->lower);
    model->lower = lower;
    pthread_mutex_unlock(&model->lock);
    state_drop(model->frozen[oldest]);
    model->frozen[oldest] = NULL;
}

void model_step(struct model *model) {
    size_t what = random_below(&model->random, 100);
    if (what < 90) {
        run_group(model);
    } else if (what < 94) {
        freeze(model);
    } else if (what < 98) {
        checkpoint(model);
    } else {
        versions_reclaim(&model->versions);
    }
    for (size_t tree = 0; what >= 80 && tree < MODEL_TREES; tree++)
        assert_sound(version_tree(model->versions.current, 0, tree));
}

/* ---- Views ----------------------------------------------------------------------------------- */

void model_open_view(struct model *model, struct model_view *ret) {
    pthread_mutex_lock(&model->lock);
    ret->version = version_take(&model->versions);
    ret->state = state_hold(model->now);
    ret->lower = state_hold(model->lower);
    pthread_mutex_unlock(&model->lock);
    must(ret->version->cursor == ret->state->cursor);
}

void model_close_view(struct model_view *view) {
    version_give_back(view->version);
    state_drop(view->state);
    state_drop(view->lower);
    *view = (struct model_view){0};
}

/* The rows of a table, as an overlay's lower ones. */
struct lower_walk {
    const struct model *model;
    const uint32_t *writes;
    size_t at;
    char space[VALUE_MAX];
};

/* The first key at or behind `at` that has a record; downwards the last before `at`. MODEL_KEYS:
 * there is none. */
static size_t record_from(const uint32_t *writes, size_t at, bool forward) {
    if (forward) {
        while (at < MODEL_KEYS && writes[at] == 0) at++;
        return at;
    }
    while (at > 0 && writes[at - 1] == 0) at--;
    return at > 0 ? at - 1 : MODEL_KEYS;
}

/* Where a seek begins, for record_from. The key need not be one of the model's. */
static size_t seek_from(const struct model *model, struct reel_str key, enum seek how) {
    size_t at = 0;
    bool beyond = how == SEEK_ABOVE || how == SEEK_AT_OR_BELOW;
    if (how == SEEK_LAST) return MODEL_KEYS;
    while (at < MODEL_KEYS && str_compare(model->keys[at], key) < (beyond ? 1 : 0)) at++;
    return at;
}

static int lower_give(struct lower_walk *walk, size_t at, struct overlay_row *ret) {
    if (at == MODEL_KEYS) return 0;
    walk->at = at;
    memset(walk->space, '?', sizeof walk->space); /* the row before is not good any more */
    ret->key = walk->model->keys[at];
    ret->value = make_value(at, walk->writes[at], walk->space);
    ret->deleted = false;
    return 1;
}

static int lower_seek(void *context, struct reel_str key, enum seek how, struct overlay_row *ret) {
    struct lower_walk *walk = context;
    size_t from = seek_from(walk->model, key, how);
    return lower_give(walk, record_from(walk->writes, from, seek_is_forward(how)), ret);
}

static int lower_next(void *context, struct overlay_row *ret) {
    struct lower_walk *walk = context;
    return lower_give(walk, record_from(walk->writes, walk->at + 1, true), ret);
}

static int lower_previous(void *context, struct overlay_row *ret) {
    struct lower_walk *walk = context;
    return lower_give(walk, record_from(walk->writes, walk->at, false), ret);
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static void look_at_one(const struct model *model, const struct model_view *view, size_t tree,
                        uint64_t *random) {
    size_t key = random_below(random, MODEL_KEYS);
    uint32_t write = view->state->writes[tree][key];
    const struct item *item = version_get(view->version, tree, model->keys[key]);
    if (!item) {
        must(view->lower->writes[tree][key] == write);
    } else if (item_is_deleted(item)) {
        must(write == 0);
    } else {
        assert_value(item_value(item), key, write);
        must(item->hash.low64 == XXH3_64bits(item_value(item).data, item->value_len));
    }
}

/* A walk from anywhere, mostly in one direction. */
static void look_along(const struct model *model, const struct model_view *view, size_t tree,
                       uint64_t *random) {
    struct lower_walk walk = {.model = model, .writes = view->lower->writes[tree]};
    struct overlay_lower lower = {lower_seek, lower_next, lower_previous, &walk};
    const uint32_t *writes = view->state->writes[tree];
    enum seek how = (enum seek)random_below(random, SEEK_LAST + 1);
    struct reel_str key = model->keys[random_below(random, MODEL_KEYS)];
    if (random_below(random, 4) == 0) key.len /= 2;
    bool forward = seek_is_forward(how);
    size_t at = record_from(writes, seek_from(model, key, how), forward);
    size_t rows = random_below(random, 8) ? random_below(random, 20) : SIZE_MAX;
    size_t turns = random_below(random, 3) ? 0 : 3;
    struct overlay overlay;
    struct overlay_row row;
    overlay_init(&overlay, view->version, tree, &lower);
    int rc = overlay_seek(&overlay, key, how, &row);
    for (;; rows--) {
        must(rc == (at < MODEL_KEYS));
        if (rc == 0 || rows == 0) break;
        must(reel_str_eq(row.key, model->keys[at]) && !row.deleted);
        assert_value(row.value, at, writes[at]);
        if (turns > 0 && random_below(random, 4) == 0) {
            forward = !forward;
            turns--;
        }
        at = record_from(writes, forward ? at + 1 : at, forward);
        rc = forward ? overlay_next(&overlay, &row) : overlay_previous(&overlay, &row);
    }
    must(rc > 0 || (overlay_next(&overlay, &row) == 0 && overlay_previous(&overlay, &row) == 0));
}

void model_look(const struct model *model, const struct model_view *view, uint64_t *random) {
    size_t tree = random_below(random, MODEL_TREES);
    look_at_one(model, view, tree, random);
    look_along(model, view, tree, random);
}

/* ---- All of it ------------------------------------------------------------------------------- */

enum { VIEWS = 8 };

/* A view opened after its checkpoint went on may have a later one below: as late as its newest
 * frozen memtable. */
static void take_later_lower(const struct model *model, struct model_view *view) {
    if (model->lower->cursor > view->version->frozen_cursor) return;
    state_drop(view->lower);
    view->lower = state_hold(model->lower);
}

static void step_view(struct model *model, struct model_view *view) {
    size_t what = random_below(&model->random, 40);
    if (!view->version) {
        if (what < 10) model_open_view(model, view);
        return;
    }
    if (what == 0)
        model_close_view(view);
    else if (what == 1)
        take_later_lower(model, view);
    else if (what < 20)
        model_look(model, view, &model->random);
}

void model_run(uint64_t seed, size_t steps) {
    struct model *model = calloc(1, sizeof *model);
    struct model_view views[VIEWS] = {0};
    must(model);
    model_init(model, seed);
    for (size_t step = 0; step < steps; step++) {
        test_context("seed %llu, step %zu", (unsigned long long)seed, step);
        model_step(model);
        for (size_t i = 0; i < VIEWS; i++) step_view(model, &views[i]);
        if (step % 64 > 0) continue;
        while (versions_reclaim(&model->versions)) {
        }
        assert_held_exactly(&model->versions);
    }
    for (size_t i = 0; i < VIEWS; i++)
        if (views[i].version) model_close_view(&views[i]);
    while (versions_reclaim(&model->versions)) {
    }
    must(model->versions.held_bytes == 0);
    model_finish(model);
    free(model);
}
