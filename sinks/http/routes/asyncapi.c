/* asyncapi.c: the description of the events that the projectors declare, AsyncAPI 3.0, as
 * /v1/asyncapi.json serves it.
 *
 * A channel for each type of event, with this type as its address: what transports it (a POST, a
 * stream) is another matter. A message for each projector that declares the type: two projectors
 * may read different members. Reel receives the events of all channels. The messages are
 * CloudEvents in structured mode.
 */
#include "http/routes.h"
#include "http/schema.h"

/* ---- Messages -------------------------------------------------------------------------------- */

static json_t *one_string(void) {
    return json_pack("{s:s, s:i}", "type", "string", "minLength", 1);
}

/* The members that every CloudEvent has, with what is declared of this one. */
static json_t *describe_payload(const struct reel_event_info *event) {
    json_t *schema = json_object(), *properties = json_object();
    json_t *required = json_pack("[s,s,s,s]", "specversion", "id", "source", "type");
    reply_put(&properties, "specversion", json_pack("{s:s}", "const", "1.0"));
    reply_put(&properties, "id", one_string());
    reply_put(&properties, "source", one_string());
    reply_put(&properties, "type", json_pack("{s:s}", "const", event->type));
    reply_put(&properties, "time",
              json_pack("{s:s, s:s}", "type", "string", "format", "date-time"));
    reply_put(&properties, "subject", one_string());
    reply_put(&properties, "data", schema_of(event->members));
    if (event->flags & REEL_EVENT_SUBJECT) reply_add(&required, json_string("subject"));
    if (schema_is_required(event->members)) reply_add(&required, json_string("data"));
    reply_put_text(&schema, "type", "object");
    reply_put(&schema, "properties", properties);
    reply_put(&schema, "required", required);
    return schema;
}

static json_t *describe_examples(const struct reel_event_info *event) {
    json_t *examples = json_array(), *holder = json_object(), *example = json_object();
    schema_put_example(&holder, "data", event->example);
    if (!holder || json_object_size(holder) > 0) {
        json_t *data = holder ? json_incref(json_object_get(holder, "data")) : NULL;
        reply_put(&example, "payload", schema_event_take(event, data));
        reply_add(&examples, example);
    } else {
        json_decref(example);
    }
    json_decref(holder);
    return examples;
}

static json_t *describe_message(const struct reel_projector *projector,
                                const struct reel_event_info *event) {
    json_t *message = json_object();
    reply_put_text(&message, "name", event->type);
    if (event->summary) reply_put_text(&message, "summary", event->summary);
    reply_put_text(&message, "contentType", "application/cloudevents+json");
    reply_put(&message, "tags", json_pack("[{s:s}]", "name", projector->collection));
    reply_put(&message, "payload", describe_payload(event));
    reply_put(&message, "examples", describe_examples(event));
    reply_put(&message, "x-reel-strict", json_boolean(event->flags & REEL_EVENT_STRICT));
    return message;
}

/* ---- Channels and operations ----------------------------------------------------------------- */

/* "#/channels/" and the type, with the escapes of JSON pointers and of URIs (RFC 6901, section 6).
 */
static json_t *channel_reference(const char *type) {
    struct text escaped = {0}, reference = {0};
    for (; *type; type++)
        if (*type == '~' || *type == '/')
            text_append_lit(&escaped, *type == '~' ? "~0" : "~1");
        else
            text_append(&escaped, type, 1);
    text_append_lit(&reference, "#/channels/");
    text_append_percent(&reference, text_str(&escaped), "-._~");
    json_t *text =
        escaped.failed || reference.failed ? NULL : json_stringn(reference.data, reference.len);
    text_finish(&escaped);
    text_finish(&reference);
    return json_pack("{s:o}", "$ref", text);
}

/* Braces in an address would name a parameter. */
static json_t *new_channel(const char *type) {
    json_t *channel = json_object();
    reply_put(&channel, "address", strpbrk(type, "{}") ? json_null() : reply_text(type));
    reply_put(&channel, "messages", json_object());
    return channel;
}

static json_t *describe_operation(const struct reel_event_info *event) {
    json_t *operation = json_object();
    reply_put_text(&operation, "action", "receive");
    if (event->summary) reply_put_text(&operation, "summary", event->summary);
    reply_put(&operation, "channel", channel_reference(event->type));
    return operation;
}

/* Adds the message to the channel of its type, which another projector may have added. */
static void add_event(json_t **channels, json_t **operations,
                      const struct reel_projector *projector, const struct reel_event_info *event) {
    if (!json_object_get(*channels, event->type)) {
        reply_put(channels, event->type, new_channel(event->type));
        reply_put(operations, event->type, describe_operation(event));
    }
    json_t *messages = json_object_get(json_object_get(*channels, event->type), "messages");
    json_t *message = describe_message(projector, event);
    if (json_object_set_new(messages, projector->collection, message) == 0) return;
    json_decref(*channels); /* out of memory */
    *channels = NULL;
}

/* ---- The complete description ---------------------------------------------------------------- */

static json_t *describe_info(struct reel_sink_host *host) {
    struct reel_status status;
    json_t *info = json_object();
    reel_sink_status(host, &status);
    reply_put_text(&info, "title", "Reel");
    reply_put_text(&info, "version", status.server);
    reply_put_text(
        &info, "description",
        "The events that projectors of this daemon fold. They are CloudEvents. Send them "
        "to POST /v1/events, or publish them in the stream that the daemon mirrors. An "
        "event that does not fit a message with x-reel-strict is refused (422), or "
        "rejected if a stream brings it.");
    return info;
}

void handle_asyncapi(struct request *request) {
    struct reel_sink_host *host = request_host_of_sink(request);
    const struct reel_projector *projector;
    json_t *document = json_object(), *channels = json_object(), *operations = json_object();
    for (size_t n = 0; (projector = reel_sink_projector(host, n)); n++)
        for (size_t i = 0; projector->events && projector->events[i]; i++)
            add_event(&channels, &operations, projector, projector->events[i]);
    reply_put_text(&document, "asyncapi", "3.0.0");
    reply_put(&document, "info", describe_info(host));
    reply_put_text(&document, "defaultContentType", "application/cloudevents+json");
    reply_put(&document, "channels", channels);
    reply_put(&document, "operations", operations);
    reply_json_take(&request->answer, document);
}
