/* about.c: routes about the daemon itself: its health, its state, the loaded plugins.
 *
 * /v1/status takes all positions from one view, so they belong together. The feed, the queue and
 * readiness are those of the moment. /healthz and /readyz open no view, so they answer even if no
 * view can be opened.
 */
#include "http/reply.h"

#include "base/clock.h"
#include "base/field_kind.h"
#include "http/routes.h"
#include "http/schema.h"
#include "http/standing.h"

#include <stdio.h>

/* ---- Health ---------------------------------------------------------------------------------- */

static void reply_literal(struct answer *answer, const char *json) {
    answer->status = 200;
    answer->content_type = "application/json";
    text_append_lit(&answer->body, json);
}

void handle_health(struct request *request) {
    reply_literal(&request->answer, "{\"status\":\"ok\"}");
}

void handle_ready(struct request *request) {
    struct reel_status status;
    reel_sink_status(request_host_of_sink(request), &status);
    if (status.ready && !status.draining) {
        reply_literal(&request->answer, "{\"status\":\"ready\"}");
        return;
    }
    const char *otherwise = status.draining ? "the daemon is about to end" : "not ready";
    answer_problem(&request->answer, PROBLEM_SERVICE_UNAVAILABLE, "%s",
                   status.reason[0] ? status.reason : otherwise);
    request->answer.retry_after_s = 1;
}

/* ---- Version --------------------------------------------------------------------------------- */

void handle_version(struct request *request) {
    struct reel_status status;
    json_t *server = json_object(), *api = json_object(), *all = json_object();
    reel_sink_status(request_host_of_sink(request), &status);
    reply_put_text(&server, "version", status.server);
    reply_put_text(&server, "buildProfile", status.build);
    reply_put_text(&api, "version", "v1");
    reply_put(&all, "server", server);
    reply_put(&all, "api", api);
    reply_json_take(&request->answer, all);
}

/* ---- Status ---------------------------------------------------------------------------------- */

/* Everything that is read from the view. */
struct standing {
    struct reel_position position;
    json_t *projections;
};

static int read_standing(struct reel_sink_host *host, struct reel_view *view,
                         struct standing *ret) {
    const struct reel_projector *projector;
    int rc = 0;
    ret->projections = json_array();
    for (size_t n = 0; rc == 0 && (projector = reel_sink_projector(host, n)); n++) {
        struct reel_collection_info info;
        rc = reel_sink_collection(host, view, projector->collection, &info);
        if (rc == 0)
            reply_add(&ret->projections, standing_of(projector->collection, &info, &ret->position));
    }
    return rc;
}

/* By the system's clock; 0 if the clock was set to a time before the start. */
static uint64_t seconds_since(uint64_t time_ns) {
    uint64_t now_ns = clock_now_ns();
    return now_ns > time_ns ? (now_ns - time_ns) / NS_PER_S : 0;
}

static json_t *pair_of_numbers(const char *name, uint64_t number, const char *other_name,
                               uint64_t other) {
    json_t *pair = json_object();
    reply_put_number(&pair, name, number);
    reply_put_number(&pair, other_name, other);
    return pair;
}

static void put_position(json_t **object, const struct reel_position *position, uint64_t lag) {
    reply_put_number(object, "cursor", position->cursor);
    reply_put_text(object, "epoch", position->epoch.text);
    reply_put_number(object, "first_seq", position->first_seq);
    reply_put_number(object, "head", position->head);
    reply_put_number(object, "lag", lag);
    reply_put_number(object, "applied", position->applied);
    reply_put_number(object, "ignored", position->ignored);
    reply_put_number(object, "rejected", position->rejected);
}

/* Only if the log mirrors a stream. */
static json_t *describe_gaps(const struct reel_position *position) {
    json_t *gaps = pair_of_numbers("count", position->gaps, "messages", position->gap_messages);
    json_t *newest = NULL;
    if (position->gaps > 0)
        newest = pair_of_numbers("from", position->gap_from, "to", position->gap_to);
    reply_put(&gaps, "newest", newest ? newest : json_null());
    return gaps;
}

static const char *access_name(reel_access access) {
    return access >= REEL_ACCESS_ADMIN     ? "admin"
           : access >= REEL_ACCESS_WRITE   ? "write"
           : access >= REEL_ACCESS_HISTORY ? "history"
                                           : "read";
}

static json_t *describe_status(struct server *server, const struct reel_status *status,
                               const struct standing *standing) {
    const struct reel_position *position = &standing->position;
    json_t *all = json_object(), *feed = json_object();
    reply_put_text(&feed, "kind", status->feed);
    reply_put_text(&feed, "state", status->feed_state);
    reply_put(&all, "ready", json_boolean(status->ready));
    reply_put_text(&all, "reason", status->reason[0] ? status->reason : NULL);
    reply_put(&all, "draining", json_boolean(status->draining));
    put_position(&all, position, status->lag);
    reply_put(&feed, "gaps", describe_gaps(position));
    reply_put(&all, "feed", feed);
    reply_put(&all, "queue",
              pair_of_numbers("events", status->queue_events, "bytes", status->queue_bytes));
    reply_put(&all, "store",
              pair_of_numbers("bytes", position->store_bytes, "log_bytes", position->log_bytes));
    reply_put(&all, "projections", standing->projections);
    reply_put_time(&all, "started_at", status->started_ns);
    reply_put_number(&all, "uptime_s", seconds_since(status->started_ns));
    reply_put_number(&all, "connections", atomic_load(&server->connections));
    reply_put_number(&all, "requests", atomic_load(&server->requests));
    return all;
}

