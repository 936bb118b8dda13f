/* node.h: nodes and items of the B+tree, and finding a key in one node. Both are parts of
 * memtables, and are on lists when they are no longer current.
 *
 * Only tree.c, tree_walk.c and version.c look inside.
 *
 * A leaf holds items in the order of their keys. An inner node holds children, and between each two
 * of them a separator: a key that is greater than all keys to its left and at most the least to its
 * right. A separator is an item without a value, and as short as it can be.
 *
 * Beside each key stands its head, a number in the order of keys: the 8 bytes behind those that all
 * keys of the node share. Heads decide most comparisons, so that a search touches the node and one
 * or two items, not an item in a cache line elsewhere for each comparison. What the keys share is
 * left out because keys mostly begin alike (`cell-000001`, `cell-000002`): all heads would be
 * equal.
 *
 * A part is made for one version, whose number is `born`. Until that version is published only the
 * writer knows the part and may change it. From then on it is immutable, and any thread that holds
 * a version with the part reads it without a lock.
 *
 * When a later version does without a part, the part is retired: it is put on a list and freed when
 * the last version that needs it has ended (version.h). `next` and `kind` belong to the writer:
 * readers do not look at them, so a part can be put on a list while it is being read.
 *
 * There is no reference count for each part: a copied node would have to raise the counts of thirty
 * others, each in a cache line of its own.
 */
#ifndef REEL_ENGINE_STORE_MEMTABLE_NODE_H
#define REEL_ENGINE_STORE_MEMTABLE_NODE_H

#include "engine/store/memtable/heap.h"

#include <reel/abi.h>
#include <stdlib.h>
#include <xxhash.h>

/* ---- Parts ----------------------------------------------------------------------------------- */

enum part_kind {
    PART_ITEM,
    PART_NODE,    /* a node alone: what is below it has a fate of its own */
    PART_SUBTREE, /* a node, and all that is below it */
};

struct part {
    struct part *next; /* in the list that it is on */
    uint64_t born;     /* number of the version that it was made for */
    uint32_t bytes;    /* of the heap */
    uint32_t kind;     /* enum part_kind, for a part on a list */
};

/* A list, the last put on it first. */
struct parts {
    struct part *first;
    size_t count, bytes;
};

static inline void parts_push(struct parts *parts, struct part *part, enum part_kind kind) {
    part->kind = kind;
    part->next = parts->first;
    parts->first = part;
    parts->count++;
    parts->bytes += part->bytes;
}

static inline struct part *parts_pop(struct parts *parts) {
    struct part *part = parts->first;
    if (!part) return NULL;
    parts->first = part->next;
    parts->count--;
    parts->bytes -= part->bytes;
    return part;
}

/* The bytes that a part has for itself: what rounding adds can be used. */
static inline size_t part_room(const struct part *part) {
    return part->bytes;
}

/* NULL: out of memory. The caller fills in what follows the header. `heap`: NULL is the C
 * library's. */
static inline struct part *part_create(struct heap *heap, size_t size, uint64_t born) {
    size_t bytes = (size + HEAP_ROUND - 1) / HEAP_ROUND * HEAP_ROUND;
    struct part *part = heap ? heap_take(heap, bytes) : malloc(bytes);
    if (!part) return NULL;
    part->born = born;
    part->bytes = (uint32_t)bytes;
    return part;
}

static inline void part_free(struct heap *heap, struct part *part) {
    if (heap)
        heap_give(heap, part, part->bytes);
    else
        free(part);
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

/* What makes a node 512 bytes. */
#define LEAF_ITEMS     29
#define INNER_KEYS     19
#define INNER_CHILDREN (INNER_KEYS + 1)

/* A key and its value, or a tombstone: the record was deleted, whatever lies below says. */
struct item {
    struct part part;
    XXH128_hash_t hash; /* as it was given with the value */
    uint32_t key_len;
    uint32_t value_len; /* ITEM_DELETED: a tombstone */
    char bytes[];       /* key, value */
};
#define ITEM_DELETED UINT32_MAX

static inline bool item_is_deleted(const struct item *item) {
    return item->value_len == ITEM_DELETED;
}

static inline struct reel_str item_key(const struct item *item) {
    return (struct reel_str){item->bytes, item->key_len};
}

/* Of a tombstone: empty. */
static inline struct reel_str item_value(const struct item *item) {
    return (struct reel_str){item->bytes + item->key_len,
                             item_is_deleted(item) ? 0 : item->value_len};
}

struct node {
    struct part part;
    uint8_t height;  /* 0: a leaf */
    uint8_t count;   /* keys; an inner node has one child more */
    uint16_t shared; /* all keys begin with the same bytes, at least so many */
    char common[16]; /* the first of these */
    union {
        struct {
            uint64_t heads[LEAF_ITEMS];
            struct item *keys[LEAF_ITEMS];
        } leaf;
        struct {
            uint64_t heads[INNER_KEYS];
            struct item *keys[INNER_KEYS];
            struct node *children[INNER_CHILDREN];
        } inner;
    };
};

_Static_assert(sizeof(struct node) == 512, "half a KB");

static inline uint64_t *node_heads(struct node *node) {
    return node->height ? node->inner.heads : node->leaf.heads;
}

static inline struct item **node_keys(struct node *node) {
    return node->height ? node->inner.keys : node->leaf.keys;
}

static inline bool node_is_full(const struct node *node) {
    return node->count == (node->height ? INNER_KEYS : LEAF_ITEMS);
}

/* Where the first key at or above `key` is; `count` if there is none. */
size_t node_find(const struct node *node, struct reel_str key, bool *ret_found);

/* The child in which `key` is, or would be. */
size_t node_child(const struct node *node, struct reel_str key);

/* Puts a key in, or takes one out, at its place. Children are the caller's. */
void node_insert_key(struct node *node, size_t at, struct item *key);
void node_remove_key(struct node *node, size_t at);

/* Moves the keys from `at` on to `to`, which is empty and of the same height; `skipped` of them
 * are left out. */
void node_move_keys(struct node *node, size_t at, size_t skipped, struct node *to);

/* How many bytes both begin with. */
size_t key_shared(struct reel_str a, struct reel_str b);

#endif
