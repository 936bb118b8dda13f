/* connections.c: see connections.h.
 *
 * Connections are found by the number of their socket, with the lock held. If libmicrohttpd has no
 * memory for a new connection, it closes the connection without a notification. This is noticed
 * when the same number is used again.
 */
#include "connections.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/invariant.h"
#include "base/thread.h"
#include "bulk/bulk.h"
#include "follow/hub.h"
#include "request.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* Most connections that are accepted, and most events of epoll, at one time. */
#define BATCH 64

/* An unknown connection is closed for another one only if it is older than this. */
#define UNKNOWN_MS_MIN 500

/* Time between two checks of all connections; and while a connection must be checked soon. */
#define TICK_MS      250
#define TICK_SOON_MS 10

/* Time between two attempts, if there was no file descriptor. */
#define RETRY_MS 100

/* File descriptors that are reserved for the rest of the process; and the least number for
 * connections. */
#define FILES_RESERVED 128
#define FILES_MIN      16

/* Shortest time between two equal lines in the log. */
#define LOG_MS 60000

enum list { LIST_UNKNOWN, LIST_ADMITTED, LISTS };

struct connection {
    int fd;
    enum list list;
    bool is_started; /* libmicrohttpd has it: the socket is open until libmicrohttpd reports the end
                      */
    bool is_watched; /* its end is being waited for */
    bool is_released;
    bool is_half; /* the client has closed its side */
    bool is_cut;
    uint64_t began_ms;
    atomic_uint_fast64_t due_ms; /* the connection is closed at this time; 0: no limit */
    struct request *request;     /* for the thread of libmicrohttpd */
    struct connection *next, *previous;
};

/* In the order in which they were accepted. */
struct connection_list {
    struct connection *first, *last;
    uint64_t count;
};

struct connections {
    struct server *server;
    struct connections_options options;
    uint64_t files_max; /* connections and followers together */

    pthread_t thread;
    int epoll, event; /* an eventfd: a place is free, or the thread must end */

    pthread_mutex_t lock;
    struct connection **by_fd;
    size_t fds;
    struct connection_list lists[LISTS];
    uint64_t halves;
    bool ending;

    atomic_bool is_full; /* a client waits for a place */

    /* Used by the thread only. */
    bool listens;
    uint64_t retry_ms, tick_ms, logged_ms;
};

/* ---- Lists ----------------------------------------------------------------------------------- */

static void list_add(struct connections *all, struct connection *connection, enum list which) {
    struct connection_list *list = &all->lists[which];
    INVARIANT(lock_is_held(&all->lock));
    connection->list = which;
    connection->next = NULL;
    connection->previous = list->last;
    *(list->last ? &list->last->next : &list->first) = connection;
    list->last = connection;
    list->count++;
}

static void list_remove(struct connections *all, struct connection *connection) {
    struct connection_list *list = &all->lists[connection->list];
    INVARIANT(lock_is_held(&all->lock) && list->count > 0);
    *(connection->next ? &connection->next->previous : &list->last) = connection->previous;
    *(connection->previous ? &connection->previous->next : &list->first) = connection->next;
    list->count--;
}

static uint64_t count_open(const struct connections *all) {
    return all->lists[LIST_UNKNOWN].count + all->lists[LIST_ADMITTED].count;
}

static void show_counts(struct connections *all) {
    atomic_store(&all->server->connections, count_open(all));
    atomic_store(&all->server->unknown_connections, all->lists[LIST_UNKNOWN].count);
}

static void wake(struct connections *all) {
    const uint64_t one = 1;
    while (write(all->event, &one, sizeof one) < 0 && errno == EINTR) continue;
}

/* If there is no memory for it, it is tried again in the next tick. */
static void watch(struct connections *all, struct connection *connection) {
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.fd = connection->fd};
    INVARIANT(connection->is_started && !connection->is_released);
    if (connection->is_watched) return;
    connection->is_watched = epoll_ctl(all->epoll, EPOLL_CTL_ADD, connection->fd, &event) == 0;
}

