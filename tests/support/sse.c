/* sse.c: see sse.h. */
#include "sse.h"

#include <stdlib.h>
#include <string.h>

struct reply sse_asked(struct wire *wire, const char *path, const char *token,
                       const char *const *headers, struct sse *ret) {
    wire_get(wire, path, token, headers);
    struct reply reply = wire_answer(wire);
    *ret = (struct sse){0};
    text_add(&ret->in, "", 0);
    if (reply.status != 200) return reply;
    const char *value = reply_header(&reply, "Content-Type");
    must(value && strncmp(value, "text/event-stream", 17) == 0);
    value = reply_header(&reply, "Cache-Control");
    must(value && (strstr(value, "no-cache") || strstr(value, "no-store")));
    must(!reply_header(&reply, "Content-Length"));
    value = reply_header(&reply, "Transfer-Encoding");
    ret->chunked = value && strcmp(value, "chunked") == 0;
    return reply;
}

void sse_finish(struct sse *sse) {
    free(sse->in.data);
    *sse = (struct sse){0};
}

/* ---- Chunks (RFC 9112, section 7.1) ---------------------------------------------------------- */

/* The size that the next chunk begins with; false: it has not come. */
static bool begin_chunk(struct wire *wire, struct sse *sse) {
    struct reel_str rest = wire_rest(wire);
    size_t ahead = sse->chunks > 0 ? 2 : 0; /* what ends the last one */
    if (rest.len < ahead + 3) return false;
    must(memcmp(rest.data, "\r\n", ahead) == 0);
    const char *end = strstr(rest.data + ahead, "\r\n");
    if (!end) return false;
    sse->left = strtoull(rest.data + ahead, NULL, 16);
    sse->over = sse->left == 0;
    sse->chunks++;
    wire->at += (size_t)(end + 2 - rest.data);
    return !sse->over;
}

static void take(struct wire *wire, struct sse *sse, size_t len) {
    text_add(&sse->in, wire_rest(wire).data, len);
    wire->at += len;
}

static void decode(struct wire *wire, struct sse *sse) {
    if (sse->at > 0) {
        sse->in.len -= sse->at;
        memmove(sse->in.data, sse->in.data + sse->at, sse->in.len + 1);
        sse->at = 0;
    }
    if (!sse->chunked) take(wire, sse, wire_rest(wire).len);
    while (sse->chunked && !sse->over && (sse->left > 0 || begin_chunk(wire, sse))) {
        size_t len = wire_rest(wire).len;
        if (len > sse->left) len = sse->left;
        if (len == 0) break;
        take(wire, sse, len);
        sse->left -= len;
    }
}

/* ---- Events ---------------------------------------------------------------------------------- */

static bool is_named(const char *line, size_t len, const char *name, struct reel_str *ret_value) {
    size_t name_len = strlen(name);
    if (len <= name_len || memcmp(line, name, name_len) != 0 || line[name_len] != ':') return false;
    size_t skipped = name_len + 1 + (len > name_len + 1 && line[name_len + 1] == ' ');
    *ret_value = (struct reel_str){line + skipped, len - skipped};
    return true;
}

static void read_line(const char *line, size_t len, struct sse_event *ret) {
    struct reel_str value;
    if (is_named(line, len, "id", &ret->id) || is_named(line, len, "event", &ret->name) ||
        is_named(line, len, "", &ret->comment))
        return;
    if (is_named(line, len, "retry", &value)) {
        ret->retry_ms = strtoull(value.data, NULL, 10);
        return;
    }
    must(!ret->data.data); /* a frame is one line, always */
    must(is_named(line, len, "data", &ret->data));
}

bool sse_next(struct wire *wire, struct sse *sse, struct sse_event *ret) {
    const char *end;
    if (!(end = strstr(sse->in.data + sse->at, "\n\n"))) {
        decode(wire, sse);
        if (!(end = strstr(sse->in.data, "\n\n"))) return false;
    }
    const char *line = sse->in.data + sse->at;
    *ret = (struct sse_event){0};
    while (line <= end) {
        const char *next = memchr(line, '\n', (size_t)(end + 1 - line));
        if (next > line) read_line(line, (size_t)(next - line), ret);
        line = next + 1;
    }
    sse->at = (size_t)(end + 2 - sse->in.data);
    return true;
}

bool sse_read(struct wire *wire, struct sse *sse, struct sse_event *ret) {
    while (!sse_next(wire, sse, ret))
        if (sse->over || !wire_wait(wire)) return false;
    return true;
}
