/* part.h: the parts of memtables, nodes and items, and lists of parts that are no longer current.
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
#ifndef REEL_ENGINE_STORE_MEMTABLE_PART_H
#define REEL_ENGINE_STORE_MEMTABLE_PART_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum part_kind {
    PART_ITEM,
    PART_NODE,    /* a node alone: what is below it has a fate of its own */
    PART_SUBTREE, /* a node, and all that is below it */
};

struct part {
    struct part *next; /* in the list that it is on */
    uint64_t born;     /* number of the version that it was made for */
    uint32_t bytes;    /* of the heap, with what the heap itself needs */
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

/* The heap's own word for each block, and what it rounds sizes to. */
#define HEAP_WORD  sizeof(size_t)
#define HEAP_ROUND ((size_t)16)

/* The bytes that a part has for itself: what rounding adds can be used. */
static inline size_t part_room(const struct part *part) {
    return part->bytes - HEAP_WORD;
}

/* NULL: out of memory. The caller fills in what follows the header. */
static inline struct part *part_create(size_t size, uint64_t born) {
    size_t bytes = (size + HEAP_WORD + HEAP_ROUND - 1) / HEAP_ROUND * HEAP_ROUND;
    struct part *part = malloc(bytes - HEAP_WORD);
    if (!part) return NULL;
    part->born = born;
    part->bytes = (uint32_t)bytes;
    return part;
}

#endif
