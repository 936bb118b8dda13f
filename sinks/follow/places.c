/* places.c: see places.h. */
#include "follow/places.h"

#include "base/invariant.h"
#include "base/trace.h"

#include <inttypes.h>
#include <sys/epoll.h>
#include <unistd.h>

/* From each place, the places that a follower may move to (places.h). */
static const unsigned moves[PLACES] = {
    [PLACE_READY] = STATE_BIT(PLACES) - 1,
    [PLACE_BEHIND] = STATE_BIT(PLACES) - 1,
    [PLACE_LATER] = STATE_BIT(PLACE_READY) | STATE_BIT(PLACE_FULL),
    [PLACE_IN_SYNC] = STATE_BIT(PLACE_READY) | STATE_BIT(PLACE_FULL),
    [PLACE_FULL] = STATE_BIT(PLACE_READY),
    [PLACE_CLOSED] = 0,
};

/* And in closing. */
static const unsigned closing_moves[CLOSINGS] = {
    [CLOSING_NOT] = STATE_BIT(CLOSING_OWED) | STATE_BIT(CLOSING_SAID),
    [CLOSING_OWED] = STATE_BIT(CLOSING_SAID) | STATE_BIT(CLOSING_NOT),
    [CLOSING_SAID] = 0,
};

static const char *const place_names[PLACES] = {
    [PLACE_READY] = "ready",     [PLACE_BEHIND] = "behind", [PLACE_LATER] = "later",
    [PLACE_IN_SYNC] = "in sync", [PLACE_FULL] = "full",     [PLACE_CLOSED] = "closed",
};

void place_list_add(struct place_list *list, struct follower *follower) {
    follower->next = NULL;
    follower->previous = list->last;
    *(list->last ? &list->last->next : &list->first) = follower;
    list->last = follower;
}

void place_list_remove(struct place_list *list, struct follower *follower) {
    *(follower->next ? &follower->next->previous : &list->last) = follower->previous;
    *(follower->previous ? &follower->previous->next : &list->first) = follower->next;
}

static void watch(struct follower *follower, int what, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = follower};
    epoll_ctl(follower->hub->epoll, what, follower->fd, &event);
}

void place_enter(struct follower *follower, enum place place) {
    INVARIANT(follower->fd >= 0);
    TRACE(TRACE_FOLLOW, "follower %d has come, from %" PRIu64, follower->fd, follower->seq);
    follower->place = place;
    place_list_add(&follower->hub->places[place], follower);
    watch(follower, EPOLL_CTL_ADD, EPOLLIN);
}

void place_move(struct follower *follower, enum place place) {
    struct hub *hub = follower->hub;
    INVARIANT(follower->fd >= 0);
    INVARIANT(moves[follower->place] & STATE_BIT(place));
    if (place != follower->place)
        TRACE(TRACE_FOLLOW, "follower %d: %s to %s at %" PRIu64, follower->fd,
              place_names[follower->place], place_names[place], follower->seq);
    bool was_full = follower->place == PLACE_FULL, is_full = place == PLACE_FULL;
    place_list_remove(&hub->places[follower->place], follower);
    place_list_add(&hub->places[place], follower);
    follower->place = place;
    if (was_full != is_full) watch(follower, EPOLL_CTL_MOD, EPOLLIN | (is_full ? EPOLLOUT : 0));
}

void closing_move(struct follower *follower, enum closing to) {
    INVARIANT(closing_moves[follower->closing] & STATE_BIT(to));
    follower->closing = to;
}

void place_move_all(struct hub *hub, enum place from, enum place to) {
    while (hub->places[from].first) place_move(hub->places[from].first, to);
}

/* Removes the socket from epoll before closing it. Closing alone does not remove it, because
 * libmicrohttpd may still have a descriptor of the same socket. */
void place_leave(struct follower *follower, enum hub_end end) {
    struct hub *hub = follower->hub;
    INVARIANT(follower->fd >= 0);
    TRACE(TRACE_FOLLOW, "follower %d has ended (%s) at %" PRIu64, follower->fd, hub_end_names[end],
          follower->seq);
    place_list_remove(&hub->places[follower->place], follower);
    watch(follower, EPOLL_CTL_DEL, 0);
    close(follower->fd);
    follower->fd = -1;
    chunk_unref(follower->chunk);
    follower->chunk = NULL;
    websocket_input_finish(&follower->input, &hub->pool);
    atomic_fetch_add_explicit(&hub->ended[end], 1, memory_order_relaxed);
    follower->next = hub->gone;
    hub->gone = follower;
}
