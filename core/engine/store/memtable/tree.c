/* tree.c: see tree.h. */
#include "engine/store/memtable/tree.h"

#include "base/invariant.h"

#include <errno.h>

/* ---- Parts of a group ------------------------------------------------------------------------ */

static bool is_own(const struct tree_edit *edit, const struct part *part) {
    INVARIANT(part->born <= edit->born);
#ifdef REEL_FAULT_13 /* a state that a view may have is changed where it lies */
    return part->born + 1 >= edit->born;
#endif
    return part->born == edit->born;
}

static void *create(struct tree_edit *edit, size_t size) {
    struct part *part = part_create(edit->heap, size, edit->born);
    if (part) edit->bytes += part->bytes;
    return part;
}

/* The trees no longer have it. What this group made nobody else has seen. */
static void drop(struct tree_edit *edit, struct part *part, enum part_kind kind) {
    edit->bytes -= part->bytes;
    if (is_own(edit, part))
        part_free(edit->heap, part);
    else
        parts_push(&edit->retired, part, kind);
}

static struct node *create_node(struct tree_edit *edit, uint8_t height) {
    struct node *node = create(edit, sizeof *node);
    if (!node) return NULL;
    node->height = height;
    node->count = 0;
    node->shared = 0;
    return node;
}

static struct item *create_item(struct tree_edit *edit, struct reel_str key, size_t value_len) {
    struct item *item = create(edit, sizeof *item + key.len + value_len);
    if (!item) return NULL;
    item->hash = (XXH128_hash_t){0, 0};
    item->key_len = (uint32_t)key.len;
    item->value_len = 0;
    if (key.len > 0) memcpy(item->bytes, key.data, key.len);
    return item;
}

/* The node at `place`, which this group may change. NULL: out of memory. */
static struct node *own(struct tree_edit *edit, struct node **place) {
    struct node *node = *place;
    if (is_own(edit, &node->part)) return node;
    struct node *copy = create(edit, sizeof *copy);
    if (!copy) return NULL;
    memcpy((char *)copy + sizeof copy->part, (char *)node + sizeof node->part,
           sizeof *node - sizeof node->part);
    drop(edit, &node->part, PART_NODE);
    return *place = copy;
}

/* ---- Splitting ------------------------------------------------------------------------------- */

/* Where a full node is parted. Keys that come in order fill each node before the next begins. */
static size_t split_point(const struct node *node, struct reel_str key) {
    bool found, is_last = node_find(node, key, &found) == node->count;
    if (!is_last) return node->count / 2;
    return node->height ? node->count - 2u : node->count - 1u;
}

/* The shortest key that is above `left` and not above `right`. */
static struct item *create_separator(struct tree_edit *edit, const struct item *left,
                                     const struct item *right) {
    struct reel_str key = item_key(right);
    key.len = key_shared(item_key(left), key) + 1;
    INVARIANT(key.len <= right->key_len);
    return create_item(edit, key, 0);
}

/* Gives `parent` a second node beside its child `at`, with the upper part of what that holds.
 * The parent has room, and both are this group's. */
static int split(struct tree_edit *edit, struct node *parent, size_t at, struct reel_str key) {
    struct node *left = parent->inner.children[at];
    size_t from = split_point(left, key);
    struct node *right = create_node(edit, left->height);
    if (!right) return -ENOMEM;
    struct item *separator;
    if (left->height == 0) {
        separator = create_separator(edit, left->leaf.keys[from - 1], left->leaf.keys[from]);
        if (!separator) drop(edit, &right->part, PART_NODE);
        if (!separator) return -ENOMEM;
        node_move_keys(left, from, 0, right);
    } else { /* the key in the middle moves up */
        separator = left->inner.keys[from];
        size_t children = (size_t)left->count - from;
        node_move_keys(left, from, 1, right);
        memcpy(right->inner.children, left->inner.children + from + 1,
               children * sizeof(struct node *));
    }
    struct node **children = parent->inner.children;
    memmove(children + at + 2, children + at + 1, (parent->count - at) * sizeof *children);
    children[at + 1] = right;
    node_insert_key(parent, at, separator);
    return 0;
}

/* A new root above the old one, as its only child. */
static struct node *raise_root(struct tree *tree, struct tree_edit *edit) {
    struct node *root = create_node(edit, tree->root->height + 1);
    if (!root) return NULL;
    INVARIANT(root->height < TREE_HEIGHT_MAX);
    root->inner.children[0] = tree->root;
    return tree->root = root;
}

