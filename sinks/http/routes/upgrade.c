/* upgrade.c: see upgrade.h. */
#include "http/routes/upgrade.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "http/connections.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* RFC 6455, section 4.2.1. */
static bool check_handshake(struct request *request) {
    CLEANUP(text_finish) struct text upgrade = {0}, connection = {0}, version = {0}, key = {0};
    request_header_list(request, MHD_HTTP_HEADER_UPGRADE, &upgrade);
    request_header_list(request, MHD_HTTP_HEADER_CONNECTION, &connection);
    request_header_list(request, "Sec-WebSocket-Version", &version);
    request_header_list(request, "Sec-WebSocket-Key", &key);
    bool is_websocket = header_list_has_caseless(text_str(&upgrade), "websocket") &&
                        header_list_has_caseless(text_str(&connection), "upgrade");
    if (request->is_head || !request->is_http11 || !is_websocket)
        return request_refuse(
            request, PROBLEM_BAD_REQUEST,
            "wanted a WebSocket: GET of HTTP/1.1 with Connection: Upgrade and Upgrade: "
            "websocket");
    if (!reel_str_is(text_str(&version), "13")) {
        request_refuse(request, PROBLEM_BAD_REQUEST, "wanted Sec-WebSocket-Version: 13");
        request->answer.websocket_version = true;
        return false;
    }
    if (!websocket_key_valid(text_str(&key)))
        return request_refuse(request, PROBLEM_BAD_REQUEST,
                              "wanted 16 bytes in base64 as Sec-WebSocket-Key");
    return true;
}

bool upgrade_origin_is_allowed(const struct request *request) {
    struct reel_sink_host *host = request_host_of_sink(request);
    struct reel_str origin = request_header(request, "Origin");
    const char *allowed;
    if (!origin.data) return true;
    if (!reel_setting_item(host, "websocket_origin", 0))
        return origin_is_of(origin, request_host(request));
    for (size_t i = 0; (allowed = reel_setting_item(host, "websocket_origin", i)); i++)
        if (strcmp(allowed, "*") == 0 || reel_str_is(origin, allowed)) return true;
    return false;
}

/* A token in a sub-protocol comes from a script in a browser, on a page that anyone may have
 * made. */
static bool check_protocols(struct request *request, const struct websocket_protocols *protocols) {
    bool by_protocol = !request_header(request, MHD_HTTP_HEADER_AUTHORIZATION).data;
    if (by_protocol && !protocols->selected)
        return request_refuse(request, PROBLEM_BAD_REQUEST,
                              "another sub-protocol is needed in addition to bearer.…: reel.v1");
    if (by_protocol && !upgrade_origin_is_allowed(request))
        return request_refuse(request, PROBLEM_FORBIDDEN,
                              "pages of this origin may not use a WebSocket");
    return true;
}

bool upgrade_check(struct request *request, const struct websocket_protocols *protocols) {
    return check_handshake(request) && check_protocols(request, protocols);
}

/* ---- Handing over ---------------------------------------------------------------------------- */

/* Hands a duplicate of the socket over. */
static int hand_over(struct request *request, int fd, struct reel_str received) {
    AUTO_CLOSE int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) return -errno;
    int rc = request->take_socket(request, own, received);
    if (rc < 0) return rc;
    own = -1;
    request->work = NULL;
    request->work_done = NULL;
    return 0;
}

static void warn_of(struct request *request, const char *what, int rc) {
    reel_log(request_host_of_sink(request), REEL_LEVEL_WARNING, "%s was dropped: %s", what,
             strerror(-rc));
}

static void upgraded(void *context, struct MHD_Connection *connection, void *state,
                     const char *received, size_t len, MHD_socket fd,
                     struct MHD_UpgradeResponseHandle *handle) {
    struct request *request = state;
    (void)context, (void)connection;
    connection_release(request);
    int rc = hand_over(request, fd, (struct reel_str){received, len});
    if (rc < 0) warn_of(request, "a WebSocket", rc);
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

void upgrade_answer(struct request *request, const struct websocket_protocols *protocols) {
    struct answer *answer = &request->answer;
    INVARIANT(request->work && request->take_socket);
    websocket_accept(request_header(request, "Sec-WebSocket-Key"), answer->websocket_accept);
    answer->websocket_protocol = protocols->selected;
    answer->upgraded = upgraded;
    answer->status = MHD_HTTP_SWITCHING_PROTOCOLS;
}

/* Replaces the descriptor that libmicrohttpd uses by a socket that is connected to nothing. */
static int leave(struct request *request, int fd) {
    while (dup3(request->server->nowhere, fd, O_CLOEXEC) < 0)
        if (errno != EINTR && errno != EBUSY) return -errno;
    return 0;
}

static int take(struct request *request) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!info) return -EIO;
    connection_release(request);
    int rc = hand_over(request, info->connect_fd, (struct reel_str){NULL, 0});
    return rc < 0 ? rc : leave(request, info->connect_fd);
}

void upgrade_take(struct request *request, const char *what) {
    INVARIANT(request->work && request->take_socket);
    request_suspend(request);
    int rc = take(request);
    if (rc < 0) warn_of(request, what, rc);
    request->is_taken = true;
    request_resume(request);
}
