/* fuzz_cloudevents.c: any bytes as a request; what is accepted must be events by the same rules.
 *
 * The input is the Content-Type on a line, headers (`name: value`) on the next ones, an empty line
 * and the body. Without an empty line all of it is a body in structured mode, for the corpus.
 */
#include "fuzz.h"

#include "http/cloudevents.h"
#include "json/value.h"

enum { EVENT_BYTES_MAX = 8192, BATCH_EVENTS_MAX = 16 };

static const struct cloudevents_bounds bounds = {EVENT_BYTES_MAX, BATCH_EVENTS_MAX};
static struct json_parser *parser;

/* ---- A request of the input ------------------------------------------------------------------ */

static struct reel_str take_line(struct reel_str *rest) {
    const char *newline = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
    struct reel_str line = {rest->data, newline ? (size_t)(newline - rest->data) : rest->len};
    rest->data += line.len + (newline ? 1 : 0);
    rest->len -= line.len + (newline ? 1 : 0);
    return line;
}

static int each_header(void *headers, header_fn fn, void *context) {
    struct reel_str rest = *(struct reel_str *)headers;
    while (rest.len > 0) {
        struct reel_str name = take_line(&rest), value = {"", 0};
        const char *colon = name.len ? memchr(name.data, ':', name.len) : NULL;
        if (colon) {
            value = (struct reel_str){colon + 1, (size_t)(name.data + name.len - colon - 1)};
            name.len = (size_t)(colon - name.data);
        }
        int rc = fn(context, name, value);
        if (rc != 0) return rc;
    }
    return 0;
}

static int read_request(struct reel_str type, struct reel_str headers, struct reel_str bytes,
                        struct cloudevents *ret) {
    struct text body = {0};
    struct reel_error error = {""};
    struct message_head request = {type, each_header, &headers};
    text_append_str(&body, bytes);
    int rc = cloudevents_read_take(parser, &bounds, &request, &body, ret, &error);
    if (rc == 0) {
        check(!body.data, "the body was not taken");
    } else {
        check(rc == -EINVAL || rc == -E2BIG || rc == -EPROTONOSUPPORT, "another code");
        check(error.text[0] != '\0', "no sentence");
        check(utf8_valid(reel_text(error.text)), "a sentence that is not UTF-8");
        check(reel_str_eq(text_str(&body), bytes), "the body is another");
    }
    text_finish(&body);
    return rc;
}

/* ---- What was accepted ----------------------------------------------------------------------- */

static void check_event(struct reel_str event) {
    struct cloudevents again;
    check(event.len <= EVENT_BYTES_MAX, "an event above the bound");
    int rc = read_request(reel_text("application/cloudevents+json"), (struct reel_str){"", 0},
                          event, &again);
    check(rc == 0, "an accepted event is none");
    check(again.count == 1 && !again.batch, "one event is another number");
    check(reel_str_eq(again.events[0], event), "an event was changed");
    cloudevents_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct reel_str rest = {(const char *)data, size}, headers = {"", 0};
    struct reel_str type = reel_text("application/cloudevents+json");
    struct cloudevents events;
    if (!parser) parser = json_parser_create(NULL);
    check(parser, "out of memory");
    const char *blank = size ? memmem(data, size, "\n\n", 2) : NULL;
    if (blank) {
        size_t head = (size_t)(blank - rest.data) + 1;
        headers = (struct reel_str){rest.data, head};
        type = take_line(&headers);
        rest = (struct reel_str){rest.data + head + 1, size - head - 1};
    }
    if (read_request(type, headers, rest, &events) != 0) return 0;
    check(events.batch || events.count == 1, "not one event");
    check(events.count <= BATCH_EVENTS_MAX, "a batch above the bound");
    for (size_t i = 0; i < events.count; i++) check_event(events.events[i]);
    cloudevents_finish(&events);
    return 0;
}
