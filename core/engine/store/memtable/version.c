/* version.c: see version.h. */
#include "engine/store/memtable/version.h"

#include "base/cleanup.h"
#include "base/invariant.h"

#include <errno.h>

/* Parts that are looked at in one slice, about 0.1 ms. To these come twice as many as the group
 * retired, so that what is freed keeps up with what is retired. */
#define SLICE_PARTS 1024

/* A sanitizer sees what is freed and used only in the C library's heap. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

struct memtable {
    size_t version_count;  /* that have it as a layer */
    uint64_t after;        /* it has the effects of the events after this one */
    struct tree_edit edit; /* while it is active */
    size_t tree_count;
    struct tree trees[]; /* the newest; once it is frozen, the last */
};

/* ---- Making ---------------------------------------------------------------------------------- */

static struct memtable *memtable_create(size_t tree_count, uint64_t after) {
    INVARIANT(tree_count <= TREES_MAX);
    struct memtable *memtable = calloc(1, sizeof *memtable + tree_count * sizeof(struct tree));
    if (!memtable) return NULL;
    memtable->tree_count = tree_count;
    memtable->after = after;
    return memtable;
}

/* With room for the roots of `memtable`, its active one. */
static struct version *version_create(struct versions *versions, const struct memtable *memtable) {
    size_t trees_size = memtable->tree_count * sizeof(struct tree);
    struct version *version = calloc(1, sizeof *version + trees_size);
    if (version) version->versions = versions;
    return version;
}

static void add_layer(struct version *version, const struct layer *layer) {
    INVARIANT(version->layer_count < LAYERS_MAX);
    layer->memtable->version_count++;
    version->layers[version->layer_count++] = *layer;
}

/* The active memtable as it is now, with roots of its own: the memtable's will move on. */
static void add_active(struct version *version, struct memtable *memtable, uint64_t cursor) {
    memcpy(version->trees, memtable->trees, memtable->tree_count * sizeof(struct tree));
    version->bytes = memtable->edit.bytes;
    version->cursor = cursor;
    version->frozen_cursor = memtable->after;
    add_layer(version, &(struct layer){memtable, version->trees, memtable->tree_count, cursor});
}

/* The first `count` frozen memtables of another version. */
static void add_frozen(struct version *version, const struct version *from, size_t count) {
    for (size_t i = 1; i <= count; i++) add_layer(version, &from->layers[i]);
}

int versions_init(struct versions *versions, size_t tree_count, uint64_t cursor) {
    *versions = (struct versions){.active = memtable_create(tree_count, cursor)};
    if (!IS_SANITIZED) versions->heap = &versions->own_heap;
    struct version *first = versions->active ? version_create(versions, versions->active) : NULL;
    if (!first) {
        free(versions->active);
        versions->active = NULL;
        return -ENOMEM;
    }
    first->number = 1;
    add_active(first, versions->active, cursor);
    pthread_mutex_init(&versions->lock, NULL);
    versions->current = versions->oldest = first;
    return 0;
}

/* ---- Ending ---------------------------------------------------------------------------------- */

static void leave_memtable(struct versions *versions, struct memtable *memtable) {
    INVARIANT(memtable->version_count > 0);
    if (--memtable->version_count == 0 && memtable != versions->active) free(memtable);
}

static void version_destroy(struct version *version) {
    struct versions *versions = version->versions;
    if (version->older)
        version->older->newer = version->newer;
    else
        versions->oldest = version->newer;
    if (version->newer) version->newer->older = version->older;
    for (size_t i = 0; i < version->layer_count; i++)
        leave_memtable(versions, version->layers[i].memtable);
    free(version);
}

/* Puts what is right below a node on the list: each part has a fate of its own. */
static void retire_below(struct parts *to, struct node *node) {
    struct item **keys = node_keys(node);
    for (size_t i = 0; i < node->count; i++) parts_push(to, &keys[i]->part, PART_ITEM);
    for (size_t i = 0; node->height > 0 && i <= node->count; i++)
        parts_push(to, &node->inner.children[i]->part, PART_SUBTREE);
}

static bool is_needed_by(const struct version *version, const struct part *part) {
#ifdef REEL_FAULT_12 /* a memtable is freed under a view */
    if (part->kind == PART_SUBTREE) return false;
#endif
    return version && part->born <= version->number;
}

/* Nobody holds `version` any more, which was the newest to need the part. */
static void release(struct version *version, struct part *part) {
    enum part_kind kind = (enum part_kind)part->kind;
    if (is_needed_by(version->older, part)) {
        parts_push(&version->older->retired, part, kind);
        return;
    }
    if (kind == PART_SUBTREE) retire_below(&version->retired, (struct node *)part);
    version->versions->held_bytes -= part->bytes;
    part_free(version->versions->heap, part);
}

/* Ends a version that nobody holds, as far as `slice` parts go. */
static void end_version(struct version *version, size_t *slice) {
    struct versions *versions = version->versions;
    struct part *part;
    for (; *slice > 0 && (part = parts_pop(&version->retired)); --*slice) release(version, part);
    if (!version->retired.first)
        version_destroy(version);
    else
        atomic_store(&versions->some_ended, true); /* there is more to do */
}