static void unwatch(struct connections *all, struct connection *connection) {
    if (!connection->is_watched) return;
    epoll_ctl(all->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
    connection->is_watched = false;
    INVARIANT(!connection->is_half || all->halves > 0);
    if (connection->is_half) all->halves--;
    connection->is_half = false;
}

/* With the lock held. The caller frees it. */
static void forget(struct connections *all, struct connection *connection) {
    INVARIANT(all->by_fd[connection->fd] == connection);
    unwatch(all, connection);
    list_remove(all, connection);
    all->by_fd[connection->fd] = NULL;
    show_counts(all);
    if (atomic_exchange(&all->is_full, false)) wake(all);
}

static bool reserve(struct connections *all, int fd) {
    size_t wanted = (size_t)fd + 1;
    if (wanted <= all->fds) return true;
    size_t fds = 2 * all->fds > wanted ? 2 * all->fds : wanted;
    struct connection **by_fd = realloc(all->by_fd, fds * sizeof(struct connection *));
    if (!by_fd) return false;
    memset(by_fd + all->fds, 0, (fds - all->fds) * sizeof(struct connection *));
    all->by_fd = by_fd;
    all->fds = fds;
    return true;
}

/* ---- Places ---------------------------------------------------------------------------------- */

static void cut(struct connection *connection) {
    INVARIANT(!connection->is_cut);
    connection->is_cut = true;
    shutdown(connection->fd, SHUT_RDWR);
}

static uint64_t count_followers(struct connections *all) {
    uint64_t count = 0;
    for (enum bulk_kind kind = 0; kind < BULK_KINDS; kind++)
        count += bulk_count(all->server->bulk, kind);
    for (enum transport_kind kind = 0; kind < TRANSPORTS; kind++)
        count += hub_metrics(all->server->hub, kind).followers;
    return count;
}

/* Closes the oldest unknown connection, if it is old enough. */
static void displace_one(struct connections *all, uint64_t now_ms) {
    struct connection *oldest = all->lists[LIST_UNKNOWN].first;
    while (oldest && (oldest->is_cut || !oldest->is_started)) oldest = oldest->next;
    if (!oldest || now_ms < oldest->began_ms + UNKNOWN_MS_MIN) return;
    cut(oldest);
    atomic_fetch_add(&all->server->displaced, 1);
}

/* ---- Accepting ------------------------------------------------------------------------------- */

static bool remember(struct connections *all, int fd, uint64_t now_ms) {
    HOLD_LOCK(&all->lock);
    struct connection *connection = calloc(1, sizeof *connection);
    struct connection *stale = (size_t)fd < all->fds ? all->by_fd[fd] : NULL;
    if (stale) forget(all, stale);
    free(stale);
    if (!connection || !reserve(all, fd)) {
        free(connection);
        return false;
    }
    connection->fd = fd;
    connection->began_ms = now_ms;
    atomic_init(&connection->due_ms, now_ms + all->options.request_ms);
    all->by_fd[fd] = connection;
    list_add(all, connection, LIST_UNKNOWN);
    show_counts(all);
    return true;
}

/* libmicrohttpd has refused the connection, and closed the socket. */
static void drop(struct connections *all, int fd) {
    HOLD_LOCK(&all->lock);
    struct connection *connection = all->by_fd[fd];
    if (!connection) return;
    forget(all, connection);
    free(connection);
}

static void say_not_accepted(struct connections *all, int error, uint64_t now_ms) {
    atomic_fetch_add(&all->server->not_accepted, 1);
    if (all->logged_ms && now_ms < all->logged_ms + LOG_MS) return;
    all->logged_ms = now_ms;
    reel_log(all->server->host, REEL_LEVEL_WARNING,
             "cannot accept connections: %s; they wait until there is room", strerror(error));
}

static bool has_any(int fd, short events) {
    struct pollfd poll_fd = {.fd = fd, .events = events};
    return poll(&poll_fd, 1, 0) > 0;
}

/* Returns false if no client waits, or if the connection cannot be accepted now. */
static bool accept_one(struct connections *all, uint64_t now_ms) {
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    int fd = accept4(all->server->listener, (struct sockaddr *)&address, &len,
                     SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
        say_not_accepted(all, errno, now_ms);
        all->retry_ms = now_ms + RETRY_MS;
        HOLD_LOCK(&all->lock);
        displace_one(all, now_ms);
        return false;
    }
    if (fd < 0) return errno == EINTR || errno == ECONNABORTED;
    if (!remember(all, fd, now_ms)) {
        say_not_accepted(all, ENOMEM, now_ms);
        close(fd);
    } else if (MHD_add_connection(all->server->daemon, fd, (struct sockaddr *)&address, len) ==
               MHD_NO) {
        say_not_accepted(all, errno, now_ms);
        drop(all, fd);
    }
    return true;
}

/* Checks whether a client can be accepted. If there is no place and a client waits, one is freed,
 * and the thread is woken when it is free. */
static bool has_place(struct connections *all, uint64_t now_ms) {
    HOLD_LOCK(&all->lock);
    bool has_place = count_open(all) < all->options.max + all->options.unknown_max &&
                     count_open(all) + count_followers(all) < all->files_max;
    bool is_full = !has_place && has_any(all->server->listener, POLLIN);
    atomic_store(&all->is_full, is_full);
    if (is_full) displace_one(all, now_ms);
    return has_place;
}

static void accept_some(struct connections *all, uint64_t now_ms) {
    for (int i = 0; i < BATCH; i++)
        if (!has_place(all, now_ms) || !accept_one(all, now_ms)) return;
}

/* ---- Connections that are open --------------------------------------------------------------- */

/* The event may belong to an earlier connection with the same number. */
static void hear_end(struct connections *all, int fd) {
    HOLD_LOCK(&all->lock);
    struct connection *connection = (size_t)fd < all->fds ? all->by_fd[fd] : NULL;
    if (!connection || !connection->is_watched || connection->is_half || !has_any(fd, POLLRDHUP))
        return;
    connection->is_half = true;
    all->halves++;
    all->tick_ms = 0;
}

/* Watches for its end from now on: this is not worth the calls for a connection that ends, or is
 * released, before the first tick. Then repeats until libmicrohttpd has read everything: see
 * connections.h. */
static void look_at(struct connections *all, struct connection *connection, uint64_t now_ms) {
    uint64_t due_ms = atomic_load(&connection->due_ms);
    if (!connection->is_started || connection->is_released || connection->is_cut) return;
    watch(all, connection);
    if (connection->is_half) shutdown(connection->fd, SHUT_RD);
    if (due_ms == 0 || now_ms < due_ms) return;
    cut(connection);
    atomic_fetch_add(&all->server->late, 1);
}

static void tick(struct connections *all, uint64_t now_ms) {
    HOLD_LOCK(&all->lock);
    for (enum list list = 0; list < LISTS; list++)
        for (struct connection *at = all->lists[list].first; at; at = at->next)
            look_at(all, at, now_ms);
    all->tick_ms = now_ms + (all->halves > 0 ? TICK_SOON_MS : TICK_MS);
}

/* ---- The thread ------------------------------------------------------------------------------ */

static void set_listening(struct connections *all, bool listens) {
    struct epoll_event event = {.events = listens ? EPOLLIN : 0, .data.fd = all->server->listener};
    if (all->listens == listens) return;
    epoll_ctl(all->epoll, EPOLL_CTL_MOD, all->server->listener, &event);
    all->listens = listens;
}

static void hear(struct connections *all, int fd) {
    uint64_t times;
    if (fd == all->event) {
        ssize_t len = read(all->event, &times, sizeof times);
        (void)len; /* the value does not matter */
    } else if (fd != all->server->listener) {
        hear_end(all, fd);
    }
}

static bool is_ending(struct connections *all) {
    HOLD_LOCK(&all->lock);
    return all->ending;
}

static int pause_ms(struct connections *all) {
    uint32_t left_ms = clock_left_ms(all->tick_ms);
    return !all->listens && left_ms > TICK_SOON_MS ? TICK_SOON_MS : (int)left_ms;
}

static void *run(void *context) {
    struct connections *all = context;
    struct epoll_event events[BATCH];
    while (!is_ending(all)) {
        int count = epoll_wait(all->epoll, events, BATCH, pause_ms(all));
        uint64_t now_ms = clock_ms();
        for (int i = 0; i < count; i++) hear(all, events[i].data.fd);
        if (now_ms >= all->tick_ms) tick(all, now_ms);
        if (now_ms >= all->retry_ms) {
            atomic_store(&all->is_full, false);
            accept_some(all, now_ms);
        }
        set_listening(all, now_ms >= all->retry_ms && !atomic_load(&all->is_full));
    }
    return NULL;
}

/* ---- Called by libmicrohttpd's threads ------------------------------------------------------- */

static struct connection *connection_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static struct connection *start(struct connections *all, struct MHD_Connection *mhd) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    HOLD_LOCK(&all->lock);
    if (!info || (size_t)info->connect_fd >= all->fds) return NULL;
    struct connection *connection = all->by_fd[info->connect_fd];
    INVARIANT(!connection || !connection->is_started); /* its number is not given twice */
    if (connection) connection->is_started = true;
    return connection;
}

