/* crowd.h: many sockets on which WebSocket frames come, read by one thread that counts them and
 * throws them away. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "support.h"

struct member;
struct crowd {
    int epoll;
    size_t count;
    struct member *members;
    char *space;     /* for what is received */
    uint64_t frames; /* that all of them together were sent, so far; texts only */
};

/* Told of `count` frames that a member has got just now, behind the `before` it had. */
typedef void (*crowd_fn)(void *context, uint64_t before, uint64_t count);

/* Connects to 127.0.0.1; each asks for this path as a WebSocket with this token, or, where it is
 * NULL, just listens. */
struct crowd crowd_connected(int port, size_t count, const char *path, const char *token);

/* Takes what comes until there are so many frames in all; what does not come within half a minute
 * ends the process. `fn` may be NULL. */
void crowd_read(struct crowd *crowd, uint64_t frames, crowd_fn fn, void *context);

void crowd_close(struct crowd *crowd);

#endif
