/* follow.c: see follow.h; and the two routes for following events, until the hub has the connection
 * (follow/hub.h).
 *
 * How a socket is taken from libmicrohttpd. libmicrohttpd hands a socket over only with status 101.
 * It then keeps 13 KiB and a connection until the socket is closed, and it cannot be stopped while
 * such a connection, or a suspended one, exists. So it is made to end its connection:
 *   - A WebSocket is upgraded in libmicrohttpd's way. The hub gets a duplicate of the socket, and
 *     the upgraded connection is closed at once. libmicrohttpd then only closes its descriptor.
 *   - An event stream has status 200, and libmicrohttpd shuts a socket down when it ends such a
 *     connection. So the connection is suspended, which removes the socket from libmicrohttpd's
 *     epoll set. The hub gets a duplicate. Then the descriptor that libmicrohttpd uses is replaced
 *     by a socket that is connected to nothing, which libmicrohttpd may shut down.
 */
#include "http/routes/follow.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "follow/hub.h"
#include "http/answer_send.h"
#include "http/connections.h"
#include "http/routes/upgrade.h"
#include "http/since.h"
#include "websocket/handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

/* ---- Where to begin -------------------------------------------------------------------------- */

static struct reel_str value_of(const struct request *request, const char *name) {
    const struct uri_param *param = uri_param(&request->uri, name);
    return param ? param->value : (struct reel_str){NULL, 0};
}

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
    if (event_filter_check(&wanted->filter, &error) < 0) {
        answer_problem(&request->answer, PROBLEM_BAD_REQUEST, "%s", error.text);
        return false;
    }
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
    *ret = (struct wanted){.filter = {value_of(request, "type"), value_of(request, "subject"),
                                      value_of(request, "ce_subject")}};
    int rc = request_number(request, "since", &ret->since);
    ret->has_since = rc > 0;
    return rc >= 0;
}

static void drop_follower(void *work) {
    follower_destroy(work);
}

void follow_own_take(struct request *request, struct follower *follower) {
    request->work = follower;
    request->work_done = drop_follower;
}

void follow_refuse(struct request *request, int rc) {
    answer_problem(&request->answer, PROBLEM_SERVICE_UNAVAILABLE, "%s",
                   rc == -ENOMEM ? "out of memory" : "too many clients follow already");
}

/* Creates the follower. The request owns it until it is handed over. */
static bool make_follower(struct request *request, const struct wanted *wanted,
                          enum transport_kind kind) {
    struct follower *follower;
    struct reel_epoch epoch;
    uint64_t since;
    if (!find_start(request, wanted, &epoch, &since)) return false;
    int rc = follower_create(request->server->hub, kind, &epoch, since, &wanted->filter, &follower);
    if (rc < 0)
        follow_refuse(request, rc);
    else
        follow_own_take(request, follower);
    return rc == 0;
}

/* Gives a duplicate of the socket to the hub. */
static int hand_over(struct request *request, int fd, struct reel_str head,
                     struct reel_str received) {
    AUTO_CLOSE int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) return -errno;
    int rc = hub_adopt_take(request->server->hub, request->work, own, head, received);
    if (rc < 0) return rc;
    own = -1;
    request->work = NULL;
    request->work_done = NULL;
    return 0;
}

/* ---- WebSocket ------------------------------------------------------------------------------- */

static bool check_cloudevents(struct request *request, const struct wanted *wanted) {
    if (!wanted->has_since) return true;
    return upgrade_refuse(request, PROBLEM_BAD_REQUEST,
                          "frames of cloudevents.json have no positions: `since` needs reel.v1");
}

void follow_upgraded(void *context, struct MHD_Connection *connection, void *state,
                     const char *received, size_t len, MHD_socket fd,
                     struct MHD_UpgradeResponseHandle *handle) {
    struct request *request = state;
    (void)context, (void)connection;
    connection_release(request);
    int rc = hand_over(request, fd, (struct reel_str){NULL, 0}, (struct reel_str){received, len});
    if (rc < 0)
        reel_log(request_host_of_sink(request), REEL_LEVEL_WARNING, "a WebSocket was dropped: %s",
                 strerror(-rc));
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
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
    upgrade_answer(request, &protocols, follow_upgraded);
}

/* ---- Server-sent events ---------------------------------------------------------------------- */

/* A browser that reconnects sends the first request again, and a header with the last event that it
 * has received. Libraries that read the stream by fetch or XMLHttpRequest (event-source-polyfill)
 * send it as a parameter. */
struct reel_str follow_last_event_id(const struct request *request) {
    struct reel_str id = request_header(request, "Last-Event-ID");
    return id.len > 0 ? id : value_of(request, "lastEventId");
}

static bool read_last_event_id(struct request *request, struct wanted *wanted) {
    struct reel_str id = follow_last_event_id(request);
    if (id.len == 0) return true;
    if (!str_number(id, &wanted->since))
        return upgrade_refuse(request, PROBLEM_BAD_REQUEST, "Last-Event-ID is not a seq");
    wanted->has_since = true;
    return true;
}

static int take_socket(struct request *request, struct reel_str head) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!info) return -EIO;
    connection_release(request);
    int rc = hand_over(request, info->connect_fd, head, (struct reel_str){NULL, 0});
    return rc < 0 ? rc : upgrade_leave(request, info->connect_fd);
}

static void take_stream(struct request *request) {
    CLEANUP(text_finish) struct text head = {0};
    answer_send_head(&request->answer, request->server, request->connection, &head);
    request_suspend(request);
    int rc = head.failed ? -ENOMEM : take_socket(request, text_str(&head));
    if (rc < 0)
        reel_log(request_host_of_sink(request), REEL_LEVEL_WARNING,
                 "an event stream was dropped: %s", strerror(-rc));
    request->is_taken = true;
    request_resume(request);
}

void follow_begin_stream(struct request *request) {
    struct answer *answer = &request->answer;
    answer->status = MHD_HTTP_OK;
    answer->content_type = "text/event-stream";
    answer->no_store = true;
    answer->is_stream = true;
    if (!request->is_head) take_stream(request);
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
