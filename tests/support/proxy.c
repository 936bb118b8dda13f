/* proxy.c: see proxy.h. One thread, one poll; a wake-up is a byte in a pipe. */
#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS_MAX = 64, ROOM = 256 * 1024 };

/* One direction: what came from `from` and is not yet gone to the other side. */
struct way {
    size_t begin, end;
    char bytes[ROOM];
};

struct pair {
    int near, far; /* who connected to us, and whom we connected to */
    struct way forth, back;
};

struct proxy {
    int port, target, listener, wake[2];
    char url[64];
    pthread_t thread;
    struct pair *pairs[PAIRS_MAX]; /* the thread's own */
    size_t count;

    pthread_mutex_t lock; /* for all below */
    bool ending, stalled, refusing, cut;
    uint64_t left, bytes, cuts; /* left: until it is cut, or stalled; or UINT64_MAX */
    bool stalls;                /* then, instead of being cut */
};

/* ---- Pairs ----------------------------------------------------------------------------------- */

static void close_pair(struct proxy *proxy, size_t at) {
    struct pair *pair = proxy->pairs[at];
    close(pair->near);
    close(pair->far);
    free(pair);
    proxy->pairs[at] = proxy->pairs[--proxy->count];
}

static void close_pairs(struct proxy *proxy) {
    while (proxy->count > 0) close_pair(proxy, proxy->count - 1);
}

/* The far side may be away: then the near one is told so by the end of its connection. */
static void take_connection(struct proxy *proxy, bool refusing) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)proxy->target),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int near = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
    if (near < 0) return;
    int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(far >= 0);
    if (refusing || proxy->count == PAIRS_MAX ||
        connect(far, (struct sockaddr *)&address, sizeof address) != 0) {
        close(near);
        close(far);
        return;
    }
    struct pair *pair = malloc(sizeof *pair);
    must(pair != NULL);
    pair->near = near, pair->far = far;
    pair->forth.begin = pair->forth.end = pair->back.begin = pair->back.end = 0;
    must(fcntl(near, F_SETFL, O_NONBLOCK) == 0 && fcntl(far, F_SETFL, O_NONBLOCK) == 0);
    proxy->pairs[proxy->count++] = pair;
}

/* False: the connection is over. `max` is how much may be read. */
static bool fill(struct way *way, int from, size_t max) {
    if (way->begin == way->end) way->begin = way->end = 0;
    size_t room = ROOM - way->end < max ? ROOM - way->end : max;
    if (room == 0) return true;
    ssize_t got = read(from, way->bytes + way->end, room);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    way->end += (size_t)got;
    return got > 0;
}

static bool drain(struct way *way, int to) {
    while (way->begin < way->end) {
        ssize_t gone = send(to, way->bytes + way->begin, way->end - way->begin, MSG_NOSIGNAL);
        if (gone < 0) return errno == EAGAIN || errno == EINTR;
        way->begin += (size_t)gone;
    }
    return true;
}

/* ---- The thread ------------------------------------------------------------------------------ */

static void wake(struct proxy *proxy) {
    must(write(proxy->wake[1], "", 1) == 1);
}

/* Counts what came back; if that was the last that may, all are to be cut, or stalled. */
static void count_back(struct proxy *proxy, size_t bytes) {
    pthread_mutex_lock(&proxy->lock);
    proxy->bytes += bytes;
    if (proxy->left != UINT64_MAX) proxy->left -= bytes;
    bool over = proxy->left == 0;
    if (over) *(proxy->stalls ? &proxy->stalled : &proxy->cut) = true, proxy->left = UINT64_MAX;
    pthread_mutex_unlock(&proxy->lock);
    if (over) wake(proxy);
}

/* What it may read from the far side before that. */
static size_t readable(struct proxy *proxy) {
    pthread_mutex_lock(&proxy->lock);
    size_t bytes = proxy->left < ROOM ? (size_t)proxy->left : ROOM;
    pthread_mutex_unlock(&proxy->lock);
    return bytes;
}

/* False: it is over, on one side or the other. What has come is handed on even then. */
static bool carry(struct proxy *proxy, struct pair *pair) {
    size_t before = pair->back.end - pair->back.begin;
    bool near_lives = fill(&pair->forth, pair->near, ROOM);
    bool far_lives = fill(&pair->back, pair->far, readable(proxy));
    size_t came = pair->back.end - pair->back.begin - before;
    bool sent = drain(&pair->forth, pair->far);
    sent = drain(&pair->back, pair->near) && sent;
    if (came > 0) count_back(proxy, came);
    return near_lives && far_lives && sent;
}

static short wanted(const struct way *in, const struct way *out) {
    return (short)((in->end < ROOM || in->begin == in->end ? POLLIN : 0) |
                   (out->begin < out->end ? POLLOUT : 0));
}

