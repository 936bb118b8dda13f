/* routes.c: see routes.h. */
#include "routes.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "connections.h"
#include "filter.h"
#include "websocket/handshake.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

static const char *const no_params[] = {NULL};
static const char *const wait_params[] = {"at", "min_cursor", "timeout", NULL};
static const char *const get_params[] = {"at",         "min_cursor", "timeout",     "since",
                                         "generation", "epoch",      "lastEventId", NULL};
static const char *const history_params[] = {"limit", "after", "min_cursor", "timeout", NULL};
static const char *const list_params[] = {
    "limit",   "after", "order",      "count", "group",  "frames",      "at", "min_cursor",
    "timeout", "since", "generation", "epoch", "digest", "lastEventId", NULL};
static const char *const record_params[] = {"since",  "generation", "epoch",
                                            "digest", "timeout",    NULL};
static const char *const one_record_params[] = {"since", "generation", "epoch", "timeout", NULL};
static const char *const event_params[] = {"since",   "before",     "epoch", "limit", "type",
                                           "subject", "ce_subject", "bare",  NULL};
static const char *const post_events_params[] = {"type", "ce_subject", "stop", NULL};
static const char *const follow_params[] = {"since",      "epoch",   "type", "subject",
                                            "ce_subject", "timeout", NULL};
static const char *const stream_params[] = {"since",      "epoch",   "type",        "subject",
                                            "ce_subject", "timeout", "lastEventId", NULL};
static const char *const rejected_params[] = {"collection", "reason", "before", "limit", NULL};
static const char *const reasons_params[] = {"collection", "before", "limit", NULL};

static uint64_t command_body(const struct server *server) {
    return server->command_bytes_max;
}
static uint64_t events_body(const struct server *server) {
    return server->batch_bytes_max;
}

#define ROUTE(...)                                                                                 \
    &(const struct route) {                                                                        \
        __VA_ARGS__                                                                                \
    }
#define READ  REEL_ACCESS_READ
#define WRITE REEL_ACCESS_WRITE
#define ADMIN REEL_ACCESS_ADMIN
#define OPEN  REEL_ACCESS_NONE

