/* wire.c: see wire.h. */
#include "websocket/wire.h"

#include "base/invariant.h"

#include <stdlib.h>
#include <wslay/wslay.h>

/* Most unused contexts that are kept. */
#define IDLE_MAX 64

/* ---- Writing --------------------------------------------------------------------------------- */

void websocket_write(struct text *to, enum websocket_opcode opcode, struct reel_str payload) {
    char head[10] = {(char)(0x80 | opcode)};
    size_t len = payload.len < 126 ? 0 : payload.len <= UINT16_MAX ? 2 : 8;
    head[1] = (char)(len == 0 ? payload.len : len == 2 ? 126 : 127);
    for (size_t i = 0; i < len; i++) head[2 + i] = (char)(payload.len >> 8 * (len - 1 - i));
    text_reserve(to, 2 + len + payload.len);
    text_append(to, head, 2 + len);
    text_append_str(to, payload);
}

/* ---- UTF-8 that arrives in parts (RFC 3629, section 4) --------------------------------------- */

static bool begin_character(struct utf8_walk *walk, uint8_t byte) {
    walk->low = 0x80;
    walk->high = 0xBF;
    if (byte < 0x80) return true;
    if (byte < 0xC2 || byte > 0xF4) return false;
    walk->left = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    if (byte == 0xE0) walk->low = 0xA0;  /* overlong forms are not allowed */
    if (byte == 0xED) walk->high = 0x9F; /* surrogates are not allowed */
    if (byte == 0xF0) walk->low = 0x90;
    if (byte == 0xF4) walk->high = 0x8F; /* nothing above U+10FFFF */
    return true;
}

bool utf8_walk(struct utf8_walk *walk, const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (walk->left == 0) {
            if (!begin_character(walk, bytes[i])) return false;
            continue;
        }
        if (bytes[i] < walk->low || bytes[i] > walk->high) return false;
        walk->left--;
        walk->low = 0x80;
        walk->high = 0xBF;
    }
    return true;
}

/* ---- Frame contexts -------------------------------------------------------------------------- */

/* wslay asks for bytes, and gets those that have arrived: of one frame at a time, and at first only
 * the head. So a head is checked when it is complete, not when something follows it. */
struct websocket_frame {
    wslay_frame_context_ptr wslay;
    struct websocket_frame *next;
    struct reel_str *from;
    uint8_t head[14];
    size_t head_len;      /* bytes of the head that wslay was given */
    bool has_begun;       /* the head was checked */
    uint64_t given, seen; /* bytes of the payload: given to wslay, and returned by it */
    uint8_t control[WEBSOCKET_CONTROL_MAX]; /* the payload of a control frame */
};

/* The number of bytes of the length in a head, after its first seven bits; and of the whole
 * head. */
static size_t length_size(const struct websocket_frame *frame) {
    unsigned first = frame->head[1] & 0x7F;
    return first < 126 ? 0 : first == 126 ? 2 : 8;
}

static size_t head_size(const struct websocket_frame *frame) {
    if (frame->head_len < 2) return 2;
    return 2 + length_size(frame) + (frame->head[1] & 0x80 ? 4 : 0);
}

static uint64_t payload_len(const struct websocket_frame *frame) {
    uint64_t len = 0;
    if (length_size(frame) == 0) return frame->head[1] & 0x7F;
    for (size_t i = 0; i < length_size(frame); i++) len = len << 8 | frame->head[2 + i];
    return len;
}

static ssize_t give(uint8_t *to, size_t room, int flags, void *context) {
    struct websocket_frame *frame = context;
    struct reel_str *from = frame->from;
    bool is_head = frame->head_len < head_size(frame);
    uint64_t wanted =
        is_head ? head_size(frame) - frame->head_len : payload_len(frame) - frame->given;
    size_t len = from->len < room ? from->len : room;
    (void)flags;
    if (!is_head && !frame->has_begun) return -1;
    if (len > wanted) len = (size_t)wanted;
    if (len == 0) return -1;
    memcpy(to, from->data, len);
    if (is_head) {
        memcpy(frame->head + frame->head_len, from->data, len);
        frame->head_len += len;
    } else {
        frame->given += len;
    }
    from->data += len;
    from->len -= len;
    return (ssize_t)len;
}

