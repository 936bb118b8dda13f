/* watchers.c: see watchers.h. */
#include "watchers.h"

#include "websocket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SPACE_BYTES = 1 << 18, EVENTS_MAX = 256, PATIENCE_MS = 60000 };

double seconds_of_day(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static void keep_arrival(struct watchers *watchers, uint64_t seq, double at) {
    if (watchers->arrival_count == watchers->arrival_room) {
        watchers->arrival_room = watchers->arrival_room ? 2 * watchers->arrival_room : 4096;
        watchers->arrivals =
            realloc(watchers->arrivals, watchers->arrival_room * sizeof *watchers->arrivals);
        must(watchers->arrivals);
    }
    watchers->arrivals[watchers->arrival_count++] = (struct arrival){seq, at};
}

static void capture(struct watchers *watchers, uint64_t seq, const char *frame, size_t len) {
    if (watchers->captured_count == watchers->captured_room) {
        size_t room = watchers->captured_room ? 2 * watchers->captured_room : 1024;
        watchers->captured_seqs =
            realloc(watchers->captured_seqs, room * sizeof *watchers->captured_seqs);
        watchers->captured_ends =
            realloc(watchers->captured_ends, room * sizeof *watchers->captured_ends);
        must(watchers->captured_seqs && watchers->captured_ends);
        watchers->captured_room = room;
    }
    text_add(&watchers->captured, frame, len);
    watchers->captured_seqs[watchers->captured_count] = seq;
    watchers->captured_ends[watchers->captured_count++] = watchers->captured.len;
}

/* {"seq":N,"key":… or {"seq":N,"generation":… */
static void take_text(struct watchers *watchers, struct watcher *watcher, const char *frame,
                      size_t head, size_t len, double now) {
    static const char begin[] = "{\"seq\":", key[] = ",\"key\":";
    const char *text = frame + head, *end = text + len;
    must(len > sizeof begin && memcmp(text, begin, sizeof begin - 1) == 0);
    char *behind;
    uint64_t seq = strtoull(text + sizeof begin - 1, &behind, 10);
    if (seq > watcher->seq) watcher->seq = seq;
    if (end - behind > (ptrdiff_t)sizeof key && memcmp(behind, key, sizeof key - 1) == 0) {
        watchers->frames++;
        if (watchers->keeps) keep_arrival(watchers, seq, now);
        if (watchers->captures && watcher == watchers->all)
            capture(watchers, seq, frame, head + len);
    } else if (memmem(behind, (size_t)(end - behind), "\"snapshot\":true", 15)) {
        watcher->snapshot = now;
    }
}

/* Frames of servers have no mask. A head of HTTP may come first. */
static size_t take_frames(struct watchers *watchers, struct watcher *watcher, const char *bytes,
                          size_t len, double now) {
    size_t at = 0;
    if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
        const char *end = memmem(bytes, len, "\r\n\r\n", 4);
        if (!end) return 0;
        if (memcmp(bytes, "HTTP/1.1 101 ", 13) != 0)
            support_failed(__FILE__, __LINE__, "%.*s", (int)len, bytes);
        at = (size_t)(end + 4 - bytes);
    }
    while (len - at >= 2) {
        const unsigned char *frame = (const unsigned char *)bytes + at;
        size_t head = frame[1] == 127 ? 10 : frame[1] == 126 ? 4 : 2, payload = frame[1];
        if (len - at < head) break;
        if (head > 2) payload = 0;
        for (size_t i = 2; i < head; i++) payload = payload << 8 | frame[i];
        if (len - at - head < payload) break;
        if ((frame[0] & 0x0F) == WS_TEXT)
            take_text(watchers, watcher, bytes + at, head, payload, now);
        else
            must((frame[0] & 0x0F) == WS_PING);
        at += head + payload;
    }
    return at;
}

