/* http.c: the HTTP sink (server.h): the callbacks of libmicrohttpd, which lead to requests and
 * answers; starting and stopping; the settings.
 *
 * Properties of libmicrohttpd 0.9.75 that this code depends on:
 *   - It accepts requests that can be read in more than one way, and answers invalid requests by
 *     itself, in HTML. So everything that it reads is checked by inlet.h before.
 *   - Its unescaping ends at %00 and joins segments at %2F. So uri.h uses the raw target, and the
 *     callback for unescaping changes nothing.
 *   - An answer can be queued before the body, which closes the connection, or after it, but not in
 *     between. So a body that is too long is read to its end and ignored.
 *   - If it is stopped while a connection is suspended, it aborts the process. Requests are
 *     suspended only for the writer, which answers all of them before a sink is stopped, for the
 *     cursor, and for what looks back (looking.h), which the host ends before.
 *   - It does not notice that the client of a suspended request has disconnected. So the number of
 *     waiting requests is limited, and looking.c looks by itself.
 *   - It stores the parameters of a query in the memory of the connection, and fails if there are
 *     too many (connections.h). They are not needed, so they are hidden from it.
 *   - It cannot answer within a body, nor wait within one for the writer without a bound in memory.
 * So a body of NDJSON, which has no limit, is read by bulk/bulk.h.
 *   - follow.c describes how followers leave libmicrohttpd, and connections.h what it does not do
 *     about connections.
 */
#include "http.h"

#include "answer_send.h"
#include "base/error.h"
#include "base/invariant.h"
#include "base/trace.h"
#include "bulk/bulk.h"
#include "cache.h"
#include "cached_answer.h"
#include "checks.h"
#include "connections.h"
#include "follow/hub.h"
#include "head.h"
#include "inlet.h"
#include "listener.h"
#include "records_wanted.h"
#include "routes.h"
#include "routes/bulk.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Memory of libmicrohttpd for one connection: the head of a request, and the head of an answer. */
#define CONNECTION_BYTES ((size_t)32 << 10)
static_assert(FRAMING_HEAD_MAX + LINK_BYTES_MAX + (2 << 10) <= CONNECTION_BYTES,
              "there is no room for an answer");

/* If a body is refused, it is still read to its end, because some clients look for an answer only
 * then. At most this multiple of the allowed size is read. */
#define THROWN_AWAY 4

/* ---- The life of a request ------------------------------------------------------------------- */

/* Cuts the query off the target in libmicrohttpd's memory, before libmicrohttpd parses it. */
static void cut_query(const char *target) {
    char *query = strchr((char *)target, '?');
    if (query && query[1]) query[1] = '\0';
}

/* The first callback for a request. */
static void *begin_request(void *context, const char *target, struct MHD_Connection *connection) {
    struct request *request = malloc(sizeof *request); /* malloc is faster than calloc here */
    if (!request) return NULL;
    *request =
        (struct request){.server = context, .connection = connection, .began_ns = clock_ns()};
    request->target = target;
    request->uri_error = uri_parse(target, &request->uri);
    head_begin(request);
    cut_query(target);
    connection_request_begin(request);
    return request;
}

void request_end(struct request *request) {
    struct server *server = request->server;
    const uint64_t now_ns = clock_ns();
    INVARIANT(!request->next && !request->previous); /* it does not wait for the cursor */
    connection_request_end(request, now_ns / 1000000);
    if (request->active) {
        histogram_observe(&server->request_times, now_ns - request->began_ns);
        uint64_t requests = atomic_fetch_sub(&server->requests, 1);
        INVARIANT(requests > 0);
    }
    server_give_memory(server, request->memory_taken);
    if (request->work_done) request->work_done(request->work);
    answer_finish(&request->answer);
    text_finish(&request->body);
    uri_finish(&request->uri);
    free(request);
}

/* Uses the connection's request, whatever libmicrohttpd still has in `state`. */
static void completed(void *context, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode why) {
    struct request *request = *state;
    (void)context, (void)connection, (void)why;
    *state = NULL;
    if (request) request_end(request);
}

