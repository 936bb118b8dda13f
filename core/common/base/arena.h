/* arena.h: memory that is released all at once.
 *
 * Everything that a transaction allocates (changed records, their texts, the undo list) is released
 * at its end. So an allocation only moves a pointer, and there is one call to release all. Between
 * transactions, up to ARENA_KEEP_BYTES are kept.
 */
#ifndef REEL_BASE_ARENA_H
#define REEL_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define ARENA_KEEP_BYTES ((size_t)8 << 20)

struct arena_block;

/* All zero: an empty arena. */
struct arena {
    struct arena_block *blocks; /* the newest first */
    char *next, *end;           /* the free part of the newest block */
    size_t used;                /* bytes that were allocated since the last reset */
};

void arena_finish(struct arena *arena);
void arena_reset(struct arena *arena);

/* Aligned for any type; NULL: out of memory. */
void *arena_alloc(struct arena *arena, size_t size);

/* Not aligned, for text. */
char *arena_text(struct arena *arena, size_t size);
void *arena_copy(struct arena *arena, const void *bytes, size_t size);

#endif
