/* follow.c: see follow.h; and the two routes for following events, until the hub has the connection
 * (follow/hub.h, upgrade.h). */
#include "http/routes/follow.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "follow/hub.h"
#include "http/answer_send.h"
#include "http/routes/upgrade.h"
#include "http/since.h"
#include "websocket/handshake.h"

#include <errno.h>
#include <stdio.h>

/* ---- Where to begin -------------------------------------------------------------------------- */

/* The parameters of the request. */
struct wanted {
    bool has_since;
    uint64_t since;
    struct event_filter filter;
};

/* An event above the cursor may not have arrived yet. */
static bool check_head(struct request *request, const struct reel_position *position,
                       uint64_t since) {
    if (since <= position->cursor) return true;
    return since_is_known(request, since) && request_wait_until(request, since);
}

static bool read_position(struct request *request, struct reel_position *ret) {
    struct reel_view *view;
    if (request_open_view(request, &view, ret) < 0) return false;
    reel_sink_view_close(request_host_of_sink(request), view);
    return true;
}

/* Finds the log, and the seq after which to begin. Returns false if the answer is a problem, or if
 * the request waits. */
static bool find_start(struct request *request, const struct wanted *wanted,
                       struct reel_epoch *ret_epoch, uint64_t *ret) {
    struct reel_position position;
    struct reel_error error = {0};
    if (event_filter_check(&wanted->filter, &error) < 0)
        return request_refuse(request, PROBLEM_BAD_REQUEST, error.text);
    if (!read_position(request, &position)) return false;
    *ret_epoch = position.epoch;
    *ret = wanted->has_since ? wanted->since : position.cursor;
    if (!since_check(request, &position, *ret) || !check_head(request, &position, *ret))
        return false;
    if (*ret < position.first_seq - 1)
        *ret = position.first_seq - 1; /* begin with the oldest event in the log */
    return true;
}

static bool read_wanted(struct request *request, struct wanted *ret) {
    *ret = (struct wanted){.filter = {uri_value(&request->uri, "type"),
                                      uri_value(&request->uri, "subject"),
                                      uri_value(&request->uri, "ce_subject")}};
    int rc = request_number(request, "since", &ret->since);
    ret->has_since = rc > 0;
    return rc >= 0;
}

static int take_websocket(struct request *request, int fd, struct reel_str received) {
    return hub_adopt_take(request->server->hub, request->work, fd, (struct reel_str){NULL, 0},
                          received);
}

/* The hub sends the head of the answer, too. */
static int take_stream(struct request *request, int fd, struct reel_str received) {
    CLEANUP(text_finish) struct text head = {0};
    answer_send_head(&request->answer, request->server, request->connection, &head);
    return head.failed
               ? -ENOMEM
               : hub_adopt_take(request->server->hub, request->work, fd, text_str(&head), received);
}

static void drop_follower(void *work) {
    follower_destroy(work);
}

bool follow_own_take(struct request *request, int rc, struct follower *follower,
                     enum transport_kind kind) {
    if (rc < 0)
        return request_refuse(request, PROBLEM_SERVICE_UNAVAILABLE,
                              rc == -ENOMEM ? "out of memory" : "too many clients follow already");
    request->work = follower;
    request->work_done = drop_follower;
    request->take_socket = kind == TRANSPORT_STREAM ? take_stream : take_websocket;
    return true;
}

/* Creates the follower. The request owns it until it is handed over. */
static bool make_follower(struct request *request, const struct wanted *wanted,
                          enum transport_kind kind) {
    struct follower *follower = NULL;
    struct reel_epoch epoch;
    uint64_t since;
    if (!find_start(request, wanted, &epoch, &since)) return false;
    int rc = follower_create(request->server->hub, kind, &epoch, since, &wanted->filter, &follower);
    return follow_own_take(request, rc, follower, kind);
}

/* ---- WebSocket ------------------------------------------------------------------------------- */

static bool check_cloudevents(struct request *request, const struct wanted *wanted) {
    if (!wanted->has_since) return true;
    return request_refuse(request, PROBLEM_BAD_REQUEST,
                          "frames of cloudevents.json have no positions: `since` needs reel.v1");
}

void handle_websocket(struct request *request) {
    struct wanted wanted;
    CLEANUP(text_finish) struct text offered = {0};
    request_header_list(request, "Sec-WebSocket-Protocol", &offered);
    struct websocket_protocols protocols = websocket_protocols(text_str(&offered));
    if (!upgrade_check(request, &protocols) || !read_wanted(request, &wanted) ||
        (protocols.is_cloudevents && !check_cloudevents(request, &wanted)))
        return;
    if (!make_follower(request, &wanted,
                       protocols.is_cloudevents ? TRANSPORT_CLOUDEVENTS : TRANSPORT_WEBSOCKET))
        return;
    upgrade_answer(request, &protocols);
}

/* ---- Server-sent events ---------------------------------------------------------------------- */

/* A browser that reconnects sends the first request again, and a header with the last event that it
 * has received. Libraries that read the stream by fetch or XMLHttpRequest (event-source-polyfill)
 * send it as a parameter. */
struct reel_str follow_last_event_id(const struct request *request) {
    struct reel_str id = request_header(request, "Last-Event-ID");
    return id.len > 0 ? id : uri_value(&request->uri, "lastEventId");
}

static bool read_last_event_id(struct request *request, struct wanted *wanted) {
    struct reel_str id = follow_last_event_id(request);
    if (id.len == 0) return true;
    if (!str_number(id, &wanted->since))
        return request_refuse(request, PROBLEM_BAD_REQUEST, "Last-Event-ID is not a seq");
    wanted->has_since = true;
    return true;
}

void follow_begin_stream(struct request *request) {
    struct answer *answer = &request->answer;
    answer->status = MHD_HTTP_OK;
    answer->content_type = "text/event-stream";
    answer->no_store = true;
    answer->is_stream = true;
    if (!request->is_head) upgrade_take(request, "an event stream");
}

void handle_stream(struct request *request) {
    struct wanted wanted;
    struct reel_epoch epoch;
    uint64_t since;
    if (!read_wanted(request, &wanted) || !read_last_event_id(request, &wanted)) return;
    if (!(request->is_head ? find_start(request, &wanted, &epoch, &since)
                           : make_follower(request, &wanted, TRANSPORT_STREAM)))
        return;
    follow_begin_stream(request);
}