const struct route *const routes[] = {
    ROUTE(METHOD_GET, "/", OPEN, no_params, .is_page = true, .handle = handle_console),
    ROUTE(METHOD_GET, "/console/{file}", OPEN, no_params, .is_page = true,
          .handle = handle_console),
    ROUTE(METHOD_GET, "/healthz", OPEN, no_params, .handle = handle_health,
          .summary = "Is the process alive?"),
    ROUTE(METHOD_GET, "/readyz", OPEN, no_params, .handle = handle_ready,
          .summary = "Is the daemon ready? 503 with the reason if not"),
    ROUTE(METHOD_GET, "/metrics", READ, no_params, .handle = handle_metrics,
          .summary = "Metrics in the text format of Prometheus"),
    ROUTE(METHOD_GET, "/v1/status", READ, no_params, .handle = handle_status,
          .summary = "Position, feed, queue, store and projections"),
    ROUTE(METHOD_GET, "/v1/plugins", READ, no_params, .handle = handle_plugins,
          .summary = "The plugins that are loaded, and what they declare"),
    ROUTE(METHOD_POST, "/v1/plugins/reload", ADMIN, no_params, .handle = handle_reload,
          .summary = "Reads the plugins again"),
    ROUTE(METHOD_GET, "/v1/version", READ, no_params, .handle = handle_version,
          .summary = "The versions of the server and of this API"),
    ROUTE(METHOD_GET, "/v1/openapi.json", READ, no_params, .handle = handle_openapi,
          .summary = "This description"),
    ROUTE(METHOD_GET, "/v1/asyncapi.json", READ, no_params, .handle = handle_asyncapi,
          .summary = "The events that the projectors declare"),
    ROUTE(METHOD_GET, "/v1/events", READ, event_params, .forms = FORM_CSV, .handle = handle_events,
          .summary = "A page of the log"),
    ROUTE(METHOD_POST, "/v1/events", WRITE, post_events_params, .body_max = events_body,
          .handle = handle_post_events,
          .summary = "Appends events: CloudEvents in structured, batched or binary mode"),
    ROUTE(METHOD_GET, "/v1/events/stream", READ, stream_params, .handle = handle_stream,
          .summary = "Follows the events: server-sent events"),
    ROUTE(METHOD_GET, "/ws/events", READ, follow_params, .takes_bearer = true,
          .handle = handle_websocket, .summary = "Follows the events: a WebSocket"),
    ROUTE(METHOD_GET, "/ws/collections/{collection}", READ, record_params, .takes_filters = true,
          .takes_bearer = true, .handle = handle_records_websocket,
          .summary = "Follows the records of a collection: a WebSocket"),
    ROUTE(METHOD_GET, "/ws/collections/{collection}/{key}", READ, one_record_params,
          .takes_bearer = true, .handle = handle_records_websocket,
          .summary = "Follows one record: a WebSocket"),
    ROUTE(METHOD_GET, "/ws/ingest", WRITE, no_params, .takes_bearer = true, .handle = handle_ingest,
          .summary = "Appends events: a WebSocket, one event a frame"),
    ROUTE(METHOD_GET, "/v1/events/{seq}", READ, no_params, .handle = handle_event,
          .summary = "An event, and its outcome in each collection"),
    ROUTE(METHOD_GET, "/v1/events/{seq}/raw", READ, no_params, .handle = handle_raw_event,
          .summary = "The bytes of an event as they were received"),
    ROUTE(METHOD_GET, "/v1/rejected", READ, rejected_params, .handle = handle_rejected,
          .summary = "Rejected events, the newest first, with the reason"),
    ROUTE(METHOD_GET, "/v1/rejected/reasons", READ, reasons_params, .handle = handle_reasons,
          .summary = "Rejected events by reason, with counts"),
    ROUTE(METHOD_GET, "/v1/collections", READ, no_params, .handle = handle_collections,
          .summary = "Where each collection stands"),
    ROUTE(METHOD_GET, "/v1/collections/{name}", READ, no_params, .handle = handle_collection,
          .summary = "Where a collection stands, and what is set aside for it"),
    ROUTE(METHOD_POST, "/v1/collections/{name}/rebuild", ADMIN, no_params, .handle = handle_control,
          .summary = "Makes the records again from the log"),
    ROUTE(METHOD_POST, "/v1/collections/{name}/pause", ADMIN, no_params, .handle = handle_control,
          .summary = "Folds no more events until it is resumed"),
    ROUTE(METHOD_POST, "/v1/collections/{name}/resume", ADMIN, no_params, .handle = handle_control,
          .summary = "Goes on after a pause"),
    ROUTE(METHOD_POST, "/v1/collections/{name}/release", ADMIN, no_params, .handle = handle_control,
          .summary = "Goes on after its projector has crashed too often"),
    ROUTE(METHOD_GET, "/v1/{collection}", READ, list_params, .takes_filters = true, .forms = FORMS,
          .is_cached = true, .handle = handle_list,
          .summary = "Lists the records in the order of their keys"),
    ROUTE(METHOD_POST, "/v1/{collection}", WRITE, no_params, .body_max = command_body,
          .handle = handle_command, .summary = "The command `create`"),
    ROUTE(METHOD_GET, "/v1/{collection}/{key}", READ, get_params, .forms = FORMS, .is_cached = true,
          .handle = handle_get,
          .summary = "One record; with Accept: text/event-stream it is followed"),
    ROUTE(METHOD_DELETE, "/v1/{collection}/{key}", WRITE, no_params, .body_max = command_body,
          .handle = handle_command, .summary = "The command `delete`"),
    ROUTE(METHOD_GET, "/v1/{collection}/by-name/{name}", READ, wait_params, .is_cached = true,
          .handle = handle_get_by_name, .summary = "The record with this name"),
    ROUTE(METHOD_DELETE, "/v1/{collection}/by-name/{name}", WRITE, no_params,
          .body_max = command_body, .handle = handle_command_by_name,
          .summary = "The command `delete`, by name"),
    ROUTE(METHOD_GET, "/v1/{collection}/{key}/history", READ, history_params, .looks_back = true,
          .handle = handle_history, .summary = "What happened to one record"),
    ROUTE(METHOD_POST, "/v1/{collection}/{key}/{verb}", WRITE, no_params, .body_max = command_body,
          .handle = handle_command, .summary = "A command"),
    NULL,
};

