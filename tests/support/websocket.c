/* websocket.c: see websocket.h. */
#include "websocket.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Handshake ------------------------------------------------------------------------------- */

enum { HEADERS_MAX = 24 };

/* The answer to WS_KEY: section 1.3 works this very example. */
#define WS_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static void check_switched(const struct reply *reply) {
    const char *value = reply_header(reply, "Upgrade");
    must(value && strcasecmp(value, "websocket") == 0);
    value = reply_header(reply, "Connection");
    must(value && strcasecmp(value, "upgrade") == 0);
    value = reply_header(reply, "Sec-WebSocket-Accept");
    must(value && strcmp(value, WS_ACCEPT) == 0);
    must(!reply_header(reply, "Sec-WebSocket-Extensions")); /* none were offered */
}

struct reply ws_asked(struct wire *wire, const char *path, const char *token,
                      const char *const *headers) {
    const char *all[HEADERS_MAX] = {WS_UPGRADE};
    size_t count = 0;
    while (all[count]) count++;
    for (size_t i = 0; headers && headers[i]; i++) {
        must(count + 1 < HEADERS_MAX);
        all[count++] = headers[i];
    }
    wire_get(wire, path, token, all);
    struct reply reply = wire_answer(wire);
    if (reply.status == 101) check_switched(&reply);
    return reply;
}

struct wire ws_opened(const struct daemon *daemon, const char *path) {
    struct wire ws = wire_opened(daemon, 0);
    struct reply reply = ws_asked(&ws, path, READ_TOKEN, NULL);
    if (reply.status != 101)
        support_failed(__FILE__, __LINE__, "%s: %ld: %s", path, reply.status,
                       reply.body.data ? reply.body.data : "");
    reply_free(&reply);
    return ws;
}

/* ---- What comes ------------------------------------------------------------------------------ */

static uint64_t big_endian(const unsigned char *bytes, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) value = value << 8 | bytes[i];
    return value;
}

/* The length of a frame's head, and of its payload; false: the head is not whole. */
static bool read_head(struct reel_str rest, size_t *ret_head, uint64_t *ret_len) {
    const unsigned char *bytes = (const unsigned char *)rest.data;
    if (rest.len < 2) return false;
    size_t more = bytes[1] == 127 ? 8 : bytes[1] == 126 ? 2 : 0;
    if (bytes[1] & 0x80 || bytes[0] & WS_RESERVED || !(bytes[0] & WS_FIN))
        support_failed(__FILE__, __LINE__, "a frame begins with %02x %02x", bytes[0], bytes[1]);
    if (rest.len < 2 + more) return false;
    *ret_head = 2 + more;
    *ret_len = more ? big_endian(bytes + 2, more) : bytes[1];
    must(more == 0 || *ret_len > (more == 2 ? 125 : 65535)); /* section 5.2: the shortest form */
    return true;
}

bool ws_next(struct wire *ws, struct ws_frame *ret) {
    struct reel_str rest = wire_rest(ws);
    size_t head;
    uint64_t len;
    if (!read_head(rest, &head, &len) || rest.len - head < len) return false;
    *ret = (struct ws_frame){(unsigned char)rest.data[0] & 0x0F, {rest.data + head, (size_t)len}};
    must(ret->opcode < WS_CLOSE || len <= 125);
    ws->at += head + (size_t)len;
    return true;
}

bool ws_read(struct wire *ws, struct ws_frame *ret) {
    while (!ws_next(ws, ret))
        if (!wire_wait(ws)) return false;
    return true;
}

struct reel_str ws_text(struct wire *ws) {
    struct ws_frame frame;
    while (ws_read(ws, &frame)) {
        if (frame.opcode == WS_TEXT) return frame.payload;
        if (frame.opcode == WS_PING)
            ws_send(ws, WS_FIN | WS_PONG, frame.payload.data, frame.payload.len);
        else if (frame.opcode == WS_CLOSE)
            support_failed(__FILE__, __LINE__, "closed: %u, %.*s",
                           (unsigned)big_endian((const unsigned char *)frame.payload.data,
                                                frame.payload.len < 2 ? 0 : 2),
                           frame.payload.len < 2 ? 0 : (int)frame.payload.len - 2,
                           frame.payload.data + 2);
        else
            must(frame.opcode == WS_PONG);
    }
    support_failed(__FILE__, __LINE__, "the connection ended");
}

/* ---- Closing --------------------------------------------------------------------------------- */

static unsigned close_code(const struct ws_frame *frame, char ret_reason[124]) {
    must(frame->payload.len != 1);
    if (frame->payload.len < 2) return 1005;
    memcpy(ret_reason, frame->payload.data + 2, frame->payload.len - 2);
    ret_reason[frame->payload.len - 2] = '\0';
    return (unsigned)big_endian((const unsigned char *)frame->payload.data, 2);
}

unsigned ws_closed(struct wire *ws, char ret_reason[124]) {
    struct ws_frame frame;
    char reason[124] = "";
    unsigned code = 0;
    while (ws_read(ws, &frame)) {
        if (frame.opcode != WS_CLOSE) continue;
        code = close_code(&frame, reason);
        ws_send(ws, WS_FIN | WS_CLOSE, frame.payload.data, frame.payload.len);
        break;
    }
    while (code && wire_wait(ws)) continue;
    must(!code || wire_rest(ws).len == 0); /* section 5.5.1: nothing follows a close frame */
    if (ret_reason) memcpy(ret_reason, reason, sizeof reason);
    return code;
}

void ws_close(struct wire *ws, unsigned code) {
    unsigned char payload[2] = {(unsigned char)(code >> 8), (unsigned char)code};
    struct ws_frame frame = {0};
    char reason[124];
    ws_send(ws, WS_FIN | WS_CLOSE, payload, sizeof payload);
    while (frame.opcode != WS_CLOSE) must(ws_read(ws, &frame));
    must(close_code(&frame, reason) == code);
    while (wire_wait(ws)) continue;
    must(wire_rest(ws).len == 0);
}

/* ---- What is sent ---------------------------------------------------------------------------- */

static size_t write_length(unsigned char to[9], size_t len) {
    size_t more = len > 65535 ? 8 : len > 125 ? 2 : 0;
    to[0] = (unsigned char)(0x80 | (more == 8 ? 127 : more == 2 ? 126 : len));
    for (size_t i = 0; i < more; i++) to[1 + i] = (unsigned char)(len >> 8 * (more - 1 - i));
    return 1 + more;
}

void ws_add_frame(struct text *text, unsigned first, const void *payload, size_t len) {
    static const unsigned char mask[4] = {0x37, 0xFA, 0x21, 0x3D};
    const unsigned char *from = payload;
    unsigned char head[14] = {(unsigned char)first}, part[4096];
    size_t head_len = 1 + write_length(head + 1, len);
    memcpy(head + head_len, mask, sizeof mask);
    text_add(text, head, head_len + sizeof mask);
    for (size_t done = 0; done < len;) {
        size_t count = len - done < sizeof part ? len - done : sizeof part;
        for (size_t i = 0; i < count; i++) part[i] = from[done + i] ^ mask[i % 4];
        text_add(text, part, count);
        done += count;
    }
}

bool ws_send(struct wire *ws, unsigned first, const void *payload, size_t len) {
    struct text frame = {0};
    ws_add_frame(&frame, first, payload, len);
    bool sent = wire_send(ws, frame.data, frame.len);
    free(frame.data);
    return sent;
}
