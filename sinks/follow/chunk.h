/* chunk.h: frames as they go over the wire, one behind the other, with an index.
 *
 * Chunks are the followers' thread's own, and nothing in them is locked. One may be shared, and
 * grow while others send from it: they keep offsets, never pointers. What was written is not
 * written again.
 */
#ifndef REEL_SINKS_FOLLOW_CHUNK_H
#define REEL_SINKS_FOLLOW_CHUNK_H

#include "base/text.h"

#include <reel/view.h>

#include <stdatomic.h>

/* A piece of `chunk.meta`; `len` is CHUNK_NONE where there is no text, not even an empty one. */
struct chunk_span {
    uint32_t at, len;
};
#define CHUNK_NONE UINT32_MAX

struct chunk_frame {
    uint64_t seq;
    uint32_t end;                                  /* where it ends; it begins where the one before
                                                      it ends */
    uint32_t flags;                                /* REEL_LOG_…, of the entry */
    struct chunk_span type, subject, nats_subject; /* what filters look at */
};

struct chunk {
    unsigned refs;
    atomic_uint_fast64_t *total; /* bytes of all chunks, of which these count `counted` */
    size_t counted;              /* with what is reserved for more */
    bool is_shared;       /* has everything, and its readers filter; else what one of them wants */
    uint64_t after, last; /* it has what there is to send of `after` < seq <= `last` */
    struct text bytes, meta;
    struct chunk_frame *frames;
    size_t count, room;
};

/* With one reference; NULL: out of memory. The memory of its frames is counted in `total`, which
 * may be any thread's. Unref takes NULL. */
struct chunk *chunk_create(uint64_t after, bool is_shared, atomic_uint_fast64_t *total);
struct chunk *chunk_ref(struct chunk *chunk);
void chunk_unref(struct chunk *chunk);

/* Adds a frame: 0, or -ENOMEM, and the chunk is as it was. `entry` is NULL in what no filter will
 * look at. */
int chunk_add(struct chunk *chunk, uint64_t seq, struct reel_str frame,
              const struct reel_entry *entry);

/* Where frame `n` begins. */
size_t chunk_begin(const struct chunk *chunk, size_t n);

/* What a filter looks at of a frame, and nothing else; borrowed. */
struct reel_entry chunk_entry(const struct chunk *chunk, size_t n);

/* The first frame behind `seq`, and the one that byte `at` lies in; count: none. */
size_t chunk_find_seq(const struct chunk *chunk, uint64_t seq);
size_t chunk_find_byte(const struct chunk *chunk, size_t at);

#endif
