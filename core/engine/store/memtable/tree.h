/* tree.h: a B+tree in memory that keeps its older states (copy on write).
 *
 * A tree is a root pointer. Changing it copies the nodes from the root to the leaf that changes,
 * once for each group of changes: a node that was made for the open group (its `born` says so) has
 * not been shown to anybody and is changed where it lies. A state that was published never changes,
 * so any thread that has its root reads it without a lock while the writer goes on.
 *
 *     group begins     `edit.born` is the number of the version in the making
 *     tree_put, …      path copied once; what the copies replace is put on `edit.retired`
 *     published        the new root is shown; `retired` belongs to the version before (version.c)
 *     or undone        tree_undo: the new root is dropped, and with it what only this root had
 *
 * A put replaces the item of its key. Only an item that was made for the open group is overwritten:
 * a record that changes often takes its memory once. A tombstone is an item, and hides what lies
 * below. tree_erase removes an item without a trace, which is right only if no layer below has the
 * key: an entry of the order of changes that was written to this same memtable.
 *
 * Nodes are split on the way down. Each step leaves a tree that is whole and has the same contents,
 * so an allocation may fail at any place and the tree is as good as before. A node is removed when
 * it is empty, and not merged with its neighbours before that: memtables grow for a few seconds and
 * are then dropped.
 */
#ifndef REEL_ENGINE_STORE_MEMTABLE_TREE_H
#define REEL_ENGINE_STORE_MEMTABLE_TREE_H

#include "engine/store/memtable/node.h"

#define TREE_HEIGHT_MAX 16 /* a root is split at ten children at least */

/* Longest key (in an index it stands behind other bytes) and value, bytes. Callers check what comes
 * from outside before. */
#define TREE_KEY_MAX   ((size_t)17 << 20)
#define TREE_VALUE_MAX ((size_t)17 << 20)

/* All zero is an empty tree. A copy of it is a state of the tree. */
struct tree {
    struct node *root;
    uint64_t count; /* items, tombstones included */
    bool cleared;   /* what older layers and the checkpoint have of this tree is void */
};

/* A group of changes, to one or several trees. */
struct tree_edit {
    struct heap *heap; /* NULL: the C library's */
    uint64_t born;
    size_t bytes;         /* of what the trees consist of now */
    struct parts retired; /* of published states; no longer in the trees */
    size_t cleared_bytes; /* of the trees on that list, without their roots */
};

/* Writing: by the writer only. 0 or -ENOMEM, which leaves the contents as they were. */
int tree_put(struct tree *tree, struct tree_edit *edit, struct reel_str key, struct reel_str value,
             XXH128_hash_t hash);
int tree_put_tombstone(struct tree *tree, struct tree_edit *edit, struct reel_str key,
                       XXH128_hash_t hash);
/* Also -ENOENT: there is no such key. */
int tree_erase(struct tree *tree, struct tree_edit *edit, struct reel_str key);

/* Back to `before`, the state when the group began: frees what the group made. What it retired is
 * current again; after the last tree of the group the caller empties `edit->retired`. */
void tree_undo(struct tree *tree, struct tree before, const struct tree_edit *edit);

/* Empties a tree that the group has not changed yet, and hides what lies below it. Undoing the
 * group undoes it. */
void tree_clear(struct tree *tree, struct tree_edit *edit);

/* The item with that key, perhaps a tombstone; or NULL. */
const struct item *tree_get(const struct tree *tree, struct reel_str key);

#endif
