/* node.c: see node.h. */
#include "engine/store/memtable/node.h"

#include "base/text.h"

#include <endian.h>

size_t key_shared(struct reel_str a, struct reel_str b) {
    size_t most = a.len < b.len ? a.len : b.len, len = 0;
    while (len < most && a.data[len] == b.data[len]) len++;
    return len;
}

/* The 8 bytes behind the first `skip`, filled up with zeros, as a number in their order. */
static uint64_t key_head(struct reel_str key, size_t skip) {
    uint64_t head = 0;
    if (key.len >= skip + sizeof head)
        memcpy(&head, key.data + skip, sizeof head);
    else if (key.len > skip)
        memcpy(&head, key.data + skip, key.len - skip);
    return be64toh(head);
}

static struct reel_str without(struct reel_str key, size_t skip) {
    if (skip == 0) return key; /* an empty key may have no bytes to count from */
    return (struct reel_str){key.data + skip, key.len - skip};
}

/* ---- Finding --------------------------------------------------------------------------------- */

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Compares `key` with the bytes that all keys of the node share: 0 if it begins with them. */
static int compare_shared(const struct node *node, struct reel_str key) {
    size_t len = least(key.len, node->shared), near = least(len, sizeof node->common);
    int order = near > 0 ? memcmp(key.data, node->common, near) : 0;
    if (order == 0 && len > near) {
        const struct item *any = node->height ? node->inner.keys[0] : node->leaf.keys[0];
        order = memcmp(key.data + near, any->bytes + near, len - near);
    }
    return order != 0 ? order : key.len < node->shared ? -1 : 0;
}

size_t node_find(const struct node *node, struct reel_str key, bool *ret_found) {
    const uint64_t *heads = node->height ? node->inner.heads : node->leaf.heads;
    struct item *const *keys = node->height ? node->inner.keys : node->leaf.keys;
    *ret_found = false;
    int side = compare_shared(node, key);
    if (side != 0) return side < 0 ? 0 : node->count;
    uint64_t head = key_head(key, node->shared);
    struct reel_str rest = without(key, node->shared);
    size_t low = 0, high = node->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = heads[middle] < head ? -1 : heads[middle] > head;
        if (order == 0) order = str_compare(without(item_key(keys[middle]), node->shared), rest);
        if (order == 0) *ret_found = true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t node_child(const struct node *node, struct reel_str key) {
    bool found;
    size_t at = node_find(node, key, &found);
    return at + found; /* a key that is the separator's own stands to the right of it */
}

/* ---- Changing -------------------------------------------------------------------------------- */

/* Keys are sorted, so what the first and the last share, all do. */
static void renew_heads(struct node *node) {
    struct item **keys = node_keys(node);
    uint64_t *heads = node_heads(node);
    node->shared = 0;
    if (node->count == 0) return;
    size_t shared = key_shared(item_key(keys[0]), item_key(keys[node->count - 1]));
    node->shared = (uint16_t)least(shared, UINT16_MAX);
    memcpy(node->common, keys[0]->bytes, least(shared, sizeof node->common));
    for (size_t i = 0; i < node->count; i++) heads[i] = key_head(item_key(keys[i]), node->shared);
}

void node_insert_key(struct node *node, size_t at, struct item *key) {
    struct item **keys = node_keys(node);
    uint64_t *heads = node_heads(node);
    bool alike = node->count > 0 && compare_shared(node, item_key(key)) == 0;
    memmove(keys + at + 1, keys + at, (node->count - at) * sizeof *keys);
    memmove(heads + at + 1, heads + at, (node->count - at) * sizeof *heads);
    keys[at] = key;
    node->count++;
    if (alike)
        heads[at] = key_head(item_key(key), node->shared);
    else
        renew_heads(node);
}

void node_remove_key(struct node *node, size_t at) {
    struct item **keys = node_keys(node);
    uint64_t *heads = node_heads(node);
    node->count--;
    memmove(keys + at, keys + at + 1, (node->count - at) * sizeof *keys);
    memmove(heads + at, heads + at + 1, (node->count - at) * sizeof *heads);
    if (node->count == 0) node->shared = 0;
}

void node_move_keys(struct node *node, size_t at, size_t skipped, struct node *to) {
    to->count = (uint8_t)(node->count - at - skipped);
    memcpy(node_keys(to), node_keys(node) + at + skipped, to->count * sizeof(struct item *));
    node->count = (uint8_t)at;
    renew_heads(node);
    renew_heads(to);
}
