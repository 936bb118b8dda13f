/* hub.c: see hub.h. The hub's thread, its sockets (epoll), and the order of turns.
 *
 * A round: handle events of sockets; add new followers; give a turn to each follower near the end
 * of the log; give a few turns to followers that are further behind, so that they progress but do
 * not delay the others; sometimes check the clock. If there is nothing to do, the thread sleeps. A
 * commit wakes it.
 */
#include "follow/hub.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/invariant.h"
#include "base/thread.h"
#include "follow/follower.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* Events that are taken from epoll at one time. */
#define EVENTS_MAX 256

/* Turns in a round for all followers that are far behind together. */
#define BEHIND_TURNS 16

/* Longest and shortest time between two checks of the clock. */
#define TICK_MS_MAX 250
#define TICK_MS_MIN 10

/* ---- Adding and removing followers ----------------------------------------------------------- */

static bool reserve(struct hub *hub) {
    if (atomic_fetch_add(&hub->reserved, 1) < hub->options.followers_max) return true;
    atomic_fetch_sub(&hub->reserved, 1);
    return false;
}

static struct reel_str keep(char **space, struct reel_str str) {
    if (!str.data) return str;
    struct reel_str kept = {*space, str.len};
    memcpy(*space, str.data, str.len);
    *space += str.len;
    return kept;
}

/* With `len` bytes behind the struct. */
static int create(struct hub *hub, enum transport_kind kind, const struct reel_epoch *epoch,
                  uint64_t seq, size_t len, struct follower **ret) {
    if (!reserve(hub)) return -EAGAIN;
    struct follower *follower = calloc(1, sizeof *follower + len);
    if (!follower) {
        atomic_fetch_sub(&hub->reserved, 1);
        return -ENOMEM;
    }
    follower->hub = hub;
    follower->kind = kind;
    follower->transport = transports[kind];
    follower->epoch = *epoch;
    follower->seq = follower->told = seq;
    follower->fd = -1;
    atomic_fetch_add(&hub->metrics[kind].followers, 1);
    *ret = follower;
    return 0;
}

int follower_create(struct hub *hub, enum transport_kind kind, const struct reel_epoch *epoch,
                    uint64_t seq, const struct event_filter *filter, struct follower **ret) {
    size_t len = filter->type.len + filter->subject.len + filter->ce_subject.len;
    int rc = create(hub, kind, epoch, seq, len, ret);
    if (rc < 0) return rc;
    struct follower *follower = *ret;
    char *space = (char *)(follower + 1);
    follower->filter.type = keep(&space, filter->type);
    follower->filter.subject = keep(&space, filter->subject);
    follower->filter.ce_subject = keep(&space, filter->ce_subject);
    return 0;
}

int follower_create_of_records(struct hub *hub, enum transport_kind kind,
                               struct record_wanted *wanted, struct follower **ret) {
    struct record_stream *stream =
        record_stream_create(wanted->collection, wanted->wants_digest, &wanted->filter);
    if (!stream) return -ENOMEM;
    int rc = create(hub, kind, &wanted->epoch, wanted->seq, sizeof(struct record_cursor), ret);
    if (rc < 0) {
        record_stream_unref(stream);
        return rc;
    }
    stream->host = hub->options.host;
    stream->transport = transports[kind];
    stream->framer = &hub->framer;
    stream->memory = &hub->memory;
    struct follower *follower = *ret;
    follower->records = (struct record_cursor *)(follower + 1);
    *follower->records = (struct record_cursor){
        .stream = stream,
        .generation = wanted->generation,
        .is_listing = !wanted->has_snapshot,
        .owes_snapshot = !wanted->has_snapshot,
    };
    return 0;
}

void follower_destroy(struct follower *follower) {
    if (!follower) return;
    struct hub *hub = follower->hub;
    chunk_unref(follower->chunk);
    free((char *)follower->received.data);
    if (follower->records) record_cursor_finish(follower->records);
    uint64_t followers = atomic_fetch_sub(&hub->metrics[follower->kind].followers, 1);
    uint64_t reserved = atomic_fetch_sub(&hub->reserved, 1);
    INVARIANT(followers > 0 && reserved > 0);
    free(follower);
}

