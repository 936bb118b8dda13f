/* answer_send.c: see answer_send.h. */
#include "answer_send.h"

#include "base/invariant.h"
#include "cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static bool add(struct MHD_Response *response, const char *name, const char *value) {
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool add_number(struct MHD_Response *response, const char *name, uint64_t value) {
    char digits[NUMBER_TEXT_MAX];
    return add(response, name, number_text(value, digits));
}

/* Headers that pages in browsers send: the browser's own, and those that libraries for event
 * streams, HTTP and tracing add to every request. */
#define CORS_HEADERS                                                                               \
    "Authorization, Cache-Control, Content-Type, If-None-Match, Last-Event-ID, Pragma, "           \
    "traceparent, tracestate, X-Requested-With"

/* Only a browser uses these headers, and it sends the origin of its page.
 */
static bool add_cors(struct MHD_Response *response, const struct answer *answer, const char *origin,
                     struct MHD_Connection *connection) {
    if (!origin[0]) return true;
    if (!add(response, "Access-Control-Allow-Origin", origin)) return false;
    if (!answer->is_options)
        return !MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Origin") ||
               add(response, "Access-Control-Expose-Headers",
                   "Content-Disposition, Content-Location, ETag, Link, Reel-Changed, Reel-Count, "
                   "Reel-Cursor, Reel-Epoch, Reel-Stale");
    return add(response, "Access-Control-Allow-Methods", "GET, OPTIONS") &&
           add(response, "Access-Control-Allow-Headers", CORS_HEADERS) &&
           add(response, "Access-Control-Max-Age", "600");
}

/* What the answer depends on, besides its target. With any origin allowed, the headers that a page
 * may read are sent only to pages: a cache must not give them an answer without. */
static bool add_vary(struct MHD_Response *response, const struct answer *answer,
                     const char *origin) {
    bool by_origin = origin[0];
    if (!answer->varies && !by_origin) return true;
    return add(response, "Vary",
               !by_origin       ? "Accept"
               : answer->varies ? "Accept, Origin"
                                : "Origin");
}

static bool add_handshake(struct MHD_Response *response, const struct answer *answer) {
    return add(response, MHD_HTTP_HEADER_UPGRADE, "websocket") &&
           add(response, "Sec-WebSocket-Accept", answer->websocket_accept) &&
           (!answer->websocket_protocol ||
            add(response, "Sec-WebSocket-Protocol", answer->websocket_protocol));
}

/* Of lists and records. */
static bool add_of_records(struct MHD_Response *response, struct answer *answer) {
    char file[128];
    bool good = true;
    if (answer->changed) good = add_number(response, "Reel-Changed", answer->changed);
    if (good && answer->has_count && answer->status < 300)
        good = add_number(response, "Reel-Count", answer->count);
    if (good && answer->has_next) {
        text_append(&answer->next, "", 1);
        good = !answer->next.failed && add(response, "Link", answer->next.data);
    }
    if (!good || !answer->file) return good;
    snprintf(file, sizeof file, "attachment; filename=\"%s.csv\"", answer->file);
    return add(response, "Content-Disposition", file);
}

static bool add_headers(struct MHD_Response *response, struct answer *answer,
                        const struct server *server, struct MHD_Connection *connection) {
    bool good = true;
    for (const struct answer_header *more = answer->headers; more && more->name && good; more++)
        good = add(response, more->name, more->value);
    if (good && answer->content_type) good = add(response, "Content-Type", answer->content_type);
    if (good && answer->has_position)
        good = add_number(response, "Reel-Cursor", answer->cursor) &&
               (!answer->epoch.text[0] || add(response, "Reel-Epoch", answer->epoch.text));
    if (good && answer->is_stale) good = add(response, "Reel-Stale", "true");
    if (good && answer->etag[0]) good = add(response, "ETag", answer->etag);
    if (good) good = add_of_records(response, answer);
    if (good && answer->allow[0]) good = add(response, "Allow", answer->allow);
    if (good && answer->retry_after_s)
        good = add_number(response, "Retry-After", answer->retry_after_s);
    if (good && answer->authenticate)
        good = add(response, "WWW-Authenticate", "Bearer realm=\"reel\"");
    if (good && answer->is_stream) good = add(response, "X-Accel-Buffering", "no"); /* nginx */
    if (good && answer->closes) good = add(response, "Connection", "close");
    if (good && answer->no_encoding) good = add(response, "Accept-Encoding", "identity");
    if (good && answer->replayed) good = add(response, "Idempotent-Replayed", "true");
    if (good && answer->no_store) good = add(response, "Cache-Control", "no-store");
    if (good && answer->websocket_version) good = add(response, "Sec-WebSocket-Version", "13");
    if (good && answer->upgraded) good = add_handshake(response, answer);
    if (good && answer->header.len) {
        text_append(&answer->header, "", 1);
        const char *name = answer->has_content_location ? "Content-Location" : "Location";
        good = !answer->header.failed && add(response, name, answer->header.data);
    }
    if (!good || !connection) return good && add_vary(response, answer, "");
    return add_vary(response, answer, server->allow_origin) &&
           add_cors(response, answer, server->allow_origin, connection);
}

static ssize_t end_at_once(void *context, uint64_t at, char *to, size_t max) {
    (void)context, (void)at, (void)to, (void)max;
    return MHD_CONTENT_READER_END_OF_STREAM;
}

