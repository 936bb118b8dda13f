/* peer_support.h: the other side of a follower: what it is sent on a pair of sockets. */
#ifndef TESTS_UNIT_PEER_SUPPORT_H
#define TESTS_UNIT_PEER_SUPPORT_H

#include "base/text.h"
#include "follow/hub.h"

#include <stdbool.h>

/* How long a test waits for what must come, ms. */
enum { PATIENCE_MS = 30000 };

struct peer {
    int fd;
    struct text in;
    size_t at;
};

/* Hands the follower over to the hub, with one of two new sockets; the peer has the other one.
 * `head` and `received` are hub_adopt_take's. */
struct peer peer_adopted(struct hub *hub, struct follower *follower, struct reel_str head,
                         struct reel_str received);
void peer_close(struct peer *peer);

/* More has come; false: the end. */
bool peer_read(struct peer *peer);

/* A whole frame's opcode and payload, good until the next; -1: the end. */
int peer_frame(struct peer *peer, struct reel_str *ret);

#endif
