/* ring.c: see ring.h. */
#include "follow/ring.h"

#include "base/invariant.h"

static struct chunk **ring_at(struct ring *ring, size_t n) {
    return &ring->chunks[(ring->first + n) % RING_CHUNKS_MAX];
}

static void drop_first(struct ring *ring) {
    struct chunk *chunk = *ring_at(ring, 0);
    INVARIANT(ring->count > 0 && ring->bytes >= chunk->counted);
    ring->first = (ring->first + 1) % RING_CHUNKS_MAX;
    ring->count--;
    ring->bytes -= chunk->counted;
    ring->begin = chunk->last;
    chunk_unref(chunk);
}

void ring_begin(struct ring *ring, uint64_t seq) {
    while (ring->count > 0) drop_first(ring);
    INVARIANT(ring->bytes == 0);
    ring->begin = ring->end = seq;
}

struct chunk *ring_last(struct ring *ring) {
    return ring->count > 0 ? *ring_at(ring, ring->count - 1) : NULL;
}

struct chunk *ring_add(struct ring *ring, atomic_uint_fast64_t *memory) {
    if (ring->count == RING_CHUNKS_MAX) drop_first(ring);
    struct chunk *chunk = chunk_create(ring->end, true, memory);
    if (chunk) *ring_at(ring, ring->count++) = chunk;
    return chunk;
}

void ring_grown(struct ring *ring, size_t counted) {
    struct chunk *chunk = ring_last(ring);
    ring->bytes += chunk->counted - counted;
    INVARIANT(chunk->last >= ring->end && ring->begin <= chunk->after);
    ring->end = chunk->last;
    while (ring->bytes > RING_BYTES_MAX && ring->count > 1) drop_first(ring);
}

struct chunk *ring_find(struct ring *ring, uint64_t seq) {
    INVARIANT(ring->count > 0 && seq >= ring->begin && seq < ring->end);
    size_t low = 0, high = ring->count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((*ring_at(ring, middle))->last > seq)
            high = middle;
        else
            low = middle + 1;
    }
    return *ring_at(ring, low);
}
