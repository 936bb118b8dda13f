/* places.h: a follower, its hub, and the lists through which followers move.
 *
 * Between two turns, every follower is in exactly one list of the hub: the list of its place.
 * Before its first turn, it is in `incoming`. When it has ended, it is in `gone` until the end of
 * the round.
 *
 *     from             to                        because
 *     ready, behind    any                       its turn is over
 *     later            ready                     it is time to try again
 *     in sync          ready                     the cursor has moved, or a ping, a position
 *                                                or a close frame is due
 *     later, in sync   full                      a pong did not fit into the socket
 *     full             ready                     its socket has space
 *     any              gone (place_leave)        it has ended
 *
 * place_move checks every move with the table `moves`.
 */
#ifndef REEL_SINKS_FOLLOW_PLACES_H
#define REEL_SINKS_FOLLOW_PLACES_H

#include "follow/hub_options.h"
#include "follow/records.h"
#include "follow/tail.h"
#include "websocket/wire.h"

#include <pthread.h>
#include <stdatomic.h>

/* The place of a follower between two turns. */
enum place {
    PLACE_READY,   /* it has something to send, and is near the end of the log */
    PLACE_BEHIND,  /* it has something to send, but is far from the end: followers near the end come
                      first */
    PLACE_LATER,   /* it could not open a view, or had no memory; it tries again soon */
    PLACE_IN_SYNC, /* everything has been sent */
    PLACE_FULL,    /* its socket is full */
    PLACE_CLOSED,  /* we have sent our close frame, and wait for the client to close */
    PLACES,
};

/* How far we are in closing. closing_move holds every move against this table:
 *
 *     from    to           because
 *     not     owed, said   it is to be closed; it is cut, and told so at once
 *     owed    said, not    the frame is sent; a fault of the client goes before
 */
enum closing {
    CLOSING_NOT,
    CLOSING_OWED, /* as soon as nothing is in hand */
    CLOSING_SAID, /* or what is in hand is the rest of it */
    CLOSINGS,
};

struct follower {
    struct hub *hub;
    enum transport_kind kind;
    const struct transport *transport;
    struct event_filter filter;    /* its strings follow this struct in memory */
    struct record_cursor *records; /* of a follower of records, also there; NULL: it follows events
                                    */
    struct reel_str received;      /* received before the follower was handed over; owned */
    struct follower *next, *previous;
    enum place place;
    int fd; /* -1 if the follower has ended; its memory is freed at the end of the round */
    enum hub_end end;

    /* About sending. */
    struct reel_epoch epoch;
    uint64_t seq;  /* all events up to here that match were sent, or are in the present chunk; of
                      records: records.h */
    uint64_t told; /* the last seq that the client knows; of records: the last position */
    struct chunk *chunk; /* the chunk that is being sent, or NULL */
    size_t frame;        /* of the chunk: the next frame to send */
    size_t sent;         /* bytes of this frame that were sent */
    size_t stop;         /* only frames before this one are sent; 0: all */
    bool owes_ping, owes_pong;
    enum closing closing;
    uint16_t close_code;
    const char *close_reason;
    bool heard_close; /* the client has closed */
    bool is_deaf;     /* the client has broken the protocol: its input is not read any more */

    /* Times of the last events (clock_ms). */
    uint64_t told_ms; /* an event or a position was sent */
    uint64_t life_ms; /* bytes were sent or received */
    uint64_t full_ms; /* the socket became full, or last took some bytes while full */
    int queued;       /* bytes in the socket, when last checked */
    uint64_t ping_ms; /* the next ping is due */
    uint64_t pong_ms; /* a ping was sent that is not answered; otherwise 0 */
    uint64_t closed_ms;

    struct websocket_input input;
    uint8_t pong_len;
    uint8_t pong[WEBSOCKET_CONTROL_MAX];
};

struct place_list {
    struct follower *first, *last;
};

struct transport_metrics {
    atomic_uint_fast64_t followers, frames, bytes;
};

struct hub {
    struct hub_options options;
    pthread_t thread;
    int epoll, event; /* an eventfd, which wakes the thread */
    atomic_bool woken;
    atomic_uint_fast64_t reserved; /* number of followers that exist or are reserved */
    struct transport_metrics metrics[TRANSPORTS];
    atomic_uint_fast64_t ended[HUB_ENDS];
    atomic_uint_fast64_t memory; /* bytes of all chunks */

    /* Written by other threads; protected by the lock. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct place_list incoming;
    bool draining, ending;
    uint64_t count; /* number of followers, including incoming ones */

    /* Used by the hub's thread only. */
    struct place_list places[PLACES];
    struct follower *gone; /* freed at the end of the round */
    struct tail tails[TRANSPORTS];
    struct record_streams streams; /* of followers of records */
    struct framer framer;
    struct websocket_pool pool;
    struct text control; /* a control frame that is being made */
    uint64_t now_ms, tick_ms, later_ms;
    uint64_t points_ms; /* followers in sync have a position to send then; UINT64_MAX: none */
    uint64_t cursor, commit;
    bool finishing; /* the cursor will not move any more: followers that are in sync are closed */
};

/* All of these are called on the hub's thread. */

void place_list_add(struct place_list *list, struct follower *follower);
void place_list_remove(struct place_list *list, struct follower *follower);

/* Puts a new follower into its first place, and adds its socket to epoll. */
void place_enter(struct follower *follower, enum place place);

/* Moves a follower to the end of another place's list. */
void place_move(struct follower *follower, enum place place);
void place_move_all(struct hub *hub, enum place from, enum place to);

/* Moves a follower on in closing. */
void closing_move(struct follower *follower, enum closing to);

/* Ends a follower: closes its socket. Its memory is freed when the round is over. */
void place_leave(struct follower *follower, enum hub_end end);

#endif
