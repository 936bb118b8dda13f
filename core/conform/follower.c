/* follower.c: see follower.h. */
#include "conform/follower.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>

const char *frames_name(enum frames_kind kind) {
    return kind == FRAMES_SSE ? "sse" : "websocket";
}

const char *frames_title(enum frames_kind kind) {
    return kind == FRAMES_SSE ? "server-sent events" : "WebSocket";
}

/* ---- Requests -------------------------------------------------------------------------------- */

static void append_param(struct text *path, const char *param) {
    if (!param[0]) return;
    text_append_lit(path, memchr(path->data, '?', path->len) ? "&" : "?");
    text_append_lit(path, param);
}

static void append_numbered(struct text *path, const char *name, uint64_t number) {
    char param[64];
    snprintf(param, sizeof param, "%s=%" PRIu64, name, number);
    append_param(path, param);
}

/* Server-sent events continue by `Last-Event-ID`, as browsers do. */
static void write_path(const struct follower *follower, struct text *path) {
    bool is_sse = follower->kind == FRAMES_SSE;
    if (follower->collection) {
        text_append_lit(path, is_sse ? "/v1/" : "/ws/collections/");
        text_append_percent(path, reel_text(follower->collection), "_");
    } else {
        text_append_lit(path, is_sse ? "/v1/events/stream" : "/ws/events");
    }
    append_param(path, follower->filter);
    if (follower->collection && !follower->filter[0]) append_param(path, "digest=true");
    if (is_sse) return;
    if (follower->collection && follower->copy.has_position) {
        append_numbered(path, "since", follower->copy.seq);
        append_numbered(path, "generation", follower->copy.generation);
    }
    if (!follower->collection && follower->trail.has_position)
        append_numbered(path, "since", follower->trail.seq);
}

static void write_id(const struct follower *follower, char ret[80]) {
    ret[0] = '\0';
    if (follower->kind != FRAMES_SSE) return;
    if (follower->collection && follower->copy.has_position)
        snprintf(ret, 80, "Last-Event-ID: %" PRIu64 ".%" PRIu64 "\r\n", follower->copy.seq,
                 follower->copy.generation);
    if (!follower->collection && follower->trail.has_position)
        snprintf(ret, 80, "Last-Event-ID: %" PRIu64 "\r\n", follower->trail.seq);
}

int follower_connect(struct follower *follower, uint64_t cut_at, struct reel_error *error) {
    CLEANUP(text_finish) struct text path = {0};
    char id[80];
    write_path(follower, &path);
    write_id(follower, id);
    text_append(&path, "", 1);
    if (path.failed) return fail_memory(error);
    const struct follow follow = {
        .kind = follower->kind, .path = path.data, .headers = id, .cut_at = cut_at};
    follower->connections++;
    follower->is_connected = true;
    follower->copy.by_ids = follower->kind == FRAMES_SSE;
    copy_begin(&follower->copy);
    int rc = stream_open(follower->target, &follow, &follower->stream, error);
    if (rc == 1) return 1;
    if (rc == 0)
        error_set(error, "it was refused with %u: %.*s", follower->stream.http.status,
                  REEL_FMT(text_str(&follower->stream.refusal)));
    follower_cut(follower);
    return rc;
}

void follower_cut(struct follower *follower) {
    if (!follower->is_connected) return;
    unsigned status = follower->stream.http.status, code = follower->stream.close_code;
    uint64_t received = follower->stream.received;
    stream_close(&follower->stream);
    follower->stream.http.status = status;
    follower->stream.close_code = code;
    follower->stream.received = received;
    copy_end(&follower->copy);
    follower->is_connected = false;
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static int take_event_id(const struct follower *follower, struct reel_str id,
                         struct reel_error *error) {
    uint64_t seq;
    if (number_read(id, &seq) == 0 && seq == follower->trail.seq) return 0;
    return fail(error, -EPROTO, "the id of event %" PRIu64 " is `%.*s`", follower->trail.seq,
                REEL_FMT(id));
}

static int take(struct follower *follower, const struct frame *frame, struct reel_error *error) {
    bool is_sse = follower->kind == FRAMES_SSE;
    struct parsed parsed;
    int rc = frame_parse(follower->parser, frame->text, follower->collection, &parsed, error);
    if (rc < 0) return rc;
    if (follower->collection) {
        rc = copy_take(&follower->copy, &parsed, error);
        return rc == 0 && is_sse ? copy_take_id(&follower->copy, frame->id, error) : rc;
    }
    rc = trail_take(&follower->trail, &parsed, error);
    return rc == 0 && is_sse ? take_event_id(follower, frame->id, error) : rc;
}

static bool has_reached(const struct follower *follower, uint64_t seq) {
    const struct copy *copy = &follower->copy;
    if (follower->collection) return copy->has_point && copy->point >= seq;
    return follower->trail.has_position && follower->trail.seq >= seq;
}

int follower_reach(struct follower *follower, uint64_t seq, uint64_t until_ms,
                   struct reel_error *error) {
    int rc = 1;
    while (rc == 1 && !has_reached(follower, seq)) {
        struct frame frame;
        rc = stream_next(&follower->stream, until_ms, &frame, error);
        if (rc == 1) {
            int taken = take(follower, &frame, error);
            if (taken < 0) rc = taken;
        }
    }
    if (rc < 0) follower_cut(follower);
    return rc;
}

void follower_finish(struct follower *follower) {
    follower_cut(follower);
    copy_finish(&follower->copy);
    trail_finish(&follower->trail);
}
