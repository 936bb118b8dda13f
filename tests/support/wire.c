/* wire.c: see wire.h. */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct wire wire_opened(const struct daemon *daemon, int receive_bytes) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)daemon->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct wire wire = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int on = 1;
    must(wire.fd >= 0);
    if (receive_bytes > 0) /* before it connects, or the window is offered already */
        must(setsockopt(wire.fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes) == 0);
    must(connect(wire.fd, (struct sockaddr *)&address, sizeof address) == 0);
    must(setsockopt(wire.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    return wire;
}

void wire_close(struct wire *wire) {
    if (wire->fd >= 0) close(wire->fd);
    free(wire->in.data);
    *wire = (struct wire){.fd = -1, .ended = true};
}

struct reel_str wire_rest(const struct wire *wire) {
    return (struct reel_str){wire->in.data ? wire->in.data + wire->at : "",
                             wire->in.len - wire->at};
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

static void forget_what_was_seen(struct wire *wire) {
    if (wire->at == 0) return;
    wire->in.len -= wire->at;
    memmove(wire->in.data, wire->in.data + wire->at, wire->in.len + 1);
    wire->at = 0;
}

bool wire_receive(struct wire *wire, int timeout_ms) {
    char part[65536];
    struct pollfd poll_fd = {.fd = wire->fd, .events = POLLIN};
    if (wire->ended) return false;
    if (timeout_ms != 0 && poll(&poll_fd, 1, timeout_ms) <= 0) return false;
    ssize_t len = recv(wire->fd, part, sizeof part, MSG_DONTWAIT);
    if (len < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    wire->ended = len <= 0;
    if (wire->ended) return false;
    forget_what_was_seen(wire);
    text_add(&wire->in, part, (size_t)len);
    return true;
}

bool wire_wait(struct wire *wire) {
    if (wire_receive(wire, WIRE_PATIENCE_MS)) return true;
    if (!wire->ended)
        support_failed(__FILE__, __LINE__, "nothing comes after: %.300s", wire_rest(wire).data);
    return false;
}

bool wire_send(struct wire *wire, const void *bytes, size_t len) {
    const char *at = bytes;
    while (len > 0) {
        struct pollfd poll_fd = {.fd = wire->fd, .events = POLLOUT};
        must(poll(&poll_fd, 1, WIRE_PATIENCE_MS) > 0);
        ssize_t done = send(wire->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done < 0 && errno != EAGAIN && errno != EINTR) return false;
        if (done > 0) at += done, len -= (size_t)done;
    }
    return true;
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

void wire_get(struct wire *wire, const char *path, const char *token, const char *const *headers) {
    struct text head = {0};
    text_format(&head, "GET %s HTTP/1.1\r\nHost: reel\r\n", path);
    if (token) text_format(&head, "Authorization: Bearer %s\r\n", token);
    for (size_t i = 0; headers && headers[i]; i++) text_format(&head, "%s\r\n", headers[i]);
    text_format(&head, "\r\n");
    wire_send(wire, head.data, head.len);
    free(head.data);
}

static void read_body(struct wire *wire, struct reply *reply) {
    const char *length = reply_header(reply, "Content-Length");
    size_t len = length ? strtoul(length, NULL, 10) : 0;
    while (wire_rest(wire).len < len)
        if (!wire_wait(wire)) support_failed(__FILE__, __LINE__, "an answer that ends early");
    text_add(&reply->body, wire_rest(wire).data, len);
    wire->at += len;
}

struct reply wire_answer(struct wire *wire) {
    struct reply reply = {0};
    const char *end;
    while (!(end = strstr(wire_rest(wire).data, "\r\n\r\n")))
        if (!wire_wait(wire)) return reply;
    text_add(&reply.headers, wire_rest(wire).data, (size_t)(end + 4 - wire_rest(wire).data));
    wire->at += reply.headers.len;
    text_add(&reply.body, "", 0);
    must(sscanf(reply.headers.data, "HTTP/1.1 %ld", &reply.status) == 1);
    if (reply.status != 101 && reply.status != 200) read_body(wire, &reply);
    return reply;
}
