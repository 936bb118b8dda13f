/* tail.h: the log as chunks of frames, for all followers of one transport.
 *
 * Most followers are near the end of the log, which is framed only once: the newest chunks are kept
 * in a ring, and all followers within the ring send from there. The ring grows when the first of
 * them needs more. A follower that is behind the ring gets a chunk of its own, with a limited
 * number of events from the log, until it reaches the ring. A view is open only while events are
 * read.
 */
#ifndef REEL_SINKS_FOLLOW_TAIL_H
#define REEL_SINKS_FOLLOW_TAIL_H

#include "events/filter.h"
#include "follow/ring.h"
#include "follow/transport.h"

#include <reel/sink_host.h>

struct tail {
    struct reel_sink_host *host;
    const struct transport *transport;
    struct framer *framer;
    atomic_uint_fast64_t *memory; /* bytes of all chunks (chunk.h) */

    struct ring ring;
    struct reel_epoch epoch; /* of the log to which the ring belongs */
};

void tail_init(struct tail *tail, struct reel_sink_host *host, const struct transport *transport,
               struct framer *framer, atomic_uint_fast64_t *memory);
void tail_finish(struct tail *tail);

/* Empties the ring, if there are no followers. */
void tail_clear(struct tail *tail);

/* The position of a follower, and the events that it gets. */
struct tail_place {
    const struct reel_epoch *epoch;
    uint64_t seq;
    const struct event_filter *filter;
};

/* Finds the next chunk for a position. 1: `ret_chunk`, with a reference for the caller, and the
 * first of its frames to look at; 0: there is nothing yet. -ERANGE: the next events were trimmed;
 * -ESTALE: the log was replaced; or an error of the view; or -ENOMEM: try again later. */
int tail_next(struct tail *tail, const struct tail_place *place, struct chunk **ret,
              size_t *ret_frame);

/* True if the position is within the ring or at its end. */
bool tail_has(const struct tail *tail, uint64_t seq);

/* True if both epochs are the same. */
bool tail_is_same(const struct reel_epoch *a, const struct reel_epoch *b);

#endif
