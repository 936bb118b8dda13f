/* subscriber.c: see subscriber.h. */
#include "conform/subscriber.h"

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
static void write_path(const struct subscriber *subscriber, struct text *path) {
    bool is_sse = subscriber->kind == FRAMES_SSE;
    if (subscriber->collection) {
        text_append_lit(path, is_sse ? "/v1/" : "/ws/collections/");
        text_append_percent(path, reel_text(subscriber->collection), "_");
    } else {
        text_append_lit(path, is_sse ? "/v1/events/stream" : "/ws/events");
    }
    append_param(path, subscriber->filter);
    if (subscriber->collection && !subscriber->filter[0]) append_param(path, "digest=true");
    if (is_sse) return;
    if (subscriber->collection && subscriber->copy.has_position) {
        append_numbered(path, "since", subscriber->copy.seq);
        append_numbered(path, "generation", subscriber->copy.generation);
    }
    if (!subscriber->collection && subscriber->trail.has_position)
        append_numbered(path, "since", subscriber->trail.seq);
}

static void write_id(const struct subscriber *subscriber, char ret[80]) {
    ret[0] = '\0';
    if (subscriber->kind != FRAMES_SSE) return;
    if (subscriber->collection && subscriber->copy.has_position)
        snprintf(ret, 80, "Last-Event-ID: %" PRIu64 ".%" PRIu64 "\r\n", subscriber->copy.seq,
                 subscriber->copy.generation);
    if (!subscriber->collection && subscriber->trail.has_position)
        snprintf(ret, 80, "Last-Event-ID: %" PRIu64 "\r\n", subscriber->trail.seq);
}

int subscriber_connect(struct subscriber *subscriber, uint64_t cut_at, struct reel_error *error) {
    CLEANUP(text_finish) struct text path = {0};
    char id[80];
    write_path(subscriber, &path);
    write_id(subscriber, id);
    text_append(&path, "", 1);
    if (path.failed) return fail_memory(error);
    const struct follow follow = {
        .kind = subscriber->kind, .path = path.data, .headers = id, .cut_at = cut_at};
    subscriber->connections++;
    subscriber->is_connected = true;
    subscriber->copy.by_ids = subscriber->kind == FRAMES_SSE;
    copy_begin(&subscriber->copy);
    int rc = stream_open(subscriber->target, &follow, &subscriber->stream, error);
    if (rc == 1) return 1;
    if (rc == 0)
        error_set(error, "it was refused with %u: %.*s", subscriber->stream.http.status,
                  REEL_FMT(text_str(&subscriber->stream.refusal)));
    subscriber_cut(subscriber);
    return rc;
}

void subscriber_cut(struct subscriber *subscriber) {
    if (!subscriber->is_connected) return;
    unsigned status = subscriber->stream.http.status, code = subscriber->stream.close_code;
    uint64_t received = subscriber->stream.received;
    stream_close(&subscriber->stream);
    subscriber->stream.http.status = status;
    subscriber->stream.close_code = code;
    subscriber->stream.received = received;
    copy_end(&subscriber->copy);
    subscriber->is_connected = false;
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static int take_event_id(const struct subscriber *subscriber, struct reel_str id,
                         struct reel_error *error) {
    uint64_t seq;
    if (number_read(id, &seq) == 0 && seq == subscriber->trail.seq) return 0;
    return fail(error, -EPROTO, "the id of event %" PRIu64 " is `%.*s`", subscriber->trail.seq,
                REEL_FMT(id));
}

static int take(struct subscriber *subscriber, const struct frame *frame,
                struct reel_error *error) {
    bool is_sse = subscriber->kind == FRAMES_SSE;
    struct parsed parsed;
    int rc = parse_frame(subscriber->parser, frame->text, subscriber->collection, &parsed, error);
    if (rc < 0) return rc;
    if (subscriber->collection) {
        rc = copy_take(&subscriber->copy, &parsed, error);
        return rc == 0 && is_sse ? copy_take_id(&subscriber->copy, frame->id, error) : rc;
    }
    rc = trail_take(&subscriber->trail, &parsed, error);
    return rc == 0 && is_sse ? take_event_id(subscriber, frame->id, error) : rc;
}

static bool has_reached(const struct subscriber *subscriber, uint64_t seq) {
    const struct copy *copy = &subscriber->copy;
    if (subscriber->collection) return copy->has_point && copy->point >= seq;
    return subscriber->trail.has_position && subscriber->trail.seq >= seq;
}

int subscriber_reach(struct subscriber *subscriber, uint64_t seq, uint64_t until_ms,
                     struct reel_error *error) {
    int rc = 1;
    while (rc == 1 && !has_reached(subscriber, seq)) {
        struct frame frame;
        rc = stream_next(&subscriber->stream, until_ms, &frame, error);
        if (rc == 1) {
            int taken = take(subscriber, &frame, error);
            if (taken < 0) rc = taken;
        }
    }
    if (rc < 0) subscriber_cut(subscriber);
    return rc;
}

void subscriber_finish(struct subscriber *subscriber) {
    subscriber_cut(subscriber);
    copy_finish(&subscriber->copy);
    trail_finish(&subscriber->trail);
}
