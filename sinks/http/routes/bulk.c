/* bulk.c: the two routes whose events arrive in bulk (http/bulk/bulk.h): NDJSON with POST
 * /v1/events, and GET /ws/ingest.
 *
 * A body of NDJSON has no limit, so that libmicrohttpd must not read it. The socket is taken away
 * (upgrade.h) when the first bytes of the body have arrived: then libmicrohttpd has sent 100
 * Continue, if it was asked for. What libmicrohttpd has received of the body was kept by inlet.h.
 */
#include "http/routes/bulk.h"

#include "base/cleanup.h"
#include "base/invariant.h"
#include "http/bulk/bulk.h"
#include "http/etag.h"
#include "http/inlet.h"
#include "http/routes/upgrade.h"

#include <errno.h>

static void drop_bulk(void *work) {
    bulk_destroy(work);
}

static int take_ingest(struct request *request, int fd, struct reel_str received) {
    return bulk_adopt_take(request->work, fd, NULL, received);
}

/* libmicrohttpd has received a part of the body, too. */
static int take_import(struct request *request, int fd, struct reel_str received) {
    struct framing_bulk body;
    INVARIANT(received.len == 0);
    if (!inlet_body(request->inlet, &body, &received)) return -EIO;
    return bulk_adopt_take(request->work, fd, &body, received);
}

/* Reserves a place. The request owns it until it is handed over. */
static bool reserve(struct request *request, enum bulk_kind kind, bool stops) {
    struct bulk *bulk;
    int rc = bulk_create(request->server->bulk, kind, stops, &bulk);
    if (rc < 0)
        return request_refuse(request, PROBLEM_SERVICE_UNAVAILABLE,
                              rc == -ENOMEM ? "out of memory"
                              : kind == BULK_IMPORT
                                  ? "imports_max bodies are being received already"
                                  : "ingests_max clients ingest events already");
    request->work = bulk;
    request->work_done = drop_bulk;
    request->take_socket = kind == BULK_IMPORT ? take_import : take_ingest;
    return true;
}

/* ---- NDJSON ---------------------------------------------------------------------------------- */

static bool read_stop(struct request *request, bool *ret) {
    const struct uri_param *param = uri_param(&request->uri, "stop");
    *ret = !param || reel_str_is(param->value, "true");
    if (*ret || reel_str_is(param->value, "false")) return true;
    return request_refuse(request, PROBLEM_BAD_REQUEST,
                          "parameter `stop` is neither true nor false");
}

static bool check_conditions(struct request *request) {
    if (!precondition_without_tag(request)) return false;
    if (!request_expects_cursor(request) && !uri_param(&request->uri, "type") &&
        !uri_param(&request->uri, "ce_subject"))
        return true;
    return request_refuse(request, PROBLEM_BAD_REQUEST,
                          "Reel-Expect-Cursor is for one request that is appended as a whole, not "
                          "for " NDJSON_TYPE);
}

int bulk_begin(struct request *request) {
    struct framing_bulk body;
    struct reel_str received;
    bool stops;
    if (!request->route || request->route->handle != handle_post_events ||
        !request_is_ndjson(request))
        return 0;
    if (!read_stop(request, &stops) || !check_conditions(request)) return -EINVAL;
    if (!inlet_body(request->inlet, &body, &received)) return 0; /* it is empty */
    if (!reserve(request, BULK_IMPORT, stops)) return -EAGAIN;
    request->is_bulk = true;
    return 0;
}

void bulk_take_over(struct request *request) {
    upgrade_take(request, "a body");
}

void bulk_answer_empty(struct request *request) {
    struct answer *answer = &request->answer;
    bool stops;
    if (!read_stop(request, &stops)) return; /* it was checked, by bulk_begin, as the conditions */
    answer->status = MHD_HTTP_OK;
    answer->content_type = "application/json";
    text_append_lit(&answer->body,
                    "{\"lines\":0,\"appended\":0,\"repeated\":0,\"applied\":0,\"ignored\":0,"
                    "\"rejected\":0,\"first_seq\":0,\"last_seq\":0,\"rejections\":[]");
    text_append_lit(&answer->body, stops ? "}" : ",\"invalid\":0,\"invalid_lines\":[]}");
}

/* ---- WebSocket ------------------------------------------------------------------------------- */

void handle_ingest(struct request *request) {
    CLEANUP(text_finish) struct text offered = {0};
    request_header_list(request, "Sec-WebSocket-Protocol", &offered);
    struct websocket_protocols protocols = websocket_protocols(text_str(&offered));
    if (!upgrade_check(request, &protocols)) return;
    if (protocols.is_cloudevents) {
        request_refuse(request, PROBLEM_BAD_REQUEST,
                       "answers to ingested events are not CloudEvents: this needs reel.v1");
        return;
    }
    if (reserve(request, BULK_INGEST, false)) upgrade_answer(request, &protocols);
}
