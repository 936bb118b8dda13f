/* send.h: writes bytes to a follower's socket. No function here waits. */
#ifndef REEL_SINKS_FOLLOW_SEND_H
#define REEL_SINKS_FOLLOW_SEND_H

#include "follow/places.h"

enum sent {
    SENT_ALL,
    SENT_SOME, /* the socket is full; the rest of the frame is kept */
    SENT_NO_MEMORY,
    SENT_FAILED, /* the connection is broken */
};

/* Sends the current chunk. SENT_ALL: the chunk is sent completely. */
enum sent send_chunk(struct follower *follower);

/* Sends only the rest of the frame that has begun, and drops the rest of the chunk. SENT_ALL also
 * if no frame has begun. */
enum sent send_rest(struct follower *follower);

/* Sends a control frame. There must be no current chunk. */
enum sent send_bytes(struct follower *follower, struct reel_str bytes);

#endif
