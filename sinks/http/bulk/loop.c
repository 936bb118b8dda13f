/* loop.c: the thread of bulk.h. In this order: the end of a connection; sending; handing over to
 * the writer; reading; the thread; starting and stopping.
 *
 * A connection that has a batch with the writer is not freed before the writer has answered: it is
 * GONE until then.
 */
#include "http/bulk/bulk_private.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"
#include "base/thread.h"
#include "event/event_rules.h"
#include "json/value.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes that are read at one time, and in one turn of a connection. */
#define READ_BYTES ((size_t)64 << 10)
#define READS_MAX  8

/* A batch that has as many events or bytes is full. It may have more, of the last bytes that were
 * read. */
#define BATCH_EVENTS 2048
#define BATCH_BYTES  ((size_t)256 << 10)

/* While more answers than this wait to be sent, nothing is read. */
#define OUT_BYTES_MAX ((size_t)256 << 10)

/* What is dropped of a connection after its answer. */
#define LINGER_MS    1000
#define LINGER_BYTES ((size_t)1 << 20)

#define EVENTS_MAX 64
#define TICK_MS    20

/* ---- The end of a connection ----------------------------------------------------------------- */

static void set_state(struct bulk *bulk, enum bulk_state state) {
    INVARIANT(state > bulk->state);
    bulk->state = state;
}

static void give_place_back(struct bulk *bulk) {
    uint64_t count = atomic_fetch_sub(&bulk->loop->counts[bulk->kind], 1);
    INVARIANT(count > 0);
}

static void bulk_free(struct bulk *bulk) {
    INVARIANT(!bulk->is_flying);
    bulk->type->finish(bulk);
    bulk_batch_finish(&bulk->batches[0]);
    bulk_batch_finish(&bulk->batches[1]);
    text_finish(&bulk->out);
    text_finish(&bulk->received);
    server_give_memory(bulk->loop->server, bulk->memory);
    if (bulk->fd >= 0) close(bulk->fd);
    free(bulk);
}

void bulk_destroy(struct bulk *bulk) {
    give_place_back(bulk);
    bulk_free(bulk);
}

/* Frees a connection that has ended, and of which the writer has nothing. */
static void bury(struct bulk_loop *loop, struct bulk *bulk) {
    if (bulk->next) bulk->next->previous = bulk->previous;
    *(bulk->previous ? &bulk->previous->next : &loop->first) = bulk->next;
    bulk_destroy(bulk);
    HOLD_LOCK(&loop->lock);
    INVARIANT(loop->handed_over > 0);
    loop->handed_over--;
    pthread_cond_broadcast(&loop->changed);
}

static void bury_all(struct bulk_loop *loop) {
    struct bulk *next;
    for (struct bulk *bulk = loop->first; bulk; bulk = next) {
        next = bulk->next;
        if (bulk->state == BULK_GONE && !bulk->is_flying) bury(loop, bulk);
    }
}

void bulk_break(struct bulk *bulk) {
    if (bulk->state == BULK_GONE) return;
    set_state(bulk, BULK_GONE);
    /* Closing it would not be enough: libmicrohttpd may still have its descriptor of the same
     * socket for a moment (routes/bulk.c), and epoll would go on to report it. */
    epoll_ctl(bulk->loop->epoll, EPOLL_CTL_DEL, bulk->fd, NULL);
    close(bulk->fd);
    bulk->fd = -1;
}

void bulk_end(struct bulk *bulk) {
    if (bulk->state == BULK_OPEN) set_state(bulk, BULK_ENDING);
}

void bulk_drop_filling(struct bulk *bulk) {
    bulk_batch_clear(bulk->filling);
    bulk->lines.begin = 0;
}

/* ---- Sending --------------------------------------------------------------------------------- */

static void linger(struct bulk *bulk) {
    set_state(bulk, BULK_LINGERING);
    shutdown(bulk->fd, SHUT_WR);
    bulk->linger_ms = bulk->loop->now_ms + LINGER_MS;
}

