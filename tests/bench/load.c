/* load.c: see load.h. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_MAX = 2048, RECEIVE_BYTES = 1 << 20, EVENTS_MAX = 256, PATIENCE_MS = 30000 };

struct connection {
    int fd;
    double asked;        /* when the last request was sent */
    char head[HEAD_MAX]; /* of the answer, as far as it has come */
    size_t head_len;
    bool in_body;
    uint64_t body_left;
};

struct run {
    const struct load *load;
    int epoll;
    char *space;   /* for what is received */
    char *request; /* for the one that is sent */
    double until;
    size_t busy; /* connections that wait for an answer */
    struct load_result result;
};

size_t load_write_text(void *context, char to[LOAD_REQUEST_MAX]) {
    size_t len = strlen(context);
    must(len < LOAD_REQUEST_MAX);
    memcpy(to, context, len);
    return len;
}

/* ---- Sockets --------------------------------------------------------------------------------- */

int load_connected(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    must(fd >= 0);
    must(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    return fd;
}

/* The socket blocks, so that it takes all. */
void load_send(int fd, const char *bytes, size_t len) {
    must(send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
}

struct text load_answer(int port, const char *request) {
    struct text answer = {0};
    char buffer[65536];
    ssize_t len;
    int fd = load_connected(port);
    load_send(fd, request, strlen(request));
    while ((len = recv(fd, buffer, sizeof buffer, 0)) > 0) text_add(&answer, buffer, (size_t)len);
    must(len == 0 && answer.len > 0);
    close(fd);
    return answer;
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void ask(struct run *run, struct connection *connection) {
    connection->head_len = 0;
    connection->in_body = false;
    size_t len = run->load->write(run->load->context, run->request);
    if (len == 0) {
        run->busy--;
        return;
    }
    connection->asked = seconds_now();
    load_send(connection->fd, run->request, len);
}

/* The head is complete, with a NUL behind it. */
static void read_head(const struct run *run, struct connection *connection) {
    static const char name[] = "\r\nContent-Length: ";
    unsigned status = 0;
    const char *length = strcasestr(connection->head, name);
    must(sscanf(connection->head, "HTTP/1.1 %u", &status) == 1);
    if (status != run->load->status || !length)
        support_failed(__FILE__, __LINE__, "this is no answer to count: %s", connection->head);
    connection->body_left = strtoull(length + sizeof name - 1, NULL, 10);
    connection->in_body = true;
}

/* Adds to the head; returns how much of `bytes` was of it. */
static size_t take_head(const struct run *run, struct connection *connection, const char *bytes,
                        size_t len) {
    size_t before = connection->head_len, room = HEAD_MAX - 1 - before;
    size_t taken = len < room ? len : room;
    memcpy(connection->head + before, bytes, taken);
    connection->head_len += taken;
    connection->head[connection->head_len] = '\0';
    char *end = strstr(connection->head + (before < 3 ? 0 : before - 3), "\r\n\r\n");
    if (!end) {
        must(connection->head_len < HEAD_MAX - 1);
        return taken;
    }
    end[2] = '\0';
    read_head(run, connection);
    return (size_t)(end + 4 - connection->head) - before;
}

/* True: the answer is complete. */
static bool receive(struct run *run, struct connection *connection) {
    ssize_t got = recv(connection->fd, run->space, RECEIVE_BYTES, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    must(got > 0);
    size_t len = (size_t)got, head = 0;
    if (!connection->in_body) head = take_head(run, connection, run->space, len);
    if (!connection->in_body) return false;
    must(len - head <= connection->body_left);
    connection->body_left -= len - head;
    run->result.bytes += len - head;
    return connection->body_left == 0;
}

static void serve(struct run *run, struct connection *connection) {
    if (!receive(run, connection)) return;
    run->result.answers++;
    double now = seconds_now();
    if (run->load->latencies) samples_add(run->load->latencies, now - connection->asked);
    if (now < run->until)
        ask(run, connection);
    else
        run->busy--;
}

/* ---- A run ----------------------------------------------------------------------------------- */

static void open_all(struct run *run, struct connection *connections) {
    for (size_t i = 0; i < run->load->connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
        connections[i].fd = load_connected(run->load->port);
        must(epoll_ctl(run->epoll, EPOLL_CTL_ADD, connections[i].fd, &event) == 0);
    }
}

struct load_result load_run(const struct load *load) {
    struct run run = {.load = load, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct connection *connections = calloc(load->connections, sizeof *connections);
    struct epoll_event events[EVENTS_MAX];
    run.space = malloc(RECEIVE_BYTES);
    run.request = malloc(load->request_bytes_max ? load->request_bytes_max : LOAD_REQUEST_MAX);
    must(run.epoll >= 0 && connections && run.space && run.request);
    open_all(&run, connections);
    double start = seconds_now();
    run.until = start + load->seconds;
    run.busy = load->connections;
    for (size_t i = 0; i < load->connections; i++) ask(&run, &connections[i]);
    while (run.busy > 0) {
        int count = epoll_wait(run.epoll, events, EVENTS_MAX, PATIENCE_MS);
        must(count > 0 || (count < 0 && errno == EINTR));
        for (int i = 0; i < count; i++) serve(&run, events[i].data.ptr);
    }
    run.result.seconds = seconds_now() - start;
    for (size_t i = 0; i < load->connections; i++) close(connections[i].fd);
    close(run.epoll);
    free(connections);
    free(run.space);
    free(run.request);
    return run.result;
}