/* ---- Paths ----------------------------------------------------------------------------------- */

/* A route's path, taken apart when the program starts. */
struct pattern {
    size_t count;
    struct reel_str parts[4]; /* without data: any segment */
    size_t collection;        /* the part that is its name; 0: none */
    bool is_by_name;
};
static struct pattern patterns[sizeof routes / sizeof *routes];

static void read_pattern(const char *path, struct pattern *ret) {
    const size_t most = sizeof ret->parts / sizeof *ret->parts;
    ret->is_by_name = strstr(path, "/by-name/");
    for (size_t len; *path; path += len) {
        len = strcspn(++path, "/");
        INVARIANT(ret->count < most);
        if (strncmp(path, "{collection}", len) == 0) ret->collection = ret->count;
        ret->parts[ret->count++] = (struct reel_str){*path == '{' ? NULL : path, len};
    }
}

__attribute__((constructor)) static void read_patterns(void) {
    for (size_t i = 0; routes[i]; i++) read_pattern(routes[i]->path, &patterns[i]);
}

static bool path_fits(const struct pattern *pattern, const struct uri *uri) {
    if (pattern->count != uri->segment_count) return false;
    for (size_t i = 0; i < pattern->count; i++)
        if (pattern->parts[i].data && !reel_str_eq(pattern->parts[i], uri->segments[i]))
            return false;
    return true;
}

/* ---- Finding the route ----------------------------------------------------------------------- */

static bool has_command(const struct reel_projector *projector, struct reel_str verb) {
    for (size_t i = 0; projector->commands && projector->commands[i]; i++)
        if (reel_str_is(verb, projector->commands[i]->verb)) return true;
    return false;
}

/* True if the collection has this route: its records have names, or it has this command. */
static bool is_declared(size_t n, const struct uri *uri, const struct reel_projector *projector) {
    const struct route *route = routes[n];
    if (patterns[n].is_by_name && !projector_name_field(projector)) return false;
    if (route->method == METHOD_GET) return true;
    if (route->method == METHOD_DELETE) return has_command(projector, reel_text("delete"));
    if (uri->segment_count == 2) return has_command(projector, reel_text("create"));
    struct reel_str verb = uri->segments[3];
    return !reel_str_is(verb, "create") && !reel_str_is(verb, "delete") &&
           has_command(projector, verb);
}

/* The next route, from `*at` on, for one of these methods that matches the target, with its
 * collection; or NULL. */
static const struct route *next_route(const struct request *request, unsigned methods, size_t *at,
                                      const struct reel_projector **ret_projector) {
    const struct uri *uri = &request->uri;
    const struct route *route;
    while ((route = routes[*at])) {
        const size_t n = (*at)++;
        *ret_projector = NULL;
        if (!(route->method & methods) || !path_fits(&patterns[n], uri)) continue;
        if (route->is_page && request->server->no_console) continue;
        size_t at_segment = patterns[n].collection;
        if (at_segment == 0) return route;
        *ret_projector = request_find_projector(request, uri->segments[at_segment]);
        if (*ret_projector && is_declared(n, uri, *ret_projector)) return route;
    }
    *ret_projector = NULL;
    return NULL;
}

/* Sets the route for the request's method, if there is one. */
static void find_route(struct request *request) {
    size_t at = 0;
    request->route = next_route(request, request->method, &at, &request->projector);
    if (request->route && request->route->body_max)
        request->body_max = request->route->body_max(request->server);
}

/* The methods of all routes that match the target. */
static unsigned find_methods(const struct request *request) {
    const struct reel_projector *projector;
    const struct route *route;
    unsigned methods = 0;
    size_t at = 0;
    while ((route = next_route(request, ~0U, &at, &projector))) methods |= route->method;
    return methods;
}

static void write_allow(struct answer *answer, unsigned methods) {
    static const struct {
        unsigned method;
        const char *names;
    } names[] = {{METHOD_GET, "GET, HEAD, "}, {METHOD_POST, "POST, "}, {METHOD_DELETE, "DELETE, "}};
    size_t len = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (methods & names[i].method)
            len += (size_t)snprintf(answer->allow + len, sizeof answer->allow - len, "%s",
                                    names[i].names);
    snprintf(answer->allow + len, sizeof answer->allow - len, "OPTIONS");
}

