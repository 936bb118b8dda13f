/* request.c: see request.h. */
#include "request.h"

#include "base/invariant.h"
#include "base/trace.h"
#include "event/formats.h"

#include <errno.h>
#include <poll.h>
#include <strings.h>

static const unsigned phase_moves[PHASES] = {
    [PHASE_HEAD] = STATE_BIT(PHASE_BODY),
    [PHASE_BODY] = STATE_BIT(PHASE_BODY) | STATE_BIT(PHASE_SUSPENDED) | STATE_BIT(PHASE_ANSWERED),
    [PHASE_SUSPENDED] = STATE_BIT(PHASE_BODY),
    [PHASE_ANSWERED] = 0,
};

void request_set_phase(struct request *request, enum phase phase) {
    INVARIANT(phase_moves[request->phase] & STATE_BIT(phase));
    request->phase = phase;
}

struct reel_sink_host *request_host_of_sink(const struct request *request) {
    return request->server->host;
}

bool request_refuse(struct request *request, enum problem problem, const char *detail) {
    answer_problem(&request->answer, problem, "%s", detail);
    return false;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* libmicrohttpd leaves white space at the end of a value; it is not part of the value (RFC 9110,
 * section 5.5). */
struct reel_str request_header(const struct request *request, const char *name) {
    struct reel_str value = {NULL, 0};
    MHD_lookup_connection_value_n(request->connection, MHD_HEADER_KIND, name, strlen(name),
                                  &value.data, &value.len);
    while (value.len && is_blank(value.data[value.len - 1])) value.len--;
    return value;
}

struct reel_str request_host(const struct request *request) {
    const struct uri *uri = &request->uri;
    return uri->host.data ? uri->host : request_header(request, MHD_HTTP_HEADER_HOST);
}

struct header_list {
    struct reel_str name;
    struct text *to;
};

static enum MHD_Result add_to_list(void *context, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t len) {
    const struct header_list *list = context;
    (void)kind;
    if (!value || name_len != list->name.len || strncasecmp(name, list->name.data, name_len) != 0)
        return MHD_YES;
    while (len > 0 && is_blank(value[len - 1])) len--;
    if (list->to->len > 0) text_append_lit(list->to, ",");
    text_append(list->to, value, len);
    return MHD_YES;
}

void request_header_list(const struct request *request, const char *name, struct text *to) {
    struct header_list list = {reel_text(name), to};
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, add_to_list, &list);
}

bool str_number(struct reel_str str, uint64_t *ret) {
    return number_read(str, ret) == 0;
}

uint64_t request_content_length(const struct request *request) {
    struct reel_str length = request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t bytes = 0;
    number_read(length, &bytes); /* framing.c has refused other values */
    return bytes;
}

int request_number(struct request *request, const char *name, uint64_t *ret) {
    const struct uri_param *param = uri_param(&request->uri, name);
    uint64_t number;
    if (!param) return 0;
    if (number_read(param->value, &number) == -EINVAL) {
        answer_problem(&request->answer, PROBLEM_BAD_REQUEST,
                       "parameter `%s` is `%.*s`, wanted a number", name, REEL_FMT(param->value));
        return -EINVAL;
    }
    *ret = number;
    return 1;
}

bool request_switch(struct request *request, const char *name, bool *ret) {
    const struct uri_param *param = uri_param(&request->uri, name);
    *ret = param && reel_str_is(param->value, "true");
    if (!param || *ret || reel_str_is(param->value, "false")) return true;
    answer_problem(&request->answer, PROBLEM_BAD_REQUEST,
                   "parameter `%s` is `%.*s`, wanted true or false", name, REEL_FMT(param->value));
    return false;
}

bool request_expects_cursor(const struct request *request) {
    return request_header(request, "Reel-Expect-Cursor").data ||
           request_header(request, "Reel-Expect-Epoch").data;
}

bool request_check_without(struct request *request, const char *const *names, const char *why) {
    for (const char *const *name = names; *name; name++) {
        if (!uri_param(&request->uri, *name)) continue;
        answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "`%s` %s", *name, why);
        return false;
    }
    return true;
}

bool request_is_json(const struct request *request) {
    struct reel_str type = request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
    struct media_type media;
    if (!type.data || !format_read_media_type(type, &media)) return false;
    if (media.charset.data && !str_is_caseless(media.charset, "utf-8")) return false;
    struct reel_str subtype = media.subtype;
    if (str_is_caseless(subtype, "json")) return str_is_caseless(media.type, "application");
    return subtype.len > 5 && strncasecmp(subtype.data + subtype.len - 5, "+json", 5) == 0;
}

bool request_is_ndjson(const struct request *request) {
    struct reel_str type = request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
    struct media_type media;
    return type.data && format_read_media_type(type, &media) &&
           str_is_caseless(media.type, "application") &&
           str_is_caseless(media.subtype, "x-ndjson") &&
           (!media.charset.data || str_is_caseless(media.charset, "utf-8"));
}

int request_open_view(struct request *request, struct reel_view **ret,
                      struct reel_position *ret_position) {
    struct reel_error error = {0};
    struct reel_sink_host *host = request_host_of_sink(request);
    struct reel_position position;
    int rc = reel_sink_view_open(host, ret, &error);
    if (rc == 0) {
        rc = reel_sink_position(host, *ret, &position);
        if (rc < 0) reel_sink_view_close(host, *ret);
    }
    if (rc < 0) {
        answer_error(&request->answer, rc, &error);
        return rc;
    }
    answer_position(&request->answer, &position);
    if (ret_position) *ret_position = position;
    return 0;
}

const struct reel_projector *request_find_projector(const struct request *request,
                                                    struct reel_str collection) {
    const struct reel_projector *projector;
    for (size_t n = 0; (projector = reel_sink_projector(request->server->host, n)); n++)
        if (reel_str_is(collection, projector->collection)) return projector;
    return NULL;
}

const struct reel_field *projector_name_field(const struct reel_projector *projector) {
    for (const struct reel_field *const *field = projector->fields; *field; field++)
        if ((*field)->flags & REEL_FIELD_IS_NAME) return *field;
    return NULL;
}

bool request_client_is_gone(const struct request *request) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd peer = {.fd = info->connect_fd, .events = POLLRDHUP};
    return poll(&peer, 1, 0) > 0;
}

/* Only the path: parameters may be private. */
void request_trace(const struct request *request) {
    struct reel_str target = request->uri.raw;
    const char *end = target.len ? memchr(target.data, '?', target.len) : NULL;
    if (end) target.len = (size_t)(end - target.data);
    TRACE(TRACE_HTTP, "request %p is handled: %.*s", (const void *)request, REEL_FMT(target));
}

void request_suspend(struct request *request) {
    TRACE(TRACE_HTTP, "request %p is suspended", (void *)request);
    request_set_phase(request, PHASE_SUSPENDED);
    MHD_suspend_connection(request->connection);
}

void request_resume(struct request *request) {
    INVARIANT(request->phase == PHASE_SUSPENDED);
    TRACE(TRACE_HTTP, "request %p is resumed", (void *)request);
    MHD_resume_connection(request->connection);
}
