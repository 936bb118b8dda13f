/* heap.h: memory for the parts of memtables, which are many, small, and of few sizes.
 *
 * It comes in chunks of 64 KiB, each for parts of one size. A chunk's address is a multiple of
 * that, so that it is found from a part's. Taking and giving back a part is a few instructions, and
 * touches the part and its chunk; the C library's heap, which looks for neighbours to join, took a
 * third of the writer's time under random keys.
 *
 * Parts of a memtable die together. So chunks become empty, and then serve parts of any size; what
 * is more than EMPTY_MAX of them goes back to the C library. Parts of more than PART_BYTES_MAX are
 * the C library's.
 *
 * All functions: [writer].
 */
#ifndef REEL_ENGINE_STORE_MEMTABLE_HEAP_H
#define REEL_ENGINE_STORE_MEMTABLE_HEAP_H

#include <stddef.h>

#define HEAP_ROUND     ((size_t)16)
#define PART_BYTES_MAX ((size_t)1024)

struct chunk;

/* A list, both ways. */
struct chunks {
    struct chunk *first;
    size_t count;
};

/* All zero is an empty heap. */
struct heap {
    struct chunks open[PART_BYTES_MAX / HEAP_ROUND + 1]; /* with room, by the size of parts */
    struct chunks empty;
    size_t live; /* parts */
};

/* `bytes`: a multiple of HEAP_ROUND, at least that; the same for both calls. NULL: out of memory.
 */
void *heap_take(struct heap *heap, size_t bytes);
void heap_give(struct heap *heap, void *part, size_t bytes);

/* No part is left. */
void heap_finish(struct heap *heap);

#endif