void handle_status(struct request *request) {
    struct reel_sink_host *host = request_host_of_sink(request);
    struct answer *answer = &request->answer;
    struct reel_status status;
    struct reel_view *view;
    struct standing standing = {0};
    if (request_open_view(request, &view, &standing.position) < 0) return;
    int rc = read_standing(host, view, &standing);
    reel_sink_view_close(host, view);
    if (rc < 0) {
        json_decref(standing.projections);
        answer_error(answer, rc, &(struct reel_error){{0}});
        return;
    }
    reel_sink_status(host, &status);
    json_t *all = describe_status(request->server, &status, &standing);
    reply_put_text(&all, "access", access_name(request->access));
    reply_json_take(answer, all);
}

/* ---- What is loaded -------------------------------------------------------------------------- */

/* `is_name`: by-name uses this field. `indexed`: it has an order. */
static json_t *describe_field(const struct reel_field *field) {
    json_t *object = json_object();
    reply_put_text(&object, "name", field->name);
    reply_put_text(&object, "kind", field_kind_name(field->kind));
    if (field->kind == REEL_FIELD_ONE_OF) reply_put(&object, "values", reply_texts(field->values));
    reply_put_text(&object, "filter", field->filter ? field->filter : field->name);
    if (field->refers_to) reply_put_text(&object, "refers_to", field->refers_to);
    if (field->flags & REEL_FIELD_IS_NAME) reply_put(&object, "is_name", json_true());
    if (field->flags & (REEL_FIELD_IS_NAME | REEL_FIELD_INDEXED))
        reply_put(&object, "indexed", json_true());
    return object;
}

static json_t *describe_command(const struct reel_command_info *command) {
    json_t *object = json_object();
    reply_put_text(&object, "verb", command->verb);
    reply_put_text(&object, "summary", command->summary);
    reply_put(&object, "members", schema_members(command->members));
    schema_put_example(&object, "example", command->example);
    return object;
}

static json_t *describe_event(const struct reel_event_info *event) {
    json_t *object = json_object();
    reply_put_text(&object, "type", event->type);
    reply_put_text(&object, "summary", event->summary);
    reply_put(&object, "strict", json_boolean(event->flags & REEL_EVENT_STRICT));
    reply_put(&object, "subject", json_boolean(event->flags & REEL_EVENT_SUBJECT));
    reply_put(&object, "members", schema_members(event->members));
    schema_put_example(&object, "example", event->example);
    return object;
}

static json_t *describe_setting(const struct reel_setting *setting) {
    static const char *const kinds[] = {
        [REEL_SETTING_TEXT] = "text",
        [REEL_SETTING_NUMBER] = "number",
        [REEL_SETTING_SWITCH] = "switch",
        [REEL_SETTING_ONE_OF] = "one_of",
    };
    json_t *object = json_object();
    reply_put_text(&object, "name", setting->name);
    reply_put_text(&object, "kind", kinds[setting->kind]);
    reply_put(&object, "list", json_boolean(setting->flags & REEL_SETTING_LIST));
    reply_put_text(&object, "default", setting->default_value);
    reply_put_text(&object, "unit", setting->unit);
    reply_put_text(&object, "help", setting->help);
    if (setting->kind == REEL_SETTING_ONE_OF)
        reply_put(&object, "values", reply_texts(setting->values));
    if (setting->kind != REEL_SETTING_NUMBER) return object;
    reply_put_number(&object, "min", setting->min);
    reply_put_number(&object, "max", setting->max);
    return object;
}

static json_t *describe_collection(const struct reel_projector *projector) {
    json_t *object = json_object(), *fields = json_array(), *commands = json_array();
    json_t *events = json_array(), *settings = json_array();
    reply_put_text(&object, "name", projector->collection);
    reply_put_number(&object, "revision", projector->revision);
    reply_put(&object, "type_prefixes", reply_texts(projector->type_prefixes));
    if (projector->derives_from) reply_put_text(&object, "derives_from", projector->derives_from);
    for (const struct reel_field *const *field = projector->fields; *field; field++)
        reply_add(&fields, describe_field(*field));
    reply_put(&object, "fields", fields);
    const struct reel_command_info *const *command = projector->commands;
    for (; command && *command; command++) reply_add(&commands, describe_command(*command));
    reply_put(&object, "commands", commands);
    const struct reel_event_info *const *event = projector->events;
    for (; event && *event; event++) reply_add(&events, describe_event(*event));
    reply_put(&object, "events", events);
    const struct reel_setting *const *setting = projector->settings;
    for (; setting && *setting; setting++) reply_add(&settings, describe_setting(*setting));
    reply_put(&object, "settings", settings);
    return object;
}

static json_t *describe_plugin(const struct reel_plugin_info *plugin) {
    char abi[16];
    json_t *object = json_object();
    snprintf(abi, sizeof abi, "%u.%u", plugin->abi_major, plugin->abi_minor);
    reply_put_text(&object, "name", plugin->name);
    reply_put_text(&object, "version", plugin->version);
    reply_put_text(&object, "path", plugin->path);
    reply_put_text(&object, "abi", abi);
    return object;
}

void handle_plugins(struct request *request) {
    struct reel_sink_host *host = request_host_of_sink(request);
    const struct reel_projector *projector;
    struct reel_plugin_info plugin;
    json_t *all = json_object(), *plugins = json_array(), *collections = json_array();
    for (size_t n = 0; reel_sink_plugin(host, n, &plugin); n++)
        reply_add(&plugins, describe_plugin(&plugin));
    for (size_t n = 0; (projector = reel_sink_projector(host, n)); n++)
        reply_add(&collections, describe_collection(projector));
    reply_put(&all, "plugins", plugins);
    reply_put(&all, "collections", collections);
    reply_json_take(&request->answer, all);
}
