/* answer.c: see answer.h. */
#include "answer.h"

#include "base/error.h"
#include "base/invariant.h"
#include "cache.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

const struct problem_info problem_infos[PROBLEMS] = {
    [PROBLEM_BAD_REQUEST] = {400, "bad-request", "Bad request"},
    [PROBLEM_UNAUTHORIZED] = {401, "unauthorized", "Unauthorized"},
    [PROBLEM_FORBIDDEN] = {403, "forbidden", "Forbidden"},
    [PROBLEM_TOO_EXPENSIVE] = {400, "too-expensive", "Too expensive"},
    [PROBLEM_NOT_FOUND] = {404, "not-found", "Not found"},
    [PROBLEM_NOT_ACCEPTABLE] = {406, "not-acceptable", "Not acceptable"},
    [PROBLEM_METHOD_NOT_ALLOWED] = {405, "method-not-allowed", "Method not allowed"},
    [PROBLEM_REQUEST_TIMEOUT] = {408, "request-timeout", "Request timeout"},
    [PROBLEM_CONFLICT] = {409, "conflict", "Conflict"},
    [PROBLEM_CURSOR_TOO_OLD] = {410, "cursor-too-old", "Cursor too old"},
    [PROBLEM_GENERATION_CHANGED] = {410, "generation-changed", "Generation changed"},
    [PROBLEM_PAYLOAD_TOO_LARGE] = {413, "payload-too-large", "Payload too large"},
    [PROBLEM_URI_TOO_LONG] = {414, "uri-too-long", "URI too long"},
    [PROBLEM_UNSUPPORTED_MEDIA_TYPE] = {415, "unsupported-media-type", "Unsupported media type"},
    [PROBLEM_HEADERS_TOO_LARGE] = {431, "headers-too-large", "Request header fields too large"},
    [PROBLEM_PRECONDITION_FAILED] = {412, "precondition-failed", "Precondition failed"},
    [PROBLEM_IDEMPOTENCY_KEY_REUSED] = {422, "idempotency-key-reused", "Idempotency key reused"},
    [PROBLEM_EVENT_NOT_AS_DECLARED] = {422, "event-not-as-declared", "Event not as declared"},
    [PROBLEM_INTERNAL] = {500, "internal", "Internal error"},
    [PROBLEM_TOO_MANY_REQUESTS] = {429, "too-many-requests", "Too many requests"},
    [PROBLEM_SERVICE_UNAVAILABLE] = {503, "service-unavailable", "Service unavailable"},
    [PROBLEM_NOT_YET] = {504, "not-yet", "Not yet"},
    [PROBLEM_VERSION_NOT_SUPPORTED] = {505, "version-not-supported", "HTTP version not supported"},
};

void answer_finish(struct answer *answer) {
    text_finish(&answer->body);
    text_finish(&answer->header);
    text_finish(&answer->next);
    if (answer->source.state) answer->source.destroy(answer->source.state);
    cached_release(answer->cached);
    *answer = (struct answer){0};
}

/* ---- Problems -------------------------------------------------------------------------------- */

static void write_problem(struct answer *answer, unsigned status, const char *name,
                          const char *title, const char *detail) {
    struct answer kept = {
        .has_position = answer->has_position,
        .cursor = answer->cursor,
        .epoch = answer->epoch,
        .varies = answer->varies,
    };
    answer_finish(answer);
    *answer = kept;
    answer->status = status;
    answer->no_store = true; /* a 410 is kept for ever otherwise (RFC 9110, section 15.1) */
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
    if (status == 429) answer->retry_after_s = 10;
    answer->authenticate = status == 401;
}

void answer_problem(struct answer *answer, enum problem problem, const char *format, ...) {
    struct reel_error sentence;
    va_list args;
    va_start(args, format);
    vsnprintf(sentence.text, sizeof sentence.text, format, args);
    va_end(args);
    sentence.text[utf8_cut(sentence.text, strlen(sentence.text))] = '\0';
    INVARIANT(problem < PROBLEMS);
    const struct problem_info *info = &problem_infos[problem];
    write_problem(answer, info->status, info->name, info->title, sentence.text);
}

void answer_refusal(struct answer *answer, unsigned status, const char *name, const char *detail) {
    const char *title = name;
    for (size_t i = 0; i < PROBLEMS; i++)
        if (strcmp(problem_infos[i].name, name) == 0) title = problem_infos[i].title;
    write_problem(answer, status, name, title, detail);
}

/* Begins one more member of a problem: its value and a closing brace must follow. */
static struct text *add_member(struct answer *answer, const char *name) {
    struct text *body = &answer->body;
    if (body->failed || body->len == 0) return NULL;
    body->len--; /* its closing brace */
    INVARIANT(body->data[body->len] == '}');
    text_append_lit(body, ",\"");
    text_append_lit(body, name);
    text_append_lit(body, "\":");
    return body;
}

void answer_problem_number(struct answer *answer, const char *name, uint64_t value) {
    struct text *body = add_member(answer, name);
    if (!body) return;
    text_append_number(body, value);
    text_append_lit(body, "}");
}

void answer_problem_text(struct answer *answer, const char *name, struct reel_str value) {
    struct text *body = add_member(answer, name);
    if (!body) return;
    text_append_quoted(body, value);
    text_append_lit(body, "}");
}

void answer_error(struct answer *answer, int rc, const struct reel_error *error) {
    switch (rc) {
    case -ETIME:
        answer_problem(answer, PROBLEM_SERVICE_UNAVAILABLE, "it took longer than view_ms_max");
        return;
    case -EAGAIN:
    case -EBUSY:
    case -ENOSPC:
    case -ENOMEM:
    case -ESHUTDOWN:
        answer_problem(answer, PROBLEM_SERVICE_UNAVAILABLE, "%s",
                       error->text[0] ? error->text : "try again later");
        return;
    case -EDQUOT:
        answer_problem(answer, PROBLEM_TOO_MANY_REQUESTS, "%s", error->text);
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

void answer_standing(struct answer *answer, bool is_stale, uint64_t cursor) {
    if (!is_stale) return;
    if (cursor < answer->cursor) answer->cursor = cursor;
    answer->is_stale = true;
}
