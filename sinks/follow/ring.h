/* ring.h: the newest chunks of a sequence of frames, for all followers that are near its end: each
 * chunk begins where the one before ends. When the ring is full, the oldest chunk is dropped. A
 * chunk lives as long as a follower sends from it.
 */
#ifndef REEL_SINKS_FOLLOW_RING_H
#define REEL_SINKS_FOLLOW_RING_H

#include "follow/chunk.h"

/* A chunk takes no more frames when it has this number of bytes. One frame always fits. */
#define CHUNK_BYTES ((size_t)64 << 10)

/* The limits of a ring. */
#define RING_CHUNKS_MAX 256
#define RING_BYTES_MAX  ((size_t)4 << 20)

/* All zero: empty. */
struct ring {
    struct chunk *chunks[RING_CHUNKS_MAX];
    size_t first, count;
    size_t bytes;
    uint64_t begin, end; /* it has all frames for `begin` < seq <= `end` */
};

/* Empties it; it then begins at this seq. */
void ring_begin(struct ring *ring, uint64_t seq);

/* The newest chunk, or NULL. */
struct chunk *ring_last(struct ring *ring);

/* Adds a new chunk at the end. NULL: out of memory. */
struct chunk *ring_add(struct ring *ring, atomic_uint_fast64_t *memory);

/* Call it after the newest chunk has grown: it had `counted` bytes before. Drops the oldest chunks
 * if there are too many bytes. */
void ring_grown(struct ring *ring, size_t counted);

/* The chunk with the first frames after `seq`, which must be in the ring. */
struct chunk *ring_find(struct ring *ring, uint64_t seq);

#endif
