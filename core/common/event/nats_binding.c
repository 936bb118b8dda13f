/* nats_binding.c: see nats_binding.h. */
#include "event/nats_binding.h"

#include "event/formats.h"

#include <stdlib.h>

struct header {
    struct reel_str name, value;
    size_t index;
};

/* The headers of a message, sorted. */
struct headers {
    struct arena *arena;
    struct header *list;
    size_t count, room;
    struct reel_error *error;
};

/* ---- Headers --------------------------------------------------------------------------------- */

static int collect(void *context, struct reel_str name, struct reel_str value) {
    struct headers *headers = context;
    if (headers->count == headers->room) {
        size_t room = headers->room ? 2 * headers->room : 16;
        struct header *list = arena_alloc(headers->arena, room * sizeof *list);
        if (!list) return fail_memory(headers->error);
        if (headers->count) memcpy(list, headers->list, headers->count * sizeof *list);
        headers->list = list;
        headers->room = room;
    }
    headers->list[headers->count] = (struct header){name, value, headers->count};
    headers->count++;
    return 0;
}

static int compare(const void *a, const void *b) {
    const struct header *one = a, *other = b;
    int order = str_compare(one->name, other->name);
    if (order != 0) return order;
    return one->index < other->index ? -1 : 1; /* the values of a header keep their order */
}

static int each_sorted(void *context, header_fn fn, void *fn_context) {
    const struct headers *headers = context;
    for (size_t i = 0; i < headers->count; i++) {
        int rc = fn(fn_context, headers->list[i].name, headers->list[i].value);
        if (rc != 0) return rc;
    }
    return 0;
}

static struct reel_str content_type(const struct headers *headers) {
    for (size_t i = 0; i < headers->count; i++)
        if (str_is_caseless(headers->list[i].name, "content-type"))
            return str_trimmed(headers->list[i].value);
    return (struct reel_str){NULL, 0};
}

/* ---- The message ----------------------------------------------------------------------------- */

/* Writes the message in its form on the wire. */
static int write_message(const struct headers *headers, struct reel_str payload,
                         struct text *text) {
    text->len = 0;
    text_append_lit(text, "NATS/1.0\r\n");
    for (size_t i = 0; i < headers->count; i++) {
        text_append_str(text, headers->list[i].name);
        text_append_lit(text, ": ");
        text_append_str(text, headers->list[i].value);
        text_append_lit(text, "\r\n");
    }
    text_append_lit(text, "\r\n");
    text_append_str(text, payload);
    return text->failed ? fail_memory(headers->error) : 0;
}

/* -EINVAL or -EPROTONOSUPPORT: the message is malformed. */
static int read_content(struct json_parser *parser, struct headers *headers,
                        struct reel_str payload, struct text *text, enum nats_content *ret) {
    struct message_head head = {.content_type = content_type(headers),
                                .each_header = each_sorted,
                                .headers = headers,
                                .has_datacontenttype = true};
    if (str_begins_caseless(head.content_type, CLOUDEVENTS_TYPE "-batch"))
        return fail(headers->error, -EINVAL, "batches of events are not supported over NATS");
    *ret = NATS_PAYLOAD;
    if (str_begins_caseless(head.content_type, CLOUDEVENTS_TYPE) || !binary_mode_has_headers(&head))
        return 0;
    *ret = NATS_BINARY;
    return binary_mode_write(parser, &head, payload, headers->arena, text, headers->error);
}

int nats_binding_read(struct json_parser *parser, const struct nats_message *message,
                      size_t event_bytes_max, struct arena *arena, struct text *text,
                      enum nats_content *ret, struct reel_error *error) {
    struct headers headers = {.arena = arena, .error = error};
    enum nats_content content = NATS_PAYLOAD;
    int rc = 0;
    arena_reset(arena);
    text->len = 0;
    text->failed = false;
    if (message->each_header && message->payload.len <= event_bytes_max)
        rc = message->each_header(message->headers, collect, &headers);
    if (rc < 0 && rc != -EBADMSG) return rc;
    if (headers.count) qsort(headers.list, headers.count, sizeof *headers.list, compare);
    if (rc == -EBADMSG)
        error_set(error, "the headers cannot be read");
    else
        rc = read_content(parser, &headers, message->payload, text, &content);
    if (rc == -EBADMSG || rc == -EINVAL || rc == -EPROTONOSUPPORT) {
        content = NATS_MALFORMED;
        rc = write_message(&headers, message->payload, text);
    }
    if (rc == 0) *ret = content;
    return rc;
}
