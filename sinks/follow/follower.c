/* follower.c: see follower.h, and hub.h for the whole life.
 *
 * Between two frames any frame may be sent; within a frame, only the rest of that frame. So a turn
 * first sends the chunk in hand, then pending control frames, and then fetches the next chunk. When
 * the socket is full, only the rest of the frame that was begun stays in memory: the follower's
 * position in the log is enough to read the other frames again.
 */
#include "follow/follower.h"

#include "base/invariant.h"

#include "follow/send.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* How long the other side has to close, after we have. */
#define CLOSE_MS 3000

/* Read at one time. */
#define HEAR_BYTES 16384

/* Pause before the next attempt when there was no view, or no memory. */
#define LATER_MS 20

static const struct hub_options *options_of(const struct follower *follower) {
    return &follower->hub->options;
}

/* ---- What is owed ---------------------------------------------------------------------------- */

/* Begins a frame that is no event's. */
static struct text *control_begin(struct follower *follower) {
    struct text *control = &follower->hub->control;
    control->len = 0;
    control->failed = false;
    return control;
}

static enum sent control_send(struct follower *follower) {
    struct text *control = &follower->hub->control;
    return control->failed ? SENT_NO_MEMORY : send_bytes(follower, text_str(control));
}

static enum sent send_pong(struct follower *follower) {
    struct reel_str payload = {(const char *)follower->pong, follower->pong_len};
    websocket_write(control_begin(follower), WEBSOCKET_PONG, payload);
    follower->owes_pong = false;
    return control_send(follower);
}

/* The clock for the answer starts when it has left us: what waits behind a full socket is not
 * answered yet. */
static enum sent send_ping(struct follower *follower) {
    follower->transport->ping(control_begin(follower));
    follower->owes_ping = false;
    follower->ping_ms = follower->hub->now_ms + options_of(follower)->ping_ms;
    follower->queued = 0;
    enum sent sent = control_send(follower);
    if (follower->transport->is_websocket) follower->pong_ms = follower->hub->now_ms;
    return sent;
}

static enum sent send_position(struct follower *follower) {
    struct hub *hub = follower->hub;
    follower->transport->position(&hub->framer, follower->seq, control_begin(follower));
    follower->told = follower->seq;
    follower->told_ms = hub->now_ms;
    return control_send(follower);
}

static enum sent send_close(struct follower *follower) {
    closing_move(follower, CLOSING_SAID);
    if (!follower->transport->close) return SENT_ALL;
    follower->transport->close(follower->close_code, follower->close_reason,
                               control_begin(follower));
    return control_send(follower);
}

/* A little early, as time is looked at only now and then. */
static bool is_position_due(const struct follower *follower) {
    uint64_t every_ms = options_of(follower)->position_ms * 9 / 10;
    return follower->transport->position && follower->seq > follower->told &&
           follower->hub->now_ms >= follower->told_ms + every_ms;
}

/* Our close frame is sent. If the client has closed already, the follower ends now; otherwise the
 * client gets CLOSE_MS. If its input is not read any more, our side of the socket is shut down. */
static void closed(struct follower *follower) {
    INVARIANT(follower->closing == CLOSING_SAID && !follower->chunk);
    if (follower->heard_close) {
        place_leave(follower, follower->end);
        return;
    }
    if (follower->is_deaf || !follower->transport->close) shutdown(follower->fd, SHUT_WR);
    follower->closed_ms = follower->hub->now_ms;
    place_move(follower, PLACE_CLOSED);
}

/* ---- A turn ---------------------------------------------------------------------------------- */

/* Takes the next chunk in hand. 1; 0: there is none, or it was closed for it; -EAGAIN: later. */
static int next_chunk(struct follower *follower) {
    struct hub *hub = follower->hub;
    INVARIANT(!follower->chunk);
    const struct tail_place place = {&follower->epoch, follower->seq, &follower->filter};
    int rc = tail_next(&hub->tails[follower->kind], &place, &follower->chunk, &follower->frame);
    follower->sent = follower->stop = 0;
    if (rc >= 0) return rc;
    if (rc == -ERANGE)
        follower_close(follower, HUB_END_OVERTAKEN, WEBSOCKET_CURSOR_TOO_OLD, "cursor-too-old");
    else if (rc == -ESTALE)
        follower_close(follower, HUB_END_EPOCH, WEBSOCKET_EPOCH_CHANGED, "epoch-changed");
    else if (rc != -EAGAIN && rc != -ENOMEM && rc != -ETIME)
        follower_close(follower, HUB_END_INTERNAL, WEBSOCKET_INTERNAL, "internal");
    else
        return -EAGAIN;
    return 0;
}

