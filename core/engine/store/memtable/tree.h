/* tree.h: a B+tree in memory that keeps its older states: copy on write.
 *
 * A tree is a root pointer. Changing it copies the nodes from the root to the leaf that changes,
 * once for each group of changes: a node that was made for this group (its `born` says so) has been
 * seen by nobody else and is changed where it lies. A state that was published is never changed,
 * so whoever has its root reads it without a lock, on any thread, while the writer goes on.
 *
 *     group begins     `edit.born` is the number of the version in the making
 *     tree_put, …      path copied once; what the path replaces is put on `edit.retired`
 *     published        the root is shown; `retired` belongs to the version before (version.c)
 *     or undone        tree_undo: the root is dropped, and with it what only that root had
 *
 * An item is put in place of the one before it, never changed, except within its own group: a
 * record that changes often takes its memory once. A tombstone is an item, and hides what lies
 * below. tree_erase takes an item away without a trace, which is right only if no layer below has
 * the key: an entry of the order of changes that was written to this same memtable.
 *
 * Nodes are split on the way down, each step leaving a tree that is whole and has the same
 * contents; so a failed allocation at any place leaves the tree as good as before. A node is
 * removed when it is empty, and not joined with its neighbours before: memtables grow for a few
 * seconds and are dropped.
 */
#ifndef REEL_ENGINE_STORE_MEMTABLE_TREE_H
#define REEL_ENGINE_STORE_MEMTABLE_TREE_H

#include "engine/store/memtable/node.h"

#define TREE_HEIGHT_MAX 16 /* a root is split at ten children at least */

/* Longest key and value, bytes. Callers check what comes from outside before. */
#define TREE_KEY_MAX   ((size_t)16 << 20)
#define TREE_VALUE_MAX ((size_t)17 << 20)

/* All zero is an empty tree. A copy of it is a state of the tree. */
struct tree {
    struct node *root;
    uint64_t count; /* items, tombstones included */
};

/* A group of changes, to one or several trees. */
struct tree_edit {
    uint64_t born;
    size_t bytes;         /* of what the trees consist of now */
    struct parts retired; /* of published states; no longer in the trees */
};

/* Writing: by the writer only. 0 or -ENOMEM, which leaves the contents as they were. */
int tree_put(struct tree *tree, struct tree_edit *edit, struct reel_str key, struct reel_str value,
             XXH128_hash_t hash);
int tree_put_tombstone(struct tree *tree, struct tree_edit *edit, struct reel_str key);
/* Also -ENOENT: there is no such key. */
int tree_erase(struct tree *tree, struct tree_edit *edit, struct reel_str key);

/* Back to `before`, the state when the group began. `edit->retired` is empty after the last tree of
 * the group was undone and the caller cleared it: what was retired is current again. */
void tree_undo(struct tree *tree, struct tree before, const struct tree_edit *edit);

/* The item with that key, perhaps a tombstone; or NULL. */
const struct item *tree_get(const struct tree *tree, struct reel_str key);

#endif