void connection_notify(void *context, struct MHD_Connection *mhd, void **state,
                       enum MHD_ConnectionNotificationCode what) {
    struct server *server = context;
    struct connections *all = server->all;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *state = start(all, mhd);
        return;
    }
    struct connection *connection = *state;
    if (!connection) return;
    *state = NULL;
    if (connection->request) request_end(connection->request);
    {
        HOLD_LOCK(&all->lock);
        forget(all, connection);
    }
    free(connection);
}

void connection_request_begin(struct request *request) {
    struct connection *connection = connection_of(request->connection);
    if (!connection) return;
    if (connection->request) request_end(connection->request);
    INVARIANT(!connection->request); /* one at a time */
    connection->request = request;
    request->connected = connection;
    uint64_t due_ms = request->began_ns / 1000000 + request->server->all->options.request_ms;
    if (due_ms < atomic_load(&connection->due_ms)) atomic_store(&connection->due_ms, due_ms);
}

void connection_check_target(struct MHD_Connection *mhd, const char *text) {
    struct connection *connection = connection_of(mhd);
    if (connection && connection->request && connection->request->target != text)
        shutdown(connection->fd, SHUT_RDWR);
}

/* The answer to an unknown client is small, and must be received in time. Answers to others have
 * other limits (http_idle_s, view_ms_max, http_memory_bytes_max). */