/* The head of a stream, which has no length: RFC 9110, section 8.6. */
static struct MHD_Response *make_endless(void) {
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1, end_at_once, NULL, NULL);
    if (response) MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    return response;
}

/* The response then owns the body. */
static struct MHD_Response *make_response(struct answer *answer) {
    struct body_source *source = &answer->source;
    struct MHD_Response *response;
    INVARIANT((source->state != NULL) + (answer->body.len > 0) + (answer->constant.len > 0) <= 1);
    INVARIANT(!answer->upgraded || (!source->state && !answer->is_stream));
    if (source->state) {
        response = MHD_create_response_from_callback(source->bytes, source->block_bytes,
                                                     source->read, source->state, source->destroy);
        if (response) source->state = NULL;
        return response;
    }
    if (answer->is_stream) return make_endless();
    if (answer->upgraded) return MHD_create_response_for_upgrade(answer->upgraded, NULL);
    if (answer->constant.len > 0)
        return MHD_create_response_from_buffer(answer->constant.len, (void *)answer->constant.data,
                                               MHD_RESPMEM_PERSISTENT);
    if (answer->body.len == 0)
        return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    response = MHD_create_response_from_buffer_with_free_callback(answer->body.len,
                                                                  answer->body.data, free);
    if (response) answer->body = (struct text){0};
    return response;
}

static void count_answer(struct server *server, unsigned status) {
    unsigned class = status / 100;
    INVARIANT(class > 0 && class < STATUS_CLASSES);
    atomic_fetch_add_explicit(&server->answered[class], 1, memory_order_relaxed);
}

/* If there is no memory for an answer, the connection is closed. */
static enum MHD_Result send_made(struct answer *answer, struct server *server,
                                 struct MHD_Connection *connection, bool wants_cors) {
    size_t bytes = answer->source.state ? SIZE_MAX : answer->body.size;
    struct MHD_Response *response = make_response(answer);
    if (!response) return MHD_NO;
    enum MHD_Result result = MHD_NO;
    if (add_headers(response, answer, server, wants_cors ? connection : NULL))
        result = MHD_queue_response(connection, answer->status, response);
    if (result == MHD_NO || !cache_put(answer->cached, response, bytes))
        MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_again(const struct answer *answer, struct server *server,
                                  struct MHD_Connection *connection) {
    atomic_fetch_add_explicit(&server->sent_again, 1, memory_order_relaxed);
    return MHD_queue_response(connection, answer->status, cached_response(answer->cached));
}

enum MHD_Result answer_send(struct answer *answer, struct server *server,
                            struct MHD_Connection *connection, bool wants_cors) {
    if (answer->body.failed || answer->header.failed)
        answer_problem(answer, PROBLEM_SERVICE_UNAVAILABLE, "out of memory");
    enum MHD_Result result = cached_response(answer->cached)
                                 ? send_again(answer, server, connection)
                                 : send_made(answer, server, connection, wants_cors);
    count_answer(server, answer->status);
    answer_finish(answer);
    return result;
}

/* ---- Heads as text --------------------------------------------------------------------------- */

static enum MHD_Result write_header(void *context, enum MHD_ValueKind kind, const char *name,
                                    const char *value) {
    struct text *to = context;
    (void)kind;
    text_append_lit(to, name);
    text_append_lit(to, ": ");
    text_append_lit(to, value);
    text_append_lit(to, "\r\n");
    return MHD_YES;
}

/* RFC 9110, section 5.6.7. Does not depend on the locale. */
static void write_date(struct text *to) {
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char date[64];
    time_t now = time(NULL);
    struct tm at;
    gmtime_r(&now, &at);
    snprintf(date, sizeof date, "%s, %02d %s %d %02d:%02d:%02d GMT", days[at.tm_wday], at.tm_mday,
             months[at.tm_mon], at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec);
    write_header(to, MHD_HEADER_KIND, "Date", date);
}

/* Appends the head of an answer after which the connection is closed, without the empty line. */
static void write_head(struct answer *answer, struct server *server,
                       struct MHD_Connection *connection, struct text *to) {
    struct MHD_Response *response = make_response(answer);
    text_append_lit(to, "HTTP/1.1 ");
    text_append_number(to, answer->status);
    text_append_lit(to, " ");
    text_append_lit(to, MHD_get_reason_phrase_for(answer->status));
    text_append_lit(to, "\r\nConnection: close\r\n");
    write_date(to);
    if (!response || !add_headers(response, answer, server, connection))
        to->failed = true;
    else
        MHD_get_response_headers(response, write_header, to);
    if (response) MHD_destroy_response(response);
    count_answer(server, answer->status);
}

void answer_send_head(struct answer *answer, struct server *server,
                      struct MHD_Connection *connection, struct text *to) {
    write_head(answer, server, connection, to);
    text_append_lit(to, "\r\n");
}

void answer_write(struct answer *answer, struct server *server, struct text *to) {
    struct text body = answer->body;
    answer->body = (struct text){0}; /* the response is made without it */
    write_head(answer, server, NULL, to);
    text_append_lit(to, "Content-Length: ");
    text_append_number(to, body.len);
    text_append_lit(to, "\r\n\r\n");
    text_append_str(to, text_str(&body));
    if (body.failed) to->failed = true;
    text_finish(&body);
    answer_finish(answer);
}