static enum MHD_Result send_answer(struct request *request) {
    struct answer *answer = &request->answer;
    bool wants_cors = request->method == METHOD_GET || request->method == METHOD_OPTIONS;
    /* a body that is made while it is sent needs one block here and one in libmicrohttpd */
    uint64_t bytes = answer->source.state ? 2 * answer->source.block_bytes
                                          : answer->body.len + cached_bytes(answer->cached);
    /* health is answered even if there is no memory for other answers */
    if (request->route && request->route->access == REEL_ACCESS_NONE) bytes = 0;
    INVARIANT(answer->status != 0);
    request_set_phase(request, PHASE_ANSWERED);
    if (bytes && !server_take_memory(request->server, bytes)) {
        answer_problem(answer, PROBLEM_SERVICE_UNAVAILABLE,
                       "too many answers are being sent to slow clients");
        bytes = 0;
    }
    request->memory_taken += bytes;
    bool is_last = head_is_last(request) || atomic_load(&request->server->leaving);
    answer->closes = !answer->upgraded && (is_last || answer->closes);
    TRACE(TRACE_HTTP, "request %p is answered: %u", (void *)request, answer->status);
    return answer_send(answer, request->server, request->connection, wants_cors);
}

/* Handles the request. Afterwards it is answered; or it is suspended, and then another thread may
 * own it. */
static enum MHD_Result proceed(struct request *request) {
    if (!request->active) {
        request->active = true;
        atomic_fetch_add(&request->server->requests, 1);
        connection_request_complete(request);
    }
    request_set_phase(request, PHASE_BODY);
    request_trace(request);
    const struct route *route = request->route;
    bool may_be_cached = route && route->is_cached && !head_is_last(request) &&
                         records_wanted(request) == RECORDS_LISTED;
    bool is_done = request->answer.status || (may_be_cached && cached_answer_find(request));
    if (!is_done) route->handle(request);
    return request->phase == PHASE_SUSPENDED ? MHD_YES : send_answer(request);
}

static enum method read_method(const char *method) {
    static const struct {
        const char *name;
        enum method method;
    } methods[] = {
        {MHD_HTTP_METHOD_GET, METHOD_GET},         {MHD_HTTP_METHOD_HEAD, METHOD_GET},
        {MHD_HTTP_METHOD_POST, METHOD_POST},       {MHD_HTTP_METHOD_DELETE, METHOD_DELETE},
        {MHD_HTTP_METHOD_OPTIONS, METHOD_OPTIONS},
    };
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(method, methods[i].name) == 0) return methods[i].method;
    return METHOD_OTHER;
}

static uint64_t thrown_away_max(const struct request *request) {
    uint64_t allowed = request->body_max;
    return (allowed ? allowed : request->server->command_bytes_max) * THROWN_AWAY;
}

/* True if the client has not begun to send the body, or if the body is too large to wait for. */
static bool may_skip_body(const struct request *request) {
    struct reel_str expect = request_header(request, MHD_HTTP_HEADER_EXPECT);
    return expect.data || request_content_length(request) > thrown_away_max(request);
}

/* A request that cannot be served is refused, and its body is ignored. The answer is sent at once,
 * if this is possible; this closes the connection. If the client is still sending, it may see a
 * reset instead of the answer. */
static enum MHD_Result read_head(struct request *request, const char *method, const char *version) {
    request->method = read_method(method);
    request->is_head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    request->is_http11 = strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
    request_set_phase(request, PHASE_BODY);
    int rc = head_check(request, version);
    if (rc == -EBADMSG) {
        inlet_drop_body(request->inlet);
        return proceed(request);
    }
    if (rc == 0) rc = route_request(request);
    if (rc == 0) rc = bulk_begin(request);
    if (!request->is_bulk) inlet_drop_body(request->inlet);
    if (rc < 0 && may_skip_body(request)) return proceed(request);
    return MHD_YES;
}