/* Sends one thing: what is in hand, or else what is owed. `ret_any` tells whether there was any. */
static enum sent send_next(struct follower *follower, bool *ret_any) {
    *ret_any = true;
    if (follower->chunk) return send_chunk(follower);
    if (follower->owes_pong) return send_pong(follower);
    if (follower->closing == CLOSING_OWED) return send_close(follower);
    if (follower->owes_ping) return send_ping(follower);
    if (is_position_due(follower)) return send_position(follower);
    *ret_any = false;
    return SENT_ALL;
}

static enum hub_end end_of(const struct follower *follower) {
    return follower->closing == CLOSING_NOT ? HUB_END_CLIENT : follower->end;
}

/* True: go on. */
static bool is_sent(struct follower *follower, enum sent sent) {
    switch (sent) {
    case SENT_ALL:
        return true;
    case SENT_SOME:
        if (follower->place != PLACE_FULL) {
            follower->full_ms = follower->hub->now_ms;
            follower->queued = 0;
        }
        place_move(follower, PLACE_FULL);
        return false;
    case SENT_NO_MEMORY:
        place_leave(follower, HUB_END_INTERNAL);
        return false;
    default:
        place_leave(follower, end_of(follower));
        return false;
    }
}

/* Ready for the next turn, behind those who are nearer to the log's end if it is far from it. */
static void queue_again(struct follower *follower) {
    const struct tail *tail = &follower->hub->tails[follower->kind];
    place_move(follower, tail_has(tail, follower->seq) ? PLACE_READY : PLACE_BEHIND);
}

/* At the end of the log. */
static void wait_for_more(struct follower *follower) {
    struct hub *hub = follower->hub;
    if (hub->finishing)
        follower_close(follower, HUB_END_SHUTDOWN, WEBSOCKET_GOING_AWAY, "shutting down");
    else
        place_move(follower, PLACE_IN_SYNC);
}

/* Nothing is in hand, and nothing owed. True: now something is. */
static bool go_on(struct follower *follower) {
    int rc = next_chunk(follower);
    if (rc == 0 && follower->closing == CLOSING_NOT) wait_for_more(follower);
    if (rc >= 0) return follower->chunk || follower->closing != CLOSING_NOT;
    follower->hub->later_ms = follower->hub->now_ms + LATER_MS;
    place_move(follower, PLACE_LATER);
    return false;
}

/* One chunk a turn, so that all have theirs. */
void follower_turn(struct follower *follower) {
    bool any = true, had_chunk = false;
    INVARIANT(follower->place == PLACE_READY || follower->place == PLACE_BEHIND);
    do {
        had_chunk = had_chunk || follower->chunk;
        if (!is_sent(follower, send_next(follower, &any))) return;
        if (follower->closing == CLOSING_SAID) {
            closed(follower);
            return;
        }
        if (!any && had_chunk && follower->seq < follower->hub->cursor) {
            queue_again(follower);
            return;
        }
    } while (any || go_on(follower));
}

void follower_close(struct follower *follower, enum hub_end end, unsigned code,
                    const char *reason) {
    if (follower->closing != CLOSING_NOT) return;
    closing_move(follower, CLOSING_OWED);
    follower->end = end;
    follower->close_code = (uint16_t)code;
    follower->close_reason = reason;
}