static struct websocket_frame *frame_create(void) {
    const struct wslay_frame_callbacks callbacks = {.recv_callback = give};
    struct websocket_frame *frame = calloc(1, sizeof *frame);
    if (frame && wslay_frame_context_init(&frame->wslay, &callbacks, frame) == 0) return frame;
    free(frame);
    return NULL;
}

static void frame_destroy(struct websocket_frame *frame) {
    wslay_frame_context_free(frame->wslay);
    free(frame);
}

static struct websocket_frame *borrow(struct websocket_pool *pool) {
    struct websocket_frame *frame = pool->idle;
    if (!frame) return frame_create();
    INVARIANT(pool->count > 0);
    pool->idle = frame->next;
    pool->count--;
    return frame;
}

/* Returns a context to the pool. A context between two frames is like a new one. */
static void give_back(struct websocket_pool *pool, struct websocket_frame *frame) {
    if (frame->head_len > 0 || pool->count == IDLE_MAX) {
        frame_destroy(frame);
        return;
    }
    frame->next = pool->idle;
    pool->idle = frame;
    pool->count++;
}

void websocket_pool_finish(struct websocket_pool *pool) {
    while (pool->idle) {
        struct websocket_frame *frame = pool->idle;
        pool->idle = frame->next;
        frame_destroy(frame);
    }
    pool->count = 0;
}

void websocket_input_finish(struct websocket_input *input, struct websocket_pool *pool) {
    if (input->frame) give_back(pool, input->frame);
    input->frame = NULL;
}

/* ---- Handling frames ------------------------------------------------------------------------- */

static enum websocket_heard fault(struct websocket_said *ret, enum websocket_code code,
                                  const char *reason) {
    ret->code = code;
    ret->reason = reason;
    return WEBSOCKET_HEARD_FAULT;
}

static bool is_control(uint8_t opcode) {
    return opcode >= WEBSOCKET_CLOSE;
}

static enum websocket_heard begin_data(struct websocket_input *input, uint8_t opcode, uint64_t len,
                                       struct websocket_said *ret) {
    if ((opcode == WEBSOCKET_CONTINUATION) != (input->opcode != 0))
        return fault(ret, WEBSOCKET_PROTOCOL_ERROR, "fragments out of order");
    size_t most = input->message ? input->message_max : WEBSOCKET_MESSAGE_MAX;
    if (len > most - input->message_len) return fault(ret, WEBSOCKET_TOO_BIG, "message too big");
    if (opcode != WEBSOCKET_CONTINUATION) {
        input->opcode = opcode;
        input->utf8 = (struct utf8_walk){0};
    }
    input->message_len += (uint32_t)len;
    return WEBSOCKET_HEARD_NOTHING;
}

/* The head is complete. wslay has checked that control frames are short and not fragmented, and
 * that the length has its shortest form. */
static enum websocket_heard begin_frame(struct websocket_input *input, struct websocket_said *ret) {
    struct websocket_frame *frame = input->frame;
    uint8_t opcode = frame->head[0] & 0x0F;
    frame->has_begun = true;
    if (frame->head[0] & 0x70) return fault(ret, WEBSOCKET_PROTOCOL_ERROR, "reserved bits");
    if ((opcode & 7) > 2) return fault(ret, WEBSOCKET_PROTOCOL_ERROR, "unknown opcode");
    if (!(frame->head[1] & 0x80))
        return fault(ret, WEBSOCKET_PROTOCOL_ERROR, "frame without a mask");
    if (is_control(opcode)) return WEBSOCKET_HEARD_NOTHING;
    return begin_data(input, opcode, payload_len(frame), ret);
}

static enum websocket_heard take_data(struct websocket_input *input,
                                      const struct wslay_frame_iocb *part, bool is_end,
                                      struct websocket_said *ret) {
    bool is_message_end = is_end && part->fin;
    if (input->opcode == WEBSOCKET_TEXT &&
        (!utf8_walk(&input->utf8, part->data, part->data_length) ||
         (is_message_end && input->utf8.left > 0)))
        return fault(ret, WEBSOCKET_NO_UTF8, "text that is not UTF-8");
    if (input->message) text_append(input->message, part->data, part->data_length);
    if (!is_message_end) return WEBSOCKET_HEARD_NOTHING;
    ret->is_text = input->opcode == WEBSOCKET_TEXT;
    input->opcode = 0;
    input->message_len = 0;
    return input->message ? WEBSOCKET_HEARD_MESSAGE : WEBSOCKET_HEARD_NOTHING;
}

