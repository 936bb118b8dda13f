/* follower.c: see follower.h, and hub.h for the life of a follower.
 *
 * Within a frame, only the rest of this frame may be sent; between two frames, any frame. So a turn
 * first sends the current chunk, then pending control frames, and then fetches the next chunk. If
 * the socket is full, only the rest of the frame that has begun is kept in memory. The other frames
 * can be read again from the follower's position in the log.
 */
#include "follow/follower.h"

#include "base/invariant.h"

#include "follow/send.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* After we have sent a close frame, the client has this time to close. */
#define CLOSE_MS 3000

/* Bytes that are read at one time. */
#define HEAR_BYTES 16384

/* Pause before the next attempt, if no view could be opened, or if there was no memory. */
#define LATER_MS 20

static const struct hub_options *options_of(const struct follower *follower) {
    return &follower->hub->options;
}

/* ---- Control frames that must be sent -------------------------------------------------------- */

/* Begins a frame that does not belong to an event. */
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

/* The time for the client's answer begins when the ping has left the socket. While the ping waits
 * in a full socket, the client cannot answer. */
static enum sent send_ping(struct follower *follower) {
    follower->transport->ping(control_begin(follower));
    follower->owes_ping = false;
    follower->ping_ms = follower->hub->now_ms + options_of(follower)->ping_ms;
    follower->queued = 0;
    enum sent sent = control_send(follower);
    if (follower->transport->is_websocket) follower->pong_ms = follower->hub->now_ms;
    return sent;
}

/* The position of a follower of records. */
static void write_point(struct follower *follower, struct text *to) {
    struct framer *framer = &follower->hub->framer;
    struct record_cursor *records = follower->records;
    struct frame_point point;
    bool is_there = records_point(records, &follower->epoch, follower->seq, &point);
    INVARIANT(is_there); /* it is due */
    const struct frame_id id = {point.seq, point.generation};
    frame_point(framer_cleared(framer), &point);
    follower->transport->text(framer, to);
    follower->transport->text_end(&id, to);
    records->owes_snapshot = records->owes_point = false;
}