void bulk_send(struct bulk *bulk) {
    while (bulk->state < BULK_LINGERING && bulk->out_at < bulk->out.len) {
        ssize_t len = send(bulk->fd, bulk->out.data + bulk->out_at, bulk->out.len - bulk->out_at,
                           MSG_DONTWAIT | MSG_NOSIGNAL);
        if (len < 0 && errno == EINTR) continue;
        if (len < 0 && errno == EAGAIN) return;
        if (len < 0) {
            bulk_break(bulk);
            return;
        }
        bulk->out_at += (size_t)len;
        bulk->out_ms = bulk->loop->now_ms;
    }
    bulk->out.len = bulk->out_at = 0;
    if (bulk->out.size > OUT_BYTES_MAX) text_finish(&bulk->out);
    bulk->out_ms = bulk->loop->now_ms;
    if (bulk->state == BULK_ANSWERED) linger(bulk);
}

void bulk_answered(struct bulk *bulk) {
    if (bulk->state >= BULK_ANSWERED) return;
    set_state(bulk, BULK_ANSWERED);
    if (bulk->out.failed)
        bulk_break(bulk);
    else
        bulk_send(bulk);
}

/* ---- Events ---------------------------------------------------------------------------------- */

static int check_event(struct bulk *bulk, struct reel_str text, size_t room,
                       struct reel_error *error) {
    struct bulk_loop *loop = bulk->loop;
    struct json *json;
    const char *why;
    int rc = json_parse(loop->parser, text, room, &json, &why);
    if (rc == -EBADMSG) return fail(error, -EINVAL, "it is not JSON: %s", why);
    if (rc < 0) return fail_memory(error);
    rc = event_rules_check(json_root(json), &loop->arena, error);
    arena_reset(&loop->arena);
    return rc;
}

int bulk_add_event(struct bulk *bulk, struct reel_str text, struct reel_error *error) {
    struct bulk_batch *batch = bulk->filling;
    size_t begin = bulk->lines.begin, len = text.len;
    char *room = text_extend(&batch->bytes, JSON_ROOM);
    if (!room) return fail_memory(error);
    memset(room, 0, JSON_ROOM);
    batch->bytes.len -= JSON_ROOM;
    INVARIANT(begin + len <= batch->bytes.len);
    text = (struct reel_str){batch->bytes.data + begin, len};
    int rc = check_event(bulk, text, JSON_ROOM, error);
    if (rc == 0 && bulk_batch_add(batch, begin, len, bulk->lines.number) < 0)
        rc = fail_memory(error);
    return rc;
}

/* ---- Handing over to the writer -------------------------------------------------------------- */

static void wake(struct bulk_loop *loop) {
    const uint64_t one = 1;
    while (write(loop->event, &one, sizeof one) < 0 && errno == EINTR) continue;
}

/* [any thread] */
static void take_results(void *context, int rc, const struct reel_submit_result *result,
                         const struct reel_error *error) {
    struct bulk *bulk = context;
    struct bulk_loop *loop = bulk->loop;
    bulk_batch_take(bulk->flying, rc, result, error, bulk->type->number_name);
    HOLD_LOCK(&loop->lock);
    bulk->next_landed = loop->landed;
    loop->landed = bulk;
    wake(loop);
}

static void fail_all(struct bulk *bulk, int rc, const struct reel_error *error) {
    bulk_batch_clear(bulk->flying);
    bulk_drop_filling(bulk);
    if (bulk->state <= BULK_ENDING) bulk->type->failed(bulk, rc, error);
}

/* Nothing can be written for now, otherwise than because the writer's queue is full: the broker,
 * which has the log, is away. */
static bool is_feed_down(struct bulk_loop *loop) {
    struct reel_status status;
    reel_sink_status(loop->server->host, &status);
    return strcmp(status.feed, "embedded") != 0 && strcmp(status.feed_state, "up") != 0;
}