static bool is_held(const struct version *version) {
    return atomic_load_explicit(&version->holders, memory_order_acquire) > 0;
}

static void end_unheld(struct versions *versions, size_t slice) {
    if (!atomic_exchange(&versions->some_ended, false)) return;
    for (struct version *version = versions->oldest, *newer; version != versions->current;
         version = newer) {
        newer = version->newer;
        if (slice == 0) atomic_store(&versions->some_ended, true);
        if (slice == 0) return;
        if (!is_held(version)) end_version(version, &slice);
    }
}

bool versions_reclaim(struct versions *versions) {
    end_unheld(versions, SLICE_PARTS);
    return atomic_load(&versions->some_ended);
}

/* The trees of a layer are no longer needed by any version after this one. */
static void retire_layer(struct version *version, const struct layer *layer) {
    version->versions->held_bytes += layer->memtable->edit.bytes;
    for (size_t i = 0; i < layer->tree_count; i++)
        if (layer->trees[i].root)
            parts_push(&version->retired, &layer->trees[i].root->part, PART_SUBTREE);
}

void versions_finish(struct versions *versions) {
    if (!versions->active) return;
    INVARIANT(!versions->is_open);
    for (size_t i = 0; i < versions->current->layer_count; i++)
        retire_layer(versions->current, &versions->current->layers[i]);
    versions->active = NULL;
    while (versions->oldest) {
        size_t all = SIZE_MAX;
        INVARIANT(!is_held(versions->oldest));
        end_version(versions->oldest, &all);
    }
    INVARIANT(versions->held_bytes == 0);
    heap_finish(&versions->own_heap);
    free(versions->next);
    pthread_mutex_destroy(&versions->lock);
}

/* ---- A group --------------------------------------------------------------------------------- */

/* The version becomes the current one. What it does without is on the list of the one before. */
static void show(struct versions *versions, struct version *version) {
    struct version *before = versions->current;
    size_t slice = SLICE_PARTS + 2 * before->retired.count;
    version->number = before->number + 1;
    version->older = before;
    before->newer = version;
    pthread_mutex_lock(&versions->lock);
    versions->current = version;
    pthread_mutex_unlock(&versions->lock);
    if (!is_held(before)) end_version(before, &slice);
    end_unheld(versions, slice);
}

int versions_begin(struct versions *versions) {
    INVARIANT(!versions->is_open);
    if (!versions->next) versions->next = version_create(versions, versions->active);
    if (!versions->next) return -ENOMEM;
    versions->active->edit.heap = versions->heap;
    versions->active->edit.born = versions->current->number + 1;
    versions->is_open = true;
    return 0;
}

static void publish(struct versions *versions, uint64_t cursor) {
    struct version *before = versions->current, *version = versions->next;
    struct parts *retired = &versions->active->edit.retired;
    INVARIANT(versions->is_open && !before->retired.first);
    add_active(version, versions->active, cursor);
    add_frozen(version, before, before->layer_count - 1);
    versions->held_bytes += retired->bytes + versions->active->edit.cleared_bytes;
    versions->active->edit.cleared_bytes = 0;
    before->retired = *retired;
    *retired = (struct parts){0};
    versions->next = NULL;
    versions->is_open = false;
    show(versions, version);
}

void versions_publish(struct versions *versions, uint64_t cursor) {
    INVARIANT(cursor >= versions->current->cursor);
    publish(versions, cursor);
}

void versions_restart(struct versions *versions, uint64_t cursor) {
    INVARIANT(versions->current->layer_count == 1);
    versions->active->after = cursor;
    publish(versions, cursor);
}

void versions_undo(struct versions *versions) {
    struct memtable *active = versions->active;
    const struct version *before = versions->current;
    INVARIANT(versions->is_open);
    for (size_t i = 0; i < active->tree_count; i++)
        if (active->trees[i].root != before->trees[i].root ||
            active->trees[i].cleared != before->trees[i].cleared)
            tree_undo(&active->trees[i], before->trees[i], &active->edit);
    active->edit.retired = (struct parts){0}; /* the version before needs them, as ever */
    active->edit.cleared_bytes = 0;
    active->edit.bytes = before->bytes;
    versions->is_open = false;
}

/* ---- Memtables ------------------------------------------------------------------------------- */

static struct tree *open_tree(const struct versions *versions, size_t tree) {
    INVARIANT(versions->is_open && tree < versions->active->tree_count);
    return &versions->active->trees[tree];
}

int memtable_put(struct versions *versions, size_t tree, struct reel_str key, struct reel_str value,
                 XXH128_hash_t hash) {
    return tree_put(open_tree(versions, tree), &versions->active->edit, key, value, hash);
}

int memtable_delete(struct versions *versions, size_t tree, struct reel_str key,
                    XXH128_hash_t hash) {
    return tree_put_tombstone(open_tree(versions, tree), &versions->active->edit, key, hash);
}

