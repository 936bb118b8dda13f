/* frames.c: see frames.h. */
#include "conform/frames.h"

#include "websocket/wire.h"

#include <errno.h>

void frames_finish(struct frames *frames) {
    text_finish(&frames->in);
    text_finish(&frames->message);
    *frames = (struct frames){.kind = frames->kind};
}

void frames_compact(struct frames *frames) {
    if (frames->at == 0) return;
    frames->in.len -= frames->at;
    memmove(frames->in.data, frames->in.data + frames->at, frames->in.len);
    frames->scanned -= frames->scanned < frames->at ? frames->scanned : frames->at;
    frames->at = 0;
}

static int wrong(const char *why, const char **ret_why) {
    *ret_why = why;
    return -EPROTO;
}

/* ---- Server-sent events ---------------------------------------------------------------------- */

/* Removes the next line. The end of a line is LF, or CR LF. (CR alone would also be one, but the
 * daemon does not write it.) */
static bool next_line(struct reel_str *rest, struct reel_str *ret) {
    const char *end = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;
    if (!end) return false;
    size_t len = (size_t)(end - rest->data);
    *ret = (struct reel_str){rest->data, len > 0 && rest->data[len - 1] == '\r' ? len - 1 : len};
    rest->data += len + 1;
    rest->len -= len + 1;
    return true;
}

/* The end of the event that begins at `at`: behind its empty line. 0: it is not there. */
static size_t find_event_end(struct frames *frames) {
    size_t from = frames->scanned > frames->at ? frames->scanned : frames->at;
    struct reel_str rest = {frames->in.data + from, frames->in.len - from}, line;
    while (next_line(&rest, &line)) {
        frames->scanned = (size_t)(rest.data - frames->in.data);
        if (line.len == 0) return frames->scanned;
    }
    return 0;
}

/* "name: value" */
static struct reel_str value_of(struct reel_str line, size_t name_len) {
    size_t skipped = name_len < line.len ? name_len + 1 : name_len;
    if (skipped < line.len && line.data[skipped] == ' ') skipped++;
    return (struct reel_str){line.data + skipped, line.len - skipped};
}

static bool is_field(struct reel_str line, const char *name) {
    size_t len = strlen(name);
    return line.len >= len && memcmp(line.data, name, len) == 0 &&
           (line.len == len || line.data[len] == ':');
}

/* One event, without its empty line. 1: it has data, or is a comment; 0: neither. */
static int read_event(struct frames *frames, struct reel_str lines, struct frame *ret) {
    struct reel_str line;
    bool has_data = false, has_comment = false;
    frames->message.len = 0;
    *ret = (struct frame){.what = FRAME_TEXT};
    while (next_line(&lines, &line)) {
        has_comment |= line.len > 0 && line.data[0] == ':';
        if (is_field(line, "id")) ret->id = value_of(line, 2);
        if (!is_field(line, "data")) continue;
        if (has_data) text_append_lit(&frames->message, "\n");
        text_append_str(&frames->message, value_of(line, 4));
        has_data = true;
    }
    if (!has_data) ret->what = FRAME_PING;
    ret->text = text_str(&frames->message);
    return has_data || has_comment;
}

static int next_event(struct frames *frames, struct frame *ret, const char **ret_why) {
    for (;;) {
        size_t end = find_event_end(frames);
        if (end == 0 && frames->in.len - frames->at > FRAME_BYTES_MAX)
            return wrong("an event without an end", ret_why);
        if (end == 0) return 0;
        struct reel_str lines = {frames->in.data + frames->at, end - frames->at};
        frames->at = end;
        int rc = read_event(frames, lines, ret);
        if (frames->message.failed) return -ENOMEM;
        if (rc > 0) return rc;
    }
}

/* ---- WebSocket ------------------------------------------------------------------------------- */

/* A frame's head. */
struct head {
    bool is_last;
    unsigned opcode;
    uint64_t len;
    size_t size; /* of the head itself; 0: it is not complete */
};

static int read_head(const struct frames *frames, struct head *ret, const char **ret_why) {
    const unsigned char *bytes = (const unsigned char *)frames->in.data + frames->at;
    size_t there = frames->in.len - frames->at;
    *ret = (struct head){.size = 0};
    if (there < 2) return 0;
    size_t more = (bytes[1] & 0x7F) == 127 ? 8 : (bytes[1] & 0x7F) == 126 ? 2 : 0;
    if (bytes[0] & 0x70) return wrong("reserved bits of a frame", ret_why);
    if (bytes[1] & 0x80) return wrong("a server's frame with a mask", ret_why);
    if (there < 2 + more) return 0;
    ret->is_last = bytes[0] & 0x80;
    ret->opcode = bytes[0] & 0x0F;
    ret->len = more ? 0 : bytes[1];
    for (size_t i = 0; i < more; i++) ret->len = ret->len << 8 | bytes[2 + i];
    if (more && ret->len <= (more == 2 ? 125 : UINT16_MAX))
        return wrong("a frame's length is not in its shortest form", ret_why);
    if (ret->opcode >= WEBSOCKET_CLOSE && (ret->len > WEBSOCKET_CONTROL_MAX || !ret->is_last))
        return wrong("a control frame that is too long, or not whole", ret_why);
    if (ret->len > FRAME_BYTES_MAX) return wrong("a frame is too long", ret_why);
    ret->size = 2 + more;
    return 0;
}

