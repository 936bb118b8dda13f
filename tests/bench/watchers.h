/* watchers.h: many followers of the records of a collection by WebSocket, read by one thread. Of
 * each frame, the seq is read, and when it came. */
#ifndef BENCH_WATCHERS_H
#define BENCH_WATCHERS_H

#include "daemon.h"

/* A frame of a record: when it has come, by the time of day. */
struct arrival {
    uint64_t seq;
    double at;
};

struct watcher {
    int fd;
    struct text in;  /* what was received and is not a whole frame */
    uint64_t seq;    /* of the last frame, also of a position */
    double snapshot; /* when the position with `snapshot` came; 0: not yet */
};

struct watchers {
    int epoll;
    size_t count;
    struct watcher *all;
    char *space;
    uint64_t frames, bytes; /* of records, and of everything, so far */

    /* Arrivals, if `keeps`. */
    bool keeps;
    struct arrival *arrivals;
    size_t arrival_count, arrival_room;

    /* What the first one was sent: frames of records as they came, and where each ends. */
    bool captures;
    struct text captured;
    uint64_t *captured_seqs;
    size_t *captured_ends;
    size_t captured_count, captured_room;
};

/* The time of day, seconds. */
double seconds_of_day(void);

/* Connects to 127.0.0.1, and asks for this path with the token that may read; with NULL, just
 * listens to frames. */
struct watchers watchers_connected(const struct daemon *daemon, size_t count, const char *path);

/* Connects, and asks for the path, without waiting for the answers. */
struct watchers watchers_asking(const struct daemon *daemon, size_t count, const char *path);
void watchers_close(struct watchers *watchers);

/* Receives what has come, waiting for it at most this long. */
void watchers_receive(struct watchers *watchers, int timeout_ms);

/* Receives until all have a frame or a position of at least this seq; `snapshots`: and the end of
 * their snapshots. What does not come within a minute ends the process. */
void watchers_reach(struct watchers *watchers, uint64_t seq, bool snapshots);

#endif
