/* follow.c: see follow.h. */
#include "follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Beginning and ending -------------------------------------------------------------------- */

struct reply follower_asked(const struct daemon *daemon, enum follow_kind kind, const char *query,
                            const char *token, const char *const *headers, struct follower *ret) {
    char path[2048];
    *ret = (struct follower){.kind = kind, .wire = wire_opened(daemon, 0)};
    snprintf(path, sizeof path, "%s%s", kind == FOLLOW_SSE ? "/v1/events/stream" : "/ws/events",
             query);
    if (kind == FOLLOW_SSE) return sse_asked(&ret->wire, path, token, headers, &ret->sse);
    return ws_asked(&ret->wire, path, token, headers);
}

struct follower follower_opened(const struct daemon *daemon, enum follow_kind kind,
                                const char *query) {
    struct follower follower;
    struct reply reply = follower_asked(daemon, kind, query, READ_TOKEN, NULL, &follower);
    if (reply.status != (kind == FOLLOW_SSE ? 200 : 101))
        support_failed(__FILE__, __LINE__, "%s: %ld: %s", query, reply.status,
                       reply.body.data ? reply.body.data : "the connection ended");
    reply_free(&reply);
    return follower;
}

void follower_close(struct follower *follower) {
    wire_close(&follower->wire);
    sse_finish(&follower->sse);
}

bool follower_ended(const struct follower *follower) {
    return follower->wire.ended || follower->sse.over || follower->close_code;
}

/* ---- Frames ---------------------------------------------------------------------------------- */

#define STARTS "{\"seq\":"
#define EVENT  ",\"event\":"
#define ERROR  EVENT "null,\"error\":"
#define GAP    ",\"gap\":true"

static bool begins(struct reel_str text, const char *with) {
    return text.len >= strlen(with) && memcmp(text.data, with, strlen(with)) == 0;
}

static struct reel_str without_ends(struct reel_str text, size_t before, size_t behind) {
    must(text.len >= before + behind);
    return (struct reel_str){text.data + before, text.len - before - behind};
}

/* A frame as it must be written, byte for byte but for the event. */
static void take_frame(struct reel_str text, struct follow_frame *ret) {
    char *end;
    must(begins(text, STARTS) && text.data[text.len - 1] == '}');
    must(!memchr(text.data, '\n', text.len) && !memchr(text.data, '\r', text.len));
    *ret = (struct follow_frame){.text = text};
    ret->seq = strtoull(text.data + sizeof STARTS - 1, &end, 10);
    struct reel_str rest = without_ends(text, (size_t)(end - text.data), 1);
    if (begins(rest, ERROR))
        ret->error = without_ends(rest, sizeof ERROR - 1, 0);
    else if (begins(rest, EVENT))
        ret->event = without_ends(rest, sizeof EVENT - 1, 0);
    else if (begins(rest, GAP))
        ret->is_gap = rest.len == sizeof GAP - 1;
    else
        must(rest.len == 0);
}

static void take_close(struct follower *follower, struct reel_str payload) {
    const unsigned char *bytes = (const unsigned char *)payload.data;
    must(payload.len != 1 && payload.len <= 125);
    follower->close_code = payload.len ? (unsigned)(bytes[0] << 8 | bytes[1]) : 1005;
    if (payload.len)
        snprintf(follower->close_reason, sizeof follower->close_reason, "%.*s",
                 (int)payload.len - 2, payload.data + 2);
    ws_send(&follower->wire, WS_FIN | WS_CLOSE, payload.data, payload.len);
}

static bool next_message(struct follower *follower, struct reel_str *ret) {
    struct ws_frame frame;
    while (!follower->close_code && ws_next(&follower->wire, &frame)) {
        *ret = frame.payload;
        if (frame.opcode == WS_TEXT) return true;
        if (frame.opcode == WS_CLOSE)
            take_close(follower, frame.payload);
        else if (frame.opcode == WS_PING)
            ws_send(&follower->wire, WS_FIN | WS_PONG, frame.payload.data, frame.payload.len);
        else
            must(frame.opcode == WS_PONG);
    }
    return false;
}

/* Its id is the frame's seq. */
static bool next_sent(struct follower *follower, struct reel_str *ret) {
    struct sse_event event;
    while (sse_next(&follower->wire, &follower->sse, &event)) {
        if (!event.data.data) continue; /* a comment, or a time to wait */
        must(event.id.data && begins(event.data, STARTS));
        must(strtoull(event.id.data, NULL, 10) ==
             strtoull(event.data.data + sizeof STARTS - 1, NULL, 10));
        *ret = event.data;
        return true;
    }
    return false;
}

bool follower_next(struct follower *follower, struct follow_frame *ret) {
    struct reel_str text;
    bool there =
        follower->kind == FOLLOW_SSE ? next_sent(follower, &text) : next_message(follower, &text);
    if (there) take_frame(text, ret);
    return there;
}

bool follower_receive(struct follower *follower, int timeout_ms) {
    return !follower_ended(follower) && wire_receive(&follower->wire, timeout_ms);
}

bool follower_read(struct follower *follower, struct follow_frame *ret) {
    while (!follower_next(follower, ret))
        if (follower_ended(follower) || !wire_wait(&follower->wire)) return false;
    return true;
}

/* ---- All of them ----------------------------------------------------------------------------- */

size_t follower_count(struct client *client) {
    static const char mark[] = "\nreel_followers{";
    struct reply reply = get(client, "/metrics");
    must(reply.status == 200);
    const char *line = strstr(reply.body.data, mark);
    size_t count = 0;
    must(line != NULL);
    for (; line; line = strstr(line + 1, mark)) count += strtoul(strchr(line, '}') + 1, NULL, 10);
    reply_free(&reply);
    return count;
}

void follower_count_wait(struct client *client, size_t most) {
    for (int waited = 0; follower_count(client) > most; waited += 5) {
        must(waited < WIRE_PATIENCE_MS);
        usleep(5000);
    }
}

/* ---- Expectations ---------------------------------------------------------------------------- */

static void expect(struct follower *follower, uint64_t seq, bool position) {
    struct follow_frame frame = {0};
    do
        if (!follower_read(follower, &frame))
            support_failed(__FILE__, __LINE__, "it ended before %" PRIu64 ": %u %s", seq,
                           follower->close_code, follower->close_reason);
    while (is_position(&frame) && frame.seq < seq); /* on its way there, at any time */
    if (frame.seq != seq || is_position(&frame) != position)
        support_failed(__FILE__, __LINE__, "%.*s instead of %s %" PRIu64, (int)frame.text.len,
                       frame.text.data, position ? "position" : "event", seq);
}

void follower_expect(struct follower *follower, uint64_t seq) {
    expect(follower, seq, false);
}

void follower_expect_position(struct follower *follower, uint64_t seq) {
    expect(follower, seq, true);
}
