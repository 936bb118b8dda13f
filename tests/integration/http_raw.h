/* http_raw.h: HTTP as bytes on a socket, for the tests of the protocol itself. */
#ifndef TESTS_HTTP_RAW_H
#define TESTS_HTTP_RAW_H

#include "http_support.h"
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define HOST      "Host: reel\r\n"
#define WRITES    "Authorization: Bearer " WRITE_TOKEN "\r\n"
#define AS_JSON   "Content-Type: application/json\r\n"
#define AS_EVENT  "Content-Type: application/cloudevents+json\r\n"
#define ANSWER_MS 30000

/* A whole request, for a path that is a literal. */
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST WRITES "\r\n"

/* A connection, and what has come on it and was not looked at yet. */
struct raw {
    int fd;
    struct text in;
};

static inline struct raw raw_opened(const struct site *site) {
    return (struct raw){.fd = socket_opened(&site->daemon)};
}

static inline void raw_close(struct raw *raw) {
    close(raw->fd);
    free(raw->in.data);
    *raw = (struct raw){.fd = -1};
}

static inline void say(struct raw *raw, const char *text) {
    socket_send(raw->fd, text, strlen(text));
}

/* Sends what may not be wanted to its end: false if the other side has had enough. */
static inline bool try_to_send(struct raw *raw, const void *bytes, size_t len) {
    const char *at = bytes;
    while (len > 0) {
        struct pollfd poll_fd = {.fd = raw->fd, .events = POLLOUT};
        must(poll(&poll_fd, 1, ANSWER_MS) > 0);
        ssize_t done = send(raw->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done < 0 && errno != EAGAIN && errno != EINTR) return false;
        if (done > 0) at += done, len -= (size_t)done;
    }
    return true;
}

/* Reads more; false at the connection's end. */
static inline bool raw_read(struct raw *raw) {
    char part[16384];
    struct pollfd poll_fd = {.fd = raw->fd, .events = POLLIN};
    if (poll(&poll_fd, 1, ANSWER_MS) <= 0)
        support_failed(__FILE__, __LINE__, "no answer, only: %.300s",
                       raw->in.data ? raw->in.data : "");
    ssize_t len = recv(raw->fd, part, sizeof part, 0);
    if (len <= 0) return false;
    text_add(&raw->in, part, (size_t)len);
    return true;
}

static inline void raw_drop(struct raw *raw, size_t len) {
    raw->in.len -= len;
    memmove(raw->in.data, raw->in.data + len, raw->in.len + 1);
}

/* The next answer; status 0: the connection ended instead. That to HEAD has no body. */
static inline struct reply heard(struct raw *raw, bool to_head) {
    struct reply reply = {0};
    const char *end = NULL;
    while (!raw->in.data || !(end = strstr(raw->in.data, "\r\n\r\n")))
        if (!raw_read(raw)) return reply;
    size_t head = (size_t)(end - raw->in.data) + 4;
    text_add(&reply.headers, raw->in.data, head);
    text_add(&reply.body, "", 0);
    must(sscanf(raw->in.data, "HTTP/1.1 %ld", &reply.status) == 1);
    raw_drop(raw, head);
    const char *length = reply_header(&reply, "Content-Length");
    size_t body = length && !to_head && reply.status != 304 ? strtoul(length, NULL, 10) : 0;
    while (raw->in.len < body)
        if (!raw_read(raw)) support_failed(__FILE__, __LINE__, "an answer that ends early");
    text_add(&reply.body, raw->in.data, body);
    raw_drop(raw, body);
    return reply;
}

/* The next answer has this status; its header or its body have `part` in them. */
static inline void check_heard(struct raw *raw, long status, const char *part) {
    struct reply reply = heard(raw, false);
    if (reply.status != status)
        support_failed(__FILE__, __LINE__, "%ld instead of %ld: %.300s", reply.status, status,
                       reply.body.data ? reply.body.data : "the end");
    if (part && !strstr(reply.body.data, part) && !strstr(reply.headers.data, part))
        support_failed(__FILE__, __LINE__, "no %s in: %.300s", part, reply.body.data);
    reply_free(&reply);
}

/* Nothing comes any more: it is closed from the other side. */
static inline void check_ended(struct raw *raw) {
    while (raw_read(raw)) continue;
    if (raw->in.len > 0) support_failed(__FILE__, __LINE__, "more: %.300s", raw->in.data);
}

/* One request on a connection of its own; its answer's status and a part of it. */
static inline void check_exchange(const struct site *site, const char *bytes, long status,
                                  const char *part) {
    struct raw raw = raw_opened(site);
    test_context("%.100s", bytes);
    say(&raw, bytes);
    check_heard(&raw, status, part);
    raw_close(&raw);
    test_context("%s", "");
}

static inline double figure_of(struct site *site, const char *name) {
    return metric_of(site->reader, name);
}

/* Waits until that number is this one. */
static inline void wait_for_figure(struct site *site, const char *name, double wanted) {
    double found;
    for (uint64_t began = now_ms(); (found = figure_of(site, name)) != wanted; usleep(1000))
        if (now_ms() - began > 60000)
            support_failed(__FILE__, __LINE__, "%s is %g, not %g", name + 1, found, wanted);
}

/* Waits until nothing is left of what clients have begun but for who asks. */
static inline void wait_until_quiet(struct site *site, double connections) {
    for (int waited = 0;; waited++) {
        if (figure_of(site, "\nreel_http_connections ") <= connections &&
            figure_of(site, "\nreel_http_requests_in_flight ") <= 1 &&
            figure_of(site, "\nreel_http_memory_bytes ") == 0)
            return;
        must(waited < 10000);
        usleep(1000);
    }
}

#endif