int memtable_erase(struct versions *versions, size_t tree, struct reel_str key) {
    return tree_erase(open_tree(versions, tree), &versions->active->edit, key);
}

void memtable_clear(struct versions *versions, size_t tree) {
    struct tree *cleared = open_tree(versions, tree);
    INVARIANT(cleared->root == versions->current->trees[tree].root);
    tree_clear(cleared, &versions->active->edit);
}

size_t memtable_bytes(const struct versions *versions) {
    return versions->active->edit.bytes;
}

size_t memtable_size(const struct memtable *memtable) {
    return memtable->edit.bytes;
}

int versions_freeze(struct versions *versions, size_t tree_count) {
    struct version *before = versions->current;
    struct memtable *frozen = versions->active;
    INVARIANT(!versions->is_open && tree_count >= frozen->tree_count);
    if (before->layer_count == LAYERS_MAX) return -EBUSY;
    struct memtable *memtable = memtable_create(tree_count, before->cursor);
    struct version *version = memtable ? version_create(versions, memtable) : NULL;
    if (!version) {
        free(memtable);
        return -ENOMEM;
    }
    add_active(version, memtable, before->cursor);
    add_layer(version, &(struct layer){frozen, frozen->trees, frozen->tree_count, before->cursor});
    add_frozen(version, before, before->layer_count - 1);
    free(versions->next); /* it has room for the roots of the old one */
    versions->next = NULL;
    versions->active = memtable;
    versions->frozen_bytes += frozen->edit.bytes;
    show(versions, version);
    return 0;
}

/* It is made anew, with the same contents: versions that there are do not know of more trees. */
int versions_extend(struct versions *versions, size_t tree_count) {
    struct version *before = versions->current;
    const struct memtable *active = versions->active;
    INVARIANT(!versions->is_open && !active->edit.retired.first);
    if (tree_count <= active->tree_count) return 0;
    struct memtable *memtable = memtable_create(tree_count, active->after);
    struct version *version = memtable ? version_create(versions, memtable) : NULL;
    if (!version) {
        free(memtable);
        return -ENOMEM;
    }
    memtable->edit = active->edit;
    memcpy(memtable->trees, active->trees, active->tree_count * sizeof(struct tree));
    add_active(version, memtable, before->cursor);
    add_frozen(version, before, before->layer_count - 1);
    free(versions->next); /* it has room for the roots of the old one */
    versions->next = NULL;
    versions->active = memtable;
    show(versions, version);
    return 0;
}

int versions_drop(struct versions *versions) {
    struct version *before = versions->current;
    INVARIANT(!versions->is_open && before->layer_count > 1);
    const struct layer *oldest = &before->layers[before->layer_count - 1];
    struct version *version = version_create(versions, versions->active);
    if (!version) return -ENOMEM;
    add_active(version, versions->active, before->cursor);
    add_frozen(version, before, before->layer_count - 2);
    versions->frozen_bytes -= oldest->memtable->edit.bytes;
    retire_layer(before, oldest);
    show(versions, version);
    return 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* What a tree that was cleared has instead of what lies below it. */
static const struct item absent = {.value_len = ITEM_DELETED};

/* NULL: what lies below the tree decides. */
static const struct item *layer_get(const struct tree *tree, struct reel_str key) {
    const struct item *item = tree_get(tree, key);
    return item || !tree->cleared ? item : &absent;
}

static const struct item *layers_get(const struct version *version, size_t from, size_t tree,
                                     struct reel_str key) {
    const struct item *item = NULL;
    for (size_t i = from; i < version->layer_count && !item; i++) {
        const struct tree *found = version_tree(version, i, tree);
        if (found) item = layer_get(found, key);
    }
    return item;
}

const struct item *memtable_get(const struct versions *versions, size_t tree, struct reel_str key) {
    const struct memtable *active = versions->active;
    INVARIANT(tree < active->tree_count);
    const struct item *item = layer_get(&active->trees[tree], key);
    return item ? item : layers_get(versions->current, 1, tree, key);
}

const struct item *memtable_get_active(const struct versions *versions, size_t tree,
                                       struct reel_str key) {
    INVARIANT(tree < versions->active->tree_count);
    return tree_get(&versions->active->trees[tree], key);
}

const struct tree *memtable_tree(const struct versions *versions, size_t tree) {
    INVARIANT(tree < versions->active->tree_count);
    return &versions->active->trees[tree];
}

struct version *version_take(struct versions *versions) {
    HOLD_LOCK(&versions->lock);
    struct version *version = versions->current;
    atomic_fetch_add_explicit(&version->holders, 1, memory_order_relaxed);
    return version;
}

/* The version may be gone as soon as it is no longer held. */
void version_give_back(struct version *version) {
    struct versions *versions = version->versions;
    unsigned holders = atomic_fetch_sub_explicit(&version->holders, 1, memory_order_release);
    INVARIANT(holders > 0);
    if (holders == 1) atomic_store(&versions->some_ended, true);
}

const struct item *version_get(const struct version *version, size_t tree, struct reel_str key) {
    return layers_get(version, 0, tree, key);
}
