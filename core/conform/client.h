/* client.h: what a client of Reel does: requests that are answered at once, and subscribers. Each
 * request has a connection of its own. A subscriber's connection can be cut at a chosen byte. */
#ifndef REEL_CONFORM_CLIENT_H
#define REEL_CONFORM_CLIENT_H

#include "conform/frames.h"
#include "conform/http_reader.h"
#include "conform/link.h"

/* Longest body of an answer. */
#define ANSWER_BYTES_MAX ((size_t)256 << 20)

/* ---- Requests -------------------------------------------------------------------------------- */

struct response {
    struct http_reader http; /* its status and headers */
    struct text body;        /* with a NUL behind it */
};
void response_finish(struct response *response);

struct ask {
    const char *method, *path; /* below the prefix of the URL; the query is part of it */
    const char *headers;       /* lines that end with CR LF; NULL: none */
    struct reel_str body;
    bool without_token;
};

/* Sends a request and receives the answer, whatever its status is. Less than 0: there was none. */
int client_ask(const struct target *target, const struct ask *ask, struct response *ret,
               struct reel_error *error);

/* ---- Subscribers -------------------------------------------------------------------------------
 */

#define STREAM_NEVER UINT64_MAX

struct stream {
    const struct target *target;
    struct link *link;
    struct http_reader http;
    struct frames frames;
    struct text refusal; /* the body, if the status is neither 200 nor 101 */
    uint64_t received;   /* bytes so far, with the head of the answer */
    uint64_t cut_at;     /* the connection is cut when this number of bytes has come */
    bool has_ended;
    unsigned close_code; /* of the server's close frame; 0: none */
    char key[25];        /* Sec-WebSocket-Key */
};

struct follow {
    enum frames_kind kind;
    const char *path;
    const char *headers; /* further ones, as above */
    bool without_token;
    uint64_t cut_at;
};

/* Connects and reads the head of the answer. 1: the server sends frames; 0: it has refused, with
 * ret->http.status, and ret->refusal is the body. -ECANCELED: it was cut before; -EPROTO: the
 * answer is wrong; other: there was no answer. stream_close in any case. */
int stream_open(const struct target *target, const struct follow *follow, struct stream *ret,
                struct reel_error *error);
void stream_close(struct stream *stream);

/* The next frame with text; pings are answered. Waits until `until_ms` (clock_ms). 1: there is one;
 * 0: none came; -EPIPE: the server has ended it, see `close_code`; -ECANCELED: it was cut; other:
 * the sentence says what is wrong. */
int stream_next(struct stream *stream, uint64_t until_ms, struct frame *ret,
                struct reel_error *error);

/* The same; pongs are also returned. */
int stream_next_any(struct stream *stream, uint64_t until_ms, struct frame *ret,
                    struct reel_error *error);

/* WebSocket: sends a frame. */
int stream_send(struct stream *stream, unsigned opcode, struct reel_str payload,
                struct reel_error *error);

#endif
