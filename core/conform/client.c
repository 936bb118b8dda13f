/* client.c: see client.h. */
#include "conform/client.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "websocket/handshake.h"
#include "websocket/wire.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>

/* Most bytes that are received at once. */
#define READ_BYTES 65536

/* ---- Requests -------------------------------------------------------------------------------- */

void response_finish(struct response *response) {
    http_reader_finish(&response->http);
    text_finish(&response->body);
}

static void write_head(struct text *to, const struct target *target, const char *method,
                       const char *path, bool without_token) {
    text_append_lit(to, method);
    text_append_lit(to, " ");
    text_append_lit(to, target->prefix);
    text_append_lit(to, path);
    text_append_lit(to, " HTTP/1.1\r\nHost: ");
    text_append_lit(to, target->authority);
    text_append_lit(to, "\r\n");
    if (!target->token[0] || without_token) return;
    text_append_lit(to, "Authorization: Bearer ");
    text_append_lit(to, target->token);
    text_append_lit(to, "\r\n");
}

static void write_ask(struct text *to, const struct target *target, const struct ask *ask) {
    write_head(to, target, ask->method, ask->path, ask->without_token);
    if (ask->headers) text_append_lit(to, ask->headers);
    text_append_lit(to, "Connection: close\r\n");
    if (strcmp(ask->method, "GET") != 0) {
        text_append_lit(to, "Content-Length: ");
        text_append_number(to, ask->body.len);
        text_append_lit(to, "\r\n");
    }
    text_append_lit(to, "\r\n");
    text_append_str(to, ask->body);
}

static int send_text(struct link *link, const struct text *text, struct reel_error *error) {
    return text->failed ? fail_memory(error) : link_write(link, text_str(text), error);
}

static int is_not_http(int rc, const char *why, struct reel_error *error) {
    if (rc == -ENOMEM) return fail_memory(error);
    if (rc == -EFBIG)
        return fail(error, rc, "the answer is larger than %zu bytes", ANSWER_BYTES_MAX);
    return fail(error, rc, "%s", why);
}

static int receive_answer(struct link *link, const struct target *target, struct response *response,
                          struct reel_error *error) {
    char part[READ_BYTES];
    const char *why = "";
    while (response->http.part != HTTP_OVER) {
        uint64_t until_ms = clock_ms() + target->timeout_ms;
        ssize_t len = link_read(link, part, sizeof part, until_ms, error);
        if (len < 0) return (int)len;
        if (len == 0 && http_may_end(&response->http)) break;
        if (len == 0) return fail(error, -ECONNRESET, "the connection ended within the answer");
        struct reel_str bytes = {part, (size_t)len};
        int rc = http_read(&response->http, &bytes, &response->body, ANSWER_BYTES_MAX, &why);
        if (rc < 0) return is_not_http(rc, why, error);
    }
    text_reserve(&response->body, 1);
    if (response->body.failed) return fail_memory(error);
    response->body.data[response->body.len] = '\0';
    return 0;
}

int client_ask(const struct target *target, const struct ask *ask, struct response *ret,
               struct reel_error *error) {
    CLEANUP(text_finish) struct text request = {0};
    struct link *link = NULL;
    struct response response = {.http.part = HTTP_HEAD};
    write_ask(&request, target, ask);
    int rc = link_open(target, &link, error);
    if (rc == 0) rc = send_text(link, &request, error);
    if (rc == 0) rc = receive_answer(link, target, &response, error);
    link_close(link, true); /* the answer is complete, or does not matter */
    if (rc < 0)
        response_finish(&response);
    else
        *ret = response;
    return rc < 0 ? fail_in(error, rc, "%s %s", ask->method, ask->path) : 0;
}

/* ---- The beginning of a stream --------------------------------------------------------------- */

