/* heap.c: see heap.h. */
#include "engine/store/memtable/heap.h"

#include "base/invariant.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define CHUNK_ALIGN ((size_t)64 << 10)
#define CHUNK_BYTES (CHUNK_ALIGN - 64) /* with the C library's own bytes at most CHUNK_ALIGN */
#define EMPTY_MAX   256

struct slot {
    struct slot *next;
};

struct chunk {
    struct chunk *next, *previous; /* in a list of the heap */
    struct slot *given;            /* back */
    uint32_t slot_bytes, live;
    uint32_t used; /* from the beginning of the chunk */
};

#define CHUNK_HEAD ((sizeof(struct chunk) + HEAP_ROUND - 1) / HEAP_ROUND * HEAP_ROUND)

/* ---- Lists ----------------------------------------------------------------------------------- */

static void add(struct chunks *chunks, struct chunk *chunk) {
    chunk->previous = NULL;
    chunk->next = chunks->first;
    if (chunk->next) chunk->next->previous = chunk;
    chunks->first = chunk;
    chunks->count++;
}

static void take_out(struct chunks *chunks, struct chunk *chunk) {
    if (chunk->previous)
        chunk->previous->next = chunk->next;
    else
        chunks->first = chunk->next;
    if (chunk->next) chunk->next->previous = chunk->previous;
    chunks->count--;
}

/* ---- Chunks ---------------------------------------------------------------------------------- */

static struct chunk *chunk_of(void *part) {
    return (struct chunk *)((uintptr_t)part & ~(uintptr_t)(CHUNK_ALIGN - 1));
}

static bool is_full(const struct chunk *chunk) {
    return !chunk->given && chunk->used + chunk->slot_bytes > CHUNK_BYTES;
}

/* All of its pages at once, instead of a fault for each. Older kernels cannot. */
static struct chunk *populate(void *space) {
#ifdef MADV_POPULATE_WRITE
    (void)madvise(space, CHUNK_BYTES, MADV_POPULATE_WRITE);
#endif
    return space;
}

static struct chunk *open_chunk(struct heap *heap, size_t bytes) {
    struct chunk *chunk = heap->empty.first;
    void *space;
    if (chunk)
        take_out(&heap->empty, chunk);
    else if (posix_memalign(&space, CHUNK_ALIGN, CHUNK_BYTES) == 0)
        chunk = populate(space);
    else
        return NULL;
    *chunk = (struct chunk){.slot_bytes = (uint32_t)bytes, .used = CHUNK_HEAD};
    add(&heap->open[bytes / HEAP_ROUND], chunk);
    return chunk;
}

static void close_chunk(struct heap *heap, struct chunk *chunk) {
    take_out(&heap->open[chunk->slot_bytes / HEAP_ROUND], chunk);
    if (heap->empty.count < EMPTY_MAX)
        add(&heap->empty, chunk);
    else
        free(chunk);
}

/* ---- Parts ----------------------------------------------------------------------------------- */

void *heap_take(struct heap *heap, size_t bytes) {
    INVARIANT(bytes >= sizeof(struct slot) && bytes % HEAP_ROUND == 0);
    void *part;
    if (bytes > PART_BYTES_MAX) {
        part = malloc(bytes);
        if (part) heap->live++;
        return part;
    }
    struct chunk *chunk = heap->open[bytes / HEAP_ROUND].first;
    if (!chunk && !(chunk = open_chunk(heap, bytes))) return NULL;
    if (chunk->given) {
        part = chunk->given;
        chunk->given = chunk->given->next;
    } else {
        part = (char *)chunk + chunk->used;
        chunk->used += chunk->slot_bytes;
    }
    chunk->live++;
    heap->live++;
    if (is_full(chunk)) take_out(&heap->open[bytes / HEAP_ROUND], chunk);
    return part;
}

void heap_give(struct heap *heap, void *part, size_t bytes) {
    INVARIANT(heap->live > 0);
    heap->live--;
    if (bytes > PART_BYTES_MAX) {
        free(part);
        return;
    }
    struct chunk *chunk = chunk_of(part);
    INVARIANT(chunk->slot_bytes == bytes && chunk->live > 0);
    if (is_full(chunk)) add(&heap->open[bytes / HEAP_ROUND], chunk);
    ((struct slot *)part)->next = chunk->given;
    chunk->given = part;
    if (--chunk->live == 0) close_chunk(heap, chunk);
}

void heap_finish(struct heap *heap) {
    INVARIANT(heap->live == 0);
    for (struct chunk *chunk; (chunk = heap->empty.first);) {
        take_out(&heap->empty, chunk);
        free(chunk);
    }
}