void follower_cut(struct follower *follower, enum hub_end end, unsigned code, const char *reason) {
    const struct linger reset = {.l_onoff = 1};
    bool is_said = !follower->chunk || send_rest(follower) == SENT_ALL;
    follower->close_code = (uint16_t)code;
    follower->close_reason = reason;
    if (is_said && follower->closing != CLOSING_SAID) is_said = send_close(follower) == SENT_ALL;
    if (!is_said) setsockopt(follower->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    place_leave(follower, end);
}

/* ---- What clients say ------------------------------------------------------------------------ */

/* Answers at once if nothing is in the way; else the newest ping alone is answered (RFC 6455,
 * section 5.5.3). */
static void hear_ping(struct follower *follower, const struct websocket_said *said) {
    if (follower->closing == CLOSING_SAID) return;
    follower->owes_pong = true;
    follower->pong_len = (uint8_t)said->len;
    memcpy(follower->pong, said->payload, said->len);
    if (!follower->chunk && follower->place != PLACE_FULL) is_sent(follower, send_pong(follower));
}

static void hear_close(struct follower *follower, unsigned code) {
    follower->heard_close = true;
    if (follower->place == PLACE_CLOSED)
        place_leave(follower, follower->end);
    else
        follower_close(follower, HUB_END_CLIENT, code, ""); /* unless ours answers it */
}

static void hear_fault(struct follower *follower, const struct websocket_said *said) {
    follower->is_deaf = true;
    if (follower->closing == CLOSING_OWED)
        closing_move(follower, CLOSING_NOT); /* this goes before */
    follower_close(follower, HUB_END_FAULT, said->code, said->reason);
}

static void hear_bytes(struct follower *follower, struct reel_str bytes) {
    struct websocket_said said = {.reason = ""};
    enum websocket_heard heard;
    do {
        heard = websocket_hear(&follower->input, &follower->hub->pool, &bytes, &said);
        if (heard == WEBSOCKET_HEARD_PING) hear_ping(follower, &said);
    } while (heard == WEBSOCKET_HEARD_PING && follower->fd >= 0);
    if (heard == WEBSOCKET_HEARD_CLOSE) hear_close(follower, said.code);
    if (heard == WEBSOCKET_HEARD_FAULT) hear_fault(follower, &said);
    if (follower->fd < 0 || follower->closing == CLOSING_NOT) return;
    if (follower->place != PLACE_FULL && follower->place != PLACE_CLOSED)
        place_move(follower, PLACE_READY);
}

static void hear(struct follower *follower, struct reel_str bytes) {
    follower->life_ms = follower->hub->now_ms;
    follower->pong_ms = 0;
    bool is_heard = follower->transport->is_websocket && !follower->heard_close;
    if (is_heard && !follower->is_deaf) hear_bytes(follower, bytes);
}

void follower_hear(struct follower *follower) {
    char bytes[HEAR_BYTES];
    if (follower->received.len > 0) {
        struct reel_str received = follower->received;
        follower->received = (struct reel_str){NULL, 0};
        hear(follower, received);
        free((char *)received.data);
        return;
    }
    ssize_t len = recv(follower->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (len > 0)
        hear(follower, (struct reel_str){bytes, (size_t)len});
    else if (len == 0 || (errno != EAGAIN && errno != EINTR))
        place_leave(follower, end_of(follower));
}

/* ---- What time brings ------------------------------------------------------------------------ */

/* Does the socket still get rid of what it took? Its owner is told that there is room only when
 * there is much of it, which takes a slow reader longer than may be. */
static void look_at_socket(struct follower *follower) {
    int queued = 0;
    if (ioctl(follower->fd, SIOCOUTQ, &queued) == 0 && queued < follower->queued)
        follower->full_ms = follower->life_ms = follower->hub->now_ms;
    follower->queued = queued;
}

void follower_tick(struct follower *follower) {
    uint64_t now = follower->hub->now_ms, stall_ms = options_of(follower)->stall_ms;
    if (follower->place == PLACE_CLOSED) {
        if (now >= follower->closed_ms + CLOSE_MS) place_leave(follower, follower->end);
        return;
    }
    if (follower->place == PLACE_FULL || follower->pong_ms) look_at_socket(follower);
    if (follower->place == PLACE_FULL && now >= follower->full_ms + stall_ms) {
        follower_cut(follower, HUB_END_STALLED, WEBSOCKET_TRY_AGAIN, "too slow");
        return;
    }
    uint64_t quiet_since =
        follower->pong_ms > follower->life_ms ? follower->pong_ms : follower->life_ms;
    if (follower->pong_ms && follower->place != PLACE_FULL && now >= quiet_since + stall_ms) {
        follower_cut(follower, HUB_END_SILENT, WEBSOCKET_TRY_AGAIN, "no answer to a ping");
        return;
    }
    if (now >= follower->ping_ms && !follower->pong_ms) follower->owes_ping = true;
    if (follower->place == PLACE_IN_SYNC && (follower->owes_ping || is_position_due(follower)))
        place_move(follower, PLACE_READY);
}