/* Event streams do not answer pings. The system ends a connection whose other side does not
 * acknowledge for this time, or has no room: followers of records may be as slow as they like
 * (follower.c). */
static void set_socket(const struct follower *follower, int fd) {
    const struct hub_options *options = &follower->hub->options;
    const unsigned stall_ms = (unsigned)options->stall_ms;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &options->send_bytes, sizeof options->send_bytes);
    if (!follower->transport->is_websocket && !follower->records)
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &stall_ms, sizeof stall_ms);
}

static int set_up(struct follower *follower, int fd, struct reel_str head,
                  struct reel_str received) {
    struct chunk *chunk = head.len ? chunk_create(0, false, &follower->hub->memory) : NULL;
    char *copy = received.len ? malloc(received.len) : NULL;
    if ((head.len && (!chunk || chunk_add(chunk, 0, head) < 0)) || (received.len && !copy)) {
        chunk_unref(chunk);
        free(copy);
        return -ENOMEM;
    }
    if (copy) memcpy(copy, received.data, received.len);
    set_socket(follower, fd);
    follower->received = (struct reel_str){copy, received.len};
    follower->chunk = chunk;
    follower->fd = fd;
    return 0;
}

static void wake(struct hub *hub) {
    const uint64_t one = 1;
    if (atomic_exchange(&hub->woken, true)) return;
    while (write(hub->event, &one, sizeof one) < 0 && errno == EINTR) continue;
}

int hub_adopt_take(struct hub *hub, struct follower *follower, int fd, struct reel_str head,
                   struct reel_str received) {
    int rc = set_up(follower, fd, head, received);
    if (rc < 0) return rc;
    {
        HOLD_LOCK(&hub->lock);
        place_list_add(&hub->incoming, follower);
        hub->count++;
    }
    wake(hub);
    return 0;
}

/* Followers of records are told their first position as soon as they have reached it. */
static void begin(struct hub *hub, struct follower *follower) {
    struct record_cursor *records = follower->records;
    follower->told_ms = follower->life_ms = follower->full_ms = hub->now_ms;
    if (records) records->owes_point = true;
    if (records) records->stream = record_stream_join(records->stream, &hub->streams);
    follower->ping_ms = hub->now_ms + hub->options.ping_ms;
    place_enter(follower, PLACE_READY);
    if (follower->received.len > 0) follower_hear(follower);
}

/* Frees followers that have ended: no event of this round refers to them any more. */
static void bury(struct hub *hub) {
    uint64_t count = 0;
    for (; hub->gone; count++) {
        struct follower *follower = hub->gone;
        enum transport_kind kind = follower->kind;
        hub->gone = follower->next;
        follower_destroy(follower);
        if (atomic_load(&hub->metrics[kind].followers) == 0) tail_clear(&hub->tails[kind]);
    }
    if (count == 0) return;
    HOLD_LOCK(&hub->lock);
    INVARIANT(hub->count >= count);
    hub->count -= count;
    if (hub->count == 0) pthread_cond_broadcast(&hub->changed);
}

/* ---- A round --------------------------------------------------------------------------------- */

static void listen_to(struct hub *hub, const struct epoll_event *event) {
    struct follower *follower = event->data.ptr;
    uint64_t times;
    if (!follower) {
        ssize_t len = read(hub->event, &times, sizeof times);
        (void)len; /* the value does not matter */
        atomic_store(&hub->woken, false);
        return;
    }
    if (follower->fd >= 0 && (event->events & ~(uint32_t)EPOLLOUT)) follower_hear(follower);
    if (follower->fd >= 0 && (event->events & EPOLLOUT) && follower->place == PLACE_FULL)
        place_move(follower, PLACE_READY);
}