/* Hands the next window of the flying batch over. */
static void hand_over(struct bulk *bulk) {
    struct bulk_loop *loop = bulk->loop;
    struct bulk_batch *batch = bulk->flying;
    struct reel_error error = {0};
    INVARIANT(!bulk->is_flying && batch->from < batch->to);
    bulk->flying_memory = bulk_batch_memory(batch);
    bulk->is_flying = true; /* the answer may come before the call returns */
    bulk->is_blocked = false;
    int rc = reel_sink_submit(loop->server->host, batch->payloads, batch->to - batch->from,
                              take_results, bulk, &error);
    if (rc == 0) return;
    bulk->is_flying = false;
    if (rc == -EAGAIN && !is_feed_down(loop))
        bulk->is_blocked = true;
    else
        fail_all(bulk, rc, &error);
}

/* The filling batch becomes the flying one. The line that is not complete moves to the other. */
static void change_roles(struct bulk *bulk) {
    struct bulk_batch *full = bulk->filling, *empty = bulk->flying;
    struct reel_str rest = {full->bytes.data + bulk->lines.begin,
                            full->bytes.len - bulk->lines.begin};
    bulk_batch_clear(empty);
    text_append_str(&empty->bytes, rest);
    full->bytes.len = bulk->lines.begin;
    bulk->lines.begin = 0;
    bulk->filling = empty;
    bulk->flying = full;
    bulk->flying_number = bulk->lines.number - 1;
}

/* Finds what is next of the flying batch. 1: a window; 0: the batch is done; or an error. */
static int next_window(struct bulk *bulk) {
    const struct bulk_loop *loop = bulk->loop;
    struct bulk_batch *batch = bulk->flying;
    while (batch->from < batch->count) {
        int rc =
            bulk_batch_next(batch, loop->server->batch_events_max, loop->options.batch_bytes_max);
        if (rc != 0) return rc;
        bulk->type->misfit(bulk, &batch->items[batch->bad]); /* it may clear the batch */
        if (batch->count == 0) return 0;
        batch->from = batch->bad + 1;
        batch->bad = batch->count;
    }
    return 0;
}

static void fly(struct bulk *bulk) {
    static const struct reel_error no_memory = {"out of memory"};
    int rc = next_window(bulk);
    if (rc > 0) {
        hand_over(bulk);
        return;
    }
    if (rc < 0) {
        fail_all(bulk, rc, &no_memory);
        return;
    }
    if (bulk->type->batch_done && bulk->state <= BULK_ENDING) bulk->type->batch_done(bulk);
    bulk_batch_clear(bulk->flying);
}

/* Goes on with what was taken, as far as possible. */
static void flow(struct bulk *bulk) {
    while (!bulk->is_flying && bulk->state <= BULK_ENDING) {
        if (bulk->flying->count > 0) {
            if (bulk->flying->to > bulk->flying->from)
                hand_over(bulk); /* it was blocked */
            else
                fly(bulk);
            if (bulk->is_blocked) return;
        } else if (bulk->filling->count > 0) {
            change_roles(bulk);
        } else {
            bulk->type->settle(bulk);
            return;
        }
    }
}

/* The window that was handed over has been answered. */
static void land(struct bulk *bulk) {
    struct bulk_batch *batch = bulk->flying;
    INVARIANT(bulk->is_flying);
    bulk->is_flying = false;
    if (bulk->state == BULK_GONE) return;
    size_t end = batch->to;
    batch->to = batch->from; /* there is no window */
    if (batch->rc == 0) {
        batch->from = end;
        if (bulk->state <= BULK_ENDING) bulk->type->landed(bulk);
    } else if (batch->rc != -ENOMSG || batch->bad == batch->count) {
        struct reel_error error = batch->error;
        fail_all(bulk, batch->rc, &error);
    }
    flow(bulk);
}