/* ---- Checks before the body ------------------------------------------------------------------ */

/* A page in a browser cannot set the headers of a WebSocket. Its token points into `offered`, or is
 * decoded to `decoded`. */
static struct reel_str find_token(const struct request *request, struct text *offered,
                                  char decoded[WEBSOCKET_TOKEN_MAX]) {
    struct reel_str header = request_header(request, MHD_HTTP_HEADER_AUTHORIZATION);
    struct reel_str token = {NULL, 0};
    if (header.len > 7 && strncasecmp(header.data, "Bearer ", 7) == 0) {
        token = (struct reel_str){header.data + 7, header.len - 7};
        while (token.len && token.data[0] == ' ') token.data++, token.len--;
    } else if (!header.data && request->route && request->route->takes_bearer) {
        request_header_list(request, "Sec-WebSocket-Protocol", offered);
        token = websocket_token(websocket_protocols(text_str(offered)).token, decoded);
    }
    return token;
}

static const char *why_forbidden(reel_access wanted) {
    switch (wanted) {
    case REEL_ACCESS_HISTORY:
        return "this token may not look back: its line in the token file says `read`, and not "
               "`history`";
    case REEL_ACCESS_ADMIN:
        return "this token may not control collections or reload plugins: its line in the token "
               "file does not say `admin`";
    default:
        return "this token may only read";
    }
}

/* Who it is matters where something is written, or a projector may be asked for a key. */
static bool needs_caller(const struct request *request, reel_access wanted) {
    const struct route *route = request->route; /* NULL: there is none with this path */
    return wanted >= REEL_ACCESS_WRITE || (route && strstr(route->path, "{collection}"));
}

static int check_token(struct request *request, reel_access wanted) {
    CLEANUP(text_finish) struct text offered = {0};
    char decoded[WEBSOCKET_TOKEN_MAX];
    struct reel_str token = find_token(request, &offered, decoded);
    reel_access access = REEL_ACCESS_NONE;
    if (token.data) access = reel_sink_access(request_host_of_sink(request), token);
    request->access = access;
    if (access == REEL_ACCESS_NONE) {
        answer_problem(&request->answer, PROBLEM_UNAUTHORIZED,
                       token.data ? "the bearer token is not known"
                                  : "a bearer token is needed: Authorization: Bearer …");
        return -EACCES;
    }
    if (!connection_admit(request)) {
        answer_problem(&request->answer, PROBLEM_SERVICE_UNAVAILABLE,
                       "as many connections are open as connections_max allows");
        return -EAGAIN;
    }
    if (access >= wanted) {
        if (needs_caller(request, wanted))
            reel_sink_caller(request_host_of_sink(request), token, &request->caller);
        return 0;
    }
    answer_problem(&request->answer, PROBLEM_FORBIDDEN, "%s", why_forbidden(wanted));
    return -EPERM;
}

static bool is_own(const struct request *request, struct reel_str name) {
    return uri_is_among(request->route->params, name);
}

static bool is_known(const struct request *request, struct reel_str name) {
    reel_comparison comparison;
    if (is_own(request, name)) return true;
    return request->route->takes_filters && filter_param(request->projector, name, &comparison);
}

/* Of several values of a field, a record may have any. */
static bool may_repeat(const struct request *request, struct reel_str name) {
    reel_comparison comparison;
    return request->route->takes_filters && !is_own(request, name) &&
           filter_param(request->projector, name, &comparison) && comparison == REEL_IS_EQUAL;
}

static int check_params(struct request *request) {
    const struct uri *uri = &request->uri;
    for (size_t i = 0; i < uri->param_count; i++) {
        struct reel_str name = uri->params[i].name;
        if (!is_known(request, name)) {
            answer_problem(&request->answer, PROBLEM_BAD_REQUEST,
                           "there is no parameter `%.*s` here", REEL_FMT(name));
            return -EINVAL;
        }
        for (size_t other = 0; other < i; other++) {
            if (!reel_str_eq(uri->params[other].name, name)) continue;
            if (may_repeat(request, name)) break;
            answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "parameter `%.*s` is given twice",
                           REEL_FMT(name));
            return -EINVAL;
        }
    }
    return 0;
}