/* Adds new followers, and checks whether the thread must end. */
static bool look_around(struct hub *hub) {
    pthread_mutex_lock(&hub->lock);
    struct place_list incoming = hub->incoming;
    hub->incoming = (struct place_list){NULL, NULL};
    hub->finishing = hub->draining;
    bool ending = hub->ending;
    pthread_mutex_unlock(&hub->lock);
    while (incoming.first) {
        struct follower *follower = incoming.first;
        place_list_remove(&incoming, follower);
        begin(hub, follower);
    }
    uint64_t cursor = reel_sink_cursor(hub->options.host);
    uint64_t commit =
        reel_sink_newest_commit(hub->options.host); /* a generation may have changed */
    bool is_moved = cursor != hub->cursor || commit != hub->commit;
    if (is_moved || hub->finishing || hub->now_ms >= hub->points_ms) {
        hub->points_ms = UINT64_MAX;
        place_move_all(hub, PLACE_IN_SYNC, PLACE_READY);
    }
    hub->cursor = cursor;
    hub->commit = commit;
    if (hub->now_ms >= hub->later_ms) place_move_all(hub, PLACE_LATER, PLACE_READY);
    return !ending;
}

static void give_turns(struct hub *hub) {
    struct follower *last = hub->places[PLACE_READY].last, *first;
    while (last && (first = hub->places[PLACE_READY].first)) {
        follower_turn(first);
        if (first == last) break;
    }
    for (int i = 0; i < BEHIND_TURNS && (first = hub->places[PLACE_BEHIND].first); i++)
        follower_turn(first);
}

/* Limits the memory of frames that clients do not read: ends the follower whose socket has been
 * full for the longest time. */
static void bound_memory(struct hub *hub) {
    struct follower *first;
    while (atomic_load_explicit(&hub->memory, memory_order_relaxed) > hub->options.memory_max &&
           (first = hub->places[PLACE_FULL].first))
        follower_cut(first, HUB_END_STALLED, WEBSOCKET_TRY_AGAIN, "too slow");
}

/* If the log was replaced, its end may be the same as the end of the old log. Followers at the end
 * would not notice it, so the epoch is checked here. */
static void look_at_epoch(struct hub *hub) {
    struct reel_sink_host *host = hub->options.host;
    struct reel_position position;
    struct reel_view *view;
    struct follower *next, *follower = hub->places[PLACE_IN_SYNC].first;
    if (!follower || reel_sink_view_open(host, &view, NULL) < 0) return; /* try again later */
    int rc = reel_sink_position(host, view, &position);
    reel_sink_view_close(host, view);
    for (; rc == 0 && follower; follower = next) {
        next = follower->next;
        if (tail_is_same(&follower->epoch, &position.epoch)) continue;
        follower_close(follower, HUB_END_EPOCH, WEBSOCKET_EPOCH_CHANGED, "epoch-changed");
        place_move(follower, PLACE_READY);
    }
}

static void tick(struct hub *hub) {
    const struct hub_options *options = &hub->options;
    uint64_t shortest = TICK_MS_MAX * 4;
    if (options->ping_ms < shortest) shortest = options->ping_ms;
    if (options->stall_ms < shortest) shortest = options->stall_ms;
    if (options->position_ms < shortest) shortest = options->position_ms;
    hub->tick_ms = hub->now_ms + (shortest / 4 > TICK_MS_MIN ? shortest / 4 : TICK_MS_MIN);
    for (enum place place = 0; place < PLACES; place++) {
        struct follower *next;
        for (struct follower *follower = hub->places[place].first; follower; follower = next) {
            next = follower->next;
            follower_tick(follower);
        }
    }
    look_at_epoch(hub);
}

/* The time until there is something to do, if nothing happens before. */
static int pause_ms(const struct hub *hub) {
    uint64_t now = clock_ms(), until = hub->tick_ms;
    bool any = false;
    if (hub->places[PLACE_READY].first || hub->places[PLACE_BEHIND].first) return 0;
    for (enum place place = 0; place < PLACES; place++) any = any || hub->places[place].first;
    if (!any) return -1;
    if (hub->places[PLACE_LATER].first && hub->later_ms < until) until = hub->later_ms;
    if (hub->points_ms < until) until = hub->points_ms;
    return until > now ? (int)(until - now) : 0;
}

static void *run(void *context) {
    struct hub *hub = context;
    struct epoll_event events[EVENTS_MAX];
    do {
        int count = epoll_wait(hub->epoll, events, EVENTS_MAX, pause_ms(hub));
        hub->now_ms = clock_ms();
        for (int i = 0; i < count; i++) listen_to(hub, &events[i]);
        bury(hub);
        if (!look_around(hub)) break;
        give_turns(hub);
        bound_memory(hub);
        if (hub->now_ms >= hub->tick_ms) tick(hub);
        bury(hub);
    } while (true);
    for (enum place place = 0; place < PLACES; place++)
        while (hub->places[place].first)
            follower_cut(hub->places[place].first, HUB_END_SHUTDOWN, WEBSOCKET_GOING_AWAY,
                         "shutting down");
    bury(hub);
    return NULL;
}