static enum sent send_position(struct follower *follower) {
    struct hub *hub = follower->hub;
    struct text *to = control_begin(follower);
    if (follower->records)
        write_point(follower, to);
    else
        follower->transport->position(&hub->framer, follower->seq, to);
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

/* A follower of records is told where it stands only when it is at the end: then its copy is the
 * collection. */
static bool is_point_due(const struct follower *follower, uint64_t every_ms) {
    const struct hub *hub = follower->hub;
    struct frame_point point;
    bool is_owed = follower->seq > follower->told;
    if (is_owed && every_ms > options_of(follower)->point_ms)
        every_ms = options_of(follower)->point_ms;
    bool is_due = follower->records->owes_snapshot || follower->records->owes_point ||
                  (is_owed && hub->finishing) || hub->now_ms >= follower->told_ms + every_ms;
    return is_due && records_point(follower->records, &follower->epoch, follower->seq, &point);
}

/* The position may be sent a little early, because the clock is only checked now and then. */
static bool is_position_due(const struct follower *follower) {
    uint64_t every_ms = options_of(follower)->position_ms * 9 / 10;
    if (follower->records) return is_point_due(follower, every_ms);
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

static int find_chunk(struct follower *follower) {
    if (follower->records)
        return records_next(follower->records, &follower->epoch, &follower->seq, &follower->chunk,
                            &follower->frame);
    const struct tail_place place = {&follower->epoch, follower->seq, &follower->filter};
    return tail_next(&follower->hub->tails[follower->kind], &place, &follower->chunk,
                     &follower->frame);
}

/* Fetches the next chunk. 1: done; 0: there is none, or the follower is being closed; -EAGAIN: try
 * again later. */
static int next_chunk(struct follower *follower) {
    INVARIANT(!follower->chunk);
    int rc = find_chunk(follower);
    follower->sent = follower->stop = 0;
    if (rc >= 0) return rc;
    if (rc == -ERANGE)
        follower_close(follower, HUB_END_OVERTAKEN, WEBSOCKET_CURSOR_TOO_OLD, "cursor-too-old");
    else if (rc == -ESTALE)
        follower_close(follower, HUB_END_EPOCH, WEBSOCKET_EPOCH_CHANGED, "epoch-changed");
    else if (rc == -EXDEV)
        follower_close(follower, HUB_END_GENERATION, WEBSOCKET_CURSOR_TOO_OLD,
                       "generation-changed");
    else if (rc != -EAGAIN && rc != -ENOMEM && rc != -ETIME)
        follower_close(follower, HUB_END_INTERNAL, WEBSOCKET_INTERNAL, "internal");
    else
        return -EAGAIN;
    return 0;
}

/* Sends the rest of the chunk, or else one control frame. `ret_any` says whether there was one of
 * these. */
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

/* Returns true if everything was sent, so that the turn can continue. */
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

/* Queues the follower for its next turn. If it is far from the end of the log, it waits behind
 * those that are near to it. */
static void queue_again(struct follower *follower) {
    const struct tail *tail = &follower->hub->tails[follower->kind];
    bool is_near = follower->records ? follower->records->is_live : tail_has(tail, follower->seq);
    place_move(follower, is_near ? PLACE_READY : PLACE_BEHIND);
}

static bool is_at_end(const struct follower *follower) {
    const struct record_cursor *records = follower->records;
    if (records && (records->is_listing || records->is_crossing || records->key)) return false;
    return follower->seq >= follower->hub->cursor;
}

/* The follower has reached the end of the log. */
static void wait_for_more(struct follower *follower) {
    struct hub *hub = follower->hub;
    if (hub->finishing) {
        follower_close(follower, HUB_END_SHUTDOWN, WEBSOCKET_GOING_AWAY, "shutting down");
        return;
    }
    uint64_t point_ms = follower->told_ms + hub->options.point_ms;
    bool has_point = follower->records && follower->seq > follower->told;
    if (has_point && point_ms < hub->points_ms) hub->points_ms = point_ms;
    place_move(follower, PLACE_IN_SYNC);
}

/* Called if no chunk and no control frame is left to send. Returns true if there is now one. */
static bool go_on(struct follower *follower) {
    int rc = next_chunk(follower);
    if (rc == 0 && follower->records && is_position_due(follower)) return true;
    if (rc == 0 && follower->closing == CLOSING_NOT) wait_for_more(follower);
    if (rc >= 0) return follower->chunk || follower->closing != CLOSING_NOT;
    follower->hub->later_ms = follower->hub->now_ms + LATER_MS;
    place_move(follower, PLACE_LATER);
    return false;
}

/* Sends one chunk in a turn, so that all followers have their turns. */
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
        if (!any && had_chunk && !is_at_end(follower)) {
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

/* ---- Input from clients ---------------------------------------------------------------------- */

/* Answers at once if possible. Otherwise only the newest ping is answered (RFC 6455, section
 * 5.5.3). */
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
        follower_close(follower, HUB_END_CLIENT, code,
                       ""); /* unless our own close frame is already the answer */
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

/* ---- Timeouts -------------------------------------------------------------------------------- */

/* Checks whether the client still takes bytes out of the socket. epoll reports space only when
 * there is much of it, and a slow client may need longer for that than the limit. */
static void look_at_socket(struct follower *follower) {
    int queued = 0;
    if (ioctl(follower->fd, SIOCOUTQ, &queued) == 0 && queued < follower->queued)
        follower->full_ms = follower->life_ms = follower->hub->now_ms;
    follower->queued = queued;
}

/* A follower of records may take as long as it likes: it is sent the newest state whenever it
 * reads. That the other side is gone, the system finds out, since nothing is acknowledged then. */
static bool must_keep_up(const struct follower *follower) {
    return !follower->records;
}

/* It is to be ended: it has not read, or not answered, for too long. */
static bool is_stalled(const struct follower *follower) {
    return must_keep_up(follower) && follower->place == PLACE_FULL &&
           follower->hub->now_ms >= follower->full_ms + options_of(follower)->stall_ms;
}

static bool is_silent(const struct follower *follower) {
    uint64_t since = follower->pong_ms > follower->life_ms ? follower->pong_ms : follower->life_ms;
    return must_keep_up(follower) && follower->place != PLACE_FULL && follower->pong_ms &&
           follower->hub->now_ms >= since + options_of(follower)->stall_ms;
}

void follower_tick(struct follower *follower) {
    uint64_t now = follower->hub->now_ms;
    if (follower->place == PLACE_CLOSED) {
        if (now >= follower->closed_ms + CLOSE_MS) place_leave(follower, follower->end);
        return;
    }
    if (follower->place == PLACE_FULL || follower->pong_ms) look_at_socket(follower);
    if (is_stalled(follower)) {
        follower_cut(follower, HUB_END_STALLED, WEBSOCKET_TRY_AGAIN, "too slow");
        return;
    }
    if (is_silent(follower)) {
        follower_cut(follower, HUB_END_SILENT, WEBSOCKET_TRY_AGAIN, "no answer to a ping");
        return;
    }
    if (now >= follower->ping_ms && !follower->pong_ms) follower->owes_ping = true;
    if (follower->place == PLACE_IN_SYNC && (follower->owes_ping || is_position_due(follower)))
        place_move(follower, PLACE_READY);
}