static enum MHD_Result read_body(struct request *request, const char *bytes, size_t *len) {
    size_t taken = *len;
    *len = 0;
    request->body_seen += taken;
    if (request->body_seen > thrown_away_max(request)) return MHD_NO;
    if (request->answer.status || request->body_seen > request->body_max || request->body_refused)
        return MHD_YES;
    if (!server_take_memory(request->server, taken)) {
        request->body_refused = true;
        text_finish(&request->body);
        return MHD_YES;
    }
    request->memory_taken += taken;
    INVARIANT(request->memory_taken <= request->body_max);
    text_append(&request->body, bytes, taken);
    return MHD_YES;
}

static void check_body(struct request *request) {
    struct answer *answer = &request->answer;
    head_check_body(request);
    if (answer->status) return;
    if (request->body_seen > request->body_max)
        answer_problem(
            answer, PROBLEM_PAYLOAD_TOO_LARGE, "the body has %llu bytes, at most %llu are accepted",
            (unsigned long long)request->body_seen, (unsigned long long)request->body_max);
    else if (request->body_refused || request->body.failed)
        answer_problem(answer, PROBLEM_SERVICE_UNAVAILABLE, "too many bodies are being received");
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *bytes,
                              size_t *len, void **state) {
    struct request *request = *state;
    (void)context, (void)connection, (void)url;
    if (!request || !head_is_readable(request)) return MHD_NO;
    switch (request->phase) {
    case PHASE_HEAD:
        return read_head(request, method, version);
    case PHASE_BODY:
        if (*len > 0 && request->is_bulk) {
            bulk_take_over(request);
            return MHD_YES;
        }
        if (*len > 0) return read_body(request, bytes, len);
        check_body(request);
        return proceed(request);
    case PHASE_SUSPENDED:
        if (request->is_taken) return MHD_NO;
        return proceed(request);
    default:
        return MHD_NO;
    }
}

/* ---- Callbacks of libmicrohttpd -------------------------------------------------------------- */

/* When a connection ends, the request that ends with it still has its inlet. */
static void notify(void *context, struct MHD_Connection *connection, void **state,
                   enum MHD_ConnectionNotificationCode what) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info && what == MHD_CONNECTION_NOTIFY_STARTED)
        inlet_open(info->connect_fd); /* if this fails, requests are not served: see `handle` */
    connection_notify(context, connection, state, what);
    if (info && what != MHD_CONNECTION_NOTIFY_STARTED) inlet_close(info->connect_fd);
}

/* Does not unescape. If libmicrohttpd calls this for parameters, they follow a NUL, which no valid
 * target contains. */
static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text) {
    (void)context;
    connection_check_target(connection, text);
    return strlen(text);
}

REEL_PRINTF(2, 0)
static void log_line(void *context, const char *format, va_list args) {
    struct server *server = context;
    struct reel_message space;
    struct reel_str text = reel_format(&space, format, args);
    server->host->calls->log(server->host, REEL_LEVEL_DEBUG, text);
}

/* ---- Starting and stopping ------------------------------------------------------------------- */

static void read_settings(struct server *server) {
    struct reel_sink_host *host = server->host;
    server->waiters_max = reel_setting_number(host, "waiters_max");
    server->answer_bytes_max = reel_setting_number(host, "answer_bytes_max");
    server->scan_records_max = reel_setting_number(host, "scan_records_max");
    server->memory_bytes_max = reel_setting_number(host, "http_memory_bytes_max");
    server->command_bytes_max = reel_setting_number(host, "command_bytes_max");
    server->batch_bytes_max = reel_setting_number(host, "batch_body_bytes_max");
    server->event_bytes_max = reel_setting_number(host, "event_bytes_max");
    server->batch_events_max = reel_setting_number(host, "batch_events_max");
    server->allow_origin = reel_setting_text(host, "allow_origin");
    if (!server->allow_origin) server->allow_origin = "";
    server->no_console = reel_setting_number(host, "no_console");
}