static void land_all(struct bulk_loop *loop) {
    struct bulk *landed;
    {
        HOLD_LOCK(&loop->lock);
        landed = loop->landed;
        loop->landed = NULL;
    }
    while (landed) {
        struct bulk *bulk = landed;
        landed = bulk->next_landed;
        land(bulk);
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Reserves memory for what there is, and for one more part. */
static bool has_memory(struct bulk *bulk) {
    struct server *server = bulk->loop->server;
    /* the flying batch belongs to the writer's thread */
    uint64_t flying = bulk->is_flying ? bulk->flying_memory : bulk_batch_memory(bulk->flying);
    uint64_t wanted = bulk_batch_memory(bulk->filling) + flying + bulk->out.size + READ_BYTES;
    if (wanted > bulk->memory && !server_take_memory(server, wanted - bulk->memory)) return false;
    if (wanted < bulk->memory) server_give_memory(server, bulk->memory - wanted);
    bulk->memory = wanted;
    return true;
}

static bool is_full(const struct bulk *bulk) {
    const struct bulk_batch *batch = bulk->filling;
    return batch->count >= BATCH_EVENTS || (batch->count > 0 && batch->bytes.len >= BATCH_BYTES);
}

static bool may_read(struct bulk *bulk) {
    if (bulk->state == BULK_LINGERING) return true;
    bulk->is_starved = false;
    if (bulk->state != BULK_OPEN || is_full(bulk) || bulk->out.len - bulk->out_at > OUT_BYTES_MAX)
        return false;
    bulk->is_starved = !has_memory(bulk);
    return !bulk->is_starved;
}

static void drop(struct bulk *bulk, size_t len) {
    bulk->dropped += len;
    if (bulk->dropped > LINGER_BYTES) bulk_break(bulk);
}

static void take(struct bulk *bulk, const char *bytes, size_t len) {
    bulk->life_ms = bulk->loop->now_ms;
    if (bulk->state == BULK_OPEN)
        bulk->type->take(bulk, bytes, len);
    else
        drop(bulk, len);
}

static void read_some(struct bulk *bulk) {
    static char part[READ_BYTES]; /* there is one thread */
    for (int i = 0; i < READS_MAX && bulk->state != BULK_GONE && may_read(bulk); i++) {
        /* recvfrom, because recv is inlet.h's; the socket may be one that blocks */
        ssize_t len = recvfrom(bulk->fd, part, sizeof part, MSG_DONTWAIT, NULL, NULL);
        if (len < 0 && (errno == EAGAIN || errno == EINTR)) break;
        if (len < 0) {
            bulk_break(bulk);
        } else if (len == 0) {
            if (bulk->state == BULK_LINGERING)
                bulk_break(bulk);
            else
                bulk->type->ended(bulk);
            break;
        } else {
            take(bulk, part, (size_t)len);
            if ((size_t)len < sizeof part) break;
        }
    }
}

/* ---- The thread ------------------------------------------------------------------------------ */

/* Tells epoll what to wait for, after all that a round has done. */
static void watch(struct bulk *bulk) {
    if (bulk->state == BULK_GONE) return;
    bool was_reading = bulk->events & EPOLLIN, reads = may_read(bulk);
    uint32_t wanted = (reads ? EPOLLIN : 0) | (bulk->out_at < bulk->out.len ? EPOLLOUT : 0);
    if (reads && !was_reading) bulk->life_ms = bulk->loop->now_ms;
    if (wanted == bulk->events) return;
    struct epoll_event event = {.events = wanted, .data.ptr = bulk};
    if (epoll_ctl(bulk->loop->epoll, EPOLL_CTL_MOD, bulk->fd, &event) == 0)
        bulk->events = wanted;
    else
        bulk_break(bulk);
}

static void turn(struct bulk *bulk, uint32_t events) {
    if (bulk->state == BULK_GONE) return;
    if (events & EPOLLOUT) bulk_send(bulk);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        if ((events & (EPOLLHUP | EPOLLERR)) && !(events & EPOLLIN) && !may_read(bulk))
            bulk_break(bulk); /* the client is gone */
        else
            read_some(bulk);
    }
    flow(bulk);
}

static void tick(struct bulk *bulk) {
    const struct bulk_loop *loop = bulk->loop;
    const uint64_t now_ms = loop->now_ms;
    if (bulk->state == BULK_GONE) return;
    bool has_out = bulk->out_at < bulk->out.len;
    if ((has_out && now_ms - bulk->out_ms > loop->options.stall_ms) ||
        (bulk->state == BULK_LINGERING && now_ms >= bulk->linger_ms)) {
        bulk_break(bulk);
        return;
    }
    if (bulk->state == BULK_OPEN && (bulk->events & EPOLLIN || bulk->is_starved))
        bulk->type->quiet(bulk, now_ms - bulk->life_ms);
    flow(bulk);
}

static void begin(struct bulk_loop *loop, struct bulk *bulk) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = bulk};
    bulk->previous = NULL;
    bulk->next = loop->first;
    if (bulk->next) bulk->next->previous = bulk;
    loop->first = bulk;
    bulk->life_ms = bulk->out_ms = loop->now_ms;
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, bulk->fd, &event) < 0) {
        bulk_break(bulk);
        return;
    }
    bulk->events = EPOLLIN;
    struct text received = bulk->received;
    bulk->received = (struct text){0};
    if (received.len > 0) take(bulk, received.data, received.len);
    text_finish(&received);
    turn(bulk, EPOLLIN);
}

