/* arena.h: memory that is given back all at once.
 *
 * What a transaction allocates (records being changed, their texts, the undo list) dies with it,
 * so allocation is moving a pointer and release is one call. Blocks are kept between
 * transactions up to ARENA_KEEP_BYTES.
 */
#ifndef REEL_BASE_ARENA_H
#define REEL_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define ARENA_KEEP_BYTES ((size_t)8 << 20)

struct arena_block;

/* All of zero is an empty arena. */
struct arena {
    struct arena_block *blocks; /* the newest first */
    char *next, *end;           /* what is left of the newest */
    size_t used;                /* bytes handed out since the last reset */
};

void arena_finish(struct arena *arena);
void arena_reset(struct arena *arena);

/* Aligned for any type; NULL: out of memory. */
void *arena_alloc(struct arena *arena, size_t size);

/* Not aligned, for text. */
char *arena_text(struct arena *arena, size_t size);
void *arena_copy(struct arena *arena, const void *bytes, size_t size);

#endif