void connection_request_complete(struct request *request) {
    struct connection *connection = request->connected;
    if (!connection) return;
    uint64_t due_ms = 0;
    if (connection->list == LIST_UNKNOWN)
        due_ms = clock_ms() + request->server->all->options.request_ms;
    atomic_store(&connection->due_ms, due_ms);
}

void connection_request_end(struct request *request, uint64_t now_ms) {
    const struct connections_options *options = &request->server->all->options;
    struct connection *connection = request->connected;
    if (!connection) return;
    INVARIANT(connection->request == request);
    connection->request = NULL;
    atomic_store(&connection->due_ms, now_ms + options->idle_ms + options->request_ms);
}

bool connection_admit(struct request *request) {
    struct connections *all = request->server->all;
    struct connection *connection = request->connected;
    if (!connection || connection->list == LIST_ADMITTED) return true;
    HOLD_LOCK(&all->lock);
    INVARIANT(connection->request == request);
    if (all->lists[LIST_ADMITTED].count >= all->options.max) return false;
    list_remove(all, connection);
    list_add(all, connection, LIST_ADMITTED);
    show_counts(all);
    if (atomic_exchange(&all->is_full, false)) wake(all);
    return true;
}

void connection_release(struct request *request) {
    struct connections *all = request->server->all;
    HOLD_LOCK(&all->lock);
    if (!request->connected) return;
    unwatch(all, request->connected);
    request->connected->is_released = true;
}

/* ---- Starting and stopping ------------------------------------------------------------------- */

static void count_files(struct connections *all) {
    const struct connections_options *options = &all->options;
    uint64_t wanted = options->max + options->unknown_max + options->followers_max +
                      options->bulk_max + FILES_RESERVED;
    struct rlimit limit;
    all->files_max = wanted;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur >= wanted)
        return;
    all->files_max =
        limit.rlim_cur > FILES_RESERVED + FILES_MIN ? limit.rlim_cur - FILES_RESERVED : FILES_MIN;
    reel_log(all->server->host, REEL_LEVEL_WARNING,
             "the process may have %llu files open (RLIMIT_NOFILE), but connections_max, "
             "connections_unknown_max and max_websockets allow for %llu: beyond %llu connections "
             "and followers, new ones wait",
             (unsigned long long)limit.rlim_cur, (unsigned long long)wanted,
             (unsigned long long)all->files_max);
}

static int open_files(struct connections *all, struct reel_error *error) {
    struct epoll_event event = {.events = EPOLLIN};
    all->epoll = epoll_create1(EPOLL_CLOEXEC);
    all->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    event.data.fd = all->event;
    if (all->epoll < 0 || all->event < 0 ||
        epoll_ctl(all->epoll, EPOLL_CTL_ADD, all->event, &event) < 0)
        return fail(error, -errno, "cannot wait for connections: %s", strerror(errno));
    event.data.fd = all->server->listener;
    if (epoll_ctl(all->epoll, EPOLL_CTL_ADD, all->server->listener, &event) < 0)
        return fail(error, -errno, "cannot wait for connections: %s", strerror(errno));
    all->listens = true;
    return 0;
}

int connections_create(struct server *server, const struct connections_options *options,
                       struct connections **ret, struct reel_error *error) {
    struct connections *all = calloc(1, sizeof *all);
    if (!all) return fail_memory(error);
    all->server = server;
    all->options = *options;
    all->epoll = all->event = -1;
    pthread_mutex_init(&all->lock, NULL);
    int rc = open_files(all, error);
    if (rc < 0) {
        connections_destroy(all);
        return rc;
    }
    count_files(all);
    *ret = all;
    return 0;
}

int connections_start(struct connections *all, struct reel_error *error) {
    int rc = thread_start(&all->thread, "reel-accept", run, all);
    if (rc < 0) return fail(error, rc, "cannot start a thread: %s", strerror(-rc));
    return 0;
}

void connections_stop(struct connections *all) {
    {
        HOLD_LOCK(&all->lock);
        if (all->ending) return;
        all->ending = true;
    }
    wake(all);
    pthread_join(all->thread, NULL);
}

void connections_destroy(struct connections *all) {
    if (!all) return;
    for (size_t fd = 0; fd < all->fds; fd++) free(all->by_fd[fd]);
    free(all->by_fd);
    if (all->epoll >= 0) close(all->epoll);
    if (all->event >= 0) close(all->event);
    pthread_mutex_destroy(&all->lock);
    free(all);
}
