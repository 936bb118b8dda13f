/* follow.h: a follower of the daemon's events, by WebSocket or server-sent events
 * alike: it is told frames, one after another, in the order in which they come.
 *
 * It works in whatever mode the daemon runs. Reading does not block unless it says so, so that one
 * thread can have many. */
#ifndef TESTS_SUPPORT_FOLLOW_H
#define TESTS_SUPPORT_FOLLOW_H

#include "sse.h"
#include "websocket.h"

enum follow_kind { FOLLOW_WEBSOCKET, FOLLOW_SSE };

struct follower {
    enum follow_kind kind;
    struct wire wire;
    struct sse sse;
    unsigned close_code; /* that the server gave; 0: none so far */
    char close_reason[124];
};

/* One frame. */
struct follow_frame {
    uint64_t seq;
    struct reel_str event; /* its bytes, good until more is read; NULL in the other cases */
    struct reel_str error; /* the JSON string, quotes and all, of what is no event */
    bool is_gap;           /* messages of the stream were never received; `seq` is the last */
    struct reel_str text;  /* the whole frame */
};

/* Whether the frame only tells a position. */
static inline bool is_position(const struct follow_frame *frame) {
    return !frame->event.data && !frame->error.data && !frame->is_gap;
}

/* Asks; `query` is "?since=0&…" or "". What was answered; with 101 or 200 the follower is there.
 * `headers` as for wire_get, the token may be NULL. follower_close in any case. */
struct reply follower_asked(const struct daemon *daemon, enum follow_kind kind, const char *query,
                            const char *token, const char *const *headers, struct follower *ret);

/* One that is there, with the token that may only read. */
struct follower follower_opened(const struct daemon *daemon, enum follow_kind kind,
                                const char *query);

/* Goes away without a word. */
void follower_close(struct follower *follower);

/* The next frame of what has come; false: there is none yet. Pings are answered. */
bool follower_next(struct follower *follower, struct follow_frame *ret);

/* Takes what more has come, waiting at most so long for it. False: nothing. */
bool follower_receive(struct follower *follower, int timeout_ms);

/* Nothing more will come. */
bool follower_ended(const struct follower *follower);

/* The next frame, waiting for it; false at the end. */
bool follower_read(struct follower *follower, struct follow_frame *ret);

/* How many there are, as /metrics has it. */
size_t follower_count(struct client *client);

/* Waits until there are no more than so many, for a minute at most. */
void follower_count_wait(struct client *client, size_t most);

/* The next frame is this event of the log, or tells this position; positions on the way there may
 * come before it. */
void follower_expect(struct follower *follower, uint64_t seq);
void follower_expect_position(struct follower *follower, uint64_t seq);

#endif
