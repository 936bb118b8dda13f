/* answer.h: an answer that is being made: status, headers, body. Errors are RFC 9457 problems.
 * answer_send.h sends it. */
#ifndef REEL_SINKS_HTTP_ANSWER_H
#define REEL_SINKS_HTTP_ANSWER_H

#include "base/text.h"
#include "server.h"
#include "websocket/handshake.h"
#include "json/write.h"

struct cached;

struct answer_header {
    const char *name, *value;
};

/* A body that is made in blocks while it is sent. `read` writes up to `room` bytes to `to`, and
 * returns their number; or MHD_CONTENT_READER_END_WITH_ERROR. */
struct body_source {
    ssize_t (*read)(void *state, uint64_t at, char *to, size_t room);
    void (*destroy)(void *state);
    void *state;        /* owned; NULL: there is no source */
    uint64_t bytes;     /* of the whole body */
    size_t block_bytes; /* bytes of one block */
};

/* The longest Link, so that the head of an answer has room behind that of its request; a longer
 * target would be refused, too. */
#define LINK_BYTES_MAX ((size_t)14 << 10)

struct answer {
    unsigned status; /* 0: there is no answer yet */
    const char *content_type;
    struct text body;
    struct body_source source; /* or a body that is made while it is sent */
    struct reel_str constant;  /* or a body that lives as long as the program */
    struct cached *cached; /* or the complete answer from the cache; or an entry of the cache that
                              this answer will fill (cache.h) */

    bool has_position; /* send Reel-Cursor; and Reel-Epoch, if it is set */
    uint64_t cursor;
    struct reel_epoch epoch;
    bool is_stale; /* Reel-Stale: the collection stands at this cursor, and others may be beyond */

    bool has_count, has_next; /* of a list in a form that has no place for them: Reel-Count, Link */
    uint64_t count;
    struct text next; /* the value of `after` for the next page; then the whole Link */
    uint64_t changed; /* Reel-Changed; or 0 */
    const char *file; /* without its suffix ".csv": Content-Disposition; or NULL */

    const struct answer_header *headers; /* further ones, up to a NULL name; or NULL */

    char etag[128];            /* or empty */
    char allow[64];            /* or empty */
    struct text header;        /* Location, or empty */
    bool has_content_location; /* `header` is Content-Location: the record that is shown */
    unsigned retry_after_s;
    bool authenticate; /* WWW-Authenticate */
    bool replayed;     /* Idempotent-Replayed */
    bool varies;       /* Vary: the form of the answer depends on Accept */
    bool is_options;
    bool no_store;    /* Cache-Control */
    bool is_stream;   /* the body never ends; proxies should not buffer it */
    bool closes;      /* close the connection after it */
    bool no_encoding; /* send Accept-Encoding, because bodies are not decoded here */

    /* Of a WebSocket's handshake: the function that takes the connection, and its argument. */
    MHD_UpgradeHandler upgraded;
    char websocket_accept[WEBSOCKET_ACCEPT_MAX];
    const char *websocket_protocol; /* or NULL */
    bool websocket_version;         /* send the supported version of WebSocket */
};

void answer_finish(struct answer *answer);

/* The kinds of problems that Reel itself reports, with their status and title. */
enum problem {
    PROBLEM_BAD_REQUEST,
    PROBLEM_UNAUTHORIZED,
    PROBLEM_FORBIDDEN,
    PROBLEM_TOO_EXPENSIVE,
    PROBLEM_NOT_FOUND,
    PROBLEM_NOT_ACCEPTABLE,
    PROBLEM_METHOD_NOT_ALLOWED,
    PROBLEM_REQUEST_TIMEOUT,
    PROBLEM_CONFLICT,
    PROBLEM_CURSOR_TOO_OLD,
    PROBLEM_GENERATION_CHANGED,
    PROBLEM_PAYLOAD_TOO_LARGE,
    PROBLEM_URI_TOO_LONG,
    PROBLEM_UNSUPPORTED_MEDIA_TYPE,
    PROBLEM_HEADERS_TOO_LARGE,
    PROBLEM_PRECONDITION_FAILED,
    PROBLEM_IDEMPOTENCY_KEY_REUSED,
    PROBLEM_EVENT_NOT_AS_DECLARED,
    PROBLEM_TOO_MANY_REQUESTS,
    PROBLEM_INTERNAL,
    PROBLEM_SERVICE_UNAVAILABLE,
    PROBLEM_NOT_YET,
    PROBLEM_VERSION_NOT_SUPPORTED,
    PROBLEMS,
};
struct problem_info {
    unsigned status;
    const char *name; /* the last part of the problem's URI */
    const char *title;
};
extern const struct problem_info problem_infos[PROBLEMS];

/* Makes the answer a problem, and drops its previous content. */
REEL_PRINTF(3, 4)
void answer_problem(struct answer *answer, enum problem problem, const char *format, ...);

/* Makes the answer a problem that a projector has named. */
void answer_refusal(struct answer *answer, unsigned status, const char *name, const char *detail);

/* Add `,"name":value` to a problem. */
void answer_problem_number(struct answer *answer, const char *name, uint64_t value);
void answer_problem_text(struct answer *answer, const char *name, struct reel_str value);

/* Makes the answer the problem for an error of the host. */
void answer_error(struct answer *answer, int rc, const struct reel_error *error);

/* Sets the position of the view from which the answer is made. */
void answer_position(struct answer *answer, const struct reel_position *position);

/* Then, of a collection: one that is stopped or paused is shown as of where it stands. */
void answer_standing(struct answer *answer, bool is_stale, uint64_t cursor);

#endif