static int start_hub(struct server *server, struct reel_error *error) {
    struct reel_sink_host *host = server->host;
    enum { POINT_MS = 100 }; /* between two positions that followers of records are sent */
    const struct hub_options options = {
        .host = host,
        .followers_max = reel_setting_number(host, "max_websockets"),
        .ping_ms = reel_setting_number(host, "follow_ping_ms"),
        .stall_ms = reel_setting_number(host, "follow_stall_ms"),
        .position_ms = reel_setting_number(host, "follow_position_ms"),
        .point_ms = POINT_MS,
        .memory_max = reel_setting_number(host, "follow_memory_bytes_max"),
        .views_max = reel_setting_number(host, "views_max"),
        .send_bytes = (int)reel_setting_number(host, "follow_send_bytes"),
    };
    server->nowhere = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->nowhere < 0)
        return fail(error, -errno, "cannot make a socket: %s", strerror(errno));
    return hub_start(&options, &server->hub, error);
}

static int create_connections(struct server *server, struct reel_error *error) {
    struct reel_sink_host *host = server->host;
    const struct connections_options options = {
        .max = reel_setting_number(host, "connections_max"),
        .unknown_max = reel_setting_number(host, "connections_unknown_max"),
        .followers_max = reel_setting_number(host, "max_websockets"),
        .bulk_max =
            reel_setting_number(host, "imports_max") + reel_setting_number(host, "ingests_max"),
        .request_ms = reel_setting_number(host, "http_request_s") * 1000,
        .idle_ms = reel_setting_number(host, "http_idle_s") * 1000,
    };
    return connections_create(server, &options, &server->all, error);
}

static int start_bulk(struct server *server, struct reel_error *error) {
    struct reel_sink_host *host = server->host;
    const struct bulk_options options = {
        .places = {[BULK_IMPORT] = reel_setting_number(host, "imports_max"),
                   [BULK_INGEST] = reel_setting_number(host, "ingests_max")},
        .idle_ms = reel_setting_number(host, "import_idle_ms"),
        .ping_ms = reel_setting_number(host, "follow_ping_ms"),
        .stall_ms = reel_setting_number(host, "follow_stall_ms"),
        .batch_bytes_max = reel_setting_number(host, "batch_bytes_max"),
    };
    return bulk_start(server, &options, &server->bulk, error);
}

static unsigned thread_count(struct server *server) {
    uint64_t wanted = reel_setting_number(server->host, "http_threads");
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (wanted == 0) wanted = processors < 2 ? 2 : (uint64_t)processors;
    return (unsigned)wanted;
}

static int start_daemon(struct server *server, struct reel_error *error) {
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET |
                           MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)log_line, server},
        {MHD_OPTION_THREAD_POOL_SIZE, thread_count(server), NULL},
        {MHD_OPTION_CONNECTION_LIMIT, INT_MAX, NULL}, /* connections.h has the limits */
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)CONNECTION_BYTES, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)reel_setting_number(server->host, "http_idle_s"),
         NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)begin_request, server},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)completed, server},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)notify, server},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escaped, NULL},
        {MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, server, MHD_OPTION_ARRAY,
                                      options, MHD_OPTION_END);
    if (!server->daemon) return fail(error, -EIO, "cannot start libmicrohttpd");
    return 0;
}

static void server_destroy(struct server *server) {
    INVARIANT(atomic_load(&server->requests) == 0 && atomic_load(&server->memory) == 0);
    if (server->listener >= 0) close(server->listener);
    if (server->nowhere >= 0) close(server->nowhere);
    connections_destroy(server->all);
    cache_finish(server);
    free(server);
}

