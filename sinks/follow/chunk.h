/* chunk.h: frames in the form in which they are sent, one after the other, with an index.
 *
 * Only the followers' thread uses chunks, so they need no lock. A chunk may be shared, and may grow
 * while followers send from it: followers store offsets, never pointers. Bytes that were written do
 * not change.
 */
#ifndef REEL_SINKS_FOLLOW_CHUNK_H
#define REEL_SINKS_FOLLOW_CHUNK_H

#include "base/text.h"

#include <reel/view.h>

#include <stdatomic.h>

/* A part of `chunk.meta`. `len` is CHUNK_NONE if there is no text, which is not the same as an
 * empty text. */
struct chunk_span {
    uint32_t at, len;
};
#define CHUNK_NONE UINT32_MAX

struct chunk_frame {
    uint64_t seq;
    uint32_t end;   /* where the frame ends; it begins where the frame before it ends */
    uint32_t flags; /* REEL_LOG_…, of the entry; or CHUNK_MORE */
    union {
        struct {
            struct chunk_span type, subject, nats_subject; /* for filters */
        };
        struct chunk_span key; /* of the record, in chunks with changes of records */
    };
};

/* The event `seq` has changed more records, whose frames come later: a follower that has received
 * this frame has not received all of `seq`. */
#define CHUNK_MORE UINT32_C(0x80000000)

struct chunk {
    unsigned refs;
    atomic_uint_fast64_t *total; /* bytes of all chunks, including `counted` bytes of this one */
    size_t counted;              /* including memory that is reserved for more frames */
    bool is_shared; /* it has all events, and its followers filter them; otherwise it has the events
                       for one follower */
    uint64_t after, last; /* it has all frames for `after` < seq <= `last` */
    struct text bytes, meta;
    struct chunk_frame *frames;
    size_t count, room;
};

/* Creates a chunk with one reference. NULL: out of memory. The memory of its frames is counted in
 * `total`, which other threads may read. chunk_unref accepts NULL. */
struct chunk *chunk_create(uint64_t after, bool is_shared, atomic_uint_fast64_t *total);
struct chunk *chunk_ref(struct chunk *chunk);
void chunk_unref(struct chunk *chunk);

/* A new frame is appended to `bytes`, and then ended or dropped. -ENOMEM: it is dropped. `entry` is
 * NULL if no filter is applied to the frame. */
int chunk_end_frame(struct chunk *chunk, uint64_t seq, const struct reel_entry *entry);
void chunk_drop_frame(struct chunk *chunk);

/* The same for the change of a record. `more`: CHUNK_MORE applies. */
int chunk_end_change(struct chunk *chunk, uint64_t seq, struct reel_str key, bool more);

/* The key of the frame's record. Borrowed. */
struct reel_str chunk_key(const struct chunk *chunk, size_t n);

/* Adds a frame that is there already. -ENOMEM: the chunk does not change. */
int chunk_add(struct chunk *chunk, uint64_t seq, struct reel_str frame);

/* Where frame `n` begins. */
size_t chunk_begin(const struct chunk *chunk, size_t n);

/* The members of the frame's entry that filters use; the others are empty. Borrowed. */
struct reel_entry chunk_entry(const struct chunk *chunk, size_t n);

/* The first frame after `seq`; and the frame that contains byte `at`. `count`: there is none. */
size_t chunk_find_seq(const struct chunk *chunk, uint64_t seq);
size_t chunk_find_byte(const struct chunk *chunk, size_t at);

#endif
