/* check_refusals.c: what must be refused before frames are sent, and the control frames of a
 * WebSocket. */
#include "base/clock.h"
#include "conform/suite.h"
#include "websocket/wire.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- What must be refused -------------------------------------------------------------------- */

static const struct route {
    enum frames_kind kind;
    bool of_records;
    const char *name, *what;
} routes[] = {
    {FRAMES_WEBSOCKET, false, "events.websocket", "events over WebSocket"},
    {FRAMES_SSE, false, "events.sse", "events over server-sent events"},
    {FRAMES_WEBSOCKET, true, "records.websocket", "records over WebSocket"},
    {FRAMES_SSE, true, "records.sse", "records over server-sent events"},
};

static void write_path(const struct suite *suite, const struct route *route, const char *query,
                       char ret[1024]) {
    bool is_sse = route->kind == FRAMES_SSE;
    if (route->of_records)
        snprintf(ret, 1024, "%s%s%s", is_sse ? "/v1/" : "/ws/collections/", suite->collection,
                 query);
    else
        snprintf(ret, 1024, "%s%s", is_sse ? "/v1/events/stream" : "/ws/events", query);
}

/* The problem of the answer (RFC 9457) must be of this type. */
static int check_problem(const struct stream *stream, unsigned status, const char *type,
                         struct reel_error *error) {
    struct reel_str body = text_str(&stream->refusal);
    json_error_t wrong;
    char wanted[96];
    if (stream->http.status != status)
        return fail(error, -EPROTO, "refused with %u instead of %u: %.*s", stream->http.status,
                    status, REEL_FMT(body));
    json_t *problem = json_loadb(body.data, body.len, 0, &wrong);
    const char *found = json_string_value(json_object_get(problem, "type"));
    snprintf(wanted, sizeof wanted, "/problems/%s", type);
    int rc =
        found && strcmp(found, wanted) == 0
            ? 0
            : fail(error, -EPROTO, "the problem is `%.200s`, not %s", found ? found : "", wanted);
    json_decref(problem);
    return rc;
}

struct refusal {
    const char *query;
    bool without_token;
    unsigned status;
    const char *type;
};

static int check_refused(struct suite *suite, const struct route *route,
                         const struct refusal *refusal, struct reel_error *error) {
    char path[1024];
    struct stream stream;
    write_path(suite, route, refusal->query, path);
    const struct follow follow = {.kind = route->kind,
                                  .path = path,
                                  .without_token = refusal->without_token,
                                  .cut_at = STREAM_NEVER};
    int rc = stream_open(&suite->target, &follow, &stream, error);
    if (rc == 1) rc = fail(error, -EPROTO, "it was accepted, wanted %u", refusal->status);
    if (rc == 0) rc = check_problem(&stream, refusal->status, refusal->type, error);
    stream_close(&stream);
    return rc < 0 ? fail_in(error, rc, "%s%s", path, refusal->without_token ? ", no token" : "")
                  : 0;
}

/* Each refusal on each route to which it applies. */
static void check_one(struct suite *suite, const char *name, const char *what,
                      const struct refusal *refusal, bool of_events, bool of_records) {
    struct reel_error error = {{0}};
    int rc = 0;
    for (size_t i = 0; i < sizeof routes / sizeof *routes && rc == 0; i++)
        if (routes[i].of_records ? of_records : of_events)
            rc = check_refused(suite, &routes[i], refusal, &error);
    suite_report(suite, name, what, rc, &error,
                 "refused before frames were sent, with its problem");
}

static void check_old(struct suite *suite) {
    static const char name[] = "refusals.too-old",
                      what[] = "a position whose events retention has removed";
    if (suite->first_seq <= 2) {
        report_check(&suite->report, name, what, FINDING_SKIPPED,
                     "nothing was removed from the log");
        return;
    }
    struct refusal old = {"?since=1", false, 410, "cursor-too-old"};
    check_one(suite, name, what, &old, true, false);
}

void check_refusals(struct suite *suite) {
    char generation[96], beyond[64];
    snprintf(generation, sizeof generation, "?since=%" PRIu64 "&generation=%" PRIu64, suite->cursor,
             suite->generation + 1000000);
    snprintf(beyond, sizeof beyond, "?since=%" PRIu64, suite->cursor + UINT64_C(1000000000000));
    const struct refusal token = {"", true, 401, "unauthorized"};
    const struct refusal epoch = {"?epoch=00000000-0000-4000-8000-000000000000", false, 409,
                                  "conflict"};
    const struct refusal other = {generation, false, 410, "generation-changed"};
    const struct refusal far = {beyond, false, 400, "bad-request"};
    const struct refusal unknown = {"?conform-unknown=1", false, 400, "bad-request"};
    check_one(suite, "refusals.token", "no token", &token, true, true);
    check_one(suite, "refusals.epoch", "the epoch of another log", &epoch, true, true);
    check_one(suite, "refusals.generation", "another generation of the records", &other, false,
              true);
    check_one(suite, "refusals.beyond", "a position that the log has not reached", &far, true,
              true);
    check_one(suite, "refusals.unknown", "an unknown parameter", &unknown, true, true);
    check_old(suite);
}

/* ---- Control frames -------------------------------------------------------------------------- */

static int ping(struct stream *stream, uint64_t until_ms, struct reel_error *error) {
    static const char payload[] = "conform";
    struct frame frame;
    int rc = stream_send(stream, WEBSOCKET_PING, reel_text(payload), error);
    while (rc >= 0) {
        rc = stream_next_any(stream, until_ms, &frame, error);
        if (rc == 0) return fail(error, -ETIMEDOUT, "a ping was not answered");
        if (rc == 1 && frame.what == FRAME_PONG) break;
    }
    if (rc < 0) return rc;
    return reel_str_is(frame.text, payload) ? 0 : fail(error, -EPROTO, "another pong came");
}

/* The server must answer with the same code, and then end the connection. */
static int close_handshake(struct stream *stream, uint64_t until_ms, struct reel_error *error) {
    struct frame frame;
    int rc = stream_send(stream, WEBSOCKET_CLOSE, (struct reel_str){"\x03\xE8", 2}, error);
    while (rc >= 0) {
        rc = stream_next(stream, until_ms, &frame, error);
        if (rc == 0) return fail(error, -ETIMEDOUT, "a close frame was not answered");
    }
    if (rc == -EPIPE && stream->close_code == WEBSOCKET_NORMAL) return 0;
    if (rc == -EPIPE) return fail(error, -EPROTO, "a close frame was not answered with its code");
    return rc;
}

void check_websocket(struct suite *suite) {
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        char path[1024], name[64], what[96];
        struct reel_error error = {{0}};
        struct stream stream;
        const struct follow follow = {
            .kind = FRAMES_WEBSOCKET, .path = path, .cut_at = STREAM_NEVER};
        if (routes[i].kind != FRAMES_WEBSOCKET) continue;
        write_path(suite, &routes[i], "", path);
        int rc = stream_open(&suite->target, &follow, &stream, &error);
        if (rc == 0) rc = fail(&error, -EPROTO, "refused with %u", stream.http.status);
        uint64_t until_ms = clock_ms() + suite->target.timeout_ms;
        if (rc == 1) rc = ping(&stream, until_ms, &error);
        if (rc == 0) rc = close_handshake(&stream, until_ms, &error);
        stream_close(&stream);
        snprintf(name, sizeof name, "%s.control", routes[i].name);
        snprintf(what, sizeof what, "%s, control frames", routes[i].what);
        suite_report(suite, name, what, rc, &error, "a ping and a close frame were answered");
    }
}
