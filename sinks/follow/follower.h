/* follower.h: the actions of one follower. They run on the hub's thread (hub.h). */
#ifndef REEL_SINKS_FOLLOW_FOLLOWER_H
#define REEL_SINKS_FOLLOW_FOLLOWER_H

#include "follow/places.h"

/* Takes the follower's turn: sends what can be sent. Afterwards the follower is in another list, or
 * has ended. */
void follower_turn(struct follower *follower);

/* Reads from the follower's socket. */
void follower_hear(struct follower *follower);

/* Checks the clock: sends pings and positions, and ends followers that make no progress. */
void follower_tick(struct follower *follower);

/* Closes the follower with this code, after the frame that has begun is sent. Only the first call
 * counts. */
void follower_close(struct follower *follower, enum hub_end end, unsigned code, const char *reason);

/* Ends the follower at once. Sends the reason before, if that is possible without waiting. */
void follower_cut(struct follower *follower, enum hub_end end, unsigned code, const char *reason);

#endif