/* ---- Starting and stopping ------------------------------------------------------------------- */

static void hub_destroy(struct hub *hub) {
    for (size_t i = 0; i < TRANSPORTS; i++) tail_finish(&hub->tails[i]);
    INVARIANT(hub->count == 0 && !hub->gone && !hub->streams.first &&
              !hub->streams.crossings.first);
    framer_finish(&hub->framer);
    websocket_pool_finish(&hub->pool);
    text_finish(&hub->control);
    if (hub->epoll >= 0) close(hub->epoll);
    if (hub->event >= 0) close(hub->event);
    pthread_mutex_destroy(&hub->lock);
    pthread_cond_destroy(&hub->changed);
    free(hub);
}

static int open_files(struct hub *hub, struct reel_error *error) {
    struct epoll_event event = {.events = EPOLLIN};
    hub->epoll = epoll_create1(EPOLL_CLOEXEC);
    hub->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (hub->epoll >= 0 && hub->event >= 0 &&
        epoll_ctl(hub->epoll, EPOLL_CTL_ADD, hub->event, &event) == 0)
        return 0;
    return fail(error, -errno, "cannot wait for sockets: %s", strerror(errno));
}

int hub_start(const struct hub_options *options, struct hub **ret, struct reel_error *error) {
    struct hub *hub = calloc(1, sizeof *hub);
    if (!hub) return fail_memory(error);
    hub->options = *options;
    hub->streams.crossings.places = options->views_max / CROSSING_VIEWS_SHARE / CROSSING_VIEWS;
    hub->epoll = hub->event = -1;
    pthread_mutex_init(&hub->lock, NULL);
    clock_condition(&hub->changed);
    for (size_t i = 0; i < TRANSPORTS; i++)
        tail_init(&hub->tails[i], options->host, transports[i], &hub->framer, &hub->memory);
    int rc = open_files(hub, error);
    if (rc == 0) {
        rc = thread_start(&hub->thread, "reel-follow", run, hub);
        if (rc < 0) rc = fail(error, rc, "cannot start a thread: %s", strerror(-rc));
    }
    if (rc < 0)
        hub_destroy(hub);
    else
        *ret = hub;
    return rc;
}

/* Without followers, nobody is woken by a commit. One who comes later sees it: the lock is between
 * the two, and hub_adopt_take wakes the thread. */
void hub_wake(struct hub *hub) {
    bool any;
    {
        HOLD_LOCK(&hub->lock);
        any = hub->count > 0;
    }
    if (any) wake(hub);
}

void hub_drain(struct hub *hub, uint64_t until_ms) {
    struct timespec until = clock_at(until_ms * 1000000);
    HOLD_LOCK(&hub->lock);
    hub->draining = true;
    wake(hub);
    while (hub->count > 0 && pthread_cond_timedwait(&hub->changed, &hub->lock, &until) == 0)
        continue;
}

void hub_stop(struct hub *hub) {
    {
        HOLD_LOCK(&hub->lock);
        hub->ending = true;
    }
    wake(hub);
    pthread_join(hub->thread, NULL);
    hub_destroy(hub);
}

struct hub_metrics hub_metrics(struct hub *hub, enum transport_kind kind) {
    struct transport_metrics *metrics = &hub->metrics[kind];
    return (struct hub_metrics){
        .followers = atomic_load_explicit(&metrics->followers, memory_order_relaxed),
        .frames = atomic_load_explicit(&metrics->frames, memory_order_relaxed),
        .bytes = atomic_load_explicit(&metrics->bytes, memory_order_relaxed),
    };
}

uint64_t hub_memory(struct hub *hub) {
    return atomic_load_explicit(&hub->memory, memory_order_relaxed);
}

uint64_t hub_ended(struct hub *hub, enum hub_end end) {
    return atomic_load_explicit(&hub->ended[end], memory_order_relaxed);
}