static void receive(struct watchers *watchers, struct watcher *watcher) {
    ssize_t got = recv(watcher->fd, watchers->space, SPACE_BYTES, MSG_DONTWAIT);
    double now = seconds_of_day();
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    must(got > 0);
    watchers->bytes += (uint64_t)got;
    const char *bytes = watchers->space;
    size_t len = (size_t)got;
    if (watcher->in.len > 0) {
        text_add(&watcher->in, bytes, len);
        bytes = watcher->in.data;
        len = watcher->in.len;
    }
    size_t taken = take_frames(watchers, watcher, bytes, len, now);
    if (bytes == watcher->in.data) {
        watcher->in.len -= taken;
        memmove(watcher->in.data, watcher->in.data + taken, watcher->in.len);
    } else if (taken < len) {
        text_add(&watcher->in, bytes + taken, len - taken);
    }
}

void watchers_receive(struct watchers *watchers, int timeout_ms) {
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(watchers->epoll, events, EVENTS_MAX, timeout_ms);
    must(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; i++) receive(watchers, events[i].data.ptr);
}

void watchers_reach(struct watchers *watchers, uint64_t seq, bool snapshots) {
    double until = seconds_of_day() + PATIENCE_MS / 1e3;
    for (size_t i = 0; i < watchers->count; i++) {
        struct watcher *watcher = &watchers->all[i];
        while (watcher->seq < seq || (snapshots && watcher->snapshot == 0)) {
            if (seconds_of_day() > until)
                support_failed(__FILE__, __LINE__, "follower %zu is at %llu, not at %llu", i,
                               (unsigned long long)watcher->seq, (unsigned long long)seq);
            watchers_receive(watchers, 100);
        }
    }
}

/* ---- Sockets --------------------------------------------------------------------------------- */

static void ask(const struct daemon *daemon, struct watcher *watcher, const char *path,
                bool waits) {
    static const char *const upgrade[] = {WS_UPGRADE, NULL};
    struct wire wire = wire_opened(daemon, 0);
    if (path && waits) {
        struct reply reply = ws_asked(&wire, path, READ_TOKEN, NULL);
        if (reply.status != 101)
            support_failed(__FILE__, __LINE__, "%ld: %s", reply.status, reply.body.data);
        reply_free(&reply);
        text_add(&watcher->in, wire_rest(&wire).data, wire_rest(&wire).len);
    } else if (path) {
        wire_get(&wire, path, READ_TOKEN, upgrade);
    }
    watcher->fd = wire.fd;
    free(wire.in.data);
}

static struct watchers connected(const struct daemon *daemon, size_t count, const char *path,
                                 bool waits) {
    struct watchers watchers = {.epoll = epoll_create1(EPOLL_CLOEXEC),
                                .count = count,
                                .all = calloc(count ? count : 1, sizeof *watchers.all),
                                .space = malloc(SPACE_BYTES)};
    must(watchers.epoll >= 0 && watchers.all && watchers.space);
    for (size_t i = 0; i < count; i++) {
        struct watcher *watcher = &watchers.all[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = watcher};
        ask(daemon, watcher, path, waits);
        must(epoll_ctl(watchers.epoll, EPOLL_CTL_ADD, watcher->fd, &event) == 0);
    }
    return watchers;
}

struct watchers watchers_connected(const struct daemon *daemon, size_t count, const char *path) {
    return connected(daemon, count, path, true);
}

struct watchers watchers_asking(const struct daemon *daemon, size_t count, const char *path) {
    return connected(daemon, count, path, false);
}

void watchers_close(struct watchers *watchers) {
    for (size_t i = 0; i < watchers->count; i++) {
        close(watchers->all[i].fd);
        free(watchers->all[i].in.data);
    }
    close(watchers->epoll);
    free(watchers->all);
    free(watchers->space);
    free(watchers->arrivals);
    free(watchers->captured.data);
    free(watchers->captured_seqs);
    free(watchers->captured_ends);
    *watchers = (struct watchers){.epoll = -1};
}
