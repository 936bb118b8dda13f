/* writer.c: see writer.h. */
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 256 };

/* One socket: all up to `at` has been written. */
struct outlet {
    int fd;
    size_t at;
    bool waits; /* for room */
};

struct writer {
    int control, epoll;
    size_t count;
    struct outlet *outlets;
    const char *bytes;
    const size_t *ends;
    size_t pieces; /* that it has been told to write */
};

static void watch(struct writer *writer, struct outlet *outlet, bool waits) {
    struct epoll_event event = {.events = waits ? EPOLLOUT : 0, .data.ptr = outlet};
    if (outlet->waits == waits) return;
    outlet->waits = waits;
    must(epoll_ctl(writer->epoll, EPOLL_CTL_MOD, outlet->fd, &event) == 0);
}

static void write_out(struct writer *writer, struct outlet *outlet) {
    size_t end = writer->ends[writer->pieces - 1];
    while (outlet->at < end) {
        ssize_t done = send(outlet->fd, writer->bytes + outlet->at, end - outlet->at,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0 && errno == EAGAIN) break;
        if (done < 0) _exit(0); /* the client has seen enough */
        outlet->at += (size_t)done;
    }
    watch(writer, outlet, outlet->at < end);
}

static void be_told(struct writer *writer) {
    char told[4096];
    ssize_t len = read(writer->control, told, sizeof told);
    if (len <= 0) _exit(0);
    for (; len > 0; len--) {
        writer->pieces++;
        for (size_t i = 0; i < writer->count; i++)
            if (!writer->outlets[i].waits) write_out(writer, &writer->outlets[i]);
    }
}

__attribute__((noreturn)) static void run(struct writer *writer, int listener) {
    struct epoll_event events[EVENTS_MAX], control = {.events = EPOLLIN};
    int on = 1;
    must((writer->epoll = epoll_create1(0)) >= 0);
    must((writer->outlets = calloc(writer->count, sizeof *writer->outlets)));
    for (size_t i = 0; i < writer->count; i++) {
        struct outlet *outlet = &writer->outlets[i];
        struct epoll_event event = {.data.ptr = outlet};
        must((outlet->fd = accept(listener, NULL, NULL)) >= 0);
        must(setsockopt(outlet->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
        must(epoll_ctl(writer->epoll, EPOLL_CTL_ADD, outlet->fd, &event) == 0);
    }
    must(epoll_ctl(writer->epoll, EPOLL_CTL_ADD, writer->control, &control) == 0);
    for (;;) {
        int count = epoll_wait(writer->epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++)
            if (events[i].data.ptr)
                write_out(writer, events[i].data.ptr);
            else
                be_told(writer);
    }
}

struct server writer_started(size_t sockets, const struct text *bytes, const size_t *ends,
                             int *ret_control) {
    struct server server = {.log = -1};
    int pipe_ends[2], listener = listening(&server.port);
    struct writer writer = {.count = sockets, .bytes = bytes->data, .ends = ends};
    must(pipe2(pipe_ends, O_CLOEXEC) == 0);
    writer.control = pipe_ends[0];
    fflush(NULL);
    server.pid = fork();
    must(server.pid >= 0);
    if (server.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pipe_ends[1]);
        run(&writer, listener);
    }
    close(pipe_ends[0]);
    close(listener);
    *ret_control = pipe_ends[1];
    return server;
}
