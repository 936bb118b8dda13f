/* cloudevents.c: see cloudevents.h. In every mode, events are parsed as structured JSON and checked
 * by the same rules. This includes the JSON that is written for binary mode. */
#include "http/cloudevents.h"

#include "event/event_rules.h"
#include "event/formats.h"
#include "json/value.h"

#include <stdlib.h>

enum mode { MODE_STRUCTURED, MODE_BATCHED, MODE_BINARY };

#define KNOWN_FORMATS "application/cloudevents+json and application/cloudevents-batch+json"

/* A request that is being read. */
struct decoded {
    struct json_parser *parser;
    const struct cloudevents_bounds *bounds;
    const struct message_head *request;
    struct cloudevents result;
    struct arena arena; /* for the rules, and for decoded parts of binary mode */
    struct reel_error *error;
};

unsigned cloudevents_status(int code) {
    switch (code) {
    case -EINVAL:
        return 400;
    case -E2BIG:
        return 413;
    case -EPROTONOSUPPORT:
        return 415;
    default:
        return 500;
    }
}

void cloudevents_finish(struct cloudevents *events) {
    free(events->events);
    text_finish(&events->text);
    *events = (struct cloudevents){0};
}

/* ---- The mode -------------------------------------------------------------------------------- */

static int format_mode(struct reel_str content_type, enum mode *ret, struct reel_error *error) {
    struct media_type media;
    if (!format_read_media_type(content_type, &media))
        return fail(error, -EPROTONOSUPPORT, "the Content-Type is not a media type");
    if (media.charset.data && !str_is_caseless(media.charset, "utf-8"))
        return fail(error, -EPROTONOSUPPORT, "the charset is \"%s\", only utf-8 is accepted",
                    shown_of(media.charset).text);
    if (str_is_caseless(media.subtype, "cloudevents+json"))
        *ret = MODE_STRUCTURED;
    else if (str_is_caseless(media.subtype, "cloudevents-batch+json"))
        *ret = MODE_BATCHED;
    else
        return fail(error, -EPROTONOSUPPORT,
                    "of the CloudEvents formats, only " KNOWN_FORMATS " are accepted");
    return 0;
}

static int find_mode(const struct message_head *request, enum mode *ret, struct reel_error *error) {
    /* Section 3: a type that begins like this is not binary mode. */
    if (str_begins_caseless(request->content_type, CLOUDEVENTS_TYPE))
        return format_mode(request->content_type, ret, error);
    if (!binary_mode_has_headers(request))
        return fail(error, -EPROTONOSUPPORT,
                    "this is not a CloudEvent: " KNOWN_FORMATS
                    " are accepted, and any other Content-Type with ce- headers");
    *ret = MODE_BINARY;
    return 0;
}

/* ---- One event ------------------------------------------------------------------------------- */

static int check_size(const struct decoded *reading, size_t len) {
    if (len <= reading->bounds->event_bytes_max) return 0;
    return fail(reading->error, -E2BIG, "the event has %zu bytes, at most %zu are accepted", len,
                reading->bounds->event_bytes_max);
}

/* Parses the text in place, after adding room at its end. */
static int parse(struct decoded *reading, struct text *text, const char *what, struct json **ret) {
    const char *why;
    char *room = text_extend(text, JSON_ROOM);
    if (!room) return fail_memory(reading->error);
    memset(room, 0, JSON_ROOM);
    text->len -= JSON_ROOM;
    int rc = json_parse(reading->parser, text_str(text), JSON_ROOM, ret, &why);
    if (rc == -EBADMSG) return fail(reading->error, -EINVAL, "the %s is not JSON: %s", what, why);
    return rc < 0 ? fail_memory(reading->error) : 0;
}

static int make_list(struct decoded *reading, size_t count) {
    reading->result.events = calloc(count ? count : 1, sizeof *reading->result.events);
    reading->result.count = count;
    return reading->result.events ? 0 : fail_memory(reading->error);
}

/* ---- The modes ------------------------------------------------------------------------------- */

static int read_structured(struct decoded *reading, struct text *body) {
    struct json *json;
    int rc = check_size(reading, body->len);
    if (rc == 0) rc = parse(reading, body, "event", &json);
    if (rc == 0) rc = event_rules_check(json_root(json), &reading->arena, reading->error);
    if (rc == 0) rc = make_list(reading, 1);
    if (rc < 0) return rc;
    reading->result.events[0] = text_str(body);
    reading->result.text = *body;
    return 0;
}

static int read_element(struct decoded *reading, size_t index, struct reel_value element) {
    struct cloudevents *result = &reading->result;
    result->events[index] = json_text(element);
    int rc = check_size(reading, result->events[index].len);
    if (rc == 0) rc = event_rules_check(element, &reading->arena, reading->error);
    arena_reset(&reading->arena);
    return rc < 0 ? fail_in(reading->error, rc, "events[%zu]", index) : 0;
}

static size_t count_elements(struct reel_value array) {
    struct reel_value element = {0};
    size_t count = 0;
    while ((element = json_next(array, element, NULL)).json) count++;
    return count;
}

static int read_batched(struct decoded *reading, struct text *body) {
    struct json *json;
    struct reel_value element = {0};
    int rc = parse(reading, body, "batch", &json);
    if (rc < 0) return rc;
    struct reel_value batch = json_root(json);
    if (json_kind(batch) != REEL_ARRAY)
        return fail(reading->error, -EINVAL, "the batch is not a JSON array");
    size_t count = count_elements(batch);
    if (count > reading->bounds->batch_events_max)
        return fail(reading->error, -E2BIG, "the batch has %zu events, at most %zu are accepted",
                    count, reading->bounds->batch_events_max);
    rc = make_list(reading, count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        element = json_next(batch, element, NULL);
        rc = read_element(reading, i, element);
    }
    if (rc < 0) return rc;
    reading->result.batch = true;
    reading->result.text = *body;
    return 0;
}

static int read_binary(struct decoded *reading, struct text *body) {
    struct text *event = &reading->result.text;
    int rc = check_size(reading, body->len); /* before more memory is used for it */
    if (rc == 0)
        rc = binary_mode_write(reading->parser, reading->request, text_str(body), &reading->arena,
                               event, reading->error);
    if (rc == 0) rc = check_size(reading, event->len);
    if (rc == 0) rc = make_list(reading, 1);
    if (rc < 0) return rc;
    reading->result.events[0] = text_str(event);
    text_finish(body);
    return 0;
}

int cloudevents_read_take(struct json_parser *parser, const struct cloudevents_bounds *bounds,
                          const struct message_head *request, struct text *body,
                          struct cloudevents *ret, struct reel_error *error) {
    enum mode mode;
    struct decoded reading = {
        .parser = parser, .bounds = bounds, .request = request, .error = error};
    if (body->failed) return fail_memory(error);
    int rc = find_mode(request, &mode, error);
    if (rc < 0) return rc;
    if (mode == MODE_STRUCTURED)
        rc = read_structured(&reading, body);
    else if (mode == MODE_BATCHED)
        rc = read_batched(&reading, body);
    else
        rc = read_binary(&reading, body);
    arena_finish(&reading.arena);
    if (rc < 0) {
        cloudevents_finish(&reading.result);
        return rc;
    }
    *body = (struct text){0};
    *ret = reading.result;
    return 0;
}
