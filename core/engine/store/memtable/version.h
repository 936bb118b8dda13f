/* version.h: memtables, and the versions in which readers see them.
 *
 * A memtable is a set of trees, numbered by the engine: the records of each collection, the order
 * of their changes, and what else a checkpoint writes. One memtable is active; those before it are
 * frozen, wait for their checkpoint, and are never changed again.
 *
 * A version is everything that was visible at one moment: the roots of the active memtable's trees,
 * the frozen memtables, the newest first, and the log's cursor. Layers are numbered so that a lower
 * number is newer; where several layers have a key, the newest one counts (overlay.h).
 *
 *     versions_begin     opens a group: the next version is in the making
 *     memtable_put, …    change the active memtable's trees. Nobody else sees it
 *     versions_publish   the group becomes visible, all at once. It cannot fail: it is called when
 *                        the log has been synced, and there is no way back
 *     versions_undo      or nothing of it remains
 *     versions_freeze    between groups: the active memtable is frozen, an empty one follows
 *     versions_drop      between groups: the oldest frozen memtable is in the checkpoint
 *
 * **Threads.** All of this is done by the writer: the thread that holds the engine's write lock.
 * Other threads do two things only: version_take, under a lock that is held for the length of one
 * assignment, and version_give_back, without a lock. Readers never free anything. So the writer
 * does not wait for readers, and a part is freed where parts are allocated.
 *
 * **Memory.** A part of a tree is freed when no version that needs it is left, exactly: a view that
 * is held for long keeps its own state, and nothing of the states after it. Each version has a list
 * of the parts that it needs and its successor does not (`retired`). When a version ends, each part
 * on its list is looked at once. If the part was born after the next older version, no version has
 * it any more, and it is freed. Otherwise the next older version has it, too, and the part moves to
 * that version's list.
 * Of a memtable that is dropped only the roots are put on the list. Births never rise on the way
 * down a tree: if the older version has a node, it has all that is below, and the node moves as a
 * whole; if not, the node is freed, and what is right below is looked at in the same way.
 *
 * A version ends in slices, about a thousand parts with each group, so that freeing a memtable of
 * 144 MiB does not stop the writer for long. While there is nothing to publish, versions_reclaim
 * continues. The bytes of all parts on these lists are `held_bytes`, which the engine bounds by
 * ending the oldest views.
 */
#ifndef REEL_ENGINE_STORE_MEMTABLE_VERSION_H
#define REEL_ENGINE_STORE_MEMTABLE_VERSION_H

#include "engine/store/memtable/tree.h"

#include <pthread.h>
#include <stdatomic.h>

/* The active memtable and the frozen ones. */
#define LAYERS_MAX 4

/* A version costs 16 bytes for each tree. */
#define TREES_MAX 4096

struct versions;
struct memtable;

/* One memtable, as a version sees it. */
struct layer {
    struct memtable *memtable;
    const struct tree *trees;
    size_t tree_count;
    uint64_t cursor; /* the highest seq whose effects it has */
};

struct version {
    uint64_t number; /* rises with each version */
    uint64_t cursor;
    uint64_t frozen_cursor; /* when the active memtable began: a checkpoint beyond it is too new */
    size_t layer_count;
    struct layer layers[LAYERS_MAX]; /* the newest first */

    struct versions *versions;
    atomic_uint holders;           /* views that hold it */
    struct version *older, *newer; /* [writer] */
    struct parts retired;          /* [writer] see above */
    size_t bytes;                  /* [writer] of the active memtable then */
    struct tree trees[];           /* of the active memtable */
};

struct versions {
    pthread_mutex_t lock; /* of `current`, where readers take it */
    struct version *current;
    atomic_bool some_ended; /* a version may have lost its last holder */

    /* [writer] */
    struct heap own_heap, *heap; /* of all parts; the latter NULL under a sanitizer */
    struct memtable *active;
    struct version *next; /* the one in the making, allocated before it is needed; or NULL */
    bool is_open;         /* a group is */
    struct version *oldest;
    size_t held_bytes;   /* of parts that the current version does not need */
    size_t frozen_bytes; /* of the frozen memtables that it has */
};

/* 0 or -ENOMEM. The first version is number 1, with empty trees. */
int versions_init(struct versions *versions, size_t tree_count, uint64_t cursor);

/* No version may be held any more, and no group open. */
void versions_finish(struct versions *versions);

/* ---- The writer ------------------------------------------------------------------------------ */

/* 0 or -ENOMEM. */
int versions_begin(struct versions *versions);
void versions_publish(struct versions *versions, uint64_t cursor);
void versions_undo(struct versions *versions);

/* Like versions_publish, for a group that is in the checkpoint already and begins another log: the
 * cursor may be lower. There is no frozen memtable. */
void versions_restart(struct versions *versions, uint64_t cursor);

/* Changing the active memtable within a group: tree.h. After -ENOMEM the group can go on. */
int memtable_put(struct versions *versions, size_t tree, struct reel_str key, struct reel_str value,
                 XXH128_hash_t hash);
int memtable_delete(struct versions *versions, size_t tree, struct reel_str key,
                    XXH128_hash_t hash);
int memtable_erase(struct versions *versions, size_t tree, struct reel_str key);

/* Empties a tree, which the open group has not changed before, and hides what older layers and the
 * checkpoint have of it. */
void memtable_clear(struct versions *versions, size_t tree);

/* What the active memtable has, the open group included; NULL: nothing. */
const struct item *memtable_get_active(const struct versions *versions, size_t tree,
                                       struct reel_str key);
const struct tree *memtable_tree(const struct versions *versions, size_t tree);

/* What the writer itself sees, the open group included: the newest item with that key in any layer;
 * NULL: the checkpoint decides. */
const struct item *memtable_get(const struct versions *versions, size_t tree, struct reel_str key);

/* Bytes of the active memtable, the open group included; and of a frozen one. */
size_t memtable_bytes(const struct versions *versions);
size_t memtable_size(const struct memtable *memtable);

/* The active memtable becomes the newest frozen one; the next has `tree_count` trees, at least as
 * many. 0, -ENOMEM, or -EBUSY: LAYERS_MAX is reached. */
int versions_freeze(struct versions *versions, size_t tree_count);

/* The active memtable gets more trees, between groups. 0 or -ENOMEM. */
int versions_extend(struct versions *versions, size_t tree_count);

/* The oldest frozen memtable has become part of the checkpoint. 0 or -ENOMEM. */
int versions_drop(struct versions *versions);

/* Frees some of what no version needs any more. True: there may be more. */
bool versions_reclaim(struct versions *versions);

/* ---- Any thread ------------------------------------------------------------------------------ */

/* The current version, for reading until it is given back. */
struct version *version_take(struct versions *versions);
void version_give_back(struct version *version);

/* A layer's tree; NULL: that memtable is older than the tree. */
static inline const struct tree *version_tree(const struct version *version, size_t layer,
                                              size_t tree) {
    const struct layer *found = &version->layers[layer];
    return tree < found->tree_count ? &found->trees[tree] : NULL;
}

/* The newest item with that key in any layer, perhaps a tombstone; NULL: the checkpoint decides. */
const struct item *version_get(const struct version *version, size_t tree, struct reel_str key);

#endif
