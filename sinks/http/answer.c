/* answer.c: see answer.h. */
#include "answer.h"

#include "base/error.h"
#include "kept.h"
#include "listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const struct problem_info problem_infos[PROBLEMS] = {
    [PROBLEM_BAD_REQUEST] = {400, "bad-request", "Bad request"},
    [PROBLEM_UNAUTHORIZED] = {401, "unauthorized", "Unauthorized"},
    [PROBLEM_FORBIDDEN] = {403, "forbidden", "Forbidden"},
    [PROBLEM_NOT_FOUND] = {404, "not-found", "Not found"},
    [PROBLEM_METHOD_NOT_ALLOWED] = {405, "method-not-allowed", "Method not allowed"},
    [PROBLEM_CONFLICT] = {409, "conflict", "Conflict"},
    [PROBLEM_CURSOR_TOO_OLD] = {410, "cursor-too-old", "Cursor too old"},
    [PROBLEM_PAYLOAD_TOO_LARGE] = {413, "payload-too-large", "Payload too large"},
    [PROBLEM_URI_TOO_LONG] = {414, "uri-too-long", "URI too long"},
    [PROBLEM_UNSUPPORTED_MEDIA_TYPE] = {415, "unsupported-media-type", "Unsupported media type"},
    [PROBLEM_HEADERS_TOO_LARGE] = {431, "headers-too-large", "Request header fields too large"},
    [PROBLEM_PRECONDITION_FAILED] = {412, "precondition-failed", "Precondition failed"},
    [PROBLEM_IDEMPOTENCY_KEY_REUSED] = {422, "idempotency-key-reused", "Idempotency key reused"},
    [PROBLEM_INTERNAL] = {500, "internal", "Internal error"},
    [PROBLEM_SERVICE_UNAVAILABLE] = {503, "service-unavailable", "Service unavailable"},
    [PROBLEM_NOT_YET] = {504, "not-yet", "Not yet"},
    [PROBLEM_VERSION_NOT_SUPPORTED] = {505, "version-not-supported", "HTTP version not supported"},
};

void text_append_number(struct text *text, uint64_t number) {
    char digits[NUMBER_TEXT_MAX];
    text_append_lit(text, number_text(number, digits));
}

void answer_finish(struct answer *answer) {
    text_finish(&answer->body);
    text_finish(&answer->header);
    listing_destroy(answer->listing);
    kept_release(answer->kept);
    *answer = (struct answer){0};
}

/* ---- Problems -------------------------------------------------------------------------------- */

static void write_problem(struct answer *answer, unsigned status, const char *name,
                          const char *title, const char *detail) {
    struct answer kept = {
        .has_position = answer->has_position, .cursor = answer->cursor, .epoch = answer->epoch};
    answer_finish(answer);
    *answer = kept;
    answer->status = status;
    answer->content_type = "application/problem+json";
    struct text *body = &answer->body;
    text_append_lit(body, "{\"type\":\"/problems/");
    text_append_lit(body, name);
    text_append_lit(body, "\",\"title\":");
    text_append_quoted(body, reel_text(title));
    text_append_lit(body, ",\"status\":");
    text_append_number(body, status);
    text_append_lit(body, ",\"detail\":");
    text_append_quoted(body, reel_text(detail));
    text_append_lit(body, "}");
    if (status == 503) answer->retry_after_s = 1;
    answer->authenticate = status == 401;
}

void answer_problem(struct answer *answer, enum problem problem, const char *format, ...) {
    struct reel_error sentence;
    va_list args;
    va_start(args, format);
    vsnprintf(sentence.text, sizeof sentence.text, format, args);
    va_end(args);
    sentence.text[utf8_cut(sentence.text, strlen(sentence.text))] = '\0';
    const struct problem_info *info = &problem_infos[problem];
    write_problem(answer, info->status, info->name, info->title, sentence.text);
}

void answer_refusal(struct answer *answer, unsigned status, const char *name, const char *detail) {
    const char *title = name;
    for (size_t i = 0; i < PROBLEMS; i++)
        if (strcmp(problem_infos[i].name, name) == 0) title = problem_infos[i].title;
    write_problem(answer, status, name, title, detail);
}

void answer_problem_number(struct answer *answer, const char *name, uint64_t value) {
    struct text *body = &answer->body;
    if (body->failed || body->len == 0) return;
    body->len--; /* its closing brace */
    text_append_lit(body, ",\"");
    text_append_lit(body, name);
    text_append_lit(body, "\":");
    text_append_number(body, value);
    text_append_lit(body, "}");
}

void answer_error(struct answer *answer, int rc, const struct reel_error *error) {
    switch (rc) {
    case -ETIME:
        answer_problem(answer, PROBLEM_SERVICE_UNAVAILABLE, "it took longer than view_ms_max");
        return;
    case -EAGAIN:
    case -ENOSPC:
    case -ENOMEM:
    case -ESHUTDOWN:
        answer_problem(answer, PROBLEM_SERVICE_UNAVAILABLE, "%s",
                       error->text[0] ? error->text : "try again later");
        return;
    case -E2BIG:
        answer_problem(answer, PROBLEM_PAYLOAD_TOO_LARGE, "%s", error->text);
        return;
    case -ENOENT:
    case -ESRCH:
        answer_problem(answer, PROBLEM_NOT_FOUND, "%s",
                       error->text[0] ? error->text : "there is no such thing");
        return;
    default:
        answer_problem(answer, PROBLEM_INTERNAL, "%s",
                       error->text[0] ? error->text : strerror(-rc));
    }
}