static void write_follow(struct text *to, const struct target *target, const struct follow *follow,
                         struct stream *stream) {
    unsigned char nonce[16];
    write_head(to, target, "GET", follow->path, follow->without_token);
    if (follow->headers) text_append_lit(to, follow->headers);
    if (follow->kind == FRAMES_SSE) {
        text_append_lit(to, "Accept: text/event-stream\r\n\r\n");
        return;
    }
    if (RAND_bytes(nonce, sizeof nonce) != 1) to->failed = true;
    EVP_EncodeBlock((unsigned char *)stream->key, nonce, sizeof nonce);
    text_append_lit(to, "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
    text_append_lit(to, stream->key);
    text_append_lit(to, "\r\n\r\n");
}

static bool header_is(const struct stream *stream, const char *name, const char *value) {
    struct reel_str found = http_header(&stream->http, name);
    return found.data && str_is_caseless(found, value);
}

/* RFC 6455, section 4.1: what a client must check. Nothing was offered that could be selected. */
static const char *wrong_handshake(const struct stream *stream) {
    char accept[WEBSOCKET_ACCEPT_MAX];
    struct reel_str connection = http_header(&stream->http, "Connection");
    struct reel_str found = http_header(&stream->http, "Sec-WebSocket-Accept");
    websocket_accept(reel_text(stream->key), accept);
    if (!header_is(stream, "Upgrade", "websocket")) return "101 without `Upgrade: websocket`";
    if (!connection.data || !header_list_has_caseless(connection, "upgrade"))
        return "101 without `Connection: upgrade`";
    if (!found.data || !reel_str_is(found, accept)) return "101 with another Sec-WebSocket-Accept";
    if (http_header(&stream->http, "Sec-WebSocket-Extensions").data)
        return "101 with an extension that was not offered";
    return NULL;
}

static const char *wrong_stream(const struct stream *stream) {
    struct reel_str type = http_header(&stream->http, "Content-Type");
    struct reel_str cache = http_header(&stream->http, "Cache-Control");
    if (!type.data || !str_begins_caseless(type, "text/event-stream"))
        return "200 with another Content-Type than text/event-stream";
    if (http_header(&stream->http, "Content-Encoding").data) return "200 with a Content-Encoding";
    if (!cache.data || !header_list_has_caseless(cache, "no-store"))
        return "200 without `Cache-Control: no-store`";
    return NULL;
}

/* ---- Receiving ------------------------------------------------------------------------------- */

/* Receives once. 1: something has come; 0: nothing in time. */
static int receive(struct stream *stream, uint64_t until_ms, struct reel_error *error) {
    char part[READ_BYTES];
    const char *why = "";
    uint64_t left = stream->cut_at - stream->received;
    if (left == 0) return fail(error, -ECANCELED, "the connection was cut");
    if (stream->has_ended) return fail(error, -EPIPE, "the server has ended the connection");
    ssize_t len = link_read(stream->link, part, left < sizeof part ? (size_t)left : sizeof part,
                            until_ms, error);
    if (len == -ETIMEDOUT) return 0;
    if (len < 0) return (int)len;
    stream->has_ended = len == 0;
    stream->received += (size_t)len;
    struct reel_str bytes = {part, (size_t)len};
    bool is_stream = stream->http.status == 200 || stream->http.status == 101;
    frames_compact(&stream->frames);
    struct text *to = stream->http.status && !is_stream ? &stream->refusal : &stream->frames.in;
    int rc = http_read(&stream->http, &bytes, to, ANSWER_BYTES_MAX, &why);
    if (rc < 0) return is_not_http(rc, why, error);
    if (stream->http.part == HTTP_OVER) stream->has_ended = true;
    return 1;
}

/* What the answer says. The first bytes of a refusal came together with its head. */
static int judge_head(struct stream *stream, struct reel_error *error) {
    bool is_websocket = stream->frames.kind == FRAMES_WEBSOCKET;
    if (stream->http.status == (is_websocket ? 101 : 200)) {
        const char *why = is_websocket ? wrong_handshake(stream) : wrong_stream(stream);
        return why ? fail(error, -EPROTO, "%s", why) : 1;
    }
    if (stream->http.status == 101 || stream->http.status == 200)
        return fail(error, -EPROTO, "the status is %u", stream->http.status);
    text_append_str(&stream->refusal, text_str(&stream->frames.in));
    stream->frames.in.len = 0;
    while (!stream->has_ended) {
        int rc = receive(stream, clock_ms() + stream->target->timeout_ms, error);
        if (rc == 0) return fail(error, -ETIMEDOUT, "nothing more came in time");
        if (rc < 0) return rc;
    }
    return stream->refusal.failed ? fail_memory(error) : 0;
}

int stream_open(const struct target *target, const struct follow *follow, struct stream *ret,
                struct reel_error *error) {
    CLEANUP(text_finish) struct text request = {0};
    *ret = (struct stream){.target = target, .frames.kind = follow->kind, .cut_at = follow->cut_at};
    write_follow(&request, target, follow, ret);
    int rc = link_open(target, &ret->link, error);
    if (rc == 0) rc = send_text(ret->link, &request, error);
    uint64_t until_ms = clock_ms() + target->timeout_ms;
    while (rc >= 0 && ret->http.status == 0) {
        rc = receive(ret, until_ms, error);
        if (rc == 0) rc = fail(error, -ETIMEDOUT, "the head of the answer did not come in time");
        if (rc > 0 && ret->has_ended && ret->http.status == 0)
            rc = fail(error, -ECONNRESET, "the connection ended before the answer");
    }
    if (rc >= 0) rc = judge_head(ret, error);
    return rc;
}

void stream_close(struct stream *stream) {
    link_close(stream->link, true);
    http_reader_finish(&stream->http);
    frames_finish(&stream->frames);
    text_finish(&stream->refusal);
    stream->link = NULL;
}

int stream_send(struct stream *stream, unsigned opcode, struct reel_str payload,
                struct reel_error *error) {
    CLEANUP(text_finish) struct text frame = {0};
    uint32_t mask;
    if (RAND_bytes((unsigned char *)&mask, sizeof mask) != 1) return fail_memory(error);
    frames_write(&frame, opcode, payload, mask);
    return send_text(stream->link, &frame, error);
}

/* An end without the last chunk is a lost connection, not an end. */
static int end_of(const struct stream *stream, struct reel_error *error) {
    return fail(error, -EPIPE,
                stream->http.part == HTTP_OVER ? "the server has ended the stream"
                                               : "the connection has ended");
}

int stream_next_any(struct stream *stream, uint64_t until_ms, struct frame *ret,
                    struct reel_error *error) {
    const char *why = "";
    for (;;) {
        int rc = frames_next(&stream->frames, ret, &why);
        if (rc < 0) return is_not_http(rc, why, error);
        if (rc > 0 && ret->what == FRAME_CLOSE) {
            stream->close_code = ret->code;
            return fail(error, -EPIPE, "the server has closed with %u %.*s", ret->code,
                        REEL_FMT(ret->text));
        }
        if (rc > 0) return 1;
        if (stream->has_ended) return end_of(stream, error);
        rc = receive(stream, until_ms, error);
        if (rc <= 0) return rc;
    }
}

int stream_next(struct stream *stream, uint64_t until_ms, struct frame *ret,
                struct reel_error *error) {
    for (;;) {
        int rc = stream_next_any(stream, until_ms, ret, error);
        if (rc <= 0 || ret->what == FRAME_TEXT) return rc;
        if (ret->what != FRAME_PING || stream->frames.kind == FRAMES_SSE) continue;
        rc = stream_send(stream, WEBSOCKET_PONG, ret->text, error);
        if (rc < 0) return rc;
    }
}