static bool is_utf8(struct reel_str text) {
    struct utf8_walk walk = {0};
    return utf8_walk(&walk, (const uint8_t *)text.data, text.len) && walk.left == 0;
}

/* 1: a control frame; 0 is not returned. */
static int take_control(struct frames *frames, unsigned opcode, struct reel_str payload,
                        struct frame *ret, const char **ret_why) {
    *ret = (struct frame){.what = FRAME_PING, .text = payload};
    if (opcode == WEBSOCKET_PING) return 1;
    ret->what = FRAME_PONG;
    if (opcode == WEBSOCKET_PONG) return 1;
    if (opcode != WEBSOCKET_CLOSE) return wrong("an unknown opcode", ret_why);
    if (payload.len == 1) return wrong("a close frame with half a code", ret_why);
    *ret = (struct frame){.what = FRAME_CLOSE, .code = 1005, .text = {"", 0}};
    if (payload.len >= 2) {
        const unsigned char *bytes = (const unsigned char *)payload.data;
        ret->code = (unsigned)bytes[0] << 8 | bytes[1];
        ret->text = (struct reel_str){payload.data + 2, payload.len - 2};
    }
    frames->is_closed = true;
    return is_utf8(ret->text) ? 1 : wrong("the reason of a close frame is not UTF-8", ret_why);
}

/* 1: a message is complete; 0: it is not. */
static int take_data(struct frames *frames, const struct head *head, struct reel_str payload,
                     struct frame *ret, const char **ret_why) {
    if ((head->opcode == WEBSOCKET_CONTINUATION) != frames->is_open)
        return wrong("fragments out of order", ret_why);
    if (head->opcode != WEBSOCKET_CONTINUATION && head->opcode != WEBSOCKET_TEXT)
        return wrong("a message that is not text", ret_why);
    if (!frames->is_open) frames->message.len = 0;
    frames->is_open = !head->is_last;
    if (payload.len > FRAME_BYTES_MAX - frames->message.len)
        return wrong("a message is too long", ret_why);
    text_append_str(&frames->message, payload);
    if (frames->message.failed) return -ENOMEM;
    if (!head->is_last) return 0;
    *ret = (struct frame){.what = FRAME_TEXT, .text = text_str(&frames->message)};
    return is_utf8(ret->text) ? 1 : wrong("a message that is not UTF-8", ret_why);
}

static int next_message(struct frames *frames, struct frame *ret, const char **ret_why) {
    while (!frames->is_closed) {
        struct head head;
        int rc = read_head(frames, &head, ret_why);
        if (rc < 0) return rc;
        if (head.size == 0 || frames->in.len - frames->at - head.size < head.len) return 0;
        struct reel_str payload = {frames->in.data + frames->at + head.size, (size_t)head.len};
        frames->at += head.size + payload.len;
        rc = head.opcode >= WEBSOCKET_CLOSE
                 ? take_control(frames, head.opcode, payload, ret, ret_why)
                 : take_data(frames, &head, payload, ret, ret_why);
        if (rc != 0) return rc;
    }
    return 0;
}

int frames_next(struct frames *frames, struct frame *ret, const char **ret_why) {
    if (frames->in.len == frames->at) return 0;
    return frames->kind == FRAMES_SSE ? next_event(frames, ret, ret_why)
                                      : next_message(frames, ret, ret_why);
}

void frames_write(struct text *to, unsigned opcode, struct reel_str payload, uint32_t mask) {
    size_t begin = to->len;
    websocket_write(to, (enum websocket_opcode)opcode, payload);
    if (to->failed) return;
    size_t head = to->len - begin - payload.len;
    char *at = text_extend(to, sizeof mask);
    if (!at) return;
    char *masked = to->data + begin + head;
    memmove(masked + sizeof mask, masked, payload.len);
    memcpy(masked, &mask, sizeof mask);
    to->data[begin + 1] |= (char)0x80;
    for (size_t i = 0; i < payload.len; i++) masked[sizeof mask + i] ^= masked[i % sizeof mask];
}
