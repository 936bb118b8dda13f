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

/* Sends the chunk in hand. SENT_ALL: no chunk is in hand any more. */
enum sent send_chunk(struct follower *follower);

/* Sends only the rest of the frame that was begun, and drops the rest of the chunk. SENT_ALL also
 * if no frame was begun. */
enum sent send_rest(struct follower *follower);

/* Sends a control frame. No chunk is in hand. */
enum sent send_bytes(struct follower *follower, struct reel_str bytes);

#endif