static void drain_all(struct bulk_loop *loop) {
    static const struct reel_error ending = {"the daemon is about to end"};
    for (struct bulk *bulk = loop->first; bulk; bulk = bulk->next) {
        if (bulk->state != BULK_OPEN) continue;
        bulk_drop_filling(bulk);
        bulk->type->failed(bulk, -ESHUTDOWN, &ending);
        flow(bulk);
    }
}

/* Returns false if the thread must end. */
static bool look_around(struct bulk_loop *loop) {
    struct bulk *arrivals;
    bool draining, ending;
    {
        HOLD_LOCK(&loop->lock);
        arrivals = loop->arrivals;
        loop->arrivals = NULL;
        draining = loop->draining;
        ending = loop->ending;
    }
    while (arrivals) {
        struct bulk *bulk = arrivals;
        arrivals = bulk->next;
        begin(loop, bulk);
    }
    if (draining) drain_all(loop);
    return !ending;
}

static void hear(struct bulk_loop *loop, const struct epoll_event *event) {
    uint64_t times;
    if (event->data.ptr) {
        turn(event->data.ptr, event->events);
        return;
    }
    ssize_t len = read(loop->event, &times, sizeof times);
    (void)len; /* the value does not matter */
}

/* Goes on with connections whose batch the writer's queue had no room for. */
static void try_blocked(struct bulk_loop *loop) {
    for (struct bulk *bulk = loop->first; bulk; bulk = bulk->next)
        if (bulk->is_blocked && bulk->state != BULK_GONE) flow(bulk);
}

static int pause_ms(const struct bulk_loop *loop) {
    return loop->first ? (int)clock_left_ms(loop->tick_ms) : -1;
}

static void *run(void *context) {
    struct bulk_loop *loop = context;
    struct epoll_event events[EVENTS_MAX];
    bool goes_on = true;
    while (goes_on) {
        int count = epoll_wait(loop->epoll, events, EVENTS_MAX, pause_ms(loop));
        loop->now_ms = clock_ms();
        for (int i = 0; i < count; i++) hear(loop, &events[i]);
        land_all(loop);
        goes_on = look_around(loop);
        try_blocked(loop);
        if (loop->now_ms >= loop->tick_ms) {
            loop->tick_ms = loop->now_ms + TICK_MS;
            for (struct bulk *bulk = loop->first; bulk; bulk = bulk->next) tick(bulk);
        }
        for (struct bulk *bulk = loop->first; bulk; bulk = bulk->next) watch(bulk);
        bury_all(loop);
    }
    for (struct bulk *bulk = loop->first; bulk; bulk = bulk->next) bulk_break(bulk);
    land_all(loop);
    bury_all(loop);
    INVARIANT(!loop->first);
    return NULL;
}

/* ---- Handing connections over ---------------------------------------------------------------- */

