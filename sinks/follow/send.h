/* send.h: handing bytes to a follower's socket. Nothing here waits. */
#ifndef REEL_SINKS_FOLLOW_SEND_H
#define REEL_SINKS_FOLLOW_SEND_H

#include "follow/places.h"

enum sent {
    SENT_ALL,
    SENT_SOME, /* the socket is full; the rest of the frame is in hand */
    SENT_NO_MEMORY,
    SENT_FAILED, /* the connection is broken */
};

/* What is in hand, up to its end; then nothing is. */
enum sent send_chunk(struct follower *follower);

/* Only the rest of a frame that was begun; SENT_ALL, too, if none was. What is behind it is let
 * go of. */
enum sent send_rest(struct follower *follower);

/* A whole frame that is no event's; nothing is in hand. */
enum sent send_bytes(struct follower *follower, struct reel_str bytes);

#endif
