/* hub.h: one thread serves all clients that follow events, or the records of a collection, by
 * WebSocket or server-sent events.
 *
 * The life of a follower
 *   1. An HTTP thread checks the request and reserves a place (follower_create). The head of the
 *      answer is sent by this thread, or is passed to hub_adopt.
 *   2. hub_adopt hands the socket over. From then on it belongs to the hub, and libmicrohttpd does
 *      not use the connection any more.
 *   3. The follower has turns (follower.c). In a turn, it sends its current chunk, then pending
 *      control frames (pong, ping, position, close), and then takes the next chunk at its own
 *      position: of the log (tail.h), or of the changes of records (records.h). If it cannot
 * continue, it is moved to a list: it waits for its next turn, for the cursor, for its socket, or
 * until the client closes.
 *   4. It ends when either side closes, or when it makes no progress.
 * Memory for a follower: its struct, and while its socket is full the frame that is partly sent. A
 * long frame is shared with all followers that have not sent it completely. The memory of all
 * frames is limited (memory_max): above this limit, the follower whose socket has been full for the
 * longest time is ended.
 */
#ifndef REEL_SINKS_FOLLOW_HUB_H
#define REEL_SINKS_FOLLOW_HUB_H

#include "events/filter.h"
#include "follow/hub_options.h"
#include "follow/record_filter.h"
#include "follow/transport.h"

struct hub;
struct follower;

struct hub_metrics {
    uint64_t followers, frames, bytes; /* of the followers of one transport */
};

int hub_start(const struct hub_options *options, struct hub **ret, struct reel_error *error);

/* Says that the cursor has moved. Takes little time. Any thread. */
void hub_wake(struct hub *hub);

/* Sends the events that are applied now to every follower, and closes the followers. Returns at
 * `until_ms` (clock_ms) at the latest. */
void hub_drain(struct hub *hub, uint64_t until_ms);

/* Ends the thread and all followers. No other function of the hub may run at the same time, or
 * later. */
void hub_stop(struct hub *hub);

struct hub_metrics hub_metrics(struct hub *hub, enum transport_kind kind);
uint64_t hub_memory(struct hub *hub); /* bytes of all frames */
uint64_t hub_ended(struct hub *hub, enum hub_end end);

/* ---- Followers ------------------------------------------------------------------------------- */

/* Creates a follower that gets the events after `seq`, in the log with this epoch, that match the
 * filter. The filter is copied. -EAGAIN: there are already followers_max followers; -ENOMEM. */
int follower_create(struct hub *hub, enum transport_kind kind, const struct reel_epoch *epoch,
                    uint64_t seq, const struct event_filter *filter, struct follower **ret);

/* What a follower of records wants. */
struct record_wanted {
    const char *collection; /* borrowed for ever */
    struct reel_epoch epoch;
    uint64_t seq, generation;
    bool has_snapshot;           /* it has the records as of `seq`; otherwise it gets them first */
    bool wants_digest;           /* in positions */
    struct record_filter filter; /* owned */
};

/* Creates a follower of records. Errors as above. The caller finishes the filter if it fails. */
int follower_create_of_records(struct hub *hub, enum transport_kind kind,
                               struct record_wanted *wanted, struct follower **ret);

/* Destroys a follower that was not handed over to the hub. `follower` may be NULL. */
void follower_destroy(struct follower *follower);

/* Hands the follower over to the hub, with its socket, bytes that are sent first (`head`), and
 * bytes that the client has already sent. -ENOMEM: the caller still owns follower and socket. */
int hub_adopt_take(struct hub *hub, struct follower *follower, int fd, struct reel_str head,
                   struct reel_str received);

#endif
