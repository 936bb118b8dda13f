/* http_support.c: see http_support.h. */
#include "http_support.h"

int request_read(const struct request *request, struct cloudevents *ret, struct reel_error *error) {
    struct text body = {0};
    struct json_parser *parser = json_parser_create(NULL);
    struct message_head head = {
        .content_type = reel_text(request->type),
        .each_header = each_header_line,
        .headers = (void *)request->headers,
    };
    struct cloudevents_bounds bounds = request->bounds;
    if (bounds.event_bytes_max == 0) bounds.event_bytes_max = SIZE_MAX;
    if (bounds.batch_events_max == 0) bounds.batch_events_max = SIZE_MAX;
    must(parser);
    text_append_str(&body, request->body);
    int rc = cloudevents_read_take(parser, &bounds, &head, &body, ret, error);
    if (rc == 0)
        must(!body.data && body.len == 0);
    else
        assert_bytes(text_str(&body), request->body.data ? request->body : STR(""));
    json_parser_destroy(parser);
    text_finish(&body);
    return rc;
}

void assert_event(const struct request *request, struct reel_str expected) {
    struct cloudevents events;
    struct reel_error error;
    must_ok(request_read(request, &events, &error), error);
    must(events.count == 1);
    assert_bytes(events.events[0], expected);
    cloudevents_finish(&events);
}

void assert_accepted(const struct request *request) {
    struct cloudevents events;
    struct reel_error error;
    must_ok(request_read(request, &events, &error), error);
    cloudevents_finish(&events);
}

void assert_refused(const struct request *request, unsigned status, const char *part) {
    struct cloudevents events;
    struct reel_error error;
    int rc = request_read(request, &events, &error);
    if (rc == 0) fail_msg("accepted, \"%s\" was expected", part);
    assert_sentence(&error, part);
    assert_int_equal(cloudevents_status(rc), status);
}