int bulk_create(struct bulk_loop *loop, enum bulk_kind kind, bool stops, struct bulk **ret) {
    uint64_t before = atomic_fetch_add(&loop->counts[kind], 1);
    struct bulk *bulk = before < loop->options.places[kind] ? calloc(1, sizeof *bulk) : NULL;
    if (!bulk) {
        atomic_fetch_sub(&loop->counts[kind], 1);
        return before < loop->options.places[kind] ? -ENOMEM : -EAGAIN;
    }
    bulk->loop = loop;
    bulk->kind = kind;
    bulk->type = kind == BULK_IMPORT ? &bulk_import : &bulk_ingest;
    bulk->fd = -1;
    bulk->filling = &bulk->batches[0];
    bulk->flying = &bulk->batches[1];
    bulk->lines = (struct splitter){.line_max = loop->server->event_bytes_max, .number = 1};
    for (int i = 0; i < 2; i++)
        bulk->batches[i].rejections_max = kind == BULK_IMPORT ? BULK_NAMED_MAX : SIZE_MAX;
    if (kind == BULK_IMPORT) bulk->import.stops = stops;
    *ret = bulk;
    return 0;
}

int bulk_adopt_take(struct bulk *bulk, int fd, const struct framing_bulk *body,
                    struct reel_str received) {
    struct bulk_loop *loop = bulk->loop;
    text_append_str(&bulk->received, received);
    if (bulk->received.failed) {
        text_finish(&bulk->received);
        return -ENOMEM;
    }
    if (body) framing_begin_body(&bulk->import.body, body);
    bulk->fd = fd;
    HOLD_LOCK(&loop->lock);
    bulk->next = loop->arrivals;
    loop->arrivals = bulk;
    loop->handed_over++;
    wake(loop);
    return 0;
}

/* ---- Starting and stopping ------------------------------------------------------------------- */

static void loop_destroy(struct bulk_loop *loop) {
    INVARIANT(!loop->arrivals && !loop->landed && loop->handed_over == 0);
    json_parser_destroy(loop->parser);
    arena_finish(&loop->arena);
    websocket_pool_finish(&loop->pool);
    if (loop->epoll >= 0) close(loop->epoll);
    if (loop->event >= 0) close(loop->event);
    pthread_mutex_destroy(&loop->lock);
    pthread_cond_destroy(&loop->changed);
    free(loop);
}

static int open_files(struct bulk_loop *loop, struct reel_error *error) {
    struct epoll_event event = {.events = EPOLLIN};
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll >= 0 && loop->event >= 0 &&
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->event, &event) == 0)
        return 0;
    return fail(error, -errno, "cannot wait for sockets: %s", strerror(errno));
}

int bulk_start(struct server *server, const struct bulk_options *options, struct bulk_loop **ret,
               struct reel_error *error) {
    struct bulk_loop *loop = calloc(1, sizeof *loop);
    if (!loop) return fail_memory(error);
    loop->server = server;
    loop->options = *options;
    loop->epoll = loop->event = -1;
    pthread_mutex_init(&loop->lock, NULL);
    clock_condition(&loop->changed);
    loop->parser = json_parser_create(NULL);
    int rc = loop->parser ? open_files(loop, error) : fail_memory(error);
    if (rc == 0) {
        rc = thread_start(&loop->thread, "reel-bulk", run, loop);
        if (rc < 0) rc = fail(error, rc, "cannot start a thread: %s", strerror(-rc));
    }
    if (rc < 0)
        loop_destroy(loop);
    else
        *ret = loop;
    return rc;
}

void bulk_wake(struct bulk_loop *loop) {
    if (atomic_load_explicit(&loop->counts[BULK_IMPORT], memory_order_relaxed) > 0 ||
        atomic_load_explicit(&loop->counts[BULK_INGEST], memory_order_relaxed) > 0)
        wake(loop);
}

void bulk_drain(struct bulk_loop *loop, uint64_t until_ms) {
    struct timespec until = clock_at(until_ms * 1000000);
    HOLD_LOCK(&loop->lock);
    loop->draining = true;
    wake(loop);
    while (loop->handed_over > 0 &&
           pthread_cond_timedwait(&loop->changed, &loop->lock, &until) == 0)
        continue;
}

void bulk_stop(struct bulk_loop *loop) {
    {
        HOLD_LOCK(&loop->lock);
        loop->ending = true;
    }
    wake(loop);
    pthread_join(loop->thread, NULL);
    loop_destroy(loop);
}

uint64_t bulk_count(struct bulk_loop *loop, enum bulk_kind kind) {
    return atomic_load_explicit(&loop->counts[kind], memory_order_relaxed);
}