/* ---- The way down ---------------------------------------------------------------------------- */

/* A node on the way down to a key, and its parent; all this group's own. */
struct step {
    struct node *parent; /* NULL: it is the root */
    size_t at;           /* which of its children */
    struct node *node;
};

/* Splits the node, which is full, and goes to the half in which the key is. */
static int make_room(struct tree *tree, struct tree_edit *edit, struct reel_str key,
                     struct step *step) {
    if (!step->parent) {
        step->parent = raise_root(tree, edit);
        step->at = 0;
        if (!step->parent) return -ENOMEM;
    }
    int rc = split(edit, step->parent, step->at, key);
    if (rc < 0) return rc;
    step->at = node_child(step->parent, key);
    step->node = step->parent->inner.children[step->at];
    return 0;
}

/* To the leaf of the key. Inner nodes on the way get room for one more child. */
static int descend(struct tree *tree, struct tree_edit *edit, struct reel_str key,
                   struct step *ret) {
    struct step step = {.node = own(edit, &tree->root)};
    while (step.node && step.node->height > 0) {
        int rc = node_is_full(step.node) ? make_room(tree, edit, key, &step) : 0;
        if (rc < 0) return rc;
        step.parent = step.node;
        step.at = node_child(step.parent, key);
        step.node = own(edit, &step.parent->inner.children[step.at]);
    }
    *ret = step;
    return step.node ? 0 : -ENOMEM;
}

/* ---- Putting --------------------------------------------------------------------------------- */

/* What an item is to hold. */
struct content {
    struct reel_str key, value;
    bool deleted;
    XXH128_hash_t hash;
};

static void fill(struct item *item, const struct content *content) {
    item->hash = content->hash;
    item->value_len = content->deleted ? ITEM_DELETED : (uint32_t)content->value.len;
    if (content->value.len > 0)
        memcpy(item->bytes + item->key_len, content->value.data, content->value.len);
}

/* An item that is much too large gives its memory back. */
static bool fits(const struct item *item, const struct content *content) {
    size_t room = part_room(&item->part);
    size_t needed = sizeof *item + content->key.len + content->value.len;
    return needed <= room && room - needed <= 64 + needed / 2;
}

static int replace(struct tree_edit *edit, struct item **place, const struct content *content) {
    if (is_own(edit, &(*place)->part) && fits(*place, content)) {
        fill(*place, content);
        return 0;
    }
    struct item *item = create_item(edit, content->key, content->value.len);
    if (!item) return -ENOMEM;
    fill(item, content);
    drop(edit, &(*place)->part, PART_ITEM);
    *place = item;
    return 0;
}

static int insert(struct tree *tree, struct tree_edit *edit, struct step *step,
                  const struct content *content) {
    bool found;
    if (node_is_full(step->node)) {
        int rc = make_room(tree, edit, content->key, step);
        if (rc < 0) return rc;
    }
    struct item *item = create_item(edit, content->key, content->value.len);
    if (!item) return -ENOMEM;
    fill(item, content);
    node_insert_key(step->node, node_find(step->node, content->key, &found), item);
    tree->count++;
    return 0;
}

static int put(struct tree *tree, struct tree_edit *edit, const struct content *content) {
    INVARIANT(content->key.len <= TREE_KEY_MAX && content->value.len <= TREE_VALUE_MAX);
    struct step step;
    bool found;
    if (!tree->root && !(tree->root = create_node(edit, 0))) return -ENOMEM;
    int rc = descend(tree, edit, content->key, &step);
    if (rc < 0) return rc;
    size_t at = node_find(step.node, content->key, &found);
    return found ? replace(edit, &step.node->leaf.keys[at], content)
                 : insert(tree, edit, &step, content);
}

int tree_put(struct tree *tree, struct tree_edit *edit, struct reel_str key, struct reel_str value,
             XXH128_hash_t hash) {
    const struct content content = {.key = key, .value = value, .hash = hash};
    return put(tree, edit, &content);
}

int tree_put_tombstone(struct tree *tree, struct tree_edit *edit, struct reel_str key,
                       XXH128_hash_t hash) {
    const struct content content = {.key = key, .deleted = true, .hash = hash};
    return put(tree, edit, &content);
}

/* ---- Erasing --------------------------------------------------------------------------------- */

