/* follower.h: one follower's turns, within the hub's thread (hub.h). */
#ifndef REEL_SINKS_FOLLOW_FOLLOWER_H
#define REEL_SINKS_FOLLOW_FOLLOWER_H

#include "follow/places.h"

/* A follower's turn: sends what can be sent. It is moved to its next place, or is gone. */
void follower_turn(struct follower *follower);

/* Its socket has something to say. */
void follower_hear(struct follower *follower);

/* What time has brought: pings, positions, and the end of those that do not move. */
void follower_tick(struct follower *follower);

/* Closes with this code, once what is in hand has been sent. The first to say so counts. */
void follower_close(struct follower *follower, enum hub_end end, unsigned code, const char *reason);

/* Says why, if that can be said at once, and is gone. */
void follower_cut(struct follower *follower, enum hub_end end, unsigned code, const char *reason);

#endif