static void choose_form(struct request *request) {
    CLEANUP(text_finish) struct text accept = {0};
    if (!request->route->forms) return;
    request_header_list(request, MHD_HTTP_HEADER_ACCEPT, &accept);
    request->form =
        accept.failed ? FORM_JSON : form_choose(text_str(&accept), request->route->forms);
    request->answer.varies = true;
}

static int check_length(struct request *request) {
    uint64_t bytes = request_content_length(request);
    bool has_no_limit = request->route && request->route->handle == handle_post_events &&
                        request_is_ndjson(request);
    if (bytes <= request->body_max || has_no_limit) return 0;
    answer_problem(&request->answer, PROBLEM_PAYLOAD_TOO_LARGE,
                   "the body has %llu bytes, at most %llu are accepted", (unsigned long long)bytes,
                   (unsigned long long)request->body_max);
    return -E2BIG;
}

static bool is_encoded(const struct request *request) {
    CLEANUP(text_finish) struct text encodings = {0};
    struct reel_str rest, one;
    request_header_list(request, MHD_HTTP_HEADER_CONTENT_ENCODING, &encodings);
    rest = text_str(&encodings);
    while (header_list_next(&rest, &one))
        if (!str_is_caseless(one, "identity")) return true;
    return encodings.failed;
}

/* RFC 9110, section 8.4: an encoded body is not the data itself. */
static int check_encoding(struct request *request) {
    if (!request->route || !request->route->body_max || !is_encoded(request)) return 0;
    answer_problem(&request->answer, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                   "bodies with a Content-Encoding are not decoded here");
    request->answer.no_encoding = true;
    return -ENOTSUP;
}

static int check_target(struct request *request) {
    if (request->uri_error == 0) return 0;
    if (request->uri_error == -ENOMEM) {
        answer_problem(&request->answer, PROBLEM_SERVICE_UNAVAILABLE, "out of memory");
        return -ENOMEM;
    }
    answer_problem(&request->answer, PROBLEM_BAD_REQUEST,
                   request->uri_error == -E2BIG ? "the target has too many segments or parameters"
                                                : "the target is not percent-encoded UTF-8");
    return request->uri_error;
}

static int refuse_unknown(struct request *request) {
    unsigned methods = find_methods(request);
    if (methods == 0) {
        answer_problem(&request->answer, PROBLEM_NOT_FOUND, "there is no such route");
        return -ENOENT;
    }
    answer_problem(&request->answer, PROBLEM_METHOD_NOT_ALLOWED,
                   "this method is not allowed here, see Allow");
    write_allow(&request->answer, methods);
    return -ENOTSUP;
}

/* A daemon that is ending still answers about its health. */
static int check_draining(struct request *request) {
    if (request->route && request->route->access == OPEN) return 0;
    if (!atomic_load(&request->server->draining)) return 0;
    answer_problem(&request->answer, PROBLEM_SERVICE_UNAVAILABLE, "the daemon is about to end");
    return -ESHUTDOWN;
}

/* Whoever looks back needs more than to read. */
static reel_access access_wanted(const struct request *request) {
    const struct route *route = request->route;
    bool looks_back = route && (route->looks_back || uri_param(&request->uri, "at"));
    reel_access wanted = route ? route->access : READ;
    return wanted == READ && looks_back ? REEL_ACCESS_HISTORY : wanted;
}

int route_request(struct request *request) {
    int rc = check_target(request);
    if (rc == 0) find_route(request);
    if (rc == 0) rc = check_draining(request);
    if (rc < 0) return rc;
    if (request->method == METHOD_OPTIONS) {
        handle_options(request);
        write_allow(&request->answer, find_methods(request));
        return 0;
    }
    if (!request->route || request->route->access != OPEN)
        rc = check_token(request, access_wanted(request));
    if (rc == 0 && !request->route) rc = refuse_unknown(request);
    if (rc == 0) choose_form(request);
    if (rc == 0) rc = check_params(request);
    if (rc == 0) rc = check_encoding(request);
    return rc < 0 ? rc : check_length(request);
}

void handle_options(struct request *request) {
    struct answer *answer = &request->answer;
    answer->status = MHD_HTTP_NO_CONTENT;
    answer->is_options = true;
}
