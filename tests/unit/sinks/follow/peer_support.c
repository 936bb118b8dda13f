/* peer_support.c: see peer_support.h. */
#include "peer_support.h"

#include "unit.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer peer_adopted(struct hub *hub, struct follower *follower, struct reel_str head,
                         struct reel_str received) {
    int fds[2];
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    must(hub_adopt_take(hub, follower, fds[0], head, received) == 0);
    return (struct peer){.fd = fds[1]};
}

void peer_close(struct peer *peer) {
    close(peer->fd);
    text_finish(&peer->in);
}

bool peer_read(struct peer *peer) {
    struct pollfd poll_fd = {.fd = peer->fd, .events = POLLIN};
    char bytes[8192];
    must(poll(&poll_fd, 1, PATIENCE_MS) == 1);
    ssize_t len = recv(peer->fd, bytes, sizeof bytes, 0);
    if (len <= 0) return false;
    text_append(&peer->in, bytes, (size_t)len);
    return true;
}

int peer_frame(struct peer *peer, struct reel_str *ret) {
    for (;;) {
        const uint8_t *at = (const uint8_t *)peer->in.data + peer->at;
        size_t have = peer->in.len - peer->at, head = 2, len = 0;
        if (have >= 2) {
            len = at[1] & 0x7F;
            size_t size = len < 126 ? 0 : len == 126 ? 2 : 8;
            head += size;
            if (size && have >= head) len = 0;
            for (size_t i = 0; size && have >= head && i < size; i++) len = len << 8 | at[2 + i];
        }
        if (have >= 2 && have >= head && have >= head + len) {
            *ret = (struct reel_str){(const char *)at + head, len};
            peer->at += head + len;
            return at[0] & 0x0F;
        }
        if (!peer_read(peer)) return -1;
    }
}