void answer_position(struct answer *answer, const struct reel_position *position) {
    answer->has_position = true;
    answer->cursor = position->cursor;
    answer->epoch = position->epoch;
}

/* ---- Sending --------------------------------------------------------------------------------- */

static bool add(struct MHD_Response *response, const char *name, const char *value) {
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool add_number(struct MHD_Response *response, const char *name, uint64_t value) {
    char digits[NUMBER_TEXT_MAX];
    return add(response, name, number_text(value, digits));
}

/* What clients of browsers send: their own headers, and those that libraries for event streams,
 * for HTTP and for tracing add to every request. */
#define CORS_HEADERS                                                                               \
    "Authorization, Cache-Control, Content-Type, If-None-Match, Last-Event-ID, Pragma, "           \
    "traceparent, tracestate, X-Requested-With"

/* What a script may see beside the body matters only to a browser, which names its page's origin.
 */
static bool add_cors(struct MHD_Response *response, const struct answer *answer, const char *origin,
                     struct MHD_Connection *connection) {
    if (!origin[0]) return true;
    if (!add(response, "Access-Control-Allow-Origin", origin)) return false;
    if (strcmp(origin, "*") != 0 && !add(response, "Vary", "Origin")) return false;
    if (!answer->is_options)
        return !MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Origin") ||
               add(response, "Access-Control-Expose-Headers", "ETag, Reel-Cursor, Reel-Epoch");
    return add(response, "Access-Control-Allow-Methods", "GET, OPTIONS") &&
           add(response, "Access-Control-Allow-Headers", CORS_HEADERS) &&
           add(response, "Access-Control-Max-Age", "600");
}

static bool add_handshake(struct MHD_Response *response, const struct answer *answer) {
    return add(response, MHD_HTTP_HEADER_UPGRADE, "websocket") &&
           add(response, "Sec-WebSocket-Accept", answer->websocket_accept) &&
           (!answer->websocket_protocol ||
            add(response, "Sec-WebSocket-Protocol", answer->websocket_protocol));
}

static bool add_headers(struct MHD_Response *response, struct answer *answer,
                        const struct server *server, struct MHD_Connection *connection) {
    bool good = true;
    if (answer->content_type) good = add(response, "Content-Type", answer->content_type);
    if (good && answer->has_position)
        good = add_number(response, "Reel-Cursor", answer->cursor) &&
               (!answer->epoch.text[0] || add(response, "Reel-Epoch", answer->epoch.text));
    if (good && answer->etag[0]) good = add(response, "ETag", answer->etag);
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
        good = !answer->header.failed && add(response, "Location", answer->header.data);
    }
    return good && (!connection || add_cors(response, answer, server->allow_origin, connection));
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

/* The response owns the body then. */
static struct MHD_Response *make_response(struct answer *answer) {
    struct MHD_Response *response;
    if (answer->listing) {
        response = listing_response(answer->listing, answer->listing_bytes);
        if (response) answer->listing = NULL;
        return response;
    }
    if (answer->is_stream) return make_endless();
    if (answer->upgraded) return MHD_create_response_for_upgrade(answer->upgraded, NULL);
    if (answer->body.len == 0)
        return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    response = MHD_create_response_from_buffer_with_free_callback(answer->body.len,
                                                                  answer->body.data, free);
    if (response) answer->body = (struct text){0};
    return response;
}

static void count_answer(struct server *server, unsigned status) {
    unsigned class = status / 100 < STATUS_CLASSES ? status / 100 : 0;
    atomic_fetch_add_explicit(&server->answered[class], 1, memory_order_relaxed);
}

/* Without memory for an answer the connection is closed. */
static enum MHD_Result send_made(struct answer *answer, struct server *server,
                                 struct MHD_Connection *connection, bool wants_cors) {
    size_t bytes = answer->listing ? SIZE_MAX : answer->body.size;
    struct MHD_Response *response = make_response(answer);
    if (!response) return MHD_NO;
    enum MHD_Result result = MHD_NO;
    if (add_headers(response, answer, server, wants_cors ? connection : NULL))
        result = MHD_queue_response(connection, answer->status, response);
    if (result == MHD_NO || !kept_put(answer->kept, response, bytes))
        MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_again(const struct answer *answer, struct server *server,
                                  struct MHD_Connection *connection) {
    atomic_fetch_add_explicit(&server->sent_again, 1, memory_order_relaxed);
    return MHD_queue_response(connection, answer->status, kept_response(answer->kept));
}

enum MHD_Result answer_send(struct answer *answer, struct server *server,
                            struct MHD_Connection *connection, bool wants_cors) {
    if (answer->body.failed || answer->header.failed)
        answer_problem(answer, PROBLEM_SERVICE_UNAVAILABLE, "out of memory");
    enum MHD_Result result = kept_response(answer->kept)
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

/* RFC 9110, section 5.6.7, in whatever language the process runs. */
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

void answer_head(struct answer *answer, struct server *server, struct MHD_Connection *connection,
                 struct text *to) {
    struct MHD_Response *response = make_response(answer);
    text_append_lit(to, "HTTP/1.1 ");
    text_append_number(to, answer->status);
    text_append_lit(to, " OK\r\nConnection: close\r\n");
    write_date(to);
    if (!response || !add_headers(response, answer, server, connection))
        to->failed = true;
    else
        MHD_get_response_headers(response, write_header, to);
    text_append_lit(to, "\r\n");
    if (response) MHD_destroy_response(response);
    count_answer(server, answer->status);
}
