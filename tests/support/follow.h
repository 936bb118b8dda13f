/* follow.h: a follower of the daemon's events, by WebSocket or by server-sent events. It receives
 * frames in the order of their arrival.
 *
 * It works in every mode of the daemon. Reading does not block unless the comment says so, so that
 * one thread can have many followers. */
#ifndef TESTS_SUPPORT_FOLLOW_H
#define TESTS_SUPPORT_FOLLOW_H

#include "sse.h"
#include "websocket.h"

enum follow_kind { FOLLOW_WEBSOCKET, FOLLOW_SSE };

struct follower {
    enum follow_kind kind;
    struct wire wire;
    struct sse sse;
    unsigned close_code; /* from the server; 0: none yet */
    char close_reason[124];
};

/* One frame. */
struct follow_frame {
    uint64_t seq;
    struct reel_str event; /* its bytes, valid until more is read; NULL if it is not an event */
    struct reel_str error; /* the JSON string, with quotes, if the payload is not an event */
    bool is_gap;           /* messages of the stream were never received; `seq` is the last */
    struct reel_str text;  /* the complete frame */
};

/* True if the frame is only a position. */
static inline bool is_position(const struct follow_frame *frame) {
    return !frame->event.data && !frame->error.data && !frame->is_gap;
}

/* Sends a request; `query` is "?since=0&…" or "". Returns the answer. After 101 or 200 the follower
 * exists. `headers` as for wire_get; the token may be NULL. Call follower_close in any case. */
struct reply follower_asked(const struct daemon *daemon, enum follow_kind kind, const char *query,
                            const char *token, const char *const *headers, struct follower *ret);

/* A follower with the token that may only read. */
struct follower follower_opened(const struct daemon *daemon, enum follow_kind kind,
                                const char *query);

/* Closes the connection without a close frame. */
void follower_close(struct follower *follower);

/* The next frame that has arrived; false: there is none. Pings are answered. */
bool follower_next(struct follower *follower, struct follow_frame *ret);

/* Receives what has arrived; waits for it at most this long. False: nothing has. */
bool follower_receive(struct follower *follower, int timeout_ms);

/* True if nothing more will come. */
bool follower_ended(const struct follower *follower);

/* Waits for the next frame; false at the end. */
bool follower_read(struct follower *follower, struct follow_frame *ret);

/* The number of followers in /metrics. */
size_t follower_count(struct client *client);

/* Waits until there are at most this number of followers; at most a minute. */
void follower_count_wait(struct client *client, size_t most);

/* Checks that the next frame is this event of the log, or this position. Positions may come before
 * it. */
void follower_expect(struct follower *follower, uint64_t seq);
void follower_expect_position(struct follower *follower, uint64_t seq);

#endif