static int32_t start(struct reel_sink_host *host, void **ret_sink, struct reel_error *error) {
    struct server *server = calloc(1, sizeof *server);
    const char *bind = reel_setting_text(host, "bind");
    char where[LISTENER_NAME_MAX];
    if (!server) return fail_memory(error);
    server->host = host;
    server->listener = server->nowhere = -1;
    read_settings(server);
    int rc = inlet_check(error);
    if (rc == 0) rc = listener_open(bind, &server->listener, where, error);
    if (rc < 0) goto destroy;
    rc = cache_start(server, error);
    if (rc == 0) rc = waiters_start(server, error);
    if (rc < 0) goto destroy;
    rc = create_connections(server, error);
    if (rc == 0) rc = start_hub(server, error);
    if (rc < 0) goto stop_waiters;
    rc = start_bulk(server, error);
    if (rc < 0) goto stop_hub;
    rc = start_daemon(server, error);
    if (rc < 0) goto stop_bulk;
    rc = connections_start(server->all, error);
    if (rc < 0) goto stop_daemon;
    reel_log(host, REEL_LEVEL_INFO, "listening on http://%s", where);
    *ret_sink = server;
    return 0;

stop_daemon:
    MHD_stop_daemon(server->daemon);
stop_bulk:
    bulk_stop(server->bulk);
stop_hub:
    hub_stop(server->hub);
stop_waiters:
    waiters_stop(server);
    waiters_finish(server);
destroy:
    server_destroy(server);
    return rc;
}

static void committed(void *sink, uint64_t cursor) {
    struct server *server = sink;
    (void)cursor;
    waiters_wake(server);
    hub_wake(server->hub);
    bulk_wake(server->bulk);
}

/* Requests that were handed over get their answers. Waiting requests, and new ones, are refused.
 * Events that arrive in bulk are answered up to where they are.
 * Followers are closed when they have received all applied events.
 * If another process takes the place of this one, new requests are not refused: clients that
 * connect wait for that process, and connections are closed with the next answer. */
static void drain(void *sink, uint32_t timeout_ms) {
    struct server *server = sink;
    struct reel_status status;
    uint64_t until_ns = clock_ns() + (uint64_t)timeout_ms * 1000000;
    reel_sink_status(server->host, &status);
    if (status.reloading) connections_stop(server->all);
    atomic_store(status.reloading ? &server->leaving : &server->draining, true);
    waiters_wake(server);
    while (atomic_load(&server->requests) > 0 && clock_ns() < until_ns) usleep(2000);
    atomic_store(&server->draining, true);
    waiters_wake(server);
    bulk_drain(server->bulk, until_ns / 1000000);
    hub_drain(server->hub, until_ns / 1000000);
}

static void stop(void *sink) {
    struct server *server = sink;
    connections_stop(server->all);
    waiters_stop(server);
    MHD_stop_daemon(server->daemon);
    bulk_stop(server->bulk);
    hub_stop(server->hub);
    waiters_finish(server);
    server_destroy(server);
}

/* ---- The declaration ------------------------------------------------------------------------- */

#define NUMBER(n, lowest, highest, std, u, h)                                                      \
    REEL_SETTING(.name = n, .kind = REEL_SETTING_NUMBER, .min = lowest, .max = highest,            \
                 .default_value = std, .unit = u, .help = h)

