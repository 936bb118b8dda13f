/* crowd.c: see crowd.h. */
#include "crowd.h"

#include "websocket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPACE_BYTES = 1 << 20, EVENTS_MAX = 256, PATIENCE_MS = 30000, HEAD_MAX = 10 };

struct member {
    int fd;
    unsigned char head[HEAD_MAX]; /* of the frame that comes, as far as it is there */
    size_t head_len;
    uint64_t left;   /* of its payload */
    uint64_t frames; /* so far */
};

/* ---- Frames ---------------------------------------------------------------------------------- */

/* Bytes of the head, as far as can be told by now. */
static size_t head_size(const struct member *member) {
    if (member->head_len < 2) return 2;
    return member->head[1] == 127 ? 10 : member->head[1] == 126 ? 4 : 2;
}

static void begin_payload(struct member *member) {
    member->left = 0;
    if (member->head_len == 2) member->left = member->head[1];
    for (size_t i = 2; i < member->head_len; i++)
        member->left = member->left << 8 | member->head[i];
    unsigned opcode = member->head[0] & 0x0F;
    must(opcode == WS_TEXT || opcode == WS_PING); /* a run is shorter than a ping is waited for */
    member->frames += opcode == WS_TEXT;
    member->head_len = 0;
}

/* Counts frames by their beginnings; all have come when the payload of the last has. */
static void take(struct member *member, const char *bytes, size_t len) {
    while (len > 0) {
        if (member->left > 0) {
            size_t part = member->left < len ? (size_t)member->left : len;
            member->left -= part;
            bytes += part;
            len -= part;
            continue;
        }
        member->head[member->head_len++] = (unsigned char)*bytes++;
        len--;
        if (member->head_len == head_size(member)) begin_payload(member);
    }
}

static void receive(struct crowd *crowd, struct member *member, crowd_fn fn, void *context) {
    uint64_t before = member->frames;
    ssize_t len = recv(member->fd, crowd->space, SPACE_BYTES, MSG_DONTWAIT);
    if (len < 0 && (errno == EAGAIN || errno == EINTR)) return;
    must(len > 0);
    take(member, crowd->space, (size_t)len);
    crowd->frames += member->frames - before;
    if (fn && member->frames > before) fn(context, before, member->frames - before);
}

void crowd_read(struct crowd *crowd, uint64_t frames, crowd_fn fn, void *context) {
    struct epoll_event events[EVENTS_MAX];
    while (crowd->frames < frames) {
        int count = epoll_wait(crowd->epoll, events, EVENTS_MAX, PATIENCE_MS);
        must(count > 0 || (count < 0 && errno == EINTR));
        for (int i = 0; i < count; i++) receive(crowd, events[i].data.ptr, fn, context);
    }
}

/* ---- Sockets --------------------------------------------------------------------------------- */

static struct member member_connected(int port, const char *path, const char *token) {
    struct daemon daemon = {.port = port};
    struct wire wire = wire_opened(&daemon, 0);
    struct member member = {.fd = wire.fd};
    if (token) {
        struct reply reply = ws_asked(&wire, path, token, NULL);
        if (reply.status != 101)
            support_failed(__FILE__, __LINE__, "%ld: %s", reply.status, reply.body.data);
        reply_free(&reply);
        take(&member, wire_rest(&wire).data, wire_rest(&wire).len);
    }
    free(wire.in.data);
    return member;
}

struct crowd crowd_connected(int port, size_t count, const char *path, const char *token) {
    struct crowd crowd = {.epoll = epoll_create1(EPOLL_CLOEXEC),
                          .count = count,
                          .members = calloc(count, sizeof *crowd.members),
                          .space = malloc(SPACE_BYTES)};
    must(crowd.epoll >= 0 && crowd.members && crowd.space);
    for (size_t i = 0; i < count; i++) {
        struct member *member = &crowd.members[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = member};
        *member = member_connected(port, path, token);
        crowd.frames += member->frames;
        must(epoll_ctl(crowd.epoll, EPOLL_CTL_ADD, member->fd, &event) == 0);
    }
    return crowd;
}

void crowd_close(struct crowd *crowd) {
    for (size_t i = 0; i < crowd->count; i++) close(crowd->members[i].fd);
    close(crowd->epoll);
    free(crowd->members);
    free(crowd->space);
    *crowd = (struct crowd){.epoll = -1};
}
