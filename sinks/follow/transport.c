/* transport.c: see transport.h. */
#include "follow/transport.h"

#include "event/event_rules.h"
#include "events/frame.h"
#include "websocket/wire.h"
#include "json/value.h"
#include "json/write.h"

#include <errno.h>

void framer_finish(struct framer *framer) {
    text_finish(&framer->scratch);
    text_finish(&framer->key);
    json_parser_destroy(framer->parser);
    arena_finish(&framer->arena);
    *framer = (struct framer){0};
}

struct text *framer_cleared(struct framer *framer) {
    framer->scratch.len = 0;
    framer->scratch.failed = false;
    return &framer->scratch;
}

/* ---- WebSocket ------------------------------------------------------------------------------- */

static int websocket_scratch(struct framer *framer, struct text *to) {
    if (framer->scratch.failed) return -ENOMEM;
    websocket_write(to, WEBSOCKET_TEXT, text_str(&framer->scratch));
    return to->failed ? -ENOMEM : 1;
}

static int websocket_event(struct framer *framer, const struct reel_entry *entry, struct text *to) {
    frame_event(framer_cleared(framer), entry);
    return websocket_scratch(framer, to);
}

static void websocket_position(struct framer *framer, uint64_t seq, struct text *to) {
    frame_position(framer_cleared(framer), seq);
    if (websocket_scratch(framer, to) < 0) to->failed = true;
}

static void websocket_text(struct framer *framer, struct text *to) {
    if (websocket_scratch(framer, to) < 0) to->failed = true;
}

static void websocket_text_end(const struct frame_id *id, struct text *to) {
    (void)id, (void)to; /* the frame says its length before its content */
}

static void websocket_ping(struct text *to) {
    websocket_write(to, WEBSOCKET_PING, reel_text(""));
}

static void websocket_close(unsigned code, const char *reason, struct text *to) {
    char payload[WEBSOCKET_CONTROL_MAX];
    size_t len = strlen(reason);
    payload[0] = (char)(code >> 8);
    payload[1] = (char)(code & 0xFF);
    if (len > sizeof payload - 2) len = sizeof payload - 2;
    memcpy(payload + 2, reason, len);
    websocket_write(to, WEBSOCKET_CLOSE, (struct reel_str){payload, code ? len + 2 : 0});
}

/* ---- Bare CloudEvents over WebSocket --------------------------------------------------------- */

/* 1: it is a CloudEvent; 0: it is not; -ENOMEM. */
static int is_cloudevent(struct framer *framer, struct reel_str bytes) {
    struct reel_error why;
    struct json *json;
    const char *phrase;
    if (!framer->parser) framer->parser = json_parser_create(NULL);
    if (!framer->parser) return -ENOMEM;
    int rc = json_parse(framer->parser, bytes, 0, &json, &phrase);
    if (rc < 0) return rc == -ENOMEM ? rc : 0;
    arena_reset(&framer->arena);
    rc = event_rules_check(json_root(json), &framer->arena, &why);
    return rc == -ENOMEM ? rc : rc == 0;
}

static int cloudevents_event(struct framer *framer, const struct reel_entry *entry,
                             struct text *to) {
    if (entry->flags & (REEL_LOG_NOT_JSON | REEL_LOG_OVERSIZE | REEL_LOG_GAP)) return 0;
    int rc = is_cloudevent(framer, entry->bytes);
    if (rc <= 0) return rc;
    char *line = text_extend(framer_cleared(framer), entry->bytes.len);
    if (line) json_copy_line(line, entry->bytes);
    return websocket_scratch(framer, to);
}

/* ---- Server-sent events (HTML, section 9.2) -------------------------------------------------- */

static void stream_begin(struct text *to, uint64_t seq) {
    char digits[NUMBER_TEXT_MAX];
    text_append_lit(to, "id: ");
    text_append_lit(to, number_text(seq, digits));
    text_append_lit(to, "\ndata: ");
}

static int stream_event(struct framer *framer, const struct reel_entry *entry, struct text *to) {
    (void)framer;
    stream_begin(to, entry->seq);
    frame_event(to, entry);
    text_append_lit(to, "\n\n");
    return to->failed ? -ENOMEM : 1;
}

static void stream_position(struct framer *framer, uint64_t seq, struct text *to) {
    (void)framer;
    stream_begin(to, seq);
    frame_position(to, seq);
    text_append_lit(to, "\n\n");
}

static void stream_text(struct framer *framer, struct text *to) {
    text_append_lit(to, "data: ");
    text_append_str(to, text_str(&framer->scratch));
    text_append_lit(to, "\n");
    if (framer->scratch.failed) to->failed = true;
}

static void stream_text_end(const struct frame_id *id, struct text *to) {
    if (id) {
        text_append_lit(to, "id: ");
        text_append_number(to, id->seq);
        text_append_lit(to, ".");
        text_append_number(to, id->generation);
        text_append_lit(to, "\n");
    }
    text_append_lit(to, "\n");
}

/* Appends a comment. */
static void stream_ping(struct text *to) {
    text_append_lit(to, ":\n\n");
}

/* ---- All transports -------------------------------------------------------------------------- */

static const struct transport websocket = {
    .name = "websocket",
    .is_websocket = true,
    .event = websocket_event,
    .position = websocket_position,
    .text = websocket_text,
    .text_end = websocket_text_end,
    .ping = websocket_ping,
    .close = websocket_close,
};
static const struct transport cloudevents = {
    .name = "cloudevents",
    .is_websocket = true,
    .event = cloudevents_event,
    .ping = websocket_ping,
    .close = websocket_close,
};
static const struct transport stream = {
    .name = "stream",
    .event = stream_event,
    .position = stream_position,
    .text = stream_text,
    .text_end = stream_text_end,
    .ping = stream_ping,
};
const struct transport *const transports[TRANSPORTS] = {
    [TRANSPORT_WEBSOCKET] = &websocket,
    [TRANSPORT_CLOUDEVENTS] = &cloudevents,
    [TRANSPORT_STREAM] = &stream,
};
