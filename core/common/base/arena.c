/* arena.c: see arena.h. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)256 << 10)

struct arena_block {
    struct arena_block *older;
    size_t size;
    alignas(max_align_t) char bytes[];
};

void arena_finish(struct arena *arena) {
    while (arena->blocks) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->older;
        free(block);
    }
    *arena = (struct arena){0};
}

void arena_reset(struct arena *arena) {
    size_t kept = 0;
    for (struct arena_block *b = arena->blocks; b; b = b->older) kept += b->size;
    if (arena->blocks && (arena->blocks->older || kept > ARENA_KEEP_BYTES)) {
        /* several blocks were needed: next time, one block of this size will be enough */
        arena_finish(arena);
        if (kept > ARENA_KEEP_BYTES) kept = ARENA_KEEP_BYTES;
        struct arena_block *block = malloc(sizeof *block + kept);
        if (!block) return;
        *block = (struct arena_block){.size = kept};
        arena->blocks = block;
    }
    if (arena->blocks) {
        arena->next = arena->blocks->bytes;
        arena->end = arena->next + arena->blocks->size;
    }
    arena->used = 0;
}

/* Makes room for `size` more bytes. */
static int arena_grow(struct arena *arena, size_t size) {
    size_t block_size = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    struct arena_block *block = malloc(sizeof *block + block_size);
    if (!block) return -1;
    *block = (struct arena_block){.older = arena->blocks, .size = block_size};
    arena->blocks = block;
    arena->next = block->bytes;
    arena->end = block->bytes + block_size;
    return 0;
}

static char *arena_take(struct arena *arena, size_t pad, size_t size) {
    if (!arena->next || (size_t)(arena->end - arena->next) < pad + size) {
        if (arena_grow(arena, size) < 0) return NULL;
        pad = 0; /* the beginning of a block is aligned */
    }
    char *taken = arena->next + pad;
    arena->next = taken + size;
    arena->used += pad + size;
    return taken;
}

void *arena_alloc(struct arena *arena, size_t size) {
    return arena_take(arena, -(uintptr_t)arena->next & (alignof(max_align_t) - 1), size);
}

char *arena_text(struct arena *arena, size_t size) {
    return arena_take(arena, 0, size);
}

void *arena_copy(struct arena *arena, const void *bytes, size_t size) {
    char *copy = arena_text(arena, size);
    if (copy && size) memcpy(copy, bytes, size);
    return copy;
}
