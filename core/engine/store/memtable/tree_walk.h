/* tree_walk.h: walking a state of a tree in key order, forwards and backwards.
 *
 * A walk reads nodes that do not change, so any number of walks go on in any number of threads
 * without locks. Each needs only that its state is kept: by a version that is held, or, for the
 * writer's own walks over an open group, by changing nothing meanwhile.
 */
#ifndef REEL_ENGINE_STORE_MEMTABLE_TREE_WALK_H
#define REEL_ENGINE_STORE_MEMTABLE_TREE_WALK_H

#include "engine/store/memtable/tree.h"

/* Where a walk begins. */
enum seek {
    SEEK_AT_OR_ABOVE, /* the least key that is at or above the given one */
    SEEK_ABOVE,
    SEEK_AT_OR_BELOW, /* the greatest key that is at or below it */
    SEEK_BELOW,
    SEEK_LAST, /* the greatest of all; no key is given */
};

static inline bool seek_is_forward(enum seek how) {
    return how == SEEK_AT_OR_ABOVE || how == SEEK_ABOVE;
}

/* A node, and which of its children, or items, the walk is at. */
struct tree_place {
    const struct node *node;
    size_t at;
};

struct tree_walk {
    size_t height;                           /* of the root */
    struct tree_place path[TREE_HEIGHT_MAX]; /* path[0] is the leaf */
};

/* The item at which the walk begins, or NULL if there is none. */
const struct item *tree_seek(struct tree_walk *walk, const struct tree *tree, struct reel_str key,
                             enum seek how);

/* The next and the previous item. NULL: there is none, and the walk must begin again. */
const struct item *tree_next(struct tree_walk *walk);
const struct item *tree_previous(struct tree_walk *walk);

#endif
