/* hub.h: everyone who follows the events, WebSocket and server-sent events alike, in one thread.
 *
 * The life of a follower
 *   1. An HTTP thread has checked the request: it reserves a place (follower_create), and has the
 *      answer's head sent or gives it along.
 *   2. hub_adopt hands the socket over. From then on it is the hub's, and libmicrohttpd has
 *      forgotten the connection.
 *   3. The follower takes its turns (follower.c): it sends what it has in hand, then what is owed
 *      (pong, ping, position, close), then takes the next chunk of the log (tail.h) at its own
 *      position. What it cannot do now decides its place: behind others, waiting for the cursor,
 *      for its socket, or for the other side to close.
 *   4. It ends when either side closes, or when it is cut for having made no progress.
 * Memory for a follower: what is declared here, and while its socket is full the frame of which a
 * part was sent. A long one it shares with all others who have not taken it yet. All frames in
 * memory are counted, and bounded (memory_max): beyond that, the follower that has waited longest
 * for its socket is cut.
 */
#ifndef REEL_SINKS_FOLLOW_HUB_H
#define REEL_SINKS_FOLLOW_HUB_H

#include "events/filter.h"
#include "follow/transport.h"

#include <reel/sink.h>

struct hub;
struct follower;

struct hub_options {
    struct reel_stage *stage;
    uint64_t followers_max;
    uint64_t ping_ms;     /* between two pings */
    uint64_t stall_ms;    /* without progress, or an answer to a ping */
    uint64_t position_ms; /* between two positions, when nothing matches */
    uint64_t memory_max;  /* frames that are kept for all, and held by those who do not read */
    int send_bytes;       /* SO_SNDBUF */
};

/* Why followers went. */
enum hub_end {
    HUB_END_CLIENT,    /* it closed, or went away */
    HUB_END_FAULT,     /* it broke the protocol */
    HUB_END_STALLED,   /* it did not read */
    HUB_END_SILENT,    /* it did not answer a ping */
    HUB_END_OVERTAKEN, /* by trimming */
    HUB_END_EPOCH,     /* the log is another one */
    HUB_END_SHUTDOWN,
    HUB_END_INTERNAL, /* an error of ours */
    HUB_ENDS,
};
extern const char *const hub_end_names[HUB_ENDS];

struct hub_figures {
    uint64_t followers, frames, bytes; /* of one transport */
};

int hub_start(const struct hub_options *options, struct hub **ret, struct reel_error *error);

/* The cursor has moved. Cheap, from any thread. */
void hub_wake(struct hub *hub);

/* Sends everyone what was applied until now, and closes; at most until then (clock_ms). */
void hub_drain(struct hub *hub, uint64_t until_ms);

/* Ends the thread and all followers. Nobody may call the hub meanwhile, or later. */
void hub_stop(struct hub *hub);

struct hub_figures hub_figures(struct hub *hub, enum transport_kind kind);
uint64_t hub_memory(struct hub *hub); /* frames, bytes */
uint64_t hub_ended(struct hub *hub, enum hub_end end);

/* ---- Followers ------------------------------------------------------------------------------- */

/* One that gets what matches behind `seq` of the log of that epoch; the filter is copied.
 * -EAGAIN: there are too many; -ENOMEM. */
int follower_create(struct hub *hub, enum transport_kind kind, const struct reel_epoch *epoch,
                    uint64_t seq, const struct event_filter *filter, struct follower **ret);

/* One that was not handed over. Takes NULL. */
void follower_destroy(struct follower *follower);

/* Hands it over, with its socket, what is to be sent before anything else, and what was received
 * already. 0; or -ENOMEM, and nothing was taken. */
int hub_adopt_take(struct hub *hub, struct follower *follower, int fd, struct reel_str head,
                   struct reel_str received);

#endif