/* Takes child `at` away, with the separator beside it. */
static void remove_child(struct tree_edit *edit, struct node *parent, size_t at) {
    struct node **children = parent->inner.children;
    size_t separator = at > 0 ? at - 1 : 0;
    memmove(children + at, children + at + 1, (parent->count - at) * sizeof *children);
    drop(edit, &parent->inner.keys[separator]->part, PART_ITEM);
    node_remove_key(parent, separator);
}

/* The way down from the root; path[0] is the leaf. */
static int own_path(struct tree *tree, struct tree_edit *edit, struct reel_str key,
                    struct step path[TREE_HEIGHT_MAX]) {
    struct step step = {.node = own(edit, &tree->root)};
    while (step.node) {
        path[step.node->height] = step;
        if (step.node->height == 0) return 0;
        step.parent = step.node;
        step.at = node_child(step.parent, key);
        step.node = own(edit, &step.parent->inner.children[step.at]);
    }
    return -ENOMEM;
}

/* The leaf has become empty: it goes, with all above it that had nothing else. */
static void remove_empty(struct tree *tree, struct tree_edit *edit, const struct step *path) {
    for (const struct step *step = path;; step++) {
        struct node *parent = step->parent;
        drop(edit, &step->node->part, PART_NODE);
        if (!parent) {
            tree->root = NULL;
            return;
        }
        if (parent->count > 0) {
            remove_child(edit, parent, step->at);
            return;
        }
    }
}

/* A root with one child does nothing. */
static void lower_root(struct tree *tree, struct tree_edit *edit) {
    while (tree->root && tree->root->height > 0 && tree->root->count == 0) {
        struct node *root = tree->root;
        tree->root = root->inner.children[0];
        drop(edit, &root->part, PART_NODE);
    }
}

int tree_erase(struct tree *tree, struct tree_edit *edit, struct reel_str key) {
    struct step path[TREE_HEIGHT_MAX];
    bool found;
    if (!tree_get(tree, key)) return -ENOENT; /* before any node is copied for it */
    int rc = own_path(tree, edit, key, path);
    if (rc < 0) return rc;
    struct node *leaf = path[0].node;
    size_t at = node_find(leaf, key, &found);
    INVARIANT(found);
    drop(edit, &leaf->leaf.keys[at]->part, PART_ITEM);
    node_remove_key(leaf, at);
    tree->count--;
    if (leaf->count == 0) remove_empty(tree, edit, path);
    lower_root(tree, edit);
    return 0;
}

/* ---- Clearing ---------------------------------------------------------------------------------
 */

/* Of all that is below a node, and the node. */
static size_t bytes_of(struct node *node) {
    struct item **keys = node_keys(node);
    size_t bytes = node->part.bytes;
    for (size_t i = 0; i < node->count; i++) bytes += keys[i]->part.bytes;
    for (size_t i = 0; node->height > 0 && i <= node->count; i++)
        bytes += bytes_of(node->inner.children[i]);
    return bytes;
}

void tree_clear(struct tree *tree, struct tree_edit *edit) {
    if (tree->root) {
        size_t bytes = bytes_of(tree->root);
        edit->bytes -= bytes;
        edit->cleared_bytes += bytes - tree->root->part.bytes;
        parts_push(&edit->retired, &tree->root->part, PART_SUBTREE);
    }
    *tree = (struct tree){.cleared = true};
}

/* ---- Undoing --------------------------------------------------------------------------------- */

/* All that a group made is reached through nodes that it made: paths are copied from the root. */
static void free_own(struct node *node, const struct tree_edit *edit) {
    if (!is_own(edit, &node->part)) return;
    struct item **keys = node_keys(node);
    for (size_t i = 0; i < node->count; i++)
        if (is_own(edit, &keys[i]->part)) part_free(edit->heap, &keys[i]->part);
    for (size_t i = 0; node->height > 0 && i <= node->count; i++)
        free_own(node->inner.children[i], edit);
    part_free(edit->heap, &node->part);
}

void tree_undo(struct tree *tree, struct tree before, const struct tree_edit *edit) {
    if (tree->root) free_own(tree->root, edit);
    *tree = before;
}

/* ---- Reading --------------------------------------------------------------------------------- */

const struct item *tree_get(const struct tree *tree, struct reel_str key) {
    const struct node *node = tree->root;
    bool found;
    if (!node) return NULL;
    while (node->height > 0) node = node->inner.children[node_child(node, key)];
    size_t at = node_find(node, key, &found);
    return found ? node->leaf.keys[at] : NULL;
}
