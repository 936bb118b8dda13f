/* answer.h: an answer in the making: status, headers, body. Errors are RFC 9457 problems. */
#ifndef REEL_SINKS_HTTP_ANSWER_H
#define REEL_SINKS_HTTP_ANSWER_H

#include "base/text.h"
#include "server.h"
#include "websocket/handshake.h"
#include "json/write.h"

struct kept;
struct listing;

struct answer {
    unsigned status; /* 0: there is none yet */
    const char *content_type;
    struct text body;
    struct listing *listing; /* or a body that is made while it is sent (listing.h) */
    uint64_t listing_bytes;
    struct kept *kept; /* or one that was made before, or is to be kept (kept.h) */

    bool has_position; /* Reel-Cursor; and Reel-Epoch, if it is there */
    uint64_t cursor;
    struct reel_epoch epoch;

    char etag[128];     /* or empty */
    char allow[64];     /* or empty */
    struct text header; /* Location, or empty */
    unsigned retry_after_s;
    bool authenticate; /* WWW-Authenticate */
    bool replayed;     /* Idempotent-Replayed */
    bool is_options;
    bool no_store;    /* Cache-Control */
    bool is_stream;   /* without an end; no proxy should collect it */
    bool closes;      /* the connection ends with it */
    bool no_encoding; /* Accept-Encoding: bodies are not decoded here */

    /* Of a WebSocket's handshake: whom the connection is for, and what the client is told. */
    MHD_UpgradeHandler upgraded;
    char websocket_accept[WEBSOCKET_ACCEPT_MAX];
    const char *websocket_protocol; /* or NULL */
    bool websocket_version;         /* the one that is spoken here */
};

void answer_finish(struct answer *answer);

/* The kinds of problems that Reel has, with their status and title. */
enum problem {
    PROBLEM_BAD_REQUEST,
    PROBLEM_UNAUTHORIZED,
    PROBLEM_FORBIDDEN,
    PROBLEM_NOT_FOUND,
    PROBLEM_METHOD_NOT_ALLOWED,
    PROBLEM_CONFLICT,
    PROBLEM_CURSOR_TOO_OLD,
    PROBLEM_PAYLOAD_TOO_LARGE,
    PROBLEM_URI_TOO_LONG,
    PROBLEM_UNSUPPORTED_MEDIA_TYPE,
    PROBLEM_HEADERS_TOO_LARGE,
    PROBLEM_PRECONDITION_FAILED,
    PROBLEM_IDEMPOTENCY_KEY_REUSED,
    PROBLEM_INTERNAL,
    PROBLEM_SERVICE_UNAVAILABLE,
    PROBLEM_NOT_YET,
    PROBLEM_VERSION_NOT_SUPPORTED,
    PROBLEMS,
};
struct problem_info {
    unsigned status;
    const char *name; /* the last part of its URI */
    const char *title;
};
extern const struct problem_info problem_infos[PROBLEMS];

/* Makes the answer a problem; whatever it was before is gone. */
REEL_PRINTF(3, 4)
void answer_problem(struct answer *answer, enum problem problem, const char *format, ...);

/* One that a projector has named. */
void answer_refusal(struct answer *answer, unsigned status, const char *name, const char *detail);

/* Adds `,"name":value` to a problem. */
void answer_problem_number(struct answer *answer, const char *name, uint64_t value);

/* The problem that an error of the host's is. */
void answer_error(struct answer *answer, int rc, const struct reel_error *error);

/* Of the view that an answer is made of. */
void answer_position(struct answer *answer, const struct reel_position *position);

/* Sends it; the answer is empty then. Answers to GET and OPTIONS tell browsers who may read them.
 */
enum MHD_Result answer_send(struct answer *answer, struct server *server,
                            struct MHD_Connection *connection, bool wants_cors);

/* The head of such an answer as text, for a connection that somebody else sends it on, without
 * telling where its body ends: that is the connection's end. */
void answer_head(struct answer *answer, struct server *server, struct MHD_Connection *connection,
                 struct text *to);

/* Numbers in JSON and in headers. */
void text_append_number(struct text *text, uint64_t number);

#endif