/* True if the code may be sent: codes of section 7.4 and of the registry. */
static bool is_code(unsigned code) {
    if (code >= 3000 && code <= 4999) return true;
    return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

static enum websocket_heard hear_close(const uint8_t *payload, size_t len,
                                       struct websocket_said *ret) {
    struct utf8_walk walk = {0};
    ret->code = len >= 2 ? (unsigned)payload[0] << 8 | payload[1] : 0;
    ret->reason = "";
    if (len == 1 || (len >= 2 && !is_code(ret->code)))
        return fault(ret, WEBSOCKET_PROTOCOL_ERROR, "invalid close code");
    if (len > 2 && (!utf8_walk(&walk, payload + 2, len - 2) || walk.left > 0))
        return fault(ret, WEBSOCKET_NO_UTF8, "reason that is not UTF-8");
    return WEBSOCKET_HEARD_CLOSE;
}

static enum websocket_heard take_control(struct websocket_frame *frame,
                                         const struct wslay_frame_iocb *part, bool is_end,
                                         struct websocket_said *ret) {
    INVARIANT(frame->seen + part->data_length <= sizeof frame->control);
    if (part->data_length > 0) memcpy(frame->control + frame->seen, part->data, part->data_length);
    if (!is_end || part->opcode == WEBSOCKET_PONG) return WEBSOCKET_HEARD_NOTHING;
    size_t len = (size_t)part->payload_length;
    if (part->opcode == WEBSOCKET_CLOSE) return hear_close(frame->control, len, ret);
    memcpy(ret->payload, frame->control, len);
    ret->len = len;
    return WEBSOCKET_HEARD_PING;
}

/* Handles a part of a frame, or all of it. */
static enum websocket_heard take_part(struct websocket_input *input,
                                      const struct wslay_frame_iocb *part,
                                      struct websocket_said *ret) {
    struct websocket_frame *frame = input->frame;
    bool is_end = frame->seen + part->data_length == part->payload_length;
    enum websocket_heard heard = is_control(part->opcode) ? take_control(frame, part, is_end, ret)
                                                          : take_data(input, part, is_end, ret);
    frame->seen += part->data_length;
    if (is_end) {
        frame->head_len = frame->given = frame->seen = 0;
        frame->has_begun = false;
    }
    return heard;
}

/* Returns false if something must be answered, or if more bytes are needed. */
static bool hear_some(struct websocket_input *input, enum websocket_heard *heard,
                      struct websocket_said *ret) {
    struct websocket_frame *frame = input->frame;
    struct wslay_frame_iocb part;
    ssize_t rc = wslay_frame_recv(frame->wslay, &part);
    if (rc < 0 && rc != WSLAY_ERR_WANT_READ) {
        *heard = fault(ret, WEBSOCKET_PROTOCOL_ERROR, "malformed frame");
        return false;
    }
    bool is_judged = !frame->has_begun && frame->head_len == head_size(frame);
    if (is_judged) *heard = begin_frame(input, ret);
    if (rc >= 0 && *heard == WEBSOCKET_HEARD_NOTHING) *heard = take_part(input, &part, ret);
    return *heard == WEBSOCKET_HEARD_NOTHING && (rc >= 0 || is_judged || frame->from->len > 0);
}

enum websocket_heard websocket_hear(struct websocket_input *input, struct websocket_pool *pool,
                                    struct reel_str *bytes, struct websocket_said *ret) {
    enum websocket_heard heard = WEBSOCKET_HEARD_NOTHING;
    if (bytes->len == 0) return heard;
    if (!input->frame) input->frame = borrow(pool);
    if (!input->frame) return fault(ret, WEBSOCKET_INTERNAL, "out of memory");
    input->frame->from = bytes;
    while (hear_some(input, &heard, ret)) continue;
    /* Between two frames, the context is returned */
    if (input->frame->head_len == 0) websocket_input_finish(input, pool);
    return heard;
}
