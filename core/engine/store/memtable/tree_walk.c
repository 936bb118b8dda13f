/* tree_walk.c: see tree_walk.h. */
#include "engine/store/memtable/tree_walk.h"

/* How many items ahead one is fetched into the cache, from its lengths on: items lie anywhere, and
 * waiting for each would take most of a walk's time. */
#define FETCH_AHEAD 4

static const struct item *item_at(const struct tree_walk *walk) {
    return walk->path[0].node->leaf.keys[walk->path[0].at];
}

/* Down from the node at `height`, along the first children or the last, to a leaf's first or last
 * item. */
static const struct item *descend_edge(struct tree_walk *walk, size_t height, bool last) {
    for (; height > 0; height--) {
        const struct tree_place *place = &walk->path[height];
        const struct node *child = place->node->inner.children[place->at];
        size_t end = child->height > 0 ? child->count : child->count - 1u;
        walk->path[height - 1] = (struct tree_place){child, last ? end : 0};
    }
    return item_at(walk);
}

/* The first item of the leaf behind this one. */
static const struct item *next_leaf(struct tree_walk *walk) {
    for (size_t height = 1; height <= walk->height; height++) {
        struct tree_place *place = &walk->path[height];
        if (place->at == place->node->count) continue;
        place->at++;
        return descend_edge(walk, height, false);
    }
    return NULL;
}

/* The last item of the leaf before this one. */
static const struct item *previous_leaf(struct tree_walk *walk) {
    for (size_t height = 1; height <= walk->height; height++) {
        struct tree_place *place = &walk->path[height];
        if (place->at == 0) continue;
        place->at--;
        return descend_edge(walk, height, true);
    }
    return NULL;
}

const struct item *tree_next(struct tree_walk *walk) {
    struct tree_place *leaf = &walk->path[0];
    if (leaf->at + 1 == leaf->node->count) return next_leaf(walk);
    leaf->at++;
    if (leaf->at + FETCH_AHEAD < leaf->node->count)
        __builtin_prefetch(&leaf->node->leaf.keys[leaf->at + FETCH_AHEAD]->key_len);
    return item_at(walk);
}

const struct item *tree_previous(struct tree_walk *walk) {
    struct tree_place *leaf = &walk->path[0];
    if (leaf->at == 0) return previous_leaf(walk);
    leaf->at--;
    if (leaf->at >= FETCH_AHEAD)
        __builtin_prefetch(&leaf->node->leaf.keys[leaf->at - FETCH_AHEAD]->key_len);
    return item_at(walk);
}

static const struct item *seek_last(struct tree_walk *walk, const struct node *root) {
    size_t end = root->height > 0 ? root->count : root->count - 1u;
    walk->path[root->height] = (struct tree_place){root, end};
    return descend_edge(walk, root->height, true);
}

const struct item *tree_seek(struct tree_walk *walk, const struct tree *tree, struct reel_str key,
                             enum seek how) {
    const struct node *node = tree->root;
    bool found;
    if (tree->count == 0) return NULL; /* also where a failed allocation left an empty leaf */
    walk->height = node->height;
    if (how == SEEK_LAST) return seek_last(walk, node);
    for (; node->height > 0; node = node->inner.children[walk->path[node->height].at])
        walk->path[node->height] = (struct tree_place){node, node_child(node, key)};
    size_t at = node_find(node, key, &found);
    bool past = found && how == SEEK_ABOVE; /* beyond the key itself */
    bool at_key = found && how == SEEK_AT_OR_BELOW;
    walk->path[0] = (struct tree_place){node, at + past};
    if (!seek_is_forward(how)) return at_key ? item_at(walk) : tree_previous(walk);
    return at + past < node->count ? item_at(walk) : next_leaf(walk);
}
