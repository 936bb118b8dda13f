/* tail.h: the log as chunks of frames, for all followers of one transport.
 *
 * The end of the log, where most followers are, is framed once: the newest chunks are kept in a
 * ring, and whoever is within it sends from there. The ring grows when the first of them asks for
 * more. Who is behind the ring gets a chunk of its own, a bounded bite read from the log, and so
 * works its way up. A view lives only while such a bite is read.
 */
#ifndef REEL_SINKS_FOLLOW_TAIL_H
#define REEL_SINKS_FOLLOW_TAIL_H

#include "events/filter.h"
#include "follow/chunk.h"
#include "follow/transport.h"

#include <reel/sink.h>

/* A chunk takes no more events beyond so many bytes; one event fits always. */
#define CHUNK_BYTES ((size_t)64 << 10)

/* The ring's bounds. */
#define TAIL_CHUNKS_MAX 256
#define TAIL_BYTES_MAX  ((size_t)4 << 20)

struct tail {
    struct reel_stage *stage;
    const struct transport *transport;
    struct framer *framer;
    atomic_uint_fast64_t *memory; /* of all chunks (chunk.h) */
    struct text wire;             /* one frame in the making */

    struct chunk *ring[TAIL_CHUNKS_MAX]; /* each begins where the one before it ends */
    size_t first, count;
    size_t bytes;
    uint64_t begin, end;     /* it has begin < seq <= end */
    struct reel_epoch epoch; /* of the log that this is of */
};

void tail_init(struct tail *tail, struct reel_stage *stage, const struct transport *transport,
               struct framer *framer, atomic_uint_fast64_t *memory);
void tail_finish(struct tail *tail);

/* Lets go of what is kept; nobody is there to send it to. */
void tail_clear(struct tail *tail);

/* Where a follower stands, and what it wants. */
struct tail_place {
    const struct reel_epoch *epoch;
    uint64_t seq;
    const struct event_filter *filter;
};

/* Finds what comes behind a place. 1: a chunk, with a reference for the caller, and the first of
 * its frames to look at; 0: there is nothing yet. -ERANGE: that was trimmed away; -ESTALE: the log
 * is another one now; or an error of the view, or -ENOMEM: later, perhaps. */
int tail_next(struct tail *tail, const struct tail_place *place, struct chunk **ret,
              size_t *ret_frame);

/* Is this place within the ring, or at its end? */
bool tail_has(const struct tail *tail, uint64_t seq);

/* Are these of the same log? */
bool tail_is_same(const struct reel_epoch *a, const struct reel_epoch *b);

#endif
