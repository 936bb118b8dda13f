/* places.h: a follower, the hub that it belongs to, and the lists through which it moves.
 *
 * Between two turns every follower is in exactly one of the hub's lists, that of its place; before
 * its first turn in `incoming`; and once it has ended in `gone`, until the round is over.
 *
 *     from            to                                            because
 *     ready, behind   ready, behind, later, in sync, full, closed   its turn is over
 *     later           ready                                         it is time to try again
 *     in sync         ready                                         the cursor has moved, or a
 * ping, a position or the end is due later, in sync  full a pong did not fit full            ready
 * its socket has room any             gone (place_leave) place_move holds every move against this
 * table.
 */
#ifndef REEL_SINKS_FOLLOW_PLACES_H
#define REEL_SINKS_FOLLOW_PLACES_H

#include "follow/hub_options.h"
#include "follow/tail.h"
#include "websocket/wire.h"

#include <pthread.h>
#include <stdatomic.h>

/* Where a follower stands between two turns. */
enum place {
    PLACE_READY,   /* it has something to do, and is near the end of the log */
    PLACE_BEHIND,  /* the same, from the log's depths: has to wait for those at its end */
    PLACE_LATER,   /* it could not have a view, or memory; tries again soon */
    PLACE_IN_SYNC, /* it has been sent everything */
    PLACE_FULL,    /* it waits for its socket */
    PLACE_CLOSED,  /* we have said our last word; the other side has yet to go */
    PLACES,
};

/* How far we are in closing. */
enum closing {
    CLOSING_NOT,
    CLOSING_OWED, /* as soon as nothing is in hand */
    CLOSING_SAID, /* or what is in hand is the rest of it */
};

struct follower {
    struct hub *hub;
    enum transport_kind kind;
    const struct transport *transport;
    struct event_filter filter; /* its strings lie behind this struct */
    struct reel_str received;   /* before it was handed over; owned */
    struct follower *next, *previous;
    enum place place;
    int fd; /* -1 when it is gone, and only its memory is left until the round is over */
    enum hub_end end;

    /* What is sent. */
    struct reel_epoch epoch;
    uint64_t seq;        /* all that matches up to here was sent; or is, with what is in hand */
    uint64_t told;       /* the last that the client knows of */
    struct chunk *chunk; /* in hand, or NULL */
    size_t frame;        /* of the chunk, the next to be sent */
    size_t sent;         /* bytes of that which have been */
    size_t stop;         /* only those before this one are to be sent; 0: all */
    bool owes_ping, owes_pong;
    enum closing closing;
    uint16_t close_code;
    const char *close_reason;
    bool heard_close; /* the other side has closed */
    bool is_deaf;     /* it has broken the protocol: nothing of it is looked at any more */

    /* When what happened (clock_ms). */
    uint64_t told_ms; /* it was sent an event or a position */
    uint64_t life_ms; /* anything moved, in either direction */
    uint64_t full_ms; /* it has been waiting for its socket, or the socket took something */
    int queued;       /* bytes in its socket, when that was looked at last */
    uint64_t ping_ms; /* the next is due */
    uint64_t pong_ms; /* a ping was sent and not answered yet; else 0 */
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
    int epoll, event; /* an eventfd: something is new */
    atomic_bool woken;
    atomic_uint_fast64_t reserved; /* places that are taken */
    struct transport_metrics metrics[TRANSPORTS];
    atomic_uint_fast64_t ended[HUB_ENDS];
    atomic_uint_fast64_t memory; /* of all chunks */

    /* From other threads, under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct place_list incoming;
    bool draining, ending;
    uint64_t count; /* of followers, incoming ones too */

    /* The thread's own. */
    struct place_list places[PLACES];
    struct follower *gone; /* to be freed when the round is over */
    struct tail tails[TRANSPORTS];
    struct framer framer;
    struct websocket_pool pool;
    struct text control; /* a frame that is no event's, in the making */
    uint64_t now_ms, tick_ms, later_ms;
    uint64_t cursor;
    bool finishing; /* the cursor goes no further: followers that reached it are closed */
};

/* [all of these: the hub's thread] */

void place_list_add(struct place_list *list, struct follower *follower);
void place_list_remove(struct place_list *list, struct follower *follower);

/* Puts a follower that is in no list into its first place, and watches its socket. */
void place_enter(struct follower *follower, enum place place);

/* Moves a follower to the end of another place's list. */
void place_move(struct follower *follower, enum place place);
void place_move_all(struct hub *hub, enum place from, enum place to);

/* Ends a follower: closes its socket. Its memory is freed when the round is over. */
void place_leave(struct follower *follower, enum hub_end end);

#endif