static void wait_for_any(struct proxy *proxy, bool stalled) {
    struct pollfd fds[2 + 2 * PAIRS_MAX] = {{.fd = proxy->wake[0], .events = POLLIN},
                                            {.fd = proxy->listener, .events = POLLIN}};
    nfds_t count = stalled ? 1 : 2;
    for (size_t i = 0; !stalled && i < proxy->count; i++) {
        const struct pair *pair = proxy->pairs[i];
        fds[count++] = (struct pollfd){pair->near, wanted(&pair->forth, &pair->back), 0};
        fds[count++] = (struct pollfd){pair->far, wanted(&pair->back, &pair->forth), 0};
    }
    char byte;
    must(poll(fds, count, -1) >= 0 || errno == EINTR);
    if (fds[0].revents) must(read(proxy->wake[0], &byte, 1) == 1);
}

static void *carry_all(void *context) {
    struct proxy *proxy = context;
    for (;;) {
        pthread_mutex_lock(&proxy->lock);
        bool ending = proxy->ending, stalled = proxy->stalled, refusing = proxy->refusing;
        bool cut = !stalled && (proxy->cut || refusing);
        if (cut && proxy->count > 0) proxy->cuts++;
        if (!stalled) proxy->cut = false;
        pthread_mutex_unlock(&proxy->lock);
        if (cut || ending) close_pairs(proxy);
        if (ending) return NULL;
        if (!stalled) take_connection(proxy, refusing);
        for (size_t i = proxy->count; !stalled && i-- > 0;)
            if (!carry(proxy, proxy->pairs[i])) close_pair(proxy, i);
        wait_for_any(proxy, stalled);
    }
}

/* ---- From outside ---------------------------------------------------------------------------- */

struct proxy *proxy_started(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct proxy *proxy = calloc(1, sizeof *proxy);
    must(proxy != NULL);
    proxy->target = port;
    proxy->left = UINT64_MAX;
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    must(proxy->listener >= 0);
    must(bind(proxy->listener, (struct sockaddr *)&address, sizeof address) == 0);
    must(listen(proxy->listener, 64) == 0);
    must(getsockname(proxy->listener, (struct sockaddr *)&address, &len) == 0);
    proxy->port = ntohs(address.sin_port);
    snprintf(proxy->url, sizeof proxy->url, "nats://127.0.0.1:%d", proxy->port);
    must(pipe2(proxy->wake, O_CLOEXEC) == 0);
    must(pthread_mutex_init(&proxy->lock, NULL) == 0);
    must(pthread_create(&proxy->thread, NULL, carry_all, proxy) == 0);
    return proxy;
}

void proxy_free(struct proxy *proxy) {
    if (!proxy) return;
    pthread_mutex_lock(&proxy->lock);
    proxy->ending = true;
    pthread_mutex_unlock(&proxy->lock);
    wake(proxy);
    must(pthread_join(proxy->thread, NULL) == 0);
    close(proxy->listener);
    close(proxy->wake[0]);
    close(proxy->wake[1]);
    pthread_mutex_destroy(&proxy->lock);
    free(proxy);
}

int proxy_port(const struct proxy *proxy) {
    return proxy->port;
}

const char *proxy_url(const struct proxy *proxy) {
    return proxy->url;
}

void proxy_cut(struct proxy *proxy) {
    pthread_mutex_lock(&proxy->lock);
    proxy->cut = true;
    pthread_mutex_unlock(&proxy->lock);
    wake(proxy);
}

static void count_down(struct proxy *proxy, uint64_t bytes, bool stalls) {
    must(bytes > 0);
    pthread_mutex_lock(&proxy->lock);
    proxy->left = bytes;
    proxy->stalls = stalls;
    pthread_mutex_unlock(&proxy->lock);
    wake(proxy);
}

void proxy_cut_after(struct proxy *proxy, uint64_t bytes) {
    count_down(proxy, bytes, false);
}

void proxy_stall_after(struct proxy *proxy, uint64_t bytes) {
    count_down(proxy, bytes, true);
}

void proxy_stall(struct proxy *proxy, bool stalled) {
    pthread_mutex_lock(&proxy->lock);
    proxy->stalled = stalled;
    pthread_mutex_unlock(&proxy->lock);
    wake(proxy);
}

void proxy_refuse(struct proxy *proxy, bool refusing) {
    pthread_mutex_lock(&proxy->lock);
    proxy->refusing = refusing;
    pthread_mutex_unlock(&proxy->lock);
    wake(proxy);
}

uint64_t proxy_cuts(struct proxy *proxy) {
    pthread_mutex_lock(&proxy->lock);
    uint64_t cuts = proxy->cuts;
    pthread_mutex_unlock(&proxy->lock);
    return cuts;
}

uint64_t proxy_bytes(struct proxy *proxy) {
    pthread_mutex_lock(&proxy->lock);
    uint64_t bytes = proxy->bytes;
    pthread_mutex_unlock(&proxy->lock);
    return bytes;
}