static const struct reel_setting *const settings[] = {
    REEL_SETTING(.name = "bind", .kind = REEL_SETTING_TEXT, .default_value = "127.0.0.1:8080",
                 .unit = "ADDRESS:PORT", .aliases = "CELLOS_SERVER_BIND", .check = listener_check,
                 .help = "where to listen; port 0 chooses a free port"),
    REEL_SETTING(.name = "allow_origin", .kind = REEL_SETTING_TEXT, .default_value = "*",
                 .unit = "ORIGIN", .check = check_origin,
                 .help = "value of Access-Control-Allow-Origin in answers to GET"),
    NUMBER("http_threads", 0, 64, "0", "threads",
           "threads that serve requests; 0: one for each processor, at least 2"),
    NUMBER("connections_max", 1, 1000000, "4096", "connections",
           "most connections whose client has sent a valid token; requests on connections above "
           "this limit are answered with 503"),
    NUMBER(
        "connections_unknown_max", 1, 1000000, "1024", "connections",
        "connections in addition to connections_max, for clients that have not sent a valid token "
        "yet; if all connections are in use and a client connects, the oldest of these is closed"),
    NUMBER("waiters_max", 0, 1000000, "1024", "requests",
           "most requests that wait for min_cursor, or for a change, at one time"),
    NUMBER("max_websockets", 0, 1000000, "10000", "followers",
           "most clients that follow events or records at one time, by WebSocket or event stream; "
           "clients above this limit are answered with 503"),
    REEL_SETTING(.name = "websocket_origin", .kind = REEL_SETTING_TEXT, .flags = REEL_SETTING_LIST,
                 .unit = "ORIGIN", .check = check_origin,
                 .help = "origin of pages that may follow with a token as sub-protocol; *: any; "
                         "without this setting, only pages of the daemon's own origin"),
    NUMBER("follow_ping_ms", 10, 3600000, "25000", "ms", "time between two pings to a follower"),
    NUMBER("follow_stall_ms", 10, 3600000, "30000", "ms",
           "a follower that receives nothing, or answers no ping, for this time is disconnected"),
    NUMBER("follow_position_ms", 10, 3600000, "5000", "ms",
           "how often a follower is sent the position while no event matches its filter; and at "
           "least, if it follows records"),
    NUMBER("follow_send_bytes", 4096, 67108864, "262144", "bytes",
           "size of the socket's send buffer for a follower"),
    NUMBER("follow_memory_bytes_max", 16777216, 1099511627776, "268435456", "bytes",
           "most bytes of events and records kept in memory for all followers together; above it, "
           "the follower that has not read for the longest time is disconnected"),
    NUMBER("imports_max", 0, 10000, "64", "imports",
           "most bodies of NDJSON that are received at one time; above this limit, they are "
           "answered with 503"),
    NUMBER("import_idle_ms", 10, 3600000, "30000", "ms",
           "a body of NDJSON of which nothing is received for this time is answered with 408"),
    NUMBER("ingests_max", 0, 10000, "64", "clients",
           "most clients of /ws/ingest at one time; clients above this limit are answered with "
           "503"),
    NUMBER("http_idle_s", 1, 3600, "60", "s",
           "a connection without traffic for this time is closed"),
    NUMBER("http_request_s", 1, 3600, "60", "s",
           "longest time from a request's first line to its end, and from the opening of a "
           "connection to the end of its first request; above it, the connection is closed"),
    NUMBER(
        "scan_records_max", 1, 1000000000000, "2000000", "records",
        "a filter on fields that are not indexed looks at all records of a collection; if it has "
        "more than this, the answer is 400"),
    NUMBER("answer_bytes_max", 65536, 1073741824, "1048576", "bytes",
           "a larger answer is produced while it is sent; the client must receive it within "
           "view_ms_max"),
    NUMBER("http_memory_bytes_max", 1048576, 1099511627776, "268435456", "bytes",
           "most bytes of bodies and answers in memory"),
    NUMBER("command_bytes_max", 1024, 16777216, "65536", "bytes", "largest body of a command"),
    NUMBER("batch_body_bytes_max", 1024, 1073741824, "8388608", "bytes",
           "largest body of a POST of events"),
    REEL_SETTING(.name = "console_host", .kind = REEL_SETTING_TEXT, .flags = REEL_SETTING_LIST,
                 .unit = "HOST", .check = check_host,
                 .help = "host name under which browsers get the console; without this setting, "
                         "localhost and the address of bind; if bind is 0.0.0.0 or [::], any "
                         "address"),
    REEL_SETTING(.name = "no_console", .kind = REEL_SETTING_SWITCH,
                 .help = "do not serve the console"),
    NULL,
};

const struct reel_sink http_sink = {
    .struct_size = sizeof http_sink,
    .flags = REEL_SINK_NEEDS_TOKENS,
    .name = "http",
    .summary = "records, events and commands over HTTP",
    .settings = settings,
    .start = start,
    .committed = committed,
    .drain = drain,
    .stop = stop,
};
